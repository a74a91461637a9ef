// SPDX-License-Identifier: MIT
// bc7.comp: an image of RGBA bytes to BC7 blocks, one by each invocation; texels past an edge repeat it.
//
// what    see smelt_encode_bc7 (include/smelt/image.h)
// params  push constants: see struct push in src/kernels_bc7.c
// errors  see smelt/bc7.glsl
// needs   bufferDeviceAddress
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#include "smelt/bc7.glsl"

layout(local_size_x = 64) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer texel_reference
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer block_reference
{
    uvec4 e[];
};
layout(push_constant, scalar) uniform push_block
{
    texel_reference texels;
    block_reference blocks;
    uint width, height;
    uint row; // texels from one row to the next
}
push;

void main()
{
    uint across = (push.width + 3u) / 4u;
    uvec2 block = uvec2(gl_GlobalInvocationID.x, gl_WorkGroupID.y), corner = 4u * block;
    if (block.x >= across)
        return;
    vec4 texels[16];
    for (uint t = 0u; t < 16u; t++) {
        uvec2 at = min(corner + uvec2(t & 3u, t >> 2u), uvec2(push.width, push.height) - 1u);
        uint word = push.texels.e[at.y * push.row + at.x];
        texels[t] = vec4(word & 255u, word >> 8 & 255u, word >> 16 & 255u, word >> 24);
    }
    push.blocks.e[block.y * across + block.x] = smelt_bc7_encode(texels);
}
