# SPDX-License-Identifier: Apache-2.0
"""Starts the sealvm binary over a machine that runs no guest (fake_machine.cc) and looks at it from
outside: exit codes, streams, terminal, signals, files left behind.

Usage: cli_test.py BINARY [CONFIG.toml...] [unittest arguments]
"""

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import reported

BINARY = ""
CONFIGS = []
DEADLINE = 30.0


def command(*args):
    return [BINARY, *args]


def run(*args, stdin=subprocess.DEVNULL, **options):
    return subprocess.run(
        command(*args), stdin=stdin, capture_output=True, timeout=DEADLINE, **options
    )


def start(*args, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(
        command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("timed out: " + what)
        time.sleep(0.01)


class CliTest(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory(prefix="sealvm-cli-")
        self.addCleanup(self._directory.cleanup)
        self.directory = self._directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, data):
        mode = "wb" if isinstance(data, bytes) else "w"
        with open(self.path(name), mode) as file:
            file.write(data)
        return self.path(name)

    def assert_one_line(self, stderr, *words):
        text = stderr.decode()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith("sealvm: error: "), text)
        for word in words:
            self.assertIn(word, text)


class ExitCodes(CliTest):
    def test_every_end_of_a_guest(self):
        for role, code in [
            ("poweroff", 0),
            ("reset", 0),
            ("exit:42", 0),
            ("panic", 3),
            ("triple", 3),
            ("error", 1),
            ("missing", 2),
        ]:
            with self.subTest(role=role):
                result = run("run", "--kernel", role)
                self.assertEqual(result.returncode, code, result.stderr)
                if code == 0:
                    self.assertEqual(result.stderr, b"")
                else:
                    self.assert_one_line(result.stderr)

    def test_guest_exit_code_is_passed_on_when_asked_for(self):
        for written, code in [("0", 0), ("42", 42), ("255", 255), ("256", 255), ("4294967295", 255)]:
            result = run("run", "--kernel", "exit:" + written, "--guest-exit-code", "on")
            self.assertEqual(result.returncode, code, written)

    def test_reboot_makes_the_machine_anew_after_each_reset(self):
        stats = self.path("stats.json")
        result = run("run", "--kernel", "resets:3", "--reboot", "on", "--stats", stats)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout, b"boot 1\r\nboot 2\r\nboot 3\r\nboot 4\r\n")
        with open(stats) as file:
            counters = json.load(file)
        self.assertEqual((counters["reason"], counters["resets"]), ("power-off", 3))
        result = run("run", "--kernel", "resets:3")
        self.assertEqual((result.returncode, result.stdout), (0, b"boot 1\r\n"))

    def test_reboot_is_no_way_around_the_timeout_or_a_signal(self):
        begin = time.monotonic()
        result = run("run", "--kernel", "reset", "--reboot", "on", "--timeout", "0.3")
        self.assertEqual(result.returncode, 4)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assert_one_line(result.stderr, "--timeout")
        for delay in [0, 0.001, 0.005, 0.02]:
            process = start("run", "--kernel", "reset", "--reboot", "on")
            wait_until(lambda: blocks(process.pid, signal.SIGTERM), "signals blocked")
            time.sleep(delay)
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 1)
            self.assert_one_line(stderr, "SIGTERM")

    def test_reboot_ends_with_what_else_a_guest_does(self):
        for role, code in [("panic", 3), ("triple", 3), ("poweroff", 0), ("exit:1", 0)]:
            self.assertEqual(run("run", "--kernel", role, "--reboot", "on").returncode, code)

    def test_reboot_keeps_the_mode_that_auto_chose(self):
        result = run("run", "--kernel", "private", "--isolation", "auto", "--reboot", "on")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout, b"auto\r\nboot 1\r\nsealed\r\nboot 2\r\n")
        self.assertEqual(result.stderr.count(b"chose sealed"), 1)

    def test_reboot_takes_no_share(self):
        result = run("run", "--reboot", "on", "--fs", "socket=s,tag=t")
        self.assertEqual(result.returncode, 2)
        self.assert_one_line(result.stderr, "--reboot on", "--fs")

    def test_timeout(self):
        begin = time.monotonic()
        result = run("run", "--kernel", "spin", "--timeout", "0.3")
        self.assertEqual(result.returncode, 4)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assert_one_line(result.stderr, "0.3 s", "--timeout")

    def test_timeout_while_the_machine_is_being_created(self):
        result = run("run", "--kernel", "hang", "--timeout", "0.2")
        self.assertEqual(result.returncode, 4)
        self.assert_one_line(result.stderr, "--timeout")

    def test_refused_isolation(self):
        for mode in ["sealed", "sev", "sev-es", "snp", "tdx"]:
            result = run("run", "--isolation", mode)
            self.assertEqual(result.returncode, 5, mode)
            self.assert_one_line(result.stderr, mode)

    def test_no_arguments_print_the_help_on_stderr(self):
        result = run()
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stdout, b"")
        self.assertIn(b"Usage: sealvm COMMAND", result.stderr)

    def test_help_and_version_are_output(self):
        for args in [["--help"], ["--version"], ["run", "--help"], ["doctor", "--help"]]:
            result = run(*args)
            self.assertEqual(result.returncode, 0, args)
            self.assertEqual(result.stderr, b"")
            self.assertNotEqual(result.stdout, b"")


