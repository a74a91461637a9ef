// SPDX-License-Identifier: MIT
// mlp_tmpl.glsl: a multilayer perceptron evaluated by one invocation, in any shader stage.
//
// what    h[0] = x; h[i + 1] = activation_i(W_i h[i] + bias_i); y = h[layers]. Several networks of different
//         shape live in one shader; each include makes one
// params  all required, all undefined afterwards:
//         SMELT_MLP               name of the network
//         SMELT_MLP_LAYERS        1 to 8
//         SMELT_MLP_WIDTH0 ... SMELT_MLP_WIDTH<LAYERS>  decimal literals, 1 to 1024; WIDTH0 is the input's
//         SMELT_MLP_ACTIVATION0 ... SMELT_MLP_ACTIVATION<LAYERS - 1>  SMELT_ACTIVATION_x (activation.glsl)
//         SMELT_MLP_BIAS          1: every layer has a bias; 0: none has
//         SMELT_MLP_STORED        SMELT_DTYPE_x of weights and biases: F32 F16 BF16 F8E4M3 F8E5M2; COOPVEC: F16
//         SMELT_MLP_COMPUTED      SMELT_DTYPE_F32 or SMELT_DTYPE_F16: what both factors are converted to
//         SMELT_MLP_ACCUMULATED   SMELT_DTYPE_F32 or SMELT_DTYPE_F16: of sums; not narrower than COMPUTED
//         SMELT_MLP_LAYOUT        of the weights: SMELT_LAYOUT_ROW_MAJOR or SMELT_LAYOUT_OPTIMAL
//         SMELT_MLP_BACKEND       SMELT_BACKEND_PORTABLE or SMELT_BACKEND_COOPVEC, one of SMELT_BACKENDS
//         COMPUTED F16 takes STORED F16, F8E4M3 or F8E5M2 (conversion must be exact). COOPVEC takes F16 for
//         all three types, and with ROW_MAJOR only inputs widths that are multiples of 8
// makes   for the name NAME:
//         NAME_layer<i> { weight: tensor [out][in]; bias: tensor [out] }  (bias only with SMELT_MLP_BIAS 1)
//         NAME_weights { NAME_layer0 layer0; NAME_layer1 layer1; ... }    for an argument block
//         NAME_input, NAME_output                inline tensors (inline_tensor_tmpl.glsl) of rank 1
//         void smelt_set(inout NAME_input x, int i, float v)   use a constant i: each becomes a register
//         float smelt_get(NAME_output y, int i)
//         NAME_output NAME_run(NAME_weights w, NAME_input x)
//         Every element of the input must be set before NAME_run. Tensors are packed: their strides are not
//         read. The weight struct is NAME_layer<i>_weight_<dtype>_2_r_<out>x<in>, the bias struct
//         NAME_layer<i>_bias_<dtype>_1_r_<out> (tensor_tmpl.glsl)
// errors  per layer, before the activation: the bound of matmul2d_tmpl.glsl with K = the layer's input width.
//         Between layers values are held in ACCUMULATED and enter the next product as COMPUTED. Activations:
//         activation.glsl
// needs   base.glsl first; memory alignment of weight and bias: 16 bytes for PORTABLE; COOPVEC: weight 64
//         bytes, bias 16 bytes
// source  the network form of tiny-cuda-nn (T. Mueller, 2021), with biases
#include "smelt/mlp_check_tmpl.glsl"

#define SMELT_INLINE SMELT_CAT(SMELT_MLP, _input)
#define SMELT_DTYPE SMELT_MLP_COMPUTED
#define SMELT_RANK 1
#define SMELT_EXTENT0 SMELT_MLP_WIDTH0
#define SMELT_INLINE_BACKEND SMELT_MLP_BACKEND
#include "smelt/inline_tensor_tmpl.glsl"
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer0)
#define SMELT_MLP_K SMELT_MLP_WIDTH0
#define SMELT_MLP_N SMELT_MLP_WIDTH1
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION0
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _input)
#if SMELT_MLP_LAYERS == 1
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden1)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#if SMELT_MLP_LAYERS > 1
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer1)
#define SMELT_MLP_K SMELT_MLP_WIDTH1
#define SMELT_MLP_N SMELT_MLP_WIDTH2
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION1
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden1)
#if SMELT_MLP_LAYERS == 2
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden2)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 2
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer2)
#define SMELT_MLP_K SMELT_MLP_WIDTH2
#define SMELT_MLP_N SMELT_MLP_WIDTH3
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION2
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden2)
#if SMELT_MLP_LAYERS == 3
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden3)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 3
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer3)
#define SMELT_MLP_K SMELT_MLP_WIDTH3
#define SMELT_MLP_N SMELT_MLP_WIDTH4
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION3
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden3)
#if SMELT_MLP_LAYERS == 4
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden4)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 4
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer4)
#define SMELT_MLP_K SMELT_MLP_WIDTH4
#define SMELT_MLP_N SMELT_MLP_WIDTH5
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION4
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden4)
#if SMELT_MLP_LAYERS == 5
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden5)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 5
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer5)
#define SMELT_MLP_K SMELT_MLP_WIDTH5
#define SMELT_MLP_N SMELT_MLP_WIDTH6
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION5
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden5)
#if SMELT_MLP_LAYERS == 6
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden6)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 6
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer6)
#define SMELT_MLP_K SMELT_MLP_WIDTH6
#define SMELT_MLP_N SMELT_MLP_WIDTH7
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION6
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden6)
#if SMELT_MLP_LAYERS == 7
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden7)
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 7
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer7)
#define SMELT_MLP_K SMELT_MLP_WIDTH7
#define SMELT_MLP_N SMELT_MLP_WIDTH8
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION7
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden7)
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _output)
#include "smelt/mlp_layer_tmpl.glsl"
#endif

