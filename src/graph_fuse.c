// SPDX-License-Identifier: MIT
// Fusion: a table of patterns, each a pair of library calls of which the second reads what the first writes, and how to
// make one call of them. It is tried until nothing fits any more, so that chains of any length become one.
#include "elementwise_internal.h"
#include "graph_internal.h"
#include "kernels_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX
#define MAX_LABEL 96

struct fuser {
    smelt_graph graph;
    struct smelt_graph_list *list;
};

// Two calls, and what the first one writes and the second one reads.
struct pair {
    smelt_graph graph;
    const union smelt_graph_call *first, *second;
    smelt_tensor between;
};

static bool same_view(smelt_tensor a, smelt_tensor b)
{
    const struct smelt_tensor_info *x = smelt_tensor_info(a), *y = smelt_tensor_info(b);
    return a == b || (x->address == y->address && smelt_tensor_lies_as(x, y));
}

static bool same_shape(smelt_tensor a, smelt_tensor b)
{
    return smelt_tensor_same_shape(smelt_tensor_info(a), smelt_tensor_info(b));
}

// A vector that is added to or multiplied with the last dimension of t.
static bool is_row(smelt_tensor v, smelt_tensor t, enum smelt_dtype dtype)
{
    const struct smelt_tensor_info *row = smelt_tensor_info(v), *all = smelt_tensor_info(t);
    return row->rank == 1 && all->rank > 1 && row->shape[0] == all->shape[all->rank - 1] &&
           row->dtype == dtype;
}

static bool lies_as(smelt_tensor a, smelt_tensor b)
{
    return smelt_tensor_lies_as(smelt_tensor_info(a), smelt_tensor_info(b));
}

// --- Patterns ---------------------------------------------------------------------------------------------

// The tensor that a step of `call` combines with `chain` (an operand's number); NULL when it is not such a step.
static smelt_tensor other_operand(const struct smelt_elementwise_params *call, uint32_t step, uint32_t chain)
{
    const uint32_t *operands = call->steps[step].operands;
    uint32_t other = operands[0] == chain ? operands[1] : operands[1] == chain ? operands[0] : NOBODY;
    return other < call->input_count && other != chain ? call->inputs[other] : NULL;
}

// The number that the tensor between has among the inputs, if it is there once.
static uint32_t chain_input(const struct smelt_elementwise_params *call, smelt_tensor between)
{
    uint32_t found = NOBODY, times = 0;
    for (uint32_t i = 0; i < call->input_count; i++)
        if (same_view(call->inputs[i], between)) {
            found = i;
            times++;
        }
    return times == 1 ? found : NOBODY;
}

// Calls `take` with each step of an elementwise call that goes on from the tensor between; true when it took all.
static bool take_steps(void *into, const struct smelt_elementwise_params *call, smelt_tensor between,
                       bool (*take)(void *into, const struct smelt_elementwise_step *step,
                                    smelt_tensor other))
{
    uint32_t chain = chain_input(call, between);
    for (uint32_t s = 0; s < call->step_count && chain != NOBODY; s++) {
        const struct smelt_elementwise_step *step = &call->steps[s];
        bool two = smelt_elementwise_operand_count(step->operation) == 2;
        smelt_tensor other = two ? other_operand(call, s, chain) : NULL;
        if ((two ? !other : step->operands[0] != chain) || !take(into, step, other))
            return false;
        chain = call->input_count + s;
    }
    return chain != NOBODY;
}

// What a product or a convolution does to its results: its parameters for that, in the call to be made.
struct epilogue {
    smelt_graph graph;
    smelt_tensor a, result;
    smelt_tensor *bias, *residual;
    enum smelt_activation *activation;
    uint32_t channels; // the dimension of the result along which there is a bias; UINT32_MAX: it takes none
};

// A tensor that has one element for each of the result's channels, as a vector; NULL: it is none.
static smelt_tensor as_bias(const struct epilogue *e, smelt_tensor other)
{
    const struct smelt_tensor_info *v = smelt_tensor_info(other), *d = smelt_tensor_info(e->result);
    uint32_t behind = e->channels == UINT32_MAX ? 0 : d->rank - 1 - e->channels, at = v->rank - 1 - behind;
    if (e->channels == UINT32_MAX || v->rank <= behind || v->shape[at] != d->shape[e->channels] ||
        smelt_tensor_element_count(other) != v->shape[at] || v->dtype != smelt_tensor_info(e->a)->dtype ||
        !smelt_dtype_is_float(v->dtype) || d->rank < 2)
        return NULL;
    return v->rank == 1 ? other : smelt_graph_vector(e->graph, other, at);
}

