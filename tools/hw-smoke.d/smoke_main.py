# SPDX-License-Identifier: Apache-2.0
"""Collects facts, runs the checks, and packs everything into one file."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import tarfile
import tempfile
import time
from types import FrameType

from lab.kernels import cache_folder
from smoke_checks import (BUILT_IN, FAIL, MODES, PASS, SKIPPED, Check, Setting, Trial, has_network,
                          skip_all)
from smoke_command import Commands
from smoke_guest import GuestError, build_initrd, find_kernel

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = 1
PACKAGED = pathlib.Path("/usr/share")
# Of the kernel's files, for the report. None names the machine.
HOST_FILES = ("/proc/version", "/sys/fs/cgroup/misc.capacity",
              "/sys/module/kvm_amd/parameters/sev", "/sys/module/kvm_amd/parameters/sev_es",
              "/sys/module/kvm_amd/parameters/sev_snp", "/sys/module/kvm_intel/parameters/tdx",
              "/sys/class/dmi/id/bios_version", "/sys/class/dmi/id/product_name")


def say(text: str) -> None:
    print(f"hw-smoke: {text}", file=sys.stderr, flush=True)


def read_text(path: pathlib.Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def cpu_fields(cpuinfo: str) -> dict[str, str]:
    """/proc/cpuinfo's first processor."""
    first = cpuinfo.split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in
            (line.partition(":") for line in first.splitlines())}


def cpu_signature(fields: dict[str, str]) -> str:
    """CPUID(1).EAX of family, model and stepping (AMD64 APM vol. 3, CPUID Fn0000_0001)."""
    family, model, stepping = (int(fields.get(key, "0"))
                               for key in ("cpu family", "model", "stepping"))
    base, extended = min(family, 15), max(family - 15, 0)
    return f"{extended << 20 | (model >> 4) << 16 | base << 8 | (model & 15) << 4 | stepping:#x}"


def find_firmware(name: str, roots: list[pathlib.Path]) -> pathlib.Path | None:
    for root in roots:
        found = sorted(root.rglob(name)) if root.is_dir() else []
        if found:
            return found[0]
    return None


def firmware_for(mode: str, options: argparse.Namespace) -> pathlib.Path | str:
    """OVMF's image for a mode, or why there is none."""
    given, name, package = ((options.ovmf_tdx, "OVMF.fd", "ovmf") if mode == "tdx" else
                            (options.ovmf_sev, "OVMF.amdsev.fd", "ovmf-amdsev"))
    if given is not None:
        return given
    roots = [cache_folder() / "firmware", PACKAGED / "ovmf", PACKAGED / "OVMF"]
    option = "--ovmf-tdx" if mode == "tdx" else "--ovmf-sev"
    return find_firmware(name, roots) or (f"there is no {name}: install {package}, run "
                                          f"tools/setup firmware, or give {option}")


def kernel_messages(commands: Commands) -> str:
    """What the kernel logged of SEV and TDX. `commands` keeps its logs out of the result: the rest
    is nobody's business."""
    finished = commands.run("dmesg", ["dmesg"], 30)
    lines = finished.output.decode("utf-8", "replace").splitlines()
    wanted = re.compile(r"\b(sev|sev-es|sev-snp|sme|tdx|ccp|psp|kvm_amd|kvm_intel|rmp)\b", re.I)
    return "\n".join(line for line in lines if wanted.search(line))


