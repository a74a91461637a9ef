// SPDX-License-Identifier: MIT
// Training settings: their defaults, and the JSON file of a plan, which is not trusted.
#include "train_settings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE (1 << 20)
#define MAX_EXTENT 16384

struct train_settings train_settings_default(void)
{
    // Waves of two of the finest latents' texels tell where between them a place of the finest mip is; the next one's texels are theirs, and
    // the waves have faded. Mips share latents: each has an input that parts it from the next. Samples and weights are such that
    // no mip falls behind BC7 of as many bytes, which has all of its bits for the second one: docs/performance.md,
    // quality of neural materials.
    return (struct train_settings){
        .bits_per_texel = 8,
        .weights = SMELT_DTYPE_F16,
        .inputs = {{.feature = SMELT_TRAINER_FREQUENCY, .octaves = 1, .period = 2, .fade = 1},
                   {.feature = SMELT_TRAINER_LOD, .maximum = 1},
                   {.feature = SMELT_TRAINER_LOD, .maximum = 2},
                   {.feature = SMELT_TRAINER_LOD, .maximum = 3},
                   {.feature = SMELT_TRAINER_LOD}},
        .input_count = 5,
        .activation = SMELT_ACTIVATION_GELU,
        .loss = SMELT_LOSS_L2,
        .hue = 110,
        .scalar_maps = 3,
        .rate = 0.01F,
        .latent_rate = 4,
        .warmup = 0.01F,
        .frozen = 0.05F,
        .finest = 0.31F,
        .ratio = 0.4F,
        .even = 0.1F,
        .between = {0.43F},
        .between_count = 1,
    };
}

// --- Reading ----------------------------------------------------------------------------------------------

// A value and where it stands.
struct at {
    const char *file;
    char path[96];
    const cJSON *value;
};

static int wrong(const struct at *at, const char *wanted, ...)
{
    char text[160], got[64];
    va_list arguments;
    va_start(arguments, wanted);
    vsnprintf(text, sizeof(text), wanted, arguments);
    va_end(arguments);
    const cJSON *v = at->value;
    if (cJSON_IsString(v))
        snprintf(got, sizeof(got), "\"%.40s\"", v->valuestring);
    else if (cJSON_IsNumber(v))
        snprintf(got, sizeof(got), "%.10g", v->valuedouble);
    else if (cJSON_IsArray(v))
        snprintf(got, sizeof(got), "an array of %d", cJSON_GetArraySize(v));
    else
        snprintf(got, sizeof(got), "%s",
                 cJSON_IsObject(v) ? "an object"
                 : cJSON_IsBool(v) ? "true or false"
                 : v               ? "null"
                                   : "nothing");
    return tool_fail("%s: %s: wanted %s, got %s", at->file, at->path[0] ? at->path : "the plan", text, got);
}

static struct at member(const struct at *object, const char *key)
{
    struct at at = *object;
    snprintf(at.path, sizeof(at.path), "%.40s%s%.40s", object->path, object->path[0] ? "." : "", key);
    at.value = cJSON_GetObjectItemCaseSensitive(object->value, key);
    return at;
}

static struct at element(const struct at *array, int index)
{
    struct at at = *array;
    snprintf(at.path, sizeof(at.path), "%.80s[%d]", array->path, index);
    at.value = cJSON_GetArrayItem(array->value, index);
    return at;
}

static int read_float(const struct at *at, double low, double high, float *number)
{
    double v = cJSON_IsNumber(at->value) ? at->value->valuedouble : NAN;
    if (!(v >= low && v <= high))
        return wrong(at, "a number from %g to %g", low, high);
    *number = (float)v;
    return TOOL_OK;
}

static int read_count(const struct at *at, double low, double high, uint32_t *count)
{
    double v = cJSON_IsNumber(at->value) ? at->value->valuedouble : NAN;
    if (!(v >= low && v <= high) || v != floor(v))
        return wrong(at, "a whole number from %.0f to %.0f", low, high);
    *count = (uint32_t)v;
    return TOOL_OK;
}

static int read_word(const struct at *at, const char *const *words, uint32_t count, uint32_t *index)
{
    char list[120] = "";
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        if (cJSON_IsString(at->value) && !strcmp(at->value->valuestring, words[i])) {
            *index = i;
            return TOOL_OK;
        }
        snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", words[i]);
    }
    return wrong(at, "one of %s", list);
}

// A member that is a number; of both places one is NULL. What only the caller reads has neither.
struct field {
    const char *key;
    float *number;
    uint32_t *count;
    double low, high;
};

