// SPDX-License-Identifier: MIT
// The feature list, and a context on a device that the test makes as a renderer would.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "context_rig.h"

// A renderer's instance and device, with validation that counts.
struct renderer {
    PFN_vkGetInstanceProcAddr get;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    PFN_vkDestroyInstance DestroyInstance;
    PFN_vkCreateDevice CreateDevice;
    PFN_vkGetDeviceProcAddr GetDeviceProcAddr;
    PFN_vkDestroyDevice DestroyDevice;
    PFN_vkDeviceWaitIdle DeviceWaitIdle;
    uint32_t messages;
};

static VKAPI_ATTR VkBool32 VKAPI_CALL count_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                    VkDebugUtilsMessageTypeFlagsEXT types,
                                                    const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                    void *user)
{
    (void)severity;
    (void)types;
    ((struct renderer *)user)->messages++;
    printf("    renderer's validation: %s\n", data->pMessage);
    return VK_FALSE;
}

static VkDebugUtilsMessengerEXT messenger;

static void renderer_start(struct renderer *r)
{
    *r = (struct renderer){.get = smelt_context_handles(test_context()).get_instance_proc_addr};
    VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = count_message,
        .pUserData = r};
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .apiVersion = VK_API_VERSION_1_3};
    const char *layer = "VK_LAYER_KHRONOS_validation", *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    bool validate = !getenv("SMELT_TEST_VALIDATION");
    VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                   .pApplicationInfo = &application,
                                   .enabledLayerCount = validate,
                                   .ppEnabledLayerNames = &layer,
                                   .enabledExtensionCount = validate,
                                   .ppEnabledExtensionNames = &extension};
    PFN_vkCreateInstance make = (PFN_vkCreateInstance)r->get(NULL, "vkCreateInstance");
    CHECK(make && make(&create, NULL, &r->instance) == VK_SUCCESS);
    r->DestroyInstance = (PFN_vkDestroyInstance)r->get(r->instance, "vkDestroyInstance");
    r->CreateDevice = (PFN_vkCreateDevice)r->get(r->instance, "vkCreateDevice");
    r->GetDeviceProcAddr = (PFN_vkGetDeviceProcAddr)r->get(r->instance, "vkGetDeviceProcAddr");
    if (validate) {
        PFN_vkCreateDebugUtilsMessengerEXT listen =
            (PFN_vkCreateDebugUtilsMessengerEXT)r->get(r->instance, "vkCreateDebugUtilsMessengerEXT");
        CHECK(listen && listen(r->instance, &info, NULL, &messenger) == VK_SUCCESS);
    }
    PFN_vkEnumeratePhysicalDevices list =
        (PFN_vkEnumeratePhysicalDevices)r->get(r->instance, "vkEnumeratePhysicalDevices");
    PFN_vkGetPhysicalDeviceProperties properties =
        (PFN_vkGetPhysicalDeviceProperties)r->get(r->instance, "vkGetPhysicalDeviceProperties");
    VkPhysicalDevice all[16];
    uint32_t count = 16;
    list(r->instance, &count, all);
    for (uint32_t i = 0; i < count && !r->physical; i++) { // the one that the tests use
        VkPhysicalDeviceProperties p;
        properties(all[i], &p);
        if (!strcmp(p.deviceName, smelt_context_capabilities(test_context())->device_name))
            r->physical = all[i];
    }
    CHECK(r->physical);
}

static void renderer_device(struct renderer *r, const VkPhysicalDeviceFeatures2 *features,
                            const char *const *extensions, uint32_t extension_count)
{
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = smelt_context_handles(test_context()).queue_family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                 .pNext = features,
                                 .queueCreateInfoCount = 1,
                                 .pQueueCreateInfos = &queue,
                                 .enabledExtensionCount = extension_count,
                                 .ppEnabledExtensionNames = extensions};
    CHECK(r->CreateDevice(r->physical, &create, NULL, &r->device) == VK_SUCCESS);
    r->DestroyDevice = (PFN_vkDestroyDevice)r->GetDeviceProcAddr(r->device, "vkDestroyDevice");
    r->DeviceWaitIdle = (PFN_vkDeviceWaitIdle)r->GetDeviceProcAddr(r->device, "vkDeviceWaitIdle");
    PFN_vkGetDeviceQueue get = (PFN_vkGetDeviceQueue)r->GetDeviceProcAddr(r->device, "vkGetDeviceQueue");
    get(r->device, queue.queueFamilyIndex, 0, &r->queue);
}

