#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: cli_test.sh CLI_TEST_PY BINARY [CONFIG.toml...]
exec python3 "$@"
