# SPDX-License-Identifier: Apache-2.0
"""What is tried in each mode with each firmware."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import secrets
import shutil
from collections.abc import Callable

from smoke_command import Commands, Finished
from smoke_guest import DISK_SECTORS, SECTOR, Told, disk_content, read_console

PASS, FAIL, SKIPPED = "PASS", "FAIL", "SKIPPED"
MODES = ("sev", "sev-es", "snp", "tdx")
# AMD 55766 chapter 3 and 56860 section 4.3: no debugging; ES for sev-es; SMT allowed for snp.
POLICIES = {"sev": "0x1", "sev-es": "0x5", "snp": "0x30000"}
BUILT_IN = "guest-fw"
CHECKS = ("digest", "launch", "report", "wrong-digest", "devices", "teardown")


@dataclasses.dataclass(frozen=True)
class Check:
    mode: str
    firmware: str
    name: str
    outcome: str
    reason: str
    seconds: float = 0.0


class CheckFailed(Exception):
    """Something is not as it must be; the text says what."""


class CheckSkipped(Exception):
    """It cannot be tried here; the text says why."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all launches have in common."""

    sealvm: pathlib.Path
    kernel: pathlib.Path
    initrd: pathlib.Path
    work: pathlib.Path  # for files that do not go into the result
    reports: pathlib.Path  # for those that do
    commands: Commands
    timeout: int  # seconds, of one launch
    signature: str  # CPUID(1).EAX in hexadecimal
    quote_service: str | None
    network: bool


