// SPDX-License-Identifier: MIT
// The materials of the deferred path: each workgroup evaluates and shades pixels of one of them. deferred.c defines the
// channels as for material.frag, LATENT_COUNT of all materials here, STOCHASTIC, SELECT, LEVELS and MIP.
// What is no mesh stays as the host has cleared `lit`.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "smelt/base.glsl"
#include "smelt/deferred.glsl"
#include "shading.glsl"

layout(set = 1, binding = 0) uniform sampler2D latents[LATENT_COUNT];
layout(set = 1, binding = 1) uniform utexture2D samples;
layout(set = 1, binding = 2) uniform texture2D positions;
layout(set = 1, binding = 3) uniform texture2D normals;
layout(set = 1, binding = 4) uniform texture2D tangents;
layout(set = 1, binding = 5, rgba32f) uniform image2D lit;

#include "neural.glsl"

layout(local_size_x = neural_WORKGROUP_SIZE) in;

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer material_table
{
    neural_block e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer deferred_block
{
    smelt_deferred_group deferred;
    material_table materials;
    uint frame; // random numbers differ from frame to frame
    uint kept;  // frames in `lit` that this one is averaged with
};
layout(push_constant, scalar) uniform push
{
    deferred_block block;
};

uint random_state;
float random_unit() // PCG (Jarzynski and Olano 2020)
{
    random_state = random_state * 747796405u + 2891336453u;
    uint word = (random_state >> (random_state >> 28) + 4u ^ random_state) * 277803737u;
    return float(word >> 22 ^ word) * 2.3283064e-10;
}

// The latents of the workgroup's material. SELECT: by comparisons, for llvmpipe of Mesa 22.3, which samples another texture
// with an index that comes from memory.
vec4 latent_texel(uint i, vec2 at, float lod)
{
#if SELECT
    vec4 texel = vec4(0.0);
    for (uint k = 0u; k < LATENT_COUNT; k++)
        if (k == i)
            texel = textureLod(latents[k], at, lod);
    return texel;
#else
    return textureLod(latents[i], at, lod);
#endif
}

// STOCHASTIC: one texel, each with the probability of its weight in the filter (Fajardo et al. 2023, Stochastic Texture
// Filtering); the latents of one size take the same one. Materials of one architecture have latents of one size here.
vec3 random_offset;
vec4 neural_fetch(neural_block b, uint index, vec2 at, float lod)
{
#if STOCHASTIC
    int level = clamp(int(floor(lod + random_offset.z)), 0, textureQueryLevels(latents[index]) - 1);
    vec2 size = vec2(textureSize(latents[index], level));
    return latent_texel(b.latent[index], (floor(at * size - 0.5 + random_offset.xy) + 0.5) / size,
                        float(level));
#else
    return latent_texel(b.latent[index], at, lod);
#endif
}

void main()
{
    smelt_deferred_tile tile = smelt_deferred_find(block.deferred, gl_WorkGroupID.x);
    if (tile.count == 0u)
        return;
    neural_block b = block.materials.e[tile.material - block.deferred.first_material];
    neural_load(b);
    // Read before the pixel in front of it is evaluated: that hides what memory takes.
    uvec2 next =
        smelt_deferred_pixel(block.deferred, tile.first + min(gl_LocalInvocationIndex, tile.count - 1u));
    uvec4 texel = texelFetch(samples, ivec2(next), 0);
    for (uint at = 0u; at < tile.count; at += neural_WORKGROUP_SIZE) {
        uint i = at + gl_LocalInvocationIndex;
        uvec2 pixel = next;
        smelt_deferred_sample s = smelt_deferred_unpack(texel);
        next = smelt_deferred_pixel(block.deferred,
                                    tile.first + min(i + neural_WORKGROUP_SIZE, tile.count - 1u));
        texel = texelFetch(samples, ivec2(next), 0);
        random_state = (pixel.y * 65536u + pixel.x) * 747796405u + block.frame * 2654435761u;
        random_offset = vec3(random_unit(), random_unit(), random_unit());
        neural_surface material =
            LEVELS > 0 ? neural_eval_grad(b, s.uv, s.ddx, s.ddy) : neural_eval(b, s.uv, float(MIP));
        vec4 position = texelFetch(positions, ivec2(pixel), 0);
        surface_point p = mesh_point(texelFetch(normals, ivec2(pixel), 0).xyz,
                                     texelFetch(tangents, ivec2(pixel), 0), position.w > 0.0, NORMAL);
        set_channels(p, BASE_COLOR, ROUGHNESS, METALNESS, OCCLUSION);
        vec3 color = shade(p, position.xyz, vec2(pixel) + 0.5);
        if (i < tile.count) {
            vec4 before = block.kept > 0u ? imageLoad(lit, ivec2(pixel)) : vec4(0.0);
            imageStore(lit, ivec2(pixel), vec4(mix(before.rgb, color, 1.0 / float(block.kept + 1u)), 1.0));
        }
    }
}
