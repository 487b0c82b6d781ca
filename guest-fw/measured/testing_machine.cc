// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/testing_machine.h"

#include <openssl/sha.h>
#include <string.h>

#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

template <typename T>
void Put(std::vector<uint8_t>& bytes, size_t at, T value) {
  memcpy(bytes.data() + at, &value, sizeof(value));
}

template <typename T>
void Append(std::vector<uint8_t>& bytes, T value) {
  bytes.resize(bytes.size() + sizeof(value));
  Put(bytes, bytes.size() - sizeof(value), value);
}

void AppendName(std::vector<uint8_t>& bytes, const std::string& name) {
  bytes.insert(bytes.end(), name.begin(), name.end());
  bytes.resize(bytes.size() + 56 - name.size());
}

std::vector<uint8_t> Finish(std::vector<uint8_t> command) {
  command.resize(128);
  return command;
}

void AppendHash(std::vector<uint8_t>& page, const std::vector<uint8_t>& guid,
                const std::vector<uint8_t>& content) {
  page.insert(page.end(), guid.begin(), guid.end());
  Append<uint16_t>(page, 50);
  page.resize(page.size() + SHA256_DIGEST_LENGTH);
  SHA256(content.data(), content.size(), page.data() + page.size() - SHA256_DIGEST_LENGTH);
}

}  // namespace

std::vector<uint8_t> MakeBzImage(uint32_t size) {
  std::vector<uint8_t> file(size);
  for (uint32_t i = 0; i < size; ++i) file[i] = static_cast<uint8_t>(i * 7 + i / 251);
  Put<uint8_t>(file, 0x1f1, 1);
  Put<uint16_t>(file, 0x1fe, 0xaa55);
  Put<uint8_t>(file, 0x201, 0x6a);
  Put<uint32_t>(file, 0x202, 0x53726448);
  Put<uint16_t>(file, 0x206, 0x020f);
  Put<uint8_t>(file, 0x211, 1);
  Put<uint32_t>(file, 0x22c, 0x7fffffff);
  Put<uint32_t>(file, 0x230, 0x200000);
  Put<uint8_t>(file, 0x234, 1);
  Put<uint16_t>(file, 0x236, 3);
  Put<uint32_t>(file, 0x238, 2047);
  Put<uint64_t>(file, 0x258, 0x1000000);
  Put<uint32_t>(file, 0x260, 0x100000);
  return file;
}

std::vector<uint8_t> MakeHashPage(const std::vector<uint8_t>& kernel,
                                  const std::vector<uint8_t>& initrd, const std::string& cmdline) {
  std::vector<uint8_t> page = {0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
                               0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21};
  Append<uint16_t>(page, 168);
  AppendHash(page,
             {0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c, 0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36,
              0xab, 0x2a},
             std::vector<uint8_t>(cmdline.c_str(), cmdline.c_str() + cmdline.size() + 1));
  AppendHash(page,
             {0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b, 0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69,
              0x78, 0x1d},
             initrd);
  AppendHash(page,
             {0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42, 0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2,
              0x04, 0x5b},
             kernel);
  page.resize(kSmallPage);
  return page;
}

void AddBootFiles(TestFwCfg& fw_cfg, const std::vector<uint8_t>& kernel,
                  const std::vector<uint8_t>& initrd, const std::string& cmdline) {
  fw_cfg.AddNumber(kFwCfgSetupSize, kTestSetupSize);
  fw_cfg.items[kFwCfgSetupData].assign(kernel.begin(), kernel.begin() + kTestSetupSize);
  fw_cfg.AddNumber(kFwCfgKernelSize, static_cast<uint32_t>(kernel.size() - kTestSetupSize));
  fw_cfg.items[kFwCfgKernelData].assign(kernel.begin() + kTestSetupSize, kernel.end());
  fw_cfg.AddNumber(kFwCfgInitrdSize, static_cast<uint32_t>(initrd.size()));
  fw_cfg.items[kFwCfgInitrdData] = initrd;
  fw_cfg.AddNumber(kFwCfgCmdlineSize, static_cast<uint32_t>(cmdline.size() + 1));
  fw_cfg.items[kFwCfgCmdlineData].assign(cmdline.c_str(), cmdline.c_str() + cmdline.size() + 1);
}