static void renderer_stop(struct renderer *r)
{
    if (r->device) {
        CHECK(r->DeviceWaitIdle(r->device) == VK_SUCCESS);
        r->DestroyDevice(r->device, NULL);
    }
    if (messenger) {
        ((PFN_vkDestroyDebugUtilsMessengerEXT)r->get(r->instance, "vkDestroyDebugUtilsMessengerEXT"))(
            r->instance, messenger, NULL);
        messenger = VK_NULL_HANDLE;
    }
    r->DestroyInstance(r->instance, NULL);
    CHECK(r->messages == 0);
}

static struct smelt_context_params borrow(const struct renderer *r, const VkPhysicalDeviceFeatures2 *features,
                                          const char *const *extensions, uint32_t extension_count)
{
    return (struct smelt_context_params){
        .get_instance_proc_addr = r->get,
        .instance = r->instance,
        .physical_device = r->physical,
        .device = r->device,
        .queue = r->queue,
        .queue_family = smelt_context_handles(test_context()).queue_family,
        .enabled_features = features,
        .enabled_extensions = extensions,
        .enabled_extension_count = extension_count,
        .cache_directory = "",
    };
}

static const struct smelt_feature_list *list_of(const struct renderer *r)
{
    const struct smelt_feature_list *list = NULL;
    CHECK_OK(smelt_feature_list_create(r->get, r->instance, r->physical, &list));
    CHECK(list->features && !list->missing[0]);
    return list;
}

static int count_struct(const VkPhysicalDeviceFeatures2 *chain, VkStructureType type)
{
    int count = 0;
    for (const VkBaseInStructure *s = (const VkBaseInStructure *)chain; s; s = s->pNext)
        count += s->sType == type;
    return count;
}

static void check_no_struct_twice(const VkPhysicalDeviceFeatures2 *chain)
{
    for (const VkBaseInStructure *s = (const VkBaseInStructure *)chain; s; s = s->pNext)
        CHECK(count_struct(chain, s->sType) == 1);
}

// --- The list -------------------------------------------------------------------------------------------------

static void the_list_is_what_the_device_has_and_no_robustness(void)
{
    struct renderer r;
    renderer_start(&r);
    const struct smelt_feature_list *list = list_of(&r);
    check_no_struct_twice(list->features);
    CHECK(!list->features->features.robustBufferAccess);
    uint64_t set = smelt_features_in_chain(list->features, list->extensions, list->extension_count);
    CHECK((set & smelt_required_features()) == smelt_required_features());
    CHECK(set == test_context()->features || smelt_context_capabilities(test_context())->known_bad);
    renderer_device(&r, list->features, list->extensions, list->extension_count); // can be passed on as it is
    smelt_feature_list_destroy(&list);
    CHECK(!list);
    smelt_feature_list_destroy(&list);
    renderer_stop(&r);
}

static void the_list_needs_its_arguments(void)
{
    struct smelt_context_handles h = smelt_context_handles(test_context());
    const struct smelt_feature_list *list = NULL;
    CHECK_FAILS(smelt_feature_list_create(NULL, h.instance, h.physical_device, &list),
                SMELT_ERROR_INVALID_ARGUMENT, "get_instance_proc_addr");
    CHECK_FAILS(smelt_feature_list_create(h.get_instance_proc_addr, NULL, h.physical_device, &list),
                SMELT_ERROR_INVALID_ARGUMENT, "instance");
    CHECK_FAILS(smelt_feature_list_create(h.get_instance_proc_addr, h.instance, NULL, &list),
                SMELT_ERROR_INVALID_ARGUMENT, "physical_device");
    CHECK_FAILS(smelt_feature_list_create(h.get_instance_proc_addr, h.instance, h.physical_device, NULL),
                SMELT_ERROR_INVALID_ARGUMENT, "list");
    CHECK(!list);
}

