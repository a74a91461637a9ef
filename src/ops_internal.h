// SPDX-License-Identifier: MIT
// The inside of op descriptors: what a kind of op is made of (struct smelt_op_type) and what its file uses.
#ifndef SMELT_OPS_INTERNAL_H
#define SMELT_OPS_INTERNAL_H

#include "internal.h"

// A descriptor of any kind with the fields that backends are chosen by, defaults filled in where the descriptor alone
// decides them.
struct smelt_op_plan {
    const struct smelt_op *op;
    const struct smelt_op_type *type;
    enum smelt_scope scope;
    enum smelt_dtype stored, computed, accumulated;
    enum smelt_dtype stored_left; // NONE: there is none
    enum smelt_backend backend;
    uint32_t widest;    // THREAD: components of the longest vector
    uint32_t weights;   // THREAD: elements of the largest matrix
    uint32_t max_k;     // terms of the longest sum
    bool row_major_kn;  // the matrix is stored [k][n]
    bool relaxed;       // stored f32 and bf16 may be rounded to computed f16
    bool unsigned_only; // of integer products: both operands are u8
    bool software; // the device is a CPU: its driver takes minutes over loops of matrices that are unrolled
    // The op is made for reflection beside the one that this describes (on another backend): the workgroup must be the
    // same. NULL: it is made for itself.
    const struct smelt_op_info *twin_of;
};

// A kind of op. To add one: a file ops_<kind>.c with its type, a line in the table of ops.c in the order of enum
// smelt_op_kind, and the descriptor's pointer in struct smelt_op.
struct smelt_op_type {
    const char *name;                     // in messages and bundles: "matmul2d"
    size_t descriptor;                    // offset in struct smelt_op of the pointer to it
    bool native_types;                    // SUBGROUP, WORKGROUP: computed may be bf16, f8e4m3, f8e5m2
    uint32_t scopes[SMELT_BACKEND_COUNT]; // 1 << enum smelt_scope: where a backend has a template
    // Checks the fields that no device has a say in and fills the plan. Errors: INVALID_ARGUMENT, DTYPE.
    enum smelt_result (*check)(smelt_context context, struct smelt_op_plan *plan);
    // Says in `reason` (size 160) what is against a backend beyond what smelt_backend_choose knows; nothing: "". May be
    // NULL. `context` may be NULL.
    void (*refuse)(smelt_context context, const struct smelt_op_plan *plan, enum smelt_backend backend,
                   char reason[160]);
    // Fills info for info->choice: the bound, the tiling and what that needs. Errors: INVALID_ARGUMENT, UNSUPPORTED.
    enum smelt_result (*lay_out)(smelt_context context, const struct smelt_op_plan *plan,
                                 struct smelt_op_info *info);
    // Writes the generated include.
    void (*write)(struct smelt_text *text, const struct smelt_op_plan *plan,
                  const struct smelt_op_info *info);
};

extern const struct smelt_op_type smelt_op_type_matmul2d, smelt_op_type_mlp, smelt_op_type_convolution2d;
extern const struct smelt_op_type smelt_op_type_reduction, smelt_op_type_softmax, smelt_op_type_layer_norm,
    smelt_op_type_rms_norm; // ops_reduction.c

// NULL when there is no such kind.
const struct smelt_op_type *smelt_op_type(enum smelt_op_kind kind);

// --- For those who compile ops (ops.c) --------------------------------------------------------------------

// As smelt_op_query and smelt_op_glsl in one (`text` NULL: without the latter), with `automatic` as the backend of an op
// that names none.
enum smelt_result smelt_op_resolve(smelt_context context, const struct smelt_op *op,
                                   VkShaderStageFlagBits stage, enum smelt_backend automatic,
                                   struct smelt_op_plan *plan, struct smelt_op_info *info, char **text);
// The text of the same op on PORTABLE, with the workgroup of `info`, for reflection.
enum smelt_result smelt_op_twin(const struct smelt_op *op, VkShaderStageFlagBits stage,
                                const struct smelt_op_info *info, char **text);
// smelt_backend_choose with what the plan's type refuses (backend.c). `plan` may be NULL.
enum smelt_result smelt_backend_choose_for(smelt_context context, const struct smelt_backend_query *query,
                                           const struct smelt_op_plan *plan,
                                           struct smelt_backend_choice *choice);

// --- For the files of the kinds (ops.c) -------------------------------------------------------------------

enum smelt_result smelt_op_check_range(smelt_context context, const struct smelt_op_plan *plan,
                                       const char *field, uint32_t value, uint32_t low, uint32_t high);
enum smelt_result smelt_op_check_activation(smelt_context context, const struct smelt_op_plan *plan,
                                            const char *field, enum smelt_activation activation);
