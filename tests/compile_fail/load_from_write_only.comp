// SPDX-License-Identifier: MIT
// A tensor declared for writing has no load.
// expect: 'smelt_load' : no matching overloaded function found
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#define SMELT_TENSOR t
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
layout(push_constant, scalar) uniform push
{
    t_f32_1_w_0 values;
};
layout(local_size_x = 1) in;
void main()
{
    smelt_store(values, 0, smelt_load(values, 1));
}
