// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/aml.h"

#include <gtest/gtest.h>

#include "vmm/boot/acpi/aml_resources.h"

namespace sealvm::aml {
namespace {

// Expected bytes are written by hand after ACPI 6.5 chapter 20 and section 6.4.

TEST(Aml, NameOfOneSegmentIsPadded) { EXPECT_EQ(NamePath("GED"), (Bytes{'G', 'E', 'D', '_'})); }

TEST(Aml, NameOfTwoSegmentsHasADualPrefix) {
  EXPECT_EQ(NamePath("\\_SB.PWRB"), (Bytes{'\\', 0x2e, '_', 'S', 'B', '_', 'P', 'W', 'R', 'B'}));
}

TEST(Aml, NameOfThreeSegmentsHasAMultiPrefix) {
  EXPECT_EQ(NamePath("A.B.C"),
            (Bytes{0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_'}));
}

TEST(Aml, RootAloneIsANullName) { EXPECT_EQ(NamePath("\\"), (Bytes{'\\', 0})); }

TEST(Aml, IntegersTakeTheShortestForm) {
  EXPECT_EQ(Integer(0), (Bytes{0x00}));
  EXPECT_EQ(Integer(1), (Bytes{0x01}));
  EXPECT_EQ(Integer(2), (Bytes{0x0a, 2}));
  EXPECT_EQ(Integer(0xff), (Bytes{0x0a, 0xff}));
  EXPECT_EQ(Integer(0x100), (Bytes{0x0b, 0x00, 0x01}));
  EXPECT_EQ(Integer(0x10000), (Bytes{0x0c, 0, 0, 1, 0}));
  EXPECT_EQ(Integer(0x1'0000'0000), (Bytes{0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(Aml, StringIsTerminated) { EXPECT_EQ(String("AB"), (Bytes{0x0d, 'A', 'B', 0})); }

// The specification's own example: PNP0A03 is 0x030ad041.
TEST(Aml, EisaIdIsCompressed) {
  EXPECT_EQ(EisaId("PNP0A03"), (Bytes{0x0c, 0x41, 0xd0, 0x0a, 0x03}));
}

TEST(Aml, PackageLengthCountsItself) {
  EXPECT_EQ(PackageLength(0), (Bytes{1}));
  EXPECT_EQ(PackageLength(62), (Bytes{63}));
}

TEST(Aml, PackageLengthGrowsAtItsLimits) {
  EXPECT_EQ(PackageLength(63), (Bytes{0x41, 0x04}));             // 65 in all
  EXPECT_EQ(PackageLength(4093), (Bytes{0x4f, 0xff}));           // 4095
  EXPECT_EQ(PackageLength(4094), (Bytes{0x81, 0x00, 0x01}));     // 4097
  EXPECT_EQ(PackageLength(1048572), (Bytes{0x8f, 0xff, 0xff}));  // 2^20 - 1
  EXPECT_EQ(PackageLength(1048573), (Bytes{0xc1, 0, 0, 1}));     // 2^20 + 1
}

TEST(Aml, BufferStatesItsSize) {
  const Bytes bytes = {0xaa, 0xbb};
  EXPECT_EQ(Buffer(bytes), (Bytes{0x11, 5, 0x0a, 2, 0xaa, 0xbb}));
}

TEST(Aml, PackageCountsItsElements) {
  EXPECT_EQ(Package({Integer(5), Integer(0)}), (Bytes{0x12, 5, 2, 0x0a, 5, 0x00}));
}

TEST(Aml, ScopeAndDeviceWrapTheirTerms) {
  EXPECT_EQ(Scope("_SB", {Name("X", Integer(1))}),
            (Bytes{0x10, 11, '_', 'S', 'B', '_', 0x08, 'X', '_', '_', '_', 1}));
  EXPECT_EQ(Device("D", {}), (Bytes{0x5b, 0x82, 5, 'D', '_', '_', '_'}));
}

TEST(Aml, MethodIsSerialized) {
  EXPECT_EQ(Method("_EVT", 1, {}), (Bytes{0x14, 6, '_', 'E', 'V', 'T', 0x09}));
}

TEST(Aml, StatementsOfAMethod) {
  EXPECT_EQ(Store(NamePath("A"), Local(0)), (Bytes{0x70, 'A', '_', '_', '_', 0x60}));
  EXPECT_EQ(If(And(Local(0), Integer(1)), {Notify("P", 0x80)}),
            (Bytes{0xa0, 12, 0x7b, 0x60, 0x01, 0x00, 0x86, 'P', '_', '_', '_', 0x0a, 0x80}));
}

TEST(Aml, RegionAndField) {
  EXPECT_EQ(IoRegion("R", 0x603, 1),
            (Bytes{0x5b, 0x80, 'R', '_', '_', '_', 0x01, 0x0b, 0x03, 0x06, 0x01}));
  EXPECT_EQ(ByteField("R", "F"),
            (Bytes{0x5b, 0x81, 11, 'R', '_', '_', '_', 0x01, 'F', '_', '_', '_', 8}));
}

TEST(AmlResources, TemplateEndsWithATag) {
  EXPECT_EQ(ResourceTemplate({}), (Bytes{0x11, 5, 0x0a, 2, 0x79, 0}));
}

TEST(AmlResources, IoPortsAreFixed) {
  EXPECT_EQ(IoPorts(0x3f8, 8), (Bytes{0x47, 1, 0xf8, 0x03, 0xf8, 0x03, 1, 8}));
}

TEST(AmlResources, EdgeInterruptIsActiveHighAndExclusive) {
  EXPECT_EQ(EdgeInterrupt(4), (Bytes{0x89, 6, 0, 0x03, 1, 4, 0, 0, 0}));
}

TEST(AmlResources, BusNumberWindow) {
  EXPECT_EQ(BusNumberWindow(0, 256),
            (Bytes{0x88, 13, 0, 2, 0x0c, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 1}));
}

TEST(AmlResources, IoWindowOfAllPortsFits) {
  EXPECT_EQ(IoWindow(0, 0x10000), (Bytes{0x87, 23,   0,    1, 0x0c, 3, 0, 0, 0, 0, 0, 0, 0,
                                         0,    0xff, 0xff, 0, 0,    0, 0, 0, 0, 0, 0, 1, 0}));
}

TEST(AmlResources, MemoryWindowUpTo4GiBIs32BitsWide) {
  EXPECT_EQ(MemoryWindow(0xfffff000, 0x1000)[0], 0x87);
}

TEST(AmlResources, MemoryWindowPast4GiBIs64BitsWide) {
  const Bytes window = MemoryWindow(0xfffff000, 0x1001);
  EXPECT_EQ(window[0], 0x8a);
  EXPECT_EQ(window[1], 43);
  EXPECT_EQ(window.size(), 46u);
}

}  // namespace
}  // namespace sealvm::aml
