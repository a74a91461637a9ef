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
