// SPDX-License-Identifier: MIT
// norm_body.glsl: layer norm (KERNEL_CENTRED 1) or RMS norm (0) along lines of a tensor, or of a sum of two
// (KERNEL_ADDS 1). Compiled at run time by
// src/kernels_normalization.c, ahead of time for f32 and f16; macros as in line_body.glsl, which comes before.

// The push constants of src/kernels_normalization.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 x, y, gamma, beta; // addresses
    uint extent[3], n;
    uint stride_x[4], stride_y[4], stride_gamma, stride_beta; // 0: there is none
    float epsilon;
    uvec2 residual, sum; // addresses, 0: none; their elements lie as those of x
};

#define SMELT_TENSOR weight
#define SMELT_DTYPE KERNEL_DTYPE
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#define KERNEL_WEIGHT SMELT_CAT(SMELT_CAT(weight_, KERNEL_TAG), _1_r_0)

#define SMELT_NORM line
#define SMELT_NORM_CENTRED KERNEL_CENTRED
#define SMELT_NORM_ADDS KERNEL_ADDS
#define SMELT_NORM_SCOPE KERNEL_SCOPE
#define SMELT_NORM_TENSOR KERNEL_X
#define SMELT_NORM_RESULT KERNEL_Y
#define SMELT_NORM_WEIGHT KERNEL_WEIGHT
#define SMELT_NORM_DTYPE KERNEL_DTYPE
#define SMELT_NORM_RANK 4
#define SMELT_NORM_AXIS 3
#define SMELT_NORM_HELD 8
#define SMELT_NORM_GROUP KERNEL_GROUP
#define SMELT_NORM_SCRATCH kernel_scratch
#define SMELT_NORM_SCRATCH_STRIDE 0
#include "smelt/norm_line_tmpl.glsl"

KERNEL_WEIGHT weight(uvec2 address, uint stride)
{
    KERNEL_WEIGHT t;
    t.data = SMELT_CAT(KERNEL_DATA, _r_data)(address);
    t.extent = uint[1](stride != 0 ? n : 0);
    t.stride = uint[1](stride);
    return t;
}

void main()
{
    KERNEL_X source;
    source.data = SMELT_CAT(KERNEL_DATA, _r_data)(x);
    source.extent = uint[4](extent[0], extent[1], extent[2], n);
    source.stride = stride_x;
    KERNEL_Y result;
    result.data = SMELT_CAT(KERNEL_DATA, _w_data)(y);
    result.extent = source.extent;
    result.stride = stride_y;
    KERNEL_WEIGHT g = weight(gamma, stride_gamma), b = weight(beta, stride_beta);
#if KERNEL_ADDS
    KERNEL_X other;
    other.data = SMELT_CAT(KERNEL_DATA, _r_data)(residual);
    other.extent = source.extent;
    other.stride = stride_x;
    KERNEL_Y total;
    total.data = SMELT_CAT(KERNEL_DATA, _w_data)(sum);
    total.extent = sum != uvec2(0) ? source.extent : uint[4](0, 0, 0, 0);
    total.stride = stride_x;
#endif
    uint lines = extent[0] * extent[1] * extent[2];
    line_weights held = line_hold(g, b, n);
    for (uint line = KERNEL_FIRST; line < lines; line = KERNEL_NEXT(line)) {
#if KERNEL_ADDS
        line_line(source, other, total, result, kernel_place(line, extent), g, b, held, epsilon);
#else
        line_line(source, source, result, result, kernel_place(line, extent), g, b, held, epsilon);
#endif
    }
}
