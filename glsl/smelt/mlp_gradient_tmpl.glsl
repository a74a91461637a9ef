// SPDX-License-Identifier: MIT
// mlp_gradient_tmpl.glsl: a training step of a multilayer perceptron by a workgroup: forward, and back with the sums of the
// gradients of all weights.
//
// what    h[0] = x; h[i + 1] = activation_i(W_i h[i] + bias_i); y = h[layers] for SAMPLES samples at a time, whose values all
//         stay in shared memory and registers; then, from the gradients of y, those of x, and of W and bias summed over these
//         samples and all before. The caller's invocations put samples in and take results out, in any order of its own. A
//         workgroup's sums are added up by the caller (in a fixed order, where every run has to give the same bits)
// params  all required, all undefined afterwards:
//         SMELT_MLP_GRADIENT             name of the network
//         SMELT_MLP_GRADIENT_LAYERS      1 to 4
//         SMELT_MLP_GRADIENT_WIDTH0 ... SMELT_MLP_GRADIENT_WIDTH<LAYERS>  decimal literals, 1 to 128; WIDTH0 is the input's
//         SMELT_MLP_GRADIENT_ACTIVATION0 ... <LAYERS - 1>  SMELT_ACTIVATION_x; the last one of NONE RELU LEAKY_RELU
//                                        SIGMOID TANH EXP SOFTPLUS: its derivative is taken from what came out
//         SMELT_MLP_GRADIENT_SAMPLES     of the workgroup at a time, a multiple of SUBGROUPS FRAGMENT_M and of FRAGMENT_K;
//                                        PORTABLE: of 4; COOPVEC: as many as invocations
//         SMELT_MLP_GRADIENT_SUBGROUP_SIZE, _SUBGROUPS  decimal literals: the workgroup is exactly these
//         SMELT_MLP_GRADIENT_FRAGMENT_M _N _K  COOPMAT, COOPMAT2: the device's product f16 x f16 -> f32, multiples of 8, powers
//                                        of 2. PORTABLE, COOPVEC: 1
//         SMELT_MLP_GRADIENT_UNROLL      1: loops over matrices are unrolled; 0: not, for software devices and PORTABLE
//         SMELT_MLP_GRADIENT_COPY        1: products read weights from a copy in the scratch, which is faster; 0: from memory,
//                                        where the scratch would be too large, and with PORTABLE, COOPVEC
//         SMELT_MLP_GRADIENT_SCRATCH     name of a `shared uvec4` array of NAME_scratch elements or more
//         SMELT_MLP_GRADIENT_BACKEND     SMELT_BACKEND_PORTABLE (all in f32), _COOPMAT or _COOPMAT2 (f16 with f32 sums), _COOPVEC
//                                        (all in f16)
// makes   for the name NAME, widths padded to multiples of a unit (PORTABLE 4, COOPVEC 16, else the largest of FRAGMENT_M, _N,
//         _K):
//         const uint NAME_parameters     elements of a vector of all weights: layer by layer the weight [out][in], both
//                                        padded by zeros, then the bias [out]
//         const uint NAME_scratch        uvec4 of the scratch in use. Too small a scratch does not compile
//         const uint NAME_input_groups, NAME_output_groups     padded widths in groups of 4
//         void NAME_begin(uvec2 weights, uvec2 sums)   addresses of such vectors, multiples of 16: what is read, f16 (PORTABLE:
//                                        f32), and what NAME_end leaves the sums in, f32. Sets the sums to 0
//                                        COOPVEC: void NAME_begin(uvec2 weights, uvec2 sums, uvec2 accumulators), the last of
//                                        const uint NAME_accumulators bytes, a multiple of 64: the device's sums
//         void NAME_put(uint s, uint g, vec4 x)        inputs 4 g to 4 g + 3 of sample s; all groups of all samples, beyond the
//                                        width 0. Of its own samples an invocation may put before the others have taken theirs
//         void NAME_forward()
//         vec4 NAME_take(uint s, uint g)               outputs
//         void NAME_put_gradient(uint s, uint g, vec4 y, vec4 dy)   of all outputs; beyond the width 0, and so for samples that
//                                        do not count. By the invocation that took the sample's outputs, after all of them
//         void NAME_backward()
//         float NAME_take_gradient(uint s, uint i)     of input i
//         void NAME_end()                writes the sums
//         _begin, _forward, _backward and _end are called by the whole workgroup in uniform control flow and begin and end with a
//         barrier each
// errors  products as in mlp_cooperative_tmpl.glsl (PORTABLE: mlp_tmpl.glsl in f32). COOPMAT, COOPMAT2: x, values between
//         layers and gradients between layers are rounded to f16; scale dy so that none is above 65504 and what matters is above
//         2^-14. Sums are f32, in an order that SAMPLES, SUBGROUPS and the fragments decide. COOPVEC: sums, too, are f16,
//         and in any order
// needs   base.glsl first; compute, y and z of the local size 1; COOPMAT and COOPMAT2: full subgroups of SUBGROUP_SIZE.
//         COOPVEC: cooperativeVectorTraining, and a device whose training-optimal matrices of f16 take 8 bytes for each
//         element at most (vkConvertCooperativeVectorMatrixNV tells)
// source  Mueller et al. 2021, Real-time neural radiance caching for path tracing, section 5 (fully fused networks)
#include "smelt/mlp_gradient_check_tmpl.glsl"
#include "smelt/memory.glsl"
#include "smelt/tensor_data.glsl"

