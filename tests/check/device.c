// SPDX-License-Identifier: MIT
// Runs a row on the device: guarded tensors in one arena, the argument block, a dispatch or a draw, the result.
#include "check.h"
#include "check_fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 256 // bytes on each side of a tensor
#define POISON 0xAA
#define GROUP_SIZE 32
#define MAX_WIDTH 1024 // of the render target
#define TIMED_RUNS 9

#define DEVICE_FUNCTIONS(X)                                                                                  \
    X(CreateGraphicsPipelines)                                                                               \
    X(CreateRenderPass)                                                                                      \
    X(DestroyRenderPass)                                                                                     \
    X(CreateFramebuffer)                                                                                     \
    X(DestroyFramebuffer)                                                                                    \
    X(CmdBeginRenderPass)                                                                                    \
    X(CmdEndRenderPass)                                                                                      \
    X(CmdDraw)                                                                                               \
    X(CmdCopyImageToBuffer)                                                                                  \
    X(CreateQueryPool)                                                                                       \
    X(DestroyQueryPool)                                                                                      \
    X(CmdResetQueryPool)                                                                                     \
    X(CmdWriteTimestamp)                                                                                     \
    X(GetQueryPoolResults)
#define FIELD(name) PFN_vk##name name;

struct check_device {
    smelt_context context;
    struct {
        DEVICE_FUNCTIONS(FIELD)
    } vk;
    bool graphics;
    VkQueryPool queries; // null: the queue has no timestamps
    smelt_shader vertex;
};

struct place {
    uint64_t offset, size; // of the elements in the arena; guards lie on both sides
};

struct check_program {
    struct check_device *device;
    struct check_case *c;
    smelt_shader shader;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct smelt_buffer arena, host;
    struct place places[CHECK_MAX_TENSORS + 1]; // the last one: the perturbation
    uint64_t block;                             // offset of the argument block
    uint64_t size;                              // of the arena
    uint32_t result;                            // the tensor with the output
    smelt_weights weights;                      // COOPVEC
    // Fragment stage: evaluations run along x and then y, `groups` rows of four outputs each.
    uint32_t width, height, groups;
    VkRenderPass render_pass;
    VkImage image;
    VkDeviceMemory image_memory;
    uint64_t image_size;
    VkImageView view;
    VkFramebuffer framebuffer;
};

static const char *check_fixture(const char *name)
{
    for (const struct smelt_embedded *f = check_embedded_fixtures; f->name; f++)
        if (!strcmp(f->name, name))
            return (const char *)f->data;
    return NULL;
}

enum smelt_result check_device_create(smelt_context context, struct check_device **device)
{
    struct check_device *d = calloc(1, sizeof(*d));
    if (!d)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    d->context = context;
#define LOAD(name) d->vk.name = (PFN_vk##name)context->vk.GetDeviceProcAddr(context->device, "vk" #name);
    DEVICE_FUNCTIONS(LOAD)
    uint32_t count = 0;
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, NULL);
    VkQueueFamilyProperties *families = calloc(count, sizeof(*families));
    if (!families) {
        free(d);
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    }
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, families);
    d->graphics = families[context->queue_family].queueFlags & VK_QUEUE_GRAPHICS_BIT;
    bool timestamps = families[context->queue_family].timestampValidBits > 0;
    free(families);
    VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                  .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                  .queryCount = 2};
    if (timestamps && d->vk.CreateQueryPool(context->device, &info, NULL, &d->queries) != VK_SUCCESS)
        d->queries = VK_NULL_HANDLE;
    struct smelt_shader_params params = {
        .source = check_fixture("full.vert"), .path = "full.vert", .stage = VK_SHADER_STAGE_VERTEX_BIT};
    enum smelt_result result = smelt_shader_create(context, &params, &d->vertex);
    if (result)
        check_device_destroy(&d);
    *device = d;
    return result;
}

void check_device_destroy(struct check_device **device)
{
    struct check_device *d = *device;
    if (!d)
        return;
    smelt_shader_destroy(&d->vertex);
    if (d->queries)
        d->vk.DestroyQueryPool(d->context->device, d->queries, NULL);
    free(d);
    *device = NULL;
}

