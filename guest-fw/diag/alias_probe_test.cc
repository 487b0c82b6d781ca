// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/alias_probe.h"

#include <gtest/gtest.h>

#include <utility>

namespace sealvm::diag {
namespace {

uintptr_t AddressOf(uint64_t& word) { return reinterpret_cast<uintptr_t>(&word); }

TEST(ProbeAlias, TwoNamesOfOneWordAreTheSame) {
  uint64_t word = 42;
  EXPECT_EQ(ProbeAlias(AddressOf(word), AddressOf(word)), AliasKind::kSame);
  EXPECT_EQ(word, 42u);
}

class SeparateWords : public testing::TestWithParam<std::pair<uint64_t, uint64_t>> {};

TEST_P(SeparateWords, AreRecognizedAndRestored) {
  uint64_t private_word = GetParam().first;
  uint64_t shared_word = GetParam().second;
  EXPECT_EQ(ProbeAlias(AddressOf(private_word), AddressOf(shared_word)), AliasKind::kSeparate);
  EXPECT_EQ(private_word, GetParam().first);
  EXPECT_EQ(shared_word, GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(Contents, SeparateWords,
                         testing::Values(std::pair{0, 0}, std::pair{7, 7}, std::pair{0, UINT64_MAX},
                                         std::pair{UINT64_MAX, 0}, std::pair{1, UINT64_MAX},
                                         std::pair{5, 6}));

}  // namespace
}  // namespace sealvm::diag
