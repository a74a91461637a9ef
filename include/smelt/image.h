// SPDX-License-Identifier: MIT
// Images of the caller as what kernels read and write: a render target becomes a tensor, and a tensor a texture, without a
// copy and without the host.
//
// smelt changes no layout, and encoders do not see what happens to images: barriers around these calls are the caller's, with
// smelt_barrier_between (encoder.h) from SMELT_STAGE_COLOR to SMELT_STAGE_MACHINE_LEARNING and so on.
//
// Thread-safety: calls that record belong to the encoder's thread, the others may be made from any.
#ifndef SMELT_IMAGE_H
#define SMELT_IMAGE_H

#include "encoder.h"

SMELT_BEGIN

typedef struct smelt_image_t *smelt_image;

struct smelt_image_params {
    // borrowed: of one level of a 2D image, of an aspect with float values (smelt_encode_deferred: uint)
    VkImageView view;
    VkFormat format; // of the view
    uint32_t width, height;
    VkImageUsageFlags usage; // SAMPLED: can be read. STORAGE: can be written
    // in which it is read; UNDEFINED: SHADER_READ_ONLY_OPTIMAL. It is written in GENERAL
    VkImageLayout layout;
    const char *name; // for messages; NULL: "image". Copied
};

// Any format that can be sampled is read, sRGB ones as linear values. Written are R8G8B8A8_UNORM, R16G16B16A16_SFLOAT,
// R32G32B32A32_SFLOAT and R32_SFLOAT. Errors: INVALID_ARGUMENT, UNSUPPORTED (a format that is not written),
// OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, VULKAN. Thread-safe.
SMELT_API enum smelt_result smelt_image_create(smelt_context context, const struct smelt_image_params *params,
                                               smelt_image *image);
// What was recorded with it must have finished on the GPU. The view must still exist, or not be used any more.
SMELT_API void smelt_image_destroy(smelt_image *image);

// What happens to values between image and tensor, in f32: value * scale + offset, by channel.
struct smelt_image_map {
    float scale[4], offset[4]; // scale all zero: 1
};

// tensor[0][c][y][x] = pixel (x, y)[c] * scale[c] + offset[c]. The tensor is of a float type, of shape [1][c][h][w], c 1 to
// 4, with the image's size and any strides. `map` NULL: values as they are. One dispatch at stage COMPUTE_SHADER with
// SHADER_SAMPLED_READ of the image and SHADER_STORAGE_WRITE of the tensor; binds a compute pipeline, push constants and set 0.
// Errors: INVALID_ARGUMENT (NULL, another context, an image without that usage), SHAPE, DTYPE, and those of a dispatch.
SMELT_API enum smelt_result smelt_encode_image_load(smelt_encoder encoder, smelt_tensor tensor,
                                                    smelt_image image, const struct smelt_image_map *map);
// pixel (x, y)[c] = tensor[0][c][y][x] * scale[c] + offset[c]; channels that the tensor lacks are 0, alpha is 1. The same with
// SHADER_STORAGE_WRITE of the image and SHADER_STORAGE_READ of the tensor.
SMELT_API enum smelt_result smelt_encode_image_store(smelt_encoder encoder, smelt_image image,
                                                     smelt_tensor tensor, const struct smelt_image_map *map);

// BC7 blocks of an image of RGBA bytes, for textures of VK_FORMAT_BC7_UNORM_BLOCK and _SRGB_BLOCK: glsl/smelt/bc7.glsl.
//   image   u8 [h][w][4], components and texels without gaps, rows and its address at multiples of 4 bytes
//   blocks  u32 [ceil(h / 4)][ceil(w / 4)][4], packed, at a multiple of 16 bytes: the bytes that a copy to an image takes
// Texels past an edge repeat it. Lossy; the same input gives the same bytes on one device. One dispatch, which takes part in
// the hazard tracking. Errors: INVALID_ARGUMENT, DTYPE, SHAPE (each with what was got and wanted), and those of a dispatch.
SMELT_API enum smelt_result smelt_encode_bc7(smelt_encoder encoder, smelt_tensor image, smelt_tensor blocks);

SMELT_END

#endif
