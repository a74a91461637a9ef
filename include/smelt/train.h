// SPDX-License-Identifier: MIT
// Training, call by call: losses, layers taken back, Adam and its learning rate, over whole tensors.
//
//     forward      smelt_encode_matmul2d gives z, smelt_encode_elementwise y = activation(z), layer by layer
//     loss         smelt_encode_loss gives the gradient of y
//     backward     smelt_encode_layer_gradient, from the last layer to the first
//     optimizer    smelt_encode_learning_rate once, then smelt_encode_adam for every weight
//
// Everything that changes from step to step is in tensors, so a captured step can be replayed (graph.h). No sum depends on the
// order in which invocations run: with one device and driver, the same start gives the same bits.
//
// All calls run at stage COMPUTE_SHADER with SHADER_STORAGE_READ of what is read and SHADER_STORAGE_WRITE of what is written; a
// first call for types compiles a kernel. Errors of all: INVALID_ARGUMENT (NULL, another context, a value outside its range,
// tensors that share bytes), SHAPE, DTYPE, UNSUPPORTED (a build without compiler), COMPILE, OUT_OF_HOST_MEMORY, VULKAN.
// Thread-safe but for the encoder. Errors of numbers: glsl/smelt/loss.glsl, optimizer.glsl, activation_gradient.glsl.
#ifndef SMELT_TRAIN_H
#define SMELT_TRAIN_H

#include "ops.h"

SMELT_BEGIN

// Of a result y against its target t.
enum smelt_loss {
    SMELT_LOSS_L1 = 0,          // |y - t|
    SMELT_LOSS_L2 = 1,          // (y - t)^2
    SMELT_LOSS_RELATIVE_L2 = 2, // (y - t)^2 / (y^2 + 1/100), the denominator constant in its gradient
    SMELT_LOSS_OKLAB = 3,       // squared distances in Oklab of linear colours; weights are of L, a and b
    SMELT_LOSS_COUNT = 4,
};

struct smelt_loss_params {
    smelt_tensor y, target; // [n][c], floats. OKLAB: c is 3
    smelt_tensor weights;   // [c], floats. NULL: ones
    smelt_tensor gradient;  // [n][c], f32 or f16: scale weights (the loss's gradient by y)
    // [n][c], f32: weights times each element's loss, without scale (OKLAB: what L, a and b add to it). NULL: none
    smelt_tensor value;
    enum smelt_loss loss;
    float scale; // 1 / n for a mean; larger where gradients are f16. 0: 1
};
// One dispatch.
SMELT_API enum smelt_result smelt_encode_loss(smelt_encoder encoder, const struct smelt_loss_params *params);

// y = activation(z), z = x weight^T + bias, taken back: dz = dy activation'(z), dx = dz weight, dweight = dz^T x, dbias
// the sum of dz's rows.
struct smelt_layer_gradient_params {
    smelt_tensor x;      // [n][in]; f32, f16 or bf16
    smelt_tensor weight; // [out][in], as x
    smelt_tensor z;      // [n][out], floats. NULL: none is needed, with activation NONE
    smelt_tensor dy;     // [n][out], floats
    smelt_tensor dz;     // [n][out], as x; may be dy
    // [n][in], a result of smelt_encode_matmul2d of x's type. NULL: not wanted; so also the next two
    smelt_tensor dx;
    smelt_tensor dweight; // [out][in], likewise
    smelt_tensor dbias;   // [out], f32 or as x
    enum smelt_activation activation;
    enum smelt_dtype computed, accumulated; // as in smelt_matmul2d_descriptor
    enum smelt_backend backend;             // of the products, as in smelt_matmul2d_params
    smelt_tensor scratch; // of smelt_matmul2d_params, for the long sums of dweight. NULL: none
};
// A dispatch for each result, and a barrier behind that of dz whatever the encoder's hazards are. The bounds are those of
// smelt_encode_matmul2d and smelt_encode_reduction.
SMELT_API enum smelt_result smelt_encode_layer_gradient(smelt_encoder encoder,
                                                        const struct smelt_layer_gradient_params *params);

enum smelt_learning_rate {
    SMELT_LEARNING_RATE_CONSTANT = 0,
    SMELT_LEARNING_RATE_LINEAR = 1,
    SMELT_LEARNING_RATE_COSINE = 2,
    SMELT_LEARNING_RATE_EXPONENTIAL = 3, // last is above 0
    SMELT_LEARNING_RATE_COUNT = 4,
};

struct smelt_learning_rate_params {
    // [4], f32: steps taken, the learning rate of the last one, and how much of Adam's averages they have filled. Zeros before
    // the first step; to be read and written by the caller between steps, as when a training is resumed
    smelt_tensor state;
    enum smelt_learning_rate schedule;
    float first, last;      // first is above 0; CONSTANT does not read last
    uint32_t warmup, steps; // at most 2^24; warmup at most steps, which is 1 or more but with CONSTANT
    float beta1, beta2;     // of Adam. 0: 0.9 and 0.999
};
// Takes the state a step further. One dispatch.
SMELT_API enum smelt_result smelt_encode_learning_rate(smelt_encoder encoder,
                                                       const struct smelt_learning_rate_params *params);

struct smelt_adam_params {
    smelt_tensor weight, m, v; // f32, of one shape, any rank; m and v are zeros before the first step
    smelt_tensor gradient; // of their shape: f32, f16, bf16, or i32 as glsl/smelt/fixed_point.glsl adds up
    smelt_tensor state;    // of smelt_encode_learning_rate, after it
    smelt_tensor copy;     // of their shape, a float type: the weight after the step, rounded. NULL: none
    float beta1, beta2;    // 0: 0.9 and 0.999; those of smelt_encode_learning_rate
    float epsilon;         // 0: 1e-8
    float decay;           // of the weight, by the learning rate; not of the gradient
    // what the gradient is multiplied by: 1 / scale of the loss or of fixed-point sums. 0: 1
    float gradient_scale;
};
// One dispatch.
SMELT_API enum smelt_result smelt_encode_adam(smelt_encoder encoder, const struct smelt_adam_params *params);

struct smelt_sgd_params {
    smelt_tensor weight; // f32, any rank
    // of its shape, f32, zeros before the first step. NULL: without momentum, which is 0 then
    smelt_tensor velocity;
    smelt_tensor gradient, state, copy; // as of Adam
    float momentum;                     // 0 to below 1
    float decay;                        // of the weight, added to the gradient
    float gradient_scale;               // as of Adam
};
// velocity = momentum velocity + gradient + decay weight; weight -= rate velocity. One dispatch.
SMELT_API enum smelt_result smelt_encode_sgd(smelt_encoder encoder, const struct smelt_sgd_params *params);

struct smelt_average_params {
    smelt_tensor average, weight; // f32, of one shape
    float keep;                   // 0 to below 1: average = keep average + (1 - keep) weight
};
// An exponential moving average of weights, after their step. One dispatch.
SMELT_API enum smelt_result smelt_encode_average(smelt_encoder encoder,
                                                 const struct smelt_average_params *params);

SMELT_END

#endif
