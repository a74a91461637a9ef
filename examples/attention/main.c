// SPDX-License-Identifier: MIT
// Computes attention of random queries, keys and values and compares all of it with sums in double precision.
//
//     attention [--backend NAME] [--device NAME] [--head-dim N] [--heads N] [--batch N] [--queries N] [--keys N]
//               [--length N] [--causal]
#include "attention.h"
#include "attention_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *backend, *device;
    uint32_t head_dim, heads, batch, queries, keys, length;
    bool causal;
};

static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.head_dim = 64, .heads = 2, .batch = 1, .queries = 100, .keys = 100};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        const struct {
            const char *name;
            uint32_t *value;
        } numbers[] = {{"--head-dim", &o->head_dim}, {"--heads", &o->heads}, {"--batch", &o->batch},
                       {"--queries", &o->queries},   {"--keys", &o->keys},   {"--length", &o->length}};
        uint32_t *number = NULL;
        for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); n++)
            number = strcmp(argv[i], numbers[n].name) ? number : numbers[n].value;
        if (!strcmp(argv[i], "--causal"))
            o->causal = true;
        else if (next && number)
            *number = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (next && !strcmp(argv[i], "--backend"))
            o->backend = argv[++i];
        else if (next && !strcmp(argv[i], "--device"))
            o->device = argv[++i];
        else
            return false;
    }
    o->length = o->length ? o->length : o->keys;
    return o->head_dim && o->head_dim % 16 == 0 && o->head_dim <= 256 && o->heads && o->batch && o->queries &&
           o->keys && o->length <= o->keys;
}

static bool fail(const char *what)
{
    fprintf(stderr, "attention: %s: %s\n", what, smelt_last_error());
    return false;
}

struct data {
    smelt_tensor tensor;
    float *values;
    uint64_t count;
};

// Random values, as f16 holds them.
static bool make(smelt_context context, uint32_t heads, uint32_t tokens, uint32_t head_dim, uint32_t seed,
                 struct data *data)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F16, .rank = 3, .shape = {heads, tokens, head_dim}};
    data->count = (uint64_t)heads * tokens * head_dim;
    data->values = malloc(data->count * sizeof(float));
    uint16_t *halves = malloc(data->count * sizeof(uint16_t));
    for (uint64_t i = 0; data->values && i < data->count; i++) {
        seed = seed * 1664525u + 1013904223u;             // Numerical Recipes
        data->values[i] = (float)(seed >> 20) / 1024 - 2; // 2^-10 steps in [-2, 2)
    }
    bool ok = data->values && halves && !smelt_tensor_create(context, &params, &data->tensor);
    if (ok) {
        smelt_dtype_convert(SMELT_DTYPE_F16, halves, SMELT_DTYPE_F32, data->values, data->count);
        smelt_dtype_convert(SMELT_DTYPE_F32, data->values, SMELT_DTYPE_F16, halves, data->count);
        ok = !smelt_tensor_write_and_wait(data->tensor, NULL, halves, data->count * sizeof(uint16_t));
    }
    free(halves);
    return ok || fail("tensor");
}

static bool run(const struct attention *attention, const struct attention_call *call)
{
    struct smelt_context_handles h = smelt_context_handles(attention->context);
#define LOAD(name) PFN_vk##name name = (PFN_vk##name)h.get_device_proc_addr(h.device, "vk" #name)
    LOAD(CreateCommandPool);
    LOAD(DestroyCommandPool);
    LOAD(AllocateCommandBuffers);
    LOAD(BeginCommandBuffer);
    LOAD(EndCommandBuffer);
    LOAD(QueueSubmit);
    LOAD(QueueWaitIdle);
#undef LOAD
    VkCommandPoolCreateInfo pool_info = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                         .queueFamilyIndex = h.queue_family};
    VkCommandPool pool = VK_NULL_HANDLE;
    if (CreateCommandPool(h.device, &pool_info, NULL, &pool))
        return false;
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = pool,
                                        .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkCommandBuffer commands = VK_NULL_HANDLE;
    bool ok = !AllocateCommandBuffers(h.device, &info, &commands) && !BeginCommandBuffer(commands, &begin);
    if (ok) {
        attention_record(attention, commands, call);
        VkSubmitInfo submit = {
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
        ok = !EndCommandBuffer(commands) && !QueueSubmit(h.queue, 1, &submit, VK_NULL_HANDLE) &&
             !QueueWaitIdle(h.queue);
    }
    DestroyCommandPool(h.device, pool, NULL);
    return ok;
}

