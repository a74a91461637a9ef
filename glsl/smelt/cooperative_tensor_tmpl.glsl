// SPDX-License-Identifier: MIT
// cooperative_tensor_tmpl.glsl: loads and stores between a cooperative tensor and a matrix in device memory.
//
// what    overloads for one cooperative type (cooperative_tmpl.glsl) and one tensor type of rank 2
//         (tensor_tmpl.glsl): the tile with its first element at (row, column) of the matrix, cut off at the edges
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE                the cooperative type
//         SMELT_COOPERATIVE_DTYPE          its SMELT_DTYPE_x
//         SMELT_COOPERATIVE_BACKEND        its SMELT_BACKEND_x
//         SMELT_COOPERATIVE_TENSOR         the tensor type; a cooperative I32 loads integers only, but not U32
//         SMELT_COOPERATIVE_TENSOR_DTYPE   its SMELT_DTYPE_x
//         SMELT_COOPERATIVE_TENSOR_ACCESS  SMELT_ACCESS_READ: makes smelt_load; _WRITE: smelt_store; _READ_WRITE: both
// makes   void smelt_load(inout NAME t, TENSOR m, uint row, uint column)    outside the matrix: 0
//         void smelt_store(NAME t, TENSOR m, uint row, uint column)         outside the matrix: dropped
//         void smelt_store(NAME t, TENSOR m, uint row, uint column, uvec2 from)   and so are rows of the tile below
//         from.x and columns below from.y
//         for the whole group, with the same arguments in all of it; both use the scratch
// errors  load: exact, or one rounding to a cooperative f16; store: one rounding to the tensor's type, to nearest even
//         for integers, which saturate as tensor_tmpl.glsl says
// needs   both templates included before for these types. COOPMAT and COOPMAT2 store whole matrices where the tile lies inside,
//         the tensor is f32 or f16 (a cooperative I32: i32) and its rows begin at multiples of 16 bytes; COOPMAT stores sums
//         of f32 to a tensor of bf16 there 16 bytes at a time; else single elements
// source  GLSL_KHR_cooperative_matrix; alignment: VUID-RuntimeSpirv-OpCooperativeMatrixLoadKHR-08986
#ifndef SMELT_BASE_GLSL
#error "cooperative_tensor_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE (the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_DTYPE
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_DTYPE (SMELT_DTYPE_x of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_BACKEND
#error "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_BACKEND (of the cooperative type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_TENSOR
#error "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR (the tensor type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_TENSOR_DTYPE
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR_DTYPE (SMELT_DTYPE_x of the tensor) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_TENSOR_ACCESS
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR_ACCESS (SMELT_ACCESS_x of the tensor) is not defined"
#endif
#if SMELT_COOPERATIVE_TENSOR_ACCESS < 1 || SMELT_COOPERATIVE_TENSOR_ACCESS > 3
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR_ACCESS must be SMELT_ACCESS_READ, _WRITE or _READ_WRITE"
#endif
#if SMELT_COOPERATIVE_BACKEND < SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPVEC
#error "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_BACKEND must be that of the cooperative type"
#endif
#if SMELT_COOPERATIVE_TENSOR_DTYPE < SMELT_DTYPE_F32 || SMELT_COOPERATIVE_TENSOR_DTYPE > SMELT_DTYPE_U4
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR_DTYPE must be the tensor's, one of SMELT_DTYPE_x"
#endif

#include "smelt/memory.glsl"
#include "smelt/numeric.glsl"

#define SMELT_CO_PLACES SMELT_CAT(SMELT_COOPERATIVE, _places)
#define SMELT_CO_PIECES SMELT_CAT(SMELT_COOPERATIVE, _pieces)
#define SMELT_CO_ACROSS SMELT_CAT(SMELT_COOPERATIVE, _across)
#define SMELT_CO_FRAGMENT                                                                                    \
    uvec2(SMELT_CAT(SMELT_COOPERATIVE, _fragment_m), SMELT_CAT(SMELT_COOPERATIVE, _fragment_n))

#if SMELT_COOPERATIVE_TENSOR_DTYPE >= SMELT_DTYPE_I4 &&                                                      \
    (SMELT_COOPERATIVE_TENSOR_ACCESS & SMELT_ACCESS_WRITE) != 0
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR_DTYPE I4, U4 are not stored: invocations share bytes"
#endif
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32 &&                                                            \
    (SMELT_COOPERATIVE_TENSOR_ACCESS & SMELT_ACCESS_READ) != 0 &&                                            \
    (SMELT_COOPERATIVE_TENSOR_DTYPE < SMELT_DTYPE_I8 || SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_U32)
#error                                                                                                       \
    "cooperative_tensor_tmpl.glsl: SMELT_COOPERATIVE_TENSOR_DTYPE must be an integer that I32 holds, to be loaded"
#endif

// A value of the tensor from one of the cooperative tensor.
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_T int
#else
#define SMELT_CO_T float
#endif
#if SMELT_COOPERATIVE_TENSOR_DTYPE < SMELT_DTYPE_I8
#define SMELT_CO_VALUE(v) float(v)
#elif SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_U8 ||                                                    \
    SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_U16 || SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_U32
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_VALUE(v) uint(max(v, 0))
#else
#define SMELT_CO_VALUE(v) smelt_uint_from_f32(v, 0xffffffffu)
#endif
#elif SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_VALUE(v) (v)
#else
#define SMELT_CO_VALUE(v) smelt_int_from_f32(v, int(0x80000000u), 0x7fffffff)
#endif

#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_DOT8
#define SMELT_CO_WHOLE 0
#elif SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32 && SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_WHOLE 1
#elif SMELT_COOPERATIVE_DTYPE != SMELT_DTYPE_I32 &&                                                          \
    (SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_F32 || SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_F16)
#define SMELT_CO_WHOLE 1
#else
#define SMELT_CO_WHOLE 0
#endif
#if SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_SIZE 4
#define SMELT_CO_ELEMENTS(m) m.data.e
#define SMELT_CO_MATRIX                                                                                      \
    coopmat<int, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope), SMELT_CAT(SMELT_COOPERATIVE, _fragment_m),     \
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_n), gl_MatrixUseAccumulator>
#elif SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_F32
#define SMELT_CO_SIZE 4
#define SMELT_CO_ELEMENTS(m) m.data.e
#define SMELT_CO_MATRIX                                                                                      \
    coopmat<float, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope), SMELT_CAT(SMELT_COOPERATIVE, _fragment_m),   \
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_n), gl_MatrixUseAccumulator>
#else
#define SMELT_CO_SIZE 2
#define SMELT_CO_ELEMENTS(m) smelt_f16_matrix_data(uvec2(m.data)).e
#define SMELT_CO_MATRIX                                                                                      \
    coopmat<float16_t, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope),                                          \
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_m), SMELT_CAT(SMELT_COOPERATIVE, _fragment_n),            \
            gl_MatrixUseAccumulator>
