// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_REPORT_LINE_H_
#define SEALVM_GUEST_FW_DIAG_REPORT_LINE_H_

#include <stddef.h>
#include <stdint.h>

#include <string_view>

#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {

// A line of the report that prints itself at its end. Callable from both rings.
class Line {
 public:
  explicit Line(std::string_view label);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  TextBuffer* operator->() { return &text_; }

 private:
  char storage_[160] = {};
  TextBuffer text_;
};

// TSC ticks as seconds; nothing when the frequency is not known.
void AppendSeconds(TextBuffer& text, std::string_view before, uint64_t ticks,
                   std::string_view after);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_REPORT_LINE_H_
