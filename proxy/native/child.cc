#include "proxy/native/child.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "common/subunit/encoder.h"
#include "proxy/native/settling.h"
#include "proxy/posix/read_file.h"

namespace proxy::native {

using subunit::error;
using subunit::Result;

namespace {

// Names two descriptors: the line, and a file with the ids, each followed by NUL.
constexpr char kVariable[] = "SUBUNIT_RPC_CHILD";

constexpr std::size_t kMaxArguments = 8 << 20;  // more than the kernel takes
constexpr std::size_t kMaxIds = 128 << 20;      // more than a message holds

/// Only what may be done between fork and exec in a process with threads.
void end_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
}

std::vector<std::string> split_at_nul(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t nul = 0; (nul = text.find('\0')) != std::string_view::npos;) {
    parts.emplace_back(text.substr(0, nul));
    text.remove_prefix(nul + 1);
  }
  return parts;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

Result<Fd> file_of(const std::vector<std::string>& ids) {
  Fd file(::memfd_create("test ids", MFD_CLOEXEC));
  std::string text;
  for (const std::string& id : ids) text.append(id).append(1, '\0');
  for (std::size_t written = 0; file && written < text.size();) {
    const ssize_t size = ::write(file.get(), text.data() + written, text.size() - written);
    if (size < 0) return error("cannot write a file in memory: {}", std::strerror(errno));
    written += static_cast<std::size_t>(size);
  }
  if (!file) return error("cannot make a file in memory: {}", std::strerror(errno));
  return file;
}

}  // namespace

Result<Child::Ends> Child::make_line() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return error("cannot make a pair of sockets: {}", std::strerror(errno));
  return Ends{Fd(ends[0]), Fd(ends[1])};
}

Result<Child> Child::start(Ends line, const std::function<void(Fd line)>& in_child) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return error("cannot fork: {}", std::strerror(errno));
  if (pid == 0) {
    end_with(parent);
    line.parent.reset();
    in_child(std::move(line.child));
    ::_exit(0);
  }
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // no function before glibc 2.36
  const int reason = errno;
  Child child(pid, std::move(process), std::move(line.parent));
  if (!child.process_) return error("cannot watch a process: {}", std::strerror(reason));
  ::fcntl(child.line(), F_SETFL, O_NONBLOCK);
  return child;
}

Result<Child> Child::fork(int connection, const std::function<void(Fd line)>& work) {
  auto ends = make_line();
  if (!ends) return tl::unexpected(ends.error());
  return start(std::move(*ends), [&](Fd line) {
    ::close(connection);
    work(std::move(line));
  });
}

Result<Child> Child::execute(const std::vector<std::string>& ids) {
  const auto file = file_of(ids);
  if (!file) return tl::unexpected(file.error());
  const auto command_line = read_file("the command line", "/proc/self/cmdline", kMaxArguments);
  if (!command_line) return tl::unexpected(command_line.error());
  auto ends = make_line();
  if (!ends) return tl::unexpected(ends.error());
  std::vector<std::string> arguments = split_at_nul(*command_line);
  std::vector<std::string> variables;
  for (char** each = environ; *each; ++each) variables.emplace_back(*each);
  variables.push_back(fmt::format("{}={} {}", kVariable, ends->child.get(), file->get()));
  const std::vector<char*> argument_pointers = pointers(arguments);
  const std::vector<char*> variable_pointers = pointers(variables);
  return start(std::move(*ends), [&](Fd line) {
    ::fcntl(line.get(), F_SETFD, 0);
    ::fcntl(file->get(), F_SETFD, 0);
    ::execve("/proc/self/exe", argument_pointers.data(), variable_pointers.data());
    ::_exit(127);
  });
}

Child::~Child() {
  if (!line_) return;  // moved from, or waited for
  signal(SIGKILL);
  (void)wait();
}

void Child::acknowledge() const {
  (void)::send(line_.get(), "", 1, MSG_NOSIGNAL);
}

void Child::signal(int number) const {
  ::kill(pid_, number);
}

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  line_.reset();
  return status;
}

std::optional<Assignment> Assignment::take() {
  const char* const variable = std::getenv(kVariable);
  if (!variable) return std::nullopt;
  char* rest = nullptr;
  const int line = static_cast<int>(std::strtol(variable, &rest, 10));
  const Fd file(static_cast<int>(std::strtol(rest, nullptr, 10)));
  ::unsetenv(kVariable);
  ::fcntl(line, F_SETFD, FD_CLOEXEC);
  const auto text = read_file("the test ids", fmt::format("/proc/self/fd/{}", file.get()), kMaxIds);
  return Assignment{Fd(line), split_at_nul(text ? *text : "")};
}

void ChildLine::send(subunit::Bytes packets, bool wait) {
  while (!packets.empty()) {
    const ssize_t size = ::send(fd_.get(), packets.data(), packets.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) ::_exit(1);
    packets = packets.subspan(static_cast<std::size_t>(size));
  }
  char byte = 0;
  while (wait) {
    const ssize_t size = ::recv(fd_.get(), &byte, 1, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) ::_exit(1);
    return;
  }
}

void ChildLine::complete() {
  subunit::Buffer packet;
  (void)subunit::encode({.test_id = kNoteId, .file = subunit::File{kCompleteNote, {}}}, packet);
  send(packet, false);
}

}  // namespace proxy::native
