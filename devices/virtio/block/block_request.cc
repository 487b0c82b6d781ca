// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_request.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace sealvm {

namespace {

// What a request with unaligned buffers copies at a time. The guest decides how many there are, at
// most one for each entry of a queue.
constexpr size_t kBounceBytes = 128 * 1024;

// What is written again and again where the host has no other way to make zeroes. Aligned for
// O_DIRECT. Not constant, for constants take space in the program.
constexpr size_t kZeroBytes = 64 * 1024;
constexpr size_t kZeroPieces = 16;
alignas(4096) uint8_t g_zeroes[kZeroBytes];

bool HostCannot(int64_t result) { return result == -EOPNOTSUPP || result == -ENOSYS; }

// The engine was interrupted before it did anything.
bool IsTransient(int64_t result) { return result == -EINTR || result == -EAGAIN; }

// At most IOV_MAX pieces of `iovecs` from its byte `skip` on.
std::vector<iovec> Slice(std::span<const iovec> iovecs, uint64_t skip) {
  std::vector<iovec> slice;
  for (const iovec& piece : iovecs) {
    if (slice.size() == IOV_MAX) break;
    const uint64_t skipped = std::min<uint64_t>(skip, piece.iov_len);
    skip -= skipped;
    if (skipped == piece.iov_len) continue;
    slice.push_back({static_cast<uint8_t*>(piece.iov_base) + skipped,
                     static_cast<size_t>(piece.iov_len - skipped)});
  }
  return slice;
}

uint64_t TotalOf(std::span<const iovec> iovecs) {
  uint64_t total = 0;
  for (const iovec& piece : iovecs) total += piece.iov_len;
  return total;
}

// Whether the kernel takes this memory as it is. The host's addresses are as aligned as the guest's
// up to a page.
bool IsTaken(const DiskImage& image, std::span<const GuestBuffer> data) {
  if (!image.direct()) return true;
  if (image.geometry().memory_alignment > kPageSize) return false;
  const uint64_t mask = image.geometry().memory_alignment - 1;
  const auto aligned = [&](const GuestBuffer& buffer) {
    return ((buffer.gpa | buffer.length) & mask) == 0 &&
           buffer.length % image.geometry().logical_block == 0;
  };
  return data.size() <= IOV_MAX && std::ranges::all_of(data, aligned);
}

}  // namespace

Result<> BlockRequest::CheckFraming(const DescriptorChain& chain) {
  if (chain.readable_bytes() < sizeof(BlkHeader)) {
    return InvalidInput("a block request has no complete header");
  }
  if (chain.writable_bytes() < 1) return InvalidInput("a block request has no status byte");
  return {};
}

Result<> BlockRequest::Begin(BlockTarget& target, SharedView& memory) {
  target_ = &target;
  memory_ = &memory;
  status_ = kBlkStatusOk;
  answered_ = 0;
  ChainCursor cursor(chain.readable());
  const BlkHeader header = SEALVM_TRY(cursor.ReadObject<BlkHeader>(memory));
  type_ = header.type;
  switch (type_) {
    case kBlkIn:
    case kBlkOut:
      return BeginTransfer(header.sector);
    case kBlkFlush:
      phase_ = Phase::kSync;
      return {};
    case kBlkGetId:
      return BeginGetId();
    case kBlkDiscard:
    case kBlkWriteZeroes:
      return BeginSegments();
    default:
      End(kBlkStatusUnsupported);
      return {};
  }
}

void BlockRequest::End(uint8_t status) {
  status_ = status;
  phase_ = Phase::kDone;
}

// Section 5.2.6.2: without the feature, and so without flushes, writes are answered when they are
// durable.
void BlockRequest::EndChange() {
  if ((target_->features & kBlkFeatureFlush) != 0) return End(kBlkStatusOk);
  phase_ = Phase::kSync;
}

bool BlockRequest::InsideImage(uint64_t sector, uint64_t bytes) const {
  const uint64_t sectors = target_->image.sectors();
  return sector <= sectors && bytes <= (sectors - sector) * kSectorBytes;
}

Result<> BlockRequest::BeginTransfer(uint64_t sector) {
  const bool read = type_ == kBlkIn;
  length_ = read ? chain.writable_bytes() - 1 : chain.readable_bytes() - sizeof(BlkHeader);
  if (length_ % kSectorBytes != 0 || !InsideImage(sector, length_) ||
      (!read && target_->image.readonly())) {
    End(kBlkStatusIoError);
    return {};
  }
  offset_ = sector * kSectorBytes;
  done_ = 0;
  phase_ = Phase::kTransfer;
  if (length_ == 0) {
    End(kBlkStatusOk);
    return {};
  }
  ChainCursor cursor(read ? chain.writable() : chain.readable());
  cursor.Skip(read ? 0 : sizeof(BlkHeader));
  return LendData(cursor.Pieces(length_));
}

