// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "vmm/cli/commands.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/log.h"
#include "vmm/cli/verify_report.h"

namespace sealvm {

int ReportVerdict(const VerifyRequest& request, const Result<attestation::CheckedEvidence>& checked,
                  std::span<const uint8_t> digest) {
  if (!checked) {
    ReportError(checked.error());
    return ExitCodeOf(checked.error());
  }
  const int printed = PrintText(request.json ? VerifyJson(*checked, digest) : VerifyText(*checked));
  if (printed != kExitSuccess || checked->holds()) return printed;
  const auto differs = std::ranges::find(checked->checks, false, &attestation::FieldCheck::holds);
  ReportError({.kind = ErrorKind::kHost,
               .message = fmt::format("{}: {}: expected {}, found {}", request.path, differs->field,
                                      differs->expected, differs->found),
               .hint = {},
               .os_error = 0});
  return kExitHostError;
}

}  // namespace sealvm
