// SPDX-License-Identifier: Apache-2.0
#include "devices/cmos_time.h"

#include <algorithm>

namespace sealvm {
namespace {

constexpr uint8_t kPm = 1 << 7;

uint8_t EncodeNumber(unsigned value, uint8_t status_b) {
  if ((status_b & kCmosBinary) != 0) return static_cast<uint8_t>(value);
  return static_cast<uint8_t>(value / 10 << 4 | value % 10);
}

uint8_t EncodeHours(unsigned hours, uint8_t status_b) {
  if ((status_b & kCmos24Hour) != 0) return EncodeNumber(hours, status_b);
  const unsigned half = hours % 12 == 0 ? 12 : hours % 12;
  return static_cast<uint8_t>(EncodeNumber(half, status_b) | (hours >= 12 ? kPm : 0));
}

// nullopt unless the number lies in [first, last].
std::optional<unsigned> DecodeNumber(uint8_t value, uint8_t status_b, unsigned first,
                                     unsigned last) {
  unsigned number = value;
  if ((status_b & kCmosBinary) == 0) {
    if ((value & 0x0f) > 9 || value >> 4 > 9) return std::nullopt;
    number = (value >> 4) * 10u + (value & 0x0f);
  }
  if (number < first || number > last) return std::nullopt;
  return number;
}

std::optional<unsigned> DecodeHours(uint8_t value, uint8_t status_b) {
  if ((status_b & kCmos24Hour) != 0) return DecodeNumber(value, status_b, 0, 23);
  const auto half = DecodeNumber(value & static_cast<uint8_t>(~kPm), status_b, 1, 12);
  if (!half) return std::nullopt;
  return *half % 12 + ((value & kPm) != 0 ? 12 : 0);
}

}  // namespace

CmosTime EncodeCmosTime(std::chrono::sys_seconds time, uint8_t status_b) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(time - days);
  const auto year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999));
  const auto encode = [status_b](auto value) {
    return EncodeNumber(static_cast<unsigned>(value), status_b);
  };
  return {.seconds = encode(clock.seconds().count()),
          .minutes = encode(clock.minutes().count()),
          .hours = EncodeHours(static_cast<unsigned>(clock.hours().count()), status_b),
          .weekday = encode(std::chrono::weekday(days).c_encoding() + 1),
          .day = encode(static_cast<unsigned>(date.day())),
          .month = encode(static_cast<unsigned>(date.month())),
          .year = encode(year % 100),
          .century = encode(year / 100)};
}

std::optional<std::chrono::sys_seconds> DecodeCmosTime(const CmosTime& registers,
                                                       uint8_t status_b) {
  const auto seconds = DecodeNumber(registers.seconds, status_b, 0, 59);
  const auto minutes = DecodeNumber(registers.minutes, status_b, 0, 59);
  const auto hours = DecodeHours(registers.hours, status_b);
  const auto day = DecodeNumber(registers.day, status_b, 1, 31);
  const auto month = DecodeNumber(registers.month, status_b, 1, 12);
  const auto year = DecodeNumber(registers.year, status_b, 0, 99);
  const auto century = DecodeNumber(registers.century, status_b, 0, 99);
  if (!seconds || !minutes || !hours || !day || !month || !year || !century) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(*century * 100 + *year)), std::chrono::month(*month),
      std::chrono::day(*day));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
         std::chrono::seconds(*seconds);
}

}  // namespace sealvm
