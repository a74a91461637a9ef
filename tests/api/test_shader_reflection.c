// SPDX-License-Identifier: MIT
// shader.h: what reflection says of hand-written tensors, blocks, push constants, bindings and constants.
#include "shader_internal.h"
#include "shader_rig.h"

static const char reflected[] = TENSOR_EXTENSIONS
    "layout(local_size_x_id = 3, local_size_y = 2) in;\n"
    "layout(constant_id = 7) const float gain = 1.5;\n"
    "layout(constant_id = 9) const bool flip = true;\n"
    "layout(constant_id = 11) const int64_t big = -5l;\n" TENSOR("weight_f16_2_r_64x32", "float16_t", "2")
        TENSOR("my_img_f32_3_rw_0x0x4", "float", "3") TENSOR_DATA(
            "loss_u8_0_w",
            "uint") "struct loss_u8_0_w { loss_u8_0_w_data data; };\n"
                    "struct layer { weight_f16_2_r_64x32 weight; float scale; };\n"
                    "struct net { layer layer0; layer layer1; };\n"
                    "struct light { vec3 color; mat2x3 m; };\n"
                    "layout(buffer_reference, scalar) buffer Vertices { light v[]; };\n"
                    "layout(buffer_reference, scalar, buffer_reference_align = 64) buffer Block {\n"
                    "  vec4 first; net n; my_img_f32_3_rw_0x0x4 img; light lights[2]; float table[3][5]; "
                    "loss_u8_0_w loss;\n"
                    "  Vertices verts; uint64_t raw; weight_f16_2_r_64x32 pair[2]; uint64_t raws[2]; ivec2 "
                    "dd; bool on;\n"
                    "  light many[5000]; float tail[]; };\n"
                    "layout(buffer_reference, scalar) buffer Cast { float k; };\n"
                    "layout(push_constant, scalar) uniform Push {\n"
                    "  uvec2 size; Block block; uint64_t address; Vertices pv[2]; float16_t h; } push;\n"
                    "layout(set = 1, binding = 2) uniform sampler2D tex[4];\n"
                    "layout(set = 0, binding = 0) uniform sampler smp;\n"
                    "layout(set = 0, binding = 1, r32f) writeonly uniform image2D outi;\n"
                    "layout(set = 0, binding = 2, std430) readonly buffer SB { float x[]; } sb;\n"
                    "layout(set = 0, binding = 3, std140) uniform UB { mat3 m; vec4 v; };\n"
                    "layout(set = 0, binding = 4) uniform samplerBuffer tb;\n"
                    "layout(set = 0, binding = 5, std430) buffer SB2 { float x2[]; };\n"
                    "layout(set = 0, binding = 6, r32f) readonly uniform imageBuffer ib;\n"
                    "layout(set = 0, binding = 7) uniform texture2D plain;\n"
                    "void main() { Block b = Block(push.address);\n"
                    "  b.tail[0] = dot(b.first, b.first) + b.lights[1].color.x + gain + b.n.layer0.scale * "
                    "float(big) + "
                    "(flip ? 1 : 2)\n"
                    "    + Cast(push.address + 8).k + push.block.table[0][1] + "
                    "float(b.n.layer0.weight.data.e[3]); }\n";

static void check_member(const struct smelt_block *block, const struct smelt_member *wanted)
{
    const struct smelt_member *m = find_member(block, wanted->name);
    if (!m)
        printf("    no member %s\n", wanted->name);
    CHECK(m);
    bool same = m->kind == wanted->kind && m->offset == wanted->offset && m->size == wanted->size &&
                m->dtype == wanted->dtype && m->rank == wanted->rank && m->access == wanted->access &&
                m->vector_size == wanted->vector_size && m->columns == wanted->columns &&
                m->array_count == wanted->array_count && m->array_stride == wanted->array_stride &&
                !memcmp(m->shape, wanted->shape, sizeof(m->shape));
    if (!same)
        printf(
            "    member %s: kind %d, offset %u, size %u, %s, rank %u, access %d, %u x %u, %u of stride %u\n",
            m->name, m->kind, m->offset, m->size, smelt_dtype_name(m->dtype), m->rank, m->access,
            m->vector_size, m->columns, m->array_count, m->array_stride);
    CHECK(same);
}

