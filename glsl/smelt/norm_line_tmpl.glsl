// SPDX-License-Identifier: MIT
// norm_line_tmpl.glsl: a line of a device tensor, normalised; part of layer_norm_tmpl.glsl and rms_norm_tmpl.glsl.
//
// what    mean and variance in two passes over what is held in registers, or three over memory; never the difference of
//         two sums of squares
// params  all required, all undefined afterwards: SMELT_NORM (name) and with SMELT_NORM_ before: CENTRED (1: the mean is
//         taken off and beta added), ADDS (1: r is added first), SCOPE, TENSOR, RESULT, WEIGHT, DTYPE, RANK, AXIS, HELD, GROUP,
//         SCRATCH, SCRATCH_STRIDE
// makes   NAME_weights NAME_hold(W gamma, W beta, uint n)   an invocation's part of them for lines of n elements, in registers
//         where all chunks fit: lines that follow each other read it once
//         void NAME_line(T x, T r, U h, U y, uint place[RANK], W gamma, W beta, NAME_weights w, float epsilon)   ADDS 1: of
//         x + r, rounded to DTYPE, which h receives unless it is empty; h may be the memory of x or r where all of a line is
//         held. ADDS 0: r and h are not looked at
// errors  layer_norm_tmpl.glsl, rms_norm_tmpl.glsl
// needs   one of these around it
// source  Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance
#include "smelt/memory.glsl"
#include "smelt/reduce.glsl"

// These also fail to compile here when they are misspelt.
const uint SMELT_CAT(SMELT_NORM, _axis) = SMELT_NORM_AXIS,
                                 SMELT_CAT(SMELT_NORM, _stride) = SMELT_NORM_SCRATCH_STRIDE;

#define SMELT_NORM_X SMELT_CAT(SMELT_NORM, _x)
#define SMELT_NORM_Y SMELT_CAT(SMELT_NORM, _y)
#define SMELT_NORM_W SMELT_CAT(SMELT_NORM, _w)
#define SMELT_LINE SMELT_NORM_X
#define SMELT_LINE_TENSOR SMELT_NORM_TENSOR
#define SMELT_LINE_DTYPE SMELT_NORM_DTYPE
#define SMELT_LINE_RANK SMELT_NORM_RANK
#define SMELT_LINE_AXIS SMELT_NORM_AXIS
#define SMELT_LINE_WRITE 0
#include "smelt/reduce_line_tmpl.glsl"
#define SMELT_LINE SMELT_NORM_Y
#define SMELT_LINE_TENSOR SMELT_NORM_RESULT
#define SMELT_LINE_DTYPE SMELT_NORM_DTYPE
#define SMELT_LINE_RANK SMELT_NORM_RANK
#define SMELT_LINE_AXIS SMELT_NORM_AXIS
#define SMELT_LINE_WRITE 1
#include "smelt/reduce_line_tmpl.glsl"
#define SMELT_LINE SMELT_NORM_W
#define SMELT_LINE_TENSOR SMELT_NORM_WEIGHT
#define SMELT_LINE_DTYPE SMELT_NORM_DTYPE
#define SMELT_LINE_RANK 1
#define SMELT_LINE_AXIS 0
#define SMELT_LINE_WRITE 0
#include "smelt/reduce_line_tmpl.glsl"
#define SMELT_GROUP SMELT_CAT(SMELT_NORM, _group)
#define SMELT_GROUP_SCOPE SMELT_NORM_SCOPE
#define SMELT_GROUP_SIZE SMELT_NORM_GROUP
#define SMELT_GROUP_SCRATCH SMELT_NORM_SCRATCH
#define SMELT_GROUP_SCRATCH_STRIDE SMELT_NORM_SCRATCH_STRIDE
#include "smelt/reduce_group_tmpl.glsl"

// Adds the elements of a chunk, less the mean.
vec2 SMELT_CAT(SMELT_NORM, _add)(vec2 s, uvec4 chunk, uint i, uint n)
{
    vec4 sum = vec4(0.0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++)
    {
        bvec4 outside = greaterThanEqual(uvec4(i + 4u * uint(q)) + uvec4(0, 1, 2, 3), uvec4(n));
        sum += mix(SMELT_CAT(SMELT_NORM_X, _four)(chunk, q), vec4(0.0), outside);
    }
    return smelt_reduce_add(s, (sum.x + sum.y) + (sum.z + sum.w));
}

