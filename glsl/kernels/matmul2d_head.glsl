// SPDX-License-Identifier: MIT
// matmul2d_head.glsl: what the kernels of whole products share: constants, push constants, types of the result, bias and
// activation. matmul2d_body.glsl, matmul2d_narrow_body.glsl, matmul2d_sum_body.glsl or the parts of a matvec_*.glsl follow.
//
// The includer's: KERNEL_LEFT_STORED, KERNEL_RIGHT_STORED, KERNEL_BIAS_STORED (SMELT_DTYPE_x), KERNEL_WIDE (what D is where
// d_is_wide: F32, or I32 of integers), KERNEL_NARROW (what it is else; 0: there is no else). Sizes and strides are
// specialization constants; 0: they are pushed. Of integers quantization.glsl follows.
layout(constant_id = 0) const uint fixed_m = 0;
layout(constant_id = 1) const uint fixed_n = 0;
layout(constant_id = 2) const uint fixed_k = 0;
layout(constant_id = 3) const uint fixed_stride_a = 0; // between rows as stored
layout(constant_id = 4) const uint fixed_stride_b = 0;
layout(constant_id = 5) const uint fixed_stride_d = 0;
layout(constant_id = 6) const uint d_is_wide = 0;
layout(constant_id = 7) const uint has_bias = 1;
layout(constant_id = 8) const uint activation = 0; // SMELT_ACTIVATION_x
layout(constant_id = 9) const uint has_residual = 0;
layout(constant_id = 10) const uint has_scale = 0; // of the result of integers

// The push constants of src/kernels_matmul2d.c, word for word.
layout(push_constant, scalar) uniform push
{
#if KERNEL_WIDE == SMELT_DTYPE_I32
    uvec2 a, b, bias, d, scale, zero_b; // addresses
#else
    uvec2 a, b, bias, d, scale, zero; // addresses
#endif
    uint m, n, k;
    uint stride_a[2], stride_b[2], stride_d; // elements; 1 along rows of d
#if KERNEL_WIDE == SMELT_DTYPE_I32
    uvec2 zero_a, zero_d;
#else
    uint stride_scale[2], stride_zero[2];
#endif
    uint batch_a, batch_b, batch_d, batch_scale, batch_zero; // elements from one matrix to the next
    uvec2 residual;                                          // an address; its elements lie as those of d
};

// What a type is stored as, and how many bits it has.
#define KERNEL_STORAGE_1 smelt_f32
#define KERNEL_STORAGE_2 smelt_u16
#define KERNEL_STORAGE_3 smelt_u16
#define KERNEL_STORAGE_4 smelt_u8
#define KERNEL_STORAGE_5 smelt_u8
#define KERNEL_STORAGE_6 smelt_i8
#define KERNEL_STORAGE_7 smelt_u8
#define KERNEL_STORAGE_9 smelt_u16
#define KERNEL_STORAGE_10 smelt_i32
#define KERNEL_STORAGE_12 smelt_u8
#define KERNEL_STORAGE_13 smelt_u8
#define KERNEL_BITS_1 32
#define KERNEL_BITS_2 16
#define KERNEL_BITS_3 16
#define KERNEL_BITS_4 8
#define KERNEL_BITS_5 8
#define KERNEL_BITS_6 8
#define KERNEL_BITS_7 8
#define KERNEL_BITS_9 16
#define KERNEL_BITS_10 32
#define KERNEL_BITS_12 4
#define KERNEL_BITS_13 4
#define KERNEL_DATA(dtype, access) SMELT_CAT(SMELT_CAT(KERNEL_STORAGE_, dtype), access)
#define KERNEL_BITS(dtype) SMELT_CAT(KERNEL_BITS_, dtype)
#define KERNEL_TENSOR(name, dtype, shape) SMELT_CAT(SMELT_CAT(name, SMELT_CAT(SMELT_TAG_, dtype)), shape)
#if KERNEL_WIDE == SMELT_DTYPE_I32
#define KERNEL_T int
#else
#define KERNEL_T float
#endif

#define SMELT_TENSOR bias
#define SMELT_DTYPE KERNEL_BIAS_STORED
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR wide
#define SMELT_DTYPE KERNEL_WIDE
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#if KERNEL_NARROW != 0
#define SMELT_TENSOR narrow
#define SMELT_DTYPE KERNEL_NARROW
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#endif

#define KERNEL_FROM_1(e) (e)
#define KERNEL_FROM_2(e) smelt_f16_to_f32(uint(e))
#define KERNEL_FROM_3(e) smelt_bf16_to_f32(uint(e))

uvec2 of_batch(uvec2 first, uint stride, uint bits);

