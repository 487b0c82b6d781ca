// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include <string_view>

#include "guest-fw/loader/fdt_reader.h"
#include "guest-fw/loader/manifest.h"

namespace sealvm::loader {
namespace {

using Event = FdtReader::Event;
using Bytes = std::span<const uint8_t>;

// Which properties of a node were there. Each has a bit.
class SeenProperties {
 public:
  // False when it was there before.
  bool Add(uint32_t bit) {
    const bool first = (seen_ & bit) == 0;
    seen_ |= bit;
    return first;
  }
  bool HasAll(uint32_t bits) const { return (seen_ & bits) == bits; }
  void Clear() { seen_ = 0; }

 private:
  uint32_t seen_ = 0;
};

// Bits of the root's properties and of a payload's.
enum RootBit : uint32_t {
  kCompatibleBit = 1 << 0,
  kStatusPortBit = 1 << 1,
  kCBitBit = 1 << 2,
  kCpusBit = 1 << 3,
  kRamBit = 1 << 4,
  kWindowBit = 1 << 5,
  kEntryBit = 1 << 6,
  kBootParamsBit = 1 << 7,
  kPageTablesBit = 1 << 8,
  kAllRootBits = (1 << 9) - 1,
};
enum PayloadBit : uint32_t {
  kSourceBit = 1 << 0,
  kDestinationBit = 1 << 1,
  kLengthBit = 1 << 2,
  kSha256Bit = 1 << 3,
  kAllPayloadBits = (1 << 4) - 1,
  kLoaderBit = 1 << 4,  // may be missing
};

LoaderError ReadU32(Bytes value, uint32_t* number) {
  if (value.size() != sizeof(uint32_t)) {
    return LoaderError::kTreePropertySize;
  }
  *number = *LoadBe32(value, 0);
  return LoaderError::kNone;
}

LoaderError ReadU64(Bytes value, uint64_t* number) {
  if (value.size() != sizeof(uint64_t)) {
    return LoaderError::kTreePropertySize;
  }
  *number = *LoadBe64(value, 0);
  return LoaderError::kNone;
}

constexpr size_t kRangeSize = 2 * sizeof(uint64_t);

LoaderError ReadRange(Bytes value, Range* range) {
  if (value.size() != kRangeSize) {
    return LoaderError::kTreePropertySize;
  }
  *range = {*LoadBe64(value, 0), *LoadBe64(value, sizeof(uint64_t))};
  return LoaderError::kNone;
}

LoaderError ReadPort(Bytes value, uint16_t* port) {
  uint32_t number = 0;
  const LoaderError error = ReadU32(value, &number);
  if (error != LoaderError::kNone) {
    return error;
  }
  if (number > UINT16_MAX) {
    return LoaderError::kBadStatusPort;
  }
  *port = static_cast<uint16_t>(number);
  return LoaderError::kNone;
}

LoaderError ReadCompatible(Bytes value) {
  // One string with its final zero byte.
  const bool same = value.size() == kHandoverCompatible.size() + 1 && value.back() == 0 &&
                    memcmp(value.data(), kHandoverCompatible.data(), value.size() - 1) == 0;
  return same ? LoaderError::kNone : LoaderError::kTreeCompatible;
}

LoaderError ReadRam(Bytes value, Manifest* manifest) {
  if (value.size() % kRangeSize != 0) {
    return LoaderError::kTreePropertySize;
  }
  const size_t count = value.size() / kRangeSize;
  if (count > kMaxHandoverRamRanges) {
    return LoaderError::kTreeTooMany;
  }
  for (size_t i = 0; i < count; ++i) {
    ReadRange(value.subspan(i * kRangeSize, kRangeSize), &manifest->ram[i]);
  }
  manifest->ram_count = count;
  return LoaderError::kNone;
}

LoaderError ReadDigest(Bytes value, Sha256Digest* digest) {
  if (value.size() != digest->size()) {
    return LoaderError::kTreePropertySize;
  }
  memcpy(digest->data(), value.data(), value.size());
  return LoaderError::kNone;
}

// The n-th payload's node name.
bool IsPayloadName(std::string_view name, size_t n) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  static_assert(kMaxHandoverPayloads <= 0x100);
  if (!name.starts_with(kPayloadNodePrefix)) {
    return false;
  }
  const std::string_view number = name.substr(kPayloadNodePrefix.size());
  return n < 0x10
             ? number.size() == 1 && number[0] == kDigits[n]
             : number.size() == 2 && number[0] == kDigits[n >> 4] && number[1] == kDigits[n & 0xf];
}

class Parser {
 public:
  Parser(FdtReader reader, Manifest* manifest) : reader_(reader), manifest_(manifest) {}

  LoaderStatus Run() {
    for (;;) {
      const Event event = reader_.Next();
      if (event == Event::kEnd) {
        return Finish();
      }
      const LoaderError error = Handle(event);
      if (error != LoaderError::kNone) {
        return {error, current_payload_};
      }
    }
  }

 private:
  static constexpr int kRootDepth = 1;
  static constexpr int kPayloadsDepth = 2;
  static constexpr int kPayloadDepth = 3;

  LoaderError Handle(Event event) {
    if (event == Event::kBeginNode) {
      return BeginNode();
    }
    if (event == Event::kProperty) {
      return Property();
    }
    return event == Event::kEndNode ? EndNode() : LoaderError::kTreeStructure;
  }

