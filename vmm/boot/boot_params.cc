// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/boot_params.h"

#include <asm/bootparam.h>
#include <fmt/format.h>
#include <stddef.h>
#include <string.h>

#include <algorithm>

#include "memory/base/endian.h"
#include "vmm/boot/boot_layout.h"

namespace sealvm {
namespace {

static_assert(sizeof(boot_params) == kZeroPageSize);
static_assert(offsetof(boot_params, acpi_rsdp_addr) == 0x70);
static_assert(offsetof(boot_params, e820_table) == 0x2d0);

constexpr uint8_t kLoaderTypeUndefined = 0xff;  // boot.rst, type_of_loader: no assigned number
constexpr uint64_t kSetupDataHeaderSize = 16;   // struct setup_data without its bytes
static_assert(sizeof(setup_data) == kSetupDataHeaderSize);

uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t High(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

setup_header SynthesizeHeader() {
  setup_header header = {};
  header.boot_flag = 0xaa55;
  header.header = 0x53726448;  // "HdrS"
  header.version = kSynthesizedProtocol;
  header.loadflags = LOADED_HIGH;
  header.kernel_alignment = 2 * kMiB;
  header.cmdline_size = kElfCmdlineSize;
  header.initrd_addr_max = UINT32_MAX;
  return header;
}

void PutHeader(boot_params& params, std::span<const uint8_t> file_header) {
  constexpr size_t kRoom = offsetof(boot_params, edd_mbr_sig_buffer) - offsetof(boot_params, hdr);
  if (file_header.empty()) {
    params.hdr = SynthesizeHeader();
    return;
  }
  memcpy(reinterpret_cast<uint8_t*>(&params) + offsetof(boot_params, hdr), file_header.data(),
         std::min(file_header.size(), kRoom));
}

Result<> PutMemoryMap(boot_params& params, std::span<const MemoryMapEntry> map) {
  if (map.size() > E820_MAX_ENTRIES_ZEROPAGE) {
    return InvalidInput(fmt::format("the guest's memory map has {} entries, boot_params holds {}",
                                    map.size(), E820_MAX_ENTRIES_ZEROPAGE));
  }
  for (size_t i = 0; i < map.size(); ++i) {
    params.e820_table[i].addr = map[i].base;
    params.e820_table[i].size = map[i].size;
    params.e820_table[i].type = static_cast<uint32_t>(map[i].type);
  }
  params.e820_entries = static_cast<uint8_t>(map.size());
  return {};
}

}  // namespace

Result<std::vector<uint8_t>> BuildBootParams(const BootParamsInputs& inputs) {
  boot_params params = {};
  PutHeader(params, inputs.setup_header);
  params.hdr.type_of_loader = kLoaderTypeUndefined;
  params.hdr.ext_loader_type = 0;
  params.hdr.ext_loader_ver = 0;
  params.hdr.code32_start = Low(inputs.kernel);
  params.hdr.cmd_line_ptr = Low(inputs.cmdline);
  params.ext_cmd_line_ptr = High(inputs.cmdline);
  params.hdr.ramdisk_image = Low(inputs.initrd);
  params.ext_ramdisk_image = High(inputs.initrd);
  params.hdr.ramdisk_size = Low(inputs.initrd_size);
  params.ext_ramdisk_size = High(inputs.initrd_size);
  params.hdr.setup_data = inputs.setup_data;
  params.acpi_rsdp_addr = inputs.rsdp;
  SEALVM_TRY(PutMemoryMap(params, inputs.memory_map));
  const auto* bytes = reinterpret_cast<const uint8_t*>(&params);
  return std::vector<uint8_t>(bytes, bytes + sizeof(params));
}

std::vector<uint8_t> BuildSetupData(std::span<const SetupDataItem> items, Gpa base) {
  std::vector<uint8_t> chain;
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t start = chain.size();
    const uint64_t size = kSetupDataHeaderSize + items[i].bytes.size();
    const uint64_t padded = (size + 7) & ~uint64_t{7};
    chain.resize(start + padded);
    const auto node = std::span(chain).subspan(start);
    const bool last = i + 1 == items.size();
    StoreLeAny(node.subspan(offsetof(setup_data, next), 8), last ? 0 : base + start + padded);
    StoreLeAny(node.subspan(offsetof(setup_data, type), 4), items[i].type);
    StoreLeAny(node.subspan(offsetof(setup_data, len), 4), items[i].bytes.size());
    std::ranges::copy(items[i].bytes, node.begin() + kSetupDataHeaderSize);
  }
  return chain;
}

}  // namespace sealvm