#define SMELT_MG SMELT_MLP_GRADIENT
#define SMELT_MG_SAMPLES SMELT_MLP_GRADIENT_SAMPLES
#define SMELT_MG_SCRATCH SMELT_MLP_GRADIENT_SCRATCH
#define SMELT_MG_SUBGROUPS SMELT_MLP_GRADIENT_SUBGROUPS
#define SMELT_MG_THREADS (SMELT_MLP_GRADIENT_SUBGROUP_SIZE * SMELT_MLP_GRADIENT_SUBGROUPS)
#define SMELT_MG_M SMELT_MLP_GRADIENT_FRAGMENT_M
#define SMELT_MG_FN SMELT_MLP_GRADIENT_FRAGMENT_N
#define SMELT_MG_FK SMELT_MLP_GRADIENT_FRAGMENT_K
// GROUP: values in a uvec4.
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_PORTABLE
#define SMELT_MG_UNIT 4
#define SMELT_MG_GROUP 4
#elif SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC
#define SMELT_MG_UNIT 16
#define SMELT_MG_GROUP 8
#else
#define SMELT_MG_GROUP 8
#if SMELT_MG_M >= SMELT_MG_FN && SMELT_MG_M >= SMELT_MG_FK
#define SMELT_MG_UNIT SMELT_MG_M
#elif SMELT_MG_FN >= SMELT_MG_FK
#define SMELT_MG_UNIT SMELT_MG_FN
#else
#define SMELT_MG_UNIT SMELT_MG_FK
#endif
#endif
#if SMELT_MLP_GRADIENT_UNROLL
#define SMELT_MG_UNROLL [[unroll]]
#else
#define SMELT_MG_UNROLL [[dont_unroll]]
#endif
#define SMELT_MG_PADDED(width) ((width + SMELT_MG_UNIT - 1) / SMELT_MG_UNIT * SMELT_MG_UNIT)

uvec2 SMELT_CAT(SMELT_MG, _weights), SMELT_CAT(SMELT_MG, _sums);
#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC
uvec2 SMELT_CAT(SMELT_MG, _accumulators_at);
#endif

// The scratch has rows for samples, pitches odd in uvec4. PORTABLE: for the input and each layer's output; else for the input and
// the output, and then the gradient, of one layer, then ones and the copy of all weights. Outputs of the network are f32.
const uint SMELT_CAT(SMELT_MG, _input_groups) = SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH0) / 4;
#define SMELT_MG_PITCH(width) (SMELT_MG_PADDED(width) / SMELT_MG_GROUP | 1)
#define SMELT_MG_LAST_PITCH(width) (SMELT_MG_PADDED(width) / 4 | 1)
// The last layer, and the largest pitch of what is between layers.
#if SMELT_MLP_GRADIENT_LAYERS == 1
#define SMELT_MG_LAST _layer0
#define SMELT_MG_LAST_WIDTH SMELT_MLP_GRADIENT_WIDTH1
#define SMELT_MG_LAST_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION0
#define SMELT_MG_INNER_PITCH 0
#elif SMELT_MLP_GRADIENT_LAYERS == 2
#define SMELT_MG_LAST _layer1
#define SMELT_MG_LAST_WIDTH SMELT_MLP_GRADIENT_WIDTH2
#define SMELT_MG_LAST_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION1
#define SMELT_MG_INNER_PITCH SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH1)
#elif SMELT_MLP_GRADIENT_LAYERS == 3
#define SMELT_MG_LAST _layer2
#define SMELT_MG_LAST_WIDTH SMELT_MLP_GRADIENT_WIDTH3
#define SMELT_MG_LAST_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION2
#define SMELT_MG_INNER_PITCH                                                                                 \
    max(SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH1), SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH2))
