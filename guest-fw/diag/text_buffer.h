// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_TEXT_BUFFER_H_
#define SEALVM_GUEST_FW_DIAG_TEXT_BUFFER_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>

namespace sealvm::diag {

// Builds text in storage that the caller owns; what does not fit is cut off. No heap, no locale.
class TextBuffer {
 public:
  explicit TextBuffer(std::span<char> storage) : storage_(storage) {}

  TextBuffer& Text(std::string_view text);
  TextBuffer& Char(char c);
  // Text followed by blanks up to `width` characters.
  TextBuffer& Padded(std::string_view text, size_t width);
  TextBuffer& Decimal(uint64_t value);
  // Right-aligned with blanks to at least `width` characters.
  TextBuffer& Decimal(uint64_t value, size_t width);
  // "0x" and at least `digits` lower-case digits, with zeros before.
  TextBuffer& Hex(uint64_t value, size_t digits = 1);
  // Bytes in the largest unit that keeps it exact enough to read: "639 KiB", "127.6 MiB", "4 GiB".
  TextBuffer& Size(uint64_t bytes);
  // Microseconds as seconds with three decimals: "0.081".
  TextBuffer& Seconds(uint64_t microseconds);

  std::string_view view() const { return {storage_.data(), size_}; }
  void Clear() { size_ = 0; }

 private:
  std::span<char> storage_;
  size_t size_ = 0;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_TEXT_BUFFER_H_
