# SPDX-License-Identifier: Apache-2.0
"""Fetches kernels, kernel headers, programs, firmware and a kernel's source from the machine's Debian
mirror into sealvm's cache.

    fetch.py --cache DIR [--check | --refresh] uapi|kernels|programs|firmware|source

Nothing is installed: packages are downloaded with apt-get (which verifies them), their content is
unpacked next to its final place and renamed there whole. The cache then looks like this:

    uapi/<package version>/include/{linux,asm,asm-generic}   and  uapi/current -> <version>
    kernels/<name>-<release>-<digest>/{vmlinuz,vmlinux,config,modules/...}
    kernels/<name> -> <name>-<release>-<digest>              name: cloud-6.1 ... l1-7.x
    kernels/index.json                                       what is there, for programs
    virtiofsd/<package version>-<digest>/{virtiofsd,lib/*}   and  virtiofsd/current -> that
    linux-source/<package version>/linux-source-6.12.deb     and  linux-source/current -> that
    firmware/<edk2 release>/OVMF*.fd                         2022.11, 2025.02, 2026.08

A program comes with all libraries it needs, for it may be of a newer release than this machine:
run it as `lib/ld-linux-x86-64.so.2 --library-path lib virtiofsd`.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable

import apt_sources
import vmlinux

UAPI_PACKAGE = "linux-libc-dev"
UAPI_FOLDERS = ("linux", "asm", "asm-generic")
INDEX_VERSION = 1

# Of every release: all of it, and its code part.
FIRMWARE_FILES = ("OVMF.fd", "OVMF_CODE_4M.fd")
FIRMWARE_POOL = "pool/main/e/edk2"
APT_HELPER = "/usr/lib/apt/apt-helper"

VIRTIOFSD = "virtiofsd"
# What kernel/*.patch are for.
SOURCE_PACKAGE = "linux-source-6.12"

# What virtiofsd is linked with, by package.
LIBRARY_PACKAGES = ("libc6", "libgcc-s1", "libcap-ng0", "libseccomp2")
LOADER = "ld-linux-x86-64.so.2"
LIBRARIES = frozenset({LOADER, "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libcap-ng.so.0",
                       "libseccomp.so.2"})


class FetchError(Exception):
    """Something the user must know about, in one line."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Which kernel a cache entry holds; `series` is a regular expression over its release."""

    name: str
    role: str  # "guest": a stock cloud kernel to boot; "l1": has KVM, runs sealvm in the lab
    series: str
    flavour: str  # the part of the release between version and "-amd64", with its dash

    def matches(self, release: str) -> bool:
        return re.fullmatch(rf"{self.series}{self.flavour}-amd64", release) is not None


VERSION = r"[0-9.]+(?:-[0-9.]+)?(?:\+deb[0-9.]+)?"
RECIPES = (
    Recipe("cloud-6.1", "guest", rf"6\.1\.{VERSION}", "-cloud"),
    Recipe("cloud-6.12", "guest", rf"6\.12\.{VERSION}", "-cloud"),
    Recipe("cloud-7.x", "guest", rf"7\.{VERSION}", "-cloud"),
    Recipe("l1-6.12", "l1", rf"6\.12\.{VERSION}", ""),
    Recipe("l1-7.x", "l1", rf"7\.{VERSION}", ""),
)


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Firmware:
    """The images of one edk2 release. The packages are known by digest: what guests measure of
    them is written down in tests and documents."""

    release: str
    packages: tuple[Package, ...]
    images: tuple[str, ...]


# Of bookworm, trixie and sid.
FIRMWARE = (
    Firmware("2022.11", (
        Package("ovmf", "2022.11-6+deb12u2",
                "e73d3d1a8799f7f6fc16b73501d913edcdd86237556fbff30693e747e6dc262e"),),
             FIRMWARE_FILES),
    Firmware("2025.02", (
        Package("ovmf", "2025.02-8+deb13u1",
                "78e0d54df11fc77406cb7a0bc9a39e5bca6d1cbe06556b91d9a73491c52decdf"),),
             FIRMWARE_FILES),
    Firmware("2026.08", (
        Package("ovmf-generic", "2026.08+ds-2",
                "05c1593998ba58700ff86c062bde306321af1f5a2943ea9ceef6c2332f3f3374"),
        Package("ovmf-amdsev", "2026.08+ds-2",
                "92c9b6d15e4eeb371938c3f99080c1a8fc057dfd6bc0509d37f8b615e9edebfb"),
        Package("ovmf-inteltdx", "2026.08+ds-2",
                "87123a9bf4dc1af7bbc48257a9b3db5933ff695167476d4fa48b705da1011fb1"),
        Package("ovmf-legacy", "2026.08+ds-2",
                "3eab038af84538a80dd3d058548b8e1b3b65934c24389e03153909f654b9704b")),
             (*FIRMWARE_FILES, "OVMF.amdsev.fd", "OVMF.inteltdx.ms.fd", "OVMF.legacy.fd")),
)


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