static bool take_epilogue(void *into, const struct smelt_elementwise_step *step, smelt_tensor other)
{
    struct epilogue *e = into;
    if (step->operation == SMELT_ELEMENTWISE_ACTIVATE && !*e->activation) {
        *e->activation = step->activation;
        return true;
    }
    if (step->operation != SMELT_ELEMENTWISE_ADD || *e->activation)
        return false;
    if (!*e->residual && lies_as(other, e->result)) {
        *e->residual = other;
        return true;
    }
    return !*e->bias && (*e->bias = as_bias(e, other));
}

// Whether the steps became part of the call, which writes y then.
static bool take_all(struct epilogue *e, const struct smelt_elementwise_params *call, smelt_tensor between)
{
    return smelt_tensor_info(call->y)->dtype == smelt_tensor_info(between)->dtype &&
           smelt_dtype_is_float(
               smelt_tensor_info(between)->dtype) && // sums of integers have no such epilogue
           same_shape(call->y, between) &&
           take_steps(e, call, between, take_epilogue) && (!*e->residual || lies_as(*e->residual, call->y));
}

static union smelt_graph_call *into_matmul2d(const struct pair *pair)
{
    const struct smelt_tensor_info *y = smelt_tensor_info(pair->second->elementwise.y);
    union smelt_graph_call made = *pair->first;
    struct smelt_matmul2d_params *p = &made.matmul2d;
    struct epilogue e = {pair->graph, p->a, p->d, &p->bias, &p->residual, &p->activation, UINT32_MAX};
    if (!p->scale && y->rank)
        e.channels = y->rank - 1;
    if (!smelt_dtype_is_float(y->dtype) || !y->rank || y->strides[y->rank - 1] != 1 ||
        !take_all(&e, &pair->second->elementwise, pair->between))
        return NULL;
    p->d = pair->second->elementwise.y;
    return smelt_graph_call_copy(SMELT_OPERATION_MATMUL2D, &made);
}

static union smelt_graph_call *into_convolution2d(const struct pair *pair)
{
    union smelt_graph_call made = *pair->first;
    struct smelt_convolution2d_params *p = &made.convolution2d;
    bool first_channel = p->image_layout == SMELT_IMAGE_NCHW;
    struct epilogue e = {pair->graph,
                         p->a,
                         p->d,
                         &p->bias,
                         &p->residual,
                         &p->activation,
                         smelt_tensor_info(p->d)->rank - (first_channel ? 3 : 1)};
    if (!take_all(&e, &pair->second->elementwise, pair->between))
        return NULL;
    p->d = pair->second->elementwise.y;
    return smelt_graph_call_copy(SMELT_OPERATION_CONVOLUTION2D, &made);
}

static bool norm_fits(smelt_tensor y, smelt_tensor between, uint32_t axis)
{
    const struct smelt_tensor_info *is = smelt_tensor_info(y), *was = smelt_tensor_info(between);
    return is->dtype == was->dtype && same_shape(y, between) && axis + 1 == was->rank;
}

static bool take_rms_norm(void *into, const struct smelt_elementwise_step *step, smelt_tensor other)
{
    struct smelt_rms_norm_params *p = into;
    if (step->operation != SMELT_ELEMENTWISE_MULTIPLY || p->gamma ||
        !is_row(other, p->y, smelt_tensor_info(p->x)->dtype))
        return false;
    p->gamma = other;
    return true;
}

static union smelt_graph_call *into_rms_norm(const struct pair *pair)
{
    union smelt_graph_call made = *pair->first;
    if (!norm_fits(pair->second->elementwise.y, pair->between, pair->first->rms_norm.axis) ||
        !take_steps(&made.rms_norm, &pair->second->elementwise, pair->between, take_rms_norm))
        return NULL;
    made.rms_norm.y = pair->second->elementwise.y;
    return smelt_graph_call_copy(SMELT_OPERATION_RMS_NORM, &made);
}

static bool take_layer_norm(void *into, const struct smelt_elementwise_step *step, smelt_tensor other)
{
    struct smelt_layer_norm_params *p = into;
    bool multiply = step->operation == SMELT_ELEMENTWISE_MULTIPLY,
         add = step->operation == SMELT_ELEMENTWISE_ADD;
    if (!(multiply && !p->gamma && !p->beta) && !(add && !p->beta))
        return false;
    if (!is_row(other, p->y, smelt_tensor_info(p->x)->dtype))
        return false;
    *(multiply ? &p->gamma : &p->beta) = other;
    return true;
}

