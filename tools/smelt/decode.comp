// SPDX-License-Identifier: MIT
// smelt material decode: the stored values of every texel, a row of outputs each. The module "decode.glsl" is
// generated from the material; OUTPUTS is the number of the network's outputs, LATENTS of its textures.
#version 460
#include "smelt/base.glsl"

layout(set = 0, binding = 0) uniform texture2D latents[LATENTS];
layout(local_size_x = 8, local_size_y = 8) in;

// The latent fetch is done here in f32: samplers may interpolate with as few as 8 bits.
vec4 texel(uint index, ivec2 at, int mip)
{
    return texelFetch(latents[index], at, mip);
}
ivec2 texel_size(uint index, int mip)
{
    return textureSize(latents[index], mip);
}
#define SMELT_NAME bilinear
#define SMELT_TEXEL texel
#define SMELT_TEXEL_SIZE texel_size
#include "smelt/bilinear_tmpl.glsl"

#define SMELT_MATERIAL_FETCH(block, index, uv, lod) bilinear(index, uv, lod)
#include "decode.glsl"

#define SMELT_TENSOR decoded
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 3
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 OUTPUTS
#include "smelt/tensor_tmpl.glsl"
