// SPDX-License-Identifier: MIT
// convolution2d_walk_tmpl.glsl: the operands of a convolution of a group where every block of terms is of one tap; part of
// convolution2d_cooperative_tmpl.glsl, for SMELT_CONVOLUTION2D_WHOLE.
//
// what    an invocation knows where each of its pixels lies and, a bit for each tap, whether that meets the image; from block
//         to block only the offset of the tap changes, which is the same for all. Terms are ordered (ky, kx, channel)
// params  those of convolution2d_tmpl.glsl, and SMELT_CV_x of the includer
// makes   NAME_right, NAME_start for both operands, NAME_next and NAME_walk of matmul2d_sources_tmpl.glsl
// errors  exact
// needs   convolution2d_cooperative_tmpl.glsl around it
// source  matmul2d_stage_tmpl.glsl
#if SMELT_CONVOLUTION2D_IMAGE_LAYOUT != SMELT_LAYOUT_NHWC ||                                                 \
    SMELT_CONVOLUTION2D_WEIGHT_LAYOUT > SMELT_LAYOUT_OHWI || SMELT_CONVOLUTION2D_ALIGNMENT != 8 ||           \
    SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT != 8
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WHOLE wants layouts NHWC and HWIO or OHWI, ALIGNMENT and WEIGHT_ALIGNMENT 8"
#endif
#if SMELT_CONVOLUTION2D_COMPUTED != SMELT_DTYPE_F16 || SMELT_CONVOLUTION2D_STORED != SMELT_DTYPE_F16 ||      \
    SMELT_CONVOLUTION2D_STORED_LEFT != SMELT_DTYPE_F16 ||                                                    \
    SMELT_CONVOLUTION2D_BACKEND < SMELT_BACKEND_COOPMAT
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WHOLE wants F16 stored and COMPUTED, and BACKEND COOPMAT or COOPMAT2"
#endif
// Groups of 8 elements in a row of the blocks in shared memory, and rows that all invocations read at once.
#if SMELT_CV_TRANSPOSE_RIGHT
#define SMELT_CW_RIGHT_GROUPS (SMELT_CONVOLUTION2D_TILE_K / 8)
#define SMELT_CW_RIGHT_ROWS SMELT_CONVOLUTION2D_N
#else
#define SMELT_CW_RIGHT_GROUPS (SMELT_CONVOLUTION2D_N / 8)
#define SMELT_CW_RIGHT_ROWS SMELT_CONVOLUTION2D_TILE_K
#endif
#define SMELT_CW_PASS (SMELT_CV_THREADS / SMELT_CW_RIGHT_GROUPS)
#if SMELT_CV_COUNT % SMELT_CV_THREADS != 0 || SMELT_CV_THREADS % SMELT_CW_RIGHT_GROUPS != 0 ||               \
    SMELT_CW_PASS % 8 != 0 || SMELT_CW_RIGHT_ROWS % SMELT_CW_PASS != 0
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_WHOLE wants invocations that divide the groups of 8 of both blocks, 8 rows at once"
#endif
#define SMELT_CW_RIGHT_EACH (SMELT_CW_RIGHT_ROWS / SMELT_CW_PASS)

struct SMELT_CV_RIGHT {
    SMELT_CV_WEIGHT weight; // of the group
    uvec3 kernel;
};

// Of the invocation, not in the structs, which would then be copied as a whole: of each pixel the offset of its first tap, in
// groups, and the taps that meet the image; and the offset of the weights' first group.
uvec2 SMELT_CAT(SMELT_CONVOLUTION2D, _pixels)[SMELT_CV_ORIGINS];
uint SMELT_CAT(SMELT_CONVOLUTION2D, _weights);

// Declared here, made with the rest of the matrix product.
uvec2 SMELT_CAT(SMELT_CONVOLUTION2D, _stage_left_spot)(uint at);
uvec2 SMELT_CAT(SMELT_CONVOLUTION2D, _stage_right_spot)(uint at);

