// SPDX-License-Identifier: MIT
// The shaders of bench_mlp_samples: text that is put together as mlp_first_glsl, defines, mlp_bins_glsl or nothing,
// mlp_head_glsl and one of the others.
#ifndef SMELT_BENCH_MLP_SHADERS_H
#define SMELT_BENCH_MLP_SHADERS_H

extern const char *const mlp_head_glsl;
extern const char *const mlp_first_glsl;
extern const char *const mlp_bins_glsl;
extern const char *const mlp_thread_glsl;
extern const char *const mlp_rows_glsl;
extern const char *const mlp_own_glsl;
extern const char *const mlp_pixel_glsl;
extern const char *const mlp_material_glsl;
extern const char *const mlp_binned_glsl;
extern const char *const mlp_sort_glsl;

#endif
