// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/key_value_list.h"

#include "vmm/cli/nearest_name.h"

namespace sealvm {
namespace {

// Takes the text up to the next single comma from the front of `rest`; doubled commas become one.
std::string TakeWord(std::string_view& rest) {
  std::string word;
  size_t position = 0;
  for (; position < rest.size(); ++position) {
    if (rest[position] == ',') {
      if (!rest.substr(position + 1).starts_with(',')) break;
      ++position;
    }
    word.push_back(rest[position]);
  }
  rest.remove_prefix(position);
  return word;
}

std::vector<std::string_view> NamesOf(std::span<const KeyShape> shapes) {
  std::vector<std::string_view> names;
  for (const KeyShape& shape : shapes) names.push_back(shape.name);
  return names;
}

}  // namespace

Result<KeyValues> SplitKeyValues(std::string_view text, std::string_view implied_key) {
  KeyValues list;
  for (std::string_view rest = text;;) {
    const std::string word = TakeWord(rest);
    const size_t equals = word.find('=');
    if (equals != word.npos && equals > 0) {
      list.push_back({word.substr(0, equals), word.substr(equals + 1)});
    } else if (equals == word.npos && !word.empty() && list.empty() && !implied_key.empty()) {
      list.push_back({std::string(implied_key), word});
    } else {
      return InvalidInput("'" + word + "' is not of the form key=value",
                          "a comma in a value is written twice");
    }
    if (rest.empty()) return list;
    rest.remove_prefix(1);
  }
}

const KeyShape* FindKey(std::span<const KeyShape> shapes, std::string_view name) {
  const auto found = std::ranges::find(shapes, name, &KeyShape::name);
  return found == shapes.end() ? nullptr : &*found;
}

std::unexpected<Error> UnknownKeyError(std::span<const KeyShape> shapes, std::string_view name) {
  const std::vector<std::string_view> names = NamesOf(shapes);
  std::string hint = Suggestion(name, names);
  if (hint.empty()) {
    for (const std::string_view known : names) {
      hint.append(hint.empty() ? "one of " : ", ").append(known);
    }
  }
  return InvalidInput("unknown key '" + std::string(name) + "'", std::move(hint));
}

Result<> CheckKeys(std::span<const KeyShape> shapes, const KeyValues& list) {
  for (const KeyValue& entry : list) {
    const KeyShape* shape = FindKey(shapes, entry.key);
    if (shape == nullptr) return UnknownKeyError(shapes, entry.key);
    if (shape->presence != KeyPresence::kRepeated &&
        std::ranges::count(list, entry.key, &KeyValue::key) > 1) {
      return InvalidInput("'" + entry.key + "' is given twice");
    }
  }
  for (const KeyShape& shape : shapes) {
    if (shape.presence == KeyPresence::kMandatory &&
        std::ranges::find(list, shape.name, &KeyValue::key) == list.end()) {
      return InvalidInput(std::string(shape.name) + " is missing");
    }
  }
  return {};
}

}  // namespace sealvm
