# SPDX-License-Identifier: Apache-2.0
"""Starts the emulator so that it cannot outlive the caller, and connects to its ports."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from typing import IO

from lab import initrd
from lab.errors import LabError, Unavailable

PROGRAM = "qemu-system-x86_64"
MINIMUM_MAJOR = 10
PR_SET_PDEATHSIG = 1  # linux/prctl.h

# L1's own messages stay on the serial port; `quiet` and no mitigations save emulated time.
KERNEL_ARGUMENTS = "console=ttyS0 reboot=t panic=-1 quiet mitigations=off"

# Virtio-serial ports of L1 by name. The other channels: "console" is its serial port, "terminal"
# its hvc0, "emulator" what QEMU itself says.
PORTS = ("control", "stdout", "stderr", "stdin")


@dataclasses.dataclass(frozen=True)
class Shape:
    """The emulated machine."""

    cpus: int = 2
    memory_mib: int = 4096
    program: str = PROGRAM


def find(choice: str) -> str:
    """The emulator to use: "stock" is Debian's."""
    if choice == "patched":
        raise Unavailable("--qemu patched: this tree does not build a patched QEMU; "
                          "use --qemu stock")
    path = shutil.which(PROGRAM)
    if path is None:
        raise LabError(f"{PROGRAM} is missing: run tools/setup lab")
    return path


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
        shape.program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-M", "q35,smbus=off,sata=off,usb=off,vmport=off", "-accel", "tcg,thread=multi",
        "-cpu", "EPYC-v4,+svm", "-smp", str(shape.cpus), "-m", f"{shape.memory_mib}M",
        "-kernel", str(content.kernel.vmlinuz), "-initrd", f"/proc/self/fd/{image}",
        "-append", KERNEL_ARGUMENTS,
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
