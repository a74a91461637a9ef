// SPDX-License-Identifier: MIT
// An offscreen renderer of one mesh in a photo studio: shadow pass, backdrop, mesh; 4 samples per pixel; depth
// buffer; GPU times. Nothing here knows of smelt: what the mesh's surface is made of is a pipeline and a function
// that binds its resources.
#ifndef EXAMPLE_RENDERER_H
#define EXAMPLE_RENDERER_H

#include "gpu.h"
#include "image.h"
#include "mesh.h"
#include "scene.h"

#define FRAMES_IN_FLIGHT 2

struct renderer {
    struct gpu *gpu;
    VkExtent2D extent;
    VkSampleCountFlagBits samples;
    uint32_t index_count, part_count; // the mesh's indices are those of so many equal parts
    struct gpu_buffer vertices, indices, uniforms;
    struct gpu_image samples_color, color, depth, shadow;
    VkSampler shadow_sampler;
    VkDescriptorSetLayout scene_layout; // set 0 of every pipeline: shaders/scene.glsl
    VkDescriptorPool descriptor_pool;
    VkDescriptorSet scene_set;
    VkPipelineLayout layout; // set 0 only
    VkShaderModule mesh_vertex, screen_vertex;
    VkPipeline shadow_pipeline, backdrop_pipeline;
    struct renderer_frame {
        VkCommandPool pool;
        VkCommandBuffer commands;
        VkFence done;
        VkQueryPool times;
    } frames[FRAMES_IN_FLIGHT];
    uint64_t next_frame;
    float tiling;
};

struct renderer_params {
    uint32_t width, height;
    uint32_t samples; // 1 or 4 per pixel, each shaded by itself
    uint32_t parts;   // of the mesh, with a material each; 0: 1
    float tiling;     // material repeats per unit of texture coordinate; 0: what suits the mesh
};

// Errors are one line on standard error.
bool renderer_create(struct gpu *gpu, const struct renderer_params *params, const struct mesh *mesh,
                     struct renderer *renderer);
void renderer_destroy(struct renderer *renderer);
// For the draws that follow, of the mesh that the renderer has; at first it is seen from its own elevation.
void renderer_look(struct renderer *renderer, const struct mesh *mesh, const struct scene_view *view);

// What the mesh is made of.
struct surface_pipeline {
    VkPipelineLayout layout;
    VkPipeline pipeline;
    // Binds set 1 and push constants for a frame; frame - FRAMES_IN_FLIGHT has finished on the GPU.
    bool (*bind)(void *user, VkCommandBuffer commands, VkPipelineLayout layout, uint64_t frame);
    void *user;
    bool screen;                         // drawn over the whole picture instead of the mesh
    const struct surface_pipeline *next; // of the next part of the mesh; NULL: there is none
};

// A pipeline that draws the mesh with this fragment shader (main), which gets descriptor set 1 of this layout and
// `push_constant_size` bytes of push constants. `bind` and `user` are the caller's to set.
bool renderer_surface_create(struct renderer *renderer, VkShaderModule fragment,
                             VkDescriptorSetLayout set_layout, uint32_t push_constant_size,
                             struct surface_pipeline *surface);
// The same for a fragment shader over the whole picture, without depth test.
bool renderer_screen_create(struct renderer *renderer, VkShaderModule fragment,
                            VkDescriptorSetLayout set_layout, struct surface_pipeline *surface);
// The same for a fragment shader that writes these attachments instead of the picture, and gets the number of the mesh's
// material as push constant. The renderer has one sample per pixel.
bool renderer_attachments_create(struct renderer *renderer, VkShaderModule fragment, const VkFormat *formats,
                                 uint32_t count, struct surface_pipeline *surface);
// Clears these images to 0, draws all parts of the mesh into them, each with its number of `materials`, and leaves them as
// color attachments.
#define RENDERER_MOST_ATTACHMENTS GRAPHICS_MOST_COLORS
void renderer_draw_attachments(struct renderer *renderer, VkCommandBuffer commands,
                               const struct surface_pipeline *surface, const struct gpu_image *const *images,
                               const uint32_t *materials, uint32_t count);
void renderer_surface_destroy(struct renderer *renderer, struct surface_pipeline *surface);

// What stands around the picture in a frame's command buffer; either may be NULL. `before` finds the shadow map drawn.
// `record` finds the scene in renderer.color, written by a render
// pass in COLOR_ATTACHMENT_OPTIMAL, and leaves it in that layout for the next frame's.
struct renderer_post {
    bool (*record)(void *user, VkCommandBuffer commands, uint64_t frame);
    void *user;
    bool (*before)(void *user, VkCommandBuffer commands, uint64_t frame);
};

// Draws `count` frames, each one submission, keeping FRAMES_IN_FLIGHT in flight, and waits for them. `post` may be NULL.
// `time`: the median of their GPU times in ns; 0 when the queue has no timestamps.
bool renderer_draw(struct renderer *renderer, const struct surface_pipeline *surface,
                   const struct renderer_post *post, uint32_t count, double *time);

// Reads back an image of 4-byte texels that a render pass has written, once per draw. Free with picture_destroy.
bool renderer_read(struct renderer *renderer, const struct gpu_image *image, struct picture *picture);

#endif
