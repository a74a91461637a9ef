// SPDX-License-Identifier: MIT
// activation_tmpl.glsl: the activation functions for one type; activation.glsl and activation16.glsl use it.
//
// what    see activation.glsl; one overload of each function
// params  all required, all undefined afterwards:
//         SMELT_ACTIVATION_TYPE  float, vec2, vec4, float16_t, f16vec2 or f16vec4
//         SMELT_ACTIVATION_WIDE  the f32 type of as many components: transcendental functions are taken in it
// makes   SMELT_ACTIVATION_TYPE smelt_x(SMELT_ACTIVATION_TYPE) for x = none relu leaky_relu silu gelu sigmoid tanh
//         exp softplus sine
// errors  activation.glsl
// needs   base.glsl first
// source  activation.glsl
#ifndef SMELT_ACTIVATION_TYPE
#error "activation_tmpl.glsl: SMELT_ACTIVATION_TYPE (argument and result type) is not defined"
#endif
#ifndef SMELT_ACTIVATION_WIDE
#error "activation_tmpl.glsl: SMELT_ACTIVATION_WIDE (f32 type of as many components) is not defined"
#endif

SMELT_ACTIVATION_TYPE smelt_none(SMELT_ACTIVATION_TYPE x)
{
    return x;
}

SMELT_ACTIVATION_TYPE smelt_relu(SMELT_ACTIVATION_TYPE x)
{
    return max(x, SMELT_ACTIVATION_TYPE(0.0));
}

SMELT_ACTIVATION_TYPE smelt_leaky_relu(SMELT_ACTIVATION_TYPE x)
{
    return max(x, x * SMELT_ACTIVATION_TYPE(0.01));
}

// exp(min(x, 0)) / (1 + exp(-|x|)): no argument of exp is positive, so nothing overflows.
SMELT_ACTIVATION_TYPE smelt_sigmoid(SMELT_ACTIVATION_TYPE x)
{
    SMELT_ACTIVATION_WIDE w = SMELT_ACTIVATION_WIDE(x);
    SMELT_ACTIVATION_WIDE e = exp(-abs(w));
    return SMELT_ACTIVATION_TYPE(max(e, step(0.0, w)) / (1.0 + e));
}

SMELT_ACTIVATION_TYPE smelt_silu(SMELT_ACTIVATION_TYPE x)
{
    SMELT_ACTIVATION_WIDE w = SMELT_ACTIVATION_WIDE(x);
    SMELT_ACTIVATION_WIDE e = exp(-abs(w));
    return SMELT_ACTIVATION_TYPE(w * (max(e, step(0.0, w)) / (1.0 + e)));
}

// x (1 + tanh(s)) / 2 = x / (1 + exp(-2 s)), s = sqrt(2 / pi) (x + 0.044715 x^3). Beyond |x| = 10 the factor is
// 0 or 1 in f32; the clamp keeps x^3 finite.
SMELT_ACTIVATION_TYPE smelt_gelu(SMELT_ACTIVATION_TYPE x)
{
    SMELT_ACTIVATION_WIDE w = SMELT_ACTIVATION_WIDE(x);
    SMELT_ACTIVATION_WIDE v = clamp(w, -10.0, 10.0);
    SMELT_ACTIVATION_WIDE s = 1.5957691216 * (v + 0.044715 * v * v * v);
    SMELT_ACTIVATION_WIDE e = exp(-abs(s));
    return SMELT_ACTIVATION_TYPE(w * (max(e, step(0.0, s)) / (1.0 + e)));
}

SMELT_ACTIVATION_TYPE smelt_tanh(SMELT_ACTIVATION_TYPE x)
{
    SMELT_ACTIVATION_WIDE w = SMELT_ACTIVATION_WIDE(x);
    SMELT_ACTIVATION_WIDE e = exp(-2.0 * abs(w));
    return SMELT_ACTIVATION_TYPE(sign(w) * ((1.0 - e) / (1.0 + e)));
}

SMELT_ACTIVATION_TYPE smelt_exp(SMELT_ACTIVATION_TYPE x)
{
    return SMELT_ACTIVATION_TYPE(exp(SMELT_ACTIVATION_WIDE(x)));
}

SMELT_ACTIVATION_TYPE smelt_softplus(SMELT_ACTIVATION_TYPE x)
{
    SMELT_ACTIVATION_WIDE w = SMELT_ACTIVATION_WIDE(x);
    return SMELT_ACTIVATION_TYPE(max(w, SMELT_ACTIVATION_WIDE(0.0)) + log(1.0 + exp(-abs(w))));
}

SMELT_ACTIVATION_TYPE smelt_sine(SMELT_ACTIVATION_TYPE x)
{
    return SMELT_ACTIVATION_TYPE(sin(SMELT_ACTIVATION_WIDE(x)));
}

#undef SMELT_ACTIVATION_TYPE
#undef SMELT_ACTIVATION_WIDE
