# SPDX-License-Identifier: Apache-2.0
"""Builds the initramfs of L1 (runs sealvm) and of the guests in it (L2)."""

from __future__ import annotations

import dataclasses
import gzip
import io
import pathlib
import struct
import subprocess
from collections.abc import Iterable
from typing import BinaryIO

from lab import cpio, kernels, programs
from lab.errors import LabError, UsageError

HERE = pathlib.Path(__file__).resolve().parent
BUSYBOX = pathlib.Path("/bin/busybox")
KVM_MODULES = ["kvm-amd"]

# Tells the VMM of a panic; guests find the device through ACPI or PCI.
GUEST_MODULES = ["pvpanic-mmio", "pvpanic-pci"]

# What the tests of devices need: guests' drivers, L1's modules and programs.
GUEST_DRIVERS = ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_console",
                 "virtio-rng", "vmw_vsock_virtio_transport", "virtiofs"]
L1_DEVICE_MODULES = ("tun",)
L1_DEVICE_PROGRAMS = ("e2fsck", "mke2fs", "passt")
QEMU_FIRMWARE = {name: pathlib.Path(folder, name) for name, folder in (
    ("bios-microvm.bin", "/usr/share/seabios"), ("linuxboot_dma.bin", "/usr/share/qemu"),
    ("pvh.bin", "/usr/share/qemu"), ("qboot.rom", "/usr/share/qemu"))}

# What a machine without isolation boots from.
FIRMWARE_FILES = ("OVMF.fd", "OVMF_CODE_4M.fd")

ELF_MAGIC = b"\x7fELF"
PT_INTERP = 3


@dataclasses.dataclass(frozen=True)
class L1Content:
    """What goes into L1 besides busybox and KVM's modules."""

    kernel: kernels.Kernel
    sealvm: pathlib.Path | None
    files: tuple[pathlib.Path, ...] = ()  # into the working directory, under their own names
    made: tuple[tuple[str, bytes], ...] = ()  # files that exist only there: names and contents
    guest_kernels: tuple[kernels.Kernel, ...] = ()  # into /kernels/NAME/
    guest_programs: tuple[pathlib.Path, ...] = ()  # into the guests' /bin, '_' as '-'
    modules: tuple[str, ...] = ()
    firmware: bool = False  # the cached images, into /firmware/RELEASE/
    devices: DeviceContent | None = None


@dataclasses.dataclass(frozen=True)
class DeviceContent:
    """What the tests of devices need in L1 besides, with its guest kernels: /lab/devices, the
    initramfs /kernels/devices.cpio.gz, and in /lab/root what a root filesystem consists of."""

    load: tuple[pathlib.Path, ...] = ()  # static programs for L1's and the guests' /bin
    extra: bool = False  # large ones: QEMU, to be compared with, and fio in /lab/fio


def is_static(elf: bytes) -> bool:
    """True for a 64-bit ELF program that asks for no dynamic loader."""
    if len(elf) < 64 or not elf.startswith(ELF_MAGIC):
        return False
    (table,) = struct.unpack_from("<Q", elf, 0x20)
    size, count = struct.unpack_from("<HH", elf, 0x36)
    headers = [table + i * size for i in range(count)]
    return all(at + 4 <= len(elf) and struct.unpack_from("<I", elf, at)[0] != PT_INTERP
               for at in headers)


def build_l1(stream: BinaryIO, content: L1Content) -> None:
    archive = cpio.Writer(stream)
    add_busybox(archive)
    archive.file("init", HERE / "l1" / "init", 0o755)
    wanted = [*KVM_MODULES, *content.modules, *(L1_DEVICE_MODULES if content.devices else ())]
    modules = kernels.module_closure(content.kernel.modules, wanted)
    add_modules(archive, "lab/modules", modules)
    if content.sealvm is not None:
        archive.data("bin/sealvm", _static_program(content.sealvm, "//:sealvm"), 0o755)
    for script in sorted((HERE / "l1" / "bin").glob("*")):
        archive.file(f"lab/bin/{script.name}", script, 0o755)
    _add_files(archive, content.files)
    for name, made in content.made:
        archive.data(f"root/{name}", made)
    if content.guest_kernels:
        for kernel in content.guest_kernels:
            archive.file(f"kernels/{kernel.name}/vmlinuz", kernel.vmlinuz, 0o644)
            archive.file(f"kernels/{kernel.name}/vmlinux", kernel.vmlinux, 0o644)
        guest = build_guest(content.guest_kernels, content.guest_programs)
        archive.data("kernels/initrd.cpio.gz", guest)
        if content.devices is not None:
            archive.data("kernels/devices.cpio.gz",
                         guest + build_devices(content.guest_kernels, content.devices.load))
    if content.firmware:
        _add_firmware(archive)
    if content.devices is not None:
        _add_devices(archive, content.devices)
    archive.close()


def build_guest(for_kernels: Iterable[kernels.Kernel],
                guest_programs: Iterable[pathlib.Path] = ()) -> bytes:
    """A compressed initramfs that works with each of these kernels."""
    raw = io.BytesIO()
    archive = cpio.Writer(raw)
    add_busybox(archive)
    archive.device("dev/console", 5, 1)
    archive.device("dev/null", 1, 3, 0o666)
    for folder in ("proc", "sys", "tmp"):
        archive.folder(folder)
    archive.file("init", HERE / "guest" / "init", 0o755)
    _add_guest_programs(archive, "bin", guest_programs)
    for kernel in for_kernels:
        add_modules(archive, f"modules/{kernel.release}",
                     kernels.module_closure(kernel.modules, GUEST_MODULES))
    archive.close()
    return gzip.compress(raw.getvalue(), mtime=0)


