# SPDX-License-Identifier: Apache-2.0
"""Connects the user's terminal to L1's."""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import tty

from lab.session import Lab

ESCAPE = b"\x1d"  # Ctrl-]
CHUNK = 4096
POLL_SECONDS = 0.2


def interact(lab: Lab, script: str) -> int:
    """Runs a script on L1's terminal until it ends or the user presses Ctrl-]."""
    size = os.get_terminal_size(0)
    term = os.environ.get("TERM", "")
    saved = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        lab.start_shell(script, size.lines, size.columns,
                        term if re.fullmatch(r"[\w.+-]+", term) else "linux")
        return _relay(lab)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
        print(file=sys.stderr)


def _relay(lab: Lab) -> int:
    while True:
        readable, _, _ = select.select([0, lab.terminal], [], [], POLL_SECONDS)
        if lab.terminal in readable:
            data = lab.terminal.recv(CHUNK)
            if not data:
                return 1
            _write(data)
        if 0 in readable:
            typed = os.read(0, CHUNK)
            if not typed or ESCAPE in typed:
                return 0
            lab.terminal.sendall(typed)
        if lab.terminal not in readable:
            status = lab.shell_status()
            if status is not None:
                return status


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data):]
