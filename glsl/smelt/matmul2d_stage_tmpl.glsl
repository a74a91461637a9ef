// SPDX-License-Identifier: MIT
// matmul2d_stage_tmpl.glsl: one operand's way from device memory to shared memory; part of
// matmul2d_cooperative_tmpl.glsl, which includes it for the left and for the right operand.
//
// what    a block of ROWS x COLUMNS elements of the matrix as it is stored goes through registers (fetch, then put),
//         so that reading the next block overlaps computing with this one. In shared memory an element is of
//         COMPUTED, a row is followed by 16 bytes of padding, which keeps rows in different banks
// params  SMELT_STAGE prefix of the functions; SMELT_STAGE_TENSOR, SMELT_STAGE_STORED its type; SMELT_STAGE_ROWS,
//         SMELT_STAGE_COLUMNS; SMELT_STAGE_K_IS_ROWS 1: the sum runs along rows, 0: along columns;
//         SMELT_STAGE_BASE where the block lies in the scratch. All undefined afterwards. And SMELT_MM_x of the includer
// makes   PREFIX_fetch(m, row, column, partial, out e) and PREFIX_put(e). Along the sum, elements outside the matrix
//         become 0 when `partial` (else there are none); across it, they become copies of the last ones inside:
//         they only reach results that are outside as well
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#define SMELT_ST_GROUPS (SMELT_STAGE_COLUMNS / SMELT_MM_GROUP)
#define SMELT_ST_COUNT (SMELT_STAGE_ROWS * SMELT_ST_GROUPS)
#define SMELT_ST_EACH ((SMELT_ST_COUNT + SMELT_MM_THREADS - 1) / SMELT_MM_THREADS)
// Elements that one load moves.
#if SMELT_STAGE_STORED != SMELT_MATMUL2D_COMPUTED
#define SMELT_ST_VECTOR 1
#elif SMELT_MATMUL2D_ALIGNMENT > SMELT_MM_GROUP
#define SMELT_ST_VECTOR SMELT_MM_GROUP
#else
#define SMELT_ST_VECTOR SMELT_MATMUL2D_ALIGNMENT
#endif

// SMELT_MM_GROUP elements from (r, c) on, as they stand in shared memory.
uvec4 SMELT_CAT(SMELT_STAGE, _group)(SMELT_STAGE_TENSOR m, uint r, uint c, bool partial)
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
    [[unroll]] for (uint v = 0u; v < SMELT_MM_GROUP; v += SMELT_ST_VECTOR)
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
#elif SMELT_ST_VECTOR == SMELT_MM_GROUP
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
        words[v / 2u] |= (inside ? read : 0u) << (16u * (v & 1u));
#endif
    }
    return words;
}

void SMELT_CAT(SMELT_STAGE, _fetch)(SMELT_STAGE_TENSOR m, uint row, uint column, bool partial,
                                    out uvec4 e[SMELT_ST_EACH])
{
    [[unroll]] for (uint i = 0u; i < SMELT_ST_EACH; i++)
    {
        uint at = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        if (SMELT_ST_COUNT % SMELT_MM_THREADS == 0 || at < SMELT_ST_COUNT)
            e[i] = SMELT_CAT(SMELT_STAGE, _group)(m, row + at / SMELT_ST_GROUPS,
                                                  column + at % SMELT_ST_GROUPS * SMELT_MM_GROUP, partial);
    }
}

void SMELT_CAT(SMELT_STAGE, _put)(uvec4 e[SMELT_ST_EACH])
{
    [[unroll]] for (uint i = 0u; i < SMELT_ST_EACH; i++)
    {
        uint at = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        if (SMELT_ST_COUNT % SMELT_MM_THREADS == 0 || at < SMELT_ST_COUNT)
            SMELT_MATMUL2D_SCRATCH[SMELT_STAGE_BASE + at / SMELT_ST_GROUPS * (SMELT_ST_GROUPS + 1) +
                                   at % SMELT_ST_GROUPS] = e[i];
    }
}

const uint SMELT_CAT(SMELT_STAGE, _each) = SMELT_ST_EACH;

#undef SMELT_STAGE
#undef SMELT_STAGE_TENSOR
#undef SMELT_STAGE_STORED
#undef SMELT_STAGE_ROWS
#undef SMELT_STAGE_COLUMNS
#undef SMELT_STAGE_K_IS_ROWS
#undef SMELT_STAGE_BASE
#undef SMELT_ST_GROUPS
#undef SMELT_ST_COUNT
#undef SMELT_ST_EACH
#undef SMELT_ST_VECTOR
