// SPDX-License-Identifier: MIT
// matmul2d_source_tensor_tmpl.glsl: elements of an operand that is a tensor in device memory; part of
// matmul2d_cooperative_tmpl.glsl.
//
// what    a group of neighbours of a row, converted from the type stored to the type COMPUTED
// params  those of matmul2d_stage_tmpl.glsl, which it leaves defined; SMELT_STAGE_STORED type of the elements,
//         SMELT_STAGE_K_IS_ROWS 1: the sum runs along rows, 0: along columns; SMELT_STAGE_FLIP 1: unsigned bytes become
//         signed ones less 128. 4 bit integers become bytes in products of integers
// makes   PREFIX_group, see matmul2d_stage_tmpl.glsl. Across the sum, elements outside the matrix become copies of the last
//         ones inside
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#define SMELT_ST_TENSOR SMELT_STAGE_OPERAND
#include "smelt/matmul2d_source_read_tmpl.glsl"

uvec4 SMELT_CAT(SMELT_STAGE, _group)(SMELT_STAGE_OPERAND m, uint i, uint r, uint c, bool partial)
{
    uint rows = smelt_extent(m, 0), columns = smelt_extent(m, 1);
    uvec4 words = uvec4(0u);
#if SMELT_STAGE_K_IS_ROWS
    bool inside_row = !partial || r < rows;
    r = partial ? min(r, rows - 1u) : r;
#else
    r = min(r, rows - 1u);
#endif
    uint first = r * smelt_stride(m, 0);
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
        uvec4 read = SMELT_CAT(SMELT_STAGE,
                               _read)(m, first + column * (SMELT_ST_VECTOR == 1 ? smelt_stride(m, 1) : 1u));
        read = inside ? read : uvec4(0u); // 0 in every type
#if SMELT_STAGE_STORED != SMELT_MATMUL2D_COMPUTED && SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_I8
        [[unroll]] for (uint e = 0u; e < SMELT_ST_VECTOR; e++)
        {
            float value = SMELT_ST_DECODE(read[e * SMELT_ST_BITS / 32u] >> (e * SMELT_ST_BITS % 32u));
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16
            words[(v + e) / 2u] |= packHalf2x16(vec2(value, 0.0)) << (16u * ((v + e) & 1u));
#else
            words[v + e] = floatBitsToUint(value);
#endif
        }
#elif SMELT_ST_BITS == 4
        [[unroll]] for (uint e = 0u; e < SMELT_ST_VECTOR; e++)
        {
            int value = int(SMELT_ST_DECODE(read[e / 8u] >> (e % 8u * 4u)));
            words[(v + e) / 4u] |= (uint(value) & 255u) << ((v + e) % 4u * 8u);
        }
#elif SMELT_ST_VECTOR * SMELT_ST_BITS == 128
        words = read;
#elif SMELT_ST_VECTOR * SMELT_ST_BITS == 64
        words[v * SMELT_ST_BITS / 32u] = read.x;
        words[v * SMELT_ST_BITS / 32u + 1u] = read.y;
#else
        words[v * SMELT_ST_BITS / 32u] |= read.x << (v * SMELT_ST_BITS % 32u);
#endif
    }
#if SMELT_STAGE_FLIP
    words ^= 0x80808080u;
#endif
    return words;
}

#undef SMELT_ST_TENSOR
#undef SMELT_ST_BITS
#undef SMELT_ST_DECODE
#undef SMELT_ST_VECTOR
