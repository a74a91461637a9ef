// SPDX-License-Identifier: MIT
// Matrix products: Gemm and MatMul as smelt_encode_matmul2d, on views of what lies in memory.
#include "network_lower.h"
#include "tensor_internal.h"

#include <string.h>

// --- Gemm -----------------------------------------------------------------------------------------------------

// Input 2 as what the product can add: a bias of n, or a residual that lies as d.
static bool is_row(smelt_tensor c, uint64_t n)
{
    const struct smelt_tensor_info *info = smelt_tensor_info(c);
    return info->rank && info->shape[info->rank - 1] == n && (n == 1 || info->strides[info->rank - 1] == 1) &&
           (info->rank == 1 || info->shape[0] == 1);
}

// y = alpha product + beta c, by itself.
static enum smelt_result combine(struct smelt_lowering *lowering, smelt_tensor product, smelt_tensor c,
                                 smelt_tensor y, float alpha, float beta)
{
    const struct smelt_elementwise_step steps[] = {
        {SMELT_ELEMENTWISE_MULTIPLY, {0, SMELT_ELEMENTWISE_VALUE}, .value = alpha},
        {SMELT_ELEMENTWISE_MULTIPLY, {1, SMELT_ELEMENTWISE_VALUE}, .value = beta},
        {.operation = SMELT_ELEMENTWISE_ADD, .operands = {2, 3}},
    };
    const struct smelt_elementwise_params params = {
        .inputs = {product, c}, .input_count = c ? 2 : 1, .steps = steps, .step_count = c ? 3 : 1, .y = y};
    return smelt_encode_elementwise(lowering->encoder, &params);
}

enum smelt_result smelt_lower_gemm(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    smelt_tensor a = smelt_lower_input(lowering, node, 0), b = smelt_lower_input(lowering, node, 1),
                 c = smelt_lower_input(lowering, node, 2),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    float alpha = (float)smelt_ir_number(node, "alpha"), beta = (float)smelt_ir_number(node, "beta");
    if (lowering->result)
        return lowering->result;
    if (beta == 0)
        c = NULL;
    struct smelt_matmul2d_params params = {.a = a,
                                           .b = b,
                                           .d = y,
                                           .transpose_left = smelt_ir_integer(node, "transA"),
                                           .transpose_right = smelt_ir_integer(node, "transB"),
                                           .accumulated = SMELT_DTYPE_F32,
                                           .backend = lowering->backend};
    const struct smelt_tensor_info *info = smelt_tensor_info(y);
    uint64_t n = info->shape[1];
    bool plain = alpha == 1 && (!c || beta == 1), fits = !c;
    if (plain && c && is_row(c, n)) {
        params.bias = smelt_lower_view(lowering, c, 0, 1, &n, (const uint64_t[]){1});
        fits = true;
    } else if (plain && c && smelt_tensor_lies_as(smelt_tensor_info(c), info)) {
        params.residual = c;
        fits = true;
    }
    if (!plain || !fits)
        params.d = smelt_lower_temporary(lowering, info->dtype, 2, info->shape);
    if (lowering->result)
        return lowering->result;
    enum smelt_result result = smelt_encode_matmul2d(lowering->encoder, &params);
    return result || params.d == y ? result : combine(lowering, params.d, c, y, alpha, beta);
}

// --- MatMul ---------------------------------------------------------------------------------------------------

// Axes of a batch, the innermost first, as far as they cannot be one: strides of a, b and d; 0 where an operand serves all.
struct batch {
    uint32_t rank;
    uint64_t extent[SMELT_IR_MAX_RANK], strides[SMELT_IR_MAX_RANK][3];
};

// Batch axis `axis` of d, counted from the last, in an operand.
static uint64_t batch_stride(const struct smelt_tensor_info *info, uint32_t axis)
{
    if (info->rank < 3 || axis >= info->rank - 2)
        return 0;
    uint32_t d = info->rank - 3 - axis;
    return info->shape[d] == 1 ? 0 : info->strides[d];
}

static struct batch batch_of(const struct smelt_tensor_info *a, const struct smelt_tensor_info *b,
                             uint32_t rank, const uint64_t *shape, const uint64_t *strides)
{
    struct batch batch = {0};
    for (uint32_t axis = 0; axis < rank; axis++) {
        uint32_t d = rank - 1 - axis;
        const uint64_t step[3] = {batch_stride(a, axis), batch_stride(b, axis), strides[d]};
        if (shape[d] == 1)
            continue;
        uint32_t last = batch.rank - 1;
        bool joins = batch.rank > 0;
        for (int i = 0; i < 3 && joins; i++)
            joins = step[i] == batch.strides[last][i] * batch.extent[last];
        if (joins) {
            batch.extent[last] *= shape[d];
            continue;
        }
        memcpy(batch.strides[batch.rank], step, sizeof(step));
        batch.extent[batch.rank++] = shape[d];
    }
    return batch;
}

