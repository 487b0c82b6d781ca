// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/bridge_tables.h"

namespace sealvm::loader {
namespace {

constexpr unsigned kGiBShift = 30;
constexpr unsigned kTopShift = 39;  // of the address bits that choose a top entry
constexpr uint64_t kGiB = uint64_t{1} << kGiBShift;
constexpr uint64_t kPresentWritable = 3;
constexpr uint64_t kLargePage = 1 << 7;
constexpr size_t kWindowTopEntry = (kWindowView >> kTopShift) % kTableEntries;

uint64_t GiBPage(uint64_t number, uint64_t mask) {
  return number << kGiBShift | mask | kLargePage | kPresentWritable;
}

}  // namespace

void BuildBridgeTables(const Manifest& manifest, uint64_t address, BridgeTables* tables) {
  const uint64_t low = address + offsetof(BridgeTables, low);
  const uint64_t window = address + offsetof(BridgeTables, window);
  const uint64_t c = manifest.c_mask();
  // A small C is a bit of the index into `low`, a large one of the index into `top`.
  const size_t alias_in_low = (c >> kGiBShift) % kTableEntries;
  const size_t alias_in_top = (c >> kTopShift) % kTableEntries;
  tables->top[0] = low | kPresentWritable;
  tables->top[alias_in_top] = low | kPresentWritable;
  for (uint64_t i = 0; i < kPrivateMapEnd >> kGiBShift; ++i) {
    tables->low[i] = GiBPage(i, c);
    tables->low[alias_in_low + i] = GiBPage(i, c);
  }
  tables->top[kWindowTopEntry] = window | kPresentWritable;
  const uint64_t first = manifest.window.base >> kGiBShift;
  const uint64_t last = (manifest.window.base + manifest.window.size - 1) >> kGiBShift;
  for (uint64_t i = first; i <= last; ++i) {
    tables->window[i - first] = GiBPage(i, 0);
  }
}

uint64_t WindowView(const Manifest& manifest) { return kWindowView + manifest.window.base % kGiB; }

}  // namespace sealvm::loader
