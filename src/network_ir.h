// SPDX-License-Identifier: MIT
// A network between its file and its kernels (layer 3): values with symbolic shapes, nodes by operator, constants.
//
// Every node means what the newest known ONNX opset says (SMELT_IR_OPSET); the importer rewrites older forms
// (src/onnx/upgrade.c). Nothing here knows protobuf or Vulkan. A network belongs to one thread at a time. Errors
// name the file, the node and its operator.
#ifndef SMELT_NETWORK_IR_H
#define SMELT_NETWORK_IR_H

#include "internal.h"

#define SMELT_IR_OPSET 25
#define SMELT_IR_MAX_RANK 8
#define SMELT_IR_MAX_NODES (1u << 20)
#define SMELT_IR_VARIADIC 255 // as a largest number of inputs or outputs
// Contents of values are computed when packing up to this many elements.
#define SMELT_IR_MAX_FOLD (1u << 20)
// ... and this many in all.
#define SMELT_IR_MAX_WORK (1u << 25)

// --- Element types: those of ONNX that a file may hold --------------------------------------------------------

enum smelt_element {
    SMELT_ELEMENT_NONE = 0,
    SMELT_ELEMENT_F32,
    SMELT_ELEMENT_F16,
    SMELT_ELEMENT_BF16,
    SMELT_ELEMENT_F64,
    SMELT_ELEMENT_F8E4M3,
    SMELT_ELEMENT_F8E5M2,
    SMELT_ELEMENT_I8,
    SMELT_ELEMENT_U8,
    SMELT_ELEMENT_I16,
    SMELT_ELEMENT_U16,
    SMELT_ELEMENT_I32,
    SMELT_ELEMENT_U32,
    SMELT_ELEMENT_I64,
    SMELT_ELEMENT_U64,
    SMELT_ELEMENT_BOOL, // one byte, 0 or 1
    SMELT_ELEMENT_I4,   // two to a byte, the first in the low half
    SMELT_ELEMENT_U4,
    SMELT_ELEMENT_COUNT,
};
enum smelt_element_kind {
    SMELT_ELEMENT_IS_NONE,
    SMELT_ELEMENT_IS_FLOAT,
    SMELT_ELEMENT_IS_SIGNED,
    SMELT_ELEMENT_IS_UNSIGNED,
    SMELT_ELEMENT_IS_BOOL,
};
struct smelt_element_info {
    const char *name;      // "f32"
    const char *file_name; // in safetensors, "F32"
    uint32_t bits;
    enum smelt_element_kind kind;
    enum smelt_dtype dtype; // NONE: smelt has no tensors of it
};
// Never NULL; that of NONE for anything unknown.
const struct smelt_element_info *smelt_element_info(enum smelt_element element);
enum smelt_element smelt_element_from_name(const char *name); // NONE: no such one
bool smelt_element_is_integer(enum smelt_element element);    // signed or unsigned, not bool
bool smelt_element_is_float(enum smelt_element element);
// Single elements of packed data at any alignment. Decoding an unsigned 64-bit integer past INT64_MAX saturates.
int64_t smelt_element_integer(enum smelt_element element, const void *data, uint64_t index);
double smelt_element_number(enum smelt_element element, const void *data, uint64_t index);

// --- Dimensions (network_dims.c): integers, or expressions of symbols, kept in a canonical form ----------------

