// SPDX-License-Identifier: MIT
// matvec_finish.glsl: what the kernels of a matrix with 1 to 8 vectors share: the workgroup, the sum of what its invocations
// have, and the store. matvec_body.glsl or matvec_scaled_body.glsl follows.
//
// matmul2d_head.glsl comes before. The includer's: KERNEL_VECTORS (1 to 8), KERNEL_SWAPPED (1: the vectors are the rows of
// a, the matrix is b as it is stored; 0: they are the columns of b, the matrix is a).
#define THREADS 128
layout(local_size_x = THREADS) in;
#if KERNEL_VECTORS > 2
#define ROWS 8
#else
#define ROWS 4
#endif

shared uvec4 pool[KERNEL_VECTORS * THREADS];

float pool_get(uint at)
{
    return uintBitsToFloat(pool[at / 4u][at % 4u]);
}

void pool_set(uint at, float v)
{
    pool[at / 4u][at % 4u] = floatBitsToUint(v);
}

void store(uint row, uint v, float sum, uint rows, uint columns, uint step_d)
{
    uvec2 place = KERNEL_SWAPPED != 0 ? uvec2(v, row) : uvec2(row, v);
    sum = product_element(sum, place);
    if (d_is_wide != 0)
        smelt_store(wide_result(rows, columns, step_d), place.x, place.y, sum);
    else
        smelt_store(narrow_result(rows, columns, step_d), place.x, place.y, sum);
}

// Stores the sums of rows `first` on, of which every invocation has its part.
void finish(float sums[ROWS][KERNEL_VECTORS], uint first, uint rows, uint columns, uint step_d)
{
    uint t = gl_LocalInvocationIndex, lines = KERNEL_SWAPPED != 0 ? columns : rows;
    // Four rows at a time fit into the shared memory, where halves are added onto halves.
    [[unroll]] for (uint part = 0u; part < ROWS; part += 4u)
    {
        barrier();
        [[unroll]] for (uint r = 0u; r < 4u; r++) [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
            pool_set((r * KERNEL_VECTORS + v) * THREADS + t, sums[part + r][v]);
        for (uint apart = THREADS / 2u; apart > 0u; apart /= 2u) {
            barrier();
            if (t < apart)
                for (uint i = t; i < 4u * KERNEL_VECTORS * THREADS; i += THREADS)
                    pool_set(i, pool_get(i) + pool_get(i + apart));
        }
        barrier();
        uint row = first + part + t / KERNEL_VECTORS;
        if (t < 4u * KERNEL_VECTORS && row < lines)
            store(row, t % KERNEL_VECTORS, pool_get(t * THREADS), rows, columns, step_d);
    }
}
