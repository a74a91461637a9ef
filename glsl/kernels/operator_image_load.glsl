// SPDX-License-Identifier: MIT
// operator_image_load.glsl: elements of tensor 0, [1][c][h][w], from the pixels of an image. numbers: scale and offset of four
// channels.
#extension GL_EXT_samplerless_texture_functions : require
layout(set = 0, binding = 0) uniform texture2D source;

void operator_run(uint c[T0_RANK])
{
    vec4 pixel = texelFetch(source, ivec2(c[3], c[2]), 0);
    t0_store(t0_place(c), pixel[c[1]] * number(c[1]) + number(4u + c[1]));
}
