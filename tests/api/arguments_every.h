// SPDX-License-Identifier: MIT
// A shader whose argument block has members of every kind, and an arguments object for it, for the tests of
// arguments.h.
#ifndef SMELT_TEST_ARGUMENTS_EVERY_H
#define SMELT_TEST_ARGUMENTS_EVERY_H

#include "arguments_internal.h"
#include "rig.h"

// GLSL: the parameters of a tensor type but for its extents, and the beginning of an argument block.
#define TENSOR(name, dtype, rank, access)                                                                    \
    "#define SMELT_TENSOR " name "\n#define SMELT_DTYPE SMELT_DTYPE_" dtype "\n#define SMELT_RANK " rank     \
    "\n#define SMELT_ACCESS SMELT_ACCESS_" access "\n"
#define BLOCK "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer "

// Every kind of member, two blocks, and the block's address in the middle of the push constants.
static const char *const every_kind = "#version 460\n"
                                      "#include \"smelt/base.glsl\"\n"                                //
    TENSOR("x", "F32", "1", "READ") "#define SMELT_EXTENT0 0\n#include \"smelt/tensor_tmpl.glsl\"\n"  //
    TENSOR("y", "F32", "1", "WRITE") "#define SMELT_EXTENT0 0\n#include \"smelt/tensor_tmpl.glsl\"\n" //
    TENSOR(
        "table", "F16", "2",
        "READ") "#define SMELT_EXTENT0 2\n#define SMELT_EXTENT1 3\n#include \"smelt/tensor_tmpl.glsl\"\n" //
    BLOCK "extra_block { float bonus; };\n"
                "struct light { vec3 color; float power; };\n" //
    BLOCK "every_block {\n"
                "    x_f32_1_r_0 x;\n"
                "    table_f16_2_r_2x3 table;\n"
                "    y_f32_1_w_0 y;\n"
                "    light lights[2];\n"
                "    float scale;\n"
                "    uint list[3];\n"
                "    mat2x3 transform;\n"
                "    extra_block extra;\n"
                "};\n"
                "layout(push_constant, scalar) uniform push { uint before; uint unused; every_block block; "
                "};\n"
                "layout(local_size_x = 32) in;\n"
                "void main()\n"
                "{\n"
                "    uint i = gl_GlobalInvocationID.x;\n"
                "    if (i >= smelt_extent(block.y, 0)) return;\n"
                "    vec3 t = block.transform * vec2(1.0, float(i));\n"
                "    float v = smelt_load(block.x, i) * block.scale + float(smelt_load(block.table, i % 2, i "
                "% 3));\n"
                "    v += block.lights[0].color.y + block.lights[1].power + float(block.list[i % 3]);\n"
                "    smelt_store(block.y, i, v + t.x + t.y + t.z + block.extra.bonus);\n"
                "}\n";

#define COUNT 70

struct every {
    smelt_context context;
    smelt_shader shader;
    smelt_arguments arguments;
    smelt_tensor x, table, y;
};

static inline struct every every_create(uint32_t frames)
{
    struct every e = {.context = rig_context()};
    e.shader = rig_shader(e.context, "every_kind.comp", every_kind, VK_SHADER_STAGE_COMPUTE_BIT);
    struct smelt_arguments_params params = {
        .shaders = &e.shader, .shader_count = 1, .block = "every_block", .frames_in_flight = frames};
    CHECK_OK(smelt_arguments_create(e.context, &params, &e.arguments));
    float x[COUNT];
    uint16_t table[6];
    for (int i = 0; i < COUNT; i++)
        x[i] = 0.5f * (float)i;
    for (int i = 0; i < 6; i++)
        table[i] = smelt_f16_from_f32(100.0f * (float)i);
    e.x = rig_tensor(e.context, SMELT_DTYPE_F32, 1, (uint64_t[]){COUNT}, x);
    e.y = rig_tensor(e.context, SMELT_DTYPE_F32, 1, (uint64_t[]){COUNT}, x);
    e.table = rig_tensor(e.context, SMELT_DTYPE_F16, 2, (uint64_t[]){2, 3}, table);
    return e;
}

static inline void every_destroy(struct every *e)
{
    smelt_arguments_destroy(&e->arguments);
    CHECK(!e->arguments);
    smelt_tensor_destroy(&e->x);
    smelt_tensor_destroy(&e->y);
    smelt_tensor_destroy(&e->table);
    smelt_shader_destroy(&e->shader);
}

static const float every_transform[6] = {1, 2, 3, 4, 5, 6}; // two columns of three

static inline void every_set(struct every *e, VkDeviceAddress extra)
{
    float color[3] = {7, 8, 9}, zero = 0, power = 11, scale = 3;
    uint32_t list[3] = {1000, 2000, 3000};
    CHECK_OK(smelt_arguments_set_tensor(e->arguments, "x", e->x));
    CHECK_OK(smelt_arguments_set_tensor(e->arguments, "y", e->y));
    CHECK_OK(smelt_arguments_set_tensor(e->arguments, "table", e->table));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[0].color", color, sizeof(color)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[0].power", &zero, sizeof(zero)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[1].color", color, sizeof(color)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "lights[1].power", &power, sizeof(power)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "scale", &scale, sizeof(scale)));
    CHECK_OK(smelt_arguments_set_constant(e->arguments, "list", list, sizeof(list)));
    CHECK_OK(
        smelt_arguments_set_constant(e->arguments, "transform", every_transform, sizeof(every_transform)));
    CHECK_OK(smelt_arguments_set_address(e->arguments, "extra", extra));
}

#endif
