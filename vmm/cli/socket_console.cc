// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "memory/base/fd.h"
#include "vmm/cli/console.h"

namespace sealvm {
namespace {

// How often a writer that waits for its client looks whether it should go on.
constexpr int kAbandonCheckMilliseconds = 100;

// A Unix stream socket with one client at a time; the next is accepted when it has gone. Output is
// dropped while there is none, and waits for a client that reads slowly.
class SocketConsole : public Console {
 public:
  SocketConsole(Fd listener, std::string path, const struct stat& identity)
      : listener_(std::move(listener)), path_(std::move(path)), identity_(identity) {}
  ~SocketConsole() override { SocketConsole::CleanUp(); }

  Result<> Write(std::span<const uint8_t> bytes) override {
    const std::shared_ptr<Fd> client = Client();
    while (client != nullptr && !bytes.empty()) {
      const ssize_t sent =
          send(client->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes = bytes.subspan(static_cast<size_t>(sent));
      } else if (errno == EAGAIN) {
        if (!WaitWritable(client->get())) return {};
      } else if (errno != EINTR) {
        // The main thread sees the hang-up and lets go of the client.
        return {};
      }
    }
    return {};
  }

  void Abandon() override { abandoned_.store(true, std::memory_order_relaxed); }

  // A client's hang-up is reported even when no input is wanted.
  pollfd Watch(bool wants_input) const override {
    const std::shared_ptr<Fd> client = Client();
    if (client == nullptr) return {listener_.get(), POLLIN, 0};
    return {client->get(), static_cast<short>(wants_input && !input_ended_ ? POLLIN : 0), 0};
  }

  size_t Read(std::span<uint8_t> buffer) override {
    const std::shared_ptr<Fd> client = Client();
    if (client == nullptr) {
      const int accepted = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted >= 0) SetClient(std::make_shared<Fd>(accepted));
      return 0;
    }
    const ssize_t count = recv(client->get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) return static_cast<size_t>(count);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    // A client that only ended its sending still listens.
    input_ended_ = true;
    if (count < 0 || HasHungUp(client->get())) SetClient(nullptr);
    return 0;
  }

  void CleanUp() override {
    struct stat now;
    const bool is_ours = lstat(path_.c_str(), &now) == 0 && now.st_dev == identity_.st_dev &&
                         now.st_ino == identity_.st_ino;
    if (is_ours) unlink(path_.c_str());
  }

 private:
  std::shared_ptr<Fd> Client() const {
    const std::lock_guard lock(mutex_);
    return client_;
  }
  void SetClient(std::shared_ptr<Fd> client) {
    const std::lock_guard lock(mutex_);
    client_ = std::move(client);
    input_ended_ = false;
  }
  static bool HasHungUp(int fd) {
    pollfd watched = {fd, 0, 0};
    return poll(&watched, 1, 0) > 0;
  }

  // False when the wait is to end without.
  bool WaitWritable(int fd) const {
    while (!abandoned_.load(std::memory_order_relaxed)) {
      pollfd watched = {fd, POLLOUT, 0};
      if (poll(&watched, 1, kAbandonCheckMilliseconds) > 0) return true;
    }
    return false;
  }

  Fd listener_;
  std::string path_;
  struct stat identity_;
  std::atomic<bool> abandoned_ = false;
  bool input_ended_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<Fd> client_;
};

Error AsUserError(std::unexpected<Error> failure) {
  failure.error().kind = ErrorKind::kInvalidInput;
  return WithContext(std::move(failure).error(), "--console").error();
}

Fd NewSocket() { return Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

// Removes a socket that its server left behind; anything else in the way is an error.
Result<> ClearPath(const std::string& path, const sockaddr_un& address) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return InvalidInput("--console socket=" + path + ": exists and is no socket",
                        "remove it or choose another path");
  }
  const Fd probe = NewSocket();
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return InvalidInput("--console socket=" + path + ": another process listens there");
  }
  if (errno == ECONNREFUSED && unlink(path.c_str()) == 0) return {};
  return std::unexpected(AsUserError(SystemError("unlink", path, errno)));
}

}  // namespace

Result<std::unique_ptr<Console>> OpenSocketConsole(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return InvalidInput("--console socket=" + path + ": the path is too long",
                        "a socket's path has at most 107 bytes");
  }
  memcpy(address.sun_path, path.c_str(), path.size());
  SEALVM_TRY(ClearPath(path, address));
  Fd listener = NewSocket();
  if (!listener.valid()) return SystemError("socket", path, errno);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::unexpected(AsUserError(SystemError("bind", path, errno)));
  }
  struct stat identity;
  if (listen(listener.get(), 1) != 0 || lstat(path.c_str(), &identity) != 0) {
    const int err = errno;
    unlink(path.c_str());
    return SystemError("listen", path, err);
  }
  return std::make_unique<SocketConsole>(std::move(listener), path, identity);
}

}  // namespace sealvm
