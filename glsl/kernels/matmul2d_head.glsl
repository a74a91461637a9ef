// SPDX-License-Identifier: MIT
// matmul2d_head.glsl: what the kernels of whole products share: constants, push constants, types of the result, bias and
// activation. matmul2d_body.glsl or matvec_body.glsl follows.
//
// KERNEL_STORED, KERNEL_BIAS (type), KERNEL_DATA, KERNEL_NARROW (of D where it is not f32) are the includer's. Sizes and
// strides are specialization constants; 0: they are pushed.
layout(constant_id = 0) const uint fixed_m = 0;
layout(constant_id = 1) const uint fixed_n = 0;
layout(constant_id = 2) const uint fixed_k = 0;
layout(constant_id = 3) const uint fixed_stride_a = 0; // between rows as stored
layout(constant_id = 4) const uint fixed_stride_b = 0;
layout(constant_id = 5) const uint fixed_stride_d = 0;
layout(constant_id = 6) const uint d_is_f32 = 0;
layout(constant_id = 7) const uint has_bias = 1;
layout(constant_id = 8) const uint activation = 0; // SMELT_ACTIVATION_x

// The push constants of src/kernels_matmul2d.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 a, b, bias, d; // addresses
    uint m, n, k;
    uint stride_a[2], stride_b[2], stride_d; // elements; 1 along rows of d
    uint batch_a[2], batch_b[2], batch_d[2]; // bytes from one matrix to the next, low word first
};

#define SMELT_TENSOR bias
#define SMELT_DTYPE KERNEL_STORED
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR wide
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR narrow
#define SMELT_DTYPE KERNEL_NARROW
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
float product_element(float v, uvec2 place)
{
    if (has_bias != 0) {
        KERNEL_BIAS t;
        t.data = KERNEL_DATA(bias);
        t.extent = uint[1](fixed_n != 0 ? fixed_n : n);
        t.stride = uint[1](1);
        v += smelt_load(t, place.y);
    }
    return smelt_activate(activation, v);
}

// Address of the matrix that this workgroup works on.
uvec2 of_batch(uvec2 first, uint bytes[2])
{
    uint low, high, carry;
    umulExtended(gl_WorkGroupID.z, bytes[0], high, low);
    first.x = uaddCarry(first.x, low, carry);
    first.y += high + carry + gl_WorkGroupID.z * bytes[1];
    return first;
}
