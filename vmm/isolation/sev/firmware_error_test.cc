// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/firmware_error.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/psp-sev.h>

#include <algorithm>

namespace sealvm::sev {
namespace {

using ::testing::HasSubstr;

TEST(FirmwareStatusTest, NumbersAreThoseOfLinux) {
  const std::pair<uint32_t, std::string_view> expected[] = {
      {SEV_RET_SUCCESS, "SUCCESS"},
      {SEV_RET_INVALID_PLATFORM_STATE, "INVALID_PLATFORM_STATE"},
      {SEV_RET_INVALID_GUEST_STATE, "INVALID_GUEST_STATE"},
      {SEV_RET_INVALID_CONFIG, "INVALID_CONFIG"},
      {SEV_RET_INVALID_LEN, "INVALID_LENGTH"},
      {SEV_RET_ALREADY_OWNED, "ALREADY_OWNED"},
      {SEV_RET_INVALID_CERTIFICATE, "INVALID_CERTIFICATE"},
      {SEV_RET_POLICY_FAILURE, "POLICY_FAILURE"},
      {SEV_RET_INACTIVE, "INACTIVE"},
      {SEV_RET_INVALID_ADDRESS, "INVALID_ADDRESS"},
      {SEV_RET_BAD_SIGNATURE, "BAD_SIGNATURE"},
      {SEV_RET_BAD_MEASUREMENT, "BAD_MEASUREMENT"},
      {SEV_RET_ASID_OWNED, "ASID_OWNED"},
      {SEV_RET_INVALID_ASID, "INVALID_ASID"},
      {SEV_RET_WBINVD_REQUIRED, "WBINVD_REQUIRED"},
      {SEV_RET_DFFLUSH_REQUIRED, "DFFLUSH_REQUIRED"},
      {SEV_RET_INVALID_GUEST, "INVALID_GUEST"},
      {SEV_RET_INVALID_COMMAND, "INVALID_COMMAND"},
      {SEV_RET_ACTIVE, "ACTIVE"},
      {SEV_RET_HWSEV_RET_PLATFORM, "HWERROR_PLATFORM"},
      {SEV_RET_HWSEV_RET_UNSAFE, "HWERROR_UNSAFE"},
      {SEV_RET_UNSUPPORTED, "UNSUPPORTED"},
      {SEV_RET_INVALID_PARAM, "INVALID_PARAM"},
      {SEV_RET_RESOURCE_LIMIT, "RESOURCE_LIMIT"},
      {SEV_RET_SECURE_DATA_INVALID, "SECURE_DATA_INVALID"},
      {SEV_RET_INVALID_PAGE_SIZE, "INVALID_PAGE_SIZE"},
      {SEV_RET_INVALID_PAGE_STATE, "INVALID_PAGE_STATE"},
      {SEV_RET_INVALID_MDATA_ENTRY, "INVALID_MDATA_ENTRY"},
      {SEV_RET_INVALID_PAGE_OWNER, "INVALID_PAGE_OWNER"},
      {SEV_RET_AEAD_OFLOW, "AEAD_OFLOW"},
      {SEV_RET_EXIT_RING_BUFFER, "EXIT_RING_BUFFER"},
      {SEV_RET_RMP_INIT_REQUIRED, "RMP_INIT_REQUIRED"},
      {SEV_RET_BAD_SVN, "BAD_SVN"},
      {SEV_RET_BAD_VERSION, "BAD_VERSION"},
      {SEV_RET_SHUTDOWN_REQUIRED, "SHUTDOWN_REQUIRED"},
      {SEV_RET_UPDATE_FAILED, "UPDATE_FAILED"},
      {SEV_RET_RESTORE_REQUIRED, "RESTORE_REQUIRED"},
      {SEV_RET_RMP_INITIALIZATION_FAILED, "RMP_INITIALIZATION_FAILED"},
      {SEV_RET_INVALID_KEY, "INVALID_KEY"},
      {SEV_RET_SHUTDOWN_INCOMPLETE, "SHUTDOWN_INCOMPLETE"},
      {SEV_RET_INCORRECT_BUFFER_LENGTH, "INCORRECT_BUFFER_LENGTH"},
      {SEV_RET_EXPAND_BUFFER_LENGTH_REQUEST, "EXPAND_BUFFER_LENGTH_REQUEST"},
      {SEV_RET_SPDM_REQUEST, "SPDM_REQUEST"},
      {SEV_RET_SPDM_ERROR, "SPDM_ERROR"},
      {SEV_RET_SEV_STATUS_ERR_IN_DEV_CONN, "ERR_IN_DEV_CONN"},
      {SEV_RET_SEV_STATUS_INVALID_DEV_CTX, "INVALID_DEV_CTX"},
      {SEV_RET_SEV_STATUS_INVALID_TDI_CTX, "INVALID_TDI_CTX"},
      {SEV_RET_SEV_STATUS_INVALID_TDI, "INVALID_TDI"},
      {SEV_RET_SEV_STATUS_RECLAIM_REQUIRED, "RECLAIM_REQUIRED"},
      {SEV_RET_IN_USE, "IN_USE"},
      {SEV_RET_SEV_STATUS_INVALID_DEV_STATE, "INVALID_DEV_STATE"},
      {SEV_RET_SEV_STATUS_INVALID_TDI_STATE, "INVALID_TDI_STATE"},
      {SEV_RET_SEV_STATUS_DEV_CERT_CHANGED, "DEV_CERT_CHANGED"},
      {SEV_RET_SEV_STATUS_RESYNC_REQ, "RESYNC_REQ"},
      {SEV_RET_SEV_STATUS_RESPONSE_TOO_LARGE, "RESPONSE_TOO_LARGE"},
      {static_cast<uint32_t>(SEV_RET_NO_FW_CALL), "NO_FW_CALL"},
  };
  EXPECT_EQ(FirmwareStatuses().size(), std::size(expected));
  for (const auto& [code, name] : expected) {
    const FirmwareStatus* status = FindFirmwareStatus(code);
    ASSERT_NE(status, nullptr) << name;
    EXPECT_EQ(status->name, name);
    EXPECT_FALSE(status->meaning.empty());
    EXPECT_TRUE(code == 0 || !status->advice.empty()) << name;
  }
}

TEST(FirmwareStatusTest, UnknownCodes) {
  for (const uint32_t code : {0x1eu, 0x29u, 0x34u, 0x40u, 0xfffffffeu}) {
    EXPECT_EQ(FindFirmwareStatus(code), nullptr) << code;
  }
  EXPECT_EQ(DescribeFirmwareStatus(0x1e), "unknown status (0x1e)");
}

TEST(FirmwareErrorTest, NameMeaningAndAdvice) {
  const Error error = FirmwareError("KVM_SEV_SNP_LAUNCH_START", 7, EIO).error();
  EXPECT_EQ(error.kind, ErrorKind::kHost);
  EXPECT_EQ(error.os_error, EIO);
  EXPECT_THAT(error.message,
              HasSubstr("KVM_SEV_SNP_LAUNCH_START: firmware error POLICY_FAILURE (0x7): "));
  EXPECT_THAT(error.hint, HasSubstr("--policy"));
}

TEST(FirmwareErrorTest, WithoutCodeItIsKvms) {
  EXPECT_THAT(FirmwareError("KVM_SEV_INIT2", 0, EINVAL).error().message,
              HasSubstr("ioctl(KVM_SEV_INIT2): Invalid argument"));
}

}  // namespace
}  // namespace sealvm::sev
