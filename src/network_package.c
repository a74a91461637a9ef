// SPDX-License-Identifier: MIT
// Networks into packages (docs/networks.md): constants as tensors, the rest as JSON.
#include "network_operators.h"
#include "json.h"
#include "kernels_code.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_names(struct smelt_text *text, const char *key, struct smelt_ir_value *const *values,
                      uint32_t count)
{
    smelt_text_add(text, ",\"%s\":[", key);
    for (uint32_t i = 0; i < count; i++) {
        smelt_text_add(text, "%s", i ? "," : "");
        smelt_json_add_string(text, values[i] ? values[i]->name : "");
    }
    smelt_text_add(text, "]");
}

static bool add_integer(struct smelt_text *text, int64_t value)
{
    smelt_text_add(text, "%lld", (long long)value);
    return value >= -(INT64_C(1) << 53) && value <= INT64_C(1) << 53; // what JSON's numbers hold
}

static bool add_attribute(struct smelt_text *text, const struct smelt_attribute_schema *schema,
                          const struct smelt_ir_attribute *a)
{
    bool good = true;
    smelt_json_add_string(text, schema->name);
    smelt_text_add(text, ":");
    switch (schema->kind) {
    case SMELT_ATTRIBUTE_INTEGER:
        return add_integer(text, a->integer);
    case SMELT_ATTRIBUTE_NUMBER:
        smelt_text_add(text, "%.17g", a->number);
        return isfinite(a->number);
    case SMELT_ATTRIBUTE_WORD:
        smelt_json_add_string(text, a->word);
        return true;
    case SMELT_ATTRIBUTE_ELEMENT:
        smelt_json_add_string(text, smelt_element_info((enum smelt_element)a->integer)->name);
        return true;
    case SMELT_ATTRIBUTE_INTEGERS:
    case SMELT_ATTRIBUTE_NUMBERS:
        break;
    }
    smelt_text_add(text, "[");
    for (uint32_t i = 0; i < a->count; i++) {
        smelt_text_add(text, "%s", i ? "," : "");
        if (schema->kind == SMELT_ATTRIBUTE_INTEGERS) {
            good &= add_integer(text, a->integers[i]);
        } else {
            smelt_text_add(text, "%.17g", a->numbers[i]);
            good &= isfinite(a->numbers[i]) != 0;
        }
    }
    smelt_text_add(text, "]");
    return good;
}

static enum smelt_result add_node(struct smelt_text *text, const struct smelt_ir *ir,
                                  const struct smelt_ir_node *node)
{
    const char *separator = "";
    smelt_text_add(text, "{\"op\":\"%s\",\"name\":", node->op->name);
    smelt_json_add_string(text, node->name);
    add_names(text, "inputs", node->inputs, node->input_count);
    add_names(text, "outputs", node->outputs, node->output_count);
    smelt_text_add(text, ",\"attributes\":{");
    for (uint32_t i = 0; node->op->attributes && node->op->attributes[i].name; i++) {
        if (!node->attributes[i].set)
            continue;
        smelt_text_add(text, "%s", separator);
        if (!add_attribute(text, &node->op->attributes[i], &node->attributes[i]))
            return smelt_ir_node_fail(ir, node, SMELT_ERROR_UNSUPPORTED,
                                      "attribute \"%s\": wanted finite numbers, and integers up to 2^53",
                                      node->op->attributes[i].name);
        separator = ",";
    }
    smelt_text_add(text, "}}");
    return SMELT_OK;
}

static enum smelt_result add_input(struct smelt_text *text, const struct smelt_ir *ir,
                                   const struct smelt_ir_value *v)
{
    smelt_text_add(text, "{\"name\":");
    smelt_json_add_string(text, v->name);
    smelt_text_add(text, ",\"dtype\":\"%s\",\"shape\":[", smelt_element_info(v->element)->name);
    for (uint32_t d = 0; d < v->rank; d++) {
        const char *symbol = smelt_dim_symbol_name(v->shape[d]);
        if (!symbol && v->shape[d].expression)
            return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED,
                              "%s: input \"%.80s\": an extent that is an expression", ir->file, v->name);
        smelt_text_add(text, "%s", d ? "," : "");
        if (symbol)
            smelt_json_add_string(text, symbol);
        else
            smelt_text_add(text, "%lld", (long long)v->shape[d].constant);
    }
    smelt_text_add(text, "]}");
    return SMELT_OK;
}

static void add_constant(struct smelt_text *text, const struct smelt_ir_value *v)
{
    smelt_text_add(text, "{\"name\":");
    smelt_json_add_string(text, v->name);
    smelt_text_add(text, ",\"dtype\":\"%s\"", smelt_element_info(v->element)->name);
    if (smelt_element_info(v->element)->bits == 4) { // stored as bytes
        smelt_text_add(text, ",\"shape\":[");
        for (uint32_t d = 0; d < v->rank; d++)
            smelt_text_add(text, "%s%lld", d ? "," : "", (long long)v->shape[d].constant);
        smelt_text_add(text, "]");
    }
    smelt_text_add(text, "}");
}

