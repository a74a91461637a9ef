// SPDX-License-Identifier: MIT
// ModelProto messages into networks: types, constants, nodes with their attributes.
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool smelt_onnx_is_default_domain(const char *domain)
{
    return !domain || !*domain || !strcmp(domain, "ai.onnx");
}

static enum smelt_result named_value(struct smelt_onnx_importer *in, const char *name,
                                     struct smelt_ir_value **value)
{
    if (!smelt_utf8_valid(name, strlen(name)) || strlen(name) > 4096)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: a value's name is no UTF-8 or longer than 4096 bytes", in->ir->file);
    return smelt_ir_value(in->ir, name, value);
}

// --- Constants ------------------------------------------------------------------------------------------------

enum smelt_result smelt_onnx_constant(struct smelt_onnx_importer *in, struct smelt_ir_value *value,
                                      const Onnx__TensorProto *tensor)
{
    struct smelt_onnx_contents c = {0};
    enum smelt_result result = smelt_onnx_is_external(tensor)
                                   ? smelt_onnx_external(in, value->name, tensor, &c)
                                   : smelt_onnx_contents(in->ir->file, value->name, tensor, &c);
    if (!result && c.owned)
        result = smelt_ir_own(in->ir, free, c.owned);
    return result ? result : smelt_ir_set_constant(in->ir, value, c.element, c.rank, c.shape, c.data, c.size);
}

static enum smelt_result read_constants(struct smelt_onnx_importer *in, const Onnx__GraphProto *graph)
{
    enum smelt_result result = SMELT_OK;
    if (graph->n_sparse_initializer)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: sparse initialisers", in->ir->file);
    for (size_t i = 0; i < graph->n_initializer && !result; i++) {
        const Onnx__TensorProto *t = graph->initializer[i];
        struct smelt_ir_value *v;
        if (!t->name || !*t->name)
            return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: initialiser %zu has no name", in->ir->file, i);
        if (!(result = named_value(in, t->name, &v)))
            result = smelt_onnx_constant(in, v, t);
    }
    return result;
}

// --- Inputs and outputs ---------------------------------------------------------------------------------------

static enum smelt_result tensor_type(const struct smelt_onnx_importer *in, const Onnx__ValueInfoProto *info,
                                     const Onnx__TypeProto__Tensor **type, enum smelt_element *element)
{
    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return smelt_fail(
            NULL, SMELT_ERROR_UNSUPPORTED,
            "%s: \"%.80s\": wanted a tensor, got a sequence, a map, something optional or no type",
            in->ir->file, info->name);
    *type = info->type->tensor_type;
    *element = smelt_onnx_element((*type)->elem_type);
    if (*element == SMELT_ELEMENT_NONE)
        return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                          "%s: \"%.80s\": element type %d of ONNX has no support", in->ir->file, info->name,
                          (int)(*type)->elem_type);
    return SMELT_OK;
}

// Free extents without a name get one of their own.
static enum smelt_result read_extent(struct smelt_onnx_importer *in, const struct smelt_ir_value *v,
                                     uint32_t axis, const Onnx__TensorShapeProto__Dimension *dim,
                                     struct smelt_dim *extent)
{
    char symbol[64];
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
        if (dim->dim_value < 0 || dim->dim_value > INT32_MAX)
            return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                              "%s: input \"%.80s\": extent %lld on axis %u, wanted 0 to 2^31 - 1",
                              in->ir->file, v->name, (long long)dim->dim_value, axis);
        *extent = smelt_dim_constant(dim->dim_value);
        return SMELT_OK;
    }
    bool named = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && *dim->dim_param;
    if (named && (strlen(dim->dim_param) > 63 || !smelt_utf8_valid(dim->dim_param, strlen(dim->dim_param))))
        return smelt_fail(NULL, SMELT_ERROR_FORMAT,
                          "%s: input \"%.80s\": the name of extent %u is too long or no UTF-8", in->ir->file,
                          v->name, axis);
    // By the input's place, since names may be long: "d0_2" is input 0, axis 2.
    snprintf(symbol, sizeof(symbol), "d%u_%u", in->ir->input_count - 1, axis);
    *extent = smelt_dim_symbol(in->ir, named ? dim->dim_param : symbol);
    return in->ir->dims_failed ? smelt_ir_no_memory(in->ir) : SMELT_OK;
}

