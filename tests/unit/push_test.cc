#include "common/push/push.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "common/push/push_words.h"

using subunit::as_bytes;
using subunit::as_text;
using subunit::Buffer;
using subunit::Bytes;
using subunit::Words;
using subunit::push::Bootstrap;
using subunit::push::bootstrap_script;
using subunit::push::cksum;
using subunit::push::encode_block;
using subunit::push::encode_whole;
using subunit::push::kBlockSize;
using subunit::push::md5;
using subunit::push::pack;
using subunit::push::Push;
using subunit::push::split_push_words;
using subunit::push::Tool;
using subunit::push::Transfer;

namespace {

Bootstrap bootstrap() {
  return {.payloads = {{"x86_64", "0123456789abcdef", 100}, {"armhf", "fedcba9876543210", 90}},
          .nonce = "beef",
          .serve = {"--", "suite"}};
}

Bootstrap console() {
  Bootstrap asked = bootstrap();
  asked.console = true;
  return asked;
}

/// What became of it: each event a word, noise as it is.
struct Log {
  std::string noise;
  std::vector<std::string> events;

  void take(Push& push) {
    while (const auto event = push.next_event()) {
      if (const auto* noise_event = std::get_if<Push::Noise>(&*event)) {
        noise += as_text(noise_event->bytes);
      } else if (const auto* wanted = std::get_if<Push::Wanted>(&*event)) {
        events.push_back("wanted " + wanted->payload.machine + " in " + wanted->folder);
      } else if (const auto* typed = std::get_if<Push::Text>(&*event)) {
        text += as_text(typed->bytes);
      } else if (const auto* found = std::get_if<Push::Found>(&*event)) {
        events.push_back("found " + found->path);
      } else if (const auto* started = std::get_if<Push::Started>(&*event)) {
        events.push_back("started " + started->path);
        rest += as_text(started->rest);
      } else {
        events.push_back("failed " + std::get<Push::Failed>(*event).reason);
      }
    }
  }
  std::string rest;
  std::string text;
};

Log log_of(std::string_view text, std::size_t step) {
  Push push(bootstrap());
  Log log;
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    if (push.over()) {
      log.rest += text.substr(0, step);
      continue;
    }
    push.receive(as_bytes(text.substr(0, step)), subunit::Time(0));
    log.take(push);
  }
  return log;
}

std::string encoded(std::string_view text, Tool tool) {
  return std::string(as_text(encode_whole(as_bytes(text), tool)));
}

std::string joined(const Words& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

std::string split(const Words& words) {
  const auto parts = split_push_words(words);
  return parts ? joined(parts->channel) + " | " + joined(parts->serve) : parts.error().text;
}

}  // namespace

TEST_CASE("answers of the shell are told from what else it prints, wherever they are cut") {
  const std::string text =
      "Welcome!\r\n\n$ exec /bin/sh -c 'P=subunit-push-$1' subunit-push beef\n"
      "\nsubunit-push-beef want head packed whole armhf /tmp/a b\n"
      "a warning\n\n"
      "\r\nsubunit-push-beef run /tmp/a b/serve\r\n\n\xB3packet";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{64}, text.size()}) {
    CAPTURE(step);
    const Log log = log_of(text, step);
    CHECK(log.noise ==
          "Welcome!\r\n\n$ exec /bin/sh -c 'P=subunit-push-$1' subunit-push beef\na warning\n\n");
    CHECK(log.events ==
          std::vector<std::string>{"wanted armhf in /tmp/a b", "started /tmp/a b/serve"});
    CHECK(log.rest == "\n\xB3packet");
  }
}

TEST_CASE("what is there already is not wanted") {
  CHECK(log_of("\nsubunit-push-beef have /c/serve-1\n\nsubunit-push-beef run /c/serve-1\n", 1000)
            .events == std::vector<std::string>{"found /c/serve-1", "started /c/serve-1"});
}

