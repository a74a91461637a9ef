// SPDX-License-Identifier: MIT
// matmul2d_sum_body.glsl: D = activation(the sum of k products of m x n, which lie one after the other from a on, + bias):
// the second dispatch of a product whose sum was cut into parts. They are added in their order.
//
// matmul2d_head.glsl comes before.
layout(local_size_x = 256) in;

#define SMELT_TENSOR part
#define SMELT_DTYPE KERNEL_WIDE
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"

void main()
{
    uint rows = fixed_m != 0 ? fixed_m : m, columns = fixed_n != 0 ? fixed_n : n,
         parts = fixed_k != 0 ? fixed_k : k;
    uint step_d = fixed_stride_d != 0 ? fixed_stride_d : stride_d, count = rows * columns;
    KERNEL_TENSOR(part, KERNEL_WIDE, _1_r_0) p;
    p.data = KERNEL_DATA(KERNEL_WIDE, _r_data)(a);
    for (uint i = gl_GlobalInvocationID.x; i < count; i += gl_NumWorkGroups.x * gl_WorkGroupSize.x) {
        KERNEL_T sum = KERNEL_T(0);
        for (uint s = 0u; s < parts; s++)
            sum += smelt_load_at(p, s * count + i);
        uvec2 place = uvec2(i / columns, i % columns);
        sum = product_element(sum, place);
#if KERNEL_NARROW != 0
        if (d_is_wide == 0)
            smelt_store(narrow_result(rows, columns, step_d), place.x, place.y, KERNEL_NARROW_VALUE(sum));
        else
#endif
            smelt_store(wide_result(rows, columns, step_d), place.x, place.y, sum);
    }
}
