// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/uring_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace sealvm {

namespace {

// Entries that wait for one submission; the device submits after every kRequestsPerTurn.
constexpr unsigned kMaxSubmissions = 256;

// The first are of Linux 6.0 and only save time; a kernel that does not know them says EINVAL.
Result<> InitRing(io_uring& ring, unsigned entries, unsigned depth) {
  int error = 0;
  for (const unsigned flags :
       {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, 0U}) {
    io_uring_params params = {};
    params.flags = flags | IORING_SETUP_CQSIZE;
    params.cq_entries = std::max(depth, entries);
    error = io_uring_queue_init_params(entries, &ring, &params);
    if (error == 0) return {};
    if (error != -EINVAL) break;
  }
  return SystemError("io_uring_setup", "", -error);
}

// The youngest of the operations used: Linux 5.6.
Result<> CheckOperations(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  const bool supported =
      probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_FALLOCATE) != 0;
  io_uring_free_probe(probe);
  if (supported) return {};
  return SystemError("io_uring_register", "IORING_OP_FALLOCATE", EOPNOTSUPP);
}

void PrepareTransfer(io_uring_sqe* sqe, int image, const IoRequest& request) {
  const bool read = request.kind == IoKind::kRead;
  if (request.iovecs.size() == 1) {
    const iovec& only = request.iovecs.front();
    const unsigned length = static_cast<unsigned>(only.iov_len);
    if (read) {
      io_uring_prep_read(sqe, image, only.iov_base, length, request.offset);
    } else {
      io_uring_prep_write(sqe, image, only.iov_base, length, request.offset);
    }
    return;
  }
  const unsigned count = static_cast<unsigned>(request.iovecs.size());
  if (read) {
    io_uring_prep_readv(sqe, image, request.iovecs.data(), count, request.offset);
  } else {
    io_uring_prep_writev(sqe, image, request.iovecs.data(), count, request.offset);
  }
}

void Prepare(io_uring_sqe* sqe, int image, const IoRequest& request) {
  switch (request.kind) {
    case IoKind::kRead:
    case IoKind::kWrite:
      PrepareTransfer(sqe, image, request);
      break;
    case IoKind::kSync:
      io_uring_prep_fsync(sqe, image, IORING_FSYNC_DATASYNC);
      break;
    case IoKind::kPunchHole:
    case IoKind::kZeroRange: {
      const int mode =
          request.kind == IoKind::kPunchHole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
      io_uring_prep_fallocate(sqe, image, mode | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(request.offset),
                              static_cast<off_t>(request.length));
      break;
    }
  }
  io_uring_sqe_set_data64(sqe, request.id);
}

}  // namespace

Result<std::unique_ptr<BlockEngine>> UringEngine::Create(int fd, unsigned depth) {
  std::unique_ptr<UringEngine> engine(new UringEngine(fd));
  SEALVM_TRY(engine->Init(depth));
  return engine;
}

// The image is not registered with the ring, which would hold it open, and so locked, for some time
// after the process has died.
Result<> UringEngine::Init(unsigned depth) {
  SEALVM_TRY(InitRing(ring_, std::bit_ceil(std::min(depth, kMaxSubmissions)), depth));
  ready_ = true;
  return CheckOperations(ring_);
}

UringEngine::~UringEngine() {
  if (ready_) io_uring_queue_exit(&ring_);
}

void UringEngine::Add(const IoRequest& request) {
  io_uring_sqe* sqe = waiting_.empty() ? io_uring_get_sqe(&ring_) : nullptr;
  if (sqe != nullptr) return Prepare(sqe, image_, request);
  waiting_.push_back(request);
}

bool UringEngine::Submit() {
  auto next = waiting_.begin();
  for (;;) {
    while (next != waiting_.end()) {
      io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
      if (sqe == nullptr) break;
      Prepare(sqe, image_, *next++);
    }
    if (io_uring_sq_ready(&ring_) == 0) break;
    const int submitted = io_uring_submit(&ring_);
    if (submitted == -EINTR) continue;
    if (submitted <= 0) break;
    started_ += static_cast<unsigned>(submitted);
  }
  waiting_.erase(waiting_.begin(), next);
  return waiting_.empty() && io_uring_sq_ready(&ring_) == 0;
}

void UringEngine::Reap(std::vector<IoResult>& results) {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    results.push_back({.id = io_uring_cqe_get_data64(cqe), .result = cqe->res});
    ++count;
  }
  io_uring_cq_advance(&ring_, count);
  started_ -= count;
}

void UringEngine::Wait() {
  if (!Submit() && started_ == 0) {
    // Nothing would wake us.
    sched_yield();
    return;
  }
  io_uring_cqe* ignored = nullptr;
  // An interrupted wait is one that found nothing; the caller looks and waits again.
  if (io_uring_wait_cqe(&ring_, &ignored) != 0) return;
}

}  // namespace sealvm