// Equal expressions of one network are the same object. A network's symbols stand for extents of at least 1.
struct smelt_dim_expression;
struct smelt_dim {
    int64_t constant;                              // 0 with an expression
    const struct smelt_dim_expression *expression; // NULL: a constant
};
struct smelt_ir;
static inline struct smelt_dim smelt_dim_constant(int64_t value)
{
    return (struct smelt_dim){value, NULL};
}
static inline bool smelt_dim_equal(struct smelt_dim a, struct smelt_dim b)
{
    return a.expression == b.expression && a.constant == b.constant;
}
static inline bool smelt_dim_is(struct smelt_dim a, int64_t value)
{
    return !a.expression && a.constant == value;
}
// What overflows, divides by zero or grows too complex gives 0 and sets ir->dims_failed, which the driver of the
// inference turns into an error of the node.
struct smelt_dim smelt_dim_symbol(struct smelt_ir *ir, const char *name);
struct smelt_dim smelt_dim_add(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
struct smelt_dim smelt_dim_sub(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
struct smelt_dim smelt_dim_mul(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
struct smelt_dim smelt_dim_floor_div(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
struct smelt_dim smelt_dim_ceil_div(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
struct smelt_dim smelt_dim_max(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
struct smelt_dim smelt_dim_min(struct smelt_ir *ir, struct smelt_dim a, struct smelt_dim b);
// floor(a * factor), the product in double.
struct smelt_dim smelt_dim_scale(struct smelt_ir *ir, struct smelt_dim a, double factor);
void smelt_dim_print(struct smelt_text *text, struct smelt_dim dim);
// The symbol's name when the expression is nothing but a symbol; else NULL.
const char *smelt_dim_symbol_name(struct smelt_dim dim);
// Gives `value` an integer for every symbol by name (NULL lookup or false: unknown); false when one is missing, on
// overflow and division by zero.
typedef bool (*smelt_dim_lookup)(void *user, const char *symbol, int64_t *value);
bool smelt_dim_evaluate(struct smelt_dim dim, smelt_dim_lookup lookup, void *user, int64_t *value);

// --- Values, nodes, networks (network_ir.c) -------------------------------------------------------------------

struct smelt_ir_value {
    const char *name;
    enum smelt_element element;  // NONE until inferred
    enum smelt_element declared; // what the file says an output has; NONE: nothing
    bool ranked;                 // rank and shape are known
    uint32_t rank;
    struct smelt_dim shape[SMELT_IR_MAX_RANK];
    struct smelt_ir_node *producer; // NULL: an input or a constant
    bool is_input, is_output;
    // A constant: its bytes, packed, of the type `stored` (another one than `element` when weights are kept in less
    // precision). NULL with `constant`: no element at all.
    bool constant;
    enum smelt_element stored;
    const void *data;
    uint64_t size;
    bool read_on_host; // a kernel was made for what the constant holds
    bool keep_f32;     // of type f32, and kept as that whatever the storage
    // Integers known up to symbols, of values that are not constants (shape arithmetic); NULL: not known.
    const struct smelt_dim *content;
    uint32_t id; // index in ir->values
};

// A constant of the network, not one that a node was found to compute.
static inline bool smelt_ir_is_weight(const struct smelt_ir_value *value)
{
    return value->constant && !value->producer;
}

struct smelt_ir_attribute {
    bool set;        // else the fields hold the default
    int64_t integer; // also an enum smelt_element
    double number;
    const char *word;
    const int64_t *integers;
    const double *numbers;
    uint32_t count; // of integers or numbers
};

struct smelt_operator;
struct smelt_ir_node {
    const char *name; // as in the file; "" is possible
    const struct smelt_operator *op;
    struct smelt_ir_value **inputs, **outputs; // NULL: left out
    uint32_t input_count, output_count;        // without trailing absent ones
    struct smelt_ir_attribute *attributes;     // parallel to op->attributes
    bool taken;                                // lowered with the one in front of it
};

struct smelt_ir_owner {
    void (*release)(void *object);
    void *object;
};

struct smelt_ir {
    const char *file; // for messages
    const char *name;
    enum smelt_element storage; // what f32 values are kept as: F32 or F16
    struct smelt_ir_value **values, **inputs, **outputs;
    struct smelt_ir_node **nodes; // producers before their users
    uint32_t value_count, input_count, output_count, node_count;
    // of a package to write: kernels as SPIR-V; borrowed. NULL: none
    const struct smelt_kernel_codes *kernels;
    bool inferred;
    bool dims_failed; // sticky until read and cleared
    // Elements that the inference has looked at, for shapes and in all; bounded, so that no file takes forever.
    uint64_t host_work, work;
    // Private to network_ir.c and network_dims.c.
    struct smelt_ir_value **by_name; // open addressing
    uint32_t by_name_size;
    void *chunks;
    struct smelt_dim_expression **expressions; // hash buckets
    uint32_t expression_count;
    struct smelt_ir_owner *owners;
    uint32_t owner_count;
    const char **beside; // files that hold weights of `file`
    uint32_t beside_count;
};

enum smelt_result smelt_ir_create(const char *file, struct smelt_ir **ir);
void smelt_ir_destroy(struct smelt_ir **ir);
// Zeroed memory that lives as long as the network; NULL when there is none.
void *smelt_ir_allocate(struct smelt_ir *ir, size_t size);
const char *smelt_ir_copy(struct smelt_ir *ir, const char *text);
enum smelt_result smelt_ir_no_memory(const struct smelt_ir *ir);
// `release(object)` when the network goes; at once when it cannot be kept.
enum smelt_result smelt_ir_own(struct smelt_ir *ir, void (*release)(void *), void *object);

// A value of this name, made when there is none. NULL name: a new one of a name nothing else has.
enum smelt_result smelt_ir_value(struct smelt_ir *ir, const char *name, struct smelt_ir_value **value);
struct smelt_ir_value *smelt_ir_find(const struct smelt_ir *ir, const char *name); // NULL: none
// Makes it a constant of this type and shape. `data` is borrowed for the network's life (own it by smelt_ir_own).
// Errors: SHAPE when `size` is not what the shape gives; says both.
enum smelt_result smelt_ir_set_constant(struct smelt_ir *ir, struct smelt_ir_value *value,
                                        enum smelt_element element, uint32_t rank, const uint64_t *shape,
                                        const void *data, uint64_t size);
// A new i64 constant [count] of a copy.
enum smelt_result smelt_ir_integers_constant(struct smelt_ir *ir, const int64_t *integers, uint32_t count,
                                             struct smelt_ir_value **value);
enum smelt_result smelt_ir_add_input(struct smelt_ir *ir, struct smelt_ir_value *value);
enum smelt_result smelt_ir_add_output(struct smelt_ir *ir, struct smelt_ir_value *value);
// Adds a node with default attributes. Errors: FORMAT when an output has a producer already, is an input or a
// constant; when the number of inputs or outputs is not the operator's.
enum smelt_result smelt_ir_add_node(struct smelt_ir *ir, const struct smelt_operator *op, const char *name,
                                    struct smelt_ir_value *const *inputs, uint32_t input_count,
                                    struct smelt_ir_value *const *outputs, uint32_t output_count,
                                    struct smelt_ir_node **node);
// Puts nodes in order. Errors: FORMAT naming a node on a cycle, or a value that nothing makes.
enum smelt_result smelt_ir_sort(struct smelt_ir *ir);
// Sets an attribute by schema; values are copied. Errors: FORMAT (no such one, other type, unknown word, not given
// though required by smelt_ir_check_attributes).
enum smelt_result smelt_ir_set_attribute(struct smelt_ir *ir, struct smelt_ir_node *node, const char *name,
                                         const struct smelt_ir_attribute *attribute);
enum smelt_result smelt_ir_check_attributes(const struct smelt_ir *ir, const struct smelt_ir_node *node);
// Attributes by name; the name must be in the operator's schema.
const struct smelt_ir_attribute *smelt_ir_attribute(const struct smelt_ir_node *node, const char *name);
int64_t smelt_ir_integer(const struct smelt_ir_node *node, const char *name);
double smelt_ir_number(const struct smelt_ir_node *node, const char *name);
bool smelt_ir_word_is(const struct smelt_ir_node *node, const char *name, const char *word);
// NULL when the node has no such input or output.
struct smelt_ir_value *smelt_ir_input(const struct smelt_ir_node *node, uint32_t index);
struct smelt_ir_value *smelt_ir_output(const struct smelt_ir_node *node, uint32_t index);

// Elements of a value whose shape is constant; UINT64_MAX when it is symbolic or overflows.
uint64_t smelt_ir_element_count(const struct smelt_ir_value *value);
// "f32[N, 3, 224, 224]".
void smelt_ir_print_type(struct smelt_text *text, const struct smelt_ir_value *value);

// --- Passes ---------------------------------------------------------------------------------------------------

// Before the inference: gives an input another shape (integers, or symbols by name), or makes it a constant by its
// contents (copied). Errors: NOT_FOUND, SHAPE, DTYPE.
enum smelt_result smelt_ir_set_input_shape(struct smelt_ir *ir, const char *name, uint32_t rank,
                                           const char *const *extents);
enum smelt_result smelt_ir_bind_input(struct smelt_ir *ir, const char *name, enum smelt_element element,
                                      uint32_t rank, const uint64_t *shape, const void *data, uint64_t size);
// Whether an input's contents decide shapes: it has to be bound before the inference.
bool smelt_ir_wants_contents(const struct smelt_ir *ir, const struct smelt_ir_value *input);
// Types and shapes of every value, contents where they can be computed (network_infer.c). May be called again
// after the calls above. Errors: FORMAT, SHAPE, DTYPE, UNSUPPORTED, each naming the node.
enum smelt_result smelt_ir_infer(struct smelt_ir *ir);
// Pixel shuffles of Reshape, Transpose and Reshape become DepthToSpace and SpaceToDepth (network_shuffle.c), which take any
// size: before smelt_ir_set_input_shape, after smelt_ir_infer.
enum smelt_result smelt_ir_join_shuffles(struct smelt_ir *ir);
// That, and removes computed nodes, identities, and what no output needs (network_simplify.c). After smelt_ir_infer.
enum smelt_result smelt_ir_simplify(struct smelt_ir *ir);
// What f32 weights are kept as in a package: F32 or F16 (network_simplify.c). A single number keeps f32, a weight
// too when an operator needs it exactly, or when a finite element of it would become infinite; `overflowed` (NULL: not
// wanted) receives the number of the latter.
enum smelt_result smelt_ir_set_storage(struct smelt_ir *ir, enum smelt_element storage, uint32_t *overflowed);
// Bytes of all constants as stored, and their elements.
void smelt_ir_weigh(const struct smelt_ir *ir, uint64_t *elements, uint64_t *size);

// --- Packages (network_package.c, network_package_read.c): docs/packages.md ------------------------------------

enum smelt_result smelt_ir_write(const struct smelt_ir *ir, const char *path);
// The package is borrowed for the network's life. The result is not inferred. Errors: FORMAT, VERSION.
enum smelt_result smelt_ir_read(smelt_package package, struct smelt_ir **ir);

#endif
