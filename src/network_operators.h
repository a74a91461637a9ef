// SPDX-License-Identifier: MIT
// The table of operators, and what their shape rules and evaluators share (layer 3).
//
// An operator is one entry in the table of its family (network_rules_*.c): name, first opset, arity, attributes,
// shape rule, and an evaluator when its result may be needed to know shapes. docs/networks.md says how to add one.
#ifndef SMELT_NETWORK_OPERATORS_H
#define SMELT_NETWORK_OPERATORS_H

#include "network_ir.h"

enum smelt_attribute_kind {
    SMELT_ATTRIBUTE_INTEGER,
    SMELT_ATTRIBUTE_NUMBER,
    SMELT_ATTRIBUTE_WORD,
    SMELT_ATTRIBUTE_INTEGERS,
    SMELT_ATTRIBUTE_NUMBERS,
    SMELT_ATTRIBUTE_ELEMENT, // an element type; an integer in ONNX, a name in packages
};
struct smelt_attribute_schema {
    const char *name; // NULL ends a list
    enum smelt_attribute_kind kind;
    int64_t integer; // defaults
    double number;
    const char *words; // "constant reflect edge": the first is the default
    bool required;
    int64_t least, most; // of an integer; both 0: any
};
// Entries of such a list; `value` and the first word are the defaults.
#define SMELT_ATTRIBUTE(attribute, type, ...)                                                                \
    {                                                                                                        \
        .name = (attribute), .kind = SMELT_ATTRIBUTE_##type, __VA_ARGS__                                     \
    }
#define SMELT_INTEGER(name, value) SMELT_ATTRIBUTE(name, INTEGER, .integer = (value))
#define SMELT_RANGE(name, value, low, high)                                                                  \
    SMELT_ATTRIBUTE(name, INTEGER, .integer = (value), .least = (low), .most = (high))
#define SMELT_FLAG(name, value) SMELT_RANGE(name, value, 0, 1)
#define SMELT_NUMBER(name, value) SMELT_ATTRIBUTE(name, NUMBER, .number = (value))
#define SMELT_WORD(name, list) SMELT_ATTRIBUTE(name, WORD, .words = (list))
#define SMELT_INTEGERS(name) SMELT_ATTRIBUTE(name, INTEGERS, .required = false)
#define SMELT_ELEMENT(name, value) SMELT_ATTRIBUTE(name, ELEMENT, .integer = (value))

// What an operator is to the evaluator: contents of inputs and outputs. Integers are dimensions, so that shapes stay
// symbolic; numbers are exact values of the element type.
struct smelt_cells {
    enum smelt_element element;
    uint32_t rank;
    uint64_t shape[SMELT_IR_MAX_RANK], count;
    struct smelt_dim *integers; // of integers and bool
    double *numbers;            // of floats
};

typedef enum smelt_result (*smelt_shape_rule)(struct smelt_ir *ir, struct smelt_ir_node *node);
// Fills outputs, whose type, shape and memory are ready. False: it cannot be known. An input that the node leaves
// out has the element NONE.
typedef bool (*smelt_evaluator)(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                const struct smelt_cells *inputs, struct smelt_cells *outputs);

struct smelt_lowering;
struct smelt_operator {
    const char *name;
    uint8_t since; // first opset that has it
    uint8_t inputs_least, inputs_most, outputs_most;
    const struct smelt_attribute_schema *attributes;
    smelt_shape_rule rule;
    smelt_evaluator evaluate; // NULL: runs on the device only
    uint32_t host_inputs;     // bits: contents that the rule must know
    uint32_t exact_inputs;    // bits: weights that never lose precision (scales of integers)
    // Records what computes it (network_lower.h); NULL: nothing runs on a device (shape arithmetic).
    enum smelt_result (*lower)(struct smelt_lowering *lowering, struct smelt_ir_node *node);
    // its lowering writes outputs of any strides: a part of what a Concat makes, too (network_join.c)
    bool writes_slices;
};

// NULL: no such one.
const struct smelt_operator *smelt_operator_find(const char *name);
// By index; NULL past the end.
const struct smelt_operator *smelt_operator_at(uint32_t index);

// The families.
struct smelt_operator_family {
    const struct smelt_operator *operators;
    uint32_t count;
    const char *title; // for the documentation
};
extern const struct smelt_operator_family smelt_family_elementwise, smelt_family_window, smelt_family_matmul,
    smelt_family_reduce, smelt_family_normalize, smelt_family_movement, smelt_family_index,
    smelt_family_sample, smelt_family_quantize, smelt_family_shape;
extern const struct smelt_operator_family *const smelt_families[]; // NULL ends it

// --- For the rules ------------------------------------------------------------------------------------------

// "FILE: node "NAME" (OP): ...". Returns `result`.
enum smelt_result smelt_ir_node_fail(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     enum smelt_result result, const char *format, ...) SMELT_PRINTF(4, 5);
// Sets type and shape of an output; does nothing when the node leaves it out.
void smelt_ir_set_output(struct smelt_ir_node *node, uint32_t index, enum smelt_element element,
                         uint32_t rank, const struct smelt_dim *shape);
