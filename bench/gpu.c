// SPDX-License-Identifier: MIT
// Vulkan for benchmarks and checks: pipelines, a target, submissions and timestamps.
#include "gpu.h"
#include "../examples/neural-material/graphics_state.h"

void gpu_create(struct gpu *gpu, smelt_context context)
{
    *gpu = (struct gpu){.context = context, .handles = smelt_context_handles(context)};
    VkDevice device = gpu->handles.device;
#define LOAD(name)                                                                                           \
    gpu->vk.name = (PFN_vk##name)gpu->handles.get_device_proc_addr(device, "vk" #name);                      \
    bench_require(gpu->vk.name, "loading vk" #name);
    GPU_VK(LOAD)
    if (smelt_context_capabilities(context)->pipeline_statistics) {
        LOAD(GetPipelineExecutablePropertiesKHR)
        LOAD(GetPipelineExecutableStatisticsKHR)
    }
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = gpu->handles.queue_family};
    BENCH_VK(gpu->vk.CreateCommandPool(device, &pool, NULL, &gpu->pool));
    VkCommandBufferAllocateInfo buffers = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                           .commandPool = gpu->pool,
                                           .commandBufferCount = GPU_MOST_BATCHES};
    BENCH_VK(gpu->vk.AllocateCommandBuffers(device, &buffers, gpu->commands));
    struct smelt_encoder_params encoder = {
        .hazards = SMELT_HAZARDS_MANUAL, .no_labels = true, .name = "bench"};
    BENCH_OK(smelt_encoder_create(context, &encoder, &gpu->encoder));
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    BENCH_VK(gpu->vk.CreateFence(device, &fence, NULL, &gpu->fence));
    VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                     .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                     .queryCount = 2 * GPU_MOST_BATCHES};
    if (smelt_context_capabilities(context)->timestamp_period > 0)
        BENCH_VK(gpu->vk.CreateQueryPool(device, &queries, NULL, &gpu->queries));
}

void gpu_destroy(struct gpu *gpu)
{
    VkDevice device = gpu->handles.device;
    smelt_encoder_destroy(&gpu->encoder);
    gpu->vk.DestroyQueryPool(device, gpu->queries, NULL);
    gpu->vk.DestroyFence(device, gpu->fence, NULL);
    gpu->vk.DestroyCommandPool(device, gpu->pool, NULL);
}

// --- Pipelines ---------------------------------------------------------------------------------------------------

VkPipelineLayout gpu_layout(struct gpu *gpu)
{
    VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_ALL, .size = 8};
    VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .pushConstantRangeCount = 1,
                                       .pPushConstantRanges = &range};
    VkPipelineLayout layout;
    BENCH_VK(gpu->vk.CreatePipelineLayout(gpu->handles.device, &info, NULL, &layout));
    return layout;
}

static VkPipelineCreateFlags statistics_flag(const struct gpu *gpu)
{
    return gpu->vk.GetPipelineExecutableStatisticsKHR ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0;
}

