// SPDX-License-Identifier: MIT
// Records, submits and times frames, and reads the picture back.
#include "renderer.h"

#include <stdlib.h>
#include <string.h>

// Depth tests and writes happen at both of these stages.
#define DEPTH_STAGES                                                                                         \
    (VK_PIPELINE_STAGE_2_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_2_LATE_FRAGMENT_TESTS_BIT)

static const struct gpu_access color_write = {VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                                              VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
                                              VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT},
                               depth_write = {VK_IMAGE_LAYOUT_DEPTH_ATTACHMENT_OPTIMAL, DEPTH_STAGES,
                                              VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_READ_BIT |
                                                  VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT},
                               depth_sampled = {VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                                                VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT |
                                                    VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                                VK_ACCESS_2_SHADER_SAMPLED_READ_BIT},
                               copied = {VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_PIPELINE_STAGE_2_COPY_BIT,
                                         VK_ACCESS_2_TRANSFER_READ_BIT};

// The frame before this one may still use the image; its contents are not wanted.
static void discard(VkCommandBuffer commands, const struct gpu_image *image, struct gpu_access used,
                    struct gpu_access next)
{
    used.layout = VK_IMAGE_LAYOUT_UNDEFINED;
    gpu_image_barrier(commands, image, used, next);
}

// A render pass over all of a depth image, which is cleared, and over color images of its extent.
static void begin_rendering(VkCommandBuffer commands, const struct gpu_image *depth,
                            VkAttachmentStoreOp store, const VkRenderingAttachmentInfo *colors,
                            uint32_t color_count)
{
    const VkRenderingAttachmentInfo attachment = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                                  .imageView = depth->view,
                                                  .imageLayout = VK_IMAGE_LAYOUT_DEPTH_ATTACHMENT_OPTIMAL,
                                                  .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                                  .storeOp = store,
                                                  .clearValue.depthStencil.depth = 1.0f};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea.extent = depth->extent,
                                       .layerCount = 1,
                                       .colorAttachmentCount = color_count,
                                       .pColorAttachments = colors,
                                       .pDepthAttachment = &attachment};
    VkExtent2D extent = depth->extent;
    vkCmdBeginRendering(commands, &rendering);
    vkCmdSetViewport(commands, 0, 1, &(VkViewport){0, 0, (float)extent.width, (float)extent.height, 0, 1});
    vkCmdSetScissor(commands, 0, 1, &(VkRect2D){{0, 0}, extent});
}

static void bind_mesh(struct renderer *r, VkCommandBuffer commands)
{
    vkCmdBindVertexBuffers(commands, 0, 1, &r->vertices.buffer, &(VkDeviceSize){0});
    vkCmdBindIndexBuffer(commands, r->indices.buffer, 0, VK_INDEX_TYPE_UINT32);
}

static void draw_part(struct renderer *r, VkCommandBuffer commands, uint32_t part)
{
    uint32_t count = r->index_count / r->part_count;
    vkCmdDrawIndexed(commands, count, 1, part * count, 0, 0);
}

static void record_shadow(struct renderer *r, VkCommandBuffer commands)
{
    discard(commands, &r->shadow, depth_sampled, depth_write);
    begin_rendering(commands, &r->shadow, VK_ATTACHMENT_STORE_OP_STORE, NULL, 0);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, r->shadow_pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, r->layout, 0, 1, &r->scene_set, 0,
                            NULL);
    bind_mesh(r, commands);
    vkCmdDrawIndexed(commands, r->index_count, 1, 0, 0, 0);
    vkCmdEndRendering(commands);
    gpu_image_barrier(commands, &r->shadow, depth_write, depth_sampled);
}

