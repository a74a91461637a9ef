// SPDX-License-Identifier: MIT
// Tests of arguments.h over time: copies per frame in flight, shared memory, threads, no allocation.
#include "../../bench/allocations.h"
#include "arguments_every.h"

static void test_copies(void)
{
    struct every e = every_create(3);
    every_set(&e, 4096);
    VkDeviceAddress first[4], again;
    for (uint64_t frame = 0; frame < 4; frame++)
        CHECK_OK(smelt_arguments_flush(e.arguments, 100 + frame, &first[frame]));
    CHECK(first[0] != first[1] && first[1] != first[2] && first[0] != first[2] && first[3] == first[0]);
    // Nothing changed: nothing is written, and what is scribbled into the copy stays.
    struct arguments_slot *slot = &e.arguments->slots[103 % 3];
    float scale = 3, other = 4;
    uint8_t kept = slot->mapped[0];
    slot->mapped[0] = (uint8_t)(kept + 1);
    CHECK_OK(smelt_arguments_set_constant(e.arguments, "scale", &scale, 4)); // the value it has
    CHECK_OK(smelt_arguments_flush(e.arguments, 103, &again));
    CHECK(again == first[0] && slot->mapped[0] == (uint8_t)(kept + 1));
    CHECK_OK(smelt_arguments_set_constant(e.arguments, "scale", &other, 4));
    CHECK_OK(smelt_arguments_flush(e.arguments, 104, &again));
    CHECK(again == first[1]);
    CHECK_OK(smelt_arguments_flush(e.arguments, 106, NULL));
    CHECK(slot->mapped[0] == kept);
    every_destroy(&e);
}

// --- Memory --------------------------------------------------------------------------------------------------

// Places of one chunk: apart, aligned, mapped where their address says, all given back.
static void test_places(void)
{
    smelt_context context = rig_context();
    struct smelt_block_place places[5] = {0};
    const uint32_t sizes[5] = {1, 64, 65, 300 << 10, 100}, alignments[5] = {1, 16, 256, 64, 4096};
    for (int i = 0; i < 5; i++) {
        CHECK_OK(smelt_block_allocate(context, sizes[i], alignments[i], &places[i]));
        CHECK(places[i].address % alignments[i] == 0);
        CHECK((uint8_t *)places[i].mapped - (uint8_t *)places[0].mapped ==
                  (ptrdiff_t)(places[i].address - places[0].address) ||
              places[i].chunk != places[0].chunk);
        memset(places[i].mapped, i, sizes[i]);
    }
    for (int i = 0; i < 5; i++)
        for (uint32_t b = 0; b < sizes[i]; b++)
            CHECK(((uint8_t *)places[i].mapped)[b] == i);
    CHECK_FAILS(smelt_block_allocate(context, 1ull << 40, 16, &places[0]), SMELT_ERROR_INVALID_ARGUMENT,
                "1099511627776 bytes");
    for (int i = 0; i < 5; i++)
        smelt_block_free(context, &places[i]);
    smelt_block_free(context, &places[0]); // nothing is there any more
    CHECK(!context->block_chunks && !smelt_context_memory(context).bytes[SMELT_MEMORY_ARGUMENTS]);
}

static PFN_vkAllocateMemory real_allocate_memory;
static uint32_t allocate_memory_calls;

static VKAPI_ATTR VkResult VKAPI_CALL count_allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                            const VkAllocationCallbacks *callbacks,
                                                            VkDeviceMemory *memory)
{
    allocate_memory_calls++;
    return real_allocate_memory(device, info, callbacks, memory);
}

