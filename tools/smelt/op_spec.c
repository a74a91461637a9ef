// SPDX-License-Identifier: MIT
// Parses ops that are written on the command line: fields are those of the descriptors in ops.h and reduce.h.
#include "op_spec.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// What a field holds, beside one of a list of words.
enum { COUNT, FLAG, DTYPE, BACKEND, ACTIVATION, WIDTHS, ACTIVATIONS, WORD };

// The words of enums that the library has no names for, by value.
static const char *const scopes[] = {"thread", "subgroup", "workgroup", NULL};
static const char *const scales[] = {"none", "f32", "f16", "ue8m0", NULL};
static const char *const zeros[] = {"none", "point", "offset", NULL};
static const char *const image_layouts[] = {"nhwc", "nchw", NULL};
static const char *const weight_layouts[] = {"hwio", "ohwi", "oihw", "iohw", NULL};
static const char *const reduces[] = {"sum",     "product", "max",         "min",         "mean",
                                      "arg_max", "arg_min", "sum_squares", "log_sum_exp", NULL};

struct field {
    const char *name;
    int holds;
    size_t offset; // in the descriptor
    const char *const *words;
};

#define AT(type, member) offsetof(struct smelt_##type##_descriptor, member)
#define FIELD(type, member, holds)                                                                           \
    {                                                                                                        \
#member, holds, AT(type, member), NULL                                                               \
    }
#define CHOICE(type, member, words)                                                                          \
    {                                                                                                        \
#member, WORD, AT(type, member), words                                                               \
    }
#define COMMON(type)                                                                                         \
    FIELD(type, stored, DTYPE), FIELD(type, computed, DTYPE), FIELD(type, accumulated, DTYPE),               \
        FIELD(type, backend, BACKEND), CHOICE(type, scope, scopes)
#define GEOMETRY(member, holds)                                                                              \
    {                                                                                                        \
#member, holds, AT(convolution2d, geometry.member), NULL                                             \
    }
#define LINE(type, member, holds)                                                                            \
    {                                                                                                        \
#member, holds, AT(type, line.member), NULL                                                          \
    }
#define LINES(type)                                                                                          \
    LINE(type, rank, COUNT), LINE(type, axis, COUNT), LINE(type, stored, DTYPE),                             \
        LINE(type, backend, BACKEND), {"scope", WORD, AT(type, line.scope), scopes},                         \
        LINE(type, workgroup_size, COUNT), LINE(type, subgroup_size, COUNT)

static const struct field matmul2d_fields[] = {FIELD(matmul2d, m, COUNT),
                                               FIELD(matmul2d, n, COUNT),
                                               FIELD(matmul2d, k, COUNT),
                                               FIELD(matmul2d, transpose_left, FLAG),
                                               FIELD(matmul2d, transpose_right, FLAG),
                                               FIELD(matmul2d, accumulate, FLAG),
                                               FIELD(matmul2d, bias, FLAG),
                                               FIELD(matmul2d, epilogue, FLAG),
                                               FIELD(matmul2d, activation, ACTIVATION),
                                               COMMON(matmul2d),
                                               FIELD(matmul2d, stored_left, DTYPE),
                                               CHOICE(matmul2d, scale, scales),
                                               FIELD(matmul2d, block, COUNT),
                                               CHOICE(matmul2d, zero, zeros),
                                               FIELD(matmul2d, alignment, COUNT),
                                               FIELD(matmul2d, dense, FLAG),
                                               FIELD(matmul2d, tile_k, COUNT),
                                               FIELD(matmul2d, zero_points, FLAG),
                                               FIELD(matmul2d, relaxed, FLAG),
                                               FIELD(matmul2d, subgroups_m, COUNT),
                                               FIELD(matmul2d, subgroups_n, COUNT),
                                               FIELD(matmul2d, subgroup_size, COUNT),
                                               {0}};
static const struct field mlp_fields[] = {
    FIELD(mlp, widths, WIDTHS),       FIELD(mlp, activations, ACTIVATIONS),
    FIELD(mlp, no_bias, FLAG),        COMMON(mlp),
    FIELD(mlp, samples, COUNT),       FIELD(mlp, subgroups, COUNT),
    FIELD(mlp, subgroup_size, COUNT), {0}};
