// SPDX-License-Identifier: MIT
// The kernels of a trainer: what stands in front of glsl/kernels/trainer_step.glsl and trainer_update.glsl.
#include "material_internal.h"
#include "trainer_internal.h"

#include <math.h>

static void define(struct smelt_text *text, const char *name, uint32_t value)
{
    smelt_text_add(text, "#define TRAINER_%s %u\n", name, value);
}

static void define_float(struct smelt_text *text, const char *name, float value)
{
    smelt_text_add(text, "#define TRAINER_%s (%s)\n", name, smelt_float_literal(value).text);
}

static void write_numbers(struct smelt_text *text, const struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    const float *oklab = p->oklab_weights;
    bool portable = l->backend == SMELT_BACKEND_PORTABLE;
    define(text, "BATCH", p->batch);
    define(text, "SAMPLES", p->samples);
    define(text, "GROUPS", p->groups);
    define(text, "THREADS", l->subgroup_size * l->subgroups);
    define(text, "FETCHES", l->fetches);
    define(text, "FIRST", l->first_group);
    define(text, "OUTPUTS", l->outputs);
    define(text, "OUTPUT_GROUPS", l->output_groups);
    define(text, "LEVELS", p->levels);
    define(text, "TARGET_WORDS", l->target_words);
    define(text, "WEIGHTS", l->weight_count);
    define(text, "PARTIAL", l->partial);
    define(text, "WEIGHT_GROUPS", (l->partial + 31) / 32);
    define(text, "LATENTS", l->latent_groups);
    smelt_text_add(text, "#define TRAINER_FROZEN_FROM %uu\n", l->frozen_from);
    define(text, "CLAMP", p->clamp);
    define(text, "LOSS", (uint32_t)p->loss);
    define(text, "OKLAB", oklab[0] != 0 || oklab[1] != 0 || oklab[2] != 0);
    define(text, "OKLAB_FIRST", p->oklab_first);
    define(text, "COPY_F32", p->weight_dtype == SMELT_DTYPE_F32);
    define(text, "COPY_F8", p->weight_dtype == SMELT_DTYPE_F8E4M3);
    define(text, "PORTABLE", portable);
    smelt_text_add(text, "#define TRAINER_SEED %uu\n#define TRAINER_OKLAB_WEIGHTS vec3(%s, %s, %s)\n",
                   p->seed, smelt_float_literal(oklab[0]).text, smelt_float_literal(oklab[1]).text,
                   smelt_float_literal(oklab[2]).text);
    define_float(text, "REMAP_SCALE", p->remap_scale);
    define_float(text, "REMAP_BIAS", p->remap_bias);
    define_float(text, "LATENT_RATE", p->latent_rate);
    define_float(text, "LOSS_SCALE", portable ? 1 : 128);
    define_float(text, "FIXED_SCALE", 262144);
    define_float(text, "BETA1", 0.9F);
    define_float(text, "BETA2", SMELT_TRAINER_BETA2);
    define_float(text, "EPSILON", 1e-8F);
}

static void write_floats(struct smelt_text *text, const char *name, const float *values, uint32_t count)
{
    smelt_text_add(text, "const float trainer_%s[%u] = {", name, count);
    for (uint32_t i = 0; i < count; i++)
        smelt_text_add(text, "%s%s", i ? ", " : "", smelt_float_literal(values[i]).text);
    smelt_text_add(text, "};\n");
}

static void write_images(struct smelt_text *text, const char *name, const struct smelt_trainer_image *images,
                         uint32_t count)
{
    smelt_text_add(text, "const uvec3 trainer_%s[%u] = {", name, count);
    for (uint32_t i = 0; i < count; i++)
        smelt_text_add(text, "%suvec3(%uu, %uu, %uu)", i ? ", " : "", images[i].width, images[i].height,
                       images[i].first);
    smelt_text_add(text, "};\n");
}

// Of a fetch: its grid, which of the grid's textures, and how far from the place.
static void write_fetches(struct smelt_text *text, const struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    uint32_t fetch = 0;
    smelt_text_add(text, "const uvec2 trainer_fetch[%u] = {", l->fetches);
    for (uint32_t g = 0; g < p->grid_count; g++)
        for (uint32_t i = 0; i < p->grids[g].textures * p->grids[g].taps; i++)
            smelt_text_add(text, "%suvec2(%uu, %uu)", fetch++ ? ", " : "", g, i / p->grids[g].taps);
    smelt_text_add(text, "};\nconst vec2 trainer_offset[%u] = {", l->fetches);
    fetch = 0;
    for (uint32_t g = 0; g < p->grid_count; g++) {
        const struct smelt_trainer_grid *grid = &p->grids[g];
        float x = 0.25F / (float)grid->width, y = 0.25F / (float)grid->height;
        for (uint32_t i = 0; i < grid->textures * grid->taps; i++)
            if (grid->taps == 1)
                smelt_text_add(text, "%svec2(0.0)", fetch++ ? ", " : "");
            else
                smelt_text_add(text, "%svec2(%s, %s)", fetch++ ? ", " : "",
                               smelt_float_literal(i & 1 ? x : -x).text,
                               smelt_float_literal(i & 2 ? y : -y).text);
    }
    smelt_text_add(text, "};\n");
}

