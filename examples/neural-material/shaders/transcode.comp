// SPDX-License-Identifier: MIT
// A material's channels at every texel of its source, as the bytes of three textures. transcode.c defines the channels and MIP
// as for material.frag.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "smelt/base.glsl"

layout(set = 0, binding = 0) uniform sampler2D latents[LATENT_COUNT];
layout(local_size_x = 8, local_size_y = 8) in;

#include "neural.glsl"

vec4 neural_fetch(neural_block b, uint index, vec2 at, float lod)
{
    return textureLod(latents[index], at, lod);
}

layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer rgba_bytes
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer material_table
{
    neural_block e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer map_table
{
    rgba_bytes color, normal, orm; // sRGB; (n + 1) / 2; occlusion, roughness, metalness
};
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer transcode_block
{
    material_table material;
    map_table maps;
    uvec2 size;
};
layout(push_constant, scalar) uniform push
{
    transcode_block block;
};

vec3 srgb(vec3 v)
{
    return mix(1.055 * pow(v, vec3(1.0 / 2.4)) - 0.055, 12.92 * v, lessThanEqual(v, vec3(0.0031308)));
}

void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    if (any(greaterThanEqual(at, block.size)))
        return;
    neural_block b = block.material.e[0]; // a copy: an argument may not drop "readonly"
    neural_surface material = neural_eval(b, (vec2(at) + 0.5) / vec2(block.size), float(MIP));
    uint i = at.y * block.size.x + at.x;
    map_table maps = block.maps;
    maps.color.e[i] = packUnorm4x8(vec4(srgb(clamp(BASE_COLOR, 0.0, 1.0)), 1.0));
    maps.normal.e[i] = packUnorm4x8(vec4(NORMAL * 0.5 + 0.5, 1.0));
    maps.orm.e[i] = packUnorm4x8(vec4(OCCLUSION, ROUGHNESS, METALNESS, 1.0));
}
