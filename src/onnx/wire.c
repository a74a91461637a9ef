// SPDX-License-Identifier: MIT
// Protobuf from files that are not trusted: a walk over the wire format with bounds and a limit of depth, which
// protobuf-c has not, then unpacking within a budget of memory.
#include "import.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 48 };

struct walk {
    const char *name;
    const unsigned char *begin, *end;
};

static enum smelt_result damaged(const struct walk *walk, const unsigned char *at, const char *what)
{
    return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                      "%s: not a protobuf message of this kind, or cut short: %s at byte %zu", walk->name,
                      what, (size_t)(at - walk->begin));
}

static bool read_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static enum smelt_result check_message(const struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                                       const unsigned char *at, const unsigned char *end, uint32_t depth)
{
    if (depth == MAX_DEPTH)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: messages nested deeper than %d at byte %zu",
                          walk->name, MAX_DEPTH, (size_t)(at - walk->begin));
    while (at < end) {
        const unsigned char *start = at;
        uint64_t tag, length;
        if (!read_varint(&at, end, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
            return damaged(walk, start, "a bad tag");
        switch (tag & 7) {
        case 0:
            if (!read_varint(&at, end, &length))
                return damaged(walk, start, "a bad number");
            continue;
        case 1:
        case 5:
            length = (tag & 7) == 1 ? 8 : 4;
            break;
        case 2:
            if (!read_varint(&at, end, &length))
                return damaged(walk, start, "a bad length");
            break;
        default:
            return damaged(walk, start, "a bad wire type");
        }
        if (length > (uint64_t)(end - at))
            return damaged(walk, start, "more bytes announced than there are");
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && (tag & 7) == 2) {
            enum smelt_result result = check_message(walk, field->descriptor, at, at + length, depth + 1);
            if (result)
                return result;
        }
        at += length;
    }
    return SMELT_OK;
}

static void *allocate(void *user, size_t size)
{
    struct smelt_onnx_unpacked *unpacked = user;
    if (size > unpacked->budget)
        return NULL;
    unpacked->budget -= size;
    return malloc(size ? size : 1);
}

static void release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

void smelt_onnx_unpacked_free(void *object)
{
    struct smelt_onnx_unpacked *unpacked = object;
    if (unpacked && unpacked->message)
        protobuf_c_message_free_unpacked(unpacked->message, &unpacked->allocator);
    free(unpacked);
}

enum smelt_result smelt_onnx_unpack(const char *name, const ProtobufCMessageDescriptor *descriptor,
                                    const void *data, size_t size, struct smelt_onnx_unpacked **out)
{
    struct walk walk = {name, data, data};
    if (!size)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: the file is empty", name);
    if (size > INT32_MAX)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: %zu bytes; protobuf ends at 2 GiB (use external data)", name, size);
    walk.end = walk.begin + size;
    enum smelt_result result = check_message(&walk, descriptor, walk.begin, walk.end, 0);
    if (result)
        return result;
    struct smelt_onnx_unpacked *unpacked = calloc(1, sizeof(*unpacked));
    if (!unpacked)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", name);
    // Real models take up to five times their size; messages of no content, seventy times.
    uint64_t budget = (UINT64_C(64) << 20) + 16 * (uint64_t)size;
    unpacked->budget = budget;
    unpacked->allocator = (ProtobufCAllocator){allocate, release, unpacked};
    unpacked->message = protobuf_c_message_unpack(descriptor, &unpacked->allocator, size, data);
    if (!unpacked->message) {
        uint64_t left = unpacked->budget;
        smelt_onnx_unpacked_free(unpacked);
        return smelt_fail(
            NULL, SMELT_ERROR_FORMAT,
            "%s: not a message of this kind, or one that unpacks to more than the %llu bytes it may "
            "(%llu taken)",
            name, (unsigned long long)budget, (unsigned long long)(budget - left));
    }
    *out = unpacked;
    return SMELT_OK;
}
