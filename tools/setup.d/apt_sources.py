# SPDX-License-Identifier: Apache-2.0
"""Derives the apt sources that sealvm's setup adds from those the machine already has.

Reads both source formats (sources.list(5)): one-line `deb ...` and deb822 `.sources`. Nothing
about a mirror is assumed: URI, components and every other option (Signed-By, Trusted, ...) of a
new suite are those of a source the machine's owner chose.

    apt_sources.py base CODENAME      print, as deb822, the machine's own Debian sources
    apt_sources.py candidates CODENAME SUITE
                                      print one deb822 stanza per source SUITE may come from,
                                      best first, separated by a line holding a single "%"
    apt_sources.py source-candidates CODENAME SUITE
                                      the same for source packages
    apt_sources.py has SUITE          exit 0 if a source of the machine names SUITE
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator

# The file that the setup writes; never taken for one of the machine's own.
OWN_FILE = "sealvm.sources"

# What a Debian release is called in sources that follow a role instead of a name.
ROLE_SUITES = frozenset({"stable", "oldstable", "oldoldstable", "testing"})

# One-line options are spelled differently from the deb822 fields (sources.list(5)).
ONE_LINE_OPTIONS = {
    "arch": "Architectures",
    "lang": "Languages",
    "target": "Targets",
}

# Fields that say what a source is rather than how to reach it.
IDENTITY_FIELDS = frozenset({"types", "uris", "suites", "components", "enabled", "description"})


@dataclasses.dataclass(frozen=True)
class Source:
    """One (URI, suite) pair of the machine's sources."""

    uri: str
    suite: str
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...]

    def stanza(self, suite: str | None = None, types: str = "deb") -> str:
        lines = [
            f"Types: {types}",
            f"URIs: {self.uri}",
            f"Suites: {suite or self.suite}",
            f"Components: {' '.join(self.components)}",
        ]
        lines += [f"{name}: {value}" if value[:1] != "\n" else f"{name}:{value}"
                  for name, value in self.options]
        return "\n".join(lines) + "\n"


def parse_one_line(text: str) -> Iterator[Source]:
    """Yields the binary sources of a one-line style file."""
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        match = re.match(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$", line)
        if match is None:
            continue
        options = []
        for word in (match[1] or "").split():
            name, _, value = word.partition("=")
            field = ONE_LINE_OPTIONS.get(name, "-".join(p.capitalize() for p in name.split("-")))
            options.append((field, value.replace(",", " ")))
        yield Source(match[2], match[3], tuple(match[4].split()), tuple(options))


def parse_deb822(text: str) -> Iterator[Source]:
    """Yields the binary sources of a deb822 file; disabled stanzas are left out."""
    without_comments = "\n".join(l for l in text.splitlines() if not l.startswith("#"))
    for block in re.split(r"\n\s*\n", without_comments):
        fields = _fields(block)
        known = {name.lower(): value for name, value in fields}
        if "deb" not in known.get("types", "").split():
            continue
        if known.get("enabled", "yes").strip().lower() in ("no", "false", "0"):
            continue
        options = tuple((n, v) for n, v in fields
                        if n.lower() not in IDENTITY_FIELDS and not n.lower().startswith("x-"))
        for uri in known.get("uris", "").split():
            for suite in known.get("suites", "").split():
                yield Source(uri, suite, tuple(known.get("components", "").split()), options)


def _fields(block: str) -> list[tuple[str, str]]:
    """Fields in order; a folded value (an inline key) keeps its line breaks."""
    fields: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line[:1] in (" ", "\t") and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value}\n{line}")
        elif ":" in line:
            name, value = line.split(":", 1)
            fields.append((name.strip(), value.strip()))
    return fields


def machine_sources(etc_apt: pathlib.Path) -> list[Source]:
    """All sources of the machine but the ones this setup wrote."""
    sources: list[Source] = []
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    for file in files:
        if file.name == OWN_FILE or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if file.suffix == ".list":
            sources += parse_one_line(text)
        elif file.suffix == ".sources":
            sources += parse_deb822(text)
    return sources


def debian_sources(sources: Iterable[Source], codename: str) -> list[Source]:
    """Sources that look like the Debian archive: a release's own suites with `main`.

    Other vendors also name their suites after Debian's, so the likeliest come first; whether a
    source really carries a suite is found out by asking it.
    """
    def is_release(suite: str) -> bool:
        base = suite.split("-")[0].split("/")[0]
        return base == codename or base in ROLE_SUITES

    def rank(source: Source) -> tuple[bool, bool]:
        keyring = dict(source.options).get("Signed-By", "")
        path = source.uri.rstrip("/").rsplit("/", 1)[-1]
        return ("debian-archive" not in keyring and keyring != "", path != "debian")

    found = [s for s in sources if "main" in s.components and is_release(s.suite)]
    return sorted(dict.fromkeys(found), key=rank)


def candidates(sources: Iterable[Source], codename: str) -> list[Source]:
    """Sources another suite can be asked from: the main archive's, one per place."""
    unique: dict[tuple[object, ...], Source] = {}
    for source in debian_sources(sources, codename):
        if source.suite == codename or source.suite in ROLE_SUITES:
            unique.setdefault((source.uri.rstrip("/"), source.options), source)
    return list(unique.values())


def main(argv: list[str], etc_apt: pathlib.Path = pathlib.Path("/etc/apt")) -> int:
    sources = machine_sources(etc_apt)
    match argv:
        case ["base", codename]:
            print("\n".join(s.stanza() for s in debian_sources(sources, codename)))
        case ["candidates", codename, suite]:
            print("%\n".join(s.stanza(suite) for s in candidates(sources, codename)), end="")
        case ["source-candidates", codename, suite]:
            print("%\n".join(s.stanza(suite, "deb-src") for s in candidates(sources, codename)),
                  end="")
        case ["has", suite]:
            return 0 if any(s.suite == suite and "main" in s.components for s in sources) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
