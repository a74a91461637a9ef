// SPDX-License-Identifier: MIT
// What the network takes: the luma of every pixel of the scene.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "color.glsl"

layout(location = 0) out float result;

void main()
{
    result = luma(encode(texelFetch(scene, ivec2(gl_FragCoord.xy), 0).rgb));
}
