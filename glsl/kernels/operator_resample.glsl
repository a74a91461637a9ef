// SPDX-License-Identifier: MIT
// operator_resample.glsl: T0 from T1 with other extents along up to three axes: sums of a few elements with weights from a
// table, which says everything about coordinates and filters; NEAREST 1: copies of elements of any type.
//
// T2 (i32) has a row for each index of T0 along each axis: the first element's index in T1 (OUTSIDE: the result is number(0)),
// and the weights' bits. Indices past T1's edges are those of the edges.
// size(4 i + ...) of the i-th axis: 0: which one; 1: weights in a row; 2: where its rows begin in T2; 3: from row to row, 0 for
// an axis that is not there (its row: 0, 1.0). size(12): a bit for each axis that is there.
// PER above 1: so many channels, 16 bytes of f16 or f32, at a time, which are neighbours in T0 and T1.
#define OUTSIDE (-2147483647 - 1)
#if PER == 1
#define VALUE float
#define VALUE_LOAD(place) t1_load(place)
#define VALUE_STORE(place, v) t0_store(place, v)
#else
#define VALUE floats
#define VALUE_LOAD(place) wide_unpack(wide_load(1u, place), T1_BITS)
#define VALUE_STORE(place, v) wide_store(0u, place, wide_pack(v, T0_BITS))
#endif

uint row(int i, uint c[T0_RANK])
{
    return uint(size(4 * i + 2)) + c[size(4 * i)] * uint(size(4 * i + 3));
}

uint step_to(int i, int at)
{
    uint axis = uint(size(4 * i));
    return uint(clamp(at, 0, int(t1_extent(axis)) - 1)) * t1_stride(axis);
}

float weight(uint row, int tap)
{
    return intBitsToFloat(t2_load(row + 1u + uint(tap)));
}

void operator_run(uint c[T0_RANK])
{
    uint base = 0, r[3] = uint[3](row(0, c), row(1, c), row(2, c));
    int from[3] = int[3](t2_load(r[0]), t2_load(r[1]), t2_load(r[2]));
    for (int a = 0; a < T1_RANK; a++)
        base += (size(12) >> a & 1) != 0 ? 0u : c[a] * t1_stride(a);
    bool outside = min(from[0], min(from[1], from[2])) == OUTSIDE;
#if NEAREST == 1
    uint place = base + step_to(0, from[0]) + step_to(1, from[1]) + step_to(2, from[2]);
#if PER > 1
    uvec4 v = outside ? wide_pack(floats(vec4(number(0)), vec4(number(0))), T0_BITS) : wide_load(1u, place);
    wide_store(0u, t0_place(c), v);
#else
    T0_V v = outside ? T0_V(number(0)) : t1_load(place);
    t0_store(t0_place(c), v);
#endif
#else
#if PER > 1
    floats sum = floats(vec4(outside ? number(0) : 0.0), vec4(outside ? number(0) : 0.0));
#else
    float sum = outside ? number(0) : 0.0;
#endif
    for (int i = 0; i < size(1) && !outside; i++) {
        uint place0 = base + step_to(0, from[0] + i);
        float weight0 = weight(r[0], i);
        for (int j = 0; j < size(5); j++) {
            uint place1 = place0 + step_to(1, from[1] + j);
            float weight1 = weight0 * weight(r[1], j);
            for (int k = 0; k < size(9); k++) {
                VALUE v = VALUE_LOAD(place1 + step_to(2, from[2] + k));
#if PER > 1
                sum.low += weight1 * weight(r[2], k) * v.low;
                sum.high += weight1 * weight(r[2], k) * v.high;
#else
                sum += weight1 * weight(r[2], k) * v;
#endif
            }
        }
    }
    VALUE_STORE(t0_place(c), sum);
#endif
}