void AddE820(TestFwCfg& fw_cfg, const std::vector<Range>& ram) {
  std::vector<uint8_t> bytes;
  for (const Range& range : ram) {
    Append(bytes, range.base);
    Append(bytes, range.size);
    Append<uint32_t>(bytes, 1);
  }
  fw_cfg.AddFile("etc/e820", bytes);
}

std::vector<uint8_t> AllocateCommand(const std::string& file, uint32_t alignment) {
  std::vector<uint8_t> command;
  Append<uint32_t>(command, 1);
  AppendName(command, file);
  Append(command, alignment);
  return Finish(command);
}

std::vector<uint8_t> PointerCommand(const std::string& file, const std::string& source,
                                    uint32_t offset, uint8_t width) {
  std::vector<uint8_t> command;
  Append<uint32_t>(command, 2);
  AppendName(command, file);
  AppendName(command, source);
  Append(command, offset);
  Append(command, width);
  return Finish(command);
}

std::vector<uint8_t> ChecksumCommand(const std::string& file, uint32_t offset, uint32_t start,
                                     uint32_t length) {
  std::vector<uint8_t> command;
  Append<uint32_t>(command, 3);
  AppendName(command, file);
  Append(command, offset);
  Append(command, start);
  Append(command, length);
  return Finish(command);
}

void AddAcpi(TestFwCfg& fw_cfg) {
  constexpr uint32_t kMadt = 44;  // behind an XSDT of one entry
  std::vector<uint8_t> tables(kMadt + 52);
  Put<uint32_t>(tables, 0, 0x54445358);  // "XSDT"
  Put<uint32_t>(tables, 4, 44);
  Put<uint64_t>(tables, 36, kMadt);
  Put<uint32_t>(tables, kMadt, 0x43495041);  // "APIC"
  Put<uint32_t>(tables, kMadt + 4, 52);
  Put<uint8_t>(tables, kMadt + 45, 8);
  std::vector<uint8_t> rsdp(36);
  memcpy(rsdp.data(), "RSD PTR ", 8);
  std::vector<uint8_t> script;
  for (const auto& command :
       {AllocateCommand("etc/acpi/tables", 64), AllocateCommand("etc/acpi/rsdp"),
        PointerCommand("etc/acpi/tables", "etc/acpi/tables", 36),
        PointerCommand("etc/acpi/rsdp", "etc/acpi/tables", 24),
        ChecksumCommand("etc/acpi/tables", 9, 0, 44),
        ChecksumCommand("etc/acpi/tables", kMadt + 9, kMadt, 52),
        ChecksumCommand("etc/acpi/rsdp", 8, 0, 20), ChecksumCommand("etc/acpi/rsdp", 32, 0, 36)}) {
    script.insert(script.end(), command.begin(), command.end());
  }
  fw_cfg.AddFile("etc/acpi/tables", tables);
  fw_cfg.AddFile("etc/acpi/rsdp", rsdp);
  fw_cfg.AddFile("etc/table-loader", script);
}

std::vector<uint8_t> MakeTdHob(const std::vector<Range>& ram) {
  std::vector<uint8_t> list(56);
  Put<uint16_t>(list, 0, 1);
  Put<uint16_t>(list, 2, 56);
  Put<uint32_t>(list, 8, 9);
  for (const Range& range : ram) {
    const size_t at = list.size();
    list.resize(at + 48);
    Put<uint16_t>(list, at, 3);
    Put<uint16_t>(list, at + 2, 48);
    Put<uint32_t>(list, at + 24, 7);
    Put<uint32_t>(list, at + 28, 7);
    Put<uint64_t>(list, at + 32, range.base);
    Put<uint64_t>(list, at + 40, range.size);
  }
  Append<uint64_t>(list, 0x8ffff);
  Put<uint64_t>(list, 48, TD_HOB + list.size());
  return list;
}

std::vector<uint8_t> MakeCpuidPage(uint32_t c_bit) {
  std::vector<uint8_t> page(kSmallPage);
  Put<uint32_t>(page, 0, 2);
  Put<uint32_t>(page, 16, 0);
  Put<uint32_t>(page, 16 + 24, 0x10);
  Put<uint32_t>(page, 64, 0x8000001f);
  Put<uint32_t>(page, 64 + 28, c_bit);
  return page;
}

}  // namespace sealvm::measured
