// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <string.h>

#include <memory>
#include <string>

#include "guest-fw/loader/fdt_reader.h"
#include "guest-fw/loader/manifest.h"
#include "guest-fw/loader/testing_tree.h"

namespace sealvm::loader {
namespace {

LoaderStatus Parse(std::span<const uint8_t> tree) {
  auto manifest = std::make_unique<Manifest>();
  return ParseManifest(tree, manifest.get());
}

constexpr LoaderStatus Root(LoaderError error) { return {error, kNoPayload}; }

// An edit of one property of one node; `change` gives what stands in its place.
TreeEdit Replace(std::string node, std::string name,
                 std::function<std::vector<TreeProperty>(const TreeProperty&)> change) {
  return [=](const TreeProperty& property) -> std::vector<TreeProperty> {
    if (property.node != node || property.name != name) return {property};
    return change(property);
  };
}

constexpr std::string_view kRootNames[] = {
    kCompatibleProperty, kStatusPortProperty, kCBitProperty,       kCpusProperty,      kRamProperty,
    kWindowProperty,     kEntryProperty,      kBootParamsProperty, kPageTablesProperty};
constexpr std::string_view kPayloadNames[] = {kSourceProperty, kDestinationProperty,
                                              kLengthProperty, kSha256Property};

TEST(ManifestParser, ReadsEveryField) {
  const Manifest written = GoodManifest();
  Manifest read;
  ASSERT_EQ(ParseManifest(WriteTree(written), &read), LoaderStatus{});
  EXPECT_EQ(read.status_port, written.status_port);
  EXPECT_EQ(read.c_bit, written.c_bit);
  EXPECT_EQ(read.cpus, written.cpus);
  EXPECT_EQ(read.window, written.window);
  EXPECT_EQ(read.entry, written.entry);
  EXPECT_EQ(read.boot_params, written.boot_params);
  EXPECT_EQ(read.page_tables, written.page_tables);
  ASSERT_EQ(read.ram_count, written.ram_count);
  for (size_t i = 0; i < read.ram_count; ++i) EXPECT_EQ(read.ram[i], written.ram[i]);
  ASSERT_EQ(read.payload_count, written.payload_count);
  for (size_t i = 0; i < read.payload_count; ++i) {
    EXPECT_EQ(read.payloads[i].source, written.payloads[i].source);
    EXPECT_EQ(read.payloads[i].destination, written.payloads[i].destination);
    EXPECT_EQ(read.payloads[i].length, written.payloads[i].length);
    EXPECT_EQ(read.payloads[i].sha256, written.payloads[i].sha256);
    EXPECT_EQ(read.payloads[i].is_loader, written.payloads[i].is_loader);
  }
}

TEST(ManifestParser, RefusesATreeCutAtAnyLength) {
  const Bytes tree = WriteTree(GoodManifest());
  for (size_t size = 0; size < tree.size(); ++size) {
    ASSERT_EQ(Parse(std::span(tree).first(size)), Root(LoaderError::kTreeHeader)) << size;
  }
}

TEST(ManifestParser, RefusesTreesAboveTheLimit) {
  Bytes tree = WriteTree(GoodManifest());
  tree.resize(kMaxHandoverTreeSize + 1);
  SetHeader(tree, TreeWriter::kTotalSize, kMaxHandoverTreeSize + 1);
  EXPECT_EQ(Parse(tree), Root(LoaderError::kTreeHeader));
  SetHeader(tree, TreeWriter::kTotalSize, kMaxHandoverTreeSize);
  EXPECT_EQ(Parse(tree), LoaderStatus{});
}

TEST(ManifestParser, RefusesAnotherCompatible) {
  for (const char* text : {"sealvm,handover-2", "sealvm,handover-", ""}) {
    const TreeEdit edit =
        Replace("", "compatible", [=](const TreeProperty& p) -> std::vector<TreeProperty> {
          return {{p.node, p.name, Bytes(text, text + strlen(text) + 1)}};
        });
    EXPECT_EQ(Parse(WriteTree(GoodManifest(), edit)), Root(LoaderError::kTreeCompatible)) << text;
  }
}

TEST(ManifestParser, RefusesACompatibleWithoutItsEnd) {
  const TreeEdit edit =
      Replace("", "compatible", [](const TreeProperty& p) -> std::vector<TreeProperty> {
        Bytes value = p.value;
        value.back() = 'x';
        return {{p.node, p.name, value}};
      });
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), edit)), Root(LoaderError::kTreeCompatible));
}

