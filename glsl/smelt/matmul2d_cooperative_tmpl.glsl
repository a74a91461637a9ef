// SPDX-License-Identifier: MIT
// matmul2d_cooperative_tmpl.glsl: a matrix product of a subgroup or a workgroup; matmul2d_tmpl.glsl includes it for
// these scopes.
//
// what    one M x N tile of D = A B: d[m][n] = sum_k a[row + m][k] b[k][column + n], into a cooperative tensor; with
//         ACCUMULATE 1 on top of what it holds. `finish` then takes every element v to
//         element(activation(v + bias[column + n])). A batch is the caller's grid
// params  all required, all undefined afterwards:
//         SMELT_MATMUL2D                  name of the op
//         SMELT_MATMUL2D_SCOPE            SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP
//         SMELT_MATMUL2D_M _N             tile of the group, decimal literals; N and (TRANSPOSE_LEFT) M multiples of 8
//         SMELT_MATMUL2D_K                decimal literal, or 0: the left operand's extent, known at run time
//         SMELT_MATMUL2D_TILE_K           how much of K is in shared memory at a time: a literal, multiple of 8
//         SMELT_MATMUL2D_TRANSPOSE_LEFT   1: a is stored [K][M]; 0: [M][K]
//         SMELT_MATMUL2D_TRANSPOSE_RIGHT  1: b is stored [N][K] (out, in); 0: [K][N]
//         SMELT_MATMUL2D_ACCUMULATE       1: run adds to the result; 0: it overwrites it
//         SMELT_MATMUL2D_BIAS             1 or 0
//         SMELT_MATMUL2D_ACTIVATION       SMELT_ACTIVATION_x (activation.glsl)
//         SMELT_MATMUL2D_EPILOGUE         1: `float NAME_element(float v, uvec2 place)` is declared before, place is
//                                         (row, column) in D; it is called for places outside D too, whose values
//                                         are dropped; 0: there is none
//         SMELT_MATMUL2D_RELAXED          1: COMPUTED F16 also with F32 and BF16 stored, which are rounded to it; 0: not
//         SMELT_MATMUL2D_SOURCE_LEFT      SMELT_SOURCE_TENSOR: a is a tensor; SMELT_SOURCE_FUNCTION: of a type NAME_left,
//                                         declared before, with uint smelt_extent(NAME_left a, uint d) and
//                                         NAME_stage_left_group, which makes its elements (matmul2d_stage_tmpl.glsl)
//                                         For _ADDRESSED, _SHARED and _COOPERATIVE, which have parameters of their own,
//                                         see matmul2d_sources_tmpl.glsl
//         SMELT_MATMUL2D_SOURCE_RIGHT     the same of b, with `right`; not _COOPERATIVE
//         SMELT_MATMUL2D_STORED_LEFT      SMELT_DTYPE_x of a: F32 F16 BF16 F8E4M3 F8E5M2 I8 U8 I4 U4
//         SMELT_MATMUL2D_STORED           the same of b
//         SMELT_MATMUL2D_COMPUTED         SMELT_DTYPE_F32 or _F16: what both factors are converted to; F16 not with
//                                         F32 or BF16 stored; COOPMAT: or _BF16, _F8E4M3, _F8E5M2 (SMELT_NATIVE_DTYPES,
//                                         base.glsl), with the same type stored in both. SMELT_DTYPE_I8: a is I8 or U8, b
//                                         I8, U8, I4 or U4, in any mix, multiplied as they are; M, N and TILE_K that run
//                                         along rows of a or b are then multiples of 16, ACTIVATION is NONE or RELU
//         SMELT_MATMUL2D_ZERO_POINTS      with COMPUTED I8 only. 1: d = sum (a - x) (b - y[n]) of `int NAME_zero_left()` and
//                                         `int NAME_zero_right(uint column)`, declared before; the latter also answers for
//                                         columns outside. 0: there are none
//         SMELT_MATMUL2D_ACCUMULATED      SMELT_DTYPE_F32 or _F16: of sums; F32 with COMPUTED F32 or BF16. I8: _I32
//         SMELT_MATMUL2D_SCALE, _BLOCK, _ZERO   scales of b: matmul2d_scaled_tmpl.glsl; SMELT_SCALE_NONE: there are none
//         SMELT_MATMUL2D_ALIGNMENT        0, 1, 2, 4, 8 or 16 elements: a promise that the extent along and the stride between
//                                         rows of a and b as stored, and their addresses, are multiples of so many.
//                                         1 also permits any stride within a row; above 1, and with 0, which promises
//                                         no more, that is 1. Below 16 bytes, what lies between rows of a and b may be
//                                         read, and is dropped
//         SMELT_MATMUL2D_SUBGROUP_SIZE, _SUBGROUPS_M, _SUBGROUPS_N, _FRAGMENT_M, _FRAGMENT_N, _SCRATCH
//                                         as in cooperative_tmpl.glsl
//         SMELT_MATMUL2D_FRAGMENT_K       COOPMAT, COOPMAT2: of the device's cooperative matrices; others: 1
//         SMELT_MATMUL2D_BACKEND          SMELT_BACKEND_PORTABLE, _COOPMAT or _COOPMAT2 (not COMPUTED F32), _DOT8 (I8)
// makes   for the name NAME:
//         NAME_left_<stored_left>_2_r_0x0, NAME_right_<stored>_2_r_0x0, NAME_bias_<type>_1_r_0   tensor types; that
//         of bias is STORED, or ACCUMULATED where STORED is an integer or has scales. RIGHT is the second of
//         them, with scales the struct NAME_right that has it as a member (matmul2d_scaled_tmpl.glsl)
//         NAME_result                     a cooperative tensor of ACCUMULATED, M x N
//         void NAME_run(inout NAME_result d, LEFT a, RIGHT b, uint row, uint column)
//         void NAME_finish(inout NAME_result d, BIAS bias, uint row, uint column)   without `bias` when BIAS is 0
//         const uint NAME_scratch: uvec4 of the scratch that each group uses. Too small a scratch does not compile
//         run and finish are for the whole group with the same arguments in all of it; both use the scratch, and
//         begin and end with a barrier (NAME_result_barrier, cooperative_tmpl.glsl; run not, where no operand passes the
//         scratch); a tile may lie outside. Rows and columns outside the operands are handled exactly: what they
//         leave in d is to be dropped (smelt_store does); no memory outside the operands is read
// errors  before the activation, for every element inside, with K the terms of the sum:
//             |d - exact| <= c u (sum_k |a[k]||b[k]| + |bias| + |d before|),
//             n = 2 K + 8, c = n (1 + n u), u = 2^-23 for ACCUMULATED F32, u = 2^-10 for ACCUMULATED F16
//         and with scales what matmul2d_scaled_tmpl.glsl adds; RELAXED, of a and b before they are rounded, which are within
//         the range of F16, and w = 2^-10 for each of the two that is rounded: ((1 + w)^2 - 1) (1 + c u) sum |a||b| more.
//         ACCUMULATED I32: exact modulo 2^32, so exact where |a| and |b| bound the sum below 2^31: for K up to 2^17 (I8 with I8),
//         2^16 (mixed), 33025 (U8 with U8).
//         Derivation: matmul2d_tmpl.glsl; a matrix unit may add a fragment's terms and the sum so far aligned to the
//         largest of them, each cut off: one u more for each term. A product or sum below 2^-14 in f16 (2^-126 in
//         f32) may be flushed. A store to a narrower type rounds once more
// needs   base.glsl first; compute; one-dimensional order as cooperative_tmpl.glsl; COMPUTED or ACCUMULATED F16:
//         shaderFloat16; COOPMAT: VK_KHR_cooperative_matrix with this shape, and full subgroups; COOPMAT2:
//         cooperative_coopmat2_tmpl.glsl; I8 by these: shaderInt8 and products of I8 with I8 to I32 (both U8: U8 with
//         U8 to U32)
// source  GLSL_KHR_cooperative_matrix; matmul2d_tmpl.glsl
#include "smelt/matmul2d_cooperative_check_tmpl.glsl"
#include "smelt/activation.glsl"
#include "smelt/memory.glsl"
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
#include "smelt/integer.glsl"
#define SMELT_MM_T int
#else
#define SMELT_MM_T float
#endif

