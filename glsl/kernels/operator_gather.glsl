// SPDX-License-Identifier: MIT
// operator_gather.glsl: y takes slices of x (tensor 1) by indices (tensor 2) along axis size(0) of x. The indices' INDEX_RANK
// axes stand in its place. Negative indices count from the end; one that lies outside gives 0.
void operator_run(uint c[T0_RANK])
{
    uint axis = uint(size(0)), from = 0u, place = 0u;
#if INDEX_RANK > 0
    [[unroll]] for (uint d = 0u; d < INDEX_RANK; d++)
    {
        from += c[axis + d] * t2_stride(d);
    }
#endif
    [[unroll]] for (uint d = 0u; d < T1_RANK; d++)
    {
        if (d != axis)
            place += c[d < axis ? d : d + INDEX_RANK - 1] * t1_stride(d);
    }
    int index = int(t2_load(from)), n = int(t1_extent(axis));
    index += index < 0 ? n : 0;
    T0_V v = T0_V(0);
    if (index >= 0 && index < n)
        v = t1_load(place + uint(index) * t1_stride(axis));
    t0_store(t0_place(c), v);
}