// The types of a product, from the plan's: a conversion from stored to computed must be exact, and sums are not
// narrower than products, so that the bound has one u. Fills in defaults.
enum smelt_result smelt_op_check_dtypes(smelt_context context, struct smelt_op_plan *plan);
// Of products of integers as they are: stored_left of 8 bits, stored of 8 or, with `four_bits`, 4. Fills in what is
// left open.
enum smelt_result smelt_op_check_integers(smelt_context context, struct smelt_op_plan *plan, bool four_bits,
                                          enum smelt_activation activation);
// Whether a plan as far as it is given is one of products of integers.
bool smelt_op_is_integers(const struct smelt_op_plan *plan);
// Whether matmul2d has operands of the type.
bool smelt_matmul2d_stored(enum smelt_dtype dtype);
// What a weight of type `stored` may have as scales and zero points. `object` begins the message.
enum smelt_result smelt_check_scale(smelt_context context, const char *object, enum smelt_dtype stored,
                                    enum smelt_scale scale, uint32_t block, enum smelt_zero zero);
// smelt_op_type.refuse of products at THREAD scope.
void smelt_op_refuse_coopvec(smelt_context context, const struct smelt_op_plan *plan,
                             enum smelt_backend backend, char reason[160]);
// c = n (1 + n u): |y - exact| <= c u (sum |a||b| + |bias|) where a term passes n operations.
void smelt_op_state_bound(struct smelt_op_info *info, double n);
// Adds what relaxed costs: operands that are rounded to f16.
void smelt_op_add_rounding(const struct smelt_op_plan *plan, struct smelt_op_info *info);

// Lines of the generated include.
void smelt_op_define(struct smelt_text *text, const char *prefix, const char *parameter, const char *value);
void smelt_op_define_number(struct smelt_text *text, const char *prefix, const char *parameter,
                            uint32_t value);
// STORED, COMPUTED, ACCUMULATED, LAYOUT and BACKEND of products at THREAD scope.
void smelt_op_define_types(struct smelt_text *text, const char *prefix, const struct smelt_op_plan *plan,
                           const struct smelt_backend_choice *choice);
const char *smelt_op_dtype_macro(enum smelt_dtype dtype);
const char *smelt_op_backend_macro(enum smelt_backend backend);
const char *smelt_op_scope_macro(enum smelt_scope scope);
const char *smelt_op_activation_macro(enum smelt_activation activation);

#define SMELT_OP_MAX_WIDTH 1024 // private arrays of more live in no register: a mistake

// --- matmul2d of SUBGROUP and WORKGROUP scope (ops_cooperative.c) ----------------------------------------

// Fields of the descriptor that no device has a say in.
enum smelt_result smelt_cooperative_check(smelt_context context, const struct smelt_op_plan *plan);
// Chooses the tiling for info->choice and says what it needs. Errors: INVALID_ARGUMENT, UNSUPPORTED.
enum smelt_result smelt_cooperative_tile(smelt_context context, const struct smelt_op_plan *plan,
                                         struct smelt_op_info *info);
// What the generated include begins with: the size of the workgroup, the tile and the scratch.
void smelt_cooperative_write_group(struct smelt_text *text, const struct smelt_op_plan *plan,
                                   const struct smelt_op_info *info);
// The parameters SUBGROUP_SIZE, SUBGROUPS_M and _N, FRAGMENT_M, _N and _K, SCRATCH.
void smelt_cooperative_write_tiling(struct smelt_text *text, const char *prefix,
                                    const struct smelt_op_plan *plan, const struct smelt_matmul2d_tiling *t);
void smelt_cooperative_write(struct smelt_text *text, const struct smelt_op_plan *plan,
                             const struct smelt_op_info *info);
// What the template's COMPUTED is: PORTABLE has no arithmetic of bf16 and f8, and multiplies them in types that hold their
// products as exactly.
enum smelt_dtype smelt_cooperative_factors(const struct smelt_backend_choice *choice);
// Says in info what a tiling and a scratch that are chosen need, and checks them against the device's limits. Error:
// UNSUPPORTED.
enum smelt_result smelt_cooperative_need(smelt_context context, const struct smelt_op_plan *plan,
                                         struct smelt_op_info *info);
// SCALE, and with scales BLOCK and ZERO (ops_matmul2d.c).
void smelt_matmul2d_write_scale(struct smelt_text *text, const struct smelt_op_plan *plan);
// The shape of the device's product factor x factor -> accumulated of a subgroup; of u8 its sums are u32. False: there is
// none that the modules can use.
bool smelt_cooperative_fragment(smelt_context context, enum smelt_dtype factor, enum smelt_dtype accumulated,
                                struct smelt_matmul2d_tiling *tiling);
// What the sizes of such a product by matrices of flexible size are multiples of: of a subgroup, or of a workgroup of so
// many invocations; NULL: there is none.
const struct smelt_cooperative_matrix *
smelt_cooperative_flexible(smelt_context context, enum smelt_dtype factor, enum smelt_dtype accumulated,
                           enum smelt_scope scope, uint32_t invocations);

#endif
