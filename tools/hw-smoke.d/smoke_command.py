# SPDX-License-Identifier: Apache-2.0
"""Runs programs that must end, and leaves none behind."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import subprocess
import time

GRACE = 5  # seconds between SIGTERM and SIGKILL


@dataclasses.dataclass(frozen=True)
class Finished:
    code: int | None  # None: it could not be started
    timed_out: bool
    seconds: float
    output: bytes
    errors: str

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.timed_out

    def why(self) -> str:
        """Why it is not ok, in one line."""
        last = [line for line in self.errors.splitlines() if line.strip()]
        said = last[-1].strip() if last else "it said nothing"
        if self.code is None:
            return said
        if self.timed_out:
            return f"did not end within its time ({self.seconds:.0f} s); {said}"
        return f"ended with {self.code}: {said}"


class Commands:
    """Runs commands one after the other and keeps what each was and said in a folder."""

    def __init__(self, logs: pathlib.Path) -> None:
        self.logs = logs
        self._count = 0

    def run(self, name: str, command: list[str], timeout: float, *,
            end_at: bytes | None = None) -> Finished:
        """`end_at`: the process gets SIGTERM as soon as its output has these bytes."""
        self._count += 1
        base = self.logs / f"{self._count:03}-{name}"
        started = time.monotonic()
        with open(f"{base}.out", "wb") as out, open(f"{base}.err", "wb") as err:
            try:
                # A session of its own: what it starts ends with it.
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=err, start_new_session=True)
            except OSError as error:
                return self._finish(base, command, started, None, False, str(error))
            timed_out = False
            try:
                timed_out = self._wait(process, pathlib.Path(out.name), started + timeout, end_at)
            finally:
                _end(process)
        return self._finish(base, command, started, process.returncode, timed_out, None)

    @staticmethod
    def _wait(process: subprocess.Popen[bytes], out: pathlib.Path, deadline: float,
              end_at: bytes | None) -> bool:
        while time.monotonic() < deadline:
            try:
                process.wait(0.05 if end_at else max(0.0, deadline - time.monotonic()))
                return False
            except subprocess.TimeoutExpired:
                if end_at and end_at in out.read_bytes():
                    end_at = None
                    process.terminate()
        return process.poll() is None

    def _finish(self, base: pathlib.Path, command: list[str], started: float, code: int | None,
                timed_out: bool, problem: str | None) -> Finished:
        seconds = time.monotonic() - started
        output = pathlib.Path(f"{base}.out").read_bytes()
        errors = pathlib.Path(f"{base}.err").read_text(encoding="utf-8", errors="replace")
        finished = Finished(code, timed_out, seconds, output, problem or errors)
        pathlib.Path(f"{base}.txt").write_text(
            f"{command}\n{'ok' if finished.ok else finished.why()}, {seconds:.2f} s\n",
            encoding="utf-8")
        return finished


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process's session: it first, then whatever it left."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