class Result:
    """What goes into the file."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.checks: list[Check] = []
        self.facts: dict[str, object] = {}
        self.started = time.time()

    def note(self, check: Check) -> None:
        self.checks.append(check)
        say(f"{check.outcome:7} {check.mode} {check.firmware} {check.name}: {check.reason}")

    def counts(self) -> dict[str, int]:
        counted = collections.Counter(check.outcome for check in self.checks)
        return {outcome: counted[outcome] for outcome in (PASS, FAIL, SKIPPED)}

    def pack(self, output: pathlib.Path) -> None:
        """Whole or not at all."""
        summary = {"version": VERSION, **self.facts, "seconds": round(time.time() - self.started),
                   "counts": self.counts(),
                   "checks": [dataclasses.asdict(check) for check in self.checks]}
        (self.folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n",
                                                  encoding="utf-8")
        files = sorted(file for file in self.folder.rglob("*") if file.is_file())
        manifest = [{"name": str(file.relative_to(self.folder)), "size": file.stat().st_size,
                     "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in files]
        partial = output.with_name(f"{output.name}.{os.getpid()}")
        try:
            with tarfile.open(partial, "x:gz") as archive:
                content = (json.dumps({"version": VERSION, "files": manifest}, indent=1)
                           + "\n").encode()
                entry = tarfile.TarInfo("hw-smoke/MANIFEST.json")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
                for file in files:
                    archive.add(file, f"hw-smoke/{file.relative_to(self.folder)}",
                                filter=_without_owner)
            partial.rename(output)
        finally:
            partial.unlink(missing_ok=True)


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def collect(result: Result, commands: Commands, sealvm: pathlib.Path,
            work: pathlib.Path) -> dict[str, object] | None:
    """Facts of the host; returns doctor's report, or nothing when there is none."""
    cpu = cpu_fields(read_text(pathlib.Path("/proc/cpuinfo")) or "")
    version = commands.run("version", [str(sealvm), "--version"], 30)
    result.facts = {
        "sealvm": version.output.decode("utf-8", "replace").strip(),
        "kernel": os.uname().release,
        "cpu": {key: cpu.get(key, "") for key in ("vendor_id", "model name", "cpu family", "model",
                                                  "stepping", "microcode")},
        "vcpu_signature": cpu_signature(cpu),
        "host": {name: read_text(pathlib.Path(name)) for name in HOST_FILES},
    }
    (result.folder / "dmesg.txt").write_text(kernel_messages(Commands(work)) + "\n",
                                             encoding="utf-8")
    commands.run("doctor-text", [str(sealvm), "doctor"], 60)
    # It ends with 1 where no mode works at all, and has a report then as well.
    doctor = commands.run("doctor", [str(sealvm), "doctor", "--json"], 60)
    try:
        report = json.loads(doctor.output)
        if doctor.timed_out or not isinstance(report["modes"], dict):
            raise ValueError("no modes")
    except (ValueError, KeyError, TypeError):
        result.note(Check("host", "-", "doctor", FAIL,
                          f"sealvm doctor --json gave no report: {doctor.why()}"))
        return None
    (result.folder / "doctor.json").write_bytes(doctor.output)
    return report


def obstacle(report: dict[str, object], mode: str) -> str | None:
    """Why a mode is not tried, in doctor's words."""
    entry = report["modes"].get(mode, {})  # type: ignore[attr-defined]
    if entry.get("available") is True:
        return None
    reason = entry.get("reason") or "doctor does not know this mode"
    missing = [f"{p['name']}: {p['found']}" for p in entry.get("prerequisites", [])
               if p.get("met") == "no"]
    advice = entry.get("advice", "")
    text = "doctor: " + "; ".join(dict.fromkeys([reason, *missing[:1]]))
    return f"{text} ({advice})" if advice else text