#endif
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_OWN_MATRIX SMELT_CO_MATRIX
#elif SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F32
#define SMELT_CO_OWN_MATRIX                                                                                  \
    coopmat<float, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope), SMELT_CAT(SMELT_COOPERATIVE, _fragment_m),   \
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_n), gl_MatrixUseAccumulator>
#else
#define SMELT_CO_OWN_MATRIX                                                                                  \
    coopmat<float16_t, SMELT_CAT(SMELT_COOPERATIVE, _matrix_scope),                                          \
            SMELT_CAT(SMELT_COOPERATIVE, _fragment_m), SMELT_CAT(SMELT_COOPERATIVE, _fragment_n),            \
            gl_MatrixUseAccumulator>
#endif

// Runs of 8 elements that make 16 bytes.
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT && SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F32 &&      \
    SMELT_COOPERATIVE_TENSOR_DTYPE == SMELT_DTYPE_BF16
#define SMELT_CO_RUNS 1
#else
#define SMELT_CO_RUNS 0
#endif

#if SMELT_CO_WHOLE || SMELT_CO_RUNS
// Whether whole matrices, or whole runs, can be moved: the same answer in the whole group.
bool SMELT_CAT(SMELT_COOPERATIVE, _moves_whole)(SMELT_COOPERATIVE t, SMELT_COOPERATIVE_TENSOR m, uint row,
                                                uint column)
{
    uint stride = smelt_stride(m, 0);
    bool inside = row + SMELT_CAT(SMELT_COOPERATIVE, _rows) <= smelt_extent(m, 0) &&
                  column + SMELT_CAT(SMELT_COOPERATIVE, _columns) <= smelt_extent(m, 1);
    uint places = uvec2(m.data).x | stride * SMELT_CO_SIZE | column * SMELT_CO_SIZE;
    return inside && smelt_stride(m, 1) == 1u && (places & 15u) == 0u;
}
#endif

