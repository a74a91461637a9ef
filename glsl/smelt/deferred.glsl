// SPDX-License-Identifier: MIT
// deferred.glsl: materials evaluated after the render pass: what a fragment shader leaves for each pixel, and which pixels a
// workgroup of the compute pass takes.
//
// what    a fragment shader writes smelt_deferred_pack to an attachment of R32G32B32A32_UINT, cleared to 0; smelt_encode_deferred
//         (include/smelt/deferred.h) lists the pixels of each material and dispatches a compute shader for each architecture,
//         whose workgroups each take pixels of one material only
// params  none
// makes   uvec4 smelt_deferred_pack(uint material, vec2 uv, vec2 ddx, vec2 ddy)   material to 65534; the derivatives of uv
//         struct smelt_deferred_sample { uint material; vec2 uv, ddx, ddy; }
//         smelt_deferred_sample smelt_deferred_unpack(uvec4 texel)     of a pixel with a material: texel.z is not 0
//         struct smelt_deferred_group   for the argument block of the compute shader, as its member "deferred"
//         struct smelt_deferred_tile { uint material, first, count; }
//         smelt_deferred_tile smelt_deferred_find(smelt_deferred_group g, uint index)   of workgroup `index`: elements first
//         to first + count - 1 of the list
//         uvec2 smelt_deferred_pixel(smelt_deferred_group g, uint i)   element i of the list
// errors  derivatives keep 6 bits of mantissa, relative error 2^-7; uv is exact
// needs   base.glsl first
// source  counting sort (Knuth, The Art of Computer Programming 3, 5.2); visibility and material passes as in Burns and Hunt, The
//         Visibility Buffer (2013)
#ifndef SMELT_DEFERRED_GLSL
#define SMELT_DEFERRED_GLSL
#ifndef SMELT_BASE_GLSL
#error "deferred.glsl: include smelt/base.glsl first"
#endif

struct smelt_deferred_sample {
    uint material;
    vec2 uv, ddx, ddy;
};

// z: material + 1 and above it the upper 12 bits of ddx.x as f16 and 4 of ddx.y; w: the other 8 of ddx.y, then ddy.
uvec4 smelt_deferred_pack(uint material, vec2 uv, vec2 ddx, vec2 ddy)
{
    uvec2 x = uvec2(packHalf2x16(vec2(ddx.x, 0.0)), packHalf2x16(vec2(ddx.y, 0.0)));
    uvec2 y = uvec2(packHalf2x16(vec2(ddy.x, 0.0)), packHalf2x16(vec2(ddy.y, 0.0)));
    x = (x + 8u - (x & 0x7fffu) / 0x7bf8u * 8u) >> 4u; // to nearest, not past the largest
    y = (y + 8u - (y & 0x7fffu) / 0x7bf8u * 8u) >> 4u;
    return uvec4(floatBitsToUint(uv), material + 1u | x.x << 16u | (x.y & 15u) << 28u,
                 x.y >> 4u | y.x << 8u | y.y << 20u);
}

smelt_deferred_sample smelt_deferred_unpack(uvec4 texel)
{
    uint x = texel.z >> 16u & 0xfffu, y = texel.z >> 28u | (texel.w & 0xffu) << 4u;
    return smelt_deferred_sample((texel.z & 0xffffu) - 1u, uintBitsToFloat(texel.xy),
                                 unpackHalf2x16(x << 4u | y << 20u),
                                 unpackHalf2x16((texel.w >> 8u & 0xfffu) << 4u | (texel.w >> 20u) << 20u));
}

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer smelt_deferred_words
{
    uint e[];
};
// `firsts`: where the pixels of each material begin in the list; `tiles`: the tiles of all materials before each. Both have
// an element more than there are materials.
struct smelt_deferred_group {
    smelt_deferred_words firsts, tiles, list;
    uint first_material, material_count;
    uint tile; // pixels
};
struct smelt_deferred_tile {
    uint material, first, count;
};

smelt_deferred_tile smelt_deferred_find(smelt_deferred_group g, uint index)
{
    uint low = g.first_material, high = low + g.material_count, tile = g.tiles.e[low] + index;
    if (tile >= g.tiles.e[high])
        return smelt_deferred_tile(0u, 0u, 0u);
    while (high - low > 1u) { // tiles[low] <= tile < tiles[high]
        uint middle = (low + high) / 2u;
        if (g.tiles.e[middle] <= tile)
            low = middle;
        else
            high = middle;
    }
    uint first = g.firsts.e[low] + (tile - g.tiles.e[low]) * g.tile;
    return smelt_deferred_tile(low, first, min(g.tile, g.firsts.e[low + 1u] - first));
}

uvec2 smelt_deferred_pixel(smelt_deferred_group g, uint i)
{
    uint word = g.list.e[i];
    return uvec2(word & 0xffffu, word >> 16u);
}

#endif
