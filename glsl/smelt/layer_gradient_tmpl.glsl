// SPDX-License-Identifier: MIT
// layer_gradient_tmpl.glsl: a layer of a network taken back, by one invocation or for the samples of a workgroup together.
//
// what    z = W x + bias, y = activation(z); then, from the gradient dy of y: dz = activation'(z) dy, the gradients dz of the
//         bias, dz x^T of the weight and W^T dz of x. A network is a chain of such layers, forward and then back. The weights
//         are those of mlp_tmpl.glsl (or of matmul2d_tmpl.glsl with TRANSPOSE_RIGHT 1), as they lie in memory for every other
//         use, row-major; arithmetic is f32. Gradients of weights go to a function of yours: at THREAD scope from every
//         sample, at WORKGROUP scope one sum over its samples, always in the same order, for each weight
// params  all required but where noted, all undefined afterwards:
//         SMELT_LAYER_GRADIENT             name of the layer
//         SMELT_LAYER_GRADIENT_WEIGHTS     the type of its weights: NETWORK_layer<i> of mlp_tmpl.glsl, NAME of matmul2d_tmpl.glsl
//         SMELT_LAYER_GRADIENT_K, _N       widths before and behind, literals, 1 to 1024
//         SMELT_LAYER_GRADIENT_BIAS        1: there is a bias; 0: none
//         SMELT_LAYER_GRADIENT_ACTIVATION  SMELT_ACTIVATION_x
//         SMELT_LAYER_GRADIENT_SCOPE       SMELT_SCOPE_THREAD or SMELT_SCOPE_WORKGROUP
//         SMELT_LAYER_GRADIENT_SAMPLES     WORKGROUP: invocations of the workgroup, each with a sample; THREAD: 1
//         SMELT_LAYER_GRADIENT_SCRATCH     WORKGROUP only: name of a `shared float` array of SAMPLES (K + N) elements or more;
//                                          layers may share one
//         SMELT_LAYER_GRADIENT_TARGET      a type of yours, passed through to ADD
//         SMELT_LAYER_GRADIENT_ADD         name of a function void f(TARGET t, uint n, uint k, float g): adds g to the gradient
//                                          of weight [n][k], and of bias [n] where k is K
// makes   for the name NAME:
//         void NAME_forward(WEIGHTS w, float x[K], out float z[N], out float y[N])
//         void NAME_backward(WEIGHTS w, float x[K], float z[N], float dy[N], TARGET t, out float dx[K])
//         WORKGROUP: NAME_backward is called by all invocations in uniform control flow; one without a sample gives zeros as
//         dy and any finite numbers as x and z
// errors  u = 2^-23: z as matmul2d_tmpl.glsl has it; y, dz: activation.glsl, activation_gradient.glsl. Each gradient is a sum
//         of products within n u sum |a||b| of the exact one of its factors, with n = SAMPLES + 2 for weights, N + 2 for dx
// needs   base.glsl first
// source  Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors
#ifndef SMELT_BASE_GLSL
#error "layer_gradient_tmpl.glsl: include smelt/base.glsl first"
#endif
#include "smelt/activation_gradient.glsl"
#ifndef SMELT_LAYER_GRADIENT
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT (name of the layer) is not defined"
#endif
#ifndef SMELT_LAYER_GRADIENT_WEIGHTS
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_WEIGHTS (type of weight and bias) is not defined"
#endif
#ifndef SMELT_LAYER_GRADIENT_K
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_K (width before the layer) is not defined"
#endif
#ifndef SMELT_LAYER_GRADIENT_N
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_N (width behind the layer) is not defined"
#endif
#if SMELT_LAYER_GRADIENT_K < 1 || SMELT_LAYER_GRADIENT_K > 1024
#error                                                                                                       \
    "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_K (width before the layer) must be a literal, 1 to 1024"
#endif
#if SMELT_LAYER_GRADIENT_N < 1 || SMELT_LAYER_GRADIENT_N > 1024
#error                                                                                                       \
    "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_N (width behind the layer) must be a literal, 1 to 1024"