Result<> BlockRequest::LendData(std::vector<GuestBuffer> data) {
  if (IsTaken(target_->image, data)) {
    lent_ = SEALVM_TRY(memory_->Borrow(data));
    return {};
  }
  bounced_ = std::move(data);
  bounce_.reset(static_cast<uint8_t*>(
      aligned_alloc(target_->image.geometry().memory_alignment, kBounceBytes)));
  if (bounce_ == nullptr) End(kBlkStatusIoError);
  return {};
}

Result<> BlockRequest::BeginGetId() {
  std::array<uint8_t, kBlkIdBytes> id = {};
  memcpy(id.data(), target_->serial.data(), std::min(target_->serial.size(), id.size()));
  answered_ = std::min<uint64_t>(chain.writable_bytes() - 1, id.size());
  ChainCursor cursor(chain.writable());
  SEALVM_TRY(cursor.Write(*memory_, std::span<const uint8_t>(id).first(answered_)));
  End(kBlkStatusOk);
  return {};
}

Result<> BlockRequest::BeginSegments() {
  const uint64_t bytes = chain.readable_bytes() - sizeof(BlkHeader);
  const uint64_t feature = type_ == kBlkDiscard ? kBlkFeatureDiscard : kBlkFeatureWriteZeroes;
  if ((target_->features & feature) == 0) {
    End(kBlkStatusUnsupported);
    return {};
  }
  if (bytes == 0 || bytes % sizeof(BlkSegment) != 0 ||
      bytes > kMaxBlkSegments * sizeof(BlkSegment)) {
    End(kBlkStatusIoError);
    return {};
  }
  segments_.resize(bytes / sizeof(BlkSegment));
  ChainCursor cursor(chain.readable());
  cursor.Skip(sizeof(BlkHeader));
  SEALVM_TRY(cursor.Read(*memory_, {reinterpret_cast<uint8_t*>(segments_.data()), bytes}));
  segment_ = 0;
  done_ = 0;
  zero_way_ = ZeroWay::kPunchHole;
  phase_ = Phase::kSegments;
  // Before anything is done, so that a request is not half done.
  if (const uint8_t status = CheckSegments(); status != kBlkStatusOk) End(status);
  return {};
}

uint8_t BlockRequest::CheckSegments() const {
  for (const BlkSegment& segment : segments_) {
    if (const uint8_t status = CheckSegment(segment); status != kBlkStatusOk) return status;
  }
  return kBlkStatusOk;
}

// Section 5.2.6.2: unknown flags, and any of a discard, are unsupported.
uint8_t BlockRequest::CheckSegment(const BlkSegment& segment) const {
  const bool discard = type_ == kBlkDiscard;
  if ((segment.flags & ~(discard ? 0 : kBlkSegmentUnmap)) != 0) return kBlkStatusUnsupported;
  const uint32_t most = discard ? kMaxDiscardSectors : kMaxWriteZeroesSectors;
  if (segment.sectors > most) return kBlkStatusIoError;
  const uint64_t bytes = uint64_t{segment.sectors} * kSectorBytes;
  return InsideImage(segment.sector, bytes) ? kBlkStatusOk : kBlkStatusIoError;
}

Result<std::optional<IoRequest>> BlockRequest::Next(uint64_t writable_end) {
  std::optional<IoRequest> next;
  switch (phase_) {
    case Phase::kTransfer:
      next = SEALVM_TRY(NextTransfer());
      break;
    case Phase::kSegments:
      next = NextSegment();
      if (next || phase_ != Phase::kSync) break;
      [[fallthrough]];
    case Phase::kSync:
      next = IoRequest{.kind = IoKind::kSync};
      break;
    case Phase::kDone:
      break;
  }
  if (next && next->kind == IoKind::kWrite && next->offset + next->length > writable_end) {
    End(kBlkStatusIoError);
    return std::nullopt;
  }
  return next;
}

Result<IoRequest> BlockRequest::NextTransfer() {
  IoRequest next{.kind = type_ == kBlkIn ? IoKind::kRead : IoKind::kWrite,
                 .offset = offset_ + done_,
                 .length = length_ - done_};
  if (bounce_ != nullptr) {
    next.length = std::min<uint64_t>(next.length, kBounceBytes);
    if (next.kind == IoKind::kWrite) SEALVM_TRY(FillBounce({bounce_.get(), next.length}));
    rest_ = {{bounce_.get(), next.length}};
    next.iovecs = rest_;
    return next;
  }
  next.iovecs = lent_->iovecs();
  if (done_ > 0 || next.iovecs.size() > IOV_MAX) {
    rest_ = Slice(next.iovecs, done_);
    next.iovecs = rest_;
    next.length = TotalOf(rest_);
  }
  return next;
}

Result<> BlockRequest::FillBounce(std::span<uint8_t> bounce) {
  ChainCursor cursor(bounced_);
  cursor.Skip(done_);
  return cursor.Read(*memory_, bounce);
}