// A chain with aggregates takes the place of their parts; one with parts gets no aggregate.
static void the_list_joins_a_callers_chain(void)
{
    struct renderer r;
    renderer_start(&r);
    const struct smelt_feature_list *list = list_of(&r);
    const struct smelt_feature_list *other = list_of(&r);
    uint64_t whole = smelt_features_in_chain(list->features, list->extensions, list->extension_count);

    VkPhysicalDeviceVulkan13Features v13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                            .inlineUniformBlock = VK_TRUE};
    VkPhysicalDeviceVulkan12Features v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                            .pNext = &v13,
                                            .descriptorIndexing = VK_FALSE};
    VkPhysicalDeviceFeatures2 aggregates = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                            .pNext = &v12};
    smelt_feature_list_apply(list, &aggregates);
    check_no_struct_twice(&aggregates);
    CHECK(v12.bufferDeviceAddress && v12.scalarBlockLayout && v12.timelineSemaphore && v13.maintenance4);
    CHECK(v13.inlineUniformBlock); // the caller's own stays
    CHECK(!count_struct(&aggregates, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES));
    CHECK(!count_struct(&aggregates, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES));
    CHECK(count_struct(&aggregates, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES) == 1);
    CHECK(smelt_features_in_chain(&aggregates, list->extensions, list->extension_count) == whole);
    smelt_feature_list_apply(list, &aggregates); // twice is once
    check_no_struct_twice(&aggregates);

    VkPhysicalDeviceMultiviewFeatures multiview = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES, .multiview = VK_TRUE};
    VkPhysicalDevice8BitStorageFeatures storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES, .pNext = &multiview};
    VkPhysicalDeviceFeatures2 parts = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                       .pNext = &storage,
                                       .features.fragmentStoresAndAtomics = VK_TRUE};
    smelt_feature_list_apply(other, &parts);
    check_no_struct_twice(&parts);
    CHECK(storage.storageBuffer8BitAccess && parts.features.fragmentStoresAndAtomics);
    CHECK(!count_struct(&parts, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES));
    CHECK(smelt_features_in_chain(&parts, list->extensions, list->extension_count) == whole);

    renderer_device(&r, &aggregates, list->extensions, list->extension_count);
    r.DestroyDevice(r.device, NULL);
    renderer_device(&r, &parts, list->extensions, list->extension_count);
    smelt_feature_list_destroy(&list);
    smelt_feature_list_destroy(&other);
    renderer_stop(&r);
}

// --- Borrowing -------------------------------------------------------------------------------------------------

static uint32_t locks, unlocks;

static void lock_queue(void *user)
{
    *(uint32_t *)user += 1;
}

static void unlock_queue(void *user)
{
    (void)user;
    unlocks += 1;
}

static void a_borrowed_device_works_and_stays_the_callers(void)
{
    struct renderer r;
    renderer_start(&r);
    const struct smelt_feature_list *list = list_of(&r);
    renderer_device(&r, list->features, list->extensions, list->extension_count);
    PFN_vkCreatePipelineCache make =
        (PFN_vkCreatePipelineCache)r.GetDeviceProcAddr(r.device, "vkCreatePipelineCache");
    PFN_vkDestroyPipelineCache destroy =
        (PFN_vkDestroyPipelineCache)r.GetDeviceProcAddr(r.device, "vkDestroyPipelineCache");
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    VkPipelineCache cache = VK_NULL_HANDLE;
    CHECK(make(r.device, &info, NULL, &cache) == VK_SUCCESS);
    struct smelt_context_params params = borrow(&r, list->features, list->extensions, list->extension_count);
    params.pipeline_cache = cache;
    params.queue_lock = lock_queue;
    params.queue_unlock = unlock_queue;
    params.queue_user = &locks;
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    smelt_feature_list_destroy(&list); // read during the call only
    struct smelt_context_handles h = smelt_context_handles(context);
    CHECK(h.instance == r.instance && h.physical_device == r.physical && h.device == r.device &&
          h.queue == r.queue && h.pipeline_cache == cache && h.get_instance_proc_addr == r.get);
    CHECK(context->features == test_context()->features);
    CHECK(smelt_context_capabilities(context)->debug_utils == (messenger != VK_NULL_HANDLE));
    struct smelt_buffer buffer;
    VkCommandBuffer commands;
    CHECK_OK(smelt_buffer_create(context, 64, SMELT_PLACE_DEVICE, SMELT_MEMORY_TENSOR, "borrowed", &buffer));
    CHECK_OK(smelt_submit_begin(context, &commands));
    context->vk.CmdFillBuffer(commands, buffer.buffer, 0, 64, 1);
    CHECK_OK(smelt_submit_end(context, true));
    CHECK(locks == 1 && unlocks == 1);
    smelt_buffer_destroy(context, &buffer);
    smelt_context_destroy(&context);
    destroy(r.device, cache, NULL); // both still live
    renderer_stop(&r);
}

