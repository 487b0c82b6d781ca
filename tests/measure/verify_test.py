# SPDX-License-Identifier: Apache-2.0
"""`sealvm measure --verify` of a real image and files that others made: reports and quotes of
vmm/isolation/attestation/testdata, one field of them changed where the image's digest belongs.

Usage: verify_test.py BINARY [TEST...]
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import reported
import rows

BINARY = ""
# Bazel starts tests at the root of their files.
SAMPLES = pathlib.Path("vmm/isolation/attestation/testdata").resolve()

# MEASUREMENT of an SNP report (SNP firmware ABI 1.58, ATTESTATION_REPORT), MRTD of a quote, whose
# header has 48 bytes (TDX DCAP Quoting Library API, appendix A.3), and of a TDREPORT, which has a SHA-384 of
# the part that MRTD is in (TDX Module 1.5 ABI, tables of TDREPORT_STRUCT).
SNP_MEASUREMENT = 0x90
QUOTE_MRTD = 48 + 136
TDREPORT_INFO = 512
TDREPORT_MRTD = TDREPORT_INFO + 16
TDREPORT_INFO_HASH = 80
DIGEST_BYTES = 48
# quote_v4.bin has as many behind its signature.
QUOTE_TAIL = 64

SNP = ("--isolation", "snp", "--cpus", "2", "--cpu-model", "EPYC-Milan")
TDX = ("--isolation", "tdx")
# What snp_v2.bin says: debugging is allowed, so it has to be expected.
SNP_POLICY = ("--policy", "b0133")


class VerifyTest(unittest.TestCase):
    def setUp(self) -> None:
        self.image = rows.images_folder() / rows.TRIXIE
        if not self.image.is_file():
            self.skipTest(f"{rows.TRIXIE} is not in the cache; tools/setup firmware fetches it")
        folder = tempfile.TemporaryDirectory(prefix="sealvm-verify-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def measure(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([BINARY, "measure", "--firmware", str(self.image), *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)

    def file(self, content: bytes) -> str:
        path = self.folder / "evidence"
        path.write_bytes(content)
        return str(path)

    def sample(self, name: str, at: int, mode: tuple[str, ...]) -> str:
        """A sample that attests this image."""
        content = bytearray((SAMPLES / name).read_bytes())
        digest = bytes.fromhex(self.measure(*mode).stdout)
        self.assertEqual(len(digest), DIGEST_BYTES)
        content[at:at + DIGEST_BYTES] = digest
        return self.file(content)

    def report(self) -> str:
        return self.sample("snp_v2.bin", SNP_MEASUREMENT, SNP)

    def quote(self) -> str:
        return self.sample("quote_v4.bin", QUOTE_MRTD, TDX)

    def tdreport(self) -> str:
        path = pathlib.Path(self.sample("tdreport.bin", TDREPORT_MRTD, TDX))
        content = bytearray(path.read_bytes())
        content[TDREPORT_INFO_HASH:TDREPORT_INFO_HASH + DIGEST_BYTES] = hashlib.sha384(
            content[TDREPORT_INFO:]).digest()
        return self.file(bytes(content))

    def refuse(self, path: str, mode: tuple[str, ...] = SNP) -> str:
        """It cannot be compared: one line that names the file, and nothing on stdout."""
        done = self.measure(*mode, "--verify", path)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(f"--verify {path}: ", done.stderr)
        return done.stderr

    def test_report_of_this_guest_holds(self) -> None:
        done = self.measure(*SNP, "--verify", self.report(), *SNP_POLICY)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^ok +measurement: [0-9a-f]{96}$")
        self.assertRegex(done.stdout, r"(?m)^ok +policy: ")
        self.assertNotIn("DIFFERS", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^note +.*signature")

    def test_tdreport_of_this_guest_holds(self) -> None:
        done = self.measure(*TDX, "--verify", self.tdreport(), "--event-log",
                            str(SAMPLES / "ccel.bin"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^ok +MRTD: ")
        self.assertRegex(done.stdout, r"(?m)^ok +RTMR2: ")

    def test_changed_quote_is_found_out(self) -> None:
        done = self.measure(*TDX, "--verify", self.quote())
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^ok +MRTD: ")
        self.assertIn("did not sign this quote", done.stderr)

    def test_json_has_digest_and_comparisons(self) -> None:
        done = self.measure(*TDX, "--verify", self.tdreport(), "--json")
        told = json.loads(done.stdout)
        self.assertEqual(told["digest"], self.measure(*TDX).stdout.strip())
        self.assertIs(told["holds"], True)
        self.assertTrue(told["checks"])

    def test_changed_report_has_no_good_signature(self) -> None:
        done = self.measure(*SNP, "--verify", self.report(), *SNP_POLICY, "--cert",
                            str(SAMPLES / "snp_chain.pem"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("did not sign", done.stderr)

    def test_report_of_other_vcpus_differs(self) -> None:
        report = self.report()
        done = self.measure("--isolation", "snp", "--cpus", "3", "--cpu-model", "EPYC-Milan",
                            "--verify", report, *SNP_POLICY)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^DIFFERS +measurement: expected [0-9a-f]{96}, found")
        self.assertRegex(done.stderr, r"measurement: expected [0-9a-f]{96}, found")
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_quote_of_the_other_order_differs(self) -> None:
        done = self.measure(*TDX, "--mrtd-order", "two-pass", "--verify", self.quote())
        self.assertEqual(done.returncode, 1)
        self.assertIn("DIFFERS", done.stdout)

    def test_other_policy_differs(self) -> None:
        done = self.measure(*SNP, "--verify", self.report(), "--policy", "30000")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^DIFFERS +policy: ")

    def test_reports_of_real_machines_are_of_other_guests(self) -> None:
        for name, mode in (("snp_milan.bin", SNP), ("cos_quote_v4.bin", TDX)):
            with self.subTest(name):
                done = self.measure(*mode, "--verify", str(SAMPLES / "real" / name))
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stdout, r"(?m)^DIFFERS +(measurement|MRTD)")

    def test_truncated_files_are_refused(self) -> None:
        report = (SAMPLES / "snp_v2.bin").read_bytes()
        quote = (SAMPLES / "quote_v4.bin").read_bytes()[:-QUOTE_TAIL]
        for content in (report[:-1], report[:600], report + b"\0", quote[:-1], quote[:700],
                        quote[:47], b"\0"):
            with self.subTest(len(content)):
                self.refuse(self.file(content))

    def test_empty_file_is_refused(self) -> None:
        self.assertIn("is empty", self.refuse(self.file(b"")))

    def test_large_file_is_refused_without_being_read(self) -> None:
        path = self.folder / "large"
        with path.open("wb") as file:
            file.truncate(100 << 20)
        self.refuse(str(path))

    def test_what_is_no_file_is_refused(self) -> None:
        self.refuse(str(self.folder))
        self.refuse(str(self.folder / "absent"))
        self.refuse("/dev/zero")

    def test_evidence_of_the_other_technology_is_refused(self) -> None:
        self.refuse(str(SAMPLES / "quote_v4.bin"), (*SNP, *SNP_POLICY))


if __name__ == "__main__":
    BINARY = reported.binary()
    sys.exit(reported.run())
