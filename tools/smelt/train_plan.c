// SPDX-License-Identifier: MIT
// From settings and maps to a trainer's params.
#include "train_plan.h"

#include "image_resample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PAD = 16, MOST_WIDTH = 128, HIDDEN = 64, NARROW_HIDDEN = 32, LEAST_HIDDEN = 16 };

static uint64_t chain_texels(uint32_t width, uint32_t height, uint32_t mips)
{
    uint64_t texels = 0;
    for (uint32_t m = 0; m < mips; m++)
        texels += (uint64_t)image_level_extent(width, m) * image_level_extent(height, m);
    return texels;
}

static uint32_t mips_of(uint32_t width, uint32_t height)
{
    uint32_t mips = 1;
    while ((width > height ? width : height) >> mips)
        mips++;
    return mips;
}

static uint64_t latent_size(const struct smelt_trainer_params *p)
{
    uint64_t size = 0;
    for (uint32_t g = 0; g < p->grid_count; g++)
        size += chain_texels(p->grids[g].width, p->grids[g].height, p->grids[g].mips) * p->grids[g].textures *
                p->grids[g].bits / 2;
    return size;
}

static uint64_t network_size(const struct train_plan *plan)
{
    const struct smelt_trainer_params *p = &plan->params;
    bool wide = plan->settings.weights == SMELT_DTYPE_F16;
    uint64_t size = 0;
    for (uint32_t i = 0; i < p->layer_count; i++)
        size +=
            (uint64_t)p->widths[i] * p->widths[i + 1] * (wide ? 2 : 1) + p->widths[i + 1] * (wide ? 2 : 6);
    return size;
}

// --- Latents ----------------------------------------------------------------------------------------------

static void set_grid(struct train_plan *plan, uint32_t g, uint32_t width, uint32_t height)
{
    struct train_latents *l = &plan->settings.latents[g];
    uint32_t mips = mips_of(width, height);
    l->width = width;
    l->height = height;
    plan->params.grids[g] = (struct smelt_trainer_grid){.width = width,
                                                        .height = height,
                                                        .mips = mips < l->mips ? mips : l->mips,
                                                        .textures = l->textures,
                                                        .bits = l->bits,
                                                        .taps = l->taps,
                                                        .fade = l->fade,
                                                        .until = l->until};
}

// The finest latents at 1 / scale of the maps. Others are a whole number of times as large as the coarsest, where they can be.
static void set_grids(struct train_plan *plan, const struct train_maps *maps, double scale)
{
    const struct train_settings *s = &plan->settings;
    double least = 64, most = 0;
    for (uint32_t g = 0; g < s->latent_count; g++) {
        least = fmin(least, (double)s->latents[g].relative);
        most = fmax(most, (double)s->latents[g].relative);
    }
    double width = fmax(floor(maps->width * least / most / scale + 0.5), 1),
           height = fmax(floor(maps->height * least / most / scale + 0.5), 1);
    for (uint32_t g = 0; g < s->latent_count; g++) {
        double relative = (double)s->latents[g].relative / least;
        set_grid(plan, g, (uint32_t)(width * relative + 0.5), (uint32_t)(height * relative + 0.5));
    }
}

// --- The network ------------------------------------------------------------------------------------------

static uint32_t width_of(const struct train_input *input)
{
    switch (input->feature) {
    case SMELT_TRAINER_FREQUENCY:
        return 4 * input->octaves;
    case SMELT_TRAINER_UV:
        return 2;
    case SMELT_TRAINER_TRIANGLE_WAVE:
        return 2 * input->octaves;
    default:
        return 1;
    }
}

// With two layers of so many hidden units; 0: with those of the settings.
static void set_network(struct train_plan *plan, const struct train_maps *maps, uint32_t hidden)
{
    struct smelt_trainer_params *p = &plan->params;
    struct train_settings *s = &plan->settings;
    if (hidden) {
        s->hidden[0] = s->hidden[1] = hidden;
        s->hidden_count = 2;
    }
    p->layer_count = s->hidden_count + 1;
    p->widths[0] = 0;
    for (uint32_t g = 0; g < s->latent_count; g++)
        p->widths[0] += 4 * s->latents[g].textures * s->latents[g].taps;
    for (uint32_t i = 0; i < s->input_count; i++)
        p->widths[0] += width_of(&s->inputs[i]);
    p->widths[0] = (p->widths[0] + PAD - 1) / PAD * PAD;
    for (uint32_t i = 0; i < s->hidden_count; i++) {
        p->widths[i + 1] = s->hidden[i];
        p->activations[i] = s->activation;
    }
    p->widths[p->layer_count] = maps->outputs;
    p->activations[s->hidden_count] = SMELT_ACTIVATION_NONE;
}