static union smelt_graph_call *into_layer_norm(const struct pair *pair)
{
    union smelt_graph_call made = *pair->first;
    if (!norm_fits(pair->second->elementwise.y, pair->between, pair->first->layer_norm.axis) ||
        !take_steps(&made.layer_norm, &pair->second->elementwise, pair->between, take_layer_norm))
        return NULL;
    made.layer_norm.y = pair->second->elementwise.y;
    return smelt_graph_call_copy(SMELT_OPERATION_LAYER_NORM, &made);
}

// The number of a tensor among the inputs, which it joins if it is new; NOBODY: there is no room.
static uint32_t join_input(struct smelt_elementwise_params *p, smelt_tensor tensor)
{
    for (uint32_t i = 0; i < p->input_count; i++)
        if (p->inputs[i] == tensor)
            return i;
    if (p->input_count == SMELT_ELEMENTWISE_MAX_INPUTS)
        return NOBODY;
    p->inputs[p->input_count] = tensor;
    return p->input_count++;
}

// Copies the steps of a part behind `done` others; `chain` is what replaces the tensor between.
static void append_steps(struct smelt_elementwise_params *p, struct smelt_elementwise_step *steps,
                         uint32_t done, const struct smelt_elementwise_params *part, smelt_tensor between,
                         uint32_t inputs)
{
    for (uint32_t s = 0; s < part->step_count; s++) {
        steps[done + s] = part->steps[s];
        for (uint32_t o = 0; o < 2; o++) {
            uint32_t *operand = &steps[done + s].operands[o];
            if (*operand == SMELT_ELEMENTWISE_VALUE ||
                o >= smelt_elementwise_operand_count(part->steps[s].operation))
                continue;
            if (*operand >= part->input_count)
                *operand += inputs + done - part->input_count;
            else if (between && same_view(part->inputs[*operand], between))
                *operand = inputs + done - 1;
            else
                *operand = join_input(p, part->inputs[*operand]);
        }
    }
}

static union smelt_graph_call *into_chain(const struct pair *pair)
{
    const struct smelt_elementwise_params *a = &pair->first->elementwise, *b = &pair->second->elementwise;
    struct smelt_elementwise_params all = {.y = b->y};
    uint64_t count = (uint64_t)a->step_count + b->step_count;
    bool room = count < UINT32_MAX / 2 && same_shape(b->y, pair->between);
    for (uint32_t i = 0; i < a->input_count && room; i++)
        room = join_input(&all, a->inputs[i]) != NOBODY;
    for (uint32_t i = 0; i < b->input_count && room; i++)
        room = same_view(b->inputs[i], pair->between) || join_input(&all, b->inputs[i]) != NOBODY;
    struct smelt_elementwise_step *steps = room ? malloc(count * sizeof(*steps)) : NULL;
    if (!steps)
        return NULL;
    union smelt_graph_call *made = NULL;
    append_steps(&all, steps, 0, a, NULL, all.input_count);
    append_steps(&all, steps, a->step_count, b, pair->between, all.input_count);
    all.steps = steps;
    all.step_count = (uint32_t)count;
    if (smelt_elementwise_fits(&all))
        made = smelt_graph_call_copy(SMELT_OPERATION_ELEMENTWISE, &all);
    free(steps);
    return made;
}

// a + b, which a norm can take before it: both of the sum's type, shape and strides.
static bool takes_sum(const struct smelt_elementwise_params *add, smelt_tensor x, smelt_tensor y,
                      smelt_tensor between, smelt_tensor *residual, smelt_tensor *sum)
{
    if (*residual || add->step_count != 1 || add->input_count != 2 || !same_view(x, between) ||
        add->steps[0].operation != SMELT_ELEMENTWISE_ADD ||
        add->steps[0].operands[0] + add->steps[0].operands[1] != 1 || !lies_as(add->inputs[0], between) ||
        !lies_as(add->inputs[1], between))
        return false;
    *residual = add->inputs[1];
    *sum = same_view(y, between) ? NULL : between; // a norm in place leaves none
    return true;
}