// An object with these members at most: the numbers that are there are read.
static int read_object(const struct at *at, const struct field *fields, size_t count)
{
    if (!cJSON_IsObject(at->value))
        return wrong(at, "an object");
    for (const cJSON *child = at->value->child; child; child = child->next) {
        char known[256] = "";
        const struct field *field = NULL;
        for (size_t i = 0; i < count; i++) {
            size_t used = strlen(known);
            snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", fields[i].key);
            if (!strcmp(fields[i].key, child->string))
                field = &fields[i];
        }
        const struct at value = member(at, child->string);
        if (!field)
            return tool_fail("%s: %s: no such key; there are %s", at->file, value.path, known);
        if (value.value != child)
            return tool_fail("%s: %s: it is there twice", at->file, value.path);
        int status = field->number  ? read_float(&value, field->low, field->high, field->number)
                     : field->count ? read_count(&value, field->low, field->high, field->count)
                                    : TOOL_OK;
        if (status)
            return status;
    }
    return TOOL_OK;
}
#define READ_OBJECT(at, ...)                                                                                 \
    read_object(at, (const struct field[]){__VA_ARGS__},                                                     \
                sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

static int read_array(const struct at *at, uint32_t least, uint32_t most, uint32_t *count)
{
    int size = cJSON_IsArray(at->value) ? cJSON_GetArraySize(at->value) : -1;
    if (size < (int)least || size > (int)most)
        return wrong(at, "an array of %u to %u", least, most);
    *count = (uint32_t)size;
    return TOOL_OK;
}

static int read_shares(const struct at *at, double high, float shares[TRAIN_MAX_LEVELS], uint32_t *count)
{
    int status = read_array(at, 1, TRAIN_MAX_LEVELS, count);
    for (uint32_t i = 0; i < *count && !status; i++) {
        const struct at share = element(at, (int)i);
        status = read_float(&share, 0, high, &shares[i]);
    }
    return status;
}

static int read_latents(const struct at *list, struct train_settings *s)
{
    uint32_t textures = 0, sized = 0;
    int status = read_array(list, 1, SMELT_TRAINER_MAX_GRIDS, &s->latent_count);
    for (uint32_t i = 0; i < s->latent_count && !status; i++) {
        struct train_latents *l = &s->latents[i];
        const struct at at = element(list, (int)i), bits = member(&at, "bits"), taps = member(&at, "taps"),
                        relative = member(&at, "relative");
        *l = (struct train_latents){
            .relative = 1, .textures = 1, .bits = 4, .taps = 1, .mips = SMELT_TRAINER_MAX_LEVELS};
        status = READ_OBJECT(
            &at, {"width", NULL, &l->width, 1, MAX_EXTENT}, {"height", NULL, &l->height, 1, MAX_EXTENT},
            {"relative", &l->relative, NULL, 1.0 / 64, 64},
            {"textures", NULL, &l->textures, 1, SMELT_TRAINER_MAX_TEXTURES}, {"bits", NULL, &l->bits, 4, 8},
            {"taps", NULL, &l->taps, 1, 4}, {"mips", NULL, &l->mips, 1, SMELT_TRAINER_MAX_LEVELS},
            {"fade", &l->fade, NULL, 0.001, 32}, {"until", &l->until, NULL, 0.001, 32});
        if (!status && l->bits != 4 && l->bits != 8)
            status = wrong(&bits, "4 or 8");
        if (!status && l->taps != 1 && l->taps != 4)
            status = wrong(&taps, "1 or 4");
        if (!status && (!l->width != !l->height || (relative.value && l->width)))
            status =
                tool_fail("%s: %s: wanted width and height, or relative, or none of them", at.file, at.path);
        textures += l->textures;
        sized += l->width != 0;
    }
    if (!status && sized && sized < s->latent_count)
        status = tool_fail("%s: latents: wanted width and height of all of them, or of none", list->file);
    if (!status && textures > SMELT_TRAINER_MAX_TEXTURES)
        status = tool_fail("%s: latents: wanted at most %d textures in all, got %u", list->file,
                           SMELT_TRAINER_MAX_TEXTURES, textures);
    return status;
}

static const char *const inputs[] = {"uv", "frequency", "triangle_wave", "lod"};
static const enum smelt_trainer_feature features[] = {SMELT_TRAINER_UV, SMELT_TRAINER_FREQUENCY,
                                                      SMELT_TRAINER_TRIANGLE_WAVE, SMELT_TRAINER_LOD};

static int read_input(const struct at *at, struct train_input *input)
{
    const struct at type = member(at, "type");
    uint32_t word = 0;
    *input = (struct train_input){.octaves = 1, .period = 2};
    int status = cJSON_IsObject(at->value) ? read_word(&type, inputs, 4, &word) : wrong(at, "an object");
    if (status)
        return status;
    input->feature = features[word];
    if (input->feature == SMELT_TRAINER_UV)
        return READ_OBJECT(at, {.key = "type"});
    if (input->feature == SMELT_TRAINER_LOD)
        return READ_OBJECT(at, {.key = "type"}, {"maximum", &input->maximum, NULL, 0.001, 32});
    return READ_OBJECT(at, {.key = "type"}, {"octaves", NULL, &input->octaves, 1, 16},
                       {"period", &input->period, NULL, 0.001, 65536},
                       {"fade", &input->fade, NULL, 0.001, 32});
}

static int read_network(const struct at *at, struct train_settings *s)
{
    static const char *const dtypes[] = {"f16", "f8", "i8"};
    static const enum smelt_dtype weights[] = {SMELT_DTYPE_F16, SMELT_DTYPE_F8E4M3, SMELT_DTYPE_I8};
    const struct at list = member(at, "inputs"), hidden = member(at, "hidden"),
                    activation = member(at, "activation"), dtype = member(at, "weights");
    const char *names[SMELT_ACTIVATION_COUNT];
    uint32_t word = 0;
    int status =
        READ_OBJECT(at, {.key = "inputs"}, {.key = "hidden"}, {.key = "activation"}, {.key = "weights"});
    if (!status && list.value)
        status = read_array(&list, 0, TRAIN_MAX_INPUTS, &s->input_count);
    for (uint32_t i = 0; list.value && i < s->input_count && !status; i++) {
        const struct at input = element(&list, (int)i);
        status = read_input(&input, &s->inputs[i]);
    }
    if (!status && hidden.value)
        status = read_array(&hidden, 1, TRAIN_MAX_HIDDEN, &s->hidden_count);
    for (uint32_t i = 0; hidden.value && i < s->hidden_count && !status; i++) {
        const struct at width = element(&hidden, (int)i);
        status = read_count(&width, 1, 128, &s->hidden[i]);
    }
    for (uint32_t i = 0; i < SMELT_ACTIVATION_COUNT; i++)
        names[i] = smelt_activation_name((enum smelt_activation)i);
    if (!status && activation.value &&
        !(status = read_word(&activation, names, SMELT_ACTIVATION_COUNT, &word)))
        s->activation = (enum smelt_activation)word;
    if (!status && dtype.value && !(status = read_word(&dtype, dtypes, 3, &word)))
        s->weights = weights[word];
    return status;
}

static const char *const losses[] = {"l1", "l2", "relative_l2"}; // by enum smelt_loss

static int read_loss(const struct at *at, struct train_settings *s)
{
    const struct at kind = member(at, "kind"), maps = member(at, "maps");
    uint32_t word = 0;
    int status = READ_OBJECT(at, {.key = "kind"}, {.key = "maps"}, {"hue", &s->hue, NULL, 0, 1e6},
                             {"lightness", &s->lightness, NULL, 0, 1e6},
                             {"scalar_maps", &s->scalar_maps, NULL, 0, 1e6});
    if (!status && kind.value && !(status = read_word(&kind, losses, 3, &word)))
        s->loss = (enum smelt_loss)word;
    if (status || !maps.value)
        return status;
    if (!cJSON_IsObject(maps.value) || cJSON_GetArraySize(maps.value) > TRAIN_MAX_MAPS)
        return wrong(&maps, "an object of at most %d maps", TRAIN_MAX_MAPS);
    s->map_count = 0;
    for (const cJSON *child = maps.value->child; child && !status; child = child->next) {
        const struct at weight = member(&maps, child->string);
        if (strlen(child->string) >= sizeof(s->maps[0].name) || weight.value != child)
            return tool_fail("%s: %s: wanted the name of a map, once", at->file, weight.path);
        snprintf(s->maps[s->map_count].name, sizeof(s->maps[0].name), "%s", child->string);
        status = read_float(&weight, 0, 1e6, &s->maps[s->map_count++].weight);
    }
    return status;
}

static int read_schedule(const struct at *at, struct train_settings *s)
{
    int status = READ_OBJECT(
        at, {"steps", NULL, &s->steps, 1, TRAIN_MOST_STEPS},
        {"batch", NULL, &s->batch, TRAIN_LEAST_BATCH, TRAIN_MOST_BATCH}, {"rate", &s->rate, NULL, 1e-8, 10},
        {"last_rate", &s->last_rate, NULL, 1e-12, 10}, {"latent_rate", &s->latent_rate, NULL, 1e-4, 1e4},
        {"warmup", &s->warmup, NULL, 0, 1}, {"frozen", &s->frozen, NULL, 0, 0.9});
    return status;
}

static int read_samples(const struct at *at, struct train_settings *s)
{
    const struct at levels = member(at, "levels"), between = member(at, "between"),
                    finest = member(at, "finest"), ratio = member(at, "ratio"), even = member(at, "even");
    float shares = 0;
    int status = READ_OBJECT(at, {.key = "levels"}, {.key = "between"}, {"finest", &s->finest, NULL, 0, 1},
                             {"ratio", &s->ratio, NULL, 0, 1}, {"even", &s->even, NULL, 0, 1});
    if (!status && levels.value && (finest.value || ratio.value || even.value))
        status = tool_fail("%s: %s: wanted levels, or finest, ratio and even, not both", at->file, at->path);
    if (!status && levels.value)
        status = read_shares(&levels, 1e6, s->levels, &s->level_count);
    for (uint32_t i = 0; levels.value && i < s->level_count && !status; i++)
        shares += s->levels[i];
    if (!status && levels.value && !(shares > 0))
        status = wrong(&levels, "shares whose sum is above 0");
    if (status || !between.value)
        return status;
    s->between_count = 1;
    return cJSON_IsNumber(between.value) ? read_float(&between, 0, 1, s->between)
                                         : read_shares(&between, 1, s->between, &s->between_count);
}

static int read_plan(const struct at *root, struct train_settings *s)
{
    const struct at bits = member(root, "bits_per_texel");
    static const struct {
        const char *key;
        int (*read)(const struct at *at, struct train_settings *s);
    } parts[] = {{"latents", read_latents},
                 {"network", read_network},
                 {"loss", read_loss},
                 {"schedule", read_schedule},
                 {"samples", read_samples}};
    float number = 0;
    int status = READ_OBJECT(root, {"bits_per_texel", &number, NULL, 0.01, 64}, {.key = "latents"},
                             {.key = "network"}, {.key = "loss"}, {.key = "schedule"}, {.key = "samples"});
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !status; i++) {
        const struct at part = member(root, parts[i].key);
        if (part.value)
            status = parts[i].read(&part, s);
    }
    if (!status && bits.value && s->latents[0].width)
        return tool_fail("%s: bits_per_texel: wanted it, or the extents of latents, not both", root->file);
    s->bits_per_texel = bits.value ? bits.value->valuedouble : s->bits_per_texel;
    return status;
}

