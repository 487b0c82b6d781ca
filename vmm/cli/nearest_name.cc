// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/nearest_name.h"

#include <algorithm>
#include <vector>

namespace sealvm {
namespace {

// Longer texts are no typing errors, and the table grows with their product.
constexpr size_t kMaxLength = 64;

// A third of the letters may be wrong, and always two.
size_t Tolerance(std::string_view name) { return std::max<size_t>(2, name.size() / 3); }

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string_view NearestName(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.size() > kMaxLength) return {};
  std::string_view nearest;
  size_t least = Tolerance(name) + 1;
  for (std::string_view candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    // A candidate of which no letter is left is not meant.
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string Suggestion(std::string_view name, std::span<const std::string_view> candidates,
                       std::string_view prefix) {
  const std::string_view nearest = NearestName(name, candidates);
  if (nearest.empty()) return {};
  std::string text = "did you mean '";
  return text.append(prefix).append(nearest).append("'?");
}

}  // namespace sealvm
