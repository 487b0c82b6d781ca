# SPDX-License-Identifier: Apache-2.0
"""Tests of the whole of hw-smoke, with a program that stands for sealvm."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pathlib
import tarfile
import tempfile
import textwrap
import unittest
from unittest import mock

import smoke_main

# Does what files beside it say. A digest depends on all that is measured.
FAKE = textwrap.dedent("""\
    #!/usr/bin/env -S python3 -I -S
    import base64, hashlib, json, pathlib, signal, sys, time
    here = pathlib.Path(__file__).parent
    ways = json.loads((here / "ways.json").read_text())
    words = sys.argv[1:]
    def value(name):
        return words[words.index(name) + 1] if name in words else None
    def fail(text, code=1):
        print("sealvm: error: " + text, file=sys.stderr)
        sys.exit(code)
    def digest():
        told = [value(n) for n in ("--isolation", "--firmware", "--cmdline", "--cpus",
                                   "--vcpu-signature", "--policy")]
        return hashlib.sha384(json.dumps(told).encode()).hexdigest()
    if words[0] == "--version":
        print("sealvm fake")
    elif words[0] == "doctor":
        if "doctor" in ways:
            fail(ways["doctor"])
        if "--json" in words:
            print(json.dumps({"modes": {m: {"available": m in ways["modes"], "reason": "no " + m,
                  "advice": "buy it", "prerequisites": [{"name": "flag", "met": "no",
                  "found": "not there", "advice": ""}]} for m in ("sev", "sev-es", "snp", "tdx")}}))
    elif words[0] == "measure":
        if value("--firmware") == "guest-fw" and "guest-fw" not in ways:
            fail("there is no file guest-fw", 2)
        if value("--verify"):
            report = pathlib.Path(value("--verify")).read_text()
            if report != digest() + value("--report-data"):
                fail("digest differs")
            print("ok")
        else:
            print("junk" if ways.get("measure") == "junk" else digest())
    elif words[0] == "run":
        if value("--expect-digest") != digest() and ways.get("digest") != "ignored":
            fail("--expect-digest differs", 5)
        task = dict(w.split("=", 1) for w in value("--cmdline").split())
        if task["smoke"] == ways.get("hang"):
            time.sleep(1000)
        if task["smoke"] == ways.get("crash"):
            fail("LAUNCH_FINISH: EIO, firmware status POLICY_FAILURE")
        print("@@CPUS " + str(ways.get("cpus", 2)))
        if value("--isolation") in ("snp", "tdx") and "report" not in ways:
            kind = value("--isolation")
            report = (ways.get("stale") or digest()) + task["nonce"]
            print("@@BEGIN %s\\n%s\\n@@END" % (kind, base64.b64encode(report.encode()).decode()))
        else:
            print("@@NOREPORT " + str(ways.get("report")))
        if ways.get("mrtd"):
            text = digest() if ways["mrtd"] == "good" else "00" * 48
            print("@@BEGIN mrtd\\n%s\\n@@END" % base64.b64encode(bytes.fromhex(text)).decode())
        if task["smoke"] == "disk":
            disk = pathlib.Path(value("--disk").split("=", 1)[1])
            content = disk.read_bytes()
            print("@@DISK " + hashlib.sha256(content).hexdigest())
            if "unwritten" not in ways:
                half = len(content) // 2
                disk.write_bytes(content[half:] + content[:half])
            pathlib.Path(value("--stats")).write_text(json.dumps({"memory": {
                "conversions": {"to_shared": ways.get("conversions", 7)}}}))
        print("@@READY", flush=True)
        if task["smoke"] == "wait":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            time.sleep(1000)
    """)


class SmokeTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.sealvm = self.folder / "sealvm"
        self.sealvm.write_text(FAKE, encoding="utf-8")
        self.sealvm.chmod(0o755)
        (self.folder / "OVMF").write_bytes(b"x")
        (self.folder / "scratch").mkdir()
        self.output = self.folder / "result.tar.gz"
        for patched in (
                mock.patch.dict(os.environ, {"TMPDIR": str(self.folder / "scratch")}),
                mock.patch.object(tempfile, "tempdir", None),
                mock.patch.object(smoke_main, "build_initrd", lambda _: b"initrd"),
                mock.patch.object(smoke_main, "find_kernel", lambda *_: mock.Mock(file="kernel")),
                mock.patch.object(smoke_main, "has_network", lambda: False),
                mock.patch.object(smoke_main.signal, "signal")):
            patched.start()
            self.addCleanup(patched.stop)

    def run_smoke(self, ways: dict[str, object], *more: str) -> int:
        (self.folder / "ways.json").write_text(json.dumps(ways), encoding="utf-8")
        self.said = io.StringIO()
        with contextlib.redirect_stderr(self.said):
            code = smoke_main.main([
                "--sealvm", str(self.sealvm), "--output", str(self.output), "--timeout", "20",
                "--ovmf-sev", str(self.folder / "OVMF"), "--ovmf-tdx", str(self.folder / "OVMF"),
                *more])
        # Nothing is left behind but the one file.
        self.assertEqual(list((self.folder / "scratch").iterdir()), [])
        with tarfile.open(self.output) as archive:
            self.files = {member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
                          for member in archive.getmembers()}
        self.output.unlink()
        self.summary = json.loads(self.files["hw-smoke/summary.json"])
        return code

    def outcomes(self, mode: str, firmware: str = "ovmf") -> dict[str, str]:
        return {check["name"]: check["outcome"] for check in self.summary["checks"]
                if (check["mode"], check["firmware"]) == (mode, firmware)}

    def reason(self, mode: str, name: str, firmware: str = "ovmf") -> str:
        return next(check["reason"] for check in self.summary["checks"]
                    if (check["mode"], check["firmware"], check["name"]) == (mode, firmware, name))

    def test_without_hardware_everything_is_skipped(self) -> None:
        self.assertEqual(self.run_smoke({"modes": []}), 0)
        self.assertEqual(self.summary["counts"], {"PASS": 0, "FAIL": 0, "SKIPPED": 36})
        for check in self.summary["checks"]:
            self.assertEqual(check["reason"],
                             f"doctor: no {check['mode']}; flag: not there (buy it)")
        self.assertIn("nothing was tested", self.said.getvalue())

    def test_all_of_it_passes(self) -> None:
        self.assertEqual(self.run_smoke({"modes": ["sev", "sev-es", "snp", "tdx"], "guest-fw": 1}),
                         0)
        for mode, firmware in (("snp", "ovmf"), ("snp", "guest-fw"), ("tdx", "ovmf")):
            self.assertEqual(set(self.outcomes(mode, firmware).values()), {"PASS"}, mode)
        for mode in ("sev", "sev-es"):
            outcomes = self.outcomes(mode)
            self.assertEqual(outcomes.pop("report"), "SKIPPED")
            self.assertEqual(set(outcomes.values()), {"PASS"}, mode)
        self.assertIn("7 conversions", self.reason("snp", "devices"))
        self.assertNotIn("nothing was tested", self.said.getvalue())

    def test_the_manifest_holds(self) -> None:
        self.run_smoke({"modes": ["snp"]}, "--mode", "snp")
        manifest = json.loads(self.files.pop("hw-smoke/MANIFEST.json"))
        self.assertEqual({f"hw-smoke/{file['name']}": file["sha256"] for file in manifest["files"]},
                         {name: hashlib.sha256(content).hexdigest()
                          for name, content in self.files.items()})
        self.assertIn("hw-smoke/reports/snp-ovmf-snp.bin", self.files)
        self.assertIn("hw-smoke/doctor.json", self.files)
        self.assertIn("vcpu_signature", self.summary)

    def test_missing_built_in_firmware_is_skipped(self) -> None:
        self.assertEqual(self.run_smoke({"modes": ["snp"]}, "--mode", "snp"), 0)
        self.assertEqual(set(self.outcomes("snp", "guest-fw").values()), {"SKIPPED"})
        self.assertIn("no file guest-fw", self.reason("snp", "launch", "guest-fw"))

    def test_missing_image_is_skipped(self) -> None:
        with mock.patch.object(smoke_main, "firmware_for", lambda *_: "no image; install it"):
            self.assertEqual(self.run_smoke({"modes": ["sev"]}, "--mode", "sev"), 0)
        self.assertEqual(self.reason("sev", "digest"), "no image; install it")

    def test_missing_guest_is_skipped(self) -> None:
        with mock.patch.object(smoke_main, "find_kernel",
                               side_effect=smoke_main.GuestError("no kernel")):
            self.assertEqual(self.run_smoke({"modes": ["sev"]}, "--mode", "sev"), 0)
        self.assertEqual(self.reason("sev", "launch"), "no kernel")

    def assert_fails(self, ways: dict[str, object], name: str, text: str, mode: str = "snp") -> None:
        self.assertEqual(self.run_smoke({"modes": [mode], **ways}, "--mode", mode), 1)
        self.assertEqual(self.outcomes(mode)[name], "FAIL")
        self.assertIn(text, self.reason(mode, name))

    def test_failures_are_told_apart(self) -> None:
        self.assert_fails({"measure": "junk"}, "digest", "printed no digest")
        self.assertEqual(self.reason("snp", "launch"), "digest failed")
        self.assert_fails({"crash": "report"}, "launch", "POLICY_FAILURE")
        self.assertEqual(self.outcomes("snp")["devices"], "SKIPPED")
        self.assert_fails({"cpus": 1}, "launch", "has 1 CPUs, not 2")
        self.assert_fails({"stale": "00"}, "report", "digest differs")
        self.assert_fails({"report": "EIO"}, "report", "the guest got no report: EIO")
        self.assert_fails({"digest": "ignored"}, "wrong-digest", "was not refused")
        self.assert_fails({"conversions": 0}, "devices", "shared no memory")
        self.assert_fails({"unwritten": 1}, "devices", "not on the disk")
        self.assert_fails({"crash": "wait"}, "teardown", "did not get as far")
        self.assert_fails({"mrtd": "bad"}, "report", "MRTD is 0000", mode="tdx")

    def test_a_td_without_quotes_still_tells_its_mrtd(self) -> None:
        ways = {"modes": ["tdx"], "report": "no service", "mrtd": "good"}
        self.assertEqual(self.run_smoke(ways, "--mode", "tdx"), 0)
        self.assertEqual(self.outcomes("tdx")["report"], "SKIPPED")
        self.assertIn("MRTD is as expected", self.reason("tdx", "report"))
        self.assertEqual(self.run_smoke(ways, "--mode", "tdx", "--quote-service", "vsock:2:4050"), 1)

    def test_a_guest_that_hangs_is_ended(self) -> None:
        with mock.patch.object(smoke_main, "Setting",
                               lambda *a: smoke_main_setting(*a[:6], -19, *a[7:])):
            self.assert_fails({"hang": "report"}, "launch", "did not end within its time")

    def test_no_report_of_doctor_is_a_failure(self) -> None:
        self.assertEqual(self.run_smoke({"doctor": "broken", "modes": []}), 1)
        self.assertEqual(self.summary["checks"][0]["outcome"], "FAIL")
        self.assertIn("broken", self.summary["checks"][0]["reason"])


smoke_main_setting = smoke_main.Setting


class PartsTest(unittest.TestCase):
    def test_signature_is_cpuid_1_eax(self) -> None:
        for family, model, stepping, signature in (
                ("25", "1", "1", "0xa00f11"), ("25", "17", "0", "0xa10f10"),
                ("23", "1", "2", "0x800f12"), ("6", "167", "8", "0xa0678")):
            self.assertEqual(smoke_main.cpu_signature(
                {"cpu family": family, "model": model, "stepping": stepping}), signature)

    def test_firmware_is_looked_for(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            self.assertIsNone(smoke_main.find_firmware("a.fd", [root, root / "none"]))
            (root / "deep").mkdir()
            (root / "deep" / "a.fd").write_bytes(b"")
            self.assertEqual(smoke_main.find_firmware("a.fd", [root / "none", root]),
                             root / "deep" / "a.fd")

    def test_bad_options(self) -> None:
        for arguments in (["--sealvm", "x", "--timeout", "0"], ["--sealvm", "x", "--mode", "none"],
                          ["--sealvm", "x", "--output", "/dev/null"],
                          ["--sealvm", "x", "--output", "/nonexistent/x"]):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
                smoke_main.parse(arguments)


if __name__ == "__main__":
    unittest.main()