int train_settings_read(struct train_settings *settings, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(MAX_FILE + 1) : NULL;
    size_t size = text ? fread(text, 1, MAX_FILE + 1, file) : 0;
    const char *end = NULL;
    int status = !file             ? tool_fail("cannot read %s", path)
                 : !text           ? tool_fail("out of memory for %s", path)
                 : ferror(file)    ? tool_fail("cannot read %s", path)
                 : size > MAX_FILE ? tool_fail("%s: wanted a plan of at most 1 MiB", path)
                                   : TOOL_OK;
    cJSON *root = status ? NULL : cJSON_ParseWithLengthOpts(text, size, &end, false);
    while (root && end < text + size && strchr(" \t\r\n", *end) && *end)
        end++;
    if (!status && (!root || end != text + size))
        status = tool_fail("%s: not JSON from byte %zu on", path, end ? (size_t)(end - text) : 0);
    const struct at at = {.file = path, .value = root};
    if (!status)
        status = read_plan(&at, settings);
    cJSON_Delete(root);
    free(text);
    if (file)
        fclose(file);
    return status;
}

// --- Telling ----------------------------------------------------------------------------------------------

// With as many digits as it takes.
static void add(cJSON *object, const char *key, float number)
{
    double value = 0;
    for (int digits = 1; digits <= 9 && ((float)value != number || digits == 1); digits++) {
        char text[32];
        snprintf(text, sizeof(text), "%.*e", digits - 1, (double)number);
        value = strtod(text, NULL);
    }
    if (key)
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddItemToArray(object, cJSON_CreateNumber(value));
}

