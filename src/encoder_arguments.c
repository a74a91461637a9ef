// SPDX-License-Identifier: MIT
// The encoder's pipeline and its arguments: values kept as the shader sees them, ranges kept as the tracker sees them;
// and the dispatches made of them.
#include "arguments_internal.h"
#include "encoder_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- Pipeline ---------------------------------------------------------------------------------------------

static enum smelt_result set_pipeline(smelt_encoder encoder, smelt_pipeline p)
{
    if (!p || p->context != encoder->context)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': set_pipeline: the pipeline is %s", encoder->name,
                          p ? "of another context" : "NULL");
    struct smelt_dispatch *draft = &encoder->draft;
    if (!encoder->pipeline || p->family != encoder->pipeline->family) {
        uint32_t size = p->push_at + p->push_size;
        enum smelt_result result =
            smelt_encoder_grow(encoder, &encoder->values, &encoder->values_capacity, size, 1);
        if (!result)
            result = smelt_encoder_grow(encoder, &encoder->ranges, &encoder->range_capacity, p->range_count,
                                        sizeof(*encoder->ranges));
        if (!result)
            result = smelt_encoder_grow(encoder, &encoder->set, &encoder->set_capacity,
                                        p->info.argument_count, sizeof(*encoder->set));
        if (result)
            return result;
        encoder->unset = p->info.argument_count;
        if (encoder->unset)
            memset(encoder->set, 0, encoder->unset * sizeof(*encoder->set));
        if (size)
            memset(encoder->values, 0, size);
        for (uint32_t i = 0; i < encoder->inline_count; i++)
            encoder->inline_bytes[i].size = 0;
        for (uint32_t i = 0; i < p->info.argument_count; i++)
            if (p->arguments[i].range != UINT32_MAX)
                encoder->ranges[p->arguments[i].range] =
                    (struct smelt_range){.access = p->arguments[i].access, .argument = i};
        encoder->arguments = p->arguments;
        encoder->argument_count = p->info.argument_count;
        draft->push = size ? encoder->values + p->push_at : NULL;
        draft->push_size = p->push_size;
        draft->block = p->block_size ? encoder->values : NULL;
        draft->block_size = p->block_size;
        draft->block_push = p->block_push;
        draft->ranges = encoder->ranges;
        draft->range_count = p->range_count;
        draft->parts = 1;
        draft->set_count = p->set_count;
        memset(draft->sets, 0, sizeof(draft->sets));
    }
    encoder->pipeline = draft->source = p;
    draft->pipeline = p->info.pipeline;
    draft->layout = p->info.layout;
    return SMELT_OK;
}

enum smelt_result smelt_encoder_set_pipeline(smelt_encoder encoder, smelt_pipeline pipeline)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_pipeline");
    return result ? result : smelt_encoder_leave(encoder, set_pipeline(encoder, pipeline));
}

// --- Arguments --------------------------------------------------------------------------------------------

// The index is in range, and the argument of one of two kinds.
static enum smelt_result check_argument(smelt_encoder encoder, uint32_t argument, enum smelt_member_kind kind,
                                        enum smelt_member_kind other)
{
    smelt_pipeline p = encoder->pipeline;
    if (!p)
        return smelt_fail(encoder->context, SMELT_ERROR_NOT_READY,
                          "encoder '%s': an argument before any pipeline was set", encoder->name);
    if (argument >= p->info.argument_count)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': argument %u, pipeline '%s' has %u", encoder->name, argument,
                          p->info.name, p->info.argument_count);
    const struct smelt_member *member = &p->info.arguments[argument];
    if (member->kind == kind || member->kind == other)
        return SMELT_OK;
    return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                      "encoder '%s': pipeline '%s': \"%s\" is %s, got %s", encoder->name, p->info.name,
                      member->name, smelt_member_kind_name(member->kind), smelt_member_kind_name(kind));
}

static uint8_t *place_of(smelt_encoder encoder, uint32_t argument)
{
    return encoder->values + encoder->pipeline->arguments[argument].place;
}

static inline void mark_set(smelt_encoder encoder, uint32_t argument)
{
    if (!encoder->unset)
        return;
    encoder->unset -= !encoder->set[argument];
    encoder->set[argument] = true;
}

