// SPDX-License-Identifier: MIT
// Evaluators of operators (network_operators.h): on integers that may hold symbols, and on numbers.
#include "network_operators.h"

#include <math.h>
#include <string.h>

static void move(struct smelt_cells *to, uint64_t at, const struct smelt_cells *from, uint64_t index)
{
    if (to->numbers)
        to->numbers[at] = from->numbers[index];
    else
        to->integers[at] = from->integers[index];
}

static void strides_of(const struct smelt_cells *cells, uint64_t *strides)
{
    uint64_t stride = 1;
    for (uint32_t d = cells->rank; d-- > 0;) {
        strides[d] = stride;
        stride *= cells->shape[d];
    }
}

static void coordinates_of(const struct smelt_cells *cells, uint64_t index, uint64_t *at)
{
    for (uint32_t d = cells->rank; d-- > 0;) {
        at[d] = index % cells->shape[d];
        index /= cells->shape[d];
    }
}

// The element of `in` that broadcasts to element `index` of `out`.
static uint64_t broadcast_index(const struct smelt_cells *out, uint64_t index, const struct smelt_cells *in)
{
    uint64_t at = 0, stride = 1;
    for (uint32_t d = 0; d < in->rank; d++) {
        uint64_t extent = in->shape[in->rank - 1 - d], wide = out->shape[out->rank - 1 - d];
        at += index % wide % extent * stride;
        index /= wide;
        stride *= extent;
    }
    return at;
}

// Extents before, at and behind an axis, as products.
static void around(const struct smelt_cells *cells, uint32_t axis, uint64_t *outer, uint64_t *inner)
{
    *outer = *inner = 1;
    for (uint32_t d = 0; d < cells->rank; d++)
        *(d < axis ? outer : inner) *= d == axis ? 1 : cells->shape[d];
}

static uint32_t axis_of(const struct smelt_ir_node *node, const struct smelt_cells *of)
{
    int64_t axis = smelt_ir_integer(node, "axis");
    return (uint32_t)(axis < 0 ? axis + of->rank : axis); // the rule has checked it
}

bool smelt_evaluate_copy(struct smelt_ir *ir, const struct smelt_ir_node *node,
                         const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    (void)node;
    for (uint64_t i = 0; i < outputs->count && inputs->count == outputs->count; i++)
        move(outputs, i, inputs, i);
    return inputs->count == outputs->count;
}

bool smelt_evaluate_cast(struct smelt_ir *ir, const struct smelt_ir_node *node,
                         const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    (void)node;
    bool to_bool = outputs->element == SMELT_ELEMENT_BOOL,
         wide = smelt_element_info(outputs->element)->bits >= 32;
    for (uint64_t i = 0; i < outputs->count; i++) {
        if (inputs->numbers && outputs->numbers) {
            outputs->numbers[i] = inputs->numbers[i];
        } else if (inputs->numbers) {
            double number = trunc(inputs->numbers[i]);
            if (to_bool)
                number = inputs->numbers[i] != 0;
            if (!(number >= -0x1p62 && number <= 0x1p62))
                return false;
            outputs->integers[i] = smelt_dim_constant((int64_t)number);
        } else {
            struct smelt_dim value = inputs->integers[i];
            if (value.expression && (outputs->numbers || to_bool || !wide))
                return false;
            if (outputs->numbers)
                outputs->numbers[i] = (double)value.constant;
            else
                outputs->integers[i] = to_bool ? smelt_dim_constant(value.constant != 0) : value;
        }
    }
    return true;
}

// How a compares with b: -1, 0, 1; false when it depends on the symbols.
static bool compare(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b, int *order)
{
    struct smelt_dim one = smelt_dim_constant(1);
    struct smelt_dim difference = smelt_dim_sub(ir, a, b), opposite = smelt_dim_sub(ir, b, a);
    *order = 0;
    if (!a.expression && !b.expression)
        *order = (a.constant > b.constant) - (a.constant < b.constant);
    else if (smelt_dim_equal(smelt_dim_max(ir, difference, one), difference))
        *order = 1;
    else if (smelt_dim_equal(smelt_dim_max(ir, opposite, one), opposite))
        *order = -1;
    else
        return smelt_dim_equal(a, b);
    return true;
}

