// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/machine.h"

#include <utility>

#include "vmm/machine/virtual_machine.h"

namespace sealvm {

class Machine::Impl {
 public:
  explicit Impl(std::unique_ptr<VirtualMachine> vm) : vm_(std::move(vm)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    // A thread that does not end still uses the machine: losing the memory is the lesser evil.
    if (!vm_->StopAndJoin()) [[maybe_unused]]
      VirtualMachine* lost = vm_.release();
  }

  VirtualMachine& vm() { return *vm_; }

  Result<> Attach(Bus& bus, uint64_t base, uint64_t length, std::shared_ptr<BusDevice> device) {
    if (vm_->started()) return HostError("devices are attached before Start");
    return bus.Insert(base, length, std::move(device));
  }

 private:
  std::unique_ptr<VirtualMachine> vm_;
};

Machine::Machine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;
Machine::~Machine() = default;

Result<Machine> Machine::Create(const MachineConfig& config, MachineCallbacks callbacks) {
  return Machine(
      std::make_unique<Impl>(SEALVM_TRY(VirtualMachine::Create(config, std::move(callbacks)))));
}

Result<> Machine::AttachPio(uint16_t base, uint16_t length, std::shared_ptr<BusDevice> device) {
  if (uint32_t{base} + length > 0x10000) {
    return InvalidInput("the I/O port window ends beyond port 0xffff");
  }
  return impl_->Attach(impl_->vm().pio(), base, length, std::move(device));
}

Result<> Machine::AttachMmio(Gpa base, uint64_t length, std::shared_ptr<BusDevice> device) {
  return impl_->Attach(impl_->vm().mmio(), base, length, std::move(device));
}

Result<> Machine::Start() { return impl_->vm().Start(); }
Result<ExitReport> Machine::Run() { return impl_->vm().Run(); }
void Machine::Stop() { impl_->vm().Stop(); }

size_t Machine::SendConsoleInput(std::span<const uint8_t> bytes) {
  return impl_->vm().SendConsoleInput(bytes);
}
void Machine::ResizeConsole(uint16_t columns, uint16_t rows) {
  impl_->vm().ResizeConsole(columns, rows);
}
void Machine::PressPowerButton() { impl_->vm().PressPowerButton(); }

MachineStats Machine::GetStats() const { return impl_->vm().GetStats(); }
const std::string& Machine::effective_cmdline() const { return impl_->vm().effective_cmdline(); }
IsolationMode Machine::isolation() const { return impl_->vm().isolation(); }
const std::string& Machine::why_not_stronger() const { return impl_->vm().why_not_stronger(); }

}  // namespace sealvm