static const struct field convolution2d_fields[] = {GEOMETRY(stride_y, COUNT),
                                                    GEOMETRY(stride_x, COUNT),
                                                    GEOMETRY(dilation_y, COUNT),
                                                    GEOMETRY(dilation_x, COUNT),
                                                    GEOMETRY(padding_top, COUNT),
                                                    GEOMETRY(padding_left, COUNT),
                                                    GEOMETRY(padding_bottom, COUNT),
                                                    GEOMETRY(padding_right, COUNT),
                                                    GEOMETRY(output_padding_y, COUNT),
                                                    GEOMETRY(output_padding_x, COUNT),
                                                    GEOMETRY(groups, COUNT),
                                                    GEOMETRY(transposed, FLAG),
                                                    CHOICE(convolution2d, image_layout, image_layouts),
                                                    CHOICE(convolution2d, weight_layout, weight_layouts),
                                                    FIELD(convolution2d, kernel_h, COUNT),
                                                    FIELD(convolution2d, kernel_w, COUNT),
                                                    FIELD(convolution2d, channels, COUNT),
                                                    FIELD(convolution2d, bias, FLAG),
                                                    FIELD(convolution2d, epilogue, FLAG),
                                                    FIELD(convolution2d, activation, ACTIVATION),
                                                    COMMON(convolution2d),
                                                    FIELD(convolution2d, stored_left, DTYPE),
                                                    FIELD(convolution2d, zero_points, FLAG),
                                                    FIELD(convolution2d, alignment, COUNT),
                                                    FIELD(convolution2d, weight_alignment, COUNT),
                                                    FIELD(convolution2d, n, COUNT),
                                                    FIELD(convolution2d, depthwise, FLAG),
                                                    FIELD(convolution2d, m, COUNT),
                                                    FIELD(convolution2d, accumulate, FLAG),
                                                    FIELD(convolution2d, weight_strided, FLAG),
                                                    FIELD(convolution2d, whole, FLAG),
                                                    FIELD(convolution2d, tile_k, COUNT),
                                                    FIELD(convolution2d, subgroups_m, COUNT),
                                                    FIELD(convolution2d, subgroups_n, COUNT),
                                                    FIELD(convolution2d, subgroup_size, COUNT),
                                                    {0}};
static const struct field reduction_fields[] = {
    LINES(reduction), CHOICE(reduction, reduce, reduces), FIELD(reduction, map, FLAG), {0}};
static const struct field softmax_fields[] = {LINES(softmax),
                                              FIELD(softmax, logarithm, FLAG),
                                              FIELD(softmax, map, FLAG),
                                              FIELD(softmax, held, COUNT),
                                              {0}};
static const struct field layer_norm_fields[] = {LINES(layer_norm), FIELD(layer_norm, held, COUNT), {0}};
static const struct field rms_norm_fields[] = {LINES(rms_norm), FIELD(rms_norm, held, COUNT), {0}};

// By enum smelt_op_kind.
static const struct {
    const char *name;
    const struct field *fields;
} kinds[SMELT_OP_COUNT] = {
    [SMELT_OP_MATMUL2D] = {"matmul2d", matmul2d_fields},
    [SMELT_OP_MLP] = {"mlp", mlp_fields},
    [SMELT_OP_CONVOLUTION2D] = {"convolution2d", convolution2d_fields},
    [SMELT_OP_REDUCTION] = {"reduction", reduction_fields},
    [SMELT_OP_SOFTMAX] = {"softmax", softmax_fields},
    [SMELT_OP_LAYER_NORM] = {"layer_norm", layer_norm_fields},
    [SMELT_OP_RMS_NORM] = {"rms_norm", rms_norm_fields},
};

// --- Values -----------------------------------------------------------------------------------------------

static bool parse_count(const char *text, uint32_t *value)
{
    char *end;
    unsigned long parsed = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || parsed > 1u << 30)
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

static bool parse_word(const char *const *words, const char *text, uint32_t *value)
{
    for (*value = 0; words[*value]; ++*value)
        if (!strcmp(words[*value], text))
            return true;
    return false;
}

// Puts a value into its place. False: it is none that the field can hold. Enums are as large as uint32_t.
static bool parse_value(const struct field *field, char *text, struct op_spec *spec)
{
    void *place = (char *)&spec->matmul2d + field->offset; // all members of the union begin there
    uint32_t value = 0;
    bool ok = true;
    switch (field->holds) {
    case COUNT:
        ok = parse_count(text, &value);
        break;
    case FLAG:
        *(bool *)place = true;
        return !*text;
    case DTYPE:
        value = smelt_dtype_from_name(text);
        ok = value != SMELT_DTYPE_NONE;
        break;
    case BACKEND:
        value = smelt_backend_from_name(text);
        ok = value != SMELT_BACKEND_COUNT;
        break;
    case ACTIVATION:
        value = smelt_activation_from_name(text);
        ok = value != SMELT_ACTIVATION_COUNT;
        break;
    case WIDTHS:
        return parse_widths(text, &spec->mlp);
    case ACTIVATIONS:
        return parse_activations(text, spec->mlp.activations);
    default:
        ok = parse_word(field->words, text, &value);
    }
    _Static_assert(sizeof(enum smelt_dtype) == sizeof(value), "enums are as large as uint32_t");
    memcpy(place, &value, sizeof(value));
    return ok;
}