static void test_blocks(void)
{
    smelt_shader shader = compile_source(NULL, reflected);
    const struct smelt_reflection *r = smelt_shader_info(shader)->reflection;
    CHECK(r->block_count == 3); // Block, Vertices, Cast; not the tensors' data
    const struct smelt_block *block = smelt_shader_block(shader, "Block");
    CHECK(block && smelt_shader_block(shader, "Vertices"));
    CHECK(!smelt_shader_block(shader, NULL) && !smelt_shader_block(shader, "weight_f16_2_r_64x32_data"));
    CHECK(block->alignment == 64);                                       // `first` is read as aligned to it
    const struct smelt_block *cast = smelt_shader_block(shader, "Cast"); // nothing declares a pointer to it
    CHECK(cast && cast->size == 4 && cast->member_count == 1 && cast->alignment >= 16);
    const struct smelt_member weight = {.kind = SMELT_MEMBER_TENSOR,
                                        .size = 24,
                                        .dtype = SMELT_DTYPE_F16,
                                        .rank = 2,
                                        .shape = {64, 32},
                                        .access = SMELT_ACCESS_READ};
    const struct smelt_member scalar = {.kind = SMELT_MEMBER_CONSTANT,
                                        .size = 4,
                                        .dtype = SMELT_DTYPE_F32,
                                        .vector_size = 1,
                                        .columns = 1,
                                        .array_count = 1};
    const struct smelt_member address = {.kind = SMELT_MEMBER_ADDRESS, .size = 8};
    struct smelt_member m[24];
    uint32_t n = 0;
    (m[n] = scalar, m[n].size = 16, m[n].vector_size = 4, m[n++].name = "first");
    (m[n] = weight, m[n].offset = 16, m[n++].name = "n.layer0.weight");
    (m[n] = scalar, m[n].offset = 40, m[n++].name = "n.layer0.scale");
    (m[n] = weight, m[n].offset = 48, m[n++].name = "n.layer1.weight");
    (m[n] = scalar, m[n].offset = 72, m[n++].name = "n.layer1.scale");
    m[n++] = (struct smelt_member){.name = "img",
                                   .kind = SMELT_MEMBER_TENSOR,
                                   .offset = 80,
                                   .size = 32,
                                   .dtype = SMELT_DTYPE_F32,
                                   .rank = 3,
                                   .shape = {0, 0, 4}};
    for (uint32_t i = 0; i < 2; i++) {
        static const char *const names[2][2] = {{"lights[0].color", "lights[0].m"},
                                                {"lights[1].color", "lights[1].m"}};
        (m[n] = scalar, m[n].offset = 112 + 36 * i, m[n].size = 12, m[n].vector_size = 3,
         m[n++].name = names[i][0]);
        (m[n] = scalar, m[n].offset = 124 + 36 * i, m[n].size = 24, m[n].vector_size = 3, m[n].columns = 2,
         m[n++].name = names[i][1]);
    }
    static const char *const rows[] = {"table[0]", "table[1]", "table[2]"};
    for (uint32_t i = 0; i < 3; i++)
        (m[n] = scalar, m[n].offset = 184 + 20 * i, m[n].size = 20, m[n].array_count = 5,
         m[n].array_stride = 4, m[n++].name = rows[i]);
    m[n++] = (struct smelt_member){.name = "loss",
                                   .kind = SMELT_MEMBER_TENSOR,
                                   .offset = 248,
                                   .size = 8,
                                   .dtype = SMELT_DTYPE_U8,
                                   .access = SMELT_ACCESS_WRITE};
    (m[n] = address, m[n].offset = 256, m[n++].name = "verts");
    (m[n] = address, m[n].offset = 264, m[n++].name = "raw");
    (m[n] = weight, m[n].offset = 272, m[n++].name = "pair[0]");
    (m[n] = weight, m[n].offset = 296, m[n++].name = "pair[1]");
    (m[n] = scalar, m[n].offset = 320, m[n].size = 16, m[n].dtype = SMELT_DTYPE_NONE, m[n].array_count = 2,
     m[n].array_stride = 8, m[n++].name = "raws");
    (m[n] = scalar, m[n].offset = 336, m[n].size = 8, m[n].dtype = SMELT_DTYPE_I32, m[n].vector_size = 2,
     m[n++].name = "dd");
    (m[n] = scalar, m[n].offset = 344, m[n].dtype = SMELT_DTYPE_U32, m[n++].name = "on");
    (m[n] = scalar, m[n].offset = 348 + 5000 * 36, m[n].size = 0, m[n].array_count = 0, m[n].array_stride = 4,
     m[n++].name = "tail");
    for (uint32_t i = 0; i < n; i++)
        check_member(block, &m[i]);
    CHECK(block->member_count == n); // and `many` is a buffer of records, not 10000 arguments
    CHECK(block->size == 348 + 5000 * 36);
    CHECK(smelt_shader_block(shader, "Vertices")->member_count == 0);
    smelt_shader_destroy(&shader);
}

