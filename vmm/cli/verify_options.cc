// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/verify_request.h"

namespace sealvm {
namespace {

constexpr VerifyOption kOptions[] = {
    {"verify", "FILE",
     "compare an SNP report, TDREPORT or TD quote, or the launch measurement of a SEV guest",
     &VerifyRequest::path},
    {"event-log", "FILE", "replay this log (CCEL) against the RTMRs", &VerifyRequest::event_log},
    {"cert", "FILE", "SNP: VCEK or VLEK, then ASK and ARK; quote: Intel's root CA",
     &VerifyRequest::cert},
    {"report-data", "HEX", "what the guest put into the report", &VerifyRequest::report_data},
    {"host-data", "HEX", "SNP: what the host put into the report", &VerifyRequest::host_data},
    {"report-policy", "NUMBER", "SNP: the policy in the report", &VerifyRequest::report_policy},
    {"id-key-digest", "HEX", "SNP: SHA-384 of the ID key", &VerifyRequest::id_key_digest},
    {"author-key-digest", "HEX", "SNP: SHA-384 of the author key",
     &VerifyRequest::author_key_digest},
    {"vmpl", "NUMBER", "SNP: the VMPL that asked for the report", &VerifyRequest::vmpl},
    {"minimum-tcb", "NUMBER", "SNP: the least reported TCB, as a raw word",
     &VerifyRequest::minimum_tcb},
    {"td-attributes", "NUMBER", "TDX: the TD's attributes", &VerifyRequest::td_attributes},
    {"xfam", "NUMBER", "TDX: the TD's extended features", &VerifyRequest::xfam},
    {"mrconfigid", "HEX", "TDX: the owner's configuration ID", &VerifyRequest::mrconfigid},
    {"mrowner", "HEX", "TDX: the owner's ID", &VerifyRequest::mrowner},
    {"mrownerconfig", "HEX", "TDX: the owner's configuration", &VerifyRequest::mrownerconfig},
};

}  // namespace

std::span<const VerifyOption> VerifyOptions() { return kOptions; }

}  // namespace sealvm
