// SPDX-License-Identifier: MIT
// matmul2d_body.glsl: D = activation(A B + bias) on whole tensors, batched: one workgroup for each tile, by the op
// `product`, which the includer has made. Compiled at run time by src/kernels_matmul2d.c, ahead of time for PORTABLE.
//
// matmul2d_head.glsl comes before. KERNEL_ACCUMULATED, KERNEL_BACKEND, KERNEL_TILE_M, KERNEL_TILE_N,
// KERNEL_WORKGROUP_SIZE, KERNEL_LEFT, KERNEL_RIGHT, KERNEL_RESULT (types), KERNEL_TRANSPOSE_LEFT and _RIGHT are the
// includer's.
layout(local_size_x = KERNEL_WORKGROUP_SIZE) in;

#define SMELT_COOPERATIVE product_result
#define SMELT_COOPERATIVE_DTYPE KERNEL_ACCUMULATED
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_TENSOR wide_f32_2_w_0x0
#define SMELT_COOPERATIVE_TENSOR_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_WRITE
#include "smelt/cooperative_tensor_tmpl.glsl"
#define SMELT_COOPERATIVE product_result
#define SMELT_COOPERATIVE_DTYPE KERNEL_ACCUMULATED
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_TENSOR KERNEL_RESULT
#define SMELT_COOPERATIVE_TENSOR_DTYPE KERNEL_NARROW
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_WRITE
#include "smelt/cooperative_tensor_tmpl.glsl"

void main()
{
    uint rows = fixed_m != 0 ? fixed_m : m, columns = fixed_n != 0 ? fixed_n : n,
         terms = fixed_k != 0 ? fixed_k : k;
    uint step_a = fixed_stride_a != 0 ? fixed_stride_a : stride_a[0];
    uint step_b = fixed_stride_b != 0 ? fixed_stride_b : stride_b[0];
    uint step_d = fixed_stride_d != 0 ? fixed_stride_d : stride_d;
    // Workgroups that run together work on 8 rows of tiles: what they read stays in the cache.
    uint down = (rows + KERNEL_TILE_M - 1) / KERNEL_TILE_M,
         across = (columns + KERNEL_TILE_N - 1) / KERNEL_TILE_N;
    uint band = gl_WorkGroupID.x / (8 * across), in_band = gl_WorkGroupID.x % (8 * across);
    uint height = min(down - band * 8, 8);
    uvec2 own = uvec2((band * 8 + in_band % height) * KERNEL_TILE_M, in_band / height * KERNEL_TILE_N);
    // The last tiles are moved inside, where reading is fastest; what they share with their neighbours is not stored.
    uint row = rows >= KERNEL_TILE_M ? min(own.x, rows - KERNEL_TILE_M) : own.x;
    uint column = columns >= KERNEL_TILE_N ? min(own.y, columns - KERNEL_TILE_N) : own.y;
    uvec2 from = own - uvec2(row, column);

    KERNEL_LEFT left;
    left.data = KERNEL_DATA(of_batch(a, batch_a));
    left.extent = KERNEL_TRANSPOSE_LEFT != 0 ? uint[2](terms, rows) : uint[2](rows, terms);
    left.stride = uint[2](step_a, stride_a[1]);
    KERNEL_RIGHT right;
    right.data = KERNEL_DATA(of_batch(b, batch_b));
    right.extent = KERNEL_TRANSPOSE_RIGHT != 0 ? uint[2](columns, terms) : uint[2](terms, columns);
    right.stride = uint[2](step_b, stride_b[1]);

    product_result result;
    product_run(result, left, right, row, column);
    if (has_bias != 0 || activation != 0)
        product_finish(result, row, column);
    if (d_is_f32 != 0) {
        wide_f32_2_w_0x0 t;
        t.data = smelt_f32_w_data(of_batch(d, batch_d));
        t.extent = uint[2](rows, columns);
        t.stride = uint[2](step_d, 1);
        smelt_store(result, t, row, column, from);
    } else {
        KERNEL_RESULT t;
        t.data = smelt_u16_w_data(of_batch(d, batch_d));
        t.extent = uint[2](rows, columns);
        t.stride = uint[2](step_d, 1);
        smelt_store(result, t, row, column, from);
    }
}
