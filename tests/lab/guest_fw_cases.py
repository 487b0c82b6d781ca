# SPDX-License-Identifier: Apache-2.0
"""Tests that boot guests by our own firmware, with and without a kernel hash table in its image."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.boots import EXIT_PANIC, INITRD, sealvm_run
from lab.case import Case, expect, expect_exit, expect_line, number_after, text_of, value_after
from lab.session import Result

CMDLINE = "console=ttyS0 quiet test=poweroff"
KERNEL = "/kernels/cloud-6.12/vmlinuz"

# What the firmware takes of the guest's memory: ACPI tables, and the PC's hole.
FIRMWARE_KIB = 2 * 1024

# Makes /tmp/fw, the firmware with the hashes of kernel, initrd and command line in its first page,
# which is where a TD's VMM puts them. printf gives GUIDs and lengths: see guest-fw/README.md.
WITH_HASHES = r"""
hash() {{ sha256sum "$1" | cut -c1-64 | sed 's/../\\x&/g'; }}
printf '%s\0' {cmdline} >/tmp/cmdline
{{
  printf '\x06\xd6\x38\x94\x22\x4f\xc9\x4c\xb4\x79\xa7\x93\xd4\x11\xfd\x21\xa8\x00'
  printf '\xd8\x2d\xd0\x97\x20\xbd\x94\x4c\xaa\x78\xe7\x71\x4d\x36\xab\x2a\x32\x00'
  printf "$(hash /tmp/cmdline)"
  printf '\x31\xf7\xba\x44\x2f\x3a\xd7\x4b\x9a\xf1\x41\xe2\x91\x69\x78\x1d\x32\x00'
  printf "$(hash {initrd})"
  printf '\x37\x94\xe7\x4d\xd2\xab\x7f\x42\xb8\x35\xd5\xb1\x72\xd2\x04\x5b\x32\x00'
  printf "$(hash {kernel})"
}} >/tmp/table
cp {firmware} /tmp/fw
dd if=/tmp/table of=/tmp/fw conv=notrunc 2>/dev/null
"""
FIRMWARE = "sealvm-guest-fw.fd"


def check_booted(cpus: int, memory_mib: int) -> Callable[[Result], None]:
    """Init sees all vCPUs, the memory and the very command line; no EFI took part."""
    def check(result: Result) -> None:
        expect("EFI v" not in text_of(result.stdout), "another firmware started the kernel")
        expect_line(result, "@@INIT")
        seen = number_after(result, "@@CPUS")
        expect(seen == cpus, f"the guest sees {seen} vCPUs of {cpus}")
        ram, given = number_after(result, "@@RAMKIB"), memory_mib * 1024
        expect(given - FIRMWARE_KIB <= ram <= given, f"the guest sees {ram} KiB of {given}")
        line = value_after(result, "@@CMDLINE")
        expect(line == CMDLINE, f"the command line is '{line}'")
        expect_line(result, "@@READY")
        expect_exit(result, 0)
    return check


def check_refused(reason: str) -> Callable[[Result], None]:
    """The firmware said why, and the kernel never ran."""
    def check(result: Result) -> None:
        output = text_of(result.stdout)
        expect(re.search(f"guest-fw: {reason}", output) is not None,
               f"no line 'guest-fw: {reason}': {output}")
        expect("@@INIT" not in output, "the guest was started all the same")
        expect_exit(result, EXIT_PANIC)
    return check


def run(firmware: str, *, kernel: str = "cloud-6.12", cpus: int = 1, memory: str = "256M",
        initrd: str = INITRD, cmdline: str = CMDLINE) -> str:
    return sealvm_run(kernel, cpus=cpus, memory=memory, initrd=initrd, cmdline=cmdline,
                      extra=["--firmware", firmware, "--isolation", "none"])


def verified_case(name: str, arguments: str, check: Callable[[Result], None],
                  tamper: str = "") -> Case:
    script = WITH_HASHES.format(cmdline=f"'{CMDLINE}'", initrd=INITRD, kernel=KERNEL,
                                firmware=FIRMWARE)
    return Case(f"guest-fw/{name}", script + tamper + arguments, check, 400)


def guest_fw_cases() -> list[Case]:
    # One byte in the middle of the initrd.
    other_initrd = (f"cp {INITRD} /tmp/initrd; printf X | "
                    "dd of=/tmp/initrd bs=1 seek=100000 conv=notrunc 2>/dev/null\n")
    # A bzImage of a kernel without CONFIG_EFI_STUB does not begin with MZ.
    no_stub = (f"cp {KERNEL} /tmp/kernel; printf '\\0\\0' | "
               "dd of=/tmp/kernel bs=1 conv=notrunc 2>/dev/null\n")
    return [
        Case("guest-fw/boot/2-cpu-no-efi-stub",
             no_stub + run(FIRMWARE, cpus=2, memory="512M").replace(KERNEL, "/tmp/kernel"),
             check_booted(2, 512), 400),
        Case("guest-fw/boot/memory-above-4-gib", run(FIRMWARE, kernel="cloud-7.x", memory="5G"),
             check_booted(1, 5120), 400),
        verified_case("verified", run("/tmp/fw"), check_booted(1, 256)),
        verified_case("tampered/initrd", run("/tmp/fw", initrd="/tmp/initrd"),
                      check_refused("the initrd is not the one"), other_initrd),
        verified_case("tampered/cmdline", run("/tmp/fw", cmdline=CMDLINE + " init=/bin/sh"),
                      check_refused("the command line is not the one")),
        Case("guest-fw/no-kernel", f"sealvm run --firmware {FIRMWARE} --isolation none "
                                   "--memory 192M </dev/null",
             check_refused("there is no kernel"), 60),
    ]
