// SPDX-License-Identifier: MIT
// smelt_encode_operator: writes the kernel around a body, and the words that a call gives it: extents, strides, the order
// of axes, sizes and numbers. They are specialization constants 1 on, or read from memory when constant 0 is 0.
#include "kernels_operator.h"

#include "tensor_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORKGROUP_SIZE 128
#define ELEMENT_OPERATIONS 200.0 // of an element, about: what it computes and reads differs widely
#define MAX_TENSORS SMELT_OPERATOR_MAX_TENSORS
#define MAX_RANK SMELT_OPERATOR_MAX_RANK
#define MAX_WORDS                                                                                            \
    (2 * MAX_RANK * MAX_TENSORS + MAX_RANK + SMELT_OPERATOR_MAX_SIZES + SMELT_OPERATOR_MAX_NUMBERS)
_Static_assert(MAX_WORDS < SMELT_KERNEL_MAX_CONSTANTS, "words of an operator's kernel");

// The push constants of operator_head.glsl, word for word.
struct push {
    VkDeviceAddress tensors[MAX_TENSORS], words;
    uint32_t count; // invocations
};

struct call {
    smelt_context context;
    const struct smelt_operator_call *of;
    uint32_t ranks[MAX_TENSORS]; // 0: absent
    enum smelt_access access[MAX_TENSORS];
    uint32_t words[MAX_WORDS], word_count;
    struct push push;
};

// --- The call ---------------------------------------------------------------------------------------------

static bool is_4_bits(smelt_tensor tensor)
{
    return smelt_dtype_bits(tensor->info.dtype) == 4;
}

static enum smelt_result check_tensor(struct call *call, uint32_t i)
{
    smelt_tensor t = call->of->tensors[i];
    if (!t)
        return SMELT_OK;
    if (t->context != call->context)
        return smelt_fail(call->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: '%s' is of another context",
                          call->of->body, t->info.name);
    if (t->info.rank > MAX_RANK)
        return smelt_fail(call->context, SMELT_ERROR_SHAPE,
                          "%s: '%s' has rank %" PRIu32 ", wanted at most %d", call->of->body, t->info.name,
                          t->info.rank, MAX_RANK);
    call->ranks[i] = SMELT_MAX(t->info.rank, 1);
    call->access[i] = call->of->only_reads                     ? SMELT_ACCESS_READ
                      : call->of->updated >> i & 1             ? SMELT_ACCESS_READ_WRITE
                      : i == 0 || (call->of->written >> i & 1) ? SMELT_ACCESS_WRITE
                                                               : SMELT_ACCESS_READ;
    call->push.tensors[i] = t->info.address;
    return smelt_tensor_require_plain(t, call->of->body);
}