vec2 SMELT_CAT(SMELT_NORM, _add_squares)(vec2 s, uvec4 chunk, uint i, uint n, float mean)
{
    vec4 sum = vec4(0.0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++)
    {
        bvec4 outside = greaterThanEqual(uvec4(i + 4u * uint(q)) + uvec4(0, 1, 2, 3), uvec4(n));
        vec4 d = mix(SMELT_CAT(SMELT_NORM_X, _four)(chunk, q) - mean, vec4(0.0), outside);
        sum += d * d;
    }
    return smelt_reduce_add(s, (sum.x + sum.y) + (sum.z + sum.w));
}

float SMELT_CAT(SMELT_NORM, _of_all)(vec2 s, uint n)
{
    return SMELT_CAT(SMELT_NORM, _group_sum)(smelt_reduce_sum(s)) / float(n);
}

// g and b: the chunks of gamma and beta.
uvec4 SMELT_CAT(SMELT_NORM, _scaled)(uvec4 chunk, float mean, float scale, uvec4 g, uvec4 b)
{
    uvec4 results = uvec4(0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++)
    {
        vec4 v =
            (SMELT_CAT(SMELT_NORM_X, _four)(chunk, q) - mean) * scale * SMELT_CAT(SMELT_NORM_W, _four)(g, q);
        if (SMELT_NORM_CENTRED == 1)
            v += SMELT_CAT(SMELT_NORM_W, _four)(b, q);
        SMELT_CAT(SMELT_NORM_Y, _set)(results, q, v);
    }
    return results;
}

uvec4 SMELT_CAT(SMELT_NORM, _ones)()
{
    uvec4 ones = uvec4(0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++)
        SMELT_CAT(SMELT_NORM_Y, _set)(ones, q, vec4(1.0));
    return ones;
}

uvec4 SMELT_CAT(SMELT_NORM, _results)(uvec4 chunk, uint i, float mean, float scale, SMELT_NORM_W gamma,
                                      SMELT_NORM_W beta)
{
    uvec4 g = SMELT_CAT(SMELT_NORM, _ones)(), b = uvec4(0u);
    if (gamma.n != 0u)
        g = SMELT_CAT(SMELT_NORM_W, _read)(gamma, i);
    if (SMELT_NORM_CENTRED == 1 && beta.n != 0u)
        b = SMELT_CAT(SMELT_NORM_W, _read)(beta, i);
    return SMELT_CAT(SMELT_NORM, _scaled)(chunk, mean, scale, g, b);
}

// Whether elements 0, PER, ... of a line begin words of 16 bytes.
#define SMELT_NORM_STRAIGHT(line) (line.dense && line.lead == 0u)

struct SMELT_CAT(SMELT_NORM, _weights) {
    uvec4 gamma[SMELT_NORM_HELD], beta[SMELT_NORM_HELD];
    bool held; // the arrays are there
};