def build_devices(for_kernels: Iterable[kernels.Kernel],
                  load: Iterable[pathlib.Path]) -> bytes:
    """What follows the initramfs of plain guests in that of guests with devices: drivers, tests
    and programs, which plain boots need not unpack."""
    raw = io.BytesIO()
    archive = cpio.Writer(raw)
    _add_scripts(archive, "tests", HERE / "guest" / "devices")
    _add_guest_programs(archive, "bin", load)
    for kernel in for_kernels:
        add_modules(archive, f"modules/{kernel.release}",
                     kernels.module_closure(kernel.modules, GUEST_DRIVERS), "devices")
    archive.close()
    return gzip.compress(raw.getvalue(), mtime=0)


def _add_firmware(archive: cpio.Writer) -> None:
    folder = kernels.cache_folder() / "firmware"
    images = sorted(image for name in FIRMWARE_FILES for image in folder.glob(f"[0-9]*/{name}"))
    if not images:
        raise LabError("there is no firmware in the cache: run tools/setup firmware")
    for image in images:
        archive.file(f"firmware/{image.parent.name}/{image.name}", image)


def _add_devices(archive: cpio.Writer, content: DeviceContent) -> None:
    _add_scripts(archive, "lab/devices", HERE / "l1" / "devices")
    _add_guest_programs(archive, "usr/bin", content.load)
    programs.add(archive, (*L1_DEVICE_PROGRAMS, *(["qemu-system-x86_64"] if content.extra else [])))
    programs.add_virtiofsd(archive)
    if content.extra:
        for name, path in QEMU_FIRMWARE.items():
            archive.file(f"usr/share/qemu/{name}", path)
        programs.add(archive, ["fio"], "lab/fio")
        for folder in ("dev", "proc", "sys", "tmp"):
            archive.folder(f"lab/fio/{folder}")
    add_busybox(archive, "lab/root/")
    _add_guest_programs(archive, "lab/root/bin", content.load)
    _add_scripts(archive, "lab/root/tests", HERE / "guest" / "devices")
    archive.file("lab/root/sbin/init", HERE / "guest" / "devices" / "init-on-disk", 0o755)
    for folder in ("dev", "mnt", "proc", "root", "sys", "tmp"):
        archive.folder(f"lab/root/{folder}")


def _add_scripts(archive: cpio.Writer, folder: str, source: pathlib.Path) -> None:
    for script in sorted(source.iterdir()):
        archive.file(f"{folder}/{script.name}", script, 0o755)


def _add_guest_programs(archive: cpio.Writer, folder: str,
                        paths: Iterable[pathlib.Path]) -> None:
    for path in paths:
        archive.data(f"{folder}/{path.name.replace('_', '-')}", _static_program(path), 0o755)


def add_busybox(archive: cpio.Writer, top: str = "") -> None:
    """/bin/busybox below `top`, with a link for each of its programs."""
    try:
        content = BUSYBOX.read_bytes()
    except OSError:
        raise LabError(f"{BUSYBOX} is missing: run tools/setup lab") from None
    if not is_static(content):
        raise LabError(f"{BUSYBOX} is not static: run tools/setup lab (package busybox-static)")
    archive.data(f"{top}bin/busybox", content, 0o755)
    listing = subprocess.run([str(BUSYBOX), "--list"], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=True)
    for applet in listing.stdout.split():
        if applet != "busybox":
            archive.link(f"{top}bin/{applet}", "busybox")


def add_modules(archive: cpio.Writer, folder: str, modules: list[kernels.Module],
                 order: str = "order") -> None:
    """Modules, and a file that lists them in the order to load them."""
    for module in modules:
        archive.data(f"{folder}/{module.name}.ko", module.content)
    archive.text(f"{folder}/{order}", "".join(f"{m.name}.ko\n" for m in modules))


def _static_program(program: pathlib.Path, target: str = "//tests/lab/...") -> bytes:
    """A program that Bazel builds; there are no libraries where it will run."""
    try:
        content = program.read_bytes()
    except OSError:
        raise LabError(f"{program} is missing: build it with "
                       f"'bazel build -c opt {target}'") from None
    if not is_static(content):
        raise LabError(f"{program} is not a static program, and there are no libraries in the lab: "
                       f"build it with 'bazel build -c opt {target}'")
    return content


def _add_files(archive: cpio.Writer, files: Iterable[pathlib.Path]) -> None:
    names: set[str] = set()
    for file in files:
        name = file.resolve().name if file.name in ("", "..") else file.name
        if name in names:
            raise UsageError(f"--file: two files are called {name}")
        names.add(name)
        try:
            _add_path(archive, f"root/{name}", file)
        except OSError as error:
            raise UsageError(f"--file {file}: {error.strerror}") from error
        except ValueError as error:
            raise UsageError(f"--file {file}: {error}") from error


def _add_path(archive: cpio.Writer, name: str, path: pathlib.Path) -> None:
    """A file, or a folder with all that is in it; links are followed."""
    if path.is_dir():
        archive.folder(name)
        for entry in sorted(path.iterdir()):
            _add_path(archive, f"{name}/{entry.name}", entry)
    else:
        archive.file(name, path)
