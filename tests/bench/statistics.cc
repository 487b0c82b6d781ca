// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace sealvm {

double Median(std::vector<double> values) {
  if (values.empty()) {
    return std::nan("");
  }
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double MedianRatio(const std::vector<double>& values, const std::vector<double>& base) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(values.size(), base.size()); ++i) {
    if (base[i] != 0) {
      ratios.push_back(values[i] / base[i]);
    }
  }
  return Median(std::move(ratios));
}

}  // namespace sealvm
