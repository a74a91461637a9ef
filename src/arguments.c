// SPDX-License-Identifier: MIT
// Arguments: the block that a shader reads by address, one copy per frame in flight, filled by name.
#include "arguments_internal.h"
#include "tensor_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- Life --------------------------------------------------------------------------------------------------

// Copies of the block, each on cache lines of its own.
static enum smelt_result create_copies(smelt_arguments arguments)
{
    uint64_t alignment = SMELT_MAX(64, arguments->block_alignment);
    uint64_t stride = (arguments->block_size + alignment - 1) & ~(alignment - 1);
    enum smelt_result result = smelt_block_allocate(arguments->context, stride * arguments->frames,
                                                    arguments->block_alignment, &arguments->place);
    if (result != SMELT_OK)
        return result;
    for (uint32_t i = 0; i < arguments->frames; i++) {
        arguments->slots[i].mapped = (uint8_t *)arguments->place.mapped + i * stride;
        arguments->slots[i].address = arguments->place.address + i * stride;
    }
    arguments->block_version = 1; // the copies are at 0: the first flush writes
    return SMELT_OK;
}

static enum smelt_result check_params(smelt_context context, const struct smelt_arguments_params *params)
{
    if (!context || !params || !params->shader_count || !params->shaders)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "arguments: no context or no shaders given");
    for (uint32_t s = 0; s < params->shader_count; s++)
        if (!params->shaders[s])
            return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "arguments: shader %u of %u is NULL", s,
                              params->shader_count);
    if (params->frames_in_flight > ARGUMENTS_MAX_FRAMES)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "arguments: frames_in_flight is %u, at most %u", params->frames_in_flight,
                          ARGUMENTS_MAX_FRAMES);
    if (params->block && !params->block[0] && !params->descriptors)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "arguments: neither a block nor descriptors are asked for");
    return SMELT_OK;
}

enum smelt_result smelt_arguments_create(smelt_context context, const struct smelt_arguments_params *params,
                                         smelt_arguments *arguments)
{
    enum smelt_result result = check_params(context, params);
    if (result != SMELT_OK)
        return result;
    smelt_arguments made = calloc(1, sizeof(*made));
    if (!made)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "arguments: out of host memory");
    made->context = context;
    made->frames = params->frames_in_flight ? params->frames_in_flight : 2;
    result = smelt_arguments_reflect(made, params);
    if (result == SMELT_OK) {
        const char *name = params->name ? params->name : made->block_name ? made->block_name : "arguments";
        made->name = smelt_copy_string(name);
        if (!made->name)
            result = smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "arguments: out of host memory");
    }
    if (result == SMELT_OK && made->block_name)
        result = create_copies(made);
    if (result == SMELT_OK && params->descriptors)
        result = smelt_arguments_create_sets(made, params);
    if (result != SMELT_OK)
        smelt_arguments_destroy(&made);
    else
        *arguments = made;
    return result;
}

void smelt_arguments_destroy(smelt_arguments *arguments)
{
    smelt_arguments object = *arguments;
    *arguments = NULL;
    if (!object)
        return;
    smelt_arguments_destroy_sets(object);
    smelt_block_free(object->context, &object->place);
    for (uint32_t i = 0; i < object->member_count; i++)
        free((char *)object->members[i].info.name);
    free(object->members);
    smelt_name_table_destroy(&object->member_names);
    free(object->values);
    free(object->push_offsets);
    free(object->push_conflict);
    free(object->block_name);
    free(object->name);
    free(object);
}

// --- Setting -----------------------------------------------------------------------------------------------

