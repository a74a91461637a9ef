// SPDX-License-Identifier: MIT
// The stand-in for compile.c in a build with -Dcompiler=disabled: shaders come from bundles.
#include "shader_internal.h"

enum smelt_result smelt_compile(smelt_context context, const struct smelt_shader_params *params,
                                struct smelt_shader_info *info)
{
    (void)info;
    return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                      "%s: this build has no GLSL compiler (-Dcompiler=disabled): wanted a bundle to load "
                      "(smelt_shader_create_from_bundle), got GLSL to compile",
                      params->path ? params->path : "shader");
}

void smelt_compiler_probe(const char *cache_directory, bool backends[SMELT_BACKEND_COUNT],
                          bool dtypes[SMELT_DTYPE_COUNT])
{
    (void)cache_directory;
    for (int i = 0; i < SMELT_BACKEND_COUNT; i++)
        backends[i] = false;
    for (int i = 0; i < SMELT_DTYPE_COUNT; i++)
        dtypes[i] = false;
}
