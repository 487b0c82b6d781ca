// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_BYTE_CURSOR_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_BYTE_CURSOR_H_

#include <fmt/format.h>
#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>

#include "memory/base/endian.h"
#include "memory/base/result.h"

namespace sealvm::attestation {

// Walks over a structure whose parts have lengths of their own. `name` stands for the file.
class ByteCursor {
 public:
  ByteCursor(std::span<const uint8_t> bytes, std::string_view name) : rest_(bytes), name_(name) {}

  // `what` is what the error says is cut off.
  Result<std::span<const uint8_t>> Take(size_t size, std::string_view what) {
    if (size > rest_.size()) {
      return InvalidInput(
          fmt::format("{}: cut off: {} of {} bytes, {} are left", name_, what, size, rest_.size()));
    }
    const std::span<const uint8_t> taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  template <typename T>
  Result<T> TakeLe(std::string_view what) {
    return LoadLe<T>(SEALVM_TRY(Take(sizeof(T), what))).value_or(0);
  }

  std::span<const uint8_t> rest() const { return rest_; }
  std::string_view name() const { return name_; }

 private:
  std::span<const uint8_t> rest_;
  std::string_view name_;
};

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_BYTE_CURSOR_H_
