#include "each_site.h"

#include <algorithm>

namespace subunit::schedule {

EachSite::EachSite(By by, std::size_t tests, std::size_t sites, Make make)
    : by_(by), tests_(tests), make_(std::move(make)) {
  for (std::size_t number = 0; number < sites; ++number) (void)site(number);
}

EachSite::Site& EachSite::site(std::size_t number) {
  Site& found = sites_[number];
  if (!found.dispatcher) found.dispatcher = make_();
  return found;
}

Dispatcher::Worker EachSite::add(Place place, Time now) {
  const std::size_t number = by_ == By::kChannel ? place.channel : place.slot;
  Site& its_site = site(number);
  members_.push_back({number, &its_site, its_site.dispatcher->add(place, now)});
  return members_.size() - 1;
}

void EachSite::remove(Worker worker, Time now) {
  const Member& member = members_[worker];
  member.site->dispatcher->remove(member.worker, now);
}

void EachSite::started(Worker worker, std::size_t test, Time now) {
  const Member& member = members_[worker];
  if (is_there(member, test))
    member.site->dispatcher->started(member.worker, local(member, test), now);
}

void EachSite::finished(Worker worker, std::size_t test, Time now) {
  const Member& member = members_[worker];
  if (is_there(member, test))
    member.site->dispatcher->finished(member.worker, local(member, test), now);
}

void EachSite::cut_short(Worker worker, std::size_t test, Time now) {
  const Member& member = members_[worker];
  if (is_there(member, test))
    member.site->dispatcher->cut_short(member.worker, local(member, test), now);
}

void EachSite::measured_round_trip(Worker worker, Time round_trip) {
  const Member& member = members_[worker];
  member.site->dispatcher->measured_round_trip(member.worker, round_trip);
}

void EachSite::prefers_batches(Worker worker, std::size_t tests) {
  const Member& member = members_[worker];
  member.site->dispatcher->prefers_batches(member.worker, tests);
}

Dispatcher::Batch EachSite::next(Worker worker, Time now) {
  const Member& member = members_[worker];
  if (member.site->given_up) return {};
  Batch batch = member.site->dispatcher->next(member.worker, now);
  for (std::size_t& test : batch) test += member.number * tests_;
  return batch;
}

void EachSite::give_up(std::size_t number) {
  site(number).given_up = true;
}

bool EachSite::may_repeat(Worker worker, std::size_t test) const {
  const Member& member = members_[worker];
  return is_there(member, test) && !member.site->given_up &&
         member.site->dispatcher->may_repeat(member.worker, local(member, test));
}

void EachSite::repeat(Worker worker, std::size_t test) {
  const Member& member = members_[worker];
  member.site->dispatcher->repeat(member.worker, local(member, test));
}

std::optional<Time> EachSite::next_deadline() const {
  std::optional<Time> next;
  for (const auto& [_, site] : sites_)
    if (!site.given_up) next = earlier(next, site.dispatcher->next_deadline());
  return next;
}

/// Without any site, nothing has run anywhere.
bool EachSite::done() const {
  return !sites_.empty() && std::ranges::all_of(sites_, [](const auto& entry) {
    return entry.second.given_up || entry.second.dispatcher->done();
  });
}

std::size_t EachSite::waiting() const {
  if (sites_.empty()) return tests_;
  std::size_t waiting = 0;
  for (const auto& [_, site] : sites_)
    if (!site.given_up) waiting += site.dispatcher->waiting();
  return waiting;
}

/// That of the site that takes the longest.
std::optional<Time> EachSite::time_left(Time now) const {
  std::optional<Time> left;
  for (const auto& [_, site] : sites_) {
    if (site.given_up) continue;
    const auto of_site = site.dispatcher->time_left(now);
    if (!of_site) return std::nullopt;
    left = std::max(left.value_or(Time(0)), *of_site);
  }
  return left;
}

}  // namespace subunit::schedule