static enum smelt_result create_shader(struct check_program *p)
{
    struct check_case *c = p->c;
    char fixture[64];
    snprintf(fixture, sizeof(fixture), "%s.glsl", c->op->fixture);
    check_define(c, "#define CHECK_WRONG %u", c->wrong);
    check_define(c, "#define CHECK_FRAGMENT %d", c->stage == VK_SHADER_STAGE_FRAGMENT_BIT);
    check_define(c, "#define CHECK_EVALUATIONS %u", c->evaluations);
    check_define(c, "#define CHECK_OUTPUTS %u", c->outputs);
    check_define(c, "#define CHECK_WIDTH %u", p->width);
    check_define(c, "#define CHECK_GROUPS %u", p->groups);
    struct smelt_virtual_file files[] = {{"check/parameters.glsl", c->defines},
                                         {"check/io.glsl", check_fixture("io.glsl")}};
    struct smelt_shader_params params = {.source = check_fixture(fixture),
                                         .path = fixture,
                                         .stage = c->stage,
                                         .files = files,
                                         .file_count = 2,
                                         .ops = &c->smelt,
                                         .op_count = c->smelt.name ? 1 : 0,
                                         .backend = c->backend,
                                         .no_cache = true};
    return smelt_shader_create(p->device->context, &params, &p->shader);
}

// --- The arena ------------------------------------------------------------------------------------------

static bool in_weights_object(const struct check_program *p, const struct check_tensor *tensor)
{
    return p->c->backend == SMELT_BACKEND_COOPVEC &&
           (tensor->role == CHECK_WEIGHT || tensor->role == CHECK_BIAS);
}

static uint64_t span(const struct check_tensor *tensor)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < tensor->rank; i++)
        last += (tensor->shape[i] - 1) * tensor->strides[i];
    return smelt_dtype_size(tensor->dtype, last + 1);
}

static enum smelt_result create_arena(struct check_program *p)
{
    struct check_case *c = p->c;
    uint64_t at = 0;
    for (uint32_t i = 0; i <= c->tensor_count; i++) {
        const struct check_tensor *tensor = &c->tensors[i < c->tensor_count ? i : p->result];
        at = (at + GUARD + 255) / 256 * 256; // the alignment that every template is content with
        p->places[i] = (struct place){at, in_weights_object(p, tensor) ? 0 : span(tensor)};
        at += p->places[i].size + GUARD;
    }
    p->block = (at + 255) / 256 * 256;
    p->size = p->block + CHECK_MAX_TENSORS * (8 + 8 * SMELT_TENSOR_MAX_RANK);
    smelt_context context = p->device->context;
    uint64_t picture = (uint64_t)p->width * p->height * 16;
    enum smelt_result result = smelt_buffer_create(context, p->size, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR,
                                                   "check arena", &p->arena);
    if (!result)
        result = smelt_buffer_create(context, SMELT_MAX(p->size, picture), SMELT_PLACE_HOST_READ,
                                     SMELT_MEMORY_STAGING, "check host", &p->host);
    return result;
}

static uint64_t element_offset(const struct check_tensor *tensor, uint64_t index)
{
    uint64_t offset = 0;
    for (uint32_t i = tensor->rank; i-- > 0; index /= tensor->shape[i])
        offset += index % tensor->shape[i] * tensor->strides[i];
    return offset;
}

static double decode(enum smelt_dtype dtype, const unsigned char *data, uint64_t element)
{
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32) { // f32 does not hold them
        uint32_t bits;
        memcpy(&bits, data + element * 4, 4);
        return dtype == SMELT_DTYPE_I32 ? (double)(int32_t)bits : (double)bits;
    }
    uint32_t bits = smelt_dtype_bits(dtype);
    unsigned char nibble;
    const unsigned char *source = data + element * bits / 8;
    if (bits == 4) {
        nibble = element & 1 ? *source >> 4 : *source & 15;
        source = &nibble;
    }
    float value = 0;
    smelt_dtype_convert(SMELT_DTYPE_F32, &value, dtype, source, 1);
    return value;
}