struct SMELT_CAT(SMELT_MLP, _weights) {
    SMELT_CAT(SMELT_MLP, _layer0) layer0;
#if SMELT_MLP_LAYERS > 1
    SMELT_CAT(SMELT_MLP, _layer1) layer1;
#endif
#if SMELT_MLP_LAYERS > 2
    SMELT_CAT(SMELT_MLP, _layer2) layer2;
#endif
#if SMELT_MLP_LAYERS > 3
    SMELT_CAT(SMELT_MLP, _layer3) layer3;
#endif
#if SMELT_MLP_LAYERS > 4
    SMELT_CAT(SMELT_MLP, _layer4) layer4;
#endif
#if SMELT_MLP_LAYERS > 5
    SMELT_CAT(SMELT_MLP, _layer5) layer5;
#endif
#if SMELT_MLP_LAYERS > 6
    SMELT_CAT(SMELT_MLP, _layer6) layer6;
#endif
#if SMELT_MLP_LAYERS > 7
    SMELT_CAT(SMELT_MLP, _layer7) layer7;
#endif
};

SMELT_CAT(SMELT_MLP, _output)
SMELT_CAT(SMELT_MLP, _run)(SMELT_CAT(SMELT_MLP, _weights) w, SMELT_CAT(SMELT_MLP, _input) x)
{
#if SMELT_MLP_LAYERS == 1
    return SMELT_CAT(SMELT_MLP, _layer0_run)(x, w.layer0);
#else
    SMELT_CAT(SMELT_MLP, _hidden1) h1 = SMELT_CAT(SMELT_MLP, _layer0_run)(x, w.layer0);
#endif
#if SMELT_MLP_LAYERS == 2
    return SMELT_CAT(SMELT_MLP, _layer1_run)(h1, w.layer1);
#elif SMELT_MLP_LAYERS > 2
    SMELT_CAT(SMELT_MLP, _hidden2) h2 = SMELT_CAT(SMELT_MLP, _layer1_run)(h1, w.layer1);
#endif
#if SMELT_MLP_LAYERS == 3
    return SMELT_CAT(SMELT_MLP, _layer2_run)(h2, w.layer2);
#elif SMELT_MLP_LAYERS > 3
    SMELT_CAT(SMELT_MLP, _hidden3) h3 = SMELT_CAT(SMELT_MLP, _layer2_run)(h2, w.layer2);
#endif
#if SMELT_MLP_LAYERS == 4
    return SMELT_CAT(SMELT_MLP, _layer3_run)(h3, w.layer3);
#elif SMELT_MLP_LAYERS > 4
    SMELT_CAT(SMELT_MLP, _hidden4) h4 = SMELT_CAT(SMELT_MLP, _layer3_run)(h3, w.layer3);
#endif
#if SMELT_MLP_LAYERS == 5
    return SMELT_CAT(SMELT_MLP, _layer4_run)(h4, w.layer4);
#elif SMELT_MLP_LAYERS > 5
    SMELT_CAT(SMELT_MLP, _hidden5) h5 = SMELT_CAT(SMELT_MLP, _layer4_run)(h4, w.layer4);
#endif
#if SMELT_MLP_LAYERS == 6
    return SMELT_CAT(SMELT_MLP, _layer5_run)(h5, w.layer5);
#elif SMELT_MLP_LAYERS > 6
    SMELT_CAT(SMELT_MLP, _hidden6) h6 = SMELT_CAT(SMELT_MLP, _layer5_run)(h5, w.layer5);
#endif
#if SMELT_MLP_LAYERS == 7
    return SMELT_CAT(SMELT_MLP, _layer6_run)(h6, w.layer6);
#elif SMELT_MLP_LAYERS > 7
    SMELT_CAT(SMELT_MLP, _hidden7) h7 = SMELT_CAT(SMELT_MLP, _layer6_run)(h6, w.layer6);
#endif
#if SMELT_MLP_LAYERS == 8
    return SMELT_CAT(SMELT_MLP, _layer7_run)(h7, w.layer7);
#endif
}

#undef SMELT_MLP
#undef SMELT_MLP_LAYERS
#undef SMELT_MLP_BIAS
#undef SMELT_MLP_STORED
#undef SMELT_MLP_COMPUTED
#undef SMELT_MLP_ACCUMULATED
#undef SMELT_MLP_LAYOUT
#undef SMELT_MLP_BACKEND
#undef SMELT_MLP_WIDTH0
#undef SMELT_MLP_WIDTH1
#undef SMELT_MLP_WIDTH2
#undef SMELT_MLP_WIDTH3
#undef SMELT_MLP_WIDTH4
#undef SMELT_MLP_WIDTH5
#undef SMELT_MLP_WIDTH6
#undef SMELT_MLP_WIDTH7
#undef SMELT_MLP_WIDTH8
#undef SMELT_MLP_ACTIVATION0
#undef SMELT_MLP_ACTIVATION1
#undef SMELT_MLP_ACTIVATION2
#undef SMELT_MLP_ACTIVATION3
#undef SMELT_MLP_ACTIVATION4
#undef SMELT_MLP_ACTIVATION5
#undef SMELT_MLP_ACTIVATION6
#undef SMELT_MLP_ACTIVATION7
