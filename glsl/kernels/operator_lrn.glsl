// SPDX-License-Identifier: MIT
// operator_lrn.glsl: T0 = x / (bias + scale s)^beta, where x are the elements of T1 and s is the sum of squares over size(0)
// channels (axis 1) around each. Numbers: scale, beta, bias.
void operator_run(uint c[T0_RANK])
{
    int from = int(c[1]) - (size(0) - 1) / 2, to = min(from + size(0), int(t1_extent(1)));
    uint place = t1_place(c), own = c[1] * t1_stride(1);
    float sum = 0.0;
    for (int i = max(from, 0); i < to; i++) {
        float v = t1_load(place - own + uint(i) * t1_stride(1));
        sum += v * v;
    }
    t0_store(t0_place(c), t1_load(place) * pow(number(2) + number(0) * sum, -number(1)));
}
