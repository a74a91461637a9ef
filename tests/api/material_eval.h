// SPDX-License-Identifier: MIT
// Runs a material's generated functions over points in a compute shader.
#ifndef SMELT_TEST_MATERIAL_EVAL_H
#define SMELT_TEST_MATERIAL_EVAL_H

#include "internal.h"
#include "test.h"

// MODE 0: raw values at a lod; 1: NAME_eval; 2: NAME_eval_grad. A surface is flattened by SURFACE.
// HARDWARE 1: latents are filtered by the material's sampler, else in the shader.
static const char eval_source[] =
    "#version 460\n"
    "#extension GL_EXT_samplerless_texture_functions : require\n"
    "#include \"smelt/base.glsl\"\n"
    "layout(local_size_x = 64) in;\n"
    "layout(set = 0, binding = 0) uniform texture2D latents[LATENTS];\n"
    "#if HARDWARE\n"
    "layout(set = 0, binding = 1) uniform sampler latent_sampler;\n"
    "#endif\n"
    "struct point { vec2 uv, ddx, ddy; };\n"
    "layout(set = 0, binding = 2, scalar) readonly buffer point_buffer { point e[]; } points;\n"
    "layout(set = 0, binding = 3, scalar) writeonly buffer result_buffer { float e[]; } results;\n"
    "#include \"m.glsl\"\n"
    "layout(push_constant, scalar) uniform push { m_block block; uint count; };\n"
    "#if HARDWARE\n"
    "vec4 m_fetch(m_block b, uint index, vec2 uv, float lod)\n"
    "{\n"
    "    return textureLod(sampler2D(latents[index], latent_sampler), uv, lod);\n"
    "}\n"
    "#else\n"
    "vec4 m_texel(uint index, ivec2 at, int mip) { return texelFetch(latents[index], at, mip); }\n"
    "ivec2 m_texel_size(uint index, int mip) { return textureSize(latents[index], mip); }\n"
    "#define SMELT_BILINEAR m_bilinear\n"
    "#define SMELT_BILINEAR_SOURCE uint\n"
    "#define SMELT_BILINEAR_TEXEL m_texel\n"
    "#define SMELT_BILINEAR_SIZE m_texel_size\n"
    "#include \"smelt/bilinear_tmpl.glsl\"\n"
    "vec4 m_fetch(m_block b, uint index, vec2 uv, float lod)\n"
    "{\n"
    "    return m_bilinear(index, uv, lod, textureQueryLevels(latents[index]));\n"
    "}\n"
    "#endif\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    if (i >= count)\n"
    "        return;\n"
    "    point p = points.e[i];\n"
    "    float y[RESULTS];\n"
    "#if MODE == 0\n"
    "    m_eval_raw(block, p.uv, p.ddx.x, y);\n"
    "#else\n"
    "#if MODE == 1\n"
    "    m_surface s = m_eval(block, p.uv, p.ddx.x);\n"
    "#else\n"
    "    m_surface s = m_eval_grad(block, p.uv, p.ddx, p.ddy);\n"
    "#endif\n"
    "    y = float[RESULTS](SURFACE);\n"
    "#endif\n"
    "    for (uint c = 0; c < RESULTS; c++)\n"
    "        results.e[i * RESULTS + c] = y[c];\n"
    "}\n";

struct eval_point {
    float u, v, ddx[2], ddy[2]; // ddx[0] is the lod in modes 0 and 1
};

struct eval {
    smelt_context context;
    smelt_shader shader;
    smelt_arguments arguments;
    smelt_tensor points, results;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    uint32_t capacity, result_count;
    uint64_t frame;
};

struct eval_options {
    int mode;
    bool hardware;
    uint32_t capacity;   // points of one run
    uint32_t frames;     // in flight; 0: the default
    const char *surface; // expressions, for modes 1 and 2
    uint32_t surface_count;
};

