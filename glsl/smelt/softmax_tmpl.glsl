// SPDX-License-Identifier: MIT
// softmax_tmpl.glsl: softmax or log-softmax of a device tensor along one axis, by an invocation, a subgroup or a
// workgroup for each line.
//
// what    y = exp(v - max) / sum exp(v - max), or v - max - log(sum exp(v - max)), with v = x or v = NAME_map(x, place): a
//         scale, a mask (-infinity takes an element out). A line that GROUP * HELD chunks of 16 bytes hold is read once
//         and kept in registers; a longer one is read twice, with a running maximum. x and y may be the same memory
// params  all required, all undefined afterwards:
//         SMELT_SOFTMAX                 name
//         SMELT_SOFTMAX_LOGARITHM       1: log-softmax; 0: softmax. A literal or a constant
//         SMELT_SOFTMAX_SCOPE           SMELT_SCOPE_THREAD, SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP
//         SMELT_SOFTMAX_TENSOR _RESULT  types of x (readable) and y (writable), made by tensor_tmpl.glsl
//         SMELT_SOFTMAX_DTYPE           element type of both: F32, F16, BF16, F8E4M3 or F8E5M2
//         SMELT_SOFTMAX_RANK _AXIS      decimal literals: rank of both, 1 to 16, and the axis
//         SMELT_SOFTMAX_MAP             1: the shader has declared `float NAME_map(float v, uint i[RANK])`; 0: none
//         SMELT_SOFTMAX_HELD            decimal literal, 1 to 16: chunks that an invocation keeps
//         SMELT_SOFTMAX_GROUP _SCRATCH _SCRATCH_STRIDE   as SMELT_REDUCE_GROUP, _SCRATCH, _SCRATCH_STRIDE
// makes   void NAME_run(T x, U y, uint place[RANK])   of the line through place (place[AXIS] is not looked at), which has
//         as many elements in x and y. Called by the whole group, in control flow that is uniform in the workgroup
// errors  u = 2^-23, c = 64 + 2 n / GROUP, d = v - max, p the exact softmax:
//         |y - exact| <= c u p (1 + |d| + sum p |d|) + 2^-126; logarithm: c u (1 + |exact| + |d| + sum p |d|); and one
//         rounding to DTYPE: 2^-10 |y| for F16, whose subnormal results and elements may become 0, 2^-8 |y| for BF16.
//         A NaN in a line makes all of it NaN. A line of -infinity only gives 0 (logarithm: -infinity), as masked
//         attention wants it. +infinity: not promised
// needs   base.glsl first; compute but at THREAD scope; SUBGROUP: full subgroups
// source  Milakov and Gimelshein 2018, Online normalizer calculation for softmax
#ifndef SMELT_BASE_GLSL
#error "softmax_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_SOFTMAX
#error "softmax_tmpl.glsl: SMELT_SOFTMAX (name of the op) is not defined"
#endif
#ifndef SMELT_SOFTMAX_LOGARITHM
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_LOGARITHM (1: log-softmax, 0: softmax) is not defined"
#endif
#ifndef SMELT_SOFTMAX_SCOPE
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_SCOPE (SMELT_SCOPE_x) is not defined"
#endif
#if SMELT_SOFTMAX_SCOPE < SMELT_SCOPE_THREAD || SMELT_SOFTMAX_SCOPE > SMELT_SCOPE_WORKGROUP
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_SCOPE must be SMELT_SCOPE_THREAD, _SUBGROUP or _WORKGROUP"
#endif
#ifndef SMELT_SOFTMAX_TENSOR
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_TENSOR (type of x) is not defined"
#endif
#ifndef SMELT_SOFTMAX_RESULT
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_RESULT (type of y) is not defined"
#endif
#ifndef SMELT_SOFTMAX_DTYPE
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_DTYPE (element type of x and y) is not defined"
#endif
#if SMELT_SOFTMAX_DTYPE < SMELT_DTYPE_F32 || SMELT_SOFTMAX_DTYPE > SMELT_DTYPE_F8E5M2
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_DTYPE (element type) must be F32, F16, BF16, F8E4M3 or F8E5M2"
#endif
#ifndef SMELT_SOFTMAX_RANK
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_RANK (of x and y) is not defined"
#endif
#if SMELT_SOFTMAX_RANK < 1 || SMELT_SOFTMAX_RANK > 16
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_RANK (of x and y) must be 1 to 16"
#endif
#ifndef SMELT_SOFTMAX_AXIS
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_AXIS (dimension of the sums) is not defined"
#endif
#if SMELT_SOFTMAX_AXIS < 0 || SMELT_SOFTMAX_AXIS >= SMELT_SOFTMAX_RANK
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_AXIS (dimension of the sums) must be 0 to SMELT_SOFTMAX_RANK - 1"
#endif
#ifndef SMELT_SOFTMAX_MAP
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_MAP (1: NAME_map is declared, 0: there is none) is not defined"
#endif
#if SMELT_SOFTMAX_MAP != 0 && SMELT_SOFTMAX_MAP != 1
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_MAP must be 0 or 1"
#endif
#ifndef SMELT_SOFTMAX_HELD
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_HELD (chunks that an invocation keeps) is not defined"
#endif
#if SMELT_SOFTMAX_HELD < 1 || SMELT_SOFTMAX_HELD > 16
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_HELD (chunks that an invocation keeps) must be 1 to 16"
#endif
#ifndef SMELT_SOFTMAX_GROUP
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_GROUP (invocations of the group) is not defined"
#endif
#ifndef SMELT_SOFTMAX_SCRATCH
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_SCRATCH (name of a shared uvec4 array) is not defined"
#endif
#ifndef SMELT_SOFTMAX_SCRATCH_STRIDE
#error "softmax_tmpl.glsl: SMELT_SOFTMAX_SCRATCH_STRIDE (uvec4 of the array for a subgroup) is not defined"
#endif
#include "smelt/memory.glsl"
#include "smelt/reduce.glsl"

