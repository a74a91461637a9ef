// SPDX-License-Identifier: MIT
// trainer_step.glsl: what a workgroup does of a training step (src/trainer_glsl.c writes what is in front): draws places of a
// material's maps, fetches latents, runs the network there and back, adds the gradients of latents up as integers and leaves
// those of weights, with the squared errors behind them, for trainer_update.glsl.
#include "smelt/encoding.glsl"
#include "smelt/fixed_point.glsl"
#include "smelt/loss.glsl"
#include "smelt/random.glsl"
#include "smelt/surface.glsl"

// The push constants of src/trainer.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 weights, partial, seen, gradient, targets, state; // addresses
    uint first_group;                                       // of this dispatch: a step may be several
};

struct place {
    vec2 uv;
    float lod;
    int level;
};
shared uvec4 places[TRAINER_SAMPLES]; // of the samples: uv, lod, level

// Where sample `i` of this step is: the middle of a texel of a level, or anywhere between texels, a share of the way to the next
// level.
place place_of(uint i)
{
    uint step = uint(smelt_f32_r_data(state).e[0]);
    uvec4 word = smelt_random(uvec4(i, step, TRAINER_SEED, 1u));
    place p;
    p.level = 0;
    float at = smelt_random_share(word.x);
    while (p.level < TRAINER_LEVELS - 1 && at >= trainer_level_share[p.level])
        p.level++;
    vec2 size = vec2(trainer_level[p.level].xy);
    p.uv = vec2(smelt_random_share(word.y), smelt_random_share(word.z));
    p.lod = float(p.level);
    if (p.level < TRAINER_LEVELS - 1 && float(word.w & 0xffffu) < trainer_level_fractional[p.level] * 65536.0)
        p.lod += float(word.w >> 16u) / 65536.0;
    else
        p.uv = (min(floor(p.uv * size), size - 1.0) + 0.5) / size;
    return p;
}

// The four elements that a fetch weighs, as their numbers in an image, row by row, and the weights.
void corners(vec2 uv, uvec2 extent, out uvec4 at, out vec4 weight)
{
    ivec2 size = ivec2(extent);
#if TRAINER_CLAMP
    uv = clamp(uv, 0.0, 1.0);
#else
    uv -= floor(uv);
#endif
    vec2 p = uv * vec2(size) - 0.5; // at least -1/2, at most size - 1/2
    vec2 below = floor(p), f = p - below;
    ivec2 low = ivec2(below), high = low + 1;
#if TRAINER_CLAMP
    low = max(low, 0);
    high = min(high, size - 1);
#else
    low += ivec2(lessThan(low, ivec2(0))) * size;
    high -= ivec2(greaterThanEqual(high, size)) * size;
#endif
    at = uvec4(ivec2(low.x, high.x) + low.y * size.x, ivec2(low.x, high.x) + high.y * size.x);
    weight = vec4(1.0 - f.x, f.x, 1.0 - f.x, f.x) * vec4(vec2(1.0 - f.y), vec2(f.y));
}

// --- Targets ----------------------------------------------------------------------------------------------

// Samples of an invocation.
#define TRAINER_TURNS ((TRAINER_SAMPLES + TRAINER_THREADS - 1) / TRAINER_THREADS)
#define TRAINER_TARGETS (4 * TRAINER_OUTPUT_GROUPS)

