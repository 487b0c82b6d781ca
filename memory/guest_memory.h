// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_GUEST_MEMORY_H_
#define SEALVM_MEMORY_GUEST_MEMORY_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <span>
#include <type_traits>

#include "memory/base/mapping.h"
#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "memory/private_memory.h"

namespace sealvm {

// The guest's RAM as the VMM may touch it: copies in and out, never a reference, because the guest
// changes it at any time. Every access is checked against the layout: an address outside RAM, in
// the hole or wrapping is an error of kind kInvalidInput and touches nothing. An access may run
// over from one range into the next only where they are adjacent in GPA space (they never are).
//
// Thread-safe as far as the copied bytes go: concurrent writers may tear.
class GuestMemory {
 public:
  // Maps `backing` (which covers layout.ram_size() bytes) for the VMM. A backing that the host
  // cannot access is refused.
  static Result<GuestMemory> Create(const GuestLayout& layout,
                                    std::shared_ptr<PrivateMemory> backing);

  GuestMemory(GuestMemory&&) = default;
  GuestMemory& operator=(GuestMemory&&) = default;

  const GuestLayout& layout() const { return layout_; }
  PrivateMemory& backing() const { return *backing_; }
  const std::shared_ptr<PrivateMemory>& backing_ptr() const { return backing_; }

  // True when [gpa, gpa + length) is RAM as a whole. Empty ranges inside RAM are.
  bool Contains(Gpa gpa, uint64_t length) const;

  Result<> Read(Gpa gpa, std::span<uint8_t> out) const;
  Result<> Write(Gpa gpa, std::span<const uint8_t> bytes);
  Result<> Fill(Gpa gpa, uint64_t length, uint8_t value);
  // Reads exactly `length` bytes of `fd` from `file_offset` into RAM without a copy in between. A
  // file that ends early is kInvalidInput; `name` names it in errors.
  Result<> ReadFromFile(Gpa gpa, uint64_t length, int fd, uint64_t file_offset,
                        std::string_view name);

  template <typename T>
  Result<T> ReadObject(Gpa gpa) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    SEALVM_TRY(Read(gpa, {reinterpret_cast<uint8_t*>(&value), sizeof(value)}));
    return value;
  }

  template <typename T>
  Result<> WriteObject(Gpa gpa, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Write(gpa, {reinterpret_cast<const uint8_t*>(&value), sizeof(value)});
  }

  // Keeps the VMM's view out of its core dumps.
  Result<> ExcludeFromDumps() { return mapping_.ExcludeFromDumps("guest memory"); }

  // Where bytes of the layout lie in the VMM, for numbers in one access and for system calls on
  // behalf of devices: SharedView, which checks them, alone.
  uint8_t* HostAddress(BackingRange range) const { return mapping_.data() + range.offset; }

  // The HVA of a RAM range, for KVM_SET_USER_MEMORY_REGION alone.
  uint64_t HostAddressForMemslot(const RamRange& range) const;

 private:
  GuestMemory(const GuestLayout& layout, std::shared_ptr<PrivateMemory> backing, Mapping mapping);

  // Where [gpa, gpa + length) lies in the mapping.
  Result<uint8_t*> Translate(Gpa gpa, uint64_t length) const;

  GuestLayout layout_;
  std::shared_ptr<PrivateMemory> backing_;
  Mapping mapping_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_GUEST_MEMORY_H_