#if (SMELT_COOPERATIVE_TENSOR_ACCESS & SMELT_ACCESS_READ) != 0
void smelt_load(inout SMELT_COOPERATIVE t, SMELT_COOPERATIVE_TENSOR m, uint row, uint column)
{
#if SMELT_CO_WHOLE
    if (SMELT_CAT(SMELT_COOPERATIVE, _moves_whole)(t, m, row, column)) {
        uint stride = smelt_stride(m, 0);
        uvec2 first = SMELT_CAT(SMELT_COOPERATIVE, _first)() + uvec2(row, column);
        [[unroll]] for (int piece = 0; piece < SMELT_CO_PIECES; piece++)
        {
            uvec2 fragment = uvec2(piece / SMELT_CO_ACROSS, piece % SMELT_CO_ACROSS) * SMELT_CO_FRAGMENT;
            SMELT_CO_MATRIX e;
            coopMatLoad(e, SMELT_CO_ELEMENTS(m), (first.x + fragment.x) * stride + first.y + fragment.y,
                        stride, gl_CooperativeMatrixLayoutRowMajor);
            t.e[piece / SMELT_CO_ACROSS][piece % SMELT_CO_ACROSS] = SMELT_CO_OWN_MATRIX(e);
        }
        return;
    }
#endif
    SMELT_CO_PLACES p = SMELT_CAT(SMELT_COOPERATIVE, _locate)();
    [[unroll]] for (int piece = 0; piece < SMELT_CO_PIECES; piece++)
        [[unroll]] for (int i = 0; i < smelt_length(t); i++)
    {
        uvec2 place = smelt_place(p, piece, i);
        smelt_set(t, piece, i,
                  smelt_valid(p) ? SMELT_CO_T(smelt_load(m, row + place.x, column + place.y))
                                 : SMELT_CO_T(0));
    }
}
#endif