static bool unary_integer(struct smelt_ir *ir, const char *op, struct smelt_dim x, struct smelt_dim *y)
{
    struct smelt_dim zero = smelt_dim_constant(0);
    int order;
    if (!strcmp(op, "Neg"))
        *y = smelt_dim_sub(ir, zero, x);
    else if (!strcmp(op, "Abs"))
        *y = smelt_dim_max(ir, x, smelt_dim_sub(ir, zero, x));
    else if (!strcmp(op, "Relu"))
        *y = smelt_dim_max(ir, x, zero);
    else if (!strcmp(op, "Not") && !x.expression)
        *y = smelt_dim_constant(!x.constant);
    else if (!strcmp(op, "Sign") && compare(ir, x, zero, &order))
        *y = smelt_dim_constant(order);
    else
        return false;
    return true;
}

static double round_to_even(double x)
{
    double down = floor(x), rest = x - down;
    if (rest != 0.5)
        return rest < 0.5 ? down : down + 1;
    return fmod(down, 2) != 0 ? down + 1 : down;
}

static bool unary_number(const char *op, double x, double *y)
{
    if (!strcmp(op, "Neg"))
        *y = -x;
    else if (!strcmp(op, "Abs"))
        *y = fabs(x);
    else if (!strcmp(op, "Ceil"))
        *y = ceil(x);
    else if (!strcmp(op, "Floor"))
        *y = floor(x);
    else if (!strcmp(op, "Round"))
        *y = round_to_even(x);
    else if (!strcmp(op, "Sqrt"))
        *y = sqrt(x);
    else if (!strcmp(op, "Exp"))
        *y = exp(x);
    else if (!strcmp(op, "Log"))
        *y = log(x);
    else if (!strcmp(op, "Reciprocal"))
        *y = 1 / x;
    else if (!strcmp(op, "Relu"))
        *y = x > 0 ? x : 0;
    else if (!strcmp(op, "Sign"))
        *y = (x > 0) - (x < 0);
    else
        return false;
    return true;
}

bool smelt_evaluate_unary(struct smelt_ir *ir, const struct smelt_ir_node *node,
                          const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    for (uint64_t i = 0; i < outputs->count; i++)
        if (outputs->numbers ? !unary_number(node->op->name, inputs->numbers[i], &outputs->numbers[i])
                             : !unary_integer(ir, node->op->name, inputs->integers[i], &outputs->integers[i]))
            return false;
    return true;
}

static bool compare_op(const char *op, int order, bool *truth)
{
    if (!strcmp(op, "Equal"))
        *truth = order == 0;
    else if (!strcmp(op, "Less"))
        *truth = order < 0;
    else if (!strcmp(op, "LessOrEqual"))
        *truth = order <= 0;
    else if (!strcmp(op, "Greater"))
        *truth = order > 0;
    else if (!strcmp(op, "GreaterOrEqual"))
        *truth = order >= 0;
    else
        return false;
    return true;
}

static bool power(int64_t base, int64_t exponent, int64_t *result)
{
    *result = 1;
    if (exponent < 0 || exponent > 64)
        return false;
    while (exponent-- > 0)
        if (__builtin_mul_overflow(*result, base, result))
            return false;
    return true;
}

// Quotients round towards 0: where a sign is unknown the result is too.
static bool divide(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b, struct smelt_dim *y)
{
    struct smelt_dim zero = smelt_dim_constant(0);
    if (smelt_dim_is(b, 0) || (smelt_dim_is(b, -1) && smelt_dim_is(a, INT64_MIN)))
        return false;
    if (!a.expression && !b.expression) {
        *y = smelt_dim_constant(a.constant / b.constant);
        return true;
    }
    *y = smelt_dim_floor_div(ir, a, b);
    return smelt_dim_equal(smelt_dim_max(ir, a, zero), a) && smelt_dim_equal(smelt_dim_max(ir, b, zero), b);
}