def run_checks(result: Result, commands: Commands, options: argparse.Namespace,
               work: pathlib.Path) -> None:
    report = collect(result, commands, options.sealvm, work)
    if report is None:
        return
    obstacles = {mode: obstacle(report, mode) for mode in options.mode}
    setting: Setting | None = None
    problem = ""
    if None in obstacles.values():
        try:
            kernel = find_kernel(options.kernel, options.modules)
            initrd = work / "initrd.gz"
            initrd.write_bytes(build_initrd(kernel))
            reports = result.folder / "reports"
            reports.mkdir()
            setting = Setting(options.sealvm, kernel.file, initrd, work, reports, commands,
                              options.timeout, str(result.facts["vcpu_signature"]),
                              options.quote_service, has_network())
        except GuestError as error:
            problem = str(error)
    for mode in options.mode:
        ovmf = firmware_for(mode, options)
        firmwares = [("ovmf", ovmf)] + ([(BUILT_IN, BUILT_IN)] if mode in ("snp", "tdx") else [])
        for name, firmware in firmwares:
            why = obstacles[mode] or problem
            if not why and name == "ovmf" and isinstance(firmware, str):
                why = firmware
            if why or setting is None:
                skip_all(mode, name, why, result.note)
            else:
                Trial(setting, mode, name, str(firmware)).run_all(result.note)


def end_orderly(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/hw-smoke",
        description="Tries every confidential mode that this machine has, and packs what it saw "
                    "into one file. Sends nothing anywhere. See docs/confidential.md.")
    parser.add_argument("--sealvm", type=pathlib.Path, metavar="FILE",
                        help="the program; default bazel-bin/sealvm, else the one in PATH")
    parser.add_argument("--mode", action="append", choices=MODES, help="only this one; repeatable")
    parser.add_argument("--ovmf-sev", type=pathlib.Path, metavar="FILE",
                        help="OVMF.amdsev.fd, for sev, sev-es and snp")
    parser.add_argument("--ovmf-tdx", type=pathlib.Path, metavar="FILE", help="OVMF.fd, for tdx")
    parser.add_argument("--kernel", type=pathlib.Path, metavar="FILE",
                        help="the guests' bzImage, Linux 6.7 or newer; default the cache's")
    parser.add_argument("--modules", type=pathlib.Path, metavar="DIR", help="the kernel's modules")
    parser.add_argument("--quote-service", metavar="ADDRESS", help="for tdx, as sealvm run takes it")
    parser.add_argument("--timeout", type=int, default=180, metavar="SECONDS",
                        help="of each launch; default 180")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE",
                        default=pathlib.Path("sealvm-hw-smoke.tar.gz"),
                        help="default sealvm-hw-smoke.tar.gz")
    options = parser.parse_args(arguments)
    options.mode = options.mode or list(MODES)
    if options.sealvm is None:
        built = ROOT / "bazel-bin" / "sealvm"
        options.sealvm = built if built.exists() else shutil.which("sealvm")
        if options.sealvm is None:
            parser.error("there is no sealvm: build it with 'bazel build -c opt //:sealvm', or "
                         "give --sealvm")
    options.sealvm = pathlib.Path(options.sealvm).absolute()
    if options.timeout < 1:
        parser.error("--timeout: give a second or more")
    if options.output.exists():
        parser.error(f"--output {options.output}: is there already; remove it or give another name")
    if not options.output.absolute().parent.is_dir():
        parser.error(f"--output {options.output}: there is no such folder")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_orderly)
    with tempfile.TemporaryDirectory(prefix="sealvm-hw-smoke-") as scratch:
        folder = pathlib.Path(scratch, "result")
        work = pathlib.Path(scratch, "work")
        logs = folder / "logs"
        for path in (work, logs):
            path.mkdir(parents=True)
        result = Result(folder)
        run_checks(result, Commands(logs), options, work)
        try:
            result.pack(options.output.absolute())
        except OSError as error:
            say(f"error: --output {options.output}: {error.strerror}")
            return 1
    counts = result.counts()
    say(f"{counts[PASS]} passed, {counts[FAIL]} failed, {counts[SKIPPED]} skipped; all of it is in "
        f"{options.output}")
    say("it holds kernel messages of SEV and TDX, and reports with the chip's ID: look before you "
        "send it")
    if counts[PASS] == 0 and counts[FAIL] == 0:
        say("nothing was tested: no confidential mode could be tried on this machine")
    return 1 if counts[FAIL] else 0