static void test_shared_chunks(void)
{
    enum { OBJECTS = 300 };
    static smelt_arguments objects[OBJECTS];
    struct every e = every_create(0);
    smelt_arguments_destroy(&e.arguments);
    uint64_t before = smelt_context_memory(e.context).bytes[SMELT_MEMORY_ARGUMENTS];
    real_allocate_memory = e.context->vk.AllocateMemory;
    e.context->vk.AllocateMemory = count_allocate_memory;
    allocate_memory_calls = 0;
    struct smelt_arguments_params params = {
        .shaders = &e.shader, .shader_count = 1, .block = "every_block", .frames_in_flight = 3};
    for (int i = 0; i < OBJECTS; i++)
        CHECK_OK(smelt_arguments_create(e.context, &params, &objects[i]));
    // 3 copies of 256 bytes each fit 300 times into one chunk of 256 KiB.
    CHECK(allocate_memory_calls == 1);
    CHECK(smelt_context_memory(e.context).bytes[SMELT_MEMORY_ARGUMENTS] > before);
    // No two copies share a byte.
    static VkDeviceAddress addresses[3 * OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        e.arguments = objects[i];
        every_set(&e, 4096);
        for (uint64_t frame = 0; frame < 3; frame++)
            CHECK_OK(smelt_arguments_flush(objects[i], frame, &addresses[3 * (uint64_t)i + frame]));
    }
    for (int i = 0; i < 3 * OBJECTS; i++)
        for (int j = 0; j < i; j++)
            CHECK(addresses[i] >= addresses[j] + smelt_shader_block(e.shader, "every_block")->size ||
                  addresses[j] >= addresses[i] + smelt_shader_block(e.shader, "every_block")->size);
    // Freed places are used again; an empty chunk goes back.
    for (int i = 0; i < OBJECTS; i += 2)
        smelt_arguments_destroy(&objects[i]);
    for (int i = 0; i < OBJECTS; i += 2)
        CHECK_OK(smelt_arguments_create(e.context, &params, &objects[i]));
    CHECK(allocate_memory_calls == 1);
    for (int i = 0; i < OBJECTS; i++)
        smelt_arguments_destroy(&objects[i]);
    CHECK(smelt_context_memory(e.context).bytes[SMELT_MEMORY_ARGUMENTS] == before);
    e.context->vk.AllocateMemory = real_allocate_memory;
    e.arguments = NULL;
    every_destroy(&e);
}

static int churn(void *user)
{
    struct every *e = user;
    struct smelt_arguments_params params = {.shaders = &e->shader, .shader_count = 1, .block = "every_block"};
    smelt_arguments kept[8] = {0};
    for (int i = 0; i < 400; i++) {
        smelt_arguments *place = &kept[i * 5 % 8];
        smelt_arguments_destroy(place);
        if (smelt_arguments_create(e->context, &params, place) != SMELT_OK)
            return 1;
    }
    for (int i = 0; i < 8; i++)
        smelt_arguments_destroy(&kept[i]);
    return 0;
}

static void test_threads(void)
{
    struct every e = every_create(0);
    thrd_t threads[4];
    int failed = 0;
    for (int i = 0; i < 4; i++)
        CHECK(thrd_create(&threads[i], churn, &e) == thrd_success);
    for (int i = 0; i < 4; i++) {
        int result = 1;
        thrd_join(threads[i], &result);
        failed += result;
    }
    CHECK(!failed);
    every_destroy(&e);
    CHECK(!smelt_context_memory(rig_context()).bytes[SMELT_MEMORY_ARGUMENTS]);
}

// --- No allocation -------------------------------------------------------------------------------------------

// Stand-ins for the driver, whose own recording may allocate.
static uint32_t pushes;
static VkDeviceAddress pushed;

static VKAPI_ATTR void VKAPI_CALL count_push_constants(VkCommandBuffer commands, VkPipelineLayout layout,
                                                       VkShaderStageFlags stages, uint32_t offset,
                                                       uint32_t size, const void *values)
{
    (void)commands, (void)layout, (void)stages;
    pushes += offset == 8 && size == 8;
    memcpy(&pushed, values, sizeof(pushed));
}

