// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/launch_owner.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>

namespace sealvm::sev {
namespace {

std::string PathOf(const std::string& name) {
  return testing::TempDir() + "/owner-" + std::to_string(getpid()) + name;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const LaunchFacts kFacts = {.api_major = 1,
                            .api_minor = 55,
                            .build = 21,
                            .policy = 5,
                            .digest = {0xab, 0xcd},
                            .measurement = {0x01, 0x02}};

TEST(LaunchOwnerTest, WithoutFilesNothingIsAsked) {
  const auto secret = LaunchOwner("", "").Ask(kFacts);
  ASSERT_TRUE(secret);
  EXPECT_FALSE(*secret);
}

TEST(LaunchOwnerTest, TellsTheFactsInOneLine) {
  const std::string path = PathOf("facts");
  ASSERT_TRUE(LaunchOwner(path, "").Ask(kFacts));
  EXPECT_EQ(ReadAll(path),
            "{\"api_major\":1,\"api_minor\":55,\"build\":21,\"policy\":\"0x5\",\"digest\":\"abcd\","
            "\"measurement\":\"0102\"}\n");
  unlink(path.c_str());
}

TEST(LaunchOwnerTest, AnOwnerBehindFifosAnswersTheFacts) {
  const std::string facts = PathOf("facts-fifo");
  const std::string secret = PathOf("secret-fifo");
  ASSERT_EQ(mkfifo(facts.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(secret.c_str(), 0600), 0);
  std::string seen;
  std::thread owner([&] {
    seen = ReadAll(facts);
    std::ofstream(secret, std::ios::binary) << std::string(52, 'h') << std::string(32, 'd');
  });
  const auto packet = LaunchOwner(facts, secret).Ask(kFacts);
  owner.join();
  ASSERT_TRUE(packet && *packet);
  EXPECT_EQ((*packet)->header, std::vector<uint8_t>(52, 'h'));
  EXPECT_EQ((*packet)->data, std::vector<uint8_t>(32, 'd'));
  EXPECT_NE(seen.find("0102"), seen.npos);
  unlink(facts.c_str());
  unlink(secret.c_str());
}

TEST(LaunchOwnerTest, BadPacketsAndPathsNameTheirOption) {
  const std::string path = PathOf("secret");
  for (size_t size : {0u, 52u, 53u, 52u + 15u, 52u + 16u * 1024 + 16, 1u << 20}) {
    std::ofstream(path, std::ios::binary) << std::string(size, 'x');
    const auto packet = LaunchOwner("", path).Ask(kFacts);
    ASSERT_FALSE(packet) << size;
    EXPECT_EQ(packet.error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(packet.error().message.find("--sev-secret"), 0u);
  }
  unlink(path.c_str());
  const auto missing = LaunchOwner("", path).Ask(kFacts);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("--sev-secret"), std::string::npos);
  const auto unwritable = LaunchOwner(path + "/not-there", "").Ask(kFacts);
  ASSERT_FALSE(unwritable);
  EXPECT_NE(unwritable.error().message.find("--sev-measurement"), std::string::npos);
}

}  // namespace
}  // namespace sealvm::sev
