// SPDX-License-Identifier: MIT
// convolution2d_thread_tmpl.glsl: a convolution of one invocation in plain arithmetic; part of convolution2d_tmpl.glsl.
//
// what    N channels of one pixel: rolled loops over the taps of the kernel and over channels of the image, an unrolled
//         one over the N. DEPTHWISE multiplies the channels of image and weight pairwise
// params  those of convolution2d_tmpl.glsl
// makes   see convolution2d_tmpl.glsl
// errors  see convolution2d_tmpl.glsl
// needs   convolution2d_tmpl.glsl around it
// source  convolution2d_tmpl.glsl
#if SMELT_CONVOLUTION2D_M != 1
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_M (pixels) must be 1 with SMELT_SCOPE_THREAD"
#endif
#if SMELT_CONVOLUTION2D_N < 1 || SMELT_CONVOLUTION2D_N > 32
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_N (channels of an invocation) must be a literal, 1 to 32"
#endif
#ifndef SMELT_CONVOLUTION2D_DEPTHWISE
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_DEPTHWISE (1: a channel for each group) is not defined"
#endif
#if SMELT_CONVOLUTION2D_BACKEND != SMELT_BACKEND_PORTABLE
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_BACKEND must be SMELT_BACKEND_PORTABLE at THREAD scope"
#endif
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_PORTABLE) == 0
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_BACKEND is PORTABLE, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#define SMELT_CT_S int
#define SMELT_CT_MULTIPLY_ADD(x, w, sum) ((x) * (w) + (sum))
#if SMELT_CONVOLUTION2D_ZERO_POINTS
// Known once `run` has begun.
int SMELT_CAT(SMELT_CONVOLUTION2D, _outside);
int SMELT_CAT(SMELT_CONVOLUTION2D, _zeros)[SMELT_CONVOLUTION2D_N];
#define SMELT_CT_IMAGE(x) ((x)-SMELT_CAT(SMELT_CONVOLUTION2D, _outside))
#define SMELT_CT_WEIGHT(w, j) ((w)-SMELT_CAT(SMELT_CONVOLUTION2D, _zeros)[j])
#else
#define SMELT_CT_IMAGE(x) (x)
#define SMELT_CT_WEIGHT(w, j) (w)
#endif
#else
#define SMELT_CT_IMAGE(x) (x)
#define SMELT_CT_WEIGHT(w, j) (w)
#if SMELT_CONVOLUTION2D_COMPUTED != SMELT_DTYPE_F32 && SMELT_CONVOLUTION2D_COMPUTED != SMELT_DTYPE_F16
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_COMPUTED (of the factors) must be SMELT_DTYPE_F32 or _F16"
#endif
#if SMELT_CONVOLUTION2D_ACCUMULATED != SMELT_DTYPE_F32 && SMELT_CONVOLUTION2D_ACCUMULATED != SMELT_DTYPE_F16
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACCUMULATED (of the sums) must be SMELT_DTYPE_F32 or _F16"
#endif
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_F32 && SMELT_CONVOLUTION2D_ACCUMULATED == SMELT_DTYPE_F16
#error "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_ACCUMULATED (of the sums) is narrower than _COMPUTED"
#endif
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_F16 &&                                                       \
    (SMELT_CONVOLUTION2D_STORED == SMELT_DTYPE_F32 || SMELT_CONVOLUTION2D_STORED == SMELT_DTYPE_BF16 ||      \
     SMELT_CONVOLUTION2D_STORED_LEFT == SMELT_DTYPE_F32 ||                                                   \
     SMELT_CONVOLUTION2D_STORED_LEFT == SMELT_DTYPE_BF16)
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_STORED, _STORED_LEFT must be F16, F8E4M3 or F8E5M2 with COMPUTED F16"
#endif
#if SMELT_CONVOLUTION2D_ACCUMULATED == SMELT_DTYPE_F16
#define SMELT_CT_S float16_t
#else
#define SMELT_CT_S float
#endif
#define SMELT_CT_MULTIPLY_ADD(x, w, sum) fma(x, w, sum)
#endif

// Channels that are read at once: of image and weight for DEPTHWISE, of the weight else (HWIO keeps outputs together).
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT != SMELT_LAYOUT_HWIO ||                                                \
    SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT > SMELT_CONVOLUTION2D_N
#define SMELT_CT_WEIGHT_VECTOR 1
#else
#define SMELT_CT_WEIGHT_VECTOR SMELT_CONVOLUTION2D_WEIGHT_ALIGNMENT
#endif
#if SMELT_CONVOLUTION2D_IMAGE_LAYOUT != SMELT_LAYOUT_NHWC ||                                                 \
    (SMELT_CONVOLUTION2D_DEPTHWISE && SMELT_CONVOLUTION2D_ALIGNMENT > SMELT_CONVOLUTION2D_N)
