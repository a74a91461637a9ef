// SPDX-License-Identifier: MIT
// bc7.glsl: an encoder of BC7 blocks, 16 texels of RGBA in 16 bytes.
//
// what    tries mode 6 (one line of 4 components, 16 steps), mode 5 (one component apart from the others, each of the four)
//         and, where all alpha is 1, modes 1 and 3 (two lines) with the 4 of the 64 partitions that lie nearest to two lines.
//         Lines are principal axes, refined by least squares after steps have been chosen. The least sum of squared errors wins
// params  none
// makes   uvec4 smelt_bc7_encode(vec4 texels[16])      texels in 0..255, row by row; the block as 4 words
//         uint smelt_bc7_mask(uint part)               which texels are in the second subset, a bit for each
//         uint smelt_bc7_weight(uint i, uint bits)     of 64, of step i among 2^bits
// errors  lossy; a block of one colour is within 1 of 255 in every component
// needs   nothing; 16 vec4 of private memory
// source  Khronos Data Format 1.3, section 20 (BPTC); fitting as in W. Donovan, Texture Compression in Real-Time Using the
//         GPU (2010), and R. Geldreich's bc7enc (2018)
#ifndef SMELT_BC7_GLSL
#define SMELT_BC7_GLSL

// Two partitions in a word, and eight anchors of the second subset.
const uint smelt_bc7_masks[32] = uint[](
    0x8888ccccu, 0xecc8eeeeu, 0xfeecc880u, 0xec80fec8u, 0xffecc800u, 0xe800fe80u, 0xff00ffe8u, 0xf000fff0u,
    0x008ef710u, 0x08ce7100u, 0x7310008cu, 0x8cce3100u, 0x3110088cu, 0x366c6666u, 0x0ff017e8u, 0x399c718eu,
    0xf0f0aaaau, 0x33cc5a5au, 0x55aa3c3cu, 0xa55a9696u, 0x13c873ceu, 0x3bdc324cu, 0xc33c6996u, 0x06609966u,
    0x04e40272u, 0x27204e40u, 0x936cc936u, 0x639c39c6u, 0x9cc69336u, 0xe718817eu, 0x0fccccf0u, 0xee227744u);
const uint smelt_bc7_anchors[8] = uint[](0xffffffffu, 0xffffffffu, 0xf882282fu, 0x22882282u, 0xff8286ffu,
                                         0x6ff22282u, 0x22ff8626u, 0xf22fffffu);

vec4 smelt_bc7_texels[16]; // of the block under way

uint smelt_bc7_mask(uint part)
{
    return smelt_bc7_masks[part >> 1] >> 16u * (part & 1u) & 0xffffu;
}

uint smelt_bc7_weight(uint i, uint bits)
{
    uint last = (1u << bits) - 1u;
    return (128u * i + last) / (2u * last);
}

// Texels of a subset as they will be stored.
struct smelt_bc7_subset {
    uvec4 low, high; // endpoints without their lowest bit
    uvec2 shared_bits;
    uvec2 steps; // 4 bits for each texel of the block
    float error;
};

// How endpoints are kept: bits without the shared one; 0: there is none, 1: one for both, 2: one for each.
struct smelt_bc7_form {
    uint bits, shared_count, step_bits;
    vec4 used; // 1 for the components that count
};

float smelt_bc7_expand(uint v, uint bits)
{
    return float(v << 8u - bits | v >> 2u * bits - 8u);
}

vec4 smelt_bc7_endpoint(uvec4 q, uint shared_bit, smelt_bc7_form form)
{
    vec4 e;
    uint bits = form.bits + min(form.shared_count, 1u);
    for (int c = 0; c < 4; c++)
        e[c] = smelt_bc7_expand(form.shared_count > 0u ? q[c] << 1u | shared_bit : q[c], bits);
    return e;
}

uvec4 smelt_bc7_quantise(vec4 v, uint shared_bit, smelt_bc7_form form)
{
    float most = float((1u << form.bits) - 1u);
    vec4 q = v * most / 255.0;
    if (form.shared_count > 0u)
        q = (v * (2.0 * most + 1.0) / 255.0 - float(shared_bit)) * 0.5;
    return uvec4(clamp(round(q), 0.0, most));
}

float smelt_bc7_off(vec4 v, uint shared_bit, smelt_bc7_form form)
{
    vec4 d = (smelt_bc7_endpoint(smelt_bc7_quantise(v, shared_bit, form), shared_bit, form) - v) * form.used;
    return dot(d, d);
}