  LoaderError BeginNode() {
    if (reader_.depth() == kRootDepth) {
      return reader_.name().empty() ? LoaderError::kNone : LoaderError::kTreeUnknownName;
    }
    if (reader_.depth() == kPayloadsDepth) {
      return BeginPayloads();
    }
    return reader_.depth() == kPayloadDepth ? BeginPayload() : LoaderError::kTreeUnknownName;
  }

  LoaderError BeginPayloads() {
    if (reader_.name() != kPayloadsNode) {
      return LoaderError::kTreeUnknownName;
    }
    if (payloads_seen_) {
      return LoaderError::kTreeDuplicate;
    }
    payloads_seen_ = true;
    return LoaderError::kNone;
  }

  LoaderError BeginPayload() {
    const size_t index = manifest_->payload_count;
    if (index > 0 && IsPayloadName(reader_.name(), index - 1)) {
      return LoaderError::kTreeDuplicate;
    }
    if (index == kMaxHandoverPayloads) {
      return LoaderError::kTreeTooMany;
    }
    if (!IsPayloadName(reader_.name(), index)) {
      return LoaderError::kTreeUnknownName;
    }
    manifest_->payloads[index] = {};
    ++manifest_->payload_count;
    current_payload_ = static_cast<uint8_t>(index);
    seen_in_payload_.Clear();
    return LoaderError::kNone;
  }

  LoaderError EndNode() {
    // The depth is that of the parent by now.
    if (reader_.depth() == kPayloadsDepth) {
      if (!seen_in_payload_.HasAll(kAllPayloadBits)) {
        return LoaderError::kTreeMissing;
      }
      current_payload_ = kNoPayload;
    }
    return LoaderError::kNone;
  }

  LoaderError Property() {
    if (reader_.depth() == kRootDepth) {
      return RootProperty(reader_.name(), reader_.value());
    }
    if (reader_.depth() == kPayloadDepth) {
      return PayloadProperty(reader_.name(), reader_.value(),
                             &manifest_->payloads[current_payload_]);
    }
    return LoaderError::kTreeUnknownName;
  }

  template <typename Read>
  static LoaderError Once(SeenProperties& seen, uint32_t bit, Read read) {
    return seen.Add(bit) ? read() : LoaderError::kTreeDuplicate;
  }

  LoaderError RootProperty(std::string_view name, Bytes value) {
    Manifest& m = *manifest_;
    const auto once = [this](uint32_t bit, auto read) { return Once(seen_in_root_, bit, read); };
    if (name == kCompatibleProperty) {
      return once(kCompatibleBit, [&] { return ReadCompatible(value); });
    }
    if (name == kStatusPortProperty) {
      return once(kStatusPortBit, [&] { return ReadPort(value, &m.status_port); });
    }
    if (name == kCBitProperty) {
      return once(kCBitBit, [&] { return ReadU32(value, &m.c_bit); });
    }
    if (name == kCpusProperty) {
      return once(kCpusBit, [&] { return ReadU32(value, &m.cpus); });
    }
    if (name == kRamProperty) {
      return once(kRamBit, [&] { return ReadRam(value, &m); });
    }
    if (name == kWindowProperty) {
      return once(kWindowBit, [&] { return ReadRange(value, &m.window); });
    }
    if (name == kEntryProperty) {
      return once(kEntryBit, [&] { return ReadU64(value, &m.entry); });
    }
    if (name == kBootParamsProperty) {
      return once(kBootParamsBit, [&] { return ReadU64(value, &m.boot_params); });
    }
    if (name == kPageTablesProperty) {
      return once(kPageTablesBit, [&] { return ReadU64(value, &m.page_tables); });
    }
    return LoaderError::kTreeUnknownName;
  }

  LoaderError PayloadProperty(std::string_view name, Bytes value, Payload* payload) {
    const auto once = [this](uint32_t bit, auto read) { return Once(seen_in_payload_, bit, read); };
    if (name == kSourceProperty) {
      return once(kSourceBit, [&] { return ReadU64(value, &payload->source); });
    }
    if (name == kDestinationProperty) {
      return once(kDestinationBit, [&] { return ReadU64(value, &payload->destination); });
    }
    if (name == kLengthProperty) {
      return once(kLengthBit, [&] { return ReadU64(value, &payload->length); });
    }
    if (name == kSha256Property) {
      return once(kSha256Bit, [&] { return ReadDigest(value, &payload->sha256); });
    }
    if (name == kLoaderProperty) {
      return once(kLoaderBit, [&] {
        payload->is_loader = true;
        return value.empty() ? LoaderError::kNone : LoaderError::kTreePropertySize;
      });
    }
    return LoaderError::kTreeUnknownName;
  }

  LoaderStatus Finish() const {
    if (!payloads_seen_ || !seen_in_root_.HasAll(kAllRootBits)) {
      return {LoaderError::kTreeMissing, kNoPayload};
    }
    return {};
  }

  FdtReader reader_;
  Manifest* manifest_;
  SeenProperties seen_in_root_;
  SeenProperties seen_in_payload_;
  bool payloads_seen_ = false;
  uint8_t current_payload_ = kNoPayload;
};

}  // namespace

LoaderStatus ParseManifest(std::span<const uint8_t> bytes, Manifest* manifest) {
  manifest->status_port = kDefaultStatusPort;
  manifest->ram_count = 0;
  manifest->payload_count = 0;
  if (bytes.size() > kMaxHandoverTreeSize) {
    bytes = bytes.first(kMaxHandoverTreeSize);
  }
  const auto reader = FdtReader::Open(bytes);
  if (!reader) {
    return {LoaderError::kTreeHeader, kNoPayload};
  }
  return Parser(*reader, manifest).Run();
}

}  // namespace sealvm::loader
