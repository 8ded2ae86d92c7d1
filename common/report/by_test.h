#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/run/observer.h"

namespace subunit::report {

/// What is kept of each test in progress, by its id and its site: see run::View::site_of().
template <typename Value>
class ByTest {
 public:
  /// Null if there is none. At any site: the first one with that id. Valid until the next change.
  [[nodiscard]] Value* find(std::string_view id, std::size_t site) {
    const auto found = place_of(id, site);
    return found == entries_.end() ? nullptr : &found->second.value;
  }
  /// There is none yet.
  Value& add(std::string_view id, std::size_t site) {
    if (spare_.empty()) return entries_.emplace(id, Entry{site, Value()})->second.value;
    spare_.key() = id;
    spare_.mapped() = {site, Value()};
    return entries_.insert(std::move(spare_))->second.value;
  }
  /// As find(), but it is not kept any longer.
  [[nodiscard]] Value* take(std::string_view id, std::size_t site) {
    const auto found = place_of(id, site);
    if (found == entries_.end()) return nullptr;
    spare_ = entries_.extract(found);
    return &spare_.mapped().value;
  }

 private:
  struct Entry {
    std::size_t site;
    Value value;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };
  using Entries = std::unordered_multimap<std::string, Entry, Hash, std::equal_to<>>;

  /// Of that very site, if there is one.
  [[nodiscard]] typename Entries::iterator place_of(std::string_view id, std::size_t site) {
    if (entries_.empty()) return entries_.end();
    constexpr std::size_t kAny = run::View::kAnySite;
    const auto [begin, end] = entries_.equal_range(id);
    auto found = entries_.end();
    for (auto entry = begin; entry != end; ++entry) {
      if (entry->second.site == site) return entry;
      if (site == kAny || entry->second.site == kAny) found = entry;
    }
    return found;
  }

  Entries entries_;
  typename Entries::node_type spare_;  // of the last one taken: no test costs a new one
};

}  // namespace subunit::report
