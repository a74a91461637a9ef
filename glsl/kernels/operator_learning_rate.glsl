// SPDX-License-Identifier: MIT
// operator_learning_rate.glsl: tensor 0 is an optimizer's state, { steps taken, learning rate, filled1, filled2 }: takes it a
// step further. Size: the schedule. Numbers: first, last, warmup, steps, beta1, beta2.
#include "smelt/optimizer.glsl"

void operator_run(uint c[T0_RANK])
{
    uint stride = t0_stride(0u);
    if (c[0] == 0u) {
        float step = t0_load(0u);
        float rate =
            smelt_learning_rate(uint(size(0u)), number(0u), number(1u), step, number(2u), number(3u));
        t0_store(0u, step + 1.0);
        t0_store(stride, rate);
        t0_store(2u * stride, smelt_adam_filled(t0_load(2u * stride), number(4u)));
        t0_store(3u * stride, smelt_adam_filled(t0_load(3u * stride), number(5u)));
    }
}