enum smelt_result smelt_arguments_find(smelt_arguments arguments, const char *name, uint32_t *member)
{
    enum smelt_result result = smelt_arguments_require(arguments, "find");
    if (result != SMELT_OK)
        return result;
    if (!name)
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: the name of a member is NULL", arguments->name);
    uint32_t found = smelt_name_table_find(&arguments->member_names, name, strlen(name));
    if (found != UINT32_MAX) {
        *member = found;
        return SMELT_OK;
    }
    struct smelt_text text = {0};
    if (smelt_name_table_find(&arguments->binding_names, name, strlen(name)) != UINT32_MAX)
        smelt_text_add(&text, "; it is a binding");
    else if (!arguments->block_name)
        smelt_text_add(&text, "; the object has no argument block");
    else
        smelt_name_table_suggest(&arguments->member_names, name, &text);
    smelt_fail(arguments->context, SMELT_ERROR_NOT_FOUND, "%s: no member \"%s\"%s", arguments->name, name,
               text.data ? text.data : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

const char *smelt_member_kind_name(enum smelt_member_kind kind)
{
    return kind == SMELT_MEMBER_TENSOR    ? "a tensor"
           : kind == SMELT_MEMBER_ADDRESS ? "an address"
                                          : "a constant";
}

static enum smelt_result check_member(smelt_arguments arguments, uint32_t member, enum smelt_member_kind kind)
{
    enum smelt_result result = smelt_arguments_require(arguments, "set");
    if (result != SMELT_OK)
        return result;
    if (member >= arguments->member_count)
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: member %u, there are %u",
                          arguments->name, member, arguments->member_count);
    const struct smelt_member *info = &arguments->members[member].info;
    if (info->kind == kind)
        return SMELT_OK;
    return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: \"%s\" is %s, got %s",
                      arguments->name, info->name, smelt_member_kind_name(info->kind),
                      smelt_member_kind_name(kind));
}

// The value becomes the member's, if it is another one.
static void store(smelt_arguments arguments, struct arguments_member *member, const void *value)
{
    uint8_t *place = arguments->values + member->info.offset;
    if (!member->set) {
        member->set = true;
        arguments->unset_members--;
    } else if (!memcmp(place, value, member->info.size)) {
        return;
    }
    memcpy(place, value, member->info.size);
    arguments->block_version++;
}

static enum smelt_result wrong_shape(smelt_context context, const char *owner,
                                     const struct smelt_member *member,
                                     const struct smelt_tensor_info *tensor)
{
    struct smelt_text wanted = {0}, got = {0};
    for (uint32_t d = 0; d < member->rank; d++)
        if (member->shape[d])
            smelt_text_add(&wanted, "[%u]", member->shape[d]);
        else
            smelt_text_add(&wanted, "[any]");
    for (uint32_t d = 0; d < tensor->rank; d++)
        smelt_text_add(&got, "[%" PRIu64 "]", tensor->shape[d]);
    smelt_fail(context, SMELT_ERROR_SHAPE,
               "%s: \"%s\" wants a tensor of rank %u, shape %s; \"%s\" has rank %u, shape %s", owner,
               member->name, member->rank, wanted.data ? wanted.data : "scalar", tensor->name, tensor->rank,
               got.data ? got.data : "scalar");
    smelt_text_free(&wanted);
    smelt_text_free(&got);
    return SMELT_ERROR_SHAPE;
}

// A device-optimal matrix says so by strides of 0 (weights.h).
static bool is_opaque(const struct smelt_tensor_info *tensor)
{
    return tensor->rank == 2 && !tensor->strides[0] && !tensor->strides[1];
}

// The dimension whose stride is not that of packed row-major elements, 4-bit ones in rows of whole bytes, or rank.
static uint32_t unpacked_dimension(const struct smelt_tensor_info *tensor)
{
    uint64_t stride = 1;
    for (uint32_t d = tensor->rank; d-- > 0;) {
        if (tensor->shape[d] > 1 && tensor->strides[d] != stride)
            return d;
        bool half = d + 1 == tensor->rank && smelt_dtype_bits(tensor->dtype) == 4;
        stride *= tensor->shape[d] + (half ? tensor->shape[d] % 2 : 0);
    }
    return tensor->rank;
}

