// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_TD_QUOTES_H_
#define SEALVM_VMM_MACHINE_TD_QUOTES_H_

#include <stdint.h>

#include <atomic>
#include <memory>

#include "devices/io/event_loop.h"
#include "memory/base/logger.h"
#include "memory/base/result.h"
#include "memory/shared_view.h"
#include "vmm/isolation/tdx/get_quote.h"
#include "vmm/isolation/tdx/quote_relay.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// A TD's quotes: from the guest's call to a quote service, and back with an interrupt. Calls may
// come on any thread.
class TdQuotes {
 public:
  // Starts the thread that talks to the service. `vm` outlives the object.
  static Result<std::unique_ptr<TdQuotes>> Create(tdx::QuoteServiceAddress service,
                                                  std::shared_ptr<SharedView> memory, kvm::Vm& vm,
                                                  Logger logger);
  TdQuotes(const TdQuotes&) = delete;
  TdQuotes& operator=(const TdQuotes&) = delete;

  // Each returns what the guest finds in R10.
  uint64_t GetQuote(uint64_t gpa, uint64_t size) { return relay_->GetQuote(gpa, size); }
  // The guest wants `vector` on the vCPU with `apic_id` when a quote is there.
  uint64_t SetupEventNotify(uint64_t vector, uint32_t apic_id);

 private:
  class Memory : public tdx::QuoteMemory {
   public:
    explicit Memory(std::shared_ptr<SharedView> view) : view_(std::move(view)) {}
    Result<> Read(uint64_t gpa, std::span<uint8_t> out) const override {
      return view_->Read(gpa, out);
    }
    Result<> Write(uint64_t gpa, std::span<const uint8_t> bytes) override {
      return view_->Write(gpa, bytes);
    }

   private:
    const std::shared_ptr<SharedView> view_;
  };

  TdQuotes(std::shared_ptr<SharedView> memory, kvm::Vm& vm, Logger logger);
  void Notify();

  Memory memory_;
  kvm::Vm& vm_;
  const Logger logger_;
  // Vector in the low half, APIC id in the high one; 0: none.
  std::atomic<uint64_t> notify_ = 0;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<tdx::QuoteRelay> relay_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_TD_QUOTES_H_