// Everything of `material` is bound by name here.
static inline void eval_bind(struct eval *e, smelt_material material)
{
    const struct smelt_material_info *info = smelt_material_info(material);
    CHECK_OK(smelt_material_set_arguments(material, e->arguments, "", 0));
    for (uint32_t i = 0; i < info->latent_count; i++)
        CHECK_OK(smelt_arguments_set_texture(e->arguments, "latents", i, smelt_material_latent(material, i),
                                             VK_NULL_HANDLE, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
}

static inline void eval_bind_buffers(struct eval *e, bool hardware, VkSampler sampler)
{
    const struct smelt_tensor_info *points = smelt_tensor_info(e->points),
                                   *results = smelt_tensor_info(e->results);
    if (hardware)
        CHECK_OK(smelt_arguments_set_sampler(e->arguments, "latent_sampler", 0, sampler));
    CHECK_OK(smelt_arguments_set_buffer(e->arguments, "points", points->buffer, points->buffer_offset,
                                        points->size));
    CHECK_OK(smelt_arguments_set_buffer(e->arguments, "results", results->buffer, results->buffer_offset,
                                        results->size));
}

// The context of a test that evaluates; it is asked for before anything is made, which a skipped test would leave.
static inline smelt_context eval_context(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    return context;
}

static inline struct eval eval_create(smelt_context context, smelt_material material, struct eval_options o)
{
    const struct smelt_material_info *info = smelt_material_info(material);
    struct eval e = {.context = context,
                     .capacity = o.capacity,
                     .result_count = o.mode ? o.surface_count : info->output_count};
    char latents[16], results[16], mode[16], *text = NULL;
    snprintf(latents, sizeof(latents), "%u", info->latent_count);
    snprintf(results, sizeof(results), "%u", e.result_count);
    snprintf(mode, sizeof(mode), "%d", o.mode);
    CHECK_OK(smelt_material_glsl(material, "m", &text));
    struct smelt_define defines[] = {{"LATENTS", latents},
                                     {"RESULTS", results},
                                     {"MODE", mode},
                                     {"HARDWARE", o.hardware ? "1" : "0"},
                                     {"SURFACE", o.surface ? o.surface : ""}};
    struct smelt_virtual_file file = {"m.glsl", text};
    struct smelt_shader_params params = {.path = "eval.comp",
                                         .source = eval_source,
                                         .defines = defines,
                                         .define_count = 5,
                                         .files = &file,
                                         .file_count = 1,
                                         .backend = info->mlp.backend,
                                         .no_cache = true};
    CHECK_OK(smelt_shader_create(context, &params, &e.shader));
    smelt_free_text(&text);
    struct smelt_arguments_params arguments = {
        .shaders = &e.shader, .shader_count = 1, .descriptors = true, .frames_in_flight = o.frames};
    CHECK_OK(smelt_arguments_create(context, &arguments, &e.arguments));
    struct smelt_tensor_params points = {.dtype = SMELT_DTYPE_F32,
                                         .rank = 2,
                                         .shape = {o.capacity, 6},
                                         .usage = SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_HOST};
    CHECK_OK(smelt_tensor_create(context, &points, &e.points));
    points.shape[1] = e.result_count;
    CHECK_OK(smelt_tensor_create(context, &points, &e.results));
    VkDescriptorSetLayout set = smelt_arguments_set_layout(e.arguments);
    CHECK_OK(smelt_shader_create_compute_pipeline(e.shader, &set, 1, NULL, &e.layout, &e.pipeline));
    eval_bind(&e, material);
    eval_bind_buffers(&e, o.hardware, smelt_material_sampler(material));
    return e;
}

static inline void eval_destroy(struct eval *e)
{
    const struct smelt_vk *vk = &e->context->vk;
    vk->DestroyPipeline(e->context->device, e->pipeline, e->context->allocation_callbacks);
    vk->DestroyPipelineLayout(e->context->device, e->layout, e->context->allocation_callbacks);
    smelt_arguments_destroy(&e->arguments);
    smelt_tensor_destroy(&e->points);
    smelt_tensor_destroy(&e->results);
    smelt_shader_destroy(&e->shader);
}

// Records the dispatch of `count` points that stand in e->points.
static inline void eval_record(struct eval *e, VkCommandBuffer commands, uint32_t count)
{
    const struct smelt_vk *vk = &e->context->vk;
    vk->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, e->pipeline);
    CHECK_OK(smelt_arguments_bind(e->arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE, e->layout,
                                  VK_SHADER_STAGE_COMPUTE_BIT, e->frame++));
    vk->CmdPushConstants(commands, e->layout, VK_SHADER_STAGE_COMPUTE_BIT, 8, 4, &count);
    vk->CmdDispatch(commands, (count + 63) / 64, 1, 1);
}

static inline void eval_run(struct eval *e, const struct eval_point *points, uint32_t count, float *results)
{
    VkCommandBuffer commands;
    CHECK(count <= e->capacity);
    memcpy(smelt_tensor_info(e->points)->mapped, points, count * sizeof(*points));
    memset(smelt_tensor_info(e->results)->mapped, 0xff,
           (size_t)e->capacity * e->result_count * sizeof(float));
    CHECK_OK(smelt_arguments_check(e->arguments)); // a failure after submit_begin would leave its lock taken
    CHECK_OK(smelt_submit_begin(e->context, &commands));
    eval_record(e, commands, count);
    smelt_memory_barrier(e->context, commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                         VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT, VK_PIPELINE_STAGE_2_HOST_BIT,
                         VK_ACCESS_2_HOST_READ_BIT);
    CHECK_OK(smelt_submit_end(e->context, true));
    memcpy(results, smelt_tensor_info(e->results)->mapped, (size_t)count * e->result_count * sizeof(float));
}

#endif
