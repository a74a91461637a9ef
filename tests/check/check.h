// SPDX-License-Identifier: MIT
// checkglsl's parts: what an op says about itself (struct check_op), one row being run (struct check_case), and
// the helpers an op file uses. To add an op: one file op_<name>.c with its struct check_op, one fixture that
// includes check/io.glsl, and one line in CHECK_OPS.
#ifndef CHECK_H
#define CHECK_H

#include "internal.h"

#include <smelt/reduce.h>

#include <math.h>

#define CHECK_MAX_TENSORS 20
#define CHECK_MAX_DIMENSIONS 20

enum check_tier {
    CHECK_CI = 0,   // at most 2^24 multiply-adds
    CHECK_FULL = 1, // sampled evaluations
    CHECK_TIER_COUNT,
};

// A shape is a name to filter by and numbers that only the op's own file reads.
struct check_shape {
    const char *name;
    uint32_t d[CHECK_MAX_DIMENSIONS];
    enum check_tier tier;
};

struct check_types {
    enum smelt_dtype stored, computed, accumulated; // what has no meaning for an op is NONE
};

// How inputs are filled. Every kind that an op allows is one dispatch of a row.
enum check_values {
    CHECK_RANDOM = 0,  // uniform in [-1, 1)
    CHECK_ZEROS,       // everything 0
    CHECK_NEGATIVE,    // uniform in [-1, -0.01]
    CHECK_LARGEST,     // one input element is +-1, the weights are +-the type's largest finite value
    CHECK_SUBNORMAL,   // weights are subnormal numbers of their type
    CHECK_ONE_HOT,     // one input element is 1: a column of the weights comes out, an index error shows
    CHECK_ALTERNATING, // +1, -1, +1 ... against equal weights: everything cancels
    CHECK_SPARSE,      // one weight in a row is not 0: the bound stays narrow through all layers
    CHECK_NAN, // as random, but one input element of an evaluation is a NaN: for ops that promise what then
    CHECK_INFINITE, // as random, but one input element of an evaluation is +inf or -inf: likewise
    CHECK_VALUES_COUNT,
};
#define CHECK_FINITE_VALUES ((1u << CHECK_NAN) - 1)

enum check_role {
    CHECK_INPUT,  // differs between evaluations: activations
    CHECK_WEIGHT, // shared by all
    CHECK_BIAS,
    CHECK_OUTPUT,
};

// One tensor of the argument block, in the block's order. Device memory has guards on both sides: NaN around
// what is read, 0xAA around what is written (and in it, before the run).
struct check_tensor {
    enum check_role role;
    enum smelt_dtype dtype;
    uint32_t rank;
    uint64_t shape[SMELT_TENSOR_MAX_RANK];
    uint64_t strides[SMELT_TENSOR_MAX_RANK]; // elements; all zero: packed
    enum smelt_dtype rounded;                // values are representable in this type too
    double *values; // `count` of them, row-major whatever the strides are: what the device has, exactly
    uint64_t count;
    uint32_t layer; // of a WEIGHT or BIAS: which layer of the network it belongs to
    bool pointer;   // the argument block holds the address only: no extents, no strides
};

struct check_op;

// A row: one instance on one backend in one stage.
struct check_case {
    const struct check_op *op;
    const struct check_shape *shape;
    struct check_types types; // resolved
    enum smelt_dtype left;    // of an op with two stored types; NONE: as stored
    enum smelt_backend backend;
    VkShaderStageFlagBits stage;
    enum check_values kind;           // of the dispatch being made
    uint32_t wrong;                   // 0; 1 and 2: the deliberately wrong kernels of check/io.glsl
    uint32_t evaluations;             // how often the op runs in a dispatch
    uint32_t outputs;                 // of one evaluation
    uint32_t subgroups_per_workgroup; // of an op at SUBGROUP scope; 0 and 1 otherwise
    char defines[2048];               // lines for the fixture
    struct check_tensor tensors[CHECK_MAX_TENSORS];
    uint32_t tensor_count;
    // For ops with a descriptor; smelt.name NULL otherwise.
    struct smelt_op smelt;
    struct smelt_matmul2d_descriptor matmul2d;
    struct smelt_mlp_descriptor mlp;
    struct smelt_convolution2d_descriptor convolution2d;
    struct smelt_reduction_descriptor reduction;
    struct smelt_softmax_descriptor softmax;
    struct smelt_layer_norm_descriptor layer_norm;
    struct smelt_rms_norm_descriptor rms_norm;
    struct smelt_op_info info;
    double layer_c[SMELT_MLP_MAX_LAYERS];                    // error_c of each layer of an mlp
    struct smelt_weights_layer layers[SMELT_MLP_MAX_LAYERS]; // of weights for COOPVEC
    uint32_t layer_count;
};