VkPipeline gpu_compute_pipeline(struct gpu *gpu, smelt_shader shader, VkPipelineLayout layout,
                                const struct smelt_op_info *op)
{
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {0};
    if (op)
        size = op->subgroup_size;
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = statistics_flag(gpu),
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = size.requiredSubgroupSize ? &size : NULL,
                  .flags = op ? op->stage_flags : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main"},
        .layout = layout,
    };
    VkPipeline pipeline;
    BENCH_OK(smelt_shader_module(shader, &info.stage.module));
    BENCH_VK(gpu->vk.CreateComputePipelines(gpu->handles.device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    return pipeline;
}

smelt_shader gpu_triangle(struct gpu *gpu)
{
    static const char source[] = "#version 460\n"
                                 "void main()\n"
                                 "{\n"
                                 "    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == "
                                 "2 ? 3.0 : -1.0, 0.0, 1.0);\n"
                                 "}\n";
    const struct smelt_shader_params params = {
        .path = "triangle.vert", .source = source, .stage = VK_SHADER_STAGE_VERTEX_BIT, .no_cache = true};
    smelt_shader shader = NULL;
    BENCH_OK(smelt_shader_create(gpu->context, &params, &shader));
    return shader;
}

VkPipeline gpu_graphics_pipeline(struct gpu *gpu, smelt_shader vertex, smelt_shader fragment,
                                 VkPipelineLayout layout, VkFormat format, uint32_t width, uint32_t height)
{
    struct graphics_params params = {
        .layout = layout, .colors = &format, .color_count = 1, .extent = {width, height}};
    struct graphics_state state;
    BENCH_OK(smelt_shader_module(vertex, &params.vertex));
    BENCH_OK(smelt_shader_module(fragment, &params.fragment));
    graphics_state(&state, &params);
    state.info.flags = statistics_flag(gpu);
    VkPipeline pipeline;
    BENCH_VK(gpu->vk.CreateGraphicsPipelines(gpu->handles.device, VK_NULL_HANDLE, 1, &state.info, NULL,
                                             &pipeline));
    return pipeline;
}

static long long statistic_value(const VkPipelineExecutableStatisticKHR *statistic)
{
    switch (statistic->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return statistic->value.b32;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        return (long long)statistic->value.f64;
    default:
        return (long long)(statistic->value.u64 &
                           0xffffffffu); // NVIDIA 580 keeps other things in the high word
    }
}

static void keep_largest(long long *kept, const VkPipelineExecutableStatisticKHR *statistic, const char *name)
{
    long long value = statistic_value(statistic);
    if (strstr(statistic->name, name) && value > *kept)
        *kept = value;
}

struct gpu_statistics gpu_statistics(struct gpu *gpu, VkPipeline pipeline, VkShaderStageFlags stage)
{
    enum { MOST = 64 };
    struct gpu_statistics result = {-1, -1, -1};
    if (!gpu->vk.GetPipelineExecutableStatisticsKHR)
        return result;
    VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR executables[8];
    uint32_t count = 8;
    for (uint32_t i = 0; i < count; i++)
        executables[i] = (VkPipelineExecutablePropertiesKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    if (gpu->vk.GetPipelineExecutablePropertiesKHR(gpu->handles.device, &info, &count, executables) < 0)
        return result;
    for (uint32_t i = 0; i < count; i++) {
        if (!(executables[i].stages & stage))
            continue;
        VkPipelineExecutableInfoKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                                  .pipeline = pipeline,
                                                  .executableIndex = i};
        VkPipelineExecutableStatisticKHR statistics[MOST];
        uint32_t statistic_count = MOST;
        for (uint32_t s = 0; s < MOST; s++)
            statistics[s] = (VkPipelineExecutableStatisticKHR){
                .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
        if (gpu->vk.GetPipelineExecutableStatisticsKHR(gpu->handles.device, &executable, &statistic_count,
                                                       statistics) < 0)
            continue;
        for (uint32_t s = 0; s < statistic_count; s++) {
            keep_largest(&result.registers, &statistics[s], "Register Count");
            keep_largest(&result.local_bytes, &statistics[s], "Local Memory");
            keep_largest(&result.binary_bytes, &statistics[s], "Binary Size");
        }
    }
    return result;
}

// --- A target ------------------------------------------------------------------------------------------------------

static uint32_t device_local_type(struct gpu *gpu, uint32_t allowed)
{
    VkPhysicalDeviceMemoryProperties memory;
    PFN_vkGetPhysicalDeviceMemoryProperties get =
        (PFN_vkGetPhysicalDeviceMemoryProperties)gpu->handles.get_instance_proc_addr(
            gpu->handles.instance, "vkGetPhysicalDeviceMemoryProperties");
    get(gpu->handles.physical_device, &memory);
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
        if (allowed >> i & 1 && memory.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)
            return i;
    bench_require(false, "finding device-local memory for the target");
    return 0;
}

void gpu_target_create(struct gpu *gpu, struct gpu_target *target, VkFormat format, uint32_t width,
                       uint32_t height, VkImageUsageFlags more)
{
    VkDevice device = gpu->handles.device;
    *target = (struct gpu_target){.format = format, .width = width, .height = height};
    VkImageCreateInfo image = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {width, height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | more,
    };
    BENCH_VK(gpu->vk.CreateImage(device, &image, NULL, &target->image));
    VkMemoryRequirements needed;
    gpu->vk.GetImageMemoryRequirements(device, target->image, &needed);
    uint32_t type = device_local_type(gpu, needed.memoryTypeBits);
    VkMemoryAllocateInfo memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                   .allocationSize = needed.size,
                                   .memoryTypeIndex = type};
    BENCH_VK(gpu->vk.AllocateMemory(device, &memory, NULL, &target->memory));
    BENCH_VK(gpu->vk.BindImageMemory(device, target->image, target->memory, 0));
    VkImageViewCreateInfo view = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                  .image = target->image,
                                  .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                  .format = format,
                                  .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    BENCH_VK(gpu->vk.CreateImageView(device, &view, NULL, &target->view));
}

void gpu_target_destroy(struct gpu *gpu, struct gpu_target *target)
{
    VkDevice device = gpu->handles.device;
    gpu->vk.DestroyImageView(device, target->view, NULL);
    gpu->vk.DestroyImage(device, target->image, NULL);
    gpu->vk.FreeMemory(device, target->memory, NULL);
}

static void transition(struct gpu *gpu, VkCommandBuffer commands, VkImage image, VkImageLayout from,
                       VkImageLayout to)
{
    VkImageMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT | VK_PIPELINE_STAGE_2_COPY_BIT,
        .srcAccessMask = VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT | VK_PIPELINE_STAGE_2_COPY_BIT,
        .dstAccessMask = VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT | VK_ACCESS_2_TRANSFER_READ_BIT,
        .oldLayout = from,
        .newLayout = to,
        .image = image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    VkDependencyInfo info = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                             .imageMemoryBarrierCount = 1,
                             .pImageMemoryBarriers = &barrier};
    gpu->vk.CmdPipelineBarrier2(commands, &info);
}

