// Every test at every site.

#include "common/schedule/each_site.h"

#include <doctest/doctest.h>

#include "common/schedule/all_at_once.h"

using namespace subunit;
using namespace subunit::schedule;

namespace {

constexpr Time kNow{};

EachSite::Make all_of(std::size_t tests, std::optional<Time> expected = {}) {
  return [=] {
    return std::make_unique<AllAtOnce>(std::vector<std::optional<Time>>(tests, expected));
  };
}

}  // namespace

TEST_CASE("each site: tests of a site have numbers of their own") {
  EachSite sites(EachSite::By::kChannel, 2, 2, all_of(2));
  CHECK(sites.waiting() == 4);
  const auto second = sites.add({5, 1}, kNow);
  CHECK(sites.next(second, kNow) == Dispatcher::Batch{2, 3});
  const auto first = sites.add({6, 0}, kNow);
  CHECK(sites.next(first, kNow) == Dispatcher::Batch{0, 1});
  for (const std::size_t test : {2, 3}) sites.finished(second, test, kNow);
  CHECK_FALSE(sites.done());
  sites.finished(first, 2, kNow);  // not one of its
  CHECK_FALSE(sites.done());
  for (const std::size_t test : {0, 1}) sites.finished(first, test, kNow);
  CHECK(sites.done());
}

TEST_CASE("each site: what a server has left is for the next one there") {
  EachSite sites(EachSite::By::kSlot, 1, 0, all_of(1));
  CHECK_FALSE(sites.done());  // nothing has run
  CHECK(sites.waiting() == 1);
  const auto server = sites.add({3}, kNow);
  const auto other = sites.add({4}, kNow);
  CHECK(sites.next(server, kNow) == Dispatcher::Batch{3});
  sites.remove(server, kNow);
  CHECK(sites.waiting() == 2);
  CHECK(sites.next(other, kNow) == Dispatcher::Batch{4});
  CHECK(sites.next(sites.add({3}, kNow), kNow) == Dispatcher::Batch{3});
}

TEST_CASE("each site: one that is given up is not waited for, and gets nothing") {
  EachSite sites(EachSite::By::kChannel, 1, 2, all_of(1));
  const auto server = sites.add({0, 0}, kNow);
  CHECK(sites.next(server, kNow).size() == 1);
  sites.finished(server, 0, kNow);
  CHECK_FALSE(sites.done());
  sites.give_up(1);
  CHECK(sites.done());
  CHECK(sites.waiting() == 0);
  CHECK(sites.next(sites.add({1, 1}, kNow), kNow).empty());
}

TEST_CASE("each site: the time that is left is that of the slowest one, if all are known") {
  using std::chrono::seconds;
  EachSite sites(EachSite::By::kChannel, 2, 2, all_of(2, seconds(2)));
  const auto server = sites.add({0, 0}, kNow);
  (void)sites.next(server, kNow);
  sites.finished(server, 0, kNow);
  CHECK(sites.time_left(kNow) == seconds(4));
  sites.give_up(1);
  CHECK(sites.time_left(kNow) == seconds(2));
  EachSite unknown(EachSite::By::kChannel, 2, 2, all_of(2));
  CHECK_FALSE(unknown.time_left(kNow));
}
