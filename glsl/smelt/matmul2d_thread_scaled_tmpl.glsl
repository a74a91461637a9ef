// SPDX-License-Identifier: MIT
// matmul2d_thread_scaled_tmpl.glsl: scales of a quantised weight; part of matmul2d_thread_portable_tmpl.glsl.
//
// what    the scale and zero point of an element, and elements times theirs
// params  those of matmul2d_tmpl.glsl; SMELT_MM_P, SMELT_MM_FACTOR of the includer
// makes   SMELT_MM_SCALE(k, n) vec2: scale, and zero point or offset, of term k of column n; SMELT_MM_SCALED(p, s0, s1): a
//         pair of elements with these, in COMPUTED. The macros are the includer's to undefine
// errors  see matmul2d_scaled_tmpl.glsl
// needs   matmul2d_tmpl.glsl around it
// source  matmul2d_scaled_tmpl.glsl
#define SMELT_MM_SCALE(k, n) SMELT_CAT(SMELT_MATMUL2D, _scale_of)(w, uint(k), uint(n))
#define SMELT_MM_SCALED(p, s0, s1) SMELT_CAT(SMELT_MATMUL2D, _scaled)(vec2(p), s0, s1)

vec2 SMELT_CAT(SMELT_MATMUL2D, _scale_of)(SMELT_MATMUL2D w, uint k, uint n)
{
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
    uvec2 at = uvec2(n, k / SMELT_MATMUL2D_BLOCK);
#else
    uvec2 at = uvec2(k / SMELT_MATMUL2D_BLOCK, n);
#endif
#if SMELT_MATMUL2D_SCALE == SMELT_SCALE_UE8M0
    float scale = smelt_ue8m0_to_f32(smelt_load_unchecked(w.scale, at.x, at.y));
#else
    float scale = smelt_load_unchecked(w.scale, at.x, at.y);
#endif
#if SMELT_MATMUL2D_ZERO == SMELT_ZERO_NONE
    return vec2(scale, 0.0);
#else
    return vec2(scale, smelt_load_unchecked(w.zero, at.x, at.y));
#endif
}

SMELT_MM_P SMELT_CAT(SMELT_MATMUL2D, _scaled)(vec2 q, vec2 s0, vec2 s1)
{
    vec2 scale = vec2(s0.x, s1.x), zero = vec2(s0.y, s1.y);
#if SMELT_MATMUL2D_ZERO == SMELT_ZERO_OFFSET
    return SMELT_MM_FACTOR(fma(q, scale, zero));
#else
    return SMELT_MM_FACTOR((q - zero) * scale);
#endif
}
