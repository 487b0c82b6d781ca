// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/testing/elf_builder.h"

#include <string.h>

#include <algorithm>
#include <numeric>
#include <span>

namespace sealvm {
namespace {

constexpr uint64_t kDataOffset = 0x1000;
constexpr uint32_t kXenPhys32Entry = 18;
constexpr uint32_t kLinuxBuildSalt = 0x100;

void PadToFour(std::vector<uint8_t>& bytes) { bytes.resize((bytes.size() + 3) & ~size_t{3}); }

}  // namespace

ElfBuilder::ElfBuilder() : header() {
  memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof(header);
  header.e_ehsize = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
}

uint64_t ElfBuilder::Append(const std::vector<uint8_t>& bytes) {
  const uint64_t offset = kDataOffset + data_.size();
  data_.insert(data_.end(), bytes.begin(), bytes.end());
  return offset;
}

ElfBuilder& ElfBuilder::Segment(uint64_t gpa, std::vector<uint8_t> bytes, uint64_t memory_size) {
  Elf64_Phdr entry = {};
  entry.p_type = PT_LOAD;
  entry.p_offset = Append(bytes);
  entry.p_paddr = gpa;
  entry.p_filesz = bytes.size();
  entry.p_memsz = memory_size;
  program_headers.push_back(entry);
  return *this;
}

ElfBuilder& ElfBuilder::Note(std::string_view name, uint32_t type,
                             std::vector<uint8_t> description) {
  const Elf64_Nhdr note = {.n_namesz = static_cast<Elf64_Word>(name.size() + 1),
                           .n_descsz = static_cast<Elf64_Word>(description.size()),
                           .n_type = type};
  std::vector<uint8_t> bytes(sizeof(note));
  memcpy(bytes.data(), &note, sizeof(note));
  bytes.insert(bytes.end(), name.begin(), name.end());
  bytes.push_back(0);
  PadToFour(bytes);
  bytes.insert(bytes.end(), description.begin(), description.end());
  PadToFour(bytes);

  Elf64_Phdr entry = {};
  entry.p_type = PT_NOTE;
  entry.p_offset = Append(bytes);
  entry.p_filesz = bytes.size();
  entry.p_align = 4;
  program_headers.push_back(entry);
  return *this;
}

ElfBuilder& ElfBuilder::PvhNote(uint64_t entry, size_t width) {
  std::vector<uint8_t> description(width);
  for (size_t i = 0; i < width && i < sizeof(entry); ++i) {
    description[i] = static_cast<uint8_t>(entry >> (8 * i));
  }
  return Note("Xen", kXenPhys32Entry, std::move(description));
}

ElfBuilder& ElfBuilder::LinuxNote() { return Note("Linux", kLinuxBuildSalt, {'s', 'a', 'l', 't'}); }

ElfBuilder& ElfBuilder::Entry(uint64_t entry) {
  header.e_entry = entry;
  return *this;
}

std::vector<uint8_t> ElfBuilder::Build() const {
  Elf64_Ehdr final_header = header;
  if (final_header.e_phnum == 0) {
    final_header.e_phnum = static_cast<Elf64_Half>(program_headers.size());
  }
  std::vector<uint8_t> file(kDataOffset);
  memcpy(file.data(), &final_header, sizeof(final_header));
  const auto headers = std::as_bytes(std::span(program_headers));
  std::ranges::copy(headers,
                    std::as_writable_bytes(std::span(file)).begin() + sizeof(final_header));
  file.insert(file.end(), data_.begin(), data_.end());
  return file;
}

std::vector<uint8_t> MakeTinyVmlinux(uint64_t file_size, uint64_t memory_size) {
  std::vector<uint8_t> code(file_size);
  std::iota(code.begin(), code.end(), uint8_t{1});
  return ElfBuilder()
      .Segment(kTinyVmlinuxBase, std::move(code), memory_size)
      .LinuxNote()
      .PvhNote(kTinyVmlinuxPvhEntry)
      .Entry(kTinyVmlinuxEntry)
      .Build();
}

}  // namespace sealvm
