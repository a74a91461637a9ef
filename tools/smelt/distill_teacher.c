// SPDX-License-Identifier: MIT
// Reads a teacher's file, and writes the GLSL of its domain and of its inputs' encodings.
#include "distill.h"

#include "embedded.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 20, MAX_FEATURES = 1024 };

extern const struct smelt_embedded tool_shaders[];

static const char *shader_text(const char *name)
{
    for (const struct smelt_embedded *file = tool_shaders; file->name; file++)
        if (!strcmp(file->name, name))
            return (const char *)file->data;
    return "";
}

static const struct {
    const char *name;
    uint32_t count, most; // default and largest
} encodings[] = {{"identity", 1, 1}, {"frequency", 4, 24}, {"triangle_wave", 4, 24}, {"one_blob", 16, 128}};

const char *teacher_encoding_name(enum teacher_encoding encoding)
{
    return encodings[encoding].name;
}

static uint32_t teacher_features(const struct teacher_input *input)
{
    return input->encoding == ENCODING_FREQUENCY ? 2 * input->count : input->count;
}

// --- What the comments say ---------------------------------------------------------------------------------

// "0.1..1" into a range.
static bool parse_range(const char *text, struct teacher_input *input)
{
    char *end;
    const char *dots = strstr(text, "..");
    char first[64];
    if (!dots || dots - text >= (ptrdiff_t)sizeof(first))
        return false;
    snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
    input->minimum = strtod(first, &end);
    if (end == first || *end)
        return false;
    input->maximum = strtod(dots + 2, &end);
    return end != dots + 2 && !*end && input->minimum < input->maximum && input->minimum > -1e6 &&
           input->maximum < 1e6;
}

static int parse_input(const char *where, const char *name, const char *range, const char *encoding,
                       const char *count, struct teacher_input *input)
{
    snprintf(input->name, sizeof(input->name), "%s", name);
    if (!parse_range(range, input))
        return tool_fail("%s: input %s: wanted a range such as 0..1, got \"%s\"", where, name, range);
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        if (!strcmp(encoding, encodings[i].name)) {
            char *end = "";
            unsigned long number = *count ? strtoul(count, &end, 10) : encodings[i].count;
            if (*end || number < 1 || number > encodings[i].most)
                return tool_fail("%s: input %s: wanted a count of 1 to %u for %s, got \"%s\"", where, name,
                                 encodings[i].most, encoding, count);
            input->encoding = (enum teacher_encoding)i;
            input->count = (uint32_t)number;
            return TOOL_OK;
        }
    return tool_fail("%s: input %s: wanted identity, frequency, triangle_wave or one_blob, got \"%s\"", where,
                     name, encoding);
}

static int parse_outputs(struct teacher *teacher, const char *count, const char *activation, const char *loss)
{
    static const char *const losses[] = {"l1", "l2", "relative_l2"};
    char *end;
    unsigned long number = strtoul(count, &end, 10);
    if (end == count || *end || number < 1 || number > TEACHER_MAX_OUTPUTS)
        return tool_fail("%s: wanted 1 to %d outputs, got \"%s\"", teacher->path, (int)TEACHER_MAX_OUTPUTS,
                         count);
    teacher->output_count = (uint32_t)number;
    teacher->activation = *activation ? smelt_activation_from_name(activation) : SMELT_ACTIVATION_NONE;
    if (teacher->activation == SMELT_ACTIVATION_COUNT)
        return tool_fail("%s: outputs: no activation \"%s\"", teacher->path, activation);
    teacher->loss = SMELT_LOSS_L2;
    if (!*loss)
        return TOOL_OK;
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
        if (!strcmp(loss, losses[i])) {
            teacher->loss = (enum smelt_loss)i;
            return TOOL_OK;
        }
    return tool_fail("%s: outputs: wanted l1, l2 or relative_l2, got \"%s\"", teacher->path, loss);
}

static int parse_line(struct teacher *teacher, const char *line)
{
    char word[16], a[64] = "", b[64] = "", c[64] = "", d[64] = "", more[2] = "";
    int words = sscanf(line, " // smelt %15s %63s %63s %63s %63s %1s", word, a, b, c, d, more);
    if (words < 1)
        return TOOL_OK;
    if (!strcmp(word, "outputs") && words >= 2 && words <= 4)
        return parse_outputs(teacher, a, b, c);
    if (strcmp(word, "input") != 0 || words < 4 || words > 5)
        return tool_fail("%s: wanted \"// smelt input NAME MINIMUM..MAXIMUM ENCODING [COUNT]\" or "
                         "\"// smelt outputs COUNT [ACTIVATION [LOSS]]\", got \"%.100s\"",
                         teacher->path, line);
    if (teacher->input_count == TEACHER_MAX_INPUTS)
        return tool_fail("%s: more than %d inputs", teacher->path, (int)TEACHER_MAX_INPUTS);
    for (uint32_t i = 0; i < teacher->input_count; i++)
        if (!strcmp(teacher->inputs[i].name, a))
            return tool_fail("%s: two inputs are called %s", teacher->path, a);
    return parse_input(teacher->path, a, b, c, d, &teacher->inputs[teacher->input_count++]);
}