static enum smelt_result read_input(struct smelt_onnx_importer *in, const Onnx__ValueInfoProto *info)
{
    const Onnx__TypeProto__Tensor *type = NULL;
    struct smelt_ir_value *v;
    if (!info->name || !*info->name)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: an input has no name", in->ir->file);
    enum smelt_result result = named_value(in, info->name, &v);
    if (result || v->constant) // files before IR version 4 list constants as inputs too
        return result;
    if ((result = smelt_ir_add_input(in->ir, v)) || (result = tensor_type(in, info, &type, &v->element)))
        return result;
    if (!type->shape)
        return SMELT_OK;
    if (type->shape->n_dim > SMELT_IR_MAX_RANK)
        return smelt_fail(NULL, SMELT_ERROR_SHAPE,
                          "%s: input \"%.80s\": wanted a rank of at most %d, got %zu", in->ir->file, v->name,
                          SMELT_IR_MAX_RANK, type->shape->n_dim);
    v->ranked = true;
    v->rank = (uint32_t)type->shape->n_dim;
    for (uint32_t i = 0; i < v->rank && !result; i++)
        result = read_extent(in, v, i, type->shape->dim[i], &v->shape[i]);
    return result;
}

static enum smelt_result read_output(struct smelt_onnx_importer *in, const Onnx__ValueInfoProto *info)
{
    struct smelt_ir_value *v;
    if (!info->name || !*info->name)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: an output has no name", in->ir->file);
    enum smelt_result result = named_value(in, info->name, &v);
    if (result)
        return result;
    if (info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        v->declared = smelt_onnx_element(info->type->tensor_type->elem_type);
    return smelt_ir_add_output(in->ir, v);
}

// --- Nodes ----------------------------------------------------------------------------------------------------

enum smelt_result smelt_onnx_draft_fail(const struct smelt_onnx_importer *in,
                                        const struct smelt_onnx_draft *draft, enum smelt_result result,
                                        const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return smelt_fail(NULL, result, "%s: node \"%.80s\" (%s): %s", in->ir->file, draft->label, draft->op,
                      text);
}

const char *smelt_onnx_label(const Onnx__NodeProto *node)
{
    if (node->name && *node->name)
        return node->name;
    return node->n_output && node->output[0] ? node->output[0] : "";
}

static bool is_known(const Onnx__NodeProto *node)
{
    return smelt_onnx_is_default_domain(node->domain) && node->op_type &&
           (smelt_operator_find(node->op_type) || smelt_onnx_is_rewritten(node->op_type));
}

// One message for all of them.
static enum smelt_result check_supported(const struct smelt_onnx_importer *in,
                                         const struct smelt_onnx_nodes *nodes)
{
    struct smelt_text list = {0};
    size_t count = 0;
    for (uint32_t i = 0; i < nodes->count; i++) {
        const Onnx__NodeProto *node = nodes->nodes[i].proto;
        if (is_known(node))
            continue;
        bool domain = !smelt_onnx_is_default_domain(node->domain);
        if (list.size < 3500)
            smelt_text_add(&list, "%s\"%.80s\" (%.40s%s%.60s)", count ? ", " : "", smelt_onnx_label(node),
                           domain ? node->domain : "", domain ? "::" : "",
                           node->op_type ? node->op_type : "none");
        else if (list.size < 4000 && list.data[list.size - 1] != '.')
            smelt_text_add(&list, ", ...");
        count++;
    }
    enum smelt_result result = SMELT_OK;
    if (count)
        result = smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                            "%s: %zu node%s with an operator that has no support: %s", in->ir->file, count,
                            count == 1 ? "" : "s", list.data ? list.data : "");
    smelt_text_free(&list);
    return result;
}