// Of a grid at a level of detail: how far apart its taps are, of their distance at the finest level, and how much it counts.
static void write_fades(struct smelt_text *text, const struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    smelt_text_add(text, "float trainer_spread(uint grid, float lod)\n{\n");
    for (uint32_t g = 0; g < p->grid_count; g++) {
        smelt_text_add(text, "    if (grid == %uu)\n        return 1.0", g);
        smelt_material_write_fade(text, p->grids[g].fade);
        smelt_text_add(text, ";\n");
    }
    smelt_text_add(text, "    return 1.0;\n}\nfloat trainer_share(uint grid, float lod)\n{\n");
    for (uint32_t g = 0; g < p->grid_count; g++)
        if (p->grids[g].until > 0) {
            smelt_text_add(text, "    if (grid == %uu)\n        return ", g);
            smelt_material_write_until(text, p->grids[g].until);
            smelt_text_add(text, ";\n");
        }
    smelt_text_add(text, "    return 1.0;\n}\n");
}

static void write_tables(struct smelt_text *text, const struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    float shares[SMELT_TRAINER_MAX_LEVELS], lods[SMELT_TRAINER_MAX_GRIDS], all = 0, sum = 0;
    for (uint32_t i = 0; i < p->levels; i++)
        all += p->level_share[i];
    for (uint32_t i = 0; i < p->levels; i++)
        shares[i] = (sum += p->level_share[i]) / all;
    write_floats(text, "level_share", shares, p->levels);
    write_floats(text, "level_fractional", p->level_fractional, p->levels);
    write_images(text, "level", l->levels, p->levels);
    write_floats(text, "weight", l->weights, l->outputs);
    if (!l->fetches)
        return;
    write_images(text, "mip", l->mips, l->grid_mip[p->grid_count]);
    for (uint32_t g = 0; g < p->grid_count; g++)
        lods[g] = log2f(SMELT_MAX((float)p->grids[g].width / (float)p->source_width,
                                  (float)p->grids[g].height / (float)p->source_height));
    write_floats(text, "grid_lod", lods, p->grid_count);
    smelt_text_add(text, "const uvec3 trainer_grid[%u] = {", p->grid_count);
    for (uint32_t g = 0; g < p->grid_count; g++)
        smelt_text_add(text, "%suvec3(%uu, %uu, %uu)", g ? ", " : "", p->grids[g].textures, l->grid_mip[g],
                       p->grids[g].mips);
    smelt_text_add(text, "};\n");
    write_fetches(text, l);
    write_fades(text, l);
}

// --- Encodings --------------------------------------------------------------------------------------------

// Input `i` of an encoding as an expression.
static void write_input(struct smelt_text *text, const struct smelt_trainer_encoding *e, uint32_t i)
{
    switch (e->feature) {
    case SMELT_TRAINER_UV:
        smelt_text_add(text, "uv.%c", "xy"[i]);
        break;
    case SMELT_TRAINER_FREQUENCY:
    case SMELT_TRAINER_TRIANGLE_WAVE: {
        uint32_t each = e->feature == SMELT_TRAINER_FREQUENCY ? 4 : 2;
        smelt_text_add(text, "%s(uv * %s).%c", each == 4 ? "smelt_frequency" : "smelt_triangle_wave",
                       smelt_float_literal(ldexpf(e->scale, (int)(i / each))).text, "xyzw"[i % each]);
        smelt_material_write_fade(text, e->fade);
        break;
    }
    case SMELT_TRAINER_LOD:
        smelt_text_add(text, "min(lod * %s, 1.0)", smelt_float_literal(e->scale).text);
        break;
    default:
        smelt_text_add(text, "0.0");
    }
}

static uint32_t inputs_of(const struct smelt_trainer_layout *l, const struct smelt_trainer_encoding *e)
{
    static const uint32_t each[] = {0, 0, 4, 2, 1, 0};
    return e->feature == SMELT_TRAINER_LATENTS ? 4 * l->fetches
           : e->feature == SMELT_TRAINER_UV    ? 2
           : e->feature == SMELT_TRAINER_LOD   ? 1
                                               : each[e->feature] * e->count;
}

// Groups of 4 inputs that are not latents.
static void write_encode(struct smelt_text *text, const struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    smelt_text_add(text, "vec4 trainer_encode(uint g, vec2 uv, float lod)\n{\n    vec4 v = vec4(0.0);\n"
                         "    switch (g) {\n");
    uint32_t at = 0, open = UINT32_MAX;
    for (uint32_t i = 0; i < p->encoding_count; i++) {
        const struct smelt_trainer_encoding *e = &p->encodings[i];
        uint32_t count = inputs_of(l, e);
        for (uint32_t j = 0; j < count && e->feature != SMELT_TRAINER_LATENTS; j++) {
            uint32_t group = (at + j) / 4;
            if (group != open)
                smelt_text_add(text, "%s    case %uu:\n", open == UINT32_MAX ? "" : "        break;\n",
                               group);
            open = group;
            smelt_text_add(text, "        v.%c = ", "xyzw"[(at + j) % 4]);
            write_input(text, e, j);
            smelt_text_add(text, ";\n");
        }
        at += count;
    }
    smelt_text_add(text, "%s    default:\n        break;\n    }\n    return v;\n}\n",
                   open == UINT32_MAX ? "" : "        break;\n");
}