static enum smelt_result check_tensor(smelt_encoder encoder, uint32_t argument, smelt_tensor tensor)
{
    enum smelt_result result = check_argument(encoder, argument, SMELT_MEMBER_TENSOR, SMELT_MEMBER_TENSOR);
    smelt_pipeline p = encoder->pipeline;
    return result ? result
                  : smelt_member_check_tensor(encoder->context, p->info.name, p->coopvec,
                                              &p->info.arguments[argument], tensor);
}

// Whether a tensor fits without a further look.
static inline bool is_plain(smelt_encoder encoder, uint32_t argument, smelt_tensor tensor)
{
    return argument < encoder->argument_count && tensor && tensor->context == encoder->context &&
           tensor->form.type == encoder->arguments[argument].type;
}

static inline void put_tensor(smelt_encoder encoder, uint32_t argument, smelt_tensor tensor)
{
    const struct smelt_pipeline_argument *a = &encoder->arguments[argument];
    const uint8_t *form = (const uint8_t *)&tensor->form.address;
    uint8_t *place = encoder->values + a->place;
    struct smelt_range *range = &encoder->ranges[a->range];
    for (uint32_t i = 0, size = a->size; i < size; i += 8) // a handful: less than a call of memcpy
        memcpy(place + i, form + i, 8);
    range->begin = tensor->form.address;
    range->end = tensor->form.end;
    range->tensor = tensor;
    mark_set(encoder, argument);
}

static enum smelt_result set_tensor(smelt_encoder encoder, uint32_t argument, smelt_tensor tensor)
{
    enum smelt_result result =
        is_plain(encoder, argument, tensor) ? SMELT_OK : check_tensor(encoder, argument, tensor);
    if (!result)
        put_tensor(encoder, argument, tensor);
    return result;
}

static struct smelt_inline_bytes *find_inline(smelt_encoder encoder, uint32_t argument)
{
    for (uint32_t i = 0; i < encoder->inline_count; i++)
        if (encoder->inline_bytes[i].size && encoder->inline_bytes[i].argument == argument)
            return &encoder->inline_bytes[i];
    return NULL;
}

static enum smelt_result set_buffer(smelt_encoder encoder, uint32_t argument,
                                    const struct smelt_buffer_range *range)
{
    enum smelt_result result = check_argument(encoder, argument, SMELT_MEMBER_ADDRESS, SMELT_MEMBER_ADDRESS);
    if (result)
        return result;
    if (!range || !range->buffer || !range->size || (uint32_t)range->access > SMELT_ACCESS_WRITE)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': set_buffer: %s",
                          encoder->name,
                          !range || !range->buffer ? "the buffer is null"
                          : !range->size           ? "size is 0, wanted the bytes that the shader accesses"
                                                   : "access is not one of enum smelt_access");
    VkDeviceAddress address = smelt_buffer_address(encoder->context, range->buffer) + range->offset;
    memcpy(place_of(encoder, argument), &address, sizeof(address));
    encoder->ranges[encoder->pipeline->arguments[argument].range] =
        (struct smelt_range){address, address + range->size, range->access, argument, NULL};
    struct smelt_inline_bytes *bytes = find_inline(encoder, argument);
    if (bytes)
        bytes->size = 0;
    mark_set(encoder, argument);
    return SMELT_OK;
}

// A copy of bytes that an address will point to.
static enum smelt_result keep_inline(smelt_encoder encoder, uint32_t argument, const void *data,
                                     uint64_t size)
{
    struct smelt_inline_bytes *bytes = find_inline(encoder, argument);
    for (uint32_t i = 0; i < encoder->inline_count && !bytes; i++)
        if (!encoder->inline_bytes[i].size)
            bytes = &encoder->inline_bytes[i];
    if (!bytes) {
        uint32_t count = encoder->inline_count, capacity = encoder->inline_capacity;
        enum smelt_result result =
            smelt_encoder_grow(encoder, &encoder->inline_bytes, &encoder->inline_capacity, count + 1,
                               sizeof(*encoder->inline_bytes));
        if (result)
            return result;
        memset(encoder->inline_bytes + capacity, 0,
               (encoder->inline_capacity - capacity) * sizeof(*encoder->inline_bytes));
        bytes = &encoder->inline_bytes[encoder->inline_count++];
    }
    if (bytes->capacity < size) {
        void *copy = realloc((void *)(uintptr_t)bytes->data, size);
        if (!copy)
            return smelt_fail(encoder->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                              "encoder '%s': no memory for %" PRIu64 " inline bytes", encoder->name, size);
        bytes->data = copy;
        bytes->capacity = size;
        encoder->counters.allocations++;
    }
    memcpy((void *)(uintptr_t)bytes->data, data, size);
    bytes->size = size;
    bytes->argument = argument;
    bytes->in_push = encoder->pipeline->arguments[argument].in_push;
    bytes->offset = encoder->pipeline->info.arguments[argument].offset;
    return SMELT_OK;
}

