// SPDX-License-Identifier: MIT
// quantization.glsl: zero points of products of integers, and what becomes of their sums; it follows
// matmul2d_head.glsl or convolution2d_constants.glsl.
//
// The includer's: KERNEL_HAS_ZERO_A, _HAS_ZERO_B, _EACH_ZERO_B (1: one for each column), _HAS_SCALE, _EACH_SCALE,
// _HAS_ZERO_D, _ZERO_A_SIGNED, _ZERO_B_SIGNED, KERNEL_RESULT (SMELT_DTYPE_x of d), KERNEL_COLUMNS (output channels),
// KERNEL_ACTIVATE(v), KERNEL_RESIDUAL (an address); the addresses zero_a, zero_b, scale, zero_d.
//
// A result that is no integer is stored by its bits: F32 in words (I32), F16 in halfs (U16).
#include "smelt/numeric.glsl"
// KERNEL_RESULT_STORED; of a convolution's tensor `result` of that type KERNEL_RESULT_TENSOR, KERNEL_RESULT_DATA; what it
// takes: a sum that is negative is none of an unsigned type.
#if KERNEL_RESULT == SMELT_DTYPE_F16
#define KERNEL_RESULT_STORED SMELT_DTYPE_U16
#define KERNEL_RESULT_TENSOR result_u16_4_w_0x0x0x0
#define KERNEL_RESULT_DATA smelt_u16_w_data
#define KERNEL_RESULT_VALUE(v) uint(v)
#elif KERNEL_RESULT == SMELT_DTYPE_U8
#define KERNEL_RESULT_STORED SMELT_DTYPE_U8
#define KERNEL_RESULT_TENSOR result_u8_4_w_0x0x0x0
#define KERNEL_RESULT_DATA smelt_u8_w_data
#define KERNEL_RESULT_VALUE(v) uint(max(v, 0))
#elif KERNEL_RESULT == SMELT_DTYPE_I8
#define KERNEL_RESULT_STORED SMELT_DTYPE_I8
#define KERNEL_RESULT_TENSOR result_i8_4_w_0x0x0x0
#define KERNEL_RESULT_DATA smelt_i8_w_data
#define KERNEL_RESULT_VALUE(v) (v)
#else
#define KERNEL_RESULT_STORED SMELT_DTYPE_I32
#define KERNEL_RESULT_TENSOR result_i32_4_w_0x0x0x0
#define KERNEL_RESULT_DATA smelt_i32_w_data
#define KERNEL_RESULT_VALUE(v) (v)
#endif

int zero_point_of(uvec2 address, uint i, bool is_signed)
{
    return is_signed ? int(smelt_i8_r_data(address).e[i]) : int(smelt_u8_r_data(address).e[i]);
}

int zero_point_a()
{
    return KERNEL_HAS_ZERO_A != 0 ? zero_point_of(zero_a, 0u, KERNEL_ZERO_A_SIGNED != 0) : 0;
}

int zero_point_b(uint column)
{
    uint i = KERNEL_EACH_ZERO_B != 0 ? min(column, KERNEL_COLUMNS - 1u) : 0u;
    return KERNEL_HAS_ZERO_B != 0 ? zero_point_of(zero_b, i, KERNEL_ZERO_B_SIGNED != 0) : 0;
}

// `at`: of the residual's element; 2^32 - 1: there is none.
int finish_integer(int sum, uint column, uint at)
{
#if KERNEL_HAS_SCALE
    uint i = KERNEL_EACH_SCALE != 0 ? min(column, KERNEL_COLUMNS - 1u) : 0u;
    float v = float(sum) * smelt_f32_r_data(scale).e[i];
#if KERNEL_RESULT == SMELT_DTYPE_F32
    v += at != 0xffffffffu ? smelt_f32_r_data(KERNEL_RESIDUAL).e[at] : 0.0;
    return floatBitsToInt(KERNEL_ACTIVATE(v));
#elif KERNEL_RESULT == SMELT_DTYPE_F16
    v += at != 0xffffffffu ? smelt_f16_to_f32(uint(smelt_u16_r_data(KERNEL_RESIDUAL).e[at])) : 0.0;
    return int(smelt_f16_from_f32(KERNEL_ACTIVATE(v)));
#else
    int zero = KERNEL_HAS_ZERO_D != 0 ? zero_point_of(zero_d, 0u, KERNEL_RESULT == SMELT_DTYPE_I8) : 0;
    return smelt_int_from_f32(KERNEL_ACTIVATE(v), -65536, 65536) + zero; // the store saturates
#endif
#else
    sum += at != 0xffffffffu ? smelt_i32_r_data(KERNEL_RESIDUAL).e[at] : 0;
    return KERNEL_ACTIVATE(sum);
#endif
}