class BadInput(CliTest):
    def test_table(self):
        table = [
            (["run", "--memory", "0"], "--memory"),
            (["run", "--memory", "1K"], "--memory"),
            (["run", "--memory", "100T"], "--memory"),
            (["run", "--memory", "3.5X"], "--memory"),
            (["run", "--cpus", "0"], "--cpus"),
            (["run", "--cpus", "10000"], "--cpus"),
            (["run", "--memroy", "1G"], "'--memory'"),
            (["run", "--isolation", "strong"], "--isolation"),
            (["run", "--disk"], "--disk needs a value"),
            (["run", "--disk", "x.img"], "--disk: 'x.img'"),
            (["run", "--disk", "readonly=on"], "--disk: path is missing"),
            (["run", "--disk", "path=x,readonyl=on"], "'readonly'"),
            (["run", "--disk", "path=x,path=y"], "--disk: 'path' is given twice"),
            (["run", "--disk", "path=x,format=qcow2"], "--disk: format"),
            (["run", "--disk", "path=x,queue-size=3"], "--disk disk0: queue-size 3"),
            (["run", "--disk", "path=x,id=a", "--disk", "path=y,id=a"], "--disk id: 'a'"),
            (["run"] + ["--disk", "path=x"] * 29, "29 devices"),
            (["run", "--net", "usr"], "--net: backend"),
            (["run", "--net", "user,hostfwd=tcp::1-10.0.0.2:1"], "--net: hostfwd"),
            (["run", "--net", "tap=a/b"], "--net net0: tap"),
            (["run", "--net", "none", "--net", "user"], "--net: none stands alone"),
            (["run", "--vsock", "cid=3"], "--vsock: socket is missing"),
            (["run", "--vsock", "cid=2,socket=x"], "--vsock: cid"),
            (["run", "--vsock", "cid=3,socket=x", "--vsock", "cid=4,socket=y"], "given twice"),
            (["run", "--fs", "tag=x"], "--fs: socket is missing"),
            (["run", "--fs", "tag=" + "x" * 37 + ",socket=y"], "--fs fs0: tag"),
            (["run", "--rng", "yes"], "--rng"),
            (["run", "--pci-bars", "ports"], "--pci-bars"),
            (["run", "--console-device", "hvc0"], "--console-device"),
            (["run", "--config", self.write("d.toml", "[[disk]]\npaht = 'x'\n")],
             "line 2: disk: unknown key 'paht' (did you mean 'path'?)"),
            (["run", "--config", self.write("e.toml", "[disk]\npath = 'x'\n")], "[[disk]]"),
            (["run", "--console", "tty"], "--console"),
            (["run", "--console", "file=/nonexistent/x"], "/nonexistent/x"),
            (["run", "--console", "socket=/nonexistent/x"], "/nonexistent/x"),
            (["run", "--console", "socket=" + "x" * 108], "107"),
            (["run", "--events-fd", "77"], "--events-fd 77"),
            (["run", "--events-fd", "1"], "--events-fd 1"),
            (["run", "--stats", "/nonexistent/x"], "--stats"),
            (["run", "--stats", "/"], "--stats"),
            (["run", "--log-file", "/nonexistent/x"], "--log-file"),
            (["run", "--config", "/nonexistent/x"], "/nonexistent/x"),
            (["run", "--config", "/"], "--config"),
            (["run", "--config", self.write("k.toml", "kernal = 'x'\n")], "'kernel'"),
            (["run", "--config", self.write("t.toml", "kernel = 'x")], "line 1"),
            (["run", "--config", self.write("b.toml", b"\0\1\2\xff" * 100)], "line 1"),
            (["run", "--initrd", "x"], "--kernel"),
            (["measure"], "measure"),
            (["measure", "--isolation", "sealed"], "sealed"),
            (["measure", "--isolation", "none"], "none"),
            (["measure", "--isolation", "tdx"], "--firmware"),
            (["measure", "--isolation", "tdx", "--firmware", "/nonexistent/x"], "/nonexistent/x"),
            (["measure", "--isolation", "tdx", "--firmware", self.write("f0", b"")], "is empty"),
            (["measure", "--isolation", "tdx", "--firmware", self.write("f1", b"x")], "pages"),
            (["measure", "--isolation", "tdx", "--firmware", self.write("f2", b"\x90" * 4096)], "TDX"),
            (["measure", "--isolation", "tdx", "--firmware", self.write("f3", bytes(4096))],
             "variable store"),
            (["measure", "--isolation", "sev", "--firmware", "x", "--cpus", "4097"], "--cpus"),
            (["measure", "--isolation", "snp", "--firmware", "x"], "--cpu-model"),
            (["measure", "--isolation", "sev", "--firmware", "x", "--id-key", "k"], "--id-key"),
            (["measure", "--isolation", "snp", "--firmware", "x", "--cpu-model", "EPYC",
              "--write-id-block", "b"], "--id-key"),
            (["measure", "--isolation", "snp", "--firmware", self.write("fw", bytes(4096)),
              "--cpu-model", "EPYC", "--policy", "30000", "--id-key", "k", "--write-id-block",
              self.write("fw", bytes(4096)), "--write-id-auth", "a"], "--write-id-block"),
            (["run", "--isolation", "snp", "--firmware", "x", "--cpu-model", "EPYC",
              "--vcpu-signature", "1"], "--vcpu-signature"),
            (["measure", "--isolation", "snp", "--firmware", "x", "--cpu-model", "EPYC-Milano"],
             "'EPYC-Milan'"),
            (["inspect"], "inspect"),
            (["inspect", "/nonexistent/x"], "/nonexistent/x"),
            (["inspect", "/"], "/"),
            (["inspect", self.write("empty", b"")], "empty"),
            (["inspect", self.write("noise", b"\x13\x37" * 4096)], "noise"),
            (["frobnicate"], "frobnicate"),
        ]
        for args, word in table:
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertEqual(result.stdout, b"")
                self.assert_one_line(result.stderr, word)

    def test_measure_prints_the_digest_alone(self):
        image = bytes(range(256)) * 32
        path = self.write("firmware", image)
        digest = hashlib.sha256(image).hexdigest()
        result = run("measure", "--isolation", "sev", "--firmware", path)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout.decode(), digest + "\n")
        result = run("measure", "--isolation=sev", "--firmware", path, "--json", "--explain")
        self.assertEqual(result.returncode, 0)
        told = json.loads(result.stdout)
        self.assertEqual(told["digest"], digest)
        self.assertEqual([step["what"] for step in told["steps"]], ["firmware"])

    def test_inspect_tells_a_firmware_from_a_kernel(self):
        image = bytearray(8192)
        image[0x28:0x2C] = b"_FVH"
        path = self.write("firmware", bytes(image))
        result = run("inspect", path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        told = json.loads(result.stdout)
        self.assertEqual(told["format"], "firmware")
        self.assertFalse(told["modes"]["tdx"]["supported"])
        self.assertIn(b"enforces hashes     no", run("inspect", path).stdout)

    def test_a_newline_in_a_name_does_not_break_the_line(self):
        result = run("run", "--config", "/nonexistent/a\nb\x1b[31m")
        self.assertEqual(result.returncode, 2)
        self.assert_one_line(result.stderr)
        self.assertNotIn(b"\x1b", result.stderr)

    def test_unreadable_config(self):
        path = self.write("secret.toml", "cpus = 1\n")
        os.chmod(path, 0)
        os.chmod(self.directory, 0o755)
        if os.geteuid() != 0:
            result = run("run", "--config", path)
        else:
            try:
                result = run("run", "--config", path, user=65534)
            except PermissionError as error:
                self.skipTest("nobody may not run the binary: %s" % error)
        self.assertEqual(result.returncode, 2)
        self.assert_one_line(result.stderr, "EACCES")

    def test_nothing_is_left_behind(self):
        run("run", "--stats", self.path("s"), "--console", "file=" + self.path("d/x"))
        run("run", "--stats", self.path("s"), "--events-fd", "77")
        self.assertEqual(os.listdir(self.directory), [])


class Config(CliTest):
    def test_print_config_reads_back(self):
        args = ["--kernel", "poweroff", "--cmdline", 'a="b\\c"\n\td #e', "--memory", "64M"]
        args += ["--timeout", "1.25", "-vv", "--console", "file=x y"]
        first = run("run", "--print-config", *args)
        self.assertEqual(first.returncode, 0, first.stderr)
        config = self.write("m.toml", first.stdout)
        second = run("run", "--print-config", "--config", config)
        self.assertEqual(second.stdout, first.stdout)

    def test_devices_read_back(self):
        first = run("run", "--print-config", "--disk", "path=a,,b,readonly=on", "--disk", "path=c",
                    "--net", "user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::53-:53",
                    "--net", "tap=t,mac=52:54:00:12:34:56", "--vsock", "cid=3,socket=v",
                    "--fs", "tag=home,socket=f", "--rng", "on")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn(b'path = "a,b"', first.stdout)
        config = self.write("m.toml", first.stdout)
        second = run("run", "--print-config", "--config", config)
        self.assertEqual(second.stdout, first.stdout)

    def test_disks_of_the_command_line_replace_those_of_the_file(self):
        config = self.write("m.toml", "[[disk]]\npath = 'a'\n[[disk]]\npath = 'b'\n")
        result = run("run", "--print-config", "--config", config, "--disk", "path=c")
        self.assertEqual(re.findall(rb'path = "(.)"', result.stdout), [b"c"])

    def test_examples_are_understood(self):
        self.assertNotEqual(CONFIGS, [])
        for path in CONFIGS:
            with self.subTest(path=path):
                result = run("run", "--print-config", "--config", path, "--kernel", "k")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stderr, b"")

    def test_command_line_goes_over_the_file(self):
        config = self.write("m.toml", "kernel = 'panic'\n")
        self.assertEqual(run("run", "--config", config).returncode, 3)
        self.assertEqual(run("run", "--config", config, "--kernel", "poweroff").returncode, 0)


