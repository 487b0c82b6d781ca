// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_TESTING_BZIMAGE_BUILDER_H_
#define SEALVM_VMM_BOOT_TESTING_BZIMAGE_BUILDER_H_

#include <stdint.h>

#include <string>
#include <vector>

namespace sealvm {

// A small bzImage whose header says what a test wants; the defaults are those of a good kernel.
struct BzImageBuilder {
  uint8_t setup_sects = 1;
  uint16_t protocol = 0x020f;
  uint8_t loadflags = 0x01;
  uint16_t xloadflags = 0x03;
  uint8_t header_end = 0x6a;  // displacement of the jump: the header ends at 0x202 + this
  uint8_t relocatable = 1;
  uint32_t alignment = 0x200000;
  uint64_t preferred_address = 0x1000000;
  uint32_t init_size = 0x100000;
  uint32_t cmdline_size = 2047;
  uint32_t initrd_addr_max = 0x7fffffff;
  uint32_t code_size = 0x1000;  // bytes of protected-mode code before the payload
  uint32_t extra_syssize = 0;   // paragraphs that the header claims beyond what there is
  uint32_t payload_offset = 0;  // 0: where it really is
  uint32_t payload_length = 0;  // 0: what it really has
  std::string version = "6.12.0-test (someone@somewhere) #1";
  std::vector<uint8_t> payload = {};

  // Byte i of the protected-mode code is CodeByte(i).
  static uint8_t CodeByte(uint64_t i) { return static_cast<uint8_t>(i * 7 + 1); }
  std::vector<uint8_t> Build() const;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_TESTING_BZIMAGE_BUILDER_H_
