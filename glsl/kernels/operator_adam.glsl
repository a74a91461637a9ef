// SPDX-License-Identifier: MIT
// operator_adam.glsl: a step of Adam for tensor 0 with the moments 1 and 2, the gradient 3 and the state 4
// (operator_learning_rate.glsl); tensor 5, where there is one, is a copy. Numbers: beta1, beta2, epsilon, decay, what the
// gradient is multiplied by.
#include "smelt/optimizer.glsl"

void operator_run(uint c[T0_RANK])
{
    uint stride = t4_stride(0u), at0 = t0_place(c), at1 = t1_place(c), at2 = t2_place(c);
    smelt_adam_numbers numbers = smelt_adam_numbers(t4_load(stride), number(0u), number(1u), number(2u),
                                                    number(3u), t4_load(2u * stride), t4_load(3u * stride));
    float m = t1_load(at1), v = t2_load(at2), g = number(4u) * float(t3_load(t3_place(c)));
    float w = smelt_adam(t0_load(at0), m, v, g, numbers);
    t0_store(at0, w);
    t1_store(at1, m);
    t2_store(at2, v);
#ifdef T5_V
    t5_store(t5_place(c), w);
#endif
}
