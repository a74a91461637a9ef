// SPDX-License-Identifier: MIT
// reduce.glsl: the kinds of reductions, their identities, and how two partial results become one.
//
// what    what reductions of device tensors and of cooperative tensors share. Sums are carried as a pair (value,
//         what rounding took from it); maxima and minima go by integer keys, in which a NaN is greatest, so that no
//         comparison of floats is asked about one; log-sum-exp as (running maximum, sum of exp(x - maximum))
// params  none
// makes   SMELT_REDUCE_x: the kind, a literal for templates
//         float smelt_reduce_identity(int kind)   SUM, MEAN, SUM_SQUARES: 0; PRODUCT: 1; MAX, LOG_SUM_EXP: -infinity;
//                                                 MIN: infinity; the kind is constant, so that code for others goes
//         float smelt_reduce_combine(int kind, float a, float b)   of SUM, PRODUCT, MAX, MIN, MEAN and SUM_SQUARES (as
//                                                 SUM) and LOG_SUM_EXP (of two logarithms); int and uint too, not the
//                                                 last; a NaN is kept. The order of zeros is not told apart
//         const uint smelt_reduce_nowhere         the index that ARG_MAX and ARG_MIN give of nothing
//         int smelt_reduce_key(int kind, float x) the greatest key is MAX, MIN, ARG_MAX or ARG_MIN; the same for int and
//                                                 uint x. float smelt_reduce_of_key(int kind, int key), and
//                                                 smelt_reduce_int_of_key, smelt_reduce_uint_of_key: the way back
//         vec2 smelt_reduce_add(vec2 s, float x), vec2 smelt_reduce_add(vec2 s, vec2 t): compensated sums of
//                                                 (value, correction), from vec2(0); float smelt_reduce_sum(vec2 s)
//         vec2 smelt_reduce_lse(vec2 a, vec2 b)   (maximum, sum) of both; from smelt_reduce_lse_none; of one x:
//                                                 vec2 smelt_reduce_lse_of(float x); float smelt_reduce_log(vec2 a).
//                                                 An online softmax multiplies what it has by exp(old m - new m)
// errors  u = 2^-23. combine: 1 u for each addition or multiplication, 0 for MAX and MIN; a compensated sum of n terms:
//         2 u (1 + n u) (sum |x|); key: exact. lse: the larger part is kept, the smaller is multiplied by an exp
//         with an error of (3 + 2 |m_a - m_b|) u, and the sum is rounded once; log 4 u
// needs   numeric.glsl is included
// source  Knuth, The Art of Computer Programming 2, 4.2.2, theorem B (two-sum); Milakov and Gimelshein 2018, Online
//         normalizer calculation for softmax
#ifndef SMELT_REDUCE_GLSL
#define SMELT_REDUCE_GLSL
#include "smelt/numeric.glsl"

// Enumerated from 1: an undefined (misspelt) name counts as 0 in #if and must not mean anything.
#define SMELT_REDUCE_SUM 1
#define SMELT_REDUCE_PRODUCT 2
#define SMELT_REDUCE_MAX 3
#define SMELT_REDUCE_MIN 4
#define SMELT_REDUCE_MEAN 5
#define SMELT_REDUCE_ARG_MAX 6
#define SMELT_REDUCE_ARG_MIN 7
#define SMELT_REDUCE_SUM_SQUARES 8
#define SMELT_REDUCE_LOG_SUM_EXP 9
// The kind is a specialization constant of the shader: see reduce_tmpl.glsl.
#define SMELT_REDUCE_SPECIALIZED 10

const uint smelt_reduce_nowhere = 0xffffffffu;

// --- Keys

// MIN and ARG_MIN look for the greatest of the negated.
bool smelt_reduce_downwards(int kind)
{
    return kind == SMELT_REDUCE_MIN || kind == SMELT_REDUCE_ARG_MIN;
}

int smelt_reduce_key(int kind, float x)
{
    uint bits = floatBitsToUint(x);
    int magnitude = int(bits & 0x7fffffffu);
    if (magnitude > 0x7f800000)
        return 0x7fffffff;
    return ((bits >> 31) != 0u) != smelt_reduce_downwards(kind) ? -magnitude : magnitude;
}

