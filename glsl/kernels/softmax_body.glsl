// SPDX-License-Identifier: MIT
// softmax_body.glsl: softmax or log-softmax of scale x + mask along lines of a tensor. Compiled at run time by
// src/kernels_normalization.c, ahead of time for f32 and f16; macros as in line_body.glsl, which comes before.
layout(constant_id = 1) const uint logarithm = 0;
layout(constant_id = 2) const uint has_mask = 0;

// The push constants of src/kernels_normalization.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 x, y, mask; // addresses
    uint extent[3], n;
    uint stride_x[4], stride_y[4], stride_mask[4];
    float scale;
};

float line_map(float v, uint place[4])
{
    v *= scale;
    if (has_mask != 0) {
        KERNEL_X t;
        t.data = SMELT_CAT(KERNEL_DATA, _r_data)(mask);
        t.extent = uint[4](extent[0], extent[1], extent[2], n);
        t.stride = stride_mask;
        v += smelt_load_unchecked(t, place);
    }
    return v;
}

#define SMELT_SOFTMAX line
#define SMELT_SOFTMAX_LOGARITHM logarithm
#define SMELT_SOFTMAX_SCOPE KERNEL_SCOPE
#define SMELT_SOFTMAX_TENSOR KERNEL_X
#define SMELT_SOFTMAX_RESULT KERNEL_Y
#define SMELT_SOFTMAX_DTYPE KERNEL_DTYPE
#define SMELT_SOFTMAX_RANK 4
#define SMELT_SOFTMAX_AXIS 3
#define SMELT_SOFTMAX_MAP 1
#define SMELT_SOFTMAX_HELD 8
#define SMELT_SOFTMAX_GROUP KERNEL_GROUP
#define SMELT_SOFTMAX_SCRATCH kernel_scratch
#define SMELT_SOFTMAX_SCRATCH_STRIDE 0
#include "smelt/softmax_tmpl.glsl"

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
    uint lines = extent[0] * extent[1] * extent[2];
    for (uint line = KERNEL_FIRST; line < lines; line = KERNEL_NEXT(line))
        line_run(source, result, kernel_place(line, extent));
}
