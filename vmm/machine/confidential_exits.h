// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_CONFIDENTIAL_EXITS_H_
#define SEALVM_VMM_MACHINE_CONFIDENTIAL_EXITS_H_

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "memory/base/logger.h"
#include "memory/shared_view.h"
#include "vmm/isolation/confidential/private_ram.h"
#include "vmm/isolation/snp/certificate_file.h"
#include "vmm/machine/isolation_exits.h"
#include "vmm/machine/td_quotes.h"

namespace sealvm {

// What a guest of sev, sev-es, snp or tdx leaves KVM for besides I/O: page conversions, requests
// for certificates and quotes. Thread-safe.
class ConfidentialExits : public IsolationExits {
 public:
  struct Options {
    PrivateRam* ram = nullptr;  // null: memory without halves; outlives the object
    std::shared_ptr<SharedView> view;
    std::optional<snp::CertificateFile> certificates = {};
    std::unique_ptr<TdQuotes> quotes = {};
    Logger logger;
  };

  explicit ConfidentialExits(Options options) : options_(std::move(options)) {}

  void OnHypercall(const kvm::HypercallExit& exit) override;
  void OnMsr(const kvm::MsrExit& exit) override { *exit.refused = 1; }
  Result<> OnMemoryFault(const kvm::MemoryFaultExit& exit) override;
  void OnTdCall(const kvm::TdxExit& exit, const kvm::Vcpu& vcpu) override;
  Result<> OnCertificateRequest(const kvm::SnpCertsExit& exit, kvm::Vcpu& vcpu) override;

 private:
  // A guest may cause any number of these.
  void LogOnce(std::atomic<bool>& logged, std::string_view what, const Error& error) const;

  const Options options_;
  std::atomic<bool> refusal_logged_ = false;
  std::atomic<bool> certificates_logged_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_CONFIDENTIAL_EXITS_H_
