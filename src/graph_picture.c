// SPDX-License-Identifier: MIT
// Images in graphs: the one call that reads or writes a bound tensor takes its pixels instead, where it can.
#include "graph_internal.h"
#include "kernels_convolution2d.h"

#include <stdlib.h>
#include <string.h>

// Addresses of no memory, one for each image that is bound: below those of transient tensors, far apart.
#define PLACES 0x4000000000000000ull
#define PLACE_STEP 0x0000010000000000ull
#define PLACE_COUNT 0x100000u

void smelt_graph_picture_free(struct smelt_graph_picture *picture)
{
    for (uint32_t i = 0; picture && i < picture->tensor_count; i++)
        free(picture->tensors[i]);
    if (picture)
        free(picture->tensors);
    free(picture);
}

static struct smelt_graph_bound *find_bound(smelt_graph graph, smelt_tensor transient)
{
    for (uint32_t b = 0; b < graph->bound_count; b++)
        if (graph->bound[b].range.begin == transient->info.address)
            return &graph->bound[b];
    return NULL;
}

enum smelt_result smelt_graph_use_picture(smelt_graph graph, smelt_tensor transient,
                                          const struct smelt_picture *form)
{
    struct smelt_graph_bound *bound = find_bound(graph, transient);
    bound->picture = calloc(1, sizeof(*bound->picture));
    if (!bound->picture)
        return smelt_graph_no_memory(graph);
    bound->picture->form = *form;
    graph->planned = graph->recorded = false;
    return SMELT_OK;
}

bool smelt_graph_takes_picture(smelt_graph graph, smelt_tensor transient)
{
    const struct smelt_graph_bound *bound = find_bound(graph, transient);
    return bound && bound->picture && bound->picture->taken;
}

// --- Calls ------------------------------------------------------------------------------------------------

// The tensor of a call as a part of the picture, which the picture owns.
static struct smelt_tensor_t *add_tensor(struct smelt_graph_picture *picture,
                                         const struct smelt_interval *range, smelt_tensor tensor)
{
    struct part {
        struct smelt_tensor_t tensor;
        struct smelt_picture form;
    } *part = aligned_alloc(SMELT_TENSOR_LINE,
                            (sizeof(*part) + SMELT_TENSOR_LINE - 1) / SMELT_TENSOR_LINE * SMELT_TENSOR_LINE);
    struct smelt_tensor_t **tensors =
        realloc(picture->tensors, (picture->tensor_count + 1) * sizeof(struct smelt_tensor_t *));
    if (tensors)
        picture->tensors = tensors;
    if (!part || !tensors) {
        free(part);
        return NULL;
    }
    uint64_t bytes = tensor->info.address - range->begin;
    part->tensor = *tensor;
    part->tensor.picture = &part->form;
    part->form = picture->form;
    part->form.first = (uint32_t)(bytes / smelt_dtype_size(tensor->info.dtype, 1));
    return tensors[picture->tensor_count++] = &part->tensor;
}

static bool is_in(const struct smelt_interval *range, smelt_tensor tensor)
{
    return tensor && tensor->info.address >= range->begin && tensor->info.address < range->end;
}

// A copy as the operator that does the same, so that pictures have one way in and out.
static enum smelt_result make_operator(struct smelt_graph_item *item, struct smelt_graph_picture *picture,
                                       const struct smelt_interval *range)
{
    const struct smelt_copy_call *copy = &item->call->copy;
    struct smelt_operator_call call = {.body = "operator_copy.glsl",
                                       .tensors = {copy->destination, copy->source}};
    if (copy->permuted) {
        struct smelt_tensor_t *source = add_tensor(picture, range, copy->source);
        if (!source)
            return SMELT_ERROR_OUT_OF_HOST_MEMORY;
        for (uint32_t d = 0; d < source->info.rank; d++) {
            source->info.shape[d] = copy->source->info.shape[copy->permutation[d]];
            source->info.strides[d] = copy->source->info.strides[copy->permutation[d]];
        }
        source->picture = NULL;
        call.tensors[1] = source;
    }
    union smelt_graph_call *made = smelt_graph_call_copy(SMELT_OPERATION_OPERATOR, &call);
    if (!made)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    free(item->call);
    item->call = made;
    item->operation = SMELT_OPERATION_OPERATOR;
    return SMELT_OK;
}

// Whether a call takes the image: one tensor of it is that, as it is read or written everywhere.
static bool suits(smelt_context context, const struct smelt_graph_item *item,
                  const struct smelt_picture *form, const struct smelt_interval *range)
{
    const union smelt_graph_call *call = item->call;
    uint32_t uses = 0, written = 0;
    if (item->operation == SMELT_OPERATION_COPY)
        return is_in(range, call->copy.destination) != is_in(range, call->copy.source) &&
               smelt_dtype_is_float(call->copy.destination->info.dtype) &&
               smelt_dtype_is_float(call->copy.source->info.dtype) &&
               (!form->format || smelt_tensor_element_count(call->copy.destination) ==
                                     (uint64_t)form->width * form->height * form->channels);
    if (item->operation == SMELT_OPERATION_CONVOLUTION2D)
        return smelt_convolution_takes_picture(context, &call->convolution2d, form,
                                               is_in(range, call->convolution2d.a),
                                               is_in(range, call->convolution2d.d));
    if (item->operation != SMELT_OPERATION_OPERATOR)
        return false;
    const struct smelt_operator_call *of = &call->operator_call;
    for (uint32_t i = 0; i < SMELT_OPERATOR_MAX_TENSORS; i++) {
        bool is = is_in(range, of->tensors[i]);
        uses += is;
        written += is && (i == 0 || ((of->written | of->updated) >> i & 1));
        if (!is && of->tensors[i] && of->tensors[i]->picture) // the other end of the network
            return false;
    }
    if (uses != 1 || of->per > 1 || of->updated & 1 || of->image)
        return false;
    return form->format ? is_in(range, of->tensors[0]) && !of->written &&
                              smelt_tensor_element_count(of->tensors[0]) ==
                                  (uint64_t)form->width * form->height * form->channels
                        : !written;
}

