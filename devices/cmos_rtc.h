// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_CMOS_RTC_H_
#define SEALVM_DEVICES_CMOS_RTC_H_

#include <stdint.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>

#include "devices/byte_register_device.h"
#include "devices/cmos_time.h"
#include "memory/base/mutex.h"

namespace sealvm {

// The century's place in CMOS, which the FADT's CENTURY field tells the guest (ACPI 6.5 section
// 5.2.9).
inline constexpr uint8_t kRtcCenturyIndex = 0x32;

// Bytes of RAM on either side of 4 GiB, for the CMOS bytes in which old firmware looks them up.
struct CmosMemory {
  uint64_t below_4g = 0;
  uint64_t above_4g = 0;
};

// Now, in UTC.
using HostClock = std::function<std::chrono::sys_time<std::chrono::nanoseconds>()>;
// CLOCK_REALTIME.
HostClock SystemHostClock();

// The PC's real-time clock and CMOS memory (Motorola MC146818A data sheet), a window of kRtcLength
// byte registers at kRtcBase: an index, of which bit 7 (the NMI mask) is ignored, and the byte
// there.
//
// - Time is the host's plus an offset, which a guest sets by writing the time; the host's clock is
//   never touched. A time that is none, like February 30th, leaves the offset as it was.
// - An update never is in progress (status A, bit 7), so no guest waits for one. In its place,
//   reading status A, as every driver does first, holds the time for some milliseconds, so that the
//   registers read next belong together.
// - There is no interrupt: alarm and enable bits are stored, status C reads zero. The guest must
// not
//   be told of one.
// - Other bytes are plain memory, not kept beyond the machine's life.
//
// Thread-safe.
class CmosRtc : public ByteRegisterDevice {
 public:
  explicit CmosRtc(CmosMemory memory, HostClock clock = SystemHostClock());

  std::string_view Name() const override { return "rtc"; }

 protected:
  uint8_t ReadRegister(uint64_t offset) override SEALVM_EXCLUDES(mutex_);
  void WriteRegister(uint64_t offset, uint8_t value) override SEALVM_EXCLUDES(mutex_);

 private:
  void StoreMemorySizes(CmosMemory memory) SEALVM_REQUIRES(mutex_);
  bool halted() const SEALVM_REQUIRES(mutex_);

  uint8_t ReadCmos(uint8_t index) SEALVM_REQUIRES(mutex_);
  void WriteCmos(uint8_t index, uint8_t value) SEALVM_REQUIRES(mutex_);
  void WriteStatusB(uint8_t value) SEALVM_REQUIRES(mutex_);

  // The time registers as the guest is to see them now.
  CmosTime Time() const SEALVM_REQUIRES(mutex_);
  // Makes `time` the guest's time if it is one.
  void SetTime(const CmosTime& time) SEALVM_REQUIRES(mutex_);

  const HostClock clock_;
  Mutex mutex_;
  uint8_t index_ SEALVM_GUARDED_BY(mutex_) = 0;
  std::array<uint8_t, 128> cmos_ SEALVM_GUARDED_BY(mutex_) = {};
  std::chrono::seconds offset_ SEALVM_GUARDED_BY(mutex_){0};
  // Host time of the last read of status A.
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> held_at_ SEALVM_GUARDED_BY(mutex_);
  // The registers while the guest has the clock halted (status B, SET).
  CmosTime halted_time_ SEALVM_GUARDED_BY(mutex_);
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_CMOS_RTC_H_