static void add_above(cJSON *object, const char *key, float number)
{
    if (number > 0)
        add(object, key, number);
}

static void tell_latents(cJSON *list, const struct train_latents *l)
{
    cJSON *item = cJSON_CreateObject();
    if (l->width) {
        cJSON_AddNumberToObject(item, "width", l->width);
        cJSON_AddNumberToObject(item, "height", l->height);
    } else {
        add(item, "relative", l->relative);
    }
    cJSON_AddNumberToObject(item, "textures", l->textures);
    cJSON_AddNumberToObject(item, "bits", l->bits);
    cJSON_AddNumberToObject(item, "taps", l->taps);
    cJSON_AddNumberToObject(item, "mips", l->mips);
    add_above(item, "fade", l->fade);
    add_above(item, "until", l->until);
    cJSON_AddItemToArray(list, item);
}

static void tell_input(cJSON *list, const struct train_input *input)
{
    cJSON *item = cJSON_CreateObject();
    for (uint32_t i = 0; i < 4; i++)
        if (features[i] == input->feature)
            cJSON_AddStringToObject(item, "type", inputs[i]);
    if (input->feature == SMELT_TRAINER_LOD)
        add_above(item, "maximum", input->maximum);
    if (input->feature == SMELT_TRAINER_FREQUENCY || input->feature == SMELT_TRAINER_TRIANGLE_WAVE) {
        cJSON_AddNumberToObject(item, "octaves", input->octaves);
        add(item, "period", input->period);
        add_above(item, "fade", input->fade);
    }
    cJSON_AddItemToArray(list, item);
}