static bool binary_integer(struct smelt_ir *ir, const char *op, struct smelt_dim a, struct smelt_dim b,
                           struct smelt_dim *y)
{
    bool constants = !a.expression && !b.expression, truth;
    int order;
    if (!strcmp(op, "Add") || !strcmp(op, "Sum"))
        *y = smelt_dim_add(ir, a, b);
    else if (!strcmp(op, "Sub"))
        *y = smelt_dim_sub(ir, a, b);
    else if (!strcmp(op, "Mul"))
        *y = smelt_dim_mul(ir, a, b);
    else if (!strcmp(op, "Max"))
        *y = smelt_dim_max(ir, a, b);
    else if (!strcmp(op, "Min"))
        *y = smelt_dim_min(ir, a, b);
    else if (!strcmp(op, "Div"))
        return divide(ir, a, b, y);
    else if (!strcmp(op, "And") && constants)
        *y = smelt_dim_constant(a.constant && b.constant);
    else if (!strcmp(op, "Or") && constants)
        *y = smelt_dim_constant(a.constant || b.constant);
    else if (!strcmp(op, "Xor") && constants)
        *y = smelt_dim_constant(!a.constant != !b.constant);
    else if (!strcmp(op, "Pow") && constants)
        return power(a.constant, b.constant, &y->constant);
    else if (compare_op(op, 0, &truth) && compare(ir, a, b, &order) && compare_op(op, order, &truth))
        *y = smelt_dim_constant(truth);
    else
        return false;
    return true;
}

static bool binary_number(const char *op, double a, double b, double *y)
{
    if (!strcmp(op, "Add") || !strcmp(op, "Sum"))
        *y = a + b;
    else if (!strcmp(op, "Sub"))
        *y = a - b;
    else if (!strcmp(op, "Mul"))
        *y = a * b;
    else if (!strcmp(op, "Div"))
        *y = a / b;
    else if (!strcmp(op, "Pow"))
        *y = pow(a, b);
    else if (!strcmp(op, "Max"))
        *y = isnan(a) || isnan(b) ? NAN : fmax(a, b);
    else if (!strcmp(op, "Min"))
        *y = isnan(a) || isnan(b) ? NAN : fmin(a, b);
    else
        return false;
    return true;
}

// Mod of integers, with the sign of the divisor, or of the dividend with fmod.
static bool modulo(struct smelt_ir *ir, const struct smelt_ir_node *node, struct smelt_dim a,
                   struct smelt_dim b, struct smelt_dim *y)
{
    if (smelt_dim_is(b, 0) || smelt_ir_integer(node, "fmod"))
        return false;
    *y = smelt_dim_sub(ir, a, smelt_dim_mul(ir, b, smelt_dim_floor_div(ir, a, b)));
    return true;
}

static bool combine(struct smelt_ir *ir, const struct smelt_ir_node *node, const struct smelt_cells *out,
                    const struct smelt_cells *a, uint64_t i, const struct smelt_cells *b, uint64_t j,
                    uint64_t to)
{
    const char *op = node->op->name;
    bool truth;
    if (!a->numbers != !b->numbers) // a power with an exponent of another kind
        return false;
    if (a->numbers && out->numbers)
        return binary_number(op, a->numbers[i], b->numbers[j], &out->numbers[to]);
    if (a->numbers) {
        double x = a->numbers[i], y = b->numbers[j];
        if (isnan(x) || isnan(y) || !compare_op(op, (x > y) - (x < y), &truth))
            return false;
        out->integers[to] = smelt_dim_constant(truth);
        return true;
    }
    if (!strcmp(op, "Mod"))
        return modulo(ir, node, a->integers[i], b->integers[j], &out->integers[to]);
    return binary_integer(ir, op, a->integers[i], b->integers[j], &out->integers[to]);
}

bool smelt_evaluate_nary(struct smelt_ir *ir, const struct smelt_ir_node *node,
                         const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    if (!strcmp(node->op->name, "Mean"))
        return false;
    for (uint64_t o = 0; o < outputs->count; o++) {
        if (node->input_count == 1)
            move(outputs, o, inputs, o);
        for (uint32_t k = 1; k < node->input_count; k++) {
            const struct smelt_cells *left = k == 1 ? &inputs[0] : outputs;
            uint64_t at = k == 1 ? broadcast_index(outputs, o, left) : o;
            if (!combine(ir, node, outputs, left, at, &inputs[k], broadcast_index(outputs, o, &inputs[k]), o))
                return false;
        }
    }
    return true;
}