// "NAME=MINIMUM..MAXIMUM:ENCODING[:COUNT]"
static int parse_override(struct teacher *teacher, const char *text)
{
    char name[64], range[64], encoding[64], count[64] = "";
    if (sscanf(text, "%63[^=]=%63[^:]:%63[^:]:%63s", name, range, encoding, count) < 3)
        return tool_usage_error("--input %s: wanted NAME=MINIMUM..MAXIMUM:ENCODING[:COUNT]", text);
    for (uint32_t i = 0; i < teacher->input_count; i++)
        if (!strcmp(teacher->inputs[i].name, name))
            return parse_input("--input", name, range, encoding, count, &teacher->inputs[i]);
    return tool_usage_error("--input %s: %s has no input of this name", text, teacher->path);
}

// --- GLSL --------------------------------------------------------------------------------------------------

static void write_encoding(FILE *file, const struct teacher_input *input, uint32_t index, uint32_t first)
{
    static const char *const calls[] = {"2.0 * t[%u] - 1.0", "smelt_encode_frequency(t[%u], j)",
                                        "smelt_encode_triangle_wave(t[%u], j)",
                                        "smelt_encode_one_blob(t[%u], j, %u)"};
    fprintf(file, "    for (int j = 0; j < %u; j++)\n        f[%u + j] = ", teacher_features(input), first);
    fprintf(file, calls[input->encoding], index, input->count);
    fputs(";\n", file);
}

static char *write_domain(struct teacher *teacher)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fputs("#include \"smelt/encoding.glsl\"\n"
          "void domain_place(float t[INPUTS], out float x[INPUTS])\n{\n",
          file);
    for (uint32_t i = 0; i < teacher->input_count; i++)
        fprintf(file, "    x[%u] = mix(float(%.9g), float(%.9g), t[%u]);\n", i, teacher->inputs[i].minimum,
                teacher->inputs[i].maximum, i);
    fputs("}\nvoid domain_encode(float t[INPUTS], out float f[FEATURES])\n{\n", file);
    for (uint32_t i = 0, first = 0; i < teacher->input_count; i++) {
        write_encoding(file, &teacher->inputs[i], i, first);
        first += teacher_features(&teacher->inputs[i]);
    }
    fputs("}\n", file);
    return fclose(file) ? NULL : text;
}

// --- The file ----------------------------------------------------------------------------------------------

static int read_text(struct teacher *teacher)
{
    FILE *file = fopen(teacher->path, "rb");
    teacher->text = file ? calloc(MAX_TEXT + 1, 1) : NULL;
    size_t size = teacher->text ? fread(teacher->text, 1, MAX_TEXT + 1, file) : 0;
    int error = errno;
    bool failed = file && ferror(file);
    if (file)
        fclose(file);
    if (!file || failed)
        return tool_fail("cannot read %s: %s", teacher->path, strerror(error));
    if (!teacher->text)
        return tool_fail("no memory");
    if (size > MAX_TEXT || strlen(teacher->text) != size)
        return tool_fail("%s is no GLSL of at most %d bytes", teacher->path, (int)MAX_TEXT);
    return TOOL_OK;
}

int teacher_read(const char *path, const char *const *overrides, uint32_t override_count,
                 struct teacher *teacher)
{
    *teacher = (struct teacher){.path = path};
    int status = read_text(teacher);
    for (const char *line = teacher->text; !status && line && *line;) {
        const char *end = strchr(line, '\n');
        char copy[256];
        snprintf(copy, sizeof(copy), "%.*s", (int)(end ? end - line : 255), line);
        status = parse_line(teacher, copy);
        line = end ? end + 1 : NULL;
    }
    if (!status && (!teacher->input_count || !teacher->output_count))
        status = tool_fail(
            "%s: wanted its inputs and outputs in lines \"// smelt input ...\" and \"// smelt outputs "
            "...\"; smelt material distill --help",
            path);
    for (uint32_t i = 0; i < override_count && !status; i++)
        status = parse_override(teacher, overrides[i]);
    for (uint32_t i = 0; i < teacher->input_count; i++)
        teacher->feature_count += teacher_features(&teacher->inputs[i]);
    if (!status && teacher->feature_count > MAX_FEATURES)
        status = tool_fail("%s: the encodings give %u features, at most %d", path, teacher->feature_count,
                           (int)MAX_FEATURES);
    if (!status && !(teacher->domain = write_domain(teacher)))
        status = tool_fail("no memory");
    return status;
}

void teacher_release(struct teacher *teacher)
{
    free(teacher->text);
    free(teacher->domain);
}

enum smelt_result distill_shader(smelt_context context, const struct teacher *teacher, const char *name,
                                 const struct smelt_virtual_file *file, const struct smelt_op *op,
                                 smelt_shader *shader)
{
    char inputs[16], outputs[16], features[16];
    snprintf(inputs, sizeof(inputs), "%u", teacher->input_count);
    snprintf(outputs, sizeof(outputs), "%u", teacher->output_count);
    snprintf(features, sizeof(features), "%u", teacher->feature_count);
    const struct smelt_define defines[] = {
        {"INPUTS", inputs}, {"OUTPUTS", outputs}, {"FEATURES", features}, {"NETWORK", op ? "1" : "0"}};
    const struct smelt_virtual_file files[] = {{"distill_random.glsl", shader_text("distill_random.glsl")},
                                               {"teacher.glsl", teacher->text},
                                               {"domain.glsl", teacher->domain},
                                               file ? *file : (struct smelt_virtual_file){0}};
    struct smelt_shader_params params = {.path = name,
                                         .source = shader_text(name),
                                         .defines = defines,
                                         .define_count = 4,
                                         .files = files,
                                         .file_count = file ? 4 : 3,
                                         .ops = op,
                                         .op_count = op ? 1 : 0};
    return smelt_shader_create(context, &params, shader);
}
