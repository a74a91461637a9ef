// SPDX-License-Identifier: MIT
// What the encoder costs the host beside Vulkan by hand, and what its barriers cost the device beside the best ones.
//
// Recording: 800 dispatches with 4 tensors each, hazards tracked, against the same calls by hand with barriers where they
// must be; 100 000 dispatches at the rate of 1000. Device: 800 small kernels that depend on each other as those of a step
// of a transformer with 24 layers, with automatic barriers, with one behind every level of the graph, with one behind
// every kernel. Targets: 1.25 times by hand, 1.2 times the short rate, 1.02 times the best barriers; no allocation.
#include "allocations.h"
#include "bench.h"

enum {
    LAYERS = 24,
    DISPATCHES = 800,
    TENSORS = 4,
    ELEMENTS = 2048, // of a tensor
    MOST = 100000,
    BATCHES = 21,
};

static const char *const source =
    "#version 460\n"
    "#include \"smelt/base.glsl\"\n"
    "#define SMELT_TENSOR r\n"
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"
    "#define SMELT_RANK 2\n"
    "#define SMELT_ACCESS SMELT_ACCESS_READ\n"
    "#define SMELT_EXTENT0 0\n"
    "#define SMELT_EXTENT1 0\n"
    "#include \"smelt/tensor_tmpl.glsl\"\n"
    "#define SMELT_TENSOR w\n"
    "#define SMELT_DTYPE SMELT_DTYPE_F32\n"
    "#define SMELT_RANK 2\n"
    "#define SMELT_ACCESS SMELT_ACCESS_WRITE\n"
    "#define SMELT_EXTENT0 0\n"
    "#define SMELT_EXTENT1 0\n"
    "#include \"smelt/tensor_tmpl.glsl\"\n"
    "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer kernel_block {\n"
    "    r_f32_2_r_0x0 x; r_f32_2_r_0x0 y; r_f32_2_r_0x0 weight; w_f32_2_w_0x0 z; };\n"
    "layout(push_constant, scalar) uniform push { kernel_block block; };\n"
    "layout(constant_id = 0) const float SCALE = 0.5;\n"
    "layout(local_size_x = 128) in;\n"
    "void main()\n"
    "{\n"
    "    uint i = gl_GlobalInvocationID.x, n = smelt_extent(block.z, 1);\n"
    "    if (i < n * smelt_extent(block.z, 0))\n"
    "        smelt_store(block.z, i / n, i % n, SCALE * smelt_load(block.x, i / n, i % n)\n"
    "            + smelt_load(block.y, i / n, i % n) * smelt_load(block.weight, i / n, i % n));\n"
    "}\n";

// --- The graph --------------------------------------------------------------------------------------------

// Tensors of a layer's step: what each level reads and writes, by the kernels of it side by side.
static const struct {
    int count;           // kernels
    int x, x_step, y, z; // the first one's tensors; x moves on by x_step for each kernel, z by one
} levels[] = {
    {1, 0, 0, 0, 1},    // norm
    {4, 1, 0, 1, 2},    // q, k, v, and a gate
    {4, 2, 1, 2, 6},    // rotations and caches
    {8, 6, 0, 7, 10},   // scores of 8 heads
    {8, 10, 1, 8, 18},  // their values
    {1, 18, 0, 25, 26}, // projection
    {1, 26, 0, 0, 27},  // residual
    {1, 27, 0, 27, 28}, // norm
    {2, 28, 0, 28, 29}, // gate, up
    {1, 29, 0, 30, 31}, // activation
    {1, 31, 0, 31, 32}, // down
    {1, 32, 0, 27, 33}, // residual: the next layer's 0
};
enum { LEVELS = sizeof(levels) / sizeof(levels[0]), LAYER_TENSORS = 33, POOL = 2 * LAYER_TENSORS + 1 };

struct kernel {
    int pipeline;
    int tensors[TENSORS]; // of the pool; the weight is one of its own
    bool first_of_level;
};

