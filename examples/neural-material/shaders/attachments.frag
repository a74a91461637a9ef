// SPDX-License-Identifier: MIT
// The render pass of the deferred path: which material a pixel shows and where on it, and the mesh there.
#version 460
#extension GL_GOOGLE_include_directive : require
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
#include "smelt/deferred.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 tangent;
layout(location = 3) in vec2 uv;

layout(location = 0) out uvec4 texel;
layout(location = 1) out vec4 out_position; // w: 1 on the front, -1 on the back
layout(location = 2) out vec4 out_normal;
layout(location = 3) out vec4 out_tangent;

layout(push_constant) uniform push
{
    uint material;
};

void main()
{
    texel = smelt_deferred_pack(material, uv, dFdx(uv), dFdy(uv));
    out_position = vec4(position, gl_FrontFacing ? 1.0 : -1.0);
    out_normal = vec4(normal, 0.0);
    out_tangent = tangent;
}
