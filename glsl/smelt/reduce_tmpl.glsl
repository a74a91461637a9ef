// SPDX-License-Identifier: MIT
// reduce_tmpl.glsl: a device tensor reduced along one axis, by an invocation, a subgroup or a workgroup for each line.
//
// what    a line is what remains of the tensor when all indices but that of the axis are given: a row for the last
//         axis, a column for the one before. Lines that lie side by side in memory are read 16 bytes at a time,
//         wherever they begin and end. Neighbouring invocations of THREAD scope best take neighbouring lines
// params  all required, all undefined afterwards:
//         SMELT_REDUCE                 name
//         SMELT_REDUCE_KIND            SMELT_REDUCE_SUM _PRODUCT _MAX _MIN _MEAN _ARG_MAX _ARG_MIN _SUM_SQUARES
//                                      _LOG_SUM_EXP; or _SPECIALIZED: the shader has declared `const int NAME_kind`, a
//                                      specialization constant that is one of these
//         SMELT_REDUCE_SCOPE           SMELT_SCOPE_THREAD, SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP
//         SMELT_REDUCE_TENSOR          its type, made by tensor_tmpl.glsl, readable
//         SMELT_REDUCE_DTYPE           its element type, any
//         SMELT_REDUCE_RANK _AXIS      decimal literals: its rank, 1 to 16, and the axis
//         SMELT_REDUCE_MAP             1: the shader has declared `V NAME_map(V v, uint i[RANK])`, called on every
//                                      element with its place (NAME_map of log-sum-exp may mask and scale); 0: none
//         SMELT_REDUCE_GROUP           invocations of the group: 1 at THREAD scope; SUBGROUP: the size that the pipeline
//                                      requires; WORKGROUP: all of the workgroup, to 1024. A literal or a constant
//         SMELT_REDUCE_SCRATCH         name of a `shared uvec4` array of GROUP / 4 (rounded up) elements for each group;
//                                      THREAD: none
//         SMELT_REDUCE_SCRATCH_STRIDE  elements of the array that each group of scope SUBGROUP calls its own; else 0
// makes   with V = float for float types, int for signed and uint for unsigned integers; MEAN and LOG_SUM_EXP of integers are
//         in f32: there NAME_run gives a float
//         V NAME_run(T t, uint place[RANK])      of the line through place (place[AXIS] is not looked at); uint for
//                                                ARG_MAX, ARG_MIN: the lowest index of an extreme. All invocations of
//                                                the group get it; not made for SPECIALIZED
//         and for lines that several groups share:
//         struct NAME_state, NAME_none()
//         NAME_state NAME_part(T t, uint place[RANK], uint part, uint parts)   of every `parts`-th stretch of the line
//         NAME_state NAME_merge(NAME_state a, NAME_state b)   in any order
//         NAME_state NAME_gather(NAME_state s)   of all invocations of the group
//         uvec2 NAME_pack(NAME_state s); NAME_state NAME_unpack(uvec2 bits)   to and from memory
//         V NAME_value(NAME_state s, uint n)     n: elements of the line; uint NAME_index(NAME_state s); of MEAN and
//                                                LOG_SUM_EXP, float NAME_real(NAME_state s, uint n)
//         Run, part and gather are called by the whole group; control flow around them is uniform in the workgroup
//         An empty line (an extent of 0) gives the identity: 0, product 1, MAX and log-sum-exp -infinity, MIN
//         infinity (integers: the type's i32 or u32 limit), mean NaN, ARG_x 2^32 - 1
// errors  u = 2^-23, c = 64 (1 + n u), exact: of the mapped elements x in exact arithmetic
//         SUM: |y - exact| <= c u (sum |x|), whatever n is: sums in an invocation keep what rounding takes. SUM_SQUARES
//         the same of x^2, MEAN of x / n; while sums of some of the elements stay in the range of f32. PRODUCT:
//         n (1 + n u) u |exact|, while products of some do. MAX, MIN, ARG_x: exact. LOG_SUM_EXP:
//         (64 + 2 n / GROUP) u (1 + |exact| + sum p |x - max|), p = exp(x - exact). Integers: sums, products modulo 2^32;
//         MEAN and LOG_SUM_EXP as those of floats, with c + 1: beyond 2^24 an element is rounded first.
//         A NaN gives NaN, also MAX and MIN, and is what ARG_MAX and ARG_MIN look for first; an infinity is kept (SUM of
//         both: NaN). Subnormal elements of f16, f8e5m2 and in sums may count as 0
// needs   base.glsl first; compute but at THREAD scope; SUBGROUP: full subgroups. No subgroup arithmetic, no float16
// source  Metal Performance Primitives, reduce_rows and reduce_columns; reduce.glsl
#ifndef SMELT_BASE_GLSL
#error "reduce_tmpl.glsl: include smelt/base.glsl first"
#endif
#include "smelt/memory.glsl"
#include "smelt/reduce.glsl"
#include "smelt/reduce_check_tmpl.glsl"
#if SMELT_REDUCE_DTYPE <= SMELT_DTYPE_F8E5M2
#define SMELT_REDUCE_FLOAT 1
#define SMELT_REDUCE_V float
#define SMELT_REDUCE_V4 vec4
#define SMELT_REDUCE_LEAST (-0x7f800000)
#else
#define SMELT_REDUCE_FLOAT 0
#define SMELT_REDUCE_LEAST (-0x7fffffff - 1)
#if SMELT_REDUCE_DTYPE == SMELT_DTYPE_I8 || SMELT_REDUCE_DTYPE == SMELT_DTYPE_I16 ||                         \
    SMELT_REDUCE_DTYPE == SMELT_DTYPE_I32 || SMELT_REDUCE_DTYPE == SMELT_DTYPE_I4