// Aggregates, as most renderers write them, and with nothing but what is required.
static void nothing_that_is_not_enabled_is_used(void)
{
    struct renderer r;
    renderer_start(&r);
    VkPhysicalDeviceVulkan13Features v13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                            .synchronization2 = VK_TRUE,
                                            .maintenance4 = VK_TRUE};
    VkPhysicalDeviceVulkan12Features v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                            .pNext = &v13,
                                            .bufferDeviceAddress = VK_TRUE,
                                            .scalarBlockLayout = VK_TRUE,
                                            .storageBuffer8BitAccess = VK_TRUE,
                                            .timelineSemaphore = VK_TRUE};
    VkPhysicalDeviceVulkan11Features v11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                            .pNext = &v12,
                                            .storageBuffer16BitAccess = VK_TRUE};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &v11};
    renderer_device(&r, &features, NULL, 0);
    struct smelt_context_params params = borrow(&r, &features, NULL, 0);
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    const struct smelt_capabilities *c = smelt_context_capabilities(context);
    CHECK(context->features == smelt_required_features());
    CHECK(!c->shader_float16 && !c->shader_int8 && !c->cooperative_vector && !c->subgroup_size_control);
    CHECK(!context->vk.ConvertCooperativeVectorMatrixNV && !c->pipeline_statistics);
    struct smelt_backend_query query = {.precompiled = true};
    struct smelt_backend_choice choice;
    CHECK_OK(smelt_backend_choose(context, &query, &choice)); // without f16, PORTABLE computes in f32
    CHECK(choice.backend == SMELT_BACKEND_PORTABLE && choice.computed == SMELT_DTYPE_F32);
    query.computed = SMELT_DTYPE_F16;
    CHECK_FAILS(smelt_backend_choose(context, &query, &choice), SMELT_ERROR_UNSUPPORTED, "shaderFloat16");
    smelt_context_destroy(&context);

    // An extension's struct says nothing without its extension.
    VkPhysicalDeviceCooperativeVectorFeaturesNV vector = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_VECTOR_FEATURES_NV,
        .cooperativeVector = VK_TRUE};
    v13.pNext = &vector;
    CHECK(smelt_features_in_chain(&features, NULL, 0) == smelt_required_features());
    const char *const name = VK_NV_COOPERATIVE_VECTOR_EXTENSION_NAME;
    CHECK(smelt_features_in_chain(&features, &name, 1) ==
          (smelt_required_features() | SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR)));
    v13.pNext = NULL;

    v13.maintenance4 = VK_FALSE;
    v11.storageBuffer16BitAccess = VK_FALSE;
    CHECK_FAILS(smelt_context_create(&params, &context), SMELT_ERROR_UNSUPPORTED,
                "storageBuffer16BitAccess, maintenance4");
    params.enabled_features = NULL;
    CHECK_FAILS(smelt_context_create(&params, &context), SMELT_ERROR_UNSUPPORTED,
                "bufferDeviceAddress, scalarBlockLayout, storageBuffer16BitAccess, storageBuffer8BitAccess, "
                "synchronization2, timelineSemaphore, maintenance4");
    renderer_stop(&r);
}

