// SPDX-License-Identifier: MIT
// operator_quantize.glsl: QUANTIZE 1: y = x / scale + zero point, rounded to the nearest integer, ties to even, and saturated;
// 0: y = (x - zero point) scale. Tensors 1 x, 2 scale, 3 zero point. VECTOR 1: these two are vectors along axis size(0); 0: they
// broadcast to y, with an element for each size(1) of y along that axis.
// The device's division may be off by some units in the last place; ties must not be.
float divide(float p, float q)
{
    float quotient = p / q, rest = fma(-quotient, q, p);
    return abs(rest) <= abs(q) ? quotient + rest / q : quotient;
}

void operator_run(uint c[T0_RANK])
{
    uint at = t0_place(c);
    T1_V x = t1_load(t1_broadcast(c));
    c[size(0u)] /= uint(size(1u));
#if VECTOR == 1
#define PLACE(t) (t##_extent(0u) == 1u ? 0u : c[size(0u)] * t##_stride(0u))
#else
#define PLACE(t) t##_broadcast(c)
#endif
    float scale = t2_load(PLACE(t2));
    int zero = 0;
#ifdef T3_V
    zero = int(t3_load(PLACE(t3)));
#endif
#if QUANTIZE == 0 && T1_DTYPE > SMELT_DTYPE_F8E5M2
    t0_store(at, float(int(x) - zero) * scale);
#elif QUANTIZE == 0
    t0_store(at, float(x) * scale);
#elif T0_DTYPE > SMELT_DTYPE_F8E5M2
    int q = smelt_int_from_f32(divide(float(x), scale), -0x40000000, 0x40000000) + zero;
    t0_store(at, T0_V(max(q, T0_V(-1) > T0_V(0) ? 0 : q)));
#elif UNSATURATED
    float v = divide(float(x), scale);
    smelt_u8_w_data(tensors[0]).e[at] = uint8_t(f8_bits(v, T0_DTYPE == SMELT_DTYPE_F8E4M3));
#else
    t0_store(at, divide(float(x), scale));
#endif
}
