// SPDX-License-Identifier: MIT
// Reflection of blocks: members by dotted names, tensors decoded from their struct's name, addresses.
#include "reflect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// An array of structs, tensors or addresses with more leaves than this is a buffer of records, not a set of
// arguments to be named one by one: it is not listed. The same for runtime arrays of them.
#define MAX_LISTED_LEAVES 4096
#define DEFAULT_BLOCK_ALIGNMENT 16 // GLSL_EXT_buffer_reference, section 4.4.5: buffer_reference_align

// The members of one block while they are collected.
struct member_list {
    struct smelt_member *members;
    char **targets; // per member: the block an address points to, or NULL
    uint32_t count, capacity;
};

// --- Members ----------------------------------------------------------------------------------------------

static bool is_pointer(spvc_type type)
{
    return spvc_type_get_storage_class(type) == SpvStorageClassPhysicalStorageBuffer;
}

static enum smelt_dtype dtype_of(spvc_basetype type)
{
    switch (type) {
    case SPVC_BASETYPE_INT8:
        return SMELT_DTYPE_I8;
    case SPVC_BASETYPE_UINT8:
        return SMELT_DTYPE_U8;
    case SPVC_BASETYPE_INT16:
        return SMELT_DTYPE_I16;
    case SPVC_BASETYPE_UINT16:
        return SMELT_DTYPE_U16;
    case SPVC_BASETYPE_INT32:
        return SMELT_DTYPE_I32;
    case SPVC_BASETYPE_UINT32:
        return SMELT_DTYPE_U32;
    case SPVC_BASETYPE_FP16:
        return SMELT_DTYPE_F16;
    case SPVC_BASETYPE_FP32:
        return SMELT_DTYPE_F32;
    default:
        return SMELT_DTYPE_NONE;
    }
}

// One piece "_xyz" off the end of the text that ends at *end; false when there is none.
static bool last_piece(const char *text, const char **end, const char **piece, size_t *length)
{
    const char *at = *end;
    while (at > text && at[-1] != '_')
        at--;
    if (at <= text)
        return false;
    *piece = at;
    *length = (size_t)(*end - at);
    *end = at - 1;
    return true;
}

static bool parse_number(const char **text, const char *end, uint32_t *number)
{
    uint64_t value = 0;
    const char *at = *text;
    while (at < end && *at >= '0' && *at <= '9' && value <= UINT32_MAX)
        value = value * 10 + (uint32_t)(*at++ - '0');
    if (at == *text || value > UINT32_MAX)
        return false;
    *text = at;
    *number = (uint32_t)value;
    return true;
}

static bool is_piece(const char *piece, size_t length, const char *text)
{
    return strlen(text) == length && !strncmp(piece, text, length);
}

// A literal, or s<id>.
static bool parse_extent(const char **text, const char *end, uint32_t *extent, uint32_t *constant)
{
    if (*text < end && **text == 's') {
        ++*text;
        if (!parse_number(text, end, constant) || *constant == UINT32_MAX)
            return false;
        ++*constant;
        return true;
    }
    return parse_number(text, end, extent);
}

// NAME_<dtype>_<rank>_<r|w|rw>[_<e0>x<e1>...]: glsl/smelt/tensor_tmpl.glsl.
static bool decode_tensor_name(const char *name, struct smelt_member *m)
{
    const char *end = name + strlen(name), *piece;
    size_t length;
    uint32_t extents = 0;
    if (!last_piece(name, &end, &piece, &length))
        return false;
    if ((*piece >= '0' && *piece <= '9') || *piece == 's') {
        const char *at = piece, *stop = piece + length;
        do {
            at += extents != 0; // the 'x'
            if (extents == SMELT_TENSOR_MAX_RANK ||
                !parse_extent(&at, stop, &m->shape[extents], &m->shape_constant[extents]))
                return false;
            extents++;
        } while (at < stop && *at == 'x');
        if (at != stop || !last_piece(name, &end, &piece, &length))
            return false;
    }
    if (is_piece(piece, length, "r"))
        m->access = SMELT_ACCESS_READ;
    else if (is_piece(piece, length, "w"))
        m->access = SMELT_ACCESS_WRITE;
    else if (is_piece(piece, length, "rw"))
        m->access = SMELT_ACCESS_READ_WRITE;
    else
        return false;
    if (!last_piece(name, &end, &piece, &length))
        return false;
    const char *at = piece;
    if (!parse_number(&at, piece + length, &m->rank) || at != piece + length || m->rank != extents)
        return false;
    char dtype[16];
    if (!last_piece(name, &end, &piece, &length) || length >= sizeof(dtype) || end == name)
        return false;
    snprintf(dtype, sizeof(dtype), "%.*s", (int)length, piece);
    m->dtype = smelt_dtype_from_name(dtype);
    return m->dtype != SMELT_DTYPE_NONE;
}