static void encode(enum smelt_dtype dtype, unsigned char *data, uint64_t element, double value)
{
    uint32_t bits = smelt_dtype_bits(dtype);
    unsigned char *destination = data + element * bits / 8;
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32) {
        uint32_t word = dtype == SMELT_DTYPE_I32 ? (uint32_t)(int32_t)value : (uint32_t)value;
        memcpy(destination, &word, 4);
        return;
    }
    float single = (float)value;
    if (bits != 4) {
        smelt_dtype_convert(dtype, destination, SMELT_DTYPE_F32, &single, 1);
        return;
    }
    unsigned char nibble = 0;
    smelt_dtype_convert(dtype, &nibble, SMELT_DTYPE_F32, &single, 1);
    *destination = element & 1 ? (unsigned char)((*destination & 15) | nibble << 4)
                               : (unsigned char)((*destination & 240) | (nibble & 15));
}

// NaN in a float type; all ones else.
static void fill_guard(enum smelt_dtype dtype, unsigned char *data, uint64_t size)
{
    (void)dtype; // all ones are a NaN in f32, f16, bf16, f8e4m3 and f8e5m2 alike
    memset(data, 0xFF, size);
}

static void write_block(struct check_program *p, unsigned char *block)
{
    uint32_t weight = 0;
    for (uint32_t i = 0; i <= p->c->tensor_count; i++) {
        const struct check_tensor *tensor = i < p->c->tensor_count ? &p->c->tensors[i] : NULL;
        VkDeviceAddress address = p->arena.address + p->places[i].offset;
        if (tensor && in_weights_object(p, tensor)) {
            smelt_tensor t = tensor->role == CHECK_WEIGHT ? smelt_weights_matrix(p->weights, tensor->layer)
                                                          : smelt_weights_bias(p->weights, tensor->layer);
            address = smelt_tensor_info(t)->address;
            weight++;
        }
        memcpy(block, &address, 8);
        block += 8;
        if (!tensor || tensor->pointer)
            continue;
        for (uint32_t d = 0; d < tensor->rank; d++, block += 4)
            memcpy(block, &(uint32_t){(uint32_t)tensor->shape[d]}, 4);
        for (uint32_t d = 0; d < tensor->rank; d++, block += 4)
            memcpy(block, &(uint32_t){(uint32_t)tensor->strides[d]}, 4);
    }
}

// The whole arena as the device shall find it.
static void fill_host(struct check_program *p, const double *errors)
{
    struct check_case *c = p->c;
    unsigned char *host = p->host.mapped;
    for (uint32_t i = 0; i <= c->tensor_count; i++) {
        const struct check_tensor *tensor = &c->tensors[i < c->tensor_count ? i : p->result];
        struct place place = p->places[i];
        bool output = i == p->result;
        if (output)
            memset(host + place.offset - GUARD, POISON, place.size + 2 * GUARD);
        else
            fill_guard(tensor->dtype, host + place.offset - GUARD, place.size + 2 * GUARD);
        if (output || !place.size)
            continue;
        for (uint64_t e = 0; e < tensor->count; e++)
            encode(tensor->dtype, host + place.offset, element_offset(tensor, e),
                   i < c->tensor_count ? tensor->values[e]
                   : errors            ? errors[e]
                                       : 0);
    }
    write_block(p, host + p->block);
}

// --- Weights in the device's own layout -----------------------------------------------------------------

static enum smelt_result create_weights(struct check_program *p)
{
    if (p->c->backend != SMELT_BACKEND_COOPVEC)
        return SMELT_OK;
    struct smelt_weights_params params = {.layers = p->c->layers,
                                          .layer_count = p->c->layer_count,
                                          .dtype = p->c->types.stored,
                                          .backend = p->c->backend,
                                          .stages = p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT
                                                        ? VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT
                                                        : VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT};
    return smelt_weights_create(p->device->context, &params, &p->weights);
}

