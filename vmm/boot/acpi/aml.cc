// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/aml.h"

#include <assert.h>
#include <stddef.h>

#include <algorithm>
#include <bit>

namespace sealvm::aml {
namespace {

// ACPI 6.5 section 20.3, table 20.2.
constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kWordPrefix = 0x0b;
constexpr uint8_t kDwordPrefix = 0x0c;
constexpr uint8_t kStringPrefix = 0x0d;
constexpr uint8_t kQwordPrefix = 0x0e;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kBufferOp = 0x11;
constexpr uint8_t kPackageOp = 0x12;
constexpr uint8_t kMethodOp = 0x14;
constexpr uint8_t kDualNamePrefix = 0x2e;
constexpr uint8_t kMultiNamePrefix = 0x2f;
constexpr uint8_t kExtendedPrefix = 0x5b;
constexpr uint8_t kRootChar = 0x5c;
constexpr uint8_t kLocal0Op = 0x60;
constexpr uint8_t kStoreOp = 0x70;
constexpr uint8_t kAndOp = 0x7b;
constexpr uint8_t kNotifyOp = 0x86;
constexpr uint8_t kIfOp = 0xa0;
// Behind kExtendedPrefix.
constexpr uint8_t kRegionOp = 0x80;
constexpr uint8_t kFieldOp = 0x81;
constexpr uint8_t kDeviceOp = 0x82;

constexpr uint8_t kSystemIoSpace = 0x01;    // section 19.6.100, RegionSpace
constexpr uint8_t kByteAccessField = 0x01;  // no lock, preserve
constexpr uint8_t kSerialized = 1 << 3;

constexpr size_t kNameSegmentLength = 4;

void Append(Bytes& target, std::span<const uint8_t> bytes) {
  target.insert(target.end(), bytes.begin(), bytes.end());
}

void AppendLe(Bytes& target, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) target.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

Bytes Join(std::span<const Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) Append(all, part);
  return all;
}

Bytes Join(Terms parts) { return Join(std::span(parts.begin(), parts.size())); }

// For assertions alone.
[[maybe_unused]] bool IsNameCharacter(char c, bool first) {
  if (c == '_' || (c >= 'A' && c <= 'Z')) return true;
  return !first && c >= '0' && c <= '9';
}

Bytes NameSegment(std::string_view name) {
  assert(!name.empty() && name.size() <= kNameSegmentLength);
  Bytes segment;
  for (const char c : name) {
    assert(IsNameCharacter(c, segment.empty()));
    segment.push_back(static_cast<uint8_t>(c));
  }
  segment.resize(kNameSegmentLength, '_');
  return segment;
}

// opcode, length of the rest, rest.
Bytes WithLength(std::initializer_list<uint8_t> opcode, const Bytes& content) {
  Bytes term(opcode);
  Append(term, PackageLength(content.size()));
  Append(term, content);
  return term;
}

uint64_t HexDigit(char c) {
  assert((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
  return static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'A' + 10);
}

// A length of up to 63 fits into the lead byte's six bits; longer ones have one to three more
// bytes, whose count stands in the lead byte's upper bits, and four bits in the lead byte.
Bytes EncodeLength(uint64_t value, size_t extra_bytes) {
  if (extra_bytes == 0) return {static_cast<uint8_t>(value)};
  Bytes encoded = {static_cast<uint8_t>((extra_bytes << 6) | (value & 0xf))};
  AppendLe(encoded, value >> 4, extra_bytes);
  return encoded;
}

size_t ExtraLengthBytes(uint64_t value) {
  assert(value < uint64_t{1} << 28);
  if (value < 1 << 6) return 0;
  if (value < 1 << 12) return 1;
  return value < 1 << 20 ? 2 : 3;
}

}  // namespace

Bytes NamePath(std::string_view path) {
  Bytes encoded;
  if (path.starts_with('\\')) {
    encoded.push_back(kRootChar);
    path.remove_prefix(1);
  }
  std::vector<Bytes> segments;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    segments.push_back(NameSegment(path.substr(0, dot)));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  if (segments.empty()) encoded.push_back(kZeroOp);  // NullName
  if (segments.size() == 2) encoded.push_back(kDualNamePrefix);
  if (segments.size() > 2) {
    encoded.push_back(kMultiNamePrefix);
    encoded.push_back(static_cast<uint8_t>(segments.size()));
  }
  Append(encoded, Join(segments));
  return encoded;
}

Bytes Integer(uint64_t value) {
  if (value == 0) return {kZeroOp};
  if (value == 1) return {kOneOp};
  Bytes encoded;
  if (value <= UINT8_MAX) {
    encoded.push_back(kBytePrefix);
    AppendLe(encoded, value, 1);
  } else if (value <= UINT16_MAX) {
    encoded.push_back(kWordPrefix);
    AppendLe(encoded, value, 2);
  } else if (value <= UINT32_MAX) {
    encoded.push_back(kDwordPrefix);
    AppendLe(encoded, value, 4);
  } else {
    encoded.push_back(kQwordPrefix);
    AppendLe(encoded, value, 8);
  }
  return encoded;
}

Bytes String(std::string_view text) {
  Bytes encoded;
  encoded.reserve(text.size() + 2);
  encoded.push_back(kStringPrefix);
  for (const char c : text) encoded.push_back(static_cast<uint8_t>(c));
  encoded.push_back(0);
  return encoded;
}

Bytes EisaId(std::string_view id) {
  assert(id.size() == 7);
  uint32_t value = 0;
  for (const char c : id.substr(0, 3)) {
    assert(c >= 'A' && c <= 'Z');
    value = (value << 5) | static_cast<uint32_t>(c - '@');
  }
  for (const char c : id.substr(3)) value = (value << 4) | static_cast<uint32_t>(HexDigit(c));
  // The identifier is stored with its most significant byte first. A DWord even where it would be
  // shorter: that is how disassemblers know it.
  Bytes encoded = {kDwordPrefix};
  AppendLe(encoded, std::byteswap(value), 4);
  return encoded;
}

Bytes Buffer(std::span<const uint8_t> bytes) {
  Bytes content = Integer(bytes.size());
  Append(content, bytes);
  return WithLength({kBufferOp}, content);
}

Bytes Package(std::span<const Bytes> elements) {
  assert(elements.size() <= UINT8_MAX);
  Bytes content = {static_cast<uint8_t>(elements.size())};
  Append(content, Join(elements));
  return WithLength({kPackageOp}, content);
}

Bytes Package(Terms elements) { return Package(std::span(elements.begin(), elements.size())); }

Bytes Name(std::string_view path, const Bytes& value) {
  return Join({{kNameOp}, NamePath(path), value});
}

Bytes Scope(std::string_view path, std::span<const Bytes> terms) {
  return WithLength({kScopeOp}, Join({NamePath(path), Join(terms)}));
}

Bytes Scope(std::string_view path, Terms terms) {
  return Scope(path, std::span(terms.begin(), terms.size()));
}

Bytes Device(std::string_view path, Terms terms) {
  return WithLength({kExtendedPrefix, kDeviceOp}, Join({NamePath(path), Join(terms)}));
}

Bytes Method(std::string_view path, uint8_t arguments, Terms terms) {
  assert(arguments <= 7);
  const Bytes flags = {static_cast<uint8_t>(arguments | kSerialized)};
  return WithLength({kMethodOp}, Join({NamePath(path), flags, Join(terms)}));
}

Bytes IoRegion(std::string_view path, uint16_t port, uint8_t length) {
  return Join({{kExtendedPrefix, kRegionOp},
               NamePath(path),
               {kSystemIoSpace},
               Integer(port),
               Integer(length)});
}

Bytes ByteField(std::string_view region, std::string_view field) {
  constexpr uint8_t kBits = 8;  // as a length prefix that does not count itself
  return WithLength({kExtendedPrefix, kFieldOp},
                    Join({NamePath(region), {kByteAccessField}, NameSegment(field), {kBits}}));
}

Bytes Local(uint8_t index) {
  assert(index <= 7);
  return {static_cast<uint8_t>(kLocal0Op + index)};
}

Bytes Store(const Bytes& source, const Bytes& target) { return Join({{kStoreOp}, source, target}); }

Bytes And(const Bytes& left, const Bytes& right) {
  const Bytes no_target = {kZeroOp};
  return Join({{kAndOp}, left, right, no_target});
}

Bytes If(const Bytes& condition, Terms terms) {
  return WithLength({kIfOp}, Join({condition, Join(terms)}));
}

Bytes Notify(std::string_view path, uint64_t value) {
  return Join({{kNotifyOp}, NamePath(path), Integer(value)});
}

Bytes PackageLength(uint64_t content_size) {
  // The prefix counts itself: find the shortest that covers both.
  for (size_t extra = 0; extra < 3; ++extra) {
    const uint64_t total = content_size + 1 + extra;
    if (ExtraLengthBytes(total) <= extra) return EncodeLength(total, extra);
  }
  assert(ExtraLengthBytes(content_size + 4) == 3);
  return EncodeLength(content_size + 4, 3);
}

}  // namespace sealvm::aml
