#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/regex.h"
#include "common/base/result.h"

namespace subunit::run {

struct Options;

/// One of N parts of the tests that are selected otherwise, all of which together have each test
/// once.
struct Partition {
  enum class Kind {
    kSlice,  ///< the Kth, the (K+N)th and so on: parts are of equal size
    kHash,   ///< those whose id has the hash K - 1 modulo N: a test stays where it is when others
             ///< are added. (FNV-1a of 64 bits, as http://www.isthe.com/chongo/tech/comp/fnv says,
             ///< its upper half added to the lower one.)
  };
  Kind kind;
  std::uint32_t part;  ///< from 1
  std::uint32_t of;

  /// Of "slice:K/N" or "hash:K/N". An Error says what was given, and what it should look like.
  [[nodiscard]] static Result<Partition> parse(std::string_view text);
};

/// Which of the tests that are listed or named are run: those that match, have failed last time if
/// that is wanted, and belong to the part that is.
class Selection {
 public:
  /// `has_failed`: whether a test failed, or did not run, in the last run that should have run it.
  using HasFailed = std::function<bool(std::string_view id)>;

  /// An Error names the expression that is not one.
  [[nodiscard]] static Result<Selection> create(const Options& options, HasFailed has_failed);

  /// To be asked once for each test, in order.
  [[nodiscard]] bool takes(std::string_view id);
  /// The next one is the first one again.
  void restart() { candidates_ = 0; }
  /// It may leave out tests.
  [[nodiscard]] bool is_partial() const;
  /// The options that left out everything, for people.
  [[nodiscard]] std::string options() const;

 private:
  Selection() = default;
  [[nodiscard]] bool matches(std::string_view id) const;

  std::vector<Regex> expressions_;
  HasFailed has_failed_;  // null: that does not matter
  std::optional<Partition> partition_;
  std::uint64_t candidates_ = 0;  // of which the partition takes some
};

/// `ids` in an order that looks like chance, and is the same for the same seed and ids.
void shuffle(std::vector<std::string>& ids, std::uint32_t seed);

}  // namespace subunit::run
