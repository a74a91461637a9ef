// SPDX-License-Identifier: MIT
// smelt material decode: the stored values at the points of a grid, a band of rows at a time. "surface.glsl" is the material's
// generated module; OUTPUTS is the number of the network's outputs, LATENTS that of its textures, CLAMP whether they end at
// their edges. TILE: the points of a workgroup, which evaluates them together as a deferred material; 0: each invocation for
// itself.
#version 460
#include "smelt/base.glsl"
#extension GL_EXT_samplerless_texture_functions : require

layout(set = 0, binding = 0) uniform texture2D latents[LATENTS];

#include "surface.glsl"

#if TILE > 0
layout(local_size_x = surface_WORKGROUP_SIZE) in;
#else
layout(local_size_x = 8, local_size_y = 8) in;
#endif

#define SMELT_TENSOR decoded
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer decode_block
{
    surface_block material;
    decoded_f32_2_w_0x0 points;
    vec2 origin, step;
    float lod;
    uint width, first_row, rows;
};
layout(push_constant, scalar) uniform push
{
    decode_block block;
};

// The latents are interpolated here in f32: a sampler may do it with as few as 8 bits.
vec4 latent_texel(uint index, ivec2 at, int mip)
{
    return texelFetch(latents[index], at, mip);
}
ivec2 latent_size(uint index, int mip)
{
    return textureSize(latents[index], mip);
}
#define SMELT_BILINEAR latent_bilinear
#define SMELT_BILINEAR_SOURCE uint
#define SMELT_BILINEAR_SIZE latent_size
#define SMELT_BILINEAR_TEXEL latent_texel
#include "smelt/bilinear_tmpl.glsl"

vec4 surface_fetch(surface_block material, uint index, vec2 uv, float lod)
{
#if CLAMP
    // No nearer to an edge than half a texel, there are no two texels to mix.
    float level = clamp(lod, 0.0, float(textureQueryLevels(latents[index]) - 1));
    int mip = int(level);
    vec2 near = 0.5 / vec2(textureSize(latents[index], mip));
    vec4 fine = latent_bilinear(index, clamp(uv, near, 1.0 - near), mip);
    if (level == float(mip))
        return fine;
    vec2 far = 0.5 / vec2(textureSize(latents[index], mip + 1));
    return mix(fine, latent_bilinear(index, clamp(uv, far, 1.0 - far), mip + 1), level - float(mip));
#else
    return latent_bilinear(index, uv, lod, textureQueryLevels(latents[index]));
#endif
}

// The point, and whether its values are kept.
void evaluate(surface_block material, uvec2 at, bool kept)
{
    vec2 uv = block.origin + (vec2(at.x, block.first_row + at.y) + 0.5) * block.step;
    float y[OUTPUTS];
    decoded_f32_2_w_0x0 points = block.points;
    surface_eval_raw(material, uv, block.lod, y);
    for (uint c = 0; c < OUTPUTS && kept; c++)
        smelt_store(points, at.y * block.width + at.x, c, y[c]);
}

void main()
{
    surface_block material = block.material; // a copy: an argument may not drop "readonly"
#if TILE > 0
    surface_load(material);
    for (uint i = 0; i < TILE; i += surface_WORKGROUP_SIZE) {
        uint point = gl_WorkGroupID.x * TILE + i + gl_LocalInvocationIndex;
        bool kept = i + gl_LocalInvocationIndex < TILE && point < block.width * block.rows;
        evaluate(material, uvec2(point % block.width, point / block.width), kept);
    }
#else
    uvec2 at = gl_GlobalInvocationID.xy;
    if (at.x < block.width && at.y < block.rows)
        evaluate(material, at, true);
#endif
}