static void test_no_allocation(void)
{
    if (!COUNTS_ALLOCATIONS)
        SKIP("malloc cannot be counted in this build");
    struct every e = every_create(2);
    every_set(&e, 4096);
    PFN_vkCmdPushConstants real = e.context->vk.CmdPushConstants;
    e.context->vk.CmdPushConstants = count_push_constants;
    uint64_t before = allocations;
    free(malloc(1));
    bool counts = allocations == before + 1;
    before = allocations;
    enum smelt_result worst = SMELT_OK;
    for (uint64_t frame = 0; frame < 1000; frame++) {
        float scale = (float)frame;
        enum smelt_result results[] = {
            smelt_arguments_set_constant(e.arguments, "scale", &scale, sizeof(scale)),
            smelt_arguments_set_tensor(e.arguments, "x", frame % 2 ? e.x : e.y),
            smelt_arguments_set_tensor(e.arguments, "table", e.table),
            smelt_arguments_set_address(e.arguments, "extra", frame),
            smelt_arguments_check(e.arguments),
            smelt_arguments_bind(e.arguments, (VkCommandBuffer)e.context, VK_PIPELINE_BIND_POINT_COMPUTE,
                                 (VkPipelineLayout)1, VK_SHADER_STAGE_COMPUTE_BIT, frame),
        };
        for (size_t i = 0; i < SMELT_COUNT_OF(results); i++)
            worst = SMELT_MIN(worst, results[i]);
    }
    uint64_t made = allocations - before;
    e.context->vk.CmdPushConstants = real;
    VkDeviceAddress address;
    CHECK_OK(smelt_arguments_flush(e.arguments, 999, &address));
    CHECK(counts && worst == SMELT_OK && pushes == 1000 && pushed == address);
    CHECK(made == 0);
    every_destroy(&e);
}

// --- Frames in flight ----------------------------------------------------------------------------------------

// out[frame] = a value from the block and one from a buffer that a descriptor names.
static const char *const in_flight = "#version 460\n"
                                     "#include \"smelt/base.glsl\"\n" //
    TENSOR(
        "y", "F32", "1",
        "WRITE") "#define SMELT_EXTENT0 0\n#include \"smelt/tensor_tmpl.glsl\"\n" //
    BLOCK "frame_block { y_f32_1_w_0 y; uint frame; float value; };\n"
                 "layout(push_constant, scalar) uniform push { frame_block block; };\n"
                 "layout(set = 0, binding = 3, scalar) readonly buffer source { float value; } sources[2];\n"
                 "layout(local_size_x = 1) in;\n"
                 "void main()\n"
                 "{\n"
                 "    float v = block.value + sources[0].value + sources[1].value;\n"
                 "    smelt_store(block.y, block.frame, v);\n"
                 "}\n";

enum { FLIGHT_FRAMES = 9 };

struct flight {
    smelt_context context;
    smelt_shader shader;
    smelt_arguments arguments;
    smelt_tensor y;
    struct smelt_buffer values; // float per frame, 256 bytes apart
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkSemaphore gate, done; // timelines: the host opens frames, the device reports them
    VkCommandPool pool;
    VkCommandBuffer commands[FLIGHT_FRAMES];
};

static VkSemaphore timeline(smelt_context context)
{
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    VkSemaphore semaphore;
    CHECK(rig_vk.CreateSemaphore(context->device, &info, NULL, &semaphore) == VK_SUCCESS);
    return semaphore;
}

