// SPDX-License-Identifier: MIT
// Lines of tensors for the references and fixtures of reductions, softmax and norms.
#include "lines.h"

#include <stdio.h>
#include <string.h>

uint64_t check_line_length(const struct check_shape *shape)
{
    return shape->d[LINE_E0 + shape->d[LINE_AXIS]];
}

uint64_t check_line_count(const struct check_shape *shape)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < shape->d[LINE_RANK]; i++)
        count *= i == shape->d[LINE_AXIS] ? 1 : shape->d[LINE_E0 + i];
    return count;
}

// Elements that one step along the axis goes over.
static uint64_t inner(const struct check_shape *shape)
{
    uint64_t count = 1;
    for (uint32_t i = shape->d[LINE_AXIS] + 1; i < shape->d[LINE_RANK]; i++)
        count *= shape->d[LINE_E0 + i];
    return count;
}

uint64_t check_line_element(const struct check_shape *shape, uint64_t line, uint64_t index)
{
    uint64_t step = inner(shape);
    return (line / step * check_line_length(shape) + index) * step + line % step;
}

uint64_t check_line_of(const struct check_shape *shape, uint64_t element, uint64_t *index)
{
    uint64_t step = inner(shape), length = check_line_length(shape);
    *index = element / step % length;
    return element / step / length * step + element % step;
}

static void define_type(struct check_case *c, const char *macro, const char *suffix, uint32_t rank,
                        char access)
{
    char extents[40] = "_0";
    for (uint32_t i = 1; i < rank; i++)
        strcat(extents, "x0");
    check_define(c, "#define %s line_%s_%s_%u_%c%s", macro, suffix, smelt_dtype_name(c->types.stored), rank,
                 access, extents);
}

struct check_tensor *check_add_lines(struct check_case *c, enum check_role role, const char *suffix)
{
    const uint32_t *d = c->shape->d;
    uint64_t shape[4] = {d[LINE_E0], d[LINE_E1], d[LINE_E2], d[LINE_E3]};
    struct check_tensor *tensor = check_add(c, role, c->types.stored, d[LINE_RANK], shape);
    uint64_t stride = d[LINE_STEP] ? d[LINE_STEP] : 1;
    for (uint32_t i = d[LINE_RANK]; i-- > 0;) {
        tensor->strides[i] = stride;
        stride = stride * (shape[i] ? shape[i] : 1) + (i + 1 == d[LINE_RANK] ? d[LINE_GAP] : 0);
        stride += smelt_dtype_bits(tensor->dtype) == 4 ? stride % 2 : 0;
    }
    define_type(c, role == CHECK_OUTPUT ? "CHECK_Y" : "CHECK_T", suffix, d[LINE_RANK],
                role == CHECK_OUTPUT ? 'w' : 'r');
    return tensor;
}

struct smelt_line_layout check_line_layout(struct check_case *c, enum smelt_scope scope)
{
    const uint32_t *d = c->shape->d;
    c->subgroups_per_workgroup = scope == SMELT_SCOPE_SUBGROUP ? 2 : 1;
    check_define(c,
                 "#define CHECK_SCOPE %d\n#define CHECK_RANK %u\n#define CHECK_AXIS %u\n#define CHECK_MAP %u",
                 (int)scope + 1, d[LINE_RANK], d[LINE_AXIS], d[LINE_MAP]);
    return (struct smelt_line_layout){
        .scope = scope,
        .rank = d[LINE_RANK],
        .axis = d[LINE_AXIS],
        .stored = c->types.stored,
        .backend = c->backend,
        // 100 is no multiple of anything and passes the second stage of the exchange; 6 has odd ends.
        .workgroup_size = scope != SMELT_SCOPE_WORKGROUP ? 0
                          : d[LINE_WIDE]                 ? 100
                                                         : 6,
    };
}

void check_line_grid(const struct check_case *c, uint32_t groups[3])
{
    uint32_t lines = (uint32_t)check_line_count(c->shape), workgroup = c->info.workgroup_size;
    groups[0] = !workgroup ? (lines + 31) / 32
                           : (lines + c->subgroups_per_workgroup - 1) / c->subgroups_per_workgroup;
    groups[1] = groups[2] = 1;
}

double check_line_mapped(const struct check_shape *shape, uint64_t line, uint64_t index, double value,
                         double out)
{
    const uint32_t *d = shape->d;
    uint64_t element = check_line_element(shape, line, index), first = element;
    for (uint32_t i = d[LINE_RANK]; i-- > 1;)
        first /= d[LINE_E0 + i];
    return d[LINE_MAP] && (index + first) % 3 == 1 ? out : value;
}
