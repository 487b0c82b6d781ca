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
import unittest.mock

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

    def test_programs_of_both_layouts(self):
        for name, place in (("usr/libexec/virtiofsd", "virtiofsd"),
                            ("usr/lib/qemu/virtiofsd", "virtiofsd"),
                            ("usr/lib/x86_64-linux-gnu/libc.so.6", "lib/libc.so.6"),
                            ("lib/x86_64-linux-gnu/libgcc_s.so.1", "lib/libgcc_s.so.1")):
            self.assertEqual(fetch.place_program(self.FOLDER, name), self.FOLDER / place)

    def test_libraries_get_the_name_that_programs_ask_for(self):
        for name, place in (("libseccomp.so.2.6.0", "libseccomp.so.2"),
                            ("libcap-ng.so.0.0.0", "libcap-ng.so.0")):
            self.assertEqual(fetch.place_program(self.FOLDER, f"usr/lib/x86_64-linux-gnu/{name}"),
                             self.FOLDER / "lib" / place)

    def test_firmware_of_both_folders(self):
        for name in ("usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/ovmf/OVMF.fd",
                     "usr/share/ovmf/OVMF.amdsev.fd"):
            self.assertEqual(fetch.place_firmware(self.FOLDER, name),
                             self.FOLDER / name.rsplit("/", 1)[1])
        for name in ("usr/share/OVMF/OVMF_VARS_4M.fd", "usr/share/qemu/OVMF.fd", "OVMF.fd",
                     "usr/share/OVMF/OVMF_CODE_4M.ms.fd", "usr/share/ovmf/README"):
            self.assertIsNone(fetch.place_firmware(self.FOLDER, name))

    def test_other_files_of_programs_are_left(self):
        for name in ("usr/lib/x86_64-linux-gnu/libdrop_ambient.so.0.0.0", "usr/bin/ldd",
                     "usr/lib/x86_64-linux-gnu/gconv/libJIS.so", "usr/share/doc/virtiofsd/x",
                     "usr/lib/x86_64-linux-gnu/audit/libc.so.6"):
            self.assertIsNone(fetch.place_program(self.FOLDER, name))


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
            self.assertFalse(cache.has_programs())
            self.assertFalse(cache.has_source())
            self.assertFalse(cache.has_firmware())


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is not installed")
class MirrorTest(unittest.TestCase):
    """Packages of a mirror that is a folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cache = fetch.Cache(self.folder / "cache")
        self.version = "1"
        mock = unittest.mock.patch.multiple(
            fetch, download=self.take, download_from_pool=self.take,
            newest_version=lambda name: fetch.Package(name, self.version, f"{name} {self.version}"))
        mock.start()
        self.addCleanup(mock.stop)

    def take(self, package: fetch.Package, _folder: pathlib.Path) -> pathlib.Path:
        found = self.folder / f"{package.name}.deb"
        if not found.exists():
            raise fetch.FetchError(f"no {package.name}")
        return found

    def package(self, name: str, files: dict[str, str]) -> None:
        source = self.folder / name
        (source / "DEBIAN").mkdir(parents=True, exist_ok=True)
        (source / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example>\n"
            "Description: d\n")
        for file, content in files.items():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            (source / file).write_text(content)
        subprocess.run(["dpkg-deb", "-b", str(source), str(self.folder / f"{name}.deb")],
                       check=True, capture_output=True)


class FirmwareTest(MirrorTest):
    OLD = fetch.Firmware("1999.01", (fetch.Package("ovmf", "1", "0"),), fetch.FIRMWARE_FILES)
    NEW = fetch.Firmware("2000.01", (fetch.Package("ovmf-new", "2", "0"),
                                     fetch.Package("ovmf-tdx", "2", "0")),
                         ("OVMF.fd", "OVMF.tdx.fd"))

    def setUp(self):
        super().setUp()
        mock = unittest.mock.patch.object(fetch, "FIRMWARE", (self.OLD, self.NEW))
        mock.start()
        self.addCleanup(mock.stop)
        self.package("ovmf", {"usr/share/ovmf/OVMF.fd": "all",
                              "usr/share/OVMF/OVMF_CODE_4M.fd": "c",
                              "usr/share/OVMF/OVMF_VARS_4M.fd": "v"})

    def test_images_of_a_release_are_in_its_folder(self):
        self.package("ovmf-new", {"usr/share/ovmf/OVMF.fd": "new"})
        self.package("ovmf-tdx", {"usr/share/ovmf/OVMF.tdx.fd": "tdx"})
        self.cache.fetch_firmware()
        self.assertTrue(self.cache.has_firmware())
        folder = self.folder / "cache/firmware"
        self.assertEqual((folder / "2000.01/OVMF.tdx.fd").read_text(), "tdx")
        self.assertEqual(sorted(file.name for file in (folder / "1999.01").iterdir()),
                         ["OVMF.fd", "OVMF_CODE_4M.fd"])

    def test_release_that_the_mirror_lacks_is_left_out(self):
        self.package("ovmf-new", {"usr/share/ovmf/OVMF.fd": "new"})
        self.cache.fetch_firmware()
        self.assertFalse(self.cache.has_firmware())
        folder = self.folder / "cache/firmware"
        self.assertEqual([entry.name for entry in folder.iterdir()], ["1999.01"])

    def test_no_release_at_all_is_an_error(self):
        (self.folder / "ovmf.deb").unlink()
        with self.assertRaisesRegex(fetch.FetchError, "none of the firmware"):
            self.cache.fetch_firmware()

    def test_missing_image_is_no_entry(self):
        self.package("ovmf", {"usr/share/ovmf/OVMF.fd": "all"})
        (self.folder / "ovmf/usr/share/OVMF/OVMF_CODE_4M.fd").unlink()
        self.package("ovmf", {})
        with self.assertRaisesRegex(fetch.FetchError, "none of the firmware"):
            self.cache.fetch_firmware()


class ProgramsTest(MirrorTest):
    """The loader is a script that is asked for a version."""

    def setUp(self):
        super().setUp()
        self.package("virtiofsd", {"usr/libexec/virtiofsd": "program"})
        self.package("libcap-ng0", {"usr/lib/x86_64-linux-gnu/libcap-ng.so.0.0.0": "ng"})
        self.package("libgcc-s1", {"usr/lib/x86_64-linux-gnu/libgcc_s.so.1": "gcc"})
        self.package("libseccomp2", {"usr/lib/x86_64-linux-gnu/libseccomp.so.2.6.0": "seccomp"})
        self.libc("exit 0")

    def libc(self, loader: str) -> None:
        place = "usr/lib/x86_64-linux-gnu/"
        self.package("libc6", {place + "libc.so.6": "c", place + "libm.so.6": "m",
                               place + fetch.LOADER: f"#!/bin/sh\n{loader}\n"})

    def entries(self) -> list[str]:
        return sorted(entry.name for entry in (self.folder / "cache/virtiofsd").iterdir())

    def test_program_and_libraries_are_there(self):
        self.cache.fetch_programs()
        self.assertTrue(self.cache.has_programs())
        current = self.folder / "cache/virtiofsd/current"
        self.assertEqual((current / "virtiofsd").read_text(), "program")
        self.assertEqual({file.name for file in (current / "lib").iterdir()}, fetch.LIBRARIES)

    def test_newer_version_takes_the_place_of_the_old(self):
        self.cache.fetch_programs()
        self.version = "2"
        self.cache.fetch_programs()
        self.assertEqual([name.split("-")[0] for name in self.entries()], ["2", "current"])
        self.assertTrue(self.cache.has_programs())

    def test_program_that_does_not_start_is_not_kept(self):
        self.libc("echo no such symbol >&2; exit 127")
        with self.assertRaisesRegex(fetch.FetchError, "no such symbol"):
            self.cache.fetch_programs()
        self.assertEqual(self.entries(), [])

    def test_missing_library_is_an_error(self):
        (self.folder / "libcap-ng0/usr/lib/x86_64-linux-gnu/libcap-ng.so.0.0.0").unlink()
        self.package("libcap-ng0", {})
        with self.assertRaisesRegex(fetch.FetchError, "lack a file"):
            self.cache.fetch_programs()
        self.assertFalse(self.cache.has_programs())


class SourceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = fetch.Cache(pathlib.Path(folder.name))
        self.versions: list[str] = []

    def fetch(self, version: str) -> str:
        """The version that is there after the mirror had this one."""
        def download(package: fetch.Package, folder: pathlib.Path) -> pathlib.Path:
            self.versions.append(package.version)
            (folder / "x.deb").write_text(package.version)
            return folder / "x.deb"

        with unittest.mock.patch.multiple(
                fetch, download=download,
                newest_version=lambda name: fetch.Package(name, version, "")):
            self.cache.fetch_source()
        self.assertTrue(self.cache.has_source())
        return (self.cache.source / "current/linux-source-6.12.deb").read_text()

    def test_newer_version_takes_the_place_of_the_old(self):
        self.assertEqual([self.fetch("1"), self.fetch("2")], ["1", "2"])
        self.assertEqual(sorted(f.name for f in self.cache.source.iterdir()), ["2", "current"])

    def test_same_version_is_downloaded_once(self):
        self.assertEqual([self.fetch("1"), self.fetch("1"), self.versions], ["1", "1", ["1"]])


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
