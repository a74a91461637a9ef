// SPDX-License-Identifier: MIT
// matmul2d_source_tensor_tmpl.glsl: elements of an operand that is a tensor in device memory; part of
// matmul2d_cooperative_tmpl.glsl.
//
// what    a group of neighbours of a row, converted from the type stored to the type COMPUTED
// params  those of matmul2d_stage_tmpl.glsl, which it leaves defined; SMELT_STAGE_STORED type of the elements,
//         SMELT_STAGE_K_IS_ROWS 1: the sum runs along rows, 0: along columns
// makes   PREFIX_group, see matmul2d_stage_tmpl.glsl. Across the sum, elements outside the matrix become copies of the last
//         ones inside
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
// Elements that one load moves.
#if SMELT_STAGE_STORED != SMELT_MATMUL2D_COMPUTED || SMELT_MATMUL2D_ALIGNMENT * SMELT_MM_SIZE < 4
#define SMELT_ST_VECTOR 1
#elif SMELT_MATMUL2D_ALIGNMENT > SMELT_STAGE_GROUP
#define SMELT_ST_VECTOR SMELT_STAGE_GROUP
#else
#define SMELT_ST_VECTOR SMELT_MATMUL2D_ALIGNMENT
#endif

// SMELT_STAGE_GROUP elements from (r, c) on, as they stand in shared memory.
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
#if SMELT_STAGE_STORED != SMELT_MATMUL2D_COMPUTED
        float value = smelt_load_at(m, first + column * smelt_stride(m, 1));
        value = inside ? value : 0.0;
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16
        words[v / 2u] |= packHalf2x16(vec2(value, 0.0)) << (16u * (v & 1u));
#else
        words[v] = floatBitsToUint(value);
#endif
#elif SMELT_ST_VECTOR == SMELT_STAGE_GROUP
        uvec4 read = smelt_words4_data(uvec2(m.data)).e[(first + column) / SMELT_ST_VECTOR];
        words = inside ? read : uvec4(0u);
#elif SMELT_ST_VECTOR * SMELT_MM_SIZE == 8
        uvec2 read = smelt_words2_data(uvec2(m.data)).e[(first + column) / SMELT_ST_VECTOR];
        read = inside ? read : uvec2(0u);
        words[v / SMELT_ST_VECTOR * 2u] = read.x;
        words[v / SMELT_ST_VECTOR * 2u + 1u] = read.y;
#elif SMELT_ST_VECTOR * SMELT_MM_SIZE == 4
        uint at = first + column * (SMELT_ST_VECTOR == 1 ? smelt_stride(m, 1) : 1u);
        uint read = smelt_words1_data(uvec2(m.data)).e[at / SMELT_ST_VECTOR];
        words[v / SMELT_ST_VECTOR] = inside ? read : 0u;
#else
        uint read = uint(m.data.e[first + column * smelt_stride(m, 1)]);
        words[v * SMELT_MM_SIZE / 4u] |= (inside ? read : 0u) << (8u * SMELT_MM_SIZE * v % 32u);
#endif
    }
    return words;
}

#undef SMELT_ST_VECTOR
