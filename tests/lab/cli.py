# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/lab."""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shlex
import signal
import sys
from types import FrameType

from lab import initrd, kernels, qemu, terminal
from lab.errors import LabError, Unavailable, UsageError
from lab.session import BOOT_SECONDS, Lab
from lab.stage import Stage

ROOT = kernels.ROOT
L1_CHOICES = ("6.12", "7.x", *kernels.PATCHED)
DEFAULT_L1 = "6.12"
LOAD = ROOT / "bazel-bin/tests/lab/load"
LOAD_PROGRAMS = ("disk_load", "stream_load")

EXIT_USAGE = 2
EXIT_SKIPPED = 77
EXIT_TIMEOUT = 124
EXIT_LAB_FAILED = 125

EPILOG = """\
exit codes of `run`: those of COMMAND, and 2: bad usage; 77: what was asked for does not exist here
(a patched kernel or QEMU); 124: --timeout; 125: the lab itself failed.
"""


def parse_memory(text: str) -> int:
    """MiB from a size with a binary suffix K, M, G or T."""
    found = re.fullmatch(r"([0-9]+)([KMGT])", text.upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 4G or 2048M")
    shift = {"K": 10, "M": 20, "G": 30, "T": 40}[found[2]]
    mib = (int(found[1]) << shift) >> 20
    if not 512 <= mib <= 1 << 20:
        raise argparse.ArgumentTypeError(f"L1 needs 512M to 1T of memory, not {text}")
    return mib


def parse_cpus(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of CPUs from 1 to 64")
    return int(text)


def parse_seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 1 to 86400")
    return value


def make_parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--l1", choices=L1_CHOICES, default=DEFAULT_L1,
                        help="kernel of L1 (default %(default)s)")
    shared.add_argument("--qemu", choices=("stock", "patched"), default="stock",
                        help="emulator (default %(default)s)")
    shared.add_argument("--cpu-like", choices=("amd", "intel"), default="amd",
                        help="with --qemu patched: intel withholds the bytes of faulting "
                             "instructions (default %(default)s)")
    shared.add_argument("--cpus", type=parse_cpus, default=2, metavar="N",
                        help="CPUs of L1 (default %(default)s)")
    shared.add_argument("--memory", type=parse_memory, default=4096, metavar="SIZE",
                        help="memory of L1 (default 4G)")
    shared.add_argument("--file", type=pathlib.Path, action="append", default=[], metavar="PATH",
                        help="put a file or folder into the working directory; repeatable")
    shared.add_argument("--module", action="append", default=[], metavar="NAME",
                        help="load one more kernel module in L1; repeatable")
    shared.add_argument("--guest-kernels", action="store_true",
                        help="put the cached Debian guest kernels into /kernels/NAME/, with "
                             "/kernels/initrd.cpio.gz")
    shared.add_argument("--firmware", action="store_true",
                        help="put the cached OVMF images into /firmware/RELEASE")
    shared.add_argument("--devices", action="store_true",
                        help="with --guest-kernels, and put what the tests of devices use into "
                             "/lab/devices and elsewhere; needs 'bazel build -c opt //tests/lab/...'")
    shared.add_argument("--sealvm", type=pathlib.Path, metavar="PATH",
                        help="the program to put on PATH (default bazel-bin/sealvm; 'none' for "
                             "none)")
    shared.add_argument("-v", "--verbose", action="store_true",
                        help="show L1's kernel messages on stderr")

    parser = argparse.ArgumentParser(
        prog="tools/lab", description="run commands inside the nested lab (docs/lab.md)")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run", parents=[shared], epilog=EPILOG, help="run one command in a fresh L1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="tools/lab run [options] -- COMMAND [ARGUMENT]...")
    run.add_argument("--timeout", type=parse_seconds, default=600.0, metavar="SECONDS",
                     help="end COMMAND after that long (default 600)")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND")
    shell = commands.add_parser("shell", parents=[shared], help="open a prompt in a fresh L1",
                                usage="tools/lab shell [options] [-- COMMAND [ARGUMENT]...]")
    shell.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND")
    image = commands.add_parser("initrd", help="write the guests' initramfs to a file",
                                usage="tools/lab initrd FILE")
    image.add_argument("output", type=pathlib.Path, metavar="FILE")
    return parser


