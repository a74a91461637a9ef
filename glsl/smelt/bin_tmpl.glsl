// SPDX-License-Identifier: MIT
// bin_tmpl.glsl: sorts samples into bins, so that a workgroup evaluates samples of one bin only: of one material.
//
// what    a counting sort of sample numbers by bin in two dispatches, and what a third needs to work through the bins.
//         Invocations of a subgroup that read different weights each wait for the others: with 8 materials at random
//         that costs a factor of 6, this a fraction
//         1. each invocation calls NAME_count for its sample; 2. NAME_place for the same; 3. NAME_find tells which
//         samples a tile of a fixed size holds. Counters must be 0 before 1; barriers between them are the caller's
// params  all required, all undefined afterwards:
//         SMELT_BIN            name
//         SMELT_BIN_COUNT      decimal literal: bins, 1 to 1024
//         SMELT_BIN_WORKGROUP  decimal literal: invocations of the workgroup
//         SMELT_BIN_SHARED     name of a `shared uint` array of at least 2 SMELT_BIN_COUNT elements. It may serve others
//                              between the calls
// makes   for the name NAME:
//         NAME_counters_u32_2_rw_2x<COUNT>   tensor type: for each bin the samples it holds, then those placed
//         NAME_list_u32_1_rw_0               tensor type: sample numbers, bin after bin, as long as there are samples
//         struct NAME { counters; list; }    for an argument block
//         void NAME_count(NAME b, uint bin, bool valid)               by the whole workgroup, in uniform control flow;
//         void NAME_place(NAME b, uint bin, bool valid, uint number)  an invocation without sample: valid false
//         struct NAME_tile { uint bin, first, count; }
//         NAME_tile NAME_find(NAME b, uint index, uint size)   by the whole workgroup: elements first to first + count
//         - 1 of the list are in `bin`, count is at most size. There are at most COUNT + samples / size tiles; beyond
//         the last one count is 0
// errors  none (no arithmetic). Within a bin the order differs from run to run; what is computed for a sample does not
// needs   base.glsl first; compute; bins of 0 to COUNT - 1; fewer than 2^32 samples
// source  counting sort: Knuth, The Art of Computer Programming 3, section 5.2
#ifndef SMELT_BASE_GLSL
#error "bin_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_BIN
#error "bin_tmpl.glsl: SMELT_BIN (name of the bins) is not defined"
#endif
#ifndef SMELT_BIN_COUNT
#error "bin_tmpl.glsl: SMELT_BIN_COUNT (number of bins, 1 to 1024) is not defined"
#endif
#if SMELT_BIN_COUNT < 1 || SMELT_BIN_COUNT > 1024
#error "bin_tmpl.glsl: SMELT_BIN_COUNT (number of bins) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_BIN_WORKGROUP
#error "bin_tmpl.glsl: SMELT_BIN_WORKGROUP (invocations of the workgroup) is not defined"
#endif
#if SMELT_BIN_WORKGROUP < 1
#error "bin_tmpl.glsl: SMELT_BIN_WORKGROUP (invocations of the workgroup) must be a literal, 1 or more"
#endif
#ifndef SMELT_BIN_SHARED
#error "bin_tmpl.glsl: SMELT_BIN_SHARED (name of a shared uint array) is not defined"
#endif

#define SMELT_TENSOR SMELT_CAT(SMELT_BIN, _counters)
#define SMELT_DTYPE SMELT_DTYPE_U32
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ_WRITE
#define SMELT_EXTENT0 2
#define SMELT_EXTENT1 SMELT_BIN_COUNT
#include "smelt/tensor_tmpl.glsl"

#define SMELT_TENSOR SMELT_CAT(SMELT_BIN, _list)
#define SMELT_DTYPE SMELT_DTYPE_U32
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ_WRITE
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"

struct SMELT_BIN {
    SMELT_CAT(SMELT_CAT(SMELT_BIN, _counters_u32_2_rw_2x), SMELT_BIN_COUNT) counters;
    SMELT_CAT(SMELT_BIN, _list_u32_1_rw_0) list;
};
struct SMELT_CAT(SMELT_BIN, _tile) {
    uint bin, first, count;
};

SMELT_REQUIRE(SMELT_CAT(SMELT_BIN, _shared_is_too_small), SMELT_BIN_SHARED.length() >= 2 * SMELT_BIN_COUNT)

// The workgroup's samples of each bin, in the first half of the shared array; the sample's rank among them.
uint SMELT_CAT(SMELT_BIN, _rank)(uint bin, bool valid)
{
    barrier();
    for (uint i = gl_LocalInvocationIndex; i < SMELT_BIN_COUNT; i += SMELT_BIN_WORKGROUP)
        SMELT_BIN_SHARED[i] = 0u;
    barrier();
    uint rank = valid ? atomicAdd(SMELT_BIN_SHARED[bin], 1u) : 0u;
    barrier();
    return rank;
}

void SMELT_CAT(SMELT_BIN, _count)(SMELT_BIN b, uint bin, bool valid)
{
    SMELT_CAT(SMELT_BIN, _rank)(bin, valid);
    for (uint i = gl_LocalInvocationIndex; i < SMELT_BIN_COUNT; i += SMELT_BIN_WORKGROUP)
        if (SMELT_BIN_SHARED[i] > 0u)
            atomicAdd(b.counters.data.e[i], SMELT_BIN_SHARED[i]);
}

// Each bin's samples of the workgroup go to a stretch of their own.
void SMELT_CAT(SMELT_BIN, _place)(SMELT_BIN b, uint bin, bool valid, uint number)
{
    uint rank = SMELT_CAT(SMELT_BIN, _rank)(bin, valid);
    for (uint i = gl_LocalInvocationIndex; i < SMELT_BIN_COUNT; i += SMELT_BIN_WORKGROUP) {
        uint first = 0u, count = SMELT_BIN_SHARED[i];
        for (uint j = 0u; count > 0u && j < i; j++)
            first += b.counters.data.e[j];
        if (count > 0u)
            first += atomicAdd(b.counters.data.e[SMELT_BIN_COUNT + i], count);
        SMELT_BIN_SHARED[SMELT_BIN_COUNT + i] = first;
    }
    barrier();
    if (valid)
        b.list.data.e[SMELT_BIN_SHARED[SMELT_BIN_COUNT + bin] + rank] = number;
}

SMELT_CAT(SMELT_BIN, _tile) SMELT_CAT(SMELT_BIN, _find)(SMELT_BIN b, uint index, uint size)
{
    uint first = 0u, tiles = 0u;
    for (uint i = 0u; i < SMELT_BIN_COUNT; i++) {
        uint count = b.counters.data.e[i], here = (count + size - 1u) / size;
        if (index < tiles + here) {
            uint from = (index - tiles) * size;
            return SMELT_CAT(SMELT_BIN, _tile)(i, first + from, min(size, count - from));
        }
        tiles += here;
        first += count;
    }
    return SMELT_CAT(SMELT_BIN, _tile)(0u, 0u, 0u);
}

#undef SMELT_BIN
#undef SMELT_BIN_COUNT
#undef SMELT_BIN_WORKGROUP
#undef SMELT_BIN_SHARED
