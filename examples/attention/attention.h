// SPDX-License-Identifier: MIT
// attention.comp as a pipeline: made once for a head dimension, a mask and a backend; recorded for any lengths.
#ifndef ATTENTION_H
#define ATTENTION_H

#include <smelt/smelt.h>

struct attention_params {
    uint32_t head_dim; // a multiple of 16, 64 or 128 commonly
    bool causal;       // query i sees keys up to i
    enum smelt_backend backend;
    // Zeros: chosen for the device. Queries of a workgroup are rows_of_subgroup * subgroups.
    uint32_t keys, rows_of_subgroup, subgroups;
};

struct attention {
    smelt_context context;
    smelt_shader shader;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    enum smelt_backend backend;
    uint32_t rows, keys, threads, scratch_bytes;
};

// False: smelt_last_error says why, or the blocks asked for are larger than shared memory.
bool attention_create(smelt_context context, const struct attention_params *params,
                      struct attention *attention);
// Accepts one that was not made.
void attention_destroy(struct attention *attention);

// The tensors of a call, all packed: q and o [batch * heads][queries][head_dim], k and v [batch * heads][keys][head_dim],
// of f16; lengths [batch] of u32: how many of the keys are there (padding mask).
struct attention_call {
    smelt_tensor q, k, v, o, lengths;
    uint32_t heads;
};
// Records one dispatch at stage COMPUTE_SHADER; no barriers.
void attention_record(const struct attention *attention, VkCommandBuffer commands,
                      const struct attention_call *call);

#endif
