# SPDX-License-Identifier: Apache-2.0
"""One static archive of a library and everything of this workspace that it needs."""

def _static_archive_impl(ctx):
    archives = []
    for linker_input in ctx.attr.library[CcInfo].linking_context.linker_inputs.to_list():
        for library in linker_input.libraries:
            archives.append(library.static_library or library.pic_static_library)
    output = ctx.actions.declare_file(ctx.attr.name + ".a")
    script = ["CREATE " + output.path]
    script += ["ADDLIB " + archive.path for archive in archives if archive]
    script += ["SAVE", "END"]
    ctx.actions.run_shell(
        inputs = [archive for archive in archives if archive],
        outputs = [output],
        command = "printf '%s\\n' \"$@\" | ar -M",
        arguments = script,
        mnemonic = "StaticArchive",
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

# System libraries that targets name by linkopts are not inside; sealvm.pc lists them.
static_archive = rule(
    implementation = _static_archive_impl,
    attrs = {"library": attr.label(providers = [CcInfo])},
)
