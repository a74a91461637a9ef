// SPDX-License-Identifier: MIT
// matvec_scales.glsl: the scales and zero points of a quantised matrix b, stored [n][k]: of a row's term k. For the kernels of
// 1 to 8 vectors with such a matrix: matvec_scaled_body.glsl or matvec_matrix_chunks.glsl follows.
//
// matmul2d_head.glsl comes before. The includer's: KERNEL_SCALE_STORED, KERNEL_ZERO_STORED (SMELT_DTYPE_x; 0: none),
// KERNEL_ZERO (SMELT_ZERO_x), KERNEL_BLOCK (terms with one scale).
#include "smelt/numeric.glsl"

#define SMELT_TENSOR scale
#define SMELT_DTYPE KERNEL_SCALE_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#if KERNEL_ZERO != SMELT_ZERO_NONE
#define SMELT_TENSOR zero
#define SMELT_DTYPE KERNEL_ZERO_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#endif

uvec2 scales() // their address
{
    return of_batch(scale, batch_scale, KERNEL_BITS(KERNEL_SCALE_STORED));
}

float scale_of(uint row, uint k)
{
    KERNEL_TENSOR(scale, KERNEL_SCALE_STORED, _2_r_0x0) s;
    s.data = KERNEL_DATA(KERNEL_SCALE_STORED, _r_data)(scales());
    uint at = row * stride_scale[0] + k / KERNEL_BLOCK * stride_scale[1];
#if KERNEL_SCALE_STORED == SMELT_DTYPE_U8
    return smelt_ue8m0_to_f32(smelt_load_at(s, at));
#else
    return smelt_load_at(s, at);
#endif
}

// Zero point or offset; 0: there is none.
float zero_of(uint row, uint k)
{
#if KERNEL_ZERO != SMELT_ZERO_NONE
    KERNEL_TENSOR(zero, KERNEL_ZERO_STORED, _2_r_0x0) z;
    z.data =
        KERNEL_DATA(KERNEL_ZERO_STORED, _r_data)(of_batch(zero, batch_zero, KERNEL_BITS(KERNEL_ZERO_STORED)));
    return float(smelt_load_at(z, row * stride_zero[0] + k / KERNEL_BLOCK * stride_zero[1]));
#else
    return 0.0;
#endif
}
