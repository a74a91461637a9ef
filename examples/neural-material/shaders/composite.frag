// SPDX-License-Identifier: MIT
// The end of the deferred path: the mesh's pixels over the backdrop.
#version 460
#extension GL_EXT_samplerless_texture_functions : require

layout(set = 1, binding = 0) uniform texture2D lit; // alpha 0: not the mesh

layout(location = 0) out vec4 color;

void main()
{
    color = texelFetch(lit, ivec2(gl_FragCoord.xy), 0);
    if (color.a == 0.0)
        discard;
}
