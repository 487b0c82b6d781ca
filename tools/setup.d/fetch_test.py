# SPDX-License-Identifier: Apache-2.0
"""Tests of fetch and vmlinux: which package is chosen, where files go, what is unpacked."""

import gzip
import lzma
import pathlib
import shutil
import struct
import subprocess
import tarfile
import tempfile
import unittest

import fetch
import vmlinux

RECIPES = {recipe.name: recipe for recipe in fetch.RECIPES}


class ChoiceTest(unittest.TestCase):
    def newest(self, recipe: str, *names: str) -> list[str]:
        return fetch.newest(RECIPES[recipe], frozenset(names))

    def test_numbers_are_compared_as_numbers(self):
        self.assertEqual(self.newest("cloud-6.12", "linux-image-6.12.9+deb12-cloud-amd64",
                                     "linux-image-6.12.107+deb13-cloud-amd64"),
                         ["linux-image-6.12.107+deb13-cloud-amd64"])
        self.assertEqual(self.newest("cloud-6.1", "linux-image-6.1.0-9-cloud-amd64",
                                     "linux-image-6.1.0-40-cloud-amd64"),
                         ["linux-image-6.1.0-40-cloud-amd64"])

    def test_other_flavours_and_packages_are_not_taken(self):
        self.assertEqual(self.newest(
            "l1-6.12", "linux-image-6.12.9+deb12-cloud-amd64", "linux-image-6.12.9+deb12-rt-amd64",
            "linux-image-6.12.9+deb12-amd64-dbg", "linux-headers-6.12.9+deb12-amd64",
            "linux-image-6.1.0-9-amd64", "linux-image-6.120.1+deb12-amd64"), [])

    def test_split_packages_are_taken_together(self):
        names = [f"linux-{part}-7.3.4+deb13-amd64" for part in ("binary", "modules", "base")]
        self.assertEqual(self.newest("l1-7.x", *names, "linux-image-7.3.4+deb13-amd64",
                                     "linux-image-7.1.0+deb13-amd64"), names)

    def test_incomplete_split_release_is_passed_over(self):
        self.assertEqual(self.newest("l1-7.x", "linux-binary-7.3.4+deb13-amd64",
                                     "linux-image-7.3.4+deb13-amd64",
                                     "linux-image-7.1.0+deb13-amd64"),
                         ["linux-image-7.1.0+deb13-amd64"])

    def test_signed_before_unsigned(self):
        image = "linux-image-6.12.9+deb12-cloud-amd64"
        self.assertEqual(self.newest("cloud-6.12", image + "-unsigned", image), [image])
        self.assertEqual(self.newest("cloud-6.12", image + "-unsigned"), [image + "-unsigned"])

    def test_release_of_a_package(self):
        for package in ("linux-image-6.12.9+deb12-amd64", "linux-image-6.12.9+deb12-amd64-unsigned",
                        "linux-binary-unsigned-6.12.9+deb12-amd64",
                        "linux-modules-6.12.9+deb12-amd64"):
            self.assertEqual(fetch.release_of(package), "6.12.9+deb12-amd64")