// These also fail to compile here when they are misspelt.
const uint SMELT_CAT(SMELT_SOFTMAX, _axis) = SMELT_SOFTMAX_AXIS,
                                    SMELT_CAT(SMELT_SOFTMAX, _maps) = SMELT_SOFTMAX_MAP,
                                    SMELT_CAT(SMELT_SOFTMAX, _stride) = SMELT_SOFTMAX_SCRATCH_STRIDE;

#define SMELT_SOFTMAX_X SMELT_CAT(SMELT_SOFTMAX, _x)
#define SMELT_SOFTMAX_Y SMELT_CAT(SMELT_SOFTMAX, _y)
#define SMELT_LINE SMELT_SOFTMAX_X
#define SMELT_LINE_TENSOR SMELT_SOFTMAX_TENSOR
#define SMELT_LINE_DTYPE SMELT_SOFTMAX_DTYPE
#define SMELT_LINE_RANK SMELT_SOFTMAX_RANK
#define SMELT_LINE_AXIS SMELT_SOFTMAX_AXIS
#define SMELT_LINE_WRITE 0
#include "smelt/reduce_line_tmpl.glsl"
#define SMELT_LINE SMELT_SOFTMAX_Y
#define SMELT_LINE_TENSOR SMELT_SOFTMAX_RESULT
#define SMELT_LINE_DTYPE SMELT_SOFTMAX_DTYPE
#define SMELT_LINE_RANK SMELT_SOFTMAX_RANK
#define SMELT_LINE_AXIS SMELT_SOFTMAX_AXIS
#define SMELT_LINE_WRITE 1
#include "smelt/reduce_line_tmpl.glsl"
#define SMELT_GROUP SMELT_CAT(SMELT_SOFTMAX, _group)
#define SMELT_GROUP_SCOPE SMELT_SOFTMAX_SCOPE
#define SMELT_GROUP_SIZE SMELT_SOFTMAX_GROUP
#define SMELT_GROUP_SCRATCH SMELT_SOFTMAX_SCRATCH
#define SMELT_GROUP_SCRATCH_STRIDE SMELT_SOFTMAX_SCRATCH_STRIDE
#include "smelt/reduce_group_tmpl.glsl"