void gpu_change_layout(struct gpu *gpu, VkCommandBuffer commands, const struct gpu_target *target,
                       VkImageLayout from, VkImageLayout to)
{
    gpu_barrier(gpu, commands);
    transition(gpu, commands, target->image, from, to);
    gpu_barrier(gpu, commands);
}

void gpu_begin_rendering(struct gpu *gpu, VkCommandBuffer commands, const struct gpu_target *target,
                         const float *clear)
{
    transition(gpu, commands, target->image, VK_IMAGE_LAYOUT_UNDEFINED,
               VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    VkRenderingAttachmentInfo attachment = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = target->view,
        .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .loadOp = clear ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_DONT_CARE,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
    };
    if (clear)
        memcpy(attachment.clearValue.color.float32, clear, sizeof(attachment.clearValue.color.float32));
    VkRenderingInfo info = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                            .renderArea = {.extent = {target->width, target->height}},
                            .layerCount = 1,
                            .colorAttachmentCount = 1,
                            .pColorAttachments = &attachment};
    gpu->vk.CmdBeginRendering(commands, &info);
}

void gpu_end_rendering(struct gpu *gpu, VkCommandBuffer commands)
{
    gpu->vk.CmdEndRendering(commands);
}

void gpu_copy_target(struct gpu *gpu, VkCommandBuffer commands, const struct gpu_target *target,
                     VkBuffer buffer, VkDeviceSize offset)
{
    transition(gpu, commands, target->image, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
               VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    VkBufferImageCopy copy = {.bufferOffset = offset,
                              .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                              .imageExtent = {target->width, target->height, 1}};
    gpu->vk.CmdCopyImageToBuffer(commands, target->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer, 1,
                                 &copy);
}

// --- Submitting ------------------------------------------------------------------------------------------------------

void gpu_barrier(struct gpu *gpu, VkCommandBuffer commands)
{
    VkPipelineStageFlags2 stages = gpu->stages ? gpu->stages : VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    VkMemoryBarrier2 barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                .srcStageMask = stages,
                                .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
                                .dstStageMask = stages,
                                .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT};
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO, .memoryBarrierCount = 1, .pMemoryBarriers = &barrier};
    gpu->vk.CmdPipelineBarrier2(commands, &info);
}