#endif
#ifndef SMELT_LAYER_GRADIENT_BIAS
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_BIAS (1: there is a bias, 0: none) is not defined"
#endif
#if SMELT_LAYER_GRADIENT_BIAS != 0 && SMELT_LAYER_GRADIENT_BIAS != 1
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_BIAS must be 0 or 1"
#endif
#ifndef SMELT_LAYER_GRADIENT_ACTIVATION
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_ACTIVATION (SMELT_ACTIVATION_x) is not defined"
#endif
#if SMELT_LAYER_GRADIENT_ACTIVATION < 0 || SMELT_LAYER_GRADIENT_ACTIVATION > SMELT_ACTIVATION_SINE
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_ACTIVATION must be one of SMELT_ACTIVATION_x"
#endif
#ifndef SMELT_LAYER_GRADIENT_SCOPE
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_SCOPE (SMELT_SCOPE_x) is not defined"
#endif
#if SMELT_LAYER_GRADIENT_SCOPE != SMELT_SCOPE_THREAD && SMELT_LAYER_GRADIENT_SCOPE != SMELT_SCOPE_WORKGROUP
#error                                                                                                       \
    "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_SCOPE must be SMELT_SCOPE_THREAD or SMELT_SCOPE_WORKGROUP"
#endif
#ifndef SMELT_LAYER_GRADIENT_SAMPLES
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_SAMPLES (of the workgroup; THREAD: 1) is not defined"
#endif
#if SMELT_LAYER_GRADIENT_SAMPLES < 1 || SMELT_LAYER_GRADIENT_SAMPLES > 1024
#error                                                                                                       \
    "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_SAMPLES (of the workgroup) must be a literal, 1 to 1024"
#endif
#if SMELT_LAYER_GRADIENT_SCOPE == SMELT_SCOPE_THREAD && SMELT_LAYER_GRADIENT_SAMPLES != 1
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_SAMPLES must be 1 at THREAD scope"
#endif
#if SMELT_LAYER_GRADIENT_SCOPE == SMELT_SCOPE_WORKGROUP && !defined(SMELT_LAYER_GRADIENT_SCRATCH)
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_SCRATCH (name of a shared float array) is not defined"
#endif
#ifndef SMELT_LAYER_GRADIENT_TARGET
#error "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_TARGET (type that is passed to ADD) is not defined"
#endif
#ifndef SMELT_LAYER_GRADIENT_ADD
#error                                                                                                       \
    "layer_gradient_tmpl.glsl: SMELT_LAYER_GRADIENT_ADD (void f(TARGET, uint n, uint k, float g)) is not defined"
#endif

#define SMELT_LG_K SMELT_LAYER_GRADIENT_K
#define SMELT_LG_N SMELT_LAYER_GRADIENT_N
// Terms of a row of W, its bias as the last one.
#define SMELT_LG_TERMS (SMELT_LG_K + SMELT_LAYER_GRADIENT_BIAS)

void SMELT_CAT(SMELT_LAYER_GRADIENT, _forward)(SMELT_LAYER_GRADIENT_WEIGHTS w, float x[SMELT_LG_K],
                                               out float z[SMELT_LG_N], out float y[SMELT_LG_N])
{
    [[dont_unroll]] for (uint n = 0u; n < SMELT_LG_N; n++)
    {
#if SMELT_LAYER_GRADIENT_BIAS
        float sum = smelt_load_unchecked(w.bias, n);
#else
        float sum = 0.0;
#endif
        for (uint k = 0u; k < SMELT_LG_K; k++)
            sum = fma(smelt_load_unchecked(w.weight, n, k), x[k], sum);
        z[n] = sum;
        y[n] = SMELT_CAT(smelt_activation_, SMELT_LAYER_GRADIENT_ACTIVATION)(sum);
    }
}

