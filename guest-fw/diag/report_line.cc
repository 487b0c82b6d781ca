// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/report_line.h"

#include "guest-fw/diag/console.h"
#include "guest-fw/diag/identity.h"

namespace sealvm::diag {
namespace {

constexpr size_t kLabelWidth = 14;

}  // namespace

Line::Line(std::string_view label) : text_(storage_) {
  text_.Text("  ").Padded(label, kLabelWidth);
}

Line::~Line() { WriteConsole(text_.Char('\n').view()); }

void AppendSeconds(TextBuffer& text, std::string_view before, uint64_t ticks,
                   std::string_view after) {
  const uint64_t kilohertz = TscHertz() / 1000;
  if (kilohertz != 0) {
    text.Text(before).Seconds(ticks * 1000 / kilohertz).Text(after);
  }
}

}  // namespace sealvm::diag