// Tensor 0's axes, from the largest stride to the smallest.
static void add_order(struct call *call)
{
    const struct smelt_tensor_info *y = &call->of->tensors[0]->info;
    uint32_t *order = &call->words[call->word_count];
    for (uint32_t d = 0; d < call->ranks[0]; d++) {
        uint32_t at = d;
        // One element steps nowhere: such axes come first.
        for (; at > 0 && y->rank && y->shape[order[at - 1]] > 1 &&
               (y->shape[d] == 1 || y->strides[order[at - 1]] < y->strides[d]);
             at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    uint64_t count = smelt_tensor_element_count(call->of->tensors[0]);
    if (is_4_bits(call->of->tensors[0])) { // an invocation writes both halves of a byte
        uint64_t inner = y->rank ? y->shape[order[y->rank - 1]] : 1;
        count = count / inner * ((inner + 1) / 2);
    }
    const struct smelt_picture *picture = call->of->tensors[0]->picture; // an invocation writes a pixel
    call->push.count = (uint32_t)(count / SMELT_MAX(call->of->per, 1) / (picture ? picture->channels : 1));
    call->word_count += call->ranks[0];
}

static void add_words(struct call *call)
{
    const struct smelt_operator_call *of = call->of;
    for (uint32_t i = 0; i < MAX_TENSORS; i++) {
        const struct smelt_tensor_info *t = of->tensors[i] ? &of->tensors[i]->info : NULL;
        for (uint32_t d = 0; d < call->ranks[i]; d++)
            call->words[call->word_count++] = t->rank ? (uint32_t)t->shape[d] : 1;
        for (uint32_t d = 0; d < call->ranks[i]; d++)
            call->words[call->word_count++] = t->rank ? (uint32_t)t->strides[d] : 1;
    }
    add_order(call);
    memcpy(&call->words[call->word_count], of->sizes, of->size_count * sizeof(uint32_t));
    call->word_count += of->size_count;
    memcpy(&call->words[call->word_count], of->numbers, of->number_count * sizeof(uint32_t));
    call->word_count += of->number_count;
}

static enum smelt_result check_call(smelt_encoder encoder, struct call *call)
{
    const struct smelt_operator_call *of = call->of;
    if (!of->tensors[0])
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "%s: tensor 0 is NULL", of->body);
    call->context = of->tensors[0]->context;
    enum smelt_result result = smelt_encoder_require(encoder, call->context, of->body);
    for (uint32_t i = 0; i < MAX_TENSORS && !result; i++)
        result = check_tensor(call, i);
    if (!result)
        add_words(call);
    return result;
}

// --- The kernel -------------------------------------------------------------------------------------------

// Words [begin, begin + count) as a function of an index.
static void write_words(struct smelt_text *text, const char *type, const char *name, const char *from,
                        uint32_t begin, uint32_t count)
{
    if (!count)
        return;
    smelt_text_add(text, "%s %s(uint i)\n{\n    return %s(word(", type, name, from);
    for (uint32_t w = 0; w + 1 < count; w++)
        smelt_text_add(text, "i == %" PRIu32 "u ? w%" PRIu32 " : ", w, begin + w);
    smelt_text_add(text, "w%" PRIu32 ", %" PRIu32 "u + i));\n}\n", begin + count - 1, begin);
}

static const char *value_type(enum smelt_dtype dtype)
{
    bool is_signed = dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 || dtype == SMELT_DTYPE_I32 ||
                     dtype == SMELT_DTYPE_I4;
    return smelt_dtype_is_float(dtype) ? "float" : is_signed ? "int" : "uint";
}

// What elements are kept as: a type of tensor_data.glsl.
static const char *storage_type(enum smelt_dtype dtype)
{
    bool own = dtype == SMELT_DTYPE_F32 || dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 ||
               dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32;
    return own ? smelt_dtype_name(dtype) : smelt_dtype_bits(dtype) == 16 ? "u16" : "u8";
}

// A tensor of pixels: its elements one by one, scaled on the way.
static void write_picture(struct smelt_text *text, const struct smelt_picture *picture, uint32_t i)
{
    uint32_t c = picture->channels;
    smelt_text_add(
        text,
        "float t%u_map(float v, uint c)\n{\n    smelt_words4_data map = smelt_words4_data(tensors[%u]);\n"
        "    return v * uintBitsToFloat(map.e[0][c]) + uintBitsToFloat(map.e[1][c]);\n}\n",
        i, i);
    if (picture->format)
        smelt_text_add(text,
                       "layout(set = 0, binding = 0, %s) uniform writeonly image2D picture;\n"
                       "#define PICTURE_CHANNELS %uu\n#define PICTURE_WIDTH %uu\nvec4 pixel;\n"
                       "void t%u_store(uint place, float v)\n{\n    uint c = place %% %uu;\n"
                       "    pixel[c] = t%u_map(v, c);\n}\n",
                       picture->format, c, picture->width, i, c, i);
    else
        smelt_text_add(
            text,
            "#extension GL_EXT_samplerless_texture_functions : require\n"
            "layout(set = 0, binding = 0) uniform texture2D picture;\n"
            "float t%u_load(uint place)\n{\n    uint at = (place + %uu) / %uu, c = (place + %uu) %% %uu;\n"
            "    return t%u_map(texelFetch(picture, ivec2(at %% %uu, at / %uu), 0)[c], c);\n}\n",
            i, picture->first, c, picture->first, c, i, picture->width, picture->width);
}

static void write_tensor(struct smelt_text *text, const struct call *call, uint32_t i, uint32_t *words)
{
    static const char *const macros[] = {[SMELT_ACCESS_READ_WRITE] = "READ_WRITE",
                                         [SMELT_ACCESS_READ] = "READ",
                                         [SMELT_ACCESS_WRITE] = "WRITE"};
    static const char *const tags[] = {
        [SMELT_ACCESS_READ_WRITE] = "rw", [SMELT_ACCESS_READ] = "r", [SMELT_ACCESS_WRITE] = "w"};
    enum smelt_dtype dtype = call->of->tensors[i]->info.dtype;
    enum smelt_access access = call->access[i];
    const char *v = value_type(dtype), *tag = tags[access], *name = smelt_dtype_name(dtype);
    bool whole_byte = access == SMELT_ACCESS_WRITE && smelt_dtype_bits(dtype) == 4;
    char function[16];
    smelt_text_add(text,
                   "#define T%u_DTYPE %s\n#define T%u_BITS %u\n#define T%u_V %s\n#define T%u_RANK %u\n"
                   "#define SMELT_TENSOR t%u\n#define SMELT_DTYPE %s\n#define SMELT_RANK 0\n"
                   "#define SMELT_ACCESS SMELT_ACCESS_%s\n#include \"smelt/tensor_tmpl.glsl\"\n",
                   i, smelt_op_dtype_macro(dtype), i, smelt_dtype_bits(dtype), i, v, i, call->ranks[i], i,
                   smelt_op_dtype_macro(dtype), macros[access]);
    snprintf(function, sizeof(function), "t%u_extent", i);
    write_words(text, "uint", function, "", *words, call->ranks[i]);
    snprintf(function, sizeof(function), "t%u_stride", i);
    write_words(text, "uint", function, "", *words + call->ranks[i], call->ranks[i]);
    *words += 2 * call->ranks[i];
    smelt_text_add(text, "uint t%u_place(uint c[%u])\n{\n    return ", i, call->ranks[i]);
    for (uint32_t d = 0; d < call->ranks[i]; d++)
        smelt_text_add(text, "%sc[%u] * t%u_stride(%uu)", d ? " + " : "", d, i, d);
    smelt_text_add(text, ";\n}\n");
    if (call->ranks[i] <= call->ranks[0])
        smelt_text_add(text,
                       "uint t%u_broadcast(uint c[T0_RANK])\n{\n    uint place = 0u;\n"
                       "    [[unroll]] for (uint d = 0u; d < %uu; d++)\n    {\n"
                       "        place += t%u_extent(d) == 1u ? 0u : c[d + %uu] * t%u_stride(d);\n    }\n"
                       "    return place;\n}\n",
                       i, call->ranks[i], i, call->ranks[0] - call->ranks[i], i);
    smelt_text_add(text,
                   "t%u_%s_0_%s t%u()\n{\n    t%u_%s_0_%s t;\n"
                   "    t.data = smelt_%s_%s_data(tensors[%u]);\n    return t;\n}\n",
                   i, name, tag, i, i, name, tag, storage_type(dtype), whole_byte ? "rw" : tag, i);
    if (call->of->tensors[i]->picture) {
        write_picture(text, call->of->tensors[i]->picture, i);
        return;
    }
    if (access != SMELT_ACCESS_WRITE)
        smelt_text_add(text, "%s t%u_load(uint place)\n{\n    return smelt_load_at(t%u(), place);\n}\n", v, i,
                       i);
    if (access != SMELT_ACCESS_READ)
        smelt_text_add(text, "void t%u_store(uint place, %s v)\n{\n    smelt_store_at(t%u(), place, v);\n}\n",
                       i, v, i);
}

// "MAXIMUM=1 MODE=2" as lines.
static void write_options(struct smelt_text *text, const char *options)
{
    for (const char *at = options ? options : ""; *at;) {
        size_t length = strcspn(at, " "), name = strcspn(at, "= ");
        smelt_text_add(text, "#define %.*s %.*s\n", (int)name, at,
                       (int)(name < length ? length - name - 1 : 1), name < length ? at + name + 1 : "1");
        at += length + (at[length] == ' ');
    }
}

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct call *call = user;
    uint32_t words = 0;
    smelt_text_add(text, "#version 460\n#include \"smelt/base.glsl\"\nlayout(local_size_x = %d) in;\n",
                   WORKGROUP_SIZE);
    smelt_text_add(text, "#define PER %u\n%s", SMELT_MAX(call->of->per, 1),
                   smelt_kernel_text("kernels/operator_head.glsl"));
    for (uint32_t w = 0; w < call->word_count; w++)
        smelt_text_add(text, "layout(constant_id = %u) const uint w%u = 0u;\n", w + 1, w);
    for (uint32_t i = 0; i < MAX_TENSORS; i++)
        if (call->ranks[i])
            write_tensor(text, call, i, &words);
    write_words(text, "uint", "order", "", words, call->ranks[0]);
    words += call->ranks[0];
    write_words(text, "int", "size", "int", words, call->of->size_count);
    words += call->of->size_count;
    write_words(text, "float", "number", "uintBitsToFloat", words, call->of->number_count);
    write_options(text, call->of->options);
    char body[80];
    snprintf(body, sizeof(body), "kernels/%s", call->of->body);
    smelt_text_add(text, "%s%s", smelt_kernel_text(body), smelt_kernel_text("kernels/operator_main.glsl"));
}

