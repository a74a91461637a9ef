// SPDX-License-Identifier: MIT
// matmul2d_groups_tmpl.glsl: how elements lie in shared memory; part of matmul2d_cooperative_tmpl.glsl.
//
// what    as many neighbours of a row as fill 16 bytes make a group
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   SMELT_MM_GROUP, _SIZE, _LEFT_GROUP, _RIGHT_GROUP, _LEFT_STRAIGHT, _RIGHT_STRAIGHT, _LEFT_SHIFTED, _RIGHT_SHIFTED,
//         _PEELED, _RIGHT_BYTE, _MIXED, _SUMS (uvec4 of the scratch for zero points), the includer's to undefine
// errors  none (no arithmetic)
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  matmul2d_cooperative_tmpl.glsl
// SMELT_MM_GROUP elements of SMELT_MM_SIZE bytes make a uvec4 of shared memory.
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16 || SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_BF16
#define SMELT_MM_GROUP 8
#define SMELT_MM_SIZE 2
#elif SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_F32
#define SMELT_MM_GROUP 16
#define SMELT_MM_SIZE 1
#else
#define SMELT_MM_GROUP 4
#define SMELT_MM_SIZE 4
#endif
// How many of them along a row of the left and of the right block: a row of a device's matrix that has 8 bytes has a
// uvec4 of its own, since matrices are loaded from whole ones.
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 && SMELT_MATMUL2D_BACKEND >= SMELT_BACKEND_COOPMAT &&          \
    ((SMELT_MATMUL2D_TRANSPOSE_LEFT && SMELT_MATMUL2D_FRAGMENT_M == 8) ||                                    \
     (!SMELT_MATMUL2D_TRANSPOSE_LEFT && SMELT_MATMUL2D_FRAGMENT_K == 8))
#define SMELT_MM_LEFT_GROUP 8
#else
#define SMELT_MM_LEFT_GROUP SMELT_MM_GROUP
#endif
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 && SMELT_MATMUL2D_BACKEND >= SMELT_BACKEND_COOPMAT &&          \
    ((!SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MATMUL2D_FRAGMENT_N == 8) ||                                  \
     (SMELT_MATMUL2D_TRANSPOSE_RIGHT && SMELT_MATMUL2D_FRAGMENT_K == 8))
#define SMELT_MM_RIGHT_GROUP 8
#else
#define SMELT_MM_RIGHT_GROUP SMELT_MM_GROUP
#endif
// What the right operand of an integer product is in the scratch: 4 bit integers become bytes, U4 of the left one's sign.
#if SMELT_MATMUL2D_STORED == SMELT_DTYPE_I4
#define SMELT_MM_RIGHT_BYTE SMELT_DTYPE_I8
#elif SMELT_MATMUL2D_STORED == SMELT_DTYPE_U4
#define SMELT_MM_RIGHT_BYTE SMELT_MATMUL2D_STORED_LEFT
#else
#define SMELT_MM_RIGHT_BYTE SMELT_MATMUL2D_STORED
#endif
// Whether they can be read from memory as they stand.
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_TENSOR && SMELT_MM_LEFT_GROUP == SMELT_MM_GROUP &&            \
    (SMELT_MATMUL2D_STORED_LEFT == SMELT_MATMUL2D_COMPUTED || SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8) &&  \
    SMELT_MATMUL2D_ALIGNMENT >= SMELT_MM_GROUP
#define SMELT_MM_LEFT_STRAIGHT 1
#else
#define SMELT_MM_LEFT_STRAIGHT 0
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_TENSOR && SMELT_MM_RIGHT_GROUP == SMELT_MM_GROUP &&          \
    (SMELT_MATMUL2D_STORED == SMELT_MATMUL2D_COMPUTED ||                                                     \
     (SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 && SMELT_MATMUL2D_STORED == SMELT_MM_RIGHT_BYTE)) &&         \
    SMELT_MATMUL2D_SCALE == SMELT_SCALE_NONE && SMELT_MATMUL2D_ALIGNMENT >= SMELT_MM_GROUP
#define SMELT_MM_RIGHT_STRAIGHT 1
#else
#define SMELT_MM_RIGHT_STRAIGHT 0
#endif
// Whether groups that begin anywhere are cut out of the two aligned ones that they lie in (matmul2d_source_tensor_tmpl.glsl).
// What that reads beside a group is still in the operand, but not in the first block along the sum and near the last terms:
// those are peeled off, and read as they are. Two loads of 8 bytes, where these are aligned, are faster.
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_TENSOR &&                                                     \
    SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_TENSOR && SMELT_MATMUL2D_ALIGNMENT != 1 &&                   \
    2 * SMELT_MATMUL2D_ALIGNMENT < SMELT_MM_GROUP
#define SMELT_MM_LEFT_SHIFTED                                                                                \
    (SMELT_MM_LEFT_GROUP == SMELT_MM_GROUP &&                                                                \
     (SMELT_MATMUL2D_STORED_LEFT == SMELT_MATMUL2D_COMPUTED || SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8))
#define SMELT_MM_RIGHT_SHIFTED                                                                               \
    (SMELT_MM_RIGHT_GROUP == SMELT_MM_GROUP && SMELT_MATMUL2D_SCALE == SMELT_SCALE_NONE &&                   \
     (SMELT_MATMUL2D_STORED == SMELT_MATMUL2D_COMPUTED ||                                                    \
      (SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 && SMELT_MATMUL2D_STORED == SMELT_MM_RIGHT_BYTE)))
#else
#define SMELT_MM_LEFT_SHIFTED 0
#define SMELT_MM_RIGHT_SHIFTED 0
#endif
#if SMELT_MM_LEFT_SHIFTED || SMELT_MM_RIGHT_SHIFTED
#define SMELT_MM_PEELED 1
#else
#define SMELT_MM_PEELED 0
#endif
// Cooperative matrices are multiplied where both operands have the same sign: with different ones the unsigned operand is
// taken less 128.
#if SMELT_MATMUL2D_BACKEND >= SMELT_BACKEND_COOPMAT && SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_I8 &&          \
    SMELT_MATMUL2D_STORED_LEFT != SMELT_MM_RIGHT_BYTE
#define SMELT_MM_MIXED 1
#else
#define SMELT_MM_MIXED 0
#endif
#if SMELT_MATMUL2D_COMPUTED != SMELT_DTYPE_I8
#define SMELT_MM_SUMS 0
#elif SMELT_MATMUL2D_ZERO_POINTS
#define SMELT_MM_SUMS ((SMELT_MATMUL2D_M + SMELT_MATMUL2D_N + 3) / 4)
#else
#define SMELT_MM_SUMS 0
#endif
