// SPDX-License-Identifier: MIT
// Parses ops that are written on the command line.
#include "op_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A positive integer that is the whole of `text`.
static bool parse_count(const char *text, uint32_t *value)
{
    char *end;
    unsigned long parsed = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || parsed > 1u << 20)
        return false;
    *value = (uint32_t)parsed;
    return true;
}

static bool parse_widths(char *text, struct smelt_mlp_descriptor *mlp)
{
    uint32_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, "-", &rest); word; word = strtok_r(NULL, "-", &rest)) {
        if (count > SMELT_MLP_MAX_LAYERS || !parse_count(word, &mlp->widths[count]))
            return false;
        count++;
    }
    mlp->layer_count = count ? count - 1 : 0;
    return count >= 2;
}

static bool parse_activations(char *text, enum smelt_activation *activations)
{
    uint32_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, "-", &rest); word; word = strtok_r(NULL, "-", &rest)) {
        if (count >= SMELT_MLP_MAX_LAYERS)
            return false;
        activations[count] = smelt_activation_from_name(word);
        if (activations[count++] == SMELT_ACTIVATION_COUNT)
            return false;
    }
    return count > 0;
}

static bool parse_dtype(const char *text, enum smelt_dtype *dtype)
{
    *dtype = smelt_dtype_from_name(text);
    return *dtype != SMELT_DTYPE_NONE;
}

static bool parse_backend(const char *text, enum smelt_backend *backend)
{
    *backend = smelt_backend_from_name(text);
    return *backend != SMELT_BACKEND_COUNT;
}

// What both kinds have in common.
static bool parse_common(const char *key, char *value, enum smelt_dtype *stored, enum smelt_dtype *computed,
                         enum smelt_dtype *accumulated, enum smelt_backend *backend)
{
    if (!strcmp(key, "stored"))
        return parse_dtype(value, stored);
    if (!strcmp(key, "computed"))
        return parse_dtype(value, computed);
    if (!strcmp(key, "accumulated"))
        return parse_dtype(value, accumulated);
    return !strcmp(key, "backend") && parse_backend(value, backend);
}

static bool parse_mlp(const char *key, char *value, struct smelt_mlp_descriptor *mlp)
{
    if (!strcmp(key, "no_bias") && !*value)
        return mlp->no_bias = true;
    if (!strcmp(key, "widths"))
        return parse_widths(value, mlp);
    if (!strcmp(key, "activations"))
        return parse_activations(value, mlp->activations);
    return parse_common(key, value, &mlp->stored, &mlp->computed, &mlp->accumulated, &mlp->backend);
}

static bool parse_matmul2d(const char *key, char *value, struct smelt_matmul2d_descriptor *matmul2d)
{
    if (!strcmp(key, "transpose_right") && !*value)
        return matmul2d->transpose_right = true;
    if (!strcmp(key, "accumulate") && !*value)
        return matmul2d->accumulate = true;
    if (!strcmp(key, "bias") && !*value)
        return matmul2d->bias = true;
    if (!strcmp(key, "m"))
        return parse_count(value, &matmul2d->m);
    if (!strcmp(key, "n"))
        return parse_count(value, &matmul2d->n);
    if (!strcmp(key, "k"))
        return parse_count(value, &matmul2d->k);
    if (!strcmp(key, "activation"))
        return (matmul2d->activation = smelt_activation_from_name(value)) != SMELT_ACTIVATION_COUNT;
    return parse_common(key, value, &matmul2d->stored, &matmul2d->computed, &matmul2d->accumulated,
                        &matmul2d->backend);
}

bool op_spec_parse(const char *text, struct op_spec *spec, char message[256])
{
    memset(spec, 0, sizeof(*spec));
    message[0] = 0;
    char copy[512];
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || (size_t)(equals - text) >= sizeof(spec->name) ||
        strlen(equals) > sizeof(copy)) {
        snprintf(message, 256, "op '%.80s': wanted NAME=KIND,FIELD=VALUE,...", text);
        return false;
    }
    memcpy(spec->name, text, (size_t)(equals - text));
    snprintf(copy, sizeof(copy), "%s", equals + 1);
    char *rest = NULL, *kind = strtok_r(copy, ",", &rest);
    if (kind && !strcmp(kind, "mlp")) {
        spec->kind = SMELT_OP_MLP;
    } else if (kind && !strcmp(kind, "matmul2d")) {
        spec->kind = SMELT_OP_MATMUL2D;
    } else {
        snprintf(message, 256, "op '%s': kind '%.40s'; there are: mlp matmul2d", spec->name,
                 kind ? kind : "");
        return false;
    }
    for (char *field = strtok_r(NULL, ",", &rest); field; field = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(field, '='), none[1] = "";
        if (value)
            *value++ = 0;
        else
            value = none;
        char shown[64];
        snprintf(shown, sizeof(shown), "%s", value);
        if (!(spec->kind == SMELT_OP_MLP ? parse_mlp(field, value, &spec->mlp)
                                         : parse_matmul2d(field, value, &spec->matmul2d))) {
            snprintf(message, 256, "op '%s': bad field '%.40s' or value '%s'", spec->name, field, shown);
            return false;
        }
    }
    return true;
}

struct smelt_op op_spec_op(const struct op_spec *spec)
{
    return (struct smelt_op){.name = spec->name,
                             .kind = spec->kind,
                             .matmul2d = spec->kind == SMELT_OP_MATMUL2D ? &spec->matmul2d : NULL,
                             .mlp = spec->kind == SMELT_OP_MLP ? &spec->mlp : NULL};
}
