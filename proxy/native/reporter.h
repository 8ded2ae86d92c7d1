#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <string_view>

#include "common/subunit/packet.h"
#include "proxy/native/settling.h"

namespace proxy::native {

/// Where the packets of a Run go that is done in this process.
class Line {
 public:
  virtual ~Line() = default;

  /// Takes the packets. With `wait` it returns once the proxy has been given them: what is printed
  /// from then on comes after them.
  virtual void send(subunit::Bytes packets, bool wait) = 0;

  /// The Run was cancelled, or nobody is there any more: no further test is to begin.
  [[nodiscard]] virtual bool stopped() = 0;
};

/// From the events of a test framework to packets. Each test is started once and ended once; one
/// test is in progress at a time. All texts are the framework's own, whatever their encoding.
///
/// Before each start and end it flushes, and waits until the proxy has read what was printed. So
/// output belongs to the test in progress, and to none if that was printed between two.
///
/// A process that a test has forked may go on in the framework as if it were this one. It reports
/// nothing: what it attaches is printed on stderr, and it ends where the test does.
class Reporter {
 public:
  Reporter(Line& line, const OutputPipes& output)
      : line_(line), output_(output), process_(::getpid()) {}

  void started(std::string_view id);
  /// A piece of the file `name`, as text. What is not UTF-8 is a piece of `name`.raw instead,
  /// labelled so that a reader gets every byte.
  void attach(std::string_view id, std::string_view name, std::string_view text);
  void ended(std::string_view id, subunit::Status status);

  /// What runs now is not a test but the fixture `id`. If the process ends during it, that is the
  /// fault of the test `blamed`, which has not been started; or of `id` itself if that is empty.
  void fixture(std::string_view id, std::string_view blamed);

  [[nodiscard]] bool stopped() { return line_.stopped(); }

 private:
  [[nodiscard]] bool in_copy() const { return ::getpid() != process_; }

  Line& line_;
  const OutputPipes& output_;
  const pid_t process_;
};

/// What a child tells its parent beside the results: a packet for this test id, with a file of one
/// of these names, for the parent alone.
inline constexpr std::string_view kNoteId = "subunit-proxy-child";
inline constexpr std::string_view kFixtureNote = "fixture";    ///< id, NUL, blamed
inline constexpr std::string_view kCompleteNote = "complete";  ///< the Run is done

/// Time of day, for packets.
[[nodiscard]] subunit::Timestamp time_of_day();

}  // namespace proxy::native
