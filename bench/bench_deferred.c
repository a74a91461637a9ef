// SPDX-License-Identifier: MIT
// A frame whose every pixel is a neural material, by path and backend: inline in the fragment shader; deferred, where the
// pass that lists, fetches, evaluates, shades and stores is timed by itself; beside its network alone on as many samples.
//
// The pictures of all rows are compared with the first before any is timed.
#include "deferred_shaders.h"
#include "gpu.h"
#include "scenarios.h"

#include <math.h>

enum { MATERIALS = 8 };

enum kind { GBUFFER, LISTS, NETWORK, DEFERRED, INLINE };
static const struct variant {
    const char *name;
    enum kind kind;
    enum smelt_backend backend;
    uint32_t materials;
} variants[] = {
    {"inline portable, 1 material", INLINE, SMELT_BACKEND_PORTABLE, 1},
    {"inline coopvec, 1 material", INLINE, SMELT_BACKEND_COOPVEC, 1},
    {"inline coopvec, 8 materials", INLINE, SMELT_BACKEND_COOPVEC, 8},
    {"attachment written, 1 material", GBUFFER, SMELT_BACKEND_PORTABLE, 1},
    {"attachment written, 8 materials", GBUFFER, SMELT_BACKEND_PORTABLE, 8},
    {"pixels listed, 1 material", LISTS, SMELT_BACKEND_PORTABLE, 1},
    {"pixels listed, 8 materials", LISTS, SMELT_BACKEND_PORTABLE, 8},
    {"network coopvec", NETWORK, SMELT_BACKEND_COOPVEC, 1},
    {"deferred coopvec, 1 material", DEFERRED, SMELT_BACKEND_COOPVEC, 1},
    {"deferred coopvec, 8 materials", DEFERRED, SMELT_BACKEND_COOPVEC, 8},
    {"network coopmat2", NETWORK, SMELT_BACKEND_COOPMAT2, 1},
    {"deferred coopmat2, 1 material", DEFERRED, SMELT_BACKEND_COOPMAT2, 1},
    {"deferred coopmat2, 8 materials", DEFERRED, SMELT_BACKEND_COOPMAT2, 8},
    {"network coopmat", NETWORK, SMELT_BACKEND_COOPMAT, 1},
    {"deferred coopmat, 1 material", DEFERRED, SMELT_BACKEND_COOPMAT, 1},
    {"deferred coopmat, 8 materials", DEFERRED, SMELT_BACKEND_COOPMAT, 8},
    {"network portable", NETWORK, SMELT_BACKEND_PORTABLE, 1},
    {"deferred portable, 1 material", DEFERRED, SMELT_BACKEND_PORTABLE, 1},
    {"deferred portable, 8 materials", DEFERRED, SMELT_BACKEND_PORTABLE, 8},
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

struct bench {
    struct gpu gpu;
    const char *package;
    bool json, quick;
    const char *device, *only;
    uint32_t width, height, tile;
    smelt_shader vertex;
    struct gpu_target picture, stored; // what fragments and what compute shaders write
    struct gpu_target samples[2];      // the attachments, of one and of all materials
    smelt_image samples_images[2];
    smelt_tensor x, y, read;
    uint16_t *first; // the picture that all others are compared with
};

struct job {
    struct bench *bench;
    const struct variant *variant;
    smelt_material materials[MATERIALS];
    smelt_arguments blocks[MATERIALS], sets;
    smelt_tensor table; // addresses of the blocks
    smelt_shader shader;
    smelt_pipeline pipeline;
    VkPipelineLayout layout;
    VkPipeline drawn;
    smelt_deferred deferred;
    uint32_t groups, material_count;
    char skipped[200];
    double psnr;
    struct bench_summary ns;
};

// --- Making -------------------------------------------------------------------------------------------------------

static bool is_drawn(const struct variant *v)
{
    return v->kind == GBUFFER || v->kind == INLINE;
}

static int many(const struct variant *v)
{
    return v->materials > 1;
}

static bool load_materials(struct job *job)
{
    struct bench *bench = job->bench;
    const struct smelt_material_params params = {.path = bench->package,
                                                 .backend = job->variant->backend,
                                                 .computed = SMELT_DTYPE_F16,
                                                 .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                                 .deferred = !is_drawn(job->variant)};
    for (uint32_t i = 0; i < job->variant->materials; i++) {
        if (smelt_material_create(bench->gpu.context, &params, &job->materials[i]) != SMELT_OK) {
            snprintf(job->skipped, sizeof(job->skipped), "%.*s", (int)sizeof(job->skipped) - 1,
                     smelt_last_error());
            return false;
        }
        BENCH_OK(smelt_material_upload_and_wait(job->materials[i]));
    }
    return true;
}

static void compile(struct job *job)
{
    const char *const mains[] = {deferred_write_glsl, deferred_nothing_glsl, deferred_network_glsl,
                                 deferred_pass_glsl, deferred_inline_glsl};
    const struct variant *v = job->variant;
    const struct smelt_material_info *info = smelt_material_info(job->materials[0]);
    bool drawn = is_drawn(v);
    struct smelt_op op = {.name = "neural_net", .kind = SMELT_OP_MLP, .mlp = &info->mlp};
    char *module = NULL, defines[320];
    BENCH_OK(smelt_material_glsl(job->materials[0], "neural", &module));
    snprintf(
        defines, sizeof(defines),
        "#version 460\n#define LATENTS %u\n#define MATERIALS %u\n#define IN_GROUP %d\n#define WIDTH0 %u\n"
        "#define TILE %u\n"
        "#define RESULTS neural_net_results_f16_2_w_0x%u\n#define SAMPLES neural_net_samples_f16_2_r_0x%u\n",
        info->latent_count, v->materials, info->mlp.scope == SMELT_SCOPE_SUBGROUP, info->mlp.widths[0],
        job->bench->tile, info->output_count, info->mlp.widths[0]);
    size_t size = strlen(defines) + strlen(deferred_head_glsl) + strlen(mains[v->kind]) + 1;
    char *source = malloc(size);
    bench_require(source != NULL, "malloc");
    snprintf(source, size, "%s%s%s", defines, deferred_head_glsl, mains[v->kind]);
    const struct smelt_virtual_file file = {"neural.glsl", module};
    const struct smelt_shader_params params = {.path = drawn ? "bench_deferred.frag" : "bench_deferred.comp",
                                               .source = source,
                                               .stage = drawn ? VK_SHADER_STAGE_FRAGMENT_BIT
                                                              : VK_SHADER_STAGE_COMPUTE_BIT,
                                               .files = &file,
                                               .file_count = 1,
                                               .ops = drawn ? NULL : &op,
                                               .op_count = drawn ? 0 : 1,
                                               .backend = info->mlp.backend,
                                               .no_cache = true};
    BENCH_OK(smelt_shader_create(job->bench->gpu.context, &params, &job->shader));
    smelt_free_text(&module);
    free(source);
}

static void bind(struct job *job)
{
    struct bench *bench = job->bench;
    smelt_context context = bench->gpu.context;
    const struct smelt_material_info *info = smelt_material_info(job->materials[0]);
    VkDeviceAddress addresses[MATERIALS] = {0};
    bool evaluates = smelt_shader_block(job->shader, "neural_block") != NULL;
    for (uint32_t i = 0; evaluates && i < job->variant->materials; i++) {
        const struct smelt_arguments_params params = {
            .shaders = &job->shader, .shader_count = 1, .block = "neural_block", .frames_in_flight = 1};
        BENCH_OK(smelt_arguments_create(context, &params, &job->blocks[i]));
        BENCH_OK(smelt_material_set_arguments(job->materials[i], job->blocks[i], "", 0));
        BENCH_OK(smelt_arguments_flush(job->blocks[i], 0, &addresses[i]));
    }
    const struct smelt_tensor_params table = {.dtype = SMELT_DTYPE_U32, .rank = 1, .shape = {2 * MATERIALS}};
    BENCH_OK(smelt_tensor_create(context, &table, &job->table));
    BENCH_OK(smelt_tensor_write_and_wait(job->table, NULL, addresses, sizeof(addresses)));
    const struct smelt_arguments_params sets = {
        .shaders = &job->shader, .shader_count = 1, .block = "", .descriptors = true, .frames_in_flight = 1};
    BENCH_OK(smelt_arguments_create(context, &sets, &job->sets));
    const struct smelt_reflection *reflection = smelt_shader_info(job->shader)->reflection;
    for (uint32_t b = 0; b < reflection->binding_count; b++) {
        const char *name = reflection->bindings[b].name;
        for (uint32_t i = 0; !strcmp(name, "latents") && i < info->latent_count; i++)
            BENCH_OK(smelt_arguments_set_texture(
                job->sets, name, i, smelt_material_latent(job->materials[0], i),
                smelt_material_sampler(job->materials[0]), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
        if (!strcmp(name, "samples"))
            BENCH_OK(smelt_arguments_set_texture(job->sets, name, 0, bench->samples[many(job->variant)].view,
                                                 VK_NULL_HANDLE, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL));
        if (!strcmp(name, "picture"))
            BENCH_OK(smelt_arguments_set_texture(job->sets, name, 0, bench->stored.view, VK_NULL_HANDLE,
                                                 VK_IMAGE_LAYOUT_GENERAL));
    }
    BENCH_OK(smelt_arguments_flush(job->sets, 0, NULL));
}

static void make_pipeline(struct job *job)
{
    struct gpu *gpu = &job->bench->gpu;
    const struct variant *v = job->variant;
    VkDescriptorSetLayout set = smelt_arguments_set_layout(job->sets);
    if (is_drawn(v)) {
        const VkPushConstantRange push = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, 8};
        const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                                   .setLayoutCount = set ? 1 : 0,
                                                   .pSetLayouts = &set,
                                                   .pushConstantRangeCount = 1,
                                                   .pPushConstantRanges = &push};
        const struct gpu_target *target =
            v->kind == INLINE ? &job->bench->picture : &job->bench->samples[many(v)];
        BENCH_VK(gpu->vk.CreatePipelineLayout(gpu->handles.device, &layout, NULL, &job->layout));
        job->drawn = gpu_graphics_pipeline(gpu, job->bench->vertex, job->shader, job->layout, target->format,
                                           target->width, target->height);
        return;
    }
    const struct smelt_pipeline_params params = {
        .shader = job->shader, .set_layouts = &set, .set_layout_count = set ? 1 : 0};
    BENCH_OK(smelt_pipeline_create(gpu->context, &params, &job->pipeline));
    const struct smelt_deferred_group group = {v->materials, job->bench->tile};
    const struct smelt_deferred_params deferred = {
        .width = job->bench->width, .height = job->bench->height, .groups = &group, .group_count = 1};
    if (v->kind != NETWORK)
        BENCH_OK(smelt_deferred_create(gpu->context, &deferred, &job->deferred));
}

// --- Recording ----------------------------------------------------------------------------------------------------

static void draw(struct job *job, smelt_encoder encoder, const struct gpu_target *target)
{
    struct gpu *gpu = &job->bench->gpu;
    VkCommandBuffer commands = smelt_encoder_commands(encoder);
    VkDeviceAddress table = smelt_tensor_info(job->table)->address;
    VkDescriptorSet set = smelt_arguments_descriptor_set(job->sets, 0);
    gpu_begin_rendering(gpu, commands, target, NULL);
    gpu->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, job->drawn);
    if (set)
        gpu->vk.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, job->layout, 0, 1, &set, 0,
                                      NULL);
    gpu->vk.CmdPushConstants(commands, job->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0, 8, &table);
    gpu->vk.CmdDraw(commands, 3, 1, 0, 0);
    gpu_end_rendering(gpu, commands);
}