bool smelt_evaluate_where(struct smelt_ir *ir, const struct smelt_ir_node *node,
                          const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    (void)node;
    for (uint64_t o = 0; o < outputs->count; o++) {
        struct smelt_dim condition = inputs[0].integers[broadcast_index(outputs, o, &inputs[0])];
        const struct smelt_cells *from = &inputs[condition.constant ? 1 : 2];
        if (condition.expression)
            return false;
        move(outputs, o, from, broadcast_index(outputs, o, from));
    }
    return true;
}

// Runs of concatenated or split parts: `part` holds `extent` of the whole's axis from `first` on.
static void copy_part(struct smelt_cells *to, const struct smelt_cells *from, const struct smelt_cells *part,
                      const struct smelt_cells *whole, uint32_t axis, uint64_t first)
{
    uint64_t outer, inner, extent = part->shape[axis];
    around(whole, axis, &outer, &inner);
    outer = part->count ? outer : 0; // beside an empty extent the others may be 2^62
    for (uint64_t o = 0; o < outer; o++)
        for (uint64_t i = 0; i < extent * inner; i++) {
            uint64_t in_part = o * extent * inner + i,
                     in_whole = (o * whole->shape[axis] + first) * inner + i;
            move(to, to == part ? in_part : in_whole, from, from == part ? in_part : in_whole);
        }
}

bool smelt_evaluate_concat(struct smelt_ir *ir, const struct smelt_ir_node *node,
                           const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    uint32_t axis = axis_of(node, outputs);
    uint64_t first = 0;
    for (uint32_t k = 0; k < node->input_count; first += inputs[k++].shape[axis])
        copy_part(outputs, &inputs[k], &inputs[k], outputs, axis, first);
    return true;
}

bool smelt_evaluate_split(struct smelt_ir *ir, const struct smelt_ir_node *node,
                          const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    uint32_t axis = axis_of(node, inputs);
    uint64_t first = 0;
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (outputs[k].element == SMELT_ELEMENT_NONE)
            return false;
        copy_part(&outputs[k], inputs, &outputs[k], inputs, axis, first);
        first += outputs[k].shape[axis];
    }
    return true;
}