// Integer types take whole numbers of their range: RANDOM all of it (32-bit ones +-2^20), LARGEST its ends; SUBNORMAL,
// which they have none of, -1, 0 or 1.
struct check_op {
    const char *name;
    const char *fixture;
    enum smelt_scope scope;
    const struct check_shape *shapes;
    uint32_t shape_count;
    const struct check_types *types;
    uint32_t type_count;
    const enum smelt_dtype *lefts; // one for each entry of types; NULL: NONE
    uint32_t backends;             // 1 << SMELT_BACKEND_x
    VkShaderStageFlags stages;
    uint32_t values;      // 1 << enum check_values
    uint32_t wrong_shape; // the shape that the deliberately wrong kernels take
    uint32_t wrong;       // 1 << number of the deliberately wrong kernels there are (fixtures/io.glsl)
    // False: the product of shapes, types, backends and stages holds no such row. NULL: it holds all of them.
    bool (*exists)(const struct check_case *row);
    // Sets descriptor, tensors, evaluations (with `wanted` as a hint; 0 is an empty op), outputs and defines.
    void (*describe)(struct check_case *c, uint32_t wanted);
    // Of an op without descriptor whose backend or device need not do: sets c->info.subgroup_size and .stage_flags as
    // the pipeline needs them, or says in `what` why the row cannot run and returns false. NULL: asks for f16 at most.
    bool (*eligible)(smelt_context context, struct check_case *c, char what[200]);
    // Workgroups of the dispatch; NULL: one invocation of 32 for each evaluation.
    void (*grid)(const struct check_case *c, uint32_t groups[3]);
    // Values of a tensor, where the kinds above do not fit the op; may be NULL.
    void (*fill)(struct check_case *c, struct check_tensor *tensor, uint64_t *random);
    // What one evaluation gives, in double, and how far each output may be off. A bound of 0: exactly this, a NaN for
    // a NaN. A bound of infinity: not checked (the exact value may overflow the type).
    void (*reference)(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound);
    // Operations of one evaluation: sampling follows from it. NULL: all are checked, and it is not benched.
    double (*flops)(const struct check_shape *shape);
};

#define CHECK_OPS(X)                                                                                         \
    X(check_matmul2d)                                                                                        \
    X(check_matmul2d_subgroup)                                                                               \
    X(check_matmul2d_workgroup)                                                                              \
    X(check_matmul2d_integer_thread)                                                                         \
    X(check_matmul2d_scaled_thread)                                                                          \
    X(check_matmul2d_integer_subgroup)                                                                       \
    X(check_matmul2d_integer_workgroup)                                                                      \
    X(check_matmul2d_scaled_subgroup)                                                                        \
    X(check_matmul2d_scaled_workgroup)                                                                       \
    X(check_mlp)                                                                                             \
    X(check_matmul2d_mixed)                                                                                  \
    X(check_mlp_subgroup)                                                                                    \
    X(check_mlp_workgroup)                                                                                   \
    X(check_mlp_rows)                                                                                        \
    X(check_mlp_rows_workgroup)                                                                              \
    X(check_activation)                                                                                      \
    X(check_encoding)                                                                                        \
    X(check_gradient)                                                                                        \
    X(check_bilinear_gradient)                                                                               \
    X(check_loss)                                                                                            \
    X(check_optimizer)                                                                                       \
    X(check_layer_gradient)                                                                                  \
    X(check_layer_gradient_workgroup)                                                                        \
    X(check_mlp_gradient)                                                                                    \
    X(check_tensor_op)                                                                                       \
    X(check_inline)                                                                                          \
    X(check_convolution2d)                                                                                   \
    X(check_convolution2d_subgroup)                                                                          \
    X(check_convolution2d_workgroup)                                                                         \
    X(check_convolution2d_integer_thread)                                                                    \
    X(check_convolution2d_integer_subgroup)                                                                  \
    X(check_convolution2d_integer_workgroup)                                                                 \
    X(check_reduce_thread)                                                                                   \
    X(check_reduce_subgroup)                                                                                 \
    X(check_reduce_workgroup)                                                                                \
    X(check_cooperative_subgroup)                                                                            \
    X(check_chain)                                                                                           \
    X(check_cooperative_workgroup)                                                                           \
    X(check_norm_thread)                                                                                     \
    X(check_norm_subgroup)                                                                                   \
    X(check_norm_workgroup)

#define CHECK_DECLARE(op) extern const struct check_op op;
CHECK_OPS(CHECK_DECLARE)

