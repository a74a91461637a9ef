// SPDX-License-Identifier: MIT
// Dispatches of networks: arguments are checked against the bindings and put in place of the tensors that the graph was
// captured with.
#include "image_internal.h"
#include "network_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_type(struct smelt_text *text, enum smelt_dtype dtype, uint32_t rank, const uint64_t *shape,
                       const uint64_t *strides)
{
    smelt_text_add(text, "%s", smelt_dtype_name(dtype));
    for (uint32_t d = 0; d < rank; d++)
        smelt_text_add(text, "[%" PRIu64 "]", shape[d]);
    for (uint32_t d = 0; d < rank; d++)
        smelt_text_add(text, "%s%" PRIu64, d ? ", " : " of strides ", strides[d]);
}

static enum smelt_result no_binding(smelt_network network, const char *name)
{
    const struct smelt_network_info *info = &network->plan->info;
    struct smelt_text text = {0};
    for (uint32_t i = 0; i < info->input_count + info->output_count && i < 24; i++)
        smelt_text_add(&text, "%s\"%.60s\"", i ? ", " : "", info->inputs[i].name);
    smelt_fail(network->context, SMELT_ERROR_NOT_FOUND,
               "network '%s': there is no input or output \"%.80s\"; there are: %s", network->name,
               name ? name : "(NULL)", text.data ? text.data : "none");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

static enum smelt_result check_tensor(smelt_network network, const struct smelt_network_binding *binding,
                                      smelt_tensor tensor)
{
    if (!tensor || smelt_tensor_context(tensor) != network->context)
        return smelt_fail(network->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "network '%s': the tensor of \"%.80s\" is %s", network->name, binding->name,
                          tensor ? "of another context" : "NULL");
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    bool same = info->dtype == binding->dtype && info->rank == binding->rank &&
                !memcmp(info->shape, binding->shape, binding->rank * sizeof(*info->shape)) &&
                !memcmp(info->strides, binding->strides, binding->rank * sizeof(*info->strides));
    if (same)
        return SMELT_OK;
    enum smelt_result result = info->dtype != binding->dtype ? SMELT_ERROR_DTYPE : SMELT_ERROR_SHAPE;
    struct smelt_text wanted = {0}, got = {0};
    print_type(&wanted, binding->dtype, binding->rank, binding->shape, binding->strides);
    print_type(&got, info->dtype, info->rank, info->shape, info->strides);
    smelt_fail(network->context, result, "network '%s': \"%.80s\" is %s, got the tensor '%s' %s",
               network->name, binding->name, wanted.data ? wanted.data : "", info->name,
               got.data ? got.data : "");
    smelt_text_free(&wanted);
    smelt_text_free(&got);
    return result;
}

static enum smelt_result check_argument(smelt_network network, const struct smelt_network_binding *binding,
                                        const struct smelt_network_argument *argument, bool written)
{
    if (binding->image ? argument->tensor != NULL : argument->image != NULL)
        return smelt_fail(network->context, SMELT_ERROR_INVALID_ARGUMENT, "network '%s': \"%.80s\" takes %s",
                          network->name, binding->name,
                          binding->image ? "an image, got a tensor" : "a tensor, got an image");
    return binding->image ? smelt_image_require(argument->image, network->context, binding->name,
                                                binding->shape[3], binding->shape[2], written)
                          : check_tensor(network, binding, argument->tensor);
}

// Arguments by binding. Errors name all that are missing.
static enum smelt_result collect(smelt_network network, const struct smelt_network_dispatch *dispatch,
                                 const struct smelt_network_argument **arguments)
{
    const struct smelt_network_info *info = &network->plan->info;
    uint32_t count = info->input_count + info->output_count, missing = 0;
    for (uint32_t a = 0; a < dispatch->argument_count; a++) {
        const struct smelt_network_argument *argument = &dispatch->arguments[a];
        bool found = false;
        for (uint32_t i = 0; i < count; i++) { // an output may be an input too
            if (!argument->name || strcmp(info->inputs[i].name, argument->name) != 0)
                continue;
            enum smelt_result result =
                check_argument(network, &info->inputs[i], argument, i >= info->input_count);
            if (result)
                return result;
            arguments[i] = argument;
            found = true;
        }
        if (!found)
            return no_binding(network, argument->name);
    }
    struct smelt_text text = {0};
    for (uint32_t i = 0; i < count; i++)
        if (!arguments[i] && network->plan->bound[i])
            smelt_text_add(&text, "%s\"%.60s\"", missing++ ? ", " : "", info->inputs[i].name);
    if (missing)
        smelt_fail(network->context, SMELT_ERROR_NOT_READY, "network '%s': without an argument: %s",
                   network->name, text.data ? text.data : "");
    smelt_text_free(&text);
    return missing ? SMELT_ERROR_NOT_READY : SMELT_OK;
}

static enum smelt_result check_heap(smelt_network network, const struct smelt_network_dispatch *dispatch)
{
    const struct smelt_network_info *info = &network->plan->info;
    if (!info->intermediates_size)
        return SMELT_OK;
    if (!dispatch->heap)
        return smelt_fail(network->context, SMELT_ERROR_NOT_READY,
                          "network '%s': without a heap, wanted one of %" PRIu64 " bytes", network->name,
                          info->intermediates_size);
    struct smelt_heap_info heap = smelt_heap_info(dispatch->heap);
    if (dispatch->heap_offset > heap.size || info->intermediates_size > heap.size - dispatch->heap_offset)
        return smelt_fail(network->context, SMELT_ERROR_SHAPE,
                          "network '%s': the heap has %" PRIu64 " bytes, wanted %" PRIu64 " from %" PRIu64
                          " on",
                          network->name, heap.size, info->intermediates_size, dispatch->heap_offset);
    return SMELT_OK;
}

static enum smelt_result bind(smelt_network network, const struct smelt_network_dispatch *dispatch,
                              const struct smelt_network_argument *const *arguments, smelt_tensor *tensors)
{
    const struct smelt_network_plan *plan = network->plan;
    uint32_t count = plan->info.input_count + plan->info.output_count;
    enum smelt_result result = check_heap(network, dispatch);
    if (!result && plan->graph_size)
        result = smelt_graph_set_heap(plan->graph, dispatch->heap, dispatch->heap_offset);
    for (uint32_t i = 0; i < count && !result; i++) {
        if (!plan->bound[i])
            continue;
        tensors[i] = arguments[i]->tensor;
        if (plan->bindings[i].image)
            result = smelt_network_bind_image(network, dispatch, i, arguments[i], &tensors[i]);
        else
            result = smelt_graph_bind(plan->graph, plan->bound[i], tensors[i]);
    }
    return result;
}

static enum smelt_result record(smelt_encoder encoder, smelt_network network,
                                const struct smelt_network_argument *const *arguments,
                                const smelt_tensor *tensors)
{
    const struct smelt_network_plan *plan = network->plan;
    uint32_t inputs = plan->info.input_count, count = inputs + plan->info.output_count;
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < inputs && !result; i++)
        if (plan->bindings[i].image && !plan->bindings[i].direct)
            result = smelt_encode_image_load(encoder, tensors[i], arguments[i]->image, &arguments[i]->map);
    if (!result)
        result = smelt_encoder_replay(encoder, plan->graph);
    for (uint32_t i = inputs; i < count && !result; i++)
        if (plan->bindings[i].image && !plan->bindings[i].direct)
            result = smelt_encode_image_store(encoder, arguments[i]->image, tensors[i], &arguments[i]->map);
    return result;
}

