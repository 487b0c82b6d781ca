// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/acpi.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace sealvm::diag {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kRsdp = 0x100;
constexpr uint64_t kXsdt = 0x200;
constexpr uint64_t kMadt = 0x400;
constexpr uint64_t kFadt = 0x800;
constexpr uint64_t kDsdt = 0xa00;

const Bytes kS5Package = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x0a, 0x05, 0x00};

// A machine with a good set of tables that each test spoils in one place. Writing a field makes the
// table's checksum right again, so what is tested is the field.
class AcpiTest : public testing::Test {
 protected:
  AcpiTest() {
    PutTable(kXsdt, "XSDT", 36 + 16);
    Put<uint64_t>(kXsdt + 36, kFadt);
    Put<uint64_t>(kXsdt + 44, kMadt);
    PutMadt({{0, 8, 0, 0, 1, 0, 0, 0}, {0, 8, 1, 1, 1, 0, 0, 0}});
    PutTable(kFadt, "FACP", 276);
    Put<uint32_t>(kFadt + 112, 1 << 20);
    PutRegister(kFadt + 116, 1, 0x602);
    PutRegister(kFadt + 244, 1, 0x600);
    Put<uint64_t>(kFadt + 140, kDsdt);
    PutDsdt(kS5Package);
    PutBytes(kRsdp, {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ', 0, 'T', 'E', 'S', 'T', ' ', ' ', 2});
    Put<uint32_t>(kRsdp + 20, 36);
    Put<uint64_t>(kRsdp + 24, kXsdt);
  }

  template <typename T>
  void Put(uint64_t address, T value) {
    memcpy(&ram_[address], &value, sizeof(T));
  }
  void PutBytes(uint64_t address, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), ram_.begin() + static_cast<ptrdiff_t>(address));
  }
  void PutRegister(uint64_t address, uint8_t space, uint64_t value) {
    Put<uint8_t>(address, space);
    Put<uint64_t>(address + 4, value);
  }
  void PutTable(uint64_t address, std::string_view signature, uint32_t length) {
    PutBytes(address, Bytes(signature.begin(), signature.end()));
    Put<uint32_t>(address + 4, length);
  }
  void PutMadt(const std::vector<Bytes>& entries) {
    uint64_t next = kMadt + 44;
    for (const Bytes& entry : entries) {
      PutBytes(next, entry);
      next += entry.size();
    }
    PutTable(kMadt, "APIC", static_cast<uint32_t>(next - kMadt));
  }
  void PutDsdt(const Bytes& aml) {
    PutTable(kDsdt, "DSDT", static_cast<uint32_t>(36 + aml.size()));
    PutBytes(kDsdt + 36, aml);
  }
  void FixChecksum(uint64_t start, uint64_t size, uint64_t checksum) {
    ram_[checksum] = 0;
    uint8_t sum = 0;
    for (uint64_t i = 0; i < size; ++i) {
      sum = static_cast<uint8_t>(sum + ram_[start + i]);
    }
    ram_[checksum] = static_cast<uint8_t>(-sum);
  }
  std::string_view LoadAsIs() {
    return info_.Load(PhysicalMemory(reinterpret_cast<uintptr_t>(ram_.data()), ram_.size()), kRsdp);
  }
  std::string_view Load() {
    for (const uint64_t table : {kXsdt, kMadt, kFadt, kDsdt}) {
      uint32_t length = 0;
      memcpy(&length, &ram_[table + 4], 4);
      if (length <= ram_.size() - table) {
        FixChecksum(table, length, table + 9);
      }
    }
    FixChecksum(kRsdp, 20, kRsdp + 8);
    FixChecksum(kRsdp, 36, kRsdp + 32);
    return LoadAsIs();
  }

  Bytes ram_ = Bytes(0x1000);
  AcpiInfo info_;
};

TEST_F(AcpiTest, ReadsAHardwareReducedMachine) {
  ASSERT_EQ(Load(), "");
  EXPECT_EQ(std::vector<uint32_t>(info_.apic_ids().begin(), info_.apic_ids().end()),
            (std::vector<uint32_t>{0, 1}));
  EXPECT_TRUE(info_.hardware_reduced());
  EXPECT_EQ(info_.sleep_control(), (AcpiRegister{AcpiRegister::Space::kIo, 0x600}));
  EXPECT_EQ(info_.reset(), (AcpiRegister{AcpiRegister::Space::kIo, 0x602}));
  EXPECT_EQ(info_.s5_sleep_type(), 5);
}

TEST_F(AcpiTest, ReadsAMachineWithFixedHardware) {
  Put<uint32_t>(kFadt + 112, 0);
  Put<uint32_t>(kFadt + 64, 0x604);
  ASSERT_EQ(Load(), "");
  EXPECT_FALSE(info_.hardware_reduced());
  EXPECT_EQ(info_.sleep_control(), (AcpiRegister{AcpiRegister::Space::kIo, 0x604}));
}

TEST_F(AcpiTest, TakesTheOldDsdtFieldWhenTheNewOneIsZero) {
  Put<uint64_t>(kFadt + 140, 0);
  Put<uint32_t>(kFadt + 40, kDsdt);
  EXPECT_EQ(Load(), "");
}

TEST_F(AcpiTest, CountsX2apicEntriesAndNoDisabledOnes) {
  PutMadt({{0, 8, 0, 0, 1, 0, 0, 0},
           {0, 8, 1, 1, 2, 0, 0, 0},
           {1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0},
           {9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}});
  ASSERT_EQ(Load(), "");
  EXPECT_EQ(std::vector<uint32_t>(info_.apic_ids().begin(), info_.apic_ids().end()),
            (std::vector<uint32_t>{0, 0x1234}));
}