#define SMELT_REDUCE_V int
#define SMELT_REDUCE_SIGN 0
#define SMELT_REDUCE_V4 ivec4
#else
#define SMELT_REDUCE_V uint
#define SMELT_REDUCE_SIGN 0x80000000u
#define SMELT_REDUCE_V4 uvec4
#endif
#endif

// These also fail to compile here when they are misspelt.
const uint SMELT_CAT(SMELT_REDUCE, _axis) = SMELT_REDUCE_AXIS,
                                   SMELT_CAT(SMELT_REDUCE, _maps) = SMELT_REDUCE_MAP,
                                   SMELT_CAT(SMELT_REDUCE, _stride) = SMELT_REDUCE_SCRATCH_STRIDE;
#if SMELT_REDUCE_KIND == SMELT_REDUCE_SPECIALIZED
#define SMELT_REDUCE_KINDS SMELT_CAT(SMELT_REDUCE, _kind)
#else
#define SMELT_REDUCE_KINDS SMELT_REDUCE_KIND
#endif

#define SMELT_LINE SMELT_CAT(SMELT_REDUCE, _line)
#define SMELT_LINE_TENSOR SMELT_REDUCE_TENSOR
#define SMELT_LINE_DTYPE SMELT_REDUCE_DTYPE
#define SMELT_LINE_RANK SMELT_REDUCE_RANK
#define SMELT_LINE_AXIS SMELT_REDUCE_AXIS
#define SMELT_LINE_WRITE 0
#include "smelt/reduce_line_tmpl.glsl"
#define SMELT_GROUP SMELT_CAT(SMELT_REDUCE, _group)
#define SMELT_GROUP_SCOPE SMELT_REDUCE_SCOPE
#define SMELT_GROUP_SIZE SMELT_REDUCE_GROUP
#define SMELT_GROUP_SCRATCH SMELT_REDUCE_SCRATCH
#define SMELT_GROUP_SCRATCH_STRIDE SMELT_REDUCE_SCRATCH_STRIDE
#include "smelt/reduce_group_tmpl.glsl"
#define SMELT_REDUCE_STATE SMELT_CAT(SMELT_REDUCE, _state)
#define SMELT_REDUCE_LINE SMELT_CAT(SMELT_REDUCE, _line)
#define SMELT_REDUCE_IS(kind) (SMELT_REDUCE_KINDS == SMELT_REDUCE_##kind)
#define SMELT_REDUCE_SEEKS (SMELT_REDUCE_IS(ARG_MAX) || SMELT_REDUCE_IS(ARG_MIN))
#define SMELT_REDUCE_REAL (SMELT_REDUCE_IS(MEAN) || SMELT_REDUCE_IS(LOG_SUM_EXP))
#define SMELT_REDUCE_BY_KEY (SMELT_REDUCE_IS(MAX) || SMELT_REDUCE_IS(MIN) || SMELT_REDUCE_SEEKS)

