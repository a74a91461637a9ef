// SPDX-License-Identifier: MIT
// activation16.glsl: the activation functions of activation.glsl for f16 arguments and results.
//
// what    a file of its own because even unused functions of f16 make a module ask for shaderFloat16
// params  none
// makes   what activation.glsl makes, and the same functions for T = float16_t, f16vec2, f16vec4
// errors  relu exact; leaky_relu 3 u |y| with u = 2^-10; the others: computed in f32 (activation.glsl), then
//         one conversion, u |y|
// needs   base.glsl first; shaderFloat16
// source  activation.glsl
#ifndef SMELT_ACTIVATION16_GLSL
#define SMELT_ACTIVATION16_GLSL

#include "smelt/activation.glsl"

#define SMELT_ACTIVATION_TYPE float16_t
#define SMELT_ACTIVATION_WIDE float
#include "smelt/activation_tmpl.glsl"

#define SMELT_ACTIVATION_TYPE f16vec2
#define SMELT_ACTIVATION_WIDE vec2
#include "smelt/activation_tmpl.glsl"

#define SMELT_ACTIVATION_TYPE f16vec4
#define SMELT_ACTIVATION_WIDE vec4
#include "smelt/activation_tmpl.glsl"

#endif
