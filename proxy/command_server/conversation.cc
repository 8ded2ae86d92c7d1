#include "proxy/command_server/conversation.h"

#include <algorithm>
#include <csignal>

#include "common/base/text.h"
#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;
using subunit::command::Answer;
using subunit::command::CommandTemplate;
using subunit::command::RunAnswer;
using subunit::command::RunRules;

namespace {

constexpr auto kHelloTimeout = seconds(60);  // as python3 -m subunit_rpc

// What a command leaves behind is not to disturb the next one, nor to hold it up for long.
constexpr auto kLeftoverGrace = seconds(1);
constexpr auto kGroupPoll = milliseconds(10);

// Where the proxy is gone, its guard ends us with KILL after a second: before that, the command has
// to be ended, and our folder removed.
constexpr auto kLostGrace = milliseconds(700);

// Test ids in requests that wait, each request counted as one more. A client that works sends a few
// requests ahead.
constexpr std::size_t kMaxWaiting = subunit::rpc::kMaxTestIds;

std::size_t size_of(const subunit::rpc::TestIds& tests) {
  return 1 + (tests ? tests->size() : 0);
}

}  // namespace

Conversation::Conversation(uv_loop_t& loop, Fd connection, const CommandServerOptions& options,
                           std::unique_ptr<subunit::adapter::Adapter> adapter, const Log& log)
    : loop_(loop),
      options_(options),
      suite_{options, std::move(adapter)},
      rules_(make_rules()),
      log_(log),
      session_(subunit::rpc::kSupportedVersions, std::nullopt, options.batch.value_or(kUsualBatch)),
      to_client_(loop, duplicate(connection.get()),
                 {.progress =
                      [this] {
                        if (request_) request_->regulate();
                      },
                  .failed = [this](const subunit::Error& error) { connection_lost(error.text); }}),
      from_client_(loop, std::move(connection),
                   {.packet = [this](const Packet& packet) { receive(packet); },
                    .noise = [this](Bytes bytes) { receive_noise(bytes); },
                    .batch = [] {},
                    .ended = [this](const Result<>&) { channel_ended(); }},
                   PacketReader::kSmallCapacity),
      signals_(loop, [this](const char* name) { signalled(name); }),
      guard_(loop),
      hello_timer_(loop,
                   [this] {
                     fail(fmt::format("the client sent no Hello within {}",
                                      subunit::in_seconds(kHelloTimeout)));
                   }),
      next_timer_(loop, [this] { clear_away(); }),
      grace_timer_(loop, [this] { abandon(); }) {}

Result<> Conversation::start(const std::optional<std::string>& token) {
  auto folder = TemporaryFolder::create();
  if (!folder) return tl::unexpected(folder.error());
  folder_.emplace(std::move(*folder));
  if (auto started = guard_.start(folder_->path()); !started) return started;
  if (token) {
    subunit::Buffer packet;
    auto encoded = subunit::rpc::encode_attachment(
        subunit::rpc::kProxyTestId, to_json(subunit::rpc::Attach{*token}), std::nullopt, packet);
    if (!encoded) return encoded;
    to_client_.send(packet);
  }
  hello_timer_.start(kHelloTimeout);
  from_client_.resume();
  return {};
}

bool Conversation::over() const {
  return ending_ && !request_ && to_client_.over();
}

// From the client.

void Conversation::receive(const Packet& packet) {
  struct Hear {
    Conversation& self;
    void operator()(const Session::NotMessage&) const {}
    void operator()(const Session::Incomplete&) const {}
    void operator()(const Session::Opened&) const { self.hello_timer_.stop(); }
    void operator()(Session::ListAsked& asked) const { self.queue(std::move(asked)); }
    void operator()(Session::RunAsked& asked) const { self.queue(std::move(asked)); }
    void operator()(const Session::GoodbyeSaid&) const { self.end(self.options_.grace); }
    void operator()(const Session::CancelAsked& asked) const { self.cancel(asked.nonce); }
    void operator()(const Session::Pinged&) const {}
  };
  auto event = session_.receive(packet);
  send_pending();
  if (!event) return fail(event.error().text);
  std::visit(Hear{*this}, *event);
}

void Conversation::receive_noise(Bytes bytes) {
  log_.warning("{} bytes from the client are not part of a packet: \"{}\"", bytes.size(),
               subunit::escaped(bytes, 80));
}

void Conversation::channel_ended() {
  if (const auto result = session_.receive_eof(); !result)
    fail(result.error().text, std::min<subunit::Time>(options_.grace, kLostGrace));
}

void Conversation::queue(Asked asked) {
  waiting_ids_ += std::visit([](const auto& each) { return size_of(each.tests); }, asked);
  waiting_.push_back(std::move(asked));
  regulate();
  serve_next();
}

Conversation::Asked Conversation::take_waiting(const std::deque<Asked>::iterator& which) {
  Asked asked = std::move(*which);
  waiting_.erase(which);
  waiting_ids_ -= std::visit([](const auto& each) { return size_of(each.tests); }, asked);
  regulate();
  return asked;
}

void Conversation::regulate() {
  waiting_ids_ > kMaxWaiting ? from_client_.pause() : from_client_.resume();
}

