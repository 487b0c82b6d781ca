// SPDX-License-Identifier: Apache-2.0
// Embeds sealvm: boots a guest, adds a device of its own, and hears what happens.
//
//   g++ -std=c++23 embed.cc $(pkg-config --static --cflags --libs sealvm) -o embed
//   ./embed [KERNEL [INITRD [CMDLINE]]]
#include <stdio.h>

#include <atomic>
#include <memory>

#include "vmm/api/machine.h"

// A port that counts what the guest writes to it.
class Counter : public sealvm::BusDevice {
 public:
  std::string_view Name() const override { return "counter"; }
  void Read(uint64_t, std::span<uint8_t> data) override { data[0] = writes_; }
  void Write(uint64_t, std::span<const uint8_t>) override { ++writes_; }

 private:
  std::atomic<uint8_t> writes_ = 0;
};

static int Fail(const sealvm::Error& error) {
  fprintf(stderr, "embed: %s\n", error.ToString().c_str());
  return 1;
}

int main(int argc, char** argv) {
  sealvm::MachineConfig config;
  config.isolation = sealvm::IsolationMode::kNone;
  config.memory_bytes = 128 * sealvm::kMiB;
  if (argc > 1) config.kernel = argv[1];
  if (argc > 2) config.initrd = argv[2];
  if (argc > 3) config.cmdline = argv[3];

  sealvm::MachineCallbacks callbacks;
  callbacks.on_console_output = [](std::span<const uint8_t> bytes) {
    fwrite(bytes.data(), 1, bytes.size(), stdout);
  };
  callbacks.on_event = [](const sealvm::Event& event) {
    fprintf(stderr, "embed: %s after %.3f ms\n", sealvm::EventKindName(event.kind).data(),
            static_cast<double>(event.since_create.count()) / 1e6);
  };

  auto machine = sealvm::Machine::Create(config, callbacks);
  if (!machine) return Fail(machine.error());
  if (auto attached = machine->AttachPio(0x700, 1, std::make_shared<Counter>()); !attached) {
    return Fail(attached.error());
  }
  if (auto started = machine->Start(); !started) return Fail(started.error());
  const auto report = machine->Run();
  if (!report) return Fail(report.error());
  fprintf(stderr, "embed: the guest ended with %s\n",
          sealvm::ExitReasonName(report->reason).data());
  return report->reason == sealvm::ExitReason::kPowerOff ? 0 : 1;
}