enum smelt_result smelt_member_check_tensor(smelt_context context, const char *owner, bool coopvec,
                                            const struct smelt_member *member, smelt_tensor given)
{
    if (!given || smelt_tensor_context(given) != context)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: \"%s\": the tensor is %s", owner,
                          member->name, given ? "of another context" : "NULL");
    const struct smelt_tensor_info *tensor = smelt_tensor_info(given);
    if (tensor->dtype != member->dtype)
        return smelt_fail(context, SMELT_ERROR_DTYPE, "%s: \"%s\" wants a tensor of %s; \"%s\" is of %s",
                          owner, member->name, smelt_dtype_name(member->dtype), tensor->name,
                          smelt_dtype_name(tensor->dtype));
    bool fits = tensor->rank == member->rank;
    for (uint32_t d = 0; d < member->rank && fits; d++)
        fits = !member->shape[d] || member->shape[d] == tensor->shape[d];
    if (!fits)
        return wrong_shape(context, owner, member, tensor);
    for (uint32_t d = 0; d < member->rank; d++)
        if (tensor->shape[d] > UINT32_MAX || tensor->strides[d] > UINT32_MAX)
            return smelt_fail(context, SMELT_ERROR_SHAPE,
                              "%s: \"%s\": dimension %u of \"%s\" has extent %" PRIu64 " and stride %" PRIu64
                              "; shaders index with 32 bits",
                              owner, member->name, d, tensor->name, tensor->shape[d], tensor->strides[d]);
    bool opaque = is_opaque(tensor), is_static = true;
    if (opaque && !coopvec)
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "%s: \"%s\": \"%s\" is in the device's layout for coopvec, but no shader of the object was "
            "compiled for it",
            owner, member->name, tensor->name);
    // Shaders do not read the strides of a tensor type whose extents are all literals or, unless those are 0,
    // specialization constants (tensor_tmpl.glsl).
    for (uint32_t d = 0; d < member->rank; d++)
        is_static = is_static && (member->shape[d] || member->shape_constant[d]);
    uint32_t unpacked = is_static && !opaque ? unpacked_dimension(tensor) : tensor->rank;
    if (unpacked < tensor->rank)
        return smelt_fail(context, SMELT_ERROR_SHAPE,
                          "%s: \"%s\" has static extents and wants packed rows; \"%s\" has stride %" PRIu64
                          " in dimension %u",
                          owner, member->name, tensor->name, tensor->strides[unpacked], unpacked);
    return SMELT_OK;
}

enum smelt_result smelt_arguments_set_tensor_at(smelt_arguments arguments, uint32_t member,
                                                smelt_tensor tensor)
{
    enum smelt_result result = check_member(arguments, member, SMELT_MEMBER_TENSOR);
    if (result != SMELT_OK)
        return result;
    struct arguments_member *target = &arguments->members[member];
    result = smelt_member_check_tensor(arguments->context, arguments->name, arguments->coopvec, &target->info,
                                       tensor);
    if (result == SMELT_OK && tensor->transient)
        result = smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                            "%s: \"%s\": tensor '%s' is transient: it has no memory", arguments->name,
                            target->info.name, tensor->info.name);
    if (result != SMELT_OK)
        return result;
    store(arguments, target, &tensor->form.address);
    return SMELT_OK;
}

enum smelt_result smelt_arguments_set_constant_at(smelt_arguments arguments, uint32_t member,
                                                  const void *value, uint32_t size)
{
    enum smelt_result result = check_member(arguments, member, SMELT_MEMBER_CONSTANT);
    if (result != SMELT_OK)
        return result;
    struct arguments_member *target = &arguments->members[member];
    if (!value || size != target->info.size)
        return smelt_fail(arguments->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: \"%s\" wants %u bytes, got %u%s", arguments->name, target->info.name,
                          target->info.size, size, value ? "" : " at a NULL pointer");
    store(arguments, target, value);
    return SMELT_OK;
}

enum smelt_result smelt_arguments_set_tensor(smelt_arguments arguments, const char *name, smelt_tensor tensor)
{
    uint32_t member;
    enum smelt_result result = smelt_arguments_find(arguments, name, &member);
    return result == SMELT_OK ? smelt_arguments_set_tensor_at(arguments, member, tensor) : result;
}

