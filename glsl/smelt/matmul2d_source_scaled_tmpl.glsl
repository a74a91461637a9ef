// SPDX-License-Identifier: MIT
// matmul2d_source_scaled_tmpl.glsl: elements of a quantised right operand; part of matmul2d_cooperative_tmpl.glsl.
//
// what    a group of neighbours of a row, scaled on the way to shared memory: the scale (and zero point) of an element is
//         that of its column of the product and its block of BLOCK terms
// params  those of matmul2d_source_tensor_tmpl.glsl but SMELT_STAGE_FLIP; SMELT_MATMUL2D_SCALE, _BLOCK, _ZERO
// makes   PREFIX_group, see matmul2d_stage_tmpl.glsl. Across the sum, elements outside the matrix become copies of the last
//         ones inside
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#define SMELT_ST_TENSOR SMELT_MM_RIGHT_WEIGHT
#include "smelt/matmul2d_source_read_tmpl.glsl"
#if SMELT_MATMUL2D_SCALE == SMELT_SCALE_UE8M0
#define SMELT_ST_SCALE(s) smelt_ue8m0_to_f32(s)
#else
#define SMELT_ST_SCALE(s) (s)
#endif

// Scale, and zero point or offset, of the element (r, c).
vec2 SMELT_CAT(SMELT_STAGE, _scale)(SMELT_STAGE_OPERAND m, uint r, uint c)
{
#if SMELT_STAGE_K_IS_ROWS
    r /= SMELT_MATMUL2D_BLOCK;
#else
    c /= SMELT_MATMUL2D_BLOCK;
#endif
    uint at = r * smelt_stride(m.scale, 0) + c * smelt_stride(m.scale, 1);
    float scale = SMELT_ST_SCALE(smelt_load_at(m.scale, at));
#if SMELT_MATMUL2D_ZERO != SMELT_ZERO_NONE
    return vec2(scale, smelt_load_at(m.zero, r * smelt_stride(m.zero, 0) + c * smelt_stride(m.zero, 1)));
#else
    return vec2(scale, 0.0);
#endif
}

uvec4 SMELT_CAT(SMELT_STAGE, _group)(SMELT_STAGE_OPERAND m, uint i, uint r, uint c, bool partial)
{
    uint rows = smelt_extent(m.weight, 0), columns = smelt_extent(m.weight, 1);
    uvec4 words = uvec4(0u);
#if SMELT_STAGE_K_IS_ROWS
    bool inside_row = !partial || r < rows;
    r = partial ? min(r, rows - 1u) : r;
#else
    r = min(r, rows - 1u);
#endif
    uint first = r * smelt_stride(m.weight, 0);
#if !SMELT_STAGE_K_IS_ROWS && SMELT_MATMUL2D_BLOCK % SMELT_STAGE_GROUP == 0 // a group lies in one block
    vec2 scale = SMELT_CAT(SMELT_STAGE, _scale)(m, r, partial ? min(c, columns - 1u) : c);
#endif
    [[unroll]] for (uint v = 0u; v < SMELT_STAGE_GROUP; v += SMELT_ST_VECTOR)
    {
        uint column = c + v;
#if SMELT_STAGE_K_IS_ROWS
        bool inside = inside_row;
        column = min(column, columns - SMELT_ST_VECTOR);
#else
        bool inside = !partial || column < columns;
        column = partial ? min(column, columns - SMELT_ST_VECTOR) : column;
#endif
        uvec4 read = SMELT_CAT(SMELT_STAGE, _read)(
            m.weight, first + column * (SMELT_ST_VECTOR == 1 ? smelt_stride(m.weight, 1) : 1u));
        [[unroll]] for (uint e = 0u; e != SMELT_ST_VECTOR; e++)
        {
            float value = SMELT_ST_DECODE(read[e * SMELT_ST_BITS / 32u] >> (e * SMELT_ST_BITS % 32u));
#if SMELT_STAGE_K_IS_ROWS || SMELT_MATMUL2D_BLOCK % SMELT_STAGE_GROUP != 0
            vec2 scale = SMELT_CAT(SMELT_STAGE, _scale)(m, r, column + e);
#endif
#if SMELT_MATMUL2D_ZERO == SMELT_ZERO_POINT
            value = (value - scale.y) * scale.x;
#elif SMELT_MATMUL2D_ZERO == SMELT_ZERO_OFFSET
            value = fma(value, scale.x, scale.y);
#else
            value *= scale.x;
#endif
            value = inside ? value : 0.0;
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16
            words[(v + e) / 2u] |= packHalf2x16(vec2(value, 0.0)) << (16u * ((v + e) & 1u));
#else
            words[v + e] = floatBitsToUint(value);
#endif
        }
    }
    return words;
}

#undef SMELT_ST_TENSOR
#undef SMELT_ST_BITS
#undef SMELT_ST_DECODE
#undef SMELT_ST_VECTOR
#undef SMELT_ST_SCALE
