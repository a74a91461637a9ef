// SPDX-License-Identifier: MIT
// Networks as values and nodes: memory, names, constants, attributes, order. Everything is made in one arena.
#include "network_operators.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct smelt_element_info elements[SMELT_ELEMENT_COUNT] = {
    [SMELT_ELEMENT_NONE] = {"none", "", 0, SMELT_ELEMENT_IS_NONE, SMELT_DTYPE_NONE},
    [SMELT_ELEMENT_F32] = {"f32", "F32", 32, SMELT_ELEMENT_IS_FLOAT, SMELT_DTYPE_F32},
    [SMELT_ELEMENT_F16] = {"f16", "F16", 16, SMELT_ELEMENT_IS_FLOAT, SMELT_DTYPE_F16},
    [SMELT_ELEMENT_BF16] = {"bf16", "BF16", 16, SMELT_ELEMENT_IS_FLOAT, SMELT_DTYPE_BF16},
    [SMELT_ELEMENT_F64] = {"f64", "F64", 64, SMELT_ELEMENT_IS_FLOAT, SMELT_DTYPE_NONE},
    [SMELT_ELEMENT_F8E4M3] = {"f8e4m3", "F8_E4M3", 8, SMELT_ELEMENT_IS_FLOAT, SMELT_DTYPE_F8E4M3},
    [SMELT_ELEMENT_F8E5M2] = {"f8e5m2", "F8_E5M2", 8, SMELT_ELEMENT_IS_FLOAT, SMELT_DTYPE_F8E5M2},
    [SMELT_ELEMENT_I8] = {"i8", "I8", 8, SMELT_ELEMENT_IS_SIGNED, SMELT_DTYPE_I8},
    [SMELT_ELEMENT_U8] = {"u8", "U8", 8, SMELT_ELEMENT_IS_UNSIGNED, SMELT_DTYPE_U8},
    [SMELT_ELEMENT_I16] = {"i16", "I16", 16, SMELT_ELEMENT_IS_SIGNED, SMELT_DTYPE_I16},
    [SMELT_ELEMENT_U16] = {"u16", "U16", 16, SMELT_ELEMENT_IS_UNSIGNED, SMELT_DTYPE_U16},
    [SMELT_ELEMENT_I32] = {"i32", "I32", 32, SMELT_ELEMENT_IS_SIGNED, SMELT_DTYPE_I32},
    [SMELT_ELEMENT_U32] = {"u32", "U32", 32, SMELT_ELEMENT_IS_UNSIGNED, SMELT_DTYPE_U32},
    [SMELT_ELEMENT_I64] = {"i64", "I64", 64, SMELT_ELEMENT_IS_SIGNED, SMELT_DTYPE_NONE},
    [SMELT_ELEMENT_U64] = {"u64", "U64", 64, SMELT_ELEMENT_IS_UNSIGNED, SMELT_DTYPE_NONE},
    [SMELT_ELEMENT_BOOL] = {"bool", "BOOL", 8, SMELT_ELEMENT_IS_BOOL, SMELT_DTYPE_NONE},
    [SMELT_ELEMENT_I4] = {"i4", "U8", 4, SMELT_ELEMENT_IS_SIGNED, SMELT_DTYPE_I4},
    [SMELT_ELEMENT_U4] = {"u4", "U8", 4, SMELT_ELEMENT_IS_UNSIGNED, SMELT_DTYPE_U4},
};

const struct smelt_element_info *smelt_element_info(enum smelt_element element)
{
    return &elements[(unsigned)element < SMELT_ELEMENT_COUNT ? element : SMELT_ELEMENT_NONE];
}

enum smelt_element smelt_element_from_name(const char *name)
{
    for (int i = 1; i < SMELT_ELEMENT_COUNT; i++)
        if (!strcmp(elements[i].name, name))
            return (enum smelt_element)i;
    return SMELT_ELEMENT_NONE;
}

bool smelt_element_is_integer(enum smelt_element element)
{
    enum smelt_element_kind kind = smelt_element_info(element)->kind;
    return kind == SMELT_ELEMENT_IS_SIGNED || kind == SMELT_ELEMENT_IS_UNSIGNED;
}

bool smelt_element_is_float(enum smelt_element element)
{
    return smelt_element_info(element)->kind == SMELT_ELEMENT_IS_FLOAT;
}

