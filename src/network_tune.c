// SPDX-License-Identifier: MIT
// Tuning (layer 3): which kernel computes a convolution is found by timing candidates on the device, each between the others
// as in a network, where no kernel finds its instructions in the caches. What was found is kept on disk by call, device and
// driver.
#include "network_internal.h"
#include "shader_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TUNE_VERSION 2
#define ROUNDS 7
#define WARM_NS 200e6
#define MOST_NS                                                                                              \
    50000000.0 // of a dispatch: the slice that a display's watchdog leaves; slower ones are not tried again

// The library's own; small tiles whose sums several subgroups share; large ones; then what PORTABLE has: its own, and one
// invocation for 8 channels of a pixel.
#define SPLIT(tile_m, tile_n, subgroups)                                                                     \
    {                                                                                                        \
        SMELT_BACKEND_AUTO,                                                                                  \
        {                                                                                                    \
            .m = tile_m, .n = tile_n, .subgroups_k = subgroups                                               \
        }                                                                                                    \
    }
static const struct smelt_tuned candidates[] = {
    {SMELT_BACKEND_AUTO, {0}},
    SPLIT(16, 16, 4),
    SPLIT(16, 16, 8),
    SPLIT(16, 32, 2),
    SPLIT(16, 32, 4),
    SPLIT(16, 32, 8),
    SPLIT(32, 16, 1),
    SPLIT(32, 16, 2),
    SPLIT(32, 16, 4),
    SPLIT(32, 16, 8),
    SPLIT(32, 32, 1),
    SPLIT(32, 32, 2),
    SPLIT(32, 32, 4),
    SPLIT(32, 32, 8),
    SPLIT(64, 16, 2),
    SPLIT(64, 32, 1),
    SPLIT(64, 32, 2),
    SPLIT(64, 32, 4),
    SPLIT(32, 64, 2),
    SPLIT(64, 64, 1),
    SPLIT(64, 64, 2),
    {SMELT_BACKEND_AUTO, {.m = 64, .n = 16, .k = 32, .subgroups_m = 4, .subgroups_n = 1}},
    {SMELT_BACKEND_AUTO, {.m = 64, .n = 32, .k = 64, .subgroups_m = 4, .subgroups_n = 2}},
    {SMELT_BACKEND_AUTO, {.m = 64, .n = 64, .k = 64, .subgroups_m = 2, .subgroups_n = 2}},
    {SMELT_BACKEND_AUTO, {.m = 128, .n = 64, .k = 32, .subgroups_m = 4, .subgroups_n = 2}},
    {SMELT_BACKEND_PORTABLE, {0}},
    {SMELT_BACKEND_PORTABLE, {.m = 1}},
};
enum { CANDIDATES = sizeof(candidates) / sizeof(candidates[0]) };

// Tensors like those of the call, with memory.
struct rehearsal {
    struct smelt_lowering *lowering;
    struct smelt_convolution2d_params params;
    smelt_tensor tensors[4];
    smelt_encoder encoder;
    double ns[CANDIDATES];
};

static enum smelt_result add_tensor(struct rehearsal *r, smelt_tensor like, smelt_tensor *made)
{
    if (!like)
        return SMELT_OK;
    const struct smelt_tensor_info *info = smelt_tensor_info(like);
    struct smelt_tensor_params params = {.dtype = info->dtype, .rank = info->rank, .name = "tuning"};
    memcpy(params.shape, info->shape, sizeof(params.shape));
    memcpy(params.strides, info->strides, sizeof(params.strides));
    return smelt_tensor_create(r->lowering->context, &params, made);
}

static enum smelt_result record(struct rehearsal *r, uint32_t i)
{
    char label[8];
    struct smelt_convolution2d_params params = r->params;
    if (candidates[i].tiling.m > 1 && r->lowering->context->capabilities.subgroup_size < 32)
        return SMELT_ERROR_UNSUPPORTED; // tiles are of subgroups of 32
    if (params.backend == SMELT_BACKEND_AUTO)
        params.backend = (enum smelt_backend)candidates[i].backend;
    params.tiling = candidates[i].tiling;
    snprintf(label, sizeof(label), "%u", i);
    enum smelt_result result = smelt_encoder_set_label(r->encoder, label);
    smelt_hold_errors(true); // most devices do not take all of them
    result = result ? result : smelt_encode_convolution2d(r->encoder, &params);
    smelt_hold_errors(false);
    return result;
}

