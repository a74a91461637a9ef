// SPDX-License-Identifier: MIT
// Attention, y = softmax(scale q k^T + mask) v, as one call recorded by an encoder: an online softmax, which keeps no scores.
#ifndef SMELT_ATTENTION_H
#define SMELT_ATTENTION_H

#include "ops.h"

SMELT_BEGIN

// All tensors but lengths have rank 4. q is [batch][heads][queries][size], k [batch][key heads][keys][size], v [batch][key
// heads][keys][size of values], y [batch][heads][queries][size of values]; key heads divide heads, of which each group in order
// shares one. All four are f32 or f16, with elements of a row next to each other and any other strides: what is stored
// [batch][token][head][size] is a view. A size is 1 to 256 elements.
struct smelt_attention_params {
    smelt_tensor q, k, v, y;
    // Added to the scores (f32 or f16), or u8: 0 takes a key out. Its extents are those of the scores, [batch][heads][queries]
    // [keys], or 1, which serves all. NULL: none
    smelt_tensor mask;
    smelt_tensor
        lengths;   // i32 [batch]: how many keys are there; below 0: none, more than there are: all. NULL: all
    float scale;   // 0: 1 / sqrt(size). Above 0
    float cap;     // above 0: scores become cap tanh(scale score / cap), before the mask. 0: none
    bool causal;   // query i sees keys up to i + past, with lengths up to i + length - queries
    uint32_t past; // causal: keys before the one of the first query
    enum smelt_backend backend;
    // m: queries of a workgroup, n: keys at a time, subgroups_m. Zeros: chosen.
    struct smelt_matmul2d_tiling tiling;
};

// One dispatch at stage COMPUTE_SHADER with SHADER_STORAGE_READ of what is read and SHADER_STORAGE_WRITE of y, which is apart
// from it; a compute pipeline and push constants are bound, nothing else of the command buffer's state changes. A first call of a
// kind compiles a kernel; in builds without compiler it is UNSUPPORTED.
//
// Scores and their softmax are in f32, sums too. f16 on COOPMAT and COOPMAT2: the weights, which are 1 for the largest score of a
// row so far, are rounded to f16 for the second product; on PORTABLE, which has f32, nothing is rounded but y. Bound:
// docs/numerics.md.
// A query that sees no key gives NaN, one with a NaN or +infinity among its scores too; a score of -infinity counts for nothing.
// A value of infinity or NaN makes the results of all queries NaN (or infinite) that give its key a weight, but may or may not do
// so with queries that give it none: blocks of keys that none of a workgroup's queries sees by `causal` and `lengths` are not read.
//
// Which backend: the fastest one that multiplies these types with sums of f32, as smelt_op_query says it of a matmul2d at
// WORKGROUP scope. Errors: INVALID_ARGUMENT (NULL, another context, scale, cap, tensors that share bytes with y, tiling), SHAPE,
// DTYPE, UNSUPPORTED (backend, the tiling's shared memory, an extent or a number of workgroups past the device's), COMPILE,
// OUT_OF_HOST_MEMORY, VULKAN. Thread-safe but for the encoder.
SMELT_API enum smelt_result smelt_encode_attention(smelt_encoder encoder,
                                                   const struct smelt_attention_params *params);

SMELT_END

#endif