// --- What the rate decides --------------------------------------------------------------------------------

static double budget_of(const struct train_plan *plan, const struct train_maps *maps)
{
    return plan->settings.bits_per_texel * maps->width * maps->height / 8;
}

static int refuse_rate(const struct train_plan *plan, const struct train_maps *maps)
{
    return tool_usage_error(
        "%.2f bits for each of %ux%u texels do not hold the network, which takes %.2f; wanted more "
        "bits, or larger maps",
        plan->settings.bits_per_texel, maps->width, maps->height,
        8 * (double)network_size(plan) / ((double)maps->width * maps->height));
}

static bool fits(const struct train_plan *plan, const struct train_maps *maps)
{
    return (double)(latent_size(&plan->params) + network_size(plan)) <= budget_of(plan, maps);
}

// Latents that the settings tell, with or without extents.
static int set_latents(struct train_plan *plan, const struct train_maps *maps)
{
    struct smelt_trainer_params *p = &plan->params;
    struct train_settings *s = &plan->settings;
    bool sized = s->latents[0].width != 0;
    uint32_t hidden = s->hidden_count ? 0 : HIDDEN;
    for (set_network(plan, maps, hidden);
         !sized && hidden > LEAST_HIDDEN && 2 * (double)network_size(plan) > budget_of(plan, maps);)
        set_network(plan, maps, hidden -= PAD); // at least half of the bytes are the latents'
    for (uint32_t g = 0; sized && g < s->latent_count; g++)
        set_grid(plan, g, s->latents[g].width, s->latents[g].height);
    if (sized)
        return TOOL_OK;
    double left = budget_of(plan, maps) - (double)network_size(plan);
    double low = 1, high = maps->width + maps->height; // the latents are never finer than the maps
    set_grids(plan, maps, high);
    if (left < (double)latent_size(p))
        return refuse_rate(plan, maps);
    for (int i = 0; i < 48; i++) {
        double middle = 0.5 * (low + high);
        set_grids(plan, maps, middle);
        if ((double)latent_size(p) > left)
            low = middle;
        else
            high = middle;
    }
    double whole = exp2(ceil(log2(high))); // better, as below
    set_grids(plan, maps, whole < 1.05 * high ? whole : high);
    return TOOL_OK;
}

// Latents of three extents, each half of the one before. They are extents of levels of the maps: texels that lie alike in texels of
// the latents are learnt together, which is worth more than bits are (docs/performance.md), so the rate decides how many textures
// there are. Latents end where the next ones have the level's extent, and one mip of them is enough.
static const struct {
    uint8_t finest, middle, coarsest;
} rungs[] = {{3, 5, 2}, {3, 4, 2}, {3, 3, 2}, {2, 6, 2}, {2, 5, 2}, {2, 4, 2}, {2, 3, 2},
             {1, 6, 2}, {1, 5, 2}, {1, 4, 2}, {1, 3, 2}, {1, 2, 2}, {1, 1, 2}, {1, 0, 2}};
enum { RUNGS = sizeof(rungs) / sizeof(rungs[0]) };

