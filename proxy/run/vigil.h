#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "proxy/run/options.h"
#include "proxy/run/results.h"
#include "proxy/run/worker.h"

namespace proxy {

/// Looks at servers that take long, and tells apart what may be wrong: a test that is slow or
/// hangs, or a server that hangs between tests.
class Vigil {
 public:
  Vigil(const RunOptions& options, Results& results) : options_(options), results_(results) {}

  /// How often to look.
  [[nodiscard]] subunit::Time interval() const;

  using Sentence = Worker::Sentence;
  /// Tells the outputs what takes long. A Sentence if a server has used up its time. May leave a
  /// Ping in the session of a server.
  [[nodiscard]] std::optional<Sentence> look_at(Worker& worker, subunit::Time now);

 private:
  [[nodiscard]] std::optional<Sentence> look_at_tests(Worker& worker, subunit::Time now);
  [[nodiscard]] std::optional<Sentence> look_between_tests(Worker& worker, subunit::Time now);

  const RunOptions& options_;
  Results& results_;
};

/// What Alive tells of the server's CPU, as the end of a sentence: ", which uses no CPU"; "" if it
/// tells nothing.
[[nodiscard]] std::string describe_load(const Worker& worker);

}  // namespace proxy
