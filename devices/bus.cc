// SPDX-License-Identifier: Apache-2.0
#include "devices/bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <utility>

namespace sealvm {
namespace {

bool IsAccessWidth(size_t width) { return width == 1 || width == 2 || width == 4 || width == 8; }

std::string RangeName(std::string_view device, uint64_t base, uint64_t last) {
  return fmt::format("{} [{:#x}, {:#x}]", device, base, last);
}

}  // namespace

Result<> Bus::Insert(uint64_t base, uint64_t length, std::shared_ptr<BusDevice> device) {
  if (device == nullptr) {
    return InvalidInput(fmt::format("no device for the {} window at {:#x}", name_, base));
  }
  if (length == 0) {
    return InvalidInput(
        fmt::format("the {} window of {} at {:#x} is empty", name_, device->Name(), base));
  }
  if (length - 1 > std::numeric_limits<uint64_t>::max() - base) {
    return InvalidInput(fmt::format("the {} window of {} at {:#x} wraps: its length is {:#x}",
                                    name_, device->Name(), base, length));
  }
  const uint64_t last = base + (length - 1);
  // The only window that can overlap: the first one that does not end below `base`.
  const auto next = std::ranges::lower_bound(windows_, base, {}, &Window::last);
  if (next != windows_.end() && next->base <= last) {
    return InvalidInput(fmt::format("{} window {} overlaps {}", name_,
                                    RangeName(device->Name(), base, last),
                                    RangeName(next->device->Name(), next->base, next->last)));
  }
  windows_.insert(
      next, Window{base, last, std::move(device), std::make_unique<std::atomic<uint64_t>>(0)});
  return {};
}

bool Bus::Read(uint64_t address, std::span<uint8_t> data) {
  const Window* window = Find(address, data.size());
  if (window == nullptr) {
    std::ranges::fill(data, uint8_t{0xff});
    NoteUnclaimed("read", address, data.size());
    return false;
  }
  window->accesses->fetch_add(1, std::memory_order_relaxed);
  window->device->Read(address - window->base, data);
  return true;
}

bool Bus::Write(uint64_t address, std::span<const uint8_t> data) {
  const Window* window = Find(address, data.size());
  if (window == nullptr) {
    NoteUnclaimed("write", address, data.size());
    return false;
  }
  window->accesses->fetch_add(1, std::memory_order_relaxed);
  window->device->Write(address - window->base, data);
  return true;
}

std::map<std::string, uint64_t> Bus::AccessCounts() const {
  std::map<std::string, uint64_t> counts;
  for (const Window& window : windows_) {
    counts[std::string(window.device->Name())] += window.accesses->load(std::memory_order_relaxed);
  }
  counts["unclaimed"] += unclaimed_.load(std::memory_order_relaxed);
  return counts;
}

const Bus::Window* Bus::Find(uint64_t address, size_t width) const {
  if (!IsAccessWidth(width)) return nullptr;
  const auto window = std::ranges::lower_bound(windows_, address, {}, &Window::last);
  if (window == windows_.end() || address < window->base) return nullptr;
  if (width - 1 > window->last - address) return nullptr;
  return &*window;
}

void Bus::NoteUnclaimed(std::string_view verb, uint64_t address, size_t width) {
  // The first few are worth a line each; after that the count's powers of two keep a guest that
  // probes everything from filling the log.
  constexpr uint64_t kLoggedOneByOne = 16;
  const uint64_t count = unclaimed_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (count > kLoggedOneByOne && !std::has_single_bit(count)) return;
  logger_.Log(LogLevel::kDebug, "{} {} at {:#x}, {} bytes: no device ({} such accesses so far)",
              name_, verb, address, width, count);
}

}  // namespace sealvm
