#include "proxy/native/server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"
#include "common/subunit/encoder.h"
#include "common/verdict/end_of_test.h"

namespace proxy::native {

using subunit::Bytes;
using subunit::error;
using subunit::Packet;
using subunit::Result;
using subunit::Status;
using subunit::Time;

namespace {

constexpr Time kHelloTimeout = std::chrono::seconds(60);  // as python3 -m subunit_rpc
constexpr Time kCancelGrace = std::chrono::seconds(2);    // from TERM to KILL
constexpr std::size_t kReadSize = 65536;
// With more than this unwritten, a child has to wait.
constexpr std::size_t kHighWaterMark = 1 << 20;
// Test ids in requests that wait, each request counted as one more. With more, the client is not
// read: one that works sends a few requests ahead.
constexpr std::size_t kMaxWaiting = subunit::rpc::kMaxTestIds;

template <typename Asked>
std::size_t size_of(const Asked& asked) {
  return std::visit([](const auto& each) { return 1 + (each.tests ? each.tests->size() : 0); },
                    asked);
}

Time monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

int timeout_until(std::optional<Time> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - monotonic_now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

Server::Server(Suite& suite, Mode mode, Fd connection, const OutputPipes& output)
    : suite_(suite),
      mode_(mode),
      connection_(std::move(connection)),
      output_(output),
      session_(subunit::rpc::kSupportedVersions, std::string(subunit::rpc::kSettledOutput)) {
  const std::vector<Test>& tests = suite_.tests();
  for (std::size_t place = 0; place < tests.size(); ++place)
    places_.emplace(tests[place].id, place);
}

Result<> Server::serve(const std::optional<std::string>& token) {
  if (token) {
    auto encoded = subunit::rpc::encode_attachment(
        subunit::rpc::kProxyTestId, to_json(subunit::rpc::Attach{*token}), std::nullopt, outbox_);
    if (!encoded) return encoded;
  }
  hello_deadline_ = monotonic_now() + kHelloTimeout;
  while (!closing_) {
    turn(true);
    while (!closing_ && !nonce_ && !waiting_.empty()) serve_next();
  }
  child_.reset();
  return result_;
}

// The client.

/// One round of the loop; with `wait` it returns only when something has happened.
void Server::turn(bool wait) {
  const bool unsent = sent_ < outbox_.size();
  const bool reads_child = child_ && outbox_.size() - sent_ < kHighWaterMark;
  pollfd ready[] = {{.fd = connection_.get(),
                     .events = static_cast<short>((waiting_ids_ <= kMaxWaiting ? POLLIN : 0) |
                                                  (unsent ? POLLOUT : 0)),
                     .revents = 0},
                    {.fd = reads_child ? child_->line() : -1, .events = POLLIN, .revents = 0},
                    {.fd = reads_child ? child_->process() : -1, .events = POLLIN, .revents = 0},
                    {.fd = leaving_ ? leaving_->process() : -1, .events = POLLIN, .revents = 0}};
  auto deadline =
      subunit::earlier(subunit::earlier(hello_deadline_, kill_deadline_), decoder_.next_deadline());
  if (child_decoder_) deadline = subunit::earlier(deadline, child_decoder_->next_deadline());
  (void)::poll(ready, std::size(ready), wait ? timeout_until(deadline) : 0);
  const Time now = monotonic_now();
  if (hello_deadline_ && now >= *hello_deadline_)
    return close(error("the client sent no Hello within {}", subunit::in_seconds(kHelloTimeout)));
  if (kill_deadline_ && now >= *kill_deadline_) {
    kill_deadline_.reset();
    if (child_) child_->signal(SIGKILL);
  }
  if (ready[0].revents & (POLLIN | POLLHUP | POLLERR))
    read_connection();
  else
    decoder_.tick(now);
  receive_events();
  if (closing_) return;
  if (child_ && (ready[1].revents || child_decoder_->next_deadline())) read_child();
  if (child_ && mode_ == Mode::kFork && run_->complete()) child_leaves();
  if (child_ && ready[2].revents) child_ended();
  if (leaving_ && ready[3].revents) leaving_.reset();
  write_pending();
}

void Server::read_connection() {
  const auto room = decoder_.prepare(kReadSize);
  const ssize_t size = ::recv(connection_.get(), room.data(), room.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0)
    return close(error("the connection to the client was lost: {}", std::strerror(errno)));
  if (size > 0) return decoder_.commit(static_cast<std::size_t>(size), monotonic_now());
  decoder_.receive_eof();
  receive_events();
  close(session_.receive_eof());
}

void Server::receive_events() {
  while (!closing_) {
    const auto event = decoder_.next_event();
    if (!event) return;
    // What is not a packet has come from nobody who knows the protocol.
    if (const auto* packet = std::get_if<Packet>(&*event)) receive(*packet);
  }
}

void Server::receive(const Packet& packet) {
  struct Hear {
    Server& self;
    void operator()(const Session::NotMessage&) const {}
    void operator()(const Session::Incomplete&) const {}
    void operator()(const Session::Opened&) const { self.hello_deadline_.reset(); }
    void operator()(Session::ListAsked& asked) const { self.queue(std::move(asked)); }
    void operator()(Session::RunAsked& asked) const { self.queue(std::move(asked)); }
    void operator()(const Session::GoodbyeSaid&) const { self.close({}); }
    void operator()(const Session::CancelAsked& asked) const { self.cancel(asked.nonce); }
    void operator()(const Session::Pinged&) const {}
  };
  auto event = session_.receive(packet);
  take_session_output();
  if (!event) return close(tl::unexpected(event.error()));
  std::visit(Hear{*this}, *event);
}

void Server::queue(Asked asked) {
  waiting_ids_ += size_of(asked);
  waiting_.push_back(std::move(asked));
}

Server::Asked Server::take_waiting(const std::deque<Asked>::iterator& which) {
  Asked asked = std::move(*which);
  waiting_.erase(which);
  waiting_ids_ -= size_of(asked);
  return asked;
}

void Server::cancel(const std::string& nonce) {
  if (nonce_ == nonce) return stop_run();
  const auto found = std::ranges::find_if(waiting_, [&nonce](const Asked& asked) {
    return std::visit([&nonce](const auto& each) { return each.nonce == nonce; }, asked);
  });
  if (found == waiting_.end()) return;
  (void)take_waiting(found);
  session_.done(nonce);
  take_session_output();
}

/// Nothing is answered any more: whoever has asked has gone.
void Server::close(const Result<>& result) {
  write_pending();  // our Hello, where there is no version in common
  closing_ = stopped_ = true;
  result_ = result;
}

void Server::take_session_output() {
  const Bytes bytes = session_.pending_output();
  subunit::append(outbox_, bytes);
  session_.consume_output(bytes.size());
}

void Server::write_pending() {
  while (sent_ < outbox_.size()) {
    const ssize_t size =
        ::send(connection_.get(), outbox_.data() + sent_, outbox_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;  // an error is seen where the connection is read
    sent_ += static_cast<std::size_t>(size);
  }
  if (sent_ < outbox_.size()) return;
  outbox_.clear();
  sent_ = 0;
  if (std::exchange(child_waits_, false) && child_) {
    // What its tests do next is behind that, be it that they kill the proxy.
    wait_until_proxy_has_read(connection_.get());
    child_->acknowledge();
  }
  // Not before: it may print at once, and what was in progress has to be at its end by then.
  if (run_ && !child_ && !closing_) start_child();
}

// The requests.

void Server::serve_next() {
  Asked asked = take_waiting(waiting_.begin());
  stopped_ = false;
  nonce_ = std::visit([](auto& each) { return std::move(each.nonce); }, asked);
  if (const auto* listed = std::get_if<Session::ListAsked>(&asked)) {
    list(listed->tests);
    request_done();
  } else {
    begin_run(std::get<Session::RunAsked>(asked).tests);
  }
  write_pending();
}

/// The tests that are meant, in the order of the request; for a Run, those that are unknown fail.
Places Server::places(const subunit::rpc::TestIds& asked, bool for_run) {
  Places found;
  if (!asked) {
    for (std::size_t place = 0; place < suite_.tests().size(); ++place)
      if (suite_.tests()[place].by_default) found.push_back(place);
    return found;
  }
  std::set<std::string_view> seen;
  for (const std::string& id : *asked) {
    if (!seen.insert(id).second) continue;
    const auto place = places_.find(id);
    if (place != places_.end())
      found.push_back(place->second);
    else if (for_run)
      fail_unknown(id);
  }
  return found;
}

void Server::fail_unknown(const std::string& id) {
  const auto now = time_of_day();
  (void)subunit::encode({.test_id = id, .timestamp = now, .status = Status::kInProgress}, outbox_);
  const std::string reason = fmt::format(
      "there is no test of this name, or {}'s filters leave it out", suite_.framework());
  subunit::verdict::encode_end({.test_id = id, .reason = reason, .when = now}, outbox_);
}

void Server::list(const subunit::rpc::TestIds& asked) {
  for (const std::size_t place : places(asked, false)) {
    const Test& test = suite_.tests()[place];
    const std::vector<std::string_view> tags(test.tags.begin(), test.tags.end());
    (void)subunit::encode({.test_id = test.id, .status = Status::kExists}, tags, outbox_);
  }
}

void Server::begin_run(const subunit::rpc::TestIds& asked) {
  Places which = places(asked, true);
  std::ranges::sort(which);
  if (which.empty()) return request_done();
  if (mode_ == Mode::kHere) {
    Reporter reporter(*this, output_);
    suite_.run(which, reporter);
    return request_done();
  }
  run_.emplace(suite_.tests(), std::move(which));
}

void Server::request_done() {
  run_.reset();
  const std::string nonce = *std::exchange(nonce_, std::nullopt);
  if (closing_) return;
  session_.done(nonce);
  take_session_output();
}

/// From the tests of this process.
void Server::send(Bytes packets, bool wait) {
  subunit::append(outbox_, packets);
  write_pending();
  if (!wait) return;
  do turn(sent_ < outbox_.size());
  while (!closing_ && sent_ < outbox_.size());
  wait_until_proxy_has_read(connection_.get());
}

// The children.

Result<Child> Server::make_child() {
  flush_output();
  const Places& left = run_->left();
  if (mode_ == Mode::kExecute) {
    std::vector<std::string> ids;
    for (const std::size_t place : left) ids.push_back(suite_.tests()[place].id);
    return Child::execute(ids);
  }
  return Child::fork(connection_.get(), [this, &left](Fd fd) {
    ChildLine line(std::move(fd));
    Reporter reporter(line, output_);
    suite_.run(left, reporter);
    flush_output();
    line.complete();
  });
}

void Server::start_child() {
  auto child = make_child();
  if (!child) {
    session_.failed(*std::exchange(nonce_, std::nullopt), child.error().text);
    run_.reset();
    return take_session_output();
  }
  child_.emplace(std::move(*child));
  child_decoder_.emplace(kReadSize);
}

/// True if there may be more to read at once.
bool Server::read_child() {
  const auto room = child_decoder_->prepare(kReadSize);
  const ssize_t size = ::recv(child_->line(), room.data(), room.size(), 0);
  if (size > 0)
    child_decoder_->commit(static_cast<std::size_t>(size), monotonic_now());
  else
    child_decoder_->tick(monotonic_now());
  // Noise comes from a test that has written to what does not belong to it.
  while (const auto event = child_decoder_->next_event())
    if (const auto* packet = std::get_if<Packet>(&*event))
      child_waits_ |= run_->receive(*packet, outbox_);
  return size > 0;
}

void Server::child_ended() {
  while (read_child()) {
  }
  const int status = child_->wait();
  output_.settle();
  end_child(status);
}

/// A forked child that has done its Run only ends, which takes as long as a short test: nobody
/// waits for that.
void Server::child_leaves() {
  leaving_.emplace(std::move(*child_));
  end_child(0);
}

void Server::end_child(int wait_status) {
  child_.reset();
  child_decoder_.reset();
  child_waits_ = false;
  kill_deadline_.reset();
  run_->child_ended(wait_status, time_of_day(), outbox_);
  if (run_->left().empty()) request_done();
}

/// Cancel: the test in progress is given a moment to clean up.
void Server::stop_run() {
  stopped_ = true;
  if (!run_) return;
  if (!child_) return request_done();
  run_->cancel();
  child_->signal(SIGTERM);
  kill_deadline_ = monotonic_now() + kCancelGrace;
}

}  // namespace proxy::native
