// SPDX-License-Identifier: MIT
// operator_pool.glsl: the greatest element (MEAN 0) or the mean (MEAN 1) of a window. T0 [n][c]... is written, T1 read; T2, if
// there is one, receives where in T1's shape the greatest element is. Padding counts in a mean with PADDING 1.
//
// size(6 a + i) of axis a of three in space (those that the tensors have not come first, with a kernel of 1 and a stride of
// 0): kernel, stride, dilation, padding before, padding after, and what a step along it adds to T2's elements.
#define AXIS(a) ((a) + T0_RANK - 3)
#define KERNEL(a) size(6 * (a))
#define DILATION(a) size(6 * (a) + 2)

int first(int a, uint c[T0_RANK])
{
    return int(c[AXIS(a)]) * size(6 * a + 1) - size(6 * a + 3);
}

bool inside(int a, int at)
{
    return uint(at) < t1_extent(AXIS(a));
}

bool counts(int a, int at)
{
#if PADDING == 1
    return at < int(t1_extent(AXIS(a))) + size(6 * a + 4);
#else
    return inside(a, at);
#endif
}

void operator_run(uint c[T0_RANK])
{
    uint base = c[0] * t1_stride(0) + c[1] * t1_stride(1);
    int from[3] = int[3](first(0, c), first(1, c), first(2, c)), taps = 0, best = 0;
    T1_V found = T1_V(0);
    for (int i = 0; i < KERNEL(0); i++) {
        int z = from[0] + i * DILATION(0);
        if (!counts(0, z))
            continue;
        for (int j = 0; j < KERNEL(1); j++) {
            int y = from[1] + j * DILATION(1);
            if (!counts(1, y))
                continue;
            for (int k = 0; k < KERNEL(2); k++) {
                int x = from[2] + k * DILATION(2);
                if (!counts(2, x))
                    continue;
                taps++;
#if MEAN == 1
                if (inside(0, z) && inside(1, y) && inside(2, x))
                    found += t1_load(base + z * t1_stride(AXIS(0)) + y * t1_stride(AXIS(1)) +
                                     x * t1_stride(AXIS(2)));
#else
                T1_V v =
                    t1_load(base + z * t1_stride(AXIS(0)) + y * t1_stride(AXIS(1)) + x * t1_stride(AXIS(2)));
                if (taps == 1 || v > found) {
                    found = v;
                    best = z * size(5) + y * size(11) + x * size(17);
                }
#endif
            }
        }
    }
#if MEAN == 1
    found /= T1_V(taps);
#endif
    t0_store(t0_place(c), found);
#ifdef T2_RANK
    uint plane = c[0] * t1_extent(1) + c[1];
    for (int a = 2; a < T0_RANK; a++)
        plane *= t1_extent(a);
    t2_store(t2_place(c), int(plane) + best);
#endif
}
