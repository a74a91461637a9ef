// SPDX-License-Identifier: MIT
// matvec_body.glsl: products of a matrix with 1 to 8 vectors, which cost no more than reading the matrix. A workgroup takes a
// few rows; an invocation reads 16 bytes of each at a time, the vectors wait in shared memory. All sums are of f32.
//
// matmul2d_head.glsl comes before. The includer's: KERNEL_VECTORS (1 to 8), KERNEL_SWAPPED (1: the vectors are the rows of
// a, the matrix is b as it is stored; 0: they are the columns of b, the matrix is a), KERNEL_ALONG (1: a vector's elements
// follow each other), KERNEL_VECTOR (type). Rows of the matrix begin at multiples of 16 bytes.
#define THREADS 128
layout(local_size_x = THREADS) in;

#if KERNEL_STORED == SMELT_DTYPE_F32
#define GROUP 4  // elements of 16 bytes
#define PACKED 1 // of a word
#else
#define GROUP 8
#define PACKED 2
#endif
#define CHUNK (THREADS * GROUP) // of the sum, in shared memory at a time
#if KERNEL_VECTORS > 2
#define ROWS 8
#else
#define ROWS 4
#endif

#define SMELT_TENSOR vector
#define SMELT_DTYPE KERNEL_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#include "smelt/memory.glsl"

shared uvec4 vectors[KERNEL_VECTORS * THREADS];

// Two neighbours; the second is 0 where a word holds one.
uint pack(vec2 v)
{
#if KERNEL_STORED == SMELT_DTYPE_F32
    return floatBitsToUint(v.x);
#elif KERNEL_STORED == SMELT_DTYPE_F16
    return packHalf2x16(v);
#else
    return floatBitsToUint(v.x) >> 16u | (floatBitsToUint(v.y) & 0xffff0000u);
#endif
}

vec2 unpack(uint word)
{
#if KERNEL_STORED == SMELT_DTYPE_F32
    return vec2(uintBitsToFloat(word), 0.0);
#elif KERNEL_STORED == SMELT_DTYPE_F16
    return unpackHalf2x16(word);
#else
    return vec2(uintBitsToFloat(word << 16u), uintBitsToFloat(word & 0xffff0000u));
#endif
}

float shared_get(uint at)
{
    return uintBitsToFloat(vectors[at / 4u][at % 4u]);
}

void shared_set(uint at, float v)
{
    vectors[at / 4u][at % 4u] = floatBitsToUint(v);
}

void store(uint row, uint v, float sum, uint rows, uint columns, uint step_d)
{
    uvec2 place = KERNEL_SWAPPED != 0 ? uvec2(v, row) : uvec2(row, v);
    sum = product_element(sum, place);
    if (d_is_f32 != 0) {
        wide_f32_2_w_0x0 t;
        t.data = smelt_f32_w_data(of_batch(d, batch_d));
        t.extent = uint[2](rows, columns);
        t.stride = uint[2](step_d, 1);
        smelt_store(t, place.x, place.y, sum);
    } else {
        KERNEL_RESULT t;
        t.data = smelt_u16_w_data(of_batch(d, batch_d));
        t.extent = uint[2](rows, columns);
        t.stride = uint[2](step_d, 1);
        smelt_store(t, place.x, place.y, sum);
    }
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
        vectors[v * THREADS + word / 4u][word % 4u] = pack(pair);
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
    uvec2 matrix = KERNEL_SWAPPED != 0 ? of_batch(b, batch_b) : of_batch(a, batch_a);
    uint step_x = KERNEL_SWAPPED != 0 ? step_a : step_b;
    KERNEL_VECTOR x;
    x.data = KERNEL_DATA(KERNEL_SWAPPED != 0 ? of_batch(a, batch_a) : of_batch(b, batch_b));
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
            uvec4 e = vectors[v * THREADS + t];
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
    // Four rows at a time fit into the shared memory, where halves are added onto halves.
    [[unroll]] for (uint part = 0u; part < ROWS; part += 4u)
    {
        barrier();
        [[unroll]] for (uint r = 0u; r < 4u; r++) [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
            shared_set((r * KERNEL_VECTORS + v) * THREADS + t, sums[part + r][v]);
        for (uint apart = THREADS / 2u; apart > 0u; apart /= 2u) {
            barrier();
            if (t < apart)
                for (uint i = t; i < 4u * KERNEL_VECTORS * THREADS; i += THREADS)
                    shared_set(i, shared_get(i) + shared_get(i + apart));
        }
        barrier();
        uint row = first + part + t / KERNEL_VECTORS;
        if (t < 4u * KERNEL_VECTORS && row < lines)
            store(row, t % KERNEL_VECTORS, shared_get(t * THREADS), rows, columns, step_d);
    }
}