#else
#define SMELT_MG_LAST _layer3
#define SMELT_MG_LAST_WIDTH SMELT_MLP_GRADIENT_WIDTH4
#define SMELT_MG_LAST_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION3
#define SMELT_MG_INNER_PITCH                                                                                 \
    max(max(SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH1), SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH2)),           \
        SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH3))
#endif
#if SMELT_MG_GROUP == 4
const uint SMELT_CAT(SMELT_MG, _from_pitch) = SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH0);
#else
const uint SMELT_CAT(SMELT_MG, _from_pitch) = max(SMELT_MG_PITCH(SMELT_MLP_GRADIENT_WIDTH0),
                                                  SMELT_MG_INNER_PITCH);
const uint SMELT_CAT(SMELT_MG, _to_pitch) = max(SMELT_MG_INNER_PITCH,
                                                SMELT_MG_LAST_PITCH(SMELT_MG_LAST_WIDTH));
const uint SMELT_CAT(SMELT_MG, _ones) = SMELT_MG_SAMPLES *
                                        (SMELT_CAT(SMELT_MG, _from_pitch) + SMELT_CAT(SMELT_MG, _to_pitch));
#endif

void SMELT_CAT(SMELT_MG, _put)(uint s, uint g, vec4 x)
{
    uint place = s * SMELT_CAT(SMELT_MG, _from_pitch);
#if SMELT_MG_GROUP == 4
    SMELT_MG_SCRATCH[place + g] = floatBitsToUint(x);
#else
    uvec2 words = uvec2(packHalf2x16(x.xy), packHalf2x16(x.zw));
    if ((g & 1u) == 0u)
        SMELT_MG_SCRATCH[place + g / 2u].xy = words;
    else
        SMELT_MG_SCRATCH[place + g / 2u].zw = words;
#endif
}

float SMELT_CAT(SMELT_MG, _take_gradient)(uint s, uint i)
{
    uint place = s * SMELT_CAT(SMELT_MG, _from_pitch);
#if SMELT_MG_GROUP == 4
    return uintBitsToFloat(SMELT_MG_SCRATCH[place + i / 4u][i & 3u]);
#else
    vec2 pair = unpackHalf2x16(SMELT_MG_SCRATCH[place + i / 8u][i / 2u & 3u]);
    return (i & 1u) == 0u ? pair.x : pair.y;
#endif
}

#define SMELT_MG_LAYER SMELT_CAT(SMELT_MG, _layer0)
#define SMELT_MG_INNER 0
#define SMELT_MG_K SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH0)
#define SMELT_MG_N SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH1)
#define SMELT_MG_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION0
#define SMELT_MG_FINAL (SMELT_MLP_GRADIENT_LAYERS == 1)
#include "smelt/mlp_gradient_layer_tmpl.glsl"
#if SMELT_MLP_GRADIENT_LAYERS > 1
#define SMELT_MG_LAYER SMELT_CAT(SMELT_MG, _layer1)
#define SMELT_MG_INNER 1
#define SMELT_MG_BEFORE SMELT_CAT(SMELT_MG, _layer0)
#define SMELT_MG_K SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH1)
#define SMELT_MG_N SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH2)
#define SMELT_MG_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION1
#define SMELT_MG_FINAL (SMELT_MLP_GRADIENT_LAYERS == 2)
#include "smelt/mlp_gradient_layer_tmpl.glsl"
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 2
#define SMELT_MG_LAYER SMELT_CAT(SMELT_MG, _layer2)
#define SMELT_MG_INNER 1
#define SMELT_MG_BEFORE SMELT_CAT(SMELT_MG, _layer1)
#define SMELT_MG_K SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH2)
#define SMELT_MG_N SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH3)
#define SMELT_MG_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION2
#define SMELT_MG_FINAL (SMELT_MLP_GRADIENT_LAYERS == 3)
#include "smelt/mlp_gradient_layer_tmpl.glsl"
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 3
#define SMELT_MG_LAYER SMELT_CAT(SMELT_MG, _layer3)
#define SMELT_MG_INNER 1
#define SMELT_MG_BEFORE SMELT_CAT(SMELT_MG, _layer2)
#define SMELT_MG_K SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH3)
#define SMELT_MG_N SMELT_MG_PADDED(SMELT_MLP_GRADIENT_WIDTH4)
#define SMELT_MG_ACTIVATION SMELT_MLP_GRADIENT_ACTIVATION3
#define SMELT_MG_FINAL 1
#include "smelt/mlp_gradient_layer_tmpl.glsl"
#endif

