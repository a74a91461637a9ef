// SPDX-License-Identifier: MIT
// Transposed convolutions with strides, by phases: the pixels of d whose rows and columns leave the same remainders are a
// transposed convolution with strides of 1, by those taps of b that meet the image there. No tap that falls between
// the image's pixels is then multiplied, which are all but one of stride_y stride_x.
#include "kernels_convolution2d.h"
#include "tensor_internal.h"

// One direction.
struct axis {
    uint64_t image, kernel, result;
    uint32_t stride, dilation, padding;
};

static struct axis axis_of(const struct smelt_convolution *call, int axis)
{
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    return (struct axis){.image = call->a[H + axis],
                         .kernel = call->b[KERNEL_H + axis],
                         .result = call->d[H + axis],
                         .stride = axis ? g->stride_x : g->stride_y,
                         .dilation = axis ? g->dilation_x : g->dilation_y,
                         .padding = axis ? g->padding_left : g->padding_top};
}

// Every phase has a tap and a pixel, and the taps of a phase are a stride apart.
static bool has_phases(struct axis t)
{
    return t.stride == 1 || (t.dilation == 1 && t.kernel >= t.stride && t.result >= t.stride);
}

uint32_t smelt_convolution_phases(const struct smelt_convolution *call)
{
    const struct smelt_convolution2d_geometry *g = &call->geometry;
    bool strided = g->transposed && (g->stride_y > 1 || g->stride_x > 1);
    return strided && has_phases(axis_of(call, 0)) && has_phases(axis_of(call, 1)) ? g->stride_y * g->stride_x
                                                                                   : 1;
}

// The elements first, first + step, ... of a dimension, `count` of them.
static void every(struct smelt_tensor_t *t, uint32_t dimension, uint64_t first, uint64_t step, uint64_t count)
{
    uint64_t stride = t->info.strides[dimension], skipped = first * smelt_dtype_size(t->info.dtype, stride);
    t->info.address += skipped;
    t->info.size -= skipped;
    t->info.strides[dimension] = stride * step;
    t->info.shape[dimension] = count;
}

// Pixel `phase` + stride j of d: the sum over t of image j + before - t by tap first + stride t.
static void set_axis(const struct smelt_convolution *call, int axis, uint32_t phase,
                     struct smelt_convolution_phase *made)
{
    const struct smelt_convolution2d_params *p = call->params;
    struct smelt_convolution2d_geometry *g = &made->params.geometry;
    struct axis t = axis_of(call, axis);
    uint32_t first = (phase + t.padding) % t.stride, before = (phase + t.padding) / t.stride;
    uint64_t taps = (t.kernel - first + t.stride - 1) / t.stride,
             pixels = (t.result - phase + t.stride - 1) / t.stride,
             whole = t.image - 1 + (taps - 1) * t.dilation + 1;
    uint64_t wanted = pixels + before;
    uint32_t after = wanted < whole ? (uint32_t)(whole - wanted) : 0,
             more = wanted > whole ? (uint32_t)(wanted - whole) : 0;
    *(axis ? &g->stride_x : &g->stride_y) = 1;
    *(axis ? &g->padding_left : &g->padding_top) = before;
    *(axis ? &g->padding_right : &g->padding_bottom) = after;
    *(axis ? &g->output_padding_x : &g->output_padding_y) = more;
    every(&made->b, smelt_weight_order[p->weight_layout][KERNEL_H + axis], first, t.stride, taps);
    every(&made->d, smelt_image_order[p->image_layout][H + axis], phase, t.stride, pixels);
    if (p->residual)
        every(&made->residual, smelt_image_order[p->image_layout][H + axis], phase, t.stride, pixels);
}

void smelt_convolution_set_phase(const struct smelt_convolution *call, uint32_t phase,
                                 struct smelt_convolution_phase *made)
{
    const struct smelt_convolution2d_params *p = call->params;
    made->params = *p;
    made->params.geometry = call->geometry;
    made->b = *p->b;
    made->d = *p->d;
    if (p->residual)
        made->residual = *p->residual;
    set_axis(call, 0, phase / call->geometry.stride_x, made);
    set_axis(call, 1, phase % call->geometry.stride_x, made);
    made->params.b = &made->b;
    made->params.d = &made->d;
    made->params.residual = p->residual ? &made->residual : NULL;
}