static double check(const struct options *o, const struct data *q, const struct data *k, const struct data *v,
                    const float *got)
{
    double worst = 0;
    uint64_t d = o->head_dim, rows = (uint64_t)o->batch * o->heads * o->queries;
    uint64_t step = rows * o->keys * d > 1u << 28 ? rows / 256 + 1 : 1; // sampled when there is much
    for (uint64_t r = 0; r < rows; r += step) {
        uint64_t keys = r / o->queries * o->keys * d;
        double ratio =
            attention_error(o->head_dim, attention_seen(o->length, o->causal, (uint32_t)(r % o->queries)),
                            q->values + r * d, k->values + keys, v->values + keys, got + r * d);
        worst = ratio <= worst ? worst : isnan(ratio) ? INFINITY : ratio;
    }
    return worst;
}

static bool compute(smelt_context context, const struct options *o, const struct attention *attention)
{
    struct data q = {0}, k = {0}, v = {0}, result = {0};
    uint32_t heads = o->batch * o->heads, *lengths = malloc(o->batch * sizeof(uint32_t));
    struct smelt_tensor_params known = {.dtype = SMELT_DTYPE_U32, .rank = 1, .shape = {o->batch}};
    smelt_tensor length = NULL;
    bool ok = lengths && make(context, heads, o->queries, o->head_dim, 1, &q) &&
              make(context, heads, o->keys, o->head_dim, 2, &k) &&
              make(context, heads, o->keys, o->head_dim, 3, &v) &&
              make(context, heads, o->queries, o->head_dim, 4, &result) &&
              (!smelt_tensor_create(context, &known, &length) || fail("lengths"));
    for (uint32_t i = 0; ok && i < o->batch; i++)
        lengths[i] = o->length;
    ok = ok && !smelt_tensor_write_and_wait(length, NULL, lengths, o->batch * sizeof(uint32_t));
    struct attention_call call = {q.tensor, k.tensor, v.tensor, result.tensor, length, o->heads};
    ok = ok && run(attention, &call);
    uint16_t *halves = ok ? malloc(result.count * sizeof(uint16_t)) : NULL;
    ok = halves && !smelt_tensor_read_and_wait(result.tensor, NULL, halves, result.count * sizeof(uint16_t));
    if (ok) {
        smelt_dtype_convert(SMELT_DTYPE_F32, result.values, SMELT_DTYPE_F16, halves, result.count);
        double worst = check(o, &q, &k, &v, result.values);
        printf("%s: %u queries, %u keys at a time, %u invocations, %u bytes of shared memory; worst error "
               "%.3g of the "
               "bound\n",
               smelt_backend_name(attention->backend), attention->rows, attention->keys, attention->threads,
               attention->scratch_bytes, worst);
        ok = worst <= 1;
    }
    struct data *all[] = {&q, &k, &v, &result};
    for (int i = 0; i < 4; i++) {
        smelt_tensor_destroy(&all[i]->tensor);
        free(all[i]->values);
    }
    smelt_tensor_destroy(&length);
    free(halves);
    free(lengths);
    return ok;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse(argc, argv, &options)) {
        fprintf(
            stderr,
            "usage: attention [--backend NAME] [--device NAME] [--head-dim N (16 to 256, by 16)]\n"
            "                 [--heads N] [--batch N] [--queries N] [--keys N] [--length N] [--causal]\n");
        return 2;
    }
    struct smelt_context_params params = {.device_name = options.device};
    smelt_context context = NULL;
    if (smelt_context_create(&params, &context)) {
        fail("context");
        return 1;
    }
    struct attention attention;
    struct attention_params wanted = {.head_dim = options.head_dim,
                                      .causal = options.causal,
                                      .backend = options.backend ? smelt_backend_from_name(options.backend)
                                                                 : SMELT_BACKEND_AUTO};
    bool ok = attention_create(context, &wanted, &attention) || fail("shader");
    if (ok) {
        ok = compute(context, &options, &attention);
        attention_destroy(&attention);
    }
    smelt_context_destroy(&context);
    return !ok;
}
