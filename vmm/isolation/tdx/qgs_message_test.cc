// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/qgs_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/base/endian.h"

namespace sealvm::tdx {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMaxQuote = 8192;

// A good answer with its length in front.
std::vector<uint8_t> Answer(size_t quote_size) {
  std::vector<uint8_t> out(28 + quote_size, 0x44);
  const std::span<uint8_t> bytes(out);
  const size_t size = 24 + quote_size;
  out[0] = 0;
  out[1] = static_cast<uint8_t>(size >> 16);
  out[2] = static_cast<uint8_t>(size >> 8);
  out[3] = static_cast<uint8_t>(size);
  StoreLeAny(bytes.subspan(4, 4), 0x00010001);  // version 1.1
  StoreLeAny(bytes.subspan(8, 4), 1);           // GET_QUOTE_RESP
  StoreLeAny(bytes.subspan(12, 4), size);
  StoreLeAny(bytes.subspan(16, 4), 0);
  StoreLeAny(bytes.subspan(20, 4), 0);
  StoreLeAny(bytes.subspan(24, 4), quote_size);
  return out;
}

Result<> FeedAll(QgsAnswerReader& reader, std::span<const uint8_t> bytes, size_t step) {
  while (!bytes.empty() && reader.Wanted() > 0) {
    const size_t size = std::min({step, bytes.size(), reader.Wanted()});
    SEALVM_TRY(reader.Feed(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  return {};
}

std::string ErrorOf(const std::vector<uint8_t>& bytes) {
  QgsAnswerReader reader(kMaxQuote);
  const Result<> fed = FeedAll(reader, bytes, 1000);
  return fed ? "" : fed.error().message;
}

std::vector<uint8_t> With(size_t at, uint32_t value) {
  std::vector<uint8_t> bytes = Answer(100);
  StoreLeAny(std::span(bytes).subspan(at, 4), value);
  return bytes;
}

TEST(QgsRequestTest, LiesAsTheServiceReadsIt) {
  const std::vector<uint8_t> message = BuildQgsQuoteRequest(std::vector<uint8_t>(1024, 7));
  ASSERT_EQ(message.size(), 4 + 24 + 1024u);
  const std::vector<uint8_t> head(message.begin(), message.begin() + 29);
  const std::vector<uint8_t> expected = {0, 0, 4, 0x18, 1, 0, 1, 0, 0, 0, 0, 0, 0x18, 4, 0,
                                         0, 0, 0, 0,    0, 0, 4, 0, 0, 0, 0, 0, 0,    7};
  EXPECT_EQ(head, expected);
}

TEST(QgsAnswerTest, ReadsInPiecesOfAnySize) {
  const std::vector<uint8_t> bytes = Answer(kMaxQuote);
  for (const size_t step : {1u, 3u, 4096u, 100000u}) {
    QgsAnswerReader reader(kMaxQuote);
    ASSERT_TRUE(FeedAll(reader, bytes, step).has_value());
    EXPECT_EQ(reader.Wanted(), 0u);
    EXPECT_EQ(reader.quote().size(), kMaxQuote);
    EXPECT_EQ(reader.quote().back(), 0x44);
  }
}

TEST(QgsAnswerTest, LengthsBeyondTheLimitAreRefusedAtOnce) {
  // 100 MB, 4 GB, one byte too many, too few for a header.
  for (const std::array<uint8_t, 4>& length :
       {std::array<uint8_t, 4>{6, 0, 0, 0}, std::array<uint8_t, 4>{255, 255, 255, 255},
        std::array<uint8_t, 4>{0, 0, 0x20, 0x19}, std::array<uint8_t, 4>{0, 0, 0, 15}}) {
    QgsAnswerReader reader(kMaxQuote);
    EXPECT_EQ(reader.Wanted(), 4u);
    const Result<> fed = reader.Feed(length);
    ASSERT_FALSE(fed.has_value());
    EXPECT_THAT(fed.error().message, HasSubstr("16 to 8216 may be"));
  }
}

TEST(QgsAnswerTest, MessageThatIsNoAnswer) {
  for (const auto& bytes : {With(4, 2), With(8, 3), With(12, 123), With(12, 125)}) {
    EXPECT_THAT(ErrorOf(bytes), HasSubstr("is none to a question for a quote"));
  }
  EXPECT_EQ(ErrorOf(With(4, 0x00000001)), "");  // version 1.0
}

TEST(QgsAnswerTest, LengthsThatDoNotAddUp) {
  for (const auto& bytes :
       {With(20, 1), With(24, 99), With(24, 101), With(24, 0xffffffff), With(20, 0xffffffff)}) {
    EXPECT_THAT(ErrorOf(bytes), HasSubstr("in an answer of 124 bytes"));
  }
  EXPECT_THAT(ErrorOf(Answer(0)), HasSubstr("in an answer of 24 bytes"));
}

TEST(QgsAnswerTest, ErrorsOfTheServiceAreNamed) {
  EXPECT_EQ(ErrorOf(With(16, 0x12002)), "quote service: error OUT_OF_MEMORY (0x12002)");
  EXPECT_EQ(QgsErrorName(0x12007), "INVALID_CODE (0x12007)");
  EXPECT_EQ(QgsErrorName(0x12008), "unknown (0x12008)");
  EXPECT_EQ(QgsErrorName(5), "unknown (0x5)");
}

TEST(QgsAnswerTest, ErrorWithoutABody) {
  std::vector<uint8_t> bytes = With(16, 0x12001);
  bytes.resize(20);
  bytes[3] = 16;
  bytes[12] = 16;
  EXPECT_EQ(ErrorOf(bytes), "quote service: error UNEXPECTED (0x12001)");
}

}  // namespace
}  // namespace sealvm::tdx
