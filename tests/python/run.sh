#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: run.sh TEST_PY BINARY [ARGUMENT...]
# Bazel gives tests no HOME; the cache of tools/setup lies there.
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"
export PYTHONPATH=tests/python
exec python3 -B "$@"