TEST(ManifestParser, RefusesMissingProperties) {
  const auto nothing = [](const TreeProperty&) { return std::vector<TreeProperty>{}; };
  for (const auto name : kRootNames) {
    const Bytes tree = WriteTree(GoodManifest(), Replace("", std::string(name), nothing));
    EXPECT_EQ(Parse(tree), Root(LoaderError::kTreeMissing)) << name;
  }
  for (const auto name : kPayloadNames) {
    const Bytes tree = WriteTree(GoodManifest(), Replace("payload@1", std::string(name), nothing));
    EXPECT_EQ(Parse(tree), (LoaderStatus{LoaderError::kTreeMissing, 1})) << name;
  }
}

TEST(ManifestParser, RefusesDuplicateProperties) {
  const auto twice = [](const TreeProperty& p) { return std::vector<TreeProperty>{p, p}; };
  for (const auto name : kRootNames) {
    const Bytes tree = WriteTree(GoodManifest(), Replace("", std::string(name), twice));
    EXPECT_EQ(Parse(tree), Root(LoaderError::kTreeDuplicate)) << name;
  }
  for (const auto name : kPayloadNames) {
    const Bytes tree = WriteTree(GoodManifest(), Replace("payload@0", std::string(name), twice));
    EXPECT_EQ(Parse(tree), (LoaderStatus{LoaderError::kTreeDuplicate, 0})) << name;
  }
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), Replace("payload@2", "loader", twice))),
            (LoaderStatus{LoaderError::kTreeDuplicate, 2}));
}

TEST(ManifestParser, RefusesPropertiesOfTheWrongSize) {
  const auto resized = [](int change) {
    return [change](const TreeProperty& p) -> std::vector<TreeProperty> {
      Bytes value = p.value;
      value.resize(value.size() + static_cast<size_t>(change));
      return {{p.node, p.name, value}};
    };
  };
  for (const int change : {-1, 1, 4, 8}) {
    for (const auto name : kRootNames) {
      if (name == kCompatibleProperty) continue;
      const Bytes tree = WriteTree(GoodManifest(), Replace("", std::string(name), resized(change)));
      EXPECT_EQ(Parse(tree), Root(LoaderError::kTreePropertySize)) << name << change;
    }
    for (const auto name : kPayloadNames) {
      const Bytes tree =
          WriteTree(GoodManifest(), Replace("payload@1", std::string(name), resized(change)));
      EXPECT_EQ(Parse(tree), (LoaderStatus{LoaderError::kTreePropertySize, 1})) << name << change;
    }
  }
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), Replace("payload@2", "loader", resized(4)))),
            (LoaderStatus{LoaderError::kTreePropertySize, 2}));
}

TEST(ManifestParser, RefusesUnknownProperties) {
  const auto renamed = [](const TreeProperty& p) -> std::vector<TreeProperty> {
    return {p, {p.node, "sourc", {}}};
  };
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), Replace("", "entry", renamed))),
            Root(LoaderError::kTreeUnknownName));
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), Replace("payload@1", "length", renamed))),
            (LoaderStatus{LoaderError::kTreeUnknownName, 1}));
}

TEST(ManifestParser, RefusesAStatusPortAbove16Bits) {
  const TreeEdit edit =
      Replace("", "status-port", [](const TreeProperty& p) -> std::vector<TreeProperty> {
        return {{p.node, p.name, Be32(0x10000)}};
      });
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), edit)), Root(LoaderError::kBadStatusPort));
}

TEST(ManifestParser, KnowsTheStatusPortOfATreeThatIsWrongFurtherOn) {
  Manifest written = GoodManifest();
  written.status_port = 0x620;
  const TreeEdit edit = Replace("payload@0", "source",
                                [](const TreeProperty&) { return std::vector<TreeProperty>{}; });
  Manifest read;
  EXPECT_FALSE(ParseManifest(WriteTree(written, edit), &read).ok());
  EXPECT_EQ(read.status_port, 0x620);
}

TEST(ManifestParser, ReportsToTheDefaultPortWithoutATree) {
  Manifest read;
  read.status_port = 1;
  EXPECT_FALSE(ParseManifest({}, &read).ok());
  EXPECT_EQ(read.status_port, kDefaultStatusPort);
}

TEST(ManifestParser, TakesAsManyPayloadsAndRangesAsThereIsRoomFor) {
  Manifest full = GoodManifest();
  full.payload_count = kMaxHandoverPayloads;
  full.ram_count = kMaxHandoverRamRanges;
  Manifest read;
  ASSERT_EQ(ParseManifest(WriteTree(full), &read), LoaderStatus{});
  EXPECT_EQ(read.payload_count, kMaxHandoverPayloads);
  EXPECT_EQ(read.ram_count, kMaxHandoverRamRanges);
}

TEST(ManifestParser, RefusesOneRamRangeTooMany) {
  const TreeEdit edit = Replace("", "ram", [](const TreeProperty& p) -> std::vector<TreeProperty> {
    return {{p.node, p.name, Bytes(16 * (kMaxHandoverRamRanges + 1))}};
  });
  EXPECT_EQ(Parse(WriteTree(GoodManifest(), edit)), Root(LoaderError::kTreeTooMany));
}

