# SPDX-License-Identifier: Apache-2.0
"""The tests of virtio devices: that they work, stay whole and outlive what happens to them.

Each is a script of l1/devices, whose guest runs the script of the same name in guest/devices.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.boots import GUEST_KERNELS
from lab.case import (Case, CheckFailed, expect, expect_line, number_after, text_of, value_after)
from lab.session import Result

# What e2fsck -p calls well: nothing to do, or a journal that was replayed.
SOUND = ("0", "1")

REBIND_DRIVERS = ("virtio_blk", "virtio_net", "virtio_rng", "virtio_console",
                  "vmw_vsock_virtio_transport")


def script_case(name: str, script: str, check: Callable[[Result], str | None], *,
                kernel: str = "cloud-6.12", options: str = "", limit: float = 300) -> Case:
    return Case(name, f"KERNEL={kernel} OPTIONS='{options}' /lab/devices/{script}", check, limit)


def expect_same(result: Result, left: str, right: str) -> None:
    """Two lines of which one says what was sent and the other what came."""
    sent, come = value_after(result, left), value_after(result, right)
    expect(re.fullmatch(r"[0-9a-f]{32}", sent) is not None and sent == come,
           f"{left} is {sent}, {right} is {come}")


def expect_end(result: Result) -> None:
    """The guest powered off and the VMM ended well."""
    status = number_after(result, "status")
    expect(status == 0, f"sealvm ended with {status}")


def check_together(result: Result) -> None:
    """Each device did its part."""
    expect_line(result, "@@ROOT ext4")
    expect_line(result, "@@DISK intact")
    expect_line(result, "@@ADDRESS 10.0.2.15")
    expect_same(result, "page", "@@FETCHED")
    expect_same(result, "@@SERVED", "got")
    expect_line(result, "@@RNG 1024")
    expect_same(result, "shared", "@@SHARED")
    expect_same(result, "@@WRITTEN", "written")
    for line in ("@@VSOCK out", "@@VSOCK in", "vsock-in=0", "vsock-out=0"):
        expect_line(result, line)
    expect_end(result)
    expect_line(result, "e2fsck=0")


def together_case(kernel: str, mode: str, bars: str = "auto") -> Case:
    return script_case(f"devices/together/{kernel}/{mode}-{bars}", "together", check_together,
                       kernel=kernel, options=f"--isolation {mode} --pci-bars {bars}", limit=400)


def check_records(rounds: int) -> Callable[[Result], str]:
    def check(result: Result) -> str:
        found = re.findall(r"^round (\S+) durable=(\d+) found=(\d*) e2fsck=(\d+)$",
                           text_of(result.stdout), re.MULTILINE)
        expect([entry[0] for entry in found] == [*map(str, range(1, rounds + 1)), "end"],
               f"not {rounds} rounds: {found}")
        for name, durable, records, e2fsck in found:
            expect(records != "" and int(records) >= int(durable),
                   f"round {name}: {records or 'no'} records left of {durable}")
            expect(e2fsck in SOUND, f"round {name}: e2fsck says {e2fsck}")
        written = int(found[-1][1])
        expect(written >= 10 * rounds, f"the guests wrote only {written} records")
        expect_end(result)
        return f"{written} records durable over {rounds} kills"
    return check


def records_case(rounds: int, options: str = "") -> Case:
    name = "-".join(["devices/kill-while-writing", str(rounds), *re.findall(r"=(\w+)", options)])
    return script_case(name, f"records {rounds}", check_records(rounds), options=options,
                       limit=120 + 60 * rounds)


def check_rebind(times: int) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        for driver in REBIND_DRIVERS:
            good = number_after(result, f"@@REBOUND {driver}")
            expect(good == times, f"{driver} came back {good} times of {times}")
        expect_line(result, "disk check mib=16 intact=16 unreadable=0")
        expect_same(result, "page", "@@FETCHED")
        expect_line(result, "@@VSOCK out")
        expect_end(result)
    return check


def rebind_case(kernel: str, times: int) -> Case:
    return script_case(f"devices/rebind-{times}/{kernel}", f"rebind {times}", check_rebind(times),
                       kernel=kernel, limit=240 + 6 * times)


def check_verify(result: Result) -> None:
    expect_line(result, "@@FIO 0")
    expect_end(result)


def verify_case(mib: int, options: str = "") -> Case:
    name = "-".join([f"devices/fio-verify-{mib}M", *re.findall(r"--\S+ (\S+)", options)])
    return script_case(name, f"verify {mib}M", check_verify, options=options, limit=300 + 4 * mib)


def lines_of(result: Result, start: str) -> list[str]:
    return [line for line in text_of(result.stdout).splitlines() if line.startswith(start)]


def check_faults(result: Result) -> str:
    """What is gone cannot be read; all else is as it was."""
    checks = lines_of(result, "disk check ")
    expect(len(checks) == 4, f"the guest did not check its disks four times: {checks}")
    expect(checks[0] == "disk check mib=32 intact=32 unreadable=0", checks[0])
    expect(checks[1] == "disk check mib=32 intact=16 unreadable=16", f"shrunk disk: {checks[1]}")
    full = re.fullmatch(r"disk check mib=32 intact=(\d+) unreadable=0", checks[2])
    expect("@@FILLED" not in text_of(result.stdout), "a full file system's disk took all")
    if full is None or int(full[1]) < 8:
        raise CheckFailed(f"disk without space behind it: {checks[2]}")
    expect(checks[3] == "disk check mib=16 intact=16 unreadable=0", checks[3])
    expect(number_after(result, "@@TAP-ENDED") != 0, "a stream outlived its tap device")
    expect_line(result, "@@ALIVE")
    expect_end(result)
    return f"{full[1]} of 32 MiB fit"


def check_peers(result: Result) -> None:
    expect_same(result, "shared", "@@SHARED")
    expect_same(result, "page", "@@FETCHED")
    expect(number_after(result, "@@VSOCK-ENDED") != 0, "a stream outlived its peer")
    for line in ("@@VSOCK again", "@@VSOCK once more", "@@ALIVE"):
        expect_line(result, line)
    expect("no passt to kill" not in text_of(result.stdout), "there was no passt to kill")
    expect_end(result)


def device_cases() -> list[Case]:
    """For each run, on the 6.12 kernel's KVM."""
    return [together_case("cloud-6.12", "none"), together_case("cloud-6.1", "none", "io"),
            records_case(1), rebind_case("cloud-6.12", 5), verify_case(16),
            script_case("devices/faults", "faults", check_faults),
            script_case("devices/peers-die", "peers", check_peers)]


def device_soak_cases() -> list[Case]:
    return [*(rebind_case(kernel, 100) for kernel in GUEST_KERNELS),
            records_case(100), verify_case(256), verify_case(64, "--pci-bars io"),
            *(together_case(kernel, "none", bars)
              for kernel in GUEST_KERNELS for bars in ("mmio", "io"))]


def sealed_device_soak_cases() -> list[Case]:
    return [*(together_case(kernel, "sealed") for kernel in GUEST_KERNELS),
            records_case(10, "--isolation=sealed")]