// All candidates once, or those that have a time; their times of this round.
static enum smelt_result run_round(struct rehearsal *r, bool first, double ns[CANDIDATES])
{
    const struct smelt_profile_node *nodes;
    uint32_t count = 0;
    enum smelt_result result = smelt_encoder_begin(r->encoder, NULL);
    for (uint32_t i = 0; i < CANDIDATES && !result; i++) {
        ns[i] = 0;
        if (first) // what this device or call does not take stays without a time
            r->ns[i] = record(r, i) == SMELT_OK;
        else if (r->ns[i] > 0)
            result = record(r, i);
    }
    if (!result)
        result = smelt_encoder_commit_and_wait(r->encoder);
    if (!result)
        result = smelt_encoder_profile(r->encoder, &nodes, &count);
    for (uint32_t n = 0; n < count && !result; n++) {
        uint32_t i = (uint32_t)strtoul(nodes[n].label, NULL, 10);
        if (i < CANDIDATES)
            ns[i] += (double)(nodes[n].end - nodes[n].begin);
    }
    return result;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

// Medians into r->ns; 0: not timed.
static enum smelt_result run(struct rehearsal *r)
{
    double ns[ROUNDS][CANDIDATES], column[ROUNDS];
    enum smelt_result result = run_round(r, true, ns[0]);
    for (uint32_t i = 0; i < CANDIDATES; i++)
        if (ns[0][i] > MOST_NS)
            r->ns[i] = 0;
    // The clock of a GPU that waited for the compiler is down for a while.
    for (double warm = 0, all = 0; warm < WARM_NS && !result; warm += all) {
        result = run_round(r, false, ns[0]);
        all = 1e5; // what a round takes besides
        for (uint32_t i = 0; i < CANDIDATES; i++)
            all += ns[0][i];
    }
    for (uint32_t k = 0; k < ROUNDS && !result; k++)
        result = run_round(r, false, ns[k]);
    for (uint32_t i = 0; i < CANDIDATES && !result; i++) {
        for (uint32_t k = 0; k < ROUNDS; k++)
            column[k] = ns[k][i];
        qsort(column, ROUNDS, sizeof(*column), compare);
        r->ns[i] = r->ns[i] > 0 ? column[ROUNDS / 2] : 0;
    }
    return result;
}

static enum smelt_result rehearse(struct smelt_lowering *lowering,
                                  const struct smelt_convolution2d_params *params, struct smelt_tuned *best)
{
    struct rehearsal r = {.lowering = lowering, .params = *params};
    const struct smelt_encoder_params encoder = {.profile = true, .name = "tuning"};
    enum smelt_result result = smelt_encoder_create(lowering->context, &encoder, &r.encoder);
    if (!result)
        r.encoder->slice = lowering->network->slice;
    const smelt_tensor like[4] = {params->a, params->b, params->bias, params->d};
    for (uint32_t i = 0; i < 4 && !result; i++)
        result = add_tensor(&r, like[i], &r.tensors[i]);
    r.params.a = r.tensors[0];
    r.params.b = r.tensors[1];
    r.params.bias = r.tensors[2];
    r.params.d = r.tensors[3];
    r.params.residual = params->residual ? r.tensors[3] : NULL;
    if (!result)
        result = run(&r);
    uint32_t at = 0;
    for (uint32_t i = 1; i < CANDIDATES; i++) // the library's own, unless another one is clearly faster
        if (r.ns[i] > 0 && (!(r.ns[at] > 0) || r.ns[i] < 0.97 * r.ns[at]))
            at = i;
    *best = candidates[at];
    const struct smelt_matmul2d_tiling *t = &best->tiling;
    smelt_log(lowering->context, SMELT_LOG_INFO,
              "tuning: convolution %ux%u in %llu channels to %llux%llux%llu: %s %ux%ux%u on %ux%ux%u, %.1f "
              "us of %.1f",
              (uint32_t)smelt_tensor_info(params->b)->shape[0],
              (uint32_t)smelt_tensor_info(params->b)->shape[1],
              (unsigned long long)smelt_tensor_info(params->a)->shape[3],
              (unsigned long long)smelt_tensor_info(params->d)->shape[1],
              (unsigned long long)smelt_tensor_info(params->d)->shape[2],
              (unsigned long long)smelt_tensor_info(params->d)->shape[3],
              smelt_backend_name((enum smelt_backend)best->backend), t->m, t->n, t->k, t->subgroups_m,
              t->subgroups_n, t->subgroups_k, r.ns[at] / 1000, r.ns[0] / 1000);
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        t = &candidates[i].tiling;
        if (r.ns[i] > 0)
            smelt_log(lowering->context, SMELT_LOG_DEBUG, "tuning: ... %s %ux%ux%u on %ux%ux%u: %.1f us",
                      smelt_backend_name((enum smelt_backend)candidates[i].backend), t->m, t->n, t->k,
                      t->subgroups_m, t->subgroups_n, t->subgroups_k, r.ns[i] / 1000);
    }
    smelt_encoder_destroy(&r.encoder);
    for (uint32_t i = 0; i < 4; i++)
        smelt_tensor_destroy(&r.tensors[i]);
    return result;
}