#define SMELT_CT_IMAGE_VECTOR 1
#else
#define SMELT_CT_IMAGE_VECTOR SMELT_CONVOLUTION2D_ALIGNMENT
#endif
#if SMELT_CONVOLUTION2D_N % SMELT_CT_WEIGHT_VECTOR != 0 ||                                                   \
    (SMELT_CONVOLUTION2D_DEPTHWISE && SMELT_CONVOLUTION2D_N % SMELT_CT_IMAGE_VECTOR != 0)
#error                                                                                                       \
    "convolution2d_tmpl.glsl: SMELT_CONVOLUTION2D_N must be a multiple of what is read at once at THREAD scope"
#endif

#define SMELT_READ SMELT_CAT(SMELT_CONVOLUTION2D, _read_image)
#define SMELT_READ_TENSOR SMELT_CV_IMAGE
#define SMELT_READ_STORED SMELT_CONVOLUTION2D_STORED_LEFT
#define SMELT_READ_VECTOR SMELT_CT_IMAGE_VECTOR
#define SMELT_READ_TYPE SMELT_CT_S
#include "smelt/convolution2d_read_tmpl.glsl"
#define SMELT_READ SMELT_CAT(SMELT_CONVOLUTION2D, _read_weight)
#define SMELT_READ_TENSOR SMELT_CV_WEIGHT
#define SMELT_READ_STORED SMELT_CONVOLUTION2D_STORED
#define SMELT_READ_VECTOR SMELT_CT_WEIGHT_VECTOR
#define SMELT_READ_TYPE SMELT_CT_S
#include "smelt/convolution2d_read_tmpl.glsl"

struct SMELT_CAT(SMELT_CONVOLUTION2D, _result) {
    SMELT_CV_T v[SMELT_CONVOLUTION2D_N];
};

// Weights of the N output channels from `channel` on, at `at`; channels beyond the last: those of the last.
void SMELT_CAT(SMELT_CONVOLUTION2D, _weights)(SMELT_CV_WEIGHT b, uint at, uint channel, uint channels,
                                              out SMELT_CT_S w[SMELT_CONVOLUTION2D_N])
{
    [[unroll]] for (uint j = 0u; j < SMELT_CONVOLUTION2D_N; j += SMELT_CT_WEIGHT_VECTOR)
    {
        SMELT_CT_S e[SMELT_CT_WEIGHT_VECTOR];
        uint first = min(channel + j, channels - SMELT_CT_WEIGHT_VECTOR);
        SMELT_CAT(SMELT_CONVOLUTION2D, _read_weight)(b, at + first * smelt_stride(b, SMELT_CV_WO), e);
        [[unroll]] for (uint k = 0u; k != SMELT_CT_WEIGHT_VECTOR; k++) w[j + k] =
            SMELT_CT_WEIGHT(e[k], j + k);
    }
}

// Without a branch for taps beyond the image, behind which loads would wait for each other: those read a pixel's and add 0.
void SMELT_CAT(SMELT_CONVOLUTION2D, _add_tap)(SMELT_CV_IMAGE a, SMELT_CV_WEIGHT b, uint image_at, bool inside,
                                              uint weight_at, uint channel, uint channels, uint terms,
                                              inout SMELT_CT_S sum[SMELT_CONVOLUTION2D_N])
{
#if SMELT_CONVOLUTION2D_DEPTHWISE
    SMELT_CT_S w[SMELT_CONVOLUTION2D_N];
    SMELT_CAT(SMELT_CONVOLUTION2D, _weights)(b, weight_at, channel, channels, w);
    [[unroll]] for (uint j = 0u; j < SMELT_CONVOLUTION2D_N; j += SMELT_CT_IMAGE_VECTOR)
    {
        SMELT_CT_S x[SMELT_CT_IMAGE_VECTOR];
        uint first = min(channel + j, channels - SMELT_CT_IMAGE_VECTOR);
        SMELT_CAT(SMELT_CONVOLUTION2D, _read_image)(a, image_at + first * smelt_stride(a, SMELT_CV_C), x);
        [[unroll]] for (uint k = 0u; k != SMELT_CT_IMAGE_VECTOR; k++) sum[j + k] =
            SMELT_CT_MULTIPLY_ADD(inside ? SMELT_CT_IMAGE(x[k]) : SMELT_CT_S(0), w[j + k], sum[j + k]);
    }
#else
    for (uint c = 0u; c < terms; c += SMELT_CT_IMAGE_VECTOR) {
        SMELT_CT_S x[SMELT_CT_IMAGE_VECTOR];
        SMELT_CAT(SMELT_CONVOLUTION2D, _read_image)(a, image_at + c * smelt_stride(a, SMELT_CV_C), x);
        [[unroll]] for (uint k = 0u; k != SMELT_CT_IMAGE_VECTOR; k++)
        {
            SMELT_CT_S w[SMELT_CONVOLUTION2D_N];
            SMELT_CAT(SMELT_CONVOLUTION2D, _weights)
            (b, weight_at + (c + k) * smelt_stride(b, SMELT_CV_WI), channel, channels, w);
            SMELT_CT_S factor = inside ? SMELT_CT_IMAGE(x[k]) : SMELT_CT_S(0);
            [[unroll]] for (uint j = 0u; j != SMELT_CONVOLUTION2D_N; j++) sum[j] =
                SMELT_CT_MULTIPLY_ADD(factor, w[j], sum[j]);
        }
    }
#endif
}