static void a_device_given_in_part_is_refused(void)
{
    struct renderer r;
    renderer_start(&r);
    const struct smelt_feature_list *list = list_of(&r);
    renderer_device(&r, list->features, list->extensions, list->extension_count);
    const struct smelt_context_params good =
        borrow(&r, list->features, list->extensions, list->extension_count);
    smelt_context context = NULL;
    struct smelt_context_params p = good;
    p.queue = VK_NULL_HANDLE;
    CHECK_FAILS(smelt_context_create(&p, &context), SMELT_ERROR_INVALID_ARGUMENT,
                "got instance, physical_device, device, wanted also queue");
    p = good;
    p.instance = VK_NULL_HANDLE;
    CHECK_FAILS(smelt_context_create(&p, &context), SMELT_ERROR_INVALID_ARGUMENT, "wanted also instance");
    p = (struct smelt_context_params){.physical_device = r.physical, .cache_directory = ""};
    CHECK_FAILS(smelt_context_create(&p, &context), SMELT_ERROR_INVALID_ARGUMENT,
                "got physical_device, wanted also instance, device, queue");
    p = good;
    p.enabled_extensions = NULL;
    p.enabled_extension_count = 3;
    CHECK_FAILS(smelt_context_create(&p, &context), SMELT_ERROR_INVALID_ARGUMENT,
                "enabled_extensions is NULL");
    p = good;
    p.queue_lock = lock_queue;
    CHECK_FAILS(smelt_context_create(&p, &context), SMELT_ERROR_INVALID_ARGUMENT, "queue_unlock");
    p = good;
    p.queue_family = 1000;
    CHECK_FAILS(smelt_context_create(&p, &context), SMELT_ERROR_INVALID_ARGUMENT, "queue_family: got 1000");
    CHECK(!context);
    smelt_feature_list_destroy(&list);
    renderer_stop(&r);
}

// A pipeline with the op on a device that has what smelt_op_query tells and no more. False: the device cannot do the op.
static bool op_runs_on_a_device_of_its_own(struct renderer *r, const struct smelt_op *op, const char *body)
{
    struct smelt_op_info info;
    if (smelt_op_query(test_context(), op, 0, &info) != SMELT_OK)
        return false;
    char source[1024];
    snprintf(source, sizeof(source),
             "#version 460\n#include \"smelt/base.glsl\"\n#include \"smelt/op/op.glsl\"\n%s", body);
    struct smelt_shader_params params = {.source = source,
                                         .path = "op.comp",
                                         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                         .ops = op,
                                         .op_count = 1,
                                         .no_cache = true};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(test_context(), &params, &shader));
    const struct smelt_shader_info *made = smelt_shader_info(shader);
    const struct smelt_feature_list *list = NULL;
    CHECK_OK(smelt_op_feature_list_create(&info, &list));
    CHECK(!list->missing[0]);
    renderer_device(r, list->features, list->extensions, list->extension_count);
    smelt_feature_list_destroy(&list);
#define LOAD(name) PFN_vk##name name = (PFN_vk##name)r->GetDeviceProcAddr(r->device, "vk" #name)
    LOAD(CreateShaderModule);
    LOAD(DestroyShaderModule);
    LOAD(CreatePipelineLayout);
    LOAD(DestroyPipelineLayout);
    LOAD(CreateComputePipelines);
    LOAD(DestroyPipeline);
#undef LOAD
    VkShaderModuleCreateInfo code = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                     .codeSize = made->spirv_size,
                                     .pCode = made->spirv};
    VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = 8};
    VkPipelineLayoutCreateInfo outline = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                          .pushConstantRangeCount = 1,
                                          .pPushConstantRanges = &range};
    VkShaderModule module;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    CHECK(CreateShaderModule(r->device, &code, NULL, &module) == VK_SUCCESS);
    CHECK(CreatePipelineLayout(r->device, &outline, NULL, &layout) == VK_SUCCESS);
    VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = info.subgroup_size.requiredSubgroupSize ? &info.subgroup_size : NULL,
                  .flags = info.stage_flags,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main"},
        .layout = layout};
    CHECK(CreateComputePipelines(r->device, VK_NULL_HANDLE, 1, &create, NULL, &pipeline) == VK_SUCCESS);
    DestroyPipeline(r->device, pipeline, NULL);
    DestroyPipelineLayout(r->device, layout, NULL);
    DestroyShaderModule(r->device, module, NULL);
    r->DestroyDevice(r->device, NULL);
    r->device = NULL;
    smelt_shader_destroy(&shader);
    CHECK(r->messages == 0);
    return true;
}

