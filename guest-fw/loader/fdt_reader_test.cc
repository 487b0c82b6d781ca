// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/fdt_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "guest-fw/loader/testing_tree.h"

namespace sealvm::loader {
namespace {

using Event = FdtReader::Event;

// A copy that ends where the allocation ends, so that a sanitizer sees each byte read too far.
class ExactBytes {
 public:
  explicit ExactBytes(std::span<const uint8_t> bytes)
      : bytes_(new uint8_t[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  std::span<const uint8_t> get() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_;
};

// The walk in words: "{name", "name=size", "}", ".", "!".
std::string Walk(std::span<const uint8_t> tree) {
  const ExactBytes exact(tree);
  auto reader = FdtReader::Open(exact.get());
  if (!reader) return "no tree";
  std::string walk;
  for (;;) {
    const Event event = reader->Next();
    if (event == Event::kBeginNode) walk += "{" + std::string(reader->name()) + " ";
    if (event == Event::kProperty) {
      walk += std::string(reader->name()) + "=" + std::to_string(reader->value().size()) + " ";
    }
    if (event == Event::kEndNode) walk += "} ";
    if (event == Event::kEnd) return walk + ".";
    if (event == Event::kError) return walk + "!";
  }
}

TreeWriter SmallTree() {
  TreeWriter writer;
  writer.Begin("").Property("a", {1, 2, 3}).Begin("child").Property("empty", {}).End().End();
  return writer;
}

TEST(FdtReader, WalksATree) {
  EXPECT_EQ(Walk(SmallTree().Finish().Build()), "{ a=3 {child empty=0 } } .");
}

TEST(FdtReader, GivesAPropertysBytes) {
  const Bytes tree = SmallTree().Finish().Build();
  auto reader = FdtReader::Open(tree);
  ASSERT_TRUE(reader.has_value());
  ASSERT_EQ(reader->Next(), Event::kBeginNode);
  ASSERT_EQ(reader->Next(), Event::kProperty);
  EXPECT_EQ(Bytes(reader->value().begin(), reader->value().end()), (Bytes{1, 2, 3}));
  EXPECT_EQ(reader->depth(), 1);
}

TEST(FdtReader, SkipsNops) {
  TreeWriter writer;
  writer.Cell(4).Begin("").Cell(4).Property("a", {1}).Cell(4).End().Cell(4).Finish();
  EXPECT_EQ(Walk(writer.Build()), "{ a=1 } .");
}

TEST(FdtReader, IgnoresWhatFollowsTheTree) {
  Bytes tree = SmallTree().Finish().Build();
  tree.resize(tree.size() + 100, 0xff);
  EXPECT_EQ(Walk(tree), "{ a=3 {child empty=0 } } .");
}

TEST(FdtReader, RefusesATreeCutAtAnyLength) {
  const Bytes tree = SmallTree().Finish().Build();
  for (size_t size = 0; size < tree.size(); ++size) {
    ASSERT_EQ(Walk(std::span(tree).first(size)), "no tree") << size;
  }
}

TEST(FdtReader, RefusesAStructureCutAtAnyLength) {
  const Bytes tree = SmallTree().Finish().Build();
  const uint32_t whole = *LoadBe32(tree, TreeWriter::kStructureSize);
  for (uint32_t size = 0; size < whole; ++size) {
    Bytes cut = tree;
    SetHeader(cut, TreeWriter::kStructureSize, size);
    ASSERT_EQ(Walk(cut).back(), '!') << size;
  }
}

TEST(FdtReader, RefusesNamesOutsideCutStrings) {
  const Bytes tree = SmallTree().Finish().Build();
  const uint32_t whole = *LoadBe32(tree, TreeWriter::kStringsSize);
  for (uint32_t size = 0; size < whole; ++size) {
    Bytes cut = tree;
    SetHeader(cut, TreeWriter::kStringsSize, size);
    ASSERT_EQ(Walk(cut).back(), '!') << size;
  }
}

TEST(FdtReader, RefusesTrailingTokens) {
  EXPECT_EQ(Walk(SmallTree().Finish().Cell(4).Build()).back(), '!');
}

struct HeaderCase {
  TreeWriter::HeaderField field;
  uint32_t value;
};

class HeaderTest : public testing::TestWithParam<HeaderCase> {};

INSTANTIATE_TEST_SUITE_P(Hostile, HeaderTest,
                         testing::Values(HeaderCase{TreeWriter::kMagic, 0xd00dfeee},
                                         HeaderCase{TreeWriter::kTotalSize, 0},
                                         HeaderCase{TreeWriter::kTotalSize, 39},
                                         HeaderCase{TreeWriter::kTotalSize, 0xffffffff},
                                         HeaderCase{TreeWriter::kStructureOffset, 0},
                                         HeaderCase{TreeWriter::kStructureOffset, 39},
                                         HeaderCase{TreeWriter::kStructureOffset, 0xfffffffc},
                                         HeaderCase{TreeWriter::kStructureSize, 0xffffffff},
                                         HeaderCase{TreeWriter::kStringsOffset, 0xffffffff},
                                         HeaderCase{TreeWriter::kStringsSize, 0xffffffff},
                                         HeaderCase{TreeWriter::kVersion, 16},
                                         HeaderCase{TreeWriter::kLastCompatible, 18}));

TEST_P(HeaderTest, IsRefused) {
  Bytes tree = SmallTree().Finish().Build();
  SetHeader(tree, GetParam().field, GetParam().value);
  EXPECT_EQ(Walk(tree), "no tree");
}

TEST(FdtReader, RefusesNestingThatIsTooDeep) {
  TreeWriter fits, too_deep;
  for (int i = 0; i < FdtReader::kMaxDepth; ++i) fits.Begin("");
  for (int i = 0; i < FdtReader::kMaxDepth; ++i) fits.End();
  for (int i = 0; i < FdtReader::kMaxDepth + 1; ++i) too_deep.Begin("");
  for (int i = 0; i < FdtReader::kMaxDepth + 1; ++i) too_deep.End();
  EXPECT_EQ(Walk(fits.Finish().Build()).back(), '.');
  EXPECT_EQ(Walk(too_deep.Finish().Build()).back(), '!');
}

TEST(FdtReader, RefusesNodesThatDoNotPair) {
  EXPECT_EQ(Walk(TreeWriter().Begin("").Finish().Build()), "{ !");
  EXPECT_EQ(Walk(TreeWriter().Begin("").End().End().Finish().Build()), "{ } !");
  EXPECT_EQ(Walk(TreeWriter().End().Finish().Build()), "!");
}

TEST(FdtReader, RefusesMissingAndSecondRoots) {
  EXPECT_EQ(Walk(TreeWriter().Finish().Build()), "!");
  EXPECT_EQ(Walk(TreeWriter().Begin("").End().Begin("").End().Finish().Build()), "{ } !");
}

TEST(FdtReader, RefusesPropertiesOutsideNodesAndAfterChildren) {
  EXPECT_EQ(Walk(TreeWriter().Property("a", {}).Begin("").End().Finish().Build()), "!");
  EXPECT_EQ(Walk(TreeWriter().Begin("").Begin("c").End().Property("a", {}).End().Finish().Build()),
            "{ {c } !");
}

TEST(FdtReader, RefusesSizesAndOffsetsThatWrap) {
  for (const uint32_t number : {0xffffffffu, 0xfffffffcu, 0x80000000u, 0x7fffffffu}) {
    EXPECT_EQ(Walk(TreeWriter().Begin("").Cell(3).Cell(number).Cell(0).End().Finish().Build()),
              "{ !");
    EXPECT_EQ(Walk(TreeWriter().Begin("").Cell(3).Cell(0).Cell(number).End().Finish().Build()),
              "{ !");
  }
}

TEST(FdtReader, RefusesUnknownTokens) {
  for (const uint32_t token : {0u, 5u, 8u, 10u, 0xffffffffu}) {
    EXPECT_EQ(Walk(TreeWriter().Begin("").Cell(token).End().Finish().Build()), "{ !") << token;
  }
}

TEST(FdtReader, RefusesANameWithoutAnEnd) {
  EXPECT_EQ(Walk(TreeWriter().Cell(1).Cell(0x41414141).Build()), "!");
}

TEST(FdtReader, StaysFailed) {
  const Bytes tree = TreeWriter().Cell(7).Begin("").End().Finish().Build();
  auto reader = FdtReader::Open(tree);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->Next(), Event::kError);
  EXPECT_EQ(reader->Next(), Event::kError);
}

// Whatever one changed byte does, the walk ends and stays inside the tree.
TEST(FdtReader, SurvivesEveryChangedByte) {
  const Bytes tree = SmallTree().Finish().Build();
  for (size_t i = 0; i < tree.size(); ++i) {
    for (const uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes changed = tree;
      changed[i] = value;
      EXPECT_LT(Walk(changed).size(), 4 * tree.size());
    }
  }
}

TEST(LoadBe, ReadsNumbersInsideTheBytesAlone) {
  const Bytes bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(LoadBe32(bytes, 5), 0x06070809u);
  EXPECT_EQ(LoadBe64(bytes, 1), 0x0203040506070809u);
  EXPECT_EQ(LoadBe32(bytes, 6), std::nullopt);
  EXPECT_EQ(LoadBe64(bytes, 2), std::nullopt);
  EXPECT_EQ(LoadBe32(bytes, SIZE_MAX), std::nullopt);
  EXPECT_EQ(LoadBe64(bytes, SIZE_MAX - 3), std::nullopt);
}

}  // namespace
}  // namespace sealvm::loader
