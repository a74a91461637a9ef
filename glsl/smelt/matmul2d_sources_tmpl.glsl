// SPDX-License-Identifier: MIT
// matmul2d_sources_tmpl.glsl: where the blocks of the operands lie; part of matmul2d_cooperative_tmpl.glsl.
//
// what    checks SMELT_MATMUL2D_SOURCE_LEFT and _RIGHT and what belongs to them. Staged operands lie in the scratch, shared
//         ones where the caller has them; those that go straight into matrices lie nowhere
// params  all required, all undefined by matmul2d_cooperative_undef_tmpl.glsl:
//         SMELT_MATMUL2D_SOURCE_LEFT   of the left operand, SMELT_MATMUL2D_SOURCE_RIGHT of the right one:
//           SMELT_SOURCE_TENSOR        run takes a tensor, which is staged in the scratch
//           SMELT_SOURCE_FUNCTION      see matmul2d_cooperative_tmpl.glsl
//           SMELT_SOURCE_WALKED        of both operands, with COOPMAT or COOPMAT2: as FUNCTION, but the includer makes, instead
//                                      of the groups, for terms that are a multiple of TILE_K and columns that are one
//                                      of N, uvec4 NAME_next(NAME_left a, uvec4 at, bool more), the place of the block after
//                                      `at`, which begins with zeros (more false: at), and void NAME_walk(NAME_left a, NAME_right
//                                      b, uvec4 at, out uvec4 left[], out uvec4 right[]), what
//                                      matmul2d_stage_tmpl.glsl fetches of the block at `at`
//           SMELT_SOURCE_ADDRESSED     COOPMAT2: run takes a tensor of f16 (ALIGNMENT 8), which matrices are loaded from by
//                                      tensor addressing; SOURCE_RIGHT with SOURCE_LEFT ADDRESSED or COOPERATIVE only
//           SMELT_SOURCE_SHARED        run takes a uint, the index of the first uvec4 of a block in shared memory:
//                                      M x K, or the right one K x N ([N][K] with TRANSPOSE_RIGHT) elements of COMPUTED,
//                                      f16 in pairs. SMELT_MATMUL2D_LEFT_SHARED (_RIGHT_SHARED): name of the array;
//                                      SMELT_MATMUL2D_LEFT_PITCH (_RIGHT_PITCH): uvec4 from row to row, odd for
//                                      speed. Barriers around run are the caller's: it has its own only where the
//                                      other operand passes the scratch
//           SMELT_SOURCE_COOPERATIVE   left only: run takes a cooperative tensor M x K of the same group, rounded to
//                                      COMPUTED. SMELT_MATMUL2D_LEFT: its type. TILE_K is K. COOPMAT2 converts in
//                                      registers, with FRAGMENT_M and FRAGMENT_K those (M, N) of the tensor, where
//                                      SUBGROUPS_N is 1 or the matrix is the workgroup's; else it passes the scratch
//         SHARED and COOPERATIVE want a literal K, a multiple of TILE_K, and TRANSPOSE_LEFT 0; with them the right tensor
//         may end before K: what is beyond counts as 0
// makes   SMELT_MM_STAGE_LEFT, _RIGHT: 1 when the operand passes the scratch block by block; SMELT_MM_WIDE: 1 when one matrix of
//         the workgroup is the tile; SMELT_MM_HELD: 1 when a cooperative left operand stays in registers; SMELT_MM_LEFT_MEMORY,
//         _ORIGIN, _PITCH, _SIZE, SMELT_MM_RIGHT_x: array, index of the block in it, uvec4 from row to row, uvec4 of the scratch;
//         NAME_left_origin, NAME_right_origin
// errors  none (no arithmetic)
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
#if !defined SMELT_MATMUL2D_SOURCE_LEFT || !defined SMELT_MATMUL2D_SOURCE_RIGHT
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT or _RIGHT (SMELT_SOURCE_x of an operand) is not defined"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT < SMELT_SOURCE_TENSOR ||                                                      \
    SMELT_MATMUL2D_SOURCE_LEFT > SMELT_SOURCE_COOPERATIVE ||                                                 \
    SMELT_MATMUL2D_SOURCE_RIGHT < SMELT_SOURCE_TENSOR || SMELT_MATMUL2D_SOURCE_RIGHT > SMELT_SOURCE_SHARED
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT and _RIGHT must be SMELT_SOURCE_TENSOR, _FUNCTION, _WALKED, _ADDRESSED, _SHARED or (LEFT) _COOPERATIVE"
#endif
#if (SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_WALKED) !=                                                   \
    (SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_WALKED)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT and _RIGHT must both be SMELT_SOURCE_WALKED, or none"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_WALKED &&                                                     \
    (SMELT_MATMUL2D_BACKEND < SMELT_BACKEND_COOPMAT || SMELT_MM_MIXED)
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_SOURCE_WALKED wants SMELT_BACKEND_COOPMAT or _COOPMAT2, and bytes of one sign"
#endif
// Through the scratch, by matmul2d_stage_tmpl.glsl.
#if SMELT_MATMUL2D_SOURCE_LEFT <= SMELT_SOURCE_WALKED
#define SMELT_MM_STAGE_LEFT 1
#else
#define SMELT_MM_STAGE_LEFT 0
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT <= SMELT_SOURCE_WALKED
#define SMELT_MM_STAGE_RIGHT 1
#else
#define SMELT_MM_STAGE_RIGHT 0
#endif
#if SMELT_MATMUL2D_BACKEND != SMELT_BACKEND_COOPMAT2 &&                                                      \
    (SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_ADDRESSED ||                                                 \
     SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_ADDRESSED)
