// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SNP_CERTIFICATE_FILE_H_
#define SEALVM_VMM_ISOLATION_SNP_CERTIFICATE_FILE_H_

#include <functional>
#include <string>
#include <utility>

#include "memory/base/result.h"
#include "memory/shared_view.h"
#include "vmm/kvm/vcpu_exit.h"

namespace sealvm::snp {

// The file with the certificate table (SEV-ES Guest-Hypervisor Communication Block Standardization
// 2.04, section 4.1.8.1) that guests get with their extended reports. It is read at each request,
// so that it may be replaced while the guest runs. Thread-safe.
class CertificateFile {
 public:
  // Reads and checks the file once; kInvalidInput begins with `option`.
  static Result<CertificateFile> Open(std::string path, std::string_view option);

  // Answers a request. The file stays locked, shared (flock), until `complete` has returned, which
  // lets KVM finish the guest's request: who changes the platform's TCB and the file under an
  // exclusive lock leaves no guest with a report that its certificates do not fit (Linux
  // Documentation/virt/kvm/api.rst, KVM_EXIT_SNP_REQ_CERTS). A file that is locked otherwise makes
  // the guest try again. Errors are `complete`'s; `failed` hears why a guest got none.
  Result<> Answer(const kvm::SnpCertsExit& exit, SharedView& memory,
                  const std::function<Result<>()>& complete,
                  const std::function<void(const Error&)>& failed) const;

 private:
  CertificateFile(std::string path, std::string name)
      : path_(std::move(path)), name_(std::move(name)) {}

  std::string path_;
  std::string name_;  // for errors
};

}  // namespace sealvm::snp

#endif  // SEALVM_VMM_ISOLATION_SNP_CERTIFICATE_FILE_H_
