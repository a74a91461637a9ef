// SPDX-License-Identifier: MIT
// The final picture: the scene's colours, filtered, with the luma that the network gave.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "color.glsl"

layout(set = 0, binding = 1) uniform sampler2D fine_luma;
layout(push_constant) uniform constants
{
    float split; // of the width: left of it the scene is only filtered
};

layout(location = 0) in vec2 position; // -1..1, y up
layout(location = 0) out vec4 color;

void main()
{
    vec2 place = vec2(0.5, -0.5) * position + 0.5;
    vec4 coarse = texture(scene, place);
    color = coarse;
    if (place.x > split) {
        vec3 encoded = encode(coarse.rgb);
        color.rgb = decode(clamp(encoded + (texture(fine_luma, place).r - luma(encoded)), 0.0, 1.0));
    }
}