// Of the members a kind uses its own only.
struct SMELT_REDUCE_STATE {
    vec2 s;  // floats: a compensated sum, (product, 1), or (maximum, sum) of a log-sum-exp
    uint w;  // integers: sum or product
    int key; // smelt_reduce_key of the extreme
    uint at; // its index
};

SMELT_REDUCE_STATE SMELT_CAT(SMELT_REDUCE, _none)()
{
    bool product = SMELT_REDUCE_IS(PRODUCT);
    vec2 s = SMELT_REDUCE_IS(LOG_SUM_EXP) ? smelt_reduce_lse_none : vec2(product ? 1.0 : 0.0, 0.0);
    return SMELT_REDUCE_STATE(s, product ? 1u : 0u, SMELT_REDUCE_LEAST, smelt_reduce_nowhere);
}

// Takes the four elements from index i on; plain sums, squares and products go into `sum`.
void SMELT_CAT(SMELT_REDUCE, _four)(inout SMELT_REDUCE_STATE s, inout SMELT_REDUCE_V4 sum, SMELT_REDUCE_V4 v,
                                    uint i, uint n, uint place[SMELT_REDUCE_RANK])
{
#if SMELT_REDUCE_MAP == 1
    [[unroll]] for (uint k = 0u; k < 4u; k++)
    {
        place[SMELT_REDUCE_AXIS] = i + k;
        if (i + k < n)
            v[k] = SMELT_CAT(SMELT_REDUCE, _map)(v[k], place);
    }
#endif
    bvec4 outside = greaterThanEqual(uvec4(i) + uvec4(0, 1, 2, 3), uvec4(n));
    if (SMELT_REDUCE_BY_KEY) {
        [[unroll]] for (uint k = 0u; k < 4u; k++)
        {
            int key = smelt_reduce_key(SMELT_REDUCE_KINDS, v[k]);
            if (outside[k])
                continue;
            if (SMELT_REDUCE_SEEKS && (key > s.key || s.at == smelt_reduce_nowhere))
                s.at = i + k;
            s.key = max(s.key, key);
        }
        return;
    }
    if (SMELT_REDUCE_IS(LOG_SUM_EXP)) {
        vec4 x = mix(vec4(v), vec4(uintBitsToFloat(0xff800000u)), outside);
        float m = max(max(max(x.x, x.y), max(x.z, x.w)), s.s.x);
        m = min(m, smelt_reduce_largest);
        vec4 e = exp(x - m);
        s.s = vec2(m, s.s.y * exp(s.s.x - m) + ((e.x + e.y) + (e.z + e.w)));
        return;
    }
#if !SMELT_REDUCE_FLOAT
    if (SMELT_REDUCE_IS(MEAN)) {
        vec4 x = mix(vec4(v), vec4(0.0), outside);
        s.s = smelt_reduce_add(s.s, (x.x + x.y) + (x.z + x.w));
        return;
    }
#endif
    v = SMELT_REDUCE_IS(SUM_SQUARES) ? v * v : v;
    v = mix(v, SMELT_REDUCE_V4(SMELT_REDUCE_IS(PRODUCT) ? 1 : 0), outside);
    sum = SMELT_REDUCE_IS(PRODUCT) ? sum * v : sum + v;
}

