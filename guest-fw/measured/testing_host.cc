// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/testing_host.h"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>

#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/page_tables.h"

namespace sealvm::measured {
namespace {

constexpr uint64_t kAddressMask = 0x000ffffffffff000;

void AppendBe(std::vector<uint8_t>& bytes, uint64_t value, unsigned width) {
  for (unsigned i = width; i-- > 0;) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
}

}  // namespace

TestMemory::TestMemory()
    : base_(mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
  EXPECT_NE(base_, MAP_FAILED);
}

TestMemory::~TestMemory() { munmap(base_, kSize); }

std::vector<uint8_t> TestMemory::Bytes(uint64_t address, uint64_t size) const {
  const uint8_t* at = guest().At(address);
  return {at, at + size};
}

void TestMemory::Write(uint64_t address, const std::vector<uint8_t>& bytes) const {
  std::ranges::copy(bytes, guest().At(address));
}

void TestFwCfg::AddFile(const std::string& name, std::vector<uint8_t> bytes) {
  const auto key = static_cast<uint16_t>(0x20 + files.size());
  files[name] = key;
  items[key] = std::move(bytes);
}

void TestFwCfg::AddNumber(uint16_t key, uint32_t value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  items[key].assign(bytes, bytes + sizeof(value));
}

std::vector<uint8_t> TestFwCfg::Directory() const {
  std::vector<uint8_t> bytes;
  AppendBe(bytes, false_file_count.value_or(files.size()), 4);
  for (const auto& [name, key] : files) {
    const auto lie = false_sizes.find(name);
    AppendBe(bytes, lie != false_sizes.end() ? lie->second : items.at(key).size(), 4);
    AppendBe(bytes, key, 2);
    AppendBe(bytes, 0, 2);
    bytes.insert(bytes.end(), name.begin(), name.end());
    bytes.resize(bytes.size() + 56 - name.size());
  }
  return bytes;
}

uint32_t TestHost::In(uint16_t port, unsigned width) {
  if (before_io) before_io();
  // The DMA register's first half.
  if (port == 0x514 && width == 4 && fw_cfg.present) return 0x554d4551;
  return ~uint32_t{0} >> (32 - 8 * width);
}

void TestHost::Out(uint16_t port, unsigned width, uint32_t value) {
  if (before_io) before_io();
  if (port == 0x3f8) console.push_back(static_cast<char>(value));
  if (port == PVPANIC_PORT) pvpanic.push_back(static_cast<uint8_t>(value));
  if (!fw_cfg.present || width != 4) return;
  if (port == 0x514) dma_high_ = __builtin_bswap32(value);
  if (port == 0x518) RunDma(uint64_t{dma_high_} << 32 | __builtin_bswap32(value));
}

bool TestHost::IsShared(uint64_t address) const {
  return kind_ == Kind::kNone || shared.contains(address / kSmallPage);
}

void TestHost::RunDma(uint64_t block) {
  const GuestMemory guest = memory_.guest();
  EXPECT_TRUE(IsShared(block)) << "the control block is private";
  const uint32_t control = __builtin_bswap32(guest.Load<uint32_t>(block));
  const uint32_t length = __builtin_bswap32(guest.Load<uint32_t>(block + 4));
  const uint64_t address = __builtin_bswap64(guest.Load<uint64_t>(block + 8));
  if (fw_cfg.fails) return guest.Store<uint32_t>(block, __builtin_bswap32(1));
  if ((control & 8) != 0) {
    selected_ = static_cast<uint16_t>(control >> 16);
    offset_ = 0;
  }
  std::vector<uint8_t> item;
  if (selected_ == 0x19) {
    item = fw_cfg.Directory();
  } else if (fw_cfg.items.contains(selected_)) {
    item = fw_cfg.items.at(selected_);
  }
  ASSERT_GE(address, uint64_t{SHARED_BASE});
  ASSERT_LE(address + length, uint64_t{SHARED_END});
  for (uint32_t i = 0; i < length; ++i, ++offset_) {
    EXPECT_TRUE(IsShared(address + i)) << "DMA into private memory";
    *guest.At(address + i) = offset_ < item.size() ? item[offset_] : 0;
  }
  guest.Store<uint32_t>(block, 0);
}

CpuidResult TestHost::Cpuid(uint32_t leaf, uint32_t) {
  EXPECT_NE(kind_, Kind::kSnp) << "CPUID would not come back";
  return cpuid[leaf];
}

uint64_t TestHost::ReadMsr(uint32_t msr) {
  EXPECT_EQ(msr, 0xc0010130u);
  return msr_;
}

void TestHost::WriteMsr(uint32_t msr, uint64_t value) {
  EXPECT_EQ(msr, 0xc0010130u);
  msr_ = value;
}

void TestHost::Vmgexit() {
  ASSERT_EQ(kind_, Kind::kSnp);
  if (false_msr_answer) {
    msr_ = *std::exchange(false_msr_answer, std::nullopt);
    return;
  }
  const uint64_t frame = msr_ & kAddressMask;
  switch (msr_ & 0xfff) {
    case 0x000:
      EXPECT_EQ(msr_, registered) << "not the GHCB that was registered";
      return CallGhcb(msr_);
    case 0x002:
      msr_ = sev_info;
      return;
    case 0x012:
      EXPECT_TRUE(IsShared(frame)) << "the GHCB is private";
      registered = frame;
      msr_ = frame | 0x013;
      return;
    case 0x014:
      if ((msr_ >> 52 & 0xf) == 1) {
        shared.erase(frame / kSmallPage);
      } else {
        EXPECT_FALSE(validated.contains(frame / kSmallPage)) << "shared, but validated";
        shared.insert(frame / kSmallPage);
      }
      msr_ = 0x015;
      return;
    case 0x080:
      msr_ = features;
      return;
    case 0x100:
      terminated = msr_;
      return;
    default:
      FAIL() << "unknown request " << msr_;
  }
}

void TestHost::CallGhcb(uint64_t page) {
  const GuestMemory guest = memory_.guest();
  EXPECT_TRUE(IsShared(page));
  EXPECT_EQ(guest.Load<uint16_t>(page + 0xffa), 2);
  const auto valid = [&](uint64_t offset) {
    return (*guest.At(page + 0x3f0 + offset / 64) >> offset / 8 % 8 & 1) != 0;
  };
  EXPECT_TRUE(valid(0x390) && valid(0x398) && valid(0x3a0));
  const auto code = guest.Load<uint64_t>(page + 0x390);
  const auto info = guest.Load<uint64_t>(page + 0x398);
  guest.Store<uint64_t>(page + 0x398, io_error);
  if (io_error != 0) return;
  if (code == 0x7b) {
    EXPECT_TRUE(valid(0x1f8));
    const auto port = static_cast<uint16_t>(info >> 16);
    const auto width = static_cast<unsigned>(info >> 4 & 7);
    if ((info & 1) != 0) {
      // What is above the width is the host's to fill.
      guest.Store<uint64_t>(page + 0x1f8, In(port, width) | 0xdead000000000000);
    } else {
      Out(port, width, guest.Load<uint32_t>(page + 0x1f8));
    }
  } else if (code == 0x80000010) {
    EXPECT_TRUE(valid(0x3a8));
    uint64_t result = 0;
    const auto buffer = guest.Load<uint64_t>(page + 0x3a8);
    ASSERT_EQ(buffer, page + 0x800);
    ChangeStates(buffer, &result);
    if (on_page_state) on_page_state(buffer, &result);
    guest.Store<uint64_t>(page + 0x3a0, result);
  } else {
    FAIL() << "unknown exit " << code;
  }
}

void TestHost::ChangeStates(uint64_t buffer, uint64_t*) {
  const GuestMemory guest = memory_.guest();
  const auto first = guest.Load<uint16_t>(buffer);
  const auto last = guest.Load<uint16_t>(buffer + 2);
  ASSERT_LE(last, 252);
  uint64_t next = first;
  for (; next <= last && next - first < psc_step; ++next) {
    const auto entry = guest.Load<uint64_t>(buffer + 8 + next * 8);
    const bool large = (entry >> 56 & 1) != 0;
    const uint64_t page = (entry & kAddressMask) / kSmallPage;
    if ((entry >> 52 & 0xf) == 1) {
      large ? shared.EraseLarge(page) : shared.erase(page);
    } else {
      large ? shared.InsertLarge(page) : shared.insert(page);
    }
  }
  guest.Store<uint16_t>(buffer, static_cast<uint16_t>(next));
}

// Follows the tables where they are not the identity.
uint64_t TestHost::PhysicalOf(uint64_t address) const {
  if (address < kFourGiB) return address;
  const uint64_t entry = memory_.guest().Load<uint64_t>(
      PAGE_TABLES + HIGH_PD + (address - PageTables::kHighWindow) / kLargePage * 8);
  EXPECT_EQ(entry >> 51 & 1, kind_ == Kind::kSnp ? 1u : 0u) << "mapped as shared";
  return (entry & 0x0007ffffffe00000) + address % kLargePage;
}

PvalidateResult TestHost::Pvalidate(uint64_t address, bool large, bool validate) {
  EXPECT_TRUE(validate);
  if (pvalidate_status) return {.status = *pvalidate_status};
  const uint64_t gpa = PhysicalOf(address);
  EXPECT_EQ(gpa % (large ? kLargePage : kSmallPage), 0u);
  if (large && small_backing.contains(gpa / kLargePage)) {
    return {.status = PvalidateResult::kSizeMismatch};
  }
  const uint64_t page = gpa / kSmallPage;
  EXPECT_FALSE(shared.contains(page)) << "validated while shared";
  if (validated.contains(page)) return {.unchanged = true};
  large ? validated.InsertLarge(page) : validated.insert(page);
  large_pages += large;
  return {};
}

void TestHost::EvictPage(uint64_t address) {
  EXPECT_TRUE(validated.contains(PhysicalOf(address) / kSmallPage));
}

void TestHost::Tdcall(TdcallRegisters& registers) {
  ASSERT_EQ(kind_, Kind::kTdx);
  switch (registers.rax) {
    case 0:
      return Vmcall(registers);
    case 1:
      registers = {.rcx = gpaw};
      return;
    case 6:
      return Accept(registers);
    default:
      FAIL() << "unknown leaf " << registers.rax;
  }
}

void TestHost::Accept(TdcallRegisters& registers) {
  const uint64_t gpa = registers.rcx & kAddressMask;
  const bool large = (registers.rcx & 7) == 1;
  const uint64_t page = gpa / kSmallPage;
  registers.rax = accept_status;
  if (accept_status != 0) return;
  if (large && small_backing.contains(gpa / kLargePage)) {
    registers.rax = 0xc0000b0b00000001;
    return;
  }
  EXPECT_EQ(gpa % (large ? kLargePage : kSmallPage), 0u);
  EXPECT_FALSE(shared.contains(page)) << "accepted while shared";
  if (accepted.contains(page)) {
    registers.rax = 0x00000b0a00000000;
    return;
  }
  large ? accepted.InsertLarge(page) : accepted.insert(page);
  large_pages += large;
}

void TestHost::Vmcall(TdcallRegisters& registers) {
  EXPECT_EQ(registers.r10, 0u);
  EXPECT_EQ(registers.rcx & 0xfc00, 0xfc00u);
  if (registers.r11 == 0x10003) {
    fatal = registers;
    return;
  }
  registers.r10 = vmcall_status;
  if (vmcall_status != 0) return;
  const uint64_t bit = uint64_t{1} << (gpaw - 1);
  switch (registers.r11) {
    case 30:
      if (registers.r13 == 0) {
        registers.r11 =
            In(static_cast<uint16_t>(registers.r14), static_cast<unsigned>(registers.r12)) |
            0xdead000000000000;
      } else {
        Out(static_cast<uint16_t>(registers.r14), static_cast<unsigned>(registers.r12),
            static_cast<uint32_t>(registers.r15));
      }
      return;
    case 0x10001: {
      const bool to_shared = (registers.r12 & bit) != 0;
      const uint64_t first = (registers.r12 & ~bit) / kSmallPage;
      const uint64_t count = registers.r13 / kSmallPage;
      const uint64_t done = std::min(count, map_gpa_pages);
      for (uint64_t i = 0; i < done; ++i) {
        if (to_shared) {
          shared.insert(first + i);
          accepted.erase(first + i);
        } else {
          shared.erase(first + i);
        }
      }
      if (done == count) return;
      registers.r10 = 1;
      registers.r11 = false_next.value_or((first + done) * kSmallPage | (to_shared ? bit : 0));
      return;
    }
    default:
      FAIL() << "unknown call " << registers.r11;
  }
}

}  // namespace sealvm::measured