// What the kernel is compiled for.
static void write_key(struct smelt_text *key, const struct call *call)
{
    smelt_text_add(key, "%s", call->of->options ? call->of->options : "");
    for (uint32_t i = 0; i < MAX_TENSORS; i++) {
        smelt_tensor t = call->of->tensors[i];
        smelt_text_add(key, " %s %u %d", t ? smelt_dtype_name(t->info.dtype) : "-", call->ranks[i],
                       (int)call->access[i]);
        if (t && t->picture)
            smelt_text_add(key, " %s %u %u %u", t->picture->format ? t->picture->format : "read",
                           t->picture->channels, t->picture->width, t->picture->first);
    }
    smelt_text_add(key, " %u %u %u", call->of->size_count, call->of->number_count, call->of->per);
}

static enum smelt_result get_kernel(smelt_encoder encoder, struct call *call, struct smelt_kernel *kernel)
{
    struct smelt_text key = {0};
    struct smelt_kernel_request request = {
        .name = call->of->body,
        .write = write_kernel,
        .user = call,
        .backend = SMELT_BACKEND_PORTABLE,
        .dtype = call->of->tensors[0]->info.dtype,
        .push_size = sizeof(struct push),
        .operations = ELEMENT_OPERATIONS * (double)call->push.count,
        .linear = true,
        .image_type = call->of->image ? call->of->image_type : 0,
        .constants = {1},
        .constant_count = 1 + call->word_count,
        .size_count = 1 + call->word_count,
    };
    for (uint32_t i = 0; i < MAX_TENSORS; i++)
        if (call->of->tensors[i] && call->of->tensors[i]->picture) {
            request.image_type = call->of->tensors[i]->picture->format ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE
                                                                       : VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
            request.size_count = 0; // the block of the dispatch is the picture's
        }
    memcpy(&request.constants[1], call->words, call->word_count * sizeof(uint32_t));
    write_key(&key, call);
    request.key = key.data;
    request.key_size = key.size;
    enum smelt_result result = key.failed ? smelt_fail(call->context, SMELT_ERROR_OUT_OF_HOST_MEMORY,
                                                       "%s: no memory", call->of->body)
                                          : smelt_kernel_get(encoder, &request, kernel);
    smelt_text_free(&key);
    return result;
}

