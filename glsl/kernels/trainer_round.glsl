// SPDX-License-Identifier: MIT
// trainer_round.glsl: what the network reads of weights that are going to be i8 (src/trainer_glsl.c writes what is in front): a
// workgroup rounds a row to multiples of its largest / 127, behind trainer_update.glsl.
#include "smelt/tensor_data.glsl"

// The push constants of src/trainer.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 parameters, copies; // addresses
};
layout(local_size_x = 128) in;
shared float largest[128];

void main()
{
    uint layer = 0u;
    while (layer + 1u < trainer_layer.length() && gl_WorkGroupID.x >= trainer_layer[layer + 1u].x)
        layer++;
    uvec3 l = trainer_layer[layer];
    uint i = l.y + (gl_WorkGroupID.x - l.x) * l.z + gl_LocalInvocationIndex;
    bool inside = gl_LocalInvocationIndex < l.z;
    float w = inside ? smelt_f32_r_data(parameters).e[i] : 0.0;
    largest[gl_LocalInvocationIndex] = abs(w);
    for (uint step = 64u; step > 0u; step /= 2u) {
        barrier();
        if (gl_LocalInvocationIndex < step)
            largest[gl_LocalInvocationIndex] =
                max(largest[gl_LocalInvocationIndex], largest[gl_LocalInvocationIndex + step]);
    }
    barrier();
    float scale = largest[0] / 127.0;
    if (!inside || scale == 0.0)
        return;
    w = clamp(roundEven(w / scale), -127.0, 127.0) * scale;
#if TRAINER_PORTABLE
    smelt_f32_w_data(copies).e[i] = w;
#else
    smelt_u16_w_data(copies).e[i] = uint16_t(packHalf2x16(vec2(w, 0.0)));
#endif
}
