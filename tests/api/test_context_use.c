// SPDX-License-Identifier: MIT
// What a context does once it is there: names, memory and its budget, the pipeline cache, threads.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "context_rig.h"

static void names_and_labels_are_accepted(void)
{
    smelt_context context = test_context();
    struct smelt_buffer buffer;
    VkCommandBuffer commands;
    CHECK_OK(
        smelt_buffer_create(context, 64, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING, "a name", &buffer));
    smelt_set_debug_name(context, VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer.buffer, "another");
    smelt_set_debug_name(context, VK_OBJECT_TYPE_BUFFER, 0, "nothing");
    CHECK_OK(smelt_submit_begin(context, &commands));
    smelt_begin_label(context, commands, "outer");
    smelt_begin_label(context, commands, NULL);
    context->vk.CmdFillBuffer(commands, buffer.buffer, 0, 64, 0x01020304);
    smelt_end_label(context, commands);
    smelt_end_label(context, commands);
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_CLEAR_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
    CHECK_OK(smelt_submit_end(context, true));
    CHECK(((const uint32_t *)buffer.mapped)[15] == 0x01020304);
    smelt_buffer_destroy(context, &buffer);
    CHECK_OK(smelt_submit_begin(context, &commands)); // abandoned, then used again
    CHECK_OK(smelt_submit_end(context, false));
    CHECK_OK(smelt_submit_begin(context, &commands));
    CHECK_OK(smelt_submit_end(context, true));
}

// --- Memory -----------------------------------------------------------------------------------------------

static void memory_is_reported_by_purpose_and_kept_in_its_budget(void)
{
    smelt_context context = NULL;
    struct smelt_context_params params = {.memory_budget = 1 << 20, .cache_directory = ""};
    CHECK_OK(smelt_context_create(&params, &context));
    struct smelt_buffer a = {0}, b = {0};
    CHECK_OK(smelt_buffer_create(context, 600 << 10, SMELT_PLACE_DEVICE, SMELT_MEMORY_WEIGHTS, "a", &a));
    CHECK(a.buffer && a.address && !a.mapped && a.size == 600 << 10);
    struct smelt_memory_report report = smelt_context_memory(context);
    CHECK(report.bytes[SMELT_MEMORY_WEIGHTS] == a.allocated && report.total == a.allocated);
    CHECK(report.peak == report.total && report.budget == 1 << 20);
    CHECK_FAILS(smelt_buffer_create(context, 600 << 10, SMELT_PLACE_DEVICE, SMELT_MEMORY_HEAP, "b", &b),
                SMELT_ERROR_BUDGET, "bytes of heap memory wanted");
    CHECK(strstr(smelt_last_error(), "1048576") && !b.buffer);
    CHECK(smelt_context_memory(context).total == report.total);
    CHECK_OK(smelt_buffer_create(context, 4096, SMELT_PLACE_HOST_WRITE, SMELT_MEMORY_ARGUMENTS, NULL, &b));
    CHECK(b.mapped);
    smelt_buffer_destroy(context, &a);
    smelt_buffer_destroy(context, &b);
    smelt_buffer_destroy(context, &b); // of nothing
    report = smelt_context_memory(context);
    for (int i = 0; i < SMELT_MEMORY_PURPOSE_COUNT; i++)
        CHECK(report.bytes[i] == 0 &&
              strcmp(smelt_memory_purpose_name((enum smelt_memory_purpose)i), "invalid"));
    CHECK(report.total == 0 && report.peak >= (600 << 10) + 4096);
    CHECK(!strcmp(smelt_memory_purpose_name((enum smelt_memory_purpose)99), "invalid"));
    smelt_context_destroy(&context);
}

static void memory_that_no_device_has_is_refused(void)
{
    smelt_context context = test_context();
    struct smelt_buffer buffer;
    uint64_t before = smelt_context_memory(context).total;
    CHECK_FAILS(smelt_buffer_create(context, 0, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, "none", &buffer),
                SMELT_ERROR_INVALID_ARGUMENT, "buffer 'none': 0 bytes wanted");
    CHECK_FAILS(
        smelt_buffer_create(context, UINT64_MAX, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, "all", &buffer),
        SMELT_ERROR_UNSUPPORTED, "buffer 'all'");
    VkMemoryRequirements requirements = {.size = 1ull << 60, .alignment = 256, .memoryTypeBits = ~0u};
    VkDeviceMemory memory = VK_NULL_HANDLE;
    CHECK_FAILS(
        smelt_memory_allocate(context, &requirements, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, &memory),
        SMELT_ERROR_OUT_OF_DEVICE_MEMORY, "1152921504606846976 bytes of tensor memory wanted");
    requirements = (VkMemoryRequirements){.size = 256, .alignment = 256, .memoryTypeBits = 0};
    CHECK_FAILS(
        smelt_memory_allocate(context, &requirements, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, &memory),
        SMELT_ERROR_OUT_OF_DEVICE_MEMORY, "no memory type");
    CHECK(!memory && smelt_context_memory(context).total == before);
    smelt_memory_free(context, &memory, 256, SMELT_MEMORY_TENSOR); // of nothing
}