#if KERNEL_WIDE == SMELT_DTYPE_I32
#if KERNEL_NARROW == 0
#define KERNEL_RESULT_BITS 32
#else
#define KERNEL_RESULT_BITS KERNEL_BITS(KERNEL_NARROW)
#endif
#define KERNEL_RESIDUAL of_batch(residual, batch_d, KERNEL_RESULT_BITS)
#define KERNEL_COLUMNS (fixed_n != 0 ? fixed_n : n)
#if KERNEL_HAS_SCALE
#define KERNEL_ACTIVATE(v) smelt_activate(activation, v)
#else
#define KERNEL_ACTIVATE(v) (activation == SMELT_ACTIVATION_RELU ? max(v, 0) : v)
#endif
int finish_integer(int sum, uint column, uint at);
#else
KERNEL_T residual_element(uvec2 place)
{
    if (place.x >= (fixed_m != 0 ? fixed_m : m) || place.y >= (fixed_n != 0 ? fixed_n : n))
        return KERNEL_T(0);
    uint i = place.x * (fixed_stride_d != 0 ? fixed_stride_d : stride_d) + place.y;
#if KERNEL_NARROW != 0
    if (d_is_wide == 0) {
        uvec2 address = of_batch(residual, batch_d, KERNEL_BITS(KERNEL_NARROW));
        return SMELT_CAT(KERNEL_FROM_, KERNEL_NARROW)(KERNEL_DATA(KERNEL_NARROW, _r_data)(address).e[i]);
    }
#endif
    return KERNEL_DATA(KERNEL_WIDE, _r_data)(of_batch(residual, batch_d, 32u)).e[i];
}
#endif

KERNEL_T product_element(KERNEL_T v, uvec2 place)
{
    if (has_bias != 0) {
        KERNEL_TENSOR(bias, KERNEL_BIAS_STORED, _1_r_0) t;
        t.data = KERNEL_DATA(KERNEL_BIAS_STORED, _r_data)(bias);
        t.extent = uint[1](fixed_n != 0 ? fixed_n : n);
        t.stride = uint[1](1);
        v += smelt_load(t, place.y);
    }
#if KERNEL_WIDE == SMELT_DTYPE_I32
    bool adds = has_residual != 0 && place.x < (fixed_m != 0 ? fixed_m : m) && place.y < KERNEL_COLUMNS;
    uint at = place.x * (fixed_stride_d != 0 ? fixed_stride_d : stride_d) + place.y;
    return finish_integer(v, place.y, adds ? at : 0xffffffffu);
#else
    if (has_residual != 0)
        v += residual_element(place);
    return smelt_activate(activation, v);
#endif
}

// Address of the matrix that this workgroup works on.
uvec2 of_batch(uvec2 first, uint stride, uint bits)
{
    uint low, high, carry;
    umulExtended(gl_WorkGroupID.z * stride, bits, high, low);
    first.x = uaddCarry(first.x, low >> 3u | high << 29u, carry);
    first.y += (high >> 3u) + carry;
    return first;
}
#define KERNEL_A (of_batch(a, batch_a, KERNEL_BITS(KERNEL_LEFT_STORED)))
#define KERNEL_B (of_batch(b, batch_b, KERNEL_BITS(KERNEL_RIGHT_STORED)))

// D, where it is wide and where it is not.
KERNEL_TENSOR(wide, KERNEL_WIDE, _2_w_0x0) wide_result(uint rows, uint columns, uint step)
{
    KERNEL_TENSOR(wide, KERNEL_WIDE, _2_w_0x0) t;
    t.data = KERNEL_DATA(KERNEL_WIDE, _w_data)(of_batch(d, batch_d, 32u));
    t.extent = uint[2](rows, columns);
    t.stride = uint[2](step, 1);
    return t;
}
#if KERNEL_NARROW != 0
KERNEL_TENSOR(narrow, KERNEL_NARROW, _2_w_0x0) narrow_result(uint rows, uint columns, uint step)
{
    KERNEL_TENSOR(narrow, KERNEL_NARROW, _2_w_0x0) t;
    t.data = KERNEL_DATA(KERNEL_NARROW, _w_data)(of_batch(d, batch_d, KERNEL_BITS(KERNEL_NARROW)));
    t.extent = uint[2](rows, columns);
    t.stride = uint[2](step, 1);
    return t;
}
#endif
// What is stored in it: a sum that is negative is none of an unsigned type.
#if KERNEL_NARROW == SMELT_DTYPE_U8 || KERNEL_NARROW == SMELT_DTYPE_U16
#define KERNEL_NARROW_VALUE(v) uint(max(v, 0))
#else
#define KERNEL_NARROW_VALUE(v) (v)
#endif
