// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/id_block_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "vmm/cli/evidence_file.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/hex.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm {
namespace {

using attestation::ReadVector;
using attestation::VectorPath;
using ::testing::HasSubstr;

constexpr uint64_t kPolicy = 0x30000;

class IdBlockFileTest : public testing::Test {
 protected:
  IdBlockFileTest() : folder_(testing::TempDir() + "/id_block") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    request_.id_key = VectorPath("id_key.pem");
    request_.id_block = folder_ + "/block";
    request_.id_auth = folder_ + "/auth";
  }
  ~IdBlockFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Put(const std::string& name, std::string_view text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  std::vector<uint8_t> Read(const std::string& path) { return *ReadWholeFile(path, {}, 1 << 20); }
  size_t FileCount() {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }
  std::string Error() {
    const auto written = WriteIdBlock(request_, digest_, kPolicy);
    if (written) return "no error";
    EXPECT_EQ(written.error().kind, ErrorKind::kInvalidInput);
    return written.error().ToString();
  }

  const std::string folder_;
  const std::vector<uint8_t> digest_ = std::vector<uint8_t>(48, 0xab);
  IdBlockRequest request_;
};

TEST_F(IdBlockFileTest, WhatIsWrittenHolds) {
  request_.author_key = VectorPath("author_key.pem");
  request_.family_id = {1, 2};
  request_.image_id = {3};
  request_.guest_svn = 9;
  const auto written = WriteIdBlock(request_, digest_, kPolicy);
  ASSERT_TRUE(written.has_value());
  const std::vector<uint8_t> bytes = Read(request_.id_block);
  const auto block = attestation::ParseIdBlock(bytes, "block");
  ASSERT_TRUE(block.has_value());
  EXPECT_THAT(block->launch_digest, testing::ElementsAreArray(digest_));
  EXPECT_EQ(block->family_id[1], 2);
  EXPECT_EQ(block->image_id[0], 3);
  EXPECT_EQ(block->guest_svn, 9u);
  EXPECT_EQ(block->policy, kPolicy);
  const auto facts = attestation::CheckIdAuth(attestation::EncodeIdBlock(*block),
                                              Read(request_.id_auth), true, "auth");
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->id_key_digest, written->id_key_digest);
  EXPECT_EQ(facts->author_key_digest, written->author_key_digest);
  EXPECT_EQ(FileCount(), 2u);
}

TEST_F(IdBlockFileTest, OlderFilesAreReplaced) {
  Put("block",
      "old and longer than an ID block, which has ninety-six bytes and not a single one more");
  Put("auth", "old");
  EXPECT_EQ(Error(), "no error");
  EXPECT_EQ(Read(request_.id_block).size(), attestation::kIdBlockSize);
  EXPECT_EQ(Read(request_.id_auth).size(), attestation::kIdAuthSize);
}

TEST_F(IdBlockFileTest, BadKeysLeaveNothing) {
  for (const auto& [name, why] : std::vector<std::pair<std::string, const char*>>{
           {VectorPath("p256_key.pem"), "P-256"},
           {VectorPath("snp_v3.bin"), "holds no private key"},
           {folder_ + "/missing", "missing"},
           {folder_, "--id-key"},
           {Put("empty", ""), "--id-key"},
           {Put("large", std::string(70000, 'x')), "70000 bytes"}}) {
    request_.id_key = name;
    EXPECT_THAT(Error(), HasSubstr(why));
    EXPECT_THAT(Error(), testing::StartsWith("--id-key"));
  }
  request_.id_key = VectorPath("id_key.pem");
  request_.author_key = VectorPath("p256_key.pem");
  EXPECT_THAT(Error(), testing::StartsWith("--author-key"));
  EXPECT_FALSE(std::filesystem::exists(request_.id_block));
  EXPECT_FALSE(std::filesystem::exists(request_.id_auth));
}

TEST_F(IdBlockFileTest, OutputsThatCannotBeWritten) {
  request_.id_auth = folder_ + "/none/auth";
  EXPECT_THAT(Error(), HasSubstr("--write-id-auth"));
  EXPECT_EQ(FileCount(), 0u);  // the block, which went well, is not left behind
  request_.id_auth = folder_;
  EXPECT_THAT(Error(), HasSubstr("no regular file"));
  std::filesystem::create_symlink("/dev/null", folder_ + "/link");
  request_.id_auth = folder_ + "/link";
  EXPECT_THAT(Error(), HasSubstr("no regular file"));
}

TEST_F(IdBlockFileTest, KeysAreNeverOverwritten) {
  const std::string key = folder_ + "/key";
  std::filesystem::copy_file(VectorPath("id_key.pem"), key);
  request_.id_key = key;
  request_.id_block = folder_ + "/../id_block/key";
  EXPECT_THAT(Error(), HasSubstr("is the file of a key"));
  EXPECT_EQ(Read(key), ReadVector("id_key.pem"));
}

TEST_F(IdBlockFileTest, InspectTellsTheFields) {
  request_.author_key = VectorPath("author_key.pem");
  const auto written = WriteIdBlock(request_, digest_, kPolicy);
  ASSERT_TRUE(written.has_value());
  const auto block = InspectIdBlock(request_.id_block, false);
  ASSERT_TRUE(block.has_value() && block->has_value());
  EXPECT_THAT(**block, HasSubstr("launch digest       abababab"));
  EXPECT_THAT(**block, HasSubstr("0x30000 (ABI 0.0, SMT allowed)"));
  const auto auth = InspectIdBlock(request_.id_auth, true);
  ASSERT_TRUE(auth.has_value() && auth->has_value());
  EXPECT_THAT(**auth, HasSubstr("\"format\": \"SNP ID authentication\""));
  EXPECT_THAT(**auth, HasSubstr(HexText(written->id_key_digest)));
  EXPECT_THAT(**auth, HasSubstr("author_key_digest"));
}

TEST_F(IdBlockFileTest, InspectLeavesOtherFilesToOthers) {
  for (const std::string& path :
       {Put("short", "x"), Put("block_size", std::string(96, 'x')),
        Put("auth_size", std::string(4096, '\1')), VectorPath("snp_v3.bin")}) {
    const auto text = InspectIdBlock(path, false);
    ASSERT_TRUE(text.has_value()) << path;
    EXPECT_FALSE(text->has_value()) << path;
  }
}

}  // namespace
}  // namespace sealvm
