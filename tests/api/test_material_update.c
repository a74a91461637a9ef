// SPDX-License-Identifier: MIT
// Tests of a material's life on the device: many materials of one pipeline, updates with frames in flight, memory.
#include "material_eval.h"
#include "material_tiny.h"
#include "source.h"

#include <math.h>

enum { POINTS = 32, RESULTS = TINY_OUTPUTS };

static smelt_package package_of(uint32_t seed)
{
    static struct tiny t;
    tiny_make(&t, seed);
    return tiny_package(&t);
}

static smelt_material create(smelt_context context, smelt_package package, uint32_t frames)
{
    struct smelt_material_params params = {.package = package,
                                           .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                           .computed = SMELT_DTYPE_F32,
                                           .frames_in_flight = frames};
    smelt_material material = NULL;
    CHECK_OK(smelt_material_create(context, &params, &material));
    return material;
}

static void make_points(struct eval_point *points)
{
    for (int i = 0; i < POINTS; i++)
        points[i] =
            (struct eval_point){.u = (float)i * 0.17f - 2, .v = (float)i * 0.07f, .ddx = {(float)(i % 3)}};
}

// What a material made of this package alone evaluates to.
static void evaluate_alone(smelt_context context, smelt_package package, float *results)
{
    struct eval_point points[POINTS];
    smelt_material material = create(context, package, 0);
    CHECK_OK(smelt_material_upload_and_wait(material));
    struct eval_options options = {.capacity = POINTS};
    struct eval eval = eval_create(context, material, options);
    make_points(points);
    eval_run(&eval, points, POINTS, results);
    eval_destroy(&eval);
    smelt_material_destroy(&material);
}

static bool same(const float *a, const float *b)
{
    return !memcmp(a, b, sizeof(float) * POINTS * RESULTS);
}

static void one_pipeline_for_many_materials(void)
{
    enum { COUNT = 4 };
    smelt_context context = eval_context();
    smelt_package packages[COUNT];
    smelt_material materials[COUNT];
    struct eval_point points[POINTS];
    float alone[POINTS * RESULTS], got[POINTS * RESULTS], previous[POINTS * RESULTS] = {0};
    make_points(points);
    for (uint32_t i = 0; i < COUNT; i++) {
        packages[i] = package_of(10 + i);
        materials[i] = create(context, packages[i], 0);
        CHECK_OK(smelt_material_upload_and_wait(materials[i]));
        CHECK(smelt_material_info(materials[i])->architecture ==
              smelt_material_info(materials[0])->architecture);
    }
    struct eval_options options = {.capacity = POINTS};
    struct eval eval = eval_create(context, materials[0], options);
    for (uint32_t i = 0; i < COUNT; i++) {
        evaluate_alone(context, packages[i], alone);
        eval_bind(&eval, materials[i]);
        eval_run(&eval, points, POINTS, got);
        CHECK(same(got, alone) && !same(got, previous));
        memcpy(previous, got, sizeof(got));
    }
    eval_destroy(&eval);
    for (uint32_t i = 0; i < COUNT; i++) {
        smelt_material_destroy(&materials[i]);
        smelt_package_close(&packages[i]);
    }
}

// The caller's package may be gone by the first upload.
static void contents_outlive_the_package(void)
{
    smelt_context context = eval_context();
    float alone[POINTS * RESULTS], got[POINTS * RESULTS];
    struct eval_point points[POINTS];
    smelt_package package = package_of(20);
    smelt_material material = create(context, package, 0);
    evaluate_alone(context, package, alone);
    smelt_package_close(&package);
    CHECK_OK(smelt_material_upload_and_wait(material));
    struct eval_options options = {.capacity = POINTS};
    struct eval eval = eval_create(context, material, options);
    make_points(points);
    eval_run(&eval, points, POINTS, got);
    CHECK(same(got, alone));
    eval_destroy(&eval);
    smelt_material_destroy(&material);
}

// --- Frames in flight ----------------------------------------------------------------------------------------

enum { IN_FLIGHT = 3, FRAMES = 10, PACKAGES = 4 };