bool smelt_evaluate_slice(struct smelt_ir *ir, const struct smelt_ir_node *node,
                          const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    struct smelt_ir_slice slices[SMELT_IR_MAX_RANK];
    uint64_t at[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    if (smelt_ir_slices(ir, node, slices))
        return false;
    strides_of(inputs, strides);
    for (uint32_t d = 0; d < inputs->rank; d++)
        if (slices[d].begin.expression)
            return false;
    for (uint64_t o = 0; o < outputs->count; o++) {
        uint64_t from = 0;
        coordinates_of(outputs, o, at);
        for (uint32_t d = 0; d < inputs->rank; d++)
            from += (uint64_t)(slices[d].begin.constant + (int64_t)at[d] * slices[d].step) * strides[d];
        move(outputs, o, inputs, from);
    }
    return true;
}

bool smelt_evaluate_gather(struct smelt_ir *ir, const struct smelt_ir_node *node,
                           const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    uint32_t axis = axis_of(node, inputs);
    uint64_t outer, inner, extent = inputs->shape[axis], picks = inputs[1].count;
    around(inputs, axis, &outer, &inner);
    outer = inputs->count ? outer : 0;
    for (uint64_t k = 0; k < picks; k++) {
        struct smelt_dim index = inputs[1].integers[k];
        int64_t at = index.constant < 0 ? index.constant + (int64_t)extent : index.constant;
        if (index.expression || at < 0 || (uint64_t)at >= extent)
            return false;
        for (uint64_t o = 0; o < outer; o++)
            for (uint64_t i = 0; i < inner; i++)
                move(outputs, (o * picks + k) * inner + i, inputs, (o * extent + (uint64_t)at) * inner + i);
    }
    return true;
}

bool smelt_evaluate_transpose(struct smelt_ir *ir, const struct smelt_ir_node *node,
                              const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    uint32_t permutation[SMELT_IR_MAX_RANK];
    uint64_t at[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    if (smelt_ir_permutation(ir, node, permutation))
        return false;
    strides_of(inputs, strides);
    for (uint64_t o = 0; o < outputs->count; o++) {
        uint64_t from = 0;
        coordinates_of(outputs, o, at);
        for (uint32_t d = 0; d < outputs->rank; d++)
            from += at[d] * strides[permutation[d]];
        move(outputs, o, inputs, from);
    }
    return true;
}

bool smelt_evaluate_expand(struct smelt_ir *ir, const struct smelt_ir_node *node,
                           const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    (void)node;
    for (uint64_t o = 0; o < outputs->count; o++)
        move(outputs, o, inputs, broadcast_index(outputs, o, inputs));
    return true;
}

bool smelt_evaluate_tile(struct smelt_ir *ir, const struct smelt_ir_node *node,
                         const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    (void)node;
    uint64_t at[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK];
    strides_of(inputs, strides);
    for (uint64_t o = 0; o < outputs->count; o++) {
        uint64_t from = 0;
        coordinates_of(outputs, o, at);
        for (uint32_t d = 0; d < outputs->rank; d++)
            from += at[d] % inputs->shape[d] * strides[d];
        move(outputs, o, inputs, from);
    }
    return true;
}

bool smelt_evaluate_range(struct smelt_ir *ir, const struct smelt_ir_node *node,
                          const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)node;
    for (uint64_t o = 0; o < outputs->count; o++) {
        if (outputs->numbers)
            outputs->numbers[o] = inputs[0].numbers[0] + (double)o * inputs[2].numbers[0];
        else
            outputs->integers[o] =
                smelt_dim_add(ir, inputs[0].integers[0],
                              smelt_dim_mul(ir, inputs[2].integers[0], smelt_dim_constant((int64_t)o)));
    }
    return true;
}

bool smelt_evaluate_shape(struct smelt_ir *ir, const struct smelt_ir_node *node,
                          const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)ir;
    (void)inputs;
    int64_t rank = node->inputs[0]->rank, begin = smelt_ir_integer(node, "start");
    begin = SMELT_MIN(SMELT_MAX(begin < 0 ? begin + rank : begin, 0), rank);
    for (uint64_t o = 0; o < outputs->count; o++)
        outputs->integers[o] = node->inputs[0]->shape[(uint64_t)begin + o];
    return true;
}

bool smelt_evaluate_size(struct smelt_ir *ir, const struct smelt_ir_node *node,
                         const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    (void)inputs;
    outputs->integers[0] = smelt_ir_product(ir, node->inputs[0]->shape, 0, node->inputs[0]->rank);
    return true;
}

bool smelt_evaluate_reduce(struct smelt_ir *ir, const struct smelt_ir_node *node,
                           const struct smelt_cells *inputs, struct smelt_cells *outputs)
{
    static const char *const words[][2] = {
        {"ReduceSum", "Add"}, {"ReduceProd", "Mul"}, {"ReduceMax", "Max"}, {"ReduceMin", "Min"}};
    const char *op = NULL;
    bool axes[SMELT_IR_MAX_RANK];
    if (smelt_ir_reduced_axes(ir, node, axes) || !inputs->count || outputs->element == SMELT_ELEMENT_BOOL)
        return false;
    for (size_t i = 0; i < SMELT_COUNT_OF(words); i++)
        if (!strcmp(node->op->name, words[i][0]))
            op = words[i][1];
    uint64_t strides[SMELT_IR_MAX_RANK], at[SMELT_IR_MAX_RANK], stride = 1;
    for (uint32_t d = inputs->rank; d-- > 0;) {
        strides[d] = axes[d] ? 0 : stride;
        stride *= axes[d] ? 1 : inputs->shape[d];
    }
    for (uint64_t i = 0; i < inputs->count; i++) {
        uint64_t to = 0;
        bool first = true;
        coordinates_of(inputs, i, at);
        for (uint32_t d = 0; d < inputs->rank; d++) {
            to += at[d] * strides[d];
            first &= !axes[d] || at[d] == 0;
        }
        if (first)
            move(outputs, to, inputs, i);
        else if (outputs->numbers
                     ? !binary_number(op, outputs->numbers[to], inputs->numbers[i], &outputs->numbers[to])
                     : !binary_integer(ir, op, outputs->integers[to], inputs->integers[i],
                                       &outputs->integers[to]))
            return false;
    }
    return true;
}
