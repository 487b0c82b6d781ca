// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/td_quotes.h"

#include <utility>

namespace sealvm {
namespace {

// Vectors that SetupEventNotifyInterrupt may name (Intel TDX Guest-Hypervisor Communication
// Interface 1.5, section 3.5).
constexpr uint64_t kFirstVector = 32;
constexpr uint64_t kLastVector = 255;

// The message of an interrupt for one local APIC (Intel SDM vol. 3A, section 11.11).
constexpr uint64_t kMessageAddress = 0xfee0'0000;
constexpr unsigned kMessageDestinationShift = 12;

}  // namespace

Result<std::unique_ptr<TdQuotes>> TdQuotes::Create(tdx::QuoteServiceAddress service,
                                                   std::shared_ptr<SharedView> memory, kvm::Vm& vm,
                                                   Logger logger) {
  std::unique_ptr<TdQuotes> quotes(new TdQuotes(std::move(memory), vm, std::move(logger)));
  quotes->loop_ = SEALVM_TRY(EventLoop::Create("td-quotes"));
  tdx::QuoteRelay::Callbacks callbacks;
  callbacks.notify = [self = quotes.get()] { self->Notify(); };
  callbacks.failed = [self = quotes.get()](const Error& error) {
    self->logger_.Log(LogLevel::kWarning, "a guest's report has no quote: {}", error.ToString());
  };
  quotes->relay_ =
      std::make_unique<tdx::QuoteRelay>(*quotes->loop_, std::move(service), quotes->memory_,
                                        std::move(callbacks), tdx::QuoteRelay::Limits{});
  return quotes;
}

TdQuotes::TdQuotes(std::shared_ptr<SharedView> memory, kvm::Vm& vm, Logger logger)
    : memory_(std::move(memory)), vm_(vm), logger_(std::move(logger)) {}

uint64_t TdQuotes::SetupEventNotify(uint64_t vector, uint32_t apic_id) {
  if (vector < kFirstVector || vector > kLastVector) return tdx::vmcall_status::kInvalidOperand;
  notify_.store(vector | uint64_t{apic_id} << 32);
  return tdx::vmcall_status::kSuccess;
}

// Without a vector the guest looks at its buffer now and then.
void TdQuotes::Notify() {
  const uint64_t notify = notify_.load();
  if (notify == 0) return;
  const uint64_t address = kMessageAddress | (notify >> 32) << kMessageDestinationShift;
  if (Result<bool> sent = vm_.SignalMsi(address, static_cast<uint32_t>(notify)); !sent) {
    logger_.Log(LogLevel::kError, "lost interrupt: {}", sent.error().ToString());
  }
}

}  // namespace sealvm
