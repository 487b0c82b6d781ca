// SPDX-License-Identifier: Apache-2.0
// What the other tests of launches are worth: a launch of which one call is left out, or two steps
// of which have changed places, does not end in a running guest with the digest that was expected.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "tests/model/call_name.h"
#include "tests/model/launch_fixture.h"

namespace sealvm::model {
namespace {

// A step without which the launch is the same: KVM resets the FPU to what is set.
bool IsEquivalent(std::string_view name) { return name == "KVM_SET_FPU"; }

bool RunsAsExpected(TestLaunch& launch) {
  return launch.Run().has_value() && launch.Found() == launch.Expected();
}

TEST(MutationTest, NoCallCanBeLeftOut) {
  for (const IsolationMode mode : kConfidentialModes) {
    const auto reference = std::make_shared<KvmDouble>(FullHost());
    TestLaunch whole(SetupOf(mode), reference);
    ASSERT_TRUE(RunsAsExpected(whole));
    const std::vector<std::string> calls = reference->calls();
    size_t tried = 0;
    for (size_t i = 0; i < calls.size(); ++i) {
      if (OnlyAsks(calls[i]) || MakesAFile(calls[i])) continue;
      if (IsEquivalent(calls[i])) continue;
      const auto kvm = std::make_shared<KvmDouble>(FullHost());
      size_t at = 0;
      kvm->intercept = [&](const Call&) { return at++ == i ? Verdict::Skip() : Verdict(); };
      TestLaunch launch(SetupOf(mode), kvm);
      EXPECT_FALSE(RunsAsExpected(launch))
          << IsolationModeName(mode) << " without call " << i << ", " << calls[i];
      ++tried;
    }
    EXPECT_GE(tried, 9u);
  }
}

// KVM takes VMSAs from vCPUs and not from the plan.
bool IsVmsa(const LaunchStep& step) { return step.kind == LaunchStepKind::kVmsa; }

size_t StepsBeforeVmsas(IsolationMode mode) {
  size_t count = 0;
  LaunchSetup setup = SetupOf(mode);
  setup.spoil_plan = [&](LaunchPlan& plan) {
    count = static_cast<size_t>(std::ranges::find_if(plan.steps(), IsVmsa) - plan.steps().begin());
  };
  TestLaunch launch(setup, std::make_shared<KvmDouble>(FullHost()));
  EXPECT_TRUE(RunsAsExpected(launch));
  return count;
}

// Launches what `change` makes of the plan's steps.
bool RunsChanged(IsolationMode mode, const std::function<void(std::vector<LaunchStep>&)>& change) {
  LaunchPlan kept;  // owns what the steps point to
  LaunchSetup setup = SetupOf(mode);
  setup.spoil_plan = [&](LaunchPlan& plan) {
    kept = std::move(plan);
    std::vector<LaunchStep> steps = kept.steps();
    change(steps);
    plan = LaunchPlan();
    for (LaunchStep& step : steps) plan.Add(std::move(step));
  };
  TestLaunch launch(setup, std::make_shared<KvmDouble>(FullHost()));
  return RunsAsExpected(launch);
}

class PlanMutationTest : public testing::TestWithParam<IsolationMode> {};

TEST_P(PlanMutationTest, NoStepsCanChangePlaces) {
  const size_t steps = StepsBeforeVmsas(GetParam());
  ASSERT_GE(steps, 2u);
  for (size_t i = 0; i + 1 < steps; ++i) {
    const auto swap = [i](std::vector<LaunchStep>& all) { std::swap(all[i], all[i + 1]); };
    EXPECT_FALSE(RunsChanged(GetParam(), swap)) << "step " << i;
  }
}

TEST_P(PlanMutationTest, NoStepCanBeLeftOut) {
  const size_t steps = StepsBeforeVmsas(GetParam());
  for (size_t i = 0; i < steps; ++i) {
    const auto leave_out = [i](std::vector<LaunchStep>& all) {
      all.erase(all.begin() + static_cast<ptrdiff_t>(i));
    };
    EXPECT_FALSE(RunsChanged(GetParam(), leave_out)) << "step " << i;
  }
}

TEST_P(PlanMutationTest, NoStepCanBeDoneTwice) {
  const size_t steps = StepsBeforeVmsas(GetParam());
  for (size_t i = 0; i < steps; ++i) {
    const auto repeat = [i](std::vector<LaunchStep>& all) {
      const LaunchStep step = all[i];
      all.insert(all.begin() + static_cast<ptrdiff_t>(i), step);
    };
    EXPECT_FALSE(RunsChanged(GetParam(), repeat)) << "step " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, PlanMutationTest, testing::ValuesIn(kConfidentialModes));

}  // namespace
}  // namespace sealvm::model
