// SPDX-License-Identifier: MIT
// The Vulkan side of benchmarks and checks that dispatch and draw: pipelines with statistics, an offscreen target, and batches
// timed by timestamps.
#ifndef SMELT_BENCH_GPU_H
#define SMELT_BENCH_GPU_H

#include "bench.h"

#define GPU_VK(X)                                                                                            \
    X(CreateCommandPool)                                                                                     \
    X(DestroyCommandPool)                                                                                    \
    X(AllocateCommandBuffers)                                                                                \
    X(ResetCommandPool)                                                                                      \
    X(BeginCommandBuffer)                                                                                    \
    X(EndCommandBuffer)                                                                                      \
    X(QueueSubmit2)                                                                                          \
    X(CreateFence)                                                                                           \
    X(DestroyFence)                                                                                          \
    X(ResetFences)                                                                                           \
    X(WaitForFences)                                                                                         \
    X(CreateQueryPool)                                                                                       \
    X(DestroyQueryPool)                                                                                      \
    X(GetQueryPoolResults)                                                                                   \
    X(CmdResetQueryPool)                                                                                     \
    X(CmdWriteTimestamp2)                                                                                    \
    X(CmdPipelineBarrier2)                                                                                   \
    X(CmdBindPipeline)                                                                                       \
    X(CmdBindDescriptorSets)                                                                                 \
    X(CmdPushConstants)                                                                                      \
    X(CmdDispatch)                                                                                           \
    X(CmdBeginRendering)                                                                                     \
    X(CmdEndRendering)                                                                                       \
    X(CmdDraw)                                                                                               \
    X(CmdCopyImageToBuffer)                                                                                  \
    X(CreateImage)                                                                                           \
    X(DestroyImage)                                                                                          \
    X(GetImageMemoryRequirements)                                                                            \
    X(AllocateMemory)                                                                                        \
    X(FreeMemory)                                                                                            \
    X(BindImageMemory)                                                                                       \
    X(CreateImageView)                                                                                       \
    X(DestroyImageView)                                                                                      \
    X(CreatePipelineLayout)                                                                                  \
    X(DestroyPipelineLayout)                                                                                 \
    X(CreateComputePipelines)                                                                                \
    X(CreateGraphicsPipelines)                                                                               \
    X(DestroyPipeline)

#define GPU_FIELD(name) PFN_vk##name name;

enum { GPU_MOST_BATCHES = 21 };

struct gpu {
    smelt_context context;
    struct smelt_context_handles handles;
    struct {
        GPU_VK(GPU_FIELD)
        // Only with VK_KHR_pipeline_executable_properties.
        PFN_vkGetPipelineExecutablePropertiesKHR GetPipelineExecutablePropertiesKHR;
        PFN_vkGetPipelineExecutableStatisticsKHR GetPipelineExecutableStatisticsKHR;
    } vk;
    VkCommandPool pool;
    VkCommandBuffer commands[GPU_MOST_BATCHES];
    smelt_encoder encoder; // over the command buffer that has begun; places no barriers
    VkFence fence;
    VkQueryPool queries;          // two per batch
    VkPipelineStageFlags2 stages; // that gpu_barrier orders; 0: all
};

void gpu_create(struct gpu *gpu, smelt_context context);
void gpu_destroy(struct gpu *gpu);

// --- Pipelines ---------------------------------------------------------------------------------------------------

// What the driver tells about a pipeline; -1: it does not.
struct gpu_statistics {
    long long registers, local_bytes, binary_bytes;
};

// A layout with one push constant range of 8 bytes for all stages.
VkPipelineLayout gpu_layout(struct gpu *gpu);
// `op` of SUBGROUP or WORKGROUP scope: with what it asks of the pipeline. NULL: there is none.
VkPipeline gpu_compute_pipeline(struct gpu *gpu, smelt_shader shader, VkPipelineLayout layout,
                                const struct smelt_op_info *op);
// A vertex shader of a triangle over the whole target, to be destroyed.
smelt_shader gpu_triangle(struct gpu *gpu);
// One triangle list without vertex buffers into one colour target.
VkPipeline gpu_graphics_pipeline(struct gpu *gpu, smelt_shader vertex, smelt_shader fragment,
                                 VkPipelineLayout layout, VkFormat format, uint32_t width, uint32_t height);
// The largest figures among the pipeline's executables of `stage`.
struct gpu_statistics gpu_statistics(struct gpu *gpu, VkPipeline pipeline, VkShaderStageFlags stage);

// --- A target ------------------------------------------------------------------------------------------------------

struct gpu_target {
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view;
    VkFormat format;
    uint32_t width, height;
};
// `more`: usage beside COLOR_ATTACHMENT and TRANSFER_SRC.
void gpu_target_create(struct gpu *gpu, struct gpu_target *target, VkFormat format, uint32_t width,
                       uint32_t height, VkImageUsageFlags more);
void gpu_target_destroy(struct gpu *gpu, struct gpu_target *target);
// Opens and closes rendering to the target, ordered after what was rendered before; `clear` NULL leaves the
// contents undefined.
void gpu_begin_rendering(struct gpu *gpu, VkCommandBuffer commands, const struct gpu_target *target,
                         const float *clear);
void gpu_end_rendering(struct gpu *gpu, VkCommandBuffer commands);
// A barrier around a layout, from all that was done to all that follows.
void gpu_change_layout(struct gpu *gpu, VkCommandBuffer commands, const struct gpu_target *target,
                       VkImageLayout from, VkImageLayout to);
// Copies the target's texels, packed, to the buffer.
void gpu_copy_target(struct gpu *gpu, VkCommandBuffer commands, const struct gpu_target *target,
                     VkBuffer buffer, VkDeviceSize offset);

// --- Submitting ------------------------------------------------------------------------------------------------------

void gpu_barrier(struct gpu *gpu, VkCommandBuffer commands); // everything before, everything after
VkCommandBuffer gpu_begin(struct gpu *gpu);                  // one command buffer, with gpu->encoder over it
void gpu_submit_and_wait(struct gpu *gpu);                   // of gpu_begin

void gpu_commit_fill(struct gpu *gpu, smelt_tensor tensor, double value); // and waits

typedef void (*gpu_record)(void *user, smelt_encoder encoder);
// Records `repeats` times `record` with barriers between into each of `batches` command buffers, submits them at
// once, and gives the time of one repetition of each batch in ns.
void gpu_time(struct gpu *gpu, gpu_record record, void *user, uint32_t repeats, uint32_t batches, double *ns);

#endif