// DESIGN 2.6: what smelt_op_query tells is all that an op's pipeline needs.
static void what_an_op_tells_is_all_it_needs(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no GLSL compiler");
    static const char thread[] =
        "layout(buffer_reference, scalar, buffer_reference_align = 16) buffer block { op w; float16_t e[]; "
        "};\n"
        "layout(push_constant, scalar) uniform push { block b; };\nlayout(local_size_x = 32) in;\n"
        "void main() { op_left a; for (int i = 0; i < 16; i++) smelt_set(a, 0, i, float(b.e[i]));\n"
        "op_result d = op_run(a, b.w); b.e[0] = float16_t(smelt_get(d, 0, 0)); }\n";
    static const char group[] =
        "layout(local_size_x = op_WORKGROUP_SIZE) in;\n"
        "layout(buffer_reference, scalar, buffer_reference_align = 8) buffer block\n"
        "{ op_left_%s_2_r_0x0 a; op_right_%s_2_r_0x0 b; float e[]; };\n"
        "layout(push_constant, scalar) uniform push { block p; };\n"
        "void main() { op_result d; op_run(d, p.a, p.b, 0, 0); p.e[0] = float(smelt_get(d, 0)); }\n";
    static const struct {
        enum smelt_backend backend;
        enum smelt_scope scope;
        enum smelt_dtype stored, computed;
    } rows[] = {
        {SMELT_BACKEND_PORTABLE, SMELT_SCOPE_THREAD, SMELT_DTYPE_F16, SMELT_DTYPE_F32},
        {SMELT_BACKEND_COOPVEC, SMELT_SCOPE_THREAD, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
        {SMELT_BACKEND_PORTABLE, SMELT_SCOPE_SUBGROUP, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
        {SMELT_BACKEND_PORTABLE, SMELT_SCOPE_WORKGROUP, SMELT_DTYPE_I8, SMELT_DTYPE_I8},
        {SMELT_BACKEND_DOT8, SMELT_SCOPE_WORKGROUP, SMELT_DTYPE_I8, SMELT_DTYPE_I8},
        {SMELT_BACKEND_COOPMAT, SMELT_SCOPE_WORKGROUP, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
        {SMELT_BACKEND_COOPMAT, SMELT_SCOPE_SUBGROUP, SMELT_DTYPE_I8, SMELT_DTYPE_I8},
        {SMELT_BACKEND_COOPMAT2, SMELT_SCOPE_WORKGROUP, SMELT_DTYPE_F16, SMELT_DTYPE_F16},
    };
    struct renderer r;
    renderer_start(&r);
    uint32_t made = 0;
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        bool alone = rows[i].scope == SMELT_SCOPE_THREAD;
        struct smelt_matmul2d_descriptor d = {.scope = rows[i].scope,
                                              .m = alone ? 1 : 32,
                                              .n = alone ? 8 : 32,
                                              .k = 16,
                                              .transpose_right = true,
                                              .stored = rows[i].stored,
                                              .computed = rows[i].computed,
                                              .backend = rows[i].backend};
        struct smelt_op op = {.name = "op", .kind = SMELT_OP_MATMUL2D, .matmul2d = &d};
        const char *stored = smelt_dtype_name(rows[i].stored);
        char body[512];
        if (alone)
            snprintf(body, sizeof(body), "%s", thread);
        else
            snprintf(body, sizeof(body), group, stored, stored);
        made += op_runs_on_a_device_of_its_own(&r, &op, body);
    }
    printf("    %u of %zu ops\n", made, SMELT_COUNT_OF(rows));
    CHECK(made >= 2); // PORTABLE is everywhere; its others want features of their own
    renderer_stop(&r);
    const struct smelt_feature_list *list = NULL;
    struct smelt_op_info none = {0};
    CHECK_FAILS(smelt_op_feature_list_create(NULL, &list), SMELT_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_FAILS(smelt_op_feature_list_create(&none, &list), SMELT_ERROR_INVALID_ARGUMENT,
                "info.features is 0");
    none.features = 1;
    CHECK_FAILS(smelt_op_feature_list_create(&none, NULL), SMELT_ERROR_INVALID_ARGUMENT, "list is NULL");
    CHECK(!list);
}

static const struct test tests[] = {
    {"the list is what the device has, and no robustness", the_list_is_what_the_device_has_and_no_robustness},
    {"the list needs its arguments", the_list_needs_its_arguments},
    {"the list joins a caller's chain", the_list_joins_a_callers_chain},
    {"a borrowed device works and stays the caller's", a_borrowed_device_works_and_stays_the_callers},
    {"nothing that is not enabled is used", nothing_that_is_not_enabled_is_used},
    {"a device given in part is refused", a_device_given_in_part_is_refused},
    {"what an op tells is all it needs", what_an_op_tells_is_all_it_needs},
};

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
