// SPDX-License-Identifier: MIT
// activation_gradient.glsl: the derivatives of the activation functions, in f32.
//
// what    f'(x) from what went in, and where that is possible from what came out: relu, leaky_relu, sigmoid, tanh, exp and
//         softplus can be taken back without their arguments being kept. At its corner, x = 0, relu has the derivative 0
//         and leaky_relu 1/100. No finite x overflows on the way (exp itself may)
// params  none
// makes   T smelt_none_gradient(T x), smelt_relu_gradient, smelt_leaky_relu_gradient, ...: for each function of
//         activation.glsl, for T = float, vec2, vec4; smelt_activation_gradient_<value>, for templates that paste it;
//         T smelt_relu_gradient_of(T y), with y = f(x): of none relu leaky_relu sigmoid tanh exp softplus;
//         smelt_activation_gradient_of_<value> likewise;
//         float smelt_activate_gradient(uint activation, float x): the one that a value known at run time names
// errors  absolute, with u = 2^-23 and y the result: none, relu exact; leaky_relu u; sigmoid, softplus 8 u; tanh 12 u;
//         silu 16 u; gelu 40 u; exp (3 + 2 |x|) u y; sine 2^-11 for |x| <= pi. From the output: sigmoid u, tanh 2 u, exp
//         exact, softplus 8 u, the others as above. A NaN may come back as any number
// needs   nothing
// source  activation.glsl; f'(x) in terms of e = exp(-|x|), which has a small relative error
#ifndef SMELT_ACTIVATION_GRADIENT_GLSL
#define SMELT_ACTIVATION_GRADIENT_GLSL

#include "smelt/activation.glsl"

#define smelt_activation_gradient_0 smelt_none_gradient
#define smelt_activation_gradient_1 smelt_relu_gradient
#define smelt_activation_gradient_2 smelt_leaky_relu_gradient
#define smelt_activation_gradient_3 smelt_silu_gradient
#define smelt_activation_gradient_4 smelt_gelu_gradient
#define smelt_activation_gradient_5 smelt_sigmoid_gradient
#define smelt_activation_gradient_6 smelt_tanh_gradient
#define smelt_activation_gradient_7 smelt_exp_gradient
#define smelt_activation_gradient_8 smelt_softplus_gradient
#define smelt_activation_gradient_9 smelt_sine_gradient

#define smelt_activation_gradient_of_0 smelt_none_gradient_of
#define smelt_activation_gradient_of_1 smelt_relu_gradient_of
#define smelt_activation_gradient_of_2 smelt_leaky_relu_gradient_of
#define smelt_activation_gradient_of_5 smelt_sigmoid_gradient_of
#define smelt_activation_gradient_of_6 smelt_tanh_gradient_of
#define smelt_activation_gradient_of_7 smelt_exp_gradient_of
#define smelt_activation_gradient_of_8 smelt_softplus_gradient_of

#define SMELT_ACTIVATION_GRADIENT_TYPE float
#include "smelt/activation_gradient_tmpl.glsl"

#define SMELT_ACTIVATION_GRADIENT_TYPE vec2
#include "smelt/activation_gradient_tmpl.glsl"

#define SMELT_ACTIVATION_GRADIENT_TYPE vec4
#include "smelt/activation_gradient_tmpl.glsl"

float smelt_activate_gradient(uint activation, float x)
{
    switch (activation) {
    case SMELT_ACTIVATION_RELU:
        return smelt_relu_gradient(x);
    case SMELT_ACTIVATION_LEAKY_RELU:
        return smelt_leaky_relu_gradient(x);
    case SMELT_ACTIVATION_SILU:
        return smelt_silu_gradient(x);
    case SMELT_ACTIVATION_GELU:
        return smelt_gelu_gradient(x);
    case SMELT_ACTIVATION_SIGMOID:
        return smelt_sigmoid_gradient(x);
    case SMELT_ACTIVATION_TANH:
        return smelt_tanh_gradient(x);
    case SMELT_ACTIVATION_EXP:
        return smelt_exp_gradient(x);
    case SMELT_ACTIVATION_SOFTPLUS:
        return smelt_softplus_gradient(x);
    case SMELT_ACTIVATION_SINE:
        return smelt_sine_gradient(x);
    default:
        return 1.0;
    }
}

#endif