// Endpoints for a line, and for each texel the nearest step.
smelt_bc7_subset smelt_bc7_assign(uint mask, vec4 low, vec4 high, smelt_bc7_form form)
{
    smelt_bc7_subset s;
    s.shared_bits = uvec2(0u);
    vec2 off0 = vec2(smelt_bc7_off(low, 0u, form), smelt_bc7_off(high, 0u, form));
    if (form.shared_count > 0u) {
        vec2 off1 = vec2(smelt_bc7_off(low, 1u, form), smelt_bc7_off(high, 1u, form));
        if (form.shared_count == 1u)
            s.shared_bits = uvec2(off1.x + off1.y < off0.x + off0.y ? 1u : 0u);
        else
            s.shared_bits = uvec2(lessThan(off1, off0));
    }
    s.low = smelt_bc7_quantise(low, s.shared_bits.x, form);
    s.high = smelt_bc7_quantise(high, s.shared_bits.y, form);
    vec4 a = smelt_bc7_endpoint(s.low, s.shared_bits.x, form);
    vec4 d = (smelt_bc7_endpoint(s.high, s.shared_bits.y, form) - a) * form.used;
    float last = float((1u << form.step_bits) - 1u), scale = last / max(dot(d, d), 1e-6);
    s.steps = uvec2(0u);
    s.error = 0.0;
    for (uint i = 0u; i < 16u; i++) {
        if ((mask >> i & 1u) == 0u)
            continue;
        vec4 from = (smelt_bc7_texels[i] - a) * form.used;
        uint step = uint(clamp(round(dot(from, d) * scale), 0.0, last));
        vec4 miss = from - floor(d * float(smelt_bc7_weight(step, form.step_bits)) / 64.0 + 0.5);
        s.error += dot(miss * form.used, miss);
        s.steps[i >> 3u] |= step << 4u * (i & 7u);
    }
    return s;
}

// The sums of a subset from which its line follows: mean, and the squares of distances to it.
struct smelt_bc7_moments {
    vec4 mean;
    mat4 spread;
};

smelt_bc7_moments smelt_bc7_measure(uint mask, vec4 used)
{
    smelt_bc7_moments m = smelt_bc7_moments(vec4(0.0), mat4(0.0));
    for (uint i = 0u; i < 16u; i++)
        if ((mask >> i & 1u) != 0u)
            m.mean += smelt_bc7_texels[i];
    m.mean /= float(bitCount(mask));
    for (uint i = 0u; i < 16u; i++)
        if ((mask >> i & 1u) != 0u) {
            vec4 d = (smelt_bc7_texels[i] - m.mean) * used;
            m.spread += outerProduct(d, d);
        }
    return m;
}

// The principal axis by power iteration, from the column with the largest variance.
vec4 smelt_bc7_axis(mat4 spread, int rounds)
{
    int widest = 0;
    for (int c = 1; c < 4; c++)
        widest = spread[c][c] > spread[widest][widest] ? c : widest;
    vec4 axis = spread[widest];
    for (int i = 0; i < rounds; i++) {
        vec4 magnitude = abs(axis);
        axis = spread * (axis / max(max(max(magnitude.x, magnitude.y), max(magnitude.z, magnitude.w)), 1e-9));
    }
    return dot(axis, axis) > 0.0 ? normalize(axis) : vec4(0.5);
}

smelt_bc7_subset smelt_bc7_fit(uint mask, smelt_bc7_form form)
{
    smelt_bc7_moments m = smelt_bc7_measure(mask, form.used);
    vec4 axis = smelt_bc7_axis(m.spread, 6) * form.used;
    float least = 0.0, most = 0.0;
    for (uint i = 0u; i < 16u; i++)
        if ((mask >> i & 1u) != 0u) {
            float t = dot(smelt_bc7_texels[i] - m.mean, axis);
            least = min(least, t);
            most = max(most, t);
        }
    smelt_bc7_subset best = smelt_bc7_assign(mask, clamp(m.mean + least * axis, 0.0, 255.0),
                                             clamp(m.mean + most * axis, 0.0, 255.0), form);
    // Endpoints that suit the steps best; then the steps that suit these.
    smelt_bc7_subset next = best;
    for (int round = 0; round < 3 && best.error > 0.0; round++) {
        float aa = 0.0, ab = 0.0, bb = 0.0;
        vec4 at = vec4(0.0), bt = vec4(0.0);
        for (uint i = 0u; i < 16u; i++)
            if ((mask >> i & 1u) != 0u) {
                uint step = next.steps[i >> 3u] >> 4u * (i & 7u) & 15u;
                float b = float(smelt_bc7_weight(step, form.step_bits)) / 64.0, a = 1.0 - b;
                aa += a * a;
                ab += a * b;
                bb += b * b;
                at += a * smelt_bc7_texels[i];
                bt += b * smelt_bc7_texels[i];
            }
        float determinant = aa * bb - ab * ab;
        if (abs(determinant) < 1e-4)
            break;
        next = smelt_bc7_assign(mask, clamp((bb * at - ab * bt) / determinant, 0.0, 255.0),
                                clamp((aa * bt - ab * at) / determinant, 0.0, 255.0), form);
        if (next.error < best.error)
            best = next;
    }
    return best;
}

