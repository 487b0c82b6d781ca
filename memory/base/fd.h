// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_FD_H_
#define SEALVM_MEMORY_BASE_FD_H_

#include <unistd.h>

#include <utility>

namespace sealvm {

// Owns one file descriptor; closes it when destroyed. Move-only. Not thread-safe.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }

  // Lends the descriptor; the caller does not close it. -1 when empty.
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

  // Gives ownership up.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_FD_H_
