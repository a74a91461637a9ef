// SPDX-License-Identifier: MIT
// activation_gradient_tmpl.glsl: the derivatives of the activation functions for one type; activation_gradient.glsl uses it.
//
// what    see activation_gradient.glsl; one overload of each function
// params  SMELT_ACTIVATION_GRADIENT_TYPE float, vec2 or vec4; undefined afterwards
// makes   TYPE smelt_x_gradient(TYPE) for x = none relu leaky_relu silu gelu sigmoid tanh exp softplus sine, and
//         TYPE smelt_x_gradient_of(TYPE) for x = none relu leaky_relu sigmoid tanh exp softplus
// errors  activation_gradient.glsl
// needs   activation.glsl first
// source  activation_gradient.glsl
#ifndef SMELT_ACTIVATION_GRADIENT_TYPE
#error                                                                                                       \
    "activation_gradient_tmpl.glsl: SMELT_ACTIVATION_GRADIENT_TYPE (argument and result type) is not defined"
#endif
#define SMELT_AG_T SMELT_ACTIVATION_GRADIENT_TYPE

SMELT_AG_T smelt_none_gradient(SMELT_AG_T x)
{
    return SMELT_AG_T(1.0);
}

SMELT_AG_T smelt_relu_gradient(SMELT_AG_T x)
{
    return max(sign(x), SMELT_AG_T(0.0));
}

SMELT_AG_T smelt_leaky_relu_gradient(SMELT_AG_T x)
{
    return max(sign(x), SMELT_AG_T(0.01));
}

SMELT_AG_T smelt_sigmoid_gradient(SMELT_AG_T x)
{
    SMELT_AG_T e = exp(-abs(x));
    return e / ((1.0 + e) * (1.0 + e));
}

// s(x) + x s'(x)
SMELT_AG_T smelt_silu_gradient(SMELT_AG_T x)
{
    SMELT_AG_T e = exp(-abs(x));
    SMELT_AG_T v = clamp(x, -100.0, 100.0); // beyond, e is 0 in f32
    return (max(e, step(0.0, x)) + v * (e / (1.0 + e))) / (1.0 + e);
}

// With the sigmoid s of 2 sqrt(2 / pi) (x + 0.044715 x^3): s + x s' (its argument)'. Beyond |x| = 10, 0 or 1 in f32.
SMELT_AG_T smelt_gelu_gradient(SMELT_AG_T x)
{
    SMELT_AG_T v = clamp(x, -10.0, 10.0);
    SMELT_AG_T a = 1.5957691216 * (v + 0.044715 * v * v * v);
    SMELT_AG_T slope = 1.5957691216 * (1.0 + 0.134145 * v * v);
    SMELT_AG_T e = exp(-abs(a));
    return (max(e, step(0.0, a)) + v * slope * (e / (1.0 + e))) / (1.0 + e);
}

SMELT_AG_T smelt_tanh_gradient(SMELT_AG_T x)
{
    SMELT_AG_T e = exp(-2.0 * abs(x));
    return 4.0 * e / ((1.0 + e) * (1.0 + e));
}

SMELT_AG_T smelt_exp_gradient(SMELT_AG_T x)
{
    return exp(x);
}

SMELT_AG_T smelt_softplus_gradient(SMELT_AG_T x)
{
    return smelt_sigmoid(x);
}

SMELT_AG_T smelt_sine_gradient(SMELT_AG_T x)
{
    return cos(x);
}

SMELT_AG_T smelt_none_gradient_of(SMELT_AG_T y)
{
    return SMELT_AG_T(1.0);
}

SMELT_AG_T smelt_relu_gradient_of(SMELT_AG_T y)
{
    return smelt_relu_gradient(y);
}

SMELT_AG_T smelt_leaky_relu_gradient_of(SMELT_AG_T y)
{
    return smelt_leaky_relu_gradient(y);
}

SMELT_AG_T smelt_sigmoid_gradient_of(SMELT_AG_T y)
{
    return y * (1.0 - y);
}

SMELT_AG_T smelt_tanh_gradient_of(SMELT_AG_T y)
{
    return (1.0 - y) * (1.0 + y);
}

SMELT_AG_T smelt_exp_gradient_of(SMELT_AG_T y)
{
    return y;
}

SMELT_AG_T smelt_softplus_gradient_of(SMELT_AG_T y)
{
    return 1.0 - exp(-y);
}

#undef SMELT_AG_T
#undef SMELT_ACTIVATION_GRADIENT_TYPE