struct bench {
    smelt_context context;
    smelt_shader shader;
    smelt_pipeline pipelines[2];
    uint32_t arguments[TENSORS];
    smelt_tensor pool[POOL], weights[DISPATCHES];
    struct kernel kernels[DISPATCHES];
    struct smelt_context_handles handles;
    bool cpu;
    struct {
        PFN_vkCreateCommandPool CreateCommandPool;
        PFN_vkDestroyCommandPool DestroyCommandPool;
        PFN_vkResetCommandPool ResetCommandPool;
        PFN_vkAllocateCommandBuffers AllocateCommandBuffers;
        PFN_vkBeginCommandBuffer BeginCommandBuffer;
        PFN_vkEndCommandBuffer EndCommandBuffer;
        PFN_vkCmdBindPipeline CmdBindPipeline;
        PFN_vkCmdPushConstants CmdPushConstants;
        PFN_vkCmdDispatch CmdDispatch;
        PFN_vkCmdPipelineBarrier2 CmdPipelineBarrier2;
    } vk;
    VkCommandPool commands_pool;
    VkCommandBuffer commands;
    smelt_tensor blocks; // mapped: the argument blocks of what is recorded by hand
    uint32_t barriers[3];
};

static void add_kernel(struct bench *b, int *count, int layer, int x, int y, int z, bool first)
{
    // Even and odd layers use the two halves of the pool in turn; tensor 33 is tensor 0 of the other half.
    int here = layer % 2 * LAYER_TENSORS, there = (layer + 1) % 2 * LAYER_TENSORS;
#define PLACE(t) ((t) == LAYER_TENSORS ? there : here + (t))
    b->kernels[*count] = (struct kernel){
        .pipeline = *count % 2, .tensors = {PLACE(x), PLACE(y), *count, PLACE(z)}, .first_of_level = first};
    ++*count;
}

static void make_graph(struct bench *b)
{
    int count = 0;
    for (int layer = 0; layer < LAYERS; layer++)
        for (int level = 0; level < LEVELS; level++)
            for (int k = 0; k < levels[level].count; k++)
                add_kernel(b, &count, layer, levels[level].x + k * levels[level].x_step, levels[level].y,
                           levels[level].z + k, k == 0);
    for (int k = 0; k < DISPATCHES - LAYERS * 33; k++) // a last norm, and slices of the logits
        add_kernel(b, &count, LAYERS, k ? 1 : 0, k ? 1 : 0, k ? 1 + k : 1, k <= 1);
    bench_require(count == DISPATCHES, "making 800 kernels");
}

// --- Objects ----------------------------------------------------------------------------------------------

static smelt_tensor tensor(struct bench *b, uint32_t usage, uint64_t rows, uint64_t columns)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {rows, columns}, .usage = usage};
    smelt_tensor made = NULL;
    BENCH_OK(smelt_tensor_create(b->context, &params, &made));
    return made;
}

static void create(struct bench *b, const char *device)
{
    b->context = bench_context(device);
    b->handles = smelt_context_handles(b->context);
    b->cpu = smelt_context_capabilities(b->context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    struct smelt_shader_params shader = {
        .path = "kernel.comp", .source = source, .stage = VK_SHADER_STAGE_COMPUTE_BIT, .no_cache = true};
    BENCH_OK(smelt_shader_create(b->context, &shader, &b->shader));
    const struct smelt_constant quarter = {"SCALE", 0x3e800000};
    const struct smelt_pipeline_params pipeline = {.shader = b->shader, .name = "kernel"};
    BENCH_OK(smelt_pipeline_create(b->context, &pipeline, &b->pipelines[0]));
    BENCH_OK(smelt_pipeline_specialize(b->pipelines[0], &quarter, 1, &b->pipelines[1]));
    static const char *const names[TENSORS] = {"x", "y", "weight", "z"};
    for (int i = 0; i < TENSORS; i++)
        BENCH_OK(smelt_pipeline_find(b->pipelines[0], names[i], &b->arguments[i]));
    for (int i = 0; i < POOL; i++)
        b->pool[i] = tensor(b, 0, ELEMENTS / 64, 64);
    for (int i = 0; i < DISPATCHES; i++)
        b->weights[i] = tensor(b, 0, ELEMENTS / 64, 64);
    b->blocks = tensor(b, SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_HOST, MOST, 24);
    make_graph(b);
#define LOAD(name) b->vk.name = (PFN_vk##name)b->handles.get_device_proc_addr(b->handles.device, "vk" #name);
    LOAD(CreateCommandPool)
    LOAD(DestroyCommandPool)
    LOAD(ResetCommandPool)
    LOAD(AllocateCommandBuffers)
    LOAD(BeginCommandBuffer)
    LOAD(EndCommandBuffer)
    LOAD(CmdBindPipeline)
    LOAD(CmdPushConstants)
    LOAD(CmdDispatch)
    LOAD(CmdPipelineBarrier2)
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = b->handles.queue_family};
    BENCH_VK(b->vk.CreateCommandPool(b->handles.device, &pool, NULL, &b->commands_pool));
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = b->commands_pool,
                                        .commandBufferCount = 1};
    BENCH_VK(b->vk.AllocateCommandBuffers(b->handles.device, &info, &b->commands));
}

