// SPDX-License-Identifier: MIT
// Several networks and tensors of different shape in one fragment shader, beside a stranger's names.
// capabilities: Shader ImageQuery StorageBuffer16BitAccess StorageBuffer8BitAccess PhysicalStorageBufferAddresses
#version 460
#define N 7
#define K 5
#define M 3
#define T float
#define TILE 8
#define PI 3.14159265
#define SIZE 4
#define ROWS 2
#define PAIRS 1
#define DATA 0
#define RELU(x) max(x, 0.0)

float load(uint i)
{
    return float(i);
}
void store(uint i, float v)
{
}
float relu(float x)
{
    return RELU(x);
}
float extent(vec4 t)
{
    return t.x;
}
struct tensor {
    vec4 data;
    uint extent, stride;
};
const int layer0 = 3;

#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"

#define SMELT_MLP sky
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 1
#define SMELT_MLP_WIDTH0 K
#define SMELT_MLP_WIDTH1 N
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_SIGMOID
#define SMELT_MLP_BIAS 0
#define SMELT_MLP_STORED SMELT_DTYPE_F8E5M2
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_ROW_MAJOR
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_tmpl.glsl"

#define SMELT_MLP skin
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 8
#define SMELT_MLP_WIDTH0 7
#define SMELT_MLP_WIDTH1 16
#define SMELT_MLP_WIDTH2 12
#define SMELT_MLP_WIDTH3 10
#define SMELT_MLP_WIDTH4 9
#define SMELT_MLP_WIDTH5 8
#define SMELT_MLP_WIDTH6 4
#define SMELT_MLP_WIDTH7 2
#define SMELT_MLP_WIDTH8 1
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_ACTIVATION1 SMELT_ACTIVATION_LEAKY_RELU
#define SMELT_MLP_ACTIVATION2 SMELT_ACTIVATION_SILU
#define SMELT_MLP_ACTIVATION3 SMELT_ACTIVATION_GELU
#define SMELT_MLP_ACTIVATION4 SMELT_ACTIVATION_TANH
#define SMELT_MLP_ACTIVATION5 SMELT_ACTIVATION_EXP
#define SMELT_MLP_ACTIVATION6 SMELT_ACTIVATION_SOFTPLUS
#define SMELT_MLP_ACTIVATION7 SMELT_ACTIVATION_SINE
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_OPTIMAL
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_tmpl.glsl"

#define SMELT_TENSOR probe
#define SMELT_DTYPE SMELT_DTYPE_I4
#define SMELT_RANK 3
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 N
#include "smelt/tensor_tmpl.glsl"

// The same name with another shape is another type.
#define SMELT_TENSOR probe
#define SMELT_DTYPE SMELT_DTYPE_I4
#define SMELT_RANK 3
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 0
#include "smelt/tensor_tmpl.glsl"

layout(set = 0, binding = 0) uniform sampler2D latent;
ivec2 latent_size(int source, int mip)
{
    return textureSize(latent, mip);
}
vec4 latent_texel(int source, ivec2 p, int mip)
{
    return texelFetch(latent, p, mip);
}
#define SMELT_BILINEAR latent_filtered
#define SMELT_BILINEAR_SOURCE int
#define SMELT_BILINEAR_SIZE latent_size
#define SMELT_BILINEAR_TEXEL latent_texel
#include "smelt/bilinear_tmpl.glsl"
#include "smelt/encoding.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer scene_block
{
    sky_weights sky;
    skin_weights skin;
    probe_i4_3_r_0x0x7 near_probe;
    probe_i4_3_r_0x0x0 far_probe;
};
layout(push_constant, scalar) uniform push
{
    scene_block block;
};
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 color;

void main()
{
    vec4 l = latent_filtered(0, uv, 1.5, 4);
    sky_input x;
    smelt_fill(x, 0.0);
    for (int i = 0; i < 4; i++)
        smelt_set(x, i, l[i]);
    sky_output y = sky_run(block.sky, x);
    skin_input z;
    for (int i = 0; i < 7; i++)
        smelt_set(z, i, smelt_get(y, i) + smelt_encode_one_blob(uv.x, i, 8));
    color = vec4(smelt_get(skin_run(block.skin, z), 0), load(1u), relu(PI), extent(vec4(TILE)));
    float harmonics[64];
    smelt_encode_spherical_harmonics(vec3(0.0, 0.6, 0.8), 4, harmonics);
    color.y += harmonics[15] + smelt_frequency(uv).w + smelt_encode_triangle_wave(uv.y, 3);
    color.z += float(smelt_load(block.near_probe, 1, 2, 3) + smelt_load(block.far_probe, 1, 2, 3));
    probe_i4_3_r_0x0x7_slice s = smelt_slice(block.near_probe, 0, 2, 0, 4, 4, 4);
    color.w += float(smelt_load(s, 1, 1, 1));
}