SMELT_CAT(SMELT_CONVOLUTION2D, _result)
SMELT_CAT(SMELT_CONVOLUTION2D, _run)
(SMELT_CV_IMAGE a, SMELT_CV_WEIGHT b,
#if SMELT_CONVOLUTION2D_BIAS
 SMELT_CV_BIAS bias,
#endif
 uvec4 place)
{
    uint channels = SMELT_CAT(SMELT_CONVOLUTION2D, _extents)(a, b).w, terms = SMELT_CV_CHANNELS(b);
    uint group = place.w / (channels / SMELT_CONVOLUTION2D_GROUPS);
    ivec3 origin = SMELT_CAT(SMELT_CONVOLUTION2D, _origin_of)(a, place.xyz);
    uint weight_first = 0u;
#if SMELT_CONVOLUTION2D_DEPTHWISE
    uint first = 0u;
#else
    uint first = group * terms;
#endif
    uint channel = place.w, weight_channels = channels;
#if SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_IOHW && !SMELT_CONVOLUTION2D_DEPTHWISE
    weight_first = first * smelt_stride(b, SMELT_CV_WI);
    weight_channels = channels / SMELT_CONVOLUTION2D_GROUPS;
    channel -= group * weight_channels;
#elif SMELT_CONVOLUTION2D_WEIGHT_LAYOUT == SMELT_LAYOUT_IOHW // [channel][1][h][w]: O has a stride of no use
    b.stride[SMELT_CV_WO] = b.stride[SMELT_CV_WI];
#endif
    SMELT_CT_S sum[SMELT_CONVOLUTION2D_N];
    [[unroll]] for (uint j = 0u; j != SMELT_CONVOLUTION2D_N; j++) sum[j] = SMELT_CT_S(0);
#if SMELT_CONVOLUTION2D_COMPUTED == SMELT_DTYPE_I8
#if SMELT_CONVOLUTION2D_ZERO_POINTS
    SMELT_CAT(SMELT_CONVOLUTION2D, _outside) = SMELT_CAT(SMELT_CONVOLUTION2D, _zero_image)();
    [[unroll]] for (uint j = 0u; j != SMELT_CONVOLUTION2D_N; j++) SMELT_CAT(SMELT_CONVOLUTION2D, _zeros)[j] =
        SMELT_CAT(SMELT_CONVOLUTION2D, _zero_weight)(place.w + j);
#endif
#endif
    uint height = SMELT_CV_KERNEL_H(b), width = SMELT_CV_KERNEL_W(b);
    for (uint y = 0u; y < height; y++)
        for (uint x = 0u; x < width; x++) {
            bool inside;
            uint at = SMELT_CAT(SMELT_CONVOLUTION2D, _element_of)(a, origin, uvec3(y, x, first), inside);
            uint weight_at =
                weight_first + y * smelt_stride(b, SMELT_CV_WH) + x * smelt_stride(b, SMELT_CV_WW);
            SMELT_CAT(SMELT_CONVOLUTION2D, _add_tap)
            (a, b, inside ? at : first * smelt_stride(a, SMELT_CV_C), inside, weight_at, channel,
             weight_channels, terms, sum);
        }
    SMELT_CAT(SMELT_CONVOLUTION2D, _result) d;
    [[unroll]] for (uint j = 0u; j != SMELT_CONVOLUTION2D_N; j++)
    {
        SMELT_CV_T v = SMELT_CV_T(sum[j]);
#if SMELT_CONVOLUTION2D_BIAS
        v += smelt_load(bias, place.w + j);
#endif
        v = SMELT_CAT(smelt_activation_, SMELT_CONVOLUTION2D_ACTIVATION)(v);
#if SMELT_CONVOLUTION2D_EPILOGUE
        v = SMELT_CAT(SMELT_CONVOLUTION2D, _element)(v, uvec4(place.xyz, place.w + j));
#endif
        d.v[j] = place.w + j < channels ? v : SMELT_CV_T(0);
    }
    return d;
}

#undef SMELT_CONVOLUTION2D_DEPTHWISE
#undef SMELT_CT_S
#undef SMELT_CT_MULTIPLY_ADD
#undef SMELT_CT_IMAGE
#undef SMELT_CT_WEIGHT
#undef SMELT_CT_WEIGHT_VECTOR
#undef SMELT_CT_IMAGE_VECTOR
