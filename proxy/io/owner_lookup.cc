#include "proxy/io/owner_lookup.h"

namespace proxy {

/// A walk through the tables in a thread of its own: it can take long, and cannot be stopped.
struct OwnerLookup::Search {
  uv_work_t work{};
  TcpConnection connection;
  TcpPeer peer;
  OwnerLookup* asked_by;  // nullptr once that is gone
};

OwnerLookup::OwnerLookup(uv_loop_t& loop, int fd, std::function<void(TcpPeer)> found)
    : found_(std::move(found)), timer_(loop, [this] { deliver(peer_); }) {
  const auto connection = TcpConnection::of_socket(fd);
  const auto answer = ask_for_tcp_peer(connection);
  if (answer) {
    peer_ = *answer;
    timer_.start(subunit::Time(0));
  } else {
    search(loop, connection);
  }
}

OwnerLookup::~OwnerLookup() {
  if (search_) search_->asked_by = nullptr;
}

void OwnerLookup::search(uv_loop_t& loop, const TcpConnection& connection) {
  search_ = new Search{.work = {}, .connection = connection, .peer = {}, .asked_by = this};
  search_->work.data = search_;
  uv_queue_work(
      &loop, &search_->work,
      [](uv_work_t* work) {
        auto& search = *static_cast<Search*>(work->data);
        search.peer = search_for_tcp_peer(search.connection);
      },
      [](uv_work_t* work, int) {
        const std::unique_ptr<Search> search(static_cast<Search*>(work->data));
        OwnerLookup* const lookup = search->asked_by;
        if (!lookup) return;
        lookup->search_ = nullptr;
        lookup->deliver(search->peer);
      });
}

void OwnerLookup::deliver(TcpPeer peer) {
  const auto found = std::move(found_);
  found(peer);  // and this may be gone
}

}  // namespace proxy