struct matrix {
    smelt_tensor tensor;
    uint64_t rows, columns, row_stride, column_stride;
};

static smelt_tensor part(struct smelt_lowering *lowering, const struct matrix *m, uint64_t offset,
                         uint64_t batch, uint64_t stride)
{
    const uint64_t shape[3] = {batch, m->rows, m->columns},
                   strides[3] = {stride, m->row_stride, m->column_stride};
    bool batched = batch > 1 && stride;
    return smelt_lower_view(lowering, m->tensor, offset, batched ? 3 : 2, batched ? shape : shape + 1,
                            batched ? strides : strides + 1);
}

// Where one operand serves the batch and the other's matrices lie one after the other, the batch is more rows: of a.
static void join_rows(struct batch *batch, struct matrix *a, struct matrix *d)
{
    if (batch->rank != 1 || batch->strides[0][1] || batch->strides[0][0] != a->rows * a->row_stride ||
        batch->strides[0][2] != d->rows * d->row_stride)
        return;
    a->rows *= batch->extent[0];
    d->rows *= batch->extent[0];
    batch->rank = 0;
}

static enum smelt_result multiply(struct smelt_lowering *lowering, struct batch *batch, struct matrix *m)
{
    join_rows(batch, &m[0], &m[2]);
    uint64_t count = 1, inner = batch->rank ? batch->extent[0] : 1;
    for (uint32_t i = 1; i < batch->rank; i++)
        count *= batch->extent[i];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t rest = i, offset[3] = {0};
        for (uint32_t axis = 1; axis < batch->rank; axis++) {
            for (int k = 0; k < 3; k++)
                offset[k] += rest % batch->extent[axis] * batch->strides[axis][k];
            rest /= batch->extent[axis];
        }
        smelt_tensor views[3];
        for (int k = 0; k < 3; k++)
            views[k] = part(lowering, &m[k], offset[k], inner, batch->rank ? batch->strides[0][k] : 0);
        const struct smelt_matmul2d_params params = {.a = views[0],
                                                     .b = views[1],
                                                     .d = views[2],
                                                     .accumulated = SMELT_DTYPE_F32,
                                                     .backend = lowering->backend};
        if (lowering->result || smelt_lower_take(lowering, smelt_encode_matmul2d(lowering->encoder, &params)))
            break;
    }
    return lowering->result;
}

enum smelt_result smelt_lower_matmul(struct smelt_lowering *lowering, struct smelt_ir_node *node)
{
    if (smelt_lower_is_attention(lowering, node))
        return smelt_lower_products(lowering, node);
    smelt_tensor a = smelt_lower_input(lowering, node, 0), b = smelt_lower_input(lowering, node, 1),
                 y = smelt_lower_output(lowering, node, 0, SMELT_ORDER_ROWS);
    if (lowering->result)
        return lowering->result;
    if (!a || !b) // sums of nothing
        return smelt_encode_fill(lowering->encoder, y, 0);
    const struct smelt_tensor_info *ia = smelt_tensor_info(a), *ib = smelt_tensor_info(b),
                                   *iy = smelt_tensor_info(y);
    if (iy->rank && iy->shape[iy->rank - 1] > 1 && iy->strides[iy->rank - 1] != 1)
        return smelt_lower_fail(lowering, node, SMELT_ERROR_UNSUPPORTED, "rows of its output have gaps");
    uint32_t rows = ia->rank > 1, columns = ib->rank > 1, batch_rank = iy->rank - rows - columns;
    struct matrix m[3] = {{.tensor = a, .rows = 1}, {.tensor = b, .columns = 1}, {.tensor = y}};
    m[0].columns = ia->shape[ia->rank - 1];
    m[0].column_stride = ia->strides[ia->rank - 1];
    m[0].rows = rows ? ia->shape[ia->rank - 2] : 1;
    m[0].row_stride = rows ? ia->strides[ia->rank - 2] : m[0].columns;
    m[1].rows = ib->shape[columns ? ib->rank - 2 : 0];
    m[1].row_stride = ib->strides[columns ? ib->rank - 2 : 0];
    m[1].columns = columns ? ib->shape[ib->rank - 1] : 1;
    m[1].column_stride = columns ? ib->strides[ib->rank - 1] : 1;
    m[2].rows = m[0].rows;
    m[2].columns = m[1].columns;
    m[2].column_stride = 1;
    m[2].row_stride = !rows ? m[2].columns : columns ? iy->strides[iy->rank - 2] : iy->strides[iy->rank - 1];
    struct batch batch = batch_of(ia, ib, batch_rank, iy->shape, iy->strides);
    return multiply(lowering, &batch, m);
}
