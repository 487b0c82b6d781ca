// SPDX-License-Identifier: Apache-2.0
// Two calls of a launch that follow each other are done in the other order: the launch fails, or
// has another digest, but for the pairs that are named here with their reasons.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/call_name.h"
#include "tests/model/launch_fixture.h"

namespace sealvm::model {
namespace {

// Pairs of which either may come first.
struct Independent {
  std::vector<std::string_view> first;
  std::vector<std::string_view> second;
  std::string_view reason;
};

const std::vector<Independent> kIndependent = {
    Independent{{"KVM_SEV_INIT2", "KVM_TDX_INIT_VM"},
                {"KVM_CREATE_IRQCHIP", "KVM_CAP_SPLIT_IRQCHIP"},
                "interrupts are KVM's alone"},
    Independent{{"KVM_SEV_SNP_ENABLE_REQ_CERTS", "KVM_CAP_EXIT_HYPERCALL"},
                {"KVM_CAP_EXIT_HYPERCALL", "KVM_CREATE_IRQCHIP", "KVM_SET_TSC_KHZ"},
                "each is a setting of its own"},
    Independent{{"KVM_SET_TSC_KHZ"},
                {"KVM_TDX_INIT_VM"},
                "KVM rounds the host's frequency for the TD to what this call sets"},
    Independent{{"KVM_CREATE_IRQCHIP", "KVM_CAP_X86_APIC_BUS_CYCLES_NS"},
                {"KVM_CREATE_GUEST_MEMFD", "KVM_SET_USER_MEMORY_REGION"},
                "interrupts have nothing to do with memory"},
    Independent{{"KVM_SET_USER_MEMORY_REGION", "KVM_MEMORY_ENCRYPT_REG_REGION"},
                {"KVM_SET_USER_MEMORY_REGION", "KVM_MEMORY_ENCRYPT_REG_REGION"},
                "a slot goes by the guest's addresses, a pinned region by this process'"},
    Independent{{"KVM_SET_USER_MEMORY_REGION2", "KVM_SET_MEMORY_ATTRIBUTES"},
                {"KVM_SET_USER_MEMORY_REGION2", "KVM_SET_MEMORY_ATTRIBUTES"},
                "ranges are others, and attributes are of addresses with a slot or without"},
    Independent{{"KVM_MEMORY_ENCRYPT_REG_REGION", "KVM_SET_MEMORY_ATTRIBUTES"},
                {"KVM_CREATE_VCPU"},
                "a vCPU looks at memory when it runs"},
    Independent{{"KVM_SET_CPUID2", "KVM_SET_SREGS", "KVM_SET_REGS"},
                {"KVM_SET_SREGS", "KVM_SET_REGS", "KVM_SET_FPU"},
                "parts of a vCPU's state that are taken all at once, later"},
    Independent{{"KVM_SET_CPUID2", "KVM_SET_FPU", "KVM_TDX_INIT_VCPU"},
                {"KVM_CREATE_VCPU"},
                "the next vCPU is another"},
    Independent{{"KVM_TDX_INIT_VCPU"},
                {"KVM_TDX_INIT_MEM_REGION"},
                "the first vCPU adds the pages, and has been there for long"},
    Independent{{"KVM_SET_CPUID2", "KVM_SET_FPU"},
                {"KVM_SEV_LAUNCH_START", "KVM_SEV_SNP_LAUNCH_START"},
                "the firmware's context of the guest knows of no vCPU yet"},
};

bool Contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

const Independent* FindIndependent(std::string_view first, std::string_view second) {
  const auto found = std::ranges::find_if(kIndependent, [&](const Independent& pair) {
    return Contains(pair.first, first) && Contains(pair.second, second);
  });
  return found == kIndependent.end() ? nullptr : &*found;
}

bool ChangesSomething(const Call& call) {
  if (OnlyAsks(call.name)) return false;
  if (call.name != "KVM_SEV_LAUNCH_MEASURE") return true;
  // Without room for it, the measurement's size is asked for.
  const auto& command = *static_cast<const kvm_sev_cmd*>(call.argument);
  return reinterpret_cast<const kvm_sev_launch_measure*>(command.data)->len != 0;
}

// KVM_ENABLE_CAP by its capability.
std::string NameOf(const Call& call) {
  if (call.name != "KVM_ENABLE_CAP") return call.name;
  switch (static_cast<const kvm_enable_cap*>(call.argument)->cap) {
    case KVM_CAP_EXIT_HYPERCALL:
      return "KVM_CAP_EXIT_HYPERCALL";
    case KVM_CAP_SPLIT_IRQCHIP:
      return "KVM_CAP_SPLIT_IRQCHIP";
    case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
      return "KVM_CAP_X86_APIC_BUS_CYCLES_NS";
    default:
      return call.name;
  }
}

LaunchSetup SetupWithAll(IsolationMode mode) {
  LaunchSetup setup = SetupOf(mode);
  setup.certificates = mode == IsolationMode::kSnp;
  return setup;
}

bool RunsAsExpected(IsolationMode mode, const std::shared_ptr<KvmDouble>& kvm) {
  TestLaunch launch(SetupWithAll(mode), kvm);
  return launch.Run().has_value() && launch.Found() == launch.Expected();
}

// Names of the calls that change something, in the order of a launch.
std::vector<std::string> ChangingCalls(IsolationMode mode) {
  std::vector<std::string> calls;
  const auto kvm = std::make_shared<KvmDouble>(FullHost());
  kvm->intercept = [&](const Call& call) {
    if (ChangesSomething(call)) calls.push_back(NameOf(call));
    return Verdict();
  };
  EXPECT_TRUE(RunsAsExpected(mode, kvm));
  return calls;
}

// With call `i` of those that change something done after the next one; after the last one of all
// comes the guest.
bool RunsSwapped(IsolationMode mode, size_t i) {
  const auto kvm = std::make_shared<KvmDouble>(FullHost());
  size_t at = 0;
  kvm->intercept = [&](const Call& call) {
    if (!ChangesSomething(call)) return Verdict();
    const size_t now = at++;
    if (now == i) return Verdict::Defer();
    return now == i + 1 ? Verdict::ProceedAndDeferred() : Verdict();
  };
  return RunsAsExpected(mode, kvm);
}

TEST(OrderTest, NoCallsCanChangePlaces) {
  std::set<const Independent*> used;
  for (const IsolationMode mode : kConfidentialModes) {
    const std::vector<std::string> calls = ChangingCalls(mode);
    size_t dependent = 0;
    for (size_t i = 0; i < calls.size(); ++i) {
      if (MakesAFile(calls[i])) continue;
      const std::string next = i + 1 < calls.size() ? calls[i + 1] : "KVM_RUN";
      const Independent* independent = FindIndependent(calls[i], next);
      const bool runs = RunsSwapped(mode, i);
      if (runs && independent != nullptr) {
        used.insert(independent);
        continue;
      }
      EXPECT_FALSE(runs) << IsolationModeName(mode) << ": call " << i << ", " << calls[i]
                         << ", after " << next;
      EXPECT_EQ(independent, nullptr) << IsolationModeName(mode) << ": " << calls[i] << " and "
                                      << next << " are not independent";
      ++dependent;
    }
    EXPECT_GE(dependent, 4u) << IsolationModeName(mode);
  }
  for (const Independent& pair : kIndependent) {
    EXPECT_TRUE(used.contains(&pair)) << "no launch has a pair of which " << pair.reason;
  }
}

}  // namespace
}  // namespace sealvm::model
