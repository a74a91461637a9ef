// SPDX-License-Identifier: MIT
// operator_requantize.glsl: y = x a b / s + zero point, rounded to nearest, ties to even, and saturated. Tensors 1 x (i32), 2 and
// 3 the scales of the product's operands, 4 that of y, 5 its zero point; all broadcast to y.

void operator_run(uint c[T0_RANK])
{
    float scale = t2_load(t2_broadcast(c)) * t3_load(t3_broadcast(c)) / t4_load(t4_broadcast(c));
    float v = float(t1_load(t1_broadcast(c))) * scale;
    int q = smelt_int_from_f32(v, -0x40000000, 0x40000000) + int(t5_load(t5_broadcast(c)));
    t0_store(t0_place(c), T0_V(max(q, T0_V(-1) > T0_V(0) ? 0 : q)));
}