float smelt_reduce_of_key(int kind, int key)
{
    uint magnitude = uint(abs(key));
    uint sign = (key < 0) != smelt_reduce_downwards(kind) ? 0x80000000u : 0u;
    return uintBitsToFloat(magnitude > 0x7f800000u ? 0x7fc00000u : magnitude | sign);
}

int smelt_reduce_key(int kind, int x)
{
    return smelt_reduce_downwards(kind) ? ~x : x;
}

int smelt_reduce_int_of_key(int kind, int key)
{
    return smelt_reduce_downwards(kind) ? ~key : key;
}

int smelt_reduce_key(int kind, uint x)
{
    return smelt_reduce_key(kind, int(x ^ 0x80000000u));
}

uint smelt_reduce_uint_of_key(int kind, int key)
{
    return uint(smelt_reduce_int_of_key(kind, key)) ^ 0x80000000u;
}

// --- Sums that keep what rounding takes

vec2 smelt_reduce_add(vec2 s, float x)
{
    precise float sum = s.x + x;
    precise float part = sum - s.x;
    precise float lost = (s.x - (sum - part)) + (x - part);
    precise float correction = s.y + lost;
    return vec2(sum, correction);
}

vec2 smelt_reduce_add(vec2 s, vec2 t)
{
    vec2 sum = smelt_reduce_add(s, t.x);
    return vec2(sum.x, sum.y + t.y);
}

// Of an infinite sum the correction is a NaN.
float smelt_reduce_sum(vec2 s)
{
    return (floatBitsToUint(s.x) & 0x7f800000u) == 0x7f800000u ? s.x : s.x + s.y;
}

// --- Logarithms of sums of exponentials

// The maximum stays finite, so that an infinite x leaves an infinite sum or none.
const float smelt_reduce_largest = 3.40282346638528859812e38;
const vec2 smelt_reduce_lse_none = vec2(-smelt_reduce_largest, 0.0);

vec2 smelt_reduce_lse_of(float x)
{
    float m = clamp(x, -smelt_reduce_largest, smelt_reduce_largest);
    return vec2(m, exp(x - m));
}

vec2 smelt_reduce_lse(vec2 a, vec2 b)
{
    float m = max(a.x, b.x);
    return vec2(m, a.y * exp(a.x - m) + b.y * exp(b.x - m));
}

float smelt_reduce_log(vec2 a)
{
    return a.x + log(a.y);
}

// --- By kind

float smelt_reduce_identity(int kind)
{
    if (kind == SMELT_REDUCE_PRODUCT)
        return 1.0;
    if (kind == SMELT_REDUCE_MAX || kind == SMELT_REDUCE_LOG_SUM_EXP)
        return uintBitsToFloat(0xff800000u);
    return kind == SMELT_REDUCE_MIN ? uintBitsToFloat(0x7f800000u) : 0.0;
}

float smelt_reduce_combine(int kind, float a, float b)
{
    if (kind == SMELT_REDUCE_PRODUCT)
        return a * b;
    if (kind == SMELT_REDUCE_MAX || kind == SMELT_REDUCE_MIN)
        return smelt_reduce_of_key(kind, max(smelt_reduce_key(kind, a), smelt_reduce_key(kind, b)));
    if (kind == SMELT_REDUCE_LOG_SUM_EXP)
        return smelt_reduce_log(smelt_reduce_lse(smelt_reduce_lse_of(a), smelt_reduce_lse_of(b)));
    return a + b;
}

int smelt_reduce_combine(int kind, int a, int b)
{
    if (kind == SMELT_REDUCE_PRODUCT)
        return a * b;
    if (kind == SMELT_REDUCE_MAX)
        return max(a, b);
    return kind == SMELT_REDUCE_MIN ? min(a, b) : a + b;
}

uint smelt_reduce_combine(int kind, uint a, uint b)
{
    if (kind == SMELT_REDUCE_PRODUCT)
        return a * b;
    if (kind == SMELT_REDUCE_MAX)
        return max(a, b);
    return kind == SMELT_REDUCE_MIN ? min(a, b) : a + b;
}

#endif
