// SPDX-License-Identifier: MIT
// The shaders of bench_deferred.
#ifndef SMELT_BENCH_DEFERRED_SHADERS_H
#define SMELT_BENCH_DEFERRED_SHADERS_H

// What all others begin with, after #version and macros: the material, where a pixel lies on which, and the shading.
extern const char *const deferred_head_glsl;
extern const char *const deferred_inline_glsl, *const deferred_write_glsl;
extern const char *const deferred_nothing_glsl; // reads its list and stores nothing
extern const char *const deferred_network_glsl, *const deferred_pass_glsl;

#endif
