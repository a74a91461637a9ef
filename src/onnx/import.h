// SPDX-License-Identifier: MIT
// What the importer's files share.
#ifndef SMELT_ONNX_IMPORT_H
#define SMELT_ONNX_IMPORT_H

#include "onnx.h"
#include "json.h"
#include "network_operators.h"

#include <onnx.pb-c.h>

// --- wire.c ---------------------------------------------------------------------------------------------------

// Unpacked with a budget; freed with smelt_onnx_unpacked_free.
struct smelt_onnx_unpacked {
    ProtobufCAllocator allocator;
    uint64_t budget;
    ProtobufCMessage *message;
};
enum smelt_result smelt_onnx_unpack(const char *name, const ProtobufCMessageDescriptor *descriptor,
                                    const void *data, size_t size, struct smelt_onnx_unpacked **unpacked);
void smelt_onnx_unpacked_free(void *unpacked);

// --- tensor.c -------------------------------------------------------------------------------------------------

enum smelt_element smelt_onnx_element(int64_t code); // NONE: not known here
// Where a tensor's bytes are: in the message (`owned` NULL), or in memory that the caller frees.
struct smelt_onnx_contents {
    enum smelt_element element;
    uint32_t rank;
    uint64_t shape[SMELT_IR_MAX_RANK];
    const void *data;
    uint64_t size;
    void *owned;
};
// `what` names the tensor in messages. External data is for the caller. Errors: FORMAT, UNSUPPORTED, SHAPE.
enum smelt_result smelt_onnx_contents(const char *file, const char *what, const Onnx__TensorProto *tensor,
                                      struct smelt_onnx_contents *contents);
bool smelt_onnx_is_external(const Onnx__TensorProto *tensor);
// Type and shape alone.
enum smelt_result smelt_onnx_describe(const char *file, const char *what, const Onnx__TensorProto *tensor,
                                      struct smelt_onnx_contents *contents);

// --- import.c -------------------------------------------------------------------------------------------------

struct smelt_onnx_external; // a mapped file
struct smelt_onnx_importer {
    struct smelt_ir *ir;
    const char *directory; // NULL: external data is refused
    int64_t opset;
    struct smelt_onnx_external *external;
    uint32_t external_count;
};
// The constant's data from a file beside the model. (external.c)
enum smelt_result smelt_onnx_external(struct smelt_onnx_importer *importer, const char *what,
                                      const Onnx__TensorProto *tensor, struct smelt_onnx_contents *contents);
enum smelt_result smelt_onnx_constant(struct smelt_onnx_importer *importer, struct smelt_ir_value *value,
                                      const Onnx__TensorProto *tensor);

// The operator belongs to ONNX itself.
bool smelt_onnx_is_default_domain(const char *domain);
// What messages call a node.
const char *smelt_onnx_label(const Onnx__NodeProto *node);

// The nodes of a graph with every call of a function written out, and the opset that each was written for (0: its function
// declares none). (functions.c)
struct smelt_onnx_node {
    const Onnx__NodeProto *proto;
    int64_t opset;
};
struct smelt_onnx_nodes {
    struct smelt_onnx_node *nodes; // for free(); copies of nodes belong to the network
    uint32_t count, calls;
};
// Errors: FORMAT (a function that calls itself, calls nested too deeply, more inputs or outputs than it has, too much in all).
enum smelt_result smelt_onnx_inline(struct smelt_onnx_importer *importer, const Onnx__ModelProto *model,
                                    struct smelt_onnx_nodes *nodes);

// A node on its way from the file, which upgrades may change.
#define SMELT_ONNX_MAX_EXTRA 8
struct smelt_onnx_draft {
    const Onnx__NodeProto *proto;
    const char *op, *label;                    // label: for messages
    struct smelt_ir_value **inputs, **outputs; // with room for SMELT_ONNX_MAX_EXTRA more inputs
    uint32_t input_count, output_count;
    bool *taken; // attributes of the file that an upgrade has dealt with
    struct {
        const char *name;
        struct smelt_ir_attribute value;
    } extra[SMELT_ONNX_MAX_EXTRA];
    uint32_t extra_count;
    bool gone; // an upgrade has made something else of it
};
enum smelt_result smelt_onnx_draft_fail(const struct smelt_onnx_importer *importer,
                                        const struct smelt_onnx_draft *draft, enum smelt_result result,
                                        const char *format, ...) SMELT_PRINTF(4, 5);
// Brings a draft to what SMELT_IR_OPSET says. (upgrade.c)
enum smelt_result smelt_onnx_upgrade(struct smelt_onnx_importer *importer, struct smelt_onnx_draft *draft);
// Operators that exist in files only: an upgrade turns them into others.
bool smelt_onnx_is_rewritten(const char *op);

#endif
