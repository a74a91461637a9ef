// SPDX-License-Identifier: MIT
// What follows the scene in a frame: its luma, a super-resolution network over that, and the pass that shows both.
#ifndef EXAMPLE_UPSCALE_H
#define EXAMPLE_UPSCALE_H

#include "renderer.h"

#include <smelt/smelt.h>

struct upscale_params {
    const char *package;    // path of the network: luma [1][1][h][w] to the same scene with more pixels
    VkExtent2D extent;      // of the final picture
    enum smelt_dtype dtype; // in which the network keeps its values: F16 or F32
};

struct upscale {
    struct renderer *renderer;
    float split; // of the picture's width: left of it the scene is filtered without the network
    smelt_package package;
    smelt_network network;
    smelt_heap heap;
    smelt_encoder encoder;
    struct gpu_image luma, fine_luma, picture;
    smelt_image network_input, network_output; // luma and fine_luma
    VkSampler sampler;
    VkDescriptorSetLayout set_layout;
    VkDescriptorPool descriptor_pool;
    VkDescriptorSet set;
    VkPipelineLayout layout;
    VkPipeline luma_pipeline, show_pipeline;
};

// For scenes of this renderer. Errors are one line on standard error.
bool upscale_create(smelt_context context, struct renderer *renderer, const struct upscale_params *params,
                    struct upscale *upscale);
void upscale_destroy(struct upscale *upscale);

// For renderer_post, with the struct upscale as `user`: leaves the result in upscale.picture, written by a render pass.
bool upscale_record(void *upscale, VkCommandBuffer commands, uint64_t frame);

#endif