#include "smelt/matmul2d_operands_tmpl.glsl"
#define SMELT_MM_RESULT SMELT_CAT(SMELT_MATMUL2D, _result)

#include "smelt/matmul2d_groups_tmpl.glsl"
#define SMELT_MM_THREADS                                                                                     \
    (SMELT_MATMUL2D_SUBGROUP_SIZE * SMELT_MATMUL2D_SUBGROUPS_M * SMELT_MATMUL2D_SUBGROUPS_N)

// The operands' blocks in the scratch: left, then right, rows as they are stored.
#if SMELT_MATMUL2D_TRANSPOSE_LEFT
#define SMELT_MM_LEFT_ROWS SMELT_MATMUL2D_TILE_K
#define SMELT_MM_LEFT_COLUMNS SMELT_MATMUL2D_M
#else
#define SMELT_MM_LEFT_ROWS SMELT_MATMUL2D_M
#define SMELT_MM_LEFT_COLUMNS SMELT_MATMUL2D_TILE_K
#endif
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MM_RIGHT_ROWS SMELT_MATMUL2D_N
#define SMELT_MM_RIGHT_COLUMNS SMELT_MATMUL2D_TILE_K
#else
#define SMELT_MM_RIGHT_ROWS SMELT_MATMUL2D_TILE_K
#define SMELT_MM_RIGHT_COLUMNS SMELT_MATMUL2D_N
#endif
#include "smelt/matmul2d_sources_tmpl.glsl"
#define SMELT_MM_OPERANDS (SMELT_MM_LEFT_SIZE + SMELT_MM_RIGHT_SIZE)
#if SMELT_MATMUL2D_BACKEND != SMELT_BACKEND_COOPMAT
#define SMELT_MM_TABLE 1
#elif SMELT_MATMUL2D_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_MM_TABLE                                                                                       \
    (SMELT_MATMUL2D_SUBGROUPS_M * SMELT_MATMUL2D_SUBGROUPS_N * SMELT_MATMUL2D_FRAGMENT_M *                   \
     SMELT_MATMUL2D_FRAGMENT_N / 8)
