// SPDX-License-Identifier: MIT
// One node as a network, with inputs and outputs of any element type as doubles.
#ifndef SMELT_TEST_NODE_RIG_H
#define SMELT_TEST_NODE_RIG_H

#include "network_internal.h"
#include "test.h"

#define NODE_MAX 32     // inputs
#define NODE_COUNT 8192 // elements

struct node {
    struct smelt_ir *ir;
    const char *op;
    struct smelt_ir_value *inputs[NODE_MAX];
    const double *data[NODE_MAX]; // NULL: a constant, or left out
    uint32_t input_count;
    struct {
        const char *name;
        struct smelt_ir_attribute attribute;
    } attributes[8];
    uint32_t attribute_count;
    uint32_t output; // which one is looked at
    smelt_network network;
    double result[NODE_COUNT];
};

static inline struct node node_start(const char *op)
{
    struct node node = {.op = op};
    CHECK_OK(smelt_ir_create("test", &node.ir));
    return node;
}

static inline void node_attribute(struct node *node, const char *name,
                                  const struct smelt_ir_attribute *attribute)
{
    CHECK(node->attribute_count < 8);
    node->attributes[node->attribute_count].name = name;
    node->attributes[node->attribute_count++].attribute = *attribute;
}

static inline void node_integer(struct node *node, const char *name, int64_t integer)
{
    node_attribute(node, name, &(struct smelt_ir_attribute){.integer = integer});
}

static inline void node_number(struct node *node, const char *name, double number)
{
    node_attribute(node, name, &(struct smelt_ir_attribute){.number = number});
}

static inline void node_word(struct node *node, const char *name, const char *word)
{
    node_attribute(node, name, &(struct smelt_ir_attribute){.word = word});
}

static inline struct smelt_ir_value *node_value(struct node *node)
{
    char name[16];
    struct smelt_ir_value *value;
    CHECK(node->input_count < NODE_MAX);
    snprintf(name, sizeof(name), "x%u", node->input_count);
    CHECK_OK(smelt_ir_value(node->ir, name, &value));
    node->inputs[node->input_count++] = value;
    return value;
}

// `data` is borrowed until node_run.
static inline void node_input(struct node *node, enum smelt_element element, uint32_t rank,
                              const uint64_t *shape, const double *data)
{
    struct smelt_ir_value *value = node_value(node);
    value->element = element;
    value->ranked = true;
    value->rank = rank;
    for (uint32_t d = 0; d < rank; d++)
        value->shape[d] = smelt_dim_constant((int64_t)shape[d]);
    node->data[node->input_count - 1] = data;
    CHECK_OK(smelt_ir_add_input(node->ir, value));
}

static inline void node_absent(struct node *node)
{
    node->inputs[node->input_count++] = NULL;
}

// Of f32 or i64.
static inline void node_constant(struct node *node, enum smelt_element element, uint32_t rank,
                                 const uint64_t *shape, const double *data)
{
    uint64_t count = 1;
    for (uint32_t d = 0; d < rank; d++)
        count *= shape[d];
    uint64_t size = count * smelt_element_info(element)->bits / 8;
    void *copy = smelt_ir_allocate(node->ir, size + 1);
    for (uint64_t i = 0; i < count; i++)
        if (element == SMELT_ELEMENT_F32)
            ((float *)copy)[i] = (float)data[i];
        else
            ((int64_t *)copy)[i] = (int64_t)data[i];
    CHECK_OK(smelt_ir_set_constant(node->ir, node_value(node), element, rank, shape, copy, size));
}

static inline enum smelt_dtype node_wide(enum smelt_dtype dtype)
{
    return smelt_dtype_is_float(dtype) ? SMELT_DTYPE_F32 : SMELT_DTYPE_I32;
}

static inline void node_pack(enum smelt_dtype dtype, uint64_t count, const double *data, void *out)
{
    uint32_t words[NODE_COUNT];
    for (uint64_t i = 0; i < count; i++)
        if (smelt_dtype_is_float(dtype)) {
            float f = (float)data[i];
            memcpy(&words[i], &f, 4);
        } else {
            words[i] = (uint32_t)(int64_t)data[i];
        }
    bool wide = dtype == SMELT_DTYPE_U32 || dtype == SMELT_DTYPE_I32;
    CHECK_OK(smelt_dtype_convert(dtype, out, wide ? dtype : node_wide(dtype), words, count));
}

