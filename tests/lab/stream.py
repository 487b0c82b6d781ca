# SPDX-License-Identifier: Apache-2.0
"""Cuts a byte stream at a marker that may arrive in pieces."""

from __future__ import annotations


class MarkedStream:
    """Passes bytes on until a marker is seen. Bytes that may be the beginning of the marker are
    held back until that is decided."""

    def __init__(self, marker: bytes) -> None:
        if not marker:
            raise ValueError("a marker cannot be empty")
        self._marker = marker
        self._held = b""
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Returns what may be passed on now. What follows the marker is dropped: the sender has
        nothing to say until it is asked again."""
        if self.ended:
            return b""
        pending = self._held + data
        at = pending.find(self._marker)
        if at >= 0:
            self.ended = True
            self._held = b""
            return pending[:at]
        keep = self._overlap(pending)
        self._held = pending[len(pending) - keep:]
        return pending[:len(pending) - keep]

    def _overlap(self, pending: bytes) -> int:
        """Length of the longest end of `pending` that begins the marker."""
        for length in range(min(len(pending), len(self._marker) - 1), 0, -1):
            if self._marker.startswith(pending[-length:]):
                return length
        return 0


class Lines:
    """Collects complete lines."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> list[str]:
        *complete, self._partial = (self._partial + data).split(b"\n")
        return [line.decode(errors="replace") for line in complete]
