// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/testing_tree.h"

#include <algorithm>
#include <string>

namespace sealvm::loader {
namespace {

Bytes BigEndian(uint64_t value, size_t size) {
  Bytes bytes;
  for (size_t i = size; i-- > 0;) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  return bytes;
}

void Append(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes TextBytes(std::string_view text) {
  Bytes bytes(text.begin(), text.end());
  bytes.push_back(0);
  return bytes;
}

Bytes RamBytes(const Manifest& manifest) {
  Bytes bytes;
  for (size_t i = 0; i < manifest.ram_count; ++i) {
    Append(bytes, Be64(manifest.ram[i].base));
    Append(bytes, Be64(manifest.ram[i].size));
  }
  return bytes;
}

std::string PayloadName(size_t index) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name(kPayloadNodePrefix);
  if (index >= 16) name.push_back(kDigits[index / 16]);
  name.push_back(kDigits[index % 16]);
  return name;
}

class Editor {
 public:
  Editor(TreeWriter& writer, const TreeEdit& edit, std::string node)
      : writer_(writer), edit_(edit), node_(std::move(node)) {}

  void Property(std::string_view name, const Bytes& value) {
    const TreeProperty property{node_, name, value};
    for (const TreeProperty& p : edit_ ? edit_(property) : std::vector{property}) {
      writer_.Property(p.name, p.value);
    }
  }

 private:
  TreeWriter& writer_;
  const TreeEdit& edit_;
  std::string node_;
};

}  // namespace

Bytes Be32(uint32_t value) { return BigEndian(value, 4); }
Bytes Be64(uint64_t value) { return BigEndian(value, 8); }

Bytes Concatenate(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) Append(all, part);
  return all;
}

TreeWriter& TreeWriter::Cell(uint32_t value) {
  Append(structure_, Be32(value));
  return *this;
}

void TreeWriter::Pad() { structure_.resize((structure_.size() + 3) / 4 * 4); }

TreeWriter& TreeWriter::Begin(std::string_view name) {
  Cell(1);
  Append(structure_, TextBytes(name));
  Pad();
  return *this;
}

TreeWriter& TreeWriter::Property(std::string_view name, const Bytes& value) {
  Cell(3).Cell(static_cast<uint32_t>(value.size())).Cell(static_cast<uint32_t>(strings_.size()));
  Append(strings_, TextBytes(name));
  Append(structure_, value);
  Pad();
  return *this;
}

TreeWriter& TreeWriter::End() { return Cell(2); }
TreeWriter& TreeWriter::Finish() { return Cell(9); }

Bytes TreeWriter::Build() const {
  constexpr uint32_t kHeader = 40;
  constexpr uint32_t kReservations = 16;  // one empty entry
  const auto structure = static_cast<uint32_t>(structure_.size());
  const auto strings = static_cast<uint32_t>(strings_.size());
  const uint32_t structure_at = kHeader + kReservations;
  Bytes tree;
  for (const uint32_t field :
       {0xd00dfeedu, structure_at + structure + strings, structure_at, structure_at + structure,
        kHeader, 17u, 16u, 0u, strings, structure}) {
    Append(tree, Be32(field));
  }
  tree.resize(structure_at);
  Append(tree, structure_);
  Append(tree, strings_);
  return tree;
}

void SetHeader(Bytes& tree, TreeWriter::HeaderField field, uint32_t value) {
  std::ranges::copy(Be32(value), tree.begin() + static_cast<ptrdiff_t>(field));
}

Bytes WriteTree(const Manifest& m, const TreeEdit& edit) {
  TreeWriter writer;
  writer.Begin("");
  Editor root(writer, edit, "");
  root.Property(kCompatibleProperty, TextBytes(kHandoverCompatible));
  root.Property(kStatusPortProperty, Be32(m.status_port));
  root.Property(kCBitProperty, Be32(m.c_bit));
  root.Property(kCpusProperty, Be32(m.cpus));
  root.Property(kRamProperty, RamBytes(m));
  root.Property(kWindowProperty, Concatenate({Be64(m.window.base), Be64(m.window.size)}));
  root.Property(kEntryProperty, Be64(m.entry));
  root.Property(kBootParamsProperty, Be64(m.boot_params));
  root.Property(kPageTablesProperty, Be64(m.page_tables));
  writer.Begin(kPayloadsNode);
  for (size_t i = 0; i < m.payload_count; ++i) {
    const Payload& p = m.payloads[i];
    writer.Begin(PayloadName(i));
    Editor node(writer, edit, PayloadName(i));
    node.Property(kSourceProperty, Be64(p.source));
    node.Property(kDestinationProperty, Be64(p.destination));
    node.Property(kLengthProperty, Be64(p.length));
    node.Property(kSha256Property, Bytes(p.sha256.begin(), p.sha256.end()));
    if (p.is_loader) node.Property(kLoaderProperty, {});
    writer.End();
  }
  return writer.End().End().Finish().Build();
}

Manifest GoodManifest() {
  Manifest m;
  m.c_bit = kCBit;
  m.cpus = 2;
  m.ram_count = 2;
  m.ram[0] = {1 * kMiB, 3 * kGiB - 1 * kMiB};
  m.ram[1] = {4 * kGiB, 1 * kGiB};
  m.window = {kWindow, 64 * kMiB};
  m.entry = 16 * kMiB;
  m.boot_params = 2 * kMiB;
  m.page_tables = kC | (2 * kMiB + 0x1000);
  m.payload_count = 3;
  m.payloads[kKernelPayload] = {kWindow + 1 * kMiB, kC | (16 * kMiB), 5 * kMiB + 123, {}, false};
  m.payloads[kBootPayload] = {kWindow + 8 * kMiB, kC | (2 * kMiB), 0x7000, {}, false};
  m.payloads[kLoaderPayload] = {kImage.base, kC | (3 * kMiB), kImage.size, {}, true};
  for (size_t i = 0; i < m.payload_count; ++i) {
    m.payloads[i].sha256.fill(static_cast<uint8_t>(0x10 + i));
  }
  return m;
}

}  // namespace sealvm::loader
