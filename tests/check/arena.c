// SPDX-License-Identifier: MIT
// The memory of a row: guarded tensors in one arena, the argument block, weights in the device's own layout, and
// reading the result back.
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool in_weights_object(const struct check_program *p, const struct check_tensor *tensor)
{
    return p->c->backend == SMELT_BACKEND_COOPVEC && !tensor->pointer &&
           (tensor->role == CHECK_WEIGHT || tensor->role == CHECK_BIAS);
}

static uint64_t span(const struct check_tensor *tensor)
{
    uint64_t last = 0;
    if (!tensor->count)
        return 0;
    for (uint32_t i = 0; i < tensor->rank; i++)
        last += (tensor->shape[i] - 1) * tensor->strides[i];
    return smelt_dtype_size(tensor->dtype, last + 1);
}

static enum smelt_result place_tensors(struct check_program *p)
{
    struct check_case *c = p->c;
    uint64_t at = 0;
    for (uint32_t i = 0; i <= c->tensor_count; i++) {
        const struct check_tensor *tensor = &c->tensors[i < c->tensor_count ? i : p->result];
        at = (at + GUARD + 255) / 256 * 256; // the alignment that every template is content with
        p->places[i] = (struct place){at, in_weights_object(p, tensor) ? 0 : span(tensor)};
        at += p->places[i].size + GUARD;
    }
    p->block = (at + 255) / 256 * 256;
    p->size = p->block + CHECK_MAX_TENSORS * (8 + 8 * SMELT_TENSOR_MAX_RANK);
    smelt_context context = p->device->context;
    uint64_t picture = (uint64_t)p->width * p->height * 16;
    enum smelt_result result = smelt_buffer_create(context, p->size, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR,
                                                   "check arena", &p->arena);
    if (!result)
        result = smelt_buffer_create(context, SMELT_MAX(p->size, picture), SMELT_PLACE_HOST_READ,
                                     SMELT_MEMORY_STAGING, "check host", &p->host);
    return result;
}

static uint64_t element_offset(const struct check_tensor *tensor, uint64_t index)
{
    uint64_t offset = 0;
    for (uint32_t i = tensor->rank; i-- > 0; index /= tensor->shape[i])
        offset += index % tensor->shape[i] * tensor->strides[i];
    return offset;
}

static double decode(enum smelt_dtype dtype, const unsigned char *data, uint64_t element)
{
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32) { // f32 does not hold them
        uint32_t bits;
        memcpy(&bits, data + element * 4, 4);
        return dtype == SMELT_DTYPE_I32 ? (double)(int32_t)bits : (double)bits;
    }
    uint32_t bits = smelt_dtype_bits(dtype);
    unsigned char nibble;
    const unsigned char *source = data + element * bits / 8;
    if (bits == 4) {
        nibble = element & 1 ? *source >> 4 : *source & 15;
        source = &nibble;
    }
    float value = 0;
    smelt_dtype_convert(SMELT_DTYPE_F32, &value, dtype, source, 1);
    return value;
}

static void encode(enum smelt_dtype dtype, unsigned char *data, uint64_t element, double value)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    unsigned char *destination = data + element * bits / 8;
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32) {
        value = check_rounded(dtype, value); // what is no number of the type must not be converted
        uint32_t word = dtype == SMELT_DTYPE_I32 ? (uint32_t)(int32_t)value : (uint32_t)value;
        memcpy(destination, &word, 4);
        return;
    }
    float single = (float)value;
    if (bits != 4) {
        smelt_dtype_convert(dtype, destination, SMELT_DTYPE_F32, &single, 1);
        return;
    }
    unsigned char nibble = 0;
    smelt_dtype_convert(dtype, &nibble, SMELT_DTYPE_F32, &single, 1);
    *destination = element & 1 ? (unsigned char)((*destination & 15) | nibble << 4)
                               : (unsigned char)((*destination & 240) | (nibble & 15));
}

// The same of whole rows at a time, for types of whole bytes with unit stride: there may be many elements.
static bool encode_rows(const struct check_tensor *tensor, unsigned char *data, const double *values)
{
    float block[256];
    uint32_t last = tensor->rank - 1, bits = smelt_dtype_bits(tensor->dtype);
    if (!tensor->rank || tensor->strides[last] != 1 || bits == 4 || tensor->dtype == SMELT_DTYPE_I32 ||
        tensor->dtype == SMELT_DTYPE_U32)
        return false;
    for (uint64_t at = 0; at < tensor->count;) {
        uint64_t left = tensor->shape[last] - at % tensor->shape[last];
        uint64_t length = SMELT_MIN(SMELT_COUNT_OF(block), left);
        for (uint64_t e = 0; e < length; e++)
            block[e] = (float)values[at + e];
        smelt_dtype_convert(tensor->dtype, data + element_offset(tensor, at) * bits / 8, SMELT_DTYPE_F32,
                            block, length);
        at += length;
    }
    return true;
}

static void write_block(struct check_program *p, unsigned char *block)
{
    for (uint32_t i = 0; i <= p->c->tensor_count; i++) {
        const struct check_tensor *tensor = i < p->c->tensor_count ? &p->c->tensors[i] : NULL;
        VkDeviceAddress address = p->arena.address + p->places[i].offset;
        if (tensor && in_weights_object(p, tensor)) {
            smelt_tensor t = tensor->role == CHECK_WEIGHT ? smelt_weights_matrix(p->weights, tensor->layer)
                                                          : smelt_weights_bias(p->weights, tensor->layer);
            address = smelt_tensor_info(t)->address;
        }
        memcpy(block, &address, 8);
        block += 8;
        if (!tensor || tensor->pointer)
            continue;
        for (uint32_t d = 0; d < tensor->rank; d++, block += 4)
            memcpy(block, &(uint32_t){(uint32_t)tensor->shape[d]}, 4);
        for (uint32_t d = 0; d < tensor->rank; d++, block += 4)
            memcpy(block, &(uint32_t){(uint32_t)tensor->strides[d]}, 4);
    }
}