static void what_outlives_its_context_is_said(void)
{
    struct lines lines = {0};
    smelt_context context = NULL;
    struct smelt_context_params params = {.log = keep_line, .log_user = &lines, .cache_directory = ""};
    CHECK_OK(smelt_context_create(&params, &context));
    CHECK(lines.infos == 0);     // below the default level
    context->memory.total = 512; // as if a buffer had been forgotten
    smelt_context_destroy(&context);
    CHECK(lines.warnings == 1 && strstr(lines.last, "512 bytes"));
}

static uint32_t callback_balance;

// A block is preceded by its size, in as many bytes as the alignment.
static VKAPI_ATTR void *VKAPI_CALL counted_allocate(void *user, size_t size, size_t alignment,
                                                    VkSystemAllocationScope scope)
{
    (void)user;
    (void)scope;
    size_t before = SMELT_MAX(alignment, (size_t)64);
    void *block = NULL;
    if (posix_memalign(&block, before, before + size))
        return NULL;
    unsigned char *memory = (unsigned char *)block + before;
    memcpy(memory - sizeof(size), &size, sizeof(size));
    memcpy(memory - 2 * sizeof(size), &before, sizeof(before));
    __atomic_fetch_add(&callback_balance, 1, __ATOMIC_RELAXED);
    return memory;
}

static VKAPI_ATTR void VKAPI_CALL counted_free(void *user, void *memory)
{
    (void)user;
    if (!memory)
        return;
    size_t before;
    memcpy(&before, (unsigned char *)memory - 2 * sizeof(before), sizeof(before));
    free((unsigned char *)memory - before);
    __atomic_fetch_sub(&callback_balance, 1, __ATOMIC_RELAXED);
}

static VKAPI_ATTR void *VKAPI_CALL counted_reallocate(void *user, void *old, size_t size, size_t alignment,
                                                      VkSystemAllocationScope scope)
{
    void *memory = size ? counted_allocate(user, size, alignment, scope) : NULL;
    if (old && (memory || !size)) {
        size_t old_size;
        memcpy(&old_size, (unsigned char *)old - sizeof(old_size), sizeof(old_size));
        if (memory)
            memcpy(memory, old, SMELT_MIN(size, old_size));
        counted_free(user, old);
    }
    return memory;
}

static void allocation_callbacks_are_used_everywhere(void)
{
    const VkAllocationCallbacks callbacks = {
        .pfnAllocation = counted_allocate, .pfnReallocation = counted_reallocate, .pfnFree = counted_free};
    smelt_context context = NULL;
    struct smelt_context_params params = {.allocation_callbacks = &callbacks, .cache_directory = ""};
    callback_balance = 0;
    CHECK_OK(smelt_context_create(&params, &context));
    struct smelt_buffer buffer;
    VkCommandBuffer commands;
    CHECK_OK(smelt_buffer_create(context, 64, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, "b", &buffer));
    CHECK_OK(smelt_submit_begin(context, &commands));
    CHECK_OK(smelt_submit_end(context, true));
    CHECK(callback_balance > 0);
    smelt_buffer_destroy(context, &buffer);
    smelt_context_destroy(&context);
    CHECK(callback_balance == 0);
}

// --- The pipeline cache -------------------------------------------------------------------------------------

static bool cache_file(char *path, size_t size)
{
    char command[400];
    snprintf(command, sizeof(command), "ls %s/cache/deep/pipelines-*.bin", folder);
    FILE *pipe = popen(command, "r");
    bool found = pipe && fgets(path, (int)size, pipe);
    path[strcspn(path, "\n")] = '\0';
    return pipe && !pclose(pipe) && found;
}

