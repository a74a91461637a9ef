// SPDX-License-Identifier: MIT
// The table of operators: the families' tables, searched by name.
#include "network_operators.h"

#include <string.h>

const struct smelt_operator_family *const smelt_families[] = {
    &smelt_family_elementwise,
    &smelt_family_window,
    &smelt_family_matmul,
    &smelt_family_reduce,
    &smelt_family_normalize,
    &smelt_family_movement,
    &smelt_family_index,
    &smelt_family_sample,
    &smelt_family_quantize,
    &smelt_family_shape,
    NULL,
};

const struct smelt_operator *smelt_operator_at(uint32_t index)
{
    for (uint32_t f = 0; smelt_families[f]; f++) {
        if (index < smelt_families[f]->count)
            return &smelt_families[f]->operators[index];
        index -= smelt_families[f]->count;
    }
    return NULL;
}

const struct smelt_operator *smelt_operator_find(const char *name)
{
    const struct smelt_operator *op;
    for (uint32_t i = 0; (op = smelt_operator_at(i)); i++)
        if (!strcmp(op->name, name))
            return op;
    return NULL;
}
