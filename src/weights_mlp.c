// SPDX-License-Identifier: MIT
// Networks for shaders in packages of kind "weights": the description's member "mlp", its descriptor, and the GLSL of its
// encoding.
#include "json.h"
#include "material_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ENCODINGS 8
#define MAX_INPUTS 16
#define ONLY(at, ...)                                                                                        \
    smelt_json_only(at, (const char *const[]){__VA_ARGS__},                                                  \
                    SMELT_COUNT_OF(((const char *const[]){__VA_ARGS__})))

enum type { IDENTITY, FREQUENCY, TRIANGLE_WAVE, ONE_BLOB, SPHERICAL_HARMONICS, TYPE_COUNT };
static const struct {
    const char *word, *parameter; // NULL: scale and offset
    uint32_t most;
} types[TYPE_COUNT] = {{"identity", NULL, 0},
                       {"frequency", "n_frequencies", 24},
                       {"triangle_wave", "n_frequencies", 24},
                       {"one_blob", "n_bins", 128},
                       {"spherical_harmonics", "degree", 8}};

struct encoding {
    enum type type;
    uint32_t inputs, count; // count: octaves, bins or the degree
    float scale, offset;
};

struct mlp {
    struct smelt_mlp_descriptor descriptor;
    uint32_t inputs, encoding_count;
    struct encoding encodings[MAX_ENCODINGS];
};

static uint32_t features_of(const struct encoding *e)
{
    switch (e->type) {
    case IDENTITY:
        return e->inputs;
    case FREQUENCY:
        return e->inputs * e->count * 2;
    case SPHERICAL_HARMONICS:
        return e->count * e->count;
    default:
        return e->inputs * e->count;
    }
}

static enum smelt_result read_encoding(const struct smelt_json *json, struct encoding *e)
{
    const char *words[TYPE_COUNT];
    uint32_t word;
    double scale = 1, offset = 0;
    for (int i = 0; i < TYPE_COUNT; i++)
        words[i] = types[i].word;
    if (!cJSON_IsObject(json->value))
        return smelt_json_fail(json, "an object");
    enum smelt_result result = smelt_json_word(json, "type", words, TYPE_COUNT, &word);
    if (result || (result = smelt_json_u32(json, "inputs", 1, MAX_INPUTS, &e->inputs)))
        return result;
    e->type = (enum type)word;
    if (e->type == IDENTITY) {
        if ((result = ONLY(json, "type", "inputs", "scale", "offset")) ||
            (smelt_json_has(json, "scale") &&
             (result = smelt_json_number(json, "scale", -1e30, 1e30, &scale))) ||
            (smelt_json_has(json, "offset") &&
             (result = smelt_json_number(json, "offset", -1e30, 1e30, &offset))))
            return result;
        e->scale = (float)scale;
        e->offset = (float)offset;
        return SMELT_OK;
    }
    const char *parameter = types[e->type].parameter;
    if ((result = ONLY(json, "type", "inputs", parameter)) ||
        (result = smelt_json_u32(json, parameter, 1, types[e->type].most, &e->count)))
        return result;
    struct smelt_json inputs = smelt_json_member(json, "inputs");
    return e->type == SPHERICAL_HARMONICS && e->inputs != 3
               ? smelt_json_fail(&inputs, "3: spherical harmonics are of a direction")
               : SMELT_OK;
}

static enum smelt_result read_encodings(const struct smelt_json *json, struct mlp *mlp)
{
    struct smelt_json array, at = smelt_json_member(json, "inputs");
    uint32_t inputs = 0, features = 0;
    enum smelt_result result =
        smelt_json_array(json, "encoding", 1, MAX_ENCODINGS, &array, &mlp->encoding_count);
    for (uint32_t i = 0; i < mlp->encoding_count && !result; i++) {
        struct smelt_json element = smelt_json_element(&array, i);
        result = read_encoding(&element, &mlp->encodings[i]);
        inputs += mlp->encodings[i].inputs;
        features += features_of(&mlp->encodings[i]);
    }
    if (result)
        return result;
    if (inputs != mlp->inputs)
        return smelt_json_fail(&at, "%u, the sum of the encodings' inputs", inputs);
    return features == mlp->descriptor.widths[0]
               ? SMELT_OK
               : smelt_json_fail(&array,
                                 "encodings that give %u features, the columns of the first weight, not %u",
                                 mlp->descriptor.widths[0], features);
}