#if SMELT_LAYER_GRADIENT_SCOPE == SMELT_SCOPE_WORKGROUP
SMELT_REQUIRE(SMELT_CAT(SMELT_LAYER_GRADIENT, _scratch_is_too_small),
              SMELT_LAYER_GRADIENT_SCRATCH.length() >=
                  SMELT_LAYER_GRADIENT_SAMPLES * (SMELT_LG_K + SMELT_LG_N))
#endif

void SMELT_CAT(SMELT_LAYER_GRADIENT, _backward)(SMELT_LAYER_GRADIENT_WEIGHTS w, float x[SMELT_LG_K],
                                                float z[SMELT_LG_N], float dy[SMELT_LG_N],
                                                SMELT_LAYER_GRADIENT_TARGET t, out float dx[SMELT_LG_K])
{
    for (uint k = 0u; k < SMELT_LG_K; k++)
        dx[k] = 0.0;
    [[dont_unroll]] for (uint n = 0u; n < SMELT_LG_N; n++)
    {
        float dz = dy[n] * SMELT_CAT(smelt_activation_gradient_, SMELT_LAYER_GRADIENT_ACTIVATION)(z[n]);
        for (uint k = 0u; k < SMELT_LG_K; k++)
            dx[k] = fma(smelt_load_unchecked(w.weight, n, k), dz, dx[k]);
#if SMELT_LAYER_GRADIENT_SCOPE == SMELT_SCOPE_THREAD
        for (uint k = 0u; k < SMELT_LG_K; k++)
            SMELT_LAYER_GRADIENT_ADD(t, n, k, dz * x[k]);
#if SMELT_LAYER_GRADIENT_BIAS
        SMELT_LAYER_GRADIENT_ADD(t, n, uint(SMELT_LG_K), dz);
#endif
#else
        SMELT_LAYER_GRADIENT_SCRATCH[(SMELT_LG_K + n) * SMELT_LAYER_GRADIENT_SAMPLES +
                                     gl_LocalInvocationIndex] = dz;
#endif
    }
#if SMELT_LAYER_GRADIENT_SCOPE == SMELT_SCOPE_WORKGROUP
    for (uint k = 0u; k < SMELT_LG_K; k++)
        SMELT_LAYER_GRADIENT_SCRATCH[k * SMELT_LAYER_GRADIENT_SAMPLES + gl_LocalInvocationIndex] = x[k];
    barrier();
    [[dont_unroll]] for (uint i = gl_LocalInvocationIndex; i < SMELT_LG_N * SMELT_LG_TERMS;
                         i += SMELT_LAYER_GRADIENT_SAMPLES)
    {
        uint n = i / SMELT_LG_TERMS, k = i % SMELT_LG_TERMS;
        float sum = 0.0;
        for (uint s = 0u; s < SMELT_LAYER_GRADIENT_SAMPLES; s++) {
            float dz = SMELT_LAYER_GRADIENT_SCRATCH[(SMELT_LG_K + n) * SMELT_LAYER_GRADIENT_SAMPLES + s];
            float factor =
                k < SMELT_LG_K ? SMELT_LAYER_GRADIENT_SCRATCH[k * SMELT_LAYER_GRADIENT_SAMPLES + s] : 1.0;
            sum = fma(dz, factor, sum);
        }
        SMELT_LAYER_GRADIENT_ADD(t, n, k, sum);
    }
    barrier(); // the next layer writes there
#endif
}

#undef SMELT_LG_K
#undef SMELT_LG_N
#undef SMELT_LG_TERMS
#undef SMELT_LAYER_GRADIENT
#undef SMELT_LAYER_GRADIENT_WEIGHTS
#undef SMELT_LAYER_GRADIENT_K
#undef SMELT_LAYER_GRADIENT_N
#undef SMELT_LAYER_GRADIENT_BIAS
#undef SMELT_LAYER_GRADIENT_ACTIVATION
#undef SMELT_LAYER_GRADIENT_SCOPE
#undef SMELT_LAYER_GRADIENT_SAMPLES
#undef SMELT_LAYER_GRADIENT_SCRATCH
#undef SMELT_LAYER_GRADIENT_TARGET
#undef SMELT_LAYER_GRADIENT_ADD
