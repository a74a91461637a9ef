// SPDX-License-Identifier: MIT
// Op descriptors: the same fields as the GLSL templates, so that host and shader cannot disagree. An op has a
// name; a shader compiled with it (smelt_shader_params.ops) finds its generated instance as
//     #include "smelt/op/NAME.glsl"
#ifndef SMELT_OPS_H
#define SMELT_OPS_H

#include "context.h"
#include "tensor.h"

SMELT_BEGIN

// Values are shared with glsl/smelt/activation.glsl. Names in files are tiny-cuda-nn's, lower case.
enum smelt_activation {
    SMELT_ACTIVATION_NONE = 0,
    SMELT_ACTIVATION_RELU = 1,
    SMELT_ACTIVATION_LEAKY_RELU = 2, // slope 0.01
    SMELT_ACTIVATION_SILU = 3,
    SMELT_ACTIVATION_GELU = 4, // tanh form, Hendrycks and Gimpel 2016, section 2
    SMELT_ACTIVATION_SIGMOID = 5,
    SMELT_ACTIVATION_TANH = 6,
    SMELT_ACTIVATION_EXP = 7,
    SMELT_ACTIVATION_SOFTPLUS = 8,
    SMELT_ACTIVATION_SINE = 9,
    SMELT_ACTIVATION_COUNT = 10,
};
// "none", "relu", "leaky_relu", ...; "invalid" for unknown values. Static storage.
SMELT_API const char *smelt_activation_name(enum smelt_activation activation);
// SMELT_ACTIVATION_COUNT when there is no such name.
SMELT_API enum smelt_activation smelt_activation_from_name(const char *name);

// d[m][n] = activation(sum_k a[m][k] b[k][n] + bias[n]) at THREAD scope: `a` and `d` live in the invocation
// (inline tensors), `b` and `bias` in device memory. See glsl/smelt/matmul2d_tmpl.glsl for what the instance
// makes and for its error bound. The generated include also makes the inline tensor types NAME_left ([m][k] of
// `computed`) and NAME_result ([m][n] of `accumulated`).
struct smelt_matmul2d_descriptor {
    enum smelt_scope scope; // THREAD
    uint32_t m;             // rows that one invocation computes: 1 to 16 (0: 1)
    uint32_t n, k;          // each 1 to 1024
    bool transpose_right;   // `b` is stored [n][k]: a weight [out][in]. COOPVEC takes no other
    bool accumulate;        // d = activation(d + ...)
    bool bias;
    enum smelt_activation activation;
    enum smelt_dtype stored;      // of b and bias: f32 f16 bf16 f8e4m3 f8e5m2. NONE: f16
    enum smelt_dtype computed;    // f16 (not with stored f32 or bf16) or f32. NONE: see smelt_backend_query
    enum smelt_dtype accumulated; // f16 or f32, not narrower than computed. NONE: as computed
    enum smelt_backend backend;
};

#define SMELT_MLP_MAX_LAYERS 8

// A multilayer perceptron at THREAD scope: layer i maps widths[i] to widths[i + 1] by activation(W x + b)
// with W stored [out][in] row-major. See glsl/smelt/mlp_tmpl.glsl.
struct smelt_mlp_descriptor {
    uint32_t layer_count;                      // 1 to SMELT_MLP_MAX_LAYERS
    uint32_t widths[SMELT_MLP_MAX_LAYERS + 1]; // each 1 to 1024
    enum smelt_activation activations[SMELT_MLP_MAX_LAYERS];
    bool no_bias;
    enum smelt_dtype stored, computed, accumulated; // as in smelt_matmul2d_descriptor
    enum smelt_backend backend;
};

// An op with its name, for a shader. Exactly the descriptor that `kind` names is set.
struct smelt_op {
    const char *name; // a GLSL identifier without "__" and not beginning with "gl_" or "smelt_"
    enum smelt_op_kind kind;
    const struct smelt_matmul2d_descriptor *matmul2d;
    const struct smelt_mlp_descriptor *mlp;
};

// What an op will be on this device.
struct smelt_op_info {
    struct smelt_backend_choice choice;
    double error_c; // |y - exact| <= error_c * error_u * (sum |a||b| + |bias|), per layer; c = c(K)
    double error_u;
};

// Validates and chooses. `context` NULL as in smelt_backend_choose. `stage` 0: compute.
// Errors: INVALID_ARGUMENT (names the field, its value and what is allowed), DTYPE, UNSUPPORTED. Thread-safe.
SMELT_API enum smelt_result smelt_op_query(smelt_context context, const struct smelt_op *op,
                                           VkShaderStageFlagBits stage, struct smelt_op_info *info);

// The GLSL text of the op's generated include for a backend that smelt_op_query chose. The caller frees it
// with smelt_free_text. Errors as smelt_op_query.
SMELT_API enum smelt_result smelt_op_glsl(smelt_context context, const struct smelt_op *op,
                                          VkShaderStageFlagBits stage, char **text);
SMELT_API void smelt_free_text(char **text);

SMELT_END

#endif