// Halves, padded to TARGET_WORDS words for each texel: 1, 2 or a multiple of 4.
void add_texel(uint texel, float by, inout float t[TRAINER_TURNS * TRAINER_TARGETS], uint at)
{
#if TRAINER_TARGET_WORDS % 4 == 0
    [[unroll]] for (uint i = 0u; i < TRAINER_TARGET_WORDS / 4u; i++)
    {
        uvec4 words = smelt_words4_data(targets).e[texel * (TRAINER_TARGET_WORDS / 4u) + i];
        [[unroll]] for (uint j = 0u; j < 4u; j++) if (8u * i + 2u * j < TRAINER_OUTPUTS)
        {
            vec2 pair = unpackHalf2x16(words[j]) * by;
            t[at + 8u * i + 2u * j] += pair.x;
            t[at + 8u * i + 2u * j + 1u] += pair.y;
        }
    }
#else
    [[unroll]] for (uint i = 0u; i < TRAINER_TARGET_WORDS; i++)
    {
        vec2 pair = unpackHalf2x16(smelt_words1_data(targets).e[texel * TRAINER_TARGET_WORDS + i]) * by;
        t[at + 2u * i] += pair.x;
        t[at + 2u * i + 1u] += pair.y;
    }
#endif
}

// All four texels are read at once; one that does not count is the first of them.
void add_target(int level, vec2 uv, float by, inout float t[TRAINER_TURNS * TRAINER_TARGETS], uint at)
{
    uvec4 corner;
    vec4 weight;
    corners(uv, trainer_level[level].xy, corner, weight);
    for (int c = 0; c < 4; c++)
        add_texel(trainer_level[level].z + (weight[c] == 0.0 ? corner.x : corner[c]), weight[c] * by, t, at);
}

// Places of all samples, and of an invocation's own what the maps have there, for put_gradients.
void put_places(uint first, out float t[TRAINER_TURNS * TRAINER_TARGETS])
{
    for (uint i = 0u; i < TRAINER_TURNS * TRAINER_TARGETS; i++)
        t[i] = 0.0;
    [[unroll]] for (uint turn = 0u; turn < TRAINER_TURNS; turn++)
    {
        uint s = gl_LocalInvocationIndex + turn * TRAINER_THREADS;
        if (s >= TRAINER_SAMPLES)
            break;
        place p = place_of(first + s);
        places[s] = uvec4(floatBitsToUint(vec3(p.uv, p.lod)), uint(p.level));
        float f = p.lod - float(p.level);
        add_target(p.level, p.uv, 1.0 - f, t, turn * TRAINER_TARGETS);
        if (f > 0.0)
            add_target(p.level + 1, p.uv, f, t, turn * TRAINER_TARGETS);
    }
    barrier();
}

place place_at(uint s)
{
    uvec4 words = places[s];
    vec3 v = uintBitsToFloat(words.xyz);
    return place(v.xy, v.z, int(words.w));
}

// --- Inputs -----------------------------------------------------------------------------------------------

#if TRAINER_FETCHES
vec4 fetch_mip(uint mip, uint textures, uint texture, vec2 uv)
{
    uvec4 at;
    vec4 weight;
    corners(uv, trainer_mip[mip].xy, at, weight);
    at = trainer_mip[mip].z + at * textures + texture;
    vec4 sum = vec4(0.0);
    for (int c = 0; c < 4; c++)
        sum += uintBitsToFloat(smelt_words4_data(seen).e[at[c]]) * weight[c];
    return sum;
}

// Of all grids, textures and taps.
vec4 fetch(uint f, place p)
{
    uint g = trainer_fetch[f].x, t = trainer_fetch[f].y;
    float share = trainer_share(g, p.lod);
    if (share == 0.0)
        return vec4(0.0);
    uvec3 grid = trainer_grid[g]; // textures, first mip, mips
    vec2 uv = p.uv + trainer_offset[f] * trainer_spread(g, p.lod);
    float level = clamp(p.lod + trainer_grid_lod[g], 0.0, float(grid.z - 1u));
    uint mip = uint(level);
    vec4 v = fetch_mip(grid.y + mip, grid.x, t, uv);
    if (level > float(mip))
        v = mix(v, fetch_mip(grid.y + mip + 1u, grid.x, t, uv), level - float(mip));
    return (v * TRAINER_REMAP_SCALE + TRAINER_REMAP_BIAS) * share;
}