// --- Bits -----------------------------------------------------------------------------------------------

void smelt_bc7_put(inout uvec4 block, inout uint at, uint value, uint count)
{
    block[at >> 5u] |= value << (at & 31u);
    if ((at & 31u) + count > 32u)
        block[(at >> 5u) + 1u] |= value >> 32u - (at & 31u);
    at += count;
}

// An anchor's step must be in the lower half, because its highest bit is not stored.
void smelt_bc7_turn(inout smelt_bc7_subset s, uint mask, uint anchor, uint step_bits)
{
    if ((s.steps[anchor >> 3u] >> 4u * (anchor & 7u) >> step_bits - 1u & 1u) == 0u)
        return;
    uvec4 low = s.low;
    s.low = s.high;
    s.high = low;
    s.shared_bits = s.shared_bits.yx;
    for (uint i = 0u; i < 16u; i++)
        if ((mask >> i & 1u) != 0u)
            s.steps[i >> 3u] ^= (1u << step_bits) - 1u << 4u * (i & 7u);
}

void smelt_bc7_put_steps(inout uvec4 block, inout uint at, uvec2 steps, uint step_bits, uint anchor)
{
    for (uint i = 0u; i < 16u; i++)
        smelt_bc7_put(block, at, steps[i >> 3u] >> 4u * (i & 7u) & 15u,
                      step_bits - (i == 0u || i == anchor ? 1u : 0u));
}

void smelt_bc7_put_ends(inout uvec4 block, inout uint at, smelt_bc7_subset s, int component, uint bits)
{
    smelt_bc7_put(block, at, s.low[component], bits);
    smelt_bc7_put(block, at, s.high[component], bits);
}

uvec4 smelt_bc7_pack_two(uint mode, uint part, smelt_bc7_subset s0, smelt_bc7_subset s1, smelt_bc7_form form)
{
    uint mask = smelt_bc7_mask(part);
    uint anchor = smelt_bc7_anchors[part >> 3u] >> 4u * (part & 7u) & 15u;
    uvec4 block = uvec4(0u);
    uint at = 0u;
    smelt_bc7_turn(s0, ~mask & 0xffffu, 0u, form.step_bits);
    smelt_bc7_turn(s1, mask, anchor, form.step_bits);
    smelt_bc7_put(block, at, 1u << mode, mode + 1u);
    smelt_bc7_put(block, at, part, 6u);
    for (int c = 0; c < 3; c++) {
        smelt_bc7_put_ends(block, at, s0, c, form.bits);
        smelt_bc7_put_ends(block, at, s1, c, form.bits);
    }
    smelt_bc7_put(block, at, s0.shared_bits.x, 1u);
    if (form.shared_count == 2u)
        smelt_bc7_put(block, at, s0.shared_bits.y, 1u);
    smelt_bc7_put(block, at, s1.shared_bits.x, 1u);
    if (form.shared_count == 2u)
        smelt_bc7_put(block, at, s1.shared_bits.y, 1u);
    smelt_bc7_put_steps(block, at, s0.steps | s1.steps, form.step_bits, anchor);
    return block;
}

// --- Modes ----------------------------------------------------------------------------------------------

void smelt_bc7_try_6(inout uvec4 best, inout float error)
{
    const smelt_bc7_form form = smelt_bc7_form(7u, 2u, 4u, vec4(1.0));
    smelt_bc7_subset s = smelt_bc7_fit(0xffffu, form);
    if (s.error >= error)
        return;
    uvec4 block = uvec4(0u);
    uint at = 0u;
    error = s.error;
    smelt_bc7_turn(s, 0xffffu, 0u, 4u);
    smelt_bc7_put(block, at, 64u, 7u);
    for (int c = 0; c < 4; c++)
        smelt_bc7_put_ends(block, at, s, c, 7u);
    smelt_bc7_put(block, at, s.shared_bits.x | s.shared_bits.y << 1u, 2u);
    smelt_bc7_put_steps(block, at, s.steps, 4u, 0u);
    best = block;
}