static enum smelt_result set_bytes(smelt_encoder encoder, uint32_t argument, const void *data, uint64_t size)
{
    enum smelt_result result = check_argument(encoder, argument, SMELT_MEMBER_CONSTANT, SMELT_MEMBER_ADDRESS);
    if (result)
        return result;
    const struct smelt_member *member = &encoder->pipeline->info.arguments[argument];
    bool constant = member->kind == SMELT_MEMBER_CONSTANT;
    if (!data || (constant ? size != member->size : !size))
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': pipeline '%s': \"%s\" wants %s%u bytes, got %" PRIu64 "%s",
                          encoder->name, encoder->pipeline->info.name, member->name,
                          constant ? "" : "at least ", constant ? member->size : 1, size,
                          data ? "" : " at a NULL pointer");
    if (constant) {
        memcpy(place_of(encoder, argument), data, size);
    } else {
        if ((result = keep_inline(encoder, argument, data, size)))
            return result;
        encoder->ranges[encoder->pipeline->arguments[argument].range] =
            (struct smelt_range){.access = SMELT_ACCESS_READ, .argument = argument};
    }
    mark_set(encoder, argument);
    return SMELT_OK;
}

// One of the three, for an argument by its name or its index.
static enum smelt_result set_one(smelt_encoder encoder, const struct smelt_argument *given)
{
    uint32_t argument = given->argument;
    enum smelt_result result = SMELT_OK;
    if (given->name && encoder->pipeline)
        result = smelt_pipeline_find(encoder->pipeline, given->name, &argument);
    if (result)
        return result;
    return given->bytes           ? set_bytes(encoder, argument, given->bytes, given->size)
           : given->buffer.buffer ? set_buffer(encoder, argument, &given->buffer)
                                  : set_tensor(encoder, argument, given->tensor);
}

static enum smelt_result enter_and_set_tensor(smelt_encoder encoder, uint32_t argument, smelt_tensor tensor)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_tensor");
    return result ? result : smelt_encoder_leave(encoder, set_tensor(encoder, argument, tensor));
}

// Called most of all: what is mostly so takes no other call.
enum smelt_result smelt_encoder_set_tensor_at(smelt_encoder encoder, uint32_t argument, smelt_tensor tensor)
{
    if (!encoder || encoder->guarded || !is_plain(encoder, argument, tensor))
        return enter_and_set_tensor(encoder, argument, tensor);
    put_tensor(encoder, argument, tensor);
    return SMELT_OK;
}

enum smelt_result smelt_encoder_set_buffer_at(smelt_encoder encoder, uint32_t argument,
                                              const struct smelt_buffer_range *range)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_buffer");
    return result ? result : smelt_encoder_leave(encoder, set_buffer(encoder, argument, range));
}

enum smelt_result smelt_encoder_set_bytes_at(smelt_encoder encoder, uint32_t argument, const void *data,
                                             uint64_t size)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_bytes");
    return result ? result : smelt_encoder_leave(encoder, set_bytes(encoder, argument, data, size));
}

// The index of a name in the pipeline that is set.
static enum smelt_result find(smelt_encoder encoder, const char *call, const char *name, uint32_t *argument)
{
    enum smelt_result result = smelt_encoder_enter(encoder, call);
    if (result)
        return result;
    if (!encoder->pipeline)
        result = check_argument(encoder, 0, SMELT_MEMBER_TENSOR, SMELT_MEMBER_TENSOR);
    else
        result = smelt_pipeline_find(encoder->pipeline, name, argument);
    return smelt_encoder_leave(encoder, result);
}

enum smelt_result smelt_encoder_set_tensor(smelt_encoder encoder, const char *name, smelt_tensor tensor)
{
    uint32_t argument;
    enum smelt_result result = find(encoder, "set_tensor", name, &argument);
    return result ? result : smelt_encoder_set_tensor_at(encoder, argument, tensor);
}