static struct flight flight_create(uint32_t frames)
{
    struct flight f = {.context = rig_context()};
    smelt_context context = f.context;
    f.shader = rig_shader(context, "in_flight.comp", in_flight, VK_SHADER_STAGE_COMPUTE_BIT);
    struct smelt_arguments_params params = {.shaders = &f.shader,
                                            .shader_count = 1,
                                            .frames_in_flight = frames,
                                            .descriptors = true,
                                            .name = "flight"};
    CHECK_OK(smelt_arguments_create(context, &params, &f.arguments));
    CHECK(smelt_arguments_set_layout(f.arguments));
    float zeros[FLIGHT_FRAMES] = {0};
    f.y = rig_tensor(context, SMELT_DTYPE_F32, 1, (uint64_t[]){FLIGHT_FRAMES}, zeros);
    CHECK_OK(smelt_buffer_create(context, 256 * FLIGHT_FRAMES, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_STAGING,
                                 "test values", &f.values));
    for (int i = 0; i < FLIGHT_FRAMES; i++)
        *(float *)((uint8_t *)f.values.mapped + 256 * i) = 100.0f * (float)(i + 1);
    f.layout = rig_layout(context, smelt_arguments_set_layout(f.arguments), 8, VK_SHADER_STAGE_COMPUTE_BIT);
    f.pipeline = rig_compute(context, f.shader, f.layout);
    f.gate = timeline(context);
    f.done = timeline(context);
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = context->queue_family,
    };
    CHECK(context->vk.CreateCommandPool(context->device, &pool, NULL, &f.pool) == VK_SUCCESS);
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = f.pool,
        .commandBufferCount = FLIGHT_FRAMES,
    };
    CHECK(context->vk.AllocateCommandBuffers(context->device, &allocate, f.commands) == VK_SUCCESS);
    return f;
}

static void flight_destroy(struct flight *f)
{
    smelt_context context = f->context;
    context->vk.DestroyCommandPool(context->device, f->pool, NULL);
    rig_vk.DestroySemaphore(context->device, f->gate, NULL);
    rig_vk.DestroySemaphore(context->device, f->done, NULL);
    context->vk.DestroyPipeline(context->device, f->pipeline, NULL);
    context->vk.DestroyPipelineLayout(context->device, f->layout, NULL);
    smelt_buffer_destroy(context, &f->values);
    smelt_tensor_destroy(&f->y);
    smelt_arguments_destroy(&f->arguments);
    smelt_shader_destroy(&f->shader);
}

// Sets the values of the frame, records and submits it behind the gate.
static void flight_submit(struct flight *f, uint32_t frame)
{
    smelt_context context = f->context;
    float value = (float)(frame + 1);
    CHECK_OK(smelt_arguments_set_tensor(f->arguments, "y", f->y));
    CHECK_OK(smelt_arguments_set_constant(f->arguments, "frame", &frame, sizeof(frame)));
    CHECK_OK(smelt_arguments_set_constant(f->arguments, "value", &value, sizeof(value)));
    CHECK_OK(
        smelt_arguments_set_buffer(f->arguments, "sources", f->values.buffer, 256 * frame, sizeof(float)));
    if (!frame)
        CHECK_OK(smelt_arguments_set_buffer(f->arguments, "sources[1]", f->values.buffer, 0, VK_WHOLE_SIZE));
    VkCommandBuffer commands = f->commands[frame];
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    CHECK(context->vk.BeginCommandBuffer(commands, &begin) == VK_SUCCESS);
    context->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, f->pipeline);
    CHECK_OK(smelt_arguments_bind(f->arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE, f->layout,
                                  VK_SHADER_STAGE_COMPUTE_BIT, frame));
    context->vk.CmdDispatch(commands, 1, 1, 1);
    CHECK(context->vk.EndCommandBuffer(commands) == VK_SUCCESS);
    VkSemaphoreSubmitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
        .semaphore = f->gate,
        .value = frame + 1,
        .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
    };
    VkSemaphoreSubmitInfo signal = wait;
    signal.semaphore = f->done;
    VkCommandBufferSubmitInfo submitted = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
        .commandBuffer = commands,
    };
    VkSubmitInfo2 submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
        .waitSemaphoreInfoCount = 1,
        .pWaitSemaphoreInfos = &wait,
        .commandBufferInfoCount = 1,
        .pCommandBufferInfos = &submitted,
        .signalSemaphoreInfoCount = 1,
        .pSignalSemaphoreInfos = &signal,
    };
    CHECK(context->vk.QueueSubmit2(context->queue, 1, &submit, VK_NULL_HANDLE) == VK_SUCCESS);
}

