// SPDX-License-Identifier: MIT
// deferred.comp: lists the pixels of each material: counts them, adds up, places them.
//
// what    see smelt_encode_deferred (include/smelt/deferred.h); a workgroup of passes 0 and 2 takes TILE x TILE pixels, pass 1
//         is one workgroup
// params  specialization constant: the pass; push constants: see struct push in src/deferred.c
// errors  none (no arithmetic). The order within a material differs from run to run; what is computed for a pixel does not
// needs   bufferDeviceAddress
#version 460
#extension GL_EXT_samplerless_texture_functions : require
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"

const uint WORKGROUP = 128, TILE = 32, MOST = 1024, EACH = MOST / WORKGROUP;
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint pass = 0;
layout(set = 0, binding = 0) uniform utexture2D samples;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer word_reference
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer constant_reference
{
    uint e[];
};
layout(push_constant, scalar) uniform push_block
{
    word_reference counts, firsts, tiles, places, dispatches,
        list;                  // [materials] and, of firsts and tiles, one more
    constant_reference groups; // of each: its first material, pixels of a tile
    uint materials, group_count, width, height;
}
push;

shared uint of_bin[MOST + 1], tiles_of_bin[MOST + 1];
shared uvec2 sums[WORKGROUP];

// The material of a pixel of the workgroup; `materials` and above: none.
uint material_at(uint i, out uvec2 pixel)
{
    uint t = i * WORKGROUP + gl_LocalInvocationIndex;
    pixel = gl_WorkGroupID.xy * TILE + uvec2(t % TILE, t / TILE);
    if (pixel.x >= push.width || pixel.y >= push.height)
        return ~0u;
    return (texelFetch(samples, ivec2(pixel), 0).z & 0xffffu) - 1u;
}

// The workgroup's pixels of each material, and each pixel's number among them.
void rank(out uint materials[TILE * TILE / WORKGROUP], out uint ranks[TILE * TILE / WORKGROUP])
{
    uvec2 pixel;
    for (uint i = gl_LocalInvocationIndex; i < push.materials; i += WORKGROUP)
        of_bin[i] = 0u;
    barrier();
    [[unroll]] for (uint i = 0u; i < TILE * TILE / WORKGROUP; i++)
    {
        materials[i] = material_at(i, pixel);
        ranks[i] = materials[i] < push.materials ? atomicAdd(of_bin[materials[i]], 1u) : 0u;
    }
    barrier();
}

void count()
{
    uint materials[TILE * TILE / WORKGROUP], ranks[TILE * TILE / WORKGROUP];
    rank(materials, ranks);
    for (uint i = gl_LocalInvocationIndex; i < push.materials; i += WORKGROUP)
        if (of_bin[i] > 0u)
            atomicAdd(push.counts.e[i], of_bin[i]);
}

uint tile_of(uint material)
{
    uint tile = push.groups.e[1];
    for (uint g = 1u; g < push.group_count; g++)
        tile = material >= push.groups.e[2u * g] ? push.groups.e[2u * g + 1u] : tile;
    return tile;
}

// Pixels and tiles before each material.
void add_up()
{
    uint local = gl_LocalInvocationIndex, begin = local * EACH;
    uvec2 sum = uvec2(0u);
    for (uint i = begin; i < min(begin + EACH, push.materials); i++) {
        uint pixels = push.counts.e[i], tile = tile_of(i);
        of_bin[i] = pixels;
        tiles_of_bin[i] = (pixels + tile - 1u) / tile;
        sum += uvec2(pixels, tiles_of_bin[i]);
    }
    sums[local] = sum;
    barrier();
    for (uint step = 1u; step < WORKGROUP; step *= 2u) { // Hillis and Steele 1986
        uvec2 before = local >= step ? sums[local - step] : uvec2(0u);
        barrier();
        sums[local] += before;
        barrier();
    }
    uvec2 before = sums[local] - sum;
    for (uint i = begin; i < min(begin + EACH, push.materials); i++) {
        uvec2 own = uvec2(of_bin[i], tiles_of_bin[i]);
        push.firsts.e[i] = before.x;
        push.places.e[i] = before.x;
        push.tiles.e[i] = before.y;
        tiles_of_bin[i] = before.y;
        before += own;
    }
    if (local == 0u) {
        tiles_of_bin[push.materials] = sums[WORKGROUP - 1u].y;
        push.firsts.e[push.materials] = sums[WORKGROUP - 1u].x;
        push.tiles.e[push.materials] = sums[WORKGROUP - 1u].y;
    }
    barrier();
    for (uint g = local; g < push.group_count; g += WORKGROUP) {
        uint end = push.materials;
        if (g + 1u < push.group_count)
            end = push.groups.e[2u * g + 2u];
        push.dispatches.e[3u * g] = tiles_of_bin[end] - tiles_of_bin[push.groups.e[2u * g]];
        push.dispatches.e[3u * g + 1u] = 1u;
        push.dispatches.e[3u * g + 2u] = 1u;
    }
}

void place()
{
    uint materials[TILE * TILE / WORKGROUP], ranks[TILE * TILE / WORKGROUP];
    uvec2 pixel;
    rank(materials, ranks);
    for (uint i = gl_LocalInvocationIndex; i < push.materials; i += WORKGROUP)
        if (of_bin[i] > 0u)
            of_bin[i] = atomicAdd(push.places.e[i], of_bin[i]);
    barrier();
    [[unroll]] for (uint i = 0u; i < TILE * TILE / WORKGROUP; i++)
    {
        uint t = i * WORKGROUP + gl_LocalInvocationIndex;
        pixel = gl_WorkGroupID.xy * TILE + uvec2(t % TILE, t / TILE);
        if (materials[i] < push.materials)
            push.list.e[of_bin[materials[i]] + ranks[i]] = pixel.x | pixel.y << 16u;
    }
}

void main()
{
    if (pass == 0u)
        count();
    else if (pass == 1u)
        add_up();
    else
        place();
}
