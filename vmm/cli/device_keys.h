// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_DEVICE_KEYS_H_
#define SEALVM_VMM_CLI_DEVICE_KEYS_H_

#include <stdint.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/api/device_config.h"
#include "vmm/cli/table_option.h"
#include "vmm/cli/value_text.h"

// Pieces of the key tables of devices: each pair is a KeySpec's apply and render for one field.
namespace sealvm::device_keys {

using Texts = std::vector<std::string>;

// A text that is not empty.
template <auto kField, typename Device>
Result<> ApplyText(Device& device, std::string_view text) {
  if (text.empty()) return InvalidInput("the value is empty");
  device.*kField = text;
  return {};
}
template <auto kField, typename Device>
Texts RenderText(const Device& device) {
  const std::string& text = device.*kField;
  return text.empty() ? Texts() : Texts{text};
}

template <auto kField, typename Device>
Result<> ApplySwitch(Device& device, std::string_view text) {
  device.*kField = SEALVM_TRY(ParseSwitch(text));
  return {};
}
template <auto kField, typename Device>
Texts RenderSwitch(const Device& device) {
  return {FormatSwitch(device.*kField)};
}

template <auto kField, uint64_t kLeast, uint64_t kMost, typename Device>
Result<> ApplyNumber(Device& device, std::string_view text) {
  using Number = std::remove_reference_t<decltype(device.*kField)>;
  static_assert(kMost <= std::numeric_limits<Number>::max());
  device.*kField = static_cast<Number>(SEALVM_TRY(ParseNumber(text, kLeast, kMost)));
  return {};
}
// 0 is what nobody asked for.
template <auto kField, typename Device>
Texts RenderNumber(const Device& device) {
  const auto number = device.*kField;
  return number == 0 ? Texts() : Texts{std::to_string(number)};
}

template <auto kField, auto kParse, typename Device>
Result<> ApplyName(Device& device, std::string_view text) {
  device.*kField = SEALVM_TRY(kParse(text));
  return {};
}
template <auto kField, auto kName, typename Device>
Texts RenderName(const Device& device) {
  return {std::string(kName(device.*kField))};
}

template <auto kLimits, uint64_t RateLimits::*kRate, typename Device>
Result<> ApplyBytes(Device& device, std::string_view text) {
  const uint64_t bytes = SEALVM_TRY(ParseSize(text));
  if (bytes == 0) return InvalidInput("'0' is out of range", "without the key there is no limit");
  (device.*kLimits).*kRate = bytes;
  return {};
}
template <auto kLimits, uint64_t RateLimits::*kRate, typename Device>
Texts RenderBytes(const Device& device) {
  const uint64_t bytes = (device.*kLimits).*kRate;
  return bytes == 0 ? Texts() : Texts{FormatSize(bytes)};
}

template <auto kLimits, uint64_t RateLimits::*kRate, typename Device>
Result<> ApplyOps(Device& device, std::string_view text) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  (device.*kLimits).*kRate = SEALVM_TRY(ParseNumber(text, 1, kMost));
  return {};
}
template <auto kLimits, uint64_t RateLimits::*kRate, typename Device>
Texts RenderOps(const Device& device) {
  const uint64_t ops = (device.*kLimits).*kRate;
  return ops == 0 ? Texts() : Texts{std::to_string(ops)};
}

template <auto kField, typename Device>
constexpr KeySpec<Device> TextKey(std::string_view name,
                                  KeyPresence presence = KeyPresence::kOptional) {
  return {{name, ValueKind::kString, presence}, ApplyText<kField>, RenderText<kField>};
}

template <auto kField, typename Device>
constexpr KeySpec<Device> QueueSizeKey() {
  return {{"queue-size", ValueKind::kInteger},
          ApplyNumber<kField, kMinDeviceQueueSize, kMaxDeviceQueueSize>,
          RenderNumber<kField>};
}

template <auto kField, typename Device>
constexpr KeySpec<Device> QueuesKey() {
  return {{"queues", ValueKind::kInteger},
          ApplyNumber<kField, 1, kMaxDeviceQueues>,
          RenderNumber<kField>};
}

template <auto kLimits, uint64_t RateLimits::*kRate, typename Device>
constexpr KeySpec<Device> BytesKey(std::string_view name) {
  return {{name, ValueKind::kSize}, ApplyBytes<kLimits, kRate>, RenderBytes<kLimits, kRate>};
}

template <auto kLimits, uint64_t RateLimits::*kRate, typename Device>
constexpr KeySpec<Device> OpsKey(std::string_view name) {
  return {{name, ValueKind::kInteger}, ApplyOps<kLimits, kRate>, RenderOps<kLimits, kRate>};
}

}  // namespace sealvm::device_keys

#endif  // SEALVM_VMM_CLI_DEVICE_KEYS_H_