static inline void node_unpack(enum smelt_dtype dtype, uint64_t count, const void *in, double *data)
{
    uint32_t words[NODE_COUNT];
    bool is_u32 = dtype == SMELT_DTYPE_U32;
    CHECK_OK(smelt_dtype_convert(is_u32 ? dtype : node_wide(dtype), words, dtype, in, count));
    for (uint64_t i = 0; i < count; i++) {
        float f;
        memcpy(&f, &words[i], 4);
        data[i] = smelt_dtype_is_float(dtype) ? (double)f
                  : is_u32                    ? (double)words[i]
                                              : (double)(int32_t)words[i];
    }
}

// What a number becomes when it is stored in this type.
static inline double node_rounded(enum smelt_element element, double value)
{
    uint32_t bits = 0;
    double result;
    enum smelt_dtype dtype = smelt_element_info(element)->dtype;
    node_pack(dtype, 1, &value, &bits);
    node_unpack(dtype, 1, &bits, &result);
    return result;
}

static inline smelt_tensor node_tensor(const struct smelt_network_binding *binding, const double *data)
{
    uint32_t bytes[NODE_COUNT];
    struct smelt_tensor_params params = {
        .dtype = binding->dtype, .rank = binding->rank, .name = binding->name};
    memcpy(params.shape, binding->shape, sizeof(binding->shape));
    memcpy(params.strides, binding->strides, sizeof(binding->strides));
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    uint64_t count = smelt_tensor_element_count(tensor);
    CHECK(count <= NODE_COUNT);
    if (data) {
        node_pack(binding->dtype, count, data, bytes);
        CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, bytes, sizeof(bytes)));
    }
    return tensor;
}

// Runs it; the output.
static inline const double *node_run(struct node *node)
{
    struct smelt_ir_value *outputs[4] = {NULL}, *out;
    struct smelt_ir_node *made;
    for (uint32_t i = 0; i <= node->output; i++) {
        char name[20] = "y";
        if (i < node->output)
            snprintf(name, sizeof(name), "unused%u", i);
        CHECK_OK(smelt_ir_value(node->ir, name, &outputs[i]));
    }
    out = outputs[node->output];
    CHECK_OK(smelt_ir_add_node(node->ir, smelt_operator_find(node->op), node->op, node->inputs,
                               node->input_count, outputs, node->output + 1, &made));
    for (uint32_t i = 0; i < node->attribute_count; i++)
        CHECK_OK(
            smelt_ir_set_attribute(node->ir, made, node->attributes[i].name, &node->attributes[i].attribute));
    CHECK_OK(smelt_ir_add_output(node->ir, out));
    CHECK_OK(smelt_network_create_from_ir(test_context(), node->ir, NULL, &node->network));
    const struct smelt_network_info *info = smelt_network_info(node->network);
    struct smelt_network_argument arguments[NODE_MAX + 1];
    smelt_tensor tensors[NODE_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->data[i]) {
            tensors[count] = node_tensor(&info->inputs[count], node->data[i]);
            arguments[count] =
                (struct smelt_network_argument){.name = info->inputs[count].name, .tensor = tensors[count]};
            count++;
        }
    CHECK(count == info->input_count && info->output_count == 1);
    tensors[count] = node_tensor(&info->outputs[0], NULL);
    arguments[count] = (struct smelt_network_argument){.name = "y", .tensor = tensors[count]};
    const struct smelt_heap_params heap_params = {.size = info->intermediates_size};
    smelt_heap heap = NULL;
    if (heap_params.size)
        CHECK_OK(smelt_heap_create(test_context(), &heap_params, &heap));
    const struct smelt_network_dispatch dispatch = {
        .arguments = arguments, .argument_count = count + 1, .heap = heap};
    smelt_encoder encoder = test_begin();
    CHECK_OK(smelt_encoder_dispatch_network(encoder, node->network, &dispatch));
    test_end(encoder);
    uint32_t bytes[NODE_COUNT];
    CHECK_OK(smelt_tensor_read_and_wait(tensors[count], NULL, bytes, sizeof(bytes)));
    node_unpack(info->outputs[0].dtype, smelt_tensor_element_count(tensors[count]), bytes, node->result);
    for (uint32_t i = 0; i <= count; i++)
        smelt_tensor_destroy(&tensors[i]);
    smelt_heap_destroy(&heap);
    return node->result;
}

static inline void node_expect(const struct node *node, uint32_t index, double got, double wanted,
                               double bound)
{
    double error = got - wanted;
    if (got == wanted || (error <= bound && error >= -bound))
        return;
    printf("    %s, input of %s, element %u: got %.9g, wanted %.9g within %g\n", node->op,
           smelt_element_info(node->inputs[0]->element)->name, index, got, wanted, bound);
    CHECK(false);
}

static inline void node_end(struct node *node)
{
    smelt_network_destroy(&node->network);
}

#endif
