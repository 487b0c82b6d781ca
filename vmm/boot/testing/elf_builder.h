// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_TESTING_ELF_BUILDER_H_
#define SEALVM_VMM_BOOT_TESTING_ELF_BUILDER_H_

#include <elf.h>
#include <stdint.h>

#include <optional>
#include <string_view>
#include <vector>

namespace sealvm {

// A small ELF file whose headers say what a test wants.
class ElfBuilder {
 public:
  // Fields to change before Build.
  Elf64_Ehdr header;
  std::vector<Elf64_Phdr> program_headers;

  ElfBuilder();
  // Adds a PT_LOAD of `bytes` at `gpa`, with `memory_size` bytes in memory.
  ElfBuilder& Segment(uint64_t gpa, std::vector<uint8_t> bytes, uint64_t memory_size);
  // Adds a PT_NOTE with one note; several calls make several.
  ElfBuilder& Note(std::string_view name, uint32_t type, std::vector<uint8_t> description);
  ElfBuilder& PvhNote(uint64_t entry, size_t width = 8);
  ElfBuilder& LinuxNote();
  ElfBuilder& Entry(uint64_t entry);

  std::vector<uint8_t> Build() const;

 private:
  uint64_t Append(const std::vector<uint8_t>& bytes);

  // What follows the headers; its file offset is kDataOffset.
  std::vector<uint8_t> data_;
};

// A vmlinux in miniature at 16 MiB: Linux and PVH notes, both entries inside of its one segment of
// `file_size` bytes.
std::vector<uint8_t> MakeTinyVmlinux(uint64_t file_size = 4096, uint64_t memory_size = 8192);
inline constexpr uint64_t kTinyVmlinuxBase = 0x1000000;
inline constexpr uint64_t kTinyVmlinuxEntry = kTinyVmlinuxBase + 0x100;
inline constexpr uint32_t kTinyVmlinuxPvhEntry = kTinyVmlinuxBase + 0x200;

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_TESTING_ELF_BUILDER_H_
