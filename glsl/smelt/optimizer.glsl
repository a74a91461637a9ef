// SPDX-License-Identifier: MIT
// optimizer.glsl: one step of an optimizer for one weight, in f32: SGD with momentum, Adam, averages, learning rates.
//
// what    each function takes a weight and what the optimizer remembers of it, and gives the weight after the step. The
//         weights are masters: f32, of which a network may read copies in narrower types
// params  none
// makes   float smelt_sgd(float w, inout float velocity, float g, float rate, float momentum, float decay)
//             velocity = momentum velocity + g + decay w;  w - rate velocity
//         struct smelt_adam_numbers { float rate, beta1, beta2, epsilon, decay, filled1, filled2; }
//         float smelt_adam_filled(float filled, float beta)   1 - beta^n from 1 - beta^(n - 1): what share of an average over all
//             time n steps fill; 0 before the first. It does not cancel, as 1 - pow(beta, n) does
//         float smelt_adam(float w, inout float m, inout float v, float g, smelt_adam_numbers a)
//             m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
//             w - rate (m / filled1 / (sqrt(v / filled2) + epsilon) + decay w): decay apart from the gradient, as in AdamW
//         float smelt_average(float average, float w, float keep)   keep average + (1 - keep) w
//         SMELT_LEARNING_RATE_CONSTANT, _LINEAR, _COSINE, _EXPONENTIAL: enum smelt_learning_rate;
//         float smelt_learning_rate(uint schedule, float first, float last, float step, float warmup, float steps)
//             of step 0, 1, ...: first (step + 1) / warmup while step < warmup, then from first to last, which it reaches at
//             step `steps` and keeps. CONSTANT: first. EXPONENTIAL: first and last are positive
// errors  u = 2^-23. The terms of velocity, m, v and average, taken by their absolute values: 2 u of their sum, v 3 u. sgd
//         adds 2 u |w| + 2 u rate |velocity|; adam 2 u (|w| + rate decay |w|) + 16 u rate |the quotient|, and what m is off by.
//         filled: 2 u + u (1 - filled) of itself in a step. Learning rates: CONSTANT exact, in warmup 4 u of itself; LINEAR 4 u,
//         COSINE 8 u of the larger of first and last; EXPONENTIAL (8 + 4 |log2(last / first)|) u of itself
// needs   nothing
// source  Kingma and Ba 2015, Adam; Loshchilov and Hutter 2019, Decoupled weight decay regularization; the SGD of PyTorch;
//         cosine: Loshchilov and Hutter 2017, SGDR
#ifndef SMELT_OPTIMIZER_GLSL
#define SMELT_OPTIMIZER_GLSL

#include "smelt/encoding.glsl"

#define SMELT_LEARNING_RATE_CONSTANT 0
#define SMELT_LEARNING_RATE_LINEAR 1
#define SMELT_LEARNING_RATE_COSINE 2
#define SMELT_LEARNING_RATE_EXPONENTIAL 3

struct smelt_adam_numbers {
    float rate, beta1, beta2, epsilon, decay, filled1, filled2;
};

float smelt_sgd(float w, inout float velocity, float g, float rate, float momentum, float decay)
{
    velocity = momentum * velocity + (g + decay * w);
    return w - rate * velocity;
}

float smelt_adam_filled(float filled, float beta)
{
    return filled + (1.0 - filled) * (1.0 - beta);
}

float smelt_adam(float w, inout float m, inout float v, float g, smelt_adam_numbers a)
{
    m = a.beta1 * m + (1.0 - a.beta1) * g;
    v = a.beta2 * v + (1.0 - a.beta2) * g * g;
    return w - a.rate * (m / a.filled1 / (sqrt(v / a.filled2) + a.epsilon) + a.decay * w);
}

float smelt_average(float average, float w, float keep)
{
    return keep * average + (1.0 - keep) * w;
}

float smelt_learning_rate(uint schedule, float first, float last, float step, float warmup, float steps)
{
    if (step < warmup)
        return first * ((step + 1.0) / warmup);
    float t = step < steps ? (step - warmup) / (steps - warmup) : 1.0;
    switch (schedule) {
    case SMELT_LEARNING_RATE_LINEAR:
        return (1.0 - t) * first + t * last;
    case SMELT_LEARNING_RATE_COSINE: {
        float share = 0.5 + 0.5 * smelt_frequency(0.5 * t).y;
        return share * first + (1.0 - share) * last;
    }
    case SMELT_LEARNING_RATE_EXPONENTIAL:
        return first * exp2(t * log2(last / first));
    default:
        return first;
    }
}

#endif