TEST_CASE("the end of a proxy on a console is found wherever it is cut, and among what it prints") {
  const std::string text =
      "\xB3\n#%abc\r\nerror: no such folder\r\n\r\nsubunit-push-beef end x\r\n"
      "$ subunit-push-beef end 1\r\n\nsubunit-push-cafe end 3\r\n\nsubunit-push-beef end -1\r\n"
      "\r\nsubunit-push-beef end 2\r";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{64}, text.size()}) {
    CAPTURE(step);
    Push push(console());
    std::optional<std::string> why;
    for (std::string_view rest = text; !rest.empty();
         rest.remove_prefix(std::min(step, rest.size()))) {
      CHECK(!why);
      why = push.watch(as_bytes(rest.substr(0, step)));
    }
    REQUIRE(why);
    CHECK(why->find("ended with exit status 2 before it sent Ready; it printed \"") != why->npos);
    CHECK(why->find("error: no such folder") != why->npos);
  }
  Push silent(console());
  const auto why = silent.watch(as_bytes("\n\nsubunit-push-beef end 127\n"));
  REQUIRE(why);
  CHECK(why->ends_with("exit status 127 before it sent Ready; it printed nothing"));
}

TEST_CASE("a failure tells what was seen, and what to try") {
  const auto machine = log_of("subunit-push-beef fail machine Linux mips\n", 1000).events;
  REQUIRE(machine.size() == 1);
  CHECK(machine[0].find("\"Linux mips\"") != std::string::npos);
  CHECK(machine[0].find("x86_64, armhf") != std::string::npos);
  CHECK(machine[0].find("--push-from") != std::string::npos);
  const auto place = log_of("subunit-push-beef fail place /tmp: full; /run: full; \n", 1000).events;
  REQUIRE(place.size() == 1);
  CHECK(place[0].ends_with("no folder takes it: /tmp: full; /run: full"));
}

TEST_CASE("how far it has got is told by the last answer") {
  Push push(bootstrap());
  const auto how_far = [&push](std::string_view text) {
    push.receive(as_bytes(text), subunit::Time(0));
    while (push.next_event()) continue;
    return push.how_far();
  };
  static_cast<void>(push.begin(subunit::Time(0)));
  CHECK(how_far("Welcome!\n") == "before a shell answered");
  CHECK(how_far("subunit-push-beef load\n").starts_with("while the shell was reading the script"));
  CHECK(how_far("subunit-push-beef want head packed whole armhf /tmp\n") ==
        "while subunit-proxy was being sent to /tmp");
  push.provide(as_bytes("file"), subunit::Time(0));
  CHECK(how_far("").ends_with("sent to /tmp"));
  CHECK(how_far("subunit-push-beef run /tmp/serve\n") == "before the proxy sent Ready");
}

TEST_CASE("an answer to another client is noise") {
  CHECK(log_of("subunit-push-cafe run /x\n", 1000).noise == "subunit-push-cafe run /x\n");
}

TEST_CASE("an answer that makes no sense is a failure") {
  CHECK(log_of("subunit-push-beef sing\n", 1000).events.empty());  // a damaged one
  for (const char* words :
       {"want head packed whole vax /tmp", "want ftp packed whole armhf /tmp"}) {
    const auto events = log_of(fmt::format("subunit-push-beef {}\n", words), 1000).events;
    REQUIRE(events.size() == 1);
    CHECK(events[0].starts_with("failed "));
  }
}

TEST_CASE("each tool gets what it reads") {
  CHECK(encoded("ab", Tool::kHead) == "2\nab");
  CHECK(encoded("ab", Tool::kDd) == "2\nab");
  CHECK(encoded("ab", Tool::kBase64) == "2\nYWI=\n.\n");
  CHECK(encoded("abc", Tool::kBase64) == "3\nYWJj\n.\n");
  CHECK(encoded("ab", Tool::kUudecode) == "2\nbegin 600 x\n\"86(`\n`\nend\n.\n");
  CHECK(encoded("a\n", Tool::kPrintf) == "2\n\\141\\012\n.\n");
  CHECK(
      as_text(pack(as_bytes("ab"), {.tool = Tool::kHead, .packed = true})).starts_with("\x1F\x8B"));
  CHECK(as_text(pack(as_bytes("ab"), {.tool = Tool::kHead, .packed = false})) == "ab");
}

