// SPDX-License-Identifier: MIT
// One triangle that covers the picture.
#version 460

layout(location = 0) out vec2 position; // -1..1, y up

void main()
{
    vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1) * 4.0 - 1.0;
    position = vec2(corner.x, -corner.y);
    gl_Position = vec4(corner, 1.0, 1.0);
}
