#include "common/rpc/client_session.h"

#include <algorithm>
#include <cassert>

#include "common/base/text.h"
#include "common/base/transition.h"

namespace subunit::rpc {
namespace {

std::string_view place_of(ClientSession::State state) {
  switch (state) {
    case ClientSession::State::kIdle:
      return "before the client's Hello";
    case ClientSession::State::kHelloSent:
    case ClientSession::State::kLeaving:
      return "before its Hello";
    case ClientSession::State::kOpen:
      return "in the middle of the conversation";
    case ClientSession::State::kClosing:
      return "after Goodbye";
    case ClientSession::State::kClosed:
      return "after the end of its stream";
    case ClientSession::State::kFailed:
      return "after the conversation had failed";
  }
  return "";
}

tl::unexpected<Error> out_of_place(std::string_view message, ClientSession::State state) {
  return error("the server sent {} out of place, {}", message, place_of(state));
}

tl::unexpected<Error> too_new(std::string_view message) {
  return error("the server sent {}, which version 1 does not have", message);
}

}  // namespace

bool ClientSession::go(Step step) {
  static constexpr Transition<State, Step> kTransitions[] = {
      {State::kIdle, Step::kSayHello, State::kHelloSent},
      {State::kHelloSent, Step::kHearHello, State::kOpen},
      {State::kHelloSent, Step::kSayGoodbye, State::kLeaving},
      {State::kOpen, Step::kAsk, State::kOpen},
      {State::kOpen, Step::kHearAnswer, State::kOpen},
      {State::kOpen, Step::kSayGoodbye, State::kClosing},
      {State::kLeaving, Step::kHearHello, State::kClosing},
      {State::kLeaving, Step::kHearEof, State::kClosed},
      {State::kClosing, Step::kHearAnswer, State::kClosing},
      {State::kClosing, Step::kHearEof, State::kClosed},
      {State::kIdle, Step::kFail, State::kFailed},
      {State::kHelloSent, Step::kFail, State::kFailed},
      {State::kOpen, Step::kFail, State::kFailed},
      {State::kLeaving, Step::kFail, State::kFailed},
      {State::kClosing, Step::kFail, State::kFailed},
      {State::kClosed, Step::kFail, State::kFailed},
  };
  const auto to = next_state(kTransitions, state_, step);
  if (to) state_ = *to;
  return to.has_value();
}

void ClientSession::hello() {
  say(Step::kSayHello, Hello{versions_});
}

void ClientSession::cancel(const std::string& nonce) {
  assert(version_ >= 2 && outstanding(nonce));
  say(Step::kAsk, Cancel{nonce});
}

std::string ClientSession::ping() {
  assert(version_ >= 2);
  std::string nonce = fmt::format("ping {}", ++pinged_);
  say(Step::kAsk, Ping{nonce});
  pings_.insert(nonce);
  return nonce;
}

void ClientSession::goodbye() {
  say(Step::kSayGoodbye, Goodbye{});
}

void ClientSession::say(Step step, const Message& message) {
  [[maybe_unused]] const bool allowed = go(step);
  assert(allowed);
  [[maybe_unused]] const Result<> added = outbox_.add(message);
  assert(added);
}

Result<std::string> ClientSession::list(TestIds tests) {
  return ask(List{std::move(tests), next_nonce()});
}

Result<std::string> ClientSession::run(TestIds tests) {
  return ask(Run{std::move(tests), next_nonce()});
}

Result<std::string> ClientSession::ask(const Message& question) {
  [[maybe_unused]] const bool allowed = go(Step::kAsk);
  assert(allowed);
  return outbox_.add(question).map([this] {
    std::string nonce = next_nonce();
    ++asked_;
    outstanding_.insert(nonce);
    return nonce;
  });
}

Result<ClientSession::Event> ClientSession::receive(const Packet& packet) {
  if (!carries_message(packet, kRpcTestId)) return NotMessage{};
  auto event = assembler_.add(packet).and_then([this](const std::optional<std::string>& json) {
    return json ? hear(*json) : Result<Event>(Incomplete{});
  });
  if (!event) go(Step::kFail);
  return event;
}

Result<ClientSession::Event> ClientSession::hear(std::string_view json) {
  struct Hear {
    ClientSession& session;
    Result<Event> operator()(const Hello& hello) const { return session.hear(hello); }
    Result<Event> operator()(const List&) const { return session.hear_client_message(); }
    Result<Event> operator()(const Run&) const { return session.hear_client_message(); }
    Result<Event> operator()(const Done& done) const { return session.hear(done); }
    Result<Event> operator()(const Goodbye&) const { return session.hear_client_message(); }
    Result<Event> operator()(const Cancel&) const { return session.hear_client_message(); }
    Result<Event> operator()(const Ping&) const { return session.hear_client_message(); }
    Result<Event> operator()(ErrorMessage& failure) const { return session.hear(failure); }
    Result<Event> operator()(const Pong& pong) const { return session.hear(pong); }
  };
  Result<Message> message = parse_message(json);
  if (!message) return error("from the server: {}", message.error().text);
  return std::visit(Hear{*this}, *message).map_error([json](const Error& fault) {
    return Error{fmt::format("{}: {}", fault.text, escaped(json))};
  });
}

Result<ClientSession::Event> ClientSession::hear(const Hello& hello) {
  if (!go(Step::kHearHello)) return out_of_place("Hello", state_);
  return negotiate(versions_, hello.versions).map([this, &hello](int version) {
    version_ = version;
    return Event(Opened{version, std::max(1, hello.batch.value_or(1))});
  });
}

Result<ClientSession::Event> ClientSession::hear(const Done& done) {
  if (!go(Step::kHearAnswer)) return out_of_place("Done", state_);
  return take_answer("Done", done.nonce).map([&] { return Event(Answered{done.nonce}); });
}

Result<ClientSession::Event> ClientSession::hear(ErrorMessage& failure) {
  if (version_ == 1) return too_new("Error");
  if (!go(Step::kHearAnswer)) return out_of_place("Error", state_);
  const Result<> taken = failure.nonce ? take_answer("Error", *failure.nonce) : Result<>();
  return taken.map([&] {
    return Event(Failed{std::move(failure.nonce), std::move(failure.text)});
  });
}

Result<ClientSession::Event> ClientSession::hear(const Pong& pong) {
  if (version_ == 1) return too_new("Pong");
  if (!go(Step::kHearAnswer)) return out_of_place("Pong", state_);
  if (pings_.erase(pong.nonce) == 0)
    return error("the server sent Pong with a nonce for which no Ping is outstanding");
  return Ponged{pong.nonce};
}

Result<> ClientSession::take_answer(std::string_view message, const std::string& nonce) {
  if (outstanding_.erase(nonce) > 0) return {};
  return error("the server sent {} with a nonce for which nothing is outstanding", message);
}

Result<ClientSession::Event> ClientSession::hear_client_message() const {
  return error(
      "the server sent what only clients send; does the channel echo what is written to it?");
}

Result<> ClientSession::receive_eof() {
  if (go(Step::kHearEof) || state_ == State::kClosed || state_ == State::kFailed) return {};
  const std::string_view when = place_of(state_);
  go(Step::kFail);
  if (outstanding_.empty()) return error("the server's stream ended {}, without Goodbye", when);
  return error("the server's stream ended {}: no Done came for {} of {} requests", when,
               outstanding_.size(), asked_);
}

bool ClientSession::outstanding(std::string_view nonce) const {
  return outstanding_.find(nonce) != outstanding_.end();
}

}  // namespace subunit::rpc
