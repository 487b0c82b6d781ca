// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/td_quote.h"

#include <fmt/format.h>

#include "vmm/isolation/attestation/byte_cursor.h"
#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

constexpr size_t kHeaderSize = 48;
constexpr size_t kBody10Size = 584;
constexpr size_t kBody15Size = 648;
constexpr uint16_t kKeyTypeEcdsaP256 = 2;

// Body types of version 5.
constexpr uint16_t kBodyTdx10 = 2;
constexpr uint16_t kBodyTdx15 = 3;

// Types of certification data.
constexpr uint16_t kCertificationQeReport = 6;

constexpr size_t kHalf = 32;  // of a P-256 signature or key

Result<> ParseHeader(ByteCursor& in, TdQuote& quote) {
  const FieldReader header(SEALVM_TRY(in.Take(kHeaderSize, "quote header")));
  quote.version = header.U16(0);
  if (quote.version != 4 && quote.version != 5) {
    return InvalidInput(
        fmt::format("{}: quote of version {}, known are 4 and 5", in.name(), quote.version));
  }
  const uint32_t tee_type = header.U32(4);
  if (tee_type != kTeeTypeTdx) {
    return InvalidInput(fmt::format("{}: quote of TEE type {:#x}, not of a TD ({:#x})", in.name(),
                                    tee_type, kTeeTypeTdx));
  }
  const uint16_t key_type = header.U16(2);
  if (key_type != kKeyTypeEcdsaP256) {
    return InvalidInput(
        fmt::format("{}: attestation key of type {}, not ECDSA P-256 (2)", in.name(), key_type));
  }
  quote.qe_svn = header.U16(8);
  quote.pce_svn = header.U16(10);
  quote.qe_vendor_id = header.Array<16>(12);
  quote.user_data = header.Array<20>(28);
  return {};
}

Result<size_t> BodySize(ByteCursor& in, TdQuote& quote) {
  quote.body_kind = "TDX 1.0";
  if (quote.version == 4) return kBody10Size;
  const uint16_t type = SEALVM_TRY(in.TakeLe<uint16_t>("body type"));
  const uint32_t size = SEALVM_TRY(in.TakeLe<uint32_t>("body size"));
  if (type != kBodyTdx10 && type != kBodyTdx15) {
    return InvalidInput(fmt::format("{}: quote body of type {}, known are {} and {}", in.name(),
                                    type, kBodyTdx10, kBodyTdx15));
  }
  const size_t expected = type == kBodyTdx10 ? kBody10Size : kBody15Size;
  if (size != expected) {
    return InvalidInput(fmt::format("{}: quote body of type {} with {} bytes, not {}", in.name(),
                                    type, size, expected));
  }
  if (type == kBodyTdx15) quote.body_kind = "TDX 1.5";
  return expected;
}

TdMeasurements ParseBody(std::span<const uint8_t> bytes) {
  const FieldReader body(bytes);
  TdMeasurements td;
  td.tee_tcb_svn = body.Array<16>(0);
  td.mr_seam = body.Array<48>(16);
  td.mr_signer_seam = body.Array<48>(64);
  td.seam_attributes = body.U64(112);
  td.attributes = body.U64(120);
  td.xfam = body.U64(128);
  td.mrtd = body.Array<48>(136);
  td.mr_config_id = body.Array<48>(184);
  td.mr_owner = body.Array<48>(232);
  td.mr_owner_config = body.Array<48>(280);
  for (size_t i = 0; i < kRtmrCount; ++i) td.rtmr[i] = body.Array<48>(328 + i * 48);
  td.report_data = body.Array<64>(520);
  if (bytes.size() == kBody15Size) {
    td.tee_tcb_svn_2 = body.Array<16>(584);
    td.mr_service_td = body.Array<48>(600);
  }
  return td;
}

Result<EcdsaSignature> TakeSignature(ByteCursor& in, std::string_view what) {
  const auto bytes = SEALVM_TRY(in.Take(2 * kHalf, what));
  return EcdsaSignature{.r = {bytes.begin(), bytes.begin() + kHalf},
                        .s = {bytes.begin() + kHalf, bytes.end()}};
}

