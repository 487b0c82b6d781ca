// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/passt_process.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

namespace sealvm {
namespace {

// Where the child finds its connection: the first after the standard descriptors.
constexpr int kChildSocket = 3;
// Descriptors to be duplicated lie above all of the child's, so that no duplicate hides one.
constexpr int kFirstSource = 10;

Result<Fd> Raise(Fd fd) {
  Fd raised(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstSource));
  if (!raised.valid()) return SystemError("fcntl F_DUPFD_CLOEXEC", "passt", errno);
  return raised;
}

struct Pair {
  Fd ours;
  Fd theirs;
};

Result<Pair> MakeSocketPair() {
  std::array<int, 2> fds = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return SystemError("socketpair", "passt", errno);
  }
  Pair pair = {Fd(fds[0]), Fd(fds[1])};
  // One end only: the other's behaviour is passt's affair.
  fcntl(pair.ours.get(), F_SETFL, fcntl(pair.ours.get(), F_GETFL) | O_NONBLOCK);
  pair.theirs = SEALVM_TRY(Raise(std::move(pair.theirs)));
  return pair;
}

// Neither end waits: what nobody reads is lost, it stops no network.
Result<Pair> MakePipe() {
  std::array<int, 2> fds = {-1, -1};
  if (pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) != 0) return SystemError("pipe2", "passt", errno);
  Pair pair = {Fd(fds[0]), Fd(fds[1])};
  // passt opens it by name, as user nobody.
  if (fchmod(pair.theirs.get(), 0666) != 0) return SystemError("fchmod", "pipe", errno);
  pair.theirs = SEALVM_TRY(Raise(std::move(pair.theirs)));
  return pair;
}

// What posix_spawn needs, given back.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  bool Prepare(int out, int err, int socket) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    // A session of its own: a terminal's Ctrl-C is not for it.
    return posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETSID) == 0 &&
           posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
           posix_spawnattr_setsigdefault(&attributes_, &all) == 0 &&
           posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ==
               0 &&
           posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO) == 0 &&
           posix_spawn_file_actions_adddup2(&actions_, socket, kChildSocket) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(&actions_, kChildSocket + 1) == 0;
  }
  int Spawn(const std::string& program, std::vector<std::string> arguments, pid_t& pid) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    return posix_spawnp(&pid, program.c_str(), &actions_, &attributes_, argv.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::unexpected<Error> ProgramError(const std::string& program, int error) {
  if (error == ENOENT) {
    return InvalidInput(fmt::format("--net user needs {}, which is not installed", program),
                        "apt-get install passt");
  }
  if (error == EACCES) {
    return InvalidInput(fmt::format("--net user: cannot run {}: {}", program, strerror(error)));
  }
  return SystemError("posix_spawn", program, error);
}

void AddForwards(const PasstOptions& options, PortForward::Protocol protocol, const char* flag,
                 std::vector<std::string>& arguments) {
  const size_t before = arguments.size();
  for (const PortForward& forward : options.forwards) {
    if (forward.protocol != protocol) continue;
    arguments.emplace_back(flag);
    arguments.push_back(fmt::format("{}{}:{}",
                                    forward.host_address.empty() ? "" : forward.host_address + "/",
                                    forward.host_port, forward.guest_port));
  }
  // Said, or UDP would follow TCP's forwards.
  if (arguments.size() == before) arguments.insert(arguments.end(), {flag, "none"});
}

std::string DescribeExit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return fmt::format("exit code {}", info.si_status);
  return fmt::format("killed by signal {}", info.si_status);
}

}  // namespace

std::vector<std::string> PasstArguments(const PasstOptions& options, int fd) {
  std::vector<std::string> arguments = {"--foreground", "--quiet", "--fd", std::to_string(fd)};
  // Addresses of its own and the loopback as interface: with the defaults it does not start on a
  // host without a default route. The loopback has no MAC address to take, hence one is given.
  arguments.insert(arguments.end(),
                   {"--ipv4-only", "--interface", "lo", "--address", "10.0.2.15", "--netmask", "24",
                    "--gateway", "10.0.2.2", "--mac-addr", "52:55:0a:00:02:02"});
  // Tells on standard output that it serves; not every /dev has a name for that.
  arguments.insert(arguments.end(), {"--pid", "/proc/self/fd/1"});
  AddForwards(options, PortForward::Protocol::kTcp, "--tcp-ports", arguments);
  AddForwards(options, PortForward::Protocol::kUdp, "--udp-ports", arguments);
  return arguments;
}

Result<PasstProcess> PasstProcess::Start(const PasstOptions& options) {
  PasstProcess process;
  SEALVM_TRY(process.Spawn(options));
  SEALVM_TRY(process.AwaitReady(options));
  return process;
}

Result<> PasstProcess::Spawn(const PasstOptions& options) {
  Pair connection = SEALVM_TRY(MakeSocketPair());
  Pair ready = SEALVM_TRY(MakePipe());
  Pair errors = SEALVM_TRY(MakePipe());
  // Started by root it is another user when it opens its output by name.
  if (fchmod(ready.theirs.get(), 0622) != 0) return SystemError("fchmod", "a pipe", errno);
  SpawnSettings settings;
  if (!settings.Prepare(ready.theirs.get(), errors.theirs.get(), connection.theirs.get())) {
    return SystemError("posix_spawn_file_actions", options.program, ENOMEM);
  }
  std::vector<std::string> arguments = PasstArguments(options, kChildSocket);
  arguments.insert(arguments.begin(), options.program);
  const int error = settings.Spawn(options.program, std::move(arguments), pid_);
  if (error != 0) {
    pid_ = -1;
    return ProgramError(options.program, error);
  }
  pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_.valid()) return SystemError("pidfd_open", options.program, errno);
  socket_ = std::move(connection.ours);
  ready_ = std::move(ready.ours);
  errors_ = std::move(errors.ours);
  return {};
}

// Its standard output ends with it, so that no other descriptor needs a look.
Result<> PasstProcess::AwaitReady(const PasstOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + options.patience;
  while (true) {
    char text = 0;
    const ssize_t got = read(ready_.get(), &text, 1);
    if (got > 0) return {};
    if (got == 0) return StartError();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return HostError(fmt::format("{} does not start", options.program));
    pollfd wait = {.fd = ready_.get(), .events = POLLIN, .revents = 0};
    poll(&wait, 1, static_cast<int>(left.count()) + 1);
  }
}

Result<> PasstProcess::StartError() {
  // It closed its output: it is on its way out, and how it ends is worth a moment.
  pollfd wait = {.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  poll(&wait, 1, 1000);
  return InvalidInput(fmt::format("--net user: passt did not start: {}", LastWords()));
}

std::string PasstProcess::LastWords() {
  std::string text;
  std::array<char, 4096> piece;
  ssize_t got = 0;
  while ((got = read(errors_.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<size_t>(got));
  }
  std::string_view left = text;
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    // Of passt's complaint about a host without syslog every other line is.
    if (!line.empty() && !line.starts_with("Failed to send ")) last_line_ = line;
  }
  siginfo_t info = {};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    return last_line_;
  }
  return last_line_.empty() ? DescribeExit(info) : last_line_ + ", " + DescribeExit(info);
}

PasstProcess::~PasstProcess() {
  if (!pidfd_.valid()) return;
  syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  siginfo_t info = {};
  while (waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

}  // namespace sealvm