static bool record_picture(struct renderer *r, const struct surface_pipeline *surface,
                           VkCommandBuffer commands, uint64_t frame)
{
    bool resolve = r->samples > VK_SAMPLE_COUNT_1_BIT;
    const VkRenderingAttachmentInfo color = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = resolve ? r->samples_color.view : r->color.view,
        .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .resolveMode = resolve ? VK_RESOLVE_MODE_AVERAGE_BIT : VK_RESOLVE_MODE_NONE,
        .resolveImageView = resolve ? r->color.view : VK_NULL_HANDLE,
        .resolveImageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE, // the backdrop covers all of it
        .storeOp = resolve ? VK_ATTACHMENT_STORE_OP_DONT_CARE : VK_ATTACHMENT_STORE_OP_STORE};
    discard(commands, &r->color, color_write, color_write);
    if (resolve)
        discard(commands, &r->samples_color, color_write, color_write);
    discard(commands, &r->depth, depth_write, depth_write);
    begin_rendering(commands, &r->depth, VK_ATTACHMENT_STORE_OP_DONT_CARE, &color, 1);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, r->layout, 0, 1, &r->scene_set, 0,
                            NULL);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, r->backdrop_pipeline);
    vkCmdDraw(commands, 3, 1, 0, 0);

    bool bound = true;
    bind_mesh(r, commands);
    for (uint32_t part = 0; bound && surface; surface = surface->next, part++) {
        vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, surface->pipeline);
        vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, surface->layout, 0, 1,
                                &r->scene_set, 0, NULL);
        bound = surface->bind(surface->user, commands, surface->layout, frame);
        if (bound && surface->screen)
            vkCmdDraw(commands, 3, 1, 0, 0);
        else if (bound)
            draw_part(r, commands, part);
    }
    vkCmdEndRendering(commands);
    return bound;
}

void renderer_draw_attachments(struct renderer *r, VkCommandBuffer commands,
                               const struct surface_pipeline *surface, const struct gpu_image *const *images,
                               const uint32_t *materials, uint32_t count)
{
    VkRenderingAttachmentInfo colors[RENDERER_MOST_ATTACHMENTS];
    for (uint32_t i = 0; i < count; i++) {
        struct gpu_access used = color_write;
        used.stages |= VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT;
        discard(commands, images[i], used, color_write);
        colors[i] = (VkRenderingAttachmentInfo){.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                                .imageView = images[i]->view,
                                                .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                                                .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                                .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
    }
    discard(commands, &r->depth, depth_write, depth_write);
    begin_rendering(commands, &r->depth, VK_ATTACHMENT_STORE_OP_DONT_CARE, colors, count);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, surface->pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, surface->layout, 0, 1, &r->scene_set,
                            0, NULL);
    bind_mesh(r, commands);
    for (uint32_t part = 0; part < r->part_count; part++) {
        vkCmdPushConstants(commands, surface->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(*materials),
                           &materials[part]);
        draw_part(r, commands, part);
    }
    vkCmdEndRendering(commands);
}

static bool submit_frame(struct renderer *r, const struct surface_pipeline *surface,
                         const struct renderer_post *post, uint64_t number)
{
    struct renderer_frame *frame = r->frames + number % FRAMES_IN_FLIGHT;
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    const VkCommandBufferSubmitInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                                .commandBuffer = frame->commands};
    const VkSubmitInfo2 submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                                  .commandBufferInfoCount = 1,
                                  .pCommandBufferInfos = &commands};
    if (!GPU_CALL(vkResetCommandPool, r->gpu->device, frame->pool, 0) ||
        !GPU_CALL(vkBeginCommandBuffer, frame->commands, &begin))
        return false;
    vkCmdResetQueryPool(frame->commands, frame->times, 0, 2);
    vkCmdWriteTimestamp2(frame->commands, VK_PIPELINE_STAGE_2_NONE, frame->times, 0);
    record_shadow(r, frame->commands);
    bool recorded = (!post || !post->before || post->before(post->user, frame->commands, number)) &&
                    record_picture(r, surface, frame->commands, number) &&
                    (!post || !post->record || post->record(post->user, frame->commands, number));
    vkCmdWriteTimestamp2(frame->commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, frame->times, 1);
    return GPU_CALL(vkEndCommandBuffer, frame->commands) && recorded &&
           GPU_CALL(vkQueueSubmit2, r->gpu->queue, 1, &submit, frame->done);
}

