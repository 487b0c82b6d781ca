// SPDX-License-Identifier: Apache-2.0
#include "devices/fw_cfg/fw_cfg_device.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint64_t kSelector = 0;
constexpr uint64_t kData = 1;
constexpr uint64_t kDmaHigh = 4;
constexpr uint64_t kDmaLow = 8;
constexpr uint64_t kDmaEnd = 12;

constexpr std::array<uint8_t, 8> kDmaSignature = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};

// The control word; bits 5-15 mean nothing.
constexpr uint32_t kControlError = 1 << 0;
constexpr uint32_t kControlRead = 1 << 1;
constexpr uint32_t kControlSkip = 1 << 2;
constexpr uint32_t kControlSelect = 1 << 3;
constexpr uint32_t kControlWrite = 1 << 4;
constexpr unsigned kControlKeyShift = 16;

// Control word, length, address.
constexpr size_t kRequestBytes = 16;
constexpr uint32_t kChunk = 64 * 1024;

uint64_t LoadBe(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

std::array<uint8_t, 4> ToBe(uint32_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
          static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

}  // namespace

FwCfgDevice::FwCfgDevice(FwCfgItems items, std::shared_ptr<SharedView> memory, Logger logger)
    : items_(std::move(items)), memory_(std::move(memory)), logger_(std::move(logger)) {
  const MutexLock lock(mutex_);
  Select(kFwCfgSignature);
}

void FwCfgDevice::Read(uint64_t offset, std::span<uint8_t> data) {
  const MutexLock lock(mutex_);
  std::ranges::fill(data, uint8_t{0});
  if (offset == kData && data.size() == 1) {
    data[0] = NextByte();
  } else if (offset >= kDmaHigh && data.size() <= kDmaEnd - offset) {
    std::ranges::copy(std::span(kDmaSignature).subspan(offset - kDmaHigh, data.size()),
                      data.begin());
  }
}

void FwCfgDevice::Write(uint64_t offset, std::span<const uint8_t> data) {
  const MutexLock lock(mutex_);
  if (offset == kSelector && data.size() == 2) {
    Select(static_cast<uint16_t>(LoadLeAny(data)));
  } else if (offset == kDmaHigh && data.size() == 4) {
    dma_high_ = static_cast<uint32_t>(LoadBe(data));
  } else if (offset == kDmaLow && data.size() == 4) {
    RunRequest(Gpa{std::exchange(dma_high_, 0)} << 32 | LoadBe(data));
  }
}

void FwCfgDevice::Select(uint16_t key) {
  selected_ = items_.Find(key);
  offset_ = 0;
}

uint8_t FwCfgDevice::NextByte() {
  uint8_t byte = 0;
  if (const Result<> taken = Take({&byte, 1}); !taken) {
    logger_.Log(LogLevel::kWarning, "fw_cfg: {}", taken.error().message);
    return 0;
  }
  return byte;
}

Result<> FwCfgDevice::Take(std::span<uint8_t> out) {
  const uint32_t left = selected_ == nullptr ? 0 : selected_->size() - offset_;
  const auto taken = static_cast<uint32_t>(std::min<size_t>(out.size(), left));
  std::ranges::fill(out.subspan(taken), uint8_t{0});
  if (taken == 0) return {};
  SEALVM_TRY(selected_->Read(offset_, out.first(taken)));
  offset_ += taken;
  return {};
}

void FwCfgDevice::Skip(uint32_t length) {
  if (selected_ != nullptr) offset_ += std::min(length, selected_->size() - offset_);
}

void FwCfgDevice::RunRequest(Gpa request) {
  std::array<uint8_t, kRequestBytes> bytes;
  if (const Result<> read = memory_->Read(request, bytes); !read) {
    logger_.Log(LogLevel::kDebug, "fw_cfg: no request at {:#x}: {}", request, read.error().message);
    return;
  }
  const std::span words(bytes);
  const Result<> done =
      Carry(static_cast<uint32_t>(LoadBe(words.first(4))),
            static_cast<uint32_t>(LoadBe(words.subspan(4, 4))), LoadBe(words.subspan(8, 8)));
  if (!done) logger_.Log(LogLevel::kDebug, "fw_cfg: request failed: {}", done.error().message);
  // The guest may have taken the page back meanwhile: then nobody waits for the answer.
  const Result<> answered = memory_->Write(request, ToBe(done ? 0 : kControlError));
  if (!answered) logger_.Log(LogLevel::kDebug, "fw_cfg: {}", answered.error().message);
}

Result<> FwCfgDevice::Carry(uint32_t control, uint32_t length, Gpa address) {
  if ((control & kControlSelect) != 0) Select(static_cast<uint16_t>(control >> kControlKeyShift));
  if ((control & kControlRead) != 0) return CopyOut(address, length);
  if ((control & kControlWrite) != 0) return InvalidInput("no item can be written");
  if ((control & kControlSkip) != 0) Skip(length);
  return {};
}

// All or nothing, unless the guest takes pages back while it waits.
Result<> FwCfgDevice::CopyOut(Gpa address, uint32_t length) {
  if (length == 0) return {};
  const GuestBuffer buffer{address, length};
  SEALVM_TRY(memory_->Check({&buffer, 1}));
  std::vector<uint8_t> chunk;
  for (uint32_t done = 0; done < length; done += static_cast<uint32_t>(chunk.size())) {
    chunk.resize(std::min(kChunk, length - done));
    SEALVM_TRY(Take(chunk));
    SEALVM_TRY(memory_->Write(address + done, chunk));
  }
  return {};
}

}  // namespace sealvm
