// SPDX-License-Identifier: MIT
// The GLSL of a material architecture: its network, its encodings and its channels as functions of a user-chosen
// name, and the canonical text by which architectures are compared.
#include "material_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct smelt_literal smelt_float_literal(float value)
{
    struct smelt_literal literal;
    char text[32];
    size_t used = 0;
    bool exact = false, point = false;
    for (int digits = 1; digits <= 9 && !exact; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, (double)value);
        exact = strtof(text, NULL) == value;
    }
    // The decimal point is the locale's, and may take several bytes.
    for (const char *c = text; *c && used + 1 < sizeof(literal.text); c++) {
        bool plain = (*c >= '0' && *c <= '9') || *c == '-' || *c == '+' || *c == 'e';
        if (plain || !point)
            literal.text[used++] = plain ? *c : '.';
        point |= !plain;
    }
    literal.text[used] = 0;
    return literal;
}

static void add_line(struct smelt_material_architecture *a, const char *format, ...) SMELT_PRINTF(2, 3);
static void add_line(struct smelt_material_architecture *a, const char *format, ...)
{
    size_t used = strlen(a->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(a->text + used, sizeof(a->text) - used, format, arguments);
    va_end(arguments);
}

static const char *const features[SMELT_FEATURE_COUNT] = {"latents",       "uv",      "frequency",
                                                          "triangle_wave", "padding", "lod"};

static struct smelt_literal level_note(const char *what, float level)
{
    struct smelt_literal note = {""};
    if (level > 0)
        snprintf(note.text, sizeof(note.text), ", %s %.20s", what, smelt_float_literal(level).text);
    return note;
}

void smelt_material_architecture(const struct smelt_material_description *d,
                                 struct smelt_material_architecture *a)
{
    a->text[0] = 0;
    add_line(a, "latents: %u, %s, remapped by %s and %s\n", d->latent_count, d->clamp ? "clamp" : "repeat",
             smelt_float_literal(d->remap_scale).text, smelt_float_literal(d->remap_bias).text);
    for (uint32_t i = 0; i < d->latent_count; i++)
        add_line(a, "latent %u: %u bits, lod shift %s%s%s%s\n", i, d->textures[i].bits,
                 smelt_float_literal(d->textures[i].lod_shift).text,
                 d->textures[i].taps == 4 ? ", 4 taps" : "", level_note("fade", d->textures[i].fade).text,
                 level_note("until", d->textures[i].until).text);
    for (uint32_t i = 0; i < d->encoding_count; i++)
        add_line(a, "encoding %u: %s of %u, scale %s%s\n", i, features[d->encodings[i].feature],
                 d->encodings[i].count, smelt_float_literal(d->encodings[i].scale).text,
                 level_note("fade", d->encodings[i].fade).text);
    add_line(a, "network: %s, %s bias, input %u\n", smelt_dtype_name(d->mlp.stored),
             d->mlp.no_bias ? "no" : "with", d->mlp.widths[0]);
    for (uint32_t i = 0; i < d->mlp.layer_count; i++)
        add_line(a, "layer %u: %u outputs, %s\n", i, d->mlp.widths[i + 1],
                 smelt_activation_name(d->mlp.activations[i]));
    for (uint32_t i = 0; i < d->channel_count; i++) {
        const struct smelt_channel *c = &d->channels[i];
        add_line(a, "channel %u: %s, %s, %s, outputs %u to %u, range %s to %s, %s\n", i, c->name,
                 smelt_semantic_name(c->semantic), c->transfer ? "srgb" : "linear", c->first,
                 c->first + c->count - 1, smelt_float_literal(c->minimum).text,
                 smelt_float_literal(c->maximum).text, c->normal_y_down ? "y down" : "y up");
    }
}

void smelt_material_write_fade(struct smelt_text *text, float fade)
{
    if (fade > 0)
        smelt_text_add(text, " * clamp(1.0 - lod * %s, 0.0, 1.0)", smelt_float_literal(1 / fade).text);
}

void smelt_material_write_until(struct smelt_text *text, float until)
{
    smelt_text_add(text, "clamp(%s - max(lod, 0.0), 0.0, 1.0)", smelt_float_literal(until).text);
}

// Latent `i`, to inputs from `at` on: at the place, or at a quarter of its texel to all sides.
static void add_fetches(struct smelt_text *text, const char *name, const struct smelt_material_description *d,
                        uint32_t i, uint32_t at)
{
    const struct smelt_material_texture *t = &d->textures[i];
    bool ends = t->until > 0; // from there on nothing is fetched
    if (ends) {
        smelt_text_add(text, "    share = ");
        smelt_material_write_until(text, t->until);
        smelt_text_add(text, ";\n");
    }
    for (uint32_t tap = 0; tap < t->taps; tap++) {
        char place[96] = "uv";
        if (t->taps > 1)
            snprintf(place, sizeof(place), "uv + vec2(%s) / vec2(b.latent_extent)",
                     (const char *[]){"-d, -d", "d, -d", "-d, d", "d, d"}[tap]);
        if (t->taps > 1 && !tap) {
            smelt_text_add(text, "    d = %s", smelt_float_literal(0.25F * exp2f(-t->lod_shift)).text);
            smelt_material_write_fade(text, t->fade);
            smelt_text_add(text, ";\n");
        }
        smelt_text_add(text, "    f = %s%s_fetch(b, %uu, %s, lod + %s) * %s + %s%s;\n",
                       ends ? "share == 0.0 ? vec4(0.0) : share * (" : "", name, i, place,
                       smelt_float_literal(t->lod_shift).text, smelt_float_literal(d->remap_scale).text,
                       smelt_float_literal(d->remap_bias).text, ends ? ")" : "");
        for (uint32_t c = 0; c < 4; c++)
            smelt_text_add(text, "    smelt_set(x, %u, f.%c);\n", at + 4 * tap + c, "xyzw"[c]);
    }
}

static void add_feature(struct smelt_text *text, const char *name, const struct smelt_material_description *d,
                        const struct smelt_material_encoding *e, uint32_t at)
{
    switch (e->feature) {
    case SMELT_FEATURE_LATENTS:
        for (uint32_t i = 0; i < d->latent_count; at += 4 * d->textures[i++].taps)
            add_fetches(text, name, d, i, at);
        break;
    case SMELT_FEATURE_UV:
        smelt_text_add(text, "    smelt_set(x, %u, uv.x);\n    smelt_set(x, %u, uv.y);\n", at, at + 1);
        break;
    case SMELT_FEATURE_FREQUENCY:
    case SMELT_FEATURE_TRIANGLE_WAVE:
        for (uint32_t o = 0; o < e->count; o++) {
            bool frequency = e->feature == SMELT_FEATURE_FREQUENCY;
            smelt_text_add(text, "    f%s(uv * %s)",
                           frequency ? " = smelt_frequency" : ".xy = smelt_triangle_wave",
                           smelt_float_literal(e->scale * (float)(1u << o)).text);
            smelt_material_write_fade(text, e->fade);
            smelt_text_add(text, ";\n");
            for (uint32_t c = 0; c < (frequency ? 4u : 2u); c++)
                smelt_text_add(text, "    smelt_set(x, %u, f.%c);\n", at + (frequency ? 4 : 2) * o + c,
                               "xyzw"[c]);
        }
        break;
    case SMELT_FEATURE_LOD:
        smelt_text_add(text, "    smelt_set(x, %u, clamp(lod, 0.0, %s) * %s);\n", at,
                       smelt_float_literal(e->scale).text, smelt_float_literal(1 / e->scale).text);
        break;
    default:
        for (uint32_t i = 0; i < e->count; i++)
            smelt_text_add(text, "    smelt_set(x, %u, 0.0);\n", at + i);
    }
}

// `in_group`: the weights are in shared memory.
static void add_raw(struct smelt_text *text, const char *name, const struct smelt_material_description *d,
                    bool in_group)
{
    uint32_t outputs = d->mlp.widths[d->mlp.layer_count], at = 0;
    smelt_text_add(
        text,
        "void %s_eval_raw(%s_block b, vec2 uv, float lod, out float y[%u])\n{\n    %s_net_input x;\n"
        "    vec4 f;\n    float d, share;\n",
        name, name, outputs, name);
    for (uint32_t i = 0; i < d->encoding_count; i++) {
        add_feature(text, name, d, &d->encodings[i], at);
        at += d->encodings[i].width;
    }
    smelt_text_add(text, "    %s_net_output r = %s_net_run(%sx);\n", name, name, in_group ? "" : "b.net, ");
    for (uint32_t i = 0; i < outputs; i++)
        smelt_text_add(text, "    y[%u] = smelt_get(r, %u);\n", i, i);
    smelt_text_add(text, "}\n\n");
}

#define THREAD_WORKGROUP_SIZE 128 // COOPVEC is slower in larger ones (docs/performance.md)

static void add_load(struct smelt_text *text, const char *name, bool in_group)
{
    if (in_group)
        smelt_text_add(text,
                       "#define %s_WORKGROUP_SIZE %s_net_WORKGROUP_SIZE\n"
                       "void %s_load(%s_block b)\n{\n    %s_net_load_weights(b.net);\n}\n\n",
                       name, name, name, name, name);
    else
        smelt_text_add(text, "#define %s_WORKGROUP_SIZE %d\nvoid %s_load(%s_block b) {}\n\n", name,
                       THREAD_WORKGROUP_SIZE, name, name);
}

static void add_channel(struct smelt_text *text, const struct smelt_channel *c)
{
    static const char *const types[] = {"float", "vec2", "vec3", "vec4"};
    char value[160];
    int used = snprintf(value, sizeof(value), "%s(", types[c->count - 1]);
    for (uint32_t i = 0; i < c->count; i++)
        used += snprintf(value + used, sizeof(value) - (size_t)used, "%sy[%u]", i ? ", " : "", c->first + i);
    snprintf(value + used, sizeof(value) - (size_t)used, ")");
    if (c->semantic == SMELT_SEMANTIC_NORMAL) {
        smelt_text_add(text, "    s.%s = smelt_normal_from_unorm(%s, %s);\n", c->name, value,
                       c->normal_y_down ? "true" : "false");
        return;
    }
    smelt_text_add(text,
                   c->transfer ? "    s.%s = smelt_linear_from_srgb(clamp(%s, 0.0, 1.0))"
                               : "    s.%s = clamp(%s, 0.0, 1.0)",
                   c->name, value);
    if (c->minimum != 0 || c->maximum != 1)
        smelt_text_add(text, " * %s + %s", smelt_float_literal(c->maximum - c->minimum).text,
                       smelt_float_literal(c->minimum).text);
    smelt_text_add(text, ";\n");
}

static void add_surface(struct smelt_text *text, const char *name, const struct smelt_material_description *d)
{
    static const char *const types[] = {"float", "vec2", "vec3", "vec4"};
    smelt_text_add(text, "struct %s_surface {\n", name);
    for (uint32_t i = 0; i < d->channel_count; i++)
        smelt_text_add(text, "    %s %s;\n", types[d->channels[i].count - 1], d->channels[i].name);
    smelt_text_add(text, "};\n\n");
}

static void add_eval(struct smelt_text *text, const char *name, const struct smelt_material_description *d)
{
    smelt_text_add(text,
                   "%s_surface %s_eval(%s_block b, vec2 uv, float lod)\n{\n    float y[%u];\n"
                   "    %s_eval_raw(b, uv, lod, y);\n    %s_surface s;\n",
                   name, name, name, d->mlp.widths[d->mlp.layer_count], name, name);
    for (uint32_t i = 0; i < d->channel_count; i++)
        add_channel(text, &d->channels[i]);
    smelt_text_add(text, "    return s;\n}\n\n");
    // The longer of the two footprint axes, in texels: Vulkan's isotropic level of detail (Vulkan 1.3, 16.6.7).
    smelt_text_add(text,
                   "%s_surface %s_eval_grad(%s_block b, vec2 uv, vec2 ddx, vec2 ddy)\n{\n"
                   "    vec2 size = vec2(b.latent_extent);\n"
                   "    float texels = max(dot(ddx * size, ddx * size), dot(ddy * size, ddy * size));\n"
                   "    return %s_eval(b, uv, 0.5 * log2(max(texels, 1.0)));\n}\n",
                   name, name, name, name);
}

static void add_comment(struct smelt_text *text, const char *name, const struct smelt_material_description *d)
{
    struct smelt_material_architecture architecture;
    smelt_material_architecture(d, &architecture);
    smelt_text_add(text, "// Generated by smelt: the neural materials of one architecture, as %s_...:\n",
                   name);
    for (char *line = architecture.text, *end; (end = strchr(line, '\n')); line = end + 1)
        smelt_text_add(text, "//   %.*s\n", (int)(end - line), line);
    smelt_text_add(
        text,
        "// Include it after \"smelt/base.glsl\", compiled with SMELT_BACKEND_DEFAULT at the material's "
        "backend,\n"
        "// then define how a latent texture is read, for example\n"
        "//   vec4 %s_fetch(%s_block b, uint index, vec2 uv, float lod)\n"
        "//   { return textureLod(latents[index], uv, lod); }                               a small array\n"
        "//   { return textureLod(textures[nonuniformEXT(b.latent[index])], uv, lod); }     bindless\n",
        name, name);
}

// The network's instance: COOPVEC where the shader is compiled for it and the material may use it, else PORTABLE,
// which is also what reflection is made from.
static enum smelt_result add_network(const struct smelt_material_glsl *request, const char *name,
                                     struct smelt_text *text)
{
    struct smelt_mlp_descriptor mlp = *request->coopvec;
    if (request->deferred) {
        smelt_text_add(text, "#include \"smelt/op/%s.glsl\"\n\n", name);
        return SMELT_OK;
    }
    struct smelt_op op = {.name = name, .kind = SMELT_OP_MLP, .mlp = &mlp};
    char *instance = NULL;
    bool coopvec = false;
    if (request->use != SMELT_MATERIAL_COOPVEC_NEVER) {
        mlp.backend = SMELT_BACKEND_COOPVEC;
        enum smelt_result result = smelt_op_glsl(request->context, &op, request->stage, &instance);
        if (result && request->use == SMELT_MATERIAL_COOPVEC_MUST)
            return result;
        coopvec = !result;
    }
    if (coopvec)
        smelt_text_add(text, "#if SMELT_BACKEND_DEFAULT == SMELT_BACKEND_COOPVEC\n%s#else\n", instance);
    smelt_free_text(&instance);
    mlp = request->description->mlp;
    mlp.backend = SMELT_BACKEND_PORTABLE;
    enum smelt_result result = smelt_op_glsl(request->context, &op, request->stage, &instance);
    if (result)
        return result;
    smelt_text_add(text, "%s%s\n", instance, coopvec ? "#endif\n" : "");
    smelt_free_text(&instance);
    return SMELT_OK;
}

enum smelt_result smelt_material_write_glsl(const struct smelt_material_glsl *request, const char *name,
                                            char **text)
{
    const struct smelt_material_description *d = request->description;
    struct smelt_text out = {0};
    char net[80];
    size_t length = name ? strlen(name) : 0;
    if (!length || !smelt_is_identifier(name) || name[length - 1] == '_' || !strncmp(name, "smelt_", 6))
        return smelt_fail(
            request->context, SMELT_ERROR_INVALID_ARGUMENT,
            "smelt_material_glsl: wanted as name a GLSL identifier of up to 63 characters without \"__\", "
            "\"gl_\", \"smelt_\" in front or \"_\" at the end, got \"%.80s\"",
            name ? name : "NULL");
    snprintf(net, sizeof(net), "%s_net", name);
    add_comment(&out, name, d);
    smelt_text_add(&out, "#ifndef SMELT_MATERIAL_%s\n#define SMELT_MATERIAL_%s\n", name, name);
    smelt_text_add(&out, "#include \"smelt/encoding.glsl\"\n#include \"smelt/surface.glsl\"\n");
    enum smelt_result result = add_network(request, net, &out);
    if (!result) {
        smelt_text_add(
            &out,
            "layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer %s_block {\n"
            "    %s_net_weights net;\n    uvec2 latent_extent;\n    uint latent[%u];\n};\n\n"
            "vec4 %s_fetch(%s_block b, uint index, vec2 uv, float lod);\n\n",
            name, name, d->latent_count, name, name);
        add_surface(&out, name, d);
        bool in_group = request->deferred && request->coopvec->scope == SMELT_SCOPE_SUBGROUP;
        if (request->deferred)
            add_load(&out, name, in_group);
        add_raw(&out, name, d, in_group);
        add_eval(&out, name, d);
        smelt_text_add(&out, "#endif\n");
        if (out.failed)
            result = smelt_fail(request->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                                "no memory for the GLSL of \"%s\"", name);
    }
    if (result)
        smelt_text_free(&out);
    else
        *text = out.data;
    return result;
}
