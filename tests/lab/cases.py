# SPDX-License-Identifier: Apache-2.0
"""The lab's tests of sealvm."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lab.boots import (EXIT_PANIC, EXIT_REFUSED, EXIT_TIMEOUT, GUEST_KERNELS, KERNEL_FILES,
                       boot_case, sealvm_run)
from lab.case import (Case, CheckFailed, expect, expect_exit, expect_line, json_of, number_after,
                      section, text_of)
from lab.device_cases import (device_cases, device_soak_cases, sealed_device_soak_cases,
                              together_case)
from lab.device_cost_cases import exits_case as device_exits_case
from lab.device_cost_cases import rates_case
from lab.diagnostic import check_diagnostic
from lab.firmware_cases import firmware_cases, firmware_soak_cases
from lab.guest_fw_cases import guest_fw_cases
from lab.kernel_cases import (changed_code_case, debug_log_case, log_case, seal_number_case,
                              seal_number_in_guest_case, selftest_cases)
from lab.launch_cases import launch_cases
from lab.memory_cases import (ABSENT, absent_case, auto_provider_case, diagnostic_cases,
                              large_diagnostic_case, memory_cases, provider_memory_cases)
from lab.sealed_cases import (PROVIDERS, boots_in_a_row_case, check_private_guest,
                              check_private_guest_stops, cost_case, exits_case, private_memory_case,
                              sealed_boots, sealed_case, sealed_refused_case)
from lab.secrecy_cases import (inside_case, outside_case, provider_secrecy_cases,
                               provider_secrecy_soak_cases, secrecy_cases)
from lab.session import Result
from lab.smoke_cases import smoke_cases
from lab.stage import Stage

# "default" is what ./check lab runs, "soak" what takes too long for that.
SUITES = ("default", "soak")

# What the kernels of this tree have: 6.12 has no guest_memfd for default VMs.
OWN_PROVIDERS = ("seal", "sw-protected")
DEBUG_BOOTS = 30

# Quiet boot of the 6.12 kernel, exits to user space until init. Microvm VMMs: 319 to 1622.
MAX_EXITS_UNTIL_INIT = 300


def boot_matrix() -> list[Case]:
    return [boot_case(f"boot/{kernel}/{image}/{cpus}-cpu", kernel, image=image, cpus=cpus)
            for kernel in GUEST_KERNELS for image in KERNEL_FILES for cpus in (1, 2)]


def check_ended(code: int, line: str | None = None) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        if line is not None:
            expect_line(result, line)
        expect_exit(result, code)
    return check


def check_panic(result: Result) -> None:
    expect("Kernel panic - not syncing" in text_of(result.stdout), "the guest did not panic")
    expect_exit(result, EXIT_PANIC)


def check_exits(result: Result) -> str:
    exits = number_after(result, "exits")
    expect_line(result, "@@READY")
    expect_exit(result, 0)
    expect(0 < exits <= MAX_EXITS_UNTIL_INIT,
           f"{exits} exits to user space until init, at most {MAX_EXITS_UNTIL_INIT} wanted")
    return f"{exits:g} exits to user space until init"


def check_doctor(result: Result) -> None:
    expect_exit(result, 0)
    report = json_of(text_of(result.stdout), "the report")
    speed = report.get("guest_speed")
    expect(isinstance(speed, dict), "the report has no guest_speed, so the micro guest did not run")
    expect(speed["kernel_mode_instructions_per_second"] > 0, f"odd speed: {speed}")
    expect(isinstance(speed["hardware_speed"], bool), f"odd speed: {speed}")


def check_doctor_finds(*providers: str) -> Callable[[Result], None]:
    """These providers of private memory, no others, and mode sealed."""
    def check(result: Result) -> None:
        check_doctor(result)
        report = json_of(text_of(result.stdout), "the report")
        for provider, memory in report["private_memory"].items():
            there = provider in providers
            expect(memory["present"] == memory["works"] == there, f"{provider}: {memory}")
            expect(there or ABSENT[provider] in memory["reason"], f"{provider}: {memory}")
        expect(report["modes"]["sealed"]["available"], f"sealed: {report['modes']['sealed']}")
    return check


def doctor_finds_case(*providers: str) -> Case:
    return Case("doctor", "sealvm doctor --json", check_doctor_finds(*providers), 60)


def check_reports(result: Result) -> None:
    """--events-fd gives ordered JSON lines, --stats a JSON file."""
    expect_exit(result, 0)
    events = [json_of(line, "an event") for line in section(result, "events").splitlines() if line]
    names = [event.get("event") for event in events]
    wanted = ["created", "started", "first-instruction", "exit"]
    expect([name for name in names if name in wanted] == wanted,
           f"events are {names}, expected {wanted} in this order")
    stats = json_of(section(result, "stats"), "--stats")
    expect(isinstance(stats, dict) and bool(stats), "--stats is empty")


def check_console_input(result: Result) -> None:
    expect("sum is 42" in text_of(result.stdout), "the guest's shell did not answer")
    expect_exit(result, 0)


# A terminal's user types when there is something to answer, so wait for the guest's shell.
TYPE_INTO_SHELL = """
mkfifo /tmp/keys
{run} </tmp/keys >/tmp/screen &
vmm=$!
exec 9>/tmp/keys
for i in $(seq 300); do
  grep -q 'shell in the guest' /tmp/screen && break
  kill -0 $vmm 2>/dev/null || break
  usleep 200000