// Lets the device run `frame`, and waits for it.
static void flight_open(struct flight *f, uint32_t frame)
{
    uint64_t value = frame + 1;
    VkSemaphoreSignalInfo signal = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
        .semaphore = f->gate,
        .value = value,
    };
    VkSemaphoreWaitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &f->done,
        .pValues = &value,
    };
    CHECK(rig_vk.SignalSemaphore(f->context->device, &signal) == VK_SUCCESS);
    CHECK(rig_vk.WaitSemaphores(f->context->device, &wait, 10000000000ull) == VK_SUCCESS);
}

// `ahead` frames are submitted, values changed in between, before the device may begin the first of them.
static void flight_run(struct flight *f, uint32_t ahead, float *y)
{
    for (uint32_t frame = 0; frame < FLIGHT_FRAMES; frame++) {
        if (frame >= ahead)
            flight_open(f, frame - ahead);
        flight_submit(f, frame);
    }
    for (uint32_t frame = FLIGHT_FRAMES - ahead; frame < FLIGHT_FRAMES; frame++)
        flight_open(f, frame);
    CHECK_OK(smelt_tensor_read_and_wait(f->y, NULL, y, FLIGHT_FRAMES * sizeof(float)));
}

static void test_three_in_flight(void)
{
    struct flight f = flight_create(3);
    float y[FLIGHT_FRAMES];
    flight_run(&f, 3, y);
    for (int i = 0; i < FLIGHT_FRAMES; i++)
        CHECK(y[i] == (float)(i + 1) + 100.0f * (float)(i + 1) + 100);
    flight_destroy(&f);
}

// The bindings' own errors, on the same shader.
static void test_buffer_errors(void)
{
    struct flight f = flight_create(2);
    smelt_arguments a = f.arguments;
    VkBuffer buffer = f.values.buffer;
    CHECK_FAILS(smelt_arguments_check(a), SMELT_ERROR_NOT_READY, "\"sources[0]\", \"sources[1]\"");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "source", buffer, 0, 4), SMELT_ERROR_NOT_FOUND, "\"sources\"");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[2]", buffer, 0, 4), SMELT_ERROR_INVALID_ARGUMENT,
                "element 2");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[-1]", buffer, 0, 4), SMELT_ERROR_NOT_FOUND,
                "sources[-1]");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[99999999999999999999]", buffer, 0, 4),
                SMELT_ERROR_NOT_FOUND, "sources");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources[]", buffer, 0, 4), SMELT_ERROR_NOT_FOUND, "sources[]");
    CHECK_FAILS(smelt_arguments_set_buffer(a, NULL, buffer, 0, 4), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "value", buffer, 0, 4), SMELT_ERROR_NOT_FOUND,
                "argument block");
    CHECK_FAILS(smelt_arguments_set_constant(a, "sources", &f, 4), SMELT_ERROR_NOT_FOUND, "it is a binding");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources", VK_NULL_HANDLE, 0, 4), SMELT_ERROR_INVALID_ARGUMENT,
                "buffer is null");
    CHECK_FAILS(smelt_arguments_set_buffer(a, "sources", buffer, 0, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "0 bytes");
    CHECK_FAILS(smelt_arguments_set_texture(a, "sources", 0, (VkImageView)1, VK_NULL_HANDLE, 0),
                SMELT_ERROR_INVALID_ARGUMENT, "storage buffer; got: texture");
    CHECK_FAILS(smelt_arguments_set_sampler(a, "sources", 0, (VkSampler)1), SMELT_ERROR_INVALID_ARGUMENT,
                "storage buffer; got: sampler");
    CHECK_FAILS(smelt_arguments_check(a), SMELT_ERROR_NOT_READY, "\"sources[0]\", \"sources[1]\"");
    flight_destroy(&f);
}

static const struct test tests[] = {
    {"every frame in flight has a copy", test_copies},
    {"places in shared chunks are apart and aligned", test_places},
    {"blocks share memory and give it back", test_shared_chunks},
    {"objects are made on many threads", test_threads},
    {"setting and binding allocate nothing", test_no_allocation},
    {"values change while three frames are in flight", test_three_in_flight},
    {"bindings refuse what does not fit", test_buffer_errors},
};
TEST_MAIN(tests)
