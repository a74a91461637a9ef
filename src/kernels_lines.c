// SPDX-License-Identifier: MIT
// Lines of tensors for the library's own kernels: joins dimensions, chooses between a workgroup and an invocation for
// each line, and makes the instances.
#include "kernels_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FULL 4096   // workgroups that keep a large device busy
#define THREADS 128 // of a workgroup that has an invocation for each line

struct dimension {
    uint64_t extent, strides[SMELT_LINES_MAX_TENSORS];
};

// --- The view ---------------------------------------------------------------------------------------------

enum smelt_result smelt_lines_check_tensor(const struct smelt_lines *lines, const char *role,
                                           smelt_tensor tensor)
{
    if (!tensor)
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", lines->name, role);
    if (tensor->context != lines->context)
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT, "%s: %s '%s' is of another context",
                          lines->name, role, tensor->info.name);
    return smelt_tensor_require_plain(tensor, lines->name);
}

// The stride of a tensor along dimension d of the first one; 0: it has none there. Writes false to `fits` when its extent
// there is another.
static uint64_t stride_of(const struct smelt_lines_tensor *t, const struct smelt_tensor_info *first,
                          uint32_t d, uint32_t axis, bool *fits)
{
    if (!t->tensor)
        return 0;
    const struct smelt_tensor_info *info = &t->tensor->info;
    bool shorter = t->reduced && info->rank + 1 == first->rank;
    if (shorter && d == axis)
        return 0;
    uint32_t own = shorter && d > axis ? d - 1 : d;
    uint64_t wanted = t->reduced && d == axis ? 1 : first->shape[d];
    if (info->shape[own] == 1 && (t->spread || wanted == 1))
        return 0;
    *fits = *fits && info->shape[own] == wanted;
    return info->strides[own];
}

static enum smelt_result check_shape(const struct smelt_lines *lines, const struct smelt_lines_tensor *t,
                                     const struct smelt_tensor_info *first, uint32_t axis)
{
    if (!t->tensor)
        return SMELT_OK;
    uint32_t rank = t->tensor->info.rank;
    if (rank != first->rank && !(t->reduced && rank + 1 == first->rank))
        return smelt_fail(lines->context, SMELT_ERROR_SHAPE,
                          "%s: %s '%s' has rank %" PRIu32 ", wanted %" PRIu32 "%s", lines->name, t->role,
                          t->tensor->info.name, rank, first->rank, t->reduced ? " or one less" : "");
    bool fits = true;
    for (uint32_t d = 0; d < first->rank && fits; d++) {
        stride_of(t, first, d, axis, &fits);
        if (!fits)
            return smelt_fail(lines->context, SMELT_ERROR_SHAPE,
                              "%s: %s '%s' does not fit dimension %" PRIu32 " of x, which has %" PRIu64
                              " elements%s",
                              lines->name, t->role, t->tensor->info.name, d, first->shape[d],
                              t->spread ? ", wanted as many or 1" : "");
    }
    return SMELT_OK;
}

// Takes a dimension of lines in by the first tensor's stride, largest first.
static void add(struct dimension *list, uint32_t *count, struct dimension added)
{
    uint32_t at = (*count)++;
    for (; at > 0 && list[at - 1].strides[0] < added.strides[0]; at--)
        list[at] = list[at - 1];
    list[at] = added;
}

// Joins neighbours that step evenly in all tensors.
static uint32_t join(struct dimension *list, uint32_t count, uint32_t tensors)
{
    uint32_t kept = 0;
    for (uint32_t d = 0; d < count; d++) {
        bool even = kept > 0;
        for (uint32_t t = 0; t < tensors && even; t++)
            even = list[kept - 1].strides[t] == list[d].strides[t] * list[d].extent;
        if (even) {
            list[d].extent *= list[kept - 1].extent;
            kept--;
        }
        list[kept++] = list[d];
    }
    return kept;
}

enum smelt_result smelt_lines_view(struct smelt_lines *lines, const struct smelt_lines_tensor *tensors,
                                   uint32_t count, uint32_t axis)
{
    const struct smelt_tensor_info *first = &tensors[0].tensor->info;
    struct dimension list[SMELT_TENSOR_MAX_RANK];
    uint32_t dimensions = 0;
    if (axis >= first->rank)
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: axis is %" PRIu32 ", wanted a dimension of x '%s', which has rank %" PRIu32,
                          lines->name, axis, first->name, first->rank);
    for (uint32_t t = 1; t < count; t++) {
        enum smelt_result result = check_shape(lines, &tensors[t], first, axis);
        if (result)
            return result;
    }
    bool fits = true;
    lines->count = 1;
    lines->n = (uint32_t)first->shape[axis];
    for (uint32_t d = 0; d < first->rank; d++) {
        struct dimension dimension = {.extent = first->shape[d]};
        for (uint32_t t = 0; t < count; t++)
            dimension.strides[t] = stride_of(&tensors[t], first, d, axis, &fits);
        for (uint32_t t = 0; t < count && d == axis; t++)
            lines->strides[t][3] = (uint32_t)dimension.strides[t];
        if (d != axis && dimension.extent > 1)
            add(list, &dimensions, dimension);
        lines->count *= d == axis ? 1 : dimension.extent;
    }
    dimensions = join(list, dimensions, count);
    if (dimensions > 3)
        return smelt_fail(lines->context, SMELT_ERROR_SHAPE,
                          "%s: x '%s' has %" PRIu32
                          " dimensions beside the axis that do not step evenly, wanted at "
                          "most 3",
                          lines->name, first->name, dimensions);
    for (uint32_t i = 0; i < 3; i++) {
        bool there = i + dimensions >= 3;
        const struct dimension *dimension = there ? &list[i + dimensions - 3] : NULL;
        lines->extent[i] = there ? (uint32_t)dimension->extent : 1;
        for (uint32_t t = 0; t < count; t++)
            lines->strides[t][i] = there ? (uint32_t)dimension->strides[t] : 0;
    }
    return SMELT_OK;
}