void SMELT_CAT(SMELT_CONVOLUTION2D, _start)(SMELT_CV_LEFT a, uint first)
{
    [[unroll]] for (uint i = 0u; i != SMELT_CV_ORIGINS; i++)
    {
        uvec2 spot = SMELT_CAT(SMELT_CONVOLUTION2D, _stage_left_spot)(SMELT_CV_THREAD + i * SMELT_CV_THREADS);
        ivec3 origin = SMELT_CAT(SMELT_CONVOLUTION2D, _origin)(a.image, a.extents, first + spot.x);
        uint taps = 0u, bit = 1u, offset = uint(origin.z);
        for (uint y = 0u; y < a.kernel.x; y++)
            for (uint x = 0u; x < a.kernel.y; x++, bit += bit) {
                bool inside;
                SMELT_CAT(SMELT_CONVOLUTION2D, _element_of)(a.image, origin, uvec3(y, x, 0u), inside);
                taps |= inside ? bit : 0u;
            }
#if SMELT_CONVOLUTION2D_TRANSPOSED
        offset += uint(origin.x) * smelt_stride(a.image, SMELT_CV_H) +
                  uint(origin.y) * smelt_stride(a.image, SMELT_CV_W);
#endif
        // What lies before the image wraps here, and back where it is read.
        SMELT_CAT(SMELT_CONVOLUTION2D, _pixels)[i] = uvec2(offset + spot.y * 8u, taps);
    }
}

void SMELT_CAT(SMELT_CONVOLUTION2D, _start)(SMELT_CV_RIGHT b, uint first)
{
    uvec2 spot = SMELT_CAT(SMELT_CONVOLUTION2D, _stage_right_spot)(SMELT_CV_THREAD);
#if SMELT_CV_TRANSPOSE_RIGHT
    SMELT_CAT(SMELT_CONVOLUTION2D, _weights) =
        (first + spot.x) * smelt_stride(b.weight, SMELT_CV_WO) + spot.y * 8u;
#else
    SMELT_CAT(SMELT_CONVOLUTION2D, _weights) =
        first + spot.x * smelt_stride(b.weight, SMELT_CV_WI) + spot.y * 8u;
#endif
}

// (channel, kx, ky, tap) of a block.
uvec4 SMELT_CAT(SMELT_CONVOLUTION2D, _next)(SMELT_CV_LEFT a, uvec4 at, bool more)
{
    uint channel = at.x + SMELT_CONVOLUTION2D_TILE_K;
    bool tap = channel >= a.kernel.z, row = tap && at.y + 1u == a.kernel.y;
    uvec4 next = uvec4(tap ? 0u : channel, row ? 0u : at.y + uint(tap), at.z + uint(row), at.w + uint(tap));
    return more ? next : at;
}

void SMELT_CAT(SMELT_CONVOLUTION2D, _walk)(SMELT_CV_LEFT a, SMELT_CV_RIGHT b, uvec4 at,
                                           out uvec4 left[SMELT_CV_ORIGINS],
                                           out uvec4 right[SMELT_CW_RIGHT_EACH])
{
    uint tap = at.z * SMELT_CONVOLUTION2D_DILATION_Y * smelt_stride(a.image, SMELT_CV_H) +
               at.y * SMELT_CONVOLUTION2D_DILATION_X * smelt_stride(a.image, SMELT_CV_W);
#if SMELT_CONVOLUTION2D_TRANSPOSED
    uint offset = at.x - tap;
#else
    uint offset = at.x + tap;
#endif
    [[unroll]] for (uint i = 0u; i != SMELT_CV_ORIGINS; i++)
    {
        uvec2 pixel = SMELT_CAT(SMELT_CONVOLUTION2D, _pixels)[i];
        bool inside = (pixel.y >> at.w & 1u) != 0u;
        uvec4 read = smelt_words4_data(uvec2(a.image.data)).e[inside ? (pixel.x + offset) / 8u : 0u];
        left[i] = inside ? read : uvec4(0u);
    }
    uint first = SMELT_CAT(SMELT_CONVOLUTION2D, _weights) + at.z * smelt_stride(b.weight, SMELT_CV_WH) +
                 at.y * smelt_stride(b.weight, SMELT_CV_WW) + at.x * smelt_stride(b.weight, SMELT_CV_WI);
#if SMELT_CV_TRANSPOSE_RIGHT
    uint stride = smelt_stride(b.weight, SMELT_CV_WO) / 8u;
#else
    uint stride = smelt_stride(b.weight, SMELT_CV_WI) / 8u;
#endif
    uvec2 from = uvec2(b.weight.data);
    uint high, low, carry;
    umulExtended(first, 2u, high, low);
    from.x = uaddCarry(from.x, low, carry);
    from.y += high + carry;
    [[unroll]] for (uint i = 0u; i != SMELT_CW_RIGHT_EACH; i++) right[i] =
        smelt_words4_data(from).e[i * (SMELT_CW_PASS * stride)];
}

#undef SMELT_CW_RIGHT_GROUPS
#undef SMELT_CW_RIGHT_ROWS
#undef SMELT_CW_PASS
#undef SMELT_CW_RIGHT_EACH