#error "matmul2d_tmpl.glsl: SMELT_SOURCE_ADDRESSED wants SMELT_BACKEND_COOPMAT2"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT > SMELT_SOURCE_ADDRESSED &&                                                   \
    (SMELT_MATMUL2D_K < 1 || SMELT_MATMUL2D_K % SMELT_MATMUL2D_TILE_K != 0 || SMELT_MATMUL2D_TRANSPOSE_LEFT)
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT SHARED, COOPERATIVE want K a multiple of TILE_K, TRANSPOSE_LEFT 0"
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_SHARED &&                                                    \
    (SMELT_MATMUL2D_K < 1 || SMELT_MATMUL2D_K % SMELT_MATMUL2D_TILE_K != 0)
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_RIGHT SHARED wants SMELT_MATMUL2D_K a multiple of _TILE_K"
#endif

#if SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_COOPMAT2 && SMELT_MATMUL2D_FRAGMENT_M == SMELT_MATMUL2D_M &&     \
    SMELT_MATMUL2D_FRAGMENT_N == SMELT_MATMUL2D_N &&                                                         \
    SMELT_MATMUL2D_SUBGROUPS_M * SMELT_MATMUL2D_SUBGROUPS_N > 1
#define SMELT_MM_WIDE 1
#else
#define SMELT_MM_WIDE 0
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE &&                                                \
    SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_COOPMAT2 && (SMELT_MM_WIDE || SMELT_MATMUL2D_SUBGROUPS_N == 1)
#define SMELT_MM_HELD 1
#else
#define SMELT_MM_HELD 0
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_ADDRESSED &&                                                 \
    SMELT_MATMUL2D_SOURCE_LEFT != SMELT_SOURCE_ADDRESSED && !SMELT_MM_HELD
#error                                                                                                       \
    "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_RIGHT ADDRESSED wants SOURCE_LEFT ADDRESSED, or a tensor in registers"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_ADDRESSED &&                                                  \
    SMELT_MATMUL2D_SOURCE_RIGHT != SMELT_SOURCE_ADDRESSED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT ADDRESSED wants SOURCE_RIGHT ADDRESSED"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE && SMELT_MATMUL2D_COMPUTED > SMELT_DTYPE_F16
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT COOPERATIVE wants SMELT_MATMUL2D_COMPUTED F32 or F16"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE && !defined SMELT_MATMUL2D_LEFT
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LEFT (type of the cooperative left operand) is not defined"
#endif
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE && SMELT_MATMUL2D_K != SMELT_MATMUL2D_TILE_K
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_SOURCE_LEFT COOPERATIVE wants SMELT_MATMUL2D_TILE_K to be K"
#endif

#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_SHARED
#ifndef SMELT_MATMUL2D_LEFT_SHARED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LEFT_SHARED (name of the shared uvec4 array) is not defined"
#endif
#ifndef SMELT_MATMUL2D_LEFT_PITCH
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_LEFT_PITCH (uvec4 from row to row of the array) is not defined"
#endif
uint SMELT_CAT(SMELT_MATMUL2D, _left_origin);
#define SMELT_MM_LEFT_MEMORY SMELT_MATMUL2D_LEFT_SHARED
#define SMELT_MM_LEFT_ORIGIN SMELT_CAT(SMELT_MATMUL2D, _left_origin)
#define SMELT_MM_LEFT_PITCH SMELT_MATMUL2D_LEFT_PITCH
#else
#define SMELT_MM_LEFT_MEMORY SMELT_MATMUL2D_SCRATCH
#define SMELT_MM_LEFT_ORIGIN SMELT_MM_BASE
#define SMELT_MM_LEFT_PITCH (SMELT_MM_LEFT_COLUMNS / SMELT_MM_LEFT_GROUP + 1)
#endif
#if SMELT_MM_STAGE_LEFT || (SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE && !SMELT_MM_HELD)
#define SMELT_MM_LEFT_SIZE (SMELT_MM_LEFT_ROWS * SMELT_MM_LEFT_PITCH)
#else
#define SMELT_MM_LEFT_SIZE 0
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_SHARED
#ifndef SMELT_MATMUL2D_RIGHT_SHARED
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_RIGHT_SHARED (name of the shared uvec4 array) is not defined"
#endif
#ifndef SMELT_MATMUL2D_RIGHT_PITCH
#error "matmul2d_tmpl.glsl: SMELT_MATMUL2D_RIGHT_PITCH (uvec4 from row to row of the array) is not defined"
#endif
uint SMELT_CAT(SMELT_MATMUL2D, _right_origin);
#define SMELT_MM_RIGHT_MEMORY SMELT_MATMUL2D_RIGHT_SHARED
#define SMELT_MM_RIGHT_ORIGIN SMELT_CAT(SMELT_MATMUL2D, _right_origin)
#define SMELT_MM_RIGHT_PITCH SMELT_MATMUL2D_RIGHT_PITCH
#else
#define SMELT_MM_RIGHT_MEMORY SMELT_MATMUL2D_SCRATCH
#define SMELT_MM_RIGHT_ORIGIN (SMELT_MM_BASE + SMELT_MM_LEFT_SIZE)
#define SMELT_MM_RIGHT_PITCH (SMELT_MM_RIGHT_COLUMNS / SMELT_MM_RIGHT_GROUP + 1)
#endif
#if SMELT_MM_STAGE_RIGHT
#define SMELT_MM_RIGHT_SIZE (SMELT_MM_RIGHT_ROWS * SMELT_MM_RIGHT_PITCH)
#else
#define SMELT_MM_RIGHT_SIZE 0
#endif
