// SPDX-License-Identifier: MIT
// matvec_body.glsl: products of a matrix with 1 to 8 vectors, which cost no more than reading the matrix. A workgroup takes a
// few rows; an invocation reads 16 bytes of each at a time, and what belongs to them of the vectors, which the cache holds.
// All sums are of f32.
//
// matmul2d_head.glsl and matvec_finish.glsl come before. The includer's, besides theirs: KERNEL_ALONG (1: a vector's elements
// follow each other; 0: the vectors' elements of one term do). Rows of the matrix begin at multiples of 16 bytes.
#define KERNEL_VECTOR KERNEL_TENSOR(vector, KERNEL_LEFT_STORED, _2_r_0x0)
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F32
#define GROUP 4  // elements of 16 bytes
#define PACKED 1 // of a word
#else
#define GROUP 8
#define PACKED 2
#endif
// Of each row, before they are used: together they keep the memory busy.
#if KERNEL_VECTORS > 2
#define PIECES 1
#else
#define PIECES 2
#endif

#define SMELT_TENSOR vector
#define SMELT_DTYPE KERNEL_LEFT_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#include "smelt/memory.glsl"

// Element i of 16 bytes.
float element(uvec4 words, uint i)
{
    uint word = words[i / PACKED];
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F32
    return uintBitsToFloat(word);
#elif KERNEL_LEFT_STORED == SMELT_DTYPE_F16
    return unpackHalf2x16(word)[i % PACKED];
#else
    return uintBitsToFloat(i % PACKED == 0u ? word << 16u : word & 0xffff0000u);
#endif
}

// GROUP terms of all vectors from term k on; `wide`: they lie in whole pieces of 16 bytes.
float[KERNEL_VECTORS * GROUP] vectors_at(KERNEL_VECTOR x, uint k, const bool wide)
{
    float e[KERNEL_VECTORS * GROUP]; // of vector v: from v GROUP on
    uint first = k * smelt_stride(x, 1);
    if (wide) {
        [[unroll]] for (uint piece = 0u; piece < KERNEL_VECTORS; piece++)
        {
            uint at = KERNEL_ALONG != 0 ? piece * smelt_stride(x, 0) + k : first + piece * GROUP;
            uvec4 words = smelt_words4_data(uvec2(x.data)).e[at / GROUP];
            [[unroll]] for (uint i = 0u; i < GROUP; i++)
            {
                uint one = piece * GROUP + i;
                e[KERNEL_ALONG != 0 ? one : one % KERNEL_VECTORS * GROUP + one / KERNEL_VECTORS] =
                    element(words, i);
            }
        }
        return e;
    }
    [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++) [[unroll]] for (uint i = 0u; i < GROUP; i++)
        e[v * GROUP + i] = smelt_load_at(x, v * smelt_stride(x, 0) + first + i * smelt_stride(x, 1));
    return e;
}

void add_terms(inout float sums[ROWS][KERNEL_VECTORS], uvec2 matrix, uint at[ROWS], KERNEL_VECTOR x,
               uint terms, const bool wide)
{
    for (uint from = gl_LocalInvocationIndex * GROUP; from < terms; from += PIECES * THREADS * GROUP) {
        uvec4 w[PIECES][ROWS];
        [[unroll]] for (uint p = 0u; p < PIECES; p++) [[unroll]] for (uint r = 0u; r < ROWS; r++)
        {
            uint k = min(from + p * (THREADS * GROUP), terms - GROUP);
            w[p][r] = smelt_words4_data(matrix).e[at[r] + k / GROUP];
        }
        [[unroll]] for (uint p = 0u; p < PIECES; p++)
        {
            uint k = from + p * (THREADS * GROUP);
            if (p > 0u && k >= terms)
                break;
            float e[KERNEL_VECTORS * GROUP] = vectors_at(x, k, wide);
            [[unroll]] for (uint r = 0u; r < ROWS; r++) [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
                [[unroll]] for (uint i = 0u; i < GROUP; i++) sums[r][v] =
                    fma(element(w[p][r], i), e[v * GROUP + i], sums[r][v]);
        }
    }
}

void main()
{
    uint rows = fixed_m != 0 ? fixed_m : m, columns = fixed_n != 0 ? fixed_n : n,
         terms = fixed_k != 0 ? fixed_k : k;
    uint step_a = fixed_stride_a != 0 ? fixed_stride_a : stride_a[0];
    uint step_b = fixed_stride_b != 0 ? fixed_stride_b : stride_b[0];
    uint step_d = fixed_stride_d != 0 ? fixed_stride_d : stride_d;
    uint lines = KERNEL_SWAPPED != 0 ? columns : rows, step = KERNEL_SWAPPED != 0 ? step_b : step_a;
    uint first = gl_WorkGroupID.x * ROWS;
    uvec2 matrix = KERNEL_SWAPPED != 0 ? KERNEL_B : KERNEL_A;
    uvec2 vectors = KERNEL_SWAPPED != 0 ? KERNEL_A : KERNEL_B;
    uint step_x = KERNEL_SWAPPED != 0 ? step_a : step_b;
    KERNEL_VECTOR x;
    x.data = KERNEL_DATA(KERNEL_LEFT_STORED, _r_data)(vectors);
    x.extent = uint[2](KERNEL_VECTORS, terms);
    x.stride = KERNEL_ALONG != 0 ? uint[2](step_x, 1) : uint[2](1, step_x);
    bool wide = (vectors.x & 15u) == 0u &&
                (KERNEL_ALONG != 0 ? step_x % GROUP == 0u || KERNEL_VECTORS == 1 : step_x == KERNEL_VECTORS);

    uint at[ROWS];
    float sums[ROWS][KERNEL_VECTORS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++)
    {
        at[r] = min(first + r, lines - 1u) * (step / GROUP);
        [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++) sums[r][v] = 0.0;
    }
    if (wide)
        add_terms(sums, matrix, at, x, terms, true);
    else
        add_terms(sums, matrix, at, x, terms, false);
    finish(sums, first, rows, columns, step_d);
}
