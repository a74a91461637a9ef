// SPDX-License-Identifier: MIT
// Reads the material description of a package: every member, reference, shape and range is checked here, so that
// the rest of the material code can rely on it.
#include "material_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_EXTENT 16384 // of a latent texture; devices have 4096 to 32768
#define ONLY(at, ...)                                                                                        \
    smelt_json_only(at, (const char *const[]){__VA_ARGS__},                                                  \
                    SMELT_COUNT_OF(((const char *const[]){__VA_ARGS__})))

static const char *const semantics[SMELT_SEMANTIC_COUNT] = {
    "other", "base_color", "normal", "occlusion", "roughness", "metalness", "height", "opacity", "emission",
};
// Components a semantic must have; 0: any.
static const uint8_t semantic_components[SMELT_SEMANTIC_COUNT] = {0, 3, 3, 1, 1, 1, 1, 1, 3};

const char *smelt_semantic_name(enum smelt_semantic semantic)
{
    return (uint32_t)semantic < SMELT_SEMANTIC_COUNT ? semantics[semantic] : "invalid";
}

// Words that GLSL 4.60 section 3.6 and the extensions of base.glsl keep, so that no struct member can be called so.
static bool is_glsl_keyword(const char *name)
{
    static const char words[] =
        " const uniform buffer shared attribute varying coherent volatile restrict "
        "readonly writeonly layout centroid "
        "flat smooth noperspective patch sample invariant precise break continue do "
        "for while switch case default if "
        "else subroutine in out inout int void bool true false float double discard "
        "return struct lowp mediump highp "
        "precision common partition active asm class union enum typedef template "
        "this resource goto inline noinline "
        "public static extern external interface long short half fixed unsigned "
        "superp input output filter sizeof cast "
        "namespace using uint atomic_uint sampler samplerShadow accelerationStructureEXT rayQueryEXT "
        "hitObjectNV coopmat fcoopmatNV icoopmatNV ucoopmatNV coopvecNV tensorLayoutNV tensorViewNV ";
    // vec3, f16mat2x2, uint64_t, sampler2D, imageCube: a digit or a capital follows; textures and materials pass.
    static const char *const types[] = {
        "vec",     "ivec",     "uvec",     "bvec",     "dvec",     "hvec",    "fvec",   "mat",
        "dmat",    "f16vec",   "f16mat",   "f32vec",   "f32mat",   "f64vec",  "f64mat", "i8vec",
        "i16vec",  "i32vec",   "i64vec",   "u8vec",    "u16vec",   "u32vec",  "u64vec", "int",
        "uint",    "float",    "sampler",  "isampler", "usampler", "image",   "iimage", "uimage",
        "texture", "itexture", "utexture", "subpass",  "isubpass", "usubpass"};
    char key[72];
    snprintf(key, sizeof(key), " %s ", name);
    if (strstr(words, key))
        return true;
    for (size_t i = 0; i < SMELT_COUNT_OF(types); i++) {
        size_t length = strlen(types[i]);
        char next = strncmp(name, types[i], length) ? 0 : name[length];
        if ((next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z'))
            return true;
    }
    return false;
}

bool smelt_is_identifier(const char *name)
{
    size_t length = strlen(name);
    if (!length || length > 63 || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (const char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_'))
            return false;
    return !strstr(name, "__") && strncmp(name, "gl_", 3);
}

static enum smelt_result read_mips(smelt_package package, const struct smelt_json *texture, uint32_t index,
                                   struct smelt_material_description *d)
{
    const struct smelt_material_texture *t = &d->textures[index];
    struct smelt_json mips;
    uint32_t count;
    enum smelt_result result = smelt_json_array(texture, "mips", 1, SMELT_MATERIAL_MAX_MIPS, &mips, &count);
    if (result)
        return result;
    uint32_t most = 1;
    while (SMELT_MAX(t->width, t->height) >> most)
        most++;
    if (count > most)
        return smelt_json_fail(&mips, "an array of 1 to %u", most);
    d->textures[index].mips = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t level = count - 1 - i; // the file has the coarsest first
        struct smelt_json at = smelt_json_element(&mips, i);
        const struct smelt_package_tensor **tensor = &d->latents[index][level];
        if ((result = smelt_package_tensor_of(package, &at, tensor)))
            return result;
        if ((*tensor)->dtype != SMELT_DTYPE_U8)
            return smelt_fail(at.context, SMELT_ERROR_DTYPE,
                              "%s: description: %s: tensor \"%.60s\": wanted U8, got %.16s", at.file, at.path,
                              (*tensor)->name, (*tensor)->dtype_name);
        uint64_t shape[] = {SMELT_MAX(t->height >> level, 1u), SMELT_MAX(t->width >> level, 1u), t->bits / 2};
        if ((result = smelt_package_check_shape(&at, *tensor, 3, shape)))
            return result;
    }
    return SMELT_OK;
}

static enum smelt_result read_remap(const struct smelt_json *latents, struct smelt_material_description *d)
{
    struct smelt_json remap;
    uint32_t count;
    double values[2];
    enum smelt_result result = smelt_json_array(latents, "remap", 2, 2, &remap, &count);
    for (uint32_t i = 0; i < 2 && !result; i++) {
        struct smelt_json at = smelt_json_element(&remap, i);
        values[i] = cJSON_IsNumber(at.value) ? at.value->valuedouble : NAN;
        if (!(fabs(values[i]) <= 1e6))
            result = smelt_json_fail(&at, "a number from -1e6 to 1e6");
    }
    if (!result) {
        d->remap_scale = (float)values[0];
        d->remap_bias = (float)values[1];
    }
    return result;
}

static const char *const formats[] = {"rgba8_unorm", "bgra4_unorm"};

// A level of detail, where there is one.
static enum smelt_result read_level(const struct smelt_json *at, const char *key, float *level)
{
    double value = 0;
    enum smelt_result result =
        smelt_json_has(at, key) ? smelt_json_number(at, key, 1e-3, 32, &value) : SMELT_OK;
    *level = (float)value;
    return result;
}

// A texture's own format and extent, else those of all latents.
static enum smelt_result read_texture(smelt_package package, const struct smelt_json *at, uint32_t index,
                                      uint32_t format, struct smelt_material_description *d)
{
    struct smelt_material_texture *t = &d->textures[index];
    t->width = d->latent_width;
    t->height = d->latent_height;
    enum smelt_result result = cJSON_IsObject(at->value)
                                   ? ONLY(at, "mips", "format", "width", "height", "taps", "fade", "until")
                                   : smelt_json_fail(at, "an object");
    if (!result && smelt_json_has(at, "format"))
        result = smelt_json_word(at, "format", formats, 2, &format);
    if (!result && smelt_json_has(at, "width"))
        result = smelt_json_u32(at, "width", 1, MAX_EXTENT, &t->width);
    if (!result && smelt_json_has(at, "height"))
        result = smelt_json_u32(at, "height", 1, MAX_EXTENT, &t->height);
    t->taps = 1;
    if (!result && smelt_json_has(at, "taps"))
        result = smelt_json_u32(at, "taps", 1, 4, &t->taps);
    if (!result && t->taps != 1 && t->taps != 4) {
        struct smelt_json taps = smelt_json_member(at, "taps");
        result = smelt_json_fail(&taps, "1 or 4");
    }
    if (!result)
        result = read_level(at, "fade", &t->fade);
    if (!result)
        result = read_level(at, "until", &t->until);
    d->fetch_count += t->taps;
    t->bits = format ? 4 : 8;
    t->lod_shift = log2f(
        SMELT_MAX((float)t->width / (float)d->latent_width, (float)t->height / (float)d->latent_height));
    return result ? result : read_mips(package, at, index, d);
}

static enum smelt_result read_latents(smelt_package package, const struct smelt_json *root,
                                      struct smelt_material_description *d)
{
    struct smelt_json latents, textures;
    uint32_t format, filter, address = 0;
    enum smelt_result result = smelt_json_object(root, "latents", &latents);
    if (result ||
        (result = ONLY(&latents, "format", "width", "height", "filter", "address", "remap", "textures")) ||
        (result = smelt_json_word(&latents, "format", formats, 2, &format)) ||
        (result = smelt_json_u32(&latents, "width", 1, MAX_EXTENT, &d->latent_width)) ||
        (result = smelt_json_u32(&latents, "height", 1, MAX_EXTENT, &d->latent_height)) ||
        (result = smelt_json_word(&latents, "filter", (const char *const[]){"linear"}, 1, &filter)) ||
        (result =
             smelt_json_word(&latents, "address", (const char *const[]){"repeat", "clamp"}, 2, &address)) ||
        (result = read_remap(&latents, d)) ||
        (result = smelt_json_array(&latents, "textures", 1, SMELT_MATERIAL_MAX_LATENTS, &textures,
                                   &d->latent_count)))
        return result;
    d->clamp = address == 1;
    for (uint32_t i = 0; i < d->latent_count && !result; i++) {
        struct smelt_json texture = smelt_json_element(&textures, i);
        result = read_texture(package, &texture, i, format, d);
    }
    return result;
}

static enum smelt_result read_encoding(const struct smelt_json *at,
                                       const struct smelt_material_description *d,
                                       struct smelt_material_encoding *encoding)
{
    static const char *const types[] = {"identity", "frequency", "triangle_wave", "padding"};
    static const char *const inputs[] = {"latents", "uv", "lod"};
    uint32_t type, input = 1;
    double scale = 1;
    enum smelt_result result = cJSON_IsObject(at->value) ? smelt_json_word(at, "type", types, 4, &type)
                                                         : smelt_json_fail(at, "an object");
    if (result)
        return result;
    if (type == 3) {
        if ((result = ONLY(at, "type", "count")) ||
            (result = smelt_json_u32(at, "count", 1, 1024, &encoding->count)))
            return result;
        encoding->feature = SMELT_FEATURE_PADDING;
        encoding->width = encoding->count;
        return SMELT_OK;
    }
    if (type == 0) {
        if ((result = smelt_json_word(at, "input", inputs, 3, &input)) ||
            (result = input == 2 ? ONLY(at, "type", "input", "maximum") : ONLY(at, "type", "input")) ||
            (input == 2 && (result = smelt_json_number(at, "maximum", 1e-3, 32, &scale))))
            return result;
        encoding->feature = input == 2   ? SMELT_FEATURE_LOD
                            : input == 1 ? SMELT_FEATURE_UV
                                         : SMELT_FEATURE_LATENTS;
        encoding->width = input == 2 ? 1 : input == 1 ? 2 : 4 * d->fetch_count;
        encoding->scale = (float)scale;
        return SMELT_OK;
    }
    if ((result = ONLY(at, "type", "input", "n_frequencies", "scale", "fade")) ||
        (result = smelt_json_word(at, "input", inputs + 1, 1, &input)) ||
        (result = smelt_json_u32(at, "n_frequencies", 1, 16, &encoding->count)) ||
        (result = smelt_json_number(at, "scale", 1e-3, 65536, &scale)) ||
        (result = read_level(at, "fade", &encoding->fade)))
        return result;
    encoding->feature = type == 1 ? SMELT_FEATURE_FREQUENCY : SMELT_FEATURE_TRIANGLE_WAVE;
    encoding->scale = (float)scale;
    encoding->width = encoding->count * (type == 1 ? 4 : 2);
    return SMELT_OK;
}

static enum smelt_result read_encodings(const struct smelt_json *root, struct smelt_material_description *d,
                                        uint32_t *features)
{
    struct smelt_json encodings;
    enum smelt_result result =
        smelt_json_array(root, "encoding", 1, SMELT_MATERIAL_MAX_ENCODINGS, &encodings, &d->encoding_count);
    *features = 0;
    for (uint32_t i = 0; i < d->encoding_count && !result; i++) {
        struct smelt_json at = smelt_json_element(&encodings, i);
        result = read_encoding(&at, d, &d->encodings[i]);
        *features += d->encodings[i].width;
    }
    return result;
}

static enum smelt_result read_parameter(smelt_package package, const struct smelt_json *layer,
                                        const char *key, enum smelt_dtype *dtype, struct smelt_json *at,
                                        const struct smelt_package_tensor **tensor)
{
    const char *name;
    enum smelt_result result = smelt_json_string(layer, key, NULL, &name);
    if (result)
        return result;
    *at = smelt_json_member(layer, key);
    if ((result = smelt_package_tensor_of(package, at, tensor)))
        return result;
    enum smelt_dtype got = (*tensor)->dtype;
    if ((got != SMELT_DTYPE_F16 && got != SMELT_DTYPE_F32) || (*dtype != SMELT_DTYPE_NONE && got != *dtype))
        return smelt_fail(at->context, SMELT_ERROR_DTYPE,
                          "%s: description: %s: tensor \"%.60s\": wanted %s, got %.16s", at->file, at->path,
                          name, *dtype ? smelt_dtype_name(*dtype) : "F16 or F32", (*tensor)->dtype_name);
    *dtype = got;
    return SMELT_OK;
}

// A weight of f16 or f32, or one of i8 or f8e4m3 with a scale for each row, which counts as f16.
static enum smelt_result read_weight(smelt_package package, const struct smelt_json *layer, uint32_t index,
                                     struct smelt_material_description *d, struct smelt_json *at)
{
    const char *name;
    if (!smelt_json_has(layer, "scale"))
        return read_parameter(package, layer, "weight", &d->mlp.stored, at, &d->weights[index]);
    struct smelt_json scale = smelt_json_member(layer, "scale");
    enum smelt_result result = smelt_json_string(layer, "weight", NULL, &name);
    if (result)
        return result;
    *at = smelt_json_member(layer, "weight");
    if ((result = smelt_package_tensor_of(package, at, &d->weights[index])) ||
        (result = smelt_package_tensor_of(package, &scale, &d->scales[index])))
        return result;
    enum smelt_dtype got = d->weights[index]->dtype;
    if ((got != SMELT_DTYPE_I8 && got != SMELT_DTYPE_F8E4M3) || d->scales[index]->dtype != SMELT_DTYPE_F32)
        return smelt_fail(
            at->context, SMELT_ERROR_DTYPE,
            "%s: description: %s: with a scale: wanted I8 or F8_E4M3 and a scale of F32, got %.16s and %.16s",
            at->file, at->path, d->weights[index]->dtype_name, d->scales[index]->dtype_name);
    if (d->mlp.stored != SMELT_DTYPE_NONE && d->mlp.stored != SMELT_DTYPE_F16)
        return smelt_json_fail(at, "no scale where other weights are F32");
    d->mlp.stored = SMELT_DTYPE_F16;
    uint64_t rows = d->weights[index]->rank == 2 ? d->weights[index]->shape[0] : 0;
    return smelt_package_check_shape(&scale, d->scales[index], 1, &rows);
}

static enum smelt_result read_layer(smelt_package package, const struct smelt_json *layer, uint32_t index,
                                    struct smelt_material_description *d)
{
    const char *activations[SMELT_ACTIVATION_COUNT];
    for (uint32_t i = 0; i < SMELT_ACTIVATION_COUNT; i++)
        activations[i] = smelt_activation_name((enum smelt_activation)i);
    struct smelt_json at;
    uint32_t activation;
    if (!cJSON_IsObject(layer->value))
        return smelt_json_fail(layer, "an object");
    bool bias = smelt_json_has(layer, "bias");
    enum smelt_result result = ONLY(layer, "weight", "bias", "activation", "scale");
    if (result ||
        (result = smelt_json_word(layer, "activation", activations, SMELT_ACTIVATION_COUNT, &activation)) ||
        (result = read_weight(package, layer, index, d, &at)))
        return result;
    d->mlp.activations[index] = (enum smelt_activation)activation;
    const struct smelt_package_tensor *w = d->weights[index];
    uint64_t rows = w->rank == 2 ? w->shape[0] : 0;
    if (rows < 1 || rows > 1024)
        return smelt_fail(
            at.context, SMELT_ERROR_SHAPE,
            "%s: description: %s: tensor \"%.60s\": wanted [1 to 1024][%u], got rank %u with %llu rows",
            at.file, at.path, w->name, d->mlp.widths[index], w->rank, (unsigned long long)rows);
    uint64_t shape[] = {rows, d->mlp.widths[index]};
    if ((result = smelt_package_check_shape(&at, w, 2, shape)))
        return result;
    d->mlp.widths[index + 1] = (uint32_t)rows;
    if (index && bias == d->mlp.no_bias)
        return smelt_json_fail(layer, "a bias in every layer or in none, it is %s here",
                               bias ? "present" : "absent");
    d->mlp.no_bias = !bias;
    if (!bias)
        return SMELT_OK;
    result = read_parameter(package, layer, "bias", &d->mlp.stored, &at, &d->biases[index]);
    return result ? result : smelt_package_check_shape(&at, d->biases[index], 1, shape);
}

static enum smelt_result read_network(smelt_package package, const struct smelt_json *root, uint32_t features,
                                      struct smelt_material_description *d)
{
    struct smelt_json network, layers;
    enum smelt_result result = smelt_json_object(root, "network", &network);
    if (result || (result = ONLY(&network, "input", "layers")) ||
        (result = smelt_json_u32(&network, "input", 1, 1024, &d->mlp.widths[0])) ||
        (result =
             smelt_json_array(&network, "layers", 1, SMELT_MLP_MAX_LAYERS, &layers, &d->mlp.layer_count)))
        return result;
    if (d->mlp.widths[0] != features)
        return smelt_fail(
            network.context, SMELT_ERROR_FORMAT,
            "%s: description: network.input: wanted %u, the features that encoding gives, got %u",
            network.file, features, d->mlp.widths[0]);
    for (uint32_t i = 0; i < d->mlp.layer_count && !result; i++) {
        struct smelt_json layer = smelt_json_element(&layers, i);
        result = read_layer(package, &layer, i, d);
    }
    uint32_t outputs = result ? 0 : d->mlp.widths[d->mlp.layer_count];
    if (outputs > SMELT_MATERIAL_MAX_OUTPUTS)
        return smelt_fail(network.context, SMELT_ERROR_SHAPE,
                          "%s: description: network: wanted at most %d outputs, got %u", network.file,
                          SMELT_MATERIAL_MAX_OUTPUTS, outputs);
    return result;
}

static enum smelt_result read_range(const struct smelt_json *at, struct smelt_channel *channel)
{
    struct smelt_json range;
    uint32_t count;
    channel->minimum = 0;
    channel->maximum = 1;
    if (!smelt_json_has(at, "range"))
        return SMELT_OK;
    enum smelt_result result = smelt_json_array(at, "range", 2, 2, &range, &count);
    if (result)
        return result;
    const cJSON *low = range.value->child, *high = low->next;
    if (!cJSON_IsNumber(low) || !cJSON_IsNumber(high) || !(fabs(low->valuedouble) <= FLT_MAX) ||
        !(fabs(high->valuedouble) <= FLT_MAX) || !((float)low->valuedouble < (float)high->valuedouble))
        return smelt_json_fail(&range, "two numbers, the lower first");
    channel->minimum = (float)low->valuedouble;
    channel->maximum = (float)high->valuedouble;
    return SMELT_OK;
}

static enum smelt_result read_normal(const struct smelt_json *at, struct smelt_channel *channel)
{
    struct smelt_json normal;
    uint32_t encoding, y;
    if (channel->semantic != SMELT_SEMANTIC_NORMAL)
        return SMELT_OK;
    enum smelt_result result = smelt_json_object(at, "normal", &normal);
    if (result || (result = ONLY(&normal, "encoding", "y")) ||
        (result = smelt_json_word(&normal, "encoding", (const char *const[]){"unorm"}, 1, &encoding)) ||
        (result = smelt_json_word(&normal, "y", (const char *const[]){"up", "down"}, 2, &y)))
        return result;
    channel->normal_y_down = y == 1;
    return SMELT_OK;
}

static enum smelt_result read_channel(const struct smelt_json *at, struct smelt_material_description *d,
                                      uint32_t index)
{
    struct smelt_channel *channel = &d->channels[index];
    uint32_t semantic, transfer, outputs = d->mlp.widths[d->mlp.layer_count];
    if (!cJSON_IsObject(at->value))
        return smelt_json_fail(at, "an object");
    enum smelt_result result = ONLY(at, "name", "semantic", "transfer", "first", "count", "range", "normal");
    if (result || (result = smelt_json_string(at, "name", NULL, &channel->name)))
        return result;
    bool taken = !smelt_is_identifier(channel->name) || is_glsl_keyword(channel->name);
    for (uint32_t i = 0; i < index; i++)
        taken |= !strcmp(channel->name, d->channels[i].name);
    if (taken) {
        struct smelt_json name = *at;
        name.value = cJSON_GetObjectItemCaseSensitive(at->value, "name");
        snprintf(name.path, sizeof(name.path), "%.150s.name", at->path);
        return smelt_json_fail(&name, "a GLSL identifier of up to 63 characters that no other channel has");
    }
    if ((result = smelt_json_word(at, "semantic", semantics, SMELT_SEMANTIC_COUNT, &semantic)) ||
        (result = smelt_json_word(at, "transfer", (const char *const[]){"linear", "srgb"}, 2, &transfer)) ||
        (result = smelt_json_u32(at, "first", 0, outputs - 1, &channel->first)) ||
        (result = smelt_json_u32(at, "count", 1, SMELT_MIN(4u, outputs - channel->first), &channel->count)))
        return result;
    channel->semantic = (enum smelt_semantic)semantic;
    channel->transfer = (enum smelt_transfer)transfer;
    uint32_t components = semantic_components[semantic];
    if (components && channel->count != components)
        return smelt_json_fail(at, "count %u for a %s, it is %u", components, semantics[semantic],
                               channel->count);
    if (semantic == SMELT_SEMANTIC_NORMAL && (transfer || smelt_json_has(at, "range")))
        return smelt_json_fail(at, "transfer linear and no range for a normal");
    if (semantic != SMELT_SEMANTIC_NORMAL && smelt_json_has(at, "normal"))
        return smelt_json_fail(at, "no member \"normal\" for a %s", semantics[semantic]);
    result = read_range(at, channel);
    return result ? result : read_normal(at, channel);
}

static enum smelt_result read_channels(const struct smelt_json *root, struct smelt_material_description *d)
{
    struct smelt_json channels;
    enum smelt_result result =
        smelt_json_array(root, "channels", 1, SMELT_MATERIAL_MAX_CHANNELS, &channels, &d->channel_count);
    for (uint32_t i = 0; i < d->channel_count && !result; i++) {
        struct smelt_json at = smelt_json_element(&channels, i);
        result = read_channel(&at, d, i);
    }
    return result;
}

static enum smelt_result read_source(const struct smelt_json *root, struct smelt_material_description *d)
{
    struct smelt_json source;
    if (!smelt_json_has(root, "source"))
        return SMELT_OK;
    enum smelt_result result = smelt_json_object(root, "source", &source);
    if (result || (result = ONLY(&source, "width", "height")) ||
        (result = smelt_json_u32(&source, "width", 1, 1u << 20, &d->source_width)))
        return result;
    return smelt_json_u32(&source, "height", 1, 1u << 20, &d->source_height);
}

enum smelt_result smelt_material_describe(smelt_context context, smelt_package package,
                                          struct smelt_material_description *d)
{
    *d = (struct smelt_material_description){0};
    const char *file = smelt_package_name(package), *kind = smelt_package_kind(package);
    if (strcmp(kind, "material"))
        return smelt_fail(context, SMELT_ERROR_FORMAT,
                          "%s: wanted a package of kind \"material\", got %s%.60s%s", file,
                          kind[0] ? "\"" : "a file without a description", kind, kind[0] ? "\"" : "");
    struct smelt_json root = smelt_json_root(context, file, smelt_package_description(package));
    uint32_t features = 0;
    enum smelt_result result = ONLY(&root, "format", "kind", "name", "source", "latents", "encoding",
                                    "network", "channels", "checksums");
    if (result || (result = smelt_json_string(&root, "name", "material", &d->name)) ||
        (result = read_source(&root, d)) || (result = read_latents(package, &root, d)) ||
        (result = read_encodings(&root, d, &features)) ||
        (result = read_network(package, &root, features, d)) || (result = read_channels(&root, d)))
        return result;
    double size = 0;
    for (uint32_t i = 0; i < smelt_package_tensor_count(package); i++)
        size += (double)smelt_package_tensor(package, i)->size;
    if (d->source_width)
        d->bits_per_texel = 8 * size / ((double)d->source_width * d->source_height);
    return SMELT_OK;
}
