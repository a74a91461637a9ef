// SPDX-License-Identifier: MIT
// Reflection of an unoptimised SPIR-V module by SPIRV-Cross: argument blocks with their members by dotted names,
// push constants, bindings, specialization constants, local size.
#include "shader_internal.h"

#include <spirv_cross_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// An array of structs, tensors or addresses with more leaves than this is a buffer of records, not a set of
// arguments to be named one by one: it is not listed. The same for runtime arrays of them.
#define MAX_LISTED_LEAVES 4096
#define DEFAULT_BLOCK_ALIGNMENT 16 // GLSL_EXT_buffer_reference, section 4.4.5: buffer_reference_align

struct reflector {
    smelt_context context;
    const char *name; // of the shader, for messages
    const uint32_t *words;
    size_t word_count;
    spvc_context spvc;
    spvc_compiler compiler;
    struct smelt_reflection *out;
    bool out_of_memory;
};

// The members of one block while they are collected.
struct member_list {
    struct smelt_member *members;
    char **targets; // per member: the block an address points to, or NULL
    uint32_t count, capacity;
};

static enum smelt_result spvc_fail(struct reflector *r, const char *what)
{
    return smelt_fail(r->context, SMELT_ERROR_COMPILE, "%s: reflection: cannot read %s: %s", r->name, what,
                      spvc_context_get_last_error_string(r->spvc));
}

static char *copy_name(struct reflector *r, const char *name)
{
    char *copy = smelt_copy_string(name);
    r->out_of_memory |= !copy;
    return copy;
}

// Makes room in a list that grows by doubling; `list` has `count` entries.
static void *grow(struct reflector *r, void *list, uint32_t count, size_t entry_size)
{
    if (count & (count - 1)) // not 0, 1, 2, 4, ...: there is room
        return list;
    void *grown = realloc(list, (count ? (size_t)count * 2 : 1) * entry_size);
    r->out_of_memory |= !grown;
    return grown;
}

// --- Members ----------------------------------------------------------------------------------------------

static bool is_pointer(spvc_type type)
{
    return spvc_type_get_storage_class(type) == SpvStorageClassPhysicalStorageBuffer;
}

// Dimension 0 is the innermost. 0: runtime.
static uint32_t array_extent(struct reflector *r, spvc_type type, unsigned dimension)
{
    uint32_t value = spvc_type_get_array_dimension(type, dimension);
    if (spvc_type_array_dimension_is_literal(type, dimension))
        return value;
    spvc_constant constant = spvc_compiler_get_constant_handle(r->compiler, value);
    return constant ? spvc_constant_get_scalar_u32(constant, 0, 0) : 0;
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

// NAME_<dtype>_<rank>_<r|w|rw>[_<e0>x<e1>...]: glsl/smelt/tensor_tmpl.glsl.
static bool decode_tensor_name(const char *name, struct smelt_member *m)
{
    const char *end = name + strlen(name), *piece;
    size_t length;
    uint32_t extents = 0;
    if (!last_piece(name, &end, &piece, &length))
        return false;
    if (*piece >= '0' && *piece <= '9') {
        const char *at = piece, *stop = piece + length;
        do {
            at += extents != 0; // the 'x'
            if (extents == SMELT_TENSOR_MAX_RANK || !parse_number(&at, stop, &m->shape[extents++]))
                return false;
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
                         array_extent(r, member, 0) != decoded.rank)
            return false;
    }
    m->kind = SMELT_MEMBER_TENSOR;
    m->size = 8 + 8 * decoded.rank;
    m->dtype = decoded.dtype;
    m->rank = decoded.rank;
    m->access = decoded.access;
    memcpy(m->shape, decoded.shape, sizeof(m->shape));
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
            each = SMELT_MIN(each * array_extent(r, member, d), MAX_LISTED_LEAVES + 1u);
        leaves = SMELT_MIN(leaves + each, MAX_LISTED_LEAVES + 1u);
    }
    return (uint32_t)leaves;
}

