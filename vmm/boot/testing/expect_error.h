// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_TESTING_EXPECT_ERROR_H_
#define SEALVM_VMM_BOOT_TESTING_EXPECT_ERROR_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "memory/base/result.h"

namespace sealvm {

// Expects an error of `kind` that is one line and contains `part`.
template <typename T>
void ExpectError(const Result<T>& result, ErrorKind kind, const std::string& part) {
  ASSERT_FALSE(result.has_value()) << "expected an error with: " << part;
  EXPECT_EQ(result.error().kind, kind);
  EXPECT_THAT(result.error().message, testing::HasSubstr(part));
  EXPECT_THAT(result.error().ToString(), testing::Not(testing::HasSubstr("\n")));
}

template <typename T>
void ExpectInvalidInput(const Result<T>& result, const std::string& part) {
  ExpectError(result, ErrorKind::kInvalidInput, part);
}

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_TESTING_EXPECT_ERROR_H_