static void the_pipeline_cache_is_kept_and_never_trusted(void)
{
    char directory[300], path[400];
    snprintf(directory, sizeof(directory), "%s/cache/deep", folder);
    struct lines lines = {0};
    struct smelt_context_params params = {.cache_directory = directory, .log = keep_line, .log_user = &lines};
    smelt_context context = NULL, other = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    CHECK_OK(smelt_context_create(&params, &other)); // two at once on one directory
    smelt_context_destroy(&context);
    smelt_context_destroy(&other);
    CHECK(cache_file(path, sizeof(path)));
    struct smelt_mapping whole;
    CHECK_OK(smelt_os_map_file(NULL, path, &whole));
    CHECK_OK(smelt_context_create(&params, &context)); // read back, found good
    CHECK(context->pipeline_cache_hash && !lines.warnings);
    smelt_context_destroy(&context);
    unsigned char *bytes = malloc(whole.size + 1);
    CHECK(bytes);
    const size_t sizes[] = {0, 1, 20, whole.size - 1, whole.size + 1, whole.size, whole.size, whole.size};
    for (size_t i = 0; i < SMELT_COUNT_OF(sizes); i++) {
        bytes[whole.size] = 0;
        memcpy(bytes, whole.data, whole.size);
        if (i == 5) // the data
            bytes[whole.size - 1] ^= 1;
        if (i == 6) // the size
            bytes[8] ^= 1;
        if (i == 7) { // another driver's UUID (Vulkan specification, table 15), its hash as it should be
            bytes[24 + 16] ^= 1;
            uint64_t hash = smelt_hash(SMELT_HASH_START, bytes + 24, whole.size - 24);
            memcpy(bytes + 16, &hash, sizeof(hash));
        }
        lines.warnings = 0;
        CHECK_OK(smelt_os_write_file(NULL, path, bytes, sizes[i]));
        CHECK_OK(smelt_context_create(&params, &context));
        CHECK(lines.warnings == 1 && strstr(lines.last, "starting empty"));
        CHECK(!context->pipeline_cache_hash);
        smelt_context_destroy(&context); // and made again
        CHECK_OK(smelt_context_create(&params, &context));
        CHECK(lines.warnings == 1 && context->pipeline_cache_hash);
        smelt_context_destroy(&context);
    }
    free(bytes);
    smelt_os_unmap_file(&whole);
}

static void a_cache_that_cannot_be_kept_is_a_warning(void)
{
    char plain[300], directory[320];
    snprintf(plain, sizeof(plain), "%s/plain", folder);
    snprintf(directory, sizeof(directory), "%s/inside", plain);
    CHECK_OK(smelt_os_write_file(NULL, plain, "x", 1));
    struct lines lines = {0};
    struct smelt_context_params params = {.cache_directory = directory, .log = keep_line, .log_user = &lines};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    smelt_fail(NULL, SMELT_ERROR_IO, "the user's own");
    lines = (struct lines){0};
    smelt_context_destroy(&context);
    CHECK(lines.warnings == 1 && lines.errors == 0 && strstr(lines.last, "plain/inside"));
    CHECK(!strcmp(smelt_last_error(), "the user's own")); // destroying fails nothing
}

// --- Threads --------------------------------------------------------------------------------------------

struct worker {
    thrd_t thread;
    uint32_t number;
    bool good;
};

static int work(void *user)
{
    struct worker *worker = user;
    smelt_context context = test_context();
    bool good = true;
    for (uint32_t i = 0; i < 25 && good; i++) {
        struct smelt_buffer buffer = {0};
        VkCommandBuffer commands;
        uint32_t value = worker->number << 16 | i;
        good = smelt_buffer_create(context, 1024, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING, "worker",
                                   &buffer) == SMELT_OK &&
               smelt_submit_begin(context, &commands) == SMELT_OK;
        if (!good)
            break;
        context->vk.CmdFillBuffer(commands, buffer.buffer, 0, 1024, value);
        smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_CLEAR_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                             VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
        good = smelt_submit_end(context, true) == SMELT_OK && ((uint32_t *)buffer.mapped)[i] == value;
        smelt_buffer_destroy(context, &buffer);
        struct smelt_backend_choice choice;
        struct smelt_backend_query query = {.stored = SMELT_DTYPE_F16, .precompiled = true};
        good = good && smelt_backend_choose(context, &query, &choice) == SMELT_OK;
        char mine[32];
        snprintf(mine, sizeof(mine), "worker %u", worker->number);
        smelt_fail(NULL, SMELT_ERROR_IO, "%s", mine);
        good = good && !strcmp(smelt_last_error(), mine);
    }
    worker->good = good;
    return 0;
}

static void threads_share_a_context(void)
{
    uint64_t before = smelt_context_memory(test_context()).total;
    struct worker workers[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    for (int i = 0; i < 4; i++)
        CHECK(thrd_create(&workers[i].thread, work, &workers[i]) == thrd_success);
    for (int i = 0; i < 4; i++)
        thrd_join(workers[i].thread, NULL);
    for (int i = 0; i < 4; i++)
        CHECK(workers[i].good);
    CHECK(smelt_context_memory(test_context()).total == before);
}

static const struct test tests[] = {
    {"names and labels are accepted", names_and_labels_are_accepted},
    {"memory is reported by purpose and kept in its budget",
     memory_is_reported_by_purpose_and_kept_in_its_budget},
    {"memory that no device has is refused", memory_that_no_device_has_is_refused},
    {"what outlives its context is said", what_outlives_its_context_is_said},
    {"allocation callbacks are used everywhere", allocation_callbacks_are_used_everywhere},
    {"the pipeline cache is kept and never trusted", the_pipeline_cache_is_kept_and_never_trusted},
    {"a cache that cannot be kept is a warning", a_cache_that_cannot_be_kept_is_a_warning},
    {"threads share a context", threads_share_a_context},
};

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
