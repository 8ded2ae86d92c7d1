#include "proxy/command_server/adapted_command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/subunit/encoder.h"
#include "common/verdict/end_of_test.h"
#include "proxy/io/handle.h"
#include "proxy/net/socket_owner.h"
#include "proxy/posix/read_file.h"

namespace proxy {

using std::chrono::seconds;
using subunit::as_text;
using subunit::Bytes;
using subunit::error;
using subunit::Result;
using subunit::Status;
using subunit::adapter::Adapter;
using subunit::adapter::Attachment;
using subunit::adapter::Event;
using subunit::adapter::Invocation;
using subunit::adapter::Outlets;
using subunit::adapter::Output;
using subunit::adapter::Remains;
using subunit::adapter::TestEnded;
using subunit::adapter::TestStarted;

namespace {

// A process that the program left behind may hold its output open, and is not waited for any
// longer.
constexpr auto kLeftoverTimeout = seconds(1);

// Of a report on tests.
constexpr std::size_t kMaxFile = 256 << 20;
// Of the output of a program that lists its tests.
constexpr std::size_t kMaxList = 64 << 20;

constexpr const char* kOutputFile = "output";
constexpr const char* kEvents = "events";

/// A connection by another user's process is not from the program.
bool is_ours(int fd) {
  const TcpConnection connection = TcpConnection::of_socket(fd);
  auto peer = ask_for_tcp_peer(connection);
  if (!peer) peer = search_for_tcp_peer(connection);
  return !peer->user || *peer->user == ::geteuid();
}

/// Bytes that are not UTF-8 are escaped: no reader fails on them.
std::string as_utf8(const std::string& text) {
  return subunit::scan_utf8(subunit::as_bytes(text)).valid == text.size()
             ? text
             : subunit::escaped(text, SIZE_MAX);
}

}  // namespace

AdaptedCommand::AdaptedCommand(uv_loop_t& loop, Writer& to, const Log& log,
                               const TemporaryFolder& folder, Events events)
    : loop_(loop),
      to_(to),
      log_(log),
      folder_(folder),
      events_(std::move(events)),
      out_(loop, "stdout", std::nullopt, room_,
           {.packets =
                [this](Bytes packets) {
                  if (results_ && source_ == Source::kFifo) send_output(packets);
                },
            .readable = [this] { catch_up(); },
            .ended = [this] { conclude_if_possible(); },
            .bytes = [this](Bytes bytes) { receive_stdout(bytes); }}),
      err_(loop, "stderr", std::nullopt, room_,
           {.packets = [this](Bytes packets) { send_output(packets); },
            .readable = [this] { catch_up(); },
            .ended = [this] { conclude_if_possible(); }}),
      child_(loop, [this](const Ending&) { child_ended(); }),
      end_timer_(loop, [this] { end_overdue(); }) {}

AdaptedCommand::~AdaptedCommand() = default;

Result<> AdaptedCommand::list(const std::vector<std::string>& command, const Adapter& adapter) {
  // A list may come on stdout among other output, and is then kept as a whole.
  source_ = adapter.source() == Source::kSocket ? Source::kFifo : adapter.source();
  const auto outlets = open_outlets();
  if (!outlets) return tl::unexpected(outlets.error());
  return start(command, adapter.list(*outlets));
}

Result<> AdaptedCommand::run(const std::vector<std::string>& command, const Adapter& adapter,
                             const std::vector<std::string>& ids) {
  source_ = adapter.source();
  results_ = adapter.reader(ids);
  const auto outlets = open_outlets();
  if (!outlets) return tl::unexpected(outlets.error());
  auto started = start(command, adapter.run(ids, *outlets));
  handle_events();
  return started;
}

Result<Outlets> AdaptedCommand::open_outlets() {
  Outlets outlets{.events = {}, .file = folder_.path() + '/' + kOutputFile};
  ::unlink(outlets.file.c_str());
  auto events = source_ == Source::kSocket ? open_socket() : open_fifo();
  if (!events) return tl::unexpected(events.error());
  outlets.events = std::move(*events);
  return outlets;
}

/// This process has it open for writing, too, so that it does not end with its first writer.
Result<std::string> AdaptedCommand::open_fifo() {
  std::string path = folder_.path() + '/' + kEvents;
  ::unlink(path.c_str());
  Fd fd;
  if (::mkfifo(path.c_str(), 0600) == 0) fd = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return error("cannot make the FIFO {}: {}", path, std::strerror(errno));
  read_events(std::move(fd));
  return path;
}

/// "" where no program can connect: then there is only the output file.
Result<std::string> AdaptedCommand::open_socket() {
  const auto any_port = Endpoint::parse("127.0.0.1:0");
  if (!any_port || !any_port->check_route()) return std::string();
  auto listener = Listener::open(*any_port);
  if (!listener) return std::string();
  listener_.emplace(std::move(*listener));
  connecting_.emplace(loop_, listener_->fd(), UV_READABLE, [this] { accept(); });
  return listener_->address();
}

void AdaptedCommand::accept() {
  Fd fd = listener_->accept();
  if (!fd) return;
  if (!is_ours(fd.get())) {
    log_.warning(
        "a process of another user has connected in place of the test program; it is "
        "not listened to");
    return;
  }
  connecting_.reset();
  read_events(std::move(fd));
}

void AdaptedCommand::read_events(Fd fd) {
  event_reader_.emplace(
      loop_, std::move(fd),
      Reader::Events{
          .room = [this] { return std::span(event_room_); },
          .received = [this](std::size_t size) { receive_events(Bytes(event_room_).first(size)); },
          .ended = [this](const Result<>&) { conclude_if_possible(); },
      });
  event_reader_->resume();
}

Result<> AdaptedCommand::start(const std::vector<std::string>& command, Invocation invocation) {
  auto out = out_.open();
  if (!out) return tl::unexpected(out.error());
  auto err = err_.open();
  if (!err) return tl::unexpected(err.error());
  Command program{.words = command,
                  .settings = std::move(invocation.settings),
                  .out = out->get(),
                  .err = err->get(),
                  .own_session = true};
  std::ranges::move(invocation.arguments, std::back_inserter(program.words));
  return child_.start(program);
}

// What comes of it.

/// What the program had printed before belongs to the test that was in progress until now.
void AdaptedCommand::receive_events(Bytes bytes) {
  events_came_ = true;
  out_.drain();
  err_.drain();
  if (results_) {
    results_->receive(as_text(bytes));
    handle_events();
  } else {
    keep(bytes, listed_events_);
  }
}

void AdaptedCommand::keep(Bytes bytes, std::string& listed) {
  is_cut_ |= listed.size() + bytes.size() > kMaxList;
  if (!is_cut_) listed += as_text(bytes);
}

/// A test's start was sent before the test printed anything.
void AdaptedCommand::catch_up() {
  if (connecting_) accept();
  if (event_reader_) event_reader_->drain();
}

void AdaptedCommand::receive_stdout(Bytes bytes) {
  if (!results_) {
    keep(bytes, listed_output_);
  } else if (source_ == Source::kFifo) {
    return;
  } else if (source_ == Source::kSocket) {
    results_->observe_stdout(as_text(bytes));
    handle_events();
  } else if (events_came_) {
    handle(Output{std::string(as_text(bytes))});
  } else {
    results_->receive(as_text(bytes));
    handle_events();
  }
}

void AdaptedCommand::send_output(Bytes packets) {
  to_.send(packets);
  regulate();
}

void AdaptedCommand::handle_events() {
  while (const auto event = results_->next_event())
    std::visit([this](const auto& each) { handle(each); }, *event);
}

void AdaptedCommand::handle(const TestStarted& event) {
  send_status(event.id, Status::kInProgress);
}

void AdaptedCommand::handle(const TestEnded& event) {
  err_.drain();
  for (const Attachment& attachment : event.attachments) {
    const std::string text = as_utf8(attachment.text);
    subunit::Buffer packet;
    const auto encoded =
        subunit::encode_file({.test_id = event.id,
                              .mime_type = "text/plain;charset=utf8",
                              .file = subunit::File{attachment.name, subunit::as_bytes(text)},
                              .eof = true},
                             {}, packet);
    if (!encoded) log_.warning("{}", encoded.error().text);
    to_.send(packet);
  }
  send_status(event.id, event.status);
}

void AdaptedCommand::handle(const Output& event) {
  printed_.add(subunit::as_bytes(event.bytes), packets_);
  to_.send(packets_);
  packets_.clear();
  regulate();
}

void AdaptedCommand::send_status(std::string_view test_id, Status status) {
  subunit::Buffer bytes;
  const auto encoded =
      subunit::encode({.test_id = test_id, .timestamp = wall_clock(), .status = status}, bytes);
  if (!encoded) return log_.warning("a test of the program: {}", encoded.error().text);
  const auto packet = subunit::parse_packet(bytes);
  if (events_.packet && events_.packet(*packet) != subunit::command::Fate::kPass) return;
  open_tests_.record(test_id, status);
  attribute();
  to_.send(bytes);
}

void AdaptedCommand::attribute() {
  const std::string* only = open_tests_.only();
  const auto test = only ? std::optional<std::string_view>(*only) : std::nullopt;
  out_.attribute(test);
  err_.attribute(test);
  printed_.attribute(test, packets_);
  to_.send(packets_);
  packets_.clear();
}

/// Results go first: captured output is read only while nothing is queued.
void AdaptedCommand::regulate() {
  if (event_reader_ && !event_reader_->closed())
    to_.congested() ? event_reader_->pause() : event_reader_->resume();
  out_.set_flow(to_.queued() == 0);
  err_.set_flow(to_.queued() == 0);
}

void AdaptedCommand::stop_reading() {
  out_.close();
  err_.close();
  conclude_if_possible();
}

std::string AdaptedCommand::last_output() const {
  std::string text;
  out_.describe_tail("the command", text);
  err_.describe_tail("the command", text);
  return text;
}

Remains AdaptedCommand::remains() const {
  Remains remains{.file = {}, .events = listed_events_, .output = listed_output_};
  if (auto file = read_file("the output file", folder_.path() + '/' + kOutputFile, kMaxFile))
    remains.file = std::move(*file);
  remains.exit = child_.ending()->exit;
  remains.clean = remains.exit == 0;
  remains.ending = child_.ending()->text();
  remains.is_cut = is_cut_;
  return remains;
}

// The end.

void AdaptedCommand::child_ended() {
  end_timer_.start(kLeftoverTimeout);
  conclude_if_possible();
}

void AdaptedCommand::end_overdue() {
  if (to_.queued() > 0) return end_timer_.start(kLeftoverTimeout);
  log_.warning(
      "a process that the test program left behind is still running and holds its output open; "
      "its further output is dropped");
  out_.drain();
  err_.drain();
  out_.close();
  err_.close();
  conclude_if_possible();
}

bool AdaptedCommand::output_over() const {
  return out_.over() && err_.over();
}

void AdaptedCommand::conclude_if_possible() {
  if (concluded_ || child_.running() || !output_over()) return;
  concluded_ = true;
  end_timer_.stop();
  // What it has sent is here: it has ended.
  catch_up();
  connecting_.reset();
  event_reader_.reset();
  if (results_) {
    results_->end(remains());
    handle_events();
  }
  printed_.flush(packets_);
  to_.send(packets_);
  packets_.clear();
  fail_open_tests();
  events_.ended(*child_.ending());
}

void AdaptedCommand::fail_open_tests() {
  subunit::Buffer packets;
  for (const std::string& test : open_tests_.ids()) {
    const std::string reason = fmt::format("the test program {} while this test was in progress\n",
                                           child_.ending()->text());
    subunit::verdict::encode_end({.test_id = test, .reason = reason, .when = wall_clock()},
                                 packets);
  }
  to_.send(packets);
}

}  // namespace proxy
