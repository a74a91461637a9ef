// SPDX-License-Identifier: MIT
// operator_elementwise.glsl: y = EXPRESSION of a, b, c: the elements of tensors 1 to 3 at y's place, an extent of 1 serving
// all. Integers wrap modulo 2^bits. Divisions by 0 give 0.

// Division truncates; remainder(a, b) has the sign of a, modulo(a, b) that of b.
int divide(int a, int b)
{
    return b == 0 ? 0 : b == -1 ? -a : a / b;
}
uint divide(uint a, uint b)
{
    return b == 0u ? 0u : a / b;
}
int remainder(int a, int b)
{
    return a - divide(a, b) * b;
}
uint remainder(uint a, uint b)
{
    return a - divide(a, b) * b;
}
int modulo(int a, int b)
{
    int r = remainder(a, b);
    return r != 0 && (r ^ b) < 0 ? r + b : r;
}
uint modulo(uint a, uint b)
{
    return remainder(a, b);
}

// a^b; with b < 0 that is 0 but for a = 1 and -1.
uint power(uint a, uint b)
{
    uint result = 1u;
    for (; b != 0u; b >>= 1) {
        if ((b & 1u) != 0u)
            result *= a;
        a *= a;
    }
    return result;
}
int power(int a, uint b)
{
    return int(power(uint(a), b));
}
int power(int a, int b)
{
    return b >= 0 ? power(a, uint(b)) : a == 1 || (a == -1 && (b & 1) == 0) ? 1 : a == -1 ? -1 : 0;
}
uint power(uint a, int b)
{
    return b >= 0 ? power(a, uint(b)) : uint(a == 1u);
}
float power(float a, float b)
{
    float size = b == 0.0 ? 1.0 : a == 0.0 ? (b > 0.0 ? 0.0 : uintBitsToFloat(0x7f800000u)) : pow(abs(a), b);
    return a < 0.0 && fract(abs(b) * 0.5) == 0.5 ? -size : size;
}
float power(float a, int b)
{
    return power(a, float(b));
}
float power(float a, uint b)
{
    return power(a, float(b));
}
int power(int a, float b)
{
    return smelt_int_from_f32(trunc(power(float(a), b)), int(0x80000000u), 0x7fffffff);
}
uint power(uint a, float b)
{
    return smelt_uint_from_f32(trunc(power(float(a), b)), 0xffffffffu);
}

// Towards 0.
int to_int(float a)
{
    return smelt_int_from_f32(trunc(a), int(0x80000000u), 0x7fffffff);
}
int to_int(int a)
{
    return a;
}
int to_int(uint a)
{
    return int(a);
}
uint to_uint(float a) // a negative one wraps
{
    return a < 0.0 ? uint(to_int(a)) : smelt_uint_from_f32(trunc(a), 0xffffffffu);
}
uint to_uint(int a)
{
    return uint(a);
}
uint to_uint(uint a)
{
    return a;
}

int magnitude(int a)
{
    return abs(a);
}
uint magnitude(uint a)
{
    return a;
}
int signum(int a)
{
    return sign(a);
}
uint signum(uint a)
{
    return min(a, 1u);
}

uint is_nan(float a)
{
    return uint(smelt_nan(floatBitsToUint(a)));
}
uint is_infinite(float a, int negative, int positive)
{
    uint bits = floatBitsToUint(a);
    return uint((bits == 0x7f800000u && positive != 0) || (bits == 0xff800000u && negative != 0));
}

float wrap(float v)
{
    return v;
}
int wrap(int v)
{
    return bitfieldExtract(v, 0, T0_BITS);
}
uint wrap(uint v)
{
    return bitfieldExtract(v, 0, T0_BITS);
}

void operator_run(uint c[T0_RANK])
{
    T1_V a = t1_load(t1_broadcast(c));
#ifdef T2_V
    T2_V b = t2_load(t2_broadcast(c));
#endif
#ifdef T3_V
    T3_V d = t3_load(t3_broadcast(c));
#endif
#if UNSATURATED
    smelt_u8_w_data(tensors[0]).e[t0_place(c)] = uint8_t(f8_bits(EXPRESSION, T0_DTYPE == SMELT_DTYPE_F8E4M3));
#else
    t0_store(t0_place(c), wrap(T0_V(EXPRESSION)));
#endif
}
