// SPDX-License-Identifier: Apache-2.0
#include "devices/cmos_rtc.h"

#include <algorithm>
#include <utility>

namespace sealvm {
namespace {

constexpr uint64_t kIndexPort = 0;
constexpr uint8_t kIndexMask = 0x7f;

constexpr uint8_t kStatusA = 0x0a;
constexpr uint8_t kStatusB = 0x0b;
constexpr uint8_t kStatusC = 0x0c;
constexpr uint8_t kStatusD = 0x0d;

constexpr uint8_t kUpdateInProgress = 1 << 7;  // A
constexpr uint8_t kDividerAndRate = 0x26;      // A: 32768 Hz crystal, 1024 Hz periodic rate
constexpr uint8_t kSet = 1 << 7;               // B: the clock is halted
constexpr uint8_t kValidRamAndTime = 1 << 7;   // D

constexpr std::chrono::milliseconds kHold{50};

// Which field of the time an index is, or null.
uint8_t CmosTime::*TimeField(uint8_t index) {
  switch (index) {
    case 0x00:
      return &CmosTime::seconds;
    case 0x02:
      return &CmosTime::minutes;
    case 0x04:
      return &CmosTime::hours;
    case 0x06:
      return &CmosTime::weekday;
    case 0x07:
      return &CmosTime::day;
    case 0x08:
      return &CmosTime::month;
    case 0x09:
      return &CmosTime::year;
    case kRtcCenturyIndex:
      return &CmosTime::century;
    default:
      return nullptr;
  }
}

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;

uint64_t SaturatingSub(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

HostClock SystemHostClock() {
  return [] {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  };
}

CmosRtc::CmosRtc(CmosMemory memory, HostClock clock) : clock_(std::move(clock)) {
  MutexLock lock(mutex_);
  cmos_[kStatusA] = kDividerAndRate;
  cmos_[kStatusB] = kCmos24Hour;
  cmos_[kStatusD] = kValidRamAndTime;
  StoreMemorySizes(memory);
}

// Places and units are those of SeaBIOS (src/hw/rtc.h) and of the PC AT's BIOS.
void CmosRtc::StoreMemorySizes(CmosMemory memory) {
  const auto store = [this](uint8_t index, uint64_t value, size_t bytes) SEALVM_REQUIRES(mutex_) {
    value = std::min(value, (uint64_t{1} << (8 * bytes)) - 1);
    for (size_t i = 0; i < bytes; ++i) cmos_[index + i] = static_cast<uint8_t>(value >> (8 * i));
  };
  constexpr uint64_t kBaseMemoryKiB = 640;
  const uint64_t extended_kib = SaturatingSub(memory.below_4g, kMiB) / kKiB;
  store(0x15, std::min(kBaseMemoryKiB, memory.below_4g / kKiB), 2);
  store(0x17, extended_kib, 2);
  store(0x30, extended_kib, 2);
  store(0x34, SaturatingSub(memory.below_4g, 16 * kMiB) / (64 * kKiB), 2);
  store(0x5b, memory.above_4g / (64 * kKiB), 3);
}

bool CmosRtc::halted() const { return (cmos_[kStatusB] & kSet) != 0; }

uint8_t CmosRtc::ReadRegister(uint64_t offset) {
  if (offset == kIndexPort) return 0xff;  // the index is write-only
  MutexLock lock(mutex_);
  return ReadCmos(index_);
}

void CmosRtc::WriteRegister(uint64_t offset, uint8_t value) {
  MutexLock lock(mutex_);
  if (offset == kIndexPort) {
    index_ = value & kIndexMask;
  } else {
    WriteCmos(index_, value);
  }
}

uint8_t CmosRtc::ReadCmos(uint8_t index) {
  if (const auto field = TimeField(index); field != nullptr) return Time().*field;
  if (index == kStatusA) held_at_ = clock_();
  return cmos_[index];
}

void CmosRtc::WriteCmos(uint8_t index, uint8_t value) {
  if (const auto field = TimeField(index); field != nullptr) {
    CmosTime time = Time();
    time.*field = value;
    if (halted()) {
      halted_time_ = time;
    } else {
      SetTime(time);
    }
    return;
  }
  switch (index) {
    case kStatusA:
      cmos_[kStatusA] = value & static_cast<uint8_t>(~kUpdateInProgress);
      return;
    case kStatusB:
      return WriteStatusB(value);
    case kStatusC:
    case kStatusD:
      return;  // read-only
    default:
      cmos_[index] = value;
  }
}

void CmosRtc::WriteStatusB(uint8_t value) {
  const bool was_halted = halted();
  const CmosTime before = Time();
  cmos_[kStatusB] = value;
  if (!was_halted && halted()) {
    halted_time_ = before;
  } else if (was_halted && !halted()) {
    SetTime(halted_time_);
  }
}

CmosTime CmosRtc::Time() const {
  if (halted()) return halted_time_;
  auto now = clock_();
  if (held_at_ && now >= *held_at_ && now - *held_at_ < kHold) now = *held_at_;
  return EncodeCmosTime(std::chrono::floor<std::chrono::seconds>(now) + offset_, cmos_[kStatusB]);
}

void CmosRtc::SetTime(const CmosTime& time) {
  const auto decoded = DecodeCmosTime(time, cmos_[kStatusB]);
  if (!decoded) return;
  offset_ = *decoded - std::chrono::floor<std::chrono::seconds>(clock_());
  held_at_.reset();
}

}  // namespace sealvm