def content_from(options: argparse.Namespace) -> initrd.L1Content:
    known = kernels.load()
    sealvm = options.sealvm or ROOT / "bazel-bin" / "sealvm"
    return initrd.L1Content(
        kernel=kernels.find_l1(options.l1),
        sealvm=None if str(sealvm) == "none" else sealvm,
        files=tuple(options.file),
        guest_kernels=tuple(k for k in known.values() if k.role == "guest")
        if options.guest_kernels or options.devices else (),
        modules=tuple(options.module),
        firmware=options.firmware,
        devices=initrd.DeviceContent(tuple(LOAD / name for name in LOAD_PROGRAMS), extra=True)
        if options.devices else None,
    )


def shape_from(options: argparse.Namespace) -> qemu.Shape:
    return qemu.Shape(options.cpus, options.memory, qemu.find(options.qemu, options.cpu_like))


def patience(options: argparse.Namespace) -> float:
    """For L1's boot, in seconds."""
    return BOOT_SECONDS * Stage(options.l1).slowness


def command_of(options: argparse.Namespace) -> list[str]:
    arguments: list[str] = options.arguments
    return arguments[1:] if arguments[:1] == ["--"] else arguments


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data):]


def run_command(options: argparse.Namespace) -> int:
    command = command_of(options)
    if not command:
        raise UsageError("run: no COMMAND given; put it behind '--'")
    shape = shape_from(options)
    lab = Lab(content_from(options), shape, boot_seconds=patience(options))
    with lab:
        try:
            result = lab.run(shlex.join(command), options.timeout, stdin=usable_stdin(),
                             stdout=lambda data: write_all(1, data),
                             stderr=lambda data: write_all(2, data))
        finally:
            if options.verbose:
                write_all(2, bytes(lab.console))
    if result.timed_out:
        print(f"tools/lab: {command[0]} was ended after {options.timeout:g} s", file=sys.stderr)
        return EXIT_TIMEOUT
    return result.exit_code


def usable_stdin() -> int | None:
    """Descriptor 0 unless it is closed, or a terminal this process may not read now."""
    try:
        if os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp():
            return None
        os.fstat(0)
    except OSError:
        return None
    return 0


def run_shell(options: argparse.Namespace) -> int:
    if not os.isatty(0):
        raise UsageError("shell: stdin is not a terminal; use 'tools/lab run -- COMMAND'")
    shape = shape_from(options)
    command = command_of(options)
    print("tools/lab: booting L1; Ctrl-] ends the lab", file=sys.stderr)
    with Lab(content_from(options), shape, terminal=True, boot_seconds=patience(options)) as lab:
        return terminal.interact(lab, f"exec {shlex.join(command)}" if command else "exec sh -i")


def write_initrd(options: argparse.Namespace) -> int:
    guests = [kernel for kernel in kernels.load().values() if kernel.role == "guest"]
    content = initrd.build_guest(guests)
    try:
        options.output.write_bytes(content)
    except OSError as error:
        raise UsageError(f"initrd: cannot write {options.output}: {error.strerror}") from error
    return 0


COMMANDS = {"run": run_command, "shell": run_shell, "initrd": write_initrd}


def end_orderly(number: int, _: FrameType | None) -> None:
    """Signals unwind the stack, so that the terminal is restored and QEMU is ended."""
    raise SystemExit(128 + number)


def main(argv: list[str] | None = None) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_orderly)
    options = make_parser().parse_args(argv)
    try:
        return COMMANDS[options.command](options)
    except Unavailable as reason:
        print(f"tools/lab: SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIPPED
    except UsageError as error:
        print(f"tools/lab: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        return EXIT_LAB_FAILED
    except LabError as error:
        print(f"tools/lab: {error}", file=sys.stderr)
        return EXIT_LAB_FAILED