// By its name and by what is in it: data, and unless of rank 0 extents and strides.
static bool is_tensor(struct reflector *r, spvc_type type, struct smelt_member *m)
{
    const char *name = spvc_compiler_get_name(r->compiler, spvc_type_get_base_type_id(type));
    struct smelt_member decoded = {0};
    if (!name || !decode_tensor_name(name, &decoded) ||
        spvc_type_get_num_member_types(type) != (decoded.rank ? 3u : 1u))
        return false;
    for (unsigned i = 0; i < (decoded.rank ? 3u : 1u); i++) {
        spvc_type member = spvc_compiler_get_type_handle(r->compiler, spvc_type_get_member_type(type, i));
        unsigned offset, expected = i == 0 ? 0 : 8 + (i - 1) * 4 * decoded.rank;
        if (!member || spvc_compiler_type_struct_member_offset(r->compiler, type, i, &offset) ||
            offset != expected)
            return false;
        if (i == 0 ? !is_pointer(member)
                   : spvc_type_get_basetype(member) != SPVC_BASETYPE_UINT32 ||
                         spvc_type_get_num_array_dimensions(member) != 1 ||
                         smelt_reflect_array_extent(r, member, 0) != decoded.rank)
            return false;
    }
    m->kind = SMELT_MEMBER_TENSOR;
    m->size = 8 + 8 * decoded.rank;
    m->dtype = decoded.dtype;
    m->rank = decoded.rank;
    m->access = decoded.access;
    memcpy(m->shape, decoded.shape, sizeof(m->shape));
    memcpy(m->shape_constant, decoded.shape_constant, sizeof(m->shape_constant));
    return true;
}

// A member of a struct, for what the layout decorations hang on.
struct place {
    spvc_type parent;
    unsigned index;
    spvc_type type;
};

static enum smelt_result add_struct(struct reflector *r, spvc_type type, uint32_t offset, const char *prefix,
                                    struct member_list *list);

// How many entries a value has, saturating above MAX_LISTED_LEAVES; arrays too long are 0.
static uint32_t count_leaves(struct reflector *r, spvc_type type, unsigned depth)
{
    if (is_pointer(type) || spvc_type_get_basetype(type) != SPVC_BASETYPE_STRUCT)
        return 1;
    struct smelt_member unused = {0};
    if (is_tensor(r, type, &unused))
        return 1;
    uint64_t leaves = 0;
    for (unsigned i = 0; i < spvc_type_get_num_member_types(type) && depth < 64; i++) {
        spvc_type member = spvc_compiler_get_type_handle(r->compiler, spvc_type_get_member_type(type, i));
        uint64_t each = member ? count_leaves(r, member, depth + 1) : 0;
        for (unsigned d = 0; member && d < spvc_type_get_num_array_dimensions(member); d++)
            each = SMELT_MIN(each * smelt_reflect_array_extent(r, member, d), MAX_LISTED_LEAVES + 1u);
        leaves = SMELT_MIN(leaves + each, MAX_LISTED_LEAVES + 1u);
    }
    return (uint32_t)leaves;
}

static void add_entry(struct reflector *r, struct member_list *list, const char *name, const char *target,
                      const struct smelt_member *m)
{
    struct smelt_member *members = smelt_reflect_grow(r, list->members, list->count, sizeof(*members));
    if (members)
        list->members = members;
    char **targets = smelt_reflect_grow(r, list->targets, list->count, sizeof(*targets));
    if (targets)
        list->targets = targets;
    char *copy = smelt_reflect_copy_name(r, name),
         *target_copy = target ? smelt_reflect_copy_name(r, target) : NULL;
    if (r->out_of_memory) {
        free(copy);
        free(target_copy);
        return;
    }
    members[list->count] = *m;
    members[list->count].name = copy;
    targets[list->count++] = target_copy;
}

static bool ends_in_data(const char *name)
{
    size_t length = strlen(name);
    return length >= 5 && !strcmp(name + length - 5, "_data");
}

