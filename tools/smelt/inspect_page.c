// SPDX-License-Identifier: MIT
// The page of smelt inspect: what was found as JSON, beside the script and the style of html/, which are built in.
#include "inspect.h"

#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 32, LARGEST_PICTURE = 192, TILE = 40, TILES = 4 };

// --- Pictures -----------------------------------------------------------------------------------------------------------

// A tensor as planes: the last two extents, or [h][w] of its elements in rows of at most LARGEST_PICTURE.
struct planes {
    uint64_t count, height, width;
};

static struct planes planes_of(const struct smelt_onnx_tensor *t)
{
    uint64_t elements = tensor_elements(t);
    if (t->rank >= 3 && t->shape[t->rank - 1] > 1 && t->shape[t->rank - 2] > 1) {
        uint64_t plane = t->shape[t->rank - 1] * t->shape[t->rank - 2];
        uint64_t images = t->rank > 3 ? t->shape[t->rank - 3] : elements / plane; // of the first sample
        return (struct planes){images, t->shape[t->rank - 2], t->shape[t->rank - 1]};
    }
    uint64_t width = t->rank == 2 && t->shape[1] > 1 ? t->shape[1] : elements;
    if (width > LARGEST_PICTURE)
        width = LARGEST_PICTURE;
    return (struct planes){1, width ? elements / width : 0, width};
}

static uint8_t grey(double x, const struct statistics *s)
{
    double range = s->most - s->least;
    return isfinite(x) && range > 0 ? (uint8_t)lrint((x - s->least) / range * 255) : 0;
}

// Every plane, made smaller by taking every n-th element, on a sheet of up to TILES x TILES.
static void add_picture(cJSON *item, const struct smelt_onnx_tensor *t, const struct statistics *s)
{
    struct planes p = planes_of(t);
    uint64_t most = p.count > 1 ? TILE : LARGEST_PICTURE, columns = p.count < TILES ? p.count : TILES;
    if (!p.count || !p.height || !p.width)
        return;
    uint64_t step = (SMELT_MAX(p.height, p.width) + most - 1) / most;
    uint64_t h = (p.height + step - 1) / step, w = (p.width + step - 1) / step;
    uint64_t rows = (SMELT_MIN(p.count, (uint64_t)TILES * TILES) + columns - 1) / columns;
    uint64_t width = columns * (w + 1) - 1, height = rows * (h + 1) - 1;
    uint8_t *pixels = calloc((size_t)(width * height), 1);
    for (uint64_t i = 0; pixels && i < SMELT_MIN(p.count, columns * rows); i++)
        for (uint64_t y = 0; y < h; y++)
            for (uint64_t x = 0; x < w; x++) {
                uint64_t from = (i * p.height + y * step) * p.width + x * step;
                pixels[(i / columns * (h + 1) + y) * width + i % columns * (w + 1) + x] =
                    grey(smelt_element_number(t->element, t->data, from), s);
            }
    char *url = pixels ? page_png_url(pixels, (uint32_t)width, (uint32_t)height, 1) : NULL;
    if (url)
        cJSON_AddStringToObject(item, "image", url);
    free(url);
    free(pixels);
}

static void add_histogram(cJSON *item, const struct smelt_onnx_tensor *t, const struct statistics *s)
{
    uint64_t bins[BINS] = {0};
    double range = s->most - s->least;
    for (uint64_t i = 0; i < s->elements; i++) {
        double x = smelt_element_number(t->element, t->data, i);
        if (isfinite(x) && range > 0)
            bins[(int)fmin((x - s->least) / range * BINS, BINS - 1)]++;
    }
    cJSON *list = range > 0 ? cJSON_AddArrayToObject(item, "histogram") : NULL;
    for (int i = 0; i < BINS && list; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)bins[i]));
}

// --- Values and nodes -----------------------------------------------------------------------------------------------------

static void add_statistics(cJSON *item, const struct statistics *s)
{
    cJSON *object = cJSON_AddObjectToObject(item, "statistics");
    cJSON_AddNumberToObject(object, "min", s->least);
    cJSON_AddNumberToObject(object, "max", s->most);
    cJSON_AddNumberToObject(object, "mean", s->mean);
    cJSON_AddNumberToObject(object, "std", s->deviation);
    cJSON_AddNumberToObject(object, "nan", (double)s->nans);
    cJSON_AddNumberToObject(object, "inf", (double)s->infinities);
    cJSON_AddNumberToObject(object, "elements", (double)s->elements);
}

// NaN and infinities as words, which JSON has no numbers for.
static void add_number(cJSON *object, const char *key, double x)
{
    if (isfinite(x))
        cJSON_AddNumberToObject(object, key, x);
    else
        cJSON_AddStringToObject(object, key, isnan(x) ? "NaN" : x > 0 ? "inf" : "-inf");
}

static void add_difference(cJSON *item, const struct difference *d, const char *index)
{
    cJSON *object = d->elements ? cJSON_AddObjectToObject(item, "difference") : NULL;
    if (!object)
        return;
    cJSON_AddNumberToObject(object, "count", (double)d->count);
    cJSON_AddNumberToObject(object, "elements", (double)d->elements);
    cJSON_AddNumberToObject(object, "largest", d->largest);
    cJSON_AddStringToObject(object, "index", index);
    add_number(object, "want", d->want);
    add_number(object, "got", d->got);
}

