// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/pvh_start_info.h"

#include <fmt/format.h>
#include <string.h>

#include "vmm/boot/boot_layout.h"

namespace sealvm {
namespace {

constexpr uint32_t kMagic = 0x336ec578;  // "xEn3" with the high bit of "E" set
constexpr uint32_t kVersion = 1;         // 1 added the memory map

struct StartInfo {
  uint32_t magic;
  uint32_t version;
  uint32_t flags;
  uint32_t module_count;
  uint64_t modules;
  uint64_t cmdline;
  uint64_t rsdp;
  uint64_t memory_map;
  uint32_t memory_map_entries;
  uint32_t reserved;
};
static_assert(sizeof(StartInfo) == 56);

struct Module {
  uint64_t address;
  uint64_t size;
  uint64_t cmdline;
  uint64_t reserved;
};
static_assert(sizeof(Module) == 32);

struct MapEntry {
  uint64_t address;
  uint64_t size;
  uint32_t type;
  uint32_t reserved;
};
static_assert(sizeof(MapEntry) == 24);

template <typename T>
void Append(std::vector<uint8_t>& bytes, const T& object) {
  const auto* start = reinterpret_cast<const uint8_t*>(&object);
  bytes.insert(bytes.end(), start, start + sizeof(object));
}

}  // namespace

Result<std::vector<uint8_t>> BuildPvhStartInfo(const PvhInputs& inputs) {
  const bool has_initrd = inputs.initrd_size != 0;
  const Gpa modules = inputs.base + sizeof(StartInfo);
  const Gpa map = modules + (has_initrd ? sizeof(Module) : 0);
  const StartInfo info = {.magic = kMagic,
                          .version = kVersion,
                          .flags = 0,
                          .module_count = has_initrd ? 1u : 0u,
                          .modules = has_initrd ? modules : 0,
                          .cmdline = inputs.cmdline,
                          .rsdp = inputs.rsdp,
                          .memory_map = map,
                          .memory_map_entries = static_cast<uint32_t>(inputs.memory_map.size()),
                          .reserved = 0};
  std::vector<uint8_t> bytes;
  Append(bytes, info);
  if (has_initrd) {
    Append(bytes, Module{inputs.initrd, inputs.initrd_size, /*cmdline=*/0, /*reserved=*/0});
  }
  for (const MemoryMapEntry& entry : inputs.memory_map) {
    Append(bytes, MapEntry{entry.base, entry.size, static_cast<uint32_t>(entry.type), 0});
  }
  if (bytes.size() > kStartInfoAreaSize) {
    return InvalidInput(fmt::format("the guest's memory map has {} entries, too many for PVH",
                                    inputs.memory_map.size()));
  }
  return bytes;
}

}  // namespace sealvm
