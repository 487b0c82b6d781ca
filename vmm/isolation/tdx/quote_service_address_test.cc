// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/quote_service_address.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm::tdx {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view text) {
  const auto address = ParseQuoteServiceAddress(text, "--quote-service");
  return address ? "" : address.error().message;
}

TEST(QuoteServiceAddressTest, ReadsAllForms) {
  EXPECT_EQ(ParseQuoteServiceAddress("unix:qgs.socket", "o")->path, "qgs.socket");
  EXPECT_EQ(ParseQuoteServiceAddress("/run/qgs.socket", "o")->path, "/run/qgs.socket");
  EXPECT_EQ(*ParseQuoteServiceAddress("vsock:2:4050", "o"),
            (QuoteServiceAddress{.path = {}, .cid = 2, .port = 4050}));
  for (const char* text : {"unix:/run/qgs.socket", "vsock:2:4050"}) {
    EXPECT_EQ(QuoteServiceAddressText(*ParseQuoteServiceAddress(text, "o")), text);
  }
}

TEST(QuoteServiceAddressTest, RefusesWhatIsNone) {
  EXPECT_EQ(ErrorOf("localhost:4050"),
            "--quote-service: 'localhost:4050' is no address of a quote service");
  EXPECT_THAT(ErrorOf("unix:"), HasSubstr("the socket needs a path"));
  EXPECT_THAT(ErrorOf(std::string("unix:").append(108, 'a')), HasSubstr("has 108 bytes"));
  EXPECT_EQ(ErrorOf(std::string("unix:").append(107, 'a')), "");
  for (const char* text : {"vsock:", "vsock:2", "vsock:2:", "vsock:a:1", "vsock:2:1:1",
                           "vsock:4294967295:1", "vsock:2:4294967296", "vsock:-1:1"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("names no vsock port")) << text;
  }
}

TEST(QuoteServiceAddressTest, NobodyThere) {
  const auto socket = ConnectQuoteService({.path = "/nonexistent/qgs", .cid = 0, .port = 0});
  ASSERT_FALSE(socket.has_value());
  EXPECT_EQ(socket.error().os_error, ENOENT);
  EXPECT_THAT(socket.error().message, HasSubstr("connect(unix:/nonexistent/qgs)"));
}

}  // namespace
}  // namespace sealvm::tdx
