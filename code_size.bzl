# SPDX-License-Identifier: Apache-2.0
"""Code that runs once, at the start: what counts there is how much of it has to be read. A fault on
one page of a program maps its neighbours too, so its size is memory."""

FOR_SIZE = select({
    "//:release": ["-Os"],
    "//conditions:default": [],
})