// Everything of a call that decides its time, device and driver with it.
static struct smelt_cache_key key_of(const struct smelt_lowering *lowering,
                                     const struct smelt_convolution2d_params *params)
{
    const struct smelt_capabilities *c = &lowering->context->capabilities;
    struct smelt_cache_key key;
    const uint32_t numbers[] = {TUNE_VERSION,
                                params->image_layout,
                                params->weight_layout,
                                params->computed,
                                params->accumulated,
                                params->backend,
                                params->bias != NULL,
                                c->driver_version,
                                params->residual != NULL,
                                params->geometry.transposed,
                                params->depth_to_space};
    const smelt_tensor tensors[] = {params->a, params->b, params->d};
    smelt_cache_key_start(&key);
    smelt_cache_key_add(&key, numbers, sizeof(numbers));
    smelt_cache_key_add(&key, c->device_uuid, sizeof(c->device_uuid));
    smelt_cache_key_add(&key, &params->geometry, offsetof(struct smelt_convolution2d_geometry, transposed));
    for (uint32_t i = 0; i < 3; i++) {
        const struct smelt_tensor_info *info = smelt_tensor_info(tensors[i]);
        smelt_cache_key_add(&key, &info->dtype, sizeof(info->dtype));
        smelt_cache_key_add(&key, info->shape, sizeof(info->shape[0]) * info->rank);
        smelt_cache_key_add(&key, info->strides, sizeof(info->strides[0]) * info->rank);
    }
    return key;
}

static void keep(struct smelt_network_plan *plan, const struct smelt_cache_key *key,
                 const struct smelt_tuned *tuned)
{
    struct smelt_network_tuned *list = realloc(plan->tuned, (plan->tuned_count + 1) * sizeof(*list));
    if (!list)
        return; // found again on disk, or by timing
    plan->tuned = list;
    list[plan->tuned_count] = (struct smelt_network_tuned){.tuned = *tuned};
    memcpy(list[plan->tuned_count++].key, key->hash, sizeof(key->hash));
    plan->tuning_hash =
        smelt_hash(plan->tuning_hash ? plan->tuning_hash : SMELT_HASH_START, key, sizeof(*key));
    plan->tuning_hash = smelt_hash(plan->tuning_hash, tuned, sizeof(*tuned));
}

enum smelt_result smelt_tune_convolution2d(struct smelt_lowering *lowering,
                                           struct smelt_convolution2d_params *params)
{
    smelt_context context = lowering->context;
    struct smelt_network_plan *plan = lowering->plan;
    struct smelt_cache_key key = key_of(lowering, params);
    struct smelt_tuned tuned = {0};
    struct smelt_mapping mapping, payload;
    bool known = false;
    for (uint32_t i = 0; i < plan->tuned_count && !known; i++)
        if ((known = !memcmp(plan->tuned[i].key, key.hash, sizeof(key.hash))))
            tuned = plan->tuned[i].tuned;
    bool kept = known;
    if (!known && context->cache_directory &&
        smelt_cache_read(context, context->cache_directory, "tuning", &key, &mapping, &payload)) {
        if ((known = payload.size == sizeof(tuned)))
            memcpy(&tuned, payload.data, sizeof(tuned));
        smelt_os_unmap_file(&mapping);
    }
    if (!known) {
        enum smelt_result result = rehearse(lowering, params, &tuned);
        if (result)
            return smelt_lower_take(lowering, result);
        if (context->cache_directory)
            smelt_cache_write(context, context->cache_directory, "tuning", &key, &tuned, sizeof(tuned));
    }
    if (!kept)
        keep(plan, &key, &tuned);
    if (params->backend == SMELT_BACKEND_AUTO)
        params->backend = (enum smelt_backend)tuned.backend;
    params->tiling = tuned.tiling;
    return SMELT_OK;
}