#else
#define SMELT_MM_TABLE                                                                                       \
    (SMELT_MATMUL2D_SUBGROUPS_M * SMELT_MATMUL2D_SUBGROUPS_N * SMELT_MATMUL2D_FRAGMENT_M *                   \
     SMELT_MATMUL2D_FRAGMENT_N / 4)
#endif
#if SMELT_MM_TABLE > SMELT_MM_OPERANDS
#define SMELT_MM_SUMS_AT SMELT_MM_TABLE
#else
#define SMELT_MM_SUMS_AT SMELT_MM_OPERANDS
#endif
#define SMELT_MM_SCRATCH (SMELT_MM_SUMS_AT + SMELT_MM_SUMS)
const uint SMELT_CAT(SMELT_MATMUL2D, _scratch) = SMELT_MM_SCRATCH;

#if SMELT_MATMUL2D_SCOPE == SMELT_SCOPE_SUBGROUP
#define SMELT_MM_THREAD gl_SubgroupInvocationID
#define SMELT_MM_SUBGROUP 0u
#define SMELT_MM_BASE (gl_SubgroupID * SMELT_MM_SCRATCH)
#else
#define SMELT_MM_THREAD gl_LocalInvocationIndex
#define SMELT_MM_SUBGROUP gl_SubgroupID
#define SMELT_MM_BASE 0u
#endif

// Values for which 0 has a meaning, and the scratch. An error here names what is wrong.
void SMELT_CAT(SMELT_MATMUL2D, _check)()
{
    const uint terms = SMELT_MATMUL2D_K, alignment = SMELT_MATMUL2D_ALIGNMENT;
    const int transpose_left = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_TRANSPOSE_LEFT);
    const int transpose_right = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_TRANSPOSE_RIGHT);
    const int accumulate = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_ACCUMULATE);
    const int bias = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_BIAS);
    const int epilogue = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_EPILOGUE);
    const int relaxed = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_RELAXED);
    const int scale = SMELT_CAT(smelt_scale_is_, SMELT_MATMUL2D_SCALE);
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8
    const int zero_points = SMELT_CAT(smelt_flag_is_, SMELT_MATMUL2D_ZERO_POINTS);
#endif
    SMELT_CAT(smelt_activation_, SMELT_MATMUL2D_ACTIVATION)(SMELT_MM_T(0));
}
SMELT_REQUIRE(SMELT_CAT(SMELT_MATMUL2D, _scratch_is_too_small),
              SMELT_MATMUL2D_SCRATCH.length() >= SMELT_MM_SCRATCH)

