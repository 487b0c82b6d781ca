// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_AML_H_
#define SEALVM_VMM_BOOT_ACPI_AML_H_

#include <stdint.h>

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

// Encoders of ACPI Machine Language, one function per construct that our DSDT uses; the result is
// its byte code. ACPI 6.5 chapter 20 is the source of every opcode and encoding. Arguments are
// ours, not a guest's or a user's: a name that is none is a bug and asserted.
namespace sealvm::aml {

using Bytes = std::vector<uint8_t>;
using Terms = std::initializer_list<Bytes>;

// A name path: "PWRB", "\\_SB_.PWRB", "_SB_.PCI0". Segments shorter than four characters are padded
// with underscores (section 20.2.2).
Bytes NamePath(std::string_view path);

// The shortest encoding of a number (section 20.2.3).
Bytes Integer(uint64_t value);
Bytes String(std::string_view text);
// The compressed identifier of "PNP0501" and its like (section 6.1.5); seven characters.
Bytes EisaId(std::string_view id);
Bytes Buffer(std::span<const uint8_t> bytes);
Bytes Package(Terms elements);
Bytes Package(std::span<const Bytes> elements);

Bytes Name(std::string_view path, const Bytes& value);
Bytes Scope(std::string_view path, Terms terms);
Bytes Scope(std::string_view path, std::span<const Bytes> terms);
Bytes Device(std::string_view path, Terms terms);
// A method that is serialized; `arguments` is 0 to 7.
Bytes Method(std::string_view path, uint8_t arguments, Terms terms);

// A region of I/O ports and one byte-wide field at its start.
Bytes IoRegion(std::string_view path, uint16_t port, uint8_t length);
Bytes ByteField(std::string_view region, std::string_view field);

// The method's local variable `index`, 0 to 7.
Bytes Local(uint8_t index);
Bytes Store(const Bytes& source, const Bytes& target);
Bytes And(const Bytes& left, const Bytes& right);
Bytes If(const Bytes& condition, Terms terms);
Bytes Notify(std::string_view path, uint64_t value);

// The length prefix of a term whose rest is `content_size` bytes long (section 20.2.4): it counts
// itself.
Bytes PackageLength(uint64_t content_size);

}  // namespace sealvm::aml

#endif  // SEALVM_VMM_BOOT_ACPI_AML_H_
