# SPDX-License-Identifier: Apache-2.0
"""What the built-in diagnostic guest has to say, in any mode."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.case import expect, expect_exit, expect_line, text_of
from lab.session import Result


def check_diagnostic(cpus: int) -> Callable[[Result], None]:
    """The guest's own verdict, and that it found and started every vCPU."""
    def check(result: Result) -> None:
        output = text_of(result.stdout)
        found = re.search(r"^ *vCPUs +(\d+) listed by ACPI, (\d+) running", output, re.MULTILINE)
        expect(found is not None, "the diagnostic guest does not report its vCPUs")
        assert found is not None
        expect(found.groups() == (str(cpus), str(cpus)),
               f"{found[1]} vCPUs are listed and {found[2]} run, {cpus} expected")
        expect_line(result, "self-test passed")
        expect_exit(result, 0)
    return check
