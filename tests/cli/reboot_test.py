# SPDX-License-Identifier: Apache-2.0
"""Starts the sealvm binary with the diagnostic guest on this machine's /dev/kvm and lets it reset:
what --reboot on keeps, what it makes anew, and what it gives back.

Usage: reboot_test.py BINARY [unittest arguments]
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import reported

BINARY = ""
DEADLINE = 60.0


def kvm_problem():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"no usable /dev/kvm: {error}"
    return None


def sealed_works():
    report = subprocess.run([BINARY, "doctor", "--json"], capture_output=True, timeout=DEADLINE)
    return json.loads(report.stdout)["modes"]["sealed"]["available"]


class Guest:
    """A sealvm whose guest echoes lines, and resets or powers off when told to."""

    def __init__(self, *args, memory="32M", pass_fds=()):
        self.process = subprocess.Popen(
            [BINARY, "run", "--memory", memory, "--cmdline", "diag=echo", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        self.output = b""

    def read_until(self, text):
        """Reads what comes up to the end of `text`."""
        while not self.output.endswith(text):
            byte = self.process.stdout.read(1)
            if not byte:
                raise AssertionError((text, self.output))
            self.output += byte
        taken, self.output = self.output, b""
        return taken

    def wait_ready(self):
        return self.read_until(b"echo: ready\r\n")

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def descriptors(self):
        links = []
        folder = f"/proc/{self.process.pid}/fd"
        for name in os.listdir(folder):
            try:
                links.append(os.readlink(os.path.join(folder, name)))
            except FileNotFoundError:
                pass
        return sorted(link.split(":")[0] for link in links)

    def peak_of_address_space(self):
        """In bytes."""
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmPeak:"):
                    return int(line.split()[1]) << 10
        raise AssertionError("no VmPeak")

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def wait(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(DEADLINE)
        self.errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Reboot(unittest.TestCase):
    def setUp(self):
        if problem := kvm_problem():
            self.skipTest(problem)
        directory = tempfile.TemporaryDirectory(prefix="sealvm-reboot-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def boot(self, *args, **options):
        guest = Guest(*args, **options)
        self.addCleanup(guest.process.kill)
        guest.wait_ready()
        return guest

    def reset_some_times(self, guest, times):
        for _ in range(times):
            guest.type("reset")
            guest.wait_ready()

    def test_without_it_a_reset_is_the_end(self):
        guest = self.boot()
        guest.type("reset")
        self.assertEqual(guest.wait(), 0)

    def test_guest_starts_anew_and_the_console_stays(self):
        stats = self.path("stats.json")
        guest = self.boot("--reboot", "on", "--cpus", "3", "--stats", stats)
        self.reset_some_times(guest, 5)
        guest.type("hello")
        guest.read_until(b"echo: hello\r\n")
        guest.type("quit")
        self.assertEqual(guest.wait(), 0)
        self.assertEqual(guest.errors, b"")
        with open(stats) as file:
            counters = json.load(file)
        self.assertEqual((counters["reason"], counters["resets"]), ("power-off", 5))

    def test_input_that_waited_reaches_the_next_guest(self):
        guest = self.boot("--reboot", "on")
        # More than the first one's serial port takes before it resets.
        guest.process.stdin.write(b"reset\n" + b"\n" * 4000)
        guest.type("quit")
        guest.wait_ready()
        guest.read_until(b"echo: quit\r\n")
        self.assertEqual(guest.wait(), 0)

    def test_events_tell_each_machine_on_one_clock(self):
        reader, writer = os.pipe()
        guest = self.boot("--reboot", "on", "--events-fd", str(writer), pass_fds=[writer])
        os.close(writer)
        self.reset_some_times(guest, 2)
        guest.type("quit")
        self.assertEqual(guest.wait(), 0)
        with os.fdopen(reader) as file:
            events = [json.loads(line) for line in file]
        life = ["created", "started", "first-instruction"]
        names = [event["event"] for event in events if event["event"] != "boot-mark"]
        self.assertEqual(names, [*life, "reset", *life, "reset", *life, "exit"])
        times = [event["time_ns"] for event in events]
        self.assertEqual(times, sorted(times))

    def test_nothing_gathers_and_devices_come_back(self):
        disk, socket = self.path("disk"), self.path("vsock")
        with open(disk, "wb") as file:
            file.truncate(1 << 20)
        guest = self.boot("--reboot", "on", "--cpus", "2", "--disk", f"path={disk}", "--rng", "on",
                          "--vsock", f"cid=7,socket={socket}", memory="1G")
        descriptors, threads = guest.descriptors(), guest.threads()
        peak = guest.peak_of_address_space()
        self.reset_some_times(guest, 10)
        self.assertEqual(guest.descriptors(), descriptors)
        self.assertEqual(guest.threads(), threads)
        # There are never two machines at a time.
        self.assertLess(guest.peak_of_address_space() - peak, 1 << 29)
        self.assertTrue(os.path.exists(socket))
        guest.process.send_signal(signal.SIGTERM)
        self.assertEqual(guest.wait(), 1)

    def test_timeout_covers_all_of_it(self):
        guest = self.boot("--reboot", "on", "--timeout", "2")
        with self.assertRaises((AssertionError, BrokenPipeError)):
            self.reset_some_times(guest, 1_000_000)
        self.assertEqual(guest.wait(), 4)
        self.assertIn(b"--timeout", guest.errors)

    def test_sealed_guest(self):
        if not sealed_works():
            self.skipTest("this host has no private memory for sealed guests")
        for mode in ["sealed", "auto"]:
            guest = self.boot("--reboot", "on", "--isolation", mode)
            self.reset_some_times(guest, 3)
            guest.type("quit")
            self.assertEqual(guest.wait(), 0)
            # What auto chose is told once.
            self.assertEqual(guest.errors.count(b"chose sealed"), 1 if mode == "auto" else 0)


if __name__ == "__main__":
    BINARY = reported.binary()
    sys.exit(reported.run())
