// SPDX-License-Identifier: MIT
// The network of a neural material by cooperative vectors.
// capabilities: Shader Float16 StorageBuffer16BitAccess VulkanMemoryModel PhysicalStorageBufferAddresses CooperativeVectorNV ReplicatedCompositesEXT
// bytes: 65536
// seconds: 5
// extension: GL_NV_cooperative_vector
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_COOPVEC
#include "smelt/base.glsl"
#define SMELT_MLP net
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 3
#define SMELT_MLP_WIDTH0 32
#define SMELT_MLP_WIDTH1 64
#define SMELT_MLP_WIDTH2 64
#define SMELT_MLP_WIDTH3 9
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_ACTIVATION1 SMELT_ACTIVATION_RELU
#define SMELT_MLP_ACTIVATION2 SMELT_ACTIVATION_NONE
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F16
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F16
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MLP_BACKEND SMELT_BACKEND_COOPVEC
#include "smelt/mlp_tmpl.glsl"
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer net_block
{
    net_weights net;
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer in_data
{
    float e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer out_data
{
    float e[];
};
layout(push_constant, scalar) uniform push
{
    net_block block;
    in_data x;
    out_data y;
}
p;
layout(local_size_x = 64) in;
void main()
{
    uint i = gl_GlobalInvocationID.x;
    net_input x;
    [[unroll]] for (int k = 0; k < 32; k++) smelt_set(x, k, p.x.e[i * 32 + k]);
    net_output y = net_run(p.block.net, x);
    [[unroll]] for (int k = 0; k < 9; k++) p.y.e[i * 9 + k] = smelt_get(y, k);
}
