# SPDX-License-Identifier: Apache-2.0
"""What can go wrong before or around a command in the lab."""

from __future__ import annotations


class LabError(Exception):
    """The lab itself failed; the text is one line for the user."""


class UsageError(LabError):
    """The caller asked for something that makes no sense."""


class Unavailable(LabError):
    """What was asked for is sensible, but this machine or tree does not have it: a skip."""
