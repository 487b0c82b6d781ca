// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_ENGINE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_ENGINE_H_

#include <stdint.h>
#include <sys/uio.h>

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "memory/base/result.h"

namespace sealvm {

enum class IoKind {
  kRead,
  kWrite,
  kSync,       // fdatasync
  kPunchHole,  // afterwards the range reads as zeroes and takes no space
  kZeroRange,  // afterwards the range reads as zeroes
};

// One operation on an image. The buffers and the iovecs themselves must stay until it is complete.
struct IoRequest {
  uint64_t id = 0;  // the caller's, comes back in IoResult
  IoKind kind = IoKind::kRead;
  uint64_t offset = 0;  // bytes
  uint64_t length = 0;  // bytes; for reads and writes what the iovecs add up to
  std::span<const iovec> iovecs = {};
};

struct IoResult {
  uint64_t id = 0;
  // The bytes read or written, which may be fewer than asked for; 0 for the other kinds. An errno,
  // negative, if it failed.
  int64_t result = 0;
};

// Does input and output of one image without blocking its caller. All calls by one thread at a
// time. Operations may complete in any order, and are not ordered among each other.
class BlockEngine {
 public:
  // Nothing may be in flight.
  virtual ~BlockEngine() = default;

  // Takes an operation, to start it at the next Submit at the latest. At most as many may be under
  // way as the engine was made for.
  virtual void Add(const IoRequest& request) = 0;
  // Starts all that was added; some may be complete when it returns, so Reap comes next. False: the
  // kernel is short of something, try again later.
  virtual bool Submit() = 0;
  // Appends what has completed since.
  virtual void Reap(std::vector<IoResult>& results) = 0;
  // Waits until Reap has something, starting what was added. Something must be under way.
  virtual void Wait() = 0;
  // Readable while Reap has something that was not complete when Submit returned. Lent.
  virtual int fd() const = 0;
};

// Makes an engine for the image with this descriptor, lent to it, for up to `depth` operations at a
// time.
using BlockEngineFactory =
    std::function<Result<std::unique_ptr<BlockEngine>>(int fd, unsigned depth)>;

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_ENGINE_H_
