#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: cli_test.sh TEST_PY BINARY [ARGUMENT...]
exec python3 "$@"
