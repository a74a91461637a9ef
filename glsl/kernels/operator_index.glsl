// SPDX-License-Identifier: MIT
// operator_index.glsl: elements by indices (tensor 2), which count from the end when they are negative. MODE 0 (GatherElements):
// y takes x (tensor 1) with the index in place of its coordinate along axis size(0). MODE 1 (GatherND): the last axis of the
// indices holds coordinates of x behind its first size(0) axes; one outside gives 0. MODE 2 (ScatterElements), 3 (ScatterND):
// y is x with updates (tensor 3) at these places, one after the other by REDUCTION: 0 the last one stays, 1 added, 2 multiplied,
// 3 the largest, 4 the smallest. An invocation looks through all updates that may be its own.
int index_at(uint place, uint n)
{
    int index = int(t2_load(place));
    return index < 0 ? index + int(n) : index;
}

#if MODE > 1
T0_V combine(T0_V a, T0_V b)
{
#if REDUCTION == 1
    return a + b;
#elif REDUCTION == 2
    return a * b;
#elif REDUCTION == 3
    return max(a, b);
#elif REDUCTION == 4
    return min(a, b);
#else
    return b;
#endif
}
#endif

#if MODE == 0
void operator_run(uint c[T0_RANK])
{
    uint axis = uint(size(0)), place = 0u, from = 0u;
    [[unroll]] for (uint d = 0u; d < T1_RANK; d++)
    {
        from += c[d] * t2_stride(d);
        if (d != axis)
            place += c[d] * t1_stride(d);
    }
    int index = index_at(from, t1_extent(axis));
    T0_V v = T0_V(0);
    if (index >= 0 && index < int(t1_extent(axis)))
        v = t1_load(place + uint(index) * t1_stride(axis));
    t0_store(t0_place(c), v);
}
#elif MODE == 1
void operator_run(uint c[T0_RANK])
{
    const uint outer = T2_RANK - 1u; // axes of the indices that are y's
    uint batch = uint(size(0)), tuple = 0u, place = 0u, count = t2_extent(outer);
    [[unroll]] for (uint d = 0u; d < outer; d++)
    {
        tuple += c[d] * t2_stride(d);
    }
    [[unroll]] for (uint d = 0u; d < T1_RANK; d++)
    {
        if (d < batch)
            place += c[d] * t1_stride(d);
        else if (d >= batch + count)
            place += c[outer + d - batch - count] * t1_stride(d);
    }
    bool inside = true;
    for (uint i = 0u; i < count; i++) {
        int index = index_at(tuple + i * t2_stride(outer), t1_extent(batch + i));
        inside = inside && index >= 0 && index < int(t1_extent(batch + i));
        place += uint(index) * t1_stride(batch + i);
    }
    T0_V v = T0_V(0);
    if (inside)
        v = t1_load(place);
    t0_store(t0_place(c), v);
}
#elif MODE == 2
void operator_run(uint c[T0_RANK])
{
    uint axis = uint(size(0)), from = 0u, to = 0u;
    T0_V v = t1_load(t1_broadcast(c));
    bool inside = true;
    [[unroll]] for (uint d = 0u; d < T0_RANK; d++)
    {
        if (d != axis) {
            inside = inside && c[d] < t2_extent(d);
            from += c[d] * t2_stride(d);
            to += c[d] * t3_stride(d);
        }
    }
    uint count = inside ? t2_extent(axis) : 0u;
    for (uint i = 0u; i < count; i++) {
        if (index_at(from + i * t2_stride(axis), t1_extent(axis)) == int(c[axis]))
            v = combine(v, t3_load(to + i * t3_stride(axis)));
    }
    t0_store(t0_place(c), v);
}
#else
void operator_run(uint c[T0_RANK])
{
    const uint outer = T2_RANK - 1u; // axes of the indices that are the updates'
    uint count = t2_extent(outer), tuples = 1u, rest = 0u;
    T0_V v = t1_load(t1_broadcast(c));
    [[unroll]] for (uint d = 0u; d < outer; d++)
    {
        tuples *= t2_extent(d);
    }
    for (uint d = count; d < T0_RANK; d++) {
        rest += c[d] * t3_stride(outer + d - count);
    }
    for (uint i = 0u; i < tuples; i++) {
        uint left = i, tuple = 0u, from = rest;
        [[unroll]] for (uint k = 0u; k < outer; k++)
        {
            uint d = outer - 1u - k, at = left % t2_extent(d);
            left /= t2_extent(d);
            tuple += at * t2_stride(d);
            from += at * t3_stride(d);
        }
        bool mine = true;
        for (uint d = 0u; d < count; d++) {
            mine = mine && index_at(tuple + d * t2_stride(outer), t1_extent(d)) == int(c[d]);
        }
        if (mine)
            v = combine(v, t3_load(from));
    }
    t0_store(t0_place(c), v);
}
#endif
