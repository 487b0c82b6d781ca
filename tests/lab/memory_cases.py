# SPDX-License-Identifier: Apache-2.0
"""Tests of a sealed guest's memory with the diagnostic guest: conversions, release, limits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from lab.boots import EXIT_REFUSED
from lab.case import (Case, CheckFailed, NotHere, expect, expect_exit, expect_line, json_of, section,
                      text_of)
from lab.diagnostic import check_diagnostic
from lab.session import Result

CONVERTED_MIB = 64
CONVERSIONS = 100
# What else the VMM's cgroup gains or loses meanwhile: page tables, the kernel's books.
SLACK_MIB = 4

EXIT_HOST_ERROR = 1

# A memory cgroup of its own for what runs by `in_cgroup COMMAND...`.
IN_CGROUP = """
[ -f /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/vm
in_cgroup() { sh -c 'echo $$ >/sys/fs/cgroup/vm/cgroup.procs; exec "$@"' in_cgroup "$@"; }
"""

# The guest goes on with each line that it gets; what the host then uses is read in between.
STEPS = IN_CGROUP + """
mkfifo /tmp/keys
in_cgroup @RUN@ </tmp/keys >/tmp/screen 2>/tmp/messages &
vmm=$!
exec 9>/tmp/keys
for step in 1 2 3 4; do
  for i in $(seq 600); do
    [ "$(grep -c '^convert: .* MiB' /tmp/screen)" -ge $step ] && break
    kill -0 $vmm 2>/dev/null || break
    usleep 100000
  done
  echo "used-$step $(cat /sys/fs/cgroup/vm/memory.current)"
  echo >&9
done
wait $vmm
status=$?
cat /tmp/screen; cat /tmp/messages >&2
echo '== stats'; cat /tmp/stats.json
rm -f /tmp/keys /tmp/screen /tmp/messages /tmp/stats.json
exit $status
"""


def diagnostic_run(words: str = "", *, memory: str = "64M", cpus: int = 1,
                   extra: tuple[str, ...] = ()) -> str:
    command = ["sealvm", "run", "--isolation", "sealed", "--memory", memory, "--cpus", str(cpus),
               *extra]
    if words:
        command += ["--cmdline", words]
    return shlex.join(command)


def expect_pattern(result: Result, pattern: str) -> None:
    expect(re.search(pattern, text_of(result.stdout), re.MULTILINE) is not None,
           f"no line '{pattern}' on stdout")


def check_sealed_diagnostic(cpus: int, first_mib: str) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        check_diagnostic(cpus)(result)
        expect_pattern(result, r"Isolation +sealed: SEV's face without its hardware, C-bit \d+")
        expect_pattern(result, "no statement about hardware")
        expect_pattern(result, f"usable +639 KiB, {first_mib}")
        expect_pattern(result, "usable +63 MiB, private")
        expect_pattern(result, r"self-test passed: 4 MiB read/write, 16 conversions, "
                               r"68 hostile requests refused")
    return check


def diagnostic_cases() -> list[Case]:
    return [Case(f"sealed/diagnostic-guest/{cpus}-cpu",
                 diagnostic_run(cpus=cpus) + " </dev/null",
                 check_sealed_diagnostic(cpus, first_mib), 120)
            for cpus, first_mib in ((1, "private"), (2, "shared"))]


def check_large(result: Result) -> None:
    expect_exit(result, 0)
    expect_pattern(result, "72 hostile requests refused")


def large_diagnostic_case() -> Case:
    """RAM on both sides of the hole below 4 GiB."""
    return Case("sealed/diagnostic-guest/5G",
                diagnostic_run("diag=quick", memory="5G") + " </dev/null", check_large, 200)


def used_mib(result: Result, step: int) -> float:
    found = re.search(rf"^used-{step} (\d+)$", text_of(result.stdout), re.MULTILINE)
    if found is None:
        raise CheckFailed(f"no memory.current of step {step}")
    return int(found[1]) / (1 << 20)


def check_release(result: Result) -> str:
    """Private filled, converted to shared, shared filled, converted back: what the host's kernel
    charges falls and rises by just that."""
    expect_line(result, "convert: done")
    expect_exit(result, 0)
    used = [used_mib(result, step) for step in (1, 2, 3, 4)]
    shown = ", ".join(f"{mib:.1f}" for mib in used)
    for before, after, wanted in ((0, 1, -CONVERTED_MIB), (1, 2, CONVERTED_MIB), (2, 3, 0)):
        change = used[after] - used[before]
        expect(abs(change - wanted) <= SLACK_MIB,
               f"the cgroup uses {shown} MiB; {wanted:+} MiB expected, {change:+.1f} seen")
    stats = json_of(section(result, "stats"), "--stats")["memory"]
    conversions = stats["conversions"]
    expect((conversions["to_shared"], conversions["to_private"]) == (1, 1),
           f"one conversion each way was made, --stats says {conversions}")
    expect(stats["private_peak_bytes"] >= CONVERTED_MIB << 20,
           f"the peak is below what was filled: {stats}")
    return f"memory.current in MiB: {shown}"


def release_case() -> Case:
    run = diagnostic_run(f"diag=convert:{CONVERTED_MIB}M", memory="128M",
                         extra=("--stats", "/tmp/stats.json"))
    return Case("sealed/release", STEPS.replace("@RUN@", run), check_release, 200)


def check_storm(result: Result) -> None:
    expect_exit(result, 0)
    conversions = json_of(section(result, "stats"), "--stats")["memory"]["conversions"]
    half = CONVERSIONS // 2
    expect(conversions == {"to_shared": half, "to_private": half, "refused": CONVERSIONS},
           f"--stats says {conversions}")


def storm_case() -> Case:
    run = diagnostic_run(f"diag=conversion-storm:{CONVERSIONS}", extra=("--stats", "/tmp/s.json"))
    return Case("sealed/conversion-storm",
                f"{run} </dev/null; status=$?; echo '== stats'; cat /tmp/s.json; exit $status",
                check_storm, 120)


def check_no_room(word: str) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        expect_exit(result, EXIT_HOST_ERROR)
        expect(text_of(result.stdout) == "", "the guest ran")
        errors = text_of(result.stderr)
        expect(word in errors and errors.count("\n") == 1, f"not one line with '{word}'")
    return check


def limit_cases() -> list[Case]:
    """Limits of the host that the guest's memory is above: one line, and nothing was started."""
    run = diagnostic_run(memory="256M")
    in_cgroup = (IN_CGROUP + f"echo 128M >/sys/fs/cgroup/vm/memory.max\nin_cgroup {run} </dev/null\n"
                 "status=$?; echo max >/sys/fs/cgroup/vm/memory.max; exit $status")
    locked = diagnostic_run(memory="256M", extra=("--memory-lock-limit", "128M"))
    return [Case("sealed/limit/cgroup", in_cgroup, check_no_room("memory cgroup /vm"), 60),
            Case("sealed/limit/locked", locked + " </dev/null",
                 check_no_room("--memory-lock-limit"), 60)]


def check_garbage(result: Result) -> None:
    """A guest that executes random bytes ends itself at most, in a way that is its own."""
    expect(result.exit_code in (0, 3, 4), f"exit code {result.exit_code}, expected 0, 3 or 4")


def garbage_case() -> Case:
    return Case("sealed/garbage", diagnostic_run("diag=garbage", extra=("--timeout", "8"))
                + " </dev/null", check_garbage, 60)


# How a kernel says that it does not have a provider's kind of memory.
ABSENT = {"seal": "has no guest seal", "sw-protected": "no KVM_X86_SW_PROTECTED_VM"}


def provider_case(provider: str) -> Case:
    """A diagnostic guest in this provider's memory and no other."""
    def check(result: Result) -> None:
        absent = ABSENT[provider]
        if result.exit_code == EXIT_REFUSED and absent in text_of(result.stderr):
            raise NotHere(f"the lab's kernel: {absent}")
        check_sealed_diagnostic(1, "private")(result)
    run = diagnostic_run(extra=("--memory-provider", provider))
    return Case(f"sealed/provider/{provider}", run + " </dev/null", check, 120)


def memory_cases() -> list[Case]:
    return [*diagnostic_cases(), provider_case("seal"), provider_case("sw-protected"),
            release_case(), storm_case(), garbage_case(), *limit_cases()]
