// SPDX-License-Identifier: MIT
// operator_scores.glsl: T0 = cap(scale T1) + mask, the scores [batch][head][query][key] of attention before their softmax.
// T2, if there is one: the mask (floats are added, 0 of integers takes a key out), extents of 1 serving all, keys past its end
// taken out; T3: how many keys each batch has (CAUSAL 2: and the last query sees the last of them). CAUSAL 1: query i sees
// keys up to i + size(0). Numbers: scale, cap (0: none).
#define TAKEN_OUT uintBitsToFloat(0xff800000u) // -infinity

void operator_run(uint c[T0_RANK])
{
    float v = t1_load(t1_place(c)) * number(0);
    if (number(1) > 0.0)
        v = number(1) * tanh(v / number(1));
    bool seen = true;
#ifdef T2_RANK
    uint m[T2_RANK];
    for (int a = 0; a < T2_RANK; a++)
        m[a] = t2_extent(a) == 1u ? 0u : min(c[a], t2_extent(a) - 1u);
    T2_V mask = t2_load(t2_place(m));
#if T2_BITS == 8
    seen = mask != 0;
#else
    v += mask;
#endif
    seen = seen && (t2_extent(3) == 1u || c[3] < t2_extent(3));
#endif
    int visible = size(0);
#ifdef T3_RANK
    uint batch[1] = uint[1](c[0]);
    int keys = t3_load(t3_place(batch));
    seen = seen && int(c[3]) < keys;
    visible = CAUSAL == 2 ? keys - int(t0_extent(2)) : visible;
#endif
#if CAUSAL != 0
    seen = seen && int(c[3]) <= int(c[2]) + visible;
#endif
    t0_store(t0_place(c), seen ? v : TAKEN_OUT);
}