#define SMELT_COOPERATIVE SMELT_MM_RESULT
#define SMELT_COOPERATIVE_SCOPE SMELT_MATMUL2D_SCOPE
#define SMELT_COOPERATIVE_ROWS SMELT_MATMUL2D_M
#define SMELT_COOPERATIVE_COLUMNS SMELT_MATMUL2D_N
#define SMELT_COOPERATIVE_DTYPE SMELT_MATMUL2D_ACCUMULATED
#define SMELT_COOPERATIVE_SUBGROUP_SIZE SMELT_MATMUL2D_SUBGROUP_SIZE
#define SMELT_COOPERATIVE_SUBGROUPS_M SMELT_MATMUL2D_SUBGROUPS_M
#define SMELT_COOPERATIVE_SUBGROUPS_N SMELT_MATMUL2D_SUBGROUPS_N
#define SMELT_COOPERATIVE_FRAGMENT_M SMELT_MATMUL2D_FRAGMENT_M
#define SMELT_COOPERATIVE_FRAGMENT_N SMELT_MATMUL2D_FRAGMENT_N
#define SMELT_COOPERATIVE_SCRATCH SMELT_MATMUL2D_SCRATCH
#define SMELT_COOPERATIVE_SCRATCH_STRIDE SMELT_MM_SCRATCH
#define SMELT_COOPERATIVE_BACKEND SMELT_MATMUL2D_BACKEND
#include "smelt/cooperative_tmpl.glsl"

#if SMELT_MM_STAGE_LEFT
#define SMELT_STAGE SMELT_CAT(SMELT_MATMUL2D, _stage_left)
#define SMELT_STAGE_OPERAND SMELT_MM_LEFT
#define SMELT_STAGE_STORED SMELT_MATMUL2D_STORED_LEFT
#define SMELT_STAGE_ROWS SMELT_MM_LEFT_ROWS
#define SMELT_STAGE_COLUMNS SMELT_MM_LEFT_COLUMNS
#define SMELT_STAGE_GROUP SMELT_MM_LEFT_GROUP
#define SMELT_STAGE_K_IS_ROWS SMELT_MATMUL2D_TRANSPOSE_LEFT
#define SMELT_STAGE_STRAIGHT SMELT_MM_LEFT_STRAIGHT
#define SMELT_STAGE_SHIFTED SMELT_MM_LEFT_SHIFTED
#define SMELT_STAGE_FLIP (SMELT_MM_MIXED && SMELT_MATMUL2D_STORED_LEFT == SMELT_DTYPE_U8)
#define SMELT_STAGE_BASE SMELT_MM_BASE
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_TENSOR
#include "smelt/matmul2d_source_tensor_tmpl.glsl"
#endif
#include "smelt/matmul2d_stage_tmpl.glsl"
#endif

#if SMELT_MM_STAGE_RIGHT
#define SMELT_STAGE SMELT_CAT(SMELT_MATMUL2D, _stage_right)
#define SMELT_STAGE_OPERAND SMELT_MM_RIGHT
#define SMELT_STAGE_STORED SMELT_MATMUL2D_STORED
#define SMELT_STAGE_ROWS SMELT_MM_RIGHT_ROWS
#define SMELT_STAGE_COLUMNS SMELT_MM_RIGHT_COLUMNS
#define SMELT_STAGE_GROUP SMELT_MM_RIGHT_GROUP
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_STAGE_K_IS_ROWS 0
#else
#define SMELT_STAGE_K_IS_ROWS 1
#endif
#define SMELT_STAGE_STRAIGHT SMELT_MM_RIGHT_STRAIGHT
#define SMELT_STAGE_SHIFTED SMELT_MM_RIGHT_SHIFTED
#define SMELT_STAGE_FLIP (SMELT_MM_MIXED && SMELT_MM_RIGHT_BYTE == SMELT_DTYPE_U8)
#define SMELT_STAGE_BASE (SMELT_MM_BASE + SMELT_MM_LEFT_SIZE)
#if SMELT_MATMUL2D_SCALE != SMELT_SCALE_NONE
#include "smelt/matmul2d_source_scaled_tmpl.glsl"
#elif SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_TENSOR
#include "smelt/matmul2d_source_tensor_tmpl.glsl"
#endif
#include "smelt/matmul2d_stage_tmpl.glsl"
#endif

// Where the block of the operand begins, in (row, column) of the matrix as it is stored.
#if SMELT_MATMUL2D_TRANSPOSE_LEFT
#define SMELT_MM_LEFT_AT(k) k, row
#else
#define SMELT_MM_LEFT_AT(k) row, k
#endif
#if SMELT_MATMUL2D_TRANSPOSE_RIGHT
#define SMELT_MM_RIGHT_AT(k) column, k
#else
#define SMELT_MM_RIGHT_AT(k) k, column
#endif