class Streams(CliTest):
    def test_stdout_is_the_guests_alone(self):
        result = run("run", "--kernel", "poweroff", "-vv", "--isolation", "auto")
        self.assertEqual(result.stdout, b"hello\r\n")
        self.assertIn(b"isolation auto: chose none", result.stderr)

    def test_log_file_takes_the_log_and_is_appended_to(self):
        log = self.write("log", "before\n")
        result = run("run", "--kernel", "error", "-v", "--log-file", log)
        self.assert_one_line(result.stderr, "broken")
        with open(log) as file:
            text = file.read()
        self.assertTrue(text.startswith("before\n"))
        self.assertRegex(text, r"\[ *\d+\.\d{6}\] info: isolation")
        self.assertRegex(text, r"\[ *\d+\.\d{6}\] error: .*broken")

    def test_closed_stdout_is_an_error(self):
        result = subprocess.run(
            ["sh", "-c", 'exec "$0" run --kernel poweroff >&-', BINARY],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=DEADLINE,
        )
        self.assertEqual(result.returncode, 1)
        self.assert_one_line(result.stderr, "standard output")

    def test_closed_stdout_does_not_matter_without_a_console_there(self):
        result = subprocess.run(
            ["sh", "-c", 'exec "$0" run --kernel poweroff --console off >&- <&-', BINARY],
            stderr=subprocess.PIPE, timeout=DEADLINE,
        )
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_reader_that_goes_away_ends_the_run(self):
        process = start("run", "--kernel", "flood")
        process.stdout.read(100)
        process.stdout.close()
        self.assertEqual(process.wait(DEADLINE), 1)
        self.assert_one_line(process.stderr.read(), "console is lost", "EPIPE")
        process.stderr.close()

    def test_full_device_ends_the_run(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run(
                command("run", "--kernel", "poweroff"), stdin=subprocess.DEVNULL,
                stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE,
            )
        self.assertEqual(result.returncode, 1)
        self.assert_one_line(result.stderr, "ENOSPC")

    def test_slow_reader_loses_nothing(self):
        process = start("run", "--kernel", "flood", "--timeout", "1")
        time.sleep(0.5)
        text = process.stdout.read()
        self.assertEqual(process.wait(DEADLINE), 4)
        self.assertGreater(len(text), 65536)
        self.assertEqual(set(text.splitlines()[:-1]), {b"x" * 79})
        process.stdout.close()
        process.stderr.close()

    def test_reader_that_never_reads_does_not_keep_the_timeout_off(self):
        process = start("run", "--kernel", "flood", "--timeout", "0.3")
        self.assertEqual(process.wait(DEADLINE), 4)
        process.stdout.close()
        process.stderr.close()

    def test_stdin_reaches_the_guest_in_order_and_its_end_is_not_the_end(self):
        data = bytes(range(32, 113)) * 50  # no 'q'
        process = start("run", "--kernel", "echo", "--timeout", "20", stdin=subprocess.PIPE)
        out, _ = process.communicate(data + b"q", timeout=DEADLINE)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(out, b"ready\r\n" + data)
        result = run("run", "--kernel", "echo", "--timeout", "0.3")
        self.assertEqual(result.returncode, 4)

    def test_ctrl_a_in_a_pipe_is_data(self):
        process = start("run", "--kernel", "echo", "--timeout", "20", stdin=subprocess.PIPE)
        out, _ = process.communicate(b"\x01x\x01\x01q", timeout=DEADLINE)
        self.assertEqual((process.returncode, out), (0, b"ready\r\n\x01x\x01\x01"))

    def test_guest_that_does_not_read_is_no_busy_loop(self):
        process = start("run", "--kernel", "deaf", "--timeout", "1", stdin=subprocess.PIPE)
        process.stdin.write(b"x" * 60000)
        process.stdin.flush()
        begin = os.times()
        self.assertEqual(process.wait(DEADLINE), 4)
        spent = os.times().children_user - begin.children_user
        self.assertLess(spent, 0.5)
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


class Events(CliTest):
    def events_of(self, *args):
        reader, writer = os.pipe()
        try:
            result = run("run", *args, "--events-fd", str(writer), pass_fds=[writer])
        finally:
            os.close(writer)
        with os.fdopen(reader) as file:
            return result, [json.loads(line) for line in file]

    def test_life_of_a_guest(self):
        result, events = self.events_of("--kernel", "poweroff")
        self.assertEqual(result.returncode, 0)
        names = [event["event"] for event in events]
        self.assertEqual(names, ["created", "started", "first-instruction", "exit"])
        times = [event["time_ns"] for event in events]
        self.assertEqual(times, sorted(times))
        self.assertEqual((events[-1]["reason"], events[-1]["exit_code"]), ("power-off", 0))

    def test_failed_device_is_named(self):
        _, events = self.events_of("--kernel", "device")
        failed = [event for event in events if event["event"] == "device-failed"]
        self.assertEqual([event["device"] for event in failed], ["disk0"])

    def test_panic(self):
        _, events = self.events_of("--kernel", "panic")
        names = [event["event"] for event in events]
        self.assertIn("panicked", names)
        self.assertEqual(events[names.index("boot-mark")]["value"], 0x41)
        self.assertEqual(events[-1]["exit_code"], 3)

    def test_failures_end_with_an_exit_event(self):
        for args, code, reason in [
            (["--kernel", "missing"], 2, "error"),
            (["--kernel", "spin", "--timeout", "0.1"], 4, "timeout"),
            (["--isolation", "tdx"], 5, "error"),
        ]:
            _, events = self.events_of(*args)
            self.assertEqual((events[-1]["reason"], events[-1]["exit_code"]), (reason, code))

    def test_guest_code(self):
        _, events = self.events_of("--kernel", "exit:300")
        self.assertEqual((events[-1]["guest_code"], events[-1]["exit_code"]), (300, 0))

    def test_descriptor_opened_for_reading_is_refused(self):
        with open("/dev/null") as null:
            result = run("run", "--events-fd", str(null.fileno()), pass_fds=[null.fileno()])
        self.assertEqual(result.returncode, 2)
        self.assert_one_line(result.stderr, "not open for writing")

    def test_reader_that_goes_away_costs_a_warning_only(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = run("run", "--kernel", "poweroff", "--events-fd", str(writer), pass_fds=[writer])
        os.close(writer)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.count(b"no more events"), 1)


class Stats(CliTest):
    def test_written_on_every_path(self):
        for args, code in [
            (["--kernel", "poweroff"], 0),
            (["--kernel", "missing"], 2),
            (["--kernel", "panic"], 3),
            (["--kernel", "spin", "--timeout", "0.1"], 4),
            (["--kernel", "hang", "--timeout", "0.1"], 4),
        ]:
            path = self.path("stats.json")
            result = run("run", *args, "--stats", path)
            self.assertEqual(result.returncode, code)
            with open(path) as file:
                self.assertEqual(json.load(file)["exit_code"], code)
            self.assertEqual(os.listdir(self.directory), ["stats.json"])
            os.unlink(path)

    def test_counters(self):
        path = self.path("stats.json")
        run("run", "--memory", "64M", "--cpus", "2", "--stats", path, "--disk", "path=a",
            "--disk", "path=b,id=data")
        with open(path) as file:
            stats = json.load(file)
        self.assertEqual([device["id"] for device in stats["devices"]], ["disk0", "data"])
        self.assertEqual(stats["devices"][0]["requests"], 5)
        self.assertEqual(stats["memory"]["bytes"], 64 << 20)
        self.assertEqual(stats["cpus"], 2)
        self.assertEqual(stats["exits_by_reason"], {"hlt": 1, "io": 6})

    def test_symbolic_link_is_followed_and_a_device_kept(self):
        target = self.write("target", "old")
        os.symlink(target, self.path("link"))
        run("run", "--stats", self.path("link"))
        self.assertTrue(os.path.islink(self.path("link")))
        with open(target) as file:
            self.assertEqual(json.load(file)["exit_code"], 0)
        self.assertEqual(run("run", "--stats", "/dev/null").returncode, 0)
        self.assertTrue(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"))


class Signals(CliTest):
    def test_each_ends_the_run_with_one_line(self):
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]:
            process = start("run", "--kernel", "echo")
            process.stdout.read(len(b"ready\r\n"))
            process.send_signal(number)
            self.assertEqual(process.wait(DEADLINE), 1, number)
            self.assert_one_line(process.stderr.read(), number.name)
            process.stdout.close()
            process.stderr.close()

    def test_during_creation(self):
        process = start("run", "--kernel", "hang", "--stats", self.path("s"))
        wait_until(lambda: blocks(process.pid, signal.SIGTERM), "signals blocked")
        process.terminate()
        self.assertEqual(process.wait(DEADLINE), 1)
        self.assert_one_line(process.stderr.read(), "SIGTERM")
        process.stdout.close()
        process.stderr.close()

    def test_at_any_time_without_a_core_or_a_hang(self):
        for step in range(25):
            process = start("run", "--kernel", "spin", "--console",
                            "socket=" + self.path("s%d" % step))
            time.sleep(step * 0.0005)
            process.terminate()
            # Before main runs, the default action is the right one.
            self.assertIn(process.wait(DEADLINE), (1, -signal.SIGTERM))
            self.assertEqual(os.listdir(self.directory), [])
            process.stdout.close()
            process.stderr.close()

    def test_second_signal_forces_a_machine_that_does_not_stop(self):
        process = start("run", "--kernel", "stuck", "--console", "socket=" + self.path("s"))
        wait_until(lambda: os.path.exists(self.path("s")), "socket")
        time.sleep(0.2)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(DEADLINE), 1)
        self.assertLess(time.monotonic() - begin, 4)
        self.assertEqual(os.listdir(self.directory), [])
        process.stdout.close()
        process.stderr.close()


