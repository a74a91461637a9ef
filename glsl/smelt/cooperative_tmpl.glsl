// SPDX-License-Identifier: MIT
// cooperative_tmpl.glsl: a matrix that the invocations of a subgroup or a workgroup hold together in registers.
//
// what    a ROWS x COLUMNS tile spread over the group; which invocation holds which element is the backend's affair.
//         Groups stand in a one-dimensional order: gl_LocalInvocationIndex numbers the workgroup's invocations
// params  all required, all undefined afterwards:
//         SMELT_COOPERATIVE                 name
//         SMELT_COOPERATIVE_SCOPE           SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP: who holds it
//         SMELT_COOPERATIVE_ROWS _COLUMNS   decimal literals, 1 to 1024
//         SMELT_COOPERATIVE_DTYPE           SMELT_DTYPE_F32, _F16 or _I32, of the elements
//         SMELT_COOPERATIVE_SUBGROUP_SIZE   decimal literal: the size the pipeline requires
//         SMELT_COOPERATIVE_SUBGROUPS_M _N  decimal literals: WORKGROUP: the workgroup is exactly M x N subgroups, side
//                                           by side over the tile; SUBGROUP: 1 and 1
//         SMELT_COOPERATIVE_FRAGMENT_M _N   PORTABLE: rows and columns of one invocation, N even, as many such blocks
//                                           in the tile as invocations at most; COOPMAT: the shape of the
//                                           device's cooperative matrices, subgroups times it divides the tile;
//                                           COOPMAT2: multiples of the device's granularity (lavapipe of Mesa 26.1
//                                           reduces larger ones wrongly). The whole tile of more than one subgroup:
//                                           one matrix of the workgroup
//         SMELT_COOPERATIVE_SCRATCH         name of a `shared uvec4` array, COOPMAT: of at least M N / 4 (f16: / 8)
//                                           elements of it for a fragment, for each subgroup in the workgroup. It may
//                                           serve several instances: functions that use it say so
//         SMELT_COOPERATIVE_SCRATCH_STRIDE  decimal literal: uvec4 of the array that each group of scope SUBGROUP
//                                           calls its own
//         SMELT_COOPERATIVE_BACKEND         SMELT_BACKEND_PORTABLE, _COOPMAT, _COOPMAT2, or _DOT8, which is held as
//                                           PORTABLE is
// makes   struct NAME, struct NAME_places, and, with T = int for I32 and float for the others,
//         void smelt_fill(out NAME t, T v)             every element
//         const int NAME_pieces; int smelt_length(NAME t)   each invocation holds `length` elements in each piece
//         T smelt_get(NAME t, int piece, int i)             cheap in loops that unroll, over pieces at least
//         void smelt_set(inout NAME t, int piece, int i, T v)   v rounded to DTYPE
//         NAME_places NAME_locate()                    where elements are; by the whole group, uses the scratch
//         uvec2 smelt_place(NAME_places p, int piece, int i)   (row, column) of an element in the tile
//         bool smelt_valid(NAME_places p)              false: this invocation's elements are not part of the tile
//         int smelt_capacity(NAME t) ; smelt_get(t, i), smelt_set(t, i, v), smelt_place(t, p, i): all pieces in a row
//         struct NAME_per_row, NAME_per_column         one value for each row or column, of DTYPE, as reductions make
//                                                      (cooperative_reduce_tmpl.glsl); for them smelt_fill, smelt_get,
//                                                      smelt_set, smelt_length, TYPE_pieces as for NAME (elements of
//                                                      their own), and
//         float smelt_reduced(TYPE r, int piece, int i)   the value of the row (column) of the tile's element: the way
//                                                      back from reduced to elements
//         void NAME_barrier()                          of the group, for the scratch; control flow must be uniform in
//                                                      the workgroup: with lavapipe (Mesa 26.1) a subgroup that has
//                                                      left stops the others
//         const uint NAME_rows, NAME_columns, NAME_threads; uint NAME_thread(): number of the invocation in the group
//         and by cooperative_tensor_tmpl.glsl loads and stores, _reduce_ reductions, _map_ and _zip_ a function of each
//         element, _convert_ another type, _transfer_ values of rows for another tile
// errors  smelt_set rounds once; everything else is exact
// needs   base.glsl first; compute; DTYPE F16: shaderFloat16; COOPMAT and scope SUBGROUP: full subgroups of
//         SUBGROUP_SIZE (VkPipelineShaderStageRequiredSubgroupSizeCreateInfo,
//         VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT); COOPMAT2: cooperative_coopmat2_tmpl.glsl
// source  Metal Performance Primitives, cooperative_tensor; GLSL_KHR_cooperative_matrix
#ifndef SMELT_BASE_GLSL
#error "cooperative_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_COOPERATIVE
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE (name of the type) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_SCOPE
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SCOPE (who holds the tile) is not defined"
#endif
#if SMELT_COOPERATIVE_SCOPE != SMELT_SCOPE_SUBGROUP && SMELT_COOPERATIVE_SCOPE != SMELT_SCOPE_WORKGROUP
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SCOPE must be SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP"
#endif
#ifndef SMELT_COOPERATIVE_ROWS
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_ROWS (of the tile) is not defined"
#endif
#if SMELT_COOPERATIVE_ROWS < 1 || SMELT_COOPERATIVE_ROWS > 1024
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_ROWS (of the tile) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_COOPERATIVE_COLUMNS
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_COLUMNS (of the tile) is not defined"
#endif
#if SMELT_COOPERATIVE_COLUMNS < 1 || SMELT_COOPERATIVE_COLUMNS > 1024
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_COLUMNS (of the tile) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_COOPERATIVE_DTYPE
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_DTYPE (SMELT_DTYPE_x of the elements) is not defined"
#endif
#if SMELT_COOPERATIVE_DTYPE != SMELT_DTYPE_F32 && SMELT_COOPERATIVE_DTYPE != SMELT_DTYPE_F16 &&              \
    SMELT_COOPERATIVE_DTYPE != SMELT_DTYPE_I32