// --- Kernels ----------------------------------------------------------------------------------------------

static void write_network(struct smelt_text *text, const struct smelt_trainer_layout *l)
{
    const struct smelt_trainer_params *p = &l->params;
    const char *prefix = "SMELT_MLP_GRADIENT_";
    static const char *const fragments[] = {"FRAGMENT_M", "FRAGMENT_N", "FRAGMENT_K"};
    smelt_text_add(text,
                   "layout(local_size_x = %u) in;\n"
                   "#if SMELT_BACKEND_DEFAULT == SMELT_BACKEND_PORTABLE\nshared uvec4 scratch[%u];\n#else\n"
                   "shared uvec4 scratch[%u];\n#endif\n#define SMELT_MLP_GRADIENT net\n",
                   l->subgroup_size * l->subgroups, l->portable_scratch, l->scratch);
    smelt_op_define_number(text, prefix, "LAYERS", p->layer_count);
    for (uint32_t i = 0; i <= p->layer_count; i++)
        smelt_text_add(text, "#define %sWIDTH%u %u\n", prefix, i, p->widths[i]);
    for (uint32_t i = 0; i < p->layer_count; i++)
        smelt_text_add(text, "#define %sACTIVATION%u %s\n", prefix, i,
                       smelt_op_activation_macro(p->activations[i]));
    smelt_op_define_number(text, prefix, "SAMPLES", p->samples);
    smelt_op_define_number(text, prefix, "SUBGROUP_SIZE", l->subgroup_size);
    smelt_op_define_number(text, prefix, "SUBGROUPS", l->subgroups);
    smelt_text_add(text, "#if SMELT_BACKEND_DEFAULT == SMELT_BACKEND_PORTABLE\n");
    for (int i = 0; i < 3; i++)
        smelt_op_define_number(text, prefix, fragments[i], 1);
    smelt_op_define_number(text, prefix, "UNROLL", 0);
    smelt_op_define_number(text, prefix, "COPY", 0);
    smelt_text_add(text, "#else\n");
    for (int i = 0; i < 3; i++)
        smelt_op_define_number(text, prefix, fragments[i], l->fragment[i]);
    smelt_op_define_number(text, prefix, "UNROLL", l->unroll);
    smelt_op_define_number(text, prefix, "COPY", l->copy);
    smelt_text_add(text, "#endif\n");
    smelt_op_define(text, prefix, "SCRATCH", "scratch");
    smelt_op_define(text, prefix, "BACKEND", "SMELT_BACKEND_DEFAULT");
    smelt_text_add(text, "#include \"smelt/mlp_gradient_tmpl.glsl\"\n");
}

void smelt_trainer_write_step(struct smelt_text *text, const void *user)
{
    const struct smelt_trainer_layout *l = user;
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/encoding.glsl\"\n");
    write_numbers(text, l);
    write_tables(text, l);
    write_encode(text, l);
    write_network(text, l);
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/trainer_step.glsl"));
}

void smelt_trainer_write_update(struct smelt_text *text, const void *user)
{
    const struct smelt_trainer_layout *l = user;
    const struct smelt_trainer_params *p = &l->params;
    float levels[SMELT_TRAINER_MAX_GRIDS];
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n");
    write_numbers(text, l);
    for (uint32_t g = 0; g < p->grid_count; g++)
        levels[g] = p->grids[g].bits ? (float)((1u << p->grids[g].bits) - 1) : 0;
    if (l->fetches) {
        write_floats(text, "grid_levels", levels, p->grid_count);
        smelt_text_add(text, "const uint trainer_grid_end[%u] = {", p->grid_count);
        for (uint32_t g = 0; g < p->grid_count; g++) {
            uint32_t end = l->grid_mip[g + 1];
            smelt_text_add(text, "%s%uu", g ? ", " : "",
                           g + 1 < p->grid_count ? l->mips[end].first : l->latent_groups);
        }
        smelt_text_add(text, "};\n");
    }
    smelt_text_add(text, "%s", smelt_kernel_text("kernels/trainer_update.glsl"));
}

void smelt_trainer_write_round(struct smelt_text *text, const void *user)
{
    const struct smelt_trainer_layout *l = user;
    const struct smelt_trainer_params *p = &l->params;
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\n");
    write_numbers(text, l);
    // Of a layer: rows in front of it, where it begins, width of a row.
    smelt_text_add(text, "const uvec3 trainer_layer[%u] = {", p->layer_count);
    for (uint32_t i = 0, rows = 0; i < p->layer_count; rows += l->padded[++i])
        smelt_text_add(text, "%suvec3(%uu, %uu, %uu)", i ? ", " : "", rows, l->layer_begin[i], l->padded[i]);
    smelt_text_add(text, "};\n%s", smelt_kernel_text("kernels/trainer_round.glsl"));
}
