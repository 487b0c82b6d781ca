// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_TESTING_MACHINE_H_
#define SEALVM_GUEST_FW_MEASURED_TESTING_MACHINE_H_

#include <stdint.h>

#include <string>
#include <vector>

#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/testing_host.h"

namespace sealvm::measured {

// A bzImage of `size` bytes with one setup sector behind the boot sector, for 16 MiB, relocatable.
std::vector<uint8_t> MakeBzImage(uint32_t size = 20000);
inline constexpr uint32_t kTestSetupSize = 1024;

// The page with the hash table of these.
std::vector<uint8_t> MakeHashPage(const std::vector<uint8_t>& kernel,
                                  const std::vector<uint8_t>& initrd, const std::string& cmdline);

// Puts kernel, initrd and command line into fw_cfg as a VMM does.
void AddBootFiles(TestFwCfg& fw_cfg, const std::vector<uint8_t>& kernel,
                  const std::vector<uint8_t>& initrd, const std::string& cmdline);

// etc/e820 with these ranges as RAM.
void AddE820(TestFwCfg& fw_cfg, const std::vector<Range>& ram);

// Files and script of an RSDP, an XSDT and a MADT with one local APIC.
void AddAcpi(TestFwCfg& fw_cfg);
// Commands of a script.
std::vector<uint8_t> AllocateCommand(const std::string& file, uint32_t alignment = 16);
std::vector<uint8_t> PointerCommand(const std::string& file, const std::string& source,
                                    uint32_t offset, uint8_t width = 8);
std::vector<uint8_t> ChecksumCommand(const std::string& file, uint32_t offset, uint32_t start,
                                     uint32_t length);

// A TD HOB that describes these ranges as not accepted, to lie at TD_HOB.
std::vector<uint8_t> MakeTdHob(const std::vector<Range>& ram);

// A CPUID page with the C-bit's function and leaf 0.
std::vector<uint8_t> MakeCpuidPage(uint32_t c_bit = 51);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_TESTING_MACHINE_H_
