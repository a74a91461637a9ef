// SPDX-License-Identifier: MIT
// inline_tensor_tmpl.glsl: a tensor that one invocation holds in private memory (Metal: an inline tensor).
//
// what    the operands and results of ops at THREAD scope: rows of the last dimension, held as pairs of elements, those of
//         I8 and U8 as words of four, first element in the low byte (PORTABLE, DOT8), or as one cooperative vector each
//         (COOPVEC). Row-major; no strides
// params  all required, all undefined afterwards:
//         SMELT_INLINE          name of the type
//         SMELT_DTYPE           SMELT_DTYPE_F32, _F16, _I32, _U32, _I8 or _U8; F16 needs shaderFloat16; COOPVEC: F16
//         SMELT_RANK            1 to 4
//         SMELT_EXTENT0 ... SMELT_EXTENT<RANK - 1>   decimal literals, at least 1
//         SMELT_INLINE_BACKEND  of the op that uses it: SMELT_BACKEND_PORTABLE, _DOT8 or _COOPVEC
// makes   for the name NAME and element type T (float for F32 and F16, int for I32 and I8, uint for U32 and U8):
//         struct NAME                       uninitialised until every element is set
//         const int NAME_rows, NAME_columns product of all extents but the last; the last
//         const int NAME_dtype              DTYPE
//         uint smelt_extent(NAME t, uint d)
//         T smelt_load(NAME t, uint i, ...)                      one index per dimension; outside: 0
//         void smelt_store(inout NAME t, uint i, ..., T v)       outside: dropped
//         ..._unchecked                                          the same, indices must be inside
//         T smelt_get(NAME t, int i, ...), void smelt_set(inout NAME t, int i, ..., T v)   unchecked. With
//         constant indices an element is a register; with others the array goes to local memory
//         void smelt_fill(inout NAME t, T v)
// errors  F16: a stored value is rounded once by the device (f16 conversion of Vulkan: either neighbour). I8 and U8
//         saturate
// needs   base.glsl first
// source  Metal Shading Language 4, tensor_inline; GL_NV_cooperative_vector
#ifndef SMELT_BASE_GLSL
#error "inline_tensor_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_INLINE
#error "inline_tensor_tmpl.glsl: SMELT_INLINE (name of the type) is not defined"
#endif
#ifndef SMELT_DTYPE
#error "inline_tensor_tmpl.glsl: SMELT_DTYPE (SMELT_DTYPE_F32, _F16, _I32, _U32, _I8 or _U8) is not defined"
#endif
#ifndef SMELT_RANK
#error "inline_tensor_tmpl.glsl: SMELT_RANK (number of dimensions, 1 to 4) is not defined"
#endif
#if SMELT_RANK < 1 || SMELT_RANK > 4
#error "inline_tensor_tmpl.glsl: SMELT_RANK (number of dimensions) must be 1 to 4"
#endif
#ifndef SMELT_INLINE_BACKEND
#error                                                                                                       \
    "inline_tensor_tmpl.glsl: SMELT_INLINE_BACKEND (SMELT_BACKEND_PORTABLE, _DOT8 or _COOPVEC) is not defined"
#endif
#include "smelt/tensor_extents_tmpl.glsl"
#if SMELT_TENSOR_E0 < 1
#error "inline_tensor_tmpl.glsl: SMELT_EXTENT0 (elements in dimension 0) must be a literal, at least 1"
#endif
#if SMELT_TENSOR_E1 < 1
#error "inline_tensor_tmpl.glsl: SMELT_EXTENT1 (elements in dimension 1) must be a literal, at least 1"
#endif
#if SMELT_TENSOR_E2 < 1
#error "inline_tensor_tmpl.glsl: SMELT_EXTENT2 (elements in dimension 2) must be a literal, at least 1"
#endif
#if SMELT_TENSOR_E3 < 1
#error "inline_tensor_tmpl.glsl: SMELT_EXTENT3 (elements in dimension 3) must be a literal, at least 1"
#endif

