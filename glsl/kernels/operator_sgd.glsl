// SPDX-License-Identifier: MIT
// operator_sgd.glsl: a step of gradient descent for tensor 0 with the velocity 1, where there is one, the gradient 2 and the
// state 3 (operator_learning_rate.glsl); tensor 4, where there is one, is a copy. Numbers: momentum, decay, what the gradient is
// multiplied by.
#include "smelt/optimizer.glsl"

void operator_run(uint c[T0_RANK])
{
    float velocity = 0.0, g = number(2u) * float(t2_load(t2_place(c)));
#ifdef T1_V
    velocity = t1_load(t1_place(c));
#endif
    float w = smelt_sgd(t0_load(t0_place(c)), velocity, g, t3_load(t3_stride(0u)), number(0u), number(1u));
    t0_store(t0_place(c), w);
#ifdef T1_V
    t1_store(t1_place(c), velocity);
#endif
#ifdef T4_V
    t4_store(t4_place(c), w);
#endif
}
