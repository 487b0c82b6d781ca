# SPDX-License-Identifier: Apache-2.0
"""The guest of tools/hw-smoke, by our own firmware, where there is nothing to attest: what it tells
on its console, and what it does to its disk."""

from __future__ import annotations

import hashlib
import pathlib
import sys

from lab import kernels
from lab.boots import sealvm_run
from lab.case import Case, expect, expect_exit, section
from lab.errors import LabError
from lab.session import Result

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "hw-smoke.d"))

import smoke_guest  # noqa: E402  pylint: disable=wrong-import-position

SMOKE_STAGE = "6.12"  # where these tests run
KERNEL = "cloud-7.x"
NONCE = "0123456789abcdef" * 8
INITRD_NAME = "smoke-initrd.img"
DISK_NAME = "smoke-disk.raw"


def smoke_files() -> tuple[tuple[str, bytes], ...]:
    """The guest's initramfs and disk: names and contents."""
    kernel = kernels.load()[KERNEL]
    try:
        initrd = smoke_guest.build_initrd(
            smoke_guest.GuestKernel(kernel.vmlinuz, kernel.modules))
    except smoke_guest.GuestError as error:
        raise LabError(f"hw-smoke: {error}") from error
    return ((INITRD_NAME, initrd), (DISK_NAME, smoke_guest.disk_content()))


def check_smoke_guest(result: Result) -> None:
    told = smoke_guest.read_console(section(result, "console").encode())
    expect(told.facts.get("CPUS") == "2", f"the guest told {told.facts}")
    expect(told.facts.get("KERNEL", "").startswith("7."), f"the guest told {told.facts}")
    expect("NOREPORT" in told.facts and not told.reports,
           f"the guest has a report, and nobody to make it: {told.facts}")
    content = smoke_guest.disk_content()
    expect(told.facts.get("DISK") == hashlib.sha256(content).hexdigest(),
           f"the guest read another disk: {told.facts}")
    expect("READY" in told.facts, f"the guest did not end its work: {told.facts}")
    half = len(content) // 2
    written = hashlib.sha256(content[half:] + content[:half]).hexdigest()
    expect(section(result, "disk").split(" ")[0] == written,
           "what the guest wrote is not on the disk")
    expect_exit(result, 0)


def smoke_cases() -> list[Case]:
    run = sealvm_run(KERNEL, cpus=2, initrd=INITRD_NAME,
                     cmdline=f"console=ttyS0 quiet smoke=disk nonce={NONCE}",
                     extra=["--isolation", "none", "--firmware", "guest-fw",
                            "--disk", f"path={DISK_NAME}", "--rng", "on"])
    script = (f"echo '== console'; {run}; status=$?\n"
              f"echo; echo '== disk'; sha256sum {DISK_NAME}\nexit $status\n")
    return [Case("hw-smoke/guest", script, check_smoke_guest, 240)]