#error                                                                                                       \
    "cooperative_tmpl.glsl: SMELT_COOPERATIVE_DTYPE (of the elements) must be SMELT_DTYPE_F32, _F16 or _I32"
#endif
#ifndef SMELT_COOPERATIVE_SUBGROUP_SIZE
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SUBGROUP_SIZE (invocations of a subgroup) is not defined"
#endif
#if SMELT_COOPERATIVE_SUBGROUP_SIZE < 1 || SMELT_COOPERATIVE_SUBGROUP_SIZE > 128
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SUBGROUP_SIZE must be a literal, 1 to 128"
#endif
#if !defined SMELT_COOPERATIVE_SUBGROUPS_M || !defined SMELT_COOPERATIVE_SUBGROUPS_N
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SUBGROUPS_M or _N (subgroups over the tile) is not defined"
#endif
#if SMELT_COOPERATIVE_SUBGROUPS_M < 1 || SMELT_COOPERATIVE_SUBGROUPS_N < 1
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SUBGROUPS_M and _N must be literals, 1 or more"
#endif
#if SMELT_COOPERATIVE_SCOPE == SMELT_SCOPE_SUBGROUP &&                                                       \
    SMELT_COOPERATIVE_SUBGROUPS_M * SMELT_COOPERATIVE_SUBGROUPS_N != 1
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SUBGROUPS_M and _N must be 1 with SMELT_SCOPE_SUBGROUP"
#endif
#if !defined SMELT_COOPERATIVE_FRAGMENT_M || !defined SMELT_COOPERATIVE_FRAGMENT_N
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_M or _N (what is held in one piece) is not defined"
#endif
#if SMELT_COOPERATIVE_FRAGMENT_M < 1 || SMELT_COOPERATIVE_FRAGMENT_N < 1
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_FRAGMENT_M and _N must be literals, 1 or more"
#endif
#ifndef SMELT_COOPERATIVE_SCRATCH
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_SCRATCH_STRIDE
#error                                                                                                       \
    "cooperative_tmpl.glsl: SMELT_COOPERATIVE_SCRATCH_STRIDE (uvec4 of the array for a subgroup) is not defined"
