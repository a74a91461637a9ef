// SPDX-License-Identifier: MIT
// Writes small ONNX models, right and wrong ones: just as much of protobuf as that takes.
#ifndef SMELT_TEST_ONNX_MODEL_H
#define SMELT_TEST_ONNX_MODEL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    size_t size;
    unsigned char data[1 << 16];
};

static inline void put_varint(struct bytes *b, uint64_t value)
{
    for (; value > 127; value >>= 7)
        b->data[b->size++] = (unsigned char)(value | 128);
    b->data[b->size++] = (unsigned char)value;
}

static inline void put_integer(struct bytes *b, unsigned field, int64_t value)
{
    put_varint(b, field << 3);
    put_varint(b, (uint64_t)value);
}

static inline void put_bytes(struct bytes *b, unsigned field, const void *data, size_t size)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void put_text(struct bytes *b, unsigned field, const char *text)
{
    put_bytes(b, field, text, strlen(text));
}

// Each part of "a,b,c"; "" has none, "a,,c" an empty one.
static inline void put_list(struct bytes *b, unsigned field, const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        put_bytes(b, field, list, length);
        list += length + (list[length] == ',');
    }
}

// --- Attributes: each function adds one to a node --------------------------------------------------------------

static inline void put_attribute(struct bytes *node, const char *name, int type, unsigned field,
                                 const void *data, size_t size, int64_t integer)
{
    static struct bytes a;
    a.size = 0;
    put_text(&a, 1, name);
    if (data)
        put_bytes(&a, field, data, size);
    else if (field)
        put_integer(&a, field, integer);
    put_integer(&a, 20, type);
    put_bytes(node, 5, a.data, a.size);
}

static inline void attribute_integer(struct bytes *node, const char *name, int64_t value)
{
    put_attribute(node, name, 2, 3, NULL, 0, value);
}

static inline void attribute_word(struct bytes *node, const char *name, const char *word)
{
    put_attribute(node, name, 3, 4, word, strlen(word), 0);
}

static inline void attribute_float(struct bytes *node, const char *name, float value)
{
    struct bytes *a = calloc(1, sizeof(*a));
    put_text(a, 1, name);
    put_varint(a, 2 << 3 | 5);
    memcpy(a->data + a->size, &value, 4);
    a->size += 4;
    put_integer(a, 20, 1);
    put_bytes(node, 5, a->data, a->size);
    free(a);
}

static inline void attribute_integers(struct bytes *node, const char *name, const int64_t *values,
                                      unsigned count)
{
    struct bytes *a = calloc(1, sizeof(*a));
    put_text(a, 1, name);
    for (unsigned i = 0; i < count; i++)
        put_integer(a, 8, values[i]);
    put_integer(a, 20, 7);
    put_bytes(node, 5, a->data, a->size);
    free(a);
}

static inline void attribute_message(struct bytes *node, const char *name, int type, unsigned field,
                                     const struct bytes *message)
{
    put_attribute(node, name, type, field, message->data, message->size, 0);
}

// --- Graphs -----------------------------------------------------------------------------------------------------

static inline void begin_node(struct bytes *node, const char *op, const char *name, const char *inputs,
                              const char *outputs)
{
    node->size = 0;
    put_list(node, 1, inputs);
    put_list(node, 2, outputs);
    put_text(node, 3, name);
    put_text(node, 4, op);
}

static inline void end_node(struct bytes *graph, const struct bytes *node)
{
    put_bytes(graph, 1, node->data, node->size);
}

static inline void add_node(struct bytes *graph, const char *op, const char *name, const char *inputs,
                            const char *outputs)
{
    static struct bytes node;
    begin_node(&node, op, name, inputs, outputs);
    end_node(graph, &node);
}

// "N,3,-1": words are names of free extents, "?" is one without a name. NULL: no shape.
static inline void put_value(struct bytes *graph, unsigned field, const char *name, int element,
                             const char *shape)
{
    static struct bytes info, type, tensor, dims, dim;
    info.size = type.size = tensor.size = dims.size = 0;
    while (shape && *shape) {
        char part[64];
        size_t length = strcspn(shape, ",");
        snprintf(part, sizeof(part), "%.*s", (int)length, shape);
        dim.size = 0;
        if ((*part >= '0' && *part <= '9') || *part == '-')
            put_integer(&dim, 1, strtoll(part, NULL, 10));
        else if (*part != '?')
            put_text(&dim, 2, part);
        put_bytes(&dims, 1, dim.data, dim.size);
        shape += length + (shape[length] == ',');
    }
    put_integer(&tensor, 1, element);
    if (shape)
        put_bytes(&tensor, 2, dims.data, dims.size);
    put_bytes(&type, 1, tensor.data, tensor.size);
    put_text(&info, 1, name);
    put_bytes(&info, 2, type.data, type.size);
    put_bytes(graph, field, info.data, info.size);
}

static inline void add_input(struct bytes *graph, const char *name, int element, const char *shape)
{
    put_value(graph, 11, name, element, shape);
}

static inline void add_output(struct bytes *graph, const char *name)
{
    put_value(graph, 12, name, 0, NULL); // says nothing about it
}

// A TensorProto with raw data.
static inline void make_tensor(struct bytes *tensor, const char *name, int element, const int64_t *shape,
                               unsigned rank, const void *data, size_t size)
{
    tensor->size = 0;
    for (unsigned i = 0; i < rank; i++)
        put_integer(tensor, 1, shape[i]);
    put_integer(tensor, 2, element);
    put_text(tensor, 8, name);
    if (data)
        put_bytes(tensor, 9, data, size);
}

static inline void add_constant(struct bytes *graph, const char *name, int element, const int64_t *shape,
                                unsigned rank, const void *data, size_t size)
{
    static struct bytes tensor;
    make_tensor(&tensor, name, element, shape, rank, data, size);
    put_bytes(graph, 5, tensor.data, tensor.size);
}

// i64 constants, the usual case.
static inline void add_integers(struct bytes *graph, const char *name, const int64_t *values, int64_t count)
{
    add_constant(graph, name, 7, &count, 1, values, (size_t)count * 8);
}

// f32 ones.
static inline void add_ones(struct bytes *graph, const char *name, const int64_t *shape, unsigned rank)
{
    static float ones[4096];
    int64_t count = 1;
    for (unsigned i = 0; i < rank; i++)
        count *= shape[i];
    for (int64_t i = 0; i < count; i++)
        ones[i] = 1;
    add_constant(graph, name, 1, shape, rank, ones, (size_t)count * 4);
}

static inline void add_external(struct bytes *graph, const char *name, const int64_t *shape, unsigned rank,
                                const char *location, const char *offset, const char *length)
{
    static struct bytes tensor, entry;
    const char *const pairs[][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    make_tensor(&tensor, name, 1, shape, rank, NULL, 0);
    for (unsigned i = 0; i < 3; i++) {
        if (!pairs[i][1])
            continue;
        entry.size = 0;
        put_text(&entry, 1, pairs[i][0]);
        put_text(&entry, 2, pairs[i][1]);
        put_bytes(&tensor, 13, entry.data, entry.size);
    }
    put_integer(&tensor, 14, 1);
    put_bytes(graph, 5, tensor.data, tensor.size);
}

static inline void make_model(struct bytes *model, int64_t opset, const struct bytes *graph)
{
    static struct bytes import;
    model->size = import.size = 0;
    put_integer(model, 1, 8);
    put_bytes(model, 7, graph->data, graph->size);
    put_text(&import, 1, "");
    put_integer(&import, 2, opset);
    put_bytes(model, 8, import.data, import.size);
}

#endif