int64_t smelt_element_integer(enum smelt_element element, const void *data, uint64_t index)
{
    const struct smelt_element_info *info = smelt_element_info(element);
    const unsigned char *bytes = data;
    uint64_t raw = 0;
    if (info->bits == 4)
        raw = bytes[index / 2] >> (index % 2 * 4) & 15;
    else
        memcpy(&raw, bytes + index * (info->bits / 8),
               info->bits / 8); // little-endian, as everywhere in files
    if (info->kind == SMELT_ELEMENT_IS_SIGNED && info->bits < 64 && raw >> (info->bits - 1) & 1)
        raw |= UINT64_MAX << info->bits;
    if (info->kind == SMELT_ELEMENT_IS_UNSIGNED && raw > INT64_MAX)
        raw = INT64_MAX;
    return (int64_t)raw;
}

double smelt_element_number(enum smelt_element element, const void *data, uint64_t index)
{
    const struct smelt_element_info *info = smelt_element_info(element);
    double number;
    float single;
    if (info->kind != SMELT_ELEMENT_IS_FLOAT)
        return (double)smelt_element_integer(element, data, index);
    const unsigned char *bytes = (const unsigned char *)data + index * (info->bits / 8);
    if (element == SMELT_ELEMENT_F64) {
        memcpy(&number, bytes, sizeof(number));
        return number;
    }
    // Cannot fail: the types and pointers are good.
    (void)smelt_dtype_convert(SMELT_DTYPE_F32, &single, info->dtype, bytes, 1);
    return (double)single;
}

// --- Memory ---------------------------------------------------------------------------------------------------

enum { CHUNK_SIZE = 1 << 16 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    max_align_t data[];
};

void *smelt_ir_allocate(struct smelt_ir *ir, size_t size)
{
    struct chunk *chunk = ir->chunks;
    if (size > SIZE_MAX - 2 * CHUNK_SIZE)
        return NULL;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = SMELT_MAX(size, (size_t)CHUNK_SIZE);
        chunk = calloc(1, sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        chunk->size = room;
        chunk->next = ir->chunks;
        ir->chunks = chunk;
    }
    void *memory = (char *)chunk->data + chunk->used;
    chunk->used += size;
    return memory;
}

