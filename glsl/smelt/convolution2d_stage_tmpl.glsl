// SPDX-License-Identifier: MIT
// convolution2d_stage_tmpl.glsl: the operands of a convolution of a group, gathered on their way to shared memory; part of
// convolution2d_cooperative_tmpl.glsl, unless SMELT_CONVOLUTION2D_WHOLE.
//
// what    each group of terms finds its tap and its pixel by itself, so any extents will do
// params  those of convolution2d_tmpl.glsl, and SMELT_CV_x of the includer
// makes   NAME_stage_left_group and, with SMELT_CV_GATHER_RIGHT, NAME_right and NAME_stage_right_group of
//         matmul2d_stage_tmpl.glsl
// errors  exact
// needs   convolution2d_cooperative_tmpl.glsl around it
// source  matmul2d_stage_tmpl.glsl
// (ky, kx, channel) of a term.
uvec3 SMELT_CAT(SMELT_CONVOLUTION2D, _tap)(uvec3 kernel, uint term)
{
#if SMELT_CV_CHANNEL_FIRST
    uint area = kernel.x * kernel.y, channel = term / area, tap = term - channel * area;
#else
    uint tap = term / kernel.z, channel = term - tap * kernel.z;
#endif
    uint y = tap / kernel.y;
    return uvec3(y, tap - y * kernel.y, channel);
}

// How operands are read, without branches: loads that are made together hide each other's latency.
#define SMELT_GATHER SMELT_CAT(SMELT_CONVOLUTION2D, _gather_left)
#define SMELT_GATHER_TENSOR SMELT_CV_IMAGE
#define SMELT_GATHER_STORED SMELT_CONVOLUTION2D_STORED_LEFT
#define SMELT_GATHER_GROUP SMELT_CV_LEFT_GROUP
#define SMELT_GATHER_ALIGNMENT SMELT_CONVOLUTION2D_ALIGNMENT
#include "smelt/convolution2d_gather_tmpl.glsl"

#if SMELT_CV_TRANSPOSE_LEFT
uvec4 SMELT_CAT(SMELT_CONVOLUTION2D, _stage_left_group)(SMELT_CV_LEFT a, uint i, uint term, uint pixel,
                                                        bool partial)
{
    uvec4 words = uvec4(0u);
    uvec3 tap = SMELT_CAT(SMELT_CONVOLUTION2D, _tap)(a.kernel, term);
    bool within = all(lessThan(tap, a.kernel)), counts = !partial || within;
    [[unroll]] for (uint v = 0u; v != SMELT_CV_LEFT_GROUP; v++)
    {
#if SMELT_CV_ORIGINS > 0
        ivec3 origin = SMELT_CAT(SMELT_CONVOLUTION2D, _origins)[v];
#else
        ivec3 origin = SMELT_CAT(SMELT_CONVOLUTION2D, _origin)(a.image, a.extents, pixel + v);
#endif
        bool inside;
        uint at = SMELT_CAT(SMELT_CONVOLUTION2D, _element_of)(a.image, origin, tap, inside);
        inside = inside && counts;
        SMELT_CAT(SMELT_CONVOLUTION2D, _gather_left_one)
        (words, v, a.image, at, inside, SMELT_CV_OTHER(counts));
    }
    return words ^ SMELT_CV_FLIP(SMELT_CONVOLUTION2D_STORED_LEFT);
}
#else
uvec4 SMELT_CAT(SMELT_CONVOLUTION2D, _stage_left_group)(SMELT_CV_LEFT a, uint i, uint pixel, uint term,
                                                        bool partial)
{
    uvec4 words = uvec4(0u);
    [[unroll]] for (uint v = 0u; v < SMELT_CV_LEFT_GROUP;
                    v += SMELT_CAT(SMELT_CONVOLUTION2D, _gather_left_vector))
    {
        uvec3 tap = SMELT_CAT(SMELT_CONVOLUTION2D, _tap)(a.kernel, term + v);
        bool within = all(lessThan(tap, a.kernel)), counts = !partial || within;
        bool inside;
        uint at = SMELT_CAT(SMELT_CONVOLUTION2D,
                            _element_of)(a.image, SMELT_CAT(SMELT_CONVOLUTION2D, _origins)[i], tap, inside);
        inside = inside && counts;
        SMELT_CAT(SMELT_CONVOLUTION2D, _gather_left_read)
        (words, v, a.image, at, inside, SMELT_CV_OTHER(counts));
    }
    return words ^ SMELT_CV_FLIP(SMELT_CONVOLUTION2D_STORED_LEFT);
}
#endif

#if SMELT_CV_GATHER_RIGHT
struct SMELT_CV_RIGHT {
    SMELT_CV_WEIGHT weight; // of the group
    uvec3 kernel;
};

#define SMELT_GATHER SMELT_CAT(SMELT_CONVOLUTION2D, _gather_right)
#define SMELT_GATHER_TENSOR SMELT_CV_WEIGHT
#define SMELT_GATHER_STORED SMELT_CONVOLUTION2D_STORED
#define SMELT_GATHER_GROUP SMELT_CV_RIGHT_GROUP
#define SMELT_GATHER_ALIGNMENT 1
#include "smelt/convolution2d_gather_tmpl.glsl"

uvec4 SMELT_CAT(SMELT_CONVOLUTION2D, _stage_right_group)(SMELT_CV_RIGHT b, uint i, uint channel, uint term,
                                                         bool partial)
{
    uvec4 words = uvec4(0u);
    uint first = min(channel, smelt_extent(b.weight, SMELT_CV_WO) - 1u) * smelt_stride(b.weight, SMELT_CV_WO);
    [[unroll]] for (uint v = 0u; v != SMELT_CV_RIGHT_GROUP; v++)
    {
        uvec3 tap = SMELT_CAT(SMELT_CONVOLUTION2D, _tap)(b.kernel, term + v);
        bool within = all(lessThan(tap, b.kernel)), inside = !partial || within;
        uint at = first + tap.x * smelt_stride(b.weight, SMELT_CV_WH) +
                  tap.y * smelt_stride(b.weight, SMELT_CV_WW) + tap.z * smelt_stride(b.weight, SMELT_CV_WI);
        SMELT_CAT(SMELT_CONVOLUTION2D, _gather_right_one)(words, v, b.weight, inside ? at : 0u, inside, 0u);
    }
    return words ^ SMELT_CV_FLIP(SMELT_CONVOLUTION2D_STORED);
}
#endif
