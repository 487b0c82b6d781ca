// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_REQUEST_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_REQUEST_H_

#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devices/virtio/block/block_engine.h"
#include "devices/virtio/block/block_protocol.h"
#include "devices/virtio/block/disk_image.h"
#include "devices/virtio/chain_io.h"
#include "devices/virtio/virtqueue.h"
#include "memory/base/result.h"
#include "memory/shared_view.h"

namespace sealvm {

// The most that one kBlkDiscard or kBlkWriteZeroes may name. Zeroes may have to be written one by
// one, hence fewer of them.
inline constexpr uint32_t kMaxBlkSegments = 16;
inline constexpr uint32_t kMaxDiscardSectors = 1U << 22;
inline constexpr uint32_t kMaxWriteZeroesSectors = 1U << 18;

// What requests are made to. Shared by all queues.
struct BlockTarget {
  const DiskImage& image;
  std::string serial;
  // Negotiated; set before any queue starts.
  uint64_t features = 0;
  // A sync failed while the page cache held writes. Linux then forgets them: another sync would
  // succeed without having written them (fsync(2), "EIO").
  std::atomic<bool> writes_lost = false;
};

// One request of the driver, from its header to its status byte: says which operation of the engine
// it needs next until it is done.
class BlockRequest {
 public:
  // What the ring fills in.
  DescriptorChain chain;

  // Whether there is a header and a status byte, wherever they lie (section 2.7.4: no assumption on
  // how a driver cuts its buffers). Otherwise the driver broke the rules.
  static Result<> CheckFraming(const DescriptorChain& chain);

  // Begins the request in `chain`, whose framing is right. An error here and below: its memory is
  // not the guest's to lend.
  Result<> Begin(BlockTarget& target, SharedView& memory);

  // The operation to do now; none when the request is done. The same again until OnResult.
  // `writable_end`: see DiskImage.
  Result<std::optional<IoRequest>> Next(uint64_t writable_end);
  Result<> OnResult(int64_t result);

  // When it is done: tells the driver its status; returns how many bytes were written to it.
  Result<uint32_t> Finish();
  // Gives everything back.
  void Clear();

  // Whether Next looks at where the image ends.
  bool changes_image() const { return type_ == kBlkOut || type_ == kBlkWriteZeroes; }
  bool ok() const { return status_ == kBlkStatusOk; }
  // The data that moved, when it is done.
  uint64_t bytes_read() const { return type_ == kBlkIn && ok() ? length_ : 0; }
  uint64_t bytes_written() const { return type_ == kBlkOut && ok() ? length_ : 0; }

 private:
  enum class Phase { kTransfer, kSegments, kSync, kDone };
  // How zeroes are made; the next one when the host cannot.
  enum class ZeroWay { kPunchHole, kZeroRange, kWrite };
  struct Free {
    void operator()(uint8_t* memory) const { free(memory); }
  };

  void End(uint8_t status);
  // The image has changed.
  void EndChange();
  Result<> BeginTransfer(uint64_t sector);
  Result<> LendData(std::vector<GuestBuffer> data);
  Result<> BeginSegments();
  Result<> BeginGetId();
  uint8_t CheckSegments() const;
  uint8_t CheckSegment(const BlkSegment& segment) const;
  bool InsideImage(uint64_t sector, uint64_t bytes) const;

  Result<IoRequest> NextTransfer();
  Result<> FillBounce(std::span<uint8_t> bounce);
  std::optional<IoRequest> NextSegment();
  IoRequest NextZeroes(const BlkSegment& segment);
  Result<> OnTransfer(int64_t result);
  Result<> OnBounceRead(uint64_t bytes);
  void OnSegment(int64_t result);
  void OnSync(int64_t result);
  bool TakeNextZeroWay();

  BlockTarget* target_ = nullptr;
  SharedView* memory_ = nullptr;
  uint32_t type_ = 0;
  Phase phase_ = Phase::kDone;
  uint8_t status_ = kBlkStatusOk;
  // Bytes before the status that the driver gets.
  uint64_t answered_ = 0;

  // A transfer, or the segment under way: where it begins, its length, how much of it is done.
  uint64_t offset_ = 0;
  uint64_t length_ = 0;
  uint64_t done_ = 0;
  std::optional<SharedView::Lease> lent_;
  std::vector<iovec> rest_;
  // For O_DIRECT with buffers that it does not take.
  std::vector<GuestBuffer> bounced_;
  std::unique_ptr<uint8_t, Free> bounce_;

  std::vector<BlkSegment> segments_;
  size_t segment_ = 0;
  ZeroWay zero_way_ = ZeroWay::kPunchHole;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_REQUEST_H_
