// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_FW_CFG_H_
#define SEALVM_GUEST_FW_MEASURED_FW_CFG_H_

#include <stdint.h>

#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/isolation.h"

namespace sealvm::measured {

// Keys of items that have no name (QEMU docs/specs/fw_cfg.rst, and
// include/standard-headers/linux/qemu_fw_cfg.h).
inline constexpr uint16_t kFwCfgKernelSize = 0x08;
inline constexpr uint16_t kFwCfgInitrdSize = 0x0b;
inline constexpr uint16_t kFwCfgKernelData = 0x11;
inline constexpr uint16_t kFwCfgInitrdData = 0x12;
inline constexpr uint16_t kFwCfgCmdlineSize = 0x14;
inline constexpr uint16_t kFwCfgCmdlineData = 0x15;
inline constexpr uint16_t kFwCfgSetupSize = 0x17;
inline constexpr uint16_t kFwCfgSetupData = 0x18;
inline constexpr uint16_t kFwCfgFileDirectory = 0x19;

struct FwCfgFile {
  uint32_t size = 0;
  uint16_t key = 0;
};

// Reads what the machine tells its firmware, by DMA through the shared window. Everything is copied
// into private memory once and is hostile there, too.
class FwCfg {
 public:
  FwCfg(Isolation& isolation, const GuestMemory& memory) : isolation_(isolation), memory_(memory) {}

  // kNoFwCfg unless there is a device that knows DMA.
  Failure Open();
  // Copies the first `size` bytes of an item to `to`, memory that the caller has checked. Items
  // that are not there read as zeros.
  Failure Read(uint16_t key, uint64_t size, uint64_t to);
  Failure ReadNumber(uint16_t key, uint32_t* value);
  // kFwCfgFile when there is none of this name. Overwrites the scratch memory.
  Failure Find(const char* name, FwCfgFile* file);

 private:
  Failure Transfer(uint32_t control, uint32_t size);

  Isolation& isolation_;
  const GuestMemory memory_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_FW_CFG_H_
