// SPDX-License-Identifier: Apache-2.0
#include "memory/shared_view.h"

namespace sealvm {

Result<> SharedView::Guarded(Gpa gpa, uint64_t length, const std::function<Result<>()>& use) const {
  Result<> result = conversions_ ? conversions_->WithShared(gpa, length, use) : use();
  if (!result) refused_.fetch_add(1, std::memory_order_relaxed);
  return result;
}

Result<> SharedView::Read(Gpa gpa, std::span<uint8_t> out) const {
  return Guarded(gpa, out.size(), [&] { return memory_->Read(gpa, out); });
}

Result<> SharedView::Write(Gpa gpa, std::span<const uint8_t> bytes) {
  return Guarded(gpa, bytes.size(), [&] { return memory_->Write(gpa, bytes); });
}

}  // namespace sealvm