#if (SMELT_COOPERATIVE_TENSOR_ACCESS & SMELT_ACCESS_WRITE) != 0
void smelt_store(SMELT_COOPERATIVE t, SMELT_COOPERATIVE_TENSOR m, uint row, uint column, uvec2 from)
{
#if SMELT_CO_WHOLE
    bool whole = SMELT_CAT(SMELT_COOPERATIVE, _moves_whole)(t, m, row, column) &&
                 from % SMELT_CO_FRAGMENT == uvec2(0u);
    if (whole) {
        uint stride = smelt_stride(m, 0);
        uvec2 first = SMELT_CAT(SMELT_COOPERATIVE, _first)();
        [[unroll]] for (int piece = 0; piece < SMELT_CO_PIECES; piece++)
        {
            uvec2 place = first + uvec2(piece / SMELT_CO_ACROSS, piece % SMELT_CO_ACROSS) * SMELT_CO_FRAGMENT;
            SMELT_CO_MATRIX e = SMELT_CO_MATRIX(t.e[piece / SMELT_CO_ACROSS][piece % SMELT_CO_ACROSS]);
            if (all(greaterThanEqual(place, from)))
                coopMatStore(e, SMELT_CO_ELEMENTS(m), (row + place.x) * stride + column + place.y, stride,
                             gl_CooperativeMatrixLayoutRowMajor);
        }
    }
#else
    const bool whole = false;
#endif
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT
    // Subgroups of a workgroup that are groups of their own take the same barriers: software devices want it.
    if (whole &&
        gl_NumSubgroups == SMELT_CAT(SMELT_COOPERATIVE, _parts_m) * SMELT_CAT(SMELT_COOPERATIVE, _parts_n))
        return;
    // By way of the scratch, where the place of every element is known: as many pieces at once as it holds.
    const int slots = min(SMELT_CAT(SMELT_COOPERATIVE, _slots), SMELT_CO_PIECES);
    const uint across = uint(SMELT_CO_ACROSS);
    const uint each = SMELT_CAT(SMELT_COOPERATIVE, _fragment_m) * SMELT_CAT(SMELT_COOPERATIVE, _fragment_n);
#if SMELT_CO_RUNS
    bool runs = SMELT_CAT(SMELT_COOPERATIVE, _moves_whole)(t, m, row, column) && from.y % 8u == 0u;
#endif
    [[unroll]] for (int done = 0; done < SMELT_CO_PIECES; done += slots)
    {
        SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
        [[unroll]] for (int slot = 0; slot < slots; slot++) if (done + slot < SMELT_CO_PIECES)
            SMELT_CAT(SMELT_COOPERATIVE, _lay)(t, done + slot, slot);
        SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
        uint count = whole ? 0u : uint(min(slots, SMELT_CO_PIECES - done)) * each;
#if SMELT_CO_RUNS
        for (uint i = gl_SubgroupInvocationID * 8u; runs && i < count;
             i += SMELT_CAT(SMELT_COOPERATIVE, _subgroup_size) * 8u) {
            uint piece = uint(done) + i / each, at = i % each;
            uvec2 place = SMELT_CAT(SMELT_COOPERATIVE, _first)() +
                          uvec2(piece / across, piece % across) * SMELT_CO_FRAGMENT +
                          uvec2(at / SMELT_CO_FRAGMENT.y, at % SMELT_CO_FRAGMENT.y);
            uvec4 words;
            [[unroll]] for (uint j = 0u; j < 4u; j++) words[j] =
                smelt_bf16_from_f32(SMELT_CAT(SMELT_COOPERATIVE, _laid)(int(i / each), at + 2u * j)) |
                smelt_bf16_from_f32(SMELT_CAT(SMELT_COOPERATIVE, _laid)(int(i / each), at + 2u * j + 1u))
                    << 16;
            if (all(greaterThanEqual(place, from)))
                smelt_words4_write_data(uvec2(m.data))
                    .e[((row + place.x) * smelt_stride(m, 0) + column + place.y) / 8u] = words;
        }
        count = runs ? 0u : count;
#endif
        for (uint i = gl_SubgroupInvocationID; i < count; i += SMELT_CAT(SMELT_COOPERATIVE, _subgroup_size)) {
            uint piece = uint(done) + i / each, at = i % each;
            uvec2 place = SMELT_CAT(SMELT_COOPERATIVE, _first)() +
                          uvec2(piece / across, piece % across) * SMELT_CO_FRAGMENT +
                          uvec2(at / SMELT_CO_FRAGMENT.y, at % SMELT_CO_FRAGMENT.y);
            if (all(greaterThanEqual(place, from)))
                smelt_store(m, row + place.x, column + place.y,
                            SMELT_CO_VALUE(SMELT_CAT(SMELT_COOPERATIVE, _laid)(int(i / each), at)));
        }
    }
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
#else
    SMELT_CO_PLACES p = SMELT_CAT(SMELT_COOPERATIVE, _locate)();
    if (whole || !smelt_valid(p))
        return;
    [[unroll]] for (int piece = 0; piece < SMELT_CO_PIECES; piece++)
        [[unroll]] for (int i = 0; i < smelt_length(t); i++)
    {
        uvec2 place = smelt_place(p, piece, i);
        if (all(greaterThanEqual(place, from)))
            smelt_store(m, row + place.x, column + place.y, SMELT_CO_VALUE(smelt_get(t, piece, i)));
    }
#endif
}

void smelt_store(SMELT_COOPERATIVE t, SMELT_COOPERATIVE_TENSOR m, uint row, uint column)
{
    smelt_store(t, m, row, column, uvec2(0u));
}
#endif

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_DTYPE
#undef SMELT_COOPERATIVE_BACKEND
#undef SMELT_COOPERATIVE_TENSOR
#undef SMELT_COOPERATIVE_TENSOR_DTYPE
#undef SMELT_COOPERATIVE_TENSOR_ACCESS
#undef SMELT_CO_PLACES
#undef SMELT_CO_PIECES
#undef SMELT_CO_ACROSS
#undef SMELT_CO_FRAGMENT
#undef SMELT_CO_T
#undef SMELT_CO_VALUE
#undef SMELT_CO_WHOLE
#undef SMELT_CO_RUNS
#undef SMELT_CO_SIZE
#undef SMELT_CO_ELEMENTS
#undef SMELT_CO_MATRIX
#undef SMELT_CO_OWN_MATRIX