std::optional<IoRequest> BlockRequest::NextSegment() {
  while (segment_ < segments_.size() && segments_[segment_].sectors == 0) ++segment_;
  if (segment_ == segments_.size()) {
    EndChange();
    return std::nullopt;
  }
  const BlkSegment& segment = segments_[segment_];
  offset_ = segment.sector * kSectorBytes;
  length_ = uint64_t{segment.sectors} * kSectorBytes;
  if (type_ == kBlkDiscard) {
    return IoRequest{.kind = IoKind::kPunchHole, .offset = offset_, .length = length_};
  }
  return NextZeroes(segment);
}

IoRequest BlockRequest::NextZeroes(const BlkSegment& segment) {
  // A guest that did not allow it wants the space to stay its own.
  if (zero_way_ == ZeroWay::kPunchHole && (segment.flags & kBlkSegmentUnmap) == 0) {
    zero_way_ = ZeroWay::kZeroRange;
  }
  IoRequest next{.kind = IoKind::kPunchHole, .offset = offset_ + done_, .length = length_ - done_};
  if (zero_way_ == ZeroWay::kZeroRange) next.kind = IoKind::kZeroRange;
  if (zero_way_ != ZeroWay::kWrite) return next;
  next.kind = IoKind::kWrite;
  next.length = std::min<uint64_t>(next.length, kZeroBytes * kZeroPieces);
  rest_.clear();
  for (uint64_t bytes = next.length; bytes > 0; bytes -= rest_.back().iov_len) {
    rest_.push_back({g_zeroes, static_cast<size_t>(std::min<uint64_t>(bytes, kZeroBytes))});
  }
  next.iovecs = rest_;
  return next;
}

Result<> BlockRequest::OnResult(int64_t result) {
  if (IsTransient(result)) return {};
  switch (phase_) {
    case Phase::kTransfer:
      return OnTransfer(result);
    case Phase::kSegments:
      OnSegment(result);
      return {};
    case Phase::kSync:
      OnSync(result);
      return {};
    case Phase::kDone:
      return {};
  }
  return {};
}

Result<> BlockRequest::OnTransfer(int64_t result) {
  // 0 is the end of an image that has shrunk, or a disk that takes nothing.
  if (result <= 0) {
    End(kBlkStatusIoError);
    return {};
  }
  const uint64_t moved = std::min(static_cast<uint64_t>(result), length_ - done_);
  if (bounce_ != nullptr && type_ == kBlkIn) SEALVM_TRY(OnBounceRead(moved));
  done_ += moved;
  if (done_ < length_) return {};
  if (type_ == kBlkOut) {
    EndChange();
    return {};
  }
  answered_ = length_;
  End(kBlkStatusOk);
  return {};
}

Result<> BlockRequest::OnBounceRead(uint64_t bytes) {
  ChainCursor cursor(bounced_);
  cursor.Skip(done_);
  return cursor.Write(*memory_, {bounce_.get(), bytes});
}

void BlockRequest::OnSegment(int64_t result) {
  if (HostCannot(result) && TakeNextZeroWay()) return;
  const bool by_writing = type_ == kBlkWriteZeroes && zero_way_ == ZeroWay::kWrite;
  // A discard is advice, which the host need not be able to follow.
  const bool ignored = type_ == kBlkDiscard && HostCannot(result);
  if ((result < 0 && !ignored) || (by_writing && result == 0)) return End(kBlkStatusIoError);
  done_ = by_writing ? done_ + static_cast<uint64_t>(result) : length_;
  if (done_ < length_) return;
  ++segment_;
  done_ = 0;
  zero_way_ = ZeroWay::kPunchHole;
}

bool BlockRequest::TakeNextZeroWay() {
  if (type_ == kBlkDiscard || zero_way_ == ZeroWay::kWrite) return false;
  zero_way_ = zero_way_ == ZeroWay::kPunchHole ? ZeroWay::kZeroRange : ZeroWay::kWrite;
  return true;
}

void BlockRequest::OnSync(int64_t result) {
  if (result < 0 && !target_->image.direct()) target_->writes_lost = true;
  End(result < 0 || target_->writes_lost ? kBlkStatusIoError : kBlkStatusOk);
}

Result<uint32_t> BlockRequest::Finish() {
  // Before the driver can know that its pages are its own again.
  lent_.reset();
  const GuestBuffer last = chain.writable().back();
  SEALVM_TRY(memory_->Write(last.gpa + last.length - 1, {&status_, 1}));
  uint64_t written = ok() ? answered_ : 0;
  // The status counts if nothing before it was left out.
  if (written == chain.writable_bytes() - 1) ++written;
  return static_cast<uint32_t>(std::min<uint64_t>(written, std::numeric_limits<uint32_t>::max()));
}

void BlockRequest::Clear() {
  lent_.reset();
  rest_.clear();
  bounced_.clear();
  bounce_.reset();
  segments_.clear();
  phase_ = Phase::kDone;
}

}  // namespace sealvm
