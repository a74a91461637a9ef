// SPDX-License-Identifier: MIT
// operator_pool.glsl: the greatest element (MEAN 0) or the mean (MEAN 1) of a window. T0 [n][c]... is written, T1 read; T2, if
// there is one, receives where in T1's shape the greatest element is. Padding counts in a mean with PADDING 1.
//
// size(6 a + i) of axis a of three in space (those that the tensors have not come first, with a kernel of 1 and a stride of
// 0): kernel, stride, dilation, padding before, padding after, and what a step along it adds to T2's elements.
// PER above 1: so many channels, 16 bytes of f16 or f32, at a time, which are neighbours in T0 and T1; without T2.
#if PER > 1
#define VALUE floats
#define VALUE_ZERO floats(vec4(0.0), vec4(0.0))
#define VALUE_LOAD(place) wide_unpack(wide_load(1u, place), T1_BITS)
#define VALUE_STORE(place, v) wide_store(0u, place, wide_pack(v, T0_BITS))
floats sum_of(floats a, floats b)
{
    return floats(a.low + b.low, a.high + b.high);
}

// The greater ones; a NaN only where a is one.
floats greater_of(floats a, floats b)
{
    return floats(mix(a.low, b.low, greaterThan(b.low, a.low)),
                  mix(a.high, b.high, greaterThan(b.high, a.high)));
}

floats share_of(floats a, int count)
{
    return floats(a.low / float(count), a.high / float(count));
}
#else
#define VALUE T1_V
#define VALUE_ZERO T1_V(0)
#define VALUE_LOAD(place) t1_load(place)
#define VALUE_STORE(place, v) t0_store(place, v)
#define sum_of(a, b) ((a) + (b))
#define greater_of(a, b) ((b) > (a) ? (b) : (a))
#define share_of(a, count) ((a) / T1_V(count))
#endif
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
    int from[3] = int[3](first(0, c), first(1, c), first(2, c)), taps = 0;
    VALUE found = VALUE_ZERO;
#ifdef T2_RANK
    int best = 0;
#endif
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
                    found = sum_of(found, VALUE_LOAD(base + z * t1_stride(AXIS(0)) + y * t1_stride(AXIS(1)) +
                                                     x * t1_stride(AXIS(2))));
#else
                VALUE v = VALUE_LOAD(base + z * t1_stride(AXIS(0)) + y * t1_stride(AXIS(1)) +
                                     x * t1_stride(AXIS(2)));
#ifdef T2_RANK
                if (taps == 1 || v > found)
                    best = z * size(5) + y * size(11) + x * size(17);
#endif
                if (taps == 1)
                    found = v;
                else
                    found = greater_of(found, v);
#endif
            }
        }
    }
#if MEAN == 1
    found = share_of(found, taps);
#endif
    VALUE_STORE(t0_place(c), found);
#ifdef T2_RANK
    uint plane = c[0] * t1_extent(1) + c[1];
    for (int a = 2; a < T0_RANK; a++)
        plane *= t1_extent(a);
    t2_store(t2_place(c), int(plane) + best);
#endif
}
