# SPDX-License-Identifier: Apache-2.0
"""Compares `sealvm measure` of Debian's OVMF images with what other programs made of them:
expected.tsv, and for TDX mrtd.py, too. A release that is not in the cache of
tools/setup is skipped.

Usage: measure_test.py BINARY [TEST...]
"""

from __future__ import annotations

import hashlib
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import unittest

import mrtd
import reported
import rows

BINARY = ""


class Expected:
    """expected.tsv: what the images were, and the rows' digests."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.seeds: dict[str, str] = {}
        self.mrtds: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        by_kind = {"image": self.images, "seed": self.seeds, "tdx": self.mrtds}
        text = pathlib.Path(__file__).with_name("expected.tsv").read_text(encoding="ascii")
        for line in text.splitlines():
            key, digest = line.rsplit("\t", 1)
            kind, _, name = key.partition("\t")
            by_kind.get(kind, self.digests)[name if kind in by_kind else key] = digest


class MeasureTest(unittest.TestCase):
    """All rows of an image are one test."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.expected = Expected()
        cls.folder = tempfile.TemporaryDirectory(prefix="sealvm-measure-")
        cls.addClassCleanup(cls.folder.cleanup)
        rows.write_files(pathlib.Path(cls.folder.name))

    def image(self, name: str) -> pathlib.Path:
        path = rows.images_folder() / name
        if not path.is_file():
            self.skipTest(f"{name} is not in the cache; tools/setup firmware fetches it")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual(found, self.expected.images[name], f"{path} is another image")
        return path

    def measure(self, mode: str, image: pathlib.Path, *options: str) -> str:
        done = subprocess.run([BINARY, "measure", "--isolation", mode, "--firmware", str(image),
                               *options], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.removesuffix("\n")

    def check_rows(self, name: str) -> None:
        image = self.image(name)
        chosen = [row for row in rows.sev_rows() if row.image == name]
        self.assertTrue(chosen)
        for row in chosen:
            with self.subTest(row.key()):
                digest = self.measure(row.mode, image,
                                      *row.options(pathlib.Path(self.folder.name)))
                self.assertEqual(digest, self.expected.digests[row.key()])

    def check_seed(self, name: str) -> None:
        """The digest after the firmware's pages stands for them."""
        image, row = self.image(name), rows.Row("snp", name)
        digest = self.measure(row.mode, image, *row.options(pathlib.Path(self.folder.name)),
                              "--seed-digest", self.expected.seeds[name])
        self.assertEqual(digest, self.expected.digests[row.key()])

    def check_tdx(self, name: str) -> None:
        image = self.image(name)
        self.assertEqual(self.measure("tdx", image), self.expected.mrtds[name])
        for order in ("one-pass", "two-pass"):
            with self.subTest(order):
                self.assertEqual(self.measure("tdx", image, "--mrtd-order", order),
                                 mrtd.mrtd(image.read_bytes(), order == "two-pass"))

    def test_expected_has_every_row_and_no_other(self) -> None:
        self.assertEqual(sorted(self.expected.digests), sorted(r.key() for r in rows.sev_rows()))

    def test_vcpus_and_order_of_passes_matter(self) -> None:
        """What tells that the comparison would see a difference."""
        image = self.image(rows.TRIXIE)
        data = image.read_bytes()
        self.assertNotEqual(mrtd.mrtd(data, True), mrtd.mrtd(data, False))
        self.assertEqual(len(set(self.expected.digests.values()) &
                             {self.measure("snp", image, "--cpus", n, "--cpu-model", "EPYC-Milan")
                              for n in ("5", "6")}), 0)

    def test_costs_little_more_than_hashing(self) -> None:
        """64 vCPUs and a kernel of 50 MB: processor time against that of libcrypto's digests of the
        same bytes, the least of several, for others may use the machine."""
        if b"__asan_init" in pathlib.Path(BINARY).read_bytes():
            self.skipTest("a binary with sanitizers is not optimized")
        path = self.image(rows.AMDSEV)
        firmware, kernel = path.read_bytes(), bytes(50_000_000)
        file = pathlib.Path(self.folder.name, "large")
        file.write_bytes(kernel)

        def hashing() -> None:
            hashlib.sha256(kernel).digest()
            hashlib.sha256(firmware).digest()
            for at in [*range(0, len(firmware), 4096), *[0] * 64]:
                hashlib.sha384(firmware[at:at + 4096]).digest()

        own, others = float("inf"), float("inf")
        for _ in range(20):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.measure("snp", path, "--cpus", "64", "--cpu-model", "EPYC-Milan", "--kernel",
                         str(file))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            own = min(own, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            started = time.process_time()
            hashing()
            others = min(others, time.process_time() - started)
            # Starting a program and reading the files is in it: a few milliseconds.
            if own < 0.25 and own < 1.3 * others + 0.02:
                break
        self.assertLess(own, 0.25)
        self.assertLess(own, 1.3 * others + 0.02)

    def test_code_part_has_no_mrtd(self) -> None:
        """Its metadata tell of a file with the variable store."""
        image = self.image(rows.CODE)
        done = subprocess.run([BINARY, "measure", "--isolation", "tdx", "--firmware", str(image)],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))


def add_tests() -> None:
    for name in rows.IMAGES:
        label = name.replace("/", "_").replace(".", "_")
        checks = {"sev": MeasureTest.check_rows, "seed": MeasureTest.check_seed}
        if name in rows.TDX_IMAGES:
            checks["tdx"] = MeasureTest.check_tdx
        for kind, check in checks.items():
            setattr(MeasureTest, f"test_{kind}_{label}",
                    lambda self, check=check, name=name: check(self, name))


if __name__ == "__main__":
    BINARY = reported.binary()
    add_tests()
    sys.exit(reported.run())