struct frame {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    smelt_tensor results;
};

static struct frame frame_create(smelt_context context)
{
    const struct smelt_vk *vk = &context->vk;
    struct frame f = {0};
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = context->queue_family};
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    CHECK(vk->CreateCommandPool(context->device, &pool, NULL, &f.pool) == VK_SUCCESS);
    VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = f.pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
    CHECK(vk->AllocateCommandBuffers(context->device, &allocate, &f.commands) == VK_SUCCESS);
    CHECK(vk->CreateFence(context->device, &fence, NULL, &f.fence) == VK_SUCCESS);
    struct smelt_tensor_params results = {.dtype = SMELT_DTYPE_F32,
                                          .rank = 2,
                                          .shape = {POINTS, RESULTS},
                                          .usage = SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_HOST};
    CHECK_OK(smelt_tensor_create(context, &results, &f.results));
    return f;
}

static void frame_destroy(smelt_context context, struct frame *f)
{
    context->vk.DestroyFence(context->device, f->fence, NULL);
    context->vk.DestroyCommandPool(context->device, f->pool, NULL);
    smelt_tensor_destroy(&f->results);
}

static void begin(smelt_context context, const struct frame *f)
{
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    CHECK(context->vk.ResetCommandPool(context->device, f->pool, 0) == VK_SUCCESS);
    CHECK(context->vk.BeginCommandBuffer(f->commands, &info) == VK_SUCCESS);
}

static void submit(smelt_context context, const struct frame *f)
{
    VkCommandBufferSubmitInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                          .commandBuffer = f->commands};
    VkSubmitInfo2 info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                          .commandBufferInfoCount = 1,
                          .pCommandBufferInfos = &commands};
    CHECK(context->vk.EndCommandBuffer(f->commands) == VK_SUCCESS);
    CHECK(context->vk.QueueSubmit2(context->queue, 1, &info, f->fence) == VK_SUCCESS);
}

static void wait(smelt_context context, const struct frame *f)
{
    CHECK(context->vk.WaitForFences(context->device, 1, &f->fence, VK_TRUE, UINT64_MAX) == VK_SUCCESS);
    CHECK(context->vk.ResetFences(context->device, 1, &f->fence) == VK_SUCCESS);
}

static PFN_vkAllocateMemory real_allocate;
static uint32_t allocations;

static VKAPI_ATTR VkResult VKAPI_CALL count_allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                                     const VkAllocationCallbacks *callbacks,
                                                     VkDeviceMemory *memory)
{
    allocations++;
    return real_allocate(device, info, callbacks, memory);
}

static void record_frame(struct eval *eval, smelt_material material, const struct frame *f, uint64_t number,
                         smelt_package package)
{
    const struct smelt_tensor_info *results = smelt_tensor_info(f->results);
    CHECK_OK(smelt_material_update(material, f->commands, number, package, 0));
    CHECK_OK(smelt_arguments_set_buffer(eval->arguments, "results", results->buffer, results->buffer_offset,
                                        results->size));
    eval->frame = number;
    eval_record(eval, f->commands, POINTS);
    smelt_memory_barrier(eval->context, f->commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                         VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT, VK_PIPELINE_STAGE_2_HOST_BIT,
                         VK_ACCESS_2_HOST_READ_BIT);
}

