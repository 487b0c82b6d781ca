# SPDX-License-Identifier: Apache-2.0
"""The guest: a kernel, and an initramfs whose first program tells what it finds on the console."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import pathlib
import re
import struct

from lab import cpio, initrd, kernels

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ["configfs", "sev-guest", "tdx-guest", "virtio_pci", "virtio_blk", "virtio_net",
           "virtio-rng"]
DISK_SECTORS = 2048
SECTOR = 512
# Linux Documentation/arch/x86/boot.rst: the version's offset, counted from 0x200.
VERSION_POINTER = 0x20E


class GuestError(Exception):
    """There is no guest to be had; the text says what to do."""


@dataclasses.dataclass(frozen=True)
class GuestKernel:
    file: pathlib.Path
    modules: pathlib.Path


def kernel_release(content: bytes) -> str:
    """What `uname -r` will say in a bzImage's guest."""
    if len(content) < 0x210 or content[0x202:0x206] != b"HdrS":
        raise GuestError("is no bzImage")
    at = struct.unpack_from("<H", content, VERSION_POINTER)[0] + 0x200
    text = content[at:at + 256].split(b"\0")[0].split(b" ")[0].decode("ascii", "replace")
    if not text:
        raise GuestError("has no version in its header")
    return text


def find_kernel(file: pathlib.Path | None, modules: pathlib.Path | None) -> GuestKernel:
    """The one that is named; else Debian's newest cloud kernel of the cache."""
    if file is None:
        try:
            newest = kernels.load()["cloud-7.x"]
        except (kernels.LabError, KeyError) as error:
            raise GuestError(f"no guest kernel: give --kernel, or run tools/setup kernels "
                             f"({error})") from error
        return GuestKernel(newest.vmlinuz, newest.modules)
    try:
        release = kernel_release(file.read_bytes())
    except OSError as error:
        raise GuestError(f"--kernel {file}: {error.strerror}") from error
    except GuestError as error:
        raise GuestError(f"--kernel {file}: {error}") from error
    folder = modules or pathlib.Path("/lib/modules", release)
    if not folder.is_dir():
        raise GuestError(f"{folder}: the kernel's modules are not there; give --modules")
    return GuestKernel(file, folder)


def build_initrd(kernel: GuestKernel) -> bytes:
    raw = io.BytesIO()
    archive = cpio.Writer(raw)
    try:
        initrd.add_busybox(archive)
        archive.device("dev/console", 5, 1)
        archive.device("dev/null", 1, 3, 0o666)
        for folder in ("proc", "sys", "tmp"):
            archive.folder(folder)
        archive.file("init", HERE / "guest-init", 0o755)
        initrd.add_modules(archive, "modules", kernels.module_closure(kernel.modules, MODULES))
    except (kernels.LabError, OSError) as error:
        raise GuestError(f"no initramfs: {error}") from error
    archive.close()
    return gzip.compress(raw.getvalue(), mtime=0)


def disk_content() -> bytes:
    """Sectors that differ."""
    return b"".join(struct.pack("<Q", number) * (SECTOR // 8) for number in range(DISK_SECTORS))


@dataclasses.dataclass(frozen=True)
class Told:
    """What a guest said on its console."""

    facts: dict[str, str]
    reports: dict[str, bytes]  # by kind: "snp", "tdx", "mrtd"


def read_console(console: bytes) -> Told:
    """Lines "@@NAME VALUE", and base64 between "@@BEGIN KIND" and "@@END". The guest is trusted
    with nothing: what cannot be read is left out."""
    facts: dict[str, str] = {}
    reports: dict[str, bytes] = {}
    kind: str | None = None
    collected = ""
    for line in console.decode("utf-8", "replace").replace("\r", "").splitlines():
        found = re.fullmatch(r"@@([A-Z]+) ?(.*)", line)
        if found and found[1] == "BEGIN":
            kind, collected = found[2], ""
        elif found and found[1] == "END" and kind is not None:
            try:
                reports[kind] = base64.b64decode(collected, validate=True)
            except ValueError:
                pass
            kind = None
        elif found:
            facts.setdefault(found[1], found[2])
        elif kind is not None:
            collected += line.strip()
    return Told(facts, reports)
