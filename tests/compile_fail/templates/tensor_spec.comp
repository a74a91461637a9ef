// SPDX-License-Identifier: MIT
// A device tensor with a specialization constant as an extent.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
SMELT_SPEC_EXTENT(3, 64);
#define SMELT_TENSOR t                 // name
#define SMELT_DTYPE SMELT_DTYPE_F32    // wrong: 0 14
#define SMELT_RANK 2                   // wrong: -1 17
#define SMELT_ACCESS SMELT_ACCESS_READ // wrong: 0 4
#define SMELT_EXTENT0 s3               // wrong: s4 64
#define SMELT_EXTENT1 16               // wrong: -1 s3
#define SMELT_SPEC_DIMENSIONS 1        // wrong: 0 4
#include "smelt/tensor_spec_tmpl.glsl"
layout(local_size_x = 1) in;
void main()
{
}