// V: type of a value; P: of a pair of them; C: how one is stored.
#if SMELT_DTYPE == SMELT_DTYPE_F32
#define SMELT_INLINE_V float
#define SMELT_INLINE_P vec2
#define SMELT_INLINE_C float
#elif SMELT_DTYPE == SMELT_DTYPE_F16
#define SMELT_INLINE_V float
#include "smelt/memory16.glsl"
#define SMELT_INLINE_P f16vec2
#define SMELT_INLINE_C float16_t
#elif SMELT_DTYPE == SMELT_DTYPE_I32
#define SMELT_INLINE_V int
#define SMELT_INLINE_P ivec2
#define SMELT_INLINE_C int
#elif SMELT_DTYPE == SMELT_DTYPE_U32
#define SMELT_INLINE_V uint
#define SMELT_INLINE_P uvec2
#define SMELT_INLINE_C uint
#elif SMELT_DTYPE == SMELT_DTYPE_I8
#define SMELT_INLINE_V int
#define SMELT_INLINE_C(v) clamp(v, -128, 127)
#elif SMELT_DTYPE == SMELT_DTYPE_U8
#define SMELT_INLINE_V uint
#define SMELT_INLINE_C(v) min(v, 255u)
#else
#error                                                                                                       \
    "inline_tensor_tmpl.glsl: SMELT_DTYPE (element type) must be SMELT_DTYPE_F32, _F16, _I32, _U32, _I8 or _U8"
#endif

#if SMELT_RANK == 1
#define SMELT_INLINE_ROWS 1
#define SMELT_INLINE_COLUMNS SMELT_EXTENT0
#define SMELT_INLINE_PARAMETERS(T) T i0
#define SMELT_INLINE_INSIDE i0 < SMELT_EXTENT0
#define SMELT_INLINE_ROW 0
#define SMELT_INLINE_COLUMN int(i0)
#elif SMELT_RANK == 2
#define SMELT_INLINE_ROWS SMELT_EXTENT0
#define SMELT_INLINE_COLUMNS SMELT_EXTENT1
#define SMELT_INLINE_PARAMETERS(T) T i0, T i1
#define SMELT_INLINE_INSIDE i0 < SMELT_EXTENT0 &&i1 < SMELT_EXTENT1
#define SMELT_INLINE_ROW int(i0)
#define SMELT_INLINE_COLUMN int(i1)
#elif SMELT_RANK == 3
#define SMELT_INLINE_ROWS (SMELT_EXTENT0 * SMELT_EXTENT1)
#define SMELT_INLINE_COLUMNS SMELT_EXTENT2
#define SMELT_INLINE_PARAMETERS(T) T i0, T i1, T i2
#define SMELT_INLINE_INSIDE i0 < SMELT_EXTENT0 &&i1 < SMELT_EXTENT1 &&i2 < SMELT_EXTENT2
#define SMELT_INLINE_ROW int(i0 * SMELT_EXTENT1 + i1)
#define SMELT_INLINE_COLUMN int(i2)
#else
#define SMELT_INLINE_ROWS (SMELT_EXTENT0 * SMELT_EXTENT1 * SMELT_EXTENT2)
#define SMELT_INLINE_COLUMNS SMELT_EXTENT3
#define SMELT_INLINE_PARAMETERS(T) T i0, T i1, T i2, T i3
#define SMELT_INLINE_INSIDE i0 < SMELT_EXTENT0 &&i1 < SMELT_EXTENT1 &&i2 < SMELT_EXTENT2 &&i3 < SMELT_EXTENT3
#define SMELT_INLINE_ROW int((i0 * SMELT_EXTENT1 + i1) * SMELT_EXTENT2 + i2)
#define SMELT_INLINE_COLUMN int(i3)
#endif

