# SPDX-License-Identifier: Apache-2.0
"""Tests of a sealed guest's memory with the diagnostic guest: conversions, release, limits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from lab.case import (Case, expect, expect_exit, expect_line, json_of, number_after, section, text_of,
                      value_after)
from lab.diagnostic import check_diagnostic
from lab.sealed_cases import mode_words, name_of, sealed_refused_case
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

# The guest goes on with each line that it gets; `look STEP` is done in between.
STEPS = IN_CGROUP + """
@LOOK@
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
  look $step
  echo >&9
done
wait $vmm
status=$?
cat /tmp/screen; cat /tmp/messages >&2
echo '== stats'; cat /tmp/stats.json
rm -f /tmp/keys /tmp/screen /tmp/messages /tmp/stats.json
exit $status
"""

# What the host uses. Of a sealed memfd the file says so too, and root tries to read it.
LOOK_AT_USE = """
look() {
  echo "used-$1 $(cat /sys/fs/cgroup/vm/memory.current)"
  for file in /proc/$(head -n 1 /sys/fs/cgroup/vm/cgroup.procs)/fd/*; do
    case $(readlink $file) in /memfd:sealvm-sealed*) ;; *) continue ;; esac
    echo "blocks-$1 $(stat -L -c %b $file)"
    cat $file >/dev/null 2>/tmp/refusal && echo "root read the memory"
    echo "refusal-$1 $(cat /tmp/refusal)"
    rm /tmp/refusal
  done
}
"""

# What the host can take away from the guest, by swapping it out.
LOOK_AT_SWAP = """
mkswap /dev/ram0 >/dev/null && swapon /dev/ram0
trap 'swapoff /dev/ram0' EXIT
look() {
  echo 128M >/sys/fs/cgroup/vm/memory.reclaim
  echo "swapped-$1 $(cat /sys/fs/cgroup/vm/memory.swap.current)"
}
"""


def diagnostic_run(words: str = "", *, memory: str = "64M", cpus: int = 1, provider: str = "auto",
                   extra: tuple[str, ...] = ()) -> str:
    command = ["sealvm", "run", *mode_words("sealed", provider), "--memory", memory,
               "--cpus", str(cpus), *extra]
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


def diagnostic_case(cpus: int, provider: str = "auto") -> Case:
    name = "/".join(["sealed", *name_of(provider), "diagnostic-guest", f"{cpus}-cpu"])
    return Case(name, diagnostic_run(cpus=cpus, provider=provider) + " </dev/null",
                check_sealed_diagnostic(cpus, "private" if cpus == 1 else "shared"), 120)


def diagnostic_cases() -> list[Case]:
    return [diagnostic_case(cpus) for cpus in (1, 2)]


def check_large(result: Result) -> None:
    expect_exit(result, 0)
    expect_pattern(result, "72 hostile requests refused")


def large_diagnostic_case() -> Case:
    """RAM on both sides of the hole below 4 GiB."""
    return Case("sealed/diagnostic-guest/5G",
                diagnostic_run("diag=quick", memory="5G") + " </dev/null", check_large, 200)


RELEASE_STEPS = (1, 2, 3, 4)


def expect_changes(what: str, mib: list[float], *wanted: int) -> str:
    """From step to step; returns the numbers as text."""
    shown = ", ".join(f"{value:.1f}" for value in mib)
    for before, after, change in zip(mib, mib[1:], wanted):
        expect(abs(after - before - change) <= SLACK_MIB,
               f"{what} in MiB: {shown}; {change:+} expected, {after - before:+.1f} seen")
    return f"{what} in MiB: {shown}"


def check_sealed_memfd(result: Result) -> str:
    """The file's blocks are those of the private half, and root is refused."""
    blocks = [number_after(result, f"blocks-{step}") * 512 / (1 << 20) for step in RELEASE_STEPS]
    for step in RELEASE_STEPS:
        refusal = value_after(result, f"refusal-{step}")
        expect("Operation not permitted" in refusal, f"root's read was not refused: '{refusal}'")
    return expect_changes("st_blocks", blocks, -CONVERTED_MIB, 0, CONVERTED_MIB)


def check_release(result: Result) -> str:
    """Private filled, converted to shared, shared filled, converted back: what the host's kernel
    charges falls and rises by just that."""
    expect_line(result, "convert: done")
    expect_exit(result, 0)
    used = [number_after(result, f"used-{step}") / (1 << 20) for step in RELEASE_STEPS]
    measured = expect_changes("memory.current", used, -CONVERTED_MIB, CONVERTED_MIB, 0)
    stats = json_of(section(result, "stats"), "--stats")["memory"]
    conversions = stats["conversions"]
    expect((conversions["to_shared"], conversions["to_private"]) == (1, 1),
           f"one conversion each way was made, --stats says {conversions}")
    expect(stats["private_peak_bytes"] >= CONVERTED_MIB << 20,
           f"the peak is below what was filled: {stats}")
    return measured


def steps(run: str, look: str) -> str:
    return STEPS.replace("@LOOK@", look).replace("@RUN@", run)


def check_sealed_release(result: Result) -> str:
    return f"{check_release(result)}; {check_sealed_memfd(result)}"


def release_case(provider: str = "auto") -> Case:
    run = diagnostic_run(f"diag=convert:{CONVERTED_MIB}M", memory="128M", provider=provider,
                         extra=("--stats", "/tmp/stats.json"))
    check = check_sealed_release if provider == "seal" else check_release
    return Case("/".join(["sealed", *name_of(provider), "release"]), steps(run, LOOK_AT_USE), check,
                200)


def check_swap(result: Result) -> str:
    """None of what is private is swapped out, but what is shared is, by the same means."""
    expect_line(result, "convert: done")
    expect_exit(result, 0)
    swapped = [number_after(result, f"swapped-{step}") / (1 << 20) for step in RELEASE_STEPS]
    shown = "swapped out in MiB: " + ", ".join(f"{mib:.1f}" for mib in swapped)
    expect(swapped[0] < CONVERTED_MIB / 4 and swapped[2] > CONVERTED_MIB / 2, shown)
    return shown


def swap_case(provider: str) -> Case:
    run = diagnostic_run(f"diag=convert:{CONVERTED_MIB}M", memory="128M", provider=provider,
                         extra=("--stats", "/tmp/stats.json"))
    return Case("/".join(["sealed", *name_of(provider), "swap"]), steps(run, LOOK_AT_SWAP),
                check_swap, 200)


def check_storm(result: Result) -> None:
    expect_exit(result, 0)
    conversions = json_of(section(result, "stats"), "--stats")["memory"]["conversions"]
    half = CONVERSIONS // 2
    expect(conversions == {"to_shared": half, "to_private": half, "refused": CONVERSIONS},
           f"--stats says {conversions}")


def storm_case(provider: str = "auto") -> Case:
    run = diagnostic_run(f"diag=conversion-storm:{CONVERSIONS}", provider=provider,
                         extra=("--stats", "/tmp/s.json"))
    return Case("/".join(["sealed", *name_of(provider), "conversion-storm"]),
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
ABSENT = {"guest_memfd": "default VMs have no private guest_memfd", "seal": "has no guest seal",
          "sw-protected": "no KVM_X86_SW_PROTECTED_VM"}


def absent_case(provider: str) -> Case:
    """A provider that L1's kernel does not have is refused, though others may be there."""
    return sealed_refused_case(ABSENT[provider], provider)


def check_taken(provider: str) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        expect_exit(result, 0)
        taken = json_of(section(result, "stats"), "--stats")["memory"]["provider"]
        expect(taken == provider, f"the memory comes from {taken}, {provider} expected")
    return check


def auto_provider_case(provider: str) -> Case:
    """Without a choice of the user's the best that works is taken."""
    run = diagnostic_run("diag=quick", extra=("--stats", "/tmp/s.json"))
    return Case("sealed/auto-provider",
                f"{run} </dev/null; status=$?; echo '== stats'; cat /tmp/s.json; exit $status",
                check_taken(provider), 120)


def memory_cases() -> list[Case]:
    return [*diagnostic_cases(), absent_case("seal"), absent_case("sw-protected"),
            auto_provider_case("guest_memfd"), release_case(), storm_case(), garbage_case(),
            *limit_cases()]


def provider_memory_cases(providers: tuple[str, ...]) -> list[Case]:
    """The same for providers that the user names."""
    return [case for provider in providers
            for case in (diagnostic_case(2, provider), release_case(provider),
                         swap_case(provider), storm_case(provider))]
