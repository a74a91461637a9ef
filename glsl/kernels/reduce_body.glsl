// SPDX-License-Identifier: MIT
// reduce_body.glsl: lines of a tensor reduced, in one dispatch or in parts and a second one. Compiled at run time by
// src/kernels_reduction.c, ahead of time for f32 and f16; macros as in line_body.glsl, which comes before.
layout(constant_id = 1) const int line_kind = 1;  // SMELT_REDUCE_x
layout(constant_id = 2) const uint stage = 0;     // 0: lines to y; 1: parts to the scratch; 2: those to y
layout(constant_id = 3) const uint y_is_word = 1; // y: f32, i32 or u32; 0: as x
layout(constant_id = 4) const uint gives_index = 0;

// The push constants of src/kernels_reduction.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 x, y, states; // addresses
    uint extent[3], n;
    uint stride_x[4], stride_y[3];
    uint parts;
};

#define SMELT_REDUCE line
#define SMELT_REDUCE_KIND SMELT_REDUCE_SPECIALIZED
#define SMELT_REDUCE_SCOPE KERNEL_SCOPE
#define SMELT_REDUCE_TENSOR KERNEL_X
#define SMELT_REDUCE_DTYPE KERNEL_DTYPE
#define SMELT_REDUCE_RANK 4
#define SMELT_REDUCE_AXIS 3
#define SMELT_REDUCE_MAP 0
#define SMELT_REDUCE_GROUP KERNEL_GROUP
#define SMELT_REDUCE_SCRATCH kernel_scratch
#define SMELT_REDUCE_SCRATCH_STRIDE 0
#include "smelt/reduce_tmpl.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer states_data
{
    uvec2 e[];
};

void put(line_state s, uint line)
{
    uint place[4] = kernel_place(line, extent);
    uint at = place[0] * stride_y[0] + place[1] * stride_y[1] + place[2] * stride_y[2];
    if (gives_index != 0) {
        smelt_u32_w_data(y).e[at] = line_index(s);
        return;
    }
#if KERNEL_DTYPE <= SMELT_DTYPE_F8E5M2
    float v = line_value(s, n);
    if (y_is_word != 0) {
        smelt_f32_w_data(y).e[at] = v;
        return;
    }
    KERNEL_Y t;
    t.data = SMELT_CAT(KERNEL_DATA, _w_data)(y);
    smelt_store_at(t, at, v);
#else
    if (line_kind == SMELT_REDUCE_MEAN || line_kind == SMELT_REDUCE_LOG_SUM_EXP)
        smelt_f32_w_data(y).e[at] = line_real(s, n);
    else
        smelt_u32_w_data(y).e[at] = uint(line_value(s, n));
#endif
}

void main()
{
    KERNEL_X t;
    t.data = SMELT_CAT(KERNEL_DATA, _r_data)(x);
    t.extent = uint[4](extent[0], extent[1], extent[2], n);
    t.stride = stride_x;
    uint lines = extent[0] * extent[1] * extent[2];
    uint units = stage == 1 ? lines * parts : lines;
    for (uint unit = KERNEL_FIRST; unit < units; unit = KERNEL_NEXT(unit)) {
        uint line = unit % lines, part = unit / lines;
        line_state s = line_none();
        if (stage == 2) {
            for (uint p = line_group_thread(); p < parts; p += line_group_size)
                s = line_merge(s, line_unpack(states_data(states).e[p * lines + line]));
            s = line_gather(s);
        } else {
            s = line_part(t, kernel_place(line, extent), part, stage == 1 ? parts : 1);
        }
        if (line_group_thread() != 0)
            continue;
        if (stage == 1)
            states_data(states).e[unit] = line_pack(s);
        else
            put(s, line);
    }
}
