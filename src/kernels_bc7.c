// SPDX-License-Identifier: MIT
// smelt_encode_bc7: blocks of an image by glsl/kernels/bc7.comp.
#include "kernels_cache.h"
#include "tensor_internal.h"

#include <inttypes.h>

// The push constants of bc7.comp, word for word.
struct push {
    uint64_t texels, blocks;
    uint32_t width, height, row;
};
#define PUSH_SIZE 28
#define WORKGROUP 64

static enum smelt_result check_type(smelt_tensor tensor, const char *role, enum smelt_dtype dtype)
{
    const struct smelt_tensor_info *t = &tensor->info;
    if (t->dtype != dtype)
        return smelt_fail(tensor->context, SMELT_ERROR_DTYPE, "bc7: %s '%s' is %s, wanted %s", role, t->name,
                          smelt_dtype_name(t->dtype), smelt_dtype_name(dtype));
    return t->rank == 3 && t->shape[2] == 4
               ? SMELT_OK
               : smelt_fail(tensor->context, SMELT_ERROR_SHAPE,
                            "bc7: %s '%s' has rank %" PRIu32 ", wanted [height][width][4]", role, t->name,
                            t->rank);
}

static enum smelt_result check(smelt_encoder encoder, smelt_tensor image, smelt_tensor blocks)
{
    if (!image || !blocks)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "bc7: %s is NULL", image ? "blocks" : "image");
    const struct smelt_tensor_info *a = &image->info, *b = &blocks->info;
    enum smelt_result result;
    if ((result = smelt_encoder_require(encoder, image->context, "bc7")) ||
        (result = check_type(image, "image", SMELT_DTYPE_U8)) ||
        (result = check_type(blocks, "blocks", SMELT_DTYPE_U32)))
        return result;
    if (blocks->context != image->context)
        return smelt_fail(image->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "bc7: blocks '%s' is of another context", b->name);
    uint64_t down = (a->shape[0] + 3) / 4, across = (a->shape[1] + 3) / 4;
    if (b->shape[0] != down || b->shape[1] != across || b->strides[2] != 1 || b->strides[1] != 4 ||
        b->strides[0] != 4 * across || b->address % 16)
        return smelt_fail(image->context, SMELT_ERROR_SHAPE,
                          "bc7: blocks '%s' is [%" PRIu64 "][%" PRIu64 "][4], wanted [%" PRIu64 "][%" PRIu64
                          "][4], packed, at a multiple of 16 bytes",
                          b->name, b->shape[0], b->shape[1], down, across);
    if (a->strides[2] != 1 || a->strides[1] != 4 || a->strides[0] % 4 || a->address % 4 ||
        a->shape[0] > 65536 || a->shape[1] > 65536)
        return smelt_fail(image->context, SMELT_ERROR_SHAPE,
                          "bc7: image '%s' is [%" PRIu64 "][%" PRIu64
                          "][4], wanted at most 65536 x 65536 texels, each of 4 bytes without gaps, rows at "
                          "multiples of 4 bytes",
                          a->name, a->shape[0], a->shape[1]);
    if (smelt_tensor_share_bytes(a, b))
        return smelt_fail(image->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "bc7: blocks '%s' shares bytes with image, wanted separate tensors", b->name);
    return SMELT_OK;
}

enum smelt_result smelt_encode_bc7(smelt_encoder encoder, smelt_tensor image, smelt_tensor blocks)
{
    enum smelt_result result = check(encoder, image, blocks);
    if (result)
        return result;
    static const char key[] = "bc7";
    const struct smelt_kernel_request request = {
        .name = "bc7", .key = key, .key_size = sizeof(key), .baked = "bc7", .push_size = PUSH_SIZE};
    struct smelt_kernel kernel;
    if ((result = smelt_kernel_get(encoder, &request, &kernel)))
        return result;
    const struct push push = {image->info.address, blocks->info.address, (uint32_t)image->info.shape[1],
                              (uint32_t)image->info.shape[0], (uint32_t)(image->info.strides[0] / 4)};
    const struct smelt_range ranges[] = {smelt_range_of(image, SMELT_ACCESS_READ),
                                         smelt_range_of(blocks, SMELT_ACCESS_WRITE)};
    const struct smelt_dispatch what = {.ranges = ranges,
                                        .range_count = 2,
                                        .label = "smelt bc7",
                                        .operation = SMELT_OPERATION_OTHER,
                                        .parts = 1};
    return smelt_kernel_dispatch(encoder, &kernel, &push, PUSH_SIZE,
                                 (uint32_t)((blocks->info.shape[1] + WORKGROUP - 1) / WORKGROUP),
                                 (uint32_t)blocks->info.shape[0], 1, &what);
}
