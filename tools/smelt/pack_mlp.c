// SPDX-License-Identifier: MIT
// smelt pack --mlp: a PyTorch state_dict and a description in tiny-cuda-nn's words into a package for shaders.
#include "pack_mlp.h"

#include "json.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = SMELT_MLP_MAX_LAYERS, MAX_NAME = 128 };

struct layer {
    unsigned long index; // in the state_dict: "2.weight" has 2
    const struct smelt_package_tensor *weight, *bias;
};

struct import {
    const struct mlp_request *request;
    smelt_package state;
    cJSON *description;
    struct layer layers[MAX_LAYERS];
    uint32_t layer_count, inputs;
    struct smelt_package_tensor tensors[2 * MAX_LAYERS];
    void *converted[2 * MAX_LAYERS];
    char names[2 * MAX_LAYERS][MAX_NAME];
    uint32_t tensor_count;
};

// --- The state --------------------------------------------------------------------------------------------------------

// "net.2.weight" is 2 and "weight"; false for another form.
static bool parse_name(const char *name, unsigned long *index, const char **what)
{
    const char *dot = strrchr(name, '.'), *digits = dot;
    while (digits && digits > name && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    if (!dot || digits == dot || dot - digits > 6 || (digits > name && digits[-1] != '.'))
        return false;
    *index = strtoul(digits, NULL, 10);
    *what = dot + 1;
    return !strcmp(*what, "weight") || !strcmp(*what, "bias");
}

static struct layer *layer_of(struct import *import, unsigned long index)
{
    uint32_t at = 0;
    while (at < import->layer_count && import->layers[at].index < index)
        at++;
    if (at < import->layer_count && import->layers[at].index == index)
        return &import->layers[at];
    if (import->layer_count == MAX_LAYERS)
        return NULL;
    memmove(&import->layers[at + 1], &import->layers[at], (import->layer_count - at) * sizeof(struct layer));
    import->layers[at] = (struct layer){.index = index};
    import->layer_count++;
    return &import->layers[at];
}

static int read_state(struct import *import)
{
    const char *file = import->request->state;
    for (uint32_t i = 0; i < smelt_package_tensor_count(import->state); i++) {
        const struct smelt_package_tensor *tensor = smelt_package_tensor(import->state, i);
        unsigned long index;
        const char *what;
        if (!parse_name(tensor->name, &index, &what))
            return tool_fail("%s: tensor \"%.80s\": wanted names such as 0.weight and 0.bias", file,
                             tensor->name);
        if (!smelt_dtype_is_float(tensor->dtype))
            return tool_fail("%s: tensor \"%.80s\": wanted floats, got %.16s", file, tensor->name,
                             tensor->dtype_name);
        struct layer *layer = layer_of(import, index);
        if (!layer)
            return tool_fail("%s: more than %d layers", file, MAX_LAYERS);
        const struct smelt_package_tensor **place = *what == 'w' ? &layer->weight : &layer->bias;
        if (*place)
            return tool_fail("%s: two tensors for layer %lu: \"%.80s\" and \"%.80s\"", file, index,
                             (*place)->name, tensor->name);
        *place = tensor;
    }
    if (!import->layer_count)
        return tool_fail("%s: no tensors", file);
    for (uint32_t i = 0; i < import->layer_count; i++)
        if (!import->layers[i].weight || !import->layers[i].bias != !import->layers[0].bias)
            return tool_fail("%s: layer %lu: wanted a weight, and a bias in every layer or in none", file,
                             import->layers[i].index);
    return TOOL_OK;
}

// --- The description ----------------------------------------------------------------------------------------------------

static int wrong(const struct import *import, const char *member, const char *wanted)
{
    return tool_fail("%s: %s: wanted %s", import->request->describe, member, wanted);
}

static int read_count(const struct import *import, const cJSON *object, const char *key, uint32_t fallback,
                      uint32_t *count)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    uint64_t number;
    *count = fallback;
    if (!value && fallback)
        return TOOL_OK;
    if (!smelt_json_to_u64(value, &number) || !number || number > 4096)
        return wrong(import, key, "a number from 1 to 4096");
    *count = (uint32_t)number;
    return TOOL_OK;
}

