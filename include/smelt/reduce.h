// SPDX-License-Identifier: MIT
// Reductions, softmax, layer norm and RMS norm along one axis of a tensor: as ops for a shader
// (descriptors, see ops.h) and as whole calls recorded by an encoder.
//
// A line is what remains of a tensor when all indices but that of the axis are given. Error bounds stand in the headers of
// glsl/smelt/reduce_tmpl.glsl, softmax_tmpl.glsl, layer_norm_tmpl.glsl and rms_norm_tmpl.glsl; sums are in f32.
#ifndef SMELT_REDUCE_H
#define SMELT_REDUCE_H

#include "ops.h"

SMELT_BEGIN

// What a line becomes. GLSL has the same names, enumerated from 1 (glsl/smelt/reduce.glsl).
enum smelt_reduce {
    SMELT_REDUCE_SUM = 0,
    SMELT_REDUCE_PRODUCT = 1,
    SMELT_REDUCE_MAX = 2,
    SMELT_REDUCE_MIN = 3,
    SMELT_REDUCE_MEAN = 4,    // of integers: in f32
    SMELT_REDUCE_ARG_MAX = 5, // the lowest index of the greatest element; a NaN is the greatest
    SMELT_REDUCE_ARG_MIN = 6,
    SMELT_REDUCE_SUM_SQUARES = 7,
    SMELT_REDUCE_LOG_SUM_EXP = 8, // of integers: in f32
    SMELT_REDUCE_COUNT = 9,
};

// --- Ops for a shader -------------------------------------------------------------------------------------
//
// The generated include makes the type of the tensor that is read, NAME_source (NAME_source_f16_2_r_0x0), softmax and the
// norms also NAME_result (written), the norms NAME_weight (rank 1, read). At SUBGROUP and WORKGROUP scope (compute) it
// defines NAME_WORKGROUP_SIZE (WORKGROUP: what the local size must be; SUBGROUP: what it must be a multiple of; a y and z
// size of 1) and, unless the macro NAME_SCRATCH names a `shared uvec4` array already, an array of its own (SUBGROUP: for
// NAME_SUBGROUPS subgroups in a workgroup; define it before, 1 else).
// smelt_op_info: error_u is 2^-23 and error_c the module's c for lines of 2^20 elements (product: its n).

// Fields of all. Zeros: chosen.
struct smelt_line_layout {
    enum smelt_scope scope;
    uint32_t rank, axis;     // of the tensors, 1 to 16; the dimension that the line runs along
    enum smelt_dtype stored; // elements of all tensors: f32 f16 bf16 f8e4m3 f8e5m2, reductions any. NONE: f16
    enum smelt_backend backend;
    uint32_t workgroup_size; // WORKGROUP: invocations, to 1024. 0: 256 or what the device can
    uint32_t subgroup_size;  // SUBGROUP: 0: the device's
};

struct smelt_reduction_descriptor {
    struct smelt_line_layout line;
    enum smelt_reduce reduce;
    bool map; // the shader declares `V NAME_map(V v, uint i[RANK])` before: see the module
};

struct smelt_softmax_descriptor {
    struct smelt_line_layout line;
    bool logarithm;
    bool map;      // the shader declares `float NAME_map(float v, uint i[RANK])` before: a scale, a mask
    uint32_t held; // chunks of 16 bytes that an invocation keeps, to 16. 0: 8
};

struct smelt_layer_norm_descriptor {
    struct smelt_line_layout line;
    uint32_t held;
};

struct smelt_rms_norm_descriptor {
    struct smelt_line_layout line;
    uint32_t held;
};