#endif
#ifndef SMELT_COOPERATIVE_BACKEND
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_BACKEND (SMELT_BACKEND_x) is not defined"
#endif

const uint SMELT_CAT(SMELT_COOPERATIVE, _rows) = SMELT_COOPERATIVE_ROWS;
const uint SMELT_CAT(SMELT_COOPERATIVE, _columns) = SMELT_COOPERATIVE_COLUMNS;
const uint SMELT_CAT(SMELT_COOPERATIVE, _subgroup_size) = SMELT_COOPERATIVE_SUBGROUP_SIZE;
const uint SMELT_CAT(SMELT_COOPERATIVE, _fragment_m) = SMELT_COOPERATIVE_FRAGMENT_M;
const uint SMELT_CAT(SMELT_COOPERATIVE, _fragment_n) = SMELT_COOPERATIVE_FRAGMENT_N;
const uint SMELT_CAT(SMELT_COOPERATIVE,
                     _threads) = SMELT_COOPERATIVE_SUBGROUP_SIZE * SMELT_COOPERATIVE_SUBGROUPS_M
                                 * SMELT_COOPERATIVE_SUBGROUPS_N;

#if SMELT_COOPERATIVE_SCOPE == SMELT_SCOPE_SUBGROUP
#define SMELT_CO_THREAD gl_SubgroupInvocationID
#define SMELT_CO_SUBGROUP 0u
#define SMELT_CO_SCRATCH_BASE (gl_SubgroupID * SMELT_COOPERATIVE_SCRATCH_STRIDE)
#define SMELT_CO_SCRATCH_SIZE SMELT_COOPERATIVE_SCRATCH_STRIDE
void SMELT_CAT(SMELT_COOPERATIVE, _barrier)()
{
    subgroupBarrier();
}
#else
#define SMELT_CO_THREAD gl_LocalInvocationIndex
#define SMELT_CO_SUBGROUP gl_SubgroupID
#define SMELT_CO_SCRATCH_BASE 0u
#define SMELT_CO_SCRATCH_SIZE SMELT_COOPERATIVE_SCRATCH.length()
void SMELT_CAT(SMELT_COOPERATIVE, _barrier)()
{
    barrier();
}
#endif
#define SMELT_CO_PLACES SMELT_CAT(SMELT_COOPERATIVE, _places)
#if SMELT_COOPERATIVE_DTYPE == SMELT_DTYPE_I32
#define SMELT_CO_T int
#else
#define SMELT_CO_T float
#endif

uint SMELT_CAT(SMELT_COOPERATIVE, _thread)()
{
    return SMELT_CO_THREAD;
}

// The group's scratch as floats, for what cooperative_reduce_tmpl.glsl and others exchange.
const uint SMELT_CAT(SMELT_COOPERATIVE, _scratch_floats) = 4 * SMELT_CO_SCRATCH_SIZE;
float SMELT_CAT(SMELT_COOPERATIVE, _scratch_get)(uint at)
{
    return uintBitsToFloat(SMELT_COOPERATIVE_SCRATCH[SMELT_CO_SCRATCH_BASE + at / 4][at % 4]);
}
void SMELT_CAT(SMELT_COOPERATIVE, _scratch_set)(uint at, float v)
{
    SMELT_COOPERATIVE_SCRATCH[SMELT_CO_SCRATCH_BASE + at / 4][at % 4] = floatBitsToUint(v);
}

#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_DOT8
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE && ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_PORTABLE) == 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_BACKEND is PORTABLE, but SMELT_BACKENDS lacks it"
#endif
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_DOT8 && ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_DOT8) == 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_BACKEND is DOT8, but SMELT_BACKENDS lacks it"
#endif
#include "smelt/cooperative_portable_tmpl.glsl"
#elif SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_COOPMAT) == 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_BACKEND is COOPMAT, but SMELT_BACKENDS lacks it"
#endif
#include "smelt/cooperative_coopmat_tmpl.glsl"
#elif SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_COOPMAT2
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_COOPMAT2) == 0
#error "cooperative_tmpl.glsl: SMELT_COOPERATIVE_BACKEND is COOPMAT2, but SMELT_BACKENDS lacks it"
#endif
#include "smelt/cooperative_coopmat2_tmpl.glsl"
#else
#error                                                                                                       \
    "cooperative_tmpl.glsl: SMELT_COOPERATIVE_BACKEND must be SMELT_BACKEND_PORTABLE, _DOT8, _COOPMAT or _COOPMAT2"