Result<std::span<const uint8_t>> TakeCertificationData(ByteCursor& in, uint16_t& type) {
  type = SEALVM_TRY(in.TakeLe<uint16_t>("certification data type"));
  const uint32_t size = SEALVM_TRY(in.TakeLe<uint32_t>("certification data size"));
  return in.Take(size, "certification data");
}

Result<> ExpectEnd(const ByteCursor& in, std::string_view what) {
  if (in.rest().empty()) return {};
  return InvalidInput(
      fmt::format("{}: {} bytes too many behind the {}", in.name(), in.rest().size(), what));
}

Result<> ParseQeCertification(std::span<const uint8_t> bytes, std::string_view name,
                              TdQuoteSignature& out) {
  ByteCursor in(bytes, name);
  const auto report = SEALVM_TRY(in.Take(kQeReportSize, "report of the quoting enclave"));
  out.qe_report.assign(report.begin(), report.end());
  out.qe_report_signature = SEALVM_TRY(TakeSignature(in, "signature of the quoting enclave"));
  const uint16_t size = SEALVM_TRY(in.TakeLe<uint16_t>("size of the authentication data"));
  const auto data = SEALVM_TRY(in.Take(size, "authentication data"));
  out.qe_authentication_data.assign(data.begin(), data.end());
  const auto certificates = SEALVM_TRY(TakeCertificationData(in, out.certificate_type));
  out.certificates.assign(certificates.begin(), certificates.end());
  return ExpectEnd(in, "certificates");
}

Result<TdQuoteSignature> ParseSignature(std::span<const uint8_t> bytes, std::string_view name) {
  ByteCursor in(bytes, name);
  TdQuoteSignature out;
  out.signature = SEALVM_TRY(TakeSignature(in, "signature"));
  const auto key = SEALVM_TRY(in.Take(2 * kHalf, "attestation key"));
  out.attestation_key_raw = FieldReader(key).Array<64>(0);
  out.attestation_key = {.curve = EcCurve::kP256,
                         .x = {key.begin(), key.begin() + kHalf},
                         .y = {key.begin() + kHalf, key.end()}};
  uint16_t type = 0;
  const auto data = SEALVM_TRY(TakeCertificationData(in, type));
  SEALVM_TRY(ExpectEnd(in, "certification data"));
  if (type != kCertificationQeReport) {
    return InvalidInput(fmt::format("{}: certification data of type {}, not {}", name, type,
                                    kCertificationQeReport));
  }
  SEALVM_TRY(ParseQeCertification(data, name, out));
  return out;
}

}  // namespace

Result<TdQuote> ParseTdQuote(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() > kMaxTdQuoteSize) {
    return InvalidInput(fmt::format("{}: {} bytes, a quote has no more than {}", name, bytes.size(),
                                    kMaxTdQuoteSize));
  }
  ByteCursor in(bytes, name);
  TdQuote quote;
  SEALVM_TRY(ParseHeader(in, quote));
  const size_t body_size = SEALVM_TRY(BodySize(in, quote));
  quote.measurements = ParseBody(SEALVM_TRY(in.Take(body_size, "quote body")));
  const auto signed_bytes = bytes.first(bytes.size() - in.rest().size());
  quote.signed_bytes.assign(signed_bytes.begin(), signed_bytes.end());
  const uint32_t size = SEALVM_TRY(in.TakeLe<uint32_t>("size of the signature data"));
  quote.signature = SEALVM_TRY(ParseSignature(SEALVM_TRY(in.Take(size, "signature data")), name));
  quote.trailing = in.rest().size();
  return quote;
}

QeReportFacts ReadQeReport(std::span<const uint8_t> qe_report) {
  const FieldReader report(qe_report);
  return {.mr_enclave = report.Array<32>(64),
          .mr_signer = report.Array<32>(128),
          .product_id = report.U16(256),
          .svn = report.U16(258),
          .report_data = report.Array<64>(320)};
}

}  // namespace sealvm::attestation
