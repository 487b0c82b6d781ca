# SPDX-License-Identifier: Apache-2.0
"""A repository that some Debian package installed; the folder depends on the package's version."""

def _installed_repository_impl(ctx):
    for path in ctx.attr.paths:
        folder = ctx.path(path)
        if folder.exists:
            for entry in folder.readdir():
                ctx.symlink(entry, entry.basename)
            return
    fail("install {}: there is none of {}".format(ctx.attr.package, ", ".join(ctx.attr.paths)))

installed_repository = repository_rule(
    implementation = _installed_repository_impl,
    attrs = {
        "package": attr.string(mandatory = True, doc = "the Debian package"),
        "paths": attr.string_list(mandatory = True, doc = "where it may lie; the first that exists counts"),
    },
    local = True,
)
