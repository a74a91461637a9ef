// SPDX-License-Identifier: MIT
// Networks: what the caller asked for becomes a description with all shapes known, then a plan. A network keeps its
// description as it was read and makes each plan from a copy.
#include "image_internal.h"
#include "network_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_MS 50
#define FEW_GROUPS 64 // of a dispatch that leaves a large device idle

// --- Shapes that the caller gives -----------------------------------------------------------------------------

static enum smelt_result no_such(smelt_network network, const char *name, const char *what,
                                 struct smelt_ir_value *const *values, uint32_t count)
{
    struct smelt_text text = {0};
    for (uint32_t i = 0; i < count && i < 16; i++)
        smelt_text_add(&text, "%s\"%.60s\"", i ? ", " : "", values[i]->name);
    smelt_fail(network->context, SMELT_ERROR_NOT_FOUND,
               "network '%s': there is no %s \"%.80s\"; there are: %s%s", network->name, what,
               name ? name : "(NULL)", text.data ? text.data : "none", count > 16 ? ", ..." : "");
    smelt_text_free(&text);
    return SMELT_ERROR_NOT_FOUND;
}

static enum smelt_result give_input(smelt_network network, struct smelt_ir *ir,
                                    const struct smelt_network_input *input)
{
    struct smelt_ir_value *value = input->name ? smelt_ir_find(ir, input->name) : NULL;
    if (!value || !value->is_input)
        return no_such(network, input->name, "input", ir->inputs, ir->input_count);
    if (input->rank > SMELT_NETWORK_MAX_RANK || (value->ranked && input->rank != value->rank))
        return smelt_fail(network->context, SMELT_ERROR_SHAPE,
                          "network '%s': input \"%.80s\" has rank %u, got a shape of rank %u", network->name,
                          input->name, value->ranked ? value->rank : SMELT_NETWORK_MAX_RANK, input->rank);
    char digits[SMELT_NETWORK_MAX_RANK][24];
    const char *extents[SMELT_NETWORK_MAX_RANK];
    for (uint32_t d = 0; d < input->rank; d++) {
        const struct smelt_dim *extent = &value->shape[d];
        if (value->ranked && !extent->expression && (uint64_t)extent->constant != input->shape[d])
            return smelt_fail(network->context, SMELT_ERROR_SHAPE,
                              "network '%s': input \"%.80s\": extent %u is %lld in the model, got %llu",
                              network->name, input->name, d, (long long)extent->constant,
                              (unsigned long long)input->shape[d]);
        snprintf(digits[d], sizeof(digits[d]), "%llu", (unsigned long long)input->shape[d]);
        extents[d] = digits[d];
    }
    return input->contents ? smelt_ir_bind_input(ir, input->name, value->element, input->rank, input->shape,
                                                 input->contents, input->contents_size)
                           : smelt_ir_set_input_shape(ir, input->name, input->rank, extents);
}

// A free extent has the same value wherever it stands.
struct symbols {
    const struct smelt_ir *before, *after;
};
static bool symbol_of_input(void *user, const char *symbol, int64_t *value)
{
    const struct symbols *s = user;
    for (uint32_t i = 0; i < s->before->input_count; i++) {
        const struct smelt_ir_value *was = s->before->inputs[i], *is = s->after->values[was->id];
        for (uint32_t d = 0; d < was->rank && was->ranked; d++) {
            const char *name = smelt_dim_symbol_name(was->shape[d]);
            if (name && !strcmp(name, symbol) && !is->shape[d].expression) {
                *value = is->shape[d].constant;
                return true;
            }
        }
    }
    return false;
}

