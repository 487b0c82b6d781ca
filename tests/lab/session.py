# SPDX-License-Identifier: Apache-2.0
"""A booted L1 that runs commands. This is what tests and tools use."""

from __future__ import annotations

import base64
import dataclasses
import os
import secrets
import selectors
import socket
import time
from collections.abc import Callable


from lab import initrd, qemu
from lab.errors import LabError
from lab.stream import Lines, MarkedStream

Sink = Callable[[bytes], None]

BOOT_SECONDS = 120.0
# L1 ends a command at its limit; if it does not answer even then, it is L1 that hangs.
GRACE_SECONDS = 20.0
CHUNK = 1 << 16
KILLED = 137  # what a shell reports for SIGKILL


@dataclasses.dataclass(frozen=True)
class Result:
    """What a command did. `console` holds L1's kernel messages of that time."""

    exit_code: int
    timed_out: bool
    seconds: float
    stdout: bytes
    stderr: bytes
    console: bytes


class Lab:
    """A context manager: entering boots L1, leaving ends it. Not thread-safe; several may run."""

    def __init__(self, content: initrd.L1Content, shape: qemu.Shape = qemu.Shape(), *,
                 terminal: bool = False, boot_seconds: float = BOOT_SECONDS) -> None:
        self._content = content
        self._shape = shape
        self._terminal = terminal
        self._boot_seconds = boot_seconds
        self._machine: qemu.Machine | None = None
        self._selector = selectors.PollSelector()  # unlike epoll it takes regular files too
        self._control = Lines()
        self._replies: list[str] = []
        self._sinks: dict[str, Sink] = {}
        self._case = 0
        self._emulator = bytearray()
        self.console = bytearray()

    def __enter__(self) -> Lab:
        started = time.monotonic()
        self._machine = qemu.Machine(self._shape, self._content, self._terminal)
        try:
            self._machine.channels["stdin"].setblocking(False)
            for name in ("emulator", "console", "control", "stdout", "stderr"):
                self._machine.channels[name].setblocking(False)
                self._selector.register(self._machine.channels[name], selectors.EVENT_READ, name)
            self._expect("ready", started + self._boot_seconds, "L1 did not come up")
        except BaseException:
            self.close()
            raise
        self.boot_time = time.monotonic() - started
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends L1 at once; nothing in it is worth an orderly end."""
        if self._machine is not None:
            self._machine.stop()
            self._machine = None
            self._selector.close()

    def run(self, script: str, limit: float, *, stdin: int | None = None,
            stdout: Sink | None = None, stderr: Sink | None = None) -> Result:
        """Runs a shell script in L1 for at most `limit` seconds.

        Both outputs are in the result; sinks see them as they come, and then the result is
        without them. `stdin` is a descriptor that stays the caller's; without it the command reads
        /dev/null. Whatever the command leaves running is ended. LabError if L1 itself fails.
        """
        marker = secrets.token_hex(16)
        collected = {"stdout": bytearray(), "stderr": bytearray()}
        streams = {name: MarkedStream(marker.encode()) for name in collected}
        for name, sink in (("stdout", stdout), ("stderr", stderr)):
            self._sinks[name] = self._sink(streams[name], sink or collected[name].extend)
        console_start = len(self.console)
        started = time.monotonic()
        self._case += 1
        self._send(f"run {self._case} {max(1, round(limit))} "
                   f"{'null' if stdin is None else 'port'} {marker} {_encode(script)}")
        pump = None if stdin is None else _InputPump(self._selector, stdin, self._channel("stdin"))
        try:
            reply = self._expect(f"exit {self._case} ", started + limit + GRACE_SECONDS,
                                 "L1 does not answer any more")
            self._wait(lambda: all(s.ended for s in streams.values()),
                       time.monotonic() + GRACE_SECONDS, "L1 lost the end of the output")
        finally:
            if pump is not None:
                pump.stop()
            self._sinks.clear()
        code, seconds = int(reply.split()[2]), time.monotonic() - started
        return Result(code, code == KILLED and seconds >= limit, seconds,
                      bytes(collected["stdout"]), bytes(collected["stderr"]),
                      bytes(self.console[console_start:]))

    def start_shell(self, script: str, rows: int, columns: int, term: str) -> None:
        """Runs a script on L1's terminal (Lab must have been made with one)."""
        self._send(f"shell {rows} {columns} {term} {_encode(script)}")

    @property
    def terminal(self) -> socket.socket:
        """The other end of L1's terminal."""
        return self._channel("terminal")

    def shell_status(self) -> int | None:
        """The exit code of the shell once it has ended; does not wait."""
        self._pump(0)
        for reply in self._replies:
            if reply.startswith("exit shell "):
                return int(reply.split()[2])
        return None

    def _channel(self, name: str) -> socket.socket:
        if self._machine is None:
            raise LabError("the lab is closed")
        return self._machine.channels[name]

    @staticmethod
    def _sink(stream: MarkedStream, sink: Callable[[bytes], object]) -> Sink:
        def feed(data: bytes) -> None:
            passed = stream.feed(data)
            if passed:
                sink(passed)
        return feed

    def _send(self, line: str) -> None:
        channel = self._channel("control")
        channel.setblocking(True)
        channel.sendall(line.encode() + b"\n")
        channel.setblocking(False)

    def _expect(self, prefix: str, deadline: float, failure: str) -> str:
        def found() -> bool:
            return any(reply.startswith(prefix) for reply in self._replies)

        self._wait(found, deadline, failure)
        reply = next(r for r in self._replies if r.startswith(prefix))
        self._replies.remove(reply)
        return reply

    def _wait(self, done: Callable[[], bool], deadline: float, failure: str) -> None:
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise LabError(failure + self._last_words())
            if not self._pump(left) and not done():
                raise LabError("L1 ended by itself" + self._last_words())

    def _pump(self, seconds: float) -> bool:
        """Moves data for at most that long; False once L1 is gone."""
        alive = True
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, _InputPump):
                key.data.move(key.fileobj)
                continue
            data = _receive(key.fileobj)  # type: ignore[arg-type]
            if data == b"":
                alive = False
            elif data is not None:
                self._deliver(key.data, data)
        return alive

    def _deliver(self, name: str, data: bytes) -> None:
        if name == "console":
            self.console += data
        elif name == "emulator":
            self._emulator += data
        elif name == "control":
            self._replies += self._control.feed(data)
        elif name in self._sinks:
            self._sinks[name](data)

    def _last_words(self) -> str:
        text = bytes(self._emulator + self.console).decode(errors="replace")
        # What TCG cannot emulate is said of every run and explains none.
        lines = [l for l in text.strip().splitlines() if "TCG doesn't support" not in l][-15:]
        return "; its last messages:\n  " + "\n  ".join(lines) if lines else " and said nothing"