// --- Specs ------------------------------------------------------------------------------------------------

static const struct field *find_field(enum smelt_op_kind kind, const char *name)
{
    const struct field *field = kinds[kind].fields;
    while (field->name && strcmp(field->name, name))
        field++;
    return field->name ? field : NULL;
}

static void list(char *text, size_t size, const char *name)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, " %s", name);
}

static bool parse_field(char *text, struct op_spec *spec, char message[512])
{
    char *value = strchr(text, '='), none[1] = "", shown[64];
    if (value)
        *value++ = 0;
    else
        value = none;
    snprintf(shown, sizeof(shown), "%s", value);
    const struct field *field = find_field(spec->kind, text);
    if (field && parse_value(field, value, spec))
        return true;
    if (field) {
        snprintf(message, 512, "op '%s': %s is '%s', wanted%s", spec->name, field->name, shown,
                 field->holds == COUNT    ? " a number"
                 : field->holds == FLAG   ? " no value"
                 : field->holds == WIDTHS ? " 2 to 9 numbers: 32-64-9"
                 : field->words           ? ":"
                                          : " a name as `smelt devices` and docs/getting-started.md have it");
        for (const char *const *word = field->words; word && *word; word++)
            list(message, 512, *word);
        return false;
    }
    snprintf(message, 512, "op '%s': %s has no field '%.40s'; there are:", spec->name, kinds[spec->kind].name,
             text);
    for (field = kinds[spec->kind].fields; field->name; field++)
        list(message, 512, field->name);
    return false;
}

bool op_spec_parse(const char *text, struct op_spec *spec, char message[512])
{
    memset(spec, 0, sizeof(*spec));
    message[0] = 0;
    char copy[1024];
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || (size_t)(equals - text) >= sizeof(spec->name) ||
        strlen(equals) > sizeof(copy)) {
        snprintf(message, 512, "op '%.80s': wanted NAME=KIND,FIELD=VALUE,...", text);
        return false;
    }
    memcpy(spec->name, text, (size_t)(equals - text));
    snprintf(copy, sizeof(copy), "%s", equals + 1);
    char *rest = NULL, *kind = strtok_r(copy, ",", &rest);
    uint32_t k = 0;
    while (k < SMELT_OP_COUNT && kind && strcmp(kinds[k].name, kind))
        k++;
    if (!kind || k == SMELT_OP_COUNT) {
        snprintf(message, 512, "op '%s': kind '%.40s'; there are:", spec->name, kind ? kind : "");
        for (k = 0; k < SMELT_OP_COUNT; k++)
            list(message, 512, kinds[k].name);
        return false;
    }
    spec->kind = (enum smelt_op_kind)k;
    for (char *field = strtok_r(NULL, ",", &rest); field; field = strtok_r(NULL, ",", &rest))
        if (!parse_field(field, spec, message))
            return false;
    return true;
}

struct smelt_op op_spec_op(const struct op_spec *spec)
{
    struct smelt_op op = {.name = spec->name, .kind = spec->kind};
    switch (spec->kind) {
    case SMELT_OP_MATMUL2D:
        op.matmul2d = &spec->matmul2d;
        break;
    case SMELT_OP_MLP:
        op.mlp = &spec->mlp;
        break;
    case SMELT_OP_CONVOLUTION2D:
        op.convolution2d = &spec->convolution2d;
        break;
    case SMELT_OP_REDUCTION:
        op.reduction = &spec->reduction;
        break;
    case SMELT_OP_SOFTMAX:
        op.softmax = &spec->softmax;
        break;
    case SMELT_OP_LAYER_NORM:
        op.layer_norm = &spec->layer_norm;
        break;
    default:
        op.rms_norm = &spec->rms_norm;
    }
    return op;
}

enum smelt_backend *op_spec_backend(struct op_spec *spec)
{
    return (enum smelt_backend *)((char *)&spec->matmul2d + find_field(spec->kind, "backend")->offset);
}

void op_spec_print_fields(FILE *file)
{
    for (uint32_t k = 0; k < SMELT_OP_COUNT; k++) {
        int column = fprintf(file, "  %-14s", kinds[k].name);
        for (const struct field *field = kinds[k].fields; field->name; field++) {
            bool flag = field->holds == FLAG;
            if (column + strlen(field->name) > 100)
                column = fprintf(file, "\n%16s", "") - 1;
            column += fprintf(file, " %s%s", field->name, flag ? "" : "=");
        }
        fputc('\n', file);
    }
}