// Widths and types follow from the tensors that the layers name.
static enum smelt_result read_layer(const struct smelt_json *layers, uint32_t index, smelt_package package,
                                    struct mlp *mlp)
{
    struct smelt_mlp_descriptor *d = &mlp->descriptor;
    struct smelt_json layer = smelt_json_element(layers, index), at = smelt_json_member(&layer, "weight");
    const struct smelt_package_tensor *weight = NULL;
    enum smelt_result result = smelt_package_tensor_of(package, &at, &weight);
    if (result)
        return result;
    bool bias = smelt_json_has(&layer, "bias");
    if (weight->rank != 2 || weight->shape[0] > UINT32_MAX || weight->shape[1] > UINT32_MAX ||
        (index && weight->shape[1] != d->widths[index]))
        return smelt_json_fail(&at, "a matrix [out][in] whose columns are the rows of the one before");
    if (index && (weight->dtype != d->stored || bias == d->no_bias))
        return smelt_json_fail(&at, "the type of the first weight, and a bias in every layer or in none");
    if (!weight->dtype || smelt_json_has(&layer, "scale") || smelt_json_has(&layer, "dtype"))
        return smelt_json_fail(&at, "a matrix of floats without scales");
    d->stored = weight->dtype;
    d->no_bias = !bias;
    d->widths[index] = (uint32_t)weight->shape[1];
    d->widths[index + 1] = (uint32_t)weight->shape[0];
    return SMELT_OK;
}

static enum smelt_result read_mlp(const struct smelt_json *root, smelt_package package, struct mlp *mlp)
{
    struct smelt_json json, layers, words;
    struct smelt_mlp_descriptor *d = &mlp->descriptor;
    const char *names[SMELT_ACTIVATION_COUNT];
    uint32_t count, word;
    for (int i = 0; i < SMELT_ACTIVATION_COUNT; i++)
        names[i] = smelt_activation_name((enum smelt_activation)i);
    enum smelt_result result = smelt_json_object(root, "mlp", &json);
    if (result || (result = ONLY(&json, "inputs", "encoding", "activations")) ||
        (result = smelt_json_array(root, "layers", 1, SMELT_MLP_MAX_LAYERS, &layers, &d->layer_count)) ||
        (result = smelt_json_u32(&json, "inputs", 1, MAX_INPUTS, &mlp->inputs)) ||
        (result = smelt_json_array(&json, "activations", d->layer_count, d->layer_count, &words, &count)))
        return result;
    for (uint32_t i = 0; i < d->layer_count && !result; i++) {
        struct smelt_json at = smelt_json_element(&words, i);
        for (word = 0; word < SMELT_ACTIVATION_COUNT; word++)
            if (cJSON_IsString(at.value) && !strcmp(at.value->valuestring, names[word]))
                break;
        if (word == SMELT_ACTIVATION_COUNT)
            return smelt_json_fail(&at, "the name of an activation");
        d->activations[i] = (enum smelt_activation)word;
        result = read_layer(&layers, i, package, mlp);
    }
    return result ? result : read_encodings(&json, mlp);
}

// --- GLSL -----------------------------------------------------------------------------------------------------------

static void add_set(struct smelt_text *text, uint32_t at, const char *value)
{
    smelt_text_add(text, "    smelt_set(f, %u, %s);\n", at, value);
}

