// SPDX-License-Identifier: MIT
// line_body.glsl: what the kernels of lines share (reduce, softmax, norm): a workgroup or an invocation for each line of a
// tensor whose other dimensions were made three, and a loop over lines, since a device may not start as many groups.
//
// KERNEL_DTYPE, KERNEL_TAG (its name in types) and KERNEL_SCOPE (WORKGROUP or THREAD) are the includer's.
#include "smelt/base.glsl"
layout(local_size_x_id = 0) in;
#if KERNEL_SCOPE == SMELT_SCOPE_WORKGROUP
#define KERNEL_GROUP gl_WorkGroupSize.x
#define KERNEL_FIRST (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x)
#define KERNEL_STEP gl_NumWorkGroups.x
shared uvec4 kernel_scratch[(gl_WorkGroupSize.x + 3) / 4];
#else
#define KERNEL_GROUP 1
#define KERNEL_FIRST                                                                                         \
    ((gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x +                       \
     gl_LocalInvocationIndex)
#define KERNEL_STEP (gl_NumWorkGroups.x * gl_WorkGroupSize.x)
#endif
// The unit after this one; none with z = 1, where there is a workgroup for every one.
#define KERNEL_NEXT(unit) (gl_WorkGroupID.z != 0u ? 0xffffffffu : unit + KERNEL_STEP)
#define KERNEL_X SMELT_CAT(SMELT_CAT(x_, KERNEL_TAG), _4_r_0x0x0x0)
#define KERNEL_Y SMELT_CAT(SMELT_CAT(y_, KERNEL_TAG), _4_w_0x0x0x0)

#define SMELT_TENSOR x
#define SMELT_DTYPE KERNEL_DTYPE
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR y
#define SMELT_DTYPE KERNEL_DTYPE
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"

#if KERNEL_DTYPE == SMELT_DTYPE_F32
#define KERNEL_DATA smelt_f32
#elif KERNEL_DTYPE == SMELT_DTYPE_I32
#define KERNEL_DATA smelt_i32
#elif KERNEL_DTYPE == SMELT_DTYPE_U32
#define KERNEL_DATA smelt_u32
#elif KERNEL_DTYPE == SMELT_DTYPE_I16
#define KERNEL_DATA smelt_i16
#elif KERNEL_DTYPE == SMELT_DTYPE_F16 || KERNEL_DTYPE == SMELT_DTYPE_BF16 || KERNEL_DTYPE == SMELT_DTYPE_U16
#define KERNEL_DATA smelt_u16
#elif KERNEL_DTYPE == SMELT_DTYPE_I8
#define KERNEL_DATA smelt_i8
#else
#define KERNEL_DATA smelt_u8
#endif

uint[4] kernel_place(uint line, uint extent[3])
{
    return uint[4](line / extent[2] / extent[1], line / extent[2] % extent[1], line % extent[2], 0);
}
