// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_FW_CFG_FW_CFG_SOURCE_H_
#define SEALVM_DEVICES_FW_CFG_FW_CFG_SOURCE_H_

#include <stdint.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "memory/base/result.h"

namespace sealvm {

// Where an item's bytes come from. Its size never changes. Read is called on vCPU threads, one at a
// time.
class FwCfgSource {
 public:
  virtual ~FwCfgSource() = default;
  // Bytes.
  virtual uint32_t size() const = 0;
  // Fills `out` from `offset`; the range lies inside.
  virtual Result<> Read(uint32_t offset, std::span<uint8_t> out) const = 0;
};

// Bytes in memory.
class FwCfgBytes : public FwCfgSource {
 public:
  // At most 4 GiB - 1.
  explicit FwCfgBytes(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

  uint32_t size() const override { return static_cast<uint32_t>(bytes_.size()); }
  Result<> Read(uint32_t offset, std::span<uint8_t> out) const override {
    std::ranges::copy(std::span(bytes_).subspan(offset, out.size()), out.begin());
    return {};
  }

 private:
  const std::vector<uint8_t> bytes_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_FW_CFG_FW_CFG_SOURCE_H_