class _InputPump:
    """Copies a descriptor to a socket, never reading more than the other side has taken."""

    def __init__(self, selector: selectors.BaseSelector, source: int,
                 target: socket.socket) -> None:
        self._selector = selector
        self._source = source
        self._target = target
        self._pending = b""
        self._watched: int | socket.socket | None = None
        self._watch(source, selectors.EVENT_READ)

    def move(self, ready: object) -> None:
        if ready is self._target:
            self._write()
        else:
            self._read()

    def stop(self) -> None:
        self._watch(None, 0)

    def _watch(self, what: int | socket.socket | None, events: int) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched)
        self._watched = what
        if what is not None:
            self._selector.register(what, events, self)

    def _read(self) -> None:
        try:
            self._pending = os.read(self._source, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._pending = b""
        if self._pending:
            self._watch(self._target, selectors.EVENT_WRITE)
        else:
            self._watch(None, 0)
            self._target.shutdown(socket.SHUT_WR)  # the command sees the end of its input

    def _write(self) -> None:
        try:
            sent = self._target.send(self._pending)
        except BlockingIOError:
            return
        except OSError:
            self._watch(None, 0)
            return
        self._pending = self._pending[sent:]
        if not self._pending:
            self._watch(self._source, selectors.EVENT_READ)


def _encode(script: str) -> str:
    # os.fsencode: arguments that are no valid UTF-8 reach the command unchanged.
    return base64.b64encode(os.fsencode(script)).decode()


def _receive(channel: socket.socket) -> bytes | None:
    """Data, b"" at the end, None if there is nothing after all."""
    try:
        return channel.recv(CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


