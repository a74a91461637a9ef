// SPDX-License-Identifier: MIT
// The inside of smelt_encode_convolution2d: a call that has been checked (kernels_convolution2d_check.c), for the kernels of
// kernels_convolution2d.c.
#ifndef SMELT_KERNELS_CONVOLUTION2D_H
#define SMELT_KERNELS_CONVOLUTION2D_H

#include "kernels_matmul2d.h"
#include "tensor_internal.h"

// The push constants of convolution2d_constants.glsl, word for word: of floats, and of integers.
struct smelt_convolution_push {
    uint64_t a, b, bias, d;
    uint32_t batch, height, width, channels, outputs, kernel_h, kernel_w;
    uint32_t stride_a[4], stride_b[4], stride_d[4];
    uint32_t residual[2]; // an address, low word first
};
_Static_assert(offsetof(struct smelt_convolution_push, stride_a) == 60 &&
                   offsetof(struct smelt_convolution_push, residual) == 108,
               "convolution2d_constants.glsl's constants");
#define SMELT_CONVOLUTION_PUSH_SIZE 116
struct smelt_convolution_integer_push {
    uint64_t a, b, bias, d, residual, zero_a, zero_b, scale, zero_d;
    uint32_t batch, height, width, channels, outputs;
    uint32_t stride_a[4], stride_d[4];
};
_Static_assert(offsetof(struct smelt_convolution_integer_push, stride_d) == 108,
               "convolution2d_constants.glsl's constants");
#define SMELT_CONVOLUTION_INTEGER_PUSH_SIZE 124

// Where n, h, w, c and the weight's o, i, h, w stand in the layouts.
extern const uint8_t smelt_image_order[2][4], smelt_weight_order[4][4];
enum { N, H, W, C };
enum { OUT, IN, KERNEL_H, KERNEL_W };

struct smelt_convolution {
    smelt_context context;
    const struct smelt_convolution2d_params *params;
    struct smelt_convolution2d_geometry geometry; // zeros replaced by what they mean
    uint64_t a[4], b[4], d[4];                    // extents, in the order of the enums
    uint64_t group_outputs, pixels;
    bool integers; // of i8 and u8
};

// Fills all but `params`, which the caller has set. Errors: those of smelt_encode_convolution2d before its kernel is known.
enum smelt_result smelt_convolution_check(smelt_encoder encoder, struct smelt_convolution *call);

// What smelt_kernel_request.operations wants to know.
double smelt_convolution_operations(const struct smelt_convolution *call);

// The op that a call is, but for what depends on its kernel.
struct smelt_convolution2d_descriptor smelt_convolution_descriptor(const struct smelt_convolution *call,
                                                                   enum smelt_scope scope);

// Whether a tile is given, not left to a table.
bool smelt_convolution_asks_for_tile(const struct smelt_convolution2d_params *params);

// Strides in the order of the call's layouts, or `any_layout`: of NHWC and HWIO.
void smelt_convolution_fill_push(const struct smelt_convolution *convolution, bool any_layout, bool depthwise,
                                 struct smelt_convolution_push *push);

// The specialization constants of convolution2d_constants.glsl that all kernels have; the first 7 are sizes.
#define SMELT_CONVOLUTION_CONSTANTS 18
#define SMELT_CONVOLUTION_SIZES 7
void smelt_convolution_fill_constants(const struct smelt_convolution *convolution,
                                      const struct smelt_convolution_push *push,
                                      uint32_t constants[SMELT_CONVOLUTION_CONSTANTS]);

// Whether the pixels of an image of the call are the rows of a matrix, and that.
bool smelt_convolution_rows(const struct smelt_convolution *call, smelt_tensor image,
                            struct smelt_tensor_t *matrix);
// Whether a checked call is a matrix product (kernels_convolution2d_product.c): a kernel of 1 x 1 in every pixel's own place; and
// that product's operands, then the call by them.
bool smelt_convolution_is_product(const struct smelt_convolution *call, struct smelt_tensor_t *a,
                                  struct smelt_tensor_t *b, struct smelt_tensor_t *d);
enum smelt_result smelt_convolution_encode_product(smelt_encoder encoder,
                                                   const struct smelt_convolution *call, smelt_tensor a,
                                                   smelt_tensor b, smelt_tensor d,
                                                   const struct smelt_dispatch *what);