static const char *type_name(Onnx__AttributeProto__AttributeType type)
{
    static const char *const names[] = {"no type",        "a float", "an integer", "a string",
                                        "a tensor",       "a graph", "floats",     "integers",
                                        "strings",        "tensors", "graphs",     "a sparse tensor",
                                        "sparse tensors", "a type",  "types"};
    return (unsigned)type < SMELT_COUNT_OF(names) ? names[type] : "something unknown";
}

static enum smelt_result convert_attribute(struct smelt_onnx_importer *in,
                                           const struct smelt_onnx_draft *draft,
                                           const Onnx__AttributeProto *from,
                                           const struct smelt_attribute_schema *schema,
                                           struct smelt_ir_node *node)
{
    static const Onnx__AttributeProto__AttributeType wanted[] = {
        [SMELT_ATTRIBUTE_INTEGER] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
        [SMELT_ATTRIBUTE_NUMBER] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
        [SMELT_ATTRIBUTE_WORD] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
        [SMELT_ATTRIBUTE_INTEGERS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,
        [SMELT_ATTRIBUTE_NUMBERS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS,
        [SMELT_ATTRIBUTE_ELEMENT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
    };
    struct smelt_ir_attribute a = {.integer = from->i, .number = (double)from->f, .word = ""};
    char word[64] = "";
    double *numbers = NULL;
    if (from->type != wanted[schema->kind])
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT, "attribute \"%s\": wanted %s, got %s",
                                     from->name, type_name(wanted[schema->kind]), type_name(from->type));
    if (schema->kind == SMELT_ATTRIBUTE_WORD) {
        snprintf(word, sizeof(word), "%.*s", (int)SMELT_MIN(from->s.len, sizeof(word) - 1),
                 (const char *)from->s.data);
        a.word = word;
    } else if (schema->kind == SMELT_ATTRIBUTE_INTEGERS) {
        a.integers = from->ints;
        a.count = (uint32_t)from->n_ints;
    } else if (schema->kind == SMELT_ATTRIBUTE_NUMBERS) {
        if (!(numbers = malloc((from->n_floats + 1) * sizeof(*numbers))))
            return smelt_ir_no_memory(in->ir);
        for (size_t i = 0; i < from->n_floats; i++)
            numbers[i] = (double)from->floats[i];
        a.numbers = numbers;
        a.count = (uint32_t)from->n_floats;
    } else if (schema->kind == SMELT_ATTRIBUTE_ELEMENT && from->i) { // 0: not said
        a.integer = smelt_onnx_element(from->i);
        if (a.integer == SMELT_ELEMENT_NONE)
            return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_UNSUPPORTED,
                                         "attribute \"%s\": element type %lld of ONNX has no support",
                                         from->name, (long long)from->i);
    }
    enum smelt_result result = SMELT_OK;
    if (schema->kind != SMELT_ATTRIBUTE_ELEMENT || from->i)
        result = smelt_ir_set_attribute(in->ir, node, schema->name, &a);
    free(numbers);
    return result;
}

static enum smelt_result convert_attributes(struct smelt_onnx_importer *in,
                                            const struct smelt_onnx_draft *draft, struct smelt_ir_node *node)
{
    enum smelt_result result = SMELT_OK;
    for (size_t i = 0; i < draft->proto->n_attribute && !result; i++) {
        const Onnx__AttributeProto *from = draft->proto->attribute[i];
        const struct smelt_attribute_schema *schema = node->op->attributes;
        if (draft->taken[i])
            continue;
        while (schema && schema->name && strcmp(schema->name, from->name) != 0)
            schema++;
        if (!schema || !schema->name)
            return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT,
                                         "no attribute \"%.60s\" in opset %lld", from->name,
                                         (long long)in->opset);
        result = convert_attribute(in, draft, from, schema, node);
    }
    for (uint32_t i = 0; i < draft->extra_count && !result; i++)
        result = smelt_ir_set_attribute(in->ir, node, draft->extra[i].name, &draft->extra[i].value);
    return result ? result : smelt_ir_check_attributes(in->ir, node);
}

