// SPDX-License-Identifier: Apache-2.0
// Hostile kernel files: parsed and loaded into a small guest. The first byte chooses between the
// input as the file itself and a good bzImage or vmlinux with bytes changed, which gets past the
// first checks.
#include <algorithm>
#include <memory>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "vmm/boot/linux_loader.h"
#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/boot/testing/elf_builder.h"

namespace sealvm {
namespace {

constexpr uint64_t kMemory = 24 * kMiB;

// The parts that hold numbers which the loader uses: the bzImage's setup header; the ELF header
// with its program headers, and the notes.
constexpr size_t kSetupHeaderStart = 0x1f1;
constexpr size_t kSetupHeaderSize = 0x80;
constexpr size_t kElfHeadersSize = 0x100;

void Edit(FuzzInput& input, std::vector<uint8_t>& file, size_t start, size_t size) {
  while (!input.empty()) {
    const size_t offset = start + input.TakeByte() % size;
    if (offset >= file.size()) continue;
    file[offset] = input.TakeByte();
  }
}

std::vector<uint8_t> MakeFile(FuzzInput& input, uint8_t kind) {
  // Few edits: each one more makes it likelier that an early check refuses all.
  const auto edits_bytes = input.TakeBytes(kind % 4 == 0 ? SIZE_MAX : 2 + input.TakeByte() % 16);
  FuzzInput edits(edits_bytes);
  if (kind % 4 == 0) return {edits_bytes.begin(), edits_bytes.end()};
  if (kind % 4 == 1) {
    std::vector<uint8_t> file = BzImageBuilder{.payload = MakeTinyVmlinux(64, 64)}.Build();
    Edit(edits, file, kSetupHeaderStart, kSetupHeaderSize);
    return file;
  }
  std::vector<uint8_t> file = MakeTinyVmlinux(256, 512);
  if (kind % 4 == 2) Edit(edits, file, 0, kElfHeadersSize);
  if (kind % 4 == 3) Edit(edits, file, 0x1000 + 256, 0x40);
  return file;
}

// What must hold of everything that was loaded.
void CheckState(const GuestMemory& memory, BootState state) {
  std::ranges::sort(state.regions, {}, &LoadedRegion::gpa);
  bool entry_is_loaded = false;
  Gpa end = 0;
  for (const LoadedRegion& region : state.regions) {
    SEALVM_FUZZ_CHECK(memory.Contains(region.gpa, region.size));
    SEALVM_FUZZ_CHECK(region.gpa >= end);
    end = region.end();
    if (state.entry.rip >= region.gpa && state.entry.rip < end) entry_is_loaded = true;
  }
  SEALVM_FUZZ_CHECK(entry_is_loaded);
}

void LoadInto(const KernelImage& kernel, const ImageFile& initrd, FuzzInput& input) {
  GuestMemory memory = MakeTestMemory(kMemory);
  BootSources sources = {.kernel = &kernel, .cmdline = std::string(input.TakeByte() * 16, 'c')};
  if (input.TakeByte() % 2 == 0) sources.initrd = &initrd;
  sources.entry = static_cast<EntryChoice>(input.TakeByte() % 3);
  auto state = LoadGuest(memory, sources);
  if (state) CheckState(memory, *std::move(state));
}

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  const uint8_t kind = input.TakeByte();
  const std::vector<uint8_t> file = MakeFile(input, kind);
  const auto kernel = KernelImage::FromBytes("kernel", file);
  if (!kernel) {
    SEALVM_FUZZ_CHECK(kernel.error().kind == ErrorKind::kInvalidInput);
    return 0;
  }
  const std::vector<uint8_t> initrd(5000, 0x17);
  LoadInto(*kernel, ImageFile::FromBytes("initrd", initrd), input);
  const auto vmlinux = kernel->ExtractVmlinux(1 * kMiB);
  if (vmlinux) SEALVM_FUZZ_CHECK(vmlinux->file().size() <= 1 * kMiB);
  return 0;
}
