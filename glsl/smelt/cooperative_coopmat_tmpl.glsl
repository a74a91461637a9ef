// SPDX-License-Identifier: MIT
// cooperative_coopmat_tmpl.glsl: cooperative tensors as KHR cooperative matrices; part of cooperative_tmpl.glsl.
//
// what    each subgroup holds an array of accumulators of the device's shape. Where a device keeps an element is its
//         secret: an accumulator loaded from a table of indices tells (f16 holds integers up to 2048 exactly)
// params  those of cooperative_tmpl.glsl
// makes   see cooperative_tmpl.glsl. NAME_locate writes FRAGMENT_M FRAGMENT_N elements to the scratch. For
//         cooperative_tensor_tmpl.glsl: const int NAME_slots, how many pieces of each subgroup the scratch holds at once;
//         NAME_lay, NAME_laid, which put a piece into a slot and read an element of one
// errors  see cooperative_tmpl.glsl
// needs   cooperative_tmpl.glsl around it; VK_KHR_cooperative_matrix with an accumulator of this type and shape
// source  GLSL_KHR_cooperative_matrix revision 2
#if SMELT_COOPERATIVE_FRAGMENT_M * SMELT_COOPERATIVE_FRAGMENT_N > 2048 ||                                    \
    SMELT_COOPERATIVE_FRAGMENT_N % 8 != 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_M * _N must be at most 2048, _N a multiple of 8"
#endif
#define SMELT_CO_FLOATS                                                                                      \
    coopmat<float, gl_ScopeSubgroup, SMELT_COOPERATIVE_FRAGMENT_M, SMELT_COOPERATIVE_FRAGMENT_N,             \
            gl_MatrixUseAccumulator>
#define SMELT_CO_WIDE 0
#include "smelt/cooperative_fragments_tmpl.glsl"
#undef SMELT_CO_WIDE
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
#define SMELT_CO_RUN 8
#else
#define SMELT_CO_RUN 4
#endif

struct SMELT_CO_PLACES {
    SMELT_CO_MATRIX index; // row FRAGMENT_N + column
    uvec2 first;           // of the subgroup's elements
};

SMELT_CO_PLACES SMELT_CAT(SMELT_COOPERATIVE, _locate)()
{
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
    for (uint i = SMELT_CO_THREAD;
         i < SMELT_COOPERATIVE_FRAGMENT_M * SMELT_COOPERATIVE_FRAGMENT_N / SMELT_CO_RUN;
         i += SMELT_CAT(SMELT_COOPERATIVE, _threads)) {
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
        SMELT_COOPERATIVE_SCRATCH[SMELT_CO_SCRATCH_BASE + i] = uvec4(i * SMELT_CO_RUN) + uvec4(0, 1, 2, 3);
#else
        vec4 index = vec4(i * SMELT_CO_RUN) + vec4(0.0, 1.0, 2.0, 3.0);
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
        vec4 next = index + 4.0;
        SMELT_COOPERATIVE_SCRATCH[SMELT_CO_SCRATCH_BASE + i] = uvec4(
            packHalf2x16(index.xy), packHalf2x16(index.zw), packHalf2x16(next.xy), packHalf2x16(next.zw));
#else
        SMELT_COOPERATIVE_SCRATCH[SMELT_CO_SCRATCH_BASE + i] = floatBitsToUint(index);
#endif
#endif
    }
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
    SMELT_CO_PLACES p;
    coopMatLoad(p.index, SMELT_COOPERATIVE_SCRATCH, SMELT_CO_SCRATCH_BASE,
                SMELT_COOPERATIVE_FRAGMENT_N / SMELT_CO_RUN, gl_CooperativeMatrixLayoutRowMajor);
    p.first = SMELT_CAT(SMELT_COOPERATIVE, _first)();
    SMELT_CAT(SMELT_COOPERATIVE, _barrier)();
    return p;
}

uvec2 smelt_place(SMELT_CO_PLACES p, int piece, int i)
{
    uint index = uint(p.index[i]);
    uvec2 fragment = uvec2(piece / SMELT_CO_ACROSS, piece % SMELT_CO_ACROSS);
    return p.first + fragment * uvec2(SMELT_COOPERATIVE_FRAGMENT_M, SMELT_COOPERATIVE_FRAGMENT_N) +
           uvec2(index / SMELT_COOPERATIVE_FRAGMENT_N, index % SMELT_COOPERATIVE_FRAGMENT_N);
}

