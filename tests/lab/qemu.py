# SPDX-License-Identifier: Apache-2.0
"""Starts the emulator so that it cannot outlive the caller, and connects to its ports."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from typing import IO

from lab import initrd, kernels
from lab.errors import LabError, Unavailable, UsageError

PROGRAM = "qemu-system-x86_64"
PR_SET_PDEATHSIG = 1  # linux/prctl.h

# L1's own messages stay on the serial port; `quiet` and no mitigations save emulated time. L1 measures
# its TSC twice, and may differ by 1 % (tsc_refine_calibration_work() in Linux). A KVM that was there
# before the second time gives vCPUs the first frequency; if it takes that for another than its own, a
# guest's timers come far too late, for there is no TSC scaling.
KERNEL_ARGUMENTS = ("console=ttyS0 reboot=t panic=-1 quiet mitigations=off "
                    "kvm.tsc_tolerance_ppm=20000")

# Where L1's kernel is what is tested, warnings count.
PATCHED_KERNEL_ARGUMENTS = KERNEL_ARGUMENTS + " loglevel=5"

# Virtio-serial ports of L1 by name. The other channels: "console" is its serial port, "terminal"
# its hvc0, "emulator" what QEMU itself says.
PORTS = ("control", "stdout", "stderr", "stdin")


# An AMD machine of which stock QEMU can emulate enough, and what the patches add (qemu/README.md).
STOCK_CPU = "EPYC-v4,+svm"
PATCHED_CPU = STOCK_CPU + ",+npt,+nrip-save,+decodeassists"
NO_INSTRUCTION_BYTES = ",svm-insn-bytes=off"

PATCHES = pathlib.Path(__file__).resolve().parent / "qemu"


@dataclasses.dataclass(frozen=True)
class Emulator:
    """A QEMU and the CPU it is to emulate."""

    program: str = PROGRAM
    cpu: str = STOCK_CPU


@dataclasses.dataclass(frozen=True)
class Shape:
    """The emulated machine."""

    cpus: int = 2
    memory_mib: int = 4096
    emulator: Emulator = Emulator()


def find(choice: str, cpu_like: str = "amd") -> Emulator:
    """The emulator to use: "stock" is Debian's, "patched" the one tools/setup builds. A CPU like
    "intel" does not tell KVM the bytes of an instruction that faults, for VMX never does."""
    if choice == "patched":
        return Emulator(_find_patched(),
                        PATCHED_CPU + (NO_INSTRUCTION_BYTES if cpu_like == "intel" else ""))
    if cpu_like != "amd":
        raise UsageError(f"--cpu-like {cpu_like}: only --qemu patched can do that")
    path = shutil.which(PROGRAM)
    if path is None:
        raise LabError(f"{PROGRAM} is missing: run tools/setup lab")
    return Emulator(path)


def _find_patched() -> str:
    """The newest QEMU of the cache that was built with the tree's patches and no others."""
    wanted = _read_patches(PATCHES)
    built = [entry / PROGRAM for entry in (kernels.cache_folder() / "qemu").glob("*")
             if (entry / PROGRAM).is_file() and _read_patches(entry / "patches") == wanted]
    if not built:
        raise Unavailable("--qemu patched: QEMU with this tree's patches is not built here; "
                          "run tools/setup qemu")
    return str(max(built, key=lambda program: program.stat().st_mtime))


def _read_patches(folder: pathlib.Path) -> dict[str, bytes]:
    return {patch.name: patch.read_bytes() for patch in folder.glob("*.patch")}


class Machine:
    """One running QEMU. `channels` are this side's sockets, by name. Not thread-safe; start it
    from a thread that lives as long as the machine, for the kernel ties its life to that thread.
    """

    def __init__(self, shape: Shape, content: initrd.L1Content, terminal: bool) -> None:
        self.channels: dict[str, socket.socket] = {}
        remote: dict[str, socket.socket] = {}
        names = ["emulator", "console", *PORTS] + (["terminal"] if terminal else [])
        try:
            # Unnamed: nothing is left behind, however this process ends.
            with tempfile.TemporaryFile(prefix="sealvm-lab-") as image:
                _write_image(image, content)
                for name in names:
                    self.channels[name], remote[name] = socket.socketpair()
                said = remote.pop("emulator")
                with said:
                    self._process = _spawn(
                        _command(shape, content, image.fileno(), remote), said.fileno(),
                        [image.fileno(), *(s.fileno() for s in remote.values())])
        except BaseException:
            self._close_channels()
            raise
        finally:
            for end in remote.values():
                end.close()

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        """Ends the emulator and everything in it; safe to call twice."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._close_channels()

    def _close_channels(self) -> None:
        for channel in self.channels.values():
            channel.close()


def _write_image(image: IO[bytes], content: initrd.L1Content) -> None:
    initrd.build_l1(image, content)  # type: ignore[arg-type]
    image.flush()


def _command(shape: Shape, content: initrd.L1Content, image: int,
             remote: dict[str, socket.socket]) -> list[str]:
    command = [
        shape.emulator.program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-M", "q35,smbus=off,sata=off,usb=off,vmport=off", "-accel", "tcg,thread=multi",
        "-cpu", shape.emulator.cpu, "-smp", str(shape.cpus), "-m", f"{shape.memory_mib}M",
        "-kernel", str(content.kernel.vmlinuz), "-initrd", f"/proc/self/fd/{image}",
        "-append", (PATCHED_KERNEL_ARGUMENTS if content.kernel.name in kernels.PATCHED
                    else KERNEL_ARGUMENTS),
        "-device", "virtio-serial-pci,id=ports",
    ]
    for name, end in remote.items():
        command += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        if name == "console":
            command += ["-serial", "chardev:console"]
        elif name == "terminal":
            command += ["-device", "virtconsole,bus=ports.0,chardev=terminal"]
        else:
            command += ["-device", f"virtserialport,bus=ports.0,chardev={name},name=lab.{name}"]
    return command


def _spawn(command: list[str], output: int,
           descriptors: list[int]) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def tie_to_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the tie was made

    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors,
                                stdout=output, stderr=output, preexec_fn=tie_to_parent,
                                start_new_session=True)
    except OSError as error:
        raise LabError(f"cannot start {command[0]}: {error.strerror}") from error