const int SMELT_CAT(SMELT_INLINE, _rows) = SMELT_INLINE_ROWS;
const int SMELT_CAT(SMELT_INLINE, _columns) = SMELT_INLINE_COLUMNS;
const int SMELT_CAT(SMELT_INLINE, _dtype) = SMELT_DTYPE;

#if SMELT_INLINE_BACKEND == SMELT_BACKEND_PORTABLE || SMELT_INLINE_BACKEND == SMELT_BACKEND_DOT8
// A row is padded to whole pairs or words; what the padding holds does not matter. A pair of f16 is a word (memory16.glsl).
#if SMELT_DTYPE == SMELT_DTYPE_I8 || SMELT_DTYPE == SMELT_DTYPE_U8
#define SMELT_INLINE_SHIFT 2
#else
#define SMELT_INLINE_SHIFT 1
#endif
#define SMELT_INLINE_PITCH ((SMELT_INLINE_COLUMNS + (1 << SMELT_INLINE_SHIFT) - 1) >> SMELT_INLINE_SHIFT)
#define SMELT_INLINE_AT                                                                                      \
    t.e[SMELT_INLINE_ROW * SMELT_INLINE_PITCH + (SMELT_INLINE_COLUMN >> SMELT_INLINE_SHIFT)]
#if SMELT_DTYPE == SMELT_DTYPE_F16
#define SMELT_INLINE_E uint
#define SMELT_INLINE_FILL(v) packFloat2x16(f16vec2(v))
#define SMELT_INLINE_GET unpackFloat2x16(SMELT_INLINE_AT >> (16 * (SMELT_INLINE_COLUMN & 1))).x
#define SMELT_INLINE_PUT(v)                                                                                  \
    SMELT_INLINE_AT =                                                                                        \
        bitfieldInsert(SMELT_INLINE_AT, packFloat2x16(f16vec2(v, 0)), 16 * (SMELT_INLINE_COLUMN & 1), 16)
#elif SMELT_INLINE_SHIFT == 2
#define SMELT_INLINE_E uint
#define SMELT_INLINE_FILL(v) (uint(SMELT_INLINE_C(v)) & 255u) * 0x01010101u
#define SMELT_INLINE_GET bitfieldExtract(SMELT_INLINE_V(SMELT_INLINE_AT), 8 * (SMELT_INLINE_COLUMN & 3), 8)
#define SMELT_INLINE_PUT(v)                                                                                  \
    SMELT_INLINE_AT =                                                                                        \
        bitfieldInsert(SMELT_INLINE_AT, uint(SMELT_INLINE_C(v)), 8 * (SMELT_INLINE_COLUMN & 3), 8)
#else
#define SMELT_INLINE_E SMELT_INLINE_P
#define SMELT_INLINE_FILL(v) SMELT_INLINE_P(SMELT_INLINE_C(v))
#define SMELT_INLINE_GET SMELT_INLINE_AT[SMELT_INLINE_COLUMN & 1]
#define SMELT_INLINE_PUT(v) SMELT_INLINE_AT[SMELT_INLINE_COLUMN & 1] = SMELT_INLINE_C(v)
#endif
#if SMELT_INLINE_ROWS * SMELT_INLINE_PITCH <= 256 // an array of more is in no registers
#define SMELT_INLINE_UNROLL [[unroll]]
#else
#define SMELT_INLINE_UNROLL [[dont_unroll]]
#endif
struct SMELT_INLINE {
    SMELT_INLINE_E e[SMELT_INLINE_ROWS * SMELT_INLINE_PITCH];
};
#elif SMELT_INLINE_BACKEND == SMELT_BACKEND_COOPVEC
#if SMELT_DTYPE != SMELT_DTYPE_F16
#error "inline_tensor_tmpl.glsl: SMELT_DTYPE (element type) must be F16 with SMELT_BACKEND_COOPVEC"
#endif
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_COOPVEC) == 0
#error "inline_tensor_tmpl.glsl: SMELT_INLINE_BACKEND is COOPVEC, but SMELT_BACKENDS lacks it"
#endif
struct SMELT_INLINE {
    coopvecNV<float16_t, SMELT_INLINE_COLUMNS> e[SMELT_INLINE_ROWS];
};
#define SMELT_INLINE_GET t.e[SMELT_INLINE_ROW][SMELT_INLINE_COLUMN]
#define SMELT_INLINE_PUT(v) t.e[SMELT_INLINE_ROW][SMELT_INLINE_COLUMN] = SMELT_INLINE_C(v)
#else
#error "inline_tensor_tmpl.glsl: SMELT_INLINE_BACKEND must be SMELT_BACKEND_PORTABLE, _DOT8 or _COOPVEC"
#endif

