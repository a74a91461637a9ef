// SPDX-License-Identifier: MIT
// mlp_tmpl.glsl: a multilayer perceptron, evaluated by one invocation in any shader stage or, in compute, by a
// subgroup's invocations together, each with samples of its own.
//
// what    h[0] = x; h[i + 1] = activation_i(W_i h[i] + bias_i); y = h[layers]. Several networks of different
//         shape live in one shader; each include makes one
// params  all required, all undefined afterwards:
//         SMELT_MLP               name of the network
//         SMELT_MLP_SCOPE         SMELT_SCOPE_THREAD; or SMELT_SCOPE_SUBGROUP, SMELT_SCOPE_WORKGROUP:
//                                 mlp_cooperative_tmpl.glsl, with its further parameters
//         SMELT_MLP_SAMPLES       of one invocation, evaluated at once: 1, 2 or 4. They share each read of a weight
//         SMELT_MLP_LAYERS        1 to 8
//         SMELT_MLP_WIDTH0 ... SMELT_MLP_WIDTH<LAYERS>  decimal literals, 1 to 1024; WIDTH0 is the input's
//         SMELT_MLP_ACTIVATION0 ... SMELT_MLP_ACTIVATION<LAYERS - 1>  SMELT_ACTIVATION_x (activation.glsl)
//         SMELT_MLP_BIAS          1: every layer has a bias; 0: none has
//         SMELT_MLP_STORED        SMELT_DTYPE_x of weights and biases: F32 F16 BF16 F8E4M3 F8E5M2; COOPVEC: F16
//         SMELT_MLP_COMPUTED      SMELT_DTYPE_F32 or SMELT_DTYPE_F16: what both factors are converted to
//         SMELT_MLP_ACCUMULATED   SMELT_DTYPE_F32 or SMELT_DTYPE_F16: of sums; not narrower than COMPUTED
//         SMELT_MLP_LAYOUT        of the weights: SMELT_LAYOUT_ROW_MAJOR or SMELT_LAYOUT_OPTIMAL
//         SMELT_MLP_BACKEND       THREAD: SMELT_BACKEND_PORTABLE or SMELT_BACKEND_COOPVEC; else _PORTABLE, _COOPMAT
//                                 or _COOPMAT2; one of SMELT_BACKENDS
//         COMPUTED F16 takes STORED F16, F8E4M3 or F8E5M2 (conversion must be exact). COOPVEC takes F16 for
//         all three types, and with ROW_MAJOR only inputs widths that are multiples of 8
// makes   for the name NAME:
//         NAME_layer<i> { weight: tensor [out][in]; bias: tensor [out] }  (bias only with SMELT_MLP_BIAS 1)
//         NAME_weights { NAME_layer0 layer0; NAME_layer1 layer1; ... }    for an argument block
//         NAME_input, NAME_output                inline tensors (inline_tensor_tmpl.glsl) of rank 1, with SAMPLES
//                                                above 1 of rank 2, the sample first
//         void smelt_set(inout NAME_input x, [int s,] int i, float v)   constant s, i: each becomes a register
//         float smelt_get(NAME_output y, [int s,] int i)
//         NAME_output NAME_run(NAME_weights w, NAME_input x)   SUBGROUP: see mlp_cooperative_tmpl.glsl
//         NAME_samples_<computed>_2_r_0x<in>, NAME_results_<accumulated>_2_w_0x<out>: tensor types of inputs and
//         outputs in device memory, a row for each sample, and
//         NAME_input NAME_read(SAMPLES_TYPE t, uint row, uint step)     sample s is row + s step; outside: 0
//         void NAME_write(RESULTS_TYPE t, uint row, uint step, NAME_output y)             outside: dropped
//         Every element of the input must be set before NAME_run. Weights are packed: their strides are not
//         read. The weight struct is NAME_layer<i>_weight_<dtype>_2_r_<out>x<in>, the bias struct
//         NAME_layer<i>_bias_<dtype>_1_r_<out> (tensor_tmpl.glsl); they are the same at every scope
// errors  per layer, before the activation: the bound of matmul2d_tmpl.glsl with K = the layer's input width.
//         Between layers values are held in ACCUMULATED and enter the next product as COMPUTED. Activations:
//         activation.glsl
// needs   base.glsl first; memory alignment of weight and bias: 16 bytes for PORTABLE; COOPVEC: weight 64
//         bytes, bias 16 bytes
// source  the network form of tiny-cuda-nn (T. Mueller, 2021), with biases
#include "smelt/mlp_check_tmpl.glsl"

