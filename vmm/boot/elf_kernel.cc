// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/elf_kernel.h"

#include <elf.h>
#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// A vmlinux has about five program headers; far below PN_XNUM, so that number needs no special
// case.
constexpr uint16_t kMaxProgramHeaders = 128;
// The notes of a vmlinux are some 500 bytes.
constexpr uint64_t kMaxNotesSize = 64 * kKiB;
constexpr Gpa kMaxGpa = uint64_t{1} << 52;  // Intel SDM vol. 3A section 4.1.4: MAXPHYADDR

// xen/include/public/elfnote.h
constexpr uint32_t kXenNoteGuestOs = 6;
constexpr uint32_t kXenNotePhys32Entry = 18;

struct Note {
  std::string_view name;
  uint32_t type = 0;
  std::span<const uint8_t> description;
};

std::string_view AsText(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

// Walks the notes of a PT_NOTE segment; stops at the first that does not fit.
class NoteReader {
 public:
  NoteReader(std::span<const uint8_t> notes, uint64_t alignment)
      : rest_(notes), alignment_(alignment == 8 ? 8 : 4) {}

  std::optional<Note> Next() {
    Elf64_Nhdr header;
    if (rest_.size() < sizeof(header)) return std::nullopt;
    memcpy(&header, rest_.data(), sizeof(header));
    rest_ = rest_.subspan(sizeof(header));
    const auto name = Take(header.n_namesz);
    if (!name) return std::nullopt;
    const auto description = Take(header.n_descsz);
    if (!description) return std::nullopt;
    return Note{.name = AsText(*name), .type = header.n_type, .description = *description};
  }

 private:
  std::optional<std::span<const uint8_t>> Take(uint32_t size) {
    if (size > rest_.size()) return std::nullopt;
    const auto taken = rest_.first(size);
    const uint64_t padded = (uint64_t{size} + alignment_ - 1) & ~(alignment_ - 1);
    rest_ = rest_.subspan(std::min<uint64_t>(padded, rest_.size()));
    return taken;
  }

  std::span<const uint8_t> rest_;
  uint64_t alignment_;
};

class Parser {
 public:
  explicit Parser(const ImageFile& file) : file_(file) {}

  Result<ElfKernel> Parse() {
    SEALVM_TRY(ReadHeader());
    SEALVM_TRY(ReadProgramHeaders());
    SEALVM_TRY(CheckSegments());
    return std::move(kernel_);
  }

 private:
  std::unexpected<Error> Bad(std::string_view what, std::string hint = {}) const {
    return InvalidInput(fmt::format("{}: {}", file_.name(), what), std::move(hint));
  }

  Result<> ReadHeader() {
    if (file_.size() < EI_NIDENT) return Bad("ELF file is truncated inside of its header");
    SEALVM_TRY(file_.Read(0, header_.e_ident));
    if (header_.e_ident[EI_CLASS] != ELFCLASS64) {
      return Bad("is a 32-bit ELF file; an x86-64 kernel is needed");
    }
    if (header_.e_ident[EI_DATA] != ELFDATA2LSB) {
      return Bad("is a big-endian ELF file; an x86-64 kernel is needed");
    }
    if (file_.size() < sizeof(header_)) return Bad("ELF file is truncated inside of its header");
    SEALVM_TRY(file_.Read(0, {reinterpret_cast<uint8_t*>(&header_), sizeof(header_)}));
    if (header_.e_machine != EM_X86_64) {
      return Bad(fmt::format("is an ELF file for {}; an x86-64 kernel is needed", MachineName()));
    }
    if (header_.e_type != ET_EXEC && header_.e_type != ET_DYN) {
      return Bad(header_.e_type == ET_REL ? "is an object file or kernel module, not a kernel"
                                          : "is an ELF file, but not an executable one");
    }
    kernel_.entry = header_.e_entry;
    return {};
  }

  std::string MachineName() const {
    switch (header_.e_machine) {
      case EM_386:
        return "i386";
      case EM_AARCH64:
        return "ARM64";
      case EM_RISCV:
        return "RISC-V";
      default:
        return fmt::format("machine {}", header_.e_machine);
    }
  }

  Result<> ReadProgramHeaders() {
    if (header_.e_phnum == 0) return Bad("ELF file has no program headers");
    if (header_.e_phnum > kMaxProgramHeaders) {
      return Bad(fmt::format("ELF file has {} program headers, more than {}", header_.e_phnum,
                             kMaxProgramHeaders));
    }
    if (header_.e_phentsize != sizeof(Elf64_Phdr)) {
      return Bad(fmt::format("ELF program headers of {} bytes instead of {}", header_.e_phentsize,
                             sizeof(Elf64_Phdr)));
    }
    std::vector<Elf64_Phdr> table(header_.e_phnum);
    const uint64_t bytes = table.size() * sizeof(Elf64_Phdr);
    if (!file_.Contains(header_.e_phoff, bytes)) {
      return Bad("ELF program headers lie outside of the file: truncated?");
    }
    SEALVM_TRY(file_.Read(header_.e_phoff, {reinterpret_cast<uint8_t*>(table.data()), bytes}));
    for (const Elf64_Phdr& entry : table) {
      if (entry.p_type == PT_INTERP) return Bad("is a program for a running system, not a kernel");
      if (entry.p_type == PT_LOAD) SEALVM_TRY(TakeSegment(entry));
      if (entry.p_type == PT_NOTE) SEALVM_TRY(TakeNotes(entry));
    }
    return {};
  }

  Result<> TakeSegment(const Elf64_Phdr& entry) {
    if (entry.p_memsz == 0) return {};
    if (entry.p_filesz > entry.p_memsz) {
      return Bad(fmt::format("ELF segment at {:#x} has more bytes in the file than in memory",
                             entry.p_paddr));
    }
    if (!file_.Contains(entry.p_offset, entry.p_filesz)) {
      return Bad(
          fmt::format("ELF segment at {:#x} lies outside of the file: truncated?", entry.p_paddr));
    }
    if (entry.p_paddr > kMaxGpa || entry.p_memsz > kMaxGpa - entry.p_paddr) {
      return Bad(fmt::format("ELF segment {:#x}+{:#x} exceeds the physical address space",
                             entry.p_paddr, entry.p_memsz));
    }
    kernel_.segments.push_back({.file_offset = entry.p_offset,
                                .file_size = entry.p_filesz,
                                .gpa = entry.p_paddr,
                                .memory_size = entry.p_memsz});
    return {};
  }

  Result<> TakeNotes(const Elf64_Phdr& entry) {
    if (!file_.Contains(entry.p_offset, entry.p_filesz)) {
      return Bad("ELF notes lie outside of the file: truncated?");
    }
    if (entry.p_filesz > kMaxNotesSize) {
      return Bad(fmt::format("ELF notes of {} bytes, more than {}", entry.p_filesz, kMaxNotesSize));
    }
    std::vector<uint8_t> notes(entry.p_filesz);
    SEALVM_TRY(file_.Read(entry.p_offset, notes));
    NoteReader reader(notes, entry.p_align);
    while (const auto note = reader.Next()) {
      if (note->name == "Linux") kernel_.is_linux = true;
      if (note->name == "Xen") SEALVM_TRY(TakeXenNote(*note));
    }
    return {};
  }

  Result<> TakeXenNote(const Note& note) {
    if (note.type == kXenNoteGuestOs && AsText(note.description) == "linux") {
      kernel_.is_linux = true;
    }
    if (note.type != kXenNotePhys32Entry) return {};
    // Linux writes it as a 64-bit number, others as a 32-bit one.
    const bool sized = note.description.size() == 4 || note.description.size() == 8;
    const uint64_t entry = sized ? LoadLeAny(note.description) : UINT64_MAX;
    if (entry > UINT32_MAX) return Bad("ELF file has a malformed PVH entry note");
    kernel_.pvh_entry = static_cast<uint32_t>(entry);
    return {};
  }

  Result<> CheckSegments() {
    if (kernel_.segments.empty()) return Bad("ELF file has nothing to load");
    std::ranges::sort(kernel_.segments, {}, &ElfSegment::gpa);
    for (size_t i = 1; i < kernel_.segments.size(); ++i) {
      if (kernel_.segments[i - 1].end() > kernel_.segments[i].gpa) {
        return Bad(fmt::format("ELF segments at {:#x} and {:#x} overlap",
                               kernel_.segments[i - 1].gpa, kernel_.segments[i].gpa));
      }
    }
    return {};
  }

  const ImageFile& file_;
  Elf64_Ehdr header_ = {};
  ElfKernel kernel_;
};

}  // namespace

bool ElfKernel::Covers(Gpa address) const {
  return std::ranges::any_of(segments, [address](const ElfSegment& segment) {
    return address >= segment.gpa && address < segment.end();
  });
}

bool LooksLikeElf(std::span<const uint8_t> start) {
  return start.size() >= SELFMAG && memcmp(start.data(), ELFMAG, SELFMAG) == 0;
}

Result<ElfKernel> ParseElfKernel(const ImageFile& file) { return Parser(file).Parse(); }

}  // namespace sealvm
