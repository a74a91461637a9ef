// SPDX-License-Identifier: MIT
// smelt material distill, a batch: places drawn from (seed, steps taken, sample), the teacher's answers, and the encoded
// places.
#version 460
#include "smelt/base.glsl"
#include "distill_random.glsl"
#include "domain.glsl"
#include "teacher.glsl"

layout(local_size_x = 64) in;

#define SMELT_TENSOR rows
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"

#define SMELT_TENSOR state
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer sample_block
{
    rows_f32_2_w_0x0 features, targets;
    state_f32_1_r_0 state;
    uint seed, first; // the dispatch's first sample
};
layout(push_constant, scalar) uniform push
{
    sample_block block;
};

void main()
{
    uint i = block.first + gl_GlobalInvocationID.x;
    rows_f32_2_w_0x0 features = block.features, targets = block.targets;
    state_f32_1_r_0 state = block.state;
    if (i >= smelt_extent(features, 0))
        return;
    float t[INPUTS], x[INPUTS], f[FEATURES], y[OUTPUTS];
    random_place(block.seed, uint(smelt_load(state, 0)), i, t);
    domain_place(t, x);
    domain_encode(t, f);
    teacher(x, y);
    for (uint k = 0; k < FEATURES; k++)
        smelt_store(features, i, k, f[k]);
    for (uint k = 0; k < OUTPUTS; k++)
        smelt_store(targets, i, k, y[k]);
}