// Whether the kernels for processors (kernels_convolution2d_lanes.c) take a checked call, and that.
bool smelt_convolution_takes_lanes(const struct smelt_convolution *convolution);
// Whether a call takes an image for a (it is read) or d (written), which is then this picture, so that they take it.
bool smelt_convolution_takes_picture(smelt_context context, const struct smelt_convolution2d_params *params,
                                     const struct smelt_picture *form, bool is_a, bool is_d);
enum smelt_result smelt_convolution_encode_lanes(smelt_encoder encoder,
                                                 const struct smelt_convolution *convolution,
                                                 const struct smelt_dispatch *what);

// A transposed convolution of every stride-th pixel (kernels_convolution2d_phases.c), and its views of the whole one's tensors.
struct smelt_convolution_phase {
    struct smelt_convolution2d_params params;
    struct smelt_tensor_t b, d, residual;
};
// How many phases a checked call is made of; 1: it is made as it stands.
uint32_t smelt_convolution_phases(const struct smelt_convolution *call);
// `made` holds pointers into itself.
void smelt_convolution_set_phase(const struct smelt_convolution *call, uint32_t phase,
                                 struct smelt_convolution_phase *made);

// What a checked call is multiplied by with sums of f32, in `info`, if that is COOPMAT in f16 and the call is of f16, NHWC by
// HWIO without gaps, one group, not transposed; false: it is not, or is to be refused.
bool smelt_convolution_has_matrices(const struct smelt_convolution *call, struct smelt_op_info *info);
// A tile with the matrices and subgroups of the device.
static inline struct smelt_matmul2d_tiling smelt_convolution_tile(struct smelt_matmul2d_tiling tile,
                                                                  const struct smelt_matmul2d_tiling *device)
{
    tile.subgroup_size = device->subgroup_size;
    tile.fragment_m = device->fragment_m;
    tile.fragment_n = device->fragment_n;
    tile.fragment_k = device->fragment_k;
    return tile;
}
#define SMELT_CONVOLUTION_MOST_EXTENT                                                                        \
    1024 // of a tile, and of its subgroups: products of three stay in 32 bits
// What the push constants of these kernels begin with, word for word: addresses (bias, residual: 0 for none), extents of a and of
// d before blocks, strides in the order of NHWC.
struct smelt_convolution_tile_push {
    uint64_t a, b, bias, d, residual;
    uint32_t height, width, channels, rows, columns, outputs;
    uint32_t stride_a[4], stride_d[4];
};
#define SMELT_CONVOLUTION_TILE_PUSH_SIZE 96
_Static_assert(sizeof(struct smelt_convolution_tile_push) == SMELT_CONVOLUTION_TILE_PUSH_SIZE,
               "convolution2d_patch_body.glsl's and convolution2d_split_body.glsl's constants");
struct smelt_convolution_tile_push smelt_convolution_tile_push(const struct smelt_convolution *call);
// Whether 8 neighbours are 16 bytes of f16, or 32 of f32, at a multiple of 16.
bool smelt_convolution_is_whole(const struct smelt_tensor_info *tensor, uint64_t address);

// Whether a call that has matrices is one for the kernels that keep a rectangle of the image in shared memory
// (kernels_convolution2d_patch.c): by its tiling, or, where that asks for nothing, by what was measured. Puts the tile into
// `info`, which has_matrices filled; then the call.
bool smelt_convolution_choose_patch(const struct smelt_convolution *call, struct smelt_op_info *info);
enum smelt_result smelt_convolution_encode_patch(smelt_encoder encoder, const struct smelt_convolution *call,
                                                 const struct smelt_op_info *info,
                                                 const struct smelt_dispatch *what);

// The same for the kernels whose subgroups share its sums (kernels_convolution2d_split.c).
bool smelt_convolution_choose_split(const struct smelt_convolution *call, struct smelt_op_info *info);
enum smelt_result smelt_convolution_encode_split(smelt_encoder encoder, const struct smelt_convolution *call,
                                                 const struct smelt_op_info *info,
                                                 const struct smelt_dispatch *what);

#endif