static void destroy(struct bench *b)
{
    b->vk.DestroyCommandPool(b->handles.device, b->commands_pool, NULL);
    for (int i = 0; i < POOL; i++)
        smelt_tensor_destroy(&b->pool[i]);
    for (int i = 0; i < DISPATCHES; i++)
        smelt_tensor_destroy(&b->weights[i]);
    smelt_tensor_destroy(&b->blocks);
    smelt_pipeline_destroy(&b->pipelines[0]);
    smelt_shader_destroy(&b->shader);
    smelt_context_destroy(&b->context);
}

static smelt_tensor tensor_of(const struct bench *b, const struct kernel *k, int i)
{
    return i == 2 ? b->weights[k->tensors[2]] : b->pool[k->tensors[i]];
}

// --- Recording --------------------------------------------------------------------------------------------

static void barrier(struct bench *b, VkCommandBuffer commands)
{
    VkMemoryBarrier2 between = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                .srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                .srcAccessMask = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
                                .dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                .dstAccessMask = VK_ACCESS_2_SHADER_STORAGE_READ_BIT |
                                                 VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT};
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO, .memoryBarrierCount = 1, .pMemoryBarriers = &between};
    b->vk.CmdPipelineBarrier2(commands, &info);
}

// One tensor in a block: address, extents, strides.
static uint8_t *put_tensor(uint8_t *place, smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    const uint32_t rest[4] = {(uint32_t)info->shape[0], (uint32_t)info->shape[1], (uint32_t)info->strides[0],
                              (uint32_t)info->strides[1]};
    memcpy(place, &info->address, 8);
    memcpy(place + 8, rest, sizeof(rest));
    return place + 24;
}