enum smelt_result smelt_encoder_dispatch_network(smelt_encoder encoder, smelt_network network,
                                                 const struct smelt_network_dispatch *dispatch)
{
    if (!network || !dispatch || (dispatch->argument_count && !dispatch->arguments))
        return smelt_fail(network ? network->context : NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "dispatch_network: %s is NULL, wanted one",
                          !network    ? "network"
                          : !dispatch ? "dispatch"
                                      : "arguments");
    enum smelt_result result = smelt_encoder_require(encoder, network->context, "dispatch_network");
    if (result)
        return result;
    uint32_t count = network->plan->info.input_count + network->plan->info.output_count;
    const struct smelt_network_argument **arguments =
        calloc((size_t)count + 1, sizeof(struct smelt_network_argument *));
    smelt_tensor *tensors = calloc((size_t)count + 1, sizeof(smelt_tensor));
    if (!arguments || !tensors)
        result = smelt_fail(network->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                            "network '%s': out of host memory", network->name);
    if (!result)
        result = collect(network, dispatch, arguments);
    bool packaged = network->kernels.count > 0;
    if (packaged)
        smelt_kernels_use_codes(true);
    if (!result)
        result = bind(network, dispatch, arguments, tensors);
    if (!result)
        result = record(encoder, network, arguments, tensors);
    if (packaged)
        smelt_kernels_use_codes(false);
    free(arguments);
    free(tensors);
    return result;
}