def blocks(pid, number):
    with open("/proc/%d/status" % pid) as file:
        mask = int(re.search(r"SigBlk:\s*(\w+)", file.read()).group(1), 16)
    return bool(mask >> (number - 1) & 1)


class OnTerminal:
    """sealvm with a pseudo terminal for stdin, stdout and stderr, as its controlling terminal."""

    def __init__(self, *args, size=(0, 0)):
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command(*args), stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.text = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, data):
        os.write(self.master, data)

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ISIG)

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def expect(self, word):
        end = time.monotonic() + DEADLINE
        while word not in self.text:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if ready:
                self.text += os.read(self.master, 4096)
            elif time.monotonic() > end:
                raise AssertionError("no %r in %r" % (word, self.text))

    def wait(self):
        return self.process.wait(DEADLINE)


class Terminal(CliTest):
    def test_raw_while_running_and_restored_at_the_end(self):
        with OnTerminal("run", "--kernel", "echo") as tty:
            tty.expect(b"ready")
            self.assertTrue(tty.is_raw())
            tty.type(b"abc\x03q")
            self.assertEqual(tty.wait(), 0)
            self.assertTrue(tty.is_as_before())
            tty.expect(b"abc\x03")

    def test_restored_after_every_signal(self):
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                       signal.SIGABRT, signal.SIGSEGV]:
            with self.subTest(number=number), OnTerminal("run", "--kernel", "echo") as tty:
                tty.expect(b"ready")
                os.kill(tty.process.pid, number)
                fatal = number in (signal.SIGABRT, signal.SIGSEGV)
                self.assertEqual(tty.wait(), -number if fatal else 1)
                self.assertTrue(tty.is_as_before())

    def test_restored_when_creation_fails_and_after_timeout(self):
        for args, code in [(["--kernel", "missing"], 2),
                           (["--kernel", "spin", "--timeout", "0.2"], 4),
                           (["--kernel", "hang", "--timeout", "0.2"], 4)]:
            with OnTerminal("run", *args) as tty:
                self.assertEqual(tty.wait(), code)
                self.assertTrue(tty.is_as_before())

    def test_ctrl_a_x_leaves_even_when_the_guest_does_not_read(self):
        with OnTerminal("run", "--kernel", "deaf") as tty:
            wait_until(tty.is_raw, "raw mode")
            for _ in range(20):
                tty.type(b"y" * 1000)
                time.sleep(0.01)
            tty.type(b"\x01x")
            self.assertEqual(tty.wait(), 0)
            self.assertTrue(tty.is_as_before())

    def test_ctrl_a_ctrl_a_reaches_the_guest_once(self):
        with OnTerminal("run", "--kernel", "echo") as tty:
            tty.expect(b"ready")
            tty.type(b"<\x01\x01>")
            tty.expect(b"<\x01>")

    def test_help_and_monitor(self):
        with OnTerminal("run", "--kernel", "echo", "--memory", "64M") as tty:
            tty.expect(b"ready")
            tty.type(b"\x01h")
            tty.expect(b"Ctrl-A x")
            tty.type(b"\x01c")
            tty.expect(b"sealvm> ")
            tty.type(b"statuz\x7fs\r")
            tty.expect(b"64 MiB")
            tty.type(b"continue\rok")
            tty.expect(b"ok")
            tty.type(b"\x01cpower\r")
            self.assertEqual(tty.wait(), 0)

    def test_monitor_quits(self):
        with OnTerminal("run", "--kernel", "spin") as tty:
            wait_until(tty.is_raw, "raw mode")
            tty.type(b"\x01cquit\r")
            self.assertEqual(tty.wait(), 0)
            self.assertTrue(tty.is_as_before())

    def test_job_control_gives_the_terminal_back_and_takes_it_again(self):
        with OnTerminal("run", "--kernel", "echo") as tty:
            tty.expect(b"ready")
            tty.process.send_signal(signal.SIGTSTP)
            wait_until(lambda: state(tty.process.pid) == "T", "stopped")
            self.assertTrue(tty.is_as_before())
            tty.process.send_signal(signal.SIGCONT)
            wait_until(tty.is_raw, "raw again")
            tty.type(b"q")
            self.assertEqual(tty.wait(), 0)
            self.assertTrue(tty.is_as_before())

    def test_guest_hears_of_the_terminals_size(self):
        with OnTerminal("run", "--kernel", "size") as tty:
            # A terminal that knows no size yet; the kernel signals each change.
            wait_until(tty.is_raw, "raw mode")
            tty.resize(100, 40)
            tty.expect(b"size 100x40")
            tty.resize(81, 25)
            tty.expect(b"size 81x25")
            tty.type(b"\x01x")
            self.assertEqual(tty.wait(), 0)

    def test_guest_hears_of_the_size_at_the_start(self):
        with OnTerminal("run", "--kernel", "size", size=(77, 33)) as tty:
            tty.expect(b"size 77x33")

    def test_terminal_is_left_alone_without_a_console_there(self):
        with OnTerminal("run", "--kernel", "spin", "--console", "off", "--timeout", "0.5") as tty:
            while tty.process.poll() is None:
                self.assertTrue(tty.is_as_before())
                time.sleep(0.02)


