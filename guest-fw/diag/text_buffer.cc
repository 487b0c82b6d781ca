// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {
namespace {

// Digits of a number, least significant first.
struct Digits {
  char digit[20];  // UINT64_MAX has 20 decimal digits
  size_t count = 0;

  Digits(uint64_t value, uint64_t base) {
    do {
      digit[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
  }
};

constexpr std::string_view kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};

}  // namespace

TextBuffer& TextBuffer::Char(char c) {
  if (size_ < storage_.size()) {
    storage_[size_++] = c;
  }
  return *this;
}

TextBuffer& TextBuffer::Text(std::string_view text) {
  for (char c : text) {
    Char(c);
  }
  return *this;
}

TextBuffer& TextBuffer::Padded(std::string_view text, size_t width) {
  Text(text);
  for (size_t i = text.size(); i < width; ++i) {
    Char(' ');
  }
  return *this;
}

TextBuffer& TextBuffer::Decimal(uint64_t value) { return Decimal(value, 0); }

TextBuffer& TextBuffer::Decimal(uint64_t value, size_t width) {
  const Digits digits(value, 10);
  for (size_t i = digits.count; i < width; ++i) {
    Char(' ');
  }
  for (size_t i = digits.count; i > 0; --i) {
    Char(digits.digit[i - 1]);
  }
  return *this;
}

TextBuffer& TextBuffer::Hex(uint64_t value, size_t digits) {
  const Digits hex(value, 16);
  Text("0x");
  for (size_t i = hex.count; i < digits; ++i) {
    Char('0');
  }
  for (size_t i = hex.count; i > 0; --i) {
    Char(hex.digit[i - 1]);
  }
  return *this;
}

TextBuffer& TextBuffer::Size(uint64_t bytes) {
  size_t unit = 0;
  uint64_t whole = bytes;
  uint64_t rest = 0;  // in 1024ths of the unit
  while (whole >= 1024 && unit + 1 < std::size(kUnits)) {
    rest = whole % 1024;
    whole /= 1024;
    ++unit;
  }
  Decimal(whole);
  if (rest != 0) {
    Char('.').Decimal(rest * 10 / 1024);
  }
  return Char(' ').Text(kUnits[unit]);
}

TextBuffer& TextBuffer::Seconds(uint64_t microseconds) {
  const uint64_t milliseconds = microseconds / 1000;
  Decimal(milliseconds / 1000).Char('.');
  const uint64_t fraction = milliseconds % 1000;
  return Char(static_cast<char>('0' + fraction / 100))
      .Char(static_cast<char>('0' + fraction / 10 % 10))
      .Char(static_cast<char>('0' + fraction % 10));
}

}  // namespace sealvm::diag