static void test_push_constants(void)
{
    smelt_shader shader = compile_source(NULL, reflected);
    const struct smelt_reflection *r = smelt_shader_info(shader)->reflection;
    const struct smelt_block *push = &r->push_constants;
    CHECK(!strcmp(push->name, "Push") && push->size == 42 && push->member_count == 6);
    static const char *const names[] = {"size", "block", "address", "pv[0]", "pv[1]", "h"};
    static const char *const targets[] = {NULL, "Block", NULL, "Vertices", "Vertices", NULL};
    static const uint32_t offsets[] = {0, 8, 16, 24, 32, 40};
    for (int i = 0; i < 6; i++) {
        CHECK(!strcmp(push->members[i].name, names[i]) && push->members[i].offset == offsets[i]);
        CHECK(push->members[i].kind == (i == 0 || i == 5 ? SMELT_MEMBER_CONSTANT : SMELT_MEMBER_ADDRESS));
        const char *target = r->push_constant_targets[i];
        CHECK(targets[i] ? target && !strcmp(target, targets[i]) : !target);
    }
    smelt_shader_destroy(&shader);
    shader = compile_source(NULL, EMPTY_COMPUTE);
    CHECK(smelt_shader_info(shader)->reflection->push_constants.member_count == 0);
    CHECK(!smelt_shader_block(shader, NULL));
    smelt_shader_destroy(&shader);
}

static void test_bindings(void)
{
    smelt_shader shader = compile_source(NULL, reflected);
    const struct smelt_reflection *r = smelt_shader_info(shader)->reflection;
    static const struct smelt_binding wanted[] = {
        {"smp", 0, 0, VK_DESCRIPTOR_TYPE_SAMPLER, 1, SMELT_ACCESS_READ},
        {"outi", 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1, SMELT_ACCESS_WRITE},
        {"sb", 0, 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, SMELT_ACCESS_READ},
        {"UB", 0, 3, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, SMELT_ACCESS_READ},
        {"tb", 0, 4, VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 1, SMELT_ACCESS_READ},
        {"SB2", 0, 5, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, SMELT_ACCESS_READ_WRITE},
        {"ib", 0, 6, VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, 1, SMELT_ACCESS_READ},
        {"plain", 0, 7, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1, SMELT_ACCESS_READ},
        {"tex", 1, 2, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 4, SMELT_ACCESS_READ},
    };
    CHECK(r->binding_count == sizeof(wanted) / sizeof(wanted[0]));
    for (uint32_t w = 0; w < r->binding_count; w++) {
        uint32_t i = 0;
        while (i < r->binding_count && strcmp(r->bindings[i].name, wanted[w].name))
            i++;
        CHECK(i < r->binding_count);
        const struct smelt_binding *b = &r->bindings[i];
        CHECK(b->set == wanted[w].set && b->binding == wanted[w].binding && b->type == wanted[w].type);
        CHECK(b->count == wanted[w].count && b->access == wanted[w].access);
    }
    smelt_shader_destroy(&shader);
    shader = compile_source(
        NULL, "#version 460\n#extension GL_EXT_nonuniform_qualifier : require\n"
              "layout(local_size_x = 1) in;\nlayout(set = 2, binding = 1) uniform sampler2D all[];\n"
              "layout(set = 0, binding = 0) buffer B { vec4 x; } b;\n"
              "void main() { b.x = texture(all[nonuniformEXT(int(b.x.y))], vec2(0)); }\n");
    r = smelt_shader_info(shader)->reflection;
    CHECK(r->binding_count == 2 && r->bindings[1].set == 2 && r->bindings[1].count == 0);
    smelt_shader_destroy(&shader);
}

static void test_specialization(void)
{
    smelt_shader shader = compile_source(NULL, reflected);
    const struct smelt_reflection *r = smelt_shader_info(shader)->reflection;
    static const struct smelt_specialization wanted[] = {
        {"local_size_x", 3, 4, 1},
        {"gain", 7, 4, 0x3fc00000},
        {"flip", 9, 4, 1},
        {"big", 11, 8, (uint64_t)-5},
    };
    CHECK(r->specialization_count == 4);
    for (uint32_t w = 0; w < 4; w++) {
        uint32_t i = 0;
        while (i < 4 && r->specializations[i].id != wanted[w].id)
            i++;
        CHECK(i < 4 && !strcmp(r->specializations[i].name, wanted[w].name));
        CHECK(r->specializations[i].size == wanted[w].size);
        CHECK(r->specializations[i].default_bits == wanted[w].default_bits);
    }
    CHECK(r->local_size[0] == 1 && r->local_size[1] == 2 && r->local_size[2] == 1);
    smelt_shader_destroy(&shader);
}