def state(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


class Consoles(CliTest):
    def test_file_starts_anew(self):
        path = self.write("console", "what was there before is longer")
        self.assertEqual(run("run", "--kernel", "poweroff", "--console", "file=" + path).returncode, 0)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"hello\r\n")

    def test_pty_survives_its_users(self):
        process = start("run", "--kernel", "echo", "--console", "pty", stdin=subprocess.DEVNULL)
        name = re.search(rb"console on (/dev/pts/\d+)", process.stderr.readline()).group(1)
        for text in [b"one", b"two"]:
            fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
            os.write(fd, text)
            seen = b""
            while text not in seen:
                self.assertTrue(select.select([fd], [], [], DEADLINE)[0])
                seen += os.read(fd, 100)
            os.close(fd)
        fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
        os.write(fd, b"q")
        self.assertEqual(process.wait(DEADLINE), 0)
        os.close(fd)
        process.stdout.close()
        process.stderr.close()

    def test_socket_serves_one_after_the_other_and_goes_at_the_end(self):
        path = self.path("s")
        process = start("run", "--kernel", "echo", "--console", "socket=" + path)
        wait_until(lambda: os.path.exists(path), "socket")
        for text in [b"one", b"two"]:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE)
                client.connect(path)
                client.sendall(text)
                seen = b""
                while text not in seen:
                    seen += client.recv(100)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(path)
            client.sendall(b"last")
            client.shutdown(socket.SHUT_WR)
            seen = b""
            while b"last" not in seen:
                seen += client.recv(100)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"q")
            self.assertEqual(process.wait(DEADLINE), 0)
        self.assertFalse(os.path.exists(path))
        process.stdout.close()
        process.stderr.close()

    def test_socket_replaces_a_stale_one_but_nothing_else(self):
        path = self.path("s")
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        self.assertEqual(run("run", "--console", "socket=" + path).returncode, 0)
        self.assertFalse(os.path.exists(path))
        self.write("s", "precious")
        result = run("run", "--console", "socket=" + path)
        self.assertEqual(result.returncode, 2)
        self.assert_one_line(result.stderr, "no socket")
        self.assertTrue(os.path.exists(path))
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as live:
            live.bind(path)
            live.listen(1)
            result = run("run", "--console", "socket=" + path)
            self.assertEqual(result.returncode, 2)
            self.assert_one_line(result.stderr, "another process")
        self.assertTrue(os.path.exists(path))


