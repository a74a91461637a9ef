// SPDX-License-Identifier: MIT
// operator_average.glsl: takes tensor 0, an average over steps, on by tensor 1. Number: what is kept of it.
#include "smelt/optimizer.glsl"

void operator_run(uint c[T0_RANK])
{
    t0_store(t0_place(c), smelt_average(t0_load(t0_place(c)), t1_load(t1_place(c)), number(0u)));
}
