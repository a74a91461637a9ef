// SPDX-License-Identifier: MIT
// operator_copy.glsl: y = x, element by element, of one shape.
void operator_run(uint c[T0_RANK])
{
    t0_store(t0_place(c), T0_V(t1_load(t1_place(c))));
}