// The whole arena as the device shall find it.
void check_arena_fill(struct check_program *p, const double *errors)
{
    struct check_case *c = p->c;
    unsigned char *host = p->host.mapped;
    for (uint32_t i = 0; i <= c->tensor_count; i++) {
        const struct check_tensor *tensor = &c->tensors[i < c->tensor_count ? i : p->result];
        struct place place = p->places[i];
        bool output = i == p->result;
        // All ones are a NaN in every float type.
        memset(host + place.offset - GUARD, output ? POISON : 0xFF, place.size + 2 * GUARD);
        if (output || !place.size)
            continue;
        const double *values = i < c->tensor_count ? tensor->values : errors;
        if (!values)
            memset(host + place.offset, 0, place.size);
        else if (!encode_rows(tensor, host + place.offset, values))
            for (uint64_t e = 0; e < tensor->count; e++)
                encode(tensor->dtype, host + place.offset, element_offset(tensor, e), values[e]);
    }
    write_block(p, host + p->block);
}

// --- Weights in the device's own layout -----------------------------------------------------------------

static enum smelt_result create_weights(struct check_program *p)
{
    if (p->c->backend != SMELT_BACKEND_COOPVEC || !p->c->layer_count)
        return SMELT_OK;
    struct smelt_weights_params params = {.layers = p->c->layers,
                                          .layer_count = p->c->layer_count,
                                          .dtype = p->c->types.stored,
                                          .backend = p->c->backend,
                                          .stages = p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT
                                                        ? VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT
                                                        : VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT};
    return smelt_weights_create(p->device->context, &params, &p->weights);
}

enum smelt_result check_weights_update(struct check_program *p)
{
    if (!p->weights)
        return SMELT_OK;
    unsigned char *data[2][SMELT_MLP_MAX_LAYERS] = {{0}};
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < p->c->tensor_count; i++) {
        const struct check_tensor *tensor = &p->c->tensors[i];
        if (!in_weights_object(p, tensor))
            continue;
        unsigned char *packed = malloc(smelt_dtype_size(tensor->dtype, tensor->count));
        if (!packed)
            result = SMELT_ERROR_OUT_OF_HOST_MEMORY;
        for (uint64_t e = 0; packed && e < tensor->count; e++)
            encode(tensor->dtype, packed, e, tensor->values[e]);
        data[tensor->role == CHECK_BIAS][tensor->layer] = packed;
    }
    if (!result)
        result = smelt_weights_update_and_wait(
            p->weights, &(struct smelt_weights_data){.matrices = (const void *const *)data[0],
                                                     .biases = (const void *const *)data[1]});
    for (uint32_t i = 0; i < SMELT_MLP_MAX_LAYERS; i++) {
        free(data[0][i]);
        free(data[1][i]);
    }
    return result;
}

enum smelt_result check_arena_create(struct check_program *p)
{
    enum smelt_result result = place_tensors(p);
    return result ? result : create_weights(p);
}

// Finds a byte between the elements of a strided output that was written.
static void check_gaps(const struct check_tensor *tensor, const unsigned char *data, uint64_t size,
                       bool *intact, char what[200])
{
    unsigned char *used = calloc(SMELT_MAX(size, 1), 1);
    uint32_t bits = smelt_dtype_bits(tensor->dtype);
    for (uint64_t e = 0; used && e < tensor->count; e++)
        memset(used + element_offset(tensor, e) * bits / 8, 1, (bits + 7) / 8);
    for (uint64_t i = 0; *intact && i < size; i++)
        if (!used || (!used[i] && data[i] != POISON)) {
            *intact = false;
            snprintf(what, 200, "byte %u of the output lies between its elements and was overwritten",
                     (unsigned)i);
        }
    free(used);
}

void check_arena_read(const struct check_program *p, double *got, bool *intact, char what[200])
{
    const struct check_tensor *tensor = &p->c->tensors[p->result];
    struct place place = p->places[p->result];
    const unsigned char *data = (const unsigned char *)p->host.mapped + place.offset;
    for (uint64_t i = 0; i < GUARD; i++)
        if (*intact && (data[-1 - (int64_t)i] != POISON || data[place.size + i] != POISON)) {
            *intact = false;
            snprintf(what, 200, "the guard %s the output was overwritten, %u bytes from it",
                     data[place.size + i] != POISON ? "after" : "before", (unsigned)i);
        }
    if (!tensor->pointer)
        check_gaps(tensor, data, place.size, intact, what);
    for (uint64_t e = 0; e < tensor->count; e++) {
        uint64_t element = element_offset(tensor, e);
        uint32_t bits = 0;
        if (tensor->pointer) // a word of 32 bits
            memcpy(&bits, data + element * 4, 4);
        if (bits == 0xAAAAAAAA && *intact) {
            *intact = false;
            snprintf(what, 200, "evaluation %u output %u was not written", (unsigned)(e / p->c->outputs),
                     (unsigned)(e % p->c->outputs));
        }
        got[e] = decode(tensor->dtype, data, element);
    }
}