static int one_encoding(const struct import *import, const cJSON *encoding, uint32_t inputs, cJSON *list)
{
    static const struct {
        const char *otype, *type, *parameter;
        uint32_t fallback; // tiny-cuda-nn's default
    } types[] = {{"Identity", "identity", NULL, 0},
                 {"Frequency", "frequency", "n_frequencies", 12},
                 {"TriangleWave", "triangle_wave", "n_frequencies", 12},
                 {"OneBlob", "one_blob", "n_bins", 16},
                 {"SphericalHarmonics", "spherical_harmonics", "degree", 4}};
    const cJSON *otype = cJSON_GetObjectItemCaseSensitive(encoding, "otype");
    size_t i = 0;
    while (i < SMELT_COUNT_OF(types) &&
           !(cJSON_IsString(otype) && !strcmp(otype->valuestring, types[i].otype)))
        i++;
    if (i == SMELT_COUNT_OF(types))
        return wrong(import, "encoding.otype",
                     "Identity, Frequency, TriangleWave, OneBlob, SphericalHarmonics or Composite");
    cJSON *made = cJSON_CreateObject();
    cJSON_AddItemToArray(list, made);
    cJSON_AddStringToObject(made, "type", types[i].type);
    cJSON_AddNumberToObject(made, "inputs", inputs);
    if (types[i].parameter) {
        uint32_t count;
        int status = read_count(import, encoding, types[i].parameter, types[i].fallback, &count);
        cJSON_AddNumberToObject(made, types[i].parameter, count);
        return status;
    }
    for (int k = 0; k < 2; k++) {
        const char *const keys[] = {"scale", "offset"};
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(encoding, keys[k]);
        if (number && !cJSON_IsNumber(number))
            return wrong(import, keys[k], "a number");
        if (number)
            cJSON_AddNumberToObject(made, keys[k], number->valuedouble);
    }
    return TOOL_OK;
}

// "Composite" has parts, each of which takes the next n_dims_to_encode inputs; the last may take what is left.
static int all_encodings(const struct import *import, cJSON *list)
{
    const cJSON *encoding = cJSON_GetObjectItemCaseSensitive(import->description, "encoding"), *part;
    const cJSON *otype = cJSON_GetObjectItemCaseSensitive(encoding, "otype");
    uint32_t left = import->inputs;
    int status = TOOL_OK;
    if (!cJSON_IsString(otype) || strcmp(otype->valuestring, "Composite") != 0)
        return one_encoding(import, encoding, left, list);
    cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(encoding, "nested"))
    {
        uint32_t inputs;
        status = read_count(import, part, "n_dims_to_encode", left ? left : 1, &inputs);
        if (!status && inputs > left)
            status = wrong(import, "n_dims_to_encode", "as many in all as n_input_dims");
        if (!status)
            status = one_encoding(import, part, inputs, list);
        if (status)
            return status;
        left -= inputs;
    }
    return left ? wrong(import, "encoding.nested", "parts that encode all inputs") : TOOL_OK;
}

static int activation_of(const struct import *import, const cJSON *network, const char *key,
                         const char **name)
{
    // Those of tiny-cuda-nn, then PyTorch's; Softplus is log(1 + e^x), PyTorch's, not tiny-cuda-nn's sharper one.
    static const char *const words[][2] = {
        {"None", "none"}, {"ReLU", "relu"},       {"LeakyReLU", "leaky_relu"}, {"Exponential", "exp"},
        {"Sine", "sine"}, {"Sigmoid", "sigmoid"}, {"Softplus", "softplus"},    {"Tanh", "tanh"},
        {"SiLU", "silu"}, {"GELU", "gelu"}};
    const cJSON *word = cJSON_GetObjectItemCaseSensitive(network, key);
    for (size_t i = 0; i < SMELT_COUNT_OF(words) && cJSON_IsString(word); i++)
        if (!strcmp(word->valuestring, words[i][0])) {
            *name = words[i][1];
            return TOOL_OK;
        }
    return wrong(
        import, key,
        "None, ReLU, LeakyReLU, Exponential, Sine, Sigmoid, Softplus, Tanh, SiLU or GELU (tanh form)");
}

static int check_network(const struct import *import, const cJSON *network)
{
    uint32_t neurons, hidden;
    int status = read_count(import, network, "n_neurons", import->layer_count == 1 ? 1 : 0, &neurons);
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(network, "n_hidden_layers");
    uint64_t number;
    if (status)
        return status;
    if (!smelt_json_to_u64(count, &number) || number + 1 != import->layer_count) {
        hidden = import->layer_count - 1;
        return tool_fail("%s: n_hidden_layers: wanted %u, the state has %u layers", import->request->describe,
                         hidden, import->layer_count);
    }
    for (uint32_t i = 0; i + 1 < import->layer_count; i++)
        if (import->layers[i].weight->rank != 2 || import->layers[i].weight->shape[0] != neurons)
            return tool_fail("%s: n_neurons is %u, but tensor \"%.80s\" has another number of rows",
                             import->request->describe, neurons, import->layers[i].weight->name);
    return TOOL_OK;
}

// The member "mlp" of the package's description.
static int describe_mlp(struct import *import, cJSON *mlp)
{
    const cJSON *network = cJSON_GetObjectItemCaseSensitive(import->description, "network");
    const char *activation = NULL, *last = NULL;
    if (!cJSON_IsObject(network))
        return wrong(import, "network", "an object");
    int status = read_count(import, import->description, "n_input_dims", 0, &import->inputs);
    if (!status)
        status = check_network(import, network);
    if (!status)
        status = activation_of(import, network, "activation", &activation);
    if (!status)
        status = activation_of(import, network, "output_activation", &last);
    if (status)
        return status;
    cJSON_AddNumberToObject(mlp, "inputs", import->inputs);
    status = all_encodings(import, cJSON_AddArrayToObject(mlp, "encoding"));
    cJSON *words = cJSON_AddArrayToObject(mlp, "activations");
    for (uint32_t i = 0; i < import->layer_count; i++)
        cJSON_AddItemToArray(words, cJSON_CreateString(i + 1 < import->layer_count ? activation : last));
    return status;
}