static bool set_field(struct smelt_graph_picture *picture, const struct smelt_interval *range,
                      smelt_tensor *field)
{
    smelt_tensor tensor = is_in(range, *field) ? add_tensor(picture, range, *field) : *field;
    bool kept = tensor || !*field;
    *field = kept ? tensor : *field;
    return kept;
}

static enum smelt_result take(smelt_graph graph, struct smelt_graph_bound *bound,
                              struct smelt_graph_item *item)
{
    struct smelt_graph_picture *picture = bound->picture;
    enum smelt_result result =
        item->operation == SMELT_OPERATION_COPY ? make_operator(item, picture, &bound->range) : SMELT_OK;
    bool kept = !result;
    if (kept && item->operation == SMELT_OPERATION_OPERATOR)
        for (uint32_t i = 0; i < SMELT_OPERATOR_MAX_TENSORS; i++)
            kept = kept && set_field(picture, &bound->range, &item->call->operator_call.tensors[i]);
    else if (kept)
        kept = set_field(picture, &bound->range, &item->call->convolution2d.a) &&
               set_field(picture, &bound->range, &item->call->convolution2d.d);
    if (!kept)
        return smelt_graph_no_memory(graph);
    picture->taken = true;
    return smelt_graph_item_refresh(graph, item);
}

static bool touches(const struct smelt_graph_item *item, const struct smelt_interval *range)
{
    for (uint32_t d = 0; d < item->dispatch_count; d++)
        for (uint32_t r = 0; r < item->dispatches[d]->range_count; r++) {
            const struct smelt_range *is = &item->dispatches[d]->ranges[r];
            if (is->begin < range->end && range->begin < is->end)
                return true;
        }
    return false;
}

static enum smelt_result place_picture(smelt_graph graph, struct smelt_graph_bound *bound,
                                       const struct smelt_graph_list *list)
{
    struct smelt_graph_item *only = NULL;
    uint32_t count = 0;
    bound->picture->taken = false;
    for (uint32_t i = 0; i < list->count; i++)
        if (!list->items[i]->is_barrier && touches(list->items[i], &bound->range)) {
            only = list->items[i];
            count++;
        }
    return count == 1 && only->call && only->dispatch_count == 1 &&
                   suits(graph->context, only, &bound->picture->form, &bound->range)
               ? take(graph, bound, only)
               : SMELT_OK;
}

enum smelt_result smelt_graph_place_pictures(smelt_graph graph, const struct smelt_graph_list *list)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t b = 0; b < graph->bound_count && !result; b++)
        if (graph->bound[b].picture)
            result = place_picture(graph, &graph->bound[b], list);
    return result;
}

// --- What is bound ----------------------------------------------------------------------------------------

// Recordings with the place that an image gives up are not used again.
static void forget(smelt_graph graph, uint32_t b, VkDeviceAddress place)
{
    for (uint32_t v = 0; v < graph->params.versions; v++)
        if (graph->versions[v].valid && graph->versions[v].places[b + 1] == place)
            graph->versions[v].valid = false;
}

void smelt_graph_bind_picture(smelt_graph graph, smelt_tensor transient, VkDescriptorSet set,
                              const struct smelt_image_map *map)
{
    struct smelt_graph_bound *bound = find_bound(graph, transient);
    struct smelt_graph_picture *picture = bound->picture;
    uint32_t b = (uint32_t)(bound - graph->bound), i = 0;
    uint64_t count = SMELT_MIN(picture->image_count, SMELT_GRAPH_IMAGES);
    while (i < count && (picture->images[i].set != set || memcmp(&picture->images[i].map, map, sizeof(*map))))
        i++;
    if (i == count) {
        i = (uint32_t)(picture->image_count % SMELT_GRAPH_IMAGES);
        if (i < count)
            forget(graph, b, picture->images[i].place);
        uint64_t number = (picture->image_count++ * 16 + b % 16) % PLACE_COUNT;
        picture->images[i] = (struct smelt_graph_image){set, *map, PLACES + number * PLACE_STEP};
    }
    graph->places[b + 1] = picture->images[i].place;
}

void smelt_graph_give_picture(const struct smelt_graph_bound *bound, VkDeviceAddress place,
                              const struct smelt_range *range, struct smelt_dispatch *dispatch)
{
    const struct smelt_graph_image *image = bound->picture->images;
    VkDeviceAddress first = place - (range->begin - bound->range.begin), value = 0;
    while (image->place != first)
        image++;
    for (uint32_t at = 0; at + 8 <= dispatch->push_size && !dispatch->block; at += 4) {
        memcpy(&value, (const uint8_t *)dispatch->push + at, sizeof(value));
        if (value < range->begin || value >= range->end)
            continue;
        dispatch->block = &image->map;
        dispatch->block_size = sizeof(image->map);
        dispatch->block_push = at;
    }
    dispatch->set_count = 1;
    dispatch->sets[0] = image->set;
}