bool smelt_valid(SMELT_CO_PLACES p)
{
    return true;
}

#define SMELT_CO_SLOT (SMELT_COOPERATIVE_FRAGMENT_M * SMELT_COOPERATIVE_FRAGMENT_N / SMELT_CO_RUN)
#if SMELT_COOPERATIVE_SCOPE == SMELT_SCOPE_SUBGROUP
const int SMELT_CAT(SMELT_COOPERATIVE, _slots) = SMELT_COOPERATIVE_SCRATCH_STRIDE / SMELT_CO_SLOT;
#else
const int SMELT_CAT(SMELT_COOPERATIVE,
                    _slots) = SMELT_COOPERATIVE_SCRATCH.length() /
                              (SMELT_CO_SLOT * SMELT_COOPERATIVE_SUBGROUPS_M * SMELT_COOPERATIVE_SUBGROUPS_N);
#endif

SMELT_REQUIRE(SMELT_CAT(SMELT_COOPERATIVE, _scratch_is_too_small), SMELT_CAT(SMELT_COOPERATIVE, _slots) >= 1)

uint SMELT_CAT(SMELT_COOPERATIVE, _slot)(int slot)
{
    return SMELT_CO_SCRATCH_BASE +
           (SMELT_CO_SUBGROUP * uint(SMELT_CAT(SMELT_COOPERATIVE, _slots)) + uint(slot)) * SMELT_CO_SLOT;
}

void SMELT_CAT(SMELT_COOPERATIVE, _lay)(SMELT_COOPERATIVE t, int piece, int slot)
{
    coopMatStore(t.e[piece / SMELT_CO_ACROSS][piece % SMELT_CO_ACROSS], SMELT_COOPERATIVE_SCRATCH,
                 SMELT_CAT(SMELT_COOPERATIVE, _slot)(slot), SMELT_COOPERATIVE_FRAGMENT_N / SMELT_CO_RUN,
                 gl_CooperativeMatrixLayoutRowMajor);
}

// Element `at` of a piece, row FRAGMENT_N + column.
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
int SMELT_CAT(SMELT_COOPERATIVE, _laid)(int slot, uint at)
#else
float SMELT_CAT(SMELT_COOPERATIVE, _laid)(int slot, uint at)
#endif
{
    uvec4 words = SMELT_COOPERATIVE_SCRATCH[SMELT_CAT(SMELT_COOPERATIVE, _slot)(slot) + at / SMELT_CO_RUN];
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_F16
    return unpackHalf2x16(words[at / 2u % 4u])[at % 2u];
#elif SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
    return int(words[at % 4u]);
#else
    return uintBitsToFloat(words[at % 4u]);
#endif
}

#undef SMELT_CO_SLOT

// A matrix of floats to the scratch, and one whose columns (ColumnMajor; rows: RowMajor) are all the values from `at` on;
// `at` and `pitch` in floats, multiples of 4.
void SMELT_CAT(SMELT_COOPERATIVE, _scratch_store)(SMELT_CO_FLOATS v, uint at, uint pitch)
{
    coopMatStore(v, SMELT_COOPERATIVE_SCRATCH, SMELT_CO_SCRATCH_BASE + at / 4, pitch / 4,
                 gl_CooperativeMatrixLayoutRowMajor);
}
void SMELT_CAT(SMELT_COOPERATIVE, _scratch_spread)(out SMELT_CO_FLOATS v, uint at, const int layout_)
{
    if (layout_ == gl_CooperativeMatrixLayoutColumnMajor)
        coopMatLoad(v, SMELT_COOPERATIVE_SCRATCH, SMELT_CO_SCRATCH_BASE + at / 4, 0,
                    gl_CooperativeMatrixLayoutColumnMajor);
    else
        coopMatLoad(v, SMELT_COOPERATIVE_SCRATCH, SMELT_CO_SCRATCH_BASE + at / 4, 0,
                    gl_CooperativeMatrixLayoutRowMajor);
}

#undef SMELT_CO_RUN
#undef SMELT_CO_FLOATS