static enum smelt_result settle_symbols(smelt_network network, struct smelt_ir *ir)
{
    struct symbols symbols = {network->source, ir};
    for (uint32_t i = 0; i < network->source->input_count; i++) {
        const struct smelt_ir_value *was = network->source->inputs[i];
        struct smelt_ir_value *is = ir->values[was->id];
        for (uint32_t d = 0; d < was->rank && was->ranked; d++) {
            int64_t value;
            const char *name = smelt_dim_symbol_name(was->shape[d]);
            if (!name)
                continue;
            if (!symbol_of_input(&symbols, name, &value))
                return smelt_fail(
                    network->context, SMELT_ERROR_SHAPE,
                    "network '%s': extent \"%s\" of input \"%.80s\" is free: wanted a shape for "
                    "the input",
                    network->name, name, was->name);
            if (is->shape[d].expression)
                is->shape[d] = smelt_dim_constant(value);
            else if (is->shape[d].constant != value)
                return smelt_fail(network->context, SMELT_ERROR_SHAPE,
                                  "network '%s': extent \"%s\" is %lld, but %lld in input \"%.80s\"",
                                  network->name, name, (long long)value, (long long)is->shape[d].constant,
                                  was->name);
        }
    }
    return SMELT_OK;
}

static enum smelt_result check_shapes(smelt_network network, const struct smelt_ir *ir)
{
    for (uint32_t i = 0; i < ir->value_count; i++) {
        const struct smelt_ir_value *v = ir->values[i];
        if ((v->producer || v->is_input || v->constant) && smelt_ir_element_count(v) == UINT64_MAX)
            return smelt_fail(network->context, SMELT_ERROR_SHAPE,
                              "network '%s': the shape of \"%.80s\" is not known, or too large",
                              network->name, v->name);
    }
    return SMELT_OK;
}

static enum smelt_result check_contents(smelt_network network, const struct smelt_ir *ir)
{
    for (uint32_t i = 0; i < ir->input_count; i++)
        if (smelt_ir_wants_contents(ir, ir->inputs[i]))
            return smelt_fail(
                network->context, SMELT_ERROR_NOT_READY,
                "network '%s': the contents of input \"%.80s\" decide shapes: wanted `contents`",
                network->name, ir->inputs[i]->name);
    return SMELT_OK;
}

static enum smelt_result add_outputs(smelt_network network, struct smelt_ir *ir)
{
    for (uint32_t i = 0; i < network->more_output_count; i++) {
        struct smelt_ir_value *value = smelt_ir_find(ir, network->more_outputs[i]);
        if (!value || !(value->producer || value->is_input || value->constant))
            return smelt_fail(network->context, SMELT_ERROR_NOT_FOUND,
                              "network '%s': more_outputs: there is no value \"%.80s\"", network->name,
                              network->more_outputs[i]);
        enum smelt_result result = value->is_output ? SMELT_OK : smelt_ir_add_output(ir, value);
        if (result)
            return result;
    }
    return SMELT_OK;
}

// --- Plans ----------------------------------------------------------------------------------------------------

static void free_plan(struct smelt_network_plan *plan)
{
    if (!plan)
        return;
    smelt_graph_destroy(&plan->graph);
    smelt_encoder_destroy(&plan->maker);
    for (uint32_t i = plan->tensor_count; i-- > 0;)
        smelt_tensor_destroy(&plan->tensors[i]);
    free(plan->tensors);
    free(plan->of_value);
    free(plan->bindings);
    free(plan->bound);
    for (uint32_t i = 0; i < plan->placed_count; i++)
        smelt_tensor_destroy(&plan->placed[i].tensor);
    free(plan->placed);
    free(plan->tuned);
    free(plan->image_places);
    smelt_ir_destroy(&plan->ir);
    free(plan);
}

static bool is_listed(const char *name, char *const *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(name, list[i]))
            return true;
    return false;
}

static enum smelt_result check_names(smelt_network network, const struct smelt_network_plan *plan,
                                     const char *what, char *const *names, uint32_t count)
{
    const struct smelt_ir *ir = plan->ir;
    for (uint32_t k = 0; k < count; k++) {
        bool found = false;
        for (uint32_t i = 0; i < ir->input_count + ir->output_count; i++)
            found |= !strcmp(plan->bindings[i].name, names[k]);
        if (!found)
            return smelt_fail(network->context, SMELT_ERROR_NOT_FOUND,
                              "network '%s': %s: there is no input or output \"%.80s\"", network->name, what,
                              names[k]);
    }
    return SMELT_OK;
}

