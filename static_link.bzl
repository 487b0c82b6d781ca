# SPDX-License-Identifier: Apache-2.0
"""Programs without libraries, for machines that have none. Sanitizers have no static run-time."""

STATIC_FEATURES = select({
    "//:asan": [],
    "//:tsan": [],
    "//conditions:default": ["fully_static_link"],
})

STATIC_LINKOPTS = select({
    "//:asan": [],
    "//:tsan": [],
    "//conditions:default": ["-static"],
})