enum smelt_result smelt_encode_operator(smelt_encoder encoder, const struct smelt_operator_call *of)
{
    struct call call = {.of = of};
    struct smelt_kernel kernel;
    enum smelt_result result = check_call(encoder, &call);
    if (result)
        return result;
    if (!smelt_kernels_have_text())
        return smelt_fail(call.context, SMELT_ERROR_UNSUPPORTED,
                          "%s: this build has no compiler, wanted one to make the kernel", of->body);
    if ((result = get_kernel(encoder, &call, &kernel)))
        return result;
    struct smelt_range ranges[MAX_TENSORS];
    uint32_t range_count = 0;
    for (uint32_t i = 0; i < MAX_TENSORS; i++)
        if (of->tensors[i])
            ranges[range_count++] = smelt_range_of(of->tensors[i], call.access[i]);
    const struct smelt_dispatch what = {
        .ranges = ranges,
        .range_count = range_count,
        .block = kernel.reads_sizes ? call.words : NULL,
        .block_size = call.word_count * (uint32_t)sizeof(uint32_t),
        .block_push = offsetof(struct push, words),
        .label = of->body,
        // Graphs know nothing of images: such a dispatch stays where it is.
        .operation = of->image ? SMELT_OPERATION_UNTAGGED : SMELT_OPERATION_OPERATOR,
        .call = of->image ? NULL : of,
        .set_count = of->image != VK_NULL_HANDLE,
        .sets = {of->image},
        .call_size = sizeof(*of),
        .parts = 1,
    };
    uint64_t groups = ((uint64_t)call.push.count + WORKGROUP_SIZE - 1) / WORKGROUP_SIZE;
    return smelt_kernel_dispatch(encoder, &kernel, &call.push, sizeof(call.push), groups, 1, 1, &what);
}