static cJSON *value_json(const struct inspection *found, const struct smelt_ir_value *value)
{
    const struct smelt_onnx_tensor *tensor = &found->tensors[value->id];
    struct smelt_onnx_tensor weight = {
        .element = value->stored, .rank = value->rank, .data = (void *)value->data};
    cJSON *item = cJSON_CreateObject(), *shape = cJSON_AddArrayToObject(item, "shape");
    cJSON_AddStringToObject(item, "name", value->name);
    cJSON_AddStringToObject(item, "dtype", smelt_element_info(value->element)->name);
    cJSON_AddBoolToObject(item, "constant", value->constant);
    for (uint32_t d = 0; d < value->rank; d++) {
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)value->shape[d].constant));
        weight.shape[d] = (uint64_t)value->shape[d].constant;
    }
    if (value->constant)
        tensor = &weight;
    if (tensor->data && tensor_elements(tensor)) {
        struct statistics s = statistics_of(tensor);
        add_statistics(item, &s);
        add_histogram(item, tensor, &s);
        add_picture(item, tensor, &s);
    }
    add_difference(item, &found->differences[value->id], found->indices[value->id]);
    return item;
}

static cJSON *attribute_json(const struct smelt_attribute_schema *schema, const struct smelt_ir_attribute *a)
{
    cJSON *list;
    switch (schema->kind) {
    case SMELT_ATTRIBUTE_INTEGER:
        return cJSON_CreateNumber((double)a->integer);
    case SMELT_ATTRIBUTE_NUMBER:
        return cJSON_CreateNumber(a->number);
    case SMELT_ATTRIBUTE_WORD:
        return cJSON_CreateString(a->word ? a->word : "");
    case SMELT_ATTRIBUTE_ELEMENT:
        return cJSON_CreateString(smelt_element_info((enum smelt_element)a->integer)->name);
    default:
        list = cJSON_CreateArray();
        for (uint32_t i = 0; i < a->count; i++)
            cJSON_AddItemToArray(list,
                                 cJSON_CreateNumber(a->integers ? (double)a->integers[i] : a->numbers[i]));
        return list;
    }
}

static void add_values(cJSON *item, const char *key, struct smelt_ir_value *const *values, uint32_t count)
{
    cJSON *list = cJSON_AddArrayToObject(item, key);
    for (uint32_t i = 0; i < count; i++)
        if (values[i])
            cJSON_AddItemToArray(list, cJSON_CreateNumber(values[i]->id));
}

static cJSON *node_json(const struct smelt_ir_node *node, uint32_t id)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "id", id);
    cJSON_AddStringToObject(item, "op", node->op->name);
    cJSON_AddStringToObject(item, "name", node->name);
    add_values(item, "inputs", node->inputs, node->input_count);
    add_values(item, "outputs", node->outputs, node->output_count);
    cJSON *attributes = cJSON_AddObjectToObject(item, "attributes");
    const struct smelt_attribute_schema *schema = node->op->attributes;
    for (uint32_t i = 0; schema && schema[i].name; i++)
        if (node->attributes[i].set)
            cJSON_AddItemToObject(attributes, schema[i].name,
                                  attribute_json(&schema[i], &node->attributes[i]));
    return item;
}

// --- The page ---------------------------------------------------------------------------------------------------------------

static void add_regions(cJSON *json, const struct inspection *found)
{
    cJSON *regions = cJSON_AddArrayToObject(json, "regions");
    for (uint32_t i = 0; i < found->ir->node_count; i++) {
        if (found->regions[i] != i)
            continue; // a part of an earlier one
        cJSON *item = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(item, "nodes");
        cJSON_AddItemToArray(regions, item);
        cJSON_AddNumberToObject(item, "time", found->times[i]);
        for (uint32_t k = i; k < found->ir->node_count; k++)
            if (found->regions[k] == i)
                cJSON_AddItemToArray(nodes, cJSON_CreateNumber(k));
    }
}

static cJSON *page_json(const struct inspection *found)
{
    const struct smelt_ir *ir = found->ir;
    cJSON *json = cJSON_CreateObject(), *list;
    cJSON_AddStringToObject(json, "facts", found->facts);
    if (found->compare)
        cJSON_AddStringToObject(json, "compare", found->compare);
    else
        cJSON_AddNullToObject(json, "compare");
    if (found->first_difference != UINT32_MAX)
        cJSON_AddNumberToObject(json, "first_difference", found->first_difference);
    else
        cJSON_AddNullToObject(json, "first_difference");
    list = cJSON_AddArrayToObject(json, "values");
    for (uint32_t i = 0; i < ir->value_count; i++)
        cJSON_AddItemToArray(list, value_json(found, ir->values[i]));
    list = cJSON_AddArrayToObject(json, "nodes");
    for (uint32_t i = 0; i < ir->node_count; i++)
        cJSON_AddItemToArray(list, node_json(ir->nodes[i], i));
    add_regions(json, found);
    add_values(json, "inputs", ir->inputs, ir->input_count);
    add_values(json, "outputs", ir->outputs, ir->output_count);
    return json;
}

int inspect_page(const struct inspection *found, const char *path)
{
    struct page page = {0};
    int status = page_begin(&page, path, *found->ir->name ? found->ir->name : "network", "report.css");
    if (status)
        return status;
    page_add(&page,
             "<input id=\"search\" type=\"search\" placeholder=\"search; Enter: next\" aria-label=\"search\">"
             "<span id=\"count\"></span><button id=\"fit\">Fit</button>"
             "<button id=\"expand\">Open or close all</button><span id=\"verdict\"></span>"
             "<span id=\"facts\" class=\"facts\"></span></header>\n"
             "<svg id=\"graph\" role=\"img\" aria-label=\"the network's graph\"></svg>\n"
             "<main id=\"panel\"></main>\n");
    cJSON *json = page_json(found);
    status = page_end(&page, json, "report.js");
    cJSON_Delete(json);
    return status;
}
