#include "proxy/sync/tree_receiver.h"

#include <algorithm>

#include "common/sync/piece.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::minutes;
using subunit::Bytes;
using subunit::Result;
using subunit::sync::Entry;
using subunit::sync::Fingerprint;
using subunit::sync::kUnknown;
using subunit::sync::Manifest;
using subunit::sync::Message;

namespace {

constexpr auto kLockInterval = milliseconds(200);
constexpr auto kSilence = minutes(2);  // as for a lease

}  // namespace

TreeReceiver::TreeReceiver(uv_loop_t& loop, std::string path, Writer& to_client, Events events)
    : path_(std::move(path)),
      to_client_(to_client),
      events_(std::move(events)),
      timer_(loop, [this] {
        if (stage_ == Stage::kLocking) return lock();
        fail("nothing has come from the client for two minutes");
      }) {}

void TreeReceiver::begin() {
  auto target = Target::open(path_);
  if (!target) return fail(target.error().text);
  target_ = std::move(*target);
  lock();
}

/// Others may be there if they need not change it either. That shows later.
void TreeReceiver::lock() {
  alone_ = target_->lock(true);
  if (alone_ || target_->lock(false)) return offer();
  send(subunit::sync::kBusy, {});
  timer_.start(kLockInterval);
}

/// Most trees have not changed since the last time: then this is all that is said.
void TreeReceiver::offer() {
  stage_ = Stage::kManifest;
  timer_.start(kSilence);
  known_ = target_->load();
  bool whole = !known_.entries.empty();
  for (std::size_t each = 0; each < known_.entries.size(); ++each) {
    const std::uint64_t stamp = target_->look(known_.entries[each], known_.stamps[each]).stamp;
    if (stamp == 0) whole = false;
    if (stamp != known_.stamps[each]) changed_ = true;
    known_.stamps[each] = stamp;
  }
  const subunit::Buffer manifest = encode(known_.entries);
  const Fingerprint print = whole ? subunit::sync::fingerprint(manifest) : Fingerprint();
  send(subunit::sync::kTree, encode(print));
}

void TreeReceiver::receive(const Message& message) {
  timer_.start(kSilence);
  if (stage_ == Stage::kManifest && message.word == subunit::sync::kSame) {
    tree_ = std::move(known_);
    return finish();
  }
  if (stage_ == Stage::kManifest && message.word == subunit::sync::kManifest)
    return receive_manifest(message);
  if (stage_ == Stage::kContent && message.word == subunit::sync::kContent)
    return receive_content(message.bytes);
  fail("the client has sent what nobody has asked for");
}

void TreeReceiver::receive_manifest(const Message& message) {
  if (!subunit::sync::unpack_piece(message.bytes, received_) ||
      received_.size() > subunit::sync::kMaxManifest)
    return fail("the list of files is damaged, or too long");
  send(subunit::sync::kGot, {});
  if (!message.last) return;
  auto manifest = subunit::sync::parse_manifest(received_);
  if (!manifest) return fail(manifest.error().text);
  received_ = {};
  tree_.entries = std::move(*manifest);
  compare();
}

void TreeReceiver::compare() {
  const Manifest& entries = tree_.entries;
  old_ = places_in(known_.entries, entries);
  wanted_.resize(entries.size());
  other_mode_.resize(entries.size());
  tree_.stamps.resize(entries.size());
  bool differs = std::ranges::count(old_, kUnknown) + known_.entries.size() != entries.size();
  for (std::size_t each = 0; each < entries.size(); ++each) {
    const std::size_t old = old_[each];
    const bool same = old != kUnknown && known_.entries[old] == entries[each];
    const Target::Found found = target_->look(entries[each], same ? known_.stamps[old] : 0);
    wanted_[each] = found.content ? 0 : 1;
    other_mode_[each] = found.content && !found.mode ? 1 : 0;
    tree_.stamps[each] = found.stamp;
    if (!same) changed_ = true;
    if (found.stamp == 0) differs = true;
  }
  if (!differs && !changed_) return finish();
  changed_ = true;
  if (!alone_ && differs) {
    alone_ = target_->lock(true);
    if (!alone_)
      return fail(fmt::format(
          "another client's tests are running in {}, which has another tree: wait for them to end, "
          "or bring this one to another folder (--sync DIR:TARGET)",
          subunit::escaped(path_)));
  }
  if (const auto done = change(); !done) return fail(done.error().text);
  stage_ = Stage::kContent;
  contents_.emplace(tree_.entries, wanted_);
  send(subunit::sync::kWant, subunit::sync::encode_selection(wanted_));
  store_contents({});
}

/// All but the contents of files. What is kept then has what is to come: if that does not come, the
/// next one knows what may be there.
Result<> TreeReceiver::change() {
  Manifest& entries = tree_.entries;
  subunit::sync::Selection stays(known_.entries.size());
  for (const std::size_t old : old_)
    if (old != kUnknown) stays[old] = 1;
  for (std::size_t each = stays.size(); each > 0; --each) {
    if (stays[each - 1] != 0) continue;
    if (auto done = target_->remove(known_.entries[each - 1]); !done) return done;
    ++removed_;
  }
  for (std::size_t each = 0; each < entries.size(); ++each) {
    const Entry& entry = entries[each];
    if (other_mode_[each] != 0) {
      if (auto done = target_->set_mode(entry); !done) return done;
    } else if (wanted_[each] != 0 && entry.is_link) {
      if (auto done = target_->put_link(entry); !done) return done;
      ++brought_;
      wanted_[each] = 0;
    }
    if (tree_.stamps[each] == 0 && wanted_[each] == 0) tree_.stamps[each] = target_->stamp(entry);
  }
  return alone_ ? target_->store(tree_) : Result<>();
}

void TreeReceiver::receive_content(Bytes piece) {
  subunit::Buffer bytes;
  if (!subunit::sync::unpack_piece(piece, bytes)) return fail("what was sent is damaged");
  send(subunit::sync::kGot, {});
  store_contents(bytes);
}

/// Empty files come without a byte.
void TreeReceiver::store_contents(Bytes rest) {
  while (const auto part = contents_->take(rest)) {
    const Entry& entry = tree_.entries[part->entry];
    if (const auto done = target_->write(entry, part->bytes, part->last); !done)
      return fail(done.error().text);
    if (!part->last) continue;
    ++brought_;
    tree_.stamps[part->entry] = target_->stamp(entry);
  }
  if (!rest.empty()) return fail("more has come than was asked for");
  if (contents_->complete()) finish();
}

void TreeReceiver::finish() {
  if (changed_ && alone_) {
    if (const auto stored = target_->store(tree_); !stored) return fail(stored.error().text);
  }
  // With others, whose tree is the same one. It was ours alone, so nobody else can be faster.
  if (alone_ && !target_->lock(false)) return fail("another client has taken the folder");
  if (const auto arrived = events_.arrived(); !arrived) return fail(arrived.error().text);
  subunit::Buffer counts;
  subunit::append_be32(counts, brought_);
  subunit::append_be32(counts, removed_);
  send(subunit::sync::kDone, counts);
  stage_ = Stage::kOver;
  timer_.stop();
  events_.done();
}

void TreeReceiver::fail(std::string_view why) {
  send(subunit::sync::kFailed, subunit::as_bytes(why));
  stage_ = Stage::kOver;
  timer_.stop();
  events_.failed(why);
}

void TreeReceiver::send(std::string_view word, Bytes bytes) {
  subunit::Buffer packet;
  subunit::sync::encode({.word = word, .bytes = bytes}, packet);
  to_client_.send(packet);
}

}  // namespace proxy