void SMELT_CAT(SMELT_REDUCE, _chunk)(inout SMELT_REDUCE_STATE s, inout SMELT_REDUCE_V4 sum, uvec4 chunk,
                                     uint i, uint n, uint place[SMELT_REDUCE_RANK])
{
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_REDUCE_LINE, _fours); q++)
    {
        SMELT_CAT(SMELT_REDUCE, _four)
        (s, sum, SMELT_CAT(SMELT_REDUCE_LINE, _four)(chunk, q), i + 4u * uint(q), n, place);
    }
}

SMELT_REDUCE_V4 SMELT_CAT(SMELT_REDUCE, _neutral)()
{
    return SMELT_REDUCE_V4(SMELT_REDUCE_IS(PRODUCT) ? 1 : 0);
}

void SMELT_CAT(SMELT_REDUCE, _fold)(inout SMELT_REDUCE_STATE s, SMELT_REDUCE_V4 sum)
{
#if SMELT_REDUCE_FLOAT
    if (SMELT_REDUCE_IS(PRODUCT))
        s.s.x *= (sum.x * sum.y) * (sum.z * sum.w);
    else if (!SMELT_REDUCE_IS(LOG_SUM_EXP))
        s.s = smelt_reduce_add(s.s, (sum.x + sum.y) + (sum.z + sum.w));
#else
    if (SMELT_REDUCE_IS(PRODUCT))
        s.w *= uint(sum.x * sum.y * sum.z * sum.w);
    else
        s.w += uint(sum.x + sum.y + sum.z + sum.w);
#endif
}

SMELT_REDUCE_STATE SMELT_CAT(SMELT_REDUCE, _merge)(SMELT_REDUCE_STATE a, SMELT_REDUCE_STATE b)
{
    if (SMELT_REDUCE_SEEKS) {
        bool earlier = b.key > a.key || (b.key == a.key && b.at < a.at);
        if (a.at == smelt_reduce_nowhere || (b.at != smelt_reduce_nowhere && earlier))
            return b;
        return a;
    }
    SMELT_REDUCE_STATE s = a;
    s.key = max(a.key, b.key);
    s.w = SMELT_REDUCE_IS(PRODUCT) ? a.w * b.w : a.w + b.w;
    if (SMELT_REDUCE_IS(LOG_SUM_EXP))
        s.s = smelt_reduce_lse(a.s, b.s);
    else
        s.s = SMELT_REDUCE_IS(PRODUCT) ? a.s * b.s : smelt_reduce_add(a.s, b.s);
    return s;
}

SMELT_REDUCE_STATE SMELT_CAT(SMELT_REDUCE, _gather)(SMELT_REDUCE_STATE s)
{
    if (SMELT_REDUCE_BY_KEY) {
        int mine = s.key;
        s.key = SMELT_CAT(SMELT_REDUCE, _group_max)(mine);
        if (SMELT_REDUCE_SEEKS)
            s.at = SMELT_CAT(SMELT_REDUCE, _group_min)(s.key == mine ? s.at : smelt_reduce_nowhere);
        return s;
    }
    if (SMELT_REDUCE_IS(LOG_SUM_EXP)) {
        float m = SMELT_CAT(SMELT_REDUCE, _group_max)(s.s.x);
        s.s = vec2(m, SMELT_CAT(SMELT_REDUCE, _group_sum)(s.s.y * exp(s.s.x - m)));
#if SMELT_REDUCE_FLOAT
    } else if (SMELT_REDUCE_IS(PRODUCT)) {
        s.s.x = SMELT_CAT(SMELT_REDUCE, _group_product)(s.s.x);
    } else {
        s.s = vec2(SMELT_CAT(SMELT_REDUCE, _group_sum)(smelt_reduce_sum(s.s)), 0.0);
    }
#else
    } else if (SMELT_REDUCE_IS(MEAN)) {
        s.s = vec2(SMELT_CAT(SMELT_REDUCE, _group_sum)(smelt_reduce_sum(s.s)), 0.0);
    } else if (SMELT_REDUCE_IS(PRODUCT)) {
        s.w = SMELT_CAT(SMELT_REDUCE, _group_product)(s.w);
    } else {
        s.w = SMELT_CAT(SMELT_REDUCE, _group_sum)(s.w);
    }
