// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_BENCH_STATISTICS_H_
#define SEALVM_TESTS_BENCH_STATISTICS_H_

#include <vector>

namespace sealvm {

// The middle value, or the mean of the two middle ones; NaN of nothing.
double Median(std::vector<double> values);

// The median of values[i] / base[i]: each round is compared with itself, so that a machine that
// gets busy half-way changes neither side. Rounds that one side lacks, and those with a base of 0,
// do not count.
double MedianRatio(const std::vector<double>& values, const std::vector<double>& base);

}  // namespace sealvm

#endif  // SEALVM_TESTS_BENCH_STATISTICS_H_