static enum smelt_result describe_ends(smelt_network network, struct smelt_network_plan *plan)
{
    const struct smelt_ir *ir = plan->ir;
    const struct smelt_lowering lowering = {.storage = network->storage};
    uint32_t count = ir->input_count + ir->output_count;
    plan->bindings = calloc((size_t)count + 1, sizeof(*plan->bindings));
    plan->bound = calloc((size_t)count + 1, sizeof(smelt_tensor));
    plan->of_value = calloc((size_t)ir->value_count + 1, sizeof(smelt_tensor));
    if (!plan->bindings || !plan->bound || !plan->of_value)
        return smelt_ir_no_memory(ir);
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_ir_value *v =
            i < ir->input_count ? ir->inputs[i] : ir->outputs[i - ir->input_count];
        struct smelt_network_binding *b = &plan->bindings[i];
        *b = (struct smelt_network_binding){.name = v->name,
                                            .element = smelt_element_info(v->element)->name,
                                            .dtype = smelt_lower_dtype(&lowering, v),
                                            .rank = v->rank};
        smelt_lower_shape(v, b->shape);
        b->image = is_listed(v->name, network->images, network->image_count);
        smelt_lower_strides(b->dtype, v->rank, b->shape,
                            b->image ||
                                    is_listed(v->name, network->channels_last, network->channels_last_count)
                                ? SMELT_ORDER_CHANNELS_LAST
                                : SMELT_ORDER_ROWS,
                            b->strides);
        const struct smelt_ir_value *was = network->source->values[v->id];
        for (uint32_t d = 0; d < v->rank && i < ir->input_count && was->ranked; d++)
            b->symbols[d] = smelt_dim_symbol_name(was->shape[d]);
        if (!b->dtype)
            return smelt_fail(network->context, SMELT_ERROR_UNSUPPORTED,
                              "network '%s': \"%.80s\" has elements of %s, which no tensor has",
                              network->name, v->name, b->element);
    }
    enum smelt_result result =
        check_names(network, plan, "channels_last", network->channels_last, network->channels_last_count);
    return result ? result : check_names(network, plan, "images", network->images, network->image_count);
}

// Counts workgroups of what is replayed.
static enum smelt_result look_at_sizes(struct smelt_network_plan *plan, bool *small)
{
    struct smelt_listing listing = {0};
    enum smelt_result result = smelt_graph_list_program(plan->graph, true, &listing);
    uint32_t few = 0;
    for (uint32_t i = 0; i < listing.count && !result; i++) {
        const uint32_t *groups = listing.nodes[i].groups;
        few += (uint64_t)groups[0] * groups[1] * groups[2] < FEW_GROUPS;
    }
    *small = 2 * few > listing.count;
    smelt_listing_free(&listing);
    return result;
}

static enum smelt_result choose_backend(smelt_network network, enum smelt_backend *backend)
{
    const struct smelt_backend_query query = {.op = SMELT_OP_MATMUL2D,
                                              .scope = SMELT_SCOPE_WORKGROUP,
                                              .stored = network->storage,
                                              .accumulated = SMELT_DTYPE_F32,
                                              .backend = network->backend};
    struct smelt_backend_choice choice;
    enum smelt_result result = smelt_backend_choose(network->context, &query, &choice);
    *backend = choice.backend;
    return result;
}

