// SPDX-License-Identifier: MIT
// operator_move.glsl: y is x at other places. Along axis d, element i of y is element size(2 d) + i size(2 d + 1) of x, and where
// that lies outside x, MODE says: 0 the one of tensor 2 (0 without it), 1 it is reflected at the first and last element,
// 2 the nearest one, 3 x is repeated.
int fold_index(int i, int n)
{
#if MODE == 1
    int period = max(2 * n - 2, 1);
    i = abs(i) % period;
    return n == 1 ? 0 : min(i, period - i);
#elif MODE == 3
    return i < 0 ? n - 1 - (-1 - i) % n : i % n; // % of a negative number is undefined
#else
    return clamp(i, 0, n - 1);
#endif
}

void operator_run(uint c[T0_RANK])
{
    bool inside = true;
    uint place = 0u;
    [[unroll]] for (uint d = 0u; d < T0_RANK; d++)
    {
        int i = size(2u * d) + int(c[d]) * size(2u * d + 1u), n = int(t1_extent(d));
        inside = inside && i >= 0 && i < n;
        place += uint(fold_index(i, n)) * t1_stride(d);
    }
    T0_V v = T0_V(0);
#if MODE == 0
#ifdef T2_V
    v = T0_V(t2_load(0u));
#endif
    if (inside)
        v = t1_load(place);
#else
    v = t1_load(place);
#endif
    t0_store(t0_place(c), v);
}