// `apart` 0: alpha by itself; 1 to 3: red, green or blue, which changes places with alpha.
void smelt_bc7_try_5(uint apart, inout uvec4 best, inout float error)
{
    const smelt_bc7_form color = smelt_bc7_form(7u, 0u, 2u, vec4(1.0, 1.0, 1.0, 0.0)),
                         alpha = smelt_bc7_form(8u, 0u, 2u, vec4(0.0, 0.0, 0.0, 1.0));
    int c = int(apart + 3u) % 4;
    for (int i = 0; i < 16; i++) {
        float v = smelt_bc7_texels[i].w;
        smelt_bc7_texels[i].w = smelt_bc7_texels[i][c];
        smelt_bc7_texels[i][c] = v;
    }
    smelt_bc7_subset s = smelt_bc7_fit(0xffffu, color), t = smelt_bc7_fit(0xffffu, alpha);
    for (int i = 0; i < 16; i++) {
        float v = smelt_bc7_texels[i].w;
        smelt_bc7_texels[i].w = smelt_bc7_texels[i][c];
        smelt_bc7_texels[i][c] = v;
    }
    if (s.error + t.error >= error)
        return;
    uvec4 block = uvec4(0u);
    uint at = 0u;
    error = s.error + t.error;
    smelt_bc7_turn(s, 0xffffu, 0u, 2u);
    smelt_bc7_turn(t, 0xffffu, 0u, 2u);
    smelt_bc7_put(block, at, 32u, 6u);
    smelt_bc7_put(block, at, apart, 2u);
    for (int k = 0; k < 3; k++)
        smelt_bc7_put_ends(block, at, s, k, 7u);
    smelt_bc7_put_ends(block, at, t, 3, 8u);
    smelt_bc7_put_steps(block, at, s.steps, 2u, 0u);
    smelt_bc7_put_steps(block, at, t.steps, 2u, 0u);
    best = block;
}

// What is left of a subset beside its line.
float smelt_bc7_beside(uint mask)
{
    smelt_bc7_moments m = smelt_bc7_measure(mask, vec4(1.0, 1.0, 1.0, 0.0));
    vec4 axis = smelt_bc7_axis(m.spread, 3);
    return m.spread[0][0] + m.spread[1][1] + m.spread[2][2] - dot(axis, m.spread * axis);
}

void smelt_bc7_try_two(inout uvec4 best, inout float error)
{
    const smelt_bc7_form mode1 = smelt_bc7_form(6u, 1u, 3u, vec4(1.0, 1.0, 1.0, 0.0)),
                         mode3 = smelt_bc7_form(7u, 2u, 2u, vec4(1.0, 1.0, 1.0, 0.0));
    vec4 least = vec4(1e30);
    uvec4 partitions = uvec4(0u);
    for (uint p = 0u; p < 64u; p++) {
        uint mask = smelt_bc7_mask(p);
        float beside = smelt_bc7_beside(mask) + smelt_bc7_beside(~mask & 0xffffu);
        uint candidate = p;
        for (int k = 0; k < 4; k++)
            if (beside < least[k]) {
                float worse = least[k];
                uint other = partitions[k];
                least[k] = beside;
                partitions[k] = candidate;
                beside = worse;
                candidate = other;
            }
    }
    for (int k = 0; k < 8; k++) {
        uint p = partitions[k & 3], mask = smelt_bc7_mask(p);
        smelt_bc7_form form = mode1;
        if (k >= 4)
            form = mode3;
        smelt_bc7_subset s0 = smelt_bc7_fit(~mask & 0xffffu, form), s1 = smelt_bc7_fit(mask, form);
        if (s0.error + s1.error < error) {
            error = s0.error + s1.error;
            best = smelt_bc7_pack_two(k < 4 ? 1u : 3u, p, s0, s1, form);
        }
    }
}

uvec4 smelt_bc7_encode(vec4 texels[16])
{
    uvec4 block = uvec4(0u);
    float error = 1e30;
    bool opaque = true;
    for (int i = 0; i < 16; i++) {
        smelt_bc7_texels[i] = texels[i];
        opaque = opaque && texels[i].w == 255.0;
    }
    smelt_bc7_try_6(block, error);
    for (uint apart = 0u; apart < 4u && error > 0.0; apart++)
        smelt_bc7_try_5(apart, block, error);
    if (opaque && error > 0.0)
        smelt_bc7_try_two(block, error);
    return block;
}

#endif