static enum smelt_result update_weights(struct check_program *p)
{
    if (!p->weights)
        return SMELT_OK;
    unsigned char *data[2][SMELT_MLP_MAX_LAYERS] = {{0}};
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < p->c->tensor_count; i++) {
        const struct check_tensor *tensor = &p->c->tensors[i];
        if (!in_weights_object(p, tensor))
            continue;
        unsigned char *packed = malloc(smelt_dtype_size(tensor->dtype, tensor->count));
        if (!packed)
            result = SMELT_ERROR_OUT_OF_HOST_MEMORY;
        for (uint64_t e = 0; packed && e < tensor->count; e++)
            encode(tensor->dtype, packed, e, tensor->values[e]);
        data[tensor->role == CHECK_BIAS][tensor->layer] = packed;
    }
    if (!result)
        result = smelt_weights_update_and_wait(p->weights, (const void *const *)data[0],
                                               (const void *const *)data[1]);
    for (uint32_t i = 0; i < SMELT_MLP_MAX_LAYERS; i++) {
        free(data[0][i]);
        free(data[1][i]);
    }
    return result;
}

// --- The fragment stage -----------------------------------------------------------------------------------

static enum smelt_result create_target(struct check_program *p)
{
    struct check_device *d = p->device;
    smelt_context context = d->context;
    const struct smelt_vk *vk = &context->vk;
    VkImageCreateInfo image = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = VK_FORMAT_R32G32B32A32_SFLOAT,
                               .extent = {p->width, p->height, 1},
                               .mipLevels = 1,
                               .arrayLayers = 1,
                               .samples = VK_SAMPLE_COUNT_1_BIT,
                               .usage =
                                   VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
    VkResult r = vk->CreateImage(context->device, &image, NULL, &p->image);
    if (r)
        return smelt_fail_vk(context, r, "vkCreateImage");
    VkMemoryRequirements needs;
    vk->GetImageMemoryRequirements(context->device, p->image, &needs);
    enum smelt_result result =
        smelt_memory_allocate(context, &needs, SMELT_PLACE_DEVICE, SMELT_MEMORY_TEXTURE, &p->image_memory);
    if (result)
        return result;
    p->image_size = needs.size;
    r = vk->BindImageMemory(context->device, p->image, p->image_memory, 0);
    VkImageViewCreateInfo view = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                  .image = p->image,
                                  .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                  .format = image.format,
                                  .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    if (!r)
        r = vk->CreateImageView(context->device, &view, NULL, &p->view);
    VkAttachmentDescription attachment = {.format = image.format,
                                          .samples = VK_SAMPLE_COUNT_1_BIT,
                                          .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                          .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                          .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
    VkAttachmentReference reference = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass = {.colorAttachmentCount = 1, .pColorAttachments = &reference};
    VkSubpassDependency after = {.srcSubpass = 0,
                                 .dstSubpass = VK_SUBPASS_EXTERNAL,
                                 .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                                 .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
                                 .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
                                 .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT};
    VkRenderPassCreateInfo pass = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                   .attachmentCount = 1,
                                   .pAttachments = &attachment,
                                   .subpassCount = 1,
                                   .pSubpasses = &subpass,
                                   .dependencyCount = 1,
                                   .pDependencies = &after};
    if (!r)
        r = d->vk.CreateRenderPass(context->device, &pass, NULL, &p->render_pass);
    VkFramebufferCreateInfo framebuffer = {.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                           .renderPass = p->render_pass,
                                           .attachmentCount = 1,
                                           .pAttachments = &p->view,
                                           .width = p->width,
                                           .height = p->height,
                                           .layers = 1};
    if (!r)
        r = d->vk.CreateFramebuffer(context->device, &framebuffer, NULL, &p->framebuffer);
    return r ? smelt_fail_vk(context, r, "making a render target") : SMELT_OK;
}

