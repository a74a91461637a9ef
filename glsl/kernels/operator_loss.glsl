// SPDX-License-Identifier: MIT
// operator_loss.glsl: tensor 0 = scale times the gradient of a loss of tensor 1 against tensor 2, by weights (tensor 3, one for
// each column, or absent); tensor 4, where there is one, is the loss itself, by weight and without scale. LOSS: enum smelt_loss.
#include "smelt/loss.glsl"

float weight(uint column)
{
#ifdef T3_V
    return t3_load(column * t3_stride(0u));
#else
    return 1.0;
#endif
}

void operator_run(uint c[T0_RANK])
{
#if LOSS == 3
    vec3 y, t;
    [[unroll]] for (uint i = 0u; i < 3u; i++)
    {
        y[i] = t1_load(c[0] * t1_stride(0u) + i * t1_stride(1u));
        t[i] = t2_load(c[0] * t2_stride(0u) + i * t2_stride(1u));
    }
    vec3 weights = vec3(weight(0u), weight(1u), weight(2u));
    t0_store(t0_place(c), number(0u) * smelt_loss_oklab_gradient(y, t, weights)[c[1]]);
#ifdef T4_V
    float off = (smelt_oklab(y) - smelt_oklab(t))[c[1]];
    t4_store(t4_place(c), weights[c[1]] * off * off); // the row's are what L, a and b are off by
#endif
#else
    float y = t1_load(t1_place(c)), t = t2_load(t2_place(c)), w = weight(c[1]);
    t0_store(t0_place(c), number(0u) * w * smelt_loss_gradient(LOSS, y, t));
#ifdef T4_V
    t4_store(t4_place(c), w * smelt_loss(LOSS, y, t));
#endif
#endif
}
