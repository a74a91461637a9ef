// SPDX-License-Identifier: MIT
// One dispatch with a command pool, a fence and a pipeline of its own.
#include "dispatch.h"

struct device_calls {
    VkDevice device;
    PFN_vkCreateCommandPool create_pool;
    PFN_vkDestroyCommandPool destroy_pool;
    PFN_vkAllocateCommandBuffers allocate;
    PFN_vkBeginCommandBuffer begin;
    PFN_vkEndCommandBuffer end;
    PFN_vkCmdBindPipeline bind_pipeline;
    PFN_vkCmdDispatch dispatch;
    PFN_vkCmdPipelineBarrier barrier;
    PFN_vkQueueSubmit submit;
    PFN_vkQueueWaitIdle wait;
    PFN_vkDestroyPipeline destroy_pipeline;
    PFN_vkDestroyPipelineLayout destroy_layout;
};

static struct device_calls load(const struct smelt_context_handles *h)
{
#define CALL(name) (PFN_vk##name) h->get_device_proc_addr(h->device, "vk" #name)
    return (struct device_calls){
        .device = h->device,
        .create_pool = CALL(CreateCommandPool),
        .destroy_pool = CALL(DestroyCommandPool),
        .allocate = CALL(AllocateCommandBuffers),
        .begin = CALL(BeginCommandBuffer),
        .end = CALL(EndCommandBuffer),
        .bind_pipeline = CALL(CmdBindPipeline),
        .dispatch = CALL(CmdDispatch),
        .barrier = CALL(CmdPipelineBarrier),
        .submit = CALL(QueueSubmit),
        .wait = CALL(QueueWaitIdle),
        .destroy_pipeline = CALL(DestroyPipeline),
        .destroy_layout = CALL(DestroyPipelineLayout),
    };
#undef CALL
}

// Records, submits and waits. Returns the first failing call's result, and its name.
static VkResult run(const struct device_calls *vk, const struct smelt_context_handles *h,
                    VkCommandBuffer commands, const char **failed_call)
{
    *failed_call = "vkEndCommandBuffer";
    VkResult result = vk->end(commands);
    if (result)
        return result;
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    *failed_call = "vkQueueSubmit";
    result = vk->submit(h->queue, 1, &submit, VK_NULL_HANDLE);
    if (result)
        return result;
    *failed_call = "vkQueueWaitIdle";
    result = vk->wait(h->queue);
    if (!result)
        *failed_call = NULL;
    return result;
}

static enum smelt_result record(const struct device_calls *vk, VkCommandBuffer commands, VkPipeline pipeline,
                                VkPipelineLayout layout, smelt_arguments arguments, const uint32_t groups[3])
{
    enum smelt_result result = smelt_arguments_bind(arguments, commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                                    layout, VK_SHADER_STAGE_COMPUTE_BIT, 0);
    if (result)
        return result;
    vk->bind_pipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vk->dispatch(commands, groups[0], groups[1], groups[2]);
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                               .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_HOST_READ_BIT};
    vk->barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0,
                NULL);
    return SMELT_OK;
}

enum smelt_result tool_dispatch(smelt_context context, smelt_shader shader, smelt_arguments arguments,
                                const uint32_t groups[3], const char **failed_call)
{
    *failed_call = NULL;
    struct smelt_context_handles h = smelt_context_handles(context);
    struct device_calls vk = load(&h);
    VkDescriptorSetLayout set_layout = smelt_arguments_set_layout(arguments);
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    enum smelt_result result = smelt_shader_create_compute_pipeline(
        shader, &set_layout, set_layout != VK_NULL_HANDLE, NULL, &layout, &pipeline);
    if (result)
        return result;

    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkCommandPoolCreateInfo pool_info = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                         .queueFamilyIndex = h.queue_family};
    *failed_call = "vkCreateCommandPool";
    VkResult vulkan = vk.create_pool(h.device, &pool_info, NULL, &pool);
    if (!vulkan) {
        VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                .commandPool = pool,
                                                .commandBufferCount = 1};
        *failed_call = "vkAllocateCommandBuffers";
        vulkan = vk.allocate(h.device, &allocate, &commands);
    }
    if (!vulkan) {
        VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
        *failed_call = "vkBeginCommandBuffer";
        vulkan = vk.begin(commands, &begin);
    }
    if (!vulkan) {
        *failed_call = NULL;
        result = record(&vk, commands, pipeline, layout, arguments, groups);
        if (!result)
            vulkan = run(&vk, &h, commands, failed_call);
    }
    if (vulkan)
        result = vulkan == VK_ERROR_DEVICE_LOST ? SMELT_ERROR_DEVICE_LOST : SMELT_ERROR_VULKAN;
    vk.destroy_pool(h.device, pool, NULL);
    vk.destroy_pipeline(h.device, pipeline, NULL);
    vk.destroy_layout(h.device, layout, NULL);
    return result;
}