// By hand: what an engine would write for these kernels, with barriers where it knows that they must be.
static void record_by_hand(struct bench *b, smelt_encoder encoder, uint32_t count)
{
    (void)encoder;
    const struct smelt_tensor_info *blocks = smelt_tensor_info(b->blocks);
    VkPipeline bound = VK_NULL_HANDLE;
    VkPipelineLayout layout = smelt_pipeline_info(b->pipelines[0])->layout;
    for (uint32_t i = 0; i < count; i++) {
        const struct kernel *k = &b->kernels[i % DISPATCHES];
        uint8_t *place = (uint8_t *)blocks->mapped + i * 96ull;
        VkDeviceAddress address = blocks->address + i * 96ull;
        for (int t = 0; t < TENSORS; t++)
            place = put_tensor(place, tensor_of(b, k, t));
        if (i && k->first_of_level)
            barrier(b, b->commands);
        VkPipeline pipeline = smelt_pipeline_info(b->pipelines[k->pipeline])->pipeline;
        if (pipeline != bound)
            b->vk.CmdBindPipeline(b->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
        bound = pipeline;
        b->vk.CmdPushConstants(b->commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 8, &address);
        b->vk.CmdDispatch(b->commands, ELEMENTS / 128, 1, 1);
    }
}

static void record_kernel(struct bench *b, smelt_encoder encoder, const struct kernel *k)
{
    enum smelt_result result = smelt_encoder_set_pipeline(encoder, b->pipelines[k->pipeline]);
    for (int t = 0; t < TENSORS && !result; t++)
        result = smelt_encoder_set_tensor_at(encoder, b->arguments[t], tensor_of(b, k, t));
    if (!result)
        result = smelt_encoder_dispatch_groups(encoder, ELEMENTS / 128, 1, 1);
    bench_require(result == SMELT_OK, "a dispatch");
}

static void record_encoder(struct bench *b, smelt_encoder encoder, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        record_kernel(b, encoder, &b->kernels[i % DISPATCHES]);
}

static void record_by_name(struct bench *b, smelt_encoder encoder, uint32_t count)
{
    static const char *const names[TENSORS] = {"x", "y", "weight", "z"};
    for (uint32_t i = 0; i < count; i++) {
        const struct kernel *k = &b->kernels[i % DISPATCHES];
        enum smelt_result result = smelt_encoder_set_pipeline(encoder, b->pipelines[k->pipeline]);
        for (int t = 0; t < TENSORS && !result; t++)
            result = smelt_encoder_set_tensor(encoder, names[t], tensor_of(b, k, t));
        if (!result)
            result = smelt_encoder_dispatch_groups(encoder, ELEMENTS / 128, 1, 1);
        bench_require(result == SMELT_OK, "a dispatch");
    }
}

struct times {
    struct bench_summary ns; // of a dispatch
    double allocations;      // of a dispatch, of smelt alone: without those of the driver's command buffer
};

// Into the same command buffer, which is begun and ended outside the timed part.
static struct times time_recording(struct bench *b, smelt_encoder encoder, uint32_t count,
                                   void (*record)(struct bench *, smelt_encoder, uint32_t))
{
    double ns[BATCHES];
    struct times times = {0};
    bool by_hand = record == record_by_hand;
    for (int batch = -3; batch < BATCHES; batch++) { // three to warm up
        VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
        struct smelt_recording_params recording = {.commands = b->commands};
        BENCH_VK(b->vk.ResetCommandPool(b->handles.device, b->commands_pool, 0));
        BENCH_VK(b->vk.BeginCommandBuffer(b->commands, &begin));
        double start = bench_now();
        if (!by_hand)
            BENCH_OK(smelt_encoder_begin(encoder, &recording));
        unsigned long long before = allocations;
        record(b, encoder, count);
        times.allocations = (double)(allocations - before) / count;
        if (!by_hand)
            BENCH_OK(smelt_encoder_end(encoder));
        if (batch >= 0)
            ns[batch] = 1e9 * (bench_now() - start) / count;
        BENCH_VK(b->vk.EndCommandBuffer(b->commands));
    }
    times.ns = bench_summarise(ns, BATCHES);
    return times;
}

// --- The device's time ------------------------------------------------------------------------------------

enum schedule { AUTOMATIC, BY_LEVEL, SERIAL, SCHEDULES };
static const char *const schedule_names[SCHEDULES] = {"automatic", "best by hand", "behind every kernel"};

// In ns for all kernels: by the device's clock, or on a software device, whose clock does not cover all, by the host's.
static double run_once(struct bench *b, smelt_encoder encoder, enum schedule schedule)
{
    uint64_t first = 0, last = 0;
    BENCH_OK(smelt_encoder_begin(encoder, NULL));
    for (int i = 0; i < DISPATCHES; i++) {
        if (schedule == BY_LEVEL && i && b->kernels[i].first_of_level)
            BENCH_OK(smelt_encoder_barrier(encoder, NULL));
        record_kernel(b, encoder, &b->kernels[i]);
    }
    double start = bench_now();
    BENCH_OK(smelt_encoder_commit_and_wait(encoder));
    double host = 1e9 * (bench_now() - start);
    if (!b->cpu)
        BENCH_OK(smelt_encoder_gpu_time(encoder, &first, &last));
    return b->cpu ? host : (double)(last - first);
}

static void time_schedules(struct bench *b, int batches, struct bench_summary *summaries)
{
    static const enum smelt_hazard_mode modes[SCHEDULES] = {SMELT_HAZARDS_TRACKED, SMELT_HAZARDS_MANUAL,
                                                            SMELT_HAZARDS_SERIAL};
    smelt_encoder encoders[SCHEDULES];
    double ns[SCHEDULES][BATCHES];
    for (int s = 0; s < SCHEDULES; s++) {
        struct smelt_encoder_params params = {.hazards = modes[s], .no_labels = true};
        BENCH_OK(smelt_encoder_create(b->context, &params, &encoders[s]));
    }
    for (int batch = -2; batch < batches; batch++)
        for (int s = 0; s < SCHEDULES; s++) { // in turn, so that what drifts hits all
            smelt_encoder_reset_counters(encoders[s]);
            double time = run_once(b, encoders[s], (enum schedule)s);
            b->barriers[s] = (uint32_t)smelt_encoder_counters(encoders[s]).barriers;
            if (batch >= 0)
                ns[s][batch] = time;
        }
    for (int s = 0; s < SCHEDULES; s++) {
        summaries[s] = bench_summarise(ns[s], (size_t)batches);
        smelt_encoder_destroy(&encoders[s]);
    }
}

// --- Output -----------------------------------------------------------------------------------------------

enum { BY_HAND, TRACKED, NAMED, UNLABELLED, MANUAL, SHORT, LONG, LONG_BY_HAND, ROWS };
static const char *const row_names[ROWS] = {
    "by hand",         "encoder, by index", "encoder, by name",  "encoder, no labels",
    "encoder, manual", "1000 dispatches",   "100000 dispatches", "100000 by hand",
};

static void print(struct bench *b, const char *format, const struct times *rows,
                  const struct bench_summary *schedules)
{
    bool json = !strcmp(format, "json");
    if (json) {
        printf("{\"bench\": \"encoder\", ");
        bench_json_device(stdout, b->context);
        printf(", \"recording\": [");
    } else {
        bench_print_device(stdout, b->context);
        printf("%-24s %9s %20s %7s %12s\n", "recording a dispatch", "median ns", "min .. max", "ratio",
               "allocations");
    }
    for (int r = 0; r < ROWS; r++) {
        double ratio = rows[r].ns.median / rows[r == LONG || r == SHORT ? SHORT : BY_HAND].ns.median;
        if (json)
            printf("%s{\"row\": \"%s\", \"median_ns\": %.1f, \"minimum_ns\": %.1f, \"maximum_ns\": %.1f, "
                   "\"ratio\": %.3f, \"allocations\": %.4f}",
                   r ? ", " : "", row_names[r], rows[r].ns.median, rows[r].ns.minimum, rows[r].ns.maximum,
                   ratio, rows[r].allocations);
        else
            printf("%-24s %9.1f %9.1f .. %7.1f %7.3f %12.4f\n", row_names[r], rows[r].ns.median,
                   rows[r].ns.minimum, rows[r].ns.maximum, ratio, rows[r].allocations);
    }
    if (json)
        printf("], \"schedules\": [");
    else
        printf("\n%-24s %9s %20s %7s %9s\n", "800 kernels, barriers", "median us", "min .. max", "ratio",
               "barriers");
    for (int s = 0; s < SCHEDULES; s++) {
        double ratio = schedules[s].median / schedules[BY_LEVEL].median;
        if (json)
            printf(
                "%s{\"barriers\": \"%s\", \"median_us\": %.1f, \"minimum_us\": %.1f, \"maximum_us\": %.1f, "
                "\"ratio\": %.3f, \"count\": %u}",
                s ? ", " : "", schedule_names[s], schedules[s].median / 1e3, schedules[s].minimum / 1e3,
                schedules[s].maximum / 1e3, ratio, b->barriers[s]);
        else
            printf("%-24s %9.1f %9.1f .. %7.1f %7.3f %9u\n", schedule_names[s], schedules[s].median / 1e3,
                   schedules[s].minimum / 1e3, schedules[s].maximum / 1e3, ratio, b->barriers[s]);
    }
    if (json)
        printf("]}\n");
}

int main(int argc, char **argv)
{
    const char *format = "text", *device = NULL;
    bool quick = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            format = argv[i] + 2;
        else if (!strcmp(argv[i], "--quick"))
            quick = true;
        else if (!strcmp(argv[i], "--device") && i + 1 < argc)
            device = argv[++i];
        else {
            return bench_usage(argc, argv, "usage: bench_encoder [--json] [--quick] [--device NAME]\n");
        }
    }
    struct bench bench = {0};
    create(&bench, device);
    struct smelt_encoder_params params = {.name = "tracked"};
    struct smelt_encoder_params silent = {.no_labels = true}, manual = {.hazards = SMELT_HAZARDS_MANUAL};
    smelt_encoder tracked = NULL, unlabelled = NULL, by_hand = NULL;
    BENCH_OK(smelt_encoder_create(bench.context, &params, &tracked));
    BENCH_OK(smelt_encoder_create(bench.context, &silent, &unlabelled));
    BENCH_OK(smelt_encoder_create(bench.context, &manual, &by_hand));
    struct times rows[ROWS];
    rows[BY_HAND] = time_recording(&bench, NULL, DISPATCHES, record_by_hand);
    rows[TRACKED] = time_recording(&bench, tracked, DISPATCHES, record_encoder);
    rows[NAMED] = time_recording(&bench, tracked, DISPATCHES, record_by_name);
    rows[UNLABELLED] = time_recording(&bench, unlabelled, DISPATCHES, record_encoder);
    rows[MANUAL] = time_recording(&bench, by_hand, DISPATCHES, record_encoder);
    rows[SHORT] = time_recording(&bench, unlabelled, 1000, record_encoder);
    rows[LONG] = time_recording(&bench, unlabelled, quick ? 10000 : MOST, record_encoder);
    rows[LONG_BY_HAND] = time_recording(&bench, NULL, quick ? 10000 : MOST, record_by_hand);
    struct bench_summary schedules[SCHEDULES];
    time_schedules(&bench, quick ? 3 : BATCHES, schedules);
    print(&bench, format, rows, schedules);
    smelt_encoder_destroy(&tracked);
    smelt_encoder_destroy(&unlabelled);
    smelt_encoder_destroy(&by_hand);
    destroy(&bench);
    return 0;
}