// The loops along the sum begin behind the block that is peeled off.
#if SMELT_MM_PEELED
#define SMELT_MM_INNER(k) (SMELT_MATMUL2D_TILE_K + (k))
#else
#define SMELT_MM_INNER(k) (k)
#endif

// The backend makes NAME_multiply(inout d): adds the product of the two blocks in the scratch; and NAME_whole(inout d, a, b,
// row, column, whole): adds the first `whole` terms, a multiple of TILE_K above 0. NAME_straight is the same for tiles
// that lie inside, of operands that can be read as they stand.
#if SMELT_MM_HELD || SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_ADDRESSED
#define SMELT_MM_STRAIGHT 0
#include "smelt/matmul2d_coopmat2_tmpl.glsl"
#elif SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_PORTABLE
#define SMELT_MM_STRAIGHT 0
#include "smelt/matmul2d_portable_tmpl.glsl"
#elif SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_DOT8
#define SMELT_MM_STRAIGHT 0
#include "smelt/matmul2d_dot8_tmpl.glsl"
#elif SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_COOPMAT || SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_COOPMAT2
#if SMELT_MM_MIXED || SMELT_MM_SUMS > 0
#define SMELT_MM_STRAIGHT 0
#else
#define SMELT_MM_STRAIGHT (SMELT_MM_LEFT_STRAIGHT && SMELT_MM_RIGHT_STRAIGHT)
#endif
#include "smelt/matmul2d_coopmat_tmpl.glsl"
#else
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_BACKEND must be PORTABLE, DOT8, COOPMAT or COOPMAT2 at SUBGROUP, WORKGROUP scope"
#endif

#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_ADDRESSED // has run
#elif !(SMELT_MM_STAGE_LEFT && SMELT_MM_STAGE_RIGHT)
#include "smelt/matmul2d_chain_tmpl.glsl"
#else
#if SMELT_MM_SUMS > 0
#include "smelt/matmul2d_zero_points_tmpl.glsl"
#endif
#define SMELT_LOOP SMELT_CAT(SMELT_MATMUL2D, _whole)
#if SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_PORTABLE || SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_DOT8 ||      \
    SMELT_MM_MIXED || SMELT_MM_SUMS > 0