// Features of coordinate `input`, the first at `at`.
static void add_coordinate(struct smelt_text *text, const struct encoding *e, uint32_t input, uint32_t at)
{
    char value[160];
    if (e->type == IDENTITY) {
        snprintf(value, sizeof(value), "x[%u] * %s + %s", input, smelt_float_literal(e->scale).text,
                 smelt_float_literal(e->offset).text);
        add_set(text, at, value);
        return;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->type == FREQUENCY) {
            smelt_text_add(text, "    w = smelt_frequency(x[%u] * %s);\n", input,
                           smelt_float_literal(ldexpf(1, (int)i - 1)).text);
            add_set(text, at + 2 * i, "w.x");
            add_set(text, at + 2 * i + 1, "w.y");
            continue;
        }
        if (e->type == TRIANGLE_WAVE)
            snprintf(value, sizeof(value), "smelt_encode_triangle_wave(x[%u], %u)", input, i);
        else
            snprintf(value, sizeof(value), "smelt_encode_one_blob(x[%u], %u, %u)", input, i, e->count);
        add_set(text, at + i, value);
    }
}

static void add_encode(struct smelt_text *text, const char *name, const struct mlp *mlp)
{
    uint32_t input = 0, at = 0;
    smelt_text_add(
        text,
        "// Generated by smelt: the encoding of the network \"%s\". Include it after "
        "\"smelt/op/%s.glsl\".\n#include \"smelt/encoding.glsl\"\n\n%s_input %s_encode(float x[%u])\n{\n"
        "    %s_input f;\n    vec2 w;\n    float y[64];\n",
        name, name, name, name, mlp->inputs, name);
    for (uint32_t i = 0; i < mlp->encoding_count; i++) {
        const struct encoding *e = &mlp->encodings[i];
        if (e->type == SPHERICAL_HARMONICS) {
            smelt_text_add(
                text, "    smelt_encode_spherical_harmonics(vec3(x[%u], x[%u], x[%u]) * 2.0 - 1.0, %u, y);\n",
                input, input + 1, input + 2, e->count);
            for (uint32_t k = 0; k < e->count * e->count; k++)
                smelt_text_add(text, "    smelt_set(f, %u, y[%u]);\n", at + k, k);
        } else {
            for (uint32_t k = 0; k < e->inputs; k++)
                add_coordinate(text, e, input + k, at + k * features_of(e) / e->inputs);
        }
        input += e->inputs;
        at += features_of(e);
    }
    smelt_text_add(text, "    return f;\n}\n");
}

enum smelt_result smelt_mlp_from_package(smelt_context context, smelt_package package, const char *name,
                                         struct smelt_mlp_descriptor *descriptor, uint32_t *inputs,
                                         char **encoding)
{
    struct smelt_text text = {0};
    struct mlp mlp = {0};
    if (!package || !descriptor)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "smelt_mlp_from_package: %s is NULL",
                          package ? "descriptor" : "package");
    if (encoding && (!name || !smelt_is_identifier(name)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_mlp_from_package: wanted as name a GLSL identifier, got \"%.80s\"",
                          name ? name : "NULL");
    const char *file = smelt_package_name(package), *kind = smelt_package_kind(package);
    if (strcmp(kind, "weights") != 0)
        return smelt_fail(context, SMELT_ERROR_FORMAT,
                          "%s: wanted a package of kind \"weights\", got %s%.60s%s", file,
                          kind[0] ? "\"" : "a file without a description", kind, kind[0] ? "\"" : "");
    struct smelt_json root = smelt_json_root(context, file, smelt_package_description(package));
    enum smelt_result result = read_mlp(&root, package, &mlp);
    if (result)
        return result;
    if (encoding) {
        add_encode(&text, name, &mlp);
        if (text.failed) {
            smelt_text_free(&text);
            return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for GLSL", file);
        }
        *encoding = text.data;
    }
    *descriptor = mlp.descriptor;
    if (inputs)
        *inputs = mlp.inputs;
    return SMELT_OK;
}