static enum smelt_result fill_info(smelt_network network, struct smelt_network_plan *plan)
{
    struct smelt_graph_counts counts = {0};
    struct smelt_graph_memory memory = {0};
    enum smelt_result result = smelt_graph_count(plan->graph, &counts);
    if (!result)
        result = smelt_graph_plan_memory(plan->graph, &memory);
    uint32_t converted = 0;
    if (!result)
        result = smelt_network_place_images(network, plan, &memory, &converted);
    bool small = false;
    enum smelt_backend backend = SMELT_BACKEND_AUTO;
    if (!result)
        result = look_at_sizes(plan, &small);
    if (!result)
        result = choose_backend(network, &backend);
    plan->info = (struct smelt_network_info){.name = network->name,
                                             .inputs = plan->bindings,
                                             .outputs = plan->bindings + plan->ir->input_count,
                                             .input_count = plan->ir->input_count,
                                             .output_count = plan->ir->output_count,
                                             .storage = network->storage,
                                             .intermediates_size = memory.size,
                                             .intermediates_least = memory.lower_bound,
                                             .intermediates_alignment = memory.alignment,
                                             .weights_size = network->weights.size,
                                             .node_count = plan->ir->node_count,
                                             .dispatch_count = counts.optimized_dispatches + converted,
                                             .command_count = counts.optimized_commands + converted,
                                             .backend = backend,
                                             .async_suits = small,
                                             .tuning = plan->tuning_hash};
    return result;
}

static enum smelt_result lower(smelt_network network, struct smelt_network_plan *plan)
{
    bool packaged = network->kernels.count > 0;
    uint64_t at = smelt_os_time_ns();
    if (packaged)
        smelt_kernels_use_codes(true);
    enum smelt_result result = smelt_network_lower(network, plan);
    smelt_log_time(network->context, "network", "calls and weights", &at);
    if (!result)
        result = fill_info(network, plan);
    smelt_log_time(network->context, "network", "graph and kernels", &at);
    if (packaged)
        smelt_kernels_use_codes(false);
    return result;
}

static enum smelt_result infer(smelt_network network, struct smelt_ir *ir)
{
    bool merges = false;
    enum smelt_result result = smelt_ir_infer(ir);
    if (!result && network->merges)
        result = smelt_network_merge(ir, &merges);
    return result || !merges ? result : smelt_ir_infer(ir);
}

static enum smelt_result make_plan(smelt_network network, const struct smelt_network_input *inputs,
                                   uint32_t input_count, struct smelt_network_plan **out)
{
    if (input_count && !inputs)
        return smelt_fail(network->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "network '%s': inputs is NULL, wanted %u", network->name, input_count);
    struct smelt_network_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return smelt_fail(network->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                          "network '%s': out of host memory", network->name);
    uint64_t at = smelt_os_time_ns();
    enum smelt_result result = smelt_ir_clone(network->source, &plan->ir);
    for (uint32_t i = 0; i < input_count && !result; i++)
        result = give_input(network, plan->ir, &inputs[i]);
    if (!result)
        result = settle_symbols(network, plan->ir);
    if (!result)
        result = check_contents(network, plan->ir);
    if (!result)
        result = add_outputs(network, plan->ir);
    if (!result)
        result = infer(network, plan->ir);
    if (!result)
        result = smelt_ir_simplify(plan->ir);
    if (!result)
        result = check_shapes(network, plan->ir);
    if (!result)
        result = describe_ends(network, plan);
    smelt_log_time(network->context, "network", "shapes", &at);
    if (!result)
        result = lower(network, plan);
    if (result)
        free_plan(plan);
    else
        *out = plan;
    return result;
}

// --- Networks -------------------------------------------------------------------------------------------------

