// SPDX-License-Identifier: MIT
// Quantisation after training: convolutions and matrix products with constant weights become integer ones.
#ifndef SMELT_TOOL_QUANTIZE_H
#define SMELT_TOOL_QUANTIZE_H

#include "calibrate.h"

// An operator that was quantised, and where its result is before and after.
struct quantized_layer {
    const char *node, *op;
    const char *value;  // its result in the model, with the activation that it took in
    const char *stored; // i8 elements of it, in the quantised network; NULL: as floats under its own name
    double scale;
    int32_t zero;
};
struct quantized_layers {
    struct quantized_layer *layers;
    uint32_t count;
};

// Rewrites an inferred, simplified network: weights i8 with a symmetric scale for each output channel, activations i8 with a
// scale and a zero point for each tensor from its range. Convolutions whose results only integer operators read become
// QLinearConv, with a Relu or Clip behind them taken in; others ConvInteger and MatMulInteger, scaled as f32. Layers whose
// result has keep_f32 stay as they are. The result is inferred and simplified. layers: to be freed by the caller.
enum smelt_result quantize(struct smelt_ir *ir, const struct value_range *ranges,
                           struct quantized_layers *layers);

// Prints what was lost: the ratio of signal to error in dB of each layer's result and each output, over all samples.
enum smelt_result report_quantization(smelt_context context, const struct smelt_ir *reference,
                                      const struct smelt_ir *ir, const struct samples *samples,
                                      const struct quantized_layers *layers);

#endif