// The members that an op file fills from names of its own: shapes, types, describe and reference.
#define CHECK_TABLES                                                                                         \
    .shapes = shapes, .shape_count = SMELT_COUNT_OF(shapes), .types = types,                                 \
    .type_count = SMELT_COUNT_OF(types), .reference = reference
// And of an op that is plain arithmetic of one invocation with inputs of its own.
#define CHECK_PLAIN_OP                                                                                       \
    CHECK_TABLES, .describe = describe, .fill = fill, .backends = 1 << SMELT_BACKEND_PORTABLE,               \
                  .stages = VK_SHADER_STAGE_COMPUTE_BIT, .values = 1 << CHECK_RANDOM

// --- For op files (values.c) ---------------------------------------------------------------------------------------

// Appends a tensor to the argument block; shape is `rank` extents. Returns it.
struct check_tensor *check_add(struct check_case *c, enum check_role role, enum smelt_dtype dtype,
                               uint32_t rank, const uint64_t *shape);
// Appends `count` values of a 32-bit type reached by a bare pointer.
struct check_tensor *check_add_words(struct check_case *c, enum check_role role, enum smelt_dtype dtype,
                                     uint64_t count);
// The same of f32, each representable in `rounded`.
struct check_tensor *check_add_floats(struct check_case *c, enum check_role role, enum smelt_dtype rounded,
                                      uint64_t count);
void check_define(struct check_case *c, const char *format, ...) SMELT_PRINTF(2, 3);
// CHECK_BACKEND: the case's, but PORTABLE in the twin that reflection reads.
void check_define_backend(struct check_case *c);
// A fixture name for a dtype: "SMELT_DTYPE_F16".
const char *check_dtype_macro(enum smelt_dtype dtype);

// The smallest normal and the largest finite number of a float type; of an integer type 0 and its largest.
double check_smallest_normal(enum smelt_dtype dtype);
double check_largest(enum smelt_dtype dtype);
// The least number of any type: -check_largest of floats, of integers the lower end.
double check_least(enum smelt_dtype dtype);
// The value that memory of a type holds after rounding to it.
double check_rounded(enum smelt_dtype dtype, double value);
// |v| when v is subnormal in the type, so that a device which flushes may take 0 for it; else 0.
double check_flushed(enum smelt_dtype dtype, double v);

// splitmix64 and its draws
uint64_t check_random(uint64_t *state);
double check_uniform(uint64_t *state, double low, double high);

// Gives every input its values of c->kind, as they are after rounding to their types. False: no memory.
bool check_fill_values(struct check_case *c, uint64_t seed);

// --- References (reference.c) -----------------------------------------------------------------------------

double check_reference_activation(enum smelt_activation activation, double x);
// How far a backend's activation may be off for an input that is `error` off itself, in type `computed`.
double check_activation_bound(enum smelt_activation activation, enum smelt_backend backend,
                              enum smelt_dtype computed, double x, double error);

// A layer of a network: sum_k w[k * stride] x[k] + bias with the bound c u (sum |w||x| + |bias|), the errors that
// the inputs bring along, and what flushed subnormals may lose.
struct check_dot {
    double value, bound;
};
struct check_numbers {
    double c, u;
    enum smelt_dtype stored, computed, accumulated;
};
struct check_dot check_reference_dot(const struct check_numbers *numbers, uint32_t k, const double *x,
                                     const double *x_error, const double *w, uint64_t w_stride, double bias);

// Check the references against cases computed by hand; they return the number of failures, which they print.
int check_reference_selftest(void);
int check_mlp_selftest(void);
int check_encoding_selftest(void);

// --- Running (device.c) -----------------------------------------------------------------------------------

struct check_device;
enum smelt_result check_device_create(smelt_context context, struct check_device **device);
void check_device_destroy(struct check_device **device);

// A row's pipeline and memory.
struct check_program;
enum smelt_result check_program_create(struct check_device *device, struct check_case *c,
                                       struct check_program **program);
void check_program_destroy(struct check_program **program);
// Uploads the tensors' values and the perturbation (`errors`: one per output element, or NULL), dispatches once and
// reads the output into `got`. `guards` is false when a guard band or an unwritten element was found; `what` says
// which.
enum smelt_result check_program_run(struct check_program *program, const double *errors, double *got,
                                    bool *intact, char what[200]);
// Nanoseconds of up to `count` dispatches or draws, one number each.
enum smelt_result check_program_time(struct check_program *program, uint32_t *count, double *ns);
const struct smelt_shader_info *check_program_shader(struct check_program *program);

#endif
