# SPDX-License-Identifier: Apache-2.0
"""The tests of secrecy: what of a guest's secrets can be found in its VMM's reach.

The scanners (secrecy/) print what each door gave; here is what it has to be. Without isolation they
must find every copy, or they would prove nothing about a sealed guest.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from lab.boots import INITRD
from lab.case import Case, CheckFailed, expect, expect_exit, expect_line, text_of
from lab.sealed_cases import CMDLINE, name_of, run_in_mode
from lab.session import Result

MEMORY_MIB = 256
PAGES = MEMORY_MIB * 256
MIN_EXPECTED_HITS = 100_000

# Doors that lead to all memory that the host can see.
WIDE_DOORS = {"outside": ("fd-read", "fd-map", "fd-reopen", "proc-mem", "vm-readv"),
              "inside": ("fd-read", "fd-map", "fd-reopen", "load", "self-mem")}
# Of the sampling door no more is known than that it must find something.
SAMPLING_DOORS = {"outside": ("ptrace",), "inside": ()}


@dataclasses.dataclass(frozen=True)
class Door:
    """What came through one way to read memory: pages, and hits by the place of the secret."""

    tried: int
    read: int
    hits: dict[str, int]


def numbers_of(words: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", words)}


def doors_of(result: Result) -> dict[str, Door]:
    doors = {}
    for name, words in re.findall(r"^door (\S+) (.*)$", text_of(result.stdout), re.MULTILINE):
        numbers = numbers_of(words)
        doors[name] = Door(numbers.pop("tried"), numbers.pop("read"), numbers)
    return doors


def expected_of(result: Result) -> dict[str, int]:
    found = re.search(r"^expected (.*)$", text_of(result.stdout), re.MULTILINE)
    if found is None:
        raise CheckFailed("the scanner does not say what it should find")
    expected = numbers_of(found[1])
    expect(min(expected.values()) > 0 and sum(expected.values()) >= MIN_EXPECTED_HITS,
           f"too few secrets to find: {expected}")
    return expected


def visible_pages(result: Result) -> str:
    """How many pages of the guest's ordinary memory are not zero, and which if they are few."""
    objects = re.findall(r"^object /memfd:sealvm-guest\S* .*?pages=(\d+) nonzero=(\d+)(.*)$",
                         text_of(result.stdout), re.MULTILINE)
    expect(len(objects) == 1, f"{len(objects)} objects of ordinary guest memory, 1 expected")
    pages, not_zero, where = objects[0]
    return f"{not_zero} of {pages} host-visible pages are not zero{where}"


# How /proc shows the object of each provider, as a pattern; guest_memfd became a file of a file
# system of its own in Linux 6.18.
GUEST_MEMFD = r"(?:/|anon_inode:)\[kvm-gmem\]"
PRIVATE_OBJECTS = {"guest_memfd": GUEST_MEMFD, "sw-protected": GUEST_MEMFD,
                   "seal": "/memfd:sealvm-sealed"}


def check_private_object(result: Result, provider: str) -> None:
    """The scanner did try the private memory itself."""
    found = re.findall(rf"^object {PRIVATE_OBJECTS[provider]}.*? pages=(\d+) nonzero=(\d+)",
                       text_of(result.stdout), re.MULTILINE)
    expect(found == [(str(PAGES), "0")], f"objects of private memory are {found}, expected one of "
                                         f"{PAGES} pages of which none can be read")


def check_scan(side: str, mode: str, provider: str = "guest_memfd") -> Callable[[Result], str]:
    def check(result: Result) -> str:
        for line in ("@@SECRETS", "@@SECRETS-INTACT"):
            expect_line(result, line)
        expect_exit(result, 0)
        doors, expected = doors_of(result), expected_of(result)
        for name in WIDE_DOORS[side] + SAMPLING_DOORS[side]:
            expect(name in doors, f"door {name} was not tried")
        for name in WIDE_DOORS[side]:
            expect(doors[name].read >= PAGES,
                   f"door {name} gave {doors[name].read} pages, less than the guest's {PAGES}")
        if mode == "sealed":
            check_private_object(result, provider)
            check_no_hits(doors)
        else:
            check_all_hits(side, doors, expected)
        core = "" if side == "inside" or "core" in doors else "; the VMM left no core"
        return (f"{sum(sum(door.hits.values()) for door in doors.values())} hits at "
                f"{len(doors)} doors, {sum(door.read for door in doors.values())} of "
                f"{sum(door.tried for door in doors.values())} pages read; "
                f"{visible_pages(result)}{core}")
    return check


def check_no_hits(doors: dict[str, Door]) -> None:
    for name, door in doors.items():
        expect(not any(door.hits.values()), f"secrets came through door {name}: {door.hits}")


def check_all_hits(side: str, doors: dict[str, Door], expected: dict[str, int]) -> None:
    """The positive control."""
    for name, door in doors.items():
        if name in SAMPLING_DOORS[side]:
            expect(any(door.hits.values()), f"door {name} found none of the secrets")
            continue
        for place, hits in expected.items():
            expect(door.hits[place] >= hits, f"door {name} found {door.hits[place]} of {hits} "
                                             f"words of the secrets in the guest's {place}")


def scan_case(side: str, mode: str, cpus: int, provider: str, script: str) -> Case:
    """`auto` takes guest_memfd wherever it can."""
    name = "/".join(["secrecy", *name_of(provider), side, mode, f"{cpus}-cpu"])
    expected = "guest_memfd" if provider == "auto" else provider
    return Case(name, script, check_scan(side, mode, expected), 600)


def outside_case(mode: str, cpus: int, provider: str = "auto") -> Case:
    run = run_in_mode(mode, cpus=cpus, memory_mib=MEMORY_MIB, words="test=secrets",
                      provider=provider)
    return scan_case("outside", mode, cpus, provider,
                     f"./scan_outside {run.removesuffix(' </dev/null')}")


def inside_case(mode: str, cpus: int, provider: str = "auto") -> Case:
    return scan_case(
        "inside", mode, cpus, provider,
        f"./scan_inside {mode} {provider} {cpus} {MEMORY_MIB} /kernels/cloud-6.12/vmlinuz {INITRD} "
        f"'{CMDLINE} test=secrets'")


def secrecy_cases() -> list[Case]:
    """Both scanners, with two vCPUs, for which the first MiB is shared."""
    return [outside_case("none", 1), outside_case("sealed", 2), inside_case("none", 2),
            inside_case("sealed", 2)]


def provider_secrecy_cases(providers: tuple[str, ...]) -> list[Case]:
    """Both scanners for each provider, and what they find in the same L1 without isolation."""
    return [outside_case("none", 1), inside_case("none", 2),
            *(inside_case("sealed", 1, provider) for provider in providers),
            outside_case("sealed", 2, providers[0])]


def provider_secrecy_soak_cases(providers: tuple[str, ...]) -> list[Case]:
    return [outside_case("sealed", 2, provider) for provider in providers[1:]]
