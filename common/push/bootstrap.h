#pragma once

#include <string>
#include <vector>

#include "common/base/shell_words.h"

namespace subunit::push {

/// A program for one kind of machine, which can be brought there.
struct Payload {
  std::string machine;  ///< as in its file's name: x86_64, aarch64, armhf, riscv64
  std::string hash;     ///< content_hash()
  std::size_t size;     ///< bytes
};

/// What a shell is told, to bring `serve` to its machine and to start it.
struct Bootstrap {
  std::vector<Payload> payloads;
  std::string nonce;     ///< hexadecimal; it tells the shell's answers from its echo of this
  bool once = false;     ///< leave nothing behind
  bool console = false;  ///< the shell goes on afterwards; the line may damage what it carries
  Words serve;           ///< arguments
};

/// The line to type first, of less than a thousand characters. It begins with a blank: many shells
/// keep such a line out of their history. A login shell of any kind understands it: it starts
/// /bin/sh, which has the rest as one argument, and stdin for itself from then on. That one reads
/// lines; the first character says which:
///
///   :TEXT             more of a part of the script
///   -                 the part begins again
///   =TURN             asks for the checksum of the part
///   +DONE SUM SIZE    the part counts, if that is its checksum, and so much counts already
///   .DONE             starts the script, if so much counts
///   ^C                ends it
[[nodiscard]] std::string bootstrap_line(const Bootstrap& bootstrap);

/// The script, which brings `serve` to the machine and starts it: printable ASCII, and no line
/// feed. See bootstrap.cc for what it does.
[[nodiscard]] std::string bootstrap_script(const Bootstrap& bootstrap);

/// Checksums are what cksum(1) or md5sum(1) say first. Each answer is a line that begins with this.
/// Words follow, the first of which is one of
///
///   load                                       the script is wanted, or what came is no such line
///   sum TURN DONE CRC SIZE                     so much of it counts; cksum(1) of the part behind
///   that,
///                                              or its SIZE alone
///   have PATH                                  it is there already
///   want TOOL packed|plain whole|blocks MACHINE FOLDER
///                                              it is to be sent now: see transfer.h
///   got TURN N SUM                             the TURNth block: N count already, and its checksum
///   run PATH                                   `serve` takes stdin and stdout over
///   end STATUS                                 and has failed, on a console
///   fail machine SYSTEM MACHINE                no payload fits
///   fail place REASONS                         no folder takes it
///   fail cut                                   stdin has ended
[[nodiscard]] std::string answer_prefix(std::string_view nonce);

}  // namespace subunit::push
