# SPDX-License-Identifier: Apache-2.0
"""What a lab test is made of: a script for L1 and a check of what came back."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

from lab.session import Result


class CheckFailed(Exception):
    """A test's expectation that did not hold; the text says which and what was seen."""


class NotHere(Exception):
    """What a test is about does not exist in this lab; the text says what. Such a test is skipped.
    """


@dataclasses.dataclass(frozen=True)
class Case:
    """One test. `check` raises CheckFailed or NotHere, or returns what it measured if it did. `limit` is in
    seconds of real time and far above what an idle machine takes, for a busy one is several times
    slower."""

    name: str
    script: str
    check: Callable[[Result], str | None]
    limit: float = 240


def expect(condition: bool, text: str) -> None:
    if not condition:
        raise CheckFailed(text)


def expect_exit(result: Result, code: int) -> None:
    expect(result.exit_code == code, f"exit code {result.exit_code}, expected {code}")


def text_of(data: bytes) -> str:
    """Text with the serial console's line ends made plain."""
    return data.decode(errors="replace").replace("\r\n", "\n")


def value_after(result: Result, key: str) -> str:
    """What follows `key` and a separator on the first line of stdout that begins with it."""
    found = re.search(rf"^{re.escape(key)}[ =](.*)$", text_of(result.stdout), re.MULTILINE)
    if found is None:
        raise CheckFailed(f"no line '{key} ...' on stdout")
    return found[1].strip()


def number_after(result: Result, key: str) -> int:
    value = value_after(result, key)
    if not value.isdigit():
        raise CheckFailed(f"'{key} {value}' is not a number")
    return int(value)


def expect_line(result: Result, line: str) -> None:
    expect(line in text_of(result.stdout).splitlines(), f"no line '{line}' on stdout")


def section(result: Result, name: str) -> str:
    """The part of stdout between the lines `== NAME` and the next `== `."""
    found = re.search(rf"^== {re.escape(name)}\n(.*?)(?=^== |\Z)", text_of(result.stdout),
                      re.MULTILINE | re.DOTALL)
    if found is None:
        raise CheckFailed(f"no section '{name}' on stdout")
    return found[1]


def json_of(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CheckFailed(f"{what} is no JSON: {error}") from None