static struct smelt_buffer_range range_of(smelt_tensor tensor, enum smelt_access access)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    return (struct smelt_buffer_range){info->buffer, info->buffer_offset, info->size, access};
}

static void record(void *user, smelt_encoder encoder)
{
    struct job *job = user;
    struct bench *bench = job->bench;
    const struct variant *v = job->variant;
    uint32_t count = bench->width * bench->height;
    if (is_drawn(v)) {
        draw(job, encoder, v->kind == INLINE ? &bench->picture : &bench->samples[many(v)]);
        return;
    }
    struct smelt_argument arguments[] = {
        {.name = "materials", .buffer = range_of(job->table, SMELT_ACCESS_READ)},
        {.name = "x", .tensor = bench->x},
        {.name = "y", .tensor = bench->y},
        {.name = "count", .bytes = &count, .size = 4}};
    if (v->kind == NETWORK) {
        const struct smelt_encode_params params = {.pipeline = job->pipeline,
                                                   .arguments = arguments,
                                                   .argument_count = 4,
                                                   .kind = SMELT_DISPATCH_GROUPS,
                                                   .size = {(count + bench->tile - 1) / bench->tile}};
        VkDescriptorSet set = smelt_arguments_descriptor_set(job->sets, 0);
        BENCH_OK(smelt_encoder_set_pipeline(encoder, job->pipeline));
        if (set)
            BENCH_OK(smelt_encoder_set_descriptors(encoder, 0, set));
        BENCH_OK(smelt_encoder_encode(encoder, &params));
        return;
    }
    const struct smelt_deferred_pass pass = {job->pipeline,
                                             arguments,
                                             v->kind == DEFERRED ? 1 : 0,
                                             {smelt_arguments_descriptor_set(job->sets, 0)}};
    BENCH_OK(smelt_encode_deferred(encoder, job->deferred, bench->samples_images[many(v)], &pass));
}

