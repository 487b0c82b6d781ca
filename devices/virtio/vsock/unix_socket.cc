// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/unix_socket.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <utility>

namespace sealvm {
namespace {

constexpr int kBacklog = 128;

struct Address {
  sockaddr_un un = {};
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&un); }
};

// `path` must fit.
Address AddressOf(const std::string& path) {
  Address address;
  address.un.sun_family = AF_UNIX;
  memcpy(address.un.sun_path, path.data(), path.size());
  return address;
}

Result<Fd> MakeSocket() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SystemError("socket", "AF_UNIX", errno);
  return socket;
}

// 0 or errno.
int Bind(const Fd& socket, const std::string& path) {
  const Address address = AddressOf(path);
  return bind(socket.get(), address.get(), sizeof(address.un)) == 0 ? 0 : errno;
}

std::unexpected<Error> OptionError(const std::string& path, const std::string& problem,
                                   std::string hint) {
  return InvalidInput(fmt::format("--vsock: socket {}: {}", path, problem), std::move(hint));
}

Result<> RemoveStale(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
    return OptionError(path, "the file exists and is no socket", "choose another path");
  }
  const Result<Fd> connection = ConnectUnix(path);
  if (connection || connection.error().os_error != ECONNREFUSED) {
    return OptionError(path, "another process uses it", "choose another path");
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return OptionError(path, strerror(errno), "remove the file of a process that has ended");
  }
  return {};
}

Result<> CheckPath(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return InvalidInput("--vsock: the socket needs a path");
  }
  if (path.size() > UnixListener::kMaxPathBytes) {
    return OptionError(path, fmt::format("the path has {} bytes", path.size()),
                       fmt::format("use one of at most {}", UnixListener::kMaxPathBytes));
  }
  return {};
}

}  // namespace

Result<UnixListener> UnixListener::Create(const std::string& path) {
  SEALVM_TRY(CheckPath(path));
  Fd socket = SEALVM_TRY(MakeSocket());
  // Linux gives the file the mode of the socket, less the umask: nobody else ever can open it.
  if (fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0) return SystemError("fchmod", path, errno);
  int error = Bind(socket, path);
  if (error == EADDRINUSE) {
    SEALVM_TRY(RemoveStale(path));
    error = Bind(socket, path);
  }
  if (error != 0) return OptionError(path, strerror(error), "choose a path that can be created");
  UnixListener listener(std::move(socket), path);
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return SystemError("lstat", path, errno);
  listener.device_ = status.st_dev;
  listener.inode_ = status.st_ino;
  if (listen(listener.fd(), kBacklog) != 0) return SystemError("listen", path, errno);
  return listener;
}

UnixListener::~UnixListener() {
  if (!socket_.valid()) return;
  struct stat status = {};
  if (lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) unlink(path_.c_str());
}

Result<Fd> UnixListener::Accept() {
  Fd connection(accept4(fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection.valid()) return SystemError("accept4", path_, errno);
  return connection;
}

Result<Fd> ConnectUnix(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return SystemError("connect", path, ENAMETOOLONG);
  }
  Fd socket = SEALVM_TRY(MakeSocket());
  const Address address = AddressOf(path);
  if (connect(socket.get(), address.get(), sizeof(address.un)) != 0) {
    return SystemError("connect", path, errno);
  }
  return socket;
}

}  // namespace sealvm
