// SPDX-License-Identifier: Apache-2.0
#include "devices/fw_cfg/fw_cfg_items.h"

#include <algorithm>
#include <span>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr std::string_view kSignature = "QEMU";

void AppendBe(std::vector<uint8_t>& bytes, uint64_t value, size_t width) {
  for (size_t i = width; i-- > 0;) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace

FwCfgItems::FwCfgItems() {
  Add(kFwCfgSignature,
      std::make_shared<FwCfgBytes>(std::vector<uint8_t>(kSignature.begin(), kSignature.end())));
  Add32(kFwCfgFeatures, kFwCfgHasPorts | kFwCfgHasDma);
  UpdateDirectory();
}

void FwCfgItems::Add(uint16_t key, std::shared_ptr<const FwCfgSource> source) {
  items_[key] = std::move(source);
}

void FwCfgItems::Add16(uint16_t key, uint16_t value) { AddNumber(key, value, sizeof(value)); }

void FwCfgItems::Add32(uint16_t key, uint32_t value) { AddNumber(key, value, sizeof(value)); }

void FwCfgItems::AddNumber(uint16_t key, uint64_t value, size_t width) {
  std::vector<uint8_t> bytes(width);
  StoreLeAny(bytes, value);
  Add(key, std::make_shared<FwCfgBytes>(std::move(bytes)));
}

Result<> FwCfgItems::AddFile(std::string name, std::vector<uint8_t> bytes) {
  if (name.empty() || name.size() >= kFwCfgNameBytes || FindFile(name) != nullptr) {
    return HostError("fw_cfg: '" + name + "' cannot be a file's name");
  }
  const auto key = static_cast<uint16_t>(kFwCfgFirstFile + files_.size());
  Add(key, std::make_shared<FwCfgBytes>(std::move(bytes)));
  files_.emplace_back(std::move(name), key);
  UpdateDirectory();
  return {};
}

// A count, then for each file size, key, two bytes of zero and the name; numbers are big-endian.
void FwCfgItems::UpdateDirectory() {
  std::vector<uint8_t> bytes;
  AppendBe(bytes, files_.size(), 4);
  for (const auto& [name, key] : files_) {
    AppendBe(bytes, Find(key)->size(), 4);
    AppendBe(bytes, key, 2);
    AppendBe(bytes, 0, 2);
    bytes.insert(bytes.end(), name.begin(), name.end());
    bytes.resize(bytes.size() + kFwCfgNameBytes - name.size());
  }
  Add(kFwCfgFileDirectory, std::make_shared<FwCfgBytes>(std::move(bytes)));
}

const FwCfgSource* FwCfgItems::Find(uint16_t key) const {
  const auto found = items_.find(key);
  return found == items_.end() ? nullptr : found->second.get();
}

const FwCfgSource* FwCfgItems::FindFile(std::string_view name) const {
  const auto found = std::ranges::find(files_, name, &std::pair<std::string, uint16_t>::first);
  return found == files_.end() ? nullptr : Find(found->second);
}

}  // namespace sealvm
