// SPDX-License-Identifier: MIT
// RMS norm of rows by a workgroup.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uvec4 scratch[16];
#define SMELT_TENSOR a
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR b
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR c
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_RMS_NORM op                          // name
#define SMELT_RMS_NORM_SCOPE SMELT_SCOPE_WORKGROUP // wrong: 0 4
#define SMELT_RMS_NORM_TENSOR a_f16_2_r_0x0        // name
#define SMELT_RMS_NORM_DTYPE SMELT_DTYPE_F16       // wrong: 0 SMELT_DTYPE_I8
#define SMELT_RMS_NORM_RANK 2                      // wrong: 0 17
#define SMELT_RMS_NORM_AXIS 1                      // wrong: 2
#define SMELT_RMS_NORM_GROUP 64
#define SMELT_RMS_NORM_SCRATCH scratch // name
#define SMELT_RMS_NORM_SCRATCH_STRIDE 0
#define SMELT_RMS_NORM_RESULT b_f16_2_w_0x0 // name
#define SMELT_RMS_NORM_HELD 2               // wrong: 0 17
#define SMELT_RMS_NORM_WEIGHT c_f16_1_r_0   // name
#include "smelt/rms_norm_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