static void tell_network(cJSON *root, const struct train_settings *s)
{
    cJSON *network = cJSON_AddObjectToObject(root, "network"),
          *list = cJSON_AddArrayToObject(network, "inputs");
    for (uint32_t i = 0; i < s->input_count; i++)
        tell_input(list, &s->inputs[i]);
    cJSON *hidden = s->hidden_count ? cJSON_AddArrayToObject(network, "hidden") : NULL;
    for (uint32_t i = 0; i < s->hidden_count; i++)
        cJSON_AddItemToArray(hidden, cJSON_CreateNumber(s->hidden[i]));
    cJSON_AddStringToObject(network, "activation", smelt_activation_name(s->activation));
    cJSON_AddStringToObject(network, "weights",
                            s->weights == SMELT_DTYPE_F16  ? "f16"
                            : s->weights == SMELT_DTYPE_I8 ? "i8"
                                                           : "f8");
}

static void tell_loss(cJSON *root, const struct train_settings *s)
{
    cJSON *loss = cJSON_AddObjectToObject(root, "loss");
    cJSON_AddStringToObject(loss, "kind", losses[s->loss]);
    add(loss, "hue", s->hue);
    add(loss, "lightness", s->lightness);
    add(loss, "scalar_maps", s->scalar_maps);
    cJSON *maps = s->map_count ? cJSON_AddObjectToObject(loss, "maps") : NULL;
    for (uint32_t i = 0; i < s->map_count; i++)
        add(maps, s->maps[i].name, s->maps[i].weight);
}

static void tell_samples(cJSON *root, const struct train_settings *s)
{
    cJSON *samples = cJSON_AddObjectToObject(root, "samples");
    if (s->level_count) {
        cJSON *levels = cJSON_AddArrayToObject(samples, "levels");
        for (uint32_t i = 0; i < s->level_count; i++)
            add(levels, NULL, s->levels[i]);
    } else {
        add(samples, "finest", s->finest);
        add(samples, "ratio", s->ratio);
        add(samples, "even", s->even);
    }
    if (s->between_count == 1) {
        add(samples, "between", s->between[0]);
        return;
    }
    cJSON *between = cJSON_AddArrayToObject(samples, "between");
    for (uint32_t i = 0; i < s->between_count; i++)
        add(between, NULL, s->between[i]);
}

cJSON *train_settings_tell(const struct train_settings *s)
{
    cJSON *root = cJSON_CreateObject();
    if (!s->latents[0].width)
        cJSON_AddNumberToObject(root, "bits_per_texel", s->bits_per_texel);
    cJSON *latents = cJSON_AddArrayToObject(root, "latents");
    for (uint32_t i = 0; i < s->latent_count; i++)
        tell_latents(latents, &s->latents[i]);
    tell_network(root, s);
    tell_loss(root, s);
    cJSON *schedule = cJSON_AddObjectToObject(root, "schedule");
    if (s->steps)
        cJSON_AddNumberToObject(schedule, "steps", s->steps);
    if (s->batch)
        cJSON_AddNumberToObject(schedule, "batch", s->batch);
    add(schedule, "rate", s->rate);
    add_above(schedule, "last_rate", s->last_rate);
    add(schedule, "latent_rate", s->latent_rate);
    add(schedule, "warmup", s->warmup);
    add(schedule, "frozen", s->frozen);
    tell_samples(root, s);
    return root;
}