// Elements i to i + 3 as they are summed; what lies outside is -infinity.
vec4 SMELT_CAT(SMELT_SOFTMAX, _values)(uvec4 chunk, int q, uint i, uint n, uint place[SMELT_SOFTMAX_RANK])
{
    vec4 v = SMELT_CAT(SMELT_SOFTMAX_X, _four)(chunk, q);
    i += 4u * uint(q);
#if SMELT_SOFTMAX_MAP == 1
    [[unroll]] for (uint k = 0u; k < 4u; k++)
    {
        place[SMELT_SOFTMAX_AXIS] = i + k;
        if (i + k < n)
            v[k] = SMELT_CAT(SMELT_SOFTMAX, _map)(v[k], place);
    }
#endif
    return mix(v, vec4(uintBitsToFloat(0xff800000u)),
               greaterThanEqual(uvec4(i) + uvec4(0, 1, 2, 3), uvec4(n)));
}

// The greatest element of a chunk, and not more than the largest finite number.
float SMELT_CAT(SMELT_SOFTMAX, _most)(float m, uvec4 chunk, uint i, uint n, uint place[SMELT_SOFTMAX_RANK])
{
    vec4 most = vec4(m);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_SOFTMAX_X, _fours); q++)
    {
        most = max(most, SMELT_CAT(SMELT_SOFTMAX, _values)(chunk, q, i, n, place));
    }
    return min(max(max(most.x, most.y), max(most.z, most.w)), smelt_reduce_largest);
}

float SMELT_CAT(SMELT_SOFTMAX, _total)(float m, uvec4 chunk, uint i, uint n, uint place[SMELT_SOFTMAX_RANK])
{
    vec4 total = vec4(0.0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_SOFTMAX_X, _fours); q++)
    {
        total += exp(SMELT_CAT(SMELT_SOFTMAX, _values)(chunk, q, i, n, place) - m);
    }
    return (total.x + total.y) + (total.z + total.w);
}

// `by`: 1 / sum, or log(sum).
uvec4 SMELT_CAT(SMELT_SOFTMAX, _results)(float m, float by, uvec4 chunk, uint i, uint n,
                                         uint place[SMELT_SOFTMAX_RANK])
{
    uvec4 results = uvec4(0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_SOFTMAX_X, _fours); q++)
    {
        vec4 d = SMELT_CAT(SMELT_SOFTMAX, _values)(chunk, q, i, n, place) - m;
        SMELT_CAT(SMELT_SOFTMAX_Y, _set)(results, q, SMELT_SOFTMAX_LOGARITHM != 0 ? d - by : exp(d) * by);
    }
    return results;
}

float SMELT_CAT(SMELT_SOFTMAX, _by)(float sum)
{
    if (SMELT_SOFTMAX_LOGARITHM != 0)
        return sum == 0.0 ? 0.0 : log(sum);
    return sum == 0.0 ? 0.0 : 1.0 / sum;
}

