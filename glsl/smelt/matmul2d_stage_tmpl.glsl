// SPDX-License-Identifier: MIT
// matmul2d_stage_tmpl.glsl: one operand's way from device memory to shared memory; part of
// matmul2d_cooperative_tmpl.glsl, which includes it for the left and for the right operand.
//
// what    a block of ROWS x COLUMNS elements of the matrix as it is stored goes through registers (fetch, then put),
//         so that reading the next block overlaps computing with this one. In shared memory an element is of
//         COMPUTED, a row is followed by 16 bytes of padding, which keeps rows in different banks
// params  SMELT_STAGE prefix of the functions; SMELT_STAGE_OPERAND type of the operand; SMELT_STAGE_ROWS,
//         SMELT_STAGE_COLUMNS; SMELT_STAGE_GROUP elements along a row in a uvec4 of the scratch, divides COLUMNS;
//         SMELT_STAGE_BASE where the block lies in the scratch; SMELT_STAGE_STRAIGHT 1: the operand is a tensor of COMPUTED
//         whose groups are aligned, 0: anything else; all undefined afterwards, and so is what the source takes:
//         SMELT_STAGE_STORED, SMELT_STAGE_K_IS_ROWS, SMELT_STAGE_FLIP, SMELT_STAGE_SHIFTED. And SMELT_MM_x of the includer
// makes   PREFIX_fetch(OPERAND m, uint row, uint column, bool partial, out e), unless the source is WALKED, and PREFIX_put(e);
//         with STRAIGHT also, for blocks that lie inside: uvec2 PREFIX_start(OPERAND m, uint row, uint column), the address that
//         this invocation reads from, PREFIX_walk(OPERAND m, uvec2 at, out e), and uint PREFIX_step(OPERAND m), in bytes to the
//         next block along the sum; and PREFIX_spot, by which a source may know in `run` what it will be asked for
// errors  exact
// needs   matmul2d_cooperative_tmpl.glsl around it, and before it an operand source, a file that takes the same parameters
//         (matmul2d_source_tensor_tmpl.glsl, for one) and makes
//         uvec4 PREFIX_group(OPERAND m, uint i, uint row, uint column, bool partial): GROUP elements of COMPUTED from
//         (row, column) on, the i-th of the invocation. Along the sum, elements outside the matrix become 0 when `partial` (else
//         there are none); across it, they become any finite values: they only reach results that are outside as well
// source  matmul2d_cooperative_tmpl.glsl
#define SMELT_ST_GROUPS (SMELT_STAGE_COLUMNS / SMELT_STAGE_GROUP)
#define SMELT_ST_COUNT (SMELT_STAGE_ROWS * SMELT_ST_GROUPS)
#define SMELT_ST_EACH ((SMELT_ST_COUNT + SMELT_MM_THREADS - 1) / SMELT_MM_THREADS)

// (row, group) of the group numbered `at`. Where a row has 2 or 4 groups, 8 neighbours take rows in an order in which their
// places in the scratch, whose rows have one group more, fall on 8 different banks.
uvec2 SMELT_CAT(SMELT_STAGE, _spot)(uint at)
{
#if (SMELT_ST_GROUPS == 2 || SMELT_ST_GROUPS == 4) && SMELT_STAGE_ROWS % 8 == 0
    uint row = at / SMELT_ST_GROUPS, eight = row / 8u, q = row % 8u;
    uint spread = q % (8u / SMELT_ST_GROUPS) * SMELT_ST_GROUPS + q / (8u / SMELT_ST_GROUPS);
    return uvec2(eight * 8u + spread, at % SMELT_ST_GROUPS);
#else
    return uvec2(at / SMELT_ST_GROUPS, at % SMELT_ST_GROUPS);
#endif
}

#if SMELT_MATMUL2D_SOURCE_LEFT != SMELT_SOURCE_WALKED
void SMELT_CAT(SMELT_STAGE, _fetch)(SMELT_STAGE_OPERAND m, uint row, uint column, bool partial,
                                    out uvec4 e[SMELT_ST_EACH])
{
    [[unroll]] for (uint i = 0u; i != SMELT_ST_EACH; i++)
    {
        uint at = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        uvec2 spot = SMELT_CAT(SMELT_STAGE, _spot)(at);
        uint group = (SMELT_MM_THREADS % SMELT_ST_GROUPS == 0 ? SMELT_MM_THREAD : at) % SMELT_ST_GROUPS;
        if (SMELT_ST_COUNT % SMELT_MM_THREADS == 0 || at < SMELT_ST_COUNT)
            e[i] = SMELT_CAT(SMELT_STAGE, _group)(m, i, row + spot.x, column + group * SMELT_STAGE_GROUP,
                                                  partial);
    }
}
#endif

