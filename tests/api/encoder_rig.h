// SPDX-License-Identifier: MIT
// What tests of the encoder share: a kernel z = scale x + y + shift, its pipeline, and tensors to run it on.
#ifndef SMELT_TEST_ENCODER_RIG_H
#define SMELT_TEST_ENCODER_RIG_H

#include "encoder_internal.h"
#include "rig.h"
#include "vectors.h"

#define ENCODER_N 256

static const char *const encoder_source = VECTORS_GLSL
    "layout(constant_id = 3) const uint ELEMENTS = 4;\n" // of shared memory
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer table { float values[]; "
    "};\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer step_block {\n"
    "    source_f32_1_r_0 x; source_f32_1_r_0 y; result_f32_1_w_0 z; float scale; };\n"
    "layout(push_constant, scalar) uniform push { step_block block; float shift; };\n"
    "layout(local_size_x_id = 7) in;\n"
    "shared float kept[ELEMENTS];\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x;\n"
    "    kept[gl_LocalInvocationID.x % ELEMENTS] = block.scale;\n"
    "    barrier();\n"
    "    if (i < smelt_extent(block.z, 0))\n"
    "        smelt_store(block.z, i, kept[gl_LocalInvocationID.x % ELEMENTS] * smelt_load(block.x, i)\n"
    "                                    + smelt_load(block.y, i) + shift);\n"
    "}\n";

struct encoder_rig {
    smelt_context context;
    smelt_shader shader;
    smelt_pipeline pipeline;
    uint32_t x, y, z, scale, shift; // indices
};

static inline smelt_pipeline encoder_pipeline(smelt_context context, smelt_shader shader, const char *name)
{
    smelt_pipeline pipeline = NULL;
    const struct smelt_constant constants[] = {{"local_size_x", 64}};
    struct smelt_pipeline_params params = {
        .shader = shader, .constants = constants, .constant_count = 1, .name = name};
    CHECK_OK(smelt_pipeline_create(context, &params, &pipeline));
    return pipeline;
}

static inline struct encoder_rig encoder_rig(void)
{
    struct encoder_rig rig = {.context = rig_context()};
    rig.shader = rig_shader(rig.context, "step.comp", encoder_source, VK_SHADER_STAGE_COMPUTE_BIT);
    rig.pipeline = encoder_pipeline(rig.context, rig.shader, "step");
    CHECK_OK(smelt_pipeline_find(rig.pipeline, "x", &rig.x));
    CHECK_OK(smelt_pipeline_find(rig.pipeline, "y", &rig.y));
    CHECK_OK(smelt_pipeline_find(rig.pipeline, "z", &rig.z));
    CHECK_OK(smelt_pipeline_find(rig.pipeline, "scale", &rig.scale));
    CHECK_OK(smelt_pipeline_find(rig.pipeline, "shift", &rig.shift));
    return rig;
}

static inline void encoder_rig_destroy(struct encoder_rig *rig)
{
    smelt_pipeline_destroy(&rig->pipeline);
    smelt_shader_destroy(&rig->shader);
}

// A tensor of n elements, all `value`.
static inline smelt_tensor encoder_tensor(smelt_context context, uint64_t n, float value)
{
    float *data = malloc(n * sizeof(*data));
    CHECK(data);
    for (uint64_t i = 0; i < n; i++)
        data[i] = value;
    smelt_tensor tensor = rig_tensor(context, SMELT_DTYPE_F32, 1, &n, data);
    free(data);
    return tensor;
}

static inline float encoder_element(smelt_tensor tensor, uint64_t i)
{
    float value = 0;
    struct smelt_tensor_box box = {.origin = {i}, .shape = {1}};
    CHECK_OK(smelt_tensor_read_and_wait(tensor, &box, &value, sizeof(value)));
    return value;
}

// Records z = scale x + y + shift.
static inline enum smelt_result encoder_step(const struct encoder_rig *rig, smelt_encoder encoder,
                                             smelt_tensor x, smelt_tensor y, smelt_tensor z, float scale,
                                             float shift, const char *label)
{
    const struct smelt_argument arguments[] = {
        {.argument = rig->x, .tensor = x},
        {.argument = rig->y, .tensor = y},
        {.name = "z", .tensor = z},
        {.argument = rig->scale, .bytes = &scale, .size = sizeof(scale)},
        {.name = "shift", .bytes = &shift, .size = sizeof(shift)},
    };
    const struct smelt_encode_params params = {
        .pipeline = rig->pipeline,
        .arguments = arguments,
        .argument_count = SMELT_COUNT_OF(arguments),
        .kind = SMELT_DISPATCH_THREADS,
        .size = {(uint32_t)smelt_tensor_element_count(z)},
        .label = label,
        .operation = SMELT_OPERATION_OTHER,
    };
    return smelt_encoder_encode(encoder, &params);
}

static inline smelt_encoder encoder_create(smelt_context context, enum smelt_hazard_mode hazards, bool check)
{
    smelt_encoder encoder = NULL;
    struct smelt_encoder_params params = {.hazards = hazards, .check = check, .name = "test"};
    CHECK_OK(smelt_encoder_create(context, &params, &encoder));
    return encoder;
}

#endif