// A root without properties: nodes are looked at as they come.
TreeWriter NodesOnly(std::initializer_list<std::string_view> payloads) {
  TreeWriter writer;
  writer.Begin("").Begin(kPayloadsNode);
  for (const auto name : payloads) {
    writer.Begin(name);
    writer.Property(kSourceProperty, Be64(0)).Property(kDestinationProperty, Be64(0));
    writer.Property(kLengthProperty, Be64(0)).Property(kSha256Property, Bytes(32)).End();
  }
  writer.End();
  return writer;
}

LoaderError ErrorOf(TreeWriter writer) { return Parse(writer.End().Finish().Build()).error; }

TEST(ManifestParser, RefusesPayloadsOutOfOrder) {
  EXPECT_EQ(ErrorOf(NodesOnly({"payload@0", "payload@1"})), LoaderError::kTreeMissing);
  EXPECT_EQ(ErrorOf(NodesOnly({"payload@1"})), LoaderError::kTreeUnknownName);
  EXPECT_EQ(ErrorOf(NodesOnly({"payload@0", "payload@2"})), LoaderError::kTreeUnknownName);
  EXPECT_EQ(ErrorOf(NodesOnly({"payload@00"})), LoaderError::kTreeUnknownName);
  EXPECT_EQ(ErrorOf(NodesOnly({"payload@"})), LoaderError::kTreeUnknownName);
}

TEST(ManifestParser, RefusesDuplicateNodes) {
  EXPECT_EQ(ErrorOf(NodesOnly({"payload@0", "payload@0"})), LoaderError::kTreeDuplicate);
  EXPECT_EQ(ErrorOf(NodesOnly({}).Begin(kPayloadsNode).End()), LoaderError::kTreeDuplicate);
}

TEST(ManifestParser, RefusesOnePayloadTooMany) {
  TreeWriter writer;
  writer.Begin("").Begin(kPayloadsNode);
  for (size_t i = 0; i <= kMaxHandoverPayloads; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string name = "payload@";
    if (i >= 16) name += kDigits[i / 16];
    name += kDigits[i % 16];
    writer.Begin(name);
    writer.Property(kSourceProperty, Be64(0)).Property(kDestinationProperty, Be64(0));
    writer.Property(kLengthProperty, Be64(0)).Property(kSha256Property, Bytes(32)).End();
  }
  EXPECT_EQ(ErrorOf(writer.End()), LoaderError::kTreeTooMany);
}

TEST(ManifestParser, RefusesUnknownNodes) {
  EXPECT_EQ(ErrorOf(TreeWriter().Begin("").Begin("payload").End()), LoaderError::kTreeUnknownName);
  EXPECT_EQ(ErrorOf(TreeWriter().Begin("root")), LoaderError::kTreeUnknownName);
  EXPECT_EQ(ErrorOf(TreeWriter()
                        .Begin("")
                        .Begin(kPayloadsNode)
                        .Begin("payload@0")
                        .Begin("x")
                        .End()
                        .End()
                        .End()),
            LoaderError::kTreeUnknownName);
}

TEST(ManifestParser, RefusesPropertiesOfThePayloadsNode) {
  EXPECT_EQ(ErrorOf(TreeWriter().Begin("").Begin(kPayloadsNode).Property("entry", Be64(0)).End()),
            LoaderError::kTreeUnknownName);
}

TEST(ManifestParser, NeedsThePayloadsNode) {
  EXPECT_EQ(ErrorOf(TreeWriter().Begin("")), LoaderError::kTreeMissing);
}

TEST(ManifestParser, RefusesBrokenStructure) {
  Bytes tree = WriteTree(GoodManifest());
  const uint32_t size = *LoadBe32(tree, TreeWriter::kStructureSize);
  SetHeader(tree, TreeWriter::kStructureSize, size - 4);
  EXPECT_EQ(Parse(tree), Root(LoaderError::kTreeStructure));
}

// No single changed byte may be taken for something else than a refusal or a manifest in bounds.
TEST(ManifestParser, SurvivesEveryChangedByte) {
  const Bytes tree = WriteTree(GoodManifest());
  auto manifest = std::make_unique<Manifest>();
  for (size_t i = 0; i < tree.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      Bytes changed = tree;
      changed[i] ^= flip;
      if (ParseManifest(changed, manifest.get()).ok()) {
        EXPECT_LE(manifest->payload_count, kMaxHandoverPayloads);
        EXPECT_LE(manifest->ram_count, kMaxHandoverRamRanges);
        CheckManifest(*manifest, kImage);
      }
    }
  }
}

}  // namespace
}  // namespace sealvm::loader
