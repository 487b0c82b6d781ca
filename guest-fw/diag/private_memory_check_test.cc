// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/private_memory_check.h"

#include <gtest/gtest.h>
#include <string.h>

#include <string>
#include <vector>

namespace sealvm::diag {
namespace {

constexpr uint64_t kPages = 8;
constexpr uint64_t kSize = kPages * kConversionPage;
constexpr uint64_t kGpa = uint64_t{1} << 32;
constexpr uint64_t kC = uint64_t{1} << 39;

// A host's two halves of one range, and how it converts. Its faults are what the check is for.
class FakeHost {
 public:
  bool keeps_private = false;
  bool keeps_shared = false;
  bool clears_when_nothing_changes = false;
  bool clears_a_neighbour = false;
  int64_t result = 0;
  int64_t refusal = kHypercallInvalid;
  bool accepts_and_clears = false;

  AliasedRange range() {
    return {.private_base = reinterpret_cast<uintptr_t>(private_.data()),
            .shared_base = reinterpret_cast<uintptr_t>(shared_.data()),
            .gpa = kGpa,
            .size = kSize};
  }
  Converter converter() {
    return {[](void* self, const ConversionRequest& request) {
              return static_cast<FakeHost*>(self)->Convert(request);
            },
            this};
  }
  bool all_private() const { return is_shared_ == std::vector<bool>(kPages, false); }

 private:
  int64_t Convert(const ConversionRequest& request) {
    const uint64_t first = (request.gpa - kGpa) / kConversionPage;
    if (request.gpa % kConversionPage != 0 || request.gpa < kGpa || first >= kPages ||
        request.pages == 0 || request.pages > kPages - first) {
      if (accepts_and_clears) memset(private_.data(), 0, kConversionPage);
      return refusal;
    }
    if (result != 0) return result;
    const bool to_shared = request.attributes == kToShared;
    std::vector<uint8_t>& ending = to_shared ? private_ : shared_;
    std::vector<uint8_t>& beginning = to_shared ? shared_ : private_;
    const bool keeps = to_shared ? keeps_private : keeps_shared;
    for (uint64_t page = first; page < first + request.pages; ++page) {
      const bool changes = is_shared_[page] != to_shared;
      if (changes && !keeps) Clear(ending, page);
      if (clears_when_nothing_changes) Clear(beginning, page);
      is_shared_[page] = to_shared;
    }
    if (clears_a_neighbour && first > 0) Clear(private_, first - 1);
    return 0;
  }
  static void Clear(std::vector<uint8_t>& half, uint64_t page) {
    memset(half.data() + page * kConversionPage, 0, kConversionPage);
  }

  std::vector<uint8_t> private_ = std::vector<uint8_t>(kSize, 0x11);
  std::vector<uint8_t> shared_ = std::vector<uint8_t>(kSize, 0x22);
  std::vector<bool> is_shared_ = std::vector<bool>(kPages, false);
};

HostileConversions Hostile() {
  const MemoryRange ram = {.base = kGpa, .size = kSize, .type = RangeType::kUsable};
  return HostileConversions({&ram, 1}, kGpa, kC);
}

TEST(PrivateMemoryCheck, AGoodHostPasses) {
  FakeHost host;
  PrivateMemoryCheck check(host.range());
  EXPECT_TRUE(check.CheckSeparation());
  EXPECT_TRUE(check.CheckConversions(host.converter()));
  EXPECT_TRUE(check.CheckRefusals(host.converter(), Hostile()));
  EXPECT_EQ(check.fault().what, "");
  EXPECT_EQ(check.conversions(), 8u);
  EXPECT_EQ(check.refusals(), Hostile().entries().size());
  EXPECT_TRUE(host.all_private());
}

TEST(PrivateMemoryCheck, FindsThatBothNamesMeanTheSameMemory) {
  FakeHost host;
  AliasedRange range = host.range();
  range.shared_base = range.private_base;
  PrivateMemoryCheck check(range);
  EXPECT_FALSE(check.CheckSeparation());
  EXPECT_EQ(check.fault().what, "one half of memory shows in the other");
  EXPECT_EQ(check.fault().address, kGpa);
}

TEST(PrivateMemoryCheck, FindsASingleSharedPage) {
  FakeHost host;
  std::vector<uint8_t> memory(2 * kSize - kConversionPage);
  AliasedRange range = host.range();
  range.private_base = reinterpret_cast<uintptr_t>(memory.data());
  range.shared_base = range.private_base + kSize - kConversionPage;
  PrivateMemoryCheck check(range);
  EXPECT_FALSE(check.CheckSeparation());
}

struct BadHost {
  const char* name;
  void (*spoil)(FakeHost&);
  std::string_view finding;
};

class BadConversions : public testing::TestWithParam<BadHost> {};

TEST_P(BadConversions, AreFound) {
  FakeHost host;
  GetParam().spoil(host);
  PrivateMemoryCheck check(host.range());
  EXPECT_TRUE(check.CheckSeparation());
  EXPECT_FALSE(check.CheckConversions(host.converter()));
  EXPECT_EQ(check.fault().what, GetParam().finding);
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, BadConversions,
    testing::Values(
        BadHost{"KeepsPrivate", [](FakeHost& host) { host.keeps_private = true; },
                "old content in memory that became private"},
        BadHost{"KeepsShared", [](FakeHost& host) { host.keeps_shared = true; },
                "old content in memory that became shared"},
        BadHost{"ClearsForNothing", [](FakeHost& host) { host.clears_when_nothing_changes = true; },
                "private memory lost its content"},
        BadHost{"ClearsANeighbour", [](FakeHost& host) { host.clears_a_neighbour = true; },
                "private memory lost its content"},
        BadHost{"Refuses", [](FakeHost& host) { host.result = -12; }, "conversion to private"}),
    [](const auto& info) { return info.param.name; });

TEST(PrivateMemoryCheck, ARefusedConversionTellsTheResult) {
  FakeHost host;
  host.result = -12;
  PrivateMemoryCheck check(host.range());
  EXPECT_FALSE(check.CheckConversions(host.converter()));
  EXPECT_TRUE(check.fault().is_result);
  EXPECT_EQ(check.fault().found, -12);
  EXPECT_EQ(check.fault().expected, 0);
}

TEST(PrivateMemoryCheck, FindsAnAcceptedHostileRequest) {
  FakeHost host;
  host.refusal = 0;
  PrivateMemoryCheck check(host.range());
  EXPECT_FALSE(check.CheckRefusals(host.converter(), Hostile()));
  EXPECT_EQ(check.fault().what, "no pages");
  EXPECT_EQ(check.fault().expected, kHypercallInvalid);
  EXPECT_EQ(check.fault().found, 0);
}

TEST(PrivateMemoryCheck, FindsARefusalWithAnEffect) {
  FakeHost host;
  host.accepts_and_clears = true;
  PrivateMemoryCheck check(host.range());
  EXPECT_FALSE(check.CheckRefusals(host.converter(), Hostile()));
  EXPECT_EQ(check.fault().what, "private memory lost its content");
}

}  // namespace
}  // namespace sealvm::diag