static enum smelt_result check_params(smelt_context context, const struct smelt_network_params *params)
{
    if (params->storage != SMELT_DTYPE_NONE && params->storage != SMELT_DTYPE_F32 &&
        params->storage != SMELT_DTYPE_F16)
        return smelt_fail(context, SMELT_ERROR_DTYPE, "network: storage is %s, wanted f32, f16 or none",
                          smelt_dtype_name(params->storage));
    if ((uint32_t)params->backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "network: backend is %d, wanted one of enum smelt_backend (0 to %d)",
                          (int)params->backend, SMELT_BACKEND_COUNT - 1);
    if (!(params->slice >= 0) || !(params->speed >= 0))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "network: slice %g ms, speed %g GFLOP/s, wanted 0 or more", (double)params->slice,
                          (double)params->speed);
    const struct {
        const char *what;
        const char *const *names;
        uint32_t count;
    } lists[] = {{"more_outputs", params->more_outputs, params->more_output_count},
                 {"channels_last", params->channels_last, params->channels_last_count},
                 {"images", params->images, params->image_count}};
    for (uint32_t k = 0; k < SMELT_COUNT_OF(lists); k++)
        for (uint32_t i = 0; i < lists[k].count; i++)
            if (!lists[k].names || !lists[k].names[i])
                return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "network: %s%s is NULL",
                                  lists[k].what, lists[k].names ? " has a name that" : "");
    for (uint32_t i = 0; params->image_formats && i < params->image_count; i++)
        if (params->image_formats[i] && !smelt_image_layout_name(params->image_formats[i]))
            return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                              "network: image_formats: images of format %d cannot be written",
                              (int)params->image_formats[i]);
    return SMELT_OK;
}

static bool copy_names(const char *const *names, uint32_t count, char ***out, uint32_t *out_count)
{
    if (!(*out = calloc((size_t)count + 1, sizeof(char *))))
        return false;
    for (; *out_count < count; ++*out_count)
        if (!((*out)[*out_count] = smelt_copy_string(names[*out_count])))
            return false;
    return true;
}

