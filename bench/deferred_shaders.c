// SPDX-License-Identifier: MIT
// The shaders of bench_deferred.
#include "deferred_shaders.h"

const char *const deferred_vertex_glsl =
    "#version 460\n"
    "void main()\n"
    "{\n"
    "    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.0, 1.0);\n"
    "}\n";

// Materials in squares of 64 pixels; two texels of 1024 for each pixel, turned a little.
const char *const deferred_head_glsl =
    "#include \"smelt/base.glsl\"\n"
    "#include \"smelt/deferred.glsl\"\n"
    "#extension GL_EXT_samplerless_texture_functions : require\n"
    "layout(set = 0, binding = 0) uniform sampler2D latents[LATENTS];\n"
    "#include \"neural.glsl\"\n"
    "vec4 neural_fetch(neural_block b, uint index, vec2 uv, float lod) { return textureLod(latents[index], "
    "uv, lod); "
    "}\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer table { neural_block e[]; "
    "};\n"
    "uint material_of(uvec2 pixel)\n"
    "{\n"
    "    return ((pixel.x / 64u * 2654435761u ^ pixel.y / 64u * 2246822519u) >> 16) % MATERIALS;\n"
    "}\n"
    "const mat2 turn = mat2(0.96, 0.28, -0.28, 0.96) / 512.0;\n"
    "vec2 uv_of(vec2 pixel) { return turn * pixel; }\n"
    "vec4 shade(neural_surface s, vec2 uv)\n" // GGX and a diffuse term under three lights
    "{\n"
    "    vec3 color = vec3(0.03) * s.base_color * s.occlusion, view = normalize(vec3(uv - 1.0, 2.0));\n"
    "    for (int i = 0; i < 3; i++) {\n"
    "        vec3 light = normalize(vec3(float(i) - 1.0, 0.5, 1.0)), h = normalize(light + view);\n"
    "        float nl = max(dot(s.normal, light), 0.0), nh = max(dot(s.normal, h), 0.0);\n"
    "        float a = max(s.roughness * s.roughness, 0.01), d = nh * nh * (a * a - 1.0) + 1.0;\n"
    "        vec3 f = mix(vec3(0.04), s.base_color, s.metalness);\n"
    "        color += nl * (s.base_color * (1.0 - s.metalness) * 0.3 + f * min(a * a / (3.14159 * d * d) * "
    "0.25, 4.0));\n"
    "    }\n"
    "    return vec4(color, 1.0);\n"
    "}\n";

const char *const deferred_inline_glsl =
    "layout(push_constant, scalar) uniform push { table materials; };\n"
    "layout(location = 0) out vec4 color;\n"
    "void main()\n"
    "{\n"
    "    vec2 uv = uv_of(gl_FragCoord.xy);\n"
    "    neural_block b = materials.e[material_of(uvec2(gl_FragCoord.xy))];\n"
    "    color = shade(neural_eval_grad(b, uv, dFdx(uv), dFdy(uv)), uv);\n"
    "}\n";

const char *const deferred_write_glsl =
    "layout(location = 0) out uvec4 texel;\n"
    "void main()\n"
    "{\n"
    "    vec2 uv = uv_of(gl_FragCoord.xy);\n"
    "    texel = smelt_deferred_pack(material_of(uvec2(gl_FragCoord.xy)), uv, dFdx(uv), dFdy(uv));\n"
    "}\n";

const char *const deferred_nothing_glsl =
    "layout(set = 0, binding = 2, rgba16f) uniform writeonly image2D picture;\n"
    "layout(local_size_x = neural_WORKGROUP_SIZE) in;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer pass_block {\n"
    "    smelt_deferred_group deferred; };\n"
    "layout(push_constant, scalar) uniform push { pass_block block; };\n"
    "void main()\n"
    "{\n"
    "    smelt_deferred_tile tile = smelt_deferred_find(block.deferred, gl_WorkGroupID.x);\n"
    "    if (tile.count > 2000u)\n"
    "        imageStore(picture, ivec2(0), vec4(0.0));\n"
    "}\n";

const char *const deferred_network_glsl =
    "layout(local_size_x = neural_WORKGROUP_SIZE) in;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer network_block {\n"
    "    table materials; SAMPLES x; RESULTS y; uint count; };\n"
    "layout(push_constant, scalar) uniform push { network_block block; };\n"
    "void main()\n"
    "{\n"
    "    neural_block b = block.materials.e[0];\n"
    "    uint end = min(block.count, TILE * (gl_WorkGroupID.x + 1u));\n"
    "#if IN_GROUP\n"
    "    neural_load(b);\n"
    "    for (uint row = gl_WorkGroupID.x * TILE; row < end; row += neural_net_block)\n"
    "        neural_net_run_rows(block.x, block.y, row);\n"
    "#else\n"
    "    for (uint i = gl_WorkGroupID.x * TILE + gl_LocalInvocationIndex; i < end; i += "
    "neural_WORKGROUP_SIZE)\n"
    "        neural_net_write(block.y, i, 0u, neural_net_run(b.net, neural_net_read(block.x, i, 0u)));\n"
    "#endif\n"
    "}\n";

const char *const deferred_pass_glsl =
    "layout(set = 0, binding = 1) uniform utexture2D samples;\n"
    "layout(set = 0, binding = 2, rgba16f) uniform writeonly image2D picture;\n"
    "layout(local_size_x = neural_WORKGROUP_SIZE) in;\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer pass_block {\n"
    "    smelt_deferred_group deferred; table materials; };\n"
    "layout(push_constant, scalar) uniform push { pass_block block; };\n"
    "void main()\n"
    "{\n"
    "    smelt_deferred_tile tile = smelt_deferred_find(block.deferred, gl_WorkGroupID.x);\n"
    "    if (tile.count == 0u)\n"
    "        return;\n"
    "    neural_block b = block.materials.e[tile.material];\n"
    "    neural_load(b);\n"
    "    uvec2 next = smelt_deferred_pixel(block.deferred, tile.first + min(gl_LocalInvocationIndex, "
    "tile.count - "
    "1u));\n"
    "    uvec4 texel = texelFetch(samples, ivec2(next), 0);\n"
    "    for (uint at = 0u; at < tile.count; at += neural_WORKGROUP_SIZE) {\n"
    "        uint i = at + gl_LocalInvocationIndex;\n"
    "        uvec2 pixel = next;\n"
    "        smelt_deferred_sample s = smelt_deferred_unpack(texel);\n"
    "        next = smelt_deferred_pixel(block.deferred, tile.first + min(i + neural_WORKGROUP_SIZE, "
    "tile.count - "
    "1u));\n"
    "        texel = texelFetch(samples, ivec2(next), 0);\n"
    "        neural_surface m = neural_eval_grad(b, s.uv, s.ddx, s.ddy);\n"
    "        if (i < tile.count)\n"
    "            imageStore(picture, ivec2(pixel), shade(m, s.uv));\n"
    "    }\n"
    "}\n";