#endif
    return s;
}

SMELT_REDUCE_STATE SMELT_CAT(SMELT_REDUCE, _part)(SMELT_REDUCE_TENSOR t, uint place[SMELT_REDUCE_RANK],
                                                  uint part, uint parts)
{
    SMELT_REDUCE_LINE l = SMELT_CAT(SMELT_REDUCE_LINE, _open)(t, place);
    SMELT_REDUCE_STATE s = SMELT_CAT(SMELT_REDUCE, _none)();
    SMELT_REDUCE_V4 sum;
    const uint per = SMELT_CAT(SMELT_REDUCE_LINE, _per), step = SMELT_CAT(SMELT_REDUCE, _group_size);
    uint count = SMELT_CAT(SMELT_REDUCE_LINE, _chunks)(l), inside = SMELT_CAT(SMELT_REDUCE_LINE, _inside)(l);
    // Parts take turns: those that run at once read neighbouring memory.
    for (uint block = part * 4u * step; block < count; block += parts * 4u * step) {
        uint c = block + SMELT_CAT(SMELT_REDUCE, _group_thread)(), i = c * per - l.lead;
        sum = SMELT_CAT(SMELT_REDUCE, _neutral)();
        if (c + 3u * step < inside && (c != 0u || l.lead == 0u)) {
            uvec4 chunks[4]; // four reads are under way at a time
            if (l.dense) {
                [[unroll]] for (uint k = 0u; k < 4u; k++)
                {
                    chunks[k] = SMELT_CAT(SMELT_REDUCE_LINE, _words)(l, c + k * step);
                }
            } else {
                [[unroll]] for (uint k = 0u; k < 4u; k++)
                {
                    chunks[k] = SMELT_CAT(SMELT_REDUCE_LINE, _read_inside)(l, i + k * step * per);
                }
            }
            [[unroll]] for (uint k = 0u; k < 4u; k++)
            {
                SMELT_CAT(SMELT_REDUCE, _chunk)
                (s, sum, chunks[k], i + k * step * per, smelt_reduce_nowhere, place);
            }
        } else {
            for (; c < min(block + 4u * step, count); c += step, i += step * per)
                SMELT_CAT(SMELT_REDUCE, _chunk)
            (s, sum, SMELT_CAT(SMELT_REDUCE_LINE, _read)(l, i), i, l.n, place);
        }
        SMELT_CAT(SMELT_REDUCE, _fold)(s, sum);
    }
    return SMELT_CAT(SMELT_REDUCE, _gather)(s);
}

uvec2 SMELT_CAT(SMELT_REDUCE, _pack)(SMELT_REDUCE_STATE s)
{
    if (SMELT_REDUCE_BY_KEY)
        return uvec2(s.key, s.at);
#if SMELT_REDUCE_FLOAT
    return floatBitsToUint(s.s);
#else
    if (SMELT_REDUCE_REAL)
        return floatBitsToUint(s.s);
    return uvec2(s.w, 0u);
#endif
}

SMELT_REDUCE_STATE SMELT_CAT(SMELT_REDUCE, _unpack)(uvec2 bits)
{
    return SMELT_REDUCE_STATE(uintBitsToFloat(bits), bits.x, int(bits.x), bits.y);
}

uint SMELT_CAT(SMELT_REDUCE, _index)(SMELT_REDUCE_STATE s)
{
    return s.at;
}

