#include "common/rpc/server_session.h"

#include <cassert>

#include "common/base/text.h"
#include "common/base/transition.h"

namespace subunit::rpc {
namespace {

std::string_view place_of(ServerSession::State state) {
  switch (state) {
    case ServerSession::State::kWaiting:
      return "before its Hello";
    case ServerSession::State::kOpen:
      return "in the middle of the conversation";
    case ServerSession::State::kClosing:
      return "after Goodbye";
    case ServerSession::State::kFailed:
      return "after the conversation had failed";
  }
  return "";
}

tl::unexpected<Error> out_of_place(std::string_view message, ServerSession::State state) {
  return error("the client sent {} out of place, {}", message, place_of(state));
}

tl::unexpected<Error> too_new(std::string_view message) {
  return error("the client sent {}, which version 1 does not have", message);
}

}  // namespace

bool ServerSession::go(Step step) {
  static constexpr Transition<State, Step> kTransitions[] = {
      {State::kWaiting, Step::kHearHello, State::kOpen},
      {State::kOpen, Step::kHearRequest, State::kOpen},
      {State::kOpen, Step::kHearGoodbye, State::kClosing},
      {State::kOpen, Step::kHearEof, State::kClosing},
      {State::kClosing, Step::kHearEof, State::kClosing},
      {State::kWaiting, Step::kFail, State::kFailed},
      {State::kOpen, Step::kFail, State::kFailed},
      {State::kClosing, Step::kFail, State::kFailed},
  };
  const auto to = next_state(kTransitions, state_, step);
  if (to) state_ = *to;
  return to.has_value();
}

Result<ServerSession::Event> ServerSession::receive(const Packet& packet) {
  if (!carries_message(packet, kRpcTestId)) return NotMessage{};
  auto event = assembler_.add(packet).and_then([this](const std::optional<std::string>& json) {
    return json ? hear(*json) : Result<Event>(Incomplete{});
  });
  if (!event) go(Step::kFail);
  return event;
}

Result<ServerSession::Event> ServerSession::hear(std::string_view json) {
  struct Hear {
    ServerSession& session;
    Result<Event> operator()(Hello& hello) const { return session.hear_hello(hello.versions); }
    Result<Event> operator()(List& list) const {
      return session.hear_request("List", list.nonce, ListAsked{std::move(list.tests), list.nonce});
    }
    Result<Event> operator()(Run& run) const {
      return session.hear_request("Run", run.nonce, RunAsked{std::move(run.tests), run.nonce});
    }
    Result<Event> operator()(Done&) const {
      return error("the client sent what only servers send");
    }
    Result<Event> operator()(Goodbye&) const { return session.hear_goodbye(); }
    Result<Event> operator()(Cancel& cancel) const { return session.hear_cancel(cancel); }
    Result<Event> operator()(Ping& ping) const { return session.hear_ping(ping); }
    Result<Event> operator()(ErrorMessage&) const {
      return error("the client sent what only servers send");
    }
    Result<Event> operator()(Pong&) const {
      return error("the client sent what only servers send");
    }
  };
  Result<Message> message = parse_message(json);
  if (!message) return error("from the client: {}", message.error().text);
  return std::visit(Hear{*this}, *message).map_error([json](const Error& fault) {
    return Error{fmt::format("{}: {}", fault.text, escaped(json))};
  });
}

Result<ServerSession::Event> ServerSession::hear_hello(VersionRange theirs) {
  if (!go(Step::kHearHello)) return out_of_place("Hello", state_);
  say(hello_);
  return negotiate(hello_.versions, theirs).map([this](int version) {
    version_ = version;
    return Event(Opened{version});
  });
}

Result<ServerSession::Event> ServerSession::hear_request(std::string_view name,
                                                         const std::string& nonce, Event event) {
  if (!go(Step::kHearRequest)) return out_of_place(name, state_);
  if (!outstanding_.insert(nonce).second)
    return error("the client sent {} with a nonce that is outstanding already", name);
  return event;
}

Result<ServerSession::Event> ServerSession::hear_goodbye() {
  if (!go(Step::kHearGoodbye)) return out_of_place("Goodbye", state_);
  return GoodbyeSaid{};
}

Result<ServerSession::Event> ServerSession::hear_cancel(Cancel& cancel) {
  if (version_ == 1) return too_new("Cancel");
  if (!go(Step::kHearRequest)) return out_of_place("Cancel", state_);
  return CancelAsked{std::move(cancel.nonce)};
}

Result<ServerSession::Event> ServerSession::hear_ping(Ping& ping) {
  if (version_ == 1) return too_new("Ping");
  if (!go(Step::kHearRequest)) return out_of_place("Ping", state_);
  say(Pong{std::move(ping.nonce)});
  return Pinged{};
}

Result<> ServerSession::receive_eof() {
  const State before = state_;
  if (!go(Step::kHearEof)) go(Step::kFail);
  if (before == State::kClosing || before == State::kFailed) return {};
  return error("the client's stream ended {}, without Goodbye; {} requests are outstanding",
               place_of(before), outstanding_.size());
}

void ServerSession::done(std::string_view nonce) {
  say(Done{take_outstanding(nonce)});
}

void ServerSession::failed(std::string_view nonce, std::string text) {
  if (version_ < 2) return done(nonce);
  say(ErrorMessage{take_outstanding(nonce), std::move(text)});
}

std::string ServerSession::take_outstanding(std::string_view nonce) {
  const auto found = outstanding_.find(nonce);
  assert(found != outstanding_.end());
  return std::move(outstanding_.extract(found).value());
}

void ServerSession::say(const Message& message) {
  [[maybe_unused]] const Result<> added = outbox_.add(message);
  assert(added);
}

bool ServerSession::outstanding(std::string_view nonce) const {
  return outstanding_.find(nonce) != outstanding_.end();
}

}  // namespace subunit::rpc
