// SPDX-License-Identifier: MIT
// convolution2d_thread_body.glsl: d = activation(convolution of a by b + bias) on whole tensors: one invocation for
// KERNEL_CHANNELS channels of a pixel, by the op `conv` of THREAD scope, which the includer has made after
// convolution2d_constants.glsl. Compiled at run time by src/kernels_convolution2d.c, ahead of time too.
//
// KERNEL_DEPTHWISE is the includer's.
layout(local_size_x = 64) in;

#if KERNEL_INTEGER
#define SMELT_TENSOR result
#define SMELT_DTYPE KERNEL_RESULT_STORED
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"
#else
#define SMELT_TENSOR wide
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR narrow
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 4
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#define SMELT_EXTENT3 0
#include "smelt/tensor_tmpl.glsl"
#endif

layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer words_data
{
    uvec4 e[];
};

void main()
{
    KERNEL_IMAGE image = the_image();
    KERNEL_WEIGHT weight = the_weight();
    uvec4 extents = conv_extents(image, weight);
    // Blocks of channels do not cross from group to group, unless each channel is one.
    uint sections = KERNEL_DEPTHWISE != 0 ? 1 : groups, section = extents.w / sections;
    uint blocks = (section + KERNEL_CHANNELS - 1) / KERNEL_CHANNELS;
    uint index = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64 + gl_LocalInvocationIndex;
    uint block = index % blocks, rest = index / blocks, pixel = rest / sections;
    if (pixel >= extents.x * extents.y * extents.z)
        return;
    uint first = rest % sections * section + block * KERNEL_CHANNELS;
    uint x = pixel % extents.z, y = pixel / extents.z % extents.y, n = pixel / extents.z / extents.y;
    conv_result result = conv_run(image, weight, uvec4(n, y, x, first));
#if KERNEL_IMAGE_LAYOUT == SMELT_LAYOUT_NHWC
    uint at = n * stride_d[0] + y * stride_d[1] + x * stride_d[2] + first * stride_d[3], step = stride_d[3];
#else
    uint at = n * stride_d[0] + first * stride_d[1] + y * stride_d[2] + x * stride_d[3], step = stride_d[1];
#endif
#if KERNEL_CHANNELS == 8 && !KERNEL_INTEGER
    if (d_is_whole != 0) {
        words_data(d).e[at / 8] =
            uvec4(packHalf2x16(vec2(result.v[0], result.v[1])), packHalf2x16(vec2(result.v[2], result.v[3])),
                  packHalf2x16(vec2(result.v[4], result.v[5])), packHalf2x16(vec2(result.v[6], result.v[7])));
        return;
    }
#endif
#if KERNEL_INTEGER
    KERNEL_RESULT_TENSOR t;
    t.data = KERNEL_RESULT_DATA(d);
#else
    wide_f32_4_w_0x0x0x0 w;
    w.data = smelt_f32_w_data(d);
    narrow_f16_4_w_0x0x0x0 h;
    h.data = smelt_u16_w_data(d);
#endif
    [[unroll]] for (uint j = 0; j < KERNEL_CHANNELS; j++)
    {
        if (block * KERNEL_CHANNELS + j >= section)
            break;
#if KERNEL_INTEGER
        smelt_store_at(t, at + j * step, KERNEL_RESULT_VALUE(result.v[j]));
#else
        if (KERNEL_D_IS_F32)
            smelt_store_at(w, at + j * step, result.v[j]);
        else
            smelt_store_at(h, at + j * step, result.v[j]);
#endif
    }
}
