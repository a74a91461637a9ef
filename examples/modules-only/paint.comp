// SPDX-License-Identifier: MIT
// Paints an image that a neural network remembers: colour = network(encoding(x, y)), one pixel per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require

// The backends that this shader's networks use. PORTABLE is plain arithmetic and needs no extension.
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#include "smelt/encoding.glsl"

// A network 32-64-64-3. This makes painter_weights, painter_input, painter_output and painter_run.
#define SMELT_MLP painter
#define SMELT_MLP_SCOPE SMELT_SCOPE_THREAD
#define SMELT_MLP_SAMPLES 1
#define SMELT_MLP_LAYERS 3
#define SMELT_MLP_WIDTH0 32
#define SMELT_MLP_WIDTH1 64
#define SMELT_MLP_WIDTH2 64
#define SMELT_MLP_WIDTH3 3
#define SMELT_MLP_ACTIVATION0 SMELT_ACTIVATION_RELU
#define SMELT_MLP_ACTIVATION1 SMELT_ACTIVATION_RELU
#define SMELT_MLP_ACTIVATION2 SMELT_ACTIVATION_SIGMOID
#define SMELT_MLP_BIAS 1
#define SMELT_MLP_STORED SMELT_DTYPE_F16
#define SMELT_MLP_COMPUTED SMELT_DTYPE_F32
#define SMELT_MLP_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MLP_LAYOUT SMELT_LAYOUT_ROW_MAJOR
#define SMELT_MLP_BACKEND SMELT_BACKEND_PORTABLE
#include "smelt/mlp_tmpl.glsl"

// The picture: bytes [height][width][3], extents and strides known at run time. This makes canvas_u8_3_w_0x0x3.
#define SMELT_TENSOR canvas
#define SMELT_DTYPE SMELT_DTYPE_U8
#define SMELT_RANK 3
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#define SMELT_EXTENT2 3
#include "smelt/tensor_tmpl.glsl"

// The argument block, struct block in main.c: in device memory, found by the address in the push constant.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer paint_block
{
    painter_weights weights;
    canvas_u8_3_w_0x0x3 canvas;
};
layout(push_constant, scalar) uniform push
{
    paint_block block;
};

layout(local_size_x = 8, local_size_y = 8) in;

void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    uvec2 size = uvec2(smelt_extent(block.canvas, 1), smelt_extent(block.canvas, 0));
    if (any(greaterThanEqual(at, size)))
        return;
    vec2 uv = (vec2(at) + 0.5) / vec2(size);

    painter_input x;
    [[unroll]] for (int octave = 0; octave < 8; octave++)
    {
        vec4 f = smelt_frequency(uv * (0.5 * exp2(float(octave))));
        smelt_set(x, 4 * octave, f.x);
        smelt_set(x, 4 * octave + 1, f.y);
        smelt_set(x, 4 * octave + 2, f.z);
        smelt_set(x, 4 * octave + 3, f.w);
    }
    painter_output y = painter_run(block.weights, x);
    smelt_store(block.canvas, at.y, at.x, 0, uint(255.0 * smelt_get(y, 0) + 0.5));
    smelt_store(block.canvas, at.y, at.x, 1, uint(255.0 * smelt_get(y, 1) + 0.5));
    smelt_store(block.canvas, at.y, at.x, 2, uint(255.0 * smelt_get(y, 2) + 0.5));
}
