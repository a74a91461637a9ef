// SPDX-License-Identifier: MIT
// Functions of a model: nodes that call one give way to the nodes of its body, under names of their own, so that
// everything behind sees operators alone. A function goes before an operator of the same name and domain.
// Source: the ONNX IR, "Functions"; PyTorch's exporters of 2.1 to 2.4 write one for each module and library function.
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Files are hostile: functions may call themselves, and each other by the power of two.
enum { MAX_DEPTH = 64, MAX_NODES = 1 << 16, MAX_BYTES = 64 << 20, MAX_COMPARISONS = 1 << 28 };

struct inlining {
    struct smelt_onnx_importer *in;
    const Onnx__ModelProto *model;
    struct smelt_onnx_nodes *nodes;
    uint32_t room;
    uint64_t written, bytes, comparisons; // nodes of bodies; memory for them; of names, about
};

// What names and attributes mean inside a call; `function` NULL: in the graph itself.
struct scope {
    const Onnx__FunctionProto *function;
    const Onnx__NodeProto *call;
    const char *prefix; // of the names of its values and nodes
    const struct scope *outer;
    uint32_t depth;
    int64_t opset; // of the operators of ONNX; 0: not declared
};

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static bool same_domain(const char *a, const char *b)
{
    return smelt_onnx_is_default_domain(a) ? smelt_onnx_is_default_domain(b) : b && !strcmp(a, b);
}

static const Onnx__FunctionProto *find_function(struct inlining *work, const Onnx__NodeProto *node)
{
    work->comparisons += work->model->n_functions;
    for (size_t i = 0; i < work->model->n_functions; i++) {
        const Onnx__FunctionProto *f = work->model->functions[i];
        if (!strcmp(text_or_empty(f->name), text_or_empty(node->op_type)) &&
            same_domain(f->domain, node->domain) &&
            !strcmp(text_or_empty(f->overload), text_or_empty(node->overload)))
            return f;
    }
    return NULL;
}

static enum smelt_result refuse(const struct inlining *work, const Onnx__NodeProto *node,
                                enum smelt_result result, const char *format, ...) SMELT_PRINTF(4, 5);
static enum smelt_result refuse(const struct inlining *work, const Onnx__NodeProto *node,
                                enum smelt_result result, const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return smelt_fail(NULL, result, "%s: node \"%.80s\" calls the function %.60s: %s", work->in->ir->file,
                      smelt_onnx_label(node), text_or_empty(node->op_type), text);
}

static bool is_too_much(const struct inlining *work)
{
    return work->bytes > MAX_BYTES || work->comparisons > MAX_COMPARISONS || work->written > MAX_NODES;
}

// Owned by the network; NULL: no memory, or more than a model may take.
static void *take(struct inlining *work, size_t size)
{
    work->bytes += size;
    return is_too_much(work) ? NULL : smelt_ir_allocate(work->in->ir, size + 1);
}

static enum smelt_result no_room(const struct inlining *work)
{
    return is_too_much(work)
               ? smelt_fail(NULL, SMELT_ERROR_FORMAT,
                            "%s: its functions, written out, are more than %d nodes, %d MiB or %d "
                            "comparisons of names",
                            work->in->ir->file, MAX_NODES, MAX_BYTES >> 20, MAX_COMPARISONS)
               : smelt_ir_no_memory(work->in->ir);
}

// PREFIX/NAME
static char *inner_name(struct inlining *work, const struct scope *scope, const char *name)
{
    size_t size = strlen(scope->prefix) + strlen(name) + 2;
    char *text = take(work, size);
    if (text)
        snprintf(text, size, "%s/%s", scope->prefix, name);
    return text;
}

// --- One node of a body -------------------------------------------------------------------------------------------

static bool is_in(char *const *names, size_t count, const char *name, size_t *index)
{
    for (*index = 0; *index < count; ++*index)
        if (names[*index] && !strcmp(names[*index], name))
            return true;
    return false;
}

// What the caller calls it where it is an input or output; an input that the caller leaves out is "".
static char *actual_name(struct inlining *work, const struct scope *scope, char *name)
{
    const Onnx__FunctionProto *f = scope->function;
    static char none[] = "";
    size_t i;
    if (!name || !*name)
        return none;
    work->comparisons += f->n_input + f->n_output;
    if (is_in(f->input, f->n_input, name, &i))
        return i < scope->call->n_input && scope->call->input[i] ? scope->call->input[i] : none;
    if (is_in(f->output, f->n_output, name, &i) && i < scope->call->n_output && scope->call->output[i] &&
        *scope->call->output[i])
        return scope->call->output[i];
    return inner_name(work, scope, name);
}

static enum smelt_result actual_names(struct inlining *work, const struct scope *scope, char **from,
                                      size_t count, char ***to)
{
    if (!(*to = take(work, count * sizeof(**to))))
        return no_room(work);
    for (size_t i = 0; i < count; i++)
        if (!((*to)[i] = actual_name(work, scope, from[i])))
            return no_room(work);
    return SMELT_OK;
}

static const Onnx__AttributeProto *find_attribute(Onnx__AttributeProto *const *list, size_t count,
                                                  const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (list[i]->name && !strcmp(list[i]->name, name))
            return list[i];
    return NULL;
}

