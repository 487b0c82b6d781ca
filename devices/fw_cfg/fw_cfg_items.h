// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_FW_CFG_FW_CFG_ITEMS_H_
#define SEALVM_DEVICES_FW_CFG_FW_CFG_ITEMS_H_

#include <stdint.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "devices/fw_cfg/fw_cfg_source.h"
#include "memory/base/result.h"

namespace sealvm {

// Keys of items that have no name (QEMU include/standard-headers/linux/qemu_fw_cfg.h and
// docs/specs/fw_cfg.rst). Sizes, addresses and counts are little-endian numbers.
inline constexpr uint16_t kFwCfgSignature = 0x00;   // "QEMU"
inline constexpr uint16_t kFwCfgFeatures = 0x01;    // 4 bytes
inline constexpr uint16_t kFwCfgCpus = 0x05;        // 2 bytes: vCPUs at the start
inline constexpr uint16_t kFwCfgKernelSize = 0x08;  // 4 bytes; without the setup part
inline constexpr uint16_t kFwCfgInitrdSize = 0x0b;  // 4 bytes
inline constexpr uint16_t kFwCfgMaxCpus = 0x0f;     // 2 bytes
inline constexpr uint16_t kFwCfgKernelData = 0x11;
inline constexpr uint16_t kFwCfgInitrdData = 0x12;
inline constexpr uint16_t kFwCfgCmdlineSize = 0x14;  // 4 bytes; with the terminating zero
inline constexpr uint16_t kFwCfgCmdlineData = 0x15;
inline constexpr uint16_t kFwCfgSetupSize = 0x17;  // 4 bytes
inline constexpr uint16_t kFwCfgSetupData = 0x18;
inline constexpr uint16_t kFwCfgFileDirectory = 0x19;
inline constexpr uint16_t kFwCfgFirstFile = 0x20;

// Of kFwCfgFeatures.
inline constexpr uint32_t kFwCfgHasPorts = 1 << 0;
inline constexpr uint32_t kFwCfgHasDma = 1 << 1;

// With the terminating zero.
inline constexpr size_t kFwCfgNameBytes = 56;

// What a machine tells its firmware: items by key, and named ones, files, that have an entry in a
// directory. Made before the guest runs; the guest cannot change it.
class FwCfgItems {
 public:
  // The signature, the features (ports and DMA) and an empty directory.
  FwCfgItems();
  FwCfgItems(FwCfgItems&&) = default;
  FwCfgItems& operator=(FwCfgItems&&) = default;

  void Add(uint16_t key, std::shared_ptr<const FwCfgSource> source);
  void Add16(uint16_t key, uint16_t value);
  void Add32(uint16_t key, uint32_t value);
  // Fails for a name that is empty, too long or taken.
  Result<> AddFile(std::string name, std::vector<uint8_t> bytes);

  // Null where no item is. Valid while the object lives and is not added to.
  const FwCfgSource* Find(uint16_t key) const;
  const FwCfgSource* FindFile(std::string_view name) const;

 private:
  void AddNumber(uint16_t key, uint64_t value, size_t width);
  void UpdateDirectory();

  std::map<uint16_t, std::shared_ptr<const FwCfgSource>> items_;
  std::vector<std::pair<std::string, uint16_t>> files_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_FW_CFG_FW_CFG_ITEMS_H_