// A norm of what an addition gives, as one that adds itself. `x`, `residual` and `sum` are the norm's in `made`; the rest
// of what smelt_norm_adds looks at is in `norm`.
static bool add_sum(const struct pair *pair, smelt_tensor *x, smelt_tensor *residual, smelt_tensor *sum,
                    struct smelt_layer_norm_params norm)
{
    const struct smelt_elementwise_params *add = &pair->first->elementwise;
    if (!takes_sum(add, *x, norm.y, pair->between, residual, sum))
        return false;
    norm.x = *x = add->inputs[0];
    norm.residual = *residual;
    norm.sum = *sum;
    return smelt_norm_adds(&norm);
}

static union smelt_graph_call *sum_into_rms_norm(const struct pair *pair)
{
    union smelt_graph_call made = *pair->second;
    struct smelt_rms_norm_params *p = &made.rms_norm;
    const struct smelt_layer_norm_params norm = {.y = p->y, .axis = p->axis, .baked = p->baked};
    return add_sum(pair, &p->x, &p->residual, &p->sum, norm)
               ? smelt_graph_call_copy(SMELT_OPERATION_RMS_NORM, &made)
               : NULL;
}

static union smelt_graph_call *sum_into_layer_norm(const struct pair *pair)
{
    union smelt_graph_call made = *pair->second;
    struct smelt_layer_norm_params *p = &made.layer_norm;
    return add_sum(pair, &p->x, &p->residual, &p->sum, *p)
               ? smelt_graph_call_copy(SMELT_OPERATION_LAYER_NORM, &made)
               : NULL;
}

// What is tried first stands first: a step that an epilogue takes costs nothing.
static const struct pattern {
    enum smelt_operation first, second, made;
    union smelt_graph_call *(*merge)(const struct pair *pair); // NULL: they cannot be one
    bool keeps; // what is between is written too: others may read it after the second
} patterns[] = {
    {SMELT_OPERATION_MATMUL2D, SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_MATMUL2D, into_matmul2d, false},
    {SMELT_OPERATION_CONVOLUTION2D, SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_CONVOLUTION2D,
     into_convolution2d, false},
    {SMELT_OPERATION_RMS_NORM, SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_RMS_NORM, into_rms_norm, false},
    {SMELT_OPERATION_LAYER_NORM, SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_LAYER_NORM, into_layer_norm,
     false},
    {SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_RMS_NORM, SMELT_OPERATION_RMS_NORM, sum_into_rms_norm,
     true},
    {SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_LAYER_NORM, SMELT_OPERATION_LAYER_NORM, sum_into_layer_norm,
     true},
    {SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_ELEMENTWISE, SMELT_OPERATION_ELEMENTWISE, into_chain,
     false},
};

// --- When ------------------------------------------------------------------------------------------------

static bool meets(const struct smelt_range *a, const struct smelt_range *b)
{
    return a->begin < b->end && b->begin < a->end;
}

// Whether a dispatch of the item accesses the range so: writes it, or (reads) reads it.
static bool touches(const struct smelt_graph_item *item, const struct smelt_range *range, bool reads,
                    bool writes)
{
    for (uint32_t d = 0; d < item->dispatch_count; d++) {
        const struct smelt_dispatch *dispatch = item->dispatches[d];
        const struct smelt_range command = {.begin = dispatch->indirect_range.begin,
                                            .end = dispatch->indirect_range.end};
        if (reads && command.begin < command.end && meets(&command, range))
            return true;
        for (uint32_t r = 0; r < dispatch->range_count; r++) {
            const struct smelt_range *own = &dispatch->ranges[r];
            if (meets(own, range) && ((reads && own->access != SMELT_ACCESS_WRITE) ||
                                      (writes && own->access != SMELT_ACCESS_READ)))
                return true;
        }
    }
    return false;
}

static smelt_tensor result_of(const struct smelt_graph_item *item)
{
    switch (item->operation) {
    case SMELT_OPERATION_MATMUL2D:
        return item->call->matmul2d.d;
    case SMELT_OPERATION_CONVOLUTION2D:
        return item->call->convolution2d.d;
    case SMELT_OPERATION_RMS_NORM:
        return item->call->rms_norm.y;
    case SMELT_OPERATION_LAYER_NORM:
        return item->call->layer_norm.y;
    case SMELT_OPERATION_ATTENTION:
        return item->call->attention.y;
    case SMELT_OPERATION_ELEMENTWISE:
        return item->call->elementwise.y;
    default:
        return NULL;
    }
}