static void begin(struct gpu *gpu, VkCommandBuffer commands)
{
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    BENCH_VK(gpu->vk.BeginCommandBuffer(commands, &info));
    const struct smelt_recording_params recording = {.commands = commands};
    BENCH_OK(smelt_encoder_begin(gpu->encoder, &recording));
}

// A submission per command buffer: no single one runs long.
static void submit(struct gpu *gpu, uint32_t count)
{
    VkCommandBufferSubmitInfo buffers[GPU_MOST_BATCHES];
    VkSubmitInfo2 submits[GPU_MOST_BATCHES];
    for (uint32_t i = 0; i < count; i++) {
        BENCH_VK(gpu->vk.EndCommandBuffer(gpu->commands[i]));
        buffers[i] = (VkCommandBufferSubmitInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                                 .commandBuffer = gpu->commands[i]};
        submits[i] = (VkSubmitInfo2){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                                     .commandBufferInfoCount = 1,
                                     .pCommandBufferInfos = &buffers[i]};
    }
    BENCH_VK(gpu->vk.QueueSubmit2(gpu->handles.queue, count, submits, gpu->fence));
    BENCH_VK(gpu->vk.WaitForFences(gpu->handles.device, 1, &gpu->fence, VK_TRUE, UINT64_MAX));
    BENCH_VK(gpu->vk.ResetFences(gpu->handles.device, 1, &gpu->fence));
    BENCH_VK(gpu->vk.ResetCommandPool(gpu->handles.device, gpu->pool, 0));
}

VkCommandBuffer gpu_begin(struct gpu *gpu)
{
    begin(gpu, gpu->commands[0]);
    return gpu->commands[0];
}

void gpu_submit_and_wait(struct gpu *gpu)
{
    BENCH_OK(smelt_encoder_end(gpu->encoder));
    submit(gpu, 1);
}

void gpu_commit_fill(struct gpu *gpu, smelt_tensor tensor, double value)
{
    gpu_begin(gpu);
    BENCH_OK(smelt_encode_fill(gpu->encoder, tensor, value));
    gpu_submit_and_wait(gpu);
}

void gpu_time(struct gpu *gpu, gpu_record record, void *user, uint32_t repeats, uint32_t batches, double *ns)
{
    bench_require(gpu->queries, "the queue has no timestamps: it");
    for (uint32_t b = 0; b < batches; b++) {
        VkCommandBuffer commands = gpu->commands[b];
        begin(gpu, commands);
        gpu->vk.CmdResetQueryPool(commands, gpu->queries, 2 * b, 2);
        gpu->vk.CmdWriteTimestamp2(commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, gpu->queries, 2 * b);
        for (uint32_t i = 0; i < repeats; i++) {
            record(user, gpu->encoder);
            gpu_barrier(gpu, commands);
        }
        gpu->vk.CmdWriteTimestamp2(commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, gpu->queries, 2 * b + 1);
        BENCH_OK(smelt_encoder_end(gpu->encoder));
    }
    submit(gpu, batches);
    uint64_t ticks[2 * GPU_MOST_BATCHES];
    BENCH_VK(gpu->vk.GetQueryPoolResults(gpu->handles.device, gpu->queries, 0, 2 * batches, sizeof(ticks),
                                         ticks, sizeof(uint64_t),
                                         VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    double period = smelt_context_capabilities(gpu->context)->timestamp_period;
    for (uint32_t b = 0; b < batches; b++)
        ns[b] = period * (double)(ticks[2 * b + 1] - ticks[2 * b]) / repeats;
}