SMELT_CAT(SMELT_NORM, _weights)
SMELT_CAT(SMELT_NORM, _hold)(SMELT_NORM_WEIGHT gamma, SMELT_NORM_WEIGHT beta, uint n)
{
    const uint per = SMELT_CAT(SMELT_NORM_X, _per), step = SMELT_CAT(SMELT_NORM, _group_size);
    SMELT_NORM_W g = SMELT_CAT(SMELT_NORM_W, _open)(gamma, uint[1](0u));
    SMELT_NORM_W b = SMELT_CAT(SMELT_NORM_W, _open)(beta, uint[1](0u));
    uint count = n / per, first = SMELT_CAT(SMELT_NORM, _group_thread)();
    SMELT_CAT(SMELT_NORM, _weights) w;
    w.held = SMELT_NORM_ADDS == 0 && n % per == 0u && count > 0u && count <= step * SMELT_NORM_HELD &&
             (g.n == 0u || SMELT_NORM_STRAIGHT(g)) && (b.n == 0u || SMELT_NORM_STRAIGHT(b));
    [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
    {
        w.gamma[k] = SMELT_CAT(SMELT_NORM, _ones)();
        w.beta[k] = uvec4(0u);
        uint at = min(first + k * step, max(count, 1u) - 1u);
        if (w.held && g.n != 0u)
            w.gamma[k] = SMELT_CAT(SMELT_NORM_W, _words)(g, at);
        if (SMELT_NORM_CENTRED == 1 && w.held && b.n != 0u)
            w.beta[k] = SMELT_CAT(SMELT_NORM_W, _words)(b, at);
    }
    return w;
}

#if SMELT_NORM_ADDS == 0
void SMELT_CAT(SMELT_NORM, _straight)(SMELT_NORM_X l, SMELT_NORM_Y o, SMELT_CAT(SMELT_NORM, _weights) w,
                                      uint count, uint first, float epsilon)
{
    const uint step = SMELT_CAT(SMELT_NORM, _group_size);
    uvec4 held[SMELT_NORM_HELD];
    float mean = 0.0;
    vec2 s = vec2(0.0), squares = vec2(0.0);
    [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++) held[k] =
        SMELT_CAT(SMELT_NORM_X, _words)(l, min(first + k * step, count - 1u));
#if SMELT_NORM_CENTRED == 1
    [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
    {
        vec4 sum = vec4(0.0);
        [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++) sum +=
            SMELT_CAT(SMELT_NORM_X, _four)(held[k], q);
        s = smelt_reduce_add(s, first + k * step < count ? (sum.x + sum.y) + (sum.z + sum.w) : 0.0);
    }
    mean = SMELT_CAT(SMELT_NORM, _of_all)(s, l.n);
#endif
    [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
    {
        vec4 sum = vec4(0.0);
        [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++)
        {
            vec4 d = SMELT_CAT(SMELT_NORM_X, _four)(held[k], q) - mean;
            sum += d * d;
        }
        squares =
            smelt_reduce_add(squares, first + k * step < count ? (sum.x + sum.y) + (sum.z + sum.w) : 0.0);
    }
    float scale = inversesqrt(SMELT_CAT(SMELT_NORM, _of_all)(squares, l.n) + epsilon);
    [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
    {
        uint c = first + k * step;
        if (c < count)
            smelt_words4_write_data(o.words).e[c] =
                SMELT_CAT(SMELT_NORM, _scaled)(held[k], mean, scale, w.gamma[k], w.beta[k]);
    }
}
#endif

// The chunk from element i on of what is normalised.
uvec4 SMELT_CAT(SMELT_NORM, _take)(SMELT_NORM_X l, SMELT_NORM_X r, uint i)
{
    uvec4 chunk = SMELT_CAT(SMELT_NORM_X, _read)(l, i);
#if SMELT_NORM_ADDS == 1
    uvec4 other = SMELT_CAT(SMELT_NORM_X, _read)(r, i), sum = uvec4(0);
    [[unroll]] for (int q = 0; q < SMELT_CAT(SMELT_NORM_X, _fours); q++) SMELT_CAT(SMELT_NORM_Y, _set)(
        sum, q, SMELT_CAT(SMELT_NORM_X, _four)(chunk, q) + SMELT_CAT(SMELT_NORM_X, _four)(other, q));
    chunk = sum;
#endif
    return chunk;
}

void SMELT_CAT(SMELT_NORM, _line)(SMELT_NORM_TENSOR x, SMELT_NORM_TENSOR other, SMELT_NORM_RESULT total,
                                  SMELT_NORM_RESULT y, uint place[SMELT_NORM_RANK], SMELT_NORM_WEIGHT gamma,
                                  SMELT_NORM_WEIGHT beta, SMELT_CAT(SMELT_NORM, _weights) w, float epsilon)
{
    SMELT_NORM_X l = SMELT_CAT(SMELT_NORM_X, _open)(x, place), r = l;
#if SMELT_NORM_ADDS == 1
    r = SMELT_CAT(SMELT_NORM_X, _open)(other, place);
    SMELT_NORM_Y h = SMELT_CAT(SMELT_NORM_Y, _open)(total, place);
#endif
    SMELT_NORM_Y o = SMELT_CAT(SMELT_NORM_Y, _open)(y, place);
    SMELT_NORM_W g = SMELT_CAT(SMELT_NORM_W, _open)(gamma, uint[1](0u));
    SMELT_NORM_W b = SMELT_CAT(SMELT_NORM_W, _open)(beta, uint[1](0u));
    const uint per = SMELT_CAT(SMELT_NORM_X, _per), step = SMELT_CAT(SMELT_NORM, _group_size);
    uint count = SMELT_CAT(SMELT_NORM_X, _chunks)(l), first = SMELT_CAT(SMELT_NORM, _group_thread)();
    float mean = 0.0;
    vec2 s = vec2(0.0), squares = vec2(0.0);
#if SMELT_NORM_ADDS == 0
    // Lines of whole words: what is held is read, summed and written without a branch but for the last chunks.
    if (w.held && SMELT_NORM_STRAIGHT(l) && SMELT_NORM_STRAIGHT(o)) {
        SMELT_CAT(SMELT_NORM, _straight)(l, o, w, count, first, epsilon);
        return;
    }
#endif
    if (count <= step * SMELT_NORM_HELD) {
        uvec4 held[SMELT_NORM_HELD];
        [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
        {
            uint c = first + k * step;
            if (c < count)
                held[k] = SMELT_CAT(SMELT_NORM, _take)(l, r, c * per - l.lead);
#if SMELT_NORM_ADDS == 1
            if (c < count && h.n != 0u)
                SMELT_CAT(SMELT_NORM_Y, _write)(h, c * per - l.lead, held[k]);
#endif
        }
#if SMELT_NORM_CENTRED == 1
        [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
        {
            uint c = first + k * step;
            if (c < count)
                s = SMELT_CAT(SMELT_NORM, _add)(s, held[k], c * per - l.lead, l.n);
        }
        mean = SMELT_CAT(SMELT_NORM, _of_all)(s, l.n);
#endif
        [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
        {
            uint c = first + k * step;
            if (c < count)
                squares = SMELT_CAT(SMELT_NORM, _add_squares)(squares, held[k], c * per - l.lead, l.n, mean);
        }
        float scale = inversesqrt(SMELT_CAT(SMELT_NORM, _of_all)(squares, l.n) + epsilon);
        [[unroll]] for (uint k = 0u; k < SMELT_NORM_HELD; k++)
        {
            uint c = first + k * step, i = c * per - l.lead;
            if (c < count)
                SMELT_CAT(SMELT_NORM_Y, _write)
            (o, i, SMELT_CAT(SMELT_NORM, _results)(held[k], i, mean, scale, g, b));
        }
        return;
    }
#if SMELT_NORM_CENTRED == 1
    for (uint c = first; c < count; c += step) {
        uint i = c * per - l.lead;
        s = SMELT_CAT(SMELT_NORM, _add)(s, SMELT_CAT(SMELT_NORM, _take)(l, r, i), i, l.n);
    }
    mean = SMELT_CAT(SMELT_NORM, _of_all)(s, l.n);
#endif
    for (uint c = first; c < count; c += step) {
        uint i = c * per - l.lead;
        squares =
            SMELT_CAT(SMELT_NORM, _add_squares)(squares, SMELT_CAT(SMELT_NORM, _take)(l, r, i), i, l.n, mean);
    }
    float scale = inversesqrt(SMELT_CAT(SMELT_NORM, _of_all)(squares, l.n) + epsilon);
    for (uint c = first; c < count; c += step) {
        uint i = c * per - l.lead;
        uvec4 taken = SMELT_CAT(SMELT_NORM, _take)(l, r, i);
#if SMELT_NORM_ADDS == 1
        if (h.n != 0u)
            SMELT_CAT(SMELT_NORM_Y, _write)(h, i, taken);
#endif
        SMELT_CAT(SMELT_NORM_Y, _write)(o, i, SMELT_CAT(SMELT_NORM, _results)(taken, i, mean, scale, g, b));
    }
}

#undef SMELT_NORM
#undef SMELT_NORM_CENTRED
#undef SMELT_NORM_ADDS
#undef SMELT_NORM_SCOPE
#undef SMELT_NORM_TENSOR
#undef SMELT_NORM_RESULT
#undef SMELT_NORM_WEIGHT
#undef SMELT_NORM_DTYPE
#undef SMELT_NORM_RANK
#undef SMELT_NORM_AXIS
#undef SMELT_NORM_HELD
#undef SMELT_NORM_GROUP
#undef SMELT_NORM_SCRATCH
#undef SMELT_NORM_SCRATCH_STRIDE
#undef SMELT_NORM_STRAIGHT
#undef SMELT_NORM_X
#undef SMELT_NORM_Y
#undef SMELT_NORM_W