// An attribute that refers to one of the function gets what the call gives it, or its default; without either it is as if
// it were not there.
static enum smelt_result actual_attributes(struct inlining *work, const struct scope *scope,
                                           Onnx__NodeProto *node)
{
    const Onnx__FunctionProto *f = scope->function;
    Onnx__AttributeProto **list = take(work, node->n_attribute * sizeof(*list));
    size_t count = 0;
    if (!list)
        return no_room(work);
    for (size_t i = 0; i < node->n_attribute; i++) {
        Onnx__AttributeProto *a = node->attribute[i];
        const char *name = text_or_empty(a->ref_attr_name);
        if (!*name) {
            list[count++] = a;
            continue;
        }
        work->comparisons += scope->call->n_attribute + f->n_attribute_proto;
        const Onnx__AttributeProto *given =
            find_attribute(scope->call->attribute, scope->call->n_attribute, name);
        if (!given)
            given = find_attribute(f->attribute_proto, f->n_attribute_proto, name);
        if (!given)
            continue;
        if (!(list[count] = take(work, sizeof(**list))))
            return no_room(work);
        *list[count] = *given;
        list[count++]->name = a->name;
    }
    node->attribute = list;
    node->n_attribute = count;
    return SMELT_OK;
}

// A copy of a node of the body with everything from outside put in.
static enum smelt_result write_out(struct inlining *work, const struct scope *scope,
                                   const Onnx__NodeProto *node, Onnx__NodeProto **out)
{
    Onnx__NodeProto *copy = take(work, sizeof(*copy));
    work->written++;
    if (!copy)
        return no_room(work);
    *copy = *node;
    copy->name = inner_name(work, scope, smelt_onnx_label(node));
    enum smelt_result result = copy->name ? SMELT_OK : no_room(work);
    if (!result)
        result = actual_names(work, scope, node->input, node->n_input, &copy->input);
    if (!result)
        result = actual_names(work, scope, node->output, node->n_output, &copy->output);
    if (!result)
        result = actual_attributes(work, scope, copy);
    *out = copy;
    return result;
}

// --- Lists of nodes -----------------------------------------------------------------------------------------------

static enum smelt_result append(struct inlining *work, const Onnx__NodeProto *node, int64_t opset)
{
    struct smelt_onnx_nodes *nodes = work->nodes;
    if (nodes->count == work->room) {
        uint32_t room = work->room ? 2 * work->room : 256;
        struct smelt_onnx_node *larger = realloc(nodes->nodes, room * sizeof(*larger));
        if (!larger)
            return smelt_ir_no_memory(work->in->ir);
        nodes->nodes = larger;
        work->room = room;
    }
    nodes->nodes[nodes->count++] = (struct smelt_onnx_node){node, opset};
    return SMELT_OK;
}

static enum smelt_result check_call(const struct inlining *work, const struct scope *scope,
                                    const Onnx__FunctionProto *f, const Onnx__NodeProto *call)
{
    for (const struct scope *s = scope; s; s = s->outer)
        if (s->function == f)
            return refuse(work, call, SMELT_ERROR_FORMAT, "it calls itself");
    if (scope->depth == MAX_DEPTH)
        return refuse(work, call, SMELT_ERROR_FORMAT, "calls nested deeper than %d", MAX_DEPTH);
    if (call->n_input > f->n_input || call->n_output > f->n_output)
        return refuse(work, call, SMELT_ERROR_FORMAT, "it has %zu inputs and %zu outputs, given %zu and %zu",
                      f->n_input, f->n_output, call->n_input, call->n_output);
    return SMELT_OK;
}

// Calls are numbered, since nodes may have one name, or none.
static enum smelt_result enter(struct inlining *work, const struct scope *scope, const Onnx__FunctionProto *f,
                               const Onnx__NodeProto *call, struct scope *inside)
{
    const char *label = smelt_onnx_label(call);
    size_t size = strlen(label) + 16;
    char *prefix = take(work, size);
    enum smelt_result result = check_call(work, scope, f, call);
    if (result || !prefix)
        return result ? result : no_room(work);
    snprintf(prefix, size, "%s#%u", label, work->nodes->calls++);
    *inside = (struct scope){f, call, prefix, scope, scope->depth + 1, 0};
    for (size_t i = 0; i < f->n_opset_import; i++)
        if (smelt_onnx_is_default_domain(f->opset_import[i]->domain))
            inside->opset = f->opset_import[i]->version;
    return SMELT_OK;
}

static enum smelt_result inline_nodes(struct inlining *work, const struct scope *scope,
                                      Onnx__NodeProto *const *nodes, size_t count)
{
    enum smelt_result result = SMELT_OK;
    for (size_t i = 0; i < count && !result; i++) {
        Onnx__NodeProto *node = nodes[i];
        if (scope->function)
            result = write_out(work, scope, node, &node);
        const Onnx__FunctionProto *f = result ? NULL : find_function(work, node);
        struct scope inside;
        if (f && !(result = enter(work, scope, f, node, &inside)))
            result = inline_nodes(work, &inside, f->node, f->n_node);
        else if (!f && !result)
            result = append(work, node, scope->opset);
        if (!result && is_too_much(work))
            result = no_room(work);
    }
    return result;
}

enum smelt_result smelt_onnx_inline(struct smelt_onnx_importer *in, const Onnx__ModelProto *model,
                                    struct smelt_onnx_nodes *nodes)
{
    struct inlining work = {.in = in, .model = model, .nodes = nodes};
    const struct scope graph = {.opset = in->opset};
    return inline_nodes(&work, &graph, model->graph->node, model->graph->n_node);
}