// --- Rows ---------------------------------------------------------------------------------------------------------

static bool create_job(struct job *job)
{
    if (!load_materials(job))
        return false;
    compile(job);
    bind(job);
    make_pipeline(job);
    return true;
}

static void destroy_job(struct job *job)
{
    struct gpu *gpu = &job->bench->gpu;
    smelt_deferred_destroy(&job->deferred);
    gpu->vk.DestroyPipeline(gpu->handles.device, job->drawn, NULL);
    gpu->vk.DestroyPipelineLayout(gpu->handles.device, job->layout, NULL);
    smelt_pipeline_destroy(&job->pipeline);
    smelt_tensor_destroy(&job->table);
    smelt_arguments_destroy(&job->sets);
    for (uint32_t i = 0; i < MATERIALS; i++) {
        smelt_arguments_destroy(&job->blocks[i]);
        smelt_material_destroy(&job->materials[i]);
    }
    smelt_shader_destroy(&job->shader);
}

static void move(struct gpu *gpu, const struct gpu_target *target, VkImageLayout from, VkImageLayout to)
{
    VkCommandBuffer commands = gpu_begin(gpu);
    gpu_change_layout(gpu, commands, target, from, to);
    gpu_submit_and_wait(gpu);
}

// Draws once and compares; the first picture is kept. False: it is another one.
static bool check_job(struct job *job)
{
    struct bench *bench = job->bench;
    struct gpu *gpu = &bench->gpu;
    size_t count = (size_t)bench->width * bench->height * 4;
    bool inlined = job->variant->kind == INLINE;
    const struct smelt_tensor_info *read = smelt_tensor_info(bench->read);
    VkCommandBuffer commands = gpu_begin(gpu);
    record(job, gpu->encoder);
    if (job->variant->kind == GBUFFER)
        gpu_change_layout(gpu, commands, &bench->samples[many(job->variant)],
                          VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    gpu_barrier(gpu, commands);
    if (job->variant->kind == DEFERRED)
        gpu_change_layout(gpu, commands, &bench->stored, VK_IMAGE_LAYOUT_GENERAL,
                          VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    if (job->variant->kind == DEFERRED || inlined)
        gpu_copy_target(gpu, commands, inlined ? &bench->picture : &bench->stored, read->buffer,
                        read->buffer_offset);
    gpu_barrier(gpu, commands);
    gpu_submit_and_wait(gpu);
    if (job->variant->kind != DEFERRED && !inlined)
        return true;
    if (!inlined)
        move(gpu, &bench->stored, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_IMAGE_LAYOUT_GENERAL);
    uint16_t *values = malloc(2 * count);
    bench_require(values != NULL, "malloc");
    BENCH_OK(smelt_tensor_read_and_wait(bench->read, NULL, values, 2 * count));
    if (!bench->first) {
        bench->first = values;
        job->psnr = INFINITY;
        return true;
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)smelt_f16_to_f32(values[i]) - (double)smelt_f16_to_f32(bench->first[i]);
        sum += d * d;
    }
    free(values);
    job->psnr = 10 * log10((double)count / sum); // of values around 1
    if (job->psnr > 45)
        return true;
    snprintf(job->skipped, sizeof(job->skipped), "WRONG: %.1f dB from the picture of the first row",
             job->psnr);
    return false;
}

static void time_job(struct job *job, double warm_up)
{
    struct bench *bench = job->bench;
    double ns[GPU_MOST_BATCHES];
    bool slow = job->variant->kind == INLINE;
    uint32_t batches = bench->quick ? 1 : slow ? 5 : 15, repeats = bench->quick ? 1 : slow ? 2 : 20;
    for (double start = bench_now(); bench_now() - start < warm_up;)
        gpu_time(&bench->gpu, record, job, repeats, 1, ns);
    gpu_time(&bench->gpu, record, job, repeats, batches, ns);
    job->ns = bench_summarise(ns, batches);
}

static void print_job(const struct bench *bench, const struct job *job, bool first)
{
    if (bench->json) {
        printf("%s\n  {\"variant\": \"%s\", ", first ? "" : ",", job->variant->name);
        if (job->skipped[0]) {
            printf("\"skipped\": ");
            bench_json_string(stdout, job->skipped);
            printf("}");
        } else {
            printf("\"median_ns\": %.0f, \"minimum_ns\": %.0f, \"maximum_ns\": %.0f}", job->ns.median,
                   job->ns.minimum, job->ns.maximum);
        }
        return;
    }
    printf("%-32s ", job->variant->name);
    if (job->skipped[0])
        printf("- %s\n", job->skipped);
    else
        printf("%10.1f us (%.1f .. %.1f)%s  %.1f dB\n", job->ns.median * 1e-3, job->ns.minimum * 1e-3,
               job->ns.maximum * 1e-3, job->ns.maximum > 1.1 * job->ns.minimum ? " UNSTEADY" : "", job->psnr);
}

static bool run(struct bench *bench)
{
    static struct job jobs[VARIANTS];
    bool right = true;
    double warm_up = bench->quick ? 0 : 1;
    for (int v = 0; v < VARIANTS; v++) {
        struct job *job = &jobs[v];
        *job = (struct job){.bench = bench, .variant = &variants[v]};
        bool wanted =
            !bench->only || strstr(job->variant->name, bench->only) || job->variant->kind == GBUFFER;
        if (!wanted)
            snprintf(job->skipped, sizeof(job->skipped), "not asked for");
        else if (create_job(job))
            right = check_job(job) && right;
    }
    for (int v = 0; v < VARIANTS; v++) {
        if (!jobs[v].skipped[0] && jobs[v].variant->kind != GBUFFER) {
            time_job(&jobs[v], warm_up);
            warm_up = bench->quick ? 0 : 0.05;
        }
    }
    for (int v = 0; v < VARIANTS; v++) // last: it leaves the attachment in another layout
        if (!jobs[v].skipped[0] && jobs[v].variant->kind == GBUFFER)
            time_job(&jobs[v], warm_up);
    for (int v = 0; v < VARIANTS; v++) {
        print_job(bench, &jobs[v], v == 0);
        destroy_job(&jobs[v]);
    }
    return right;
}

static void create(struct bench *bench)
{
    struct gpu *gpu = &bench->gpu;
    smelt_context context = gpu->context;
    uint64_t pixels = (uint64_t)bench->width * bench->height;
    smelt_material material = NULL;
    const struct smelt_material_params description = {.path = bench->package, .description_only = true};
    BENCH_OK(smelt_material_create(NULL, &description, &material));
    const struct smelt_material_info *info = smelt_material_info(material);
    const struct smelt_tensor_params x = {
        .dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {pixels, info->mlp.widths[0]}};
    const struct smelt_tensor_params y = {
        .dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {pixels, info->output_count}};
    const struct smelt_tensor_params read = {.dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {pixels, 4}};
    BENCH_OK(smelt_tensor_create(context, &x, &bench->x));
    BENCH_OK(smelt_tensor_create(context, &y, &bench->y));
    BENCH_OK(smelt_tensor_create(context, &read, &bench->read));
    smelt_material_destroy(&material);
    gpu_commit_fill(gpu, bench->x, 0.25);
    const VkImageUsageFlags sampled = VK_IMAGE_USAGE_SAMPLED_BIT, storage = VK_IMAGE_USAGE_STORAGE_BIT;
    gpu_target_create(gpu, &bench->picture, VK_FORMAT_R16G16B16A16_SFLOAT, bench->width, bench->height, 0);
    gpu_target_create(gpu, &bench->stored, VK_FORMAT_R16G16B16A16_SFLOAT, bench->width, bench->height,
                      storage);
    move(gpu, &bench->stored, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    for (int i = 0; i < 2; i++) {
        gpu_target_create(gpu, &bench->samples[i], VK_FORMAT_R32G32B32A32_UINT, bench->width, bench->height,
                          sampled);
        const struct smelt_image_params image = {.view = bench->samples[i].view,
                                                 .format = bench->samples[i].format,
                                                 .width = bench->width,
                                                 .height = bench->height,
                                                 .usage = sampled,
                                                 .name = "samples"};
        BENCH_OK(smelt_image_create(context, &image, &bench->samples_images[i]));
    }
    bench->vertex = gpu_triangle(&bench->gpu);
}

static void destroy(struct bench *bench)
{
    for (int i = 0; i < 2; i++) {
        smelt_image_destroy(&bench->samples_images[i]);
        gpu_target_destroy(&bench->gpu, &bench->samples[i]);
    }
    gpu_target_destroy(&bench->gpu, &bench->picture);
    gpu_target_destroy(&bench->gpu, &bench->stored);
    smelt_tensor_destroy(&bench->x);
    smelt_tensor_destroy(&bench->y);
    smelt_tensor_destroy(&bench->read);
    smelt_shader_destroy(&bench->vertex);
    free(bench->first);
}

static bool parse(int argc, char **argv, struct bench *bench)
{
    bench->width = 1920;
    bench->height = 1080;
    bench->tile = 1024;
    static char package[4096];
    const char *data = getenv("SMELT_DATA");
    snprintf(package, sizeof(package), "%s/materials/rock053.safetensors",
             data && data[0] ? data : SMELT_EXAMPLES_DIR);
    bench->package = package;
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--json")) {
            bench->json = true;
        } else if (!strcmp(argv[i], "--quick")) {
            bench->quick = true;
            bench->width = 72;
            bench->height = 40;
        } else if (!strcmp(argv[i], "--device") && next) {
            bench->device = argv[++i];
        } else if (!strcmp(argv[i], "--tile") && next) {
            bench->tile = (uint32_t)strtoul(argv[++i], NULL, 10);
            if (bench->tile < 1 || bench->tile > 65536)
                return false;
        } else if (!strcmp(argv[i], "--only") && next) {
            bench->only = argv[++i];
        } else if (!strcmp(argv[i], "--material") && next) {
            bench->package = argv[++i];
        } else {
            return false;
        }
    }
    return true;
}

int bench_deferred(int argc, char **argv)
{
    static struct bench bench;
    if (!parse(argc, argv, &bench)) {
        return bench_usage(
            argc, argv,
            "usage: bench_deferred [--json] [--quick] [--device NAME] [--only TEXT] [--tile N] "
            "[--material FILE]\n"
            "  --only TEXT      variants whose name contains TEXT\n"
            "  --tile N         pixels of a workgroup, 1 to 65536 (default: 1024)\n"
            "  --material FILE  a package without alpha (default: that of the examples)\n");
    }
    smelt_context context = bench_context(bench.device);
    gpu_create(&bench.gpu, context);
    create(&bench);
    bench_open(bench.json, context);
    if (!bench.json)
        printf("# %ux%u\n# variant, us median (min .. max), dB from the first\n", bench.width, bench.height);
    bool right = run(&bench);
    if (bench.json)
        printf("\n]}\n");
    destroy(&bench);
    gpu_destroy(&bench.gpu);
    smelt_context_destroy(&context);
    return !right;
}
