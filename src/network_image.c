// SPDX-License-Identifier: MIT
// Images as inputs and outputs of networks: the only kernel that takes such a value does so in the image where it can
// (graph_picture.c); otherwise a dispatch converts between the image and a tensor behind the intermediates.
#include "graph_internal.h"
#include "image_internal.h"
#include "network_internal.h"

#include <stdlib.h>
#include <string.h>

static bool can_be_image(const struct smelt_network_plan *plan, uint32_t i)
{
    const struct smelt_network_binding *b = &plan->bindings[i];
    return smelt_dtype_is_float(b->dtype) && b->rank == 4 && b->shape[0] == 1 && b->shape[1] <= 4 &&
           plan->bound[i];
}

// In GLSL; NULL: not known.
static const char *format_of(smelt_network network, const char *name)
{
    for (uint32_t i = 0; i < network->image_count; i++)
        if (!strcmp(network->images[i], name))
            return smelt_image_layout_name(network->image_formats[i]);
    return NULL;
}

enum smelt_result smelt_network_use_images(smelt_network network, struct smelt_network_plan *plan)
{
    uint32_t inputs = plan->ir->input_count;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < inputs + plan->ir->output_count && !result; i++) {
        const struct smelt_network_binding *b = &plan->bindings[i];
        if (!b->image || !can_be_image(plan, i))
            continue;
        const struct smelt_picture form = {.width = (uint32_t)b->shape[3],
                                           .height = (uint32_t)b->shape[2],
                                           .channels = (uint32_t)b->shape[1],
                                           .format = i < inputs ? NULL : format_of(network, b->name)};
        if (i < inputs || form.format)
            result = smelt_graph_use_picture(plan->graph, plan->bound[i], &form);
    }
    return result;
}

// Kernels that convert are made at dispatches: where kernels are recorded for a package, before that.
static enum smelt_result record_conversions(smelt_network network, const struct smelt_network_plan *plan,
                                            uint32_t binding)
{
    static const VkFormat written[] = {VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R16G16B16A16_SFLOAT,
                                       VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_R32_SFLOAT};
    const struct smelt_network_binding *b = &plan->bindings[binding];
    const VkDescriptorSet any = (VkDescriptorSet)(uintptr_t)1; // nothing is recorded that would use it
    struct smelt_image_t image = {.context = network->context,
                                  .name = network->name,
                                  .width = (uint32_t)b->shape[3],
                                  .height = (uint32_t)b->shape[2],
                                  .sets = {any, any}};
    bool output = binding >= plan->ir->input_count;
    smelt_encoder encoder = NULL;
    enum smelt_result result =
        network->context->recorded_codes ? smelt_graph_make_maker(plan->graph, &encoder) : SMELT_OK;
    if (result || !encoder)
        return result;
    encoder->kernels = SMELT_KERNELS_ALL;
    if (!output)
        result = smelt_encode_image_load(encoder, plan->bound[binding], &image, NULL);
    for (uint32_t f = 0; f < SMELT_COUNT_OF(written) && output && !result; f++) {
        image.layout_name = smelt_image_layout_name(written[f]);
        result = smelt_encode_image_store(encoder, &image, plan->bound[binding], NULL);
    }
    smelt_encoder_destroy(&encoder);
    return result;
}

enum smelt_result smelt_network_place_images(smelt_network network, struct smelt_network_plan *plan,
                                             struct smelt_graph_memory *memory, uint32_t *converted)
{
    uint32_t count = plan->ir->input_count + plan->ir->output_count;
    plan->graph_size = memory->size;
    plan->image_places = calloc((size_t)count + 1, sizeof(*plan->image_places));
    if (!plan->image_places)
        return smelt_ir_no_memory(plan->ir);
    for (uint32_t i = 0; i < count; i++) {
        struct smelt_network_binding *b = &plan->bindings[i];
        if (!b->image)
            continue;
        if (!can_be_image(plan, i))
            return smelt_fail(network->context, SMELT_ERROR_SHAPE,
                              "network '%s': \"%.80s\" cannot be an image: wanted a float type and the shape "
                              "[1][1 to 4][height][width]",
                              network->name, b->name);
        b->direct = smelt_graph_takes_picture(plan->graph, plan->bound[i]);
        if (b->direct)
            continue;
        ++*converted;
        enum smelt_result result = record_conversions(network, plan, i);
        if (result)
            return result;
        uint64_t size = smelt_tensor_info(plan->bound[i])->size, step = memory->alignment;
        plan->image_places[i] = memory->size = (memory->size + step - 1) / step * step;
        memory->size += size;
        memory->lower_bound += size;
    }
    return SMELT_OK;
}

// The tensor of an image in the heap of a dispatch; made once for each place.
static enum smelt_result place_image(smelt_network network, const struct smelt_network_dispatch *dispatch,
                                     uint32_t binding, smelt_tensor *tensor)
{
    struct smelt_network_plan *plan = network->plan;
    uint64_t offset = dispatch->heap_offset + plan->image_places[binding];
    VkDeviceAddress address = smelt_heap_info(dispatch->heap).address + offset;
    for (uint32_t i = 0; i < plan->placed_count; i++)
        if (plan->placed[i].binding == binding && plan->placed[i].address == address) {
            *tensor = plan->placed[i].tensor;
            return SMELT_OK;
        }
    const struct smelt_tensor_info *like = smelt_tensor_info(plan->bound[binding]);
    struct smelt_tensor_params params = {.dtype = like->dtype,
                                         .rank = like->rank,
                                         .heap = dispatch->heap,
                                         .heap_offset = offset,
                                         .name = like->name};
    memcpy(params.shape, like->shape, sizeof(params.shape));
    memcpy(params.strides, like->strides, sizeof(params.strides));
    struct smelt_network_placed *placed = realloc(plan->placed, (plan->placed_count + 1) * sizeof(*placed));
    if (!placed)
        return smelt_ir_no_memory(plan->ir);
    plan->placed = placed;
    enum smelt_result result = smelt_tensor_create(network->context, &params, tensor);
    if (!result)
        placed[plan->placed_count++] = (struct smelt_network_placed){binding, address, *tensor};
    return result;
}

enum smelt_result smelt_network_bind_image(smelt_network network,
                                           const struct smelt_network_dispatch *dispatch, uint32_t binding,
                                           const struct smelt_network_argument *argument,
                                           smelt_tensor *tensor)
{
    struct smelt_network_plan *plan = network->plan;
    const char *name = plan->bindings[binding].name;
    bool written = binding >= plan->info.input_count;
    if (!plan->bindings[binding].direct) {
        enum smelt_result result = place_image(network, dispatch, binding, tensor);
        return result ? result : smelt_graph_bind(plan->graph, plan->bound[binding], *tensor);
    }
    const char *wanted = written ? format_of(network, name) : NULL;
    if (wanted && strcmp(wanted, argument->image->layout_name) != 0)
        return smelt_fail(network->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "network '%s': the image of \"%.80s\" is %s, wanted %s as image_formats says",
                          network->name, name, argument->image->layout_name, wanted);
    struct smelt_image_map map = smelt_image_whole_map(&argument->map);
    smelt_graph_bind_picture(plan->graph, plan->bound[binding], argument->image->sets[written], &map);
    return SMELT_OK;
}
