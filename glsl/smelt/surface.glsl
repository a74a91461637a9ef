// SPDX-License-Identifier: MIT
// surface.glsl: from the stored values of texture channels to linear colour and unit normals.
//
// what    the transfer of IEC 61966-2-1 (sRGB), and tangent-space normals stored as
//         (n + 1) / 2
// params  none
// makes   smelt_linear_from_srgb(v) for float, vec2, vec3, vec4 in 0..1;
//         smelt_normal_from_unorm(vec3 v, bool y_down): unit length, Y up; (0, 0, 1) where v is no direction
// errors  those of pow: about 16 ulp
// needs   base.glsl first
// source  IEC 61966-2-1:1999, section 5.2
#ifndef SMELT_SURFACE_GLSL
#define SMELT_SURFACE_GLSL

float smelt_linear_from_srgb(float v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}
vec2 smelt_linear_from_srgb(vec2 v)
{
    return vec2(smelt_linear_from_srgb(v.x), smelt_linear_from_srgb(v.y));
}
vec3 smelt_linear_from_srgb(vec3 v)
{
    return vec3(smelt_linear_from_srgb(v.x), smelt_linear_from_srgb(v.y), smelt_linear_from_srgb(v.z));
}
// Alpha is linear, as in Vulkan's sRGB formats.
vec4 smelt_linear_from_srgb(vec4 v)
{
    return vec4(smelt_linear_from_srgb(v.xyz), v.w);
}

vec3 smelt_normal_from_unorm(vec3 v, bool y_down)
{
    vec3 n = v * 2.0 - 1.0;
    n.y = y_down ? -n.y : n.y;
    float squared = dot(n, n);
    return squared > 1e-12 ? n * inversesqrt(squared) : vec3(0.0, 0.0, 1.0);
}

#endif
