// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_DEFERRED_CALL_H_
#define SEALVM_TESTS_MODEL_DEFERRED_CALL_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <vector>

namespace sealvm::model {

// An ioctl of a launch with a copy of what its caller passed, to be done when the caller has gone
// on: its structs and pages to copy from may be gone by then. The guest's own memory stays.
class DeferredCall {
 public:
  DeferredCall(bool of_td, unsigned long request, unsigned long argument);
  DeferredCall(DeferredCall&&) = default;  // a copy's addresses would be the other's

  unsigned long request() const { return request_; }
  unsigned long argument();

 private:
  struct alignas(4096) Page {
    uint8_t bytes[4096];
  };

  void CopySevData(const kvm_sev_cmd& command);
  void CopyTdxData(const kvm_tdx_cmd& command);
  // The address of a copy of these bytes.
  uint64_t CopyPages(uint64_t address, uint64_t size);

  const unsigned long request_;
  const unsigned long value_;       // of a call that takes no address
  std::vector<uint64_t> argument_;  // what the address led to
  std::vector<uint64_t> data_;      // what `argument_` leads to
  std::vector<Page> pages_;         // what `data_` leads to
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_DEFERRED_CALL_H_
