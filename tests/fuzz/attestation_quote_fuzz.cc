// SPDX-License-Identifier: Apache-2.0
// Hostile quotes: the first byte chooses between the input as the quote itself and one whose
// lengths fit each other, with bytes changed, which gets past the first checks.
#include <algorithm>
#include <vector>

#include "memory/base/endian.h"
#include "tests/fuzz/fuzz_input.h"
#include "vmm/isolation/attestation/td_quote_check.h"

namespace sealvm {
namespace {

using Bytes = std::vector<uint8_t>;

void Put(Bytes& out, uint64_t value, size_t size) {
  out.resize(out.size() + size);
  StoreLeAny(std::span(out).last(size), value);
}

// A quote that holds zeroes, `authentication` bytes and `certificates`.
Bytes MakeQuote(bool is_v5, size_t authentication, std::span<const uint8_t> certificates) {
  Bytes out;
  Put(out, is_v5 ? 5 : 4, 2);
  Put(out, 2, 2);
  Put(out, attestation::kTeeTypeTdx, 4);
  out.resize(48);
  if (is_v5) {
    Put(out, 3, 2);
    Put(out, 648, 4);
  }
  out.resize(out.size() + (is_v5 ? 648 : 584));
  const size_t inner =
      attestation::kQeReportSize + 64 + 2 + authentication + 6 + certificates.size();
  Put(out, 128 + 6 + inner, 4);
  out.resize(out.size() + 128);
  Put(out, 6, 2);
  Put(out, inner, 4);
  out.resize(out.size() + attestation::kQeReportSize + 64);
  Put(out, authentication, 2);
  out.resize(out.size() + authentication);
  Put(out, 5, 2);
  Put(out, certificates.size(), 4);
  out.insert(out.end(), certificates.begin(), certificates.end());
  return out;
}

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  const uint8_t kind = input.TakeByte() % 4;
  Bytes bytes;
  if (kind == 0) {
    const auto all = input.TakeBytes(size);
    bytes.assign(all.begin(), all.end());
  } else {
    const size_t authentication = input.TakeByte();
    const auto certificates = input.TakeBytes(input.TakeNumber(2));
    bytes = MakeQuote(kind % 2 == 1, authentication, certificates);
    while (!input.empty()) {
      const size_t at = input.TakeNumber(2) % bytes.size();
      bytes[at] = input.TakeByte();
    }
  }
  const auto quote = attestation::ParseTdQuote(bytes, "quote");
  if (!quote) {
    SEALVM_FUZZ_CHECK(quote.error().kind == ErrorKind::kInvalidInput);
    return 0;
  }
  SEALVM_FUZZ_CHECK(quote->signature.qe_report.size() == attestation::kQeReportSize);
  SEALVM_FUZZ_CHECK(quote->signed_bytes.size() <= bytes.size());
  // Quotes made here are signed by nobody; whole ones of the corpus are.
  const bool is_signed = attestation::CheckTdQuoteSignature(*quote, {}, "quote").has_value();
  SEALVM_FUZZ_CHECK(kind == 0 || !is_signed);
  static_cast<void>(attestation::ParseCertificates(quote->signature.certificates, "quote"));
  return 0;
}
