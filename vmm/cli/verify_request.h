// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_VERIFY_REQUEST_H_
#define SEALVM_VMM_CLI_VERIFY_REQUEST_H_

#include <span>
#include <string>
#include <string_view>

#include "vmm/api/config.h"

namespace sealvm {

// `sealvm measure --verify FILE` and what may be given with it: the texts of the options, named as
// in VerifyOptions. An empty text is an option that was not given.
struct VerifyRequest {
  // Whose report it has to be; kAuto for anybody's.
  IsolationMode isolation = IsolationMode::kAuto;
  std::string path = {};       // --verify: SNP report, TDREPORT or quote
  std::string event_log = {};  // --event-log: file
  std::string cert = {};       // --cert: file
  std::string report_data = {};
  std::string host_data = {};
  std::string report_policy = {};
  std::string id_key_digest = {};
  std::string author_key_digest = {};
  std::string vmpl = {};
  std::string minimum_tcb = {};
  std::string td_attributes = {};
  std::string xfam = {};
  std::string mrconfigid = {};
  std::string mrowner = {};
  std::string mrownerconfig = {};
  bool json = false;
};

// The options of the table: name without dashes, what its value is, and where it goes.
struct VerifyOption {
  std::string_view name;
  std::string_view value;
  std::string_view help;
  std::string VerifyRequest::*text;
};
std::span<const VerifyOption> VerifyOptions();

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_VERIFY_REQUEST_H_