// One element that is no array: a pointer, a tensor or a struct.
static enum smelt_result add_element(struct reflector *r, spvc_type type, uint32_t offset, const char *name,
                                     struct member_list *list)
{
    struct smelt_member m = {.offset = offset};
    if (is_pointer(type)) {
        const char *target = spvc_compiler_get_name(r->compiler, spvc_type_get_base_type_id(type));
        m.kind = SMELT_MEMBER_ADDRESS;
        m.size = 8;
        add_entry(r, list, name, target && !ends_in_data(target) ? target : NULL, &m);
        return SMELT_OK;
    }
    if (is_tensor(r, type, &m)) {
        add_entry(r, list, name, NULL, &m);
        return SMELT_OK;
    }
    return add_struct(r, type, offset, name, list);
}

// A scalar, vector, matrix or an array of them; of the array's dimensions the innermost.
static enum smelt_result add_constant(struct reflector *r, const struct place *p, uint32_t offset,
                                      uint32_t stride, const char *name, struct member_list *list)
{
    spvc_type type = p->type;
    struct smelt_member m = {
        .kind = SMELT_MEMBER_CONSTANT,
        .offset = offset,
        .dtype = dtype_of(spvc_type_get_basetype(type)),
        .vector_size = spvc_type_get_vector_size(type),
        .columns = spvc_type_get_columns(type),
        .array_count = 1,
    };
    uint32_t size = spvc_type_get_bit_width(type) / 8 * m.vector_size;
    if (m.columns > 1) {
        unsigned matrix_stride;
        if (spvc_compiler_type_struct_member_matrix_stride(r->compiler, p->parent, p->index, &matrix_stride))
            return smelt_reflect_fail(r, name);
        bool row_major = spvc_compiler_has_member_decoration(
            r->compiler, spvc_type_get_base_type_id(p->parent), p->index, SpvDecorationRowMajor);
        size = matrix_stride * (row_major ? m.vector_size : m.columns);
    }
    m.size = size;
    if (spvc_type_get_num_array_dimensions(type)) {
        m.array_count = smelt_reflect_array_extent(r, type, 0);
        m.array_stride = stride;
        m.size = m.array_count ? stride * (m.array_count - 1) + size : 0;
    } else if (spvc_type_get_basetype(type) == SPVC_BASETYPE_UINT64 && m.vector_size == 1) {
        m = (struct smelt_member){.kind = SMELT_MEMBER_ADDRESS, .offset = offset, .size = 8};
    }
    add_entry(r, list, name, NULL, &m);
    return SMELT_OK;
}

static enum smelt_result add_member(struct reflector *r, const struct place *p, uint32_t offset,
                                    const char *name, struct member_list *list)
{
    unsigned dimensions = spvc_type_get_num_array_dimensions(p->type), stride = 0;
    bool constant = !is_pointer(p->type) && spvc_type_get_basetype(p->type) != SPVC_BASETYPE_STRUCT;
    if (dimensions &&
        spvc_compiler_type_struct_member_array_stride(r->compiler, p->parent, p->index, &stride))
        return smelt_reflect_fail(r, name);
    unsigned listed = constant && dimensions ? dimensions - 1 : dimensions; // by index, the outer ones
    unsigned innermost = dimensions - listed;
    uint64_t elements = 1;
    for (unsigned d = dimensions; d-- > innermost;)
        elements = SMELT_MIN(elements * smelt_reflect_array_extent(r, p->type, d), MAX_LISTED_LEAVES + 1u);
    if (elements * count_leaves(r, p->type, 0) > MAX_LISTED_LEAVES)
        return SMELT_OK;
    for (unsigned d = 0; d + 1 < dimensions; d++) // the decoration is the outermost dimension's
        stride /= SMELT_MAX(smelt_reflect_array_extent(r, p->type, d), 1u);
    uint32_t step = stride * (constant && dimensions ? smelt_reflect_array_extent(r, p->type, 0) : 1);
    enum smelt_result result = SMELT_OK;
    for (uint32_t e = 0; e < elements && !result && !r->out_of_memory; e++) {
        struct smelt_text indexed = {0};
        smelt_text_add(&indexed, "%s", name);
        uint32_t rest = e, below = (uint32_t)elements;
        for (unsigned d = dimensions; d-- > innermost; rest %= below) {
            below /= smelt_reflect_array_extent(r, p->type, d);
            smelt_text_add(&indexed, "[%u]", rest / below);
        }
        if (indexed.failed)
            r->out_of_memory = true;
        else if (constant)
            result = add_constant(r, p, offset + e * step, stride, indexed.data, list);
        else
            result = add_element(r, p->type, offset + e * step, indexed.data, list);
        smelt_text_free(&indexed);
    }
    return result;
}

