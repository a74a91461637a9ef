// SPDX-License-Identifier: MIT
// Element by element: y = f(x0, x1, ...) where f is a list of steps in f32, as one kernel that is generated for it.
//
//     relu(a b + c):  steps { MULTIPLY, {0, 1} }, { ADD, {3, 2} }, { ACTIVATE, {4}, .activation = RELU }
#ifndef SMELT_ELEMENTWISE_H
#define SMELT_ELEMENTWISE_H

#include "ops.h"

SMELT_BEGIN

// p, q: the operands. u = 2^-23, an error is relative to the step's result unless it says otherwise.
enum smelt_elementwise {
    SMELT_ELEMENTWISE_ACTIVATE = 0, // activation(p); errors: glsl/smelt/activation.glsl
    SMELT_ELEMENTWISE_ADD = 1, // p + q. ADD, SUBTRACT, MULTIPLY: u / 2, a product may be fused with a sum
    SMELT_ELEMENTWISE_SUBTRACT = 2, // p - q
    SMELT_ELEMENTWISE_MULTIPLY = 3, // p q
    SMELT_ELEMENTWISE_DIVIDE = 4,   // p / q; 3 u
    SMELT_ELEMENTWISE_MAXIMUM = 5,  // exact; with a NaN: p. MINIMUM the same
    SMELT_ELEMENTWISE_MINIMUM = 6,
    SMELT_ELEMENTWISE_POWER =
        7, // p^q for p > 0 (a p < 0 with a whole q: as |p|^q with its sign); 0^q is 0 for
           // q > 0, p^0 is 1. (3 + 4 |q log2 p|) u
    SMELT_ELEMENTWISE_NEGATE = 8,   // exact, as ABSOLUTE, SIGN, FLOOR, CEIL
    SMELT_ELEMENTWISE_ABSOLUTE = 9, // |p|
    SMELT_ELEMENTWISE_SIGN = 10,    // -1, 0 or 1
    SMELT_ELEMENTWISE_FLOOR = 11,
    SMELT_ELEMENTWISE_CEIL = 12,
    SMELT_ELEMENTWISE_ROUND = 13,      // to nearest, ties to even; exact
    SMELT_ELEMENTWISE_RECIPROCAL = 14, // 1 / p; 3 u
    SMELT_ELEMENTWISE_ROOT = 15,       // square root; 4 u
    SMELT_ELEMENTWISE_LOGARITHM = 16,  // natural, of p > 0; 4 u, within [0.5, 2]: 2^-20 absolute
    SMELT_ELEMENTWISE_COSINE = 17,     // 2^-11 absolute for |p| <= pi
    SMELT_ELEMENTWISE_ERF = 18,        // 2^-20 absolute (Abramowitz and Stegun 1964, 7.1.26)
    SMELT_ELEMENTWISE_THRESHOLD = 19,  // p where p > q, else 0; exact
    SMELT_ELEMENTWISE_REMAINDER = 20,  // p - q trunc(p / q), as C's fmod; 2 u |p| absolute for |p / q| < 2^22
    SMELT_ELEMENTWISE_TANGENT = 21,    // 2^-10 (1 + |y|) / |cos p| absolute for |p| <= pi
    SMELT_ELEMENTWISE_ARCCOSINE = 22,  // 2^-10 absolute, as ARCSINE and ARCTANGENT
    SMELT_ELEMENTWISE_ARCSINE = 23,
    SMELT_ELEMENTWISE_ARCTANGENT = 24,
    SMELT_ELEMENTWISE_COSH = 25, // (4 + 2 |p|) u e^|p| absolute, as SINH
    SMELT_ELEMENTWISE_SINH = 26,
    SMELT_ELEMENTWISE_ARCOSH = 27, // inverses of cosh, sinh and tanh; 2^-19 (1 + |y|) absolute
    SMELT_ELEMENTWISE_ARSINH = 28,
    SMELT_ELEMENTWISE_ARTANH = 29,
    SMELT_ELEMENTWISE_COUNT = 30,
};
// "add", "multiply", ...; "invalid" for unknown values. Static storage.
SMELT_API const char *smelt_elementwise_name(enum smelt_elementwise operation);
// Operands that a step takes: 1 or 2; 0 for unknown values.
SMELT_API uint32_t smelt_elementwise_operand_count(enum smelt_elementwise operation);

#define SMELT_ELEMENTWISE_VALUE UINT32_MAX // an operand that is the step's `value`
#define SMELT_ELEMENTWISE_MAX_INPUTS 12

struct smelt_elementwise_step {
    enum smelt_elementwise operation;
    // i < input_count: input i; input_count + i: the result of step i, an earlier one; or SMELT_ELEMENTWISE_VALUE
    uint32_t operands[2];
    enum smelt_activation activation; // of ACTIVATE
    float value;
};

struct smelt_elementwise_params {
    // f32 f16 bf16 f8e4m3 f8e5m2, each its own. Extents are y's or 1, which serves all, counted from the last;
    // missing ones are 1
    smelt_tensor inputs[SMELT_ELEMENTWISE_MAX_INPUTS];
    uint32_t input_count;                       // 1 or more
    const struct smelt_elementwise_step *steps; // any number; the last one's result is y. Borrowed
    uint32_t step_count;
    smelt_tensor y; // a float type; may be an input of its own shape, or apart from it
};

// Records one dispatch at stage COMPUTE_SHADER with SHADER_STORAGE_READ of the inputs and SHADER_STORAGE_WRITE of y.
// Binds a compute pipeline and push constants; nothing else of the command buffer's state changes. A first call
// for steps, types and a class of shapes compiles a kernel; values of steps are specialization constants (the first 32 of
// them). Each element of y is rounded once to its type. Needs a build with the compiler.
// Errors: INVALID_ARGUMENT (NULL, another context, a step's operand, operation or activation, y shares bytes with an
// input that is not the same elements), SHAPE (also dimensions that do not step evenly: addresses and strides must fit
// the device's push constants), DTYPE, UNSUPPORTED (build without compiler), COMPILE, OUT_OF_HOST_MEMORY, VULKAN.
// Thread-safe but for the encoder.
SMELT_API enum smelt_result smelt_encode_elementwise(smelt_encoder encoder,
                                                     const struct smelt_elementwise_params *params);

SMELT_END

#endif
