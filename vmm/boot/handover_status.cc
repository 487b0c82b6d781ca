// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/handover_status.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace sealvm {
namespace {

// Null for a number that is no error of the loader's.
const char* Words(LoaderError error) {
  switch (error) {
    case LoaderError::kNone:
      return nullptr;
    case LoaderError::kTreeHeader:
      return "it found no hand-over tree";
    case LoaderError::kTreeStructure:
      return "the hand-over tree is damaged";
    case LoaderError::kTreeCompatible:
      return "the hand-over tree has another version";
    case LoaderError::kTreeUnknownName:
      return "the hand-over tree has an unknown node or property";
    case LoaderError::kTreeDuplicate:
      return "the hand-over tree has a node or property twice";
    case LoaderError::kTreeMissing:
      return "the hand-over tree lacks a node or property";
    case LoaderError::kTreePropertySize:
      return "the hand-over tree has a property of the wrong size";
    case LoaderError::kTreeTooMany:
      return "the hand-over tree has too many RAM ranges or payloads";
    case LoaderError::kBadStatusPort:
      return "the status port is no I/O port";
    case LoaderError::kBadCBit:
      return "the C-bit is out of range";
    case LoaderError::kBadCpus:
      return "the number of CPUs is zero";
    case LoaderError::kBadRam:
      return "the RAM ranges are bad";
    case LoaderError::kBadWindow:
      return "the staging window is bad";
    case LoaderError::kBadEntry:
      return "the entry lies in no payload";
    case LoaderError::kBadBootParams:
      return "boot_params lie in no payload";
    case LoaderError::kBadPageTables:
      return "the page tables lie in no payload";
    case LoaderError::kNoLoader:
      return "no payload is the loader";
    case LoaderError::kBadSource:
      return "its source leaves the staging window";
    case LoaderError::kNoCBit:
      return "its destination lacks the C-bit";
    case LoaderError::kBadDestination:
      return "its destination leaves the RAM";
    case LoaderError::kBadLength:
      return "it is empty";
    case LoaderError::kOverlap:
      return "its destination overlaps another payload's";
    case LoaderError::kBadLoader:
      return "it is not the running loader or cannot run where it goes";
    case LoaderError::kDigestMismatch:
      return "its SHA-256 in private memory differs from what was measured";
  }
  return nullptr;
}

std::string PayloadName(const Handover& handover, uint8_t index) {
  if (index < handover.payloads.size()) return handover.payloads[index].name;
  return fmt::format("payload {}", index);
}

}  // namespace

Result<> ReadHandoverStatus(uint32_t value, const Handover& handover) {
  if (value == kStatusDone) return {};
  const char* words = nullptr;
  if ((value & kStatusMagicMask) == kStatusMagic) {
    words = Words(static_cast<LoaderError>(value >> 8 & 0xff));
  }
  if (words == nullptr) {
    return HostError(fmt::format("sealed loader: unknown status {:#010x}", value));
  }
  const auto payload = static_cast<uint8_t>(value);
  if (payload == kNoPayload) return HostError(fmt::format("sealed loader: {}", words));
  return HostError(fmt::format("sealed loader: {}: {}", PayloadName(handover, payload), words));
}

}  // namespace sealvm
