// SPDX-License-Identifier: MIT
// operator_triangle.glsl: MODE 0 (Trilu): y is x (tensor 1) on and above the diagonal size(0) of its last two axes, or with
// size(1) on and below it, and 0 elsewhere. MODE 1 (CumSum): sums of x along axis size(0) up to each element, without itself
// with size(1), from the end with size(2); in f32 or 32 bits.
void operator_run(uint c[T0_RANK])
{
#if MODE == 0
    int above = int(c[T0_RANK - 1]) - int(c[T0_RANK - 2]);
    T0_V v = T0_V(0);
    if (size(1) != 0 ? above <= size(0) : above >= size(0))
        v = t1_load(t1_broadcast(c));
    t0_store(t0_place(c), v);
#else
    uint axis = uint(size(0)), here = c[axis], n = t1_extent(axis),
         count = size(2) != 0 ? n - here : here + 1u;
    T0_V sum = T0_V(0);
    uint place = t1_broadcast(c) - here * t1_stride(axis);
    for (uint i = 0u; i + uint(size(1)) < count; i++) {
        sum += t1_load(place + (size(2) != 0 ? n - 1u - i : i) * t1_stride(axis));
    }
    t0_store(t0_place(c), sum);
#endif
}