// Whether item k may stand between the two where the first one runs with the second.
static bool may_cross(const struct smelt_graph_item *k, const struct smelt_graph_item *first)
{
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    if (k->is_barrier)
        return !((k->barrier.barrier.source_stages | k->barrier.barrier.destination_stages) & ~compute);
    if (k->operation == SMELT_OPERATION_UNTAGGED)
        return false;
    for (uint32_t d = 0; d < first->dispatch_count; d++)
        for (uint32_t r = 0; r < first->dispatches[d]->range_count; r++) {
            const struct smelt_range *range = &first->dispatches[d]->ranges[r];
            if (touches(k, range, range->access != SMELT_ACCESS_READ, true))
                return false;
        }
    return true;
}

static bool is_packed(smelt_tensor tensor)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    return info->size == smelt_dtype_size(info->dtype, smelt_tensor_element_count(tensor));
}

// Whether the item writes every byte of the range, and reads none of it.
static bool covers(const struct smelt_graph_item *item, const struct smelt_range *range)
{
    smelt_tensor result = item->call ? result_of(item) : NULL;
    if (!result || touches(item, range, true, false))
        return false;
    struct smelt_range own = smelt_range_of(result, SMELT_ACCESS_WRITE);
    return own.begin <= range->begin && range->end <= own.end && is_packed(result);
}

// Whether nobody but item j reads what item i leaves in its result: neither a later item nor the caller.
static bool is_alone(const struct fuser *fuser, uint32_t i, uint32_t j, smelt_tensor between, bool keeps)
{
    const struct smelt_range range = smelt_range_of(between, SMELT_ACCESS_READ);
    struct smelt_graph_item *const *items = fuser->list->items;
    smelt_tensor written = result_of(items[j]);
    for (uint32_t k = i + 1; k < j; k++)
        if (!may_cross(items[k], items[i]))
            return false;
    if (keeps || same_view(written, between))
        return true; // it is still written, or it is overwritten where it stands
    for (uint32_t k = j + 1; k < fuser->list->count; k++) {
        if (items[k]->is_barrier)
            continue;
        if (touches(items[k], &range, true, false))
            return false;
        if (covers(items[k], &range))
            return true;
    }
    for (uint32_t o = 0; o < fuser->graph->params.output_count; o++) {
        const struct smelt_range live = smelt_range_of(fuser->graph->outputs[o], SMELT_ACCESS_READ);
        if (meets(&live, &range))
            return false;
    }
    return fuser->graph->params.output_count > 0;
}

// Whether a call reads each element of this tensor only for the same one of its result.
static bool reads_by_element(const struct smelt_graph_item *item, smelt_tensor tensor)
{
    const union smelt_graph_call *call = item->call;
    if (item->operation == SMELT_OPERATION_MATMUL2D)
        return tensor == call->matmul2d.residual;
    if (item->operation == SMELT_OPERATION_CONVOLUTION2D)
        return tensor == call->convolution2d.residual;
    return true; // norms may work in place
}

// What the made call reads of the first one must not be where it writes: the calls refuse that, or it would be read late.
static bool keeps_apart(const struct smelt_graph_item *first, const struct smelt_graph_item *second,
                        smelt_tensor between)
{
    smelt_tensor y = result_of(second);
    const struct smelt_range own = smelt_range_of(y, SMELT_ACCESS_WRITE);
    for (uint32_t d = 0; d < first->dispatch_count; d++)
        for (uint32_t r = 0; r < first->dispatches[d]->range_count; r++) {
            const struct smelt_range *range = &first->dispatches[d]->ranges[r];
            bool same =
                range->tensor && same_view(range->tensor, y) && reads_by_element(first, range->tensor);
            if (range->access != SMELT_ACCESS_WRITE && meets(range, &own) && !same)
                return false;
        }
    for (uint32_t d = 0; d < second->dispatch_count; d++)
        for (uint32_t r = 0; r < second->dispatches[d]->range_count; r++) {
            const struct smelt_range *range = &second->dispatches[d]->ranges[r];
            bool same = range->tensor && (same_view(range->tensor, between) || same_view(range->tensor, y));
            if (range->access != SMELT_ACCESS_WRITE && meets(range, &own) && !same)
                return false;
        }
    return true;
}

// --- Doing it ---------------------------------------------------------------------------------------------

