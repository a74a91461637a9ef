// SPDX-License-Identifier: MIT
// Small networks for tests, made of the parts that the importer uses, and runs of them.
#ifndef SMELT_TEST_NETWORK_RIG_H
#define SMELT_TEST_NETWORK_RIG_H

#include "network_internal.h"
#include "test.h"

#include <stdlib.h>

#define RIG_MAX 8 // inputs and outputs

static inline struct smelt_ir *rig_ir(void)
{
    struct smelt_ir *ir = NULL;
    CHECK_OK(smelt_ir_create("test", &ir));
    return ir;
}

// An input of f32; an extent of 0 is free: "N".
static inline struct smelt_ir_value *rig_input(struct smelt_ir *ir, const char *name, uint32_t rank,
                                               const uint64_t *shape)
{
    struct smelt_ir_value *v;
    CHECK_OK(smelt_ir_value(ir, name, &v));
    v->element = SMELT_ELEMENT_F32;
    v->ranked = true;
    v->rank = rank;
    for (uint32_t d = 0; d < rank; d++)
        v->shape[d] = shape[d] ? smelt_dim_constant((int64_t)shape[d]) : smelt_dim_symbol(ir, "N");
    CHECK_OK(smelt_ir_add_input(ir, v));
    return v;
}

static inline struct smelt_ir_value *rig_weight(struct smelt_ir *ir, const char *name, uint32_t rank,
                                                const uint64_t *shape, const float *data)
{
    struct smelt_ir_value *v;
    uint64_t count = 1;
    for (uint32_t d = 0; d < rank; d++)
        count *= shape[d];
    void *copy = smelt_ir_allocate(ir, count * sizeof(float));
    CHECK(copy != NULL);
    memcpy(copy, data, count * sizeof(float));
    CHECK_OK(smelt_ir_value(ir, name, &v));
    CHECK_OK(smelt_ir_set_constant(ir, v, SMELT_ELEMENT_F32, rank, shape, copy, count * sizeof(float)));
    return v;
}

// A node with one output, which it returns.
static inline struct smelt_ir_value *rig_node(struct smelt_ir *ir, const char *op, const char *output,
                                              struct smelt_ir_value *a, struct smelt_ir_value *b,
                                              struct smelt_ir_value *c)
{
    struct smelt_ir_value *inputs[3] = {a, b, c}, *out;
    struct smelt_ir_node *node;
    CHECK_OK(smelt_ir_value(ir, output, &out));
    CHECK_OK(smelt_ir_add_node(ir, smelt_operator_find(op), op, inputs, 3, &out, 1, &node));
    return out;
}

// The network's heap (NULL: it needs none), tensors for its ends and their contents as f32.
struct rig_run {
    smelt_heap heap;
    smelt_tensor tensors[RIG_MAX];
    struct smelt_network_argument arguments[RIG_MAX];
    uint32_t count;
};

static inline void rig_free(struct rig_run *run)
{
    for (uint32_t i = 0; i < run->count; i++)
        smelt_tensor_destroy(&run->tensors[i]);
    smelt_heap_destroy(&run->heap);
}

static inline struct rig_run rig_make(smelt_network network)
{
    const struct smelt_network_info *info = smelt_network_info(network);
    struct rig_run run = {.count = info->input_count + info->output_count};
    CHECK(run.count <= RIG_MAX);
    const struct smelt_heap_params heap = {.size = info->intermediates_size};
    if (heap.size)
        CHECK_OK(smelt_heap_create(test_context(), &heap, &run.heap));
    for (uint32_t i = 0; i < run.count; i++) {
        const struct smelt_network_binding *b =
            i < info->input_count ? &info->inputs[i] : &info->outputs[i - info->input_count];
        struct smelt_tensor_params params = {.dtype = b->dtype, .rank = b->rank, .name = b->name};
        memcpy(params.shape, b->shape, b->rank * sizeof(*b->shape));
        memcpy(params.strides, b->strides, b->rank * sizeof(*b->strides));
        CHECK_OK(smelt_tensor_create(test_context(), &params, &run.tensors[i]));
        run.arguments[i] = (struct smelt_network_argument){.name = b->name, .tensor = run.tensors[i]};
    }
    return run;
}

static inline void rig_write(struct rig_run *run, uint32_t index, const float *data)
{
    enum smelt_dtype dtype = smelt_tensor_info(run->tensors[index])->dtype;
    uint64_t count = smelt_tensor_element_count(run->tensors[index]), size = smelt_dtype_size(dtype, count);
    void *converted = dtype == SMELT_DTYPE_F16 ? malloc(size) : NULL;
    if (converted)
        CHECK_OK(smelt_dtype_convert(dtype, converted, SMELT_DTYPE_F32, data, count));
    CHECK_OK(smelt_tensor_write_and_wait(run->tensors[index], NULL, converted ? converted : data, size));
    free(converted);
}

static inline void rig_read(struct rig_run *run, uint32_t index, float *data)
{
    enum smelt_dtype dtype = smelt_tensor_info(run->tensors[index])->dtype;
    uint64_t count = smelt_tensor_element_count(run->tensors[index]), size = smelt_dtype_size(dtype, count);
    void *converted = dtype == SMELT_DTYPE_F16 ? malloc(size) : NULL;
    CHECK_OK(smelt_tensor_read_and_wait(run->tensors[index], NULL, converted ? converted : data, size));
    if (converted)
        CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F32, data, dtype, converted, count));
    free(converted);
}

static inline void rig_record(smelt_encoder encoder, smelt_network network, struct rig_run *run)
{
    const struct smelt_network_dispatch dispatch = {
        .arguments = run->arguments, .argument_count = run->count, .heap = run->heap};
    CHECK_OK(smelt_encoder_dispatch_network(encoder, network, &dispatch));
}

static inline void rig_dispatch(smelt_network network, struct rig_run *run)
{
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(test_context(), NULL, &encoder));
    rig_record(encoder, network, run);
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    smelt_encoder_destroy(&encoder);
}

static inline bool rig_is_near(float a, double b)
{
    double error = a - b, size = b < 0 ? -b : b;
    return error < 1e-5 + 1e-3 * size && error > -1e-5 - 1e-3 * size;
}

// Makes a network of `ir`, which it takes, runs it once from its one input to its one output, and destroys it.
static inline void rig_once(struct smelt_ir *ir, const struct smelt_network_params *params, const float *x,
                            float *y)
{
    smelt_network network = NULL;
    CHECK_OK(smelt_network_create_from_ir(test_context(), ir, params, &network));
    struct rig_run run = rig_make(network);
    rig_write(&run, 0, x);
    rig_dispatch(network, &run);
    rig_read(&run, 1, y);
    rig_free(&run);
    smelt_network_destroy(&network);
}

#endif