static void free_names(char **names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static enum smelt_result fill(smelt_network network, const struct smelt_network_params *params)
{
    network->backend = params->backend;
    network->no_fusion = params->no_fusion;
    network->tune = params->tune;
    network->storage = params->storage                                 ? params->storage
                       : network->source->storage == SMELT_ELEMENT_F16 ? SMELT_DTYPE_F16
                                                                       : SMELT_DTYPE_F32;
    const char *name = params->name ? params->name : network->source->name;
    network->name = smelt_copy_string(*name ? name : "network");
    bool whole = network->name &&
                 copy_names(params->more_outputs, params->more_output_count, &network->more_outputs,
                            &network->more_output_count) &&
                 copy_names(params->channels_last, params->channels_last_count, &network->channels_last,
                            &network->channels_last_count) &&
                 copy_names(params->images, params->image_count, &network->images, &network->image_count) &&
                 (network->image_formats = calloc((size_t)params->image_count + 1, sizeof(VkFormat)));
    for (uint32_t i = 0; whole && params->image_formats && i < params->image_count; i++)
        network->image_formats[i] = params->image_formats[i];
    return whole ? SMELT_OK : smelt_ir_no_memory(network->source);
}

// How many operations a dispatch may have; 0: any number.
static enum smelt_result choose_slice(smelt_network network, const struct smelt_network_params *params)
{
    VkPhysicalDeviceType type = network->context->capabilities.device_type;
    double ms = params->slice > 0                     ? (double)params->slice
                : type == VK_PHYSICAL_DEVICE_TYPE_CPU ? 0
                                                      : SLICE_MS;
    double giga = type == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ? 1000 : 100;
    enum smelt_backend backend;
    enum smelt_result result = choose_backend(network, &backend);
    if (!result && backend != SMELT_BACKEND_PORTABLE)
        giga *= 8;
    network->slice = ms * 1e6 * (params->speed > 0 ? (double)params->speed : giga);
    return result;
}

// Values that become outputs are kept as if they were ones already.
static enum smelt_result absorb(smelt_network network)
{
    struct smelt_ir *ir = network->source;
    for (uint32_t i = 0; i < network->more_output_count; i++) {
        struct smelt_ir_value *value = smelt_ir_find(ir, network->more_outputs[i]);
        if (value && !value->is_output && smelt_ir_add_output(ir, value))
            return smelt_ir_no_memory(ir);
    }
    enum smelt_backend backend;
    enum smelt_result result = smelt_network_absorb(ir);
    if (!result)
        result = choose_backend(network, &backend);
    network->merges = !result && network->storage == SMELT_DTYPE_F16 && backend != SMELT_BACKEND_PORTABLE;
    return result ? result : smelt_network_rewrite(ir, network->merges);
}

// Takes `ir`, and the list of `kernels` (NULL: none).
static enum smelt_result create(smelt_context context, struct smelt_ir *ir,
                                struct smelt_kernel_codes *kernels, const struct smelt_network_params *params,
                                smelt_network *out)
{
    const struct smelt_network_params defaults = {0};
    params = params ? params : &defaults;
    enum smelt_result result = check_params(context, params);
    smelt_network network = result ? NULL : calloc(1, sizeof(*network));
    if (!network) {
        result = result ? result : smelt_ir_no_memory(ir);
        smelt_ir_destroy(&ir);
        free(kernels ? kernels->list : NULL);
        return result;
    }
    network->context = context;
    network->source = ir;
    if (kernels) {
        network->kernels = *kernels;
        smelt_kernel_codes_give(context, &network->kernels);
    }
    result = fill(network, params);
    if (!result)
        result = choose_slice(network, params);
    if (!result && !params->no_fusion && !params->keep_weights)
        result = absorb(network);
    if (!result)
        result = make_plan(network, params->inputs, params->input_count, &network->plan);
    if (result)
        smelt_network_destroy(&network);
    else
        *out = network;
    return result;
}

enum smelt_result smelt_network_create_from_ir(smelt_context context, struct smelt_ir *ir,
                                               const struct smelt_network_params *params, smelt_network *out)
{
    return create(context, ir, NULL, params, out);
}

enum smelt_result smelt_network_create(smelt_context context, smelt_package package,
                                       const struct smelt_network_params *params, smelt_network *network)
{
    struct smelt_ir *ir;
    if (!context || !package || !network)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "network: %s is NULL, wanted one",
                          !context   ? "context"
                          : !package ? "package"
                                     : "network");
    struct smelt_kernel_codes kernels = {0};
    uint64_t at = smelt_os_time_ns();
    enum smelt_result result = smelt_network_read_kernels(package, &kernels);
    if (!result)
        result = smelt_ir_read(package, &ir);
    smelt_log_time(context, "network", "read", &at);
    if (!result)
        return create(context, ir, &kernels, params, network);
    free(kernels.list);
    return result;
}

enum smelt_result smelt_network_reshape(smelt_network network, const struct smelt_network_input *inputs,
                                        uint32_t input_count)
{
    struct smelt_network_plan *plan;
    if (!network)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "network: reshape: network is NULL, wanted one");
    enum smelt_result result = make_plan(network, inputs, input_count, &plan);
    if (result)
        return result;
    free_plan(network->plan);
    network->plan = plan;
    return SMELT_OK;
}

void smelt_network_destroy(smelt_network *handle)
{
    if (!handle || !*handle)
        return;
    smelt_network network = *handle;
    *handle = NULL;
    free_plan(network->plan);
    smelt_weights_free(network);
    smelt_kernel_codes_take_back(network->context, &network->kernels);
    free(network->kernels.list);
    free_names(network->more_outputs, network->more_output_count);
    free_names(network->channels_last, network->channels_last_count);
    free_names(network->images, network->image_count);
    free(network->image_formats);
    free(network->name);
    smelt_ir_destroy(&network->source);
    free(network);
}

const struct smelt_network_info *smelt_network_info(smelt_network network)
{
    return &network->plan->info;
}

enum smelt_result smelt_network_describe(smelt_network network, enum smelt_graph_form form, char **text)
{
    if (!network)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "network: describe: network is NULL, wanted one");
    return smelt_graph_describe(network->plan->graph, form, true, text);
}
