// SPDX-License-Identifier: MIT
// convolution2d_body.glsl: d = activation(convolution of a by b + bias) on whole tensors: one workgroup for each tile, by the
// op `conv` of WORKGROUP scope, which the includer has made after convolution2d_constants.glsl; the z of the grid is the
// group. Compiled at run time by src/kernels_convolution2d.c, ahead of time for PORTABLE.
//
// KERNEL_ROWS, KERNEL_ACCUMULATED, KERNEL_BACKEND, KERNEL_TILE_M, KERNEL_TILE_N, KERNEL_WORKGROUP_SIZE are the includer's.
layout(local_size_x = KERNEL_WORKGROUP_SIZE) in;

#if KERNEL_INTEGER
#define SMELT_CONVOLUTION2D_STORE conv
#define SMELT_CONVOLUTION2D_STORE_DTYPE KERNEL_ACCUMULATED
#define SMELT_CONVOLUTION2D_STORE_BACKEND KERNEL_BACKEND
#define SMELT_CONVOLUTION2D_STORE_LAYOUT KERNEL_IMAGE_LAYOUT
#define SMELT_CONVOLUTION2D_STORE_GROUPS groups
#define SMELT_CONVOLUTION2D_STORE_ROWS KERNEL_ROWS
#define SMELT_CONVOLUTION2D_STORE_IMAGE result
#define SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE KERNEL_RESULT_STORED
#include "smelt/convolution2d_store_tmpl.glsl"
#else
#define SMELT_CONVOLUTION2D_STORE conv
#define SMELT_CONVOLUTION2D_STORE_DTYPE KERNEL_ACCUMULATED
#define SMELT_CONVOLUTION2D_STORE_BACKEND KERNEL_BACKEND
#define SMELT_CONVOLUTION2D_STORE_LAYOUT KERNEL_IMAGE_LAYOUT
#define SMELT_CONVOLUTION2D_STORE_GROUPS groups
#define SMELT_CONVOLUTION2D_STORE_ROWS KERNEL_ROWS
#define SMELT_CONVOLUTION2D_STORE_IMAGE wide
#define SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE SMELT_DTYPE_F32
#include "smelt/convolution2d_store_tmpl.glsl"
#define SMELT_CONVOLUTION2D_STORE conv
#define SMELT_CONVOLUTION2D_STORE_DTYPE KERNEL_ACCUMULATED
#define SMELT_CONVOLUTION2D_STORE_BACKEND KERNEL_BACKEND
#define SMELT_CONVOLUTION2D_STORE_LAYOUT KERNEL_IMAGE_LAYOUT
#define SMELT_CONVOLUTION2D_STORE_GROUPS groups
#define SMELT_CONVOLUTION2D_STORE_ROWS KERNEL_ROWS
#define SMELT_CONVOLUTION2D_STORE_IMAGE narrow
#define SMELT_CONVOLUTION2D_STORE_IMAGE_DTYPE SMELT_DTYPE_F16
#include "smelt/convolution2d_store_tmpl.glsl"
#endif

void main()
{
    KERNEL_IMAGE image = the_image();
    KERNEL_WEIGHT weight = the_weight();
    uvec4 extents = conv_extents(image, weight);
    // Workgroups that run together work on 8 rows of tiles: what they read stays in the cache.
    uint down = (extents.x * extents.y * extents.z + KERNEL_TILE_M - 1) / KERNEL_TILE_M,
         across = (extents.w / groups + KERNEL_TILE_N - 1) / KERNEL_TILE_N;
    uint band = gl_WorkGroupID.x / (8 * across), in_band = gl_WorkGroupID.x % (8 * across);
    uint rows = min(down - band * 8, 8);
    uvec3 tile =
        uvec3(gl_WorkGroupID.z, (band * 8 + in_band % rows) * KERNEL_TILE_M, in_band / rows * KERNEL_TILE_N);

    conv_result result;
    conv_run(result, image, weight, tile);
    if (KERNEL_HAS_BIAS || KERNEL_ACTIVATES || KERNEL_HAS_RESIDUAL)
        conv_finish(result, extents, tile);
#if KERNEL_INTEGER
    KERNEL_RESULT_TENSOR t;
    t.data = KERNEL_RESULT_DATA(d);
    t.extent = in_layout(extents);
    t.stride = stride_d;
    smelt_store(result, t, tile);
#else
    if (KERNEL_D_IS_F32) {
        wide_f32_4_w_0x0x0x0 t;
        t.data = smelt_f32_w_data(d);
        t.extent = in_layout(extents);
        t.stride = stride_d;
        smelt_store(result, t, tile);
    } else {
        narrow_f16_4_w_0x0x0x0 t;
        t.data = smelt_u16_w_data(d);
        t.extent = in_layout(extents);
        t.stride = stride_d;
        smelt_store(result, t, tile);
    }
#endif
}