// --- The instance -----------------------------------------------------------------------------------------

bool smelt_lines_by_group(const struct smelt_lines *lines, enum smelt_dtype dtype)
{
    uint64_t bytes = smelt_dtype_size(dtype, lines->n);
    if (lines->strides[0][3] == 1 || lines->n == 1)
        return bytes > 256 || lines->count < 4096; // short rows: an invocation reads a few words
    return lines->count < 64;
}

uint32_t smelt_lines_workgroup_size(const struct smelt_lines *lines, enum smelt_dtype dtype, uint32_t chunks)
{
    const struct smelt_capabilities *c = &lines->context->capabilities;
    uint64_t each = smelt_dtype_bits(dtype) == 4 ? 4 : 128 / smelt_dtype_bits(dtype);
    uint32_t most = SMELT_MIN(1024, SMELT_MIN(c->max_workgroup_invocations, c->max_workgroup_size[0])),
             size = 32;
    while (size * 2 <= most && (uint64_t)size * chunks * each < lines->n)
        size *= 2;
    return SMELT_MIN(size, most);
}

// What a kernel is compiled for.
struct key {
    char body[12];
    uint32_t dtype, group, baked, centred, adds;
};

static void write_kernel(struct smelt_text *text, const void *user)
{
    const struct key *key = user;
    char name[40];
    smelt_text_add(text, "#version 460\n");
    smelt_op_define(text, "KERNEL_", "DTYPE", smelt_op_dtype_macro((enum smelt_dtype)key->dtype));
    smelt_op_define(text, "KERNEL_", "TAG", smelt_dtype_name((enum smelt_dtype)key->dtype));
    smelt_op_define(text, "KERNEL_", "SCOPE", key->group ? "SMELT_SCOPE_WORKGROUP" : "SMELT_SCOPE_THREAD");
    smelt_op_define_number(text, "KERNEL_", "CENTRED", key->centred);
    smelt_op_define_number(text, "KERNEL_", "ADDS", key->adds);
    snprintf(name, sizeof(name), "kernels/%s_body.glsl", key->body);
    smelt_text_add(text, "%s%s", smelt_kernel_text("kernels/line_body.glsl"), smelt_kernel_text(name));
}

enum smelt_result smelt_lines_kernel_get(const struct smelt_lines *lines, smelt_encoder encoder,
                                         const struct smelt_lines_kernel *wanted, struct smelt_kernel *kernel)
{
    struct key key;
    char baked[64];
    memset(&key, 0, sizeof(key)); // compared as bytes
    snprintf(key.body, sizeof(key.body), "%s", wanted->body);
    key.dtype = (uint32_t)wanted->dtype;
    key.group = wanted->group;
    key.centred = wanted->centred;
    key.adds = wanted->adds;
    key.baked = !smelt_kernels_have_text() || wanted->baked;
    snprintf(baked, sizeof(baked), "%s_%s_%s", wanted->name, smelt_dtype_name(wanted->dtype),
             wanted->group ? "group" : "thread");
    struct smelt_kernel_request request = {
        .name = wanted->name,
        .key = &key,
        .key_size = sizeof(key),
        .baked = key.baked ? baked : NULL,
        .write = write_kernel,
        .user = &key,
        .backend = SMELT_BACKEND_PORTABLE,
        .dtype = wanted->dtype,
        .push_size = wanted->push_size,
        .operations = (double)lines->count * lines->n * SMELT_LINES_MAX_TENSORS * 4 * SMELT_KERNEL_BYTE,
        .linear = true,
        .constants = {wanted->workgroup_size},
        .constant_count = wanted->constant_count + 1,
    };
    for (uint32_t i = 0; i < wanted->constant_count; i++)
        request.constants[i + 1] = wanted->constants[i];
    return smelt_kernel_get(encoder, &request, kernel);
}

enum smelt_result smelt_lines_dispatch(smelt_encoder encoder, const struct smelt_lines_kernel *wanted,
                                       const struct smelt_kernel *kernel, const void *push, uint64_t units,
                                       const struct smelt_dispatch *what)
{
    uint64_t groups = wanted->group ? units : (units + wanted->workgroup_size - 1) / wanted->workgroup_size;
    if (wanted->group && wanted->lines_each > 1 && kernel->slices <= 1)
        groups = SMELT_MAX(groups / wanted->lines_each, SMELT_MIN(groups, FULL));
    return smelt_kernel_dispatch(encoder, kernel, push, wanted->push_size, groups, 1, 1, what);
}
