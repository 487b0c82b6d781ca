# SPDX-License-Identifier: Apache-2.0
"""Finds the kernels that tools/setup put into the cache or built there, and modules inside them."""

from __future__ import annotations

import dataclasses
import json
import lzma
import os
import pathlib
import re

from lab.errors import LabError, Unavailable

INDEX_VERSION = 1

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Flavour:
    """Of the kernels with this tree's patches."""

    name: str  # kernel/build.sh's
    parts: tuple[str, ...]  # of its configuration
    setup: str  # the command that builds it


# By their names for L1.
PATCHED = {"patched": Flavour("patched", ("l1",), "tools/setup kernel"),
           "patched-debug": Flavour("patched-lockdep-kasan", ("l1", "lockdep", "kasan"),
                                    "tools/setup kernel-debug")}


@dataclasses.dataclass(frozen=True)
class Kernel:
    name: str  # such as "cloud-6.12" or "l1-7.x"
    role: str  # "guest" or "l1"
    release: str
    vmlinuz: pathlib.Path
    vmlinux: pathlib.Path
    config: pathlib.Path
    modules: pathlib.Path


def cache_folder() -> pathlib.Path:
    """The same rule as in tools/setup."""
    chosen = os.environ.get("SEALVM_CACHE")
    if chosen:
        return pathlib.Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base, "sealvm")


def load(cache: pathlib.Path | None = None) -> dict[str, Kernel]:
    """All kernels of the cache by name."""
    index = (cache or cache_folder()) / "kernels" / "index.json"
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        if content["version"] != INDEX_VERSION:
            raise LabError(f"{index} is of another version: run tools/setup lab")
        return {
            name: Kernel(name, entry["role"], entry["release"],
                         *(pathlib.Path(entry[key]).resolve()
                           for key in ("vmlinuz", "vmlinux", "config", "modules")))
            for name, entry in content["kernels"].items()
        }
    except FileNotFoundError:
        raise LabError("there are no kernels in the cache: run tools/setup lab") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{index} cannot be used ({error}): run tools/setup lab --refresh") from error


def find_l1(choice: str) -> Kernel:
    """The kernel that L1 is to run: Debian's of a series, or one of PATCHED."""
    return _find_patched(choice) if choice in PATCHED else load()[f"l1-{choice}"]


def _find_patched(choice: str) -> Kernel:
    """The newest kernel of the cache that was built with the tree's patches and configuration."""
    flavour = PATCHED[choice]
    wanted = {file.name: file.read_bytes() for file in (
        *(patch for patch in (ROOT / "kernel").glob("[0-9]*.patch")
          if not patch.name.startswith("0000-")),
        *(ROOT / "configs/kernel" / f"{part}.config" for part in flavour.parts))}
    built = [entry for entry in (cache_folder() / "kernels").glob(f"{flavour.name}-[0-9]*")
             if (entry / "vmlinuz").is_file() and _read_folder(entry / "recipe") == wanted]
    if not built:
        raise Unavailable(f"--l1 {choice}: the kernel with this tree's patches is not built here; "
                          f"run {flavour.setup}")
    folder = max(built, key=lambda entry: entry.stat().st_mtime)
    try:
        description = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
        return Kernel(choice, "l1", description["release"], *(
            folder / name for name in ("vmlinuz", "vmlinux", "config", "modules")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{folder} cannot be used ({error}): remove it and run {flavour.setup}"
                       ) from error


def _read_folder(folder: pathlib.Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*")}


@dataclasses.dataclass(frozen=True)
class Module:
    name: str
    content: bytes


def module_name(file: str) -> str:
    """The name the kernel uses: no suffix, and '-' is '_'."""
    return re.sub(r"\.ko(\.xz)?$", "", file.rsplit("/", 1)[-1]).replace("-", "_")


def dependencies(module: bytes) -> list[str]:
    """The names in the module's own `depends=` entry (section .modinfo)."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    names = found[1].decode() if found else ""
    return [module_name(name) for name in names.split(",") if name]


def module_closure(folder: pathlib.Path, wanted: list[str]) -> list[Module]:
    """The wanted modules and what they depend on, in the order to load them.

    `folder` is a kernel's modules folder. Names that are built into the kernel are left out.
    """
    files = {module_name(file.name): file for file in (folder / "kernel").rglob("*.ko*")}
    builtin = {module_name(line)
               for line in (folder / "modules.builtin").read_text(encoding="utf-8").split()}
    ordered: dict[str, Module] = {}
    pending: set[str] = set()

    def visit(name: str) -> None:
        if name in ordered or name in builtin or name in pending:
            return
        if name not in files:
            raise LabError(f"the kernel in {folder.parent.name} has no module {name}")
        pending.add(name)
        content = files[name].read_bytes()
        if files[name].suffix == ".xz":
            content = lzma.decompress(content)
        for dependency in dependencies(content):
            visit(dependency)
        ordered[name] = Module(name, content)

    for name in wanted:
        visit(module_name(name))
    return list(ordered.values())