done
printf 'echo sum is $((40 + 2)); poweroff -f\\n' >&9
wait $vmm
status=$?
cat /tmp/screen
rm -f /tmp/keys /tmp/screen
exit $status
"""

REPORTS = """
{run} --events-fd 3 --stats /tmp/stats.json 3>/tmp/events >/dev/null
status=$?
echo '== events'; cat /tmp/events
echo '== stats'; cat /tmp/stats.json
rm -f /tmp/events /tmp/stats.json
exit $status
"""

# A guest that never ends must leave with the VMM, and the VMM with its signal.
END_BY_SIGNAL = """
{run} >/tmp/screen 2>/tmp/messages &
vmm=$!
for i in $(seq 300); do
  grep -q '@@READY' /tmp/screen && break
  kill -0 $vmm 2>/dev/null || break
  usleep 200000
done
kill -TERM $vmm
wait $vmm
echo "status=$?"
kill -0 $vmm 2>/dev/null && echo "still there"
ls /sys/kernel/debug/kvm | grep -q "^$vmm-" && echo "VM still there"
cat /tmp/screen; cat /tmp/messages >&2
rm -f /tmp/screen /tmp/messages
"""


def check_signal(result: Result) -> None:
    expect_line(result, "@@READY")
    status = number_after(result, "status")
    expect(0 < status < 128 or status == 143, f"SIGTERM gave status {status}")
    for left in ("still there", "VM still there"):
        expect(left not in text_of(result.stdout).splitlines(), f"after SIGTERM: {left}")


def guest_cases() -> list[Case]:
    """Behaviour besides plain boots, with the 6.12 kernel."""
    kernel = "cloud-6.12"

    def run(words: str, **options: Any) -> str:
        return sealvm_run(kernel, cmdline=f"console=ttyS0 quiet {words}", **options)

    def interactive(words: str) -> str:
        return run(words).removesuffix(" </dev/null")

    return [
        boot_case("boot/full-console", kernel, cpus=1, cmdline="console=ttyS0", limit=400),
        boot_case("boot/4-cpu", kernel, cpus=4, memory_mib=512, limit=400),
        boot_case("boot/memory-above-4-gib", kernel, cpus=1, memory_mib=5120),
        Case("end/reboot", run("test=reboot"), check_ended(0, "@@READY"), 120),
        Case("end/panic-with-pvpanic", run("test=panic"), check_panic),
        Case("end/panic-before-init", run("panic=-1 reboot=t", initrd=None), check_panic),
        Case("end/timeout-while-booting", run("test=spin", extra=["--timeout", "1"]),
             check_ended(EXIT_TIMEOUT), 60),
        Case("end/timeout-while-spinning",
             "sealvm run --memory 32M --cmdline diag=spin --timeout 20 </dev/null",
             check_ended(EXIT_TIMEOUT, "spinning"), 60),
        Case("end/sigterm-while-spinning", END_BY_SIGNAL.format(run=run("test=spin")),
             check_signal),
        Case("exits-until-init", f"exits-until-init {run('hold=6')}", check_exits),
        Case("reports", REPORTS.format(run=interactive("")), check_reports),
        Case("console-input", TYPE_INTO_SHELL.format(run=interactive("test=shell")),
             check_console_input),
    ]


def common_cases() -> list[Case]:
    """What every L1 kernel must do on a full machine."""
    return [
        Case("doctor", "sealvm doctor --json", check_doctor, 60),
        Case("diagnostic-guest/1-cpu", "sealvm run --memory 128M </dev/null", check_diagnostic(1),
             60),
        Case("diagnostic-guest/2-cpu", "sealvm run --memory 128M --cpus 2 </dev/null",
             check_diagnostic(2), 60),
        Case("refused-isolation", "sealvm run --isolation tdx </dev/null",
             check_ended(EXIT_REFUSED), 30),
    ]


def default_cases(stage: Stage) -> list[Case]:
    boots = [boot_case(f"boot/{kernel}/vmlinuz/2-cpu", kernel, cpus=2)
             for kernel in ("cloud-6.12", "cloud-7.x")]
    match stage.name:
        case "6.12":
            return [*common_cases(), *boot_matrix(), *guest_cases(),
                    sealed_refused_case("KVM_CAP_GUEST_MEMFD_FLAGS is 0x0"),
                    *(absent_case(provider) for provider in PROVIDERS), seal_number_case(),
                    seal_number_in_guest_case("cloud-6.1"), *device_cases(),
                    device_exits_case("mmio"), *guest_fw_cases(), *smoke_cases()]
        case "7.x":
            return [*common_cases(), *boots, private_memory_case(check_private_guest_stops),
                    sealed_refused_case("CPUID in private memory"), seal_number_case(),
                    together_case("cloud-7.x", "none")]
        case "7.x-patched":
            return [doctor_finds_case("guest_memfd"),
                    private_memory_case(check_private_guest("exit")),
                    *(sealed_case(kernel, cpus=2) for kernel in GUEST_KERNELS),
                    sealed_case("cloud-6.12", cpus=1, image="vmlinux"),
                    exits_case(), *launch_cases(), *memory_cases(), *secrecy_cases(),
                    together_case("cloud-6.12", "sealed"),
                    together_case("cloud-6.1", "sealed", "mmio"), *firmware_cases()]
        case "7.x-patched-intel":
            return [private_memory_case(check_private_guest("shutdown")), *diagnostic_cases(),
                    sealed_case("cloud-6.1", cpus=2), sealed_case("cloud-6.12", cpus=1),
                    sealed_case("cloud-7.x", cpus=2)]
        case "7.x-patched-9G":
            return [sealed_case("cloud-6.12", cpus=2, memory_mib=6144), large_diagnostic_case()]
        case "7.x-patched-intel-9G":
            return []
        case "patched":
            return [doctor_finds_case(*OWN_PROVIDERS), *selftest_cases(), seal_number_case(),
                    absent_case("guest_memfd"), auto_provider_case("seal"),
                    *(sealed_case("cloud-6.12", cpus=2, provider=provider)
                      for provider in OWN_PROVIDERS),
                    *provider_memory_cases(OWN_PROVIDERS), *provider_secrecy_cases(OWN_PROVIDERS),
                    together_case("cloud-6.12", "sealed"), log_case()]
        case "patched-debug":
            return []
    raise CheckFailed(f"no tests for L1 {stage.name}")


def soak_cases(stage: Stage) -> list[Case]:
    match stage.name:
        case "6.12":
            return [*device_soak_cases(), device_exits_case("io"), rates_case()]
        case "7.x-patched":
            return [*sealed_boots(), boots_in_a_row_case(), inside_case("sealed", 1),
                    outside_case("sealed", 1), cost_case(), device_exits_case("io", "sealed"),
                    *sealed_device_soak_cases(), *firmware_soak_cases()]
        case "7.x-patched-intel":
            return [*sealed_boots(), boots_in_a_row_case(), outside_case("sealed", 2),
                    *sealed_device_soak_cases()]
        case "7.x-patched-9G" | "7.x-patched-intel-9G":
            return sealed_boots(memory_mib=6144)
        case "patched":
            return [*(case for provider in OWN_PROVIDERS
                      for case in (*sealed_boots(provider=provider),
                                   boots_in_a_row_case(provider=provider))),
                    *provider_secrecy_soak_cases(OWN_PROVIDERS), changed_code_case()]
        case "patched-debug":
            return [*selftest_cases(), seal_number_case(),
                    sealed_case("cloud-6.12", cpus=1, provider="sw-protected"),
                    boots_in_a_row_case(DEBUG_BOOTS, "seal"), debug_log_case()]
    return []


def cases_for(stage: Stage, suite: str = "default") -> list[Case]:
    """All tests of a suite for one kind of L1."""
    return soak_cases(stage) if suite == "soak" else default_cases(stage)
