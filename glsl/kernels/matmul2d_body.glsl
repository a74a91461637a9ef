// SPDX-License-Identifier: MIT
// matmul2d_body.glsl: D = activation(A B + bias) on whole tensors, batched: one workgroup for each tile, by the op
// `product`, which the includer has made. Compiled at run time by src/kernels_matmul2d.c, ahead of time for PORTABLE.
//
// matmul2d_head.glsl comes before. The includer's: KERNEL_ACCUMULATED, KERNEL_BACKEND, KERNEL_TILE_M, KERNEL_TILE_N,
// KERNEL_WORKGROUP_SIZE, KERNEL_TRANSPOSE_LEFT and _RIGHT; KERNEL_SCALE_STORED and KERNEL_ZERO_STORED (SMELT_DTYPE_x of the
// scales and zero points of b; 0: there are none).
layout(local_size_x = KERNEL_WORKGROUP_SIZE) in;

#define SMELT_COOPERATIVE product_result
#define SMELT_COOPERATIVE_DTYPE KERNEL_ACCUMULATED
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_TENSOR KERNEL_TENSOR(wide, KERNEL_WIDE, _2_w_0x0)
#define SMELT_COOPERATIVE_TENSOR_DTYPE KERNEL_WIDE
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_WRITE
#include "smelt/cooperative_tensor_tmpl.glsl"
#if KERNEL_NARROW != 0
#define SMELT_COOPERATIVE product_result
#define SMELT_COOPERATIVE_DTYPE KERNEL_ACCUMULATED
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_TENSOR KERNEL_TENSOR(narrow, KERNEL_NARROW, _2_w_0x0)
#define SMELT_COOPERATIVE_TENSOR_DTYPE KERNEL_NARROW
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_WRITE
#include "smelt/cooperative_tensor_tmpl.glsl"
#endif

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

    KERNEL_TENSOR(product_left, KERNEL_LEFT_STORED, _2_r_0x0) left;
    left.data = KERNEL_DATA(KERNEL_LEFT_STORED, _r_data)(KERNEL_A);
    left.extent = KERNEL_TRANSPOSE_LEFT != 0 ? uint[2](terms, rows) : uint[2](rows, terms);
    left.stride = uint[2](step_a, stride_a[1]);
    KERNEL_TENSOR(product_right, KERNEL_RIGHT_STORED, _2_r_0x0) weight;
    weight.data = KERNEL_DATA(KERNEL_RIGHT_STORED, _r_data)(KERNEL_B);
    weight.extent = KERNEL_TRANSPOSE_RIGHT != 0 ? uint[2](columns, terms) : uint[2](terms, columns);
    weight.stride = uint[2](step_b, stride_b[1]);
#if KERNEL_SCALE_STORED == 0
#define KERNEL_RIGHT weight
#else
#define KERNEL_RIGHT right
    // The extents of scales and zero points are not looked at.
    product_right right;
    right.weight = weight;
    right.scale.data = KERNEL_DATA(KERNEL_SCALE_STORED,
                                   _r_data)(of_batch(scale, batch_scale, KERNEL_BITS(KERNEL_SCALE_STORED)));
    right.scale.stride = stride_scale;
    right.scale.extent = weight.extent;
#if KERNEL_ZERO_STORED != 0
    right.zero.data =
        KERNEL_DATA(KERNEL_ZERO_STORED, _r_data)(of_batch(zero, batch_zero, KERNEL_BITS(KERNEL_ZERO_STORED)));
    right.zero.stride = stride_zero;
    right.zero.extent = weight.extent;
#endif
#endif

    product_result result;
    product_run(result, left, KERNEL_RIGHT, row, column);
    if (has_bias != 0 || activation != 0 || has_residual != 0 || has_scale != 0)
        product_finish(result, row, column);
#if KERNEL_NARROW != 0
    if (d_is_wide == 0)
        smelt_store(result, narrow_result(rows, columns, step_d), row, column, from);
    else
#endif
        smelt_store(result, wide_result(rows, columns, step_d), row, column, from);
}