void Conversation::send_pending() {
  const Bytes bytes = session_.pending_output();
  to_client_.send(bytes);
  session_.consume_output(bytes.size());
}

// The requests.

void Conversation::serve_next() {
  if (request_ || waiting_.empty()) return;
  Asked asked = take_waiting(waiting_.begin());
  nonce_ = std::visit([](auto& each) { return std::move(each.nonce); }, asked);
  start_request(std::visit([this](auto& each) { return answer_to(each); }, asked));
}

RunRules Conversation::make_rules() const {
  RunRules rules;
  const auto batch = static_cast<std::size_t>(options_.batch.value_or(kUsualBatch));
  if (const auto* const command = std::get_if<CommandTemplate>(&options_.command)) {
    rules.one_a_line = command->uses_id_file();
    // What a request has, unless a limit was asked for.
    if (options_.batch) rules.together = [batch](const auto&) { return batch; };
    return rules;
  }
  const subunit::adapter::Adapter& adapter = *suite_.adapter;
  rules.together = [batch, &adapter](std::span<const std::string> ids) {
    // A script that runs all of its tests anyway need not do so again and again.
    return adapter.lists_by_running() ? ids.size() : std::min(batch, adapter.together(ids));
  };
  rules.exists = [&adapter](const std::string& id) { return adapter.knows(id); };
  rules.status_counts = adapter.status_counts();
  return rules;
}

Answer Conversation::answer_to(Session::ListAsked& list) const {
  return subunit::command::ListAnswer(std::move(list.tests));
}

/// What a program of a framework has must be known, and may have changed since it was listed.
Answer Conversation::answer_to(Session::RunAsked& run) const {
  if (!suite_.adapter) return RunAnswer(std::move(run.tests), rules_);
  const subunit::adapter::Adapter& adapter = *suite_.adapter;
  if (!run.tests && adapter.lists_by_running() && !adapter.tests().empty()) {
    run.tests.emplace();
    for (const auto& test : adapter.tests()) run.tests->push_back(test.id);
  }
  const bool is_known = run.tests && std::ranges::all_of(*run.tests, rules_.exists);
  if (is_known) return RunAnswer(std::move(run.tests), rules_);
  return subunit::command::RestAnswer(std::move(run.tests), rules_);
}

void Conversation::start_request(subunit::command::Answer answer) {
  request_.emplace(loop_, suite_, *folder_, std::move(answer), to_client_, log_,
                   [this](const Result<>& result) { request_ended(result); });
  request_->start();
  if (const auto group = request_->group()) guard_.watch(*group);
}

void Conversation::request_ended(const Result<>& result) {
  rest_ = request_->take_rest();
  if (!rest_) answer_ended(result);
  request_->end_leftovers(kLeftoverGrace);
  next_timer_.start(subunit::Time(0));
}

void Conversation::answer_ended(const Result<>& result) {
  if (result) {
    session_.done(nonce_);
  } else if (session_.version() >= 2) {
    session_.failed(nonce_, result.error().text);
  } else if (!ending_) {
    // The client knows no other answer than Done, and would take it for one.
    fail("what the client has asked for failed: " + result.error().text);
  }
  send_pending();
}

void Conversation::cancel(const std::string& nonce) {
  const auto found = std::ranges::find_if(waiting_, [&nonce](const Asked& asked) {
    return std::visit([&nonce](const auto& each) { return each.nonce == nonce; }, asked);
  });
  if (found != waiting_.end()) {
    (void)take_waiting(found);
    session_.done(nonce);
    send_pending();
  } else if (request_ && nonce_ == nonce) {
    cancel_request(options_.grace);
  }
}

/// Between two commands of a request there is none that could end, and with that the request.
void Conversation::cancel_request(subunit::Time grace) {
  request_->cancel(grace);
  if (std::exchange(rest_, std::nullopt)) answer_ended({});
}

/// The command has ended. Once its processes have gone, it is the turn of the next.
void Conversation::clear_away() {
  if (request_->processes_left()) return next_timer_.start(kGroupPoll);
  if (rest_) return start_request(*std::exchange(rest_, std::nullopt));
  request_.reset();
  ending_ ? to_client_.finish() : serve_next();
}

// The end.

void Conversation::end(subunit::Time grace) {
  ending_ = true;
  hello_timer_.stop();
  from_client_.close();
  waiting_.clear();
  request_ ? cancel_request(grace) : to_client_.finish();
}

void Conversation::fail(std::string_view why, std::optional<subunit::Time> grace) {
  log_.error("{}", why);
  problem_ = true;
  end(grace.value_or(options_.grace));
}

/// The first signal asks for an orderly end, within limits; the second for an end.
void Conversation::signalled(std::string_view name) {
  if (grace_timer_.running()) return abandon();
  grace_timer_.start(options_.grace);
  fail(fmt::format("ended by {}", name));
}

/// Waits for nobody any more, be it a command or the reader of its results.
void Conversation::abandon() {
  to_client_.close();
  if (!request_) return;
  cancel_request(subunit::Time(0));
  request_->stop_reading();
}

void Conversation::connection_lost(std::string_view why) {
  fail(fmt::format("the connection to the client was lost: {}", why));
  if (request_) request_->stop_reading();
}

}  // namespace proxy