static enum smelt_result finish_draft(struct smelt_onnx_importer *in, struct smelt_onnx_draft *draft)
{
    struct smelt_ir_node *node;
    for (size_t i = 0; i < draft->proto->n_attribute; i++) {
        const Onnx__AttributeProto *a = draft->proto->attribute[i];
        if (!a->name || !*a->name || (a->ref_attr_name && *a->ref_attr_name))
            return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT,
                                         "an attribute without a name or a value");
    }
    enum smelt_result result = smelt_onnx_upgrade(in, draft);
    if (result || draft->gone)
        return result;
    const struct smelt_operator *op = smelt_operator_find(draft->op);
    if (in->opset < op->since && !strcmp(op->name, draft->proto->op_type)) // upgrades may go to younger ones
        return smelt_onnx_draft_fail(in, draft, SMELT_ERROR_FORMAT,
                                     "it came in opset %u, the model is of opset %lld", op->since,
                                     (long long)in->opset);
    const char *name = draft->proto->name ? draft->proto->name : "";
    if (!smelt_utf8_valid(name, strlen(name)))
        name = "";
    result = smelt_ir_add_node(in->ir, op, name, draft->inputs, draft->input_count, draft->outputs,
                               draft->output_count, &node);
    return result ? result : convert_attributes(in, draft, node);
}

static enum smelt_result read_values(struct smelt_onnx_importer *in, char *const *names, size_t count,
                                     struct smelt_ir_value **values)
{
    enum smelt_result result = SMELT_OK;
    for (size_t i = 0; i < count && !result; i++)
        if (names[i] && *names[i]) // "" is a value left out
            result = named_value(in, names[i], &values[i]);
    return result;
}

static enum smelt_result read_node(struct smelt_onnx_importer *in, const Onnx__NodeProto *node)
{
    struct smelt_onnx_draft draft = {.proto = node, .op = node->op_type, .label = smelt_onnx_label(node)};
    draft.inputs = calloc(node->n_input + SMELT_ONNX_MAX_EXTRA, sizeof(struct smelt_ir_value *));
    draft.outputs = calloc(node->n_output + 1, sizeof(struct smelt_ir_value *));
    draft.taken = calloc(node->n_attribute + 1, sizeof(*draft.taken));
    draft.input_count = (uint32_t)node->n_input;
    draft.output_count = (uint32_t)node->n_output;
    enum smelt_result result =
        draft.inputs && draft.outputs && draft.taken ? SMELT_OK : smelt_ir_no_memory(in->ir);
    if (!result)
        result = read_values(in, node->input, node->n_input, draft.inputs);
    if (!result)
        result = read_values(in, node->output, node->n_output, draft.outputs);
    if (!result)
        result = finish_draft(in, &draft);
    free(draft.inputs);
    free(draft.outputs);
    free(draft.taken);
    return result;
}

// --- Models ---------------------------------------------------------------------------------------------------

static enum smelt_result check_opset(const struct smelt_onnx_importer *in, const char *what, int64_t opset)
{
    return opset >= SMELT_ONNX_OPSET_OLDEST && opset <= SMELT_IR_OPSET
               ? SMELT_OK
               : smelt_fail(NULL, SMELT_ERROR_VERSION, "%s: wanted %s of opset %d to %d, got %lld",
                            in->ir->file, what, SMELT_ONNX_OPSET_OLDEST, SMELT_IR_OPSET, (long long)opset);
}

static enum smelt_result read_opset(struct smelt_onnx_importer *in, const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (smelt_onnx_is_default_domain(model->opset_import[i]->domain))
            in->opset = model->opset_import[i]->version;
    if (!in->opset)
        return smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: not an ONNX model: it declares no opset",
                          in->ir->file);
    return check_opset(in, "a model", in->opset);
}

