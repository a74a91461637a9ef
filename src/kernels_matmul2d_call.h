// SPDX-License-Identifier: MIT
// A call of smelt_encode_matmul2d on its way to a kernel: what kernels_matmul2d.c and kernels_matmul2d_few.c share.
#ifndef SMELT_KERNELS_MATMUL2D_CALL_H
#define SMELT_KERNELS_MATMUL2D_CALL_H

#include "kernels_matmul2d.h"

// What a kernel is compiled for.
struct smelt_product_key {
    uint32_t left, right, bias, scale, zero; // enum smelt_dtype; scale and zero 0: there are none
    uint32_t block, offset;                  // offset: zero is added
    uint32_t computed, accumulated, backend;
    uint32_t transpose_left, transpose_right, alignment, dense;
    struct smelt_matmul2d_tiling tiling;
    uint32_t baked;
    uint32_t vectors, swapped;                  // 1 to MAX_VECTORS: glsl/kernels/matvec_body.glsl
    struct smelt_quantization_key quantization; // of integers
    uint32_t per;   // elements of a quantised matrix that an invocation takes at a time
    uint32_t tiles; // of 16 rows of a matrix that the device's matrices multiply with vectors; 0: they do not
    uint32_t subgroups; // that share the terms of these rows
    // 32 terms and 32 columns of a small right operand: matmul2d_narrow_body.glsl; 0: another kernel.
    uint32_t deep, across;
};

// A call on its way.
struct smelt_product_call {
    struct smelt_product product;
    struct smelt_matmul2d_descriptor descriptor;
    struct smelt_op op;
    struct smelt_op_info info;
    struct smelt_product_key key;
    uint32_t splits;
};

// What glsl/kernels/matmul2d_head.glsl takes, and it.
void smelt_product_write_head(struct smelt_text *text, const struct smelt_product_key *key);

// How far an operand's rows are aligned, in elements: up to 16 of a byte and less, to 8 of others.
uint32_t smelt_product_alignment(const struct smelt_tensor_info *t);

// Workgroups at most of the kernel of many rows, each of which goes on with further ones: two for each of an H200's
// multiprocessors.
#define SMELT_NARROW_GROUPS 264

// Takes a call whose key is filled for a kernel of a matrix with up to eight vectors, or of many rows by a small matrix.
// False: it is none of these, and nothing has changed.
bool smelt_product_take_vectors(struct smelt_product_call *call);
bool smelt_product_take_narrow(struct smelt_product_call *call);

// Texts of these kernels; `user` is the key.
void smelt_product_write_vectors(struct smelt_text *text, const void *user);
void smelt_product_write_narrow(struct smelt_text *text, const void *user);

#endif
