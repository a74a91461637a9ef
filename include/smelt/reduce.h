// SPDX-License-Identifier: MIT
// Reductions, softmax, layer norm and RMS norm along one axis of a tensor, as ops for a shader
// (descriptors, see ops.h).
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
    SMELT_REDUCE_MEAN = 4,    // float types only
    SMELT_REDUCE_ARG_MAX = 5, // the lowest index of the greatest element; a NaN is the greatest
    SMELT_REDUCE_ARG_MIN = 6,
    SMELT_REDUCE_SUM_SQUARES = 7,
    SMELT_REDUCE_LOG_SUM_EXP = 8, // float types only
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

SMELT_END

#endif
