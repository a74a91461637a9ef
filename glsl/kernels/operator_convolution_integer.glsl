// SPDX-License-Identifier: MIT
// operator_convolution_integer.glsl: y (i32) [n][m][...] = sum of (x - x's zero point) (w - w's) over a window, and a bias.
// Tensors 1 x, 2 w [m][c / group][...], 3 zero point of x, 4 of w (one, or one for each m), 5 bias. size(0) groups, then the
// stride, dilation and padding in front of each axis of space.
void operator_run(uint c[T0_RANK])
{
    int x_zero = 0, w_zero = 0, sum = 0;
#ifdef T3_V
    x_zero = int(t3_load(0u));
#endif
#ifdef T4_V
    w_zero = int(t4_load(t4_extent(0u) == 1u ? 0u : c[1] * t4_stride(0u)));
#endif
#ifdef T5_V
    sum = int(t5_load(c[1] * t5_stride(0u)));
#endif
    uint channels = t2_extent(1u), taps = 1u;
    uint group = c[1] / (t0_extent(1u) / uint(size(0u)));
    [[unroll]] for (uint d = 2u; d < T0_RANK; d++)
    {
        taps *= t2_extent(d);
    }
    for (uint tap = 0u; tap < taps; tap++) {
        uint x_at = c[0] * t1_stride(0u) + group * channels * t1_stride(1u), w_at = c[1] * t2_stride(0u);
        uint rest = tap;
        bool inside = true;
        [[unroll]] for (uint d = T0_RANK - 1; d >= 2u; d--)
        {
            uint k = rest % t2_extent(d);
            rest /= t2_extent(d);
            int i = int(c[d]) * size(3u * d - 5u) + int(k) * size(3u * d - 4u) - size(3u * d - 3u);
            inside = inside && i >= 0 && i < int(t1_extent(d));
            x_at += uint(i) * t1_stride(d);
            w_at += k * t2_stride(d);
        }
        for (uint i = 0u; i < channels && inside; i++)
            sum += (int(t1_load(x_at + i * t1_stride(1u))) - x_zero) *
                   (int(t2_load(w_at + i * t2_stride(1u))) - w_zero);
    }
    t0_store(t0_place(c), sum);
}