// Width of the output; what the first layer takes and the last one gives; what a layer's product takes beside that.
#if SMELT_MLP_LAYERS == 1
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH1
#elif SMELT_MLP_LAYERS == 2
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH2
#elif SMELT_MLP_LAYERS == 3
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH3
#elif SMELT_MLP_LAYERS == 4
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH4
#elif SMELT_MLP_LAYERS == 5
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH5
#elif SMELT_MLP_LAYERS == 6
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH6
#elif SMELT_MLP_LAYERS == 7
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH7
#else
#define SMELT_MLP_WIDTH SMELT_MLP_WIDTH8
#endif
#if SMELT_MLP_SCOPE == SMELT_SCOPE_THREAD
#define SMELT_MLP_FIRST SMELT_CAT(SMELT_MLP, _input)
#define SMELT_MLP_LAST SMELT_CAT(SMELT_MLP, _output)
#define SMELT_MLP_RUN SMELT_CAT(SMELT_MLP, _run)(SMELT_CAT(SMELT_MLP, _weights) w, SMELT_MLP_FIRST x)
#define SMELT_MLP_WITH(x, layer) (x, w.layer)
#else
#define SMELT_MLP_FIRST SMELT_CAT(SMELT_MLP, _group_input)
#define SMELT_MLP_LAST SMELT_CAT(SMELT_MLP, _group_output)
#if SMELT_MLP_SCOPE == SMELT_SCOPE_SUBGROUP
#define SMELT_MLP_RUN SMELT_CAT(SMELT_MLP, _forward)(SMELT_MLP_FIRST x, const bool direct)
#define SMELT_MLP_WITH(x, layer) (x, direct)
#else
#define SMELT_MLP_RUN                                                                                        \
    SMELT_CAT(SMELT_MLP, _forward)(SMELT_CAT(SMELT_MLP, _weights) w, SMELT_MLP_FIRST x, const bool direct)
#define SMELT_MLP_WITH(x, layer) (x, direct, w.layer)
#endif
#endif

#define SMELT_MLP_VECTOR SMELT_CAT(SMELT_MLP, _input)
#define SMELT_MLP_VECTOR_DTYPE SMELT_MLP_COMPUTED
#define SMELT_MLP_N SMELT_MLP_WIDTH0
#include "smelt/mlp_vector_tmpl.glsl"
#undef SMELT_MLP_N
#if SMELT_MLP_SCOPE != SMELT_SCOPE_THREAD
#include "smelt/mlp_cooperative_tmpl.glsl"
#endif
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer0)
#define SMELT_MLP_K SMELT_MLP_WIDTH0
#define SMELT_MLP_N SMELT_MLP_WIDTH1
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION0
#define SMELT_MLP_LEFT SMELT_MLP_FIRST
#if SMELT_MLP_LAYERS == 1
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden1)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#if SMELT_MLP_LAYERS > 1
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer1)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer0)
#define SMELT_MLP_K SMELT_MLP_WIDTH1
#define SMELT_MLP_N SMELT_MLP_WIDTH2
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION1
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden1)
#if SMELT_MLP_LAYERS == 2
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden2)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 2
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer2)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer1)
#define SMELT_MLP_K SMELT_MLP_WIDTH2
#define SMELT_MLP_N SMELT_MLP_WIDTH3
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION2
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden2)
#if SMELT_MLP_LAYERS == 3
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden3)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 3
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer3)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer2)
#define SMELT_MLP_K SMELT_MLP_WIDTH3
#define SMELT_MLP_N SMELT_MLP_WIDTH4
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION3
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden3)
#if SMELT_MLP_LAYERS == 4
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden4)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 4
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer4)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer3)
#define SMELT_MLP_K SMELT_MLP_WIDTH4
#define SMELT_MLP_N SMELT_MLP_WIDTH5
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION4
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden4)
#if SMELT_MLP_LAYERS == 5
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden5)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 5
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer5)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer4)
#define SMELT_MLP_K SMELT_MLP_WIDTH5
#define SMELT_MLP_N SMELT_MLP_WIDTH6
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION5
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden5)
#if SMELT_MLP_LAYERS == 6
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden6)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 6
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer6)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer5)
#define SMELT_MLP_K SMELT_MLP_WIDTH6
#define SMELT_MLP_N SMELT_MLP_WIDTH7
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION6
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden6)
#if SMELT_MLP_LAYERS == 7
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
#else
#define SMELT_MLP_RESULT SMELT_CAT(SMELT_MLP, _hidden7)
#define SMELT_MLP_FINAL 0
#endif
#include "smelt/mlp_layer_tmpl.glsl"
#endif
#if SMELT_MLP_LAYERS > 7
#define SMELT_MLP_LAYER SMELT_CAT(SMELT_MLP, _layer7)
#define SMELT_MLP_BEFORE SMELT_CAT(SMELT_MLP, _layer6)
#define SMELT_MLP_K SMELT_MLP_WIDTH7
#define SMELT_MLP_N SMELT_MLP_WIDTH8
#define SMELT_MLP_ACTIVATION SMELT_MLP_ACTIVATION7
#define SMELT_MLP_LEFT SMELT_CAT(SMELT_MLP, _hidden7)
#define SMELT_MLP_RESULT SMELT_MLP_LAST
#define SMELT_MLP_FINAL 1
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

