// SPDX-License-Identifier: MIT
// smelt material distill, afterwards: what the teacher (NETWORK 0) or the network of the package (NETWORK 1) says at places that
// no step has drawn.
#version 460
#include "smelt/base.glsl"
#include "distill_random.glsl"
#if NETWORK == 1
#include "smelt/op/net.glsl"
#include "net_encoding.glsl"
#else
#include "domain.glsl"
#include "teacher.glsl"
#endif

layout(local_size_x = 64) in;

#define SMELT_TENSOR rows
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer evaluate_block
{
    rows_f32_2_w_0x0 results;
    uint seed, first; // the dispatch's first sample
#if NETWORK == 1
    net_weights net;
#endif
};
layout(push_constant, scalar) uniform push
{
    evaluate_block block;
};

void main()
{
    uint i = block.first + gl_GlobalInvocationID.x;
    rows_f32_2_w_0x0 results = block.results;
    if (i >= smelt_extent(results, 0))
        return;
    float t[INPUTS];
    random_place(block.seed, 0xffffffffu, i, t);
#if NETWORK == 1
    net_output y = net_run(block.net, net_encode(t));
    for (int k = 0; k < OUTPUTS; k++)
        smelt_store(results, i, uint(k), float(smelt_get(y, k)));
#else
    float x[INPUTS], y[OUTPUTS];
    domain_place(t, x);
    teacher(x, y);
    for (uint k = 0; k < OUTPUTS; k++)
        smelt_store(results, i, k, y[k]);
#endif
}