float SMELT_CAT(SMELT_REDUCE, _real)(SMELT_REDUCE_STATE s, uint n)
{
    if (SMELT_REDUCE_IS(LOG_SUM_EXP))
        return smelt_reduce_log(s.s);
    return n == 0u ? uintBitsToFloat(0x7fc00000u) : smelt_reduce_sum(s.s) / float(n);
}

SMELT_REDUCE_V SMELT_CAT(SMELT_REDUCE, _value)(SMELT_REDUCE_STATE s, uint n)
{
#if SMELT_REDUCE_FLOAT
    if (SMELT_REDUCE_BY_KEY)
        return smelt_reduce_of_key(SMELT_REDUCE_KINDS, s.key);
    if (SMELT_REDUCE_REAL)
        return SMELT_CAT(SMELT_REDUCE, _real)(s, n);
    return SMELT_REDUCE_IS(PRODUCT) ? s.s.x : smelt_reduce_sum(s.s);
#else
    if (SMELT_REDUCE_BY_KEY) { // `if (not ...)` makes invalid code of a specialization constant with shaderc 2023.2
        int key = smelt_reduce_int_of_key(SMELT_REDUCE_KINDS, s.key);
        return SMELT_REDUCE_V(key) ^ SMELT_REDUCE_V(SMELT_REDUCE_SIGN);
    }
    return SMELT_REDUCE_V(s.w);
#endif
}

#if SMELT_REDUCE_KIND == SMELT_REDUCE_ARG_MAX || SMELT_REDUCE_KIND == SMELT_REDUCE_ARG_MIN
uint SMELT_CAT(SMELT_REDUCE, _run)(SMELT_REDUCE_TENSOR t, uint place[SMELT_REDUCE_RANK])
{
    return SMELT_CAT(SMELT_REDUCE, _part)(t, place, 0u, 1u).at;
}
#elif SMELT_REDUCE_KIND == SMELT_REDUCE_MEAN || SMELT_REDUCE_KIND == SMELT_REDUCE_LOG_SUM_EXP
float SMELT_CAT(SMELT_REDUCE, _run)(SMELT_REDUCE_TENSOR t, uint place[SMELT_REDUCE_RANK])
{
    return SMELT_CAT(SMELT_REDUCE, _real)(SMELT_CAT(SMELT_REDUCE, _part)(t, place, 0u, 1u),
                                          smelt_extent(t, SMELT_REDUCE_AXIS));
}
#elif SMELT_REDUCE_KIND != SMELT_REDUCE_SPECIALIZED
    SMELT_REDUCE_V SMELT_CAT(SMELT_REDUCE, _run)(SMELT_REDUCE_TENSOR t, uint place[SMELT_REDUCE_RANK])
    {
        return SMELT_CAT(SMELT_REDUCE, _value)(SMELT_CAT(SMELT_REDUCE, _part)(t, place, 0u, 1u),
                                               smelt_extent(t, SMELT_REDUCE_AXIS));
    }
#endif

#undef SMELT_REDUCE
#undef SMELT_REDUCE_KIND
#undef SMELT_REDUCE_SCOPE
#undef SMELT_REDUCE_TENSOR
#undef SMELT_REDUCE_DTYPE
#undef SMELT_REDUCE_RANK
#undef SMELT_REDUCE_AXIS
#undef SMELT_REDUCE_MAP
#undef SMELT_REDUCE_GROUP
#undef SMELT_REDUCE_SCRATCH
#undef SMELT_REDUCE_SCRATCH_STRIDE
#undef SMELT_REDUCE_FLOAT
#undef SMELT_REDUCE_V
#undef SMELT_REDUCE_V4
#undef SMELT_REDUCE_LEAST
#undef SMELT_REDUCE_SIGN
#undef SMELT_REDUCE_KINDS
#undef SMELT_REDUCE_STATE
#undef SMELT_REDUCE_LINE
#undef SMELT_REDUCE_IS
#undef SMELT_REDUCE_SEEKS
#undef SMELT_REDUCE_REAL
#undef SMELT_REDUCE_BY_KEY