#endif

SMELT_CO_T smelt_partner(SMELT_COOPERATIVE t, SMELT_COOPERATIVE other, int piece, int i)
{
    return smelt_get(other, piece, i);
}

#define SMELT_VALUES SMELT_CAT(SMELT_COOPERATIVE, _per_row)
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_DOT8
#define SMELT_VALUES_COUNT SMELT_COOPERATIVE_FRAGMENT_M
#else
#define SMELT_VALUES_COUNT SMELT_CO_DOWN
#endif
#define SMELT_VALUES_OF SMELT_CO_VALUE_OF_ROW
#include "smelt/cooperative_values_tmpl.glsl"

#define SMELT_VALUES SMELT_CAT(SMELT_COOPERATIVE, _per_column)
#if SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_PORTABLE || SMELT_COOPERATIVE_BACKEND == SMELT_BACKEND_DOT8
#define SMELT_VALUES_COUNT SMELT_COOPERATIVE_FRAGMENT_N
#else
#define SMELT_VALUES_COUNT SMELT_CO_ACROSS
#endif
#define SMELT_VALUES_OF SMELT_CO_VALUE_OF_COLUMN
#include "smelt/cooperative_values_tmpl.glsl"

int smelt_capacity(SMELT_COOPERATIVE t)
{
    return SMELT_CAT(SMELT_COOPERATIVE, _pieces) * smelt_length(t);
}

SMELT_CO_T smelt_get(SMELT_COOPERATIVE t, int i)
{
    return smelt_get(t, i / smelt_length(t), i % smelt_length(t));
}

void smelt_set(inout SMELT_COOPERATIVE t, int i, SMELT_CO_T v)
{
    smelt_set(t, i / smelt_length(t), i % smelt_length(t), v);
}

uvec2 smelt_place(SMELT_COOPERATIVE t, SMELT_CO_PLACES p, int i)
{
    return smelt_place(p, i / smelt_length(t), i % smelt_length(t));
}

#undef SMELT_COOPERATIVE
#undef SMELT_COOPERATIVE_SCOPE
#undef SMELT_COOPERATIVE_ROWS
#undef SMELT_COOPERATIVE_COLUMNS
#undef SMELT_COOPERATIVE_DTYPE
#undef SMELT_COOPERATIVE_SUBGROUP_SIZE
#undef SMELT_COOPERATIVE_SUBGROUPS_M
#undef SMELT_COOPERATIVE_SUBGROUPS_N
#undef SMELT_COOPERATIVE_FRAGMENT_M
#undef SMELT_COOPERATIVE_FRAGMENT_N
#undef SMELT_COOPERATIVE_SCRATCH
#undef SMELT_COOPERATIVE_SCRATCH_STRIDE
#undef SMELT_COOPERATIVE_BACKEND
#undef SMELT_CO_THREAD
#undef SMELT_CO_SUBGROUP
#undef SMELT_CO_SCRATCH_BASE
#undef SMELT_CO_SCRATCH_SIZE
#undef SMELT_CO_S
#undef SMELT_CO_MATRIX
#undef SMELT_CO_MATRIX_SCOPE
#undef SMELT_CO_PARTS_M
#undef SMELT_CO_PARTS_N
#undef SMELT_CO_DOWN
#undef SMELT_CO_ACROSS
#undef SMELT_CO_VALUE
#undef SMELT_CO_VALUE_FILL
#undef SMELT_CO_VALUE_LENGTH
#undef SMELT_CO_VALUE_AT
#undef SMELT_CO_VALUE_OF_ROW
#undef SMELT_CO_VALUE_OF_COLUMN
#undef SMELT_CO_PLACES
#undef SMELT_CO_T
