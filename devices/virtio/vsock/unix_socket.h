// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_UNIX_SOCKET_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_UNIX_SOCKET_H_

#include <sys/types.h>

#include <string>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm {

// A listening Unix stream socket with its file, which only the owner may open (mode 0600). Does not
// block. Move-only; not thread-safe.
class UnixListener {
 public:
  // The most bytes that a path may have with "_" and a port behind it: sockaddr_un has 108 with the
  // end (unix(7)), a port ten digits.
  static constexpr size_t kMaxPathBytes = 96;

  // A socket that a dead process left at `path` is replaced; kInvalidInput, which names the option
  // --vsock, when something else is there or the file cannot be made.
  static Result<UnixListener> Create(const std::string& path);
  UnixListener(UnixListener&&) = default;
  UnixListener& operator=(UnixListener&&) = delete;
  // Removes the file, if it is still this one.
  ~UnixListener();

  const std::string& path() const { return path_; }
  int fd() const { return socket_.get(); }
  // A connection that waits, non-blocking. errors: `os_error` is EAGAIN when there is none.
  Result<Fd> Accept();

 private:
  UnixListener(Fd socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}

  Fd socket_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// A non-blocking connection to the program that listens at `path`; an error when none does, or it
// has too many that wait.
Result<Fd> ConnectUnix(const std::string& path);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_UNIX_SOCKET_H_
