# SPDX-License-Identifier: Apache-2.0
"""Tests that boot guests by Debian's OVMF images as they are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from lab import initrd, kernels
from lab.boots import INITRD, sealvm_run
from lab.case import (Case, NotHere, expect, expect_exit, expect_line, json_of, number_after,
                      section, text_of, value_after)
from lab.efi_disk import make_efi_disk
from lab.session import Result

# Stock QEMU has an assertion that fails when edk2's interrupt handlers write CR8.
FIRMWARE_STAGE = "7.x-patched"

# Firmware and its tables take some of the guest's memory.
FIRMWARE_KIB = 64 * 1024

CMDLINE = "console=ttyS0 test=poweroff"

DISK_FIRMWARE = "/firmware/2026.08/OVMF.fd"
DISK_KERNEL = "cloud-6.12"
DISK_NAME = "efi-disk.raw"


def with_image(path: str, script: str) -> str:
    return f"[ -e {path} ] || {{ echo 'no image'; exit 0; }}; {script}"


def expect_image(result: Result) -> None:
    if text_of(result.stdout).strip() == "no image":
        raise NotHere("tools/setup firmware could not get this image")


def check_firmware_boot(cpus: int, memory_mib: int) -> Callable[[Result], str]:
    """The firmware loaded kernel and initrd by fw_cfg, and init sees all vCPUs and the very command
    line; the way off led through the firmware."""
    def check(result: Result) -> str:
        expect_image(result)
        expect("EFI v" in text_of(result.stdout), "the kernel was not started by EFI")
        expect_line(result, "@@INIT")
        seen = number_after(result, "@@CPUS")
        expect(seen == cpus, f"the guest sees {seen} vCPUs of {cpus}")
        ram, given = number_after(result, "@@RAMKIB"), memory_mib * 1024
        expect(given - FIRMWARE_KIB <= ram <= given, f"the guest sees {ram} KiB of {given}")
        line = value_after(result, "@@CMDLINE")
        expect(CMDLINE in line and "pci=off" not in line, f"the command line is '{line}'")
        expect_line(result, "@@READY")
        expect_exit(result, 0)
        stats = json_of(section(result, "stats"), "the statistics")
        accesses = stats["accesses_by_device"]
        expect(accesses["fw-cfg"] > 0, f"nobody read fw_cfg: {accesses}")
        return f"{stats['exits_total']} exits, {accesses['fw-cfg']} to fw_cfg"
    return check


def firmware_case(release: str, image: str, kernel: str, cpus: int,
                  memory_mib: int = 512) -> Case:
    path = f"/firmware/{release}/{image}"
    run = sealvm_run(kernel, cpus=cpus, memory=f"{memory_mib}M", cmdline=CMDLINE,
                     extra=["--firmware", path, "--isolation", "none", "--stats", "/tmp/stats"])
    return Case(f"firmware/{release}/{image.removesuffix('.fd')}/{kernel}/{cpus}-cpu",
                with_image(path, f"{run}; status=$?; echo; echo '== stats'; cat /tmp/stats; "
                                 "exit $status"),
                check_firmware_boot(cpus, memory_mib), 400)


def firmware_files() -> tuple[tuple[str, bytes], ...]:
    """The disk of the case that boots from one: name and contents."""
    kernel = kernels.load()[DISK_KERNEL]
    return ((DISK_NAME, make_efi_disk(kernel.vmlinuz, initrd.build_guest([kernel]), CMDLINE)),)


def check_disk_boot(result: Result) -> None:
    """There was no kernel in fw_cfg: this one came from the disk, with the command line in it."""
    expect_image(result)
    expect("EFI v" in text_of(result.stdout), "the kernel was not started by EFI")
    expect_line(result, "@@INIT")
    line = value_after(result, "@@CMDLINE")
    expect(line == CMDLINE, f"the command line is '{line}'")
    expect_line(result, "@@READY")
    expect_exit(result, 0)


def disk_case() -> Case:
    run = (f"sealvm run --firmware {DISK_FIRMWARE} --isolation none --memory 768M "
           f"--disk path={DISK_NAME} </dev/null")
    return Case("firmware/disk", with_image(DISK_FIRMWARE, run), check_disk_boot, 400)


def check_refused(part: str) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        errors = text_of(result.stderr)
        expect(re.search(part, errors) is not None and errors.count("\n") == 1,
               f"not one line with '{part}': {errors}")
        expect_exit(result, 2)
    return check


def refused_case(name: str, arguments: str, part: str) -> Case:
    return Case(f"firmware/refused/{name}", f"sealvm run {arguments} </dev/null",
                check_refused(part), 60)


def firmware_cases() -> list[Case]:
    kernel = shlex.quote("/kernels/cloud-6.12/vmlinux")
    image = "/firmware/2025.02/OVMF.fd"
    return [firmware_case("2022.11", "OVMF.fd", "cloud-6.1", 1),
            firmware_case("2026.08", "OVMF.fd", "cloud-6.12", 2),
            firmware_case("2025.02", "OVMF_CODE_4M.fd", "cloud-7.x", 2, memory_mib=3584),
            disk_case(),
            refused_case("sealed", f"--firmware {image} --isolation sealed", "--isolation none"),
            refused_case("elf", f"--firmware {image} --isolation none --kernel {kernel} "
                                f"--initrd {INITRD}", "neither a bzImage nor an EFI program"),
            refused_case("kernel", "--firmware /kernels/cloud-6.12/vmlinuz", "--kernel")]


def firmware_soak_cases() -> list[Case]:
    """The whole image of a release whose code part, which is the same code, boots every time."""
    return [firmware_case("2025.02", "OVMF.fd", "cloud-6.12", 1)]