// The gradient of component `c` of all fetches of a sample, to its texels. Neighbouring invocations have neighbouring latents.
void scatter_mip(uint mip, uint textures, uint c, vec2 uv, float g)
{
    uvec4 at;
    vec4 weight;
    corners(uv, trainer_mip[mip].xy, at, weight);
    at = (trainer_mip[mip].z + at * textures) * 4u + c;
    for (int i = 0; i < 4; i++)
        atomicAdd(smelt_i32_rw_data(gradient).e[at[i]],
                  smelt_fixed_point(g * weight[i], TRAINER_FIXED_SCALE));
}

void scatter(uint c, place p, float dx)
{
    uint g = trainer_fetch[c / 4u].x, channel = 4u * trainer_fetch[c / 4u].y + c % 4u;
    float share = trainer_share(g, p.lod);
    if (share == 0.0)
        return;
    dx *= share;
    uvec3 grid = trainer_grid[g];
    vec2 uv = p.uv + trainer_offset[c / 4u] * trainer_spread(g, p.lod);
    float level = clamp(p.lod + trainer_grid_lod[g], 0.0, float(grid.z - 1u));
    uint mip = uint(level);
    float f = level - float(mip);
    scatter_mip(grid.y + mip, grid.x, channel, uv, dx * (1.0 - f));
    if (f > 0.0)
        scatter_mip(grid.y + mip + 1u, grid.x, channel, uv, dx * f);
}
#endif

void put_inputs()
{
#if TRAINER_FETCHES
    [[dont_unroll]] for (uint i = gl_LocalInvocationIndex; i < TRAINER_SAMPLES * TRAINER_FETCHES;
                         i += TRAINER_THREADS)
    {
        uint s = i / TRAINER_FETCHES, t = i % TRAINER_FETCHES;
        net_put(s, TRAINER_FIRST + t, fetch(t, place_at(s)));
    }
#endif
    // Neighbouring invocations have the same inputs of neighbouring samples: they run the same code.
    [[dont_unroll]] for (uint i = gl_LocalInvocationIndex;
                         i < TRAINER_SAMPLES * (net_input_groups - TRAINER_FETCHES); i += TRAINER_THREADS)
    {
        uint s = i % TRAINER_SAMPLES, g = i / TRAINER_SAMPLES;
        if (TRAINER_FETCHES > 0 && g >= TRAINER_FIRST)
            g += TRAINER_FETCHES;
        place p = place_at(s);
        net_put(s, g, trainer_encode(g, p.uv, p.lod));
    }
}

// --- Losses -----------------------------------------------------------------------------------------------

void put_gradients(uint first, float targets_of[TRAINER_TURNS * TRAINER_TARGETS],
                   inout vec4 errors[TRAINER_OUTPUT_GROUPS])
{
    [[unroll]] for (uint turn = 0u; turn < TRAINER_TURNS; turn++)
    {
        uint s = gl_LocalInvocationIndex + turn * TRAINER_THREADS;
        if (s >= TRAINER_SAMPLES)
            break;
        float t[TRAINER_TARGETS], y[TRAINER_TARGETS], dy[TRAINER_TARGETS];
        bool counts = first + s < TRAINER_BATCH;
        [[unroll]] for (int g = 0; g < TRAINER_OUTPUT_GROUPS; g++)
        {
            vec4 v = net_take(s, uint(g)), e;
            [[unroll]] for (int i = 0; i < 4; i++)
            {
                int o = 4 * g + i;
                y[o] = v[i];
                t[o] = targets_of[turn * TRAINER_TARGETS + o];
                e[i] = counts && o < TRAINER_OUTPUTS ? y[o] - t[o] : 0.0;
                dy[o] = 0.0;
                if (counts && o < TRAINER_OUTPUTS)
                    dy[o] = trainer_weight[o] * smelt_loss_gradient(TRAINER_LOSS, y[o], t[o]);
            }
            errors[g] += e * e;
        }
#if TRAINER_OKLAB
        vec3 rgb = vec3(y[TRAINER_OKLAB_FIRST], y[TRAINER_OKLAB_FIRST + 1], y[TRAINER_OKLAB_FIRST + 2]);
        vec3 wanted = vec3(t[TRAINER_OKLAB_FIRST], t[TRAINER_OKLAB_FIRST + 1], t[TRAINER_OKLAB_FIRST + 2]);
        vec3 inside = clamp(rgb, 0.0, 1.0);
        vec3 d = smelt_loss_oklab_gradient(smelt_linear_from_srgb(inside), smelt_linear_from_srgb(wanted),
                                           TRAINER_OKLAB_WEIGHTS);
        // The slope of the transfer, at least that of its straight part.
        d *= max(2.4 / 1.055 * pow((inside + 0.055) / 1.055, vec3(1.4)), 1.0 / 12.92);
        d *= vec3(equal(rgb, inside));
        if (counts)
            for (int i = 0; i < 3; i++)
                dy[TRAINER_OKLAB_FIRST + i] += d[i];
#endif
        [[unroll]] for (int g = 0; g < TRAINER_OUTPUT_GROUPS; g++) net_put_gradient(
            s, uint(g), vec4(y[4 * g], y[4 * g + 1], y[4 * g + 2], y[4 * g + 3]),
            TRAINER_LOSS_SCALE * vec4(dy[4 * g], dy[4 * g + 1], dy[4 * g + 2], dy[4 * g + 3]));
    }
}

