// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/td_report.h"

#include <fmt/format.h>

#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

// REPORTMACSTRUCT, 256 bytes.
constexpr size_t kType = 0;
constexpr size_t kSubtype = 1;
constexpr size_t kVersion = 2;
constexpr size_t kCpuSvn = 16;
constexpr size_t kTcbInfoHash = 32;
constexpr size_t kTdInfoHash = 80;
constexpr size_t kReportData = 128;

// TEE_TCB_INFO: 239 bytes, 17 reserved ones behind it.
constexpr size_t kTcbInfo = 256;
constexpr size_t kTcbInfoSize = 239;
constexpr size_t kTeeTcbSvn = kTcbInfo + 8;
constexpr size_t kMrSeam = kTcbInfo + 24;
constexpr size_t kMrSignerSeam = kTcbInfo + 72;
constexpr size_t kSeamAttributes = kTcbInfo + 120;
constexpr size_t kTeeTcbSvn2 = kTcbInfo + 128;

// TDINFO_STRUCT.
constexpr size_t kTdInfo = 512;
constexpr size_t kTdInfoSize = 512;
constexpr size_t kAttributes = kTdInfo;
constexpr size_t kXfam = kTdInfo + 8;
constexpr size_t kMrtd = kTdInfo + 16;
constexpr size_t kMrConfigId = kTdInfo + 64;
constexpr size_t kMrOwner = kTdInfo + 112;
constexpr size_t kMrOwnerConfig = kTdInfo + 160;
constexpr size_t kRtmr = kTdInfo + 208;
constexpr size_t kServtdHash = kTdInfo + 400;
constexpr size_t kDigestSize = 48;

}  // namespace

Result<TdReport> ParseTdReport(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() != kTdReportSize) {
    return InvalidInput(
        fmt::format("{}: a TDREPORT has {} bytes, this has {}", name, kTdReportSize, bytes.size()));
  }
  const FieldReader in(bytes);
  if (in.U8(kType) != kTdReportType) {
    return InvalidInput(fmt::format("{}: report of type {:#x}, not of a TD ({:#x})", name,
                                    in.U8(kType), kTdReportType));
  }
  TdReport report;
  report.subtype = in.U8(kSubtype);
  report.version = in.U8(kVersion);
  report.cpu_svn = in.Array<16>(kCpuSvn);
  report.tcb_info_hash_holds =
      Sha384Of(bytes.subspan(kTcbInfo, kTcbInfoSize)) == in.Array<48>(kTcbInfoHash);
  report.td_info_hash_holds =
      Sha384Of(bytes.subspan(kTdInfo, kTdInfoSize)) == in.Array<48>(kTdInfoHash);
  TdMeasurements& td = report.measurements;
  td.tee_tcb_svn = in.Array<16>(kTeeTcbSvn);
  td.mr_seam = in.Array<48>(kMrSeam);
  td.mr_signer_seam = in.Array<48>(kMrSignerSeam);
  td.seam_attributes = in.U64(kSeamAttributes);
  td.attributes = in.U64(kAttributes);
  td.xfam = in.U64(kXfam);
  td.mrtd = in.Array<48>(kMrtd);
  td.mr_config_id = in.Array<48>(kMrConfigId);
  td.mr_owner = in.Array<48>(kMrOwner);
  td.mr_owner_config = in.Array<48>(kMrOwnerConfig);
  for (size_t i = 0; i < kRtmrCount; ++i) td.rtmr[i] = in.Array<48>(kRtmr + i * kDigestSize);
  td.report_data = in.Array<64>(kReportData);
  td.tee_tcb_svn_2 = in.Array<16>(kTeeTcbSvn2);
  td.mr_service_td = in.Array<48>(kServtdHash);
  return report;
}

}  // namespace sealvm::attestation
