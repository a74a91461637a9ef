// SPDX-License-Identifier: MIT
// The inside of op descriptors, for the sources that make instances of them: ops.c (all kinds) and
// ops_cooperative.c (matmul2d of a subgroup or a workgroup).
#ifndef SMELT_OPS_INTERNAL_H
#define SMELT_OPS_INTERNAL_H

#include "internal.h"

// A descriptor of any kind with the fields that all of them have, defaults filled in where the descriptor alone
// decides them.
struct smelt_op_plan {
    const struct smelt_op *op;
    enum smelt_scope scope;
    enum smelt_dtype stored, computed, accumulated;
    enum smelt_dtype stored_left; // NONE: there is none
    enum smelt_backend backend;
    uint32_t widest;   // components of the longest vector
    uint32_t max_k;    // terms of the longest sum
    bool row_major_kn; // the matrix is stored [k][n]
};

enum smelt_result smelt_op_check_range(smelt_context context, const struct smelt_op_plan *plan,
                                       const char *field, uint32_t value, uint32_t low, uint32_t high);

// Lines of the generated include.
void smelt_op_define(struct smelt_text *text, const char *prefix, const char *parameter, const char *value);
void smelt_op_define_number(struct smelt_text *text, const char *prefix, const char *parameter,
                            uint32_t value);
const char *smelt_op_dtype_macro(enum smelt_dtype dtype);
const char *smelt_op_backend_macro(enum smelt_backend backend);
const char *smelt_op_activation_macro(enum smelt_activation activation);

// --- matmul2d of SUBGROUP and WORKGROUP scope (ops_cooperative.c) ----------------------------------------

// Fields of the descriptor that no device has a say in.
enum smelt_result smelt_cooperative_check(smelt_context context, const struct smelt_op_plan *plan);
// Chooses the tiling for info->choice and says what it needs. Errors: INVALID_ARGUMENT, UNSUPPORTED.
enum smelt_result smelt_cooperative_tile(smelt_context context, const struct smelt_op_plan *plan,
                                         struct smelt_op_info *info);
void smelt_cooperative_write(struct smelt_text *text, const struct smelt_op_plan *plan,
                             const struct smelt_op_info *info);
// The shape of the device's product f16 x f16 -> accumulated of a subgroup; false: there is none that the modules
// can use.
bool smelt_cooperative_fragment(smelt_context context, enum smelt_dtype accumulated,
                                struct smelt_matmul2d_tiling *tiling);

#endif