TEST_F(AcpiTest, EveryChecksumIsVerified) {
  for (const uint64_t byte :
       {kRsdp + 10, kRsdp + 33, kXsdt + 10, kMadt + 10, kFadt + 10, kDsdt + 10}) {
    ASSERT_EQ(Load(), "");
    ram_[byte] ^= 0x40;
    EXPECT_NE(LoadAsIs(), "") << byte;
    ram_[byte] ^= 0x40;
  }
}

TEST_F(AcpiTest, SaysWhenThereIsNoRsdp) {
  EXPECT_EQ(info_.Load(PhysicalMemory(reinterpret_cast<uintptr_t>(ram_.data()), ram_.size()), 0),
            "boot_params has no RSDP address");
}

TEST_F(AcpiTest, RefusesAnRsdpOfVersion1) {
  Put<uint32_t>(kRsdp + 20, 20);
  EXPECT_EQ(Load(), "RSDP is not valid");
}

TEST_F(AcpiTest, RefusesAddressesOutsideMemory) {
  Put<uint64_t>(kRsdp + 24, UINT64_MAX - 2);
  EXPECT_EQ(Load(), "XSDT is not valid");
  Put<uint64_t>(kRsdp + 24, kXsdt);
  Put<uint64_t>(kXsdt + 44, ram_.size() - 8);
  EXPECT_EQ(Load(), "a table listed in the XSDT is not valid");
}

TEST_F(AcpiTest, RefusesLengthsThatCannotBe) {
  for (const uint32_t length : {0u, 35u, 0x1000u, UINT32_MAX}) {
    Put<uint32_t>(kXsdt + 4, length);
    EXPECT_EQ(Load(), "XSDT is not valid") << length;
  }
}

TEST_F(AcpiTest, RefusesTheWrongKindOfTable) {
  PutBytes(kXsdt, {'R', 'S', 'D', 'T'});
  EXPECT_EQ(Load(), "XSDT is not valid");
}

TEST_F(AcpiTest, NamesTheTableThatIsMissing) {
  PutBytes(kMadt, {'M', 'I', 'S', 'S'});
  EXPECT_EQ(Load(), "there is no MADT");
  PutBytes(kMadt, {'A', 'P', 'I', 'C'});
  PutBytes(kFadt, {'M', 'I', 'S', 'S'});
  EXPECT_EQ(Load(), "there is no FADT");
}

TEST_F(AcpiTest, RefusesMadtEntriesThatDoNotAdvanceOrRunOver) {
  for (const uint8_t length : {0, 1, 200}) {
    PutMadt({{0, 8, 0, 0, 1, 0, 0, 0}, {0, length, 0, 0, 0, 0, 0, 0}});
    EXPECT_EQ(Load(), "MADT has an entry of a wrong length") << int{length};
  }
}

TEST_F(AcpiTest, RefusesAMadtWithoutProcessors) {
  PutMadt({});
  EXPECT_EQ(Load(), "MADT lists no processor");
}

TEST_F(AcpiTest, RefusesAFadtWithoutSleepControl) {
  PutRegister(kFadt + 244, 1, 0);
  EXPECT_EQ(Load(), "FADT names no sleep control register");
}

TEST_F(AcpiTest, RefusesAFadtOfOldVersions) {
  Put<uint32_t>(kFadt + 4, 244);
  EXPECT_EQ(Load(), "FADT is older than ACPI 5");
}

struct S5Case {
  Bytes aml;
  std::string_view error;
  int type;
};
class S5Test : public AcpiTest, public testing::WithParamInterface<S5Case> {};

TEST_P(S5Test, IsReadFromTheDsdt) {
  PutDsdt(GetParam().aml);
  EXPECT_EQ(Load(), GetParam().error);
  if (GetParam().error.empty()) {
    EXPECT_EQ(info_.s5_sleep_type(), GetParam().type);
  }
}

constexpr std::string_view kNoS5 = "DSDT has no \\_S5";

INSTANTIATE_TEST_SUITE_P(
    Encodings, S5Test,
    testing::Values(S5Case{{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 7, 0}, "", 7},
                    S5Case{{0x08, '\\', '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 3, 0}, "", 3},
                    S5Case{{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0x00, 0x00}, "", 0},
                    S5Case{{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0x01, 0x00}, "", 1},
                    // A PkgLength of two bytes.
                    S5Case{{0x08, '_', 'S', '5', '_', 0x12, 0x46, 0x00, 2, 0x0a, 5, 0}, "", 5},
                    // The name without NameOp before it is not the object's definition.
                    S5Case{{0x00, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 7, 0}, kNoS5, 0},
                    S5Case{{0x08, '_', 'S', '4', '_', 0x12, 6, 2, 0x0a, 7, 0}, kNoS5, 0},
                    // Not a package; cut off at different places.
                    S5Case{{0x08, '_', 'S', '5', '_', 0x0a, 5, 0, 0}, kNoS5, 0},
                    S5Case{{0x08, '_', 'S', '5', '_'}, kNoS5, 0},
                    S5Case{{0x08, '_', 'S', '5', '_', 0x12}, kNoS5, 0},
                    S5Case{{0x08, '_', 'S', '5', '_', 0x12, 0xc6}, kNoS5, 0},
                    S5Case{{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a}, kNoS5, 0},
                    S5Case{{}, kNoS5, 0}));

}  // namespace
}  // namespace sealvm::diag
