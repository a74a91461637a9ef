// SPDX-License-Identifier: MIT
// matmul2d_loop_tmpl.glsl: the loop along the sum, block by block; part of matmul2d_cooperative_tmpl.glsl.
//
// what    reads a block of each operand while the blocks before are multiplied
// params  SMELT_LOOP, name of the function, undefined afterwards; and SMELT_MM_x of the includer
// makes   void LOOP(inout NAME_result d, LEFT a, RIGHT b, uint row, uint column, uint whole), see the includer
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it, NAME_multiply
// source  matmul2d_cooperative_tmpl.glsl
void SMELT_LOOP(inout SMELT_MM_RESULT d, SMELT_MM_LEFT a, SMELT_MM_RIGHT b, uint row, uint column, uint whole)
{
    uvec4 left[SMELT_CAT(SMELT_MATMUL2D, _stage_left_each)],
        right[SMELT_CAT(SMELT_MATMUL2D, _stage_right_each)];
    SMELT_CAT(SMELT_MATMUL2D, _stage_left_fetch)(a, SMELT_MM_LEFT_AT(SMELT_MM_INNER(0u)), false, left);
    SMELT_CAT(SMELT_MATMUL2D, _stage_right_fetch)(b, SMELT_MM_RIGHT_AT(SMELT_MM_INNER(0u)), false, right);
    for (uint k = 0u; k < whole; k += SMELT_MATMUL2D_TILE_K) {
        SMELT_CAT(SMELT_MM_RESULT, _barrier)();
        SMELT_CAT(SMELT_MATMUL2D, _stage_left_put)(left);
        SMELT_CAT(SMELT_MATMUL2D, _stage_right_put)(right);
        SMELT_CAT(SMELT_MM_RESULT, _barrier)();
        uint next = k + SMELT_MATMUL2D_TILE_K;
        if (next < whole) {
            SMELT_CAT(SMELT_MATMUL2D, _stage_left_fetch)
            (a, SMELT_MM_LEFT_AT(SMELT_MM_INNER(next)), false, left);
            SMELT_CAT(SMELT_MATMUL2D, _stage_right_fetch)
            (b, SMELT_MM_RIGHT_AT(SMELT_MM_INNER(next)), false, right);
        }
        SMELT_CAT(SMELT_MATMUL2D, _multiply)(d);
#if SMELT_MM_SUMS > 0
        SMELT_CAT(SMELT_MATMUL2D, _add_sums)();
#endif
    }
}

#undef SMELT_LOOP
