// SPDX-License-Identifier: MIT
// What the ops on lines share (op_reduction.c, op_normalization.c): shapes, the grid, the place of a line.
#ifndef CHECK_LINES_H
#define CHECK_LINES_H

#include "check.h"

// Numbers of a shape. GAP: elements between the rows of the last dimension; STEP: its stride.
enum {
    LINE_OP,
    LINE_RANK,
    LINE_AXIS,
    LINE_E0,
    LINE_E1,
    LINE_E2,
    LINE_E3,
    LINE_GAP,
    LINE_STEP,
    LINE_MAP,
    LINE_WIDE
};

uint64_t check_line_length(const struct check_shape *shape);
// Lines of the tensor; of an empty one 0.
uint64_t check_line_count(const struct check_shape *shape);
// Element `index` of line `line` as a row-major index into the whole tensor.
uint64_t check_line_element(const struct check_shape *shape, uint64_t line, uint64_t index);
// The line that a row-major index into the whole tensor lies on, and where.
uint64_t check_line_of(const struct check_shape *shape, uint64_t element, uint64_t *index);
// Appends the tensor with the shape's strides.
struct check_tensor *check_add_lines(struct check_case *c, enum check_role role, const char *suffix);
// Layout of the descriptor, evaluations' scope and the fixture's defines.
struct smelt_line_layout check_line_layout(struct check_case *c, enum smelt_scope scope);
void check_line_grid(const struct check_case *c, uint32_t groups[3]);
// The mapped value of an element (fixtures: takes every third out), `out` in its stead.
double check_line_mapped(const struct check_shape *shape, uint64_t line, uint64_t index, double value,
                         double out);

#endif
