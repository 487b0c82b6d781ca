// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_NAMES_H_
#define SEALVM_VMM_API_NAMES_H_

#include <span>
#include <string>
#include <string_view>

#include "memory/base/result.h"

namespace sealvm::internal {

// The names of an enumeration's values, used in both directions. Tables are constants.
template <typename E>
class NameTable {
 public:
  struct Entry {
    E value;
    std::string_view name;
  };

  constexpr explicit NameTable(std::span<const Entry> entries) : entries_(entries) {}

  // "unknown" for a value that has no entry, as a cast from a foreign number makes.
  constexpr std::string_view NameOf(E value) const {
    for (const Entry& entry : entries_) {
      if (entry.value == value) return entry.name;
    }
    return "unknown";
  }

  // kInvalidInput "'x' is no <what>", with all names as the hint.
  Result<E> Parse(std::string_view what, std::string_view name) const {
    for (const Entry& entry : entries_) {
      if (entry.name == name) return entry.value;
    }
    std::string message = "'";
    message.append(name).append("' is no ").append(what);
    return InvalidInput(std::move(message), "one of " + JoinedNames());
  }

 private:
  std::string JoinedNames() const {
    std::string joined;
    for (const Entry& entry : entries_) {
      if (!joined.empty()) joined += ", ";
      joined += entry.name;
    }
    return joined;
  }

  std::span<const Entry> entries_;
};

}  // namespace sealvm::internal

#endif  // SEALVM_VMM_API_NAMES_H_