// --- Whole calls, recorded by an encoder (encoder.h) ------------------------------------------------------
//
// They run at stage COMPUTE_SHADER with SHADER_STORAGE_READ of what is read and SHADER_STORAGE_WRITE of what is written;
// a compute pipeline and push constants are bound, nothing else of the command buffer's state changes. A first call for a
// type compiles a kernel (f32 and f16 are baked into builds without compiler; others are UNSUPPORTED there). The
// dimensions of the tensors but for the axis must be three at most after those are joined that step evenly: packed
// tensors of any rank are. Rows that begin at multiples of 16 bytes are fastest.
// Errors of all: INVALID_ARGUMENT (NULL, another context, axis, tensors that share bytes), SHAPE, DTYPE, UNSUPPORTED,
// COMPILE, OUT_OF_HOST_MEMORY, VULKAN. Thread-safe but for the encoder.

// y = x reduced along `axis`. y has x's shape without the axis, or with an extent of 1 there. Its dtype: ARG_x i32 or u32;
// of a float x else f32 or as x, of integers f32 for a mean and log-sum-exp, else i32 of signed and u32 of unsigned ones.
struct smelt_reduction_params {
    smelt_tensor x, y;
    uint32_t axis;
    enum smelt_reduce reduce;
    smelt_tensor scratch; // read and written; u32, rank 1, packed, at a multiple of 8 bytes and of
        // smelt_reduction_scratch_size bytes or more. NULL: a single dispatch, which leaves most of a
        // device idle where long lines are few
    bool baked; // the kernel that was made when the library was built, also where there is a compiler
};

// Bytes that `scratch` needs for one call with params (params->scratch is not looked at); 0: none is of use. Errors as
// smelt_encode_reduction. Thread-safe.
SMELT_API enum smelt_result smelt_reduction_scratch_size(const struct smelt_reduction_params *params,
                                                         uint64_t *size);
// With scratch: two dispatches where that is faster, and a barrier between them, whatever the encoder's hazards are.
SMELT_API enum smelt_result smelt_encode_reduction(smelt_encoder encoder,
                                                   const struct smelt_reduction_params *params);

// y = softmax(scale x + mask) along `axis`, or its logarithm. y has x's shape and dtype (float) and may be x. The mask has
// their dtype and rank, and in each dimension x's extent or 1, which serves all; -infinity takes an element out.
struct smelt_softmax_params {
    smelt_tensor x, y;
    smelt_tensor mask; // NULL: none
    uint32_t axis;
    float scale; // 0: 1
    bool logarithm;
    bool baked;
};
// One dispatch.
SMELT_API enum smelt_result smelt_encode_softmax(smelt_encoder encoder,
                                                 const struct smelt_softmax_params *params);

// y = (x - mean) / sqrt(variance + epsilon) gamma + beta along `axis`. y has x's shape and dtype (float) and may be x.
struct smelt_layer_norm_params {
    smelt_tensor x, y;
    smelt_tensor gamma, beta; // rank 1, x's dtype and its extent along the axis. NULL: ones, zeros
    uint32_t axis;
    float epsilon; // 0: 1e-5. Negative: INVALID_ARGUMENT
    // What is normalised is x + residual, rounded to their dtype; `sum` receives it. Both of x's dtype, shape and strides; sum
    // is apart from y, and may be x or the residual where a workgroup holds a line (3968 elements or fewer on every device;
    // INVALID_ARGUMENT else). NULL: none. Not baked
    smelt_tensor residual, sum;
    bool baked;
};
// One dispatch.
SMELT_API enum smelt_result smelt_encode_layer_norm(smelt_encoder encoder,
                                                    const struct smelt_layer_norm_params *params);

// y = x / sqrt(mean of x^2 + epsilon) gamma along `axis`; all as in smelt_layer_norm_params.
struct smelt_rms_norm_params {
    smelt_tensor x, y;
    smelt_tensor gamma;
    uint32_t axis;
    float epsilon;
    smelt_tensor residual, sum;
    bool baked;
};
// One dispatch.
SMELT_API enum smelt_result smelt_encode_rms_norm(smelt_encoder encoder,
                                                  const struct smelt_rms_norm_params *params);

SMELT_END

#endif
