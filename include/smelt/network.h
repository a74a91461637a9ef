// SPDX-License-Identifier: MIT
// Networks: packages that `smelt pack` made of ONNX models, as pipelines that an encoder dispatches between draws (Metal:
// MTL4MachineLearningPipelineState, MTL4MachineLearningCommandEncoder). docs/networks.md has a whole program.
//
// A network is made for the shapes of its inputs: its operators become calls and kernels of the library in a graph
// (graph.h), which fuses them; weights are uploaded once, in the order in which kernels read them. A dispatch records the
// graph with the caller's inputs and outputs.
//
// Element types on the device: f64 has none; i64 is kept as i32 and u64 as u32 (modulo 2^32), bool as u8 (0 or 1); f32 as
// `storage`, inputs and outputs too, but those that the package keeps in f32; other types as they are.
// Numerics: elements are computed in f32, sums in f32, and each result is rounded once to its type; integers are exact modulo
// 2^32. The same device, driver and package give the same bits every time.
//
// Errors of all calls: INVALID_ARGUMENT, and those listed; a failing call changes nothing. Thread-safety: a network belongs to
// one thread at a time.
#ifndef SMELT_NETWORK_H
#define SMELT_NETWORK_H

#include "graph.h"
#include "image.h"
#include "package.h"

SMELT_BEGIN

#define SMELT_NETWORK_MAX_RANK 8

typedef struct smelt_network_t *smelt_network;

// The shape of an input, or its contents where those decide shapes.
struct smelt_network_input {
    const char *name;
    uint32_t rank;
    uint64_t shape[SMELT_NETWORK_MAX_RANK]; // each >= 1
    const void *
        contents; // NULL: given at each dispatch. Else elements of the model's type, packed; the input is then
                  // a constant and takes no argument. Copied
    uint64_t contents_size; // bytes
};

struct smelt_network_params {
    // Those with free extents, and those whose contents decide shapes. Others may be left out.
    const struct smelt_network_input *inputs;
    uint32_t input_count;
    enum smelt_dtype storage;        // of f32 values: F32 or F16. NONE: as the package says
    enum smelt_backend backend;      // of matrix products and convolutions. AUTO: the best for each
    const char *const *more_outputs; // names of intermediate values that become outputs, after the model's
    uint32_t more_output_count;
    // Names of inputs and outputs whose tensors lie in memory with axis 1 innermost, as render targets do: of shape
    // [n][c][h][w] with the strides of a packed [n][h][w][c]. Others are packed row-major.
    const char *const *channels_last;
    uint32_t channels_last_count;
    // Names of inputs and outputs that are images: of a float type and shape [1][1 to 4][h][w].
    const char *const *images;
    uint32_t image_count;
    // Formats of these images, in their order, those of outputs count: NULL, or UNDEFINED: any that is written, but then a
    // dispatch converts. With a format the last kernel writes pixels itself, where it can (smelt_network_binding.direct).
    const VkFormat *image_formats;
    bool no_fusion; // every operator by itself
    // No weight is changed to take in another one (a normalisation behind a convolution), so that each can be replaced.
    bool keep_weights;
    // Times kernels for each convolution on the device and takes the fastest; what is found is kept in the context's cache
    // directory by device and driver and used by the next network that asks. Without it only the table that the library ships
    // counts and nothing is timed. Needs the compiler, and a queue with timestamps
    bool tune;
    // ms that a dispatch may take, so that a display's watchdog does not fire and other work gets its turn: those that would take
    // longer are recorded as several of some of their workgroups, with the same bits. 0: 50, on a CPU no limit
    float slice;
    // What dispatches take is estimated: GFLOP/s that the slowest kernels reach, a byte of memory counting for 10
    // operations. 0: 1000 on a discrete GPU, else 100, and 8 times as many where matrix hardware multiplies
    float speed;
    const char *name; // for debuggers and messages; NULL: the model's. Copied
};

// Makes a network. `package` is borrowed for its life. Submits to the context's queue and waits, for the weights.
// Errors: FORMAT (a package of another kind, or not a valid one), VERSION, NOT_FOUND (no input or value of a name; names
// those there are), SHAPE (a free extent without a value; a shape that the model's does not allow; contents of another
// size), DTYPE, UNSUPPORTED (operators or types that cannot run: names all of the nodes; in a build without the compiler a
// kernel that the package was not baked with: names it, its type and backend), COMPILE, BUDGET,
// OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_network_create(smelt_context context, smelt_package package,
                                                 const struct smelt_network_params *params,
                                                 smelt_network *network);
// All that was recorded from it must have finished on the GPU.
SMELT_API void smelt_network_destroy(smelt_network *network);

