// SPDX-License-Identifier: MIT
// A device tensor.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
// wrong: SMELT_EXTENT2=4
// wrong: SMELT_RANK=1 SMELT_EXTENT1=4
#define SMELT_TENSOR t                 // name
#define SMELT_DTYPE SMELT_DTYPE_F32    // wrong: 0 14
#define SMELT_RANK 2                   // wrong: -1 17
#define SMELT_ACCESS SMELT_ACCESS_READ // wrong: 0 4
#define SMELT_EXTENT0 0                // wrong: -1
#define SMELT_EXTENT1 0                // wrong: -1
#include "smelt/tensor_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