class Doctor(CliTest):
    def test_json_and_text_tell_the_same(self):
        result = run("doctor", "--json")
        self.assertEqual(result.returncode, 1)
        report = json.loads(result.stdout)
        self.assertFalse(report["modes"]["none"]["available"])
        self.assertIn("modprobe", report["modes"]["none"]["advice"])
        self.assertEqual(report["modes"]["none"]["prerequisites"], [])
        text = run("doctor").stdout.decode()
        self.assertIn(report["kernel_version"], text)
        self.assertIn("modprobe", text)

    def test_what_devices_need_of_the_host(self):
        report = json.loads(run("doctor", "--json").stdout)
        self.assertTrue(report["device_support"]["io_uring"]["usable"])
        self.assertEqual(report["device_support"]["io_uring"]["advice"], "")
        self.assertFalse(report["device_support"]["passt"]["usable"])
        self.assertIn("passt", report["device_support"]["passt"]["advice"])

    def test_closed_stdout(self):
        result = subprocess.run(
            ["sh", "-c", 'exec "$0" doctor >&-', BINARY],
            stderr=subprocess.PIPE, timeout=DEADLINE,
        )
        self.assertEqual(result.returncode, 1)
        self.assert_one_line(result.stderr, "standard output")


if __name__ == "__main__":
    BINARY = reported.binary()
    while len(sys.argv) > 1 and sys.argv[1].endswith(".toml"):
        CONFIGS.append(os.path.abspath(sys.argv.pop(1)))
    sys.exit(reported.run())
