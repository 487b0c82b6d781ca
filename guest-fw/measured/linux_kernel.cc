// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/linux_kernel.h"

#include <algorithm>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

// Offsets in the file, all of boot.rst.
constexpr uint32_t kSetupSectors = 0x1f1;
constexpr uint32_t kBootFlag = 0x1fe;
constexpr uint32_t kJumpDistance = 0x201;
constexpr uint32_t kMagic = 0x202;
constexpr uint32_t kVersion = 0x206;
constexpr uint32_t kLoadFlags = 0x211;
constexpr uint32_t kInitrdMax = 0x22c;
constexpr uint32_t kAlignment = 0x230;
constexpr uint32_t kRelocatable = 0x234;
constexpr uint32_t kXLoadFlags = 0x236;
constexpr uint32_t kCmdlineSize = 0x238;
constexpr uint32_t kPreferredAddress = 0x258;
constexpr uint32_t kInitSize = 0x260;
// Where the header of protocol 2.12 ends, and what struct boot_params has room for.
constexpr uint32_t kHeaderEnd212 = 0x268;
constexpr uint32_t kHeaderRoomEnd = 0x290;

constexpr uint16_t kBootFlagValue = 0xaa55;
constexpr uint32_t kMagicValue = 0x53726448;  // "HdrS"
constexpr uint16_t kOldestVersion = 0x020c;
constexpr uint8_t kLoadedHigh = 1 << 0;
constexpr uint16_t kKernel64 = 1 << 0;
constexpr uint32_t kSectorSize = 512;
constexpr uint32_t kDefaultSetupSectors = 4;
// From the kernel proper's start.
constexpr uint64_t kEntry64 = 0x200;

template <typename T>
T At(const uint8_t* bytes, uint32_t offset) {
  T value;
  memcpy(&value, bytes + offset, sizeof(value));
  return value;
}

Failure Compare(loader::Sha256& hash, const loader::Sha256Digest& expected, Failure mismatch) {
  return hash.Finish() == expected ? Failure::kNone : mismatch;
}

class KernelLoader {
 public:
  KernelLoader(FwCfg& fw_cfg, const GuestMemory& memory, RamMap& ram, loader::Sha256Engine engine,
               const KernelHashes* hashes)
      : fw_cfg_(fw_cfg), memory_(memory), ram_(ram), engine_(engine), hashes_(hashes) {}

  Failure Load(LoadedKernel* loaded) {
    SEALVM_FW_TRY(LoadKernelFile(&loaded->entry));
    SEALVM_FW_TRY(LoadCmdline());
    return LoadInitrd(&loaded->initrd);
  }

 private:
  Failure LoadKernelFile(uint64_t* entry) {
    uint32_t setup_size = 0;
    uint32_t kernel_size = 0;
    SEALVM_FW_TRY(fw_cfg_.ReadNumber(kFwCfgSetupSize, &setup_size));
    SEALVM_FW_TRY(fw_cfg_.ReadNumber(kFwCfgKernelSize, &kernel_size));
    if (kernel_size == 0) return Failure::kNoKernel;
    if (setup_size < kHeaderRoomEnd || setup_size > SCRATCH_SIZE) return Failure::kKernelHeader;
    SEALVM_FW_TRY(fw_cfg_.Read(kFwCfgSetupData, setup_size, SCRATCH));
    SEALVM_FW_TRY(ParseSetupHeader(memory_.At(SCRATCH), setup_size, &header_));
    if (header_.setup_size != setup_size) return Failure::kKernelSize;

    loader::Sha256 hash(engine_);
    if (hashes_) hash.Update(memory_.At(SCRATCH), setup_size);
    memory_.Zero(BOOT_PARAMS, kSmallPage);
    memory_.Copy(BOOT_PARAMS + kSetupSectors, SCRATCH + kSetupSectors, header_.header_size);

    uint64_t address = 0;
    if (kernel_size <= kEntry64 || !Place(kernel_size, &address)) return Failure::kKernelSize;
    SEALVM_FW_TRY(fw_cfg_.Read(kFwCfgKernelData, kernel_size, address));
    *entry = address + kEntry64;
    if (!hashes_) return Failure::kNone;
    hash.Update(memory_.At(address), kernel_size);
    return Compare(hash, hashes_->kernel, Failure::kKernelMismatch);
  }