// New shapes of inputs, as in smelt_network_params; what is not named goes back to the model's. Weights stay where they
// are. What was recorded from the network must have finished on the GPU. Errors: as smelt_network_create; the network is
// then as it was.
SMELT_API enum smelt_result
smelt_network_reshape(smelt_network network, const struct smelt_network_input *inputs, uint32_t input_count);

// --- Looking at it ----------------------------------------------------------------------------------------

// An input or output.
struct smelt_network_binding {
    const char *name;
    const char *element;    // its type in the model: "f32", "i64", "bool"
    enum smelt_dtype dtype; // of the tensor that a dispatch takes
    uint32_t rank;
    uint64_t shape[SMELT_NETWORK_MAX_RANK]; // with an extent of 0 it takes no tensor
    bool image;                             // takes an image of shape[3] x shape[2] pixels
    // The only kernel that reads, or writes, its values does so in the image: no dispatch converts.
    bool direct;
    uint64_t strides[SMELT_NETWORK_MAX_RANK];    // in elements
    const char *symbols[SMELT_NETWORK_MAX_RANK]; // of inputs: names of free extents; NULL: fixed
};
struct smelt_network_info {
    const char *name;
    const struct smelt_network_binding *inputs, *outputs; // inputs without those that have contents
    uint32_t input_count, output_count;
    enum smelt_dtype storage;         // of f32 values
    uint64_t intermediates_size;      // bytes that a dispatch needs of a heap
    uint64_t intermediates_least;     // the largest sum of intermediates alive at once: no plan is smaller
    uint64_t intermediates_alignment; // of their place in the heap
    uint64_t weights_size;            // bytes on the device
    uint32_t node_count;              // operators of the model that run on the device
    uint32_t dispatch_count;          // dispatches that they became, with those that convert images
    uint32_t command_count;           // vkCmdDispatch that these are, with slices
    enum smelt_backend backend;       // of its matrix products and convolutions, where their tiles fit
    // Most dispatches are too small to fill a large device (fewer than 64 workgroups): on an asynchronous compute queue of the
    // caller's, beside its draws, the network would cost them little.
    bool async_suits;
    uint64_t tuning; // hash of what tuning chose: the same one gives the same bits. 0: not tuned
};
// Valid until the network is reshaped or destroyed.
SMELT_API const struct smelt_network_info *smelt_network_info(smelt_network network);

// What a dispatch of the network records, as smelt_graph_describe. Free with smelt_free_text. Errors: OUT_OF_HOST_MEMORY.
SMELT_API enum smelt_result smelt_network_describe(smelt_network network, enum smelt_graph_form form,
                                                   char **text);

// --- Dispatch ---------------------------------------------------------------------------------------------

// An argument of a dispatch: a tensor of the binding's dtype, shape and strides, whose address is a multiple of 64 and which
// shares no bytes with another one, unless both are inputs. For a binding that is an image: an image, and what happens to
// its values on the way (smelt_encode_image_load, smelt_encode_image_store), such as scale 1 / 0.225, offset -0.45 / 0.225.
struct smelt_network_argument {
    const char *name; // of an input or output
    smelt_tensor tensor;
    smelt_image image;
    struct smelt_image_map map;
};
struct smelt_network_dispatch {
    const struct smelt_network_argument *arguments; // one for each input and each output
    uint32_t argument_count;
    smelt_heap heap;      // of at least intermediates_size bytes from the offset on; NULL when that is 0
    uint64_t heap_offset; // a multiple of intermediates_alignment
};
// Records the network. Heaps may be shared: the encoder orders dispatches that use the same bytes (a manual encoder: the
// caller does). Tensors and the heap must live until the GPU has finished.
// Errors: NOT_FOUND (no input or output of an argument's name; names those there are), NOT_READY (inputs or outputs without
// an argument: names them), SHAPE and DTYPE (name the argument, wanted and got; a heap that is too small), and those of
// smelt_encoder_replay. The last four sets of arguments and heaps cost the host little; what was recorded with the one
// before these must have finished on the GPU.
SMELT_API enum smelt_result smelt_encoder_dispatch_network(smelt_encoder encoder, smelt_network network,
                                                           const struct smelt_network_dispatch *dispatch);

// Records that a weight gets other contents: those of `tensor`, of the weight's shape in the model and any float type, converted
// as smelt_encode_copy does. Dispatches recorded later use them. A replaced weight keeps its contents through a reshape.
// Errors: NOT_FOUND (no weight of this name is on the device: it may have been folded with others, see keep_weights), SHAPE,
// UNSUPPORTED (a kernel was compiled for what it holds), and those of smelt_encode_copy.
SMELT_API enum smelt_result smelt_encode_network_weight(smelt_encoder encoder, smelt_network network,
                                                        const char *name, smelt_tensor tensor);

SMELT_END

#endif