// Only what tensor_tmpl.glsl makes is a tensor: anything near it is a struct like any other.
// Extents that are specialization constants; the reflection survives being written and read.
static void test_spec_extents(void)
{
    smelt_shader shader = compile_source(
        NULL, "#version 460\n#include \"smelt/base.glsl\"\n"
              "SMELT_SPEC_EXTENT(3, 64);\n"
              "#define SMELT_TENSOR state\n#define SMELT_DTYPE SMELT_DTYPE_F32\n#define SMELT_RANK 2\n"
              "#define SMELT_ACCESS SMELT_ACCESS_READ_WRITE\n#define SMELT_EXTENT0 s3\n"
              "#define SMELT_EXTENT1 16\n#define SMELT_SPEC_DIMENSIONS 1\n"
              "#include \"smelt/tensor_spec_tmpl.glsl\"\n"
              "layout(buffer_reference, scalar) buffer Block { state_f32_2_rw_s3x16 state; };\n"
              "layout(push_constant, scalar) uniform Push { Block block; };\n"
              "void main() { smelt_store(block.state, 1, 2, float(smelt_extent(block.state, 0u))); }\n");
    const struct smelt_reflection *r = smelt_shader_info(shader)->reflection;
    CHECK(r->specialization_count == 1 && r->specializations[0].id == 3);
    CHECK(r->specializations[0].default_bits == 64);
    struct smelt_text text = {0};
    struct smelt_reflection *again = NULL;
    smelt_reflection_write(r, &text);
    cJSON *json = cJSON_Parse(text.data);
    struct smelt_json root = smelt_json_root(NULL, "again", json);
    CHECK_OK(smelt_reflection_read(&root, &again));
    const struct smelt_reflection *both[] = {r, again};
    for (int i = 0; i < 2; i++) {
        const struct smelt_member *m = find_member(&both[i]->blocks[0], "state");
        CHECK(m && m->kind == SMELT_MEMBER_TENSOR && m->rank == 2 && m->access == SMELT_ACCESS_READ_WRITE);
        CHECK(m->shape[0] == 0 && m->shape[1] == 16 && m->shape_constant[0] == 4 && !m->shape_constant[1]);
    }
    smelt_reflection_free(again);
    cJSON_Delete(json);
    smelt_text_free(&text);
    smelt_shader_destroy(&shader);
}

static void test_tensor_names(void)
{
    static const struct {
        const char *name, *extents;
        bool tensor;
    } rows[] = {
        {"a_f32_2_r_4x5", "2", true},
        {"a_b_c_bf16_2_rw_0x0", "2", true},
        {"a_f8e4m3_1_w_7", "1", true},
        {"x_1_f32_1_r_4294967295", "1", true},
        {"a_f32_2_r_s0xs31", "2", true},
        {"a_f32_2_r_4xs", "2", false},
        {"a_f32_1_r_s4294967295", "1", false},
        {"a_f32_1_r_ss1", "1", false},
        {"a_f32_2_r_4x5", "3", false},
        {"a_f32_2_r_4", "2", false},
        {"a_f32_2_q_4x5", "2", false},
        {"a_f33_2_r_4x5", "2", false},
        {"f32_2_r_4x5", "2", false},
        {"a_f32_2_r_4x", "2", false},
        {"a_f32_2_r_4xx5", "2", false},
        {"a_f32_2_r", "2", false},
        {"a_f32_1_r_4294967296", "1", false},
        {"a_f32_1x_r_4", "1", false},
        {"a_none_1_r_4", "1", false},
        {"plain", "1", false},
        {"a_f32_17_r_1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1", "17", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char source[2048];
        snprintf(
            source, sizeof(source),
            TENSOR_EXTENSIONS
            "layout(local_size_x = 1) in;\nlayout(buffer_reference, scalar) buffer T_data { float e[]; };\n"
            "struct %s { T_data data; uint extent[%s]; uint stride[%s]; };\n"
            "layout(buffer_reference, scalar) buffer Block { %s t; };\n"
            "layout(push_constant) uniform P { Block b; };\nvoid main() { b.t.data.e[0] = 1; }\n",
            rows[i].name, rows[i].extents, rows[i].extents, rows[i].name);
        smelt_shader shader = compile_source(NULL, source);
        const struct smelt_block *block = smelt_shader_block(shader, NULL);
        const struct smelt_member *t = find_member(block, "t");
        if ((t != NULL) != rows[i].tensor)
            printf("    %s with %s extents\n", rows[i].name, rows[i].extents);
        CHECK((t != NULL) == rows[i].tensor && block->member_count == (rows[i].tensor ? 1 : 3));
        CHECK(rows[i].tensor || find_member(block, "t.data")->kind == SMELT_MEMBER_ADDRESS);
        smelt_shader_destroy(&shader);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"argument blocks: tensors, nested structs, arrays, addresses, casts", test_blocks},
        {"push constants and the blocks they point to", test_push_constants},
        {"bindings: types, counts, access", test_bindings},
        {"specialization constants and the local size", test_specialization},
        {"extents that are specialization constants", test_spec_extents},
        {"only exact tensor names are tensors", test_tensor_names},
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
