// SPDX-License-Identifier: MIT
// operator_grid_sample.glsl: T0 [n][c]... = T1 [n][c]... at the coordinates T2 [n]...[axes of space], the innermost axis' first,
// of which -1 to 1 span T1. TAPS: 1 nearest, 2 linear, 4 cubic; PADDING: 0 zeros, 1 border, 2 reflection; CORNERS 1: -1 and 1
// are the centres of the outermost elements, not their outer edges.
#define SPACE (T0_RANK - 2)

// A coordinate in elements, mirrored at the edges.
float mirrored(float x, float extent)
{
    float low = CORNERS == 1 ? 0.0 : -0.5, span = CORNERS == 1 ? extent - 1.0 : extent;
    if (span <= 0.0)
        return 0.0;
    float turn = abs(x - low), turns = floor(turn / span), rest = turn - turns * span;
    return low + (mod(turns, 2.0) == 0.0 ? rest : span - rest);
}

float coordinate(float x, float extent)
{
    x = CORNERS == 1 ? (x + 1.0) * 0.5 * (extent - 1.0) : ((x + 1.0) * extent - 1.0) * 0.5;
#if TAPS == 1
    x = roundEven(x);
#endif
#if PADDING == 1
    x = clamp(x, 0.0, extent - 1.0);
#elif PADDING == 2
    float low = CORNERS == 1 ? 0.0 : -0.5, high = CORNERS == 1 ? extent - 1.0 : extent - 0.5;
    if (x < low || x > high)
        x = mirrored(x, extent);
#endif
    return clamp(x, -1e9, 1e9);
}

// The element that stands for index i; -1: none does.
int element(int i, int extent)
{
    if (uint(i) < uint(extent))
        return i;
#if PADDING == 0
    return -1;
#elif PADDING == 1
    return clamp(i, 0, extent - 1);
#else
    return clamp(int(mirrored(float(i), float(extent))), 0, extent - 1);
#endif
}

float weight(float ratio, int tap)
{
#if TAPS == 1
    return 1.0;
#elif TAPS == 2
    return tap == 0 ? 1.0 - ratio : ratio;
#else
    const float a = -0.75;
    float x = abs(float(tap) - 1.0 - ratio);
    return x <= 1.0 ? ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
                    : ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
#endif
}

void operator_run(uint c[T0_RANK])
{
    uint at[T2_RANK], taps[3], strides[3];
    int from[3], extent[3];
    float ratio[3];
    at[0] = c[0];
    for (int i = 1; i <= SPACE; i++)
        at[i] = c[i + 1];
    for (int a = 0; a < 3; a++) { // axes that the tensors have not come first
        int axis = a + T0_RANK - 3;
        bool there = axis >= 2;
        at[T2_RANK - 1] = there ? 2 - a : 0;
        extent[a] = there ? int(t1_extent(axis)) : 1;
        strides[a] = there ? t1_stride(axis) : 0;
        taps[a] = there ? TAPS : 1;
        float x = there ? coordinate(t2_load(t2_place(at)), float(extent[a])) : 0.0;
        ratio[a] = fract(x);
        from[a] = int(floor(x)) - (there && TAPS == 4 ? 1 : 0);
    }
    uint base = c[0] * t1_stride(0) + c[1] * t1_stride(1);
    float sum = 0.0;
    for (int i = 0; i < taps[0]; i++)
        for (int j = 0; j < taps[1]; j++)
            for (int k = 0; k < taps[2]; k++) {
                int z = element(from[0] + i, extent[0]), y = element(from[1] + j, extent[1]),
                    x = element(from[2] + k, extent[2]);
                float w = (taps[0] > 1 ? weight(ratio[0], i) : 1.0) *
                          (taps[1] > 1 ? weight(ratio[1], j) : 1.0) * weight(ratio[2], k);
                if (min(z, min(y, x)) >= 0)
                    sum += w * t1_load(base + z * strides[0] + y * strides[1] + x * strides[2]);
            }
    t0_store(t0_place(c), sum);
}
