// SPDX-License-Identifier: MIT
// activation.glsl: the activation functions of networks, in f32.
//
// what    none x; relu max(x, 0); leaky_relu max(x, x / 100); silu x sigmoid(x); gelu in tanh form; sigmoid
//         1 / (1 + exp(-x)); tanh; exp; softplus log(1 + exp(x)); sine sin(x). No finite x overflows on the way
//         (exp itself may)
// params  none
// makes   T smelt_none(T), smelt_relu, smelt_leaky_relu, smelt_silu, smelt_gelu, smelt_sigmoid, smelt_tanh,
//         smelt_exp, smelt_softplus, smelt_sine for T = float, vec2, vec4; SMELT_ACTIVATION_x, with the values of
//         enum smelt_activation; smelt_activation_<value>, for templates that paste the value;
//         float smelt_activate(uint activation, float x): the one that a value known at run time names
// errors  absolute, with u = 2^-23 and y the result: none, relu exact; leaky_relu 3 u |y|; sigmoid 8 u; tanh 16 u;
//         silu 8 u |x|; gelu 24 u |x|; softplus 8 u + 2 u |y|; exp (3 + 2 |x|) u y; sine 2^-11 for |x| <= pi and
//         what the device gives beyond. An error e of the argument adds at most e (gelu 1.13 e, silu 1.1 e,
//         sigmoid 0.25 e, exp y e). A NaN may come back as any number
// needs   nothing
// source  gelu: Hendrycks and Gimpel 2016, section 2; silu: the same, section 3; precision of exp, log, sin and
//         division: Vulkan 1.3, appendix "Precision of SPIR-V Instructions"
#ifndef SMELT_ACTIVATION_GLSL
#define SMELT_ACTIVATION_GLSL

#define SMELT_ACTIVATION_NONE 0
#define SMELT_ACTIVATION_RELU 1
#define SMELT_ACTIVATION_LEAKY_RELU 2
#define SMELT_ACTIVATION_SILU 3
#define SMELT_ACTIVATION_GELU 4
#define SMELT_ACTIVATION_SIGMOID 5
#define SMELT_ACTIVATION_TANH 6
#define SMELT_ACTIVATION_EXP 7
#define SMELT_ACTIVATION_SOFTPLUS 8
#define SMELT_ACTIVATION_SINE 9

#define smelt_activation_0 smelt_none
#define smelt_activation_1 smelt_relu
#define smelt_activation_2 smelt_leaky_relu
#define smelt_activation_3 smelt_silu
#define smelt_activation_4 smelt_gelu
#define smelt_activation_5 smelt_sigmoid
#define smelt_activation_6 smelt_tanh
#define smelt_activation_7 smelt_exp
#define smelt_activation_8 smelt_softplus
#define smelt_activation_9 smelt_sine

#define SMELT_ACTIVATION_TYPE float
#define SMELT_ACTIVATION_WIDE float
#include "smelt/activation_tmpl.glsl"

#define SMELT_ACTIVATION_TYPE vec2
#define SMELT_ACTIVATION_WIDE vec2
#include "smelt/activation_tmpl.glsl"

#define SMELT_ACTIVATION_TYPE vec4
#define SMELT_ACTIVATION_WIDE vec4
#include "smelt/activation_tmpl.glsl"

float smelt_activate(uint activation, float x)
{
    switch (activation) {
    case SMELT_ACTIVATION_RELU:
        return smelt_relu(x);
    case SMELT_ACTIVATION_LEAKY_RELU:
        return smelt_leaky_relu(x);
    case SMELT_ACTIVATION_SILU:
        return smelt_silu(x);
    case SMELT_ACTIVATION_GELU:
        return smelt_gelu(x);
    case SMELT_ACTIVATION_SIGMOID:
        return smelt_sigmoid(x);
    case SMELT_ACTIVATION_TANH:
        return smelt_tanh(x);
    case SMELT_ACTIVATION_EXP:
        return smelt_exp(x);
    case SMELT_ACTIVATION_SOFTPLUS:
        return smelt_softplus(x);
    case SMELT_ACTIVATION_SINE:
        return smelt_sine(x);
    default:
        return x;
    }
}

#endif