enum smelt_result smelt_arguments_set_constant(smelt_arguments arguments, const char *name, const void *value,
                                               uint32_t size)
{
    uint32_t member;
    enum smelt_result result = smelt_arguments_find(arguments, name, &member);
    return result == SMELT_OK ? smelt_arguments_set_constant_at(arguments, member, value, size) : result;
}

enum smelt_result smelt_arguments_set_address(smelt_arguments arguments, const char *name,
                                              VkDeviceAddress address)
{
    uint32_t member;
    enum smelt_result result = smelt_arguments_find(arguments, name, &member);
    if (result == SMELT_OK)
        result = check_member(arguments, member, SMELT_MEMBER_ADDRESS);
    if (result == SMELT_OK)
        store(arguments, &arguments->members[member], &address);
    return result;
}

// --- Using -------------------------------------------------------------------------------------------------

enum smelt_result smelt_arguments_check(smelt_arguments arguments)
{
    enum smelt_result result = smelt_arguments_require(arguments, "check");
    if (result != SMELT_OK)
        return result;
    if (!arguments->unset_members && !arguments->unset_elements)
        return SMELT_OK;
    struct smelt_text text = {0};
    for (uint32_t i = 0; i < arguments->member_count; i++)
        if (!arguments->members[i].set)
            smelt_text_add(&text, "%s\"%s\"", text.size ? ", " : "", arguments->members[i].info.name);
    smelt_arguments_list_unset_bindings(arguments, &text);
    smelt_fail(arguments->context, SMELT_ERROR_NOT_READY, "%s: not set: %s", arguments->name,
               text.data ? text.data : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_READY;
}

enum smelt_result smelt_arguments_flush(smelt_arguments arguments, uint64_t frame, VkDeviceAddress *address)
{
    enum smelt_result result = smelt_arguments_check(arguments);
    if (result != SMELT_OK)
        return result;
    struct arguments_slot *slot = &arguments->slots[frame % arguments->frames];
    if (slot->block_version != arguments->block_version) {
        memcpy(slot->mapped, arguments->values, arguments->block_size);
        slot->block_version = arguments->block_version;
    }
    if (arguments->descriptors)
        smelt_arguments_write_set(arguments, slot);
    if (address)
        *address = slot->address;
    return SMELT_OK;
}

enum smelt_result smelt_arguments_bind(smelt_arguments arguments, VkCommandBuffer commands,
                                       VkPipelineBindPoint bind_point, VkPipelineLayout layout,
                                       VkShaderStageFlags stages, uint64_t frame)
{
    enum smelt_result result = smelt_arguments_require(arguments, "bind");
    if (result != SMELT_OK)
        return result;
    smelt_context context = arguments->context;
    if (!commands || !layout || (arguments->push_count && !stages))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: bind: %s", arguments->name,
                          !commands ? "the command buffer is null"
                          : !layout ? "the pipeline layout is null"
                                    : "no stages given for the push constant");
    if (arguments->push_conflict)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: bind: %s both point to the block; flush and push the address yourself",
                          arguments->name, arguments->push_conflict);
    VkDeviceAddress address;
    result = smelt_arguments_flush(arguments, frame, &address);
    if (result != SMELT_OK)
        return result;
    if (arguments->descriptors)
        context->vk.CmdBindDescriptorSets(commands, bind_point, layout, arguments->set, 1,
                                          &arguments->slots[frame % arguments->frames].set, 0, NULL);
    for (uint32_t i = 0; i < arguments->push_count; i++)
        context->vk.CmdPushConstants(commands, layout, stages, arguments->push_offsets[i], sizeof(address),
                                     &address);
    return SMELT_OK;
}

VkDescriptorSetLayout smelt_arguments_set_layout(smelt_arguments arguments)
{
    return arguments->set_layout;
}

VkDescriptorSet smelt_arguments_descriptor_set(smelt_arguments arguments, uint64_t frame)
{
    return arguments->descriptors ? arguments->slots[frame % arguments->frames].set : VK_NULL_HANDLE;
}