const char *smelt_ir_copy(struct smelt_ir *ir, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = smelt_ir_allocate(ir, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

enum smelt_result smelt_ir_no_memory(const struct smelt_ir *ir)
{
    return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the network", ir->file);
}

enum smelt_result smelt_ir_create(const char *file, struct smelt_ir **out)
{
    struct smelt_ir *ir = calloc(1, sizeof(*ir));
    if (ir) {
        ir->file = smelt_ir_copy(ir, file);
        ir->expressions = smelt_ir_allocate(ir, 256 * sizeof(struct smelt_dim_expression *));
        ir->name = "";
        ir->storage = SMELT_ELEMENT_F32;
    }
    if (!ir || !ir->file || !ir->expressions) {
        smelt_ir_destroy(&ir);
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for a network", file);
    }
    *out = ir;
    return SMELT_OK;
}

void smelt_ir_destroy(struct smelt_ir **ir)
{
    if (!ir || !*ir)
        return;
    for (uint32_t i = (*ir)->owner_count; i-- > 0;)
        (*ir)->owners[i].release((*ir)->owners[i].object);
    free((*ir)->owners);
    for (struct chunk *chunk = (*ir)->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free((*ir)->values);
    free((*ir)->by_name);
    free((*ir)->nodes);
    free((*ir)->inputs);
    free((*ir)->outputs);
    free(*ir);
    *ir = NULL;
}

// Room for one more in an array that doubles at powers of two.
static bool grow(void *array, uint32_t count, size_t element)
{
    void **data = array;
    if (count & (count - 1) || (count && count < 8))
        return true;
    void *larger = realloc(*data, (count ? (size_t)count * 2 : 8) * element);
    if (larger)
        *data = larger;
    return larger != NULL;
}

enum smelt_result smelt_ir_own(struct smelt_ir *ir, void (*release)(void *), void *object)
{
    if (!grow(&ir->owners, ir->owner_count, sizeof(*ir->owners))) {
        release(object);
        return smelt_ir_no_memory(ir);
    }
    ir->owners[ir->owner_count++] = (struct smelt_ir_owner){release, object};
    return SMELT_OK;
}

// --- Values ---------------------------------------------------------------------------------------------------

static struct smelt_ir_value **slot_of(const struct smelt_ir *ir, const char *name)
{
    uint32_t at = (uint32_t)smelt_hash(SMELT_HASH_START, name, strlen(name));
    for (;; at++) {
        struct smelt_ir_value **slot = &ir->by_name[at & (ir->by_name_size - 1)];
        if (!*slot || !strcmp((*slot)->name, name))
            return slot;
    }
}

struct smelt_ir_value *smelt_ir_find(const struct smelt_ir *ir, const char *name)
{
    return ir->by_name_size ? *slot_of(ir, name) : NULL;
}

static bool grow_names(struct smelt_ir *ir)
{
    if (ir->value_count * 2 + 2 <= ir->by_name_size)
        return true;
    uint32_t size = ir->by_name_size ? ir->by_name_size * 2 : 64;
    struct smelt_ir_value **larger = calloc(size, sizeof(struct smelt_ir_value *));
    if (!larger)
        return false;
    free(ir->by_name);
    ir->by_name = larger;
    ir->by_name_size = size;
    for (uint32_t i = 0; i < ir->value_count; i++)
        *slot_of(ir, ir->values[i]->name) = ir->values[i];
    return true;
}

enum smelt_result smelt_ir_value(struct smelt_ir *ir, const char *name, struct smelt_ir_value **value)
{
    char fresh[32];
    for (uint32_t i = ir->value_count; !name; i++) {
        snprintf(fresh, sizeof(fresh), "smelt.%u", i);
        if (!smelt_ir_find(ir, fresh))
            name = fresh;
    }
    if ((*value = smelt_ir_find(ir, name)))
        return SMELT_OK;
    struct smelt_ir_value *v = smelt_ir_allocate(ir, sizeof(*v));
    if (!v || ir->value_count >= 1u << 28 || !(v->name = smelt_ir_copy(ir, name)) || !grow_names(ir) ||
        !grow(&ir->values, ir->value_count, sizeof(*ir->values)))
        return smelt_ir_no_memory(ir);
    v->id = ir->value_count;
    ir->values[ir->value_count++] = v;
    *slot_of(ir, v->name) = v;
    *value = v;
    return SMELT_OK;
}

// Bytes of packed elements; false on overflow.
static bool packed_size(enum smelt_element element, uint32_t rank, const uint64_t *shape, uint64_t *size)
{
    uint64_t count = 1, bits = smelt_element_info(element)->bits;
    for (uint32_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(count, shape[i], &count))
            return false;
    if (count > (UINT64_MAX - 7) / bits)
        return false;
    *size = (count * bits + 7) / 8;
    return true;
}

enum smelt_result smelt_ir_set_constant(struct smelt_ir *ir, struct smelt_ir_value *value,
                                        enum smelt_element element, uint32_t rank, const uint64_t *shape,
                                        const void *data, uint64_t size)
{
    uint64_t wanted;
    if (value->producer || value->constant || value->is_input)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: two definitions of \"%.80s\"", ir->file,
                          value->name);
    if (element == SMELT_ELEMENT_NONE || rank > SMELT_IR_MAX_RANK)
        return smelt_fail(
            NULL, SMELT_ERROR_FORMAT,
            "%s: constant \"%.80s\": wanted an element type and a rank of at most %d, got %s and %u",
            ir->file, value->name, SMELT_IR_MAX_RANK, smelt_element_info(element)->name, rank);
    for (uint32_t i = 0; i < rank; i++)
        if (shape[i] > INT64_MAX)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                              "%s: constant \"%.80s\": extent %u is %llu, wanted less than 2^63", ir->file,
                              value->name, i, (unsigned long long)shape[i]);
    if (!packed_size(element, rank, shape, &wanted) || wanted != size)
        return smelt_fail(
            NULL, SMELT_ERROR_SHAPE,
            "%s: constant \"%.80s\": its type %s and shape do not give the %llu bytes of data it has",
            ir->file, value->name, smelt_element_info(element)->name, (unsigned long long)size);
    value->constant = true;
    value->element = value->stored = element;
    value->ranked = true;
    value->rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        value->shape[i] = smelt_dim_constant((int64_t)shape[i]);
    value->data = data;
    value->size = size;
    return SMELT_OK;
}

enum smelt_result smelt_ir_integers_constant(struct smelt_ir *ir, const int64_t *integers, uint32_t count,
                                             struct smelt_ir_value **value)
{
    uint64_t extent = count, size = count * sizeof(*integers);
    void *copy = smelt_ir_allocate(ir, (size_t)size);
    enum smelt_result result = copy ? smelt_ir_value(ir, NULL, value) : smelt_ir_no_memory(ir);
    if (result)
        return result;
    if (count)
        memcpy(copy, integers, (size_t)size);
    return smelt_ir_set_constant(ir, *value, SMELT_ELEMENT_I64, 1, &extent, copy, size);
}

enum smelt_result smelt_ir_add_input(struct smelt_ir *ir, struct smelt_ir_value *value)
{
    if (value->producer || value->constant || value->is_input)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: two definitions of \"%.80s\"", ir->file,
                          value->name);
    if (!grow(&ir->inputs, ir->input_count, sizeof(*ir->inputs)))
        return smelt_ir_no_memory(ir);
    value->is_input = true;
    ir->inputs[ir->input_count++] = value;
    return SMELT_OK;
}

