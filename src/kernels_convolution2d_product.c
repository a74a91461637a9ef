// SPDX-License-Identifier: MIT
// Convolutions that are matrix products: a kernel of 1 x 1 on the pixels, which are the rows of a matrix.
#include "kernels_convolution2d.h"

bool smelt_convolution_rows(const struct smelt_convolution *call, smelt_tensor image,
                            struct smelt_tensor_t *matrix)
{
    const struct smelt_tensor_info *t = &image->info;
    uint64_t step = t->strides[W];
    *matrix = *image;
    matrix->info.rank = 2;
    matrix->info.shape[0] = t->shape[N] * t->shape[H] * t->shape[W];
    matrix->info.shape[1] = t->shape[C];
    matrix->info.strides[0] = step;
    matrix->info.strides[1] = 1;
    return call->params->image_layout == SMELT_IMAGE_NHWC && (t->strides[C] == 1 || t->shape[C] == 1) &&
           (t->shape[H] == 1 || t->strides[H] == t->shape[W] * step) &&
           (t->shape[N] == 1 || t->strides[N] == t->shape[H] * t->shape[W] * step);
}

bool smelt_convolution_is_product(const struct smelt_convolution *call, struct smelt_tensor_t *a,
                                  struct smelt_tensor_t *b, struct smelt_tensor_t *d)
{
    const struct smelt_convolution2d_params *p = call->params;
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    bool plain = call->b[KERNEL_H] == 1 && call->b[KERNEL_W] == 1 && g->stride_y == 1 && g->stride_x == 1 &&
                 !g->padding_top && !g->padding_left && !g->padding_bottom && !g->padding_right &&
                 !g->output_padding_y && !g->output_padding_x && g->groups == 1;
    bool ohwi = p->weight_layout == SMELT_WEIGHT_OHWI;
    if (!plain || p->tiling.m == 1 || !(ohwi || p->weight_layout == SMELT_WEIGHT_HWIO) ||
        !smelt_tensor_is_packed(&p->b->info))
        return false;
    *b = *p->b;
    b->info.rank = 2;
    b->info.shape[0] = ohwi ? call->b[OUT] : call->b[IN];
    b->info.shape[1] = ohwi ? call->b[IN] : call->b[OUT];
    b->info.strides[0] = b->info.shape[1];
    b->info.strides[1] = 1;
    return smelt_convolution_rows(call, p->a, a) && smelt_convolution_rows(call, p->d, d);
}

enum smelt_result smelt_convolution_encode_product(smelt_encoder encoder,
                                                   const struct smelt_convolution *call, smelt_tensor a,
                                                   smelt_tensor b, smelt_tensor d,
                                                   const struct smelt_dispatch *what)
{
    const struct smelt_convolution2d_params *p = call->params;
    struct smelt_tensor_t residual = *d; // lies as d does
    if (p->residual)
        residual.info.address = p->residual->info.address;
    const struct smelt_matmul2d_params product = {
        .a = a,
        .b = b,
        .bias = p->bias,
        .d = d,
        .residual = p->residual ? &residual : NULL,
        .transpose_right = p->weight_layout == SMELT_WEIGHT_OHWI,
        .activation = p->activation,
        .computed = p->computed,
        .accumulated = p->accumulated,
        .quantization = p->quantization,
        .backend = p->backend,
        .tiling = p->tiling,
        .baked = p->baked,
        .relaxed = p->relaxed,
    };
    return smelt_product_encode(encoder, &product, what);
}
