// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_OUTPUT_SINK_H_
#define SEALVM_VMM_CLI_OUTPUT_SINK_H_

#include <stdint.h>

#include <atomic>
#include <span>

#include "memory/base/result.h"

namespace sealvm {

// Writes to a descriptor that somebody else may read slowly or not at all. A write waits for the
// reader (the guest waits with it, nothing is lost) until Abandon is called. The descriptor's flags
// are left alone, because it may be shared with other processes. SIGPIPE must be blocked or
// ignored.
//
// Write is for one thread at a time, Abandon for any.
class OutputSink {
 public:
  // `fd` is lent. kHost when it is closed; `name` names it in errors.
  static Result<OutputSink> Create(int fd, std::string name);

  OutputSink(OutputSink&& other) noexcept
      : fd_(other.fd_), name_(std::move(other.name_)), method_(other.method_) {}

  // All of `bytes`, or an error. What is left when Abandon strikes is dropped without an error.
  Result<> Write(std::span<const uint8_t> bytes);

  // Writes no longer wait for a reader.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }

 private:
  // kNoWait: the kernel is asked not to block. kPolled: small pieces when poll(2) allows.
  // kBlocking: a regular file, which never waits for anybody.
  enum class Method { kNoWait, kPolled, kBlocking };

  OutputSink(int fd, std::string name, Method method)
      : fd_(fd), name_(std::move(name)), method_(method) {}

  // Bytes written, or -1 with errno.
  long WriteSome(std::span<const uint8_t> bytes);
  // False when abandoned.
  bool WaitWritable();

  int fd_;
  std::string name_;
  Method method_;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_OUTPUT_SINK_H_