enum smelt_result smelt_ir_add_output(struct smelt_ir *ir, struct smelt_ir_value *value)
{
    if (value->is_output)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: output \"%.80s\" is listed twice", ir->file,
                          value->name);
    if (!grow(&ir->outputs, ir->output_count, sizeof(*ir->outputs)))
        return smelt_ir_no_memory(ir);
    value->is_output = true;
    ir->outputs[ir->output_count++] = value;
    return SMELT_OK;
}

// --- Nodes ----------------------------------------------------------------------------------------------------

enum smelt_result smelt_ir_node_fail(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     enum smelt_result result, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char *name = node->name;
    if (!*name && node->output_count && node->outputs[0])
        name = node->outputs[0]->name;
    return smelt_fail(NULL, result, "%s: node \"%.80s\" (%s): %s", ir->file, name, node->op->name, text);
}

static enum smelt_result check_arity(const struct smelt_ir *ir, const struct smelt_ir_node *node)
{
    const struct smelt_operator *op = node->op;
    if (node->input_count < op->inputs_least ||
        (op->inputs_most != SMELT_IR_VARIADIC && node->input_count > op->inputs_most))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "wanted %u to %u inputs, got %u",
                                  op->inputs_least, op->inputs_most, node->input_count);
    if (!node->output_count ||
        (op->outputs_most != SMELT_IR_VARIADIC && node->output_count > op->outputs_most))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "wanted 1 to %u outputs, got %u",
                                  op->outputs_most, node->output_count);
    for (uint32_t i = 0; i < op->inputs_least; i++)
        if (!node->inputs[i])
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "input %u is left out", i);
    return SMELT_OK;
}

static void set_defaults(struct smelt_ir_node *node)
{
    for (uint32_t i = 0; node->op->attributes && node->op->attributes[i].name; i++) {
        const struct smelt_attribute_schema *schema = &node->op->attributes[i];
        node->attributes[i].integer = schema->integer;
        node->attributes[i].number = schema->number;
    }
}

enum smelt_result smelt_ir_add_node(struct smelt_ir *ir, const struct smelt_operator *op, const char *name,
                                    struct smelt_ir_value *const *inputs, uint32_t input_count,
                                    struct smelt_ir_value *const *outputs, uint32_t output_count,
                                    struct smelt_ir_node **out)
{
    uint32_t attribute_count = 0;
    while (input_count && !inputs[input_count - 1])
        input_count--;
    while (output_count && !outputs[output_count - 1])
        output_count--;
    while (op->attributes && op->attributes[attribute_count].name)
        attribute_count++;
    struct smelt_ir_node *node = smelt_ir_allocate(ir, sizeof(*node));
    if (node) {
        node->op = op;
        node->name = smelt_ir_copy(ir, name);
        node->inputs = smelt_ir_allocate(ir, (input_count + 1) * sizeof(*node->inputs));
        node->outputs = smelt_ir_allocate(ir, (output_count + 1) * sizeof(*node->outputs));
        node->attributes = smelt_ir_allocate(ir, (attribute_count + 1) * sizeof(*node->attributes));
    }
    if (!node || !node->name || !node->inputs || !node->outputs || !node->attributes ||
        !grow(&ir->nodes, ir->node_count, sizeof(*ir->nodes)))
        return smelt_ir_no_memory(ir);
    node->input_count = input_count;
    node->output_count = output_count;
    if (input_count)
        memcpy(node->inputs, inputs, input_count * sizeof(*inputs));
    if (output_count)
        memcpy(node->outputs, outputs, output_count * sizeof(*outputs));
    set_defaults(node);
    enum smelt_result result = check_arity(ir, node);
    if (!result && ir->node_count == SMELT_IR_MAX_NODES)
        result =
            smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: more than %u nodes", ir->file, SMELT_IR_MAX_NODES);
    for (uint32_t i = 0; i < output_count && !result; i++) {
        struct smelt_ir_value *v = outputs[i];
        if (v && (v->producer || v->constant || v->is_input))
            result = smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT,
                                        "its output \"%.80s\" is defined twice: as %s too", v->name,
                                        v->is_input   ? "an input"
                                        : v->constant ? "a constant"
                                                      : "an output of another node");
        else if (v)
            v->producer = node;
    }
    if (result)
        return result;
    ir->nodes[ir->node_count++] = node;
    *out = node;
    return SMELT_OK;
}