static enum smelt_result create_graphics_pipeline(struct check_program *p)
{
    struct check_device *d = p->device;
    smelt_context context = d->context;
    VkShaderModule vertex, fragment;
    enum smelt_result result = smelt_shader_module(d->vertex, &vertex);
    if (result || (result = smelt_shader_module(p->shader, &fragment)))
        return result;
    VkPushConstantRange range = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, 8};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    VkResult r = context->vk.CreatePipelineLayout(context->device, &layout, NULL, &p->layout);
    if (r)
        return smelt_fail_vk(context, r, "vkCreatePipelineLayout");
    VkPipelineShaderStageCreateInfo stages[2] = {
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = vertex,
         .pName = "main"},
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = fragment,
         .pName = "main"}};
    VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
    VkViewport viewport = {0, 0, (float)p->width, (float)p->height, 0, 1};
    VkRect2D scissor = {{0, 0}, {p->width, p->height}};
    VkPipelineViewportStateCreateInfo viewports = {.sType =
                                                       VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                                                   .viewportCount = 1,
                                                   .pViewports = &viewport,
                                                   .scissorCount = 1,
                                                   .pScissors = &scissor};
    VkPipelineRasterizationStateCreateInfo raster = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
    VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    VkPipelineColorBlendAttachmentState attachment = {.colorWriteMask = 15};
    VkPipelineColorBlendStateCreateInfo blend = {.sType =
                                                     VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                 .attachmentCount = 1,
                                                 .pAttachments = &attachment};
    VkGraphicsPipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                         .stageCount = 2,
                                         .pStages = stages,
                                         .pVertexInputState = &input,
                                         .pInputAssemblyState = &assembly,
                                         .pViewportState = &viewports,
                                         .pRasterizationState = &raster,
                                         .pMultisampleState = &samples,
                                         .pColorBlendState = &blend,
                                         .layout = p->layout,
                                         .renderPass = p->render_pass};
    r = d->vk.CreateGraphicsPipelines(context->device, VK_NULL_HANDLE, 1, &info, NULL, &p->pipeline);
    return r ? smelt_fail_vk(context, r, "vkCreateGraphicsPipelines") : SMELT_OK;
}

// --- Programs ---------------------------------------------------------------------------------------------

enum smelt_result check_program_create(struct check_device *device, struct check_case *c,
                                       struct check_program **program)
{
    bool fragment = c->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    if (fragment && !device->graphics)
        return smelt_fail(device->context, SMELT_ERROR_UNSUPPORTED, "the queue family has no graphics");
    struct check_program *p = calloc(1, sizeof(*p));
    if (!p)
        return SMELT_ERROR_OUT_OF_HOST_MEMORY;
    p->device = device;
    p->c = c;
    for (uint32_t i = 0; i < c->tensor_count; i++)
        if (c->tensors[i].role == CHECK_OUTPUT)
            p->result = i;
    if (fragment) {
        p->groups = (c->outputs + 3) / 4;
        p->width = SMELT_MIN(c->evaluations, MAX_WIDTH);
        p->height = (c->evaluations + p->width - 1) / p->width * p->groups;
    }
    enum smelt_result result = create_shader(p);
    if (!result)
        result = create_arena(p);
    if (!result)
        result = create_weights(p);
    if (!result && fragment && !(result = create_target(p)))
        result = create_graphics_pipeline(p);
    if (!result && !fragment)
        result = smelt_shader_create_compute_pipeline(p->shader, NULL, 0, NULL, &p->layout, &p->pipeline);
    *program = p;
    if (result)
        check_program_destroy(program);
    return result;
}

