// SPDX-License-Identifier: MIT
// trainer_update.glsl: the second half of a training step (src/trainer_glsl.c writes what is in front): adds up the workgroups'
// sums, in their order, takes a step of Adam for weights and latents, and writes what the next step reads of both.
#include "smelt/memory.glsl"
#include "smelt/numeric.glsl"
#include "smelt/optimizer.glsl"
#include "smelt/random.glsl"
#include "smelt/tensor_data.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer trainer_vec4
{
    vec4 e[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer trainer_ivec4
{
    ivec4 e[];
};
// The push constants of src/trainer.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 parameters, m, v, copies, partial, seen, gradient, state, errors; // addresses
    uint prepare; // 1: no step is taken, only copies are made
};
layout(local_size_x = 256) in;
shared float parts[256];

smelt_adam_numbers adam_numbers(float rate_scale)
{
    smelt_f32_r_data s = smelt_f32_r_data(state);
    return smelt_adam_numbers(s.e[1] * rate_scale, TRAINER_BETA1, TRAINER_BETA2, TRAINER_EPSILON, 0.0, s.e[2],
                              s.e[3]);
}

// A column of the workgroups' sums: lanes 32 apart take every eighth.
float total_of(uint column)
{
    float sum = 0.0;
    for (uint g = gl_LocalInvocationIndex / 32u; g < TRAINER_GROUPS; g += 8u)
        sum += smelt_f32_r_data(partial).e[g * TRAINER_PARTIAL + column];
    parts[gl_LocalInvocationIndex] = sum;
    barrier();
    sum = 0.0;
    for (uint i = gl_LocalInvocationIndex % 32u; i < 256u; i += 32u)
        sum += parts[i];
    return sum;
}

void update_weights()
{
    uint i = gl_WorkGroupID.x * 32u + gl_LocalInvocationIndex % 32u;
    float g = total_of(min(i, TRAINER_PARTIAL - 1u)) * (1.0 / TRAINER_LOSS_SCALE);
    if (gl_LocalInvocationIndex >= 32u || i >= TRAINER_PARTIAL)
        return;
    if (i >= TRAINER_WEIGHTS) {
        if (prepare == 0u)
            smelt_f32_rw_data(errors).e[i - TRAINER_WEIGHTS] += g * TRAINER_LOSS_SCALE;
        return;
    }
    float w = smelt_f32_rw_data(parameters).e[i];
    if (prepare == 0u) {
        float m1 = smelt_f32_rw_data(m).e[i], v1 = smelt_f32_rw_data(v).e[i];
        w = smelt_adam(w, m1, v1, g, adam_numbers(1.0));
        smelt_f32_rw_data(parameters).e[i] = w;
        smelt_f32_rw_data(m).e[i] = m1;
        smelt_f32_rw_data(v).e[i] = v1;
    }
#if TRAINER_COPY_F8
    w = smelt_f8e4m3_to_f32(smelt_f8e4m3_from_f32(w));
#elif !TRAINER_COPY_F32
    w = unpackHalf2x16(packHalf2x16(vec2(w, 0.0))).x;
#endif
#if TRAINER_PORTABLE
    smelt_f32_w_data(copies).e[i] = w;
#else
    smelt_u16_w_data(copies).e[i] = uint16_t(packHalf2x16(vec2(w, 0.0)));
#endif
}

#if TRAINER_FETCHES
void update_latents()
{
    uint i = (gl_WorkGroupID.x - TRAINER_WEIGHT_GROUPS) * 256u + gl_LocalInvocationIndex;
    if (i >= TRAINER_LATENTS)
        return;
    uint at = TRAINER_WEIGHTS / 4u + i, grid = 0u, taken = uint(smelt_f32_r_data(state).e[0]);
    while (i >= trainer_grid_end[grid])
        grid++;
    float levels = trainer_grid_levels[grid]; // 0: not quantised
    vec4 w = trainer_vec4(parameters).e[at];
    // A step that is taken with latents frozen leaves them; those that come from here on find them rounded.
    if (prepare == 0u && taken <= TRAINER_FROZEN_FROM) {
        smelt_adam_numbers numbers = adam_numbers(TRAINER_LATENT_RATE);
        vec4 m4 = trainer_vec4(m).e[at], v4 = trainer_vec4(v).e[at];
        vec4 g = vec4(trainer_ivec4(gradient).e[i]) * (1.0 / TRAINER_FIXED_SCALE);
        [[unroll]] for (int c = 0; c < 4; c++)
        {
            float m1 = m4[c], v1 = v4[c];
            w[c] = smelt_adam(w[c], m1, v1, g[c], numbers);
            m4[c] = m1;
            v4[c] = v1;
        }
        if (levels > 0.0)
            w = clamp(w, 0.0, 1.0);
        trainer_vec4(parameters).e[at] = w;
        trainer_vec4(m).e[at] = m4;
        trainer_vec4(v).e[at] = v4;
    }
    trainer_ivec4(gradient).e[i] = ivec4(0);
    if (levels > 0.0) {
        if (taken >= TRAINER_FROZEN_FROM)
            w = roundEven(w * levels) / levels;
        else
            w += (smelt_random_share(smelt_random(uvec4(i, taken, TRAINER_SEED, 2u))) - 0.5) / levels;
    }
    trainer_vec4(seen).e[i] = w;
}
#endif

void main()
{
    if (gl_WorkGroupID.x < TRAINER_WEIGHT_GROUPS)
        update_weights();
#if TRAINER_FETCHES
    else
        update_latents();
#endif
}
