// SPDX-License-Identifier: MIT
// operator_image_store.glsl: pixels of an image of FORMAT from the elements of tensor 0, [1][c][h][w]: the invocation of a
// pixel's first element writes it. numbers: scale and offset of four channels.
layout(set = 0, binding = 0, FORMAT) uniform writeonly image2D target;

void operator_run(uint c[T0_RANK])
{
    vec4 pixel = vec4(0.0, 0.0, 0.0, 1.0);
    if (c[1] != 0u)
        return;
    for (uint i = 0u; i < min(t0_extent(1u), 4u); i++) {
        uint place[4] = uint[4](c[0], i, c[2], c[3]);
        pixel[i] = t0_load(t0_place(place)) * number(i) + number(4u + i);
    }
    imageStore(target, ivec2(c[3], c[2]), pixel);
}