enum smelt_result smelt_encoder_set_buffer(smelt_encoder encoder, const char *name,
                                           const struct smelt_buffer_range *range)
{
    uint32_t argument;
    enum smelt_result result = find(encoder, "set_buffer", name, &argument);
    return result ? result : smelt_encoder_set_buffer_at(encoder, argument, range);
}

enum smelt_result smelt_encoder_set_bytes(smelt_encoder encoder, const char *name, const void *data,
                                          uint64_t size)
{
    uint32_t argument;
    enum smelt_result result = find(encoder, "set_bytes", name, &argument);
    return result ? result : smelt_encoder_set_bytes_at(encoder, argument, data, size);
}

static enum smelt_result set_descriptors(smelt_encoder encoder, uint32_t set, VkDescriptorSet descriptors)
{
    smelt_pipeline p = encoder->pipeline;
    if (!p)
        return smelt_fail(encoder->context, SMELT_ERROR_NOT_READY,
                          "encoder '%s': descriptors before any pipeline was set", encoder->name);
    if (set >= p->set_count)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': descriptor set %u, pipeline '%s' has %u", encoder->name, set,
                          p->info.name, p->set_count);
    encoder->draft.sets[set] = descriptors;
    return SMELT_OK;
}

enum smelt_result smelt_encoder_set_descriptors(smelt_encoder encoder, uint32_t set,
                                                VkDescriptorSet descriptors)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_descriptors");
    return result ? result : smelt_encoder_leave(encoder, set_descriptors(encoder, set, descriptors));
}

enum smelt_result smelt_encoder_set_label(smelt_encoder encoder, const char *label)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_label");
    if (result)
        return result;
    encoder->draft.label = label;
    return smelt_encoder_leave(encoder, SMELT_OK);
}

enum smelt_result smelt_encoder_set_operation(smelt_encoder encoder, enum smelt_operation operation)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "set_operation");
    if (result)
        return result;
    if ((uint32_t)operation >= SMELT_OPERATION_COUNT)
        result = smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                            "encoder '%s': operation %d, wanted one of enum smelt_operation (0 to %d)",
                            encoder->name, (int)operation, SMELT_OPERATION_COUNT - 1);
    else
        encoder->draft.operation = operation;
    return smelt_encoder_leave(encoder, result);
}

const char *smelt_operation_name(enum smelt_operation operation)
{
    static const char *const names[SMELT_OPERATION_COUNT] = {
        "untagged", "other",      "copy",     "fill",        "matmul2d", "convolution2d", "reduction",
        "softmax",  "layer_norm", "rms_norm", "elementwise", "operator", "attention",
    };
    return (uint32_t)operation < SMELT_OPERATION_COUNT ? names[operation] : "invalid";
}

// --- Dispatches -------------------------------------------------------------------------------------------

static enum smelt_result not_set(smelt_encoder encoder)
{
    smelt_pipeline p = encoder->pipeline;
    struct smelt_text text = {0};
    for (uint32_t i = 0; p && i < p->info.argument_count; i++)
        if (!encoder->set[i])
            smelt_text_add(&text, "%s\"%s\"", text.size ? ", " : "", p->info.arguments[i].name);
    for (uint32_t i = 0; p && i < p->set_count; i++)
        if ((p->set_mask >> i & 1) && !encoder->draft.sets[i])
            smelt_text_add(&text, "%sdescriptor set %u", text.size ? ", " : "", i);
    smelt_fail(encoder->context, SMELT_ERROR_NOT_READY, "encoder '%s': dispatch of %s: not set: %s",
               encoder->name, p ? p->info.name : "no pipeline", text.data ? text.data : "the pipeline");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_READY;
}

static bool has_descriptors(smelt_encoder encoder)
{
    for (uint32_t i = 0; i < encoder->draft.set_count; i++)
        if ((encoder->pipeline->set_mask >> i & 1) && !encoder->draft.sets[i])
            return false;
    encoder->draft.operation = SMELT_OPERATION_UNTAGGED;
    return true;
}

// Of the size in encoder->draft, whose label and operation end with it.
static enum smelt_result dispatch(smelt_encoder encoder)
{
    struct smelt_dispatch *draft = &encoder->draft;
    if (!draft->label)
        draft->label = encoder->pipeline ? encoder->pipeline->info.name : "";
    draft->inline_bytes = encoder->inline_bytes;
    draft->inline_count = encoder->inline_count;
    bool ready = encoder->pipeline && !encoder->unset && (!draft->set_count || has_descriptors(encoder));
    enum smelt_result result = ready ? smelt_encoder_record(encoder, draft) : not_set(encoder);
    draft->label = NULL;
    draft->operation = SMELT_OPERATION_UNTAGGED;
    draft->indirect = VK_NULL_HANDLE;
    draft->indirect_range = (struct smelt_interval){0};
    return result;
}