// Optional, so that packages without it are as they were.
static void add_kept(struct smelt_text *text, const struct smelt_ir *ir)
{
    const char *separator = ",\"keep_f32\":[";
    for (uint32_t i = 0; i < ir->value_count; i++)
        if (ir->values[i]->keep_f32) {
            smelt_text_add(text, "%s", separator);
            smelt_json_add_string(text, ir->values[i]->name);
            separator = ",";
        }
    smelt_text_add(text, "%s", *separator && !separator[1] ? "]" : "");
}

#define KERNEL_TENSOR "smelt.kernel.%u"

static void add_kernels(struct smelt_text *text, const struct smelt_kernel_codes *kernels)
{
    for (uint32_t i = 0; i < kernels->count; i++) {
        const struct smelt_kernel_code *code = &kernels->list[i];
        smelt_text_add(text, "%s{\"kernel\":", i ? "," : ",\"kernels\":[");
        smelt_json_add_string(text, code->name);
        smelt_text_add(text,
                       ",\"backend\":\"%s\",\"key\":\"%016llx%016llx\",\"tensor\":\"" KERNEL_TENSOR "\"}",
                       smelt_backend_name(code->backend), (unsigned long long)code->key[0],
                       (unsigned long long)code->key[1], i);
    }
    smelt_text_add(text, "%s", kernels->count ? "]" : "");
}

static enum smelt_result describe(struct smelt_text *text, const struct smelt_ir *ir)
{
    enum smelt_result result = SMELT_OK;
    const char *separator = "";
    smelt_text_add(text, "{\"kind\":\"network\",\"opset\":%d,\"name\":", SMELT_IR_OPSET);
    smelt_json_add_string(text, ir->name);
    smelt_text_add(text, ",\"storage\":\"%s\",\"inputs\":[", smelt_element_info(ir->storage)->name);
    for (uint32_t i = 0; i < ir->input_count && !result; i++) {
        smelt_text_add(text, "%s", i ? "," : "");
        result = add_input(text, ir, ir->inputs[i]);
    }
    smelt_text_add(text, "]");
    add_names(text, "outputs", ir->outputs, ir->output_count);
    smelt_text_add(text, ",\"constants\":[");
    for (uint32_t i = 0; i < ir->value_count && !result; i++)
        if (smelt_ir_is_weight(ir->values[i])) {
            smelt_text_add(text, "%s", separator);
            add_constant(text, ir->values[i]);
            separator = ",";
        }
    smelt_text_add(text, "],\"nodes\":[");
    for (uint32_t i = 0; i < ir->node_count && !result; i++) {
        smelt_text_add(text, "%s", i ? ",\n" : "\n");
        result = add_node(text, ir, ir->nodes[i]);
    }
    smelt_text_add(text, "]");
    add_kept(text, ir);
    if (ir->kernels)
        add_kernels(text, ir->kernels);
    smelt_text_add(text, "}");
    return !result && text->failed ? smelt_ir_no_memory(ir) : result;
}

static void fill_tensor(const struct smelt_ir_value *v, struct smelt_package_tensor *t)
{
    const struct smelt_element_info *info = smelt_element_info(v->stored);
    t->name = v->name;
    t->dtype_name = info->file_name;
    t->rank = v->rank;
    for (uint32_t d = 0; d < v->rank; d++)
        t->shape[d] = (uint64_t)v->shape[d].constant;
    if (info->bits == 4) {
        t->rank = 1;
        t->shape[0] = v->size;
    }
    t->data = v->data;
    t->size = v->size;
}

static void fill_kernel(const struct smelt_kernel_code *code, char name[32], uint32_t index,
                        struct smelt_package_tensor *t)
{
    snprintf(name, 32, KERNEL_TENSOR, index);
    *t = (struct smelt_package_tensor){.name = name,
                                       .dtype = SMELT_DTYPE_U32,
                                       .rank = 1,
                                       .shape = {code->size / 4},
                                       .data = code->words,
                                       .size = code->size};
}

enum smelt_result smelt_ir_write(const struct smelt_ir *ir, const char *path)
{
    struct smelt_text text = {0};
    uint32_t kernels = ir->kernels ? ir->kernels->count : 0;
    struct smelt_package_tensor *tensors = calloc((size_t)ir->value_count + kernels + 1, sizeof(*tensors));
    uint32_t count = 0;
    char(*names)[32] = calloc((size_t)kernels + 1, sizeof(*names));
    if (!tensors || !names) {
        free(tensors);
        free(names);
        return smelt_ir_no_memory(ir);
    }
    for (uint32_t i = 0; i < ir->value_count; i++)
        if (smelt_ir_is_weight(ir->values[i]))
            fill_tensor(ir->values[i], &tensors[count++]);
    for (uint32_t i = 0; i < kernels; i++)
        fill_kernel(&ir->kernels->list[i], names[i], i, &tensors[count++]);
    enum smelt_result result = describe(&text, ir);
    if (!result)
        result = smelt_package_write(path, tensors, count, text.data, NULL, 0);
    smelt_text_free(&text);
    free(tensors);
    free(names);
    return result;
}