// The finest latents have the extent of that level of the maps. They are fetched four times, so that the network finds their texels
// apart from each other, until half a level later these have become one.
static void set_rung(struct train_plan *plan, const struct train_maps *maps, uint32_t rung, uint32_t level)
{
    const float next = (float)(level + 1);
    const struct train_latents all[] = {
        {.textures = rungs[rung].finest,
         .bits = 4,
         .taps = 4,
         .mips = 1,
         .fade = (float)level + 0.5F,
         .until = rungs[rung].middle ? next : next + 1},
        {.textures = rungs[rung].middle, .bits = 4, .taps = 1, .mips = 1, .until = next + 1},
        {.textures = rungs[rung].coarsest, .bits = 4, .taps = 1, .mips = SMELT_TRAINER_MAX_LEVELS}};
    uint32_t *count = &plan->params.grid_count;
    *count = 0;
    for (uint32_t g = 0; g < 3; g++) {
        if (!all[g].textures)
            continue;
        plan->settings.latents[*count] = all[g];
        set_grid(plan, (*count)++, image_level_extent(maps->width, level + g),
                 image_level_extent(maps->height, level + g));
    }
    plan->settings.latent_count = *count;
}

// The most latents beside a network of so many units; 0: of the settings'.
static bool find_latents(struct train_plan *plan, const struct train_maps *maps, uint32_t hidden)
{
    for (uint32_t i = 0; i < RUNGS * TRAIN_MAX_LEVELS; i++) {
        set_rung(plan, maps, i % RUNGS, i / RUNGS);
        set_network(plan, maps, hidden);
        bool least = i % RUNGS == RUNGS - 1; // whose inputs are refused by their number, not by the rate
        if (fits(plan, maps) && (least || plan->params.widths[0] <= MOST_WIDTH))
            return true;
    }
    return false;
}

// Latents come first, as they do more for fewer bytes; what they leave widens the network.
static int choose_latents(struct train_plan *plan, const struct train_maps *maps)
{
    bool chosen = plan->settings.hidden_count != 0;
    uint32_t hidden = chosen ? 0 : NARROW_HIDDEN;
    bool found = find_latents(plan, maps, hidden);
    if (!chosen && (!found || 4 * (double)network_size(plan) > budget_of(plan, maps)))
        found = find_latents(plan, maps, hidden = LEAST_HIDDEN);
    if (!found)
        return refuse_rate(plan, maps);
    for (uint32_t wide = MOST_WIDTH; !chosen && wide >= hidden; wide -= PAD) {
        set_network(plan, maps, wide);
        if (fits(plan, maps))
            break;
    }
    return TOOL_OK;
}

// Latents in front, padding behind; waves by the texels of the first latents.
static void set_encodings(struct train_plan *plan, const struct train_maps *maps)
{
    struct smelt_trainer_params *p = &plan->params;
    struct train_settings *s = &plan->settings;
    uint32_t used = 0;
    for (uint32_t g = 0; g < s->latent_count; g++)
        used += 4 * s->latents[g].textures * s->latents[g].taps;
    p->encodings[0] = (struct smelt_trainer_encoding){.feature = SMELT_TRAINER_LATENTS};
    p->encoding_count = 1;
    for (uint32_t i = 0; i < s->input_count; used += width_of(&s->inputs[i++])) {
        struct train_input *input = &s->inputs[i];
        if (input->feature == SMELT_TRAINER_LOD && input->maximum <= 0)
            input->maximum = maps->levels > 5 ? (float)(maps->levels - 1) : 4;
        bool wave =
            input->feature == SMELT_TRAINER_FREQUENCY || input->feature == SMELT_TRAINER_TRIANGLE_WAVE;
        p->encodings[p->encoding_count++] = (struct smelt_trainer_encoding){
            .feature = input->feature,
            .count = wave ? input->octaves : 1,
            .scale = wave                                  ? (float)p->grids[0].width / input->period
                     : input->feature == SMELT_TRAINER_LOD ? 1 / input->maximum
                                                           : 1,
            .fade = input->fade};
    }
    if (used < p->widths[0])
        p->encodings[p->encoding_count++] =
            (struct smelt_trainer_encoding){.feature = SMELT_TRAINER_PADDING, .count = p->widths[0] - used};
}

// --- Samples, loss and schedule ---------------------------------------------------------------------------

