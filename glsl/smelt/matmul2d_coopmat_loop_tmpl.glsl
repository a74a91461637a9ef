// SPDX-License-Identifier: MIT
// matmul2d_coopmat_loop_tmpl.glsl: the loop along the sum with cooperative matrices; part of
// matmul2d_cooperative_tmpl.glsl.
//
// what    three things overlap: blocks travel from memory to registers two blocks ahead, fragments from shared memory one
//         step ahead of the products, and a new block is put into shared memory between the halves of the last step's
//         products. Nothing in the loop branches, so the driver can mix all of it; it shall not unroll it, which spills
// params  SMELT_LOOP, name of the function; SMELT_LOOP_STRAIGHT 1: by the operands' addresses, for tiles that lie inside, 0: by
//         any operand source. Both undefined afterwards; and SMELT_MM_x of the includer
// makes   void LOOP(inout NAME_result d, LEFT m, RIGHT n, uint row, uint column, uint whole), see the includer
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it, matmul2d_coopmat_tmpl.glsl before
// source  matmul2d_cooperative_tmpl.glsl; docs/performance.md tells what each part brings
#define SMELT_LO_STEPS (SMELT_MATMUL2D_TILE_K / SMELT_MATMUL2D_FRAGMENT_K)
#define SMELT_LO_DOWN SMELT_CAT(SMELT_MM_RESULT, _down)
#define SMELT_LO_ACROSS SMELT_CAT(SMELT_MM_RESULT, _across)
#define SMELT_LO_LAST ((SMELT_LO_STEPS - 1u) & 1u) // fragments of the last step

#define SMELT_LO_LOAD(set, k)                                                                                \
    [[unroll]] for (uint i = 0u; i != SMELT_LO_DOWN; i++)                                                    \
        coopMatLoad(a[set][i], SMELT_MATMUL2D_SCRATCH,                                                       \
                    SMELT_MM_BASE + SMELT_MM_A_AT(first.x + i * SMELT_MATMUL2D_FRAGMENT_M, k),               \
                    SMELT_MM_LEFT_PITCH, SMELT_MM_A_LAYOUT);                                                 \
    [[unroll]] for (uint j = 0u; j != SMELT_LO_ACROSS; j++) coopMatLoad(                                     \
        b[set][j], SMELT_MATMUL2D_SCRATCH,                                                                   \
        SMELT_MM_BASE + SMELT_MM_LEFT_SIZE + SMELT_MM_B_AT(k, first.y + j * SMELT_MATMUL2D_FRAGMENT_N),      \
        SMELT_MM_RIGHT_PITCH, SMELT_MM_B_LAYOUT)
#define SMELT_LO_MULTIPLY(set, from, to)                                                                     \
    [[unroll]] for (uint j = from; j != to; j++) [[unroll]] for (uint i = 0u; i != SMELT_LO_DOWN; i++)       \
        d.e[i][j] = SMELT_MM_ADD(a[set][i], b[set][j], d.e[i][j])
// Reads a block and moves on to the one at `next`, or stays at the last.
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_WALKED
#define SMELT_LO_FETCH(following)                                                                            \
    SMELT_CAT(SMELT_MATMUL2D, _walk)(m, n, at, left, right);                                                 \
    at = SMELT_CAT(SMELT_MATMUL2D, _next)(m, at, (following) < whole)
#elif SMELT_LOOP_STRAIGHT
#define SMELT_LO_FETCH(next)                                                                                 \
    SMELT_CAT(SMELT_MATMUL2D, _stage_left_walk)(m, left_at, left);                                           \
    SMELT_CAT(SMELT_MATMUL2D, _stage_right_walk)(n, right_at, right);                                        \
    left_at.x = uaddCarry(left_at.x, (next) < whole ? left_step : 0u, carry);                                \
    left_at.y += carry;                                                                                      \
    right_at.x = uaddCarry(right_at.x, (next) < whole ? right_step : 0u, carry);                             \
    right_at.y += carry
#else
#define SMELT_LO_FETCH(next)                                                                                 \
    SMELT_CAT(SMELT_MATMUL2D, _stage_left_fetch)(m, SMELT_MM_LEFT_AT(SMELT_MM_INNER(at)), false, left);      \
    SMELT_CAT(SMELT_MATMUL2D, _stage_right_fetch)(n, SMELT_MM_RIGHT_AT(SMELT_MM_INNER(at)), false, right);   \
    at = (next) < whole ? (next) : at
