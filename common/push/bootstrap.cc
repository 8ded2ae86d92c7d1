#include "common/push/bootstrap.h"

#include <fmt/core.h>

#include <algorithm>

namespace subunit::push {
namespace {

// What is typed, in single quotes: no such quote is in it, no comment, and no "!" that csh would
// take for a reference to its history. Editors of lines take a thousand characters and some.
//
// It reads the script from lines, some at a time (_b), which count (_s) once the client has seen
// their checksum; where there is neither cksum(1) nor md5sum(1), or nothing that damages them,
// their size. That a shell has all of this as an argument is what makes it work. One that reads its
// script from stdin may read far ahead (dash does, by 8 KiB), and would take what follows for
// commands. This one reads line by line, and the client sends nothing before it has answered.
//
// A terminal neither echoes nor takes a damaged character for ^C, ^S or ^D meanwhile. A line that
// begins with ^C ends it all the same.
constexpr std::string_view kLoader =
    R"([ -t 0 ] && _k=$(stty -g) && trap "stty $_k" 0 && stty -echo -isig -ixon && stty eof undef; )"
    R"(trap "exit 130" INT TERM; _n=$1; _s=; _b=; _c=; _i=$(printf "\003"); )"
    R"(_a() { printf "\nsubunit-push-%s %s\n" "$_n" "$*"; }; _a load; )"
    R"(while IFS= read -r _l; do case $_l in (:*) _b=$_b${_l#:};; (-) _b=;; )"
    R"((=*) _c=${#_b}; [ -t 0 ] && for _t in cksum md5sum; do _t=$(printf %s "$_b" | $_t) && )"
    R"(_c="${_t%% *} $_c" && break; done 2>/dev/null; _a sum ${_l#=} ${#_s} $_c;; )"
    R"((+*) if [ "$_l" = "+${#_s} $_c" ]; then _s=$_s$_b; _b=; fi;; )"
    R"((.*) if [ "$_l" = ".${#_s}" ]; then eval "$_s"; exit; fi;; ("$_i"*) exit 130;; (*) _a load;; )"
    R"(esac; done)";

// The script, POSIX sh.
//
// All but the last step happens in a subshell, which hands over nothing but a path: variables of
// the user's own keep their values for the tests.
//
// Tools are tried before they are relied on, in the order of their speed. In the folder nothing but
// a whole, checked file ever has the name that is looked for. What cannot be written is read all
// the same (drain): the next folder gets a new copy, from its first byte.
//
// What was not used for a month goes when a new one has come.
//
// On a terminal, which may be a serial line that damages what it carries, the file comes in blocks.
// Each is answered by its checksum, and counts once the client has said `ok` with its number and
// that checksum: the shell may have got another one meanwhile. Blocks are counted, and only the
// answer to the last one matters: if each answer called for a block, one that was sent twice would
// have all others sent twice. Whatever is damaged, an answer says how many count, and the client
// goes on from there. A line `=` has `want` said again, and one that begins with ^C is the end.
//
// On a console the script says if `serve` has failed: nothing else tells the client, since the
// console goes on.
constexpr std::string_view kScript = R"script(
exec 3>&1; _subunit_push=$( set +C; P=subunit-push-$1; N=$1; O=$2; E=;
say() { printf "\n%s %s\n" "$P" "$*" >&3; };
drop() { rm -f "$t" "$t.b" "$t.z"; rmdir "$D"; } 2>/dev/null;
old() { find "$D/." ! -name . -prune \( -name "new-*" -mtime +1 -o -name "serve-*" -mtime +30 \) -exec rm -f {} \;; } 2>/dev/null;
trap "" PIPE HUP; trap "drop; exit 143" TERM INT QUIT; umask 077;
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; export PATH;
m=$(uname -sm 2>/dev/null);
case $m in @CASES@ (*) say fail machine "$m"; exit 126;; esac;
tools() {
w=printf;
if [ ! -t 0 ] && [ "$(printf abc | head -c 2 2>/dev/null)" = ab ]; then w=head;
elif [ ! -t 0 ] && [ "$(printf abc | dd bs=1 count=2 2>/dev/null)" = ab ]; then w=dd;
elif [ "$(printf "YWI=\n" | base64 -d 2>/dev/null)" = ab ]; then w=base64;
elif [ "$(printf "begin 600 x\n\"86(\140\n\140\nend\n" | uudecode -o /dev/stdout 2>/dev/null)" = ab ]; then w=uudecode; fi;
g=;
for c in "gzip -dc" "gunzip -c" "busybox gunzip -c"; do
if [ "$(printf "\037\213\010\000\000\000\000\000\002\003\253\000\000\203\026\334\214\001\000\000\000" | $c 2>/dev/null)" = x ]; then g=$c; break; fi;
done;
q=whole; C=;
for c in "cksum 1220704766" "md5sum 0cc175b9c0f1b6a831c399e269772661"; do
if [ -t 0 ]; then e=$(printf a | ${c% *} 2>/dev/null); [ "${e%% *}" = "${c#* }" ] && q=blocks && C=${c% *} && break; fi;
done;
};
I=$(printf "\003");
line() { read -r l && case $l in ("$I"*) drop; exit 130;; (.) false;; esac; };
lines() { while line; do printf "%s\n" "$l"; done; };
octal() { k=0; while line; do printf "$l" || k=1; done; return $k; };
drain() { while read -r l; do :; done; };
text() { case $w in (base64) base64 -d;; (uudecode) uudecode -o /dev/stdout;; (*) octal;; esac; };
decode() {
case $w$g in (head) head -c "$z";; (dd) dd bs=4096;; (head*|dd*) $g;;
(*) if [ -n "$g" ]; then text | $g; else text; fi;; esac;
};
sink() { { decode >"$t"; } 2>/dev/null || { drain; false; }; };
whole() {
z=; while :; do case $z in ([0-9]*) break;; esac; read -r z || { E=1; return 1; }; done;
case $w in (head) head -c "$z" | sink;; (dd) dd bs=1 count="$z" 2>/dev/null | sink;; (*) lines | sink;; esac;
};
blocks() {
b=0; y=$t.z; { : >"$y"; } 2>/dev/null || return 1;
while read -r k j; do case $k in
(block) lines 2>/dev/null >"$t.b"; c=$($C <"$t.b"); c=${c%% *}; say got $j $b $c;;
(ok) if [ "$j" = "$b $c" ]; then text <"$t.b" 2>/dev/null >>"$y" || return 1; b=$((b + 1)); fi;;
(=*) say "$W";; ("$I"*) drop; exit 130;; (end) break;; esac; done;
if [ -n "$g" ]; then $g <"$y" 2>/dev/null >"$t"; else mv -f "$y" "$t"; fi;
};
n=; R=; w=; i=; a=1;
for d in "${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}" /tmp /dev/shm /run "$PWD"; do
x=$a; a=; t=;
if [ -z "$d" ] || [ $O$x = once1 ]; then continue; fi;
if [ -n "$x" ]; then D=$d/subunit-proxy; else i=${i:-$(id -u 2>/dev/null)}; D=$d/subunit-proxy-$i; fi;
if [ $O = once ]; then D=$d/subunit-proxy-$N; fi;
mkdir -p "$D" 2>/dev/null;
if [ -d "$D" ] && [ ! -L "$D" ] && [ -O "$D" ] && chmod 700 "$D" 2>/dev/null; then :; else n="$n$d: cannot make a folder there; "; continue; fi;
t=$D/new-$N; f=$D/serve-$h;
if [ -x "$f" ] && [ "$("$f" self-check "$z" "$h" </dev/null 2>/dev/null)" = "$h" ]; then touch "$f" 2>/dev/null; say have "$f"; R=$f; break; fi;
if { printf "#\041/bin/sh\n" >"$t"; } 2>/dev/null && chmod 700 "$t"; then :; else n="$n$D: cannot write there; "; drop; continue; fi;
if "$t" </dev/null 2>/dev/null; then :; else n="$n$D: programs cannot be started there (noexec); "; drop; continue; fi;
Z=$z; [ -n "$w" ] || tools; W="want $w $([ -n "$g" ] && printf packed || printf plain) $q $M $D"; say "$W";
if $q; then e=$("$t" self-check "$Z" "$h" </dev/null 2>&1); if [ "$e" = "$h" ]; then e=; else e=${e:-the program does not start}; fi;
else e="cannot write all of it there"; fi;
z=$Z; rm -f "$t.b" "$t.z";
if [ -z "$e" ] && mv -f "$t" "$f"; then R=$f; old; break; fi;
drop; if [ -n "$E" ]; then say fail cut; exit 126; fi;
n="$n$D: $e; ";
done;
if [ -z "$R" ]; then say fail place "$n"; exit 126; fi;
say run "$R"; printf %s "$R" ) || exit; exec 3>&-;
_subunit_n=$1; _subunit_c=$3;
case $2$3 in
(keepexec) shift 3; exec "$_subunit_push" serve "$@";;
(keep*) shift 3; "$_subunit_push" serve "$@"; set -- $?;;
(*) shift 3; "$_subunit_push" serve --pushed-once "${_subunit_push%/*}" "$@"; set -- $?; rm -rf "${_subunit_push%/*}";;
esac;
case $_subunit_c$1 in (stay0);; (stay*) printf "\nsubunit-push-%s end %s\n" "$_subunit_n" "$1";; esac; exit $1
)script";

/// What `uname` says of such a machine, as patterns of sh.
std::string patterns(const std::string& machine) {
  if (machine == "x86_64") return "\"Linux x86_64\"|\"Linux amd64\"";
  if (machine == "aarch64") return "\"Linux aarch64\"|\"Linux arm64\"";
  if (machine == "armhf") return "\"Linux armv7\"*|\"Linux armv8l\"";
  return "\"Linux " + machine + "\"";
}

std::string cases(const std::vector<Payload>& payloads) {
  std::string all;
  for (const Payload& payload : payloads)
    all += fmt::format("({}) M={}; h={}; z={};; ", patterns(payload.machine), payload.machine,
                       payload.hash, payload.size);
  return all;
}

/// A word of the script. What a terminal would not carry is printed by the shell, into a variable:
/// `before` gets what sets it. The dot keeps line feeds at its end.
std::string quoted(const std::string& word, std::string& before) {
  if (std::ranges::all_of(word, [](char c) { return c >= ' ' && c <= '~'; }))
    return shell_quote(word);
  std::string octal;
  for (const char c : word) octal += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  const std::string name = fmt::format("_subunit_{}", before.size());
  before += fmt::format("{0}=$(printf \"{1}.\"); {0}=${{{0}%.}}; ", name, octal);
  return "\"$" + name + "\"";
}

}  // namespace

std::string bootstrap_line(const Bootstrap& bootstrap) {
  return fmt::format(" {}/bin/sh -c '{}' subunit-push {}\n", bootstrap.console ? "" : "exec ",
                     kLoader, bootstrap.nonce);
}

std::string bootstrap_script(const Bootstrap& bootstrap) {
  std::string script;
  std::string arguments;
  for (const std::string& word : bootstrap.serve) arguments += " " + quoted(word, script);
  script += fmt::format("set -- {} {} {}{}; ", bootstrap.nonce, bootstrap.once ? "once" : "keep",
                        bootstrap.console ? "stay" : "exec", arguments);
  script += kScript.substr(1);
  constexpr std::string_view kCases = "@CASES@ ";
  script.replace(script.find(kCases), kCases.size(), cases(bootstrap.payloads));
  for (char& c : script)
    if (c == '\n') c = ' ';
  return script;
}

std::string answer_prefix(std::string_view nonce) {
  return fmt::format("subunit-push-{} ", nonce);
}

}  // namespace subunit::push
