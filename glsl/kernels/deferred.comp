// SPDX-License-Identifier: MIT
// deferred.comp: lists the pixels of each material: counts them and adds up, then places them.
//
// what    see smelt_encode_deferred (include/smelt/deferred.h); a workgroup takes TILE x TILE pixels. Where all of them are of
//         one material, as most are, pass 0 notes it and pass 1 needs to read no pixel; elsewhere each pixel is counted by
//         itself. The last workgroup of pass 0 adds up too and leaves the counters 0 for the next frame
// params  specialization constant: the pass; push constants: see struct push in src/deferred.c
// errors  none (no arithmetic). The order within a material differs from run to run; what is computed for a pixel does not
// needs   bufferDeviceAddress
#version 460
#extension GL_EXT_samplerless_texture_functions : require
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"

const uint WORKGROUP = 128, TILE = 32, MOST = 1024, EACH = MOST / WORKGROUP, OWN = TILE * TILE / WORKGROUP;
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint pass = 0;
layout(set = 0, binding = 0) uniform utexture2D samples;

layout(buffer_reference, scalar, buffer_reference_align = 4) coherent buffer word_reference
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer constant_reference
{
    uint e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer list_reference
{
    uint e[];
};
layout(push_constant, scalar) uniform push_block
{
    word_reference counts,     // [materials], then the workgroups that have counted
        firsts, tiles, places, // [materials], of firsts and tiles one more
        dispatches,            // [group_count][3]
        noted;                 // [workgroups]: their material, or MIXED
    list_reference list;       // of pixels
    constant_reference groups; // of each: its first material, pixels of a tile
    uint materials, group_count, width, height;
}
push;

const uint NONE = ~0u, MIXED = ~1u;
shared uint of_bin[MOST + 1], tiles_of_bin[MOST + 1];
shared uvec2 sums[WORKGROUP];
shared uint agreed;
shared bool differs, last;

// Pixel i of an invocation. 32 invocations that follow each other have 8 x 4 pixels, which the caller's fetches like too.
uvec2 pixel_at(uint i)
{
    uint t = i * WORKGROUP + gl_LocalInvocationIndex, block = t / 32u;
    return gl_WorkGroupID.xy * TILE + uvec2(block % 4u * 8u + t % 8u, block / 4u * 4u + t / 8u % 4u);
}

// `materials` and above: none.
uint material_at(uint i)
{
    uvec2 pixel = pixel_at(i);
    if (pixel.x >= push.width || pixel.y >= push.height)
        return NONE;
    return (texelFetch(samples, ivec2(pixel), 0).z & 0xffffu) - 1u;
}

uint workgroup_index()
{
    return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}

// The workgroup's pixels of each material in of_bin, and each own pixel's number among them.
void rank(uint materials[OWN], out uint ranks[OWN])
{
    for (uint i = gl_LocalInvocationIndex; i < push.materials; i += WORKGROUP)
        of_bin[i] = 0u;
    barrier();
    [[unroll]] for (uint i = 0u; i < OWN; i++) ranks[i] =
        materials[i] < push.materials ? atomicAdd(of_bin[materials[i]], 1u) : 0u;
    barrier();
}

// What all of the workgroup's pixels are of, or MIXED.
uint common_material(uint materials[OWN])
{
    if (gl_LocalInvocationIndex == 0u) {
        agreed = materials[0];
        differs = false;
    }
    barrier();
    bool same = true;
    [[unroll]] for (uint i = 0u; i < OWN; i++) same = same && materials[i] == agreed;
    if (!same)
        differs = true;
    barrier();
    return differs ? MIXED : agreed;
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
        uint pixels = atomicExchange(push.counts.e[i], 0u), tile = tile_of(i);
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

void count()
{
    uint materials[OWN], ranks[OWN];
    [[unroll]] for (uint i = 0u; i < OWN; i++) materials[i] = material_at(i);
    uint all = common_material(materials);
    if (all == MIXED) {
        rank(materials, ranks);
        for (uint i = gl_LocalInvocationIndex; i < push.materials; i += WORKGROUP)
            if (of_bin[i] > 0u)
                atomicAdd(push.counts.e[i], of_bin[i]);
    }
    if (gl_LocalInvocationIndex == 0u) {
        push.noted.e[workgroup_index()] = all;
        if (all < push.materials)
            atomicAdd(push.counts.e[all], TILE * TILE);
    }
    memoryBarrierBuffer();
    barrier();
    if (gl_LocalInvocationIndex == 0u)
        last = atomicAdd(push.counts.e[push.materials], 1u) == gl_NumWorkGroups.x * gl_NumWorkGroups.y - 1u;
    barrier();
    if (last) {
        memoryBarrierBuffer();
        if (gl_LocalInvocationIndex == 0u)
            atomicExchange(push.counts.e[push.materials], 0u);
        add_up();
    }
}

void list_pixel(uint at, uint i)
{
    uvec2 pixel = pixel_at(i);
    push.list.e[at] = pixel.x | pixel.y << 16u;
}

void place()
{
    uint all = push.noted.e[workgroup_index()];
    if (all == MIXED) {
        uint materials[OWN], ranks[OWN];
        [[unroll]] for (uint i = 0u; i < OWN; i++) materials[i] = material_at(i);
        rank(materials, ranks);
        for (uint i = gl_LocalInvocationIndex; i < push.materials; i += WORKGROUP)
            if (of_bin[i] > 0u)
                of_bin[i] = atomicAdd(push.places.e[i], of_bin[i]);
        barrier();
        [[unroll]] for (uint i = 0u; i < OWN; i++) if (materials[i] < push.materials)
            list_pixel(of_bin[materials[i]] + ranks[i], i);
    } else if (all < push.materials) {
        if (gl_LocalInvocationIndex == 0u)
            agreed = atomicAdd(push.places.e[all], TILE * TILE);
        barrier();
        [[unroll]] for (uint i = 0u; i < OWN; i++)
            list_pixel(agreed + i * WORKGROUP + gl_LocalInvocationIndex, i);
    }
}

void main()
{
    if (pass == 0u)
        count();
    else
        place();
}
