// SPDX-License-Identifier: MIT
// matmul2d_source_tensor_tmpl.glsl: elements of an operand that is a tensor in device memory; part of
// matmul2d_cooperative_tmpl.glsl.
//
// what    a group of neighbours of a row, converted from the type stored to the type COMPUTED
// params  those of matmul2d_stage_tmpl.glsl, which it leaves defined; SMELT_STAGE_STORED type of the elements,
//         SMELT_STAGE_K_IS_ROWS 1: the sum runs along rows, 0: along columns; SMELT_STAGE_FLIP 1: unsigned bytes become
//         signed ones less 128. 4 bit integers become bytes in products of integers; SMELT_STAGE_SHIFTED 1: groups begin
//         anywhere, and with `partial` false both 16 byte pieces that a group lies in, and one more, are in the operand, from its
//         first to its last element
// makes   PREFIX_group, see matmul2d_stage_tmpl.glsl. Across the sum, elements outside the matrix become copies of the last
//         ones inside, or (SHIFTED) other elements of it
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#define SMELT_ST_TENSOR SMELT_STAGE_OPERAND
#include "smelt/matmul2d_source_read_tmpl.glsl"

#if SMELT_STAGE_SHIFTED
// A group from element `at` on, from two loads of 16 bytes.
uvec4 SMELT_CAT(SMELT_STAGE, _shifted)(SMELT_STAGE_OPERAND m, uint at)
{
    uvec2 base = uvec2(m.data);
    at += base.x % 16u * 8u / SMELT_ST_BITS;
    base.x &= ~15u;
    uvec4 low = smelt_words4_data(base).e[at / SMELT_STAGE_GROUP];
    uvec4 high = smelt_words4_data(base).e[at / SMELT_STAGE_GROUP + 1u];
    uint bits = at % SMELT_STAGE_GROUP * SMELT_ST_BITS;
    bool two = (bits & 64u) != 0u;
    low = two ? uvec4(low.zw, high.xy) : low;
#if SMELT_MATMUL2D_ALIGNMENT * SMELT_ST_BITS < 64
    high.xy = two ? high.zw : high.xy;
    bool one = (bits & 32u) != 0u;
    low = one ? uvec4(low.yzw, high.x) : low;
#if SMELT_MATMUL2D_ALIGNMENT * SMELT_ST_BITS < 32
    uint last = one ? high.y : high.x;
    // A shift by 32 is undefined: by 1 and 31.
    low = low >> (bits & 31u) | uvec4(low.yzw, last) << 1u << (31u - (bits & 31u));
#endif
#endif
    return low;
}
#endif

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
#if SMELT_STAGE_SHIFTED
    if (!partial) { // known where this is inlined
#if SMELT_STAGE_K_IS_ROWS
        c = min(c, columns - 1u);
#endif
        words = SMELT_CAT(SMELT_STAGE, _shifted)(m, first + c);
#if SMELT_STAGE_FLIP
        words ^= 0x80808080u;
#endif
        return words;
    }
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
        uvec4 read = SMELT_CAT(SMELT_STAGE,
                               _read)(m, first + column * (SMELT_ST_VECTOR == 1 ? smelt_stride(m, 1) : 1u));
        read = inside ? read : uvec4(0u); // 0 in every type
#if SMELT_STAGE_STORED != SMELT_MATMUL2D_COMPUTED && SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_I8
        [[unroll]] for (uint e = 0u; e != SMELT_ST_VECTOR; e++)
        {
            float value = SMELT_ST_DECODE(read[e * SMELT_ST_BITS / 32u] >> (e * SMELT_ST_BITS % 32u));
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16
            words[(v + e) / 2u] |= packHalf2x16(vec2(value, 0.0)) << (16u * ((v + e) & 1u));
#else
            words[v + e] = floatBitsToUint(value);
#endif
        }
#elif SMELT_ST_BITS == 4
        [[unroll]] for (uint e = 0u; e != SMELT_ST_VECTOR; e++)
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