void smelt_ir_output_like(struct smelt_ir_node *node, uint32_t index, const struct smelt_ir_value *like);
// Errors: SHAPE unless the rank is in the range; DTYPE unless the element is of the kinds.
enum smelt_result smelt_ir_want_rank(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     uint32_t input, uint32_t least, uint32_t most);
enum smelt_result smelt_ir_want_float(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                      uint32_t input);
enum smelt_result smelt_ir_want_element(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                        uint32_t input, enum smelt_element element);
enum smelt_result smelt_ir_want_8_bits(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t input);
// All inputs from `first` on that are there have input 0's element.
enum smelt_result smelt_ir_want_same(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                     uint32_t first);
// An extent is `wanted`; symbolic ones may turn out so.
enum smelt_result smelt_ir_want_extent(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t input, uint32_t axis, struct smelt_dim wanted);
// Input `input` broadcasts to a vector of `extent` channels: rank 1 of that extent.
enum smelt_result smelt_ir_want_vector(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t input, struct smelt_dim extent);
// An axis in [-rank, rank) as one in [0, rank).
enum smelt_result smelt_ir_axis(const struct smelt_ir *ir, const struct smelt_ir_node *node, int64_t axis,
                                uint32_t rank, uint32_t *out);
// Multidirectional broadcasting of one shape into another, in place.
enum smelt_result smelt_ir_broadcast(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t *rank,
                                     struct smelt_dim *shape, uint32_t other_rank,
                                     const struct smelt_dim *other);
// The contents of a host input (rank 0 or 1). Errors: UNSUPPORTED when not known. An absent input gives count 0 and
// NULL.
enum smelt_result smelt_ir_host_dims(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t input,
                                     const struct smelt_dim **dims, uint32_t *count);
// The same, without symbols; into memory of the network.
enum smelt_result smelt_ir_host_integers(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                         uint32_t input, const int64_t **integers, uint32_t *count);
enum smelt_result smelt_ir_host_numbers(struct smelt_ir *ir, const struct smelt_ir_node *node, uint32_t input,
                                        const double **numbers, uint32_t *count);
// A sliding window with everything resolved, auto_pad too.
struct smelt_ir_window {
    uint32_t rank; // of space: input axes 2..
    int64_t stride[SMELT_IR_MAX_RANK], dilation[SMELT_IR_MAX_RANK];
    struct smelt_dim kernel[SMELT_IR_MAX_RANK], reach[SMELT_IR_MAX_RANK]; // reach: of the dilated kernel
    struct smelt_dim pad_begin[SMELT_IR_MAX_RANK], pad_end[SMELT_IR_MAX_RANK], out[SMELT_IR_MAX_RANK];
};
// Of convolutions and poolings. `kernel` NULL: the attribute kernel_shape.
enum smelt_result smelt_ir_window(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                  const struct smelt_dim *in, const struct smelt_dim *kernel, uint32_t rank,
                                  struct smelt_ir_window *window);
// Of ConvTranspose.
enum smelt_result smelt_ir_transposed_window(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                             struct smelt_ir_window *window);
// What a Slice takes of each axis of its input: `count` elements from `begin` on, `step` apart.
struct smelt_ir_slice {
    struct smelt_dim begin, count;
    int64_t step;
};
enum smelt_result smelt_ir_slices(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                  struct smelt_ir_slice *slices);
// Axis i of a Transpose's output is the input's axis permutation[i].
enum smelt_result smelt_ir_permutation(const struct smelt_ir *ir, const struct smelt_ir_node *node,
                                       uint32_t permutation[SMELT_IR_MAX_RANK]);
// What a Resize does along which axes of its input: the scale, the region of interest in extents.
struct smelt_ir_resize {
    uint32_t count, axes[SMELT_IR_MAX_RANK];
    double scales[SMELT_IR_MAX_RANK], begins[SMELT_IR_MAX_RANK], ends[SMELT_IR_MAX_RANK];
};
// Of known extents.
enum smelt_result smelt_ir_resize(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                  struct smelt_ir_resize *resize);
// The axes that a Reduce operator reduces.
enum smelt_result smelt_ir_reduced_axes(struct smelt_ir *ir, const struct smelt_ir_node *node,
                                        bool axes[SMELT_IR_MAX_RANK]);
// Product of the extents [begin, end).
struct smelt_dim smelt_ir_product(struct smelt_ir *ir, const struct smelt_dim *shape, uint32_t begin,
                                  uint32_t end);

// --- Evaluation (network_fold.c) ------------------------------------------------------------------------------

// Computes the outputs of a node whose shapes are inferred, as far as its inputs' contents are known.
enum smelt_result smelt_ir_fold(struct smelt_ir *ir, struct smelt_ir_node *node);
bool smelt_evaluate_copy(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                         struct smelt_cells *);
bool smelt_evaluate_cast(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                         struct smelt_cells *);
bool smelt_evaluate_unary(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                          struct smelt_cells *);
bool smelt_evaluate_nary(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                         struct smelt_cells *);
bool smelt_evaluate_where(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                          struct smelt_cells *);
bool smelt_evaluate_concat(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                           struct smelt_cells *);
bool smelt_evaluate_split(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                          struct smelt_cells *);
bool smelt_evaluate_slice(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                          struct smelt_cells *);
bool smelt_evaluate_gather(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                           struct smelt_cells *);
bool smelt_evaluate_transpose(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                              struct smelt_cells *);
bool smelt_evaluate_expand(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                           struct smelt_cells *);
bool smelt_evaluate_tile(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                         struct smelt_cells *);
bool smelt_evaluate_range(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                          struct smelt_cells *);
bool smelt_evaluate_shape(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                          struct smelt_cells *);
bool smelt_evaluate_size(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                         struct smelt_cells *);
bool smelt_evaluate_reduce(struct smelt_ir *, const struct smelt_ir_node *, const struct smelt_cells *,
                           struct smelt_cells *);

#endif
