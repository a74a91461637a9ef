// SPDX-License-Identifier: MIT
// matvec_body.glsl: products of a matrix with 1 to 8 vectors, which cost no more than reading the matrix. A workgroup takes a
// few rows; an invocation reads 16 bytes of each at a time, the vectors wait in shared memory. All sums are of f32.
//
// matmul2d_head.glsl and matvec_finish.glsl come before. The includer's, besides theirs: KERNEL_ALONG (1: a vector's elements
// follow each other). Rows of the matrix begin at multiples of 16 bytes.
#define KERNEL_VECTOR KERNEL_TENSOR(vector, KERNEL_LEFT_STORED, _2_r_0x0)
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F32
#define GROUP 4  // elements of 16 bytes
#define PACKED 1 // of a word
#else
#define GROUP 8
#define PACKED 2
#endif
#define CHUNK (THREADS * GROUP) // of the sum, in shared memory at a time

#define SMELT_TENSOR vector
#define SMELT_DTYPE KERNEL_LEFT_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#include "smelt/memory.glsl"

// Two neighbours; the second is 0 where a word holds one.
uint pack(vec2 v)
{
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F32
    return floatBitsToUint(v.x);
#elif KERNEL_LEFT_STORED == SMELT_DTYPE_F16
    return packHalf2x16(v);
#else
    return floatBitsToUint(v.x) >> 16u | (floatBitsToUint(v.y) & 0xffff0000u);
#endif
}

vec2 unpack(uint word)
{
#if KERNEL_LEFT_STORED == SMELT_DTYPE_F32
    return vec2(uintBitsToFloat(word), 0.0);
#elif KERNEL_LEFT_STORED == SMELT_DTYPE_F16
    return unpackHalf2x16(word);
#else
    return vec2(uintBitsToFloat(word << 16u), uintBitsToFloat(word & 0xffff0000u));
#endif
}

// CHUNK terms of every vector from `from` on, beyond the sum 0.
void stage(KERNEL_VECTOR x, uint from, uint terms)
{
    for (uint i = gl_LocalInvocationIndex; i < KERNEL_VECTORS * CHUNK / PACKED; i += THREADS) {
        uint v = KERNEL_ALONG != 0 ? i / (CHUNK / PACKED) : i % KERNEL_VECTORS;
        uint word = KERNEL_ALONG != 0 ? i % (CHUNK / PACKED) : i / KERNEL_VECTORS;
        uint k = from + word * PACKED, at = v * smelt_stride(x, 0) + k * smelt_stride(x, 1);
        vec2 pair = vec2(0.0);
        if (k < terms)
            pair = vec2(smelt_load_at(x, at), PACKED == 2 ? smelt_load_at(x, at + smelt_stride(x, 1)) : 0.0);
        pool[v * THREADS + word / 4u][word % 4u] = pack(pair);
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
    uint t = gl_LocalInvocationIndex, first = gl_WorkGroupID.x * ROWS;
    uvec2 matrix = KERNEL_SWAPPED != 0 ? KERNEL_B : KERNEL_A;
    uint step_x = KERNEL_SWAPPED != 0 ? step_a : step_b;
    KERNEL_VECTOR x;
    x.data = KERNEL_DATA(KERNEL_LEFT_STORED, _r_data)(KERNEL_SWAPPED != 0 ? KERNEL_A : KERNEL_B);
    x.extent = uint[2](KERNEL_VECTORS, terms);
    x.stride = KERNEL_ALONG != 0 ? uint[2](step_x, 1) : uint[2](1, step_x);

    float sums[ROWS][KERNEL_VECTORS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++) [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
        sums[r][v] = 0.0;
    for (uint from = 0u; from < terms; from += CHUNK) {
        uint k = from + t * GROUP;
        uvec4 w[ROWS];
        [[unroll]] for (uint r = 0u; r < ROWS; r++) w[r] =
            k < terms ? smelt_words4_data(matrix).e[min(first + r, lines - 1u) * (step / GROUP) + k / GROUP]
                      : uvec4(0u);
        barrier();
        stage(x, from, terms);
        barrier();
        [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
        {
            uvec4 e = pool[v * THREADS + t];
            [[unroll]] for (uint word = 0u; word < 4u; word++)
            {
                vec2 y = unpack(e[word]);
                [[unroll]] for (uint r = 0u; r < ROWS; r++)
                {
                    vec2 z = unpack(w[r][word]);
                    sums[r][v] = fma(z.x, y.x, sums[r][v]);
                    if (PACKED == 2)
                        sums[r][v] = fma(z.y, y.y, sums[r][v]);
                }
            }
        }
    }
    finish(sums, first, rows, columns, step_d);
}
