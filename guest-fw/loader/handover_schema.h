// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_HANDOVER_SCHEMA_H_
#define SEALVM_GUEST_FW_LOADER_HANDOVER_SCHEMA_H_

#include <stddef.h>
#include <stdint.h>

#include <string_view>

namespace sealvm {

// What VMM and sealed loader agree on: the hand-over tree's names and limits and the values of the
// status port. The format is described in docs/sealed.md, "Hand-over".

// A flattened device tree (Devicetree Specification 0.4 chapter 5), version 17. Numbers of 64 bits
// are two cells, big endian.
inline constexpr std::string_view kHandoverCompatible = "sealvm,handover-1";
// The tree that a kernel gets, which the loader only carries.
inline constexpr std::string_view kKernelTreeCompatible = "sealvm,guest-1";

// Properties of the root node.
inline constexpr std::string_view kCompatibleProperty = "compatible";
inline constexpr std::string_view kStatusPortProperty = "status-port";  // u32, an I/O port
inline constexpr std::string_view kCBitProperty = "c-bit";              // u32, a bit number
inline constexpr std::string_view kCpusProperty = "cpus";               // u32, vCPUs
inline constexpr std::string_view kRamProperty = "ram";                 // (u64 base, u64 size)...
inline constexpr std::string_view kWindowProperty = "window";           // u64 base, u64 size
inline constexpr std::string_view kEntryProperty = "entry";             // u64, without C
inline constexpr std::string_view kBootParamsProperty = "boot-params";  // u64, without C
inline constexpr std::string_view kPageTablesProperty = "page-tables";  // u64, with C

// The root's only child and its children: payload@0, payload@1, ... in hexadecimal and in order.
inline constexpr std::string_view kPayloadsNode = "payloads";
inline constexpr std::string_view kPayloadNodePrefix = "payload@";

// Properties of a payload.
inline constexpr std::string_view kSourceProperty = "source";            // u64, in the window
inline constexpr std::string_view kDestinationProperty = "destination";  // u64, with C
inline constexpr std::string_view kLengthProperty = "length";            // u64, bytes
inline constexpr std::string_view kSha256Property = "sha-256";           // 32 bytes
inline constexpr std::string_view kLoaderProperty = "loader";            // empty: the loader itself

inline constexpr size_t kMaxHandoverPayloads = 64;
inline constexpr size_t kMaxHandoverRamRanges = 16;
inline constexpr size_t kMaxHandoverTreeSize = 64 * 1024;  // bytes

// The alias bit: above 32-bit addresses and inside the lower half of four-level virtual addresses
// (Intel SDM vol. 3A section 4.5), where the loader reaches it.
inline constexpr unsigned kMinCBit = 32;
inline constexpr unsigned kMaxCBit = 46;

// So that one page of page-table entries, 1 GiB each, maps the window wherever it begins.
inline constexpr uint64_t kMaxWindowSize = uint64_t{511} << 30;

// Under the final page tables addresses below this are private memory; loader, kernel entry,
// boot_params and the top page table lie there.
inline constexpr uint64_t kPrivateMapEnd = uint64_t{4} << 30;

// The stack that the VMM gives the loader has at least this many bytes.
inline constexpr uint64_t kLoaderStackSize = 16 * 1024;

// The port on which the loader reports until it has read another one from the tree.
inline constexpr uint16_t kDefaultStatusPort = 0x510;

// One 32-bit write to the status port ends the loader's work: kStatusMagic in the upper half, below
// it the LoaderError and the index of the payload that it is about, or kNoPayload.
inline constexpr uint32_t kStatusMagic = 0x5ea1'0000;
inline constexpr uint32_t kStatusMagicMask = 0xffff'0000;
inline constexpr uint8_t kNoPayload = 0xff;

enum class LoaderError : uint8_t {
  kNone = 0x00,  // payload index 0: done, the window may go
  // The tree as such.
  kTreeHeader = 0x01,        // no tree, another version, or larger than allowed
  kTreeStructure = 0x02,     // truncated, badly nested or out of its own bounds
  kTreeCompatible = 0x03,    // not kHandoverCompatible
  kTreeUnknownName = 0x04,   // a node or property that the loader does not know
  kTreeDuplicate = 0x05,     // a node or property twice
  kTreeMissing = 0x06,       // a node or property is not there
  kTreePropertySize = 0x07,  // a property has the wrong size
  kTreeTooMany = 0x08,       // more RAM ranges or payloads than the loader has room for
  // What its root says.
  kBadStatusPort = 0x10,  // above 0xffff
  kBadCBit = 0x11,        // not from kMinCBit to kMaxCBit
  kBadCpus = 0x12,        // none
  kBadRam = 0x13,         // a range is empty, not of whole pages, overlaps another or reaches C
  kBadWindow = 0x14,      // empty, not of whole pages, too large, in RAM or reaches C
  kBadEntry = 0x15,       // not in a payload below kPrivateMapEnd
  kBadBootParams = 0x16,  // not a page in a payload below kPrivateMapEnd
  kBadPageTables = 0x17,  // without C, or not an aligned page in a payload below kPrivateMapEnd
  kNoLoader = 0x18,       // no payload is the loader
  // What is wrong with one payload.
  kBadSource = 0x20,       // not inside the window
  kNoCBit = 0x21,          // the destination lacks C
  kBadDestination = 0x22,  // not inside one RAM range
  kBadLength = 0x23,       // zero
  kOverlap = 0x24,         // the destination overlaps an earlier payload's
  kBadLoader = 0x25,       // a second loader, not the running one, or not below kPrivateMapEnd
  kDigestMismatch = 0x26,  // what arrived in private memory is not what was announced
};

// What the loader found: an error and, for those about one payload, its index.
struct LoaderStatus {
  LoaderError error = LoaderError::kNone;
  uint8_t payload = kNoPayload;

  constexpr bool ok() const { return error == LoaderError::kNone; }
  friend bool operator==(const LoaderStatus&, const LoaderStatus&) = default;
};

inline constexpr uint32_t kStatusDone = kStatusMagic;

// The value for the status port.
constexpr uint32_t EncodeLoaderStatus(LoaderStatus status) {
  if (status.ok()) {
    return kStatusDone;
  }
  return kStatusMagic | static_cast<uint32_t>(status.error) << 8 | status.payload;
}

}  // namespace sealvm

#endif  // SEALVM_GUEST_FW_LOADER_HANDOVER_SCHEMA_H_