class PlaceTest(unittest.TestCase):
    FOLDER = pathlib.Path("/f")

    def test_kernel_files_of_both_layouts(self):
        for name, place in (("boot/vmlinuz-R", "vmlinuz"), ("usr/lib/modules/R/vmlinuz", "vmlinuz"),
                            ("boot/config-R", "config"), ("usr/lib/modules/R/config", "config"),
                            ("lib/modules/R/kernel/a/b.ko", "modules/kernel/a/b.ko"),
                            ("lib/modules/R/modules.builtin", "modules/modules.builtin")):
            self.assertEqual(fetch.place_kernel_file("R", self.FOLDER, name), self.FOLDER / place)

    def test_other_files_are_left(self):
        for name in ("boot/System.map-R", "boot/vmlinuz-S", "usr/share/doc/x",
                     "lib/modules/R/modules.order"):
            self.assertIsNone(fetch.place_kernel_file("R", self.FOLDER, name))

    def test_headers(self):
        for name, place in (("usr/include/linux/kvm.h", "linux/kvm.h"),
                            ("usr/lib/linux/uapi/x86/asm/kvm.h", "asm/kvm.h"),
                            ("usr/include/x86_64-linux-gnu/asm/kvm.h", "asm/kvm.h")):
            self.assertEqual(fetch.place_header(self.FOLDER, name), self.FOLDER / "include" / place)
        for name in ("usr/lib/linux/uapi/arm64/asm/kvm.h", "usr/include/drm/drm.h"):
            self.assertIsNone(fetch.place_header(self.FOLDER, name))


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is not installed")
class UnpackTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_package_content_is_placed(self):
        source = self.folder / "p"
        (source / "DEBIAN").mkdir(parents=True)
        (source / "DEBIAN/control").write_text(
            "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example>\n"
            "Description: d\n")
        (source / "boot").mkdir()
        (source / "boot/vmlinuz-R").write_bytes(b"kernel")
        (source / "boot/other").write_bytes(b"other")
        subprocess.run(["dpkg-deb", "-b", str(source), str(self.folder / "p.deb")], check=True,
                       capture_output=True)

        target = self.folder / "out"
        fetch.unpack(self.folder / "p.deb",
                     lambda name: fetch.place_kernel_file("R", target, name))

        self.assertEqual([p.name for p in target.iterdir()], ["vmlinuz"])
        self.assertEqual((target / "vmlinuz").read_bytes(), b"kernel")

    def test_file_that_is_no_package(self):
        (self.folder / "bad.deb").write_bytes(b"nothing")
        with self.assertRaises((fetch.FetchError, tarfile.TarError)):
            fetch.unpack(self.folder / "bad.deb", lambda name: None)


class CacheTest(unittest.TestCase):
    def test_failed_build_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder, "entry")

            def fill(_debs, content):
                (content / "half").touch()
                raise fetch.FetchError("no")

            with self.assertRaises(fetch.FetchError):
                fetch.Cache._build(target, [], fill)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])

    def test_missing_file_makes_the_cache_incomplete(self):
        with tempfile.TemporaryDirectory() as folder:
            cache = fetch.Cache(pathlib.Path(folder))
            self.assertFalse(cache.has_kernels())
            self.assertFalse(cache.has_uapi())


def bzimage(payload: bytes, version: int = 0x20F, sectors: int = 3, offset: int = 0x100) -> bytes:
    image = bytearray((sectors + 1) * 512 + offset) + payload + b"after"
    image[0x1F1] = sectors
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, version)
    struct.pack_into("<II", image, 0x248, offset, len(payload))
    return bytes(image)


class VmlinuxTest(unittest.TestCase):
    KERNEL = b"\x7fELF" + bytes(range(256)) * 300

    def sized(self, data: bytes) -> bytes:
        return data + struct.pack("<I", len(self.KERNEL))

    def extract(self, compressed: bytes) -> bytes:
        return vmlinux.decompress(vmlinux.payload(bzimage(compressed)))

    def test_formats_of_the_standard_library(self):
        # gzip's own trailer is the size already.
        self.assertEqual(self.extract(gzip.compress(self.KERNEL)), self.KERNEL)
        self.assertEqual(self.extract(self.sized(lzma.compress(self.KERNEL))), self.KERNEL)

    def test_formats_of_tools(self):
        for command in (["zstd", "-qc"], ["lz4", "-lqc"]):
            with self.subTest(command[0]):
                if shutil.which(command[0]) is None:
                    self.skipTest(f"{command[0]} is not installed")
                packed = subprocess.run(command, input=self.KERNEL, capture_output=True,
                                        check=True).stdout
                self.assertEqual(self.extract(self.sized(packed)), self.KERNEL)

    def test_damage_is_an_error(self):
        good = self.sized(lzma.compress(self.KERNEL))
        wrong_size = lzma.compress(self.KERNEL) + struct.pack("<I", 5)
        for data in (b"", bzimage(good)[:0x240], bzimage(good).replace(b"HdrS", b"HdrX"),
                     bzimage(good, version=0x207), bzimage(good)[:-200], bzimage(wrong_size),
                     bzimage(b"what is this"), bzimage(good[:40] + b"\0" * 40 + good[80:]),
                     bzimage(self.sized(lzma.compress(b"no elf")))):
            with self.assertRaises(vmlinux.ExtractError):
                vmlinux.decompress(vmlinux.payload(data))


if __name__ == "__main__":
    unittest.main()