// Functions may be of another opset than the model.
static enum smelt_result read_nodes(struct smelt_onnx_importer *in, const struct smelt_onnx_nodes *nodes)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < nodes->count && !result; i++) {
        const struct smelt_onnx_node *node = &nodes->nodes[i];
        if (!node->opset)
            result =
                smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: node \"%.80s\": its function declares no opset",
                           in->ir->file, smelt_onnx_label(node->proto));
        else
            result = check_opset(in, "functions", in->opset = node->opset);
        if (!result)
            result = read_node(in, node->proto);
    }
    return result;
}

static enum smelt_result read_graph(struct smelt_onnx_importer *in, const Onnx__GraphProto *graph,
                                    const struct smelt_onnx_nodes *nodes)
{
    enum smelt_result result = check_supported(in, nodes);
    if (!result && graph->name && smelt_utf8_valid(graph->name, strlen(graph->name)) &&
        !(in->ir->name = smelt_ir_copy(in->ir, graph->name)))
        result = smelt_ir_no_memory(in->ir);
    if (!result)
        result = read_constants(in, graph);
    for (size_t i = 0; !result && i < graph->n_input; i++)
        result = read_input(in, graph->input[i]);
    for (size_t i = 0; !result && i < graph->n_output; i++)
        result = read_output(in, graph->output[i]);
    if (!result)
        result = read_nodes(in, nodes);
    if (!result && !graph->n_output)
        result = smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: the graph has no outputs", in->ir->file);
    return result ? result : smelt_ir_sort(in->ir);
}

static enum smelt_result read_model(struct smelt_onnx_importer *in, const Onnx__ModelProto *model)
{
    struct smelt_onnx_nodes nodes = {0};
    enum smelt_result result = read_opset(in, model);
    if (!result && !model->graph)
        result = smelt_fail(NULL, SMELT_ERROR_FORMAT, "%s: not an ONNX model: it has no graph", in->ir->file);
    if (!result)
        result = smelt_onnx_inline(in, model, &nodes);
    if (!result)
        result = read_graph(in, model->graph, &nodes);
    free(nodes.nodes);
    return result;
}

static enum smelt_result read_bytes(const void *data, size_t size, const char *name, const char *directory,
                                    struct smelt_ir **out)
{
    struct smelt_onnx_importer in = {.directory = directory};
    struct smelt_onnx_unpacked *unpacked = NULL;
    enum smelt_result result = smelt_ir_create(name, &in.ir);
    if (!result)
        result = smelt_onnx_unpack(name, &onnx__model_proto__descriptor, data, size, &unpacked);
    // Constants point into the message.
    if (!result)
        result = smelt_ir_own(in.ir, smelt_onnx_unpacked_free, unpacked);
    if (!result)
        result = read_model(&in, (const Onnx__ModelProto *)unpacked->message);
    free(in.external);
    if (result)
        smelt_ir_destroy(&in.ir);
    else
        *out = in.ir;
    return result;
}

enum smelt_result smelt_onnx_read_memory(const void *data, size_t size, const char *name,
                                         struct smelt_ir **ir)
{
    return read_bytes(data, size, name, NULL, ir);
}

enum smelt_result smelt_onnx_read(const char *path, struct smelt_ir **ir)
{
    struct smelt_mapping mapping;
    const char *slash = strrchr(path, '/');
    char *directory = smelt_copy_string(slash ? path : ".");
    if (!directory)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", path);
    if (slash)
        directory[slash == path ? 1 : slash - path] = 0;
    enum smelt_result result = smelt_os_map_file(NULL, path, &mapping);
    if (!result) {
        result = read_bytes(mapping.data, mapping.size, path, directory, ir);
        smelt_os_unmap_file(&mapping);
    }
    free(directory);
    return result;
}