static void updates_with_frames_in_flight(void)
{
    smelt_context context = eval_context();
    smelt_package packages[PACKAGES];
    struct frame frames[IN_FLIGHT];
    struct eval_point points[POINTS];
    static float alone[PACKAGES][POINTS * RESULTS];
    for (uint32_t i = 0; i < PACKAGES; i++) {
        packages[i] = package_of(30 + i);
        evaluate_alone(context, packages[i], alone[i]);
    }
    smelt_material material = create(context, packages[0], IN_FLIGHT);
    struct eval_options options = {.capacity = POINTS, .frames = IN_FLIGHT};
    struct eval eval = eval_create(context, material, options);
    make_points(points);
    memcpy(smelt_tensor_info(eval.points)->mapped, points, sizeof(points));
    for (int i = 0; i < IN_FLIGHT; i++)
        frames[i] = frame_create(context);
    real_allocate = context->vk.AllocateMemory;
    // The first contents come by update too: nothing was uploaded. Frame numbers begin anywhere.
    for (uint64_t n = 0; n < FRAMES + IN_FLIGHT; n++) {
        struct frame *f = &frames[n % IN_FLIGHT];
        if (n >= IN_FLIGHT) {
            wait(context, f);
            CHECK(same(smelt_tensor_info(f->results)->mapped, alone[(n - IN_FLIGHT) % PACKAGES]));
        }
        if (n >= FRAMES)
            continue;
        if (n == 1)
            context->vk.AllocateMemory = count_allocate;
        begin(context, f);
        // NULL is the package it was created from.
        record_frame(&eval, material, f, 1000 + n, n % PACKAGES ? packages[n % PACKAGES] : NULL);
        submit(context, f);
    }
    context->vk.AllocateMemory = real_allocate;
    CHECK(allocations == 0);
    for (int i = 0; i < IN_FLIGHT; i++)
        frame_destroy(context, &frames[i]);
    eval_destroy(&eval);
    smelt_material_destroy(&material);
    for (uint32_t i = 0; i < PACKAGES; i++)
        smelt_package_close(&packages[i]);
}

// Latents of one package with the weights of another.
static void parts_are_updated_alone(void)
{
    smelt_context context = eval_context();
    static struct tiny t, other;
    struct eval_point points[POINTS];
    float alone[POINTS * RESULTS], got[POINTS * RESULTS];
    tiny_make(&t, 40);
    smelt_package a = tiny_package(&t);
    tiny_make(&other, 41);
    smelt_package b = tiny_package(&other);
    memcpy(t.weight, other.weight, sizeof(t.weight)); // the texels of a, the weights of b
    memcpy(t.bias, other.bias, sizeof(t.bias));
    smelt_package mixed = tiny_package(&t);
    evaluate_alone(context, mixed, alone);
    make_points(points);
    for (int order = 0; order < 2; order++) {
        smelt_material material = create(context, order ? b : a, 0);
        struct eval_options options = {.capacity = POINTS};
        struct eval eval = eval_create(context, material, options);
        VkCommandBuffer commands;
        CHECK_OK(smelt_material_upload_and_wait(material));
        CHECK_OK(smelt_submit_begin(context, &commands));
        enum smelt_result result = smelt_material_update(
            material, commands, 0, order ? a : b, order ? SMELT_MATERIAL_LATENTS : SMELT_MATERIAL_WEIGHTS);
        CHECK_OK(smelt_submit_end(context, true));
        CHECK_OK(result);
        eval_run(&eval, points, POINTS, got);
        CHECK(same(got, alone));
        eval_destroy(&eval);
        smelt_material_destroy(&material);
    }
    smelt_package_close(&a);
    smelt_package_close(&b);
    smelt_package_close(&mixed);
}

