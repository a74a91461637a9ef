// SPDX-License-Identifier: MIT
// One triangle that covers the picture.
#version 460

layout(location = 0) out vec2 place;

void main()
{
    vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1) * 4.0 - 1.0;
    place = 0.5 * corner + 0.5;
    gl_Position = vec4(corner, 0.0, 1.0);
}
