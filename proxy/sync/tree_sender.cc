#include "proxy/sync/tree_sender.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/sync/piece.h"

namespace proxy {

using subunit::Bytes;
using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::sync::Entry;
using subunit::sync::kPieceSize;
using subunit::sync::Message;

TreeSender::TreeSender(LocalTree tree, std::string name, Events events, const Log& log)
    : tree_(std::move(tree)),
      name_(std::move(name)),
      events_(std::move(events)),
      log_(log),
      manifest_(encode(tree_.manifest())) {}

void TreeSender::receive(const Message& message) {
  if (over()) return;
  events_.preparing();
  const bool silent = stage_ == Stage::kSilent;
  if (message.word == subunit::sync::kFailed)
    return fail(escaped(subunit::as_text(message.bytes), 2000));
  if (message.word == subunit::sync::kGot) {
    ++arrived_;
    return show_progress();
  }
  if (silent && message.word == subunit::sync::kBusy) {
    if (!std::exchange(busy_said_, true))
      log_.warning("\"{}\": another client brings files to the same folder; waiting for it", name_);
  } else if (silent && message.word == subunit::sync::kTree) {
    compare(message.bytes);
  } else if (stage_ == Stage::kAnswer && message.word == subunit::sync::kWant) {
    begin_contents(message.bytes);
  } else if (message.word == subunit::sync::kDone) {
    end(message.bytes);
  } else {
    fail(fmt::format("an answer makes no sense: \"{}\"", escaped(message.word)));
  }
}

void TreeSender::compare(Bytes print) {
  if (std::ranges::equal(print, encode(subunit::sync::fingerprint(manifest_)))) {
    send(subunit::sync::kSame, {}, true);
    stage_ = Stage::kEnd;
    return;
  }
  stage_ = Stage::kManifest;
  feed();
}

void TreeSender::begin_contents(Bytes selection) {
  const auto& entries = tree_.manifest();
  auto wanted = subunit::sync::parse_selection(selection, entries.size());
  if (!wanted) return fail("an answer makes no sense: it is about another list of files");
  wanted_ = std::move(*wanted);
  for (std::size_t each = 0; each < entries.size(); ++each)
    if (wanted_[each] != 0) wanted_size_ += entries[each].size;
  log_.info("\"{}\": {} of {} files to bring, {} kB", name_, std::ranges::count(wanted_, 1),
            entries.size(), (wanted_size_ + 999) / 1000);
  arrived_ = 0;
  stage_ = Stage::kContent;
  feed();
}

void TreeSender::end(Bytes counts) {
  stage_ = Stage::kOver;
  log_.screen().show_status("");
  if (counts.size() >= 8)
    log_.info("\"{}\": the files of {} are there: {} brought, {} removed", name_,
              escaped(tree_.folder()), subunit::load_be32(counts.data()),
              subunit::load_be32(counts.data() + 4));
  events_.done();
}

void TreeSender::feed() {
  while ((stage_ == Stage::kManifest || stage_ == Stage::kContent) && !events_.congested())
    stage_ == Stage::kManifest ? send_manifest() : send_content();
  if (stage_ != Stage::kSilent && !over()) events_.preparing();
  show_progress();
}

void TreeSender::send_manifest() {
  const std::size_t size = std::min(kPieceSize, manifest_.size() - sent_);
  const Bytes bytes = Bytes(manifest_).subspan(sent_, size);
  sent_ += size;
  const bool last = sent_ == manifest_.size();
  if (last) stage_ = Stage::kAnswer;
  send(subunit::sync::kManifest, subunit::sync::pack_piece(bytes), last);
}

void TreeSender::send_content() {
  subunit::Buffer piece;
  while (piece.size() < kPieceSize) {
    const auto more = read_more(piece);
    if (!more) return fail(more.error().text);
    if (*more) continue;
    stage_ = Stage::kEnd;
    break;
  }
  if (piece.empty()) return;
  send(subunit::sync::kContent, subunit::sync::pack_piece(piece), true);
}

/// False: there is no more. A file is read again: what has changed since it was listed is not sent
/// in its place.
Result<bool> TreeSender::read_more(subunit::Buffer& piece) {
  if (!file_) return next_file();
  const Entry& entry = tree_.manifest()[at_];
  const std::size_t begin = piece.size();
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(entry.size - read_, kPieceSize - begin));
  piece.resize(begin + size);
  const auto read = read_piece(file_.get(), std::span(piece).subspan(begin), entry.path);
  if (!read) return tl::unexpected(read.error());
  builder_.add(Bytes(piece).subspan(begin, *read));
  read_ += *read;
  const bool last = read_ == entry.size;
  if (*read < size || (last && builder_.finish() != entry.content))
    return error("{} has changed while it was to be sent: start again", escaped(entry.path));
  if (last) {
    file_.reset();
    ++at_;
  }
  return true;
}

Result<bool> TreeSender::next_file() {
  while (at_ < wanted_.size() && wanted_[at_] == 0) ++at_;
  if (at_ == wanted_.size()) return false;
  auto file = tree_.open(tree_.manifest()[at_]);
  if (!file) return tl::unexpected(file.error());
  file_ = std::move(*file);
  read_ = 0;
  builder_ = {};
  return true;
}

void TreeSender::send(std::string_view word, Bytes bytes, bool last) {
  subunit::Buffer packet;
  subunit::sync::encode({.word = word, .bytes = bytes, .last = last}, packet);
  events_.send(packet);
}

void TreeSender::fail(std::string reason) {
  stage_ = Stage::kOver;
  log_.screen().show_status("");
  events_.failed(fmt::format("cannot bring the files of {} to the test machine: {}",
                             escaped(tree_.folder()), reason));
}

void TreeSender::show_progress() const {
  if (wanted_size_ == 0 || over() || !log_.screen().has_status_line()) return;
  const std::uint64_t arrived = std::min(arrived_ * kPieceSize, wanted_size_);
  const std::string line = fmt::format("bringing files to the test machine: {} of {} kB",
                                       arrived / 1000, (wanted_size_ + 999) / 1000);
  log_.screen().show_status(line.size() < log_.screen().columns() ? line : "");
}

std::string TreeSender::awaited() const {
  return fmt::format("for the files of {} to arrive", escaped(tree_.folder()));
}

std::string TreeSender::how_far() const {
  return fmt::format("while the files of {} were being sent", escaped(tree_.folder()));
}

}  // namespace proxy
