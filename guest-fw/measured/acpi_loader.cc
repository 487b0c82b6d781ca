// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/acpi_loader.h"

#include <algorithm>

namespace sealvm::measured {
namespace {

// A command is a type, then fields, padded.
constexpr uint64_t kCommandSize = 128;
constexpr uint64_t kMaxScript = uint64_t{64} * 1024;
constexpr uint32_t kAllocate = 1;     // name, u32 alignment, u8 zone
constexpr uint32_t kAddPointer = 2;   // name, name of what it points into, u32 offset, u8 width
constexpr uint32_t kAddChecksum = 3;  // name, u32 offset of the sum, u32 start, u32 length

constexpr uint64_t kFirstName = 4;
constexpr uint64_t kAlignment = 60;
constexpr uint64_t kPointerSource = 60;
constexpr uint64_t kPointerOffset = 116;
constexpr uint64_t kPointerWidth = 120;
constexpr uint64_t kChecksumOffset = 60;
constexpr uint64_t kChecksumStart = 64;
constexpr uint64_t kChecksumLength = 68;

constexpr char kScriptName[] = "etc/table-loader";
constexpr char kRsdpName[] = "etc/acpi/rsdp";
// ACPI 6.5 section 5.2.5.3: of revision 2.
constexpr uint64_t kRsdpSize = 36;

}  // namespace

Failure AcpiLoader::Run(uint64_t* rsdp) {
  FwCfgFile script;
  SEALVM_FW_TRY(fw_cfg_.Find(kScriptName, &script));
  if (script.size % kCommandSize != 0 || script.size > kMaxScript) return Failure::kAcpiScript;
  // At the area's end, out of the tables' way.
  if (script.size > area_.size) return Failure::kAcpiMemory;
  const uint64_t commands = area_.end() - script.size;
  end_ = commands;
  SEALVM_FW_TRY(fw_cfg_.Read(script.key, script.size, commands));
  for (uint64_t at = 0; at < script.size; at += kCommandSize) {
    SEALVM_FW_TRY(Execute(commands + at));
  }
  for (size_t i = 0; i < file_count_; ++i) {
    if (memcmp(files_[i].name, kRsdpName, sizeof(kRsdpName)) != 0) continue;
    if (files_[i].range.size < kRsdpSize) return Failure::kAcpiScript;
    *rsdp = files_[i].range.base;
    return Failure::kNone;
  }
  return Failure::kAcpiScript;
}

Failure AcpiLoader::Execute(uint64_t command) {
  switch (memory_.Load<uint32_t>(command)) {
    case kAllocate:
      return Allocate(command);
    case kAddPointer:
      return AddPointer(command);
    case kAddChecksum:
      return AddChecksum(command);
    default:
      // What this firmware cannot do may be what the tables need.
      return Failure::kAcpiScript;
  }
}

Failure AcpiLoader::Allocate(uint64_t command) {
  const uint32_t alignment = memory_.Load<uint32_t>(command + kAlignment);
  const bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
  if (!power_of_two || alignment > kSmallPage || file_count_ == kMaxFiles ||
      FileAt(command + kFirstName) != nullptr) {
    return Failure::kAcpiScript;
  }
  LoadedFile& file = files_[file_count_];
  memcpy(file.name, memory_.At(command + kFirstName), kNameSize);
  if (file.name[kNameSize - 1] != 0) return Failure::kAcpiScript;
  FwCfgFile source;
  SEALVM_FW_TRY(fw_cfg_.Find(file.name, &source));
  file.range.size = source.size;
  if (source.size == 0 || !Take(source.size, alignment, &file.range.base)) {
    return Failure::kAcpiMemory;
  }
  ++file_count_;
  return fw_cfg_.Read(source.key, source.size, file.range.base);
}

Failure AcpiLoader::AddPointer(uint64_t command) {
  const LoadedFile* file = FileAt(command + kFirstName);
  const LoadedFile* source = FileAt(command + kPointerSource);
  const uint32_t offset = memory_.Load<uint32_t>(command + kPointerOffset);
  const uint8_t width = memory_.Load<uint8_t>(command + kPointerWidth);
  if (file == nullptr || source == nullptr || (width != 4 && width != 8) ||
      file->range.size < width || offset > file->range.size - width) {
    return Failure::kAcpiScript;
  }
  uint64_t value = 0;
  memcpy(&value, memory_.At(file->range.base + offset), width);
  if (value >= source->range.size) return Failure::kAcpiScript;
  value += source->range.base;
  memcpy(memory_.At(file->range.base + offset), &value, width);
  return Failure::kNone;
}

Failure AcpiLoader::AddChecksum(uint64_t command) {
  const LoadedFile* file = FileAt(command + kFirstName);
  const uint32_t offset = memory_.Load<uint32_t>(command + kChecksumOffset);
  const uint32_t start = memory_.Load<uint32_t>(command + kChecksumStart);
  const uint32_t length = memory_.Load<uint32_t>(command + kChecksumLength);
  if (file == nullptr || offset >= file->range.size || start > file->range.size ||
      length > file->range.size - start) {
    return Failure::kAcpiScript;
  }
  uint8_t sum = 0;
  for (uint32_t i = 0; i < length; ++i) sum += *memory_.At(file->range.base + start + i);
  *memory_.At(file->range.base + offset) -= sum;
  return Failure::kNone;
}

const AcpiLoader::LoadedFile* AcpiLoader::FileAt(uint64_t name) const {
  for (size_t i = 0; i < file_count_; ++i) {
    if (memcmp(files_[i].name, memory_.At(name), strlen(files_[i].name) + 1) == 0) {
      return &files_[i];
    }
  }
  return nullptr;
}

bool AcpiLoader::Take(uint64_t size, uint64_t alignment, uint64_t* base) {
  const uint64_t start = (next_ + alignment - 1) & ~(alignment - 1);
  if (start > end_ || size > end_ - start) return false;
  *base = start;
  next_ = start + size;
  return true;
}

}  // namespace sealvm::measured