class Trial:
    """One mode with one firmware."""

    def __init__(self, setting: Setting, mode: str, name: str, firmware: str) -> None:
        self._setting = setting
        self._mode = mode
        self._name = name
        self._firmware = firmware
        self._console: Told | None = None
        # The command line is measured, so every launch here has the same.
        self._nonce = secrets.token_hex(64)
        self._digests: dict[str, str] = {}  # by task

    def run_all(self, note: Callable[[Check], None]) -> None:
        """In an order in which each may use what the earlier ones found."""
        blocked = ""
        for name in CHECKS:
            if blocked:
                note(Check(self._mode, self._name, name, SKIPPED, blocked))
                continue
            outcome, reason, seconds = self._try(name)
            note(Check(self._mode, self._name, name, outcome, reason, seconds))
            if name in ("digest", "launch") and outcome != PASS:
                blocked = reason if outcome == SKIPPED else f"{name} failed"

    def _try(self, name: str) -> tuple[str, str, float]:
        steps: dict[str, Callable[[], tuple[str, float]]] = {
            "digest": self._digest, "launch": self._launch, "report": self._report,
            "wrong-digest": self._wrong_digest, "devices": self._devices,
            "teardown": self._teardown}
        try:
            reason, seconds = steps[name]()
            return PASS, reason, seconds
        except CheckSkipped as skipped:
            return SKIPPED, str(skipped), 0.0
        except CheckFailed as failed:
            return FAIL, str(failed), 0.0

    def _digest(self) -> tuple[str, float]:
        finished = self._measure("report")
        if not finished.ok and self._firmware == BUILT_IN:
            raise CheckSkipped(f"this sealvm has no built-in firmware: {finished.why()}")
        self._digests["report"] = self._digest_of(finished)
        return self._digests["report"], finished.seconds

    def _launch(self) -> tuple[str, float]:
        digest = self._expected("report")
        finished = self._run("launch", "report", digest)
        self._console = self._told(finished)
        return f"digest {digest} as expected; {self._console.facts.get('KERNEL', '')}", finished.seconds

    def _report(self) -> tuple[str, float]:
        assert self._console is not None
        if self._mode in ("sev", "sev-es"):
            raise CheckSkipped("a SEV guest has no report; its digest is checked at launch")
        for kind, content in self._console.reports.items():
            path = self._setting.reports / f"{self._mode}-{self._name}-{kind}.bin"
            path.write_bytes(content)
        mrtd = self._console.reports.get("mrtd")
        digest = self._expected("report")
        if mrtd is not None and mrtd.hex() != digest:
            raise CheckFailed(f"the guest's MRTD is {mrtd.hex()}, expected {digest}")
        kind = "snp" if self._mode == "snp" else "tdx"
        if kind not in self._console.reports:
            said = self._console.facts.get("NOREPORT", "it did not say why")
            if self._mode == "tdx":
                text = "the guest's MRTD is as expected; " if mrtd is not None else ""
                if self._setting.quote_service is None:
                    raise CheckSkipped(f"{text}there is no quote without --quote-service: {said}")
            raise CheckFailed(f"the guest got no report: {said}")
        path = self._setting.reports / f"{self._mode}-{self._name}-{kind}.bin"
        finished = self._measure("report", ["--verify", str(path), "--report-data", self._nonce])
        if not finished.ok:
            raise CheckFailed(f"sealvm does not accept the guest's report: {finished.why()}")
        return "the guest's own report holds digest and nonce", finished.seconds

    def _wrong_digest(self) -> tuple[str, float]:
        digest = self._expected("report")
        wrong = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
        finished = self._start("wrong-digest", "report", wrong)
        if finished.timed_out or finished.code in (0, None):
            raise CheckFailed(f"a launch with the wrong --expect-digest was not refused: "
                              f"{finished.why() if finished.timed_out else 'it ended with 0'}")
        if b"@@" in finished.output:
            raise CheckFailed("the guest ran before the wrong --expect-digest was refused")
        return finished.why(), finished.seconds

    def _devices(self) -> tuple[str, float]:
        disk = self._setting.work / "disk.raw"
        content = disk_content()
        disk.write_bytes(content)
        stats = self._setting.work / "stats.json"
        more = ["--disk", f"path={disk}", "--rng", "on", "--stats", str(stats)]
        if self._setting.network:
            more += ["--net", "user"]
        finished = self._run("devices", "disk", self._expected("disk"), more)
        told = self._told(finished)
        if told.facts.get("DISK") != hashlib.sha256(content).hexdigest():
            raise CheckFailed(f"the guest read another disk: {told.facts.get('DISK', 'nothing')}")
        half = DISK_SECTORS * SECTOR // 2
        if disk.read_bytes() != content[half:] + content[:half]:
            raise CheckFailed("what the guest wrote is not on the disk")
        if self._setting.network and told.facts.get("LEASE") != "yes":
            raise CheckFailed("the guest got no address on its network")
        return self._conversions(stats), finished.seconds

    def _conversions(self, stats: pathlib.Path) -> str:
        if self._mode in ("sev", "sev-es"):
            return "disk read and written; there are no conversions in this mode"
        try:
            memory = json.loads(stats.read_text(encoding="utf-8"))["memory"]
            shared = int(memory["conversions"]["to_shared"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckFailed(f"--stats does not count conversions: {error!r}") from error
        if shared == 0:
            raise CheckFailed("the guest shared no memory, and yet its disk worked")
        return f"disk read and written; {shared} conversions to shared"

    def _teardown(self) -> tuple[str, float]:
        digest = self._expected("wait")
        ended = self._start("teardown", "wait", digest, end_at=b"@@READY")
        if ended.timed_out:
            raise CheckFailed(f"SIGTERM did not end it: {ended.why()}")
        if b"@@READY" not in ended.output:
            raise CheckFailed(f"it did not get as far as before: {ended.why()}")
        again = self._run("relaunch", "report", self._expected("report"))
        self._told(again)
        return "ended by SIGTERM in the middle, launched again", ended.seconds + again.seconds

    # Command lines.

    def _common(self, task: str) -> list[str]:
        setting = self._setting
        words = ["--isolation", self._mode, "--firmware", self._firmware,
                 "--kernel", str(setting.kernel), "--initrd", str(setting.initrd),
                 "--cmdline", f"console=ttyS0 panic=-1 smoke={task} nonce={self._nonce}",
                 "--cpus", "2"]
        if self._mode in POLICIES:
            words += ["--policy", POLICIES[self._mode]]
        if self._mode in ("sev-es", "snp"):
            words += ["--vcpu-signature", setting.signature]
        return words

    def _measure(self, task: str, more: list[str] | None = None) -> Finished:
        name = f"{self._mode}-{self._name}-{'verify' if more else 'measure'}"
        return self._setting.commands.run(
            name, [str(self._setting.sealvm), "measure", *self._common(task), *(more or [])], 60)

    def _expected(self, task: str) -> str:
        if task not in self._digests:
            self._digests[task] = self._digest_of(self._measure(task))
        return self._digests[task]

    def _digest_of(self, finished: Finished) -> str:
        if not finished.ok:
            raise CheckFailed(f"sealvm measure {finished.why()}")
        digest = finished.output.decode("ascii", "replace").strip()
        if len(digest) not in (64, 96) or not set(digest) <= set("0123456789abcdef"):
            raise CheckFailed(f"sealvm measure printed no digest: {digest[:100]!r}")
        return digest

    def _start(self, name: str, task: str, digest: str, more: list[str] | None = None,
               end_at: bytes | None = None) -> Finished:
        setting = self._setting
        words = [str(setting.sealvm), "run", *self._common(task), "--expect-digest", digest,
                 "--memory", "1G", "--timeout", str(setting.timeout), *(more or [])]
        if self._mode == "tdx" and setting.quote_service:
            words += ["--quote-service", setting.quote_service]
        # sealvm's own --timeout comes first.
        return setting.commands.run(f"{self._mode}-{self._name}-{name}", words,
                                    setting.timeout + 20, end_at=end_at)

    def _run(self, name: str, task: str, digest: str, more: list[str] | None = None) -> Finished:
        finished = self._start(name, task, digest, more)
        if not finished.ok:
            raise CheckFailed(f"sealvm run {finished.why()}")
        return finished

    @staticmethod
    def _told(finished: Finished) -> Told:
        told = read_console(finished.output)
        if "READY" not in told.facts:
            raise CheckFailed("the guest ended without having come to its end")
        if told.facts.get("CPUS") != "2":
            raise CheckFailed(f"the guest has {told.facts.get('CPUS', 'no')} CPUs, not 2")
        return told


def skip_all(mode: str, firmware: str, reason: str, note: Callable[[Check], None]) -> None:
    for name in CHECKS:
        note(Check(mode, firmware, name, SKIPPED, reason))


def has_network() -> bool:
    return shutil.which("passt") is not None