static void add_entry(struct reflector *r, struct member_list *list, const char *name, const char *target,
                      const struct smelt_member *m)
{
    struct smelt_member *members = grow(r, list->members, list->count, sizeof(*members));
    if (members)
        list->members = members;
    char **targets = grow(r, list->targets, list->count, sizeof(*targets));
    if (targets)
        list->targets = targets;
    char *copy = copy_name(r, name), *target_copy = target ? copy_name(r, target) : NULL;
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
            return spvc_fail(r, name);
        bool row_major = spvc_compiler_has_member_decoration(
            r->compiler, spvc_type_get_base_type_id(p->parent), p->index, SpvDecorationRowMajor);
        size = matrix_stride * (row_major ? m.vector_size : m.columns);
    }
    m.size = size;
    if (spvc_type_get_num_array_dimensions(type)) {
        m.array_count = array_extent(r, type, 0);
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
        return spvc_fail(r, name);
    unsigned listed = constant && dimensions ? dimensions - 1 : dimensions; // by index, the outer ones
    unsigned innermost = dimensions - listed;
    uint64_t elements = 1;
    for (unsigned d = dimensions; d-- > innermost;)
        elements = SMELT_MIN(elements * array_extent(r, p->type, d), MAX_LISTED_LEAVES + 1u);
    if (elements * count_leaves(r, p->type, 0) > MAX_LISTED_LEAVES)
        return SMELT_OK;
    for (unsigned d = 0; d + 1 < dimensions; d++) // the decoration is the outermost dimension's
        stride /= SMELT_MAX(array_extent(r, p->type, d), 1u);
    uint32_t step = stride * (constant && dimensions ? array_extent(r, p->type, 0) : 1);
    enum smelt_result result = SMELT_OK;
    for (uint32_t e = 0; e < elements && !result && !r->out_of_memory; e++) {
        struct smelt_text indexed = {0};
        smelt_text_add(&indexed, "%s", name);
        uint32_t rest = e, below = (uint32_t)elements;
        for (unsigned d = dimensions; d-- > innermost; rest %= below) {
            below /= array_extent(r, p->type, d);
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
            return spvc_fail(r, prefix ? prefix : "a block member");
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

// Fills `block` from a struct type. `targets` may be NULL.
static enum smelt_result make_block(struct reflector *r, spvc_type_id id, struct smelt_block *block,
                                    char ***targets)
{
    spvc_type type = spvc_compiler_get_type_handle(r->compiler, id);
    size_t size = 0;
    *block = (struct smelt_block){0};
    if (!type || spvc_compiler_get_declared_struct_size(r->compiler, type, &size) || size > UINT32_MAX)
        return spvc_fail(r, "the size of a block");
    struct member_list list = {0};
    enum smelt_result result = add_struct(r, type, 0, NULL, &list);
    *block = (struct smelt_block){
        .name = copy_name(r, spvc_compiler_get_name(r->compiler, id)),
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
static enum smelt_result add_blocks(struct reflector *r)
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
            grow(r, (struct smelt_block *)out->blocks, out->block_count, sizeof(*blocks));
        if (!blocks)
            break;
        out->blocks = blocks;
        result = make_block(r, word[3], &blocks[out->block_count++], NULL);
    }
    return result;
}

// --- Resources --------------------------------------------------------------------------------------------

static enum smelt_access access_of(bool no_read, bool no_write)
{
    if (no_read == no_write)
        return SMELT_ACCESS_READ_WRITE;
    return no_write ? SMELT_ACCESS_READ : SMELT_ACCESS_WRITE;
}

static enum smelt_access binding_access(struct reflector *r, spvc_resource_type kind, SpvId id)
{
    bool no_read = false, no_write = false;
    if (kind == SPVC_RESOURCE_TYPE_STORAGE_IMAGE) {
        no_read = spvc_compiler_has_decoration(r->compiler, id, SpvDecorationNonReadable);
        no_write = spvc_compiler_has_decoration(r->compiler, id, SpvDecorationNonWritable);
    } else if (kind == SPVC_RESOURCE_TYPE_STORAGE_BUFFER) {
        const SpvDecoration *decorations;
        size_t count = 0;
        if (!spvc_compiler_get_buffer_block_decorations(r->compiler, id, &decorations, &count))
            for (size_t i = 0; i < count; i++) {
                no_read |= decorations[i] == SpvDecorationNonReadable;
                no_write |= decorations[i] == SpvDecorationNonWritable;
            }
    } else {
        return SMELT_ACCESS_READ;
    }
    return access_of(no_read, no_write);
}

static VkDescriptorType descriptor_type(spvc_resource_type kind, spvc_type type)
{
    bool buffer = false;
    if (kind == SPVC_RESOURCE_TYPE_STORAGE_IMAGE || kind == SPVC_RESOURCE_TYPE_SAMPLED_IMAGE ||
        kind == SPVC_RESOURCE_TYPE_SEPARATE_IMAGE)
        buffer = spvc_type_get_image_dimension(type) == SpvDimBuffer;
    switch (kind) {
    case SPVC_RESOURCE_TYPE_UNIFORM_BUFFER:
        return VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    case SPVC_RESOURCE_TYPE_STORAGE_BUFFER:
        return VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    case SPVC_RESOURCE_TYPE_STORAGE_IMAGE:
        return buffer ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
    case SPVC_RESOURCE_TYPE_SAMPLED_IMAGE:
        return buffer ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    case SPVC_RESOURCE_TYPE_SEPARATE_IMAGE:
        return buffer ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
    case SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS:
        return VK_DESCRIPTOR_TYPE_SAMPLER;
    case SPVC_RESOURCE_TYPE_SUBPASS_INPUT:
        return VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
    default:
        return VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR;
    }
}

static enum smelt_result add_binding(struct reflector *r, spvc_resource_type kind,
                                     const spvc_reflected_resource *resource)
{
    spvc_type type = spvc_compiler_get_type_handle(r->compiler, resource->type_id);
    if (!type)
        return spvc_fail(r, "a binding");
    const char *name = spvc_compiler_get_name(r->compiler, resource->id);
    if (!name || !*name) // a block without an instance name
        name = spvc_compiler_get_name(r->compiler, resource->base_type_id);
    struct smelt_binding b = {
        .set = spvc_compiler_get_decoration(r->compiler, resource->id, SpvDecorationDescriptorSet),
        .binding = spvc_compiler_get_decoration(r->compiler, resource->id, SpvDecorationBinding),
        .type = descriptor_type(kind, type),
        .count = 1,
        .access = binding_access(r, kind, resource->id),
    };
    for (unsigned d = 0; d < spvc_type_get_num_array_dimensions(type); d++)
        b.count *= array_extent(r, type, d);
    struct smelt_reflection *out = r->out;
    struct smelt_binding *bindings =
        grow(r, (struct smelt_binding *)out->bindings, out->binding_count, sizeof(*bindings));
    if (!bindings)
        return SMELT_OK;
    out->bindings = bindings;
    b.name = copy_name(r, name);
    bindings[out->binding_count++] = b;
    return SMELT_OK;
}

static enum smelt_result add_resources(struct reflector *r)
{
    static const spvc_resource_type kinds[] = {
        SPVC_RESOURCE_TYPE_UNIFORM_BUFFER, SPVC_RESOURCE_TYPE_STORAGE_BUFFER,
        SPVC_RESOURCE_TYPE_STORAGE_IMAGE,  SPVC_RESOURCE_TYPE_SAMPLED_IMAGE,
        SPVC_RESOURCE_TYPE_SEPARATE_IMAGE, SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS,
        SPVC_RESOURCE_TYPE_SUBPASS_INPUT,  SPVC_RESOURCE_TYPE_ACCELERATION_STRUCTURE,
    };
    spvc_resources resources;
    const spvc_reflected_resource *list;
    size_t count;
    if (spvc_compiler_create_shader_resources(r->compiler, &resources))
        return spvc_fail(r, "the resources");
    for (size_t k = 0; k < SMELT_COUNT_OF(kinds); k++) {
        if (spvc_resources_get_resource_list_for_type(resources, kinds[k], &list, &count))
            return spvc_fail(r, "the bindings");
        for (size_t i = 0; i < count; i++) {
            enum smelt_result result = add_binding(r, kinds[k], &list[i]);
            if (result || r->out_of_memory)
                return result;
        }
    }
    if (spvc_resources_get_resource_list_for_type(resources, SPVC_RESOURCE_TYPE_PUSH_CONSTANT, &list, &count))
        return spvc_fail(r, "the push constants");
    if (!count)
        return SMELT_OK;
    char **targets = NULL;
    enum smelt_result result = make_block(r, list[0].base_type_id, &r->out->push_constants, &targets);
    r->out->push_constant_targets = (const char *const *)targets;
    r->out->push_constants.alignment = 4;
    return result;
}

// --- Constants and local size -----------------------------------------------------------------------------

static uint64_t default_bits(spvc_constant constant, uint32_t size)
{
    if (size == 8) { // the only 64-bit value that the interface hands out; its bits are what is wanted
        double value = spvc_constant_get_scalar_fp64(constant, 0, 0);
        uint64_t bits;
        memcpy(&bits, &value, sizeof(bits));
        return bits;
    }
    uint32_t bits = spvc_constant_get_scalar_u32(constant, 0, 0);
    return size == 4 ? bits : bits & ((1u << 8 * size) - 1);
}

static enum smelt_result add_specializations(struct reflector *r)
{
    static const char *const axes[] = {"local_size_x", "local_size_y", "local_size_z"};
    spvc_specialization_constant local[3] = {{0}};
    const spvc_specialization_constant *list;
    size_t count;
    struct smelt_reflection *out = r->out;
    if (spvc_compiler_get_specialization_constants(r->compiler, &list, &count))
        return spvc_fail(r, "the specialization constants");
    spvc_compiler_get_work_group_size_specialization_constants(r->compiler, &local[0], &local[1], &local[2]);
    bool compute = spvc_compiler_get_execution_model(r->compiler) == SpvExecutionModelGLCompute;
    for (unsigned i = 0; i < 3 && compute; i++) {
        out->local_size[i] =
            spvc_compiler_get_execution_mode_argument_by_index(r->compiler, SpvExecutionModeLocalSize, i);
        if (local[i].id)
            out->local_size[i] = spvc_constant_get_scalar_u32(
                spvc_compiler_get_constant_handle(r->compiler, local[i].id), 0, 0);
    }
    for (size_t k = 0; k < count; k++) {
        spvc_constant constant = spvc_compiler_get_constant_handle(r->compiler, list[k].id);
        spvc_type type =
            constant ? spvc_compiler_get_type_handle(r->compiler, spvc_constant_get_type(constant)) : NULL;
        if (!type)
            return spvc_fail(r, "a specialization constant");
        const char *name = spvc_compiler_get_name(r->compiler, list[k].id);
        for (unsigned i = 0; i < 3; i++)
            if ((!name || !*name) && local[i].id == list[k].id)
                name = axes[i];
        struct smelt_specialization *specializations =
            grow(r, (struct smelt_specialization *)out->specializations, out->specialization_count,
                 sizeof(*specializations));
        if (!specializations)
            return SMELT_OK;
        out->specializations = specializations;
        bool boolean = spvc_type_get_basetype(type) == SPVC_BASETYPE_BOOLEAN;
        uint32_t size = boolean ? 4 : spvc_type_get_bit_width(type) / 8;
        specializations[out->specialization_count++] = (struct smelt_specialization){
            copy_name(r, name), list[k].constant_id, size, default_bits(constant, size)};
    }
    return SMELT_OK;
}

static enum smelt_result reflect(struct reflector *r)
{
    spvc_parsed_ir ir;
    if (spvc_context_parse_spirv(r->spvc, r->words, r->word_count, &ir) ||
        spvc_context_create_compiler(r->spvc, SPVC_BACKEND_NONE, ir, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
                                     &r->compiler))
        return smelt_fail(r->context, SMELT_ERROR_COMPILE,
                          "%s: reflection: SPIRV-Cross cannot read the PORTABLE form of the shader: %s; use "
                          "cooperative types only where SMELT_BACKEND_DEFAULT or an op's backend says so",
                          r->name, spvc_context_get_last_error_string(r->spvc));
    enum smelt_result result = add_blocks(r);
    if (!result)
        result = add_resources(r);
    return result ? result : add_specializations(r);
}

enum smelt_result smelt_reflect(smelt_context context, const char *name, const uint32_t *words, size_t count,
                                struct smelt_reflection **reflection)
{
    struct reflector r = {.context = context, .name = name, .words = words, .word_count = count};
    if (!smelt_spirv_is_valid(words, count))
        return smelt_fail(context, SMELT_ERROR_COMPILE, "%s: reflection: the compiler gave malformed SPIR-V",
                          name);
    r.out = calloc(1, sizeof(*r.out));
    // Without an error callback SPIRV-Cross keeps its messages to itself.
    enum smelt_result result = SMELT_OK;
    if (!r.out || spvc_context_create(&r.spvc))
        r.out_of_memory = true;
    else
        result = reflect(&r);
    if (!result && r.out_of_memory)
        result =
            smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the reflection", name);
    if (r.spvc)
        spvc_context_destroy(r.spvc);
    if (result)
        smelt_reflection_free(r.out);
    else
        *reflection = r.out;
    return result;
}