// Waits for a frame and gives its GPU time in ns.
static bool finish_frame(struct renderer *r, uint64_t number, double *time)
{
    struct renderer_frame *frame = r->frames + number % FRAMES_IN_FLIGHT;
    uint64_t ticks[2];
    *time = 0.0;
    if (!GPU_CALL(vkWaitForFences, r->gpu->device, 1, &frame->done, VK_TRUE, UINT64_MAX) ||
        !GPU_CALL(vkResetFences, r->gpu->device, 1, &frame->done))
        return false;
    if (!r->gpu->timestamp_bits)
        return true;
    if (!GPU_CALL(vkGetQueryPoolResults, r->gpu->device, frame->times, 0, 2, sizeof(ticks), ticks,
                  sizeof(*ticks), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT))
        return false;
    uint64_t mask = r->gpu->timestamp_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << r->gpu->timestamp_bits) - 1;
    *time = (double)((ticks[1] - ticks[0]) & mask) * (double)r->gpu->properties.limits.timestampPeriod;
    return true;
}

bool renderer_read(struct renderer *r, const struct gpu_image *image, struct picture *picture)
{
    const VkBufferImageCopy region = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                      .imageExtent = {image->extent.width, image->extent.height, 1}};
    size_t size = (size_t)image->extent.width * image->extent.height * 4;
    struct gpu_buffer buffer = {0};
    VkCommandBuffer commands;
    bool done = gpu_buffer_create(r->gpu, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT, &buffer) &&
                gpu_begin_once(r->gpu, &commands);
    if (done) {
        const VkMemoryBarrier2 to_host = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                          .srcStageMask = VK_PIPELINE_STAGE_2_COPY_BIT,
                                          .srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
                                          .dstStageMask = VK_PIPELINE_STAGE_2_HOST_BIT,
                                          .dstAccessMask = VK_ACCESS_2_HOST_READ_BIT};
        gpu_image_barrier(commands, image, color_write, copied);
        vkCmdCopyImageToBuffer(commands, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer.buffer, 1,
                               &region);
        vkCmdPipelineBarrier2(commands, &(VkDependencyInfo){.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                                            .memoryBarrierCount = 1,
                                                            .pMemoryBarriers = &to_host});
        done = gpu_submit_once(r->gpu, commands);
    }
    if (done && !(picture->texels = malloc(size)))
        done = fail("out of memory for a picture of %zu bytes", size);
    if (done) {
        memcpy(picture->texels, buffer.mapped, size);
        picture->width = image->extent.width;
        picture->height = image->extent.height;
    }
    gpu_buffer_destroy(r->gpu, &buffer);
    return done;
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool renderer_draw(struct renderer *r, const struct surface_pipeline *surface,
                   const struct renderer_post *post, uint32_t count, double *time)
{
    double *times = calloc(count, sizeof(*times));
    uint64_t first = r->next_frame;
    bool done = times != NULL || fail("out of memory for %u frame times", count);
    for (uint32_t i = 0; done && i < count + FRAMES_IN_FLIGHT; i++) {
        // A frame's resources are free again once the frame FRAMES_IN_FLIGHT before it has finished.
        if (i >= FRAMES_IN_FLIGHT && i - FRAMES_IN_FLIGHT < count)
            done = finish_frame(r, first + i - FRAMES_IN_FLIGHT, &times[i - FRAMES_IN_FLIGHT]);
        if (done && i < count)
            done = submit_frame(r, surface, post, r->next_frame++);
    }
    if (!done)
        vkDeviceWaitIdle(r->gpu->device);
    if (done) {
        qsort(times, count, sizeof(*times), compare_times);
        *time = times[count / 2];
    }
    free(times);
    return done;
}