#include "smelt/matmul2d_loop_tmpl.glsl"
#else
#define SMELT_LOOP_STRAIGHT 0
#include "smelt/matmul2d_coopmat_loop_tmpl.glsl"
#if SMELT_MM_STRAIGHT
#define SMELT_LOOP SMELT_CAT(SMELT_MATMUL2D, _straight)
#define SMELT_LOOP_STRAIGHT 1
#include "smelt/matmul2d_coopmat_loop_tmpl.glsl"
#endif
#endif
void SMELT_CAT(SMELT_MATMUL2D, _run)(inout SMELT_MM_RESULT d, SMELT_MM_LEFT a, SMELT_MM_RIGHT b, uint row,
                                     uint column)
{
#if SMELT_MATMUL2D_K > 0
    const uint terms = SMELT_MATMUL2D_K;
#else
    uint terms = smelt_extent(a, 1u - SMELT_MATMUL2D_TRANSPOSE_LEFT);
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_WALKED
#if !SMELT_MATMUL2D_ACCUMULATE
    smelt_fill(d, SMELT_MM_T(0));
#endif
    if (terms > 0u)
        SMELT_CAT(SMELT_MATMUL2D, _whole)(d, a, b, row, column, terms);
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
#else
    uvec4 left[SMELT_CAT(SMELT_MATMUL2D, _stage_left_each)],
        right[SMELT_CAT(SMELT_MATMUL2D, _stage_right_each)];
#if SMELT_MM_PEELED // the first block, and what is left with two groups at least
    const uint around = SMELT_MATMUL2D_TILE_K + 2u * SMELT_MM_GROUP;
    uint whole = terms > around ? (terms - around) / SMELT_MATMUL2D_TILE_K * SMELT_MATMUL2D_TILE_K : 0u,
         k = 0u;
#else
    uint whole = terms / SMELT_MATMUL2D_TILE_K * SMELT_MATMUL2D_TILE_K, k = whole;
#endif
#if !SMELT_MATMUL2D_ACCUMULATE
    smelt_fill(d, SMELT_MM_T(0));
#endif
#if SMELT_MM_SUMS > 0
    SMELT_CAT(SMELT_MATMUL2D, _clear_sums)();
#endif
#if SMELT_MM_STRAIGHT
    bool inside = row + SMELT_MATMUL2D_M <= smelt_extent(a, SMELT_MATMUL2D_TRANSPOSE_LEFT) &&
                  column + SMELT_MATMUL2D_N <= smelt_extent(b, 1u - SMELT_MATMUL2D_TRANSPOSE_RIGHT);
    if (whole > 0u && inside)
        SMELT_CAT(SMELT_MATMUL2D, _straight)(d, a, b, row, column, whole);
    else if (whole > 0u)
        SMELT_CAT(SMELT_MATMUL2D, _whole)(d, a, b, row, column, whole);
#else
    if (whole > 0u)
        SMELT_CAT(SMELT_MATMUL2D, _whole)(d, a, b, row, column, whole);
#endif
#if SMELT_MM_PEELED
    for (; k < terms; k += SMELT_MATMUL2D_TILE_K + (k == 0u ? whole : 0u)) {
#else
    if (k < terms) {
#endif
        SMELT_CAT(SMELT_MATMUL2D, _stage_left_fetch)(a, SMELT_MM_LEFT_AT(k), true, left);
        SMELT_CAT(SMELT_MATMUL2D, _stage_right_fetch)(b, SMELT_MM_RIGHT_AT(k), true, right);
        SMELT_CAT(SMELT_MM_RESULT, _barrier)();
        SMELT_CAT(SMELT_MATMUL2D, _stage_left_put)(left);
        SMELT_CAT(SMELT_MATMUL2D, _stage_right_put)(right);
        SMELT_CAT(SMELT_MM_RESULT, _barrier)();
        SMELT_CAT(SMELT_MATMUL2D, _multiply)(d);
#if SMELT_MM_SUMS > 0
        SMELT_CAT(SMELT_MATMUL2D, _add_sums)();
#endif
    }
    SMELT_CAT(SMELT_MM_RESULT, _barrier)();
#if SMELT_MM_SUMS > 0
    SMELT_CAT(SMELT_MATMUL2D, _subtract_zeros)(d, column, terms);
#endif
#endif
}
#endif

// What becomes of a sum.
SMELT_MM_T SMELT_CAT(SMELT_MATMUL2D, _finish_one)(SMELT_MM_T v,
#if SMELT_MATMUL2D_BIAS
                                                  SMELT_MM_BIAS bias,
#endif
                                                  uvec2 place)
{
#if SMELT_MATMUL2D_BIAS
    v += smelt_load(bias, place.y);
#endif
    v = SMELT_CAT(smelt_activation_, SMELT_MATMUL2D_ACTIVATION)(v);
#if SMELT_MATMUL2D_EPILOGUE
    v = SMELT_CAT(SMELT_MATMUL2D, _element)(v, place);
#endif
    return v;
}

#if SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_COOPMAT2
#include "smelt/matmul2d_coopmat2_finish_tmpl.glsl"
#else
void SMELT_CAT(SMELT_MATMUL2D, _finish)(inout SMELT_MM_RESULT d,
#if SMELT_MATMUL2D_BIAS
                                        SMELT_MM_BIAS bias,
#endif
                                        uint row, uint column)
{
#if SMELT_MATMUL2D_BIAS || SMELT_MATMUL2D_EPILOGUE
    SMELT_CAT(SMELT_MM_RESULT, _places) p = SMELT_CAT(SMELT_MM_RESULT, _locate)();
#endif
    [[unroll]] for (int piece = 0; piece != SMELT_CAT(SMELT_MM_RESULT, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(d); i++)
    {
        uvec2 place = uvec2(row, column);
#if SMELT_MATMUL2D_BIAS || SMELT_MATMUL2D_EPILOGUE
        place += smelt_place(p, piece, i);
#endif
        SMELT_MM_T v = SMELT_CAT(SMELT_MATMUL2D, _finish_one)(smelt_get(d, piece, i),
#if SMELT_MATMUL2D_BIAS
                                                              bias,
#endif
                                                              place);
        smelt_set(d, piece, i, v);
    }
}
#endif

#include "smelt/matmul2d_cooperative_undef_tmpl.glsl"
