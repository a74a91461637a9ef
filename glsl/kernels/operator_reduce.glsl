// SPDX-License-Identifier: MIT
// operator_reduce.glsl: elements of T1 along some of its axes become one of T0, which has an extent of 1 there: what
// smelt_encode_reduction does not do. KIND is a SMELT_REDUCE_x; means of integers are cut towards zero, ABSOLUTE 1 takes
// |x| first, arguments are those of the last of equal elements. size(a): 1 for an axis that is reduced, else 0.
#include "smelt/reduce.glsl"

T1_V join(T1_V r, T1_V v)
{
#if KIND == SMELT_REDUCE_PRODUCT
    return r * v;
#elif KIND == SMELT_REDUCE_SUM_SQUARES
    return r + v * v;
#else
    return r + v;
#endif
}

bool better(T1_V v, T1_V than)
{
#if KIND == SMELT_REDUCE_MIN || KIND == SMELT_REDUCE_ARG_MIN
    return v <= than;
#else
    return v >= than;
#endif
}

void operator_run(uint c[T0_RANK])
{
    uint n = 1, last = 0;
    for (int a = 0; a < T1_RANK; a++)
        n *= size(a) != 0 ? t1_extent(a) : 1;
    T1_V r = T1_V(KIND == SMELT_REDUCE_PRODUCT ? 1 : 0);
    for (uint i = 0; i < n; i++) {
        uint rest = i, place[T1_RANK] = c;
        for (int a = T1_RANK - 1; a >= 0; a--)
            if (size(a) != 0) {
                place[a] = rest % t1_extent(a);
                rest /= t1_extent(a);
            }
        T1_V v = t1_load(t1_place(place));
#if ABSOLUTE == 1
        v = T1_V(abs(v));
#endif
#if KIND == SMELT_REDUCE_MAX || KIND == SMELT_REDUCE_MIN || KIND == SMELT_REDUCE_ARG_MAX ||                  \
    KIND == SMELT_REDUCE_ARG_MIN
        bool taken = i == 0 || better(v, r);
        last = taken ? i : last;
        r = taken ? v : r;
#else
        r = join(r, v);
#endif
    }
#if KIND == SMELT_REDUCE_ARG_MAX || KIND == SMELT_REDUCE_ARG_MIN
    t0_store(t0_place(c), T0_V(last));
#elif KIND == SMELT_REDUCE_MEAN
    t0_store(t0_place(c), r / T1_V(n));
#else
    t0_store(t0_place(c), r);
#endif
}
