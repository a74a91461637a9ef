// SPDX-License-Identifier: MIT
// matvec_matrix_head.glsl: what the kernels of a matrix with 1 to 8 vectors of f16 by the device's 16x8x16 matrices share:
// the workgroup, whose subgroups take different terms of the same rows, and where an invocation has which elements.
//
// matmul2d_head.glsl and matvec_store.glsl come before; matvec_matrix_body.glsl, matvec_matrix_scaled_body.glsl or
// matvec_matrix_rounded_body.glsl, and matvec_matrix_finish.glsl follow. The includer's, besides theirs: KERNEL_TILES (of 16
// rows, that a workgroup takes); KERNEL_SUBGROUPS; KERNEL_ALONG (1: a vector's elements follow each other, and vectors begin
// at multiples of 16 bytes; 0: the vectors' elements of one term follow each other). 16 bytes of the matrix divide its rows and their
// distance. Subgroups have 32 invocations.
#include "smelt/memory.glsl"

#define TILES KERNEL_TILES
#define SUBGROUPS KERNEL_SUBGROUPS

layout(local_size_x = 32 * SUBGROUPS) in;
#if (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
void main() // the twin that is made for reflection; all else is left out, to the end of matvec_matrix_finish.glsl
{
    store(gl_WorkGroupID.x, 0u, float(uint(KERNEL_A.x + KERNEL_B.x)), fixed_m, fixed_n, fixed_stride_d);
}
#else
// Sums of a subgroup: of a row, of eight vectors, of which two invocations have parts in matvec_matrix_scaled_body.glsl.
#if KERNEL_SCALE_STORED != 0 && KERNEL_VECTORS == 1
#define PARTS 2
#else
#define PARTS 1
#endif
#define PITCH (16 * TILES * 8 * PARTS)
shared float pool[SUBGROUPS * PITCH];

struct operands {
    uvec2 matrix, vectors;
    uint lines, terms, step, step_x;
};

uint vector_element(operands o, uint v, uint k)
{
    uint at = KERNEL_ALONG != 0 ? v * o.step_x + k : k * o.step_x + v;
    return uint(smelt_halfs_data(o.vectors).e[at]);
}

// Eight terms of a vector from term k on.
uvec4 vector_words(operands o, uint v, uint k)
{
    if (KERNEL_ALONG != 0)
        return smelt_words4_data(o.vectors).e[(v * o.step_x + k) / 8u];
    uvec4 words;
    [[unroll]] for (uint i = 0u; i < 4u; i++) words[i] =
        vector_element(o, v, k + 2u * i) | vector_element(o, v, k + 2u * i + 1u) << 16u;
    return words;
}

// Each product by itself, into the pool, where matrices' elements are in other places: see matvec_matrix_finish.glsl.
void add_one_by_one(operands o, uint first);
