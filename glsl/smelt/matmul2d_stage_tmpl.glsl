// SPDX-License-Identifier: MIT
// matmul2d_stage_tmpl.glsl: one operand's way from device memory to shared memory; part of
// matmul2d_cooperative_tmpl.glsl, which includes it for the left and for the right operand.
//
// what    a block of ROWS x COLUMNS elements of the matrix as it is stored goes through registers (fetch, then put),
//         so that reading the next block overlaps computing with this one. In shared memory an element is of
//         COMPUTED, a row is followed by 16 bytes of padding, which keeps rows in different banks
// params  SMELT_STAGE prefix of the functions; SMELT_STAGE_OPERAND type of the operand; SMELT_STAGE_ROWS,
//         SMELT_STAGE_COLUMNS; SMELT_STAGE_GROUP elements along a row in a uvec4 of the scratch, divides COLUMNS;
//         SMELT_STAGE_BASE where the block lies in the scratch; all undefined afterwards, and so is what the source takes:
//         SMELT_STAGE_STORED, SMELT_STAGE_K_IS_ROWS. And SMELT_MM_x of the includer
// makes   PREFIX_fetch(OPERAND m, uint row, uint column, bool partial, out e) and PREFIX_put(e)
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it, and before it an operand source, a file that takes the same parameters
//         (matmul2d_source_tensor_tmpl.glsl, for one) and makes
//         uvec4 PREFIX_group(OPERAND m, uint i, uint row, uint column, bool partial): GROUP elements of COMPUTED from
//         (row, column) on, the i-th of the invocation. Along the sum, elements outside the matrix become 0 when `partial` (else there are none); across it,
//         they become any finite values: they only reach results that are outside as well
// source  matmul2d_cooperative_tmpl.glsl
#define SMELT_ST_GROUPS (SMELT_STAGE_COLUMNS / SMELT_STAGE_GROUP)
#define SMELT_ST_COUNT (SMELT_STAGE_ROWS * SMELT_ST_GROUPS)
#define SMELT_ST_EACH ((SMELT_ST_COUNT + SMELT_MM_THREADS - 1) / SMELT_MM_THREADS)

void SMELT_CAT(SMELT_STAGE, _fetch)(SMELT_STAGE_OPERAND m, uint row, uint column, bool partial,
                                    out uvec4 e[SMELT_ST_EACH])
{
    [[unroll]] for (uint i = 0u; i < SMELT_ST_EACH; i++)
    {
        uint at = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        uint group = (SMELT_MM_THREADS % SMELT_ST_GROUPS == 0 ? SMELT_MM_THREAD : at) % SMELT_ST_GROUPS;
        if (SMELT_ST_COUNT % SMELT_MM_THREADS == 0 || at < SMELT_ST_COUNT)
            e[i] = SMELT_CAT(SMELT_STAGE, _group)(m, i, row + at / SMELT_ST_GROUPS,
                                                  column + group * SMELT_STAGE_GROUP, partial);
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
#undef SMELT_STAGE_OPERAND
#undef SMELT_STAGE_GROUP
#undef SMELT_STAGE_STORED
#undef SMELT_STAGE_ROWS
#undef SMELT_STAGE_COLUMNS
#undef SMELT_STAGE_K_IS_ROWS
#undef SMELT_STAGE_BASE
#undef SMELT_ST_GROUPS
#undef SMELT_ST_COUNT
#undef SMELT_ST_EACH