void check_program_destroy(struct check_program **program)
{
    struct check_program *p = *program;
    if (!p)
        return;
    smelt_context context = p->device->context;
    const struct smelt_vk *vk = &context->vk;
    if (p->framebuffer)
        p->device->vk.DestroyFramebuffer(context->device, p->framebuffer, NULL);
    if (p->render_pass)
        p->device->vk.DestroyRenderPass(context->device, p->render_pass, NULL);
    if (p->view)
        vk->DestroyImageView(context->device, p->view, NULL);
    if (p->image)
        vk->DestroyImage(context->device, p->image, NULL);
    if (p->image_memory)
        smelt_memory_free(context, &p->image_memory, p->image_size, SMELT_MEMORY_TEXTURE);
    if (p->pipeline)
        vk->DestroyPipeline(context->device, p->pipeline, context->allocation_callbacks);
    if (p->layout)
        vk->DestroyPipelineLayout(context->device, p->layout, context->allocation_callbacks);
    smelt_weights_destroy(&p->weights);
    smelt_buffer_destroy(context, &p->host);
    smelt_buffer_destroy(context, &p->arena);
    smelt_shader_destroy(&p->shader);
    free(p);
    *program = NULL;
}

// The op's work: a dispatch, or a draw into the target.
static void record_work(struct check_program *p, VkCommandBuffer commands)
{
    const struct smelt_vk *vk = &p->device->context->vk;
    bool fragment = p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    VkDeviceAddress block = p->arena.address + p->block;
    vk->CmdBindPipeline(commands, fragment ? VK_PIPELINE_BIND_POINT_GRAPHICS : VK_PIPELINE_BIND_POINT_COMPUTE,
                        p->pipeline);
    vk->CmdPushConstants(commands, p->layout,
                         fragment ? VK_SHADER_STAGE_FRAGMENT_BIT : VK_SHADER_STAGE_COMPUTE_BIT, 0, 8, &block);
    if (!fragment) {
        vk->CmdDispatch(commands, (p->c->evaluations + GROUP_SIZE - 1) / GROUP_SIZE, 1, 1);
        return;
    }
    VkClearValue clear = {.color = {.uint32 = {0xAAAAAAAA, 0xAAAAAAAA, 0xAAAAAAAA, 0xAAAAAAAA}}};
    VkRenderPassBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                   .renderPass = p->render_pass,
                                   .framebuffer = p->framebuffer,
                                   .renderArea = {{0, 0}, {p->width, p->height}},
                                   .clearValueCount = 1,
                                   .pClearValues = &clear};
    p->device->vk.CmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
    p->device->vk.CmdDraw(commands, 3, 1, 0, 0);
    p->device->vk.CmdEndRenderPass(commands);
}

static void record_run(struct check_program *p, VkCommandBuffer commands)
{
    smelt_context context = p->device->context;
    bool fragment = p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT;
    VkPipelineStageFlags2 stage =
        fragment ? VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT : VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    VkBufferCopy all = {0, 0, p->size};
    context->vk.CmdCopyBuffer(commands, p->host.buffer, p->arena.buffer, 1, &all);
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         stage, VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT);
    record_work(p, commands);
    smelt_memory_barrier(context, commands, stage, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_COPY_BIT,
                         VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT);
    if (fragment) {
        VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                  .imageExtent = {p->width, p->height, 1}};
        p->device->vk.CmdCopyImageToBuffer(commands, p->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                                           p->host.buffer, 1, &copy);
    } else {
        context->vk.CmdCopyBuffer(commands, p->arena.buffer, p->host.buffer, 1, &all);
    }
    smelt_memory_barrier(context, commands, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                         VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
}

static void read_picture(const struct check_program *p, double *got, bool *intact, char what[200])
{
    const float *pixels = p->host.mapped;
    for (uint32_t e = 0; e < p->c->evaluations; e++)
        for (uint32_t i = 0; i < p->c->outputs; i++) {
            uint64_t row = (uint64_t)(e / p->width) * p->groups + i / 4;
            const float *value = &pixels[(row * p->width + e % p->width) * 4 + i % 4];
            uint32_t bits;
            memcpy(&bits, value, 4);
            if (bits == 0xAAAAAAAA && *intact) {
                *intact = false;
                snprintf(what, 200, "evaluation %u output %u was not written", e, i);
            }
            got[(uint64_t)e * p->c->outputs + i] = *value;
        }
}