TEST_CASE("the line for the shell is short, and has nothing that a shell or a terminal changes") {
  for (const bool console : {false, true}) {
    Bootstrap asked = bootstrap();
    asked.console = console;
    const std::string line = bootstrap_line(asked);
    CHECK(line.starts_with(console ? " /bin/sh -c '" : " exec /bin/sh -c '"));
    CHECK(line.ends_with("' subunit-push beef\n"));
    CHECK(line.size() < 700);
    CHECK(std::ranges::count(line, '\n') == 1);
    CHECK(std::ranges::count(line, '\'') == 2);
    CHECK(line.find('!') == std::string::npos);
  }
}

TEST_CASE("the script has each word of serve in its own") {
  Bootstrap asked = bootstrap();
  asked.serve = {"--", "it's", "$HOME", "\xC3\xA9\n"};
  asked.once = true;
  const std::string script = bootstrap_script(asked);
  CHECK(script.starts_with(
      "_subunit_0=$(printf \"\\303\\251\\012.\"); _subunit_0=${_subunit_0%.}; "
      "set -- beef once exec -- 'it'\\''s' '$HOME' \"$_subunit_0\"; exec 3>&1;"));
  CHECK(std::ranges::all_of(script, [](char c) { return c >= ' ' && c <= '~'; }));
}

TEST_CASE("the second -- ends the channel's command") {
  CHECK(split({"ssh", "-t", "board", "--", "python3", "-m", "x"}) ==
        "ssh -t board | -- python3 -m x");
  CHECK(split({"sh", "--", "--workers", "4", "--", "./suite", "--", "a"}) ==
        "sh | --workers 4 -- ./suite -- a");
}

TEST_CASE("a -- that only stands before a shell belongs to the channel's command") {
  CHECK(split({"kubectl", "exec", "-i", "pod", "--", "sh", "--", "./suite"}) ==
        "kubectl exec -i pod -- sh | -- ./suite");
  CHECK(split({"x", "--", "/bin/bash", "--", "./suite"}) == "x -- /bin/bash | -- ./suite");
}

TEST_CASE(
    "where a container's shell is not named, it is added, and ssh is told that it has no "
    "terminal") {
  CHECK(split({"podman", "exec", "-i", "box", "--", "./suite"}) ==
        "podman exec -i box sh | -- ./suite");
  CHECK(split({"podman", "exec", "-i", "box", "ash", "--", "./suite"}) ==
        "podman exec -i box ash | -- ./suite");
  CHECK(split({"kubectl", "exec", "-i", "pod", "--", "./suite"}) ==
        "kubectl exec -i pod -- sh | -- ./suite");
  CHECK(split({"kubectl", "exec", "-i", "pod", "--", "--", "./suite"}) ==
        "kubectl exec -i pod -- sh | -- ./suite");
  CHECK(split({"kubectl", "exec", "-i", "pod", "--", "--workers", "2", "--", "./suite"}) ==
        "kubectl exec -i pod -- sh | --workers 2 -- ./suite");
  CHECK(split({"kubectl", "exec", "-i", "pod", "--", "env", "A=1", "sh", "--", "./suite"}) ==
        "kubectl exec -i pod -- env A=1 sh | -- ./suite");
  CHECK(split({"podman", "exec", "-i", "box", "bash", "-l", "--", "./suite"}) ==
        "podman exec -i box bash -l | -- ./suite");
  CHECK(split({"/usr/bin/ssh", "board", "--", "./suite"}) == "/usr/bin/ssh -T board | -- ./suite");
}

TEST_CASE("words for a push that lack a part are an error") {
  CHECK(split({"ssh", "board"}).find("second --") != std::string::npos);
  CHECK(split({"--", "./suite"}).find("before the second --") != std::string::npos);
  CHECK(split({"ssh", "board", "--"}).find("after the second --") != std::string::npos);
}

// A shell at the other end of a terminal.

namespace {

/// Does with lines what a shell, the loader and the script do.
struct Shell {
  std::vector<std::string> file;  // the blocks that count
  bool ended = false;
  std::string answers;
  int answered = 0;
  bool md5sum = false;  // in place of cksum