void SMELT_CAT(SMELT_SOFTMAX, _run)(SMELT_SOFTMAX_TENSOR x, SMELT_SOFTMAX_RESULT y,
                                    uint place[SMELT_SOFTMAX_RANK])
{
    SMELT_SOFTMAX_X l = SMELT_CAT(SMELT_SOFTMAX_X, _open)(x, place);
    SMELT_SOFTMAX_Y o = SMELT_CAT(SMELT_SOFTMAX_Y, _open)(y, place);
    const uint per = SMELT_CAT(SMELT_SOFTMAX_X, _per), step = SMELT_CAT(SMELT_SOFTMAX, _group_size);
    uint count = SMELT_CAT(SMELT_SOFTMAX_X, _chunks)(l), first = SMELT_CAT(SMELT_SOFTMAX, _group_thread)();
    float m = -smelt_reduce_largest, sum = 0.0;
    if (count <= step * SMELT_SOFTMAX_HELD) {
        uvec4 held[SMELT_SOFTMAX_HELD];
        [[unroll]] for (uint k = 0u; k < SMELT_SOFTMAX_HELD; k++)
        {
            uint c = first + k * step;
            if (c < count)
                held[k] = SMELT_CAT(SMELT_SOFTMAX_X, _read)(l, c * per - l.lead);
        }
        [[unroll]] for (uint k = 0u; k < SMELT_SOFTMAX_HELD; k++)
        {
            uint c = first + k * step;
            if (c < count)
                m = SMELT_CAT(SMELT_SOFTMAX, _most)(m, held[k], c * per - l.lead, l.n, place);
        }
        m = SMELT_CAT(SMELT_SOFTMAX, _group_max)(m);
        [[unroll]] for (uint k = 0u; k < SMELT_SOFTMAX_HELD; k++)
        {
            uint c = first + k * step;
            if (c < count)
                sum += SMELT_CAT(SMELT_SOFTMAX, _total)(m, held[k], c * per - l.lead, l.n, place);
        }
        float by = SMELT_CAT(SMELT_SOFTMAX, _by)(SMELT_CAT(SMELT_SOFTMAX, _group_sum)(sum));
        [[unroll]] for (uint k = 0u; k < SMELT_SOFTMAX_HELD; k++)
        {
            uint c = first + k * step, i = c * per - l.lead;
            if (c < count)
                SMELT_CAT(SMELT_SOFTMAX_Y, _write)
            (o, i, SMELT_CAT(SMELT_SOFTMAX, _results)(m, by, held[k], i, l.n, place));
        }
        return;
    }
    for (uint c = first; c < count; c += step) {
        uint i = c * per - l.lead;
        uvec4 chunk = SMELT_CAT(SMELT_SOFTMAX_X, _read)(l, i);
        float most = SMELT_CAT(SMELT_SOFTMAX, _most)(m, chunk, i, l.n, place);
        sum = sum * exp(m - most) + SMELT_CAT(SMELT_SOFTMAX, _total)(most, chunk, i, l.n, place);
        m = most;
    }
    float all = SMELT_CAT(SMELT_SOFTMAX, _group_max)(m);
    float by = SMELT_CAT(SMELT_SOFTMAX, _by)(SMELT_CAT(SMELT_SOFTMAX, _group_sum)(sum * exp(m - all)));
    for (uint c = first; c < count; c += step) {
        uint i = c * per - l.lead;
        uvec4 chunk = SMELT_CAT(SMELT_SOFTMAX_X, _read)(l, i);
        SMELT_CAT(SMELT_SOFTMAX_Y, _write)
        (o, i, SMELT_CAT(SMELT_SOFTMAX, _results)(all, by, chunk, i, l.n, place));
    }
}

#undef SMELT_SOFTMAX
#undef SMELT_SOFTMAX_LOGARITHM
#undef SMELT_SOFTMAX_SCOPE
#undef SMELT_SOFTMAX_TENSOR
#undef SMELT_SOFTMAX_RESULT
#undef SMELT_SOFTMAX_DTYPE
#undef SMELT_SOFTMAX_RANK
#undef SMELT_SOFTMAX_AXIS
#undef SMELT_SOFTMAX_MAP
#undef SMELT_SOFTMAX_HELD
#undef SMELT_SOFTMAX_GROUP
#undef SMELT_SOFTMAX_SCRATCH
#undef SMELT_SOFTMAX_SCRATCH_STRIDE
#undef SMELT_SOFTMAX_X
#undef SMELT_SOFTMAX_Y