static enum smelt_result add_struct(struct reflector *r, spvc_type type, uint32_t offset, const char *prefix,
                                    struct member_list *list)
{
    spvc_type_id id = spvc_type_get_base_type_id(type);
    enum smelt_result result = SMELT_OK;
    for (unsigned i = 0; i < spvc_type_get_num_member_types(type) && !result && !r->out_of_memory; i++) {
        struct place p = {type, i,
                          spvc_compiler_get_type_handle(r->compiler, spvc_type_get_member_type(type, i))};
        unsigned member_offset;
        const char *name = spvc_compiler_get_member_name(r->compiler, id, i);
        if (!p.type || !name || spvc_compiler_type_struct_member_offset(r->compiler, type, i, &member_offset))
            return smelt_reflect_fail(r, prefix ? prefix : "a block member");
        struct smelt_text path = {0};
        smelt_text_add(&path, "%s%s%s", prefix ? prefix : "", prefix ? "." : "", name);
        if (path.failed)
            r->out_of_memory = true;
        else
            result = add_member(r, &p, offset + member_offset, path.data, list);
        smelt_text_free(&path);
    }
    return result;
}

// --- Blocks -----------------------------------------------------------------------------------------------

// The largest alignment that a load or store through an address relies on: SPIR-V does not keep
// buffer_reference_align itself. At least the default.
static uint32_t block_alignment(const struct reflector *r)
{
    uint32_t alignment = DEFAULT_BLOCK_ALIGNMENT;
    for (size_t at = 5; at < r->word_count; at += r->words[at] >> 16) {
        uint32_t op = r->words[at] & 0xffff, length = r->words[at] >> 16;
        uint32_t operands = op == SpvOpLoad ? 4 : op == SpvOpStore ? 3 : length;
        if (operands + 1 < length && (r->words[at + operands] & SpvMemoryAccessAlignedMask) &&
            r->words[at + operands + 1] <= 65536)
            alignment = SMELT_MAX(alignment, r->words[at + operands + 1]);
    }
    return alignment;
}

enum smelt_result smelt_reflect_block(struct reflector *r, spvc_type_id id, struct smelt_block *block,
                                      char ***targets)
{
    spvc_type type = spvc_compiler_get_type_handle(r->compiler, id);
    size_t size = 0;
    *block = (struct smelt_block){0};
    if (!type || spvc_compiler_get_declared_struct_size(r->compiler, type, &size) || size > UINT32_MAX)
        return smelt_reflect_fail(r, "the size of a block");
    struct member_list list = {0};
    enum smelt_result result = add_struct(r, type, 0, NULL, &list);
    *block = (struct smelt_block){
        .name = smelt_reflect_copy_name(r, spvc_compiler_get_name(r->compiler, id)),
        .size = (uint32_t)size,
        .alignment = block_alignment(r),
        .members = list.members,
        .member_count = list.count,
    };
    if (targets) {
        *targets = list.targets;
        return result;
    }
    for (uint32_t i = 0; i < list.count; i++)
        free(list.targets[i]);
    free(list.targets);
    return result;
}

// Every buffer_reference block, also one that is only reached by a cast from an integer: the module has a
// pointer type for each.
enum smelt_result smelt_reflect_blocks(struct reflector *r)
{
    struct smelt_reflection *out = r->out;
    enum smelt_result result = SMELT_OK;
    for (size_t at = 5; at < r->word_count && !result && !r->out_of_memory; at += r->words[at] >> 16) {
        const uint32_t *word = &r->words[at];
        if ((word[0] & 0xffff) != SpvOpTypePointer || word[0] >> 16 != 4 ||
            word[2] != SpvStorageClassPhysicalStorageBuffer)
            continue;
        spvc_type type = spvc_compiler_get_type_handle(r->compiler, word[3]);
        if (!type || spvc_type_get_basetype(type) != SPVC_BASETYPE_STRUCT ||
            spvc_type_get_num_array_dimensions(type) || is_pointer(type) ||
            !spvc_compiler_has_decoration(r->compiler, word[3], SpvDecorationBlock))
            continue; // a pointer to a member
        const char *name = spvc_compiler_get_name(r->compiler, word[3]);
        bool known = !name || ends_in_data(name);
        for (uint32_t i = 0; i < out->block_count && !known; i++)
            known = !strcmp(out->blocks[i].name, name);
        if (known)
            continue;
        struct smelt_block *blocks =
            smelt_reflect_grow(r, (struct smelt_block *)out->blocks, out->block_count, sizeof(*blocks));
        if (!blocks)
            break;
        out->blocks = blocks;
        result = smelt_reflect_block(r, word[3], &blocks[out->block_count++], NULL);
    }
    return result;
}