void SMELT_CAT(SMELT_STAGE, _put)(uvec4 e[SMELT_ST_EACH])
{
    [[unroll]] for (uint i = 0u; i != SMELT_ST_EACH; i++)
    {
        uint at = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        uvec2 spot = SMELT_CAT(SMELT_STAGE, _spot)(at);
        if (SMELT_ST_COUNT % SMELT_MM_THREADS == 0 || at < SMELT_ST_COUNT)
            SMELT_MATMUL2D_SCRATCH[SMELT_STAGE_BASE + spot.x * (SMELT_ST_GROUPS + 1) + spot.y] = e[i];
    }
}

#if SMELT_STAGE_STRAIGHT
// Rows that all invocations read at once: where they are whole, what one reads next is a fixed way off.
#define SMELT_ST_PASS (SMELT_MM_THREADS / SMELT_ST_GROUPS)
#define SMELT_ST_EVEN                                                                                        \
    (SMELT_MM_THREADS % SMELT_ST_GROUPS == 0 && SMELT_ST_PASS % 8 == 0 &&                                    \
     SMELT_ST_COUNT % SMELT_MM_THREADS == 0)
uvec2 SMELT_CAT(SMELT_STAGE, _start)(SMELT_STAGE_OPERAND m, uint row, uint column)
{
    uvec2 at = uvec2(m.data), spot = uvec2(0u);
#if SMELT_ST_EVEN
    spot = SMELT_CAT(SMELT_STAGE, _spot)(SMELT_MM_THREAD);
#endif
    uint high, low, carry;
    umulExtended(row + spot.x, smelt_stride(m, 0) * SMELT_MM_SIZE, high, low);
    at.x = uaddCarry(at.x, low, carry);
    at.y += high + carry;
    at.x = uaddCarry(at.x, (column + spot.y * SMELT_STAGE_GROUP) * SMELT_MM_SIZE, carry);
    at.y += carry;
    return at;
}

void SMELT_CAT(SMELT_STAGE, _walk)(SMELT_STAGE_OPERAND m, uvec2 from, out uvec4 e[SMELT_ST_EACH])
{
    uint stride = smelt_stride(m, 0) / SMELT_STAGE_GROUP;
    [[unroll]] for (uint i = 0u; i != SMELT_ST_EACH; i++)
    {
#if SMELT_ST_EVEN
        e[i] = smelt_words4_data(from).e[i * (SMELT_ST_PASS * stride)];
#else
        uint at = SMELT_MM_THREAD + i * SMELT_MM_THREADS;
        uvec2 spot = SMELT_CAT(SMELT_STAGE, _spot)(at);
        if (SMELT_ST_COUNT % SMELT_MM_THREADS == 0 || at < SMELT_ST_COUNT)
            e[i] = smelt_words4_data(from).e[spot.x * stride + spot.y];
#endif
    }
}

uint SMELT_CAT(SMELT_STAGE, _step)(SMELT_STAGE_OPERAND m)
{
#if SMELT_STAGE_K_IS_ROWS
    return smelt_stride(m, 0) * (SMELT_MATMUL2D_TILE_K * SMELT_MM_SIZE);
#else
    return SMELT_MATMUL2D_TILE_K * SMELT_MM_SIZE;
#endif
}
#undef SMELT_ST_PASS
#undef SMELT_ST_EVEN
#endif

const uint SMELT_CAT(SMELT_STAGE, _each) = SMELT_ST_EACH;

#undef SMELT_STAGE
#undef SMELT_STAGE_OPERAND
#undef SMELT_STAGE_GROUP
#undef SMELT_STAGE_STORED
#undef SMELT_STAGE_ROWS
#undef SMELT_STAGE_COLUMNS
#undef SMELT_STAGE_K_IS_ROWS
#undef SMELT_STAGE_FLIP
#undef SMELT_STAGE_BASE
#undef SMELT_STAGE_STRAIGHT
#undef SMELT_STAGE_SHIFTED
#undef SMELT_ST_GROUPS
#undef SMELT_ST_COUNT
#undef SMELT_ST_EACH
