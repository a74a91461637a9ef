// SPDX-License-Identifier: MIT
// Every pixel is what the network says about its place.
#version 460
#include "smelt/base.glsl"
#include "smelt/op/flower.glsl"
#include "flower_encoding.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer flower_block
{
    flower_weights net; // bound by name: net.layer0.weight, net.layer0.bias, ...
};
layout(push_constant, scalar) uniform push
{
    flower_block block;
};
layout(location = 0) in vec2 place; // 0..1, the first row of pixels at the top
layout(location = 0) out vec4 colour;

void main()
{
    flower_output y = flower_run(block.net, flower_encode(float[2](place.x, place.y)));
    colour = vec4(smelt_get(y, 0), smelt_get(y, 1), smelt_get(y, 2), 1.0);
}