  void type(std::string_view text) {
    while (!text.empty()) {
      const std::string line(text.substr(0, text.find('\n')));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      take(line);
    }
  }

  /// It runs the script.
  void start() { stage_ = Stage::kScript; }

 private:
  enum class Stage { kPrompt, kLoader, kScript };

  void take(const std::string& line) {
    if (line.starts_with('\x03')) stage_ = Stage::kPrompt;
    switch (stage_) {
      case Stage::kPrompt:
        if (line + "\n" != bootstrap_line(console())) return;
        stage_ = Stage::kLoader;
        script_.clear();
        part_.clear();
        file.clear();
        in_block_ = false;
        return answer("load");
      case Stage::kLoader:
        return load(line);
      case Stage::kScript:
        return run(line);
    }
  }

  void load(const std::string& line) {
    const std::size_t done = script_.size();
    if (line.starts_with(":")) {
      part_ += line.substr(1);
    } else if (line == "-") {
      part_.clear();
    } else if (line.starts_with("=")) {
      const Bytes part = as_bytes(part_);
      sum_ = fmt::format("{} {}", md5sum ? md5(part) : std::to_string(cksum(part)), part.size());
      answer(fmt::format("sum {} {} {}", line.substr(1), done, sum_));
    } else if (line.starts_with("+")) {
      if (line == fmt::format("+{} {}", done, sum_)) script_ += std::exchange(part_, "");
    } else if (!line.starts_with(".")) {
      answer("load");
    } else if (line == fmt::format(".{}", done)) {
      CHECK(script_ == bootstrap_script(console()));
      start();
      answer("want base64 plain blocks armhf /tmp");
    }
  }

  void run(const std::string& line) {
    if (in_block_) {
      if (line == ".") {
        in_block_ = false;
        checksum_ = md5sum ? md5(as_bytes(block_)) : std::to_string(cksum(as_bytes(block_)));
        answer(fmt::format("got {} {} {}", turn_, file.size(), checksum_));
        ++answered;
      } else {
        block_ += line + "\n";
      }
    } else if (line.starts_with("block ")) {
      in_block_ = true;
      turn_ = line.substr(6);
      block_.clear();
    } else if (line == fmt::format("ok {} {}", file.size(), checksum_)) {
      file.push_back(block_);
    } else if (line.starts_with("=")) {
      answer("want base64 plain blocks armhf /tmp");
    } else if (line == "end") {
      ended = true;
    }
  }

  void answer(const std::string& words) { answers += "\nsubunit-push-beef " + words + "\n"; }

  Stage stage_ = Stage::kPrompt;
  std::string script_;
  std::string part_;
  std::string sum_;
  bool in_block_ = false;
  std::string block_;
  std::string checksum_;
  std::string turn_;
};

std::string content(std::size_t size) {
  std::string bytes;
  for (std::size_t at = 0; at < size; ++at) bytes += static_cast<char>(at * 7 % 251);
  return bytes;
}

/// Of base 64, line by line.
std::string decoded(const std::vector<std::string>& blocks) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string file;
  for (const std::string& block : blocks) {
    std::uint32_t bits = 0;
    int known = 0;
    for (const char c : block) {
      if (c == '\n' || c == '=') known = 0;
      const std::size_t value = kDigits.find(c);
      if (value == std::string_view::npos) continue;
      bits = bits << 6 | static_cast<std::uint32_t>(value);
      known += 6;
      if (known < 8) continue;
      known -= 8;
      file += static_cast<char>(bits >> known & 0xFF);
    }
  }
  return file;
}

