// SPDX-License-Identifier: MIT
// operator_activation_gradient.glsl: tensor 0 = tensor 1 times the derivative of an activation at tensor 2. ACTIVATION: enum
// smelt_activation.
#include "smelt/activation_gradient.glsl"

void operator_run(uint c[T0_RANK])
{
    float slope = smelt_activate_gradient(ACTIVATION, t2_load(t2_place(c)));
    t0_store(t0_place(c), t1_load(t1_place(c)) * slope);
}
