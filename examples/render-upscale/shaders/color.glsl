// SPDX-License-Identifier: MIT
// Colours as photographs store them, which is what the network was trained on: sRGB-encoded, and their luma.
#ifndef COLOR_GLSL
#define COLOR_GLSL

layout(set = 0, binding = 0) uniform sampler2D scene; // linear values

vec3 encode(vec3 linear)
{
    return mix(1.055 * pow(linear, vec3(1.0 / 2.4)) - 0.055, 12.92 * linear,
               lessThan(linear, vec3(0.0031308)));
}

vec3 decode(vec3 encoded)
{
    return mix(pow((encoded + 0.055) / 1.055, vec3(2.4)), encoded / 12.92, lessThan(encoded, vec3(0.04045)));
}

float luma(vec3 encoded) // ITU-R BT.601
{
    return dot(encoded, vec3(0.299, 0.587, 0.114));
}

#endif