static int set_samples(struct train_plan *plan, const struct train_maps *maps)
{
    struct smelt_trainer_params *p = &plan->params;
    struct train_settings *s = &plan->settings;
    float all = 0;
    if ((s->level_count && s->level_count != maps->levels) || s->between_count > maps->levels)
        return tool_fail(
            "samples: wanted %u levels of the maps, and at most as many between them, got %u and %u",
            maps->levels, s->level_count, s->between_count);
    for (uint32_t i = 1; i < maps->levels; i++)
        all += powf(s->ratio, (float)i);
    for (uint32_t i = 0; i < maps->levels && !s->level_count; i++)
        s->levels[i] = !i        ? s->finest
                       : all > 0 ? (1 - s->finest) * ((1 - s->even) * powf(s->ratio, (float)i) / all +
                                                      s->even / (float)(maps->levels - 1))
                                 : (1 - s->finest) / (float)(maps->levels - 1);
    if (maps->levels == 1)
        s->levels[0] = 1;
    s->level_count = maps->levels;
    for (uint32_t i = 0; i < maps->levels; i++) {
        uint32_t from =
            i < s->between_count ? i : s->between_count - 1; // the last one stands for all behind it
        p->level_share[i] = s->levels[i];
        p->level_fractional[i] = s->between[from];
    }
    return TOOL_OK;
}

static int set_loss(struct train_plan *plan, const struct train_maps *maps)
{
    struct smelt_trainer_params *p = &plan->params;
    struct train_settings *s = &plan->settings, given = *s;
    for (uint32_t k = 0; k < given.map_count; k++) {
        bool found = false;
        for (uint32_t i = 0; i < maps->count; i++)
            found |= !strcmp(given.maps[k].name, maps->maps[i].name);
        if (!found)
            return tool_fail("loss.maps: \"%s\" is none of the maps, the first of which is \"%s\"",
                             given.maps[k].name, maps->maps[0].name);
    }
    s->map_count = maps->count;
    for (uint32_t i = 0; i < maps->count; i++) {
        const struct train_map *map = &maps->maps[i];
        float weight = map->count == 1 ? given.scalar_maps : 1;
        for (uint32_t k = 0; k < given.map_count; k++)
            if (!strcmp(given.maps[k].name, map->name))
                weight = given.maps[k].weight;
        memcpy(s->maps[i].name, map->name, sizeof(map->name));
        s->maps[i].weight = weight;
        for (uint32_t c = 0; c < map->count; c++)
            plan->weights[map->first + c] = weight;
        if (map->semantic == SMELT_SEMANTIC_BASE_COLOR) {
            p->oklab_first = map->first;
            p->oklab_weights[0] = s->lightness;
            p->oklab_weights[1] = p->oklab_weights[2] = s->hue;
        }
    }
    p->loss = s->loss;
    return TOOL_OK;
}

void train_plan_set_steps(struct train_plan *plan, uint32_t steps)
{
    const double slack = 0.005; // shares are floats, and 0.01 of 100 steps is one
    plan->params.steps = plan->settings.steps = steps;
    plan->params.warmup = (uint32_t)(steps * (double)plan->settings.warmup + slack);
    plan->params.frozen_steps = (uint32_t)(steps * (double)plan->settings.frozen + slack);
}

int train_plan_make(struct train_plan *plan, const struct train_maps *maps,
                    const struct train_settings *settings)
{
    struct smelt_trainer_params *p = &plan->params;
    *plan = (struct train_plan){.settings = *settings};
    struct train_settings *s = &plan->settings;
    s->last_rate = s->last_rate > 0 ? s->last_rate : s->rate / 100;
    *p = (struct smelt_trainer_params){.source_width = maps->width,
                                       .source_height = maps->height,
                                       .levels = maps->levels,
                                       .clamp = maps->clamp,
                                       .remap_scale = 2,
                                       .remap_bias = -1,
                                       .grid_count = s->latent_count,
                                       .batch = s->batch,
                                       .rate = s->rate,
                                       .last_rate = s->last_rate,
                                       .latent_rate = s->latent_rate};
    int status = s->latent_count ? set_latents(plan, maps) : choose_latents(plan, maps);
    if (!status)
        set_encodings(plan, maps);
    if (!status)
        status = set_samples(plan, maps);
    if (!status)
        status = set_loss(plan, maps);
    train_plan_set_steps(plan, s->steps);
    plan->size = latent_size(p) + network_size(plan);
    plan->bits_per_texel = 8 * (double)plan->size / ((double)maps->width * maps->height);
    return status;
}