/// Brings a file of so many bytes. `damage` does to each text, in either direction, what a line
/// does. Returns whether it arrived.
bool arrives(std::size_t size, const std::function<void(std::string&)>& damage) {
  const std::string file = content(size);
  Push push(console());
  Shell shell;
  shell.md5sum = size % 2 == 0;
  subunit::Time now(0);
  std::string text = push.begin(now);
  for (int turn = 0; turn < 1000 && !push.over() && !shell.ended; ++turn) {
    damage(text);
    shell.type(std::exchange(text, ""));
    std::string answers = std::exchange(shell.answers, "");
    damage(answers);
    if (answers.empty() && push.next_deadline()) {
      now = *push.next_deadline();
      push.tick(now);
    } else {
      push.receive(as_bytes(answers), now);
    }
    while (const auto event = push.next_event()) {
      if (const auto* typed = std::get_if<Push::Text>(&*event)) text += as_text(typed->bytes);
      if (std::holds_alternative<Push::Wanted>(*event)) push.provide(as_bytes(file), now);
    }
  }
  return shell.ended && decoded(shell.file) == file;
}

}  // namespace

TEST_CASE("over a terminal a file arrives in blocks, whatever its size") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kBlockSize - 1, kBlockSize,
                                 kBlockSize + 1, 5 * kBlockSize + 100}) {
    CAPTURE(size);
    CHECK(arrives(size, [](std::string&) {}));
  }
}

TEST_CASE("a line that damages, loses and invents characters does not damage the file") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto damage = [&random](std::string& text) {
      if (text.empty() || random() % 3 != 0) return;
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(' ' + random() % 90);
          break;
        case 1:
          text.erase(at, 1 + random() % 50);
          break;
        case 2:
          text.insert(at, "\n[   37.312345] the kernel has something to say\n");
          break;
        default:
          text.clear();
      }
    };
    CHECK(arrives(4 * kBlockSize + 7, damage));
  }
}

TEST_CASE("a line that damages one character in a thousand takes a file in small blocks") {
  std::mt19937 random(1);
  CHECK(arrives(10 * kBlockSize, [&random](std::string& text) {
    for (char& c : text)
      if (random() % 1000 == 0) c = '?';
  }));
}

TEST_CASE("a shell that pauses gets some blocks again, and then each once") {
  Push push(bootstrap());
  Shell shell;
  shell.start();
  Log log;
  subunit::Time now(0);
  push.receive(as_bytes("\nsubunit-push-beef want base64 plain blocks armhf /tmp\n"), now);
  log.take(push);
  push.provide(as_bytes(content(20 * kBlockSize)), now);
  std::string kept;
  for (int turn = 0; turn < 100 && !shell.ended; ++turn) {
    log.take(push);
    kept += std::exchange(log.text, "");
    if (turn >= 5 && turn < 9) {  // it takes nothing, and time passes
      now = *push.next_deadline();
      push.tick(now);
      continue;
    }
    shell.type(std::exchange(kept, ""));
    push.receive(as_bytes(std::exchange(shell.answers, "")), now);
  }
  CHECK(shell.ended);
  CHECK(decoded(shell.file) == content(20 * kBlockSize));
  CHECK(shell.answered <= 30 + 2 * 4);  // smaller ones for a while
}

TEST_CASE("a line that damages everything is given up, and told") {
  Push push(bootstrap());
  Log log;
  push.receive(as_bytes("\nsubunit-push-beef want base64 plain blocks armhf /tmp\n"),
               subunit::Time(0));
  log.take(push);
  push.provide(as_bytes(content(100)), subunit::Time(0));
  for (int turn = 0; turn < 100 && !push.over(); ++turn) {
    log.take(push);
    push.receive(as_bytes("\nsubunit-push-beef got " + std::to_string(turn + 1) + " 0 1 1\n"),
                 subunit::Time(0));
  }
  REQUIRE(log.events.size() == 2);
  CHECK(log.events[1].find("damages what is sent; 0 of 0 kB") != std::string::npos);
}

TEST_CASE("a block's checksum is that of cksum(1) or md5sum(1)") {
  CHECK(cksum(as_bytes("a")) == 1220704766);
  CHECK(cksum({}) == 4294967295);
  CHECK(md5({}) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5(as_bytes("abcdefghijklmnopqrstuvwxyz")) == "c3fcd3d76192e4007dfb496cca67e13b");
  CHECK(md5(as_bytes(std::string(80, '1'))) == "7478ba1875f17511c12740431336a09e");
}