#define SMELT_MG_LAST_LAYER SMELT_CAT(SMELT_MG, SMELT_MG_LAST)
const uint SMELT_CAT(SMELT_MG, _output_groups) = SMELT_MG_PADDED(SMELT_MG_LAST_WIDTH) / 4;
const uint SMELT_CAT(SMELT_MG, _parameters) = SMELT_CAT(SMELT_MG_LAST_LAYER, _end_of);
const uint SMELT_CAT(SMELT_MG, _scratch) = SMELT_CAT(SMELT_MG_LAST_LAYER, _scratch_end);
SMELT_REQUIRE(SMELT_CAT(SMELT_MG, _scratch_is_too_small),
              SMELT_MG_SCRATCH.length() >= SMELT_CAT(SMELT_MG, _scratch))

vec4 SMELT_CAT(SMELT_MG, _take)(uint s, uint g)
{
    return uintBitsToFloat(SMELT_MG_SCRATCH[SMELT_CAT(SMELT_MG_LAST_LAYER, _to) +
                                            s * SMELT_CAT(SMELT_MG_LAST_LAYER, _pitch) + g]);
}

void SMELT_CAT(SMELT_MG, _put_gradient)(uint s, uint g, vec4 y, vec4 dy)
{
    uint place = SMELT_CAT(SMELT_MG_LAST_LAYER, _to) + s * SMELT_CAT(SMELT_MG_LAST_LAYER, _pitch);
    vec4 dz = dy * SMELT_CAT(smelt_activation_gradient_of_, SMELT_MG_LAST_ACTIVATION)(y);
#if SMELT_MG_GROUP == 4
    SMELT_MG_SCRATCH[place + g] = floatBitsToUint(dz);
#else
    uvec2 words = uvec2(packHalf2x16(dz.xy), packHalf2x16(dz.zw));
    if ((g & 1u) == 0u)
        SMELT_MG_SCRATCH[place + g / 2u].xy = words;
    else
        SMELT_MG_SCRATCH[place + g / 2u].zw = words;
#endif
}

#if SMELT_MLP_GRADIENT_BACKEND == SMELT_BACKEND_COOPVEC
const uint SMELT_CAT(SMELT_MG, _accumulators) = SMELT_CAT(SMELT_MG_LAST_LAYER, _place_end);
void SMELT_CAT(SMELT_MG, _begin)(uvec2 weights, uvec2 sums, uvec2 accumulators)
{
    SMELT_CAT(SMELT_MG, _accumulators_at) = accumulators;
#else
void SMELT_CAT(SMELT_MG, _begin)(uvec2 weights, uvec2 sums)
{
#endif
    SMELT_CAT(SMELT_MG, _weights) = weights;
    SMELT_CAT(SMELT_MG, _sums) = sums;
    SMELT_CAT(SMELT_MG, _layer0_begin)();
#if SMELT_MLP_GRADIENT_LAYERS > 1
    SMELT_CAT(SMELT_MG, _layer1_begin)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 2
    SMELT_CAT(SMELT_MG, _layer2_begin)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 3
    SMELT_CAT(SMELT_MG, _layer3_begin)();
#endif
    barrier();
}

void SMELT_CAT(SMELT_MG, _forward)()
{
    barrier();
    SMELT_CAT(SMELT_MG, _layer0_forward)();
#if SMELT_MLP_GRADIENT_LAYERS > 1
    SMELT_CAT(SMELT_MG, _layer1_forward)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 2
    SMELT_CAT(SMELT_MG, _layer2_forward)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 3
    SMELT_CAT(SMELT_MG, _layer3_forward)();
#endif
    barrier();
}

void SMELT_CAT(SMELT_MG, _backward)()
{
    barrier();
#if SMELT_MLP_GRADIENT_LAYERS > 3
    SMELT_CAT(SMELT_MG, _layer3_backward)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 2
    SMELT_CAT(SMELT_MG, _layer2_backward)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 1
    SMELT_CAT(SMELT_MG, _layer1_backward)();
#endif
    SMELT_CAT(SMELT_MG, _layer0_backward)();
}

void SMELT_CAT(SMELT_MG, _end)()
{
    barrier();
    SMELT_CAT(SMELT_MG, _layer0_end)();
#if SMELT_MLP_GRADIENT_LAYERS > 1
    SMELT_CAT(SMELT_MG, _layer1_end)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 2
    SMELT_CAT(SMELT_MG, _layer2_end)();
#endif
#if SMELT_MLP_GRADIENT_LAYERS > 3
    SMELT_CAT(SMELT_MG, _layer3_end)();
#endif
    barrier();
}

#include "smelt/mlp_gradient_undef_tmpl.glsl"
