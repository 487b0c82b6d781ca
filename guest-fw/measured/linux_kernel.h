// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_LINUX_KERNEL_H_
#define SEALVM_GUEST_FW_MEASURED_LINUX_KERNEL_H_

#include <stdint.h>

#include "guest-fw/loader/sha256.h"
#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/kernel_hashes.h"
#include "guest-fw/measured/ram_map.h"

namespace sealvm::measured {

// The fields of a bzImage's setup header that tell where it can be (Linux
// Documentation/arch/x86/boot.rst).
struct SetupHeader {
  uint32_t setup_size = 0;   // bytes of the file before the kernel proper
  uint32_t header_size = 0;  // bytes from 0x1f1 on that belong into boot_params
  bool relocatable = false;
  uint64_t alignment = 0;
  uint64_t preferred_address = 0;
  uint32_t init_size = 0;
  uint32_t cmdline_size = 0;  // without NUL
  uint64_t initrd_max = 0;    // highest byte that an initrd may occupy
};

// Reads the header in the first `size` bytes of a file. kKernelHeader unless it is a bzImage with a
// 64-bit entry of boot protocol 2.12 or later.
Failure ParseSetupHeader(const uint8_t* setup, uint32_t size, SetupHeader* header);

// What was loaded, in private memory.
struct LoadedKernel {
  uint64_t entry = 0;
  Range initrd;  // empty without one
};

// Loads kernel, initrd and command line from fw_cfg into `ram`, and then compares what lies there
// with `hashes`, if given. Leaves the setup header in BOOT_PARAMS, otherwise zeros, and the command
// line in CMDLINE. The parts of the kernel's file are cut where its header says, not where the host
// does: both cuts have the same digest.
Failure LoadKernel(FwCfg& fw_cfg, const GuestMemory& memory, RamMap& ram,
                   loader::Sha256Engine engine, const KernelHashes* hashes, LoadedKernel* loaded);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_LINUX_KERNEL_H_
