# SPDX-License-Identifier: Apache-2.0
"""The nested lab: runs sealvm inside a QEMU-emulated machine with a stock Debian kernel."""