struct smelt_ir_value *smelt_ir_input(const struct smelt_ir_node *node, uint32_t index)
{
    return index < node->input_count ? node->inputs[index] : NULL;
}

struct smelt_ir_value *smelt_ir_output(const struct smelt_ir_node *node, uint32_t index)
{
    return index < node->output_count ? node->outputs[index] : NULL;
}

// --- Order ----------------------------------------------------------------------------------------------------

struct visit {
    struct smelt_ir_node *node;
    uint32_t next; // input to look at
};

// Puts a node behind what it needs, depth first, without recursion: chains may be long. `state` is 0 before, 1 on
// the way, 2 placed; by the id of the node's first output.
static enum smelt_result place(struct smelt_ir *ir, struct smelt_ir_node *root, unsigned char *state,
                               struct visit *stack, struct smelt_ir_node **order, uint32_t *placed)
{
    uint32_t depth = 0;
    stack[depth++] = (struct visit){root, 0};
    while (depth) {
        struct visit *top = &stack[depth - 1];
        unsigned char *own = &state[top->node->outputs[0]->id];
        *own = 1;
        if (top->next == top->node->input_count) {
            *own = 2;
            order[(*placed)++] = top->node;
            depth--;
            continue;
        }
        struct smelt_ir_value *input = top->node->inputs[top->next++];
        if (!input || input->constant || input->is_input)
            continue;
        if (!input->producer)
            return smelt_ir_node_fail(
                ir, top->node, SMELT_ERROR_FORMAT,
                "its input \"%.80s\" comes from nowhere: no input, constant or node of this "
                "name",
                input->name);
        unsigned char other = state[input->producer->outputs[0]->id];
        if (other == 1)
            return smelt_ir_node_fail(ir, top->node, SMELT_ERROR_FORMAT,
                                      "the graph has a cycle through its input \"%.80s\"", input->name);
        if (other == 0)
            stack[depth++] = (struct visit){input->producer, 0};
    }
    return SMELT_OK;
}

enum smelt_result smelt_ir_sort(struct smelt_ir *ir)
{
    unsigned char *state = calloc((size_t)ir->value_count + 1, 1);
    struct visit *stack = malloc(((size_t)ir->node_count + 1) * sizeof(*stack));
    struct smelt_ir_node **order = malloc(((size_t)ir->node_count + 1) * sizeof(*order));
    uint32_t placed = 0;
    enum smelt_result result = state && stack && order ? SMELT_OK : smelt_ir_no_memory(ir);
    // The first output stands for the node; add_node has seen that there is one, perhaps not the first.
    for (uint32_t i = 0; i < ir->node_count && !result; i++)
        if (!ir->nodes[i]->outputs[0])
            result = smelt_ir_node_fail(ir, ir->nodes[i], SMELT_ERROR_FORMAT, "its first output is left out");
    for (uint32_t i = 0; i < ir->node_count && !result; i++)
        if (!state[ir->nodes[i]->outputs[0]->id])
            result = place(ir, ir->nodes[i], state, stack, order, &placed);
    if (!result && placed)
        memcpy(ir->nodes, order, placed * sizeof(*order));
    for (uint32_t i = 0; i < ir->output_count && !result; i++) {
        const struct smelt_ir_value *v = ir->outputs[i];
        if (!v->producer && !v->constant && !v->is_input)
            result = smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: output \"%.80s\" comes from nowhere", ir->file,
                                v->name);
    }
    free(state);
    free(stack);
    free(order);
    return result;
}

// --- Attributes -----------------------------------------------------------------------------------------------

static const struct smelt_attribute_schema *find_schema(const struct smelt_operator *op, const char *name,
                                                        uint32_t *index)
{
    for (uint32_t i = 0; op->attributes && op->attributes[i].name; i++)
        if (!strcmp(op->attributes[i].name, name)) {
            *index = i;
            return &op->attributes[i];
        }
    return NULL;
}