// Finds a byte between the elements of a strided output that was written.
static void check_gaps(const struct check_tensor *tensor, const unsigned char *data, uint64_t size,
                       bool *intact, char what[200])
{
    unsigned char *used = calloc(size, 1);
    uint32_t bits = smelt_dtype_bits(tensor->dtype);
    for (uint64_t e = 0; used && e < tensor->count; e++)
        memset(used + element_offset(tensor, e) * bits / 8, 1, (bits + 7) / 8);
    for (uint64_t i = 0; *intact && i < size; i++)
        if (!used || (!used[i] && data[i] != POISON)) {
            *intact = false;
            snprintf(what, 200, "byte %u of the output lies between its elements and was overwritten",
                     (unsigned)i);
        }
    free(used);
}

static void read_arena(const struct check_program *p, double *got, bool *intact, char what[200])
{
    const struct check_tensor *tensor = &p->c->tensors[p->result];
    struct place place = p->places[p->result];
    const unsigned char *data = (const unsigned char *)p->host.mapped + place.offset;
    for (uint64_t i = 0; i < GUARD; i++)
        if (*intact && (data[-1 - (int64_t)i] != POISON || data[place.size + i] != POISON)) {
            *intact = false;
            snprintf(what, 200, "the guard %s the output was overwritten, %u bytes from it",
                     data[place.size + i] != POISON ? "after" : "before", (unsigned)i);
        }
    if (!tensor->pointer)
        check_gaps(tensor, data, place.size, intact, what);
    for (uint64_t e = 0; e < tensor->count; e++) {
        uint64_t element = element_offset(tensor, e);
        uint32_t bits = 0;
        if (tensor->pointer)
            memcpy(&bits, data + element * 4, 4);
        if (bits == 0xAAAAAAAA && *intact) {
            *intact = false;
            snprintf(what, 200, "evaluation %u output %u was not written", (unsigned)(e / p->c->outputs),
                     (unsigned)(e % p->c->outputs));
        }
        got[e] = decode(tensor->dtype, data, element);
    }
}

enum smelt_result check_program_run(struct check_program *p, const double *errors, double *got, bool *intact,
                                    char what[200])
{
    *intact = true;
    what[0] = 0;
    enum smelt_result result = update_weights(p);
    if (result)
        return result;
    fill_host(p, errors);
    VkCommandBuffer commands;
    result = smelt_submit_begin(p->device->context, &commands);
    if (result)
        return result;
    record_run(p, commands);
    result = smelt_submit_end(p->device->context, true);
    if (result)
        return result;
    if (p->c->stage == VK_SHADER_STAGE_FRAGMENT_BIT)
        read_picture(p, got, intact, what);
    else
        read_arena(p, got, intact, what);
    return SMELT_OK;
}

enum smelt_result check_program_time(struct check_program *p, uint32_t *count, double *ns)
{
    struct check_device *d = p->device;
    uint32_t wanted = SMELT_MIN(*count, TIMED_RUNS);
    *count = 0;
    for (uint32_t i = 0; d->queries && i < wanted; i++) {
        VkCommandBuffer commands;
        enum smelt_result result = smelt_submit_begin(d->context, &commands);
        if (result)
            return result;
        d->vk.CmdResetQueryPool(commands, d->queries, 0, 2);
        record_work(p, commands); // warm
        smelt_memory_barrier(d->context, commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                             VK_ACCESS_2_MEMORY_WRITE_BIT, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                             VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT);
        d->vk.CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, d->queries, 0);
        record_work(p, commands);
        d->vk.CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, d->queries, 1);
        result = smelt_submit_end(d->context, true);
        uint64_t ticks[2];
        if (!result && d->vk.GetQueryPoolResults(d->context->device, d->queries, 0, 2, sizeof(ticks), ticks,
                                                 8, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT))
            result = smelt_fail(d->context, SMELT_ERROR_VULKAN, "vkGetQueryPoolResults failed");
        if (result)
            return result;
        ns[(*count)++] = (double)(ticks[1] - ticks[0]) * d->context->capabilities.timestamp_period;
    }
    return SMELT_OK;
}

const struct smelt_shader_info *check_program_shader(struct check_program *program)
{
    return smelt_shader_info(program->shader);
}