def run(command: list[str], **options: object) -> str:
    """Runs a tool and returns its stdout; its failure is a FetchError that quotes its last line."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise FetchError(f"{' '.join(command[:2])} failed: {lines[-1]}")
    return done.stdout


def release_key(release: str) -> tuple[int, ...]:
    """Orders kernel releases: 6.12.107+deb13 after 6.12.95+deb12, 6.1.0-40 after 6.1.0-9."""
    return tuple(int(number) for number in re.findall(r"\d+", release.split("-amd64")[0]))


def split_packages(release: str, names: frozenset[str]) -> list[str]:
    """The packages that hold a release: one image, or from 7.2 on binary, modules and base."""
    for binary in (f"linux-binary-{release}", f"linux-binary-unsigned-{release}"):
        modules, base = f"linux-modules-{release}", f"linux-base-{release}"
        if {binary, modules, base} <= names:
            return [binary, modules, base]
    for image in (f"linux-image-{release}", f"linux-image-{release}-unsigned"):
        modules = f"linux-modules-{release}"
        if image in names and modules not in names and f"linux-binary-{release}" not in names:
            return [image]
    return []


def newest(recipe: Recipe, names: frozenset[str]) -> list[str]:
    """The packages of the newest release that a recipe matches; empty if there is none."""
    releases = set()
    for name in names:
        found = re.fullmatch(r"linux-(?:image|binary)-(?:unsigned-)?(.+-amd64)(?:-unsigned)?", name)
        if found and recipe.matches(found[1]):
            releases.add(found[1])
    for release in sorted(releases, key=release_key, reverse=True):
        packages = split_packages(release, names)
        if packages:
            return packages
    return []


def release_of(package: str) -> str:
    return re.sub(r"^linux-(image|binary|modules|base)-(unsigned-)?|-unsigned$", "", package)


@functools.cache
def kernel_package_names() -> frozenset[str]:
    return frozenset(run(["apt-cache", "pkgnames", "linux-"]).split())


def newest_version(name: str) -> Package:
    """The newest version of a package in any list apt has."""
    best: Package | None = None
    for record in run(["apt-cache", "show", name]).split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|SHA256): (.*)$", record, re.MULTILINE))
        if fields.get("Package") != name or "SHA256" not in fields:
            continue
        package = Package(name, fields["Version"], fields["SHA256"])
        if best is None or _newer(package.version, best.version):
            best = package
    if best is None:
        raise FetchError(f"no package list names {name}")
    return best


def _newer(version: str, than: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than],
                          check=False).returncode == 0


def download(package: Package, folder: pathlib.Path) -> pathlib.Path:
    """Downloads one package; apt checks it against the signed lists, this against the record."""
    run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
         "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30",
         "download", f"{package.name}={package.version}"], cwd=folder)
    files = list(folder.glob(f"{package.name}_*.deb"))
    if len(files) != 1:
        raise FetchError(f"apt-get download left no file for {package.name}")
    with files[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != package.sha256:
        raise FetchError(f"{files[0].name} has sha256 {digest}, expected {package.sha256}")
    return files[0]


def mirrors() -> list[str]:
    """Addresses of the machine's own Debian mirrors, best first."""
    codename = re.search(r"^VERSION_CODENAME=(\w+)$",
                         pathlib.Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    sources = apt_sources.candidates(apt_sources.machine_sources(pathlib.Path("/etc/apt")),
                                     codename[1] if codename else "")
    return list(dict.fromkeys(source.uri.rstrip("/") for source in sources))


def download_from_pool(package: Package, folder: pathlib.Path) -> pathlib.Path:
    """Downloads one package by its place in a mirror's pool: of a suite that no list names, or a
    version that the lists have replaced. The digest is what makes it the right one."""
    target = folder / f"{package.name}_{package.version}_all.deb"
    for mirror in mirrors():
        try:
            run([APT_HELPER, "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
                 "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30",
                 "download-file", f"{mirror}/{FIRMWARE_POOL}/{target.name}", str(target),
                 f"SHA256:{package.sha256}"])
            return target
        except FetchError as error:
            reason = str(error)
            target.unlink(missing_ok=True)
    raise FetchError(f"no mirror of this machine has {target.name} as it is known"
                     + (f" ({reason})" if mirrors() else ""))


def unpack(deb: pathlib.Path, place: Callable[[str], pathlib.Path | None]) -> None:
    """Writes the regular files of a package to where `place` maps their name (None: nowhere)."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                target = place(member.name.removeprefix("./")) if member.isreg() else None
                content = archive.extractfile(member) if target is not None else None
                if target is None or content is None:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
        process.stdout.read()
    if process.returncode != 0:
        raise FetchError(f"dpkg-deb cannot read {deb.name}")


def place_kernel_file(release: str, folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Where a file of a kernel package belongs in its cache folder."""
    name = name.removeprefix("usr/")
    if name in (f"boot/vmlinuz-{release}", f"lib/modules/{release}/vmlinuz"):
        return folder / "vmlinuz"
    if name in (f"boot/config-{release}", f"lib/modules/{release}/config"):
        return folder / "config"
    prefix = f"lib/modules/{release}/"
    if name.startswith(prefix + "kernel/") or name == prefix + "modules.builtin":
        return folder / "modules" / name.removeprefix(prefix)
    return None


def place_header(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Where a header belongs; the x86 ones moved within the package over time."""
    for prefix, base in (("usr/lib/linux/uapi/x86/", ""), ("usr/include/x86_64-linux-gnu/", ""),
                         ("usr/include/", "")):
        rest = name.removeprefix(prefix) if name.startswith(prefix) else ""
        if rest.split("/")[0] in UAPI_FOLDERS:
            return folder / "include" / base / rest
    return None


def place_program(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Where a file of virtiofsd's package, or of its libraries', belongs. A library gets the name
    that programs ask for, under which packages have a link."""
    name = name.removeprefix("usr/")
    if name in (f"libexec/{VIRTIOFSD}", f"lib/qemu/{VIRTIOFSD}"):
        return folder / VIRTIOFSD
    found = re.fullmatch(r"lib/x86_64-linux-gnu/(\S+?\.so\.[0-9]+)(?:\.[0-9.]+)?", name)
    return folder / "lib" / found[1] if found and found[1] in LIBRARIES else None


def place_firmware(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Where an image belongs; packages keep whole ones in a folder named ovmf, parts in OVMF."""
    found = re.fullmatch(r"usr/share/(?:ovmf/(OVMF[^/]*\.fd)|OVMF/(OVMF_CODE_4M\.fd))", name)
    return folder / (found[1] or found[2]) if found else None


def program_command(folder: pathlib.Path) -> list[str]:
    return [str(folder / "lib" / LOADER), "--library-path", str(folder / "lib"),
            str(folder / VIRTIOFSD)]


def replace_link(link: pathlib.Path, target: str) -> None:
    partial = link.with_name(f".{link.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.rename(link)


class Cache:
    def __init__(self, root: pathlib.Path) -> None:
        self.kernels = root / "kernels"
        self.uapi = root / "uapi"
        self.virtiofsd = root / VIRTIOFSD
        self.source = root / "linux-source"
        self.firmware = root / "firmware"

    def has_uapi(self) -> bool:
        include = self.uapi / "current" / "include"
        return all((include / f).is_file() for f in ("linux/kvm.h", "asm/kvm.h"))

    def has_kernels(self) -> bool:
        try:
            index = json.loads((self.kernels / "index.json").read_text(encoding="utf-8"))
            entries = index["kernels"]
            return index["version"] == INDEX_VERSION and all(
                pathlib.Path(entries[r.name][key]).exists()
                for r in RECIPES for key in ("vmlinuz", "vmlinux", "config", "modules"))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def has_programs(self) -> bool:
        return self._has_virtiofsd(self.virtiofsd / "current")

    def has_source(self) -> bool:
        return (self.source / "current" / f"{SOURCE_PACKAGE}.deb").is_file()

    @staticmethod
    def _has_virtiofsd(folder: pathlib.Path) -> bool:
        return all((folder / name).is_file()
                   for name in (VIRTIOFSD, *(f"lib/{library}" for library in LIBRARIES)))

    def has_firmware(self) -> bool:
        return all(self._has_images(self.firmware / one.release, one.images) for one in FIRMWARE)

    @staticmethod
    def _has_images(folder: pathlib.Path, images: tuple[str, ...]) -> bool:
        return all((folder / name).is_file() for name in images)

    def fetch_uapi(self) -> None:
        package = newest_version(UAPI_PACKAGE)
        target = self.uapi / package.version
        if not (target / "include").is_dir():
            say(f"fetching headers: {UAPI_PACKAGE} {package.version}")
            self._build(target, [package], lambda debs, folder: self._unpack_headers(debs, folder))
        replace_link(self.uapi / "current", target.name)
        self._remove_old(self.uapi, re.compile(r"[0-9].*"), target)

    @staticmethod
    def _unpack_headers(debs: list[pathlib.Path], folder: pathlib.Path) -> None:
        unpack(debs[0], functools.partial(place_header, folder))
        for needed in ("linux/kvm.h", "asm/kvm.h", "asm-generic/types.h"):
            if not (folder / "include" / needed).is_file():
                raise FetchError(f"{debs[0].name} has no {needed}")

    def fetch_programs(self) -> None:
        packages = [newest_version(name) for name in (VIRTIOFSD, *LIBRARY_PACKAGES)]
        digest = hashlib.sha256("".join(p.sha256 for p in packages).encode()).hexdigest()[:12]
        target = self.virtiofsd / f"{packages[0].version}-{digest}"
        if not self._has_virtiofsd(target):
            shutil.rmtree(target, ignore_errors=True)
            say(f"fetching {VIRTIOFSD} {packages[0].version} and its libraries")
            self._build(target, packages, self._unpack_virtiofsd)
        replace_link(self.virtiofsd / "current", target.name)
        self._remove_old(self.virtiofsd, re.compile(r"[0-9].*"), target)

    @classmethod
    def _unpack_virtiofsd(cls, debs: list[pathlib.Path], folder: pathlib.Path) -> None:
        for deb in debs:
            unpack(deb, functools.partial(place_program, folder))
        if not cls._has_virtiofsd(folder):
            raise FetchError(f"{debs[0].name} and its libraries lack a file that is needed")
        for program in (VIRTIOFSD, f"lib/{LOADER}"):
            (folder / program).chmod(0o755)
        run([*program_command(folder), "--version"])

    def fetch_source(self) -> None:
        """The package as it is: unpacked it is thirty times as large."""
        package = newest_version(SOURCE_PACKAGE)
        target = self.source / package.version
        name = f"{SOURCE_PACKAGE}.deb"
        if not (target / name).is_file():
            say(f"downloading {SOURCE_PACKAGE} {package.version}")
            self._build(target, [package], lambda debs, folder: debs[0].rename(folder / name))
        replace_link(self.source / "current", target.name)
        self._remove_old(self.source, re.compile(r"[0-9].*"), target)

    def fetch_firmware(self) -> None:
        """A release that the mirror has no longer is left out: tests that want it say so."""
        for one in FIRMWARE:
            target = self.firmware / one.release
            if self._has_images(target, one.images):
                continue
            shutil.rmtree(target, ignore_errors=True)
            say(f"fetching firmware: {one.packages[0].name} {one.packages[0].version}")
            try:
                self._build(target, one.packages, functools.partial(self._unpack_firmware, one),
                            download_from_pool)
            except FetchError as error:
                say(f"firmware {one.release} is left out: {error}")
        if not any(self.firmware.glob("*/OVMF.fd")):
            raise FetchError("the mirror has none of the firmware packages")

    @classmethod
    def _unpack_firmware(cls, firmware: Firmware, debs: list[pathlib.Path],
                         folder: pathlib.Path) -> None:
        for deb in debs:
            unpack(deb, functools.partial(place_firmware, folder))
        if not cls._has_images(folder, firmware.images):
            raise FetchError(f"its packages lack one of {', '.join(firmware.images)}")

    def fetch_kernels(self, refresh: bool) -> None:
        self.kernels.mkdir(parents=True, exist_ok=True)
        for recipe in RECIPES:
            if refresh or not self._complete(self.kernels / recipe.name):
                self._fetch_kernel(recipe)
        self._write_index()

    @staticmethod
    def _complete(folder: pathlib.Path) -> bool:
        return (folder / "kernel.json").is_file()

    def _fetch_kernel(self, recipe: Recipe) -> None:
        names = newest(recipe, kernel_package_names())
        if not names:
            raise FetchError(f"no Debian package of this machine's mirror fits {recipe.name}")
        packages = [newest_version(name) for name in names]
        release = release_of(names[0])
        digest = hashlib.sha256("".join(p.sha256 for p in packages).encode()).hexdigest()[:12]
        target = self.kernels / f"{recipe.name}-{release}-{digest}"
        if not self._complete(target):
            shutil.rmtree(target, ignore_errors=True)
            say(f"fetching kernel {recipe.name}: {release} {packages[0].version}")
            self._build(target, packages, functools.partial(
                self._unpack_kernel, recipe=recipe, release=release, packages=packages))
        replace_link(self.kernels / recipe.name, target.name)
        self._remove_old(self.kernels, re.compile(re.escape(recipe.name) + r"-[0-9].*"), target)

    @staticmethod
    def _unpack_kernel(debs: list[pathlib.Path], folder: pathlib.Path, recipe: Recipe,
                       release: str, packages: list[Package]) -> None:
        for deb in debs:
            unpack(deb, functools.partial(place_kernel_file, release, folder))
        for needed in ("vmlinuz", "config", "modules/kernel"):
            if not (folder / needed).exists():
                raise FetchError(f"{debs[0].name} has no {needed}")
        vmlinux.extract(folder / "vmlinuz", folder / "vmlinux")
        description = {
            "name": recipe.name, "role": recipe.role, "release": release,
            "packages": [dataclasses.asdict(p) for p in packages],
        }
        (folder / "kernel.json").write_text(json.dumps(description, indent=2) + "\n",
                                            encoding="utf-8")

    @staticmethod
    def _build(target: pathlib.Path, packages: Iterable[Package],
               fill: Callable[[list[pathlib.Path], pathlib.Path], None],
               get: Callable[[Package, pathlib.Path], pathlib.Path] | None = None) -> None:
        """Fills a folder beside `target`, then renames it: a cache entry is whole or absent."""
        get = get or download
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as scratch:
            downloads, folder = pathlib.Path(scratch, "debs"), pathlib.Path(scratch, "content")
            downloads.mkdir()
            folder.mkdir()
            fill([get(package, downloads) for package in packages], folder)
            folder.chmod(0o755)
            folder.rename(target)

    @staticmethod
    def _remove_old(parent: pathlib.Path, pattern: re.Pattern[str], keep: pathlib.Path) -> None:
        for entry in parent.iterdir():
            if entry != keep and not entry.is_symlink() and pattern.fullmatch(entry.name):
                shutil.rmtree(entry)
            elif entry.name.startswith(".partial-"):
                shutil.rmtree(entry, ignore_errors=True)  # a run that was killed left it

    def _write_index(self) -> None:
        entries = {}
        for recipe in RECIPES:
            folder = (self.kernels / recipe.name).resolve()
            entry = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
            entry |= {key: str(self.kernels / recipe.name / key)
                      for key in ("vmlinuz", "vmlinux", "config", "modules")}
            entries[recipe.name] = entry
        partial = self.kernels / f".index.{os.getpid()}"
        partial.write_text(json.dumps({"version": INDEX_VERSION, "kernels": entries}, indent=2)
                           + "\n", encoding="utf-8")
        partial.rename(self.kernels / "index.json")


def main() -> int:
    parser = argparse.ArgumentParser(
        description="fetch kernels, headers, programs, firmware or a kernel's source into sealvm's cache")
    parser.add_argument("--cache", required=True, type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="only say if anything is missing")
    parser.add_argument("--refresh", action="store_true", help="look for newer versions")
    parser.add_argument("what", choices=("uapi", "kernels", "programs", "firmware", "source"))
    arguments = parser.parse_args()
    cache = Cache(arguments.cache.absolute())
    if arguments.check:
        has = {"uapi": cache.has_uapi, "kernels": cache.has_kernels,
               "programs": cache.has_programs, "firmware": cache.has_firmware,
               "source": cache.has_source}
        return 0 if has[arguments.what]() else 1
    fetch = {"uapi": cache.fetch_uapi, "programs": cache.fetch_programs,
             "firmware": cache.fetch_firmware, "source": cache.fetch_source,
             "kernels": functools.partial(cache.fetch_kernels, arguments.refresh)}
    try:
        fetch[arguments.what]()
    except (FetchError, vmlinux.ExtractError, OSError, tarfile.TarError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
