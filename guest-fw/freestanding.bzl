# SPDX-License-Identifier: Apache-2.0
"""Programs that run inside the guest without an operating system, and their way into the VMM.

They are compiled by explicit calls of the toolchain's compiler: cc_binary would add the build's own
flags (sanitizers, position-independent code, stack protectors, debug information), none of which work
or belong here. The same sources, compiler and flags give the same bytes in every configuration.
"""

# No SSE, MMX or x87 state is touched, so the guest needs not set it up. -fcf-protection=none,
# -fno-stack-protector: Debian's g++ turns them on by default. Page 0 is memory here.
FREESTANDING_COPTS = [
    "-std=c++23",
    "-O2",
    "-g0",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
    "-fcf-protection=none",
    "-fno-strict-aliasing",
    "-fno-delete-null-pointer-checks",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-pic",
    "-fno-pie",
    "-mcmodel=small",
    "-mno-red-zone",
    "-mno-mmx",
    "-mno-sse",
    "-U_FORTIFY_SOURCE",
]

FREESTANDING_LINKOPTS = [
    "-nostdlib",
    "-static",
    "-s",
    "-Wl,--build-id=none",
    "-Wl,--gc-sections",
    "-Wl,-z,noexecstack",
    "-Wl,--no-warn-rwx-segments",
]

def freestanding_image(name, srcs, hdrs, linker_script, **kwargs):
    """Builds `name`, a static ELF file, from C++ and assembly sources."""
    native.genrule(
        name = name + "_link",
        srcs = srcs + hdrs + [linker_script],
        outs = [name],
        cmd = " ".join(
            ["$(CC) -I. -o $@"] + FREESTANDING_COPTS + FREESTANDING_LINKOPTS +
            ["-Wl,-T,$(execpath {})".format(linker_script)] +
            ["$(execpath {})".format(src) for src in srcs],
        ),
        toolchains = ["@bazel_tools//tools/cpp:current_cc_toolchain"],
        **kwargs
    )

def freestanding_flat_image(name, srcs, hdrs, linker_script, base = "0", **kwargs):
    """Builds `name`, flat position-independent code, from C++ and assembly sources.

    The linker script gets `base` as LOADER_BASE. Two images with different bases have the same bytes
    exactly if nothing in them depends on where they lie.
    """
    native.genrule(
        name = name + "_link",
        srcs = srcs + hdrs + [linker_script],
        outs = [name],
        cmd = " ".join(
            ["$(CC) -I. -o $@"] + FREESTANDING_COPTS + ["-fpie"] + FREESTANDING_LINKOPTS +
            ["-Wl,--defsym=LOADER_BASE=" + base] +
            ["-Wl,-T,$(execpath {})".format(linker_script)] +
            ["$(execpath {})".format(src) for src in srcs],
        ),
        toolchains = ["@bazel_tools//tools/cpp:current_cc_toolchain"],
        **kwargs
    )

def image_bytes(name, image, **kwargs):
    """Writes the bytes of the file `image` to `name` as a list of C++ integer literals."""
    native.genrule(
        name = name + "_list",
        srcs = [image],
        outs = [name],
        cmd = "od -An -v -tx1 $< | sed 's/ \\([0-9a-f][0-9a-f]\\)/0x\\1,/g' > $@",
        **kwargs
    )

def freestanding_blob(name, src, hdrs = [], **kwargs):
    """Builds `name`, flat position-independent code, from one assembly source."""
    native.genrule(
        name = name + "_link",
        srcs = [src] + hdrs,
        outs = [name],
        cmd = ("$(CC) -I. -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0 -Wl,--oformat=binary " +
               "$(execpath {}) -o $@".format(src)),
        toolchains = ["@bazel_tools//tools/cpp:current_cc_toolchain"],
        **kwargs
    )