static char *join_labels(const char *first, const char *second)
{
    struct smelt_text text = {0};
    smelt_text_add(&text, "%s + ", first);
    if (text.size + strlen(second) > MAX_LABEL && strlen(first) > MAX_LABEL / 2) {
        size_t begin = strcspn(first, "+");
        smelt_text_free(&text);
        smelt_text_add(&text, "%.*s... + ",
                       (int)SMELT_MIN(begin ? begin - (first[begin] == '+') : 0, MAX_LABEL), first);
    }
    smelt_text_add(&text, "%s", second);
    if (text.failed)
        smelt_text_free(&text);
    return text.data;
}

// The item that stands for both; NULL in `made` when the call cannot be made here.
static enum smelt_result make_item(smelt_graph graph, const struct smelt_graph_item *first,
                                   const struct smelt_graph_item *second, enum smelt_operation operation,
                                   union smelt_graph_call *call, struct smelt_graph_item **made)
{
    struct smelt_graph_item *item = calloc(1, sizeof(*item));
    *made = NULL;
    if (item) {
        *item = (struct smelt_graph_item){.label = join_labels(first->label, second->label),
                                          .operation = operation,
                                          .call = call,
                                          .fused = first->fused + second->fused + 1};
    } else {
        free(call);
    }
    enum smelt_result result =
        item && item->label ? smelt_graph_item_refresh(graph, item) : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    if (result) {
        smelt_graph_item_free(item);
        return result == SMELT_ERROR_OUT_OF_HOST_MEMORY ? result : SMELT_OK;
    }
    result = smelt_graph_list_add(&graph->made, item);
    *made = result ? NULL : item;
    return result;
}

// The last item before j that writes some of the tensor.
static uint32_t producer_of(const struct smelt_graph_list *list, uint32_t j, smelt_tensor tensor)
{
    const struct smelt_range range = smelt_range_of(tensor, SMELT_ACCESS_READ);
    for (uint32_t i = j; i-- > 0;)
        if (!list->items[i]->is_barrier && touches(list->items[i], &range, false, true))
            return i;
    return NOBODY;
}

// Tries to take the producer of one tensor that item j reads into it.
static enum smelt_result try_pair(struct fuser *fuser, const struct pattern *pattern, uint32_t j,
                                  smelt_tensor between, bool *done)
{
    struct smelt_graph_list *list = fuser->list;
    struct smelt_graph_item *second = list->items[j], *made = NULL;
    uint32_t i = producer_of(list, j, between);
    if (i == NOBODY || list->items[i]->operation != pattern->first || !list->items[i]->call)
        return SMELT_OK;
    struct smelt_graph_item *first = list->items[i];
    smelt_tensor result_tensor = result_of(first);
    if (!same_view(result_tensor, between) || !is_alone(fuser, i, j, between, pattern->keeps) ||
        !keeps_apart(first, second, between))
        return SMELT_OK;
    const struct pair pair = {fuser->graph, first->call, second->call, between};
    union smelt_graph_call *call = pattern->merge(&pair);
    if (!call)
        return SMELT_OK;
    enum smelt_result result = make_item(fuser->graph, first, second, pattern->made, call, &made);
    if (!made)
        return result;
    list->items[j] = made;
    memmove(&list->items[i], &list->items[i + 1], (list->count - i - 1) * sizeof(*list->items));
    list->count--;
    fuser->graph->fused++;
    *done = true;
    return SMELT_OK;
}

static enum smelt_result try_item(struct fuser *fuser, const struct pattern *pattern, uint32_t j, bool *done)
{
    const struct smelt_graph_item *item = fuser->list->items[j];
    enum smelt_result result = SMELT_OK;
    if (item->is_barrier || item->operation != pattern->second || !item->call)
        return SMELT_OK;
    for (uint32_t d = 0; d < item->dispatch_count; d++)
        for (uint32_t r = 0; r < item->dispatches[d]->range_count && !result && !*done; r++) {
            const struct smelt_range *range = &item->dispatches[d]->ranges[r];
            if (range->tensor && range->access != SMELT_ACCESS_WRITE)
                result = try_pair(fuser, pattern, j, range->tensor, done);
            if (*done)
                return result;
        }
    return result;
}

enum smelt_result smelt_graph_fuse(smelt_graph graph, struct smelt_graph_list *list)
{
    struct fuser fuser = {graph, list};
    enum smelt_result result = SMELT_OK;
    for (uint32_t p = 0; p < SMELT_COUNT_OF(patterns) && !result; p++)
        for (uint32_t j = 0; j < list->count && !result;) {
            bool done = false;
            result = try_item(&fuser, &patterns[p], j, &done);
            j = done ? j - 1 : j + 1; // the item at j is now at j - 1: again
        }
    return result;
}