static void refuses_other_architectures(void)
{
    smelt_context context = test_context();
    static struct tiny t;
    smelt_package package = package_of(50);
    smelt_material material = create(context, package, 0);
    VkCommandBuffer commands = (VkCommandBuffer)&t; // never used: refused before anything is recorded
    static const struct {
        const char *from, *to, *message;
    } changes[] = {
        {"\"scale\":2", "\"scale\":4",
         "wanted \"encoding 2: frequency of 2, scale 2e+00\", got \"encoding 2: frequency of 2, scale "
         "4e+00\""},
        {"\"repeat\"", "\"clamp\"", "another architecture than \"tiny\": wanted \"latents: 2, repeat"},
        {"\"activation\":\"none\"", "\"activation\":\"tanh\"", "got \"layer 0: 10 outputs, tanh\""},
        {",{\"name\":\"paint\",\"semantic\":\"other\",\"transfer\":\"srgb\",\"first\":6,\"count\":4}", "",
         "wanted \"channel 3: paint, other, srgb, outputs 6 to 9, range 0e+00 to 1e+00, y up\", got \"\""},
        {"\"latent1.mip0\"", "\"latent1.mip9\"", "latents.textures[1].mips[2]"},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(changes); i++) {
        tiny_make(&t, 50);
        tiny_replace(&t, changes[i].from, changes[i].to);
        smelt_package other = tiny_package(&t);
        enum smelt_result result = smelt_material_update(material, commands, 0, other, 0);
        smelt_package_close(&other);
        if (!strstr(smelt_last_error(), changes[i].message))
            printf("    wanted: %s\n", changes[i].message);
        CHECK(result == (i == 4 ? SMELT_ERROR_FORMAT : SMELT_ERROR_INVALID_ARGUMENT));
        CHECK(strstr(smelt_last_error(), changes[i].message));
    }
    tiny_make(&t, 50);
    tiny_replace(&t, ",\"latent0.mip0\"", "");
    tiny_replace(&t, ",\"latent1.mip0\"", "");
    tiny_replace(&t, "\"width\":8,\"height\":4", "\"width\":4,\"height\":2");
    smelt_package small = tiny_package(&t);
    CHECK_FAILS(smelt_material_update(material, commands, 0, small, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "latent 0: wanted 8 x 4 with 3 mips as in \"tiny\", got 4 x 2 with 2");
    smelt_package_close(&small);
    CHECK_FAILS(smelt_material_update(material, NULL, 0, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "a command buffer");
    CHECK_FAILS(smelt_material_update(material, commands, 0, NULL, 8), SMELT_ERROR_INVALID_ARGUMENT, "0x8");
    smelt_material_destroy(&material);
    smelt_package_close(&package);
}

static void handles_and_memory(void)
{
    smelt_context context = test_context();
    uint64_t before = smelt_context_memory(context).total;
    smelt_package package = package_of(60);
    smelt_material material = create(context, package, 0);
    CHECK(smelt_material_latent(material, 0) && smelt_material_latent(material, 1));
    CHECK(!smelt_material_latent(material, 2) && smelt_material_sampler(material));
    struct smelt_memory_report report = smelt_context_memory(context);
    CHECK(report.bytes[SMELT_MEMORY_TEXTURE] >= 2 * 4 * (32 + 8 + 2) &&
          report.bytes[SMELT_MEMORY_WEIGHTS] > 0);
    CHECK_OK(smelt_material_upload_and_wait(material));
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_STAGING] == report.bytes[SMELT_MEMORY_STAGING]);
    smelt_material_destroy(&material);
    CHECK(smelt_context_memory(context).total == before);
    smelt_package_close(&package);
}

// A budget that holds the textures but not the rest, and one that holds nothing.
static void keeps_the_budget(void)
{
    const char *path = source_file("examples/materials/rock053.safetensors");
    for (uint64_t budget = 4096; budget < 2 << 20; budget += (1 << 20) + (64 << 10)) {
        struct smelt_context_params params = {.memory_budget = budget, .cache_directory = ""};
        struct smelt_material_params material_params = {.path = path};
        smelt_context context = NULL;
        smelt_material material = NULL;
        CHECK_OK(smelt_context_create(&params, &context));
        enum smelt_result result = smelt_material_create(context, &material_params, &material);
        uint64_t left = smelt_context_memory(context).total;
        if (result == SMELT_OK) // only the upload's staging did not fit
            result = smelt_material_upload_and_wait(material);
        smelt_material_destroy(&material);
        smelt_context_destroy(&context);
        CHECK(result == SMELT_ERROR_BUDGET && left <= budget);
    }
}

static const struct test tests[] = {
    {"many materials, one pipeline", one_pipeline_for_many_materials},
    {"contents outlive the caller's package", contents_outlive_the_package},
    {"updates with three frames in flight, without allocating", updates_with_frames_in_flight},
    {"weights and latents are updated alone", parts_are_updated_alone},
    {"refuses another architecture and says what differs", refuses_other_architectures},
    {"handles, and memory that is given back", handles_and_memory},
    {"keeps the memory budget", keeps_the_budget},
};
TEST_MAIN(tests)