uint smelt_extent(SMELT_INLINE t, uint d)
{
    const uint extent[4] = uint[4](SMELT_TENSOR_E0, SMELT_TENSOR_E1, SMELT_TENSOR_E2, SMELT_TENSOR_E3);
    return extent[d];
}

SMELT_INLINE_V smelt_load_unchecked(SMELT_INLINE t, SMELT_INLINE_PARAMETERS(uint))
{
    return SMELT_INLINE_V(SMELT_INLINE_GET);
}

SMELT_INLINE_V smelt_load(SMELT_INLINE t, SMELT_INLINE_PARAMETERS(uint))
{
    if (SMELT_INLINE_INSIDE)
        return SMELT_INLINE_V(SMELT_INLINE_GET);
    return SMELT_INLINE_V(0);
}

void smelt_store_unchecked(inout SMELT_INLINE t, SMELT_INLINE_PARAMETERS(uint), SMELT_INLINE_V v)
{
    SMELT_INLINE_PUT(v);
}

void smelt_store(inout SMELT_INLINE t, SMELT_INLINE_PARAMETERS(uint), SMELT_INLINE_V v)
{
    if (SMELT_INLINE_INSIDE)
        SMELT_INLINE_PUT(v);
}

SMELT_INLINE_V smelt_get(SMELT_INLINE t, SMELT_INLINE_PARAMETERS(int))
{
    return SMELT_INLINE_V(SMELT_INLINE_GET);
}

void smelt_set(inout SMELT_INLINE t, SMELT_INLINE_PARAMETERS(int), SMELT_INLINE_V v)
{
    SMELT_INLINE_PUT(v);
}

void smelt_fill(inout SMELT_INLINE t, SMELT_INLINE_V v)
{
#if SMELT_INLINE_BACKEND == SMELT_BACKEND_COOPVEC
    [[unroll]] for (int i = 0; i != SMELT_INLINE_ROWS; i++)
    {
        t.e[i] = coopvecNV<float16_t, SMELT_INLINE_COLUMNS>(SMELT_INLINE_C(v));
    }
#else
    SMELT_INLINE_UNROLL for (int i = 0; i < SMELT_INLINE_ROWS * SMELT_INLINE_PITCH; i++)
    {
        t.e[i] = SMELT_INLINE_FILL(v);
    }
#endif
}

#include "smelt/tensor_extents_undef_tmpl.glsl"
#undef SMELT_INLINE
#undef SMELT_DTYPE
#undef SMELT_RANK
#undef SMELT_INLINE_BACKEND
#undef SMELT_INLINE_V
#undef SMELT_INLINE_P
#undef SMELT_INLINE_C
#undef SMELT_INLINE_ROWS
#undef SMELT_INLINE_COLUMNS
#undef SMELT_INLINE_PARAMETERS
#undef SMELT_INLINE_INSIDE
#undef SMELT_INLINE_ROW
#undef SMELT_INLINE_COLUMN
#undef SMELT_INLINE_SHIFT
#undef SMELT_INLINE_PITCH
#undef SMELT_INLINE_AT
#undef SMELT_INLINE_GET
#undef SMELT_INLINE_E
#undef SMELT_INLINE_FILL
#undef SMELT_INLINE_PUT
#undef SMELT_INLINE_UNROLL
