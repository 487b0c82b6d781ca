// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_KEY_VALUE_LIST_H_
#define SEALVM_VMM_CLI_KEY_VALUE_LIST_H_

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/cli/value_kind.h"

namespace sealvm {

struct KeyValue {
  std::string key;
  std::string value;

  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};
using KeyValues = std::vector<KeyValue>;

// Reads "path=a.img,readonly=on". Two commas are one comma of the text. A first word without '=' is
// the value of `implied_key`, if there is one.
Result<KeyValues> SplitKeyValues(std::string_view text, std::string_view implied_key = {});

enum class KeyPresence { kOptional, kMandatory, kRepeated };

// What can be said of a key without the object that it belongs to.
struct KeyShape {
  std::string_view name;
  ValueKind kind = ValueKind::kString;
  KeyPresence presence = KeyPresence::kOptional;
};

// nullptr when there is none.
const KeyShape* FindKey(std::span<const KeyShape> shapes, std::string_view name);

// "unknown key 'x'", with the nearest or all as the hint.
std::unexpected<Error> UnknownKeyError(std::span<const KeyShape> shapes, std::string_view name);

// Each key is known and given once unless it may be repeated, and those that must be there are.
Result<> CheckKeys(std::span<const KeyShape> shapes, const KeyValues& list);

// A key of an object of type T.
template <typename T>
struct KeySpec {
  KeyShape shape;
  // Puts the value into the object. The error lacks the key's name.
  Result<> (*apply)(T& object, std::string_view text);
  // The texts that apply takes to give the same; none for what is unset, several for a repeated
  // key.
  std::vector<std::string> (*render)(const T& object);
};

template <typename T>
std::vector<KeyShape> ShapesOf(std::span<const KeySpec<T>> specs) {
  std::vector<KeyShape> shapes;
  for (const KeySpec<T>& spec : specs) shapes.push_back(spec.shape);
  return shapes;
}

// An object of the default values and `list`. Errors name the key.
template <typename T>
Result<T> ObjectFromKeys(std::span<const KeySpec<T>> specs, const KeyValues& list) {
  SEALVM_TRY(CheckKeys(ShapesOf(specs), list));
  T object;
  for (const KeyValue& entry : list) {
    const auto spec = std::ranges::find(
        specs, entry.key, [](const KeySpec<T>& candidate) { return candidate.shape.name; });
    Result<> applied = spec->apply(object, entry.value);
    if (!applied) return WithContext(std::move(applied).error(), entry.key);
  }
  return object;
}

// What ObjectFromKeys takes to give `object`.
template <typename T>
KeyValues KeysFromObject(std::span<const KeySpec<T>> specs, const T& object) {
  KeyValues list;
  for (const KeySpec<T>& spec : specs) {
    for (std::string& text : spec.render(object)) {
      list.push_back({std::string(spec.shape.name), std::move(text)});
    }
  }
  return list;
}

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_KEY_VALUE_LIST_H_