  bool Place(uint32_t kernel_size, uint64_t* address) {
    const uint64_t size = std::max(kernel_size, header_.init_size);
    if (ram_.TakeAt(header_.preferred_address, size)) {
      *address = header_.preferred_address;
      return true;
    }
    return header_.relocatable && ram_.TakeBottom(size, header_.alignment, address);
  }

  Failure LoadCmdline() {
    uint32_t size = 0;
    SEALVM_FW_TRY(fw_cfg_.ReadNumber(kFwCfgCmdlineSize, &size));
    if (size > CMDLINE_SIZE) return Failure::kCmdlineSize;
    // None is the empty one.
    memory_.Store<uint8_t>(CMDLINE, 0);
    SEALVM_FW_TRY(fw_cfg_.Read(kFwCfgCmdlineData, size, CMDLINE));
    size = std::max<uint32_t>(size, 1);
    if (*memory_.At(CMDLINE + size - 1) != 0 || size - 1 > header_.cmdline_size) {
      return Failure::kCmdlineSize;
    }
    return Check({.base = CMDLINE, .size = size}, hashes_ ? &hashes_->cmdline : nullptr,
                 Failure::kCmdlineMismatch);
  }

  Failure LoadInitrd(Range* initrd) {
    uint32_t size = 0;
    SEALVM_FW_TRY(fw_cfg_.ReadNumber(kFwCfgInitrdSize, &size));
    initrd->size = size;
    if (size != 0) {
      const uint64_t limit = std::min(header_.initrd_max + 1, kFourGiB);
      if (!ram_.TakeTop(size, limit, &initrd->base)) return Failure::kInitrdSize;
      SEALVM_FW_TRY(fw_cfg_.Read(kFwCfgInitrdData, size, initrd->base));
    }
    return Check(*initrd, hashes_ ? &hashes_->initrd : nullptr, Failure::kInitrdMismatch);
  }

  // Hashes what has arrived, never what the host holds.
  Failure Check(const Range& range, const loader::Sha256Digest* expected, Failure mismatch) {
    if (expected == nullptr) return Failure::kNone;
    loader::Sha256 hash(engine_);
    hash.Update(memory_.At(range.base), range.size);
    return Compare(hash, *expected, mismatch);
  }

  FwCfg& fw_cfg_;
  const GuestMemory memory_;
  RamMap& ram_;
  const loader::Sha256Engine engine_;
  const KernelHashes* const hashes_;
  SetupHeader header_;
};

}  // namespace

Failure ParseSetupHeader(const uint8_t* setup, uint32_t size, SetupHeader* header) {
  if (size < kHeaderRoomEnd || At<uint16_t>(setup, kBootFlag) != kBootFlagValue ||
      At<uint32_t>(setup, kMagic) != kMagicValue ||
      At<uint16_t>(setup, kVersion) < kOldestVersion ||
      (At<uint8_t>(setup, kLoadFlags) & kLoadedHigh) == 0 ||
      (At<uint16_t>(setup, kXLoadFlags) & kKernel64) == 0) {
    return Failure::kKernelHeader;
  }
  const uint32_t header_end = kMagic + At<uint8_t>(setup, kJumpDistance);
  if (header_end < kHeaderEnd212) return Failure::kKernelHeader;
  const uint32_t sectors = At<uint8_t>(setup, kSetupSectors);
  *header = {.setup_size = ((sectors == 0 ? kDefaultSetupSectors : sectors) + 1) * kSectorSize,
             .header_size = std::min(header_end, kHeaderRoomEnd) - kSetupSectors,
             .relocatable = At<uint8_t>(setup, kRelocatable) != 0,
             .alignment = At<uint32_t>(setup, kAlignment),
             .preferred_address = At<uint64_t>(setup, kPreferredAddress),
             .init_size = At<uint32_t>(setup, kInitSize),
             .cmdline_size = At<uint32_t>(setup, kCmdlineSize),
             .initrd_max = At<uint32_t>(setup, kInitrdMax)};
  const bool power_of_two = (header->alignment & (header->alignment - 1)) == 0;
  if (header->alignment < kSmallPage || !power_of_two ||
      header->preferred_address % kSmallPage != 0) {
    return Failure::kKernelHeader;
  }
  return Failure::kNone;
}

Failure LoadKernel(FwCfg& fw_cfg, const GuestMemory& memory, RamMap& ram,
                   loader::Sha256Engine engine, const KernelHashes* hashes, LoadedKernel* loaded) {
  return KernelLoader(fw_cfg, memory, ram, engine, hashes).Load(loaded);
}

}  // namespace sealvm::measured
