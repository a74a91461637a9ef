// SPDX-License-Identifier: MIT
// The shaders of bench_mlp_samples.
#include "mlp_shaders.h"

const char *const mlp_head_glsl =
    "#include \"smelt/op/net.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer table_data { net_weights "
    "e[]; };\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer pixel_data { uvec2 e[]; "
    "};\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer bench_block {\n"
    "    net_weights net;\n"
    "    net_samples_f16_2_r_0x32 x;\n"
    "    RESULTS y;\n"
    "    words ids;\n"
    "    table_data table;\n"
    "    pixel_data pixels;\n"
    "    uint count, width;\n"
    "    BINS\n"
    "};\n"
    "layout(push_constant, scalar) uniform push { bench_block block; };\n";

// What comes before: the types that do not follow from the network.
const char *const mlp_first_glsl =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer "
    "words { uint e[]; };\n";

const char *const mlp_bins_glsl = "#define BINS bins b;\n"
                                  "shared uint bin_memory[16];\n"
                                  "#define SMELT_BIN bins\n"
                                  "#define SMELT_BIN_COUNT 8\n"
                                  "#define SMELT_BIN_WORKGROUP 512\n"
                                  "#define SMELT_BIN_SHARED bin_memory\n"
                                  "#include \"smelt/bin_tmpl.glsl\"\n";

const char *const mlp_thread_glsl =
    "layout(local_size_x = 128) in;\n"
    "void main()\n"
    "{\n"
    "    uint first = gl_WorkGroupID.x * 128u * EACH + gl_LocalInvocationID.x;\n"
    "    net_write(block.y, first, 128u, net_run(block.net, net_read(block.x, first, 128u)));\n"
    "}\n";

const char *const mlp_rows_glsl =
    "layout(local_size_x = net_WORKGROUP_SIZE) in;\n"
    "void main()\n"
    "{\n"
    "#if ALL_WEIGHTS\n"
    "    net_load_weights(block.net);\n"
    "    for (uint row = gl_WorkGroupID.x * net_block; row < block.count; row += gl_NumWorkGroups.x * "
    "net_block)\n"
    "        net_run_rows(block.x, block.y, row);\n"
    "#else\n"
    "    net_run_rows(block.net, block.x, block.y, gl_WorkGroupID.x * net_block);\n"
    "#endif\n"
    "}\n";

const char *const mlp_own_glsl =
    "layout(local_size_x = net_WORKGROUP_SIZE) in;\n"
    "void main()\n"
    "{\n"
    "    net_load_weights(block.net);\n"
    "    for (uint row = gl_WorkGroupID.x * net_block; row < block.count; row += gl_NumWorkGroups.x * "
    "net_block) {\n"
    "        uint own = row + gl_LocalInvocationIndex;\n"
    "        net_write(block.y, own, 0u, net_run(net_read(block.x, own, 0u)));\n"
    "    }\n"
    "}\n";

const char *const mlp_pixel_glsl =
    "vec4 pixel(uint i)\n"
    "{\n"
    "    net_output y = net_run(block.net, net_read(block.x, i, 0u));\n"
    "    return vec4(smelt_get(y, 0), smelt_get(y, 1), smelt_get(y, 2), smelt_get(y, 3));\n"
    "}\n"
    "#if IS_FRAGMENT\n"
    "layout(location = 0) out vec4 color;\n"
    "void main()\n"
    "{\n"
    "    color = pixel(uint(gl_FragCoord.y) * block.width + uint(gl_FragCoord.x));\n"
    "}\n"
    "#else\n"
    "layout(local_size_x = 128) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    if (i < block.count) {\n"
    "        vec4 p = pixel(i);\n"
    "        block.pixels.e[i] = uvec2(packHalf2x16(p.xy), packHalf2x16(p.zw));\n"
    "    }\n"
    "}\n"
    "#endif\n";

const char *const mlp_material_glsl =
    "layout(local_size_x = 128) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    if (i < block.count)\n"
    "        net_write(block.y, i, 0u, net_run(block.table.e[block.ids.e[i]], net_read(block.x, i, 0u)));\n"
    "}\n";

const char *const mlp_binned_glsl =
    "#if ALL_WEIGHTS\n"
    "layout(local_size_x = net_WORKGROUP_SIZE) in;\n"
    "void main()\n"
    "{\n"
    "    bins_tile tile = bins_find(block.b, gl_WorkGroupID.x, net_block * BLOCKS);\n"
    "    if (tile.count == 0u)\n"
    "        return;\n"
    "    net_load_weights(block.table.e[tile.bin]);\n"
    "    for (uint at = 0u; at < tile.count; at += net_block) {\n"
    "#if EACH == 1\n"
    "        uint own = at + gl_LocalInvocationIndex;\n"
    "        uint i = own < tile.count ? block.b.list.data.e[tile.first + own] : ~0u;\n"
    "        net_write(block.y, i, 0u, net_run(net_read(block.x, i, 0u)));\n"
    "#else\n"
    "        uint own = at + gl_LocalInvocationIndex, next = own + net_WORKGROUP_SIZE;\n"
    "        uint i = own < tile.count ? block.b.list.data.e[tile.first + own] : ~0u;\n"
    "        uint j = next < tile.count ? block.b.list.data.e[tile.first + next] : ~0u;\n"
    "        net_write(block.y, i, j - i, net_run(net_read(block.x, i, j - i)));\n"
    "#endif\n"
    "    }\n"
    "}\n"
    "#else\n"
    "layout(local_size_x = 128) in;\n"
    "void main()\n"
    "{\n"
    "    bins_tile tile = bins_find(block.b, gl_WorkGroupID.x, 128u * BLOCKS);\n"
    "    for (uint at = gl_LocalInvocationIndex; at < tile.count; at += 128u) {\n"
    "        uint i = block.b.list.data.e[tile.first + at];\n"
    "        net_write(block.y, i, 0u, net_run(block.table.e[tile.bin], net_read(block.x, i, 0u)));\n"
    "    }\n"
    "}\n"
    "#endif\n";

// The two dispatches before: PASS 0 and 1.
const char *const mlp_sort_glsl =
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer sort_block {\n"
    "    bins b;\n"
    "    words ids;\n"
    "    uint count;\n"
    "};\n"
    "layout(push_constant, scalar) uniform push { sort_block block; };\n"
    "layout(local_size_x = 512) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    uint bin = i < block.count ? block.ids.e[i] : 0u;\n"
    "#if PASS == 0\n"
    "    bins_count(block.b, bin, i < block.count);\n"
    "#else\n"
    "    bins_place(block.b, bin, i < block.count, i);\n"
    "#endif\n"
    "}\n";