SMELT_MLP_LAST SMELT_MLP_RUN
{
#if SMELT_MLP_LAYERS == 1
    return SMELT_CAT(SMELT_MLP, _layer0_run) SMELT_MLP_WITH(x, layer0);
#else
    SMELT_CAT(SMELT_MLP, _hidden1) h1 = SMELT_CAT(SMELT_MLP, _layer0_run) SMELT_MLP_WITH(x, layer0);
#endif
#if SMELT_MLP_LAYERS == 2
    return SMELT_CAT(SMELT_MLP, _layer1_run) SMELT_MLP_WITH(h1, layer1);
#elif SMELT_MLP_LAYERS > 2
    SMELT_CAT(SMELT_MLP, _hidden2) h2 = SMELT_CAT(SMELT_MLP, _layer1_run) SMELT_MLP_WITH(h1, layer1);
#endif
#if SMELT_MLP_LAYERS == 3
    return SMELT_CAT(SMELT_MLP, _layer2_run) SMELT_MLP_WITH(h2, layer2);
#elif SMELT_MLP_LAYERS > 3
    SMELT_CAT(SMELT_MLP, _hidden3) h3 = SMELT_CAT(SMELT_MLP, _layer2_run) SMELT_MLP_WITH(h2, layer2);
#endif
#if SMELT_MLP_LAYERS == 4
    return SMELT_CAT(SMELT_MLP, _layer3_run) SMELT_MLP_WITH(h3, layer3);
#elif SMELT_MLP_LAYERS > 4
    SMELT_CAT(SMELT_MLP, _hidden4) h4 = SMELT_CAT(SMELT_MLP, _layer3_run) SMELT_MLP_WITH(h3, layer3);
#endif
#if SMELT_MLP_LAYERS == 5
    return SMELT_CAT(SMELT_MLP, _layer4_run) SMELT_MLP_WITH(h4, layer4);
#elif SMELT_MLP_LAYERS > 5
    SMELT_CAT(SMELT_MLP, _hidden5) h5 = SMELT_CAT(SMELT_MLP, _layer4_run) SMELT_MLP_WITH(h4, layer4);
#endif
#if SMELT_MLP_LAYERS == 6
    return SMELT_CAT(SMELT_MLP, _layer5_run) SMELT_MLP_WITH(h5, layer5);
#elif SMELT_MLP_LAYERS > 6
    SMELT_CAT(SMELT_MLP, _hidden6) h6 = SMELT_CAT(SMELT_MLP, _layer5_run) SMELT_MLP_WITH(h5, layer5);
#endif
#if SMELT_MLP_LAYERS == 7
    return SMELT_CAT(SMELT_MLP, _layer6_run) SMELT_MLP_WITH(h6, layer6);
#elif SMELT_MLP_LAYERS > 7
    SMELT_CAT(SMELT_MLP, _hidden7) h7 = SMELT_CAT(SMELT_MLP, _layer6_run) SMELT_MLP_WITH(h6, layer6);
#endif
#if SMELT_MLP_LAYERS == 8
    return SMELT_CAT(SMELT_MLP, _layer7_run) SMELT_MLP_WITH(h7, layer7);
#endif
}

#if SMELT_MLP_SCOPE == SMELT_SCOPE_THREAD
#include "smelt/mlp_samples_tmpl.glsl"
#else
#include "smelt/mlp_cooperative_run_tmpl.glsl"
#endif

#include "smelt/mlp_undef_tmpl.glsl"
#undef SMELT_MLP
#undef SMELT_MLP_SCOPE
#undef SMELT_MLP_SAMPLES
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