// The workgroup's squared errors, in the order of its invocations.
void write_errors(uvec2 to, vec4 errors[TRAINER_OUTPUT_GROUPS])
{
    const uint rows = min(TRAINER_SAMPLES, TRAINER_THREADS); // the others have none
    barrier();
    [[unroll]] for (uint g = 0u; g < TRAINER_OUTPUT_GROUPS; g++) if (gl_LocalInvocationIndex < rows)
        scratch[g * rows + gl_LocalInvocationIndex] = floatBitsToUint(errors[g]);
    barrier();
    for (uint i = gl_LocalInvocationIndex; i < 4u * TRAINER_OUTPUT_GROUPS; i += TRAINER_THREADS) {
        float sum = 0.0;
        for (uint row = 0u; row < rows; row++)
            sum += uintBitsToFloat(scratch[i / 4u * rows + row][i % 4u]);
        smelt_f32_w_data(to).e[net_parameters + i] = sum;
    }
}

void main()
{
    uvec2 sums = partial;
    uint carry, group = first_group + gl_WorkGroupID.x;
    sums.x = uaddCarry(sums.x, group * TRAINER_PARTIAL * 4u, carry);
    sums.y += carry;
    vec4 errors[TRAINER_OUTPUT_GROUPS];
    for (int g = 0; g < TRAINER_OUTPUT_GROUPS; g++)
        errors[g] = vec4(0.0);
    net_begin(weights, sums);
    [[dont_unroll]] for (uint first = group * TRAINER_SAMPLES; first < TRAINER_BATCH;
                         first += TRAINER_GROUPS * TRAINER_SAMPLES)
    {
        float t[TRAINER_TURNS * TRAINER_TARGETS];
        put_places(first, t);
        put_inputs();
        net_forward();
        put_gradients(first, t, errors);
        net_backward();
#if TRAINER_FETCHES
        [[dont_unroll]] for (uint i = gl_LocalInvocationIndex; i < TRAINER_SAMPLES * 4 * TRAINER_FETCHES;
                             i += TRAINER_THREADS)
        {
            uint s = i / (4 * TRAINER_FETCHES), c = i % (4 * TRAINER_FETCHES);
            float dx = net_take_gradient(s, 4 * TRAINER_FIRST + c);
            if (first + s < TRAINER_BATCH)
                scatter(c, place_at(s), dx * (TRAINER_REMAP_SCALE / TRAINER_LOSS_SCALE));
        }
#endif
        barrier();
    }
    net_end();
    write_errors(sums, errors);
}