static enum smelt_result dispatch_groups(smelt_encoder encoder, uint32_t x, uint32_t y, uint32_t z)
{
    uint32_t *groups = encoder->draft.groups;
    groups[0] = x;
    groups[1] = y;
    groups[2] = z;
    return dispatch(encoder);
}

static enum smelt_result dispatch_threads(smelt_encoder encoder, uint32_t x, uint32_t y, uint32_t z)
{
    static const uint32_t one[3] = {1, 1, 1};
    const uint32_t *local = encoder->pipeline ? encoder->pipeline->info.local_size : one;
    return dispatch_groups(encoder, x / local[0] + (x % local[0] != 0), y / local[1] + (y % local[1] != 0),
                           z / local[2] + (z % local[2] != 0));
}

static enum smelt_result dispatch_indirect(smelt_encoder encoder, VkBuffer buffer, uint64_t offset)
{
    if (!buffer || offset % 4)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "encoder '%s': dispatch_indirect: %s", encoder->name,
                          buffer ? "the offset is not a multiple of 4" : "the buffer is null");
    VkDeviceAddress address = smelt_buffer_address(encoder->context, buffer) + offset;
    struct smelt_dispatch *draft = &encoder->draft;
    draft->indirect = buffer;
    draft->indirect_offset = offset;
    draft->indirect_range = (struct smelt_interval){address, address + sizeof(VkDispatchIndirectCommand)};
    memset(draft->groups, 0, sizeof(draft->groups));
    return dispatch(encoder);
}

enum smelt_result smelt_encoder_dispatch_groups(smelt_encoder encoder, uint32_t x, uint32_t y, uint32_t z)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "dispatch_groups");
    return result ? result : smelt_encoder_leave(encoder, dispatch_groups(encoder, x, y, z));
}

enum smelt_result smelt_encoder_dispatch_threads(smelt_encoder encoder, uint32_t x, uint32_t y, uint32_t z)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "dispatch_threads");
    return result ? result : smelt_encoder_leave(encoder, dispatch_threads(encoder, x, y, z));
}

enum smelt_result smelt_encoder_dispatch_indirect(smelt_encoder encoder, VkBuffer buffer, uint64_t offset)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "dispatch_indirect");
    return result ? result : smelt_encoder_leave(encoder, dispatch_indirect(encoder, buffer, offset));
}

static enum smelt_result encode(smelt_encoder encoder, const struct smelt_encode_params *p)
{
    if (!p || (p->argument_count && !p->arguments) || (uint32_t)p->kind > SMELT_DISPATCH_INDIRECT)
        return smelt_fail(encoder->context, SMELT_ERROR_INVALID_ARGUMENT, "encoder '%s': encode: %s",
                          encoder->name,
                          !p                                            ? "params is NULL"
                          : (uint32_t)p->kind > SMELT_DISPATCH_INDIRECT ? "kind is not one of its enum"
                                                                        : "arguments is NULL");
    enum smelt_result result = set_pipeline(encoder, p->pipeline);
    for (uint32_t i = 0; i < p->argument_count && !result; i++)
        result = set_one(encoder, &p->arguments[i]);
    if (result)
        return result;
    encoder->draft.label = p->label;
    encoder->draft.operation = p->operation;
    if (p->kind == SMELT_DISPATCH_INDIRECT)
        return dispatch_indirect(encoder, p->indirect, p->indirect_offset);
    uint32_t x = p->size[0], y = SMELT_MAX(p->size[1], 1), z = SMELT_MAX(p->size[2], 1);
    return p->kind == SMELT_DISPATCH_THREADS ? dispatch_threads(encoder, x, y, z)
                                             : dispatch_groups(encoder, x, y, z);
}

enum smelt_result smelt_encoder_encode(smelt_encoder encoder, const struct smelt_encode_params *params)
{
    enum smelt_result result = smelt_encoder_enter(encoder, "encode");
    return result ? result : smelt_encoder_leave(encoder, encode(encoder, params));
}