#endif

void SMELT_LOOP(inout SMELT_MM_RESULT d, SMELT_MM_LEFT m, SMELT_MM_RIGHT n, uint row, uint column, uint whole)
{
    const uint block = SMELT_MATMUL2D_TILE_K;
    // Sums of 32 bits fill the registers: more products before the next fragments arrive.
    const uint part = SMELT_MATMUL2D_ACCUMULATED != SMELT_DTYPE_F16 ? (SMELT_LO_ACROSS * 3u + 3u) / 4u
                                                                    : (SMELT_LO_ACROSS + 1u) / 2u;
    uvec4 left[SMELT_CAT(SMELT_MATMUL2D, _stage_left_each)],
        right[SMELT_CAT(SMELT_MATMUL2D, _stage_right_each)];
    SMELT_MM_A_MATRIX a[2][SMELT_LO_DOWN];
    SMELT_MM_B_MATRIX b[2][SMELT_LO_ACROSS];
    uvec2 first = SMELT_CAT(SMELT_MM_RESULT, _first)();
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_WALKED
    uvec4 at = uvec4(0u);
#elif SMELT_LOOP_STRAIGHT
    uvec2 left_at = SMELT_CAT(SMELT_MATMUL2D, _stage_left_start)(m, SMELT_MM_LEFT_AT(0u));
    uvec2 right_at = SMELT_CAT(SMELT_MATMUL2D, _stage_right_start)(n, SMELT_MM_RIGHT_AT(0u));
    uint left_step = SMELT_CAT(SMELT_MATMUL2D, _stage_left_step)(m);
    uint right_step = SMELT_CAT(SMELT_MATMUL2D, _stage_right_step)(n), carry;
#else
    uint at = 0u;
#endif
    SMELT_LO_FETCH(block);
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
    SMELT_CAT(SMELT_MATMUL2D, _stage_left_put)(left);
    SMELT_CAT(SMELT_MATMUL2D, _stage_right_put)(right);
    SMELT_LO_FETCH(2u * block);
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
    SMELT_LO_LOAD(0, 0u);
    [[dont_unroll]] for (uint k = 0u; k < whole; k += block)
    {
        uvec4 left_now[SMELT_CAT(SMELT_MATMUL2D, _stage_left_each)] = left;
        uvec4 right_now[SMELT_CAT(SMELT_MATMUL2D, _stage_right_each)] = right;
        SMELT_LO_FETCH(k + 3u * block);
        [[unroll]] for (uint s = 1u; s != SMELT_LO_STEPS; s++)
        {
            SMELT_LO_LOAD(s & 1u, s * SMELT_MATMUL2D_FRAGMENT_K);
            SMELT_LO_MULTIPLY((s - 1u) & 1u, 0u, SMELT_LO_ACROSS);
        }
        SMELT_CAT(SMELT_MM_RESULT, _barrier)();
        SMELT_CAT(SMELT_MATMUL2D, _stage_left_put)(left_now);
        SMELT_CAT(SMELT_MATMUL2D, _stage_right_put)(right_now);
        SMELT_LO_MULTIPLY(SMELT_LO_LAST, 0u, part);
        SMELT_CAT(SMELT_MM_RESULT, _barrier)();
        if (SMELT_LO_LAST == 1u) {
            SMELT_LO_LOAD(0, 0u);
            SMELT_LO_MULTIPLY(SMELT_LO_LAST, part, SMELT_LO_ACROSS);
        } else {
            SMELT_LO_MULTIPLY(SMELT_LO_LAST, part, SMELT_LO_ACROSS);
            SMELT_LO_LOAD(0, 0u);
        }
    }
}

#undef SMELT_LOOP
#undef SMELT_LOOP_STRAIGHT
#undef SMELT_LO_STEPS
#undef SMELT_LO_DOWN
#undef SMELT_LO_ACROSS
#undef SMELT_LO_LAST
#undef SMELT_LO_LOAD
#undef SMELT_LO_MULTIPLY
#undef SMELT_LO_FETCH