// The word of a list "a b c" that equals `word`, as its place in the list; NULL when there is none.
static const char *find_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; length && (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return at;
    return NULL;
}

enum smelt_result smelt_ir_set_attribute(struct smelt_ir *ir, struct smelt_ir_node *node, const char *name,
                                         const struct smelt_ir_attribute *attribute)
{
    uint32_t index;
    const struct smelt_attribute_schema *schema = find_schema(node->op, name, &index);
    if (!schema)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "no attribute \"%.60s\"", name);
    struct smelt_ir_attribute *out = &node->attributes[index];
    if (out->set)
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "attribute \"%s\" is given twice", name);
    struct smelt_ir_attribute copy = *attribute;
    copy.set = true;
    size_t size = attribute->count * sizeof(int64_t);
    if (schema->kind == SMELT_ATTRIBUTE_WORD) {
        if (!find_word(schema->words, attribute->word))
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED,
                                      "attribute \"%s\": wanted one of \"%s\", got \"%.60s\"", name,
                                      schema->words, attribute->word);
        copy.word = smelt_ir_copy(ir, attribute->word);
    } else if (schema->kind == SMELT_ATTRIBUTE_INTEGERS || schema->kind == SMELT_ATTRIBUTE_NUMBERS) {
        bool integers = schema->kind == SMELT_ATTRIBUTE_INTEGERS;
        const void *from = integers ? (const void *)attribute->integers : attribute->numbers;
        void *to = smelt_ir_allocate(ir, size ? size : 1);
        if (to && size)
            memcpy(to, from, size);
        copy.integers = integers ? to : NULL;
        copy.numbers = integers ? NULL : to;
        copy.word = to ? "" : NULL;
    } else {
        copy.word = "";
    }
    if (!copy.word)
        return smelt_ir_no_memory(ir);
    if (schema->kind == SMELT_ATTRIBUTE_INTEGER && (schema->least || schema->most) &&
        (copy.integer < schema->least || copy.integer > schema->most))
        return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT,
                                  "attribute \"%s\": wanted %lld to %lld, got %lld", name,
                                  (long long)schema->least, (long long)schema->most, (long long)copy.integer);
    *out = copy;
    return SMELT_OK;
}

enum smelt_result smelt_ir_check_attributes(const struct smelt_ir *ir, const struct smelt_ir_node *node)
{
    for (uint32_t i = 0; node->op->attributes && node->op->attributes[i].name; i++)
        if (node->op->attributes[i].required && !node->attributes[i].set)
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_FORMAT, "wanted the attribute \"%s\"",
                                      node->op->attributes[i].name);
    return SMELT_OK;
}

const struct smelt_ir_attribute *smelt_ir_attribute(const struct smelt_ir_node *node, const char *name)
{
    static const struct smelt_ir_attribute none = {0};
    uint32_t index;
    return find_schema(node->op, name, &index) ? &node->attributes[index] : &none;
}

int64_t smelt_ir_integer(const struct smelt_ir_node *node, const char *name)
{
    return smelt_ir_attribute(node, name)->integer;
}

double smelt_ir_number(const struct smelt_ir_node *node, const char *name)
{
    return smelt_ir_attribute(node, name)->number;
}

bool smelt_ir_word_is(const struct smelt_ir_node *node, const char *name, const char *word)
{
    uint32_t index;
    const struct smelt_attribute_schema *schema = find_schema(node->op, name, &index);
    if (!schema)
        return false;
    if (node->attributes[index].set)
        return !strcmp(node->attributes[index].word, word);
    return find_word(schema->words, word) == schema->words;
}

// --- For messages ---------------------------------------------------------------------------------------------

uint64_t smelt_ir_element_count(const struct smelt_ir_value *value)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < value->rank; i++)
        if (value->shape[i].expression || value->shape[i].constant < 0 ||
            __builtin_mul_overflow(count, (uint64_t)value->shape[i].constant, &count))
            return UINT64_MAX;
    return value->ranked ? count : UINT64_MAX;
}

void smelt_ir_print_type(struct smelt_text *text, const struct smelt_ir_value *value)
{
    smelt_text_add(text, "%s[", smelt_element_info(value->element)->name);
    for (uint32_t i = 0; i < value->rank; i++) {
        smelt_text_add(text, "%s", i ? ", " : "");
        smelt_dim_print(text, value->shape[i]);
    }
    smelt_text_add(text, value->ranked ? "]" : "?]");
}
