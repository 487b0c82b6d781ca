# SPDX-License-Identifier: Apache-2.0
"""A disk that firmware boots from: a FAT partition with a unified kernel image."""

from __future__ import annotations

import pathlib
import struct
import subprocess
import tempfile

from lab.errors import LabError

# Of Debian's systemd-boot-efi: an EFI program that starts the kernel in its own sections.
STUB = pathlib.Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
# Behind the stub's own sections, with room for a kernel of 32 MiB.
SECTIONS = {".cmdline": 0x30000, ".linux": 0x2000000, ".initrd": 0x4000000}
SECTOR = 512
FIRST_SECTOR = 2048
# Of the whole disk: a kernel, its initramfs, and what FAT needs.
SIZE = 48 << 20


def _run(*command: str | pathlib.Path) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise LabError(f"{command[0]} is missing: run tools/setup lab") from None
    if done.returncode != 0:
        raise LabError(f"{command[0]} ended with {done.returncode}: {done.stdout.strip()}")


def partition_table() -> bytes:
    """A master boot record with one EFI system partition (UEFI specification 2.10, 5.2.1)."""
    count = SIZE // SECTOR - FIRST_SECTOR
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEF, b"\xff" * 3, FIRST_SECTOR, count)
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def make_efi_disk(kernel: pathlib.Path, initrd: bytes, cmdline: str) -> bytes:
    """The disk's bytes; its kernel is what firmware starts from a disk that it does not know."""
    if not STUB.is_file():
        raise LabError(f"{STUB} is missing: run tools/setup lab")
    with tempfile.TemporaryDirectory(prefix="sealvm-efi-") as scratch:
        folder = pathlib.Path(scratch)
        (folder / "cmdline").write_bytes(cmdline.encode() + b"\0")
        (folder / "initrd").write_bytes(initrd)
        contents = {".cmdline": folder / "cmdline", ".linux": kernel, ".initrd": folder / "initrd"}
        sections = [word for name, address in SECTIONS.items()
                    for word in (f"--add-section={name}={contents[name]}",
                                 f"--change-section-vma={name}={address:#x}")]
        _run("objcopy", *sections, STUB, folder / "image.efi")
        disk = folder / "disk"
        with disk.open("wb") as file:
            file.write(partition_table())
            file.truncate(SIZE)
        volume = f"{disk}@@{FIRST_SECTOR * SECTOR}"
        _run("mformat", "-i", volume, "-F", "-T", str(SIZE // SECTOR - FIRST_SECTOR), "::")
        _run("mmd", "-i", volume, "::/EFI", "::/EFI/BOOT")
        _run("mcopy", "-i", volume, folder / "image.efi", "::/EFI/BOOT/BOOTX64.EFI")
        return disk.read_bytes()
