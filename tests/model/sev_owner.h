// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_SEV_OWNER_H_
#define SEALVM_TESTS_MODEL_SEV_OWNER_H_

#include <stdint.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/model/vm_model.h"
#include "vmm/isolation/attestation/sev_launch.h"

namespace sealvm::model {

// The owner of a SEV or SEV-ES guest, at the other ends of two FIFOs: checks the measurement that
// is told, and answers with a packet for it that holds Secret().
class SevOwner {
 public:
  // What becomes of the packet before it is sent.
  using Change = std::function<void(attestation::SevSecretPacket&)>;

  // `host`: the platform that the owner expects.
  SevOwner(HostModel host, uint32_t policy);
  // Ends the wait for a launch that never told anything.
  ~SevOwner();

  static const attestation::SevTransportKeys& Keys();
  static std::vector<uint8_t> Certificate();
  // For a launch with this policy.
  static std::vector<uint8_t> Session(uint32_t policy);
  static std::vector<uint8_t> Secret();

  const std::string& measurement_file() const { return measurement_file_; }
  const std::string& secret_file() const { return secret_file_; }

  // Waits for one launch, in a thread of its own.
  void Start(Change change = [](auto&) {});
  // After the launch.
  void Stop();

  // What was found, after Stop.
  const std::vector<uint8_t>& digest() const { return digest_; }
  bool measurement_holds() const { return measurement_holds_; }

 private:
  void Answer(const Change& change);

  const HostModel host_;
  const uint32_t policy_;
  const std::string measurement_file_;
  const std::string secret_file_;
  std::thread thread_;
  std::vector<uint8_t> digest_;
  bool measurement_holds_ = false;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_SEV_OWNER_H_
