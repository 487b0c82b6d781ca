// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/sev_face.h"

#include <gtest/gtest.h>

namespace sealvm::diag {
namespace {

TEST(SevFace, WithoutSevThereIsNoCBit) {
  const SevFace face{.status = 0, .c_bit = 47};
  EXPECT_FALSE(face.active());
  EXPECT_EQ(face.c_mask(), 0u);
  EXPECT_TRUE(face.plausible());
}

TEST(SevFace, TheCBitIsAnAddressBit) {
  const SevFace face{.status = 1, .c_bit = 39};
  EXPECT_TRUE(face.active());
  EXPECT_EQ(face.c_mask(), uint64_t{1} << 39);
}

TEST(SevFace, ExtensionsNeedSev) {
  EXPECT_FALSE((SevFace{.status = 6, .c_bit = 51}.es()));
  EXPECT_FALSE((SevFace{.status = 6, .c_bit = 51}.snp()));
  EXPECT_TRUE((SevFace{.status = 3, .c_bit = 51}.es()));
  EXPECT_TRUE((SevFace{.status = 7, .c_bit = 51}.snp()));
}

TEST(SevFace, ACBitInsideOfLowMemoryOrOutsideOfAddressesIsNotPlausible) {
  for (const unsigned bit : {0u, 12u, 31u, 52u, 63u}) {
    EXPECT_FALSE((SevFace{.status = 1, .c_bit = bit}.plausible())) << bit;
  }
  for (const unsigned bit : {32u, 51u}) {
    EXPECT_TRUE((SevFace{.status = 1, .c_bit = bit}.plausible())) << bit;
  }
}

}  // namespace
}  // namespace sealvm::diag