// --- The package ----------------------------------------------------------------------------------------------------------

static int add_tensor(struct import *import, uint32_t layer, const struct smelt_package_tensor *from)
{
    uint32_t i = import->tensor_count++;
    enum smelt_dtype to = import->request->storage ? import->request->storage : from->dtype;
    bool weight = from == import->layers[layer].weight;
    uint64_t count = from->rank == 2 ? from->shape[0] * from->shape[1] : from->shape[0];
    snprintf(import->names[i], MAX_NAME, "layer%u.%s", layer, weight ? "weight" : "bias");
    import->tensors[i] = *from;
    import->tensors[i].name = import->names[i];
    import->tensors[i].dtype = to;
    import->tensors[i].dtype_name = NULL;
    if (from->rank != (weight ? 2u : 1u))
        return tool_fail("%s: tensor \"%.80s\": wanted rank %d, got %u", import->request->state, from->name,
                         weight ? 2 : 1, from->rank);
    if (to == from->dtype)
        return TOOL_OK;
    import->tensors[i].size = smelt_dtype_size(to, count);
    import->tensors[i].data = import->converted[i] = malloc((size_t)import->tensors[i].size + 1);
    if (!import->converted[i])
        return tool_fail("out of memory");
    if (smelt_dtype_convert(to, import->converted[i], from->dtype, from->data, count) != SMELT_OK)
        return tool_fail_smelt();
    for (uint64_t k = 0; to == SMELT_DTYPE_F16 && k < count; k++) {
        uint16_t bits;
        memcpy(&bits, (char *)import->converted[i] + 2 * k, 2);
        if ((bits & 0x7fff) == 0x7c00)
            return tool_fail("%s: tensor \"%.80s\": element %llu overflows f16: keep f32",
                             import->request->state, from->name, (unsigned long long)k);
    }
    return TOOL_OK;
}

static int write_package(struct import *import, cJSON *description)
{
    cJSON *layers = cJSON_AddArrayToObject(description, "layers");
    for (uint32_t i = 0; i < import->layer_count; i++) {
        cJSON *layer = cJSON_CreateObject();
        cJSON_AddItemToArray(layers, layer);
        int status = add_tensor(import, i, import->layers[i].weight);
        cJSON_AddStringToObject(layer, "weight", import->names[import->tensor_count - 1]);
        if (!status && import->layers[i].bias) {
            status = add_tensor(import, i, import->layers[i].bias);
            cJSON_AddStringToObject(layer, "bias", import->names[import->tensor_count - 1]);
        }
        if (status)
            return status;
    }
    char *text = cJSON_PrintUnformatted(description);
    enum smelt_result result = text ? smelt_package_write(import->request->output, import->tensors,
                                                          import->tensor_count, text, NULL, 0)
                                    : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    cJSON_free(text);
    return result ? tool_fail_smelt() : TOOL_OK;
}

// What was written must be what the library reads; else it is removed again.
static int check_package(const struct import *import)
{
    smelt_package package = NULL;
    struct smelt_mlp_descriptor mlp;
    enum smelt_result result = smelt_package_open(import->request->output, &package);
    if (!result)
        result = smelt_mlp_from_package(NULL, package, NULL, &mlp, NULL, NULL);
    smelt_package_close(&package);
    if (result) {
        remove(import->request->output);
        return tool_fail_smelt();
    }
    if (!import->request->quiet) {
        printf("%s: %u inputs,", import->request->output, import->inputs);
        for (uint32_t i = 0; i <= mlp.layer_count; i++)
            printf("%s%u", i ? "-" : " ", mlp.widths[i]);
        printf(", %s\n", smelt_dtype_name(mlp.stored));
    }
    return TOOL_OK;
}

int pack_mlp(const struct mlp_request *request)
{
    struct import import = {.request = request};
    struct smelt_mapping mapping = {0};
    cJSON *description = cJSON_CreateObject();
    int status = TOOL_OK;
    if (smelt_package_open(request->state, &import.state) != SMELT_OK ||
        smelt_os_map_file(NULL, request->describe, &mapping) != SMELT_OK ||
        smelt_json_parse(NULL, request->describe, mapping.data, mapping.size, &import.description) !=
            SMELT_OK)
        status = tool_fail_smelt();
    smelt_os_unmap_file(&mapping);
    cJSON_AddStringToObject(description, "kind", "weights");
    if (!status)
        status = read_state(&import);
    if (!status)
        status = describe_mlp(&import, cJSON_AddObjectToObject(description, "mlp"));
    if (!status)
        status = write_package(&import, description);
    if (!status)
        status = check_package(&import);
    for (uint32_t i = 0; i < import.tensor_count; i++)
        free(import.converted[i]);
    cJSON_Delete(description);
    cJSON_Delete(import.description);
    smelt_package_close(&import.state);
    return status;
}
