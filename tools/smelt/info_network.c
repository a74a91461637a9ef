// SPDX-License-Identifier: MIT
// smelt info on a network package: inputs, outputs, free extents, operators, weights.
#include "info_network.h"
#include "network_operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_ends(const struct smelt_ir *ir, bool inputs, cJSON *json)
{
    struct smelt_ir_value *const *values = inputs ? ir->inputs : ir->outputs;
    cJSON *list = json ? cJSON_AddArrayToObject(json, inputs ? "inputs" : "outputs") : NULL;
    for (uint32_t i = 0; i < (inputs ? ir->input_count : ir->output_count); i++) {
        struct smelt_text type = {0};
        smelt_ir_print_type(&type, values[i]);
        if (!list) {
            printf("  %-11s %-24s %s\n", inputs ? "input" : "output", values[i]->name,
                   type.data ? type.data : "");
        } else {
            cJSON *item = cJSON_CreateObject(), *shape = cJSON_AddArrayToObject(item, "shape");
            cJSON_AddItemToArray(list, item);
            cJSON_AddStringToObject(item, "name", values[i]->name);
            cJSON_AddStringToObject(item, "dtype", smelt_element_info(values[i]->element)->name);
            for (uint32_t d = 0; d < values[i]->rank; d++) {
                struct smelt_text extent = {0};
                smelt_dim_print(&extent, values[i]->shape[d]);
                cJSON_AddItemToArray(shape, values[i]->shape[d].expression
                                                ? cJSON_CreateString(extent.data ? extent.data : "")
                                                : cJSON_CreateNumber((double)values[i]->shape[d].constant));
                smelt_text_free(&extent);
            }
        }
        smelt_text_free(&type);
    }
}

// The names of the inputs' free extents, each once.
static void print_symbols(const struct smelt_ir *ir, cJSON *json)
{
    const char *seen[64];
    uint32_t count = 0;
    cJSON *list = json ? cJSON_AddArrayToObject(json, "free_extents") : NULL;
    for (uint32_t i = 0; i < ir->input_count; i++)
        for (uint32_t d = 0; d < ir->inputs[i]->rank; d++) {
            const char *name = smelt_dim_symbol_name(ir->inputs[i]->shape[d]);
            bool known = false;
            for (uint32_t k = 0; k < count && name; k++)
                known |= !strcmp(seen[k], name);
            if (!name || known || count == SMELT_COUNT_OF(seen))
                continue;
            seen[count++] = name;
            if (list)
                cJSON_AddItemToArray(list, cJSON_CreateString(name));
            else
                printf("%s%s", count == 1 ? "  free        " : ", ", name);
        }
    if (!list && count)
        printf("\n");
}

static void print_operators(const struct smelt_ir *ir, cJSON *json)
{
    const struct smelt_operator *op;
    cJSON *object = json ? cJSON_AddObjectToObject(json, "operators") : NULL;
    bool first = true;
    for (uint32_t i = 0; (op = smelt_operator_at(i)); i++) {
        uint32_t count = 0;
        for (uint32_t n = 0; n < ir->node_count; n++)
            count += ir->nodes[n]->op == op;
        if (!count)
            continue;
        if (object)
            cJSON_AddNumberToObject(object, op->name, count);
        else
            printf("%s%s x%u", first ? "  operators   " : ", ", op->name, count);
        first = false;
    }
    if (!object && !first)
        printf("\n");
}

static void print_weights(const struct smelt_ir *ir, cJSON *json)
{
    uint64_t elements, size;
    smelt_ir_weigh(ir, &elements, &size);
    if (json) {
        cJSON_AddStringToObject(json, "storage", smelt_element_info(ir->storage)->name);
        cJSON_AddNumberToObject(json, "parameters", (double)elements);
        cJSON_AddNumberToObject(json, "weights_size", (double)size);
    } else {
        printf("  parameters  %llu, %llu bytes, f32 stored as %s\n", (unsigned long long)elements,
               (unsigned long long)size, smelt_element_info(ir->storage)->name);
    }
}

int tool_print_network(smelt_package package, cJSON *json)
{
    struct smelt_ir *ir = NULL;
    if (smelt_ir_read(package, &ir) != SMELT_OK || smelt_ir_infer(ir) != SMELT_OK) {
        smelt_ir_destroy(&ir);
        return tool_fail_smelt();
    }
    cJSON *object = json ? cJSON_AddObjectToObject(json, "network") : NULL;
    if (object)
        cJSON_AddStringToObject(object, "name", ir->name);
    else if (*ir->name)
        printf("  name        %s\n", ir->name);
    print_ends(ir, true, object);
    print_ends(ir, false, object);
    print_symbols(ir, object);
    print_operators(ir, object);
    print_weights(ir, object);
    smelt_ir_destroy(&ir);
    return TOOL_OK;
}
