// SPDX-License-Identifier: MIT
// matvec_finish.glsl: what the kernels of a matrix with 1 to 8 vectors share that do without the device's matrices: the
// workgroup, and the sum of what its invocations have. matvec_body.glsl or matvec_scaled_body.glsl follows.
//
// matvec_store.glsl comes before.
#define THREADS 128
layout(local_size_x = THREADS) in;
#if KERNEL_VECTORS > 2
#define ROWS 8
#else
#define ROWS 4
#endif

// Rows whose sums pass the shared memory at a time: at most 16 sums.
#if KERNEL_VECTORS > 4
#define PASS 2
#else
#define PASS 4
#endif
#define PITCH (THREADS + 8) // of a sum's parts: neighbours in other banks
shared float pool[PASS * KERNEL_VECTORS * PITCH];

// Stores the sums of rows `first` on, of which every invocation has its part.
void finish(float sums[ROWS][KERNEL_VECTORS], uint first, uint rows, uint columns, uint step_d)
{
    uint t = gl_LocalInvocationIndex, lines = KERNEL_SWAPPED != 0 ? columns : rows;
    [[unroll]] for (uint part = 0u; part < ROWS; part += PASS)
    {
        barrier();
        [[unroll]] for (uint r = 0u; r < PASS; r++) [[unroll]] for (uint v = 0u; v < KERNEL_VECTORS; v++)
            pool[(r * KERNEL_VECTORS + v) * PITCH + t] = sums[part + r][v];
        barrier();
        uint own = t / 8u * PITCH + t % 8u; // eight invocations for each sum
        if (t < 8u * PASS * KERNEL_VECTORS) {
            float sum = 0.0;
            [[unroll]] for (uint i = 0u; i < THREADS; i += 8u) sum += pool[own + i];
            pool[own] = sum;
        }
        barrier();
        uint row = first + part + t / KERNEL_VECTORS;
        if (t < PASS * KERNEL_VECTORS && row < lines) {
            float sum = 0.0;
            [[unroll]] for (uint i = 0u; i < 8u; i++) sum += pool[t * PITCH + i];
            store(row, t % KERNEL_VECTORS, sum, rows, columns, step_d);
        }
    }
}
