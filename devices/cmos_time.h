// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_CMOS_TIME_H_
#define SEALVM_DEVICES_CMOS_TIME_H_

#include <stdint.h>

#include <chrono>
#include <optional>

namespace sealvm {

// Bits of the MC146818's status register B that say how its time registers are written (Motorola
// MC146818A data sheet, "Register B").
inline constexpr uint8_t kCmosBinary = 1 << 2;  // else BCD
inline constexpr uint8_t kCmos24Hour = 1 << 1;  // else 12, with bit 7 of the hours for PM

// The clock's registers as they stand in the chip.
struct CmosTime {
  uint8_t seconds = 0;
  uint8_t minutes = 0;
  uint8_t hours = 0;
  uint8_t weekday = 0;  // 1 is Sunday
  uint8_t day = 0;
  uint8_t month = 0;
  uint8_t year = 0;  // of the century
  uint8_t century = 0;

  friend bool operator==(const CmosTime&, const CmosTime&) = default;
};

// Writes a time in the form that `status_b` asks for. Years outside 0-9999 become the nearest.
CmosTime EncodeCmosTime(std::chrono::sys_seconds time, uint8_t status_b);

// Reads it back; nullopt when the registers hold no date and time (month 13, BCD digit 0xf, ...).
// The day of the week is not looked at.
std::optional<std::chrono::sys_seconds> DecodeCmosTime(const CmosTime& registers, uint8_t status_b);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_CMOS_TIME_H_
