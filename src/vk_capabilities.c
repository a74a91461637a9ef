// SPDX-License-Identifier: MIT
// Reads what a device can do into the capability report; the table of drivers known to be wrong.
#include "feature_table.h"

#include <stdlib.h>
#include <string.h>

#define NVIDIA_VERSION(major, minor) ((uint32_t)(major) << 22 | (uint32_t)(minor) << 14)

static const struct {
    VkDriverId driver;
    uint32_t first, last; // driverVersion, in the vendor's own encoding, inclusive
    uint64_t features;    // not to be used
    const char *reason;
} known_bad[] = {
    // The first release with the final extension: NVIDIA-RTX/RTXNS, README, "Requirements".
    {VK_DRIVER_ID_NVIDIA_PROPRIETARY, 0, NVIDIA_VERSION(572, 16) - 1,
     SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR) |
         SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR_TRAINING),
     "VK_NV_cooperative_vector of NVIDIA drivers before 572.16 is a preview"},
    // shader-slang/slang issue 13191
    {VK_DRIVER_ID_NVIDIA_PROPRIETARY, NVIDIA_VERSION(591, 86), NVIDIA_VERSION(591, 87) - 1,
     SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR) |
         SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR_TRAINING),
     "cooperative vectors in compute lose the device once a ray tracing pipeline exists (NVIDIA 591.86)"},
};

const char *smelt_known_bad_driver(VkDriverId driver, uint32_t version, uint64_t *features)
{
    for (size_t i = 0; i < SMELT_COUNT_OF(known_bad); i++) {
        if (known_bad[i].driver == driver && version >= known_bad[i].first && version <= known_bad[i].last) {
            *features = known_bad[i].features;
            return known_bad[i].reason;
        }
    }
    *features = 0;
    return NULL;
}

#define COOPMAT2_FEATURES                                                                                    \
    (SMELT_FEATURE_BIT(SMELT_FEATURE_COOPMAT2_WORKGROUP_SCOPE) |                                             \
     SMELT_FEATURE_BIT(SMELT_FEATURE_COOPMAT2_FLEXIBLE_DIMENSIONS))

// The chain of properties that are asked for.
struct properties {
    VkPhysicalDeviceProperties2 base;
    VkPhysicalDeviceVulkan11Properties vulkan11;
    VkPhysicalDeviceVulkan12Properties vulkan12;
    VkPhysicalDeviceVulkan13Properties vulkan13;
    VkPhysicalDeviceCooperativeVectorPropertiesNV vector;
    VkPhysicalDeviceCooperativeMatrixPropertiesKHR matrix;
    VkPhysicalDeviceCooperativeMatrix2PropertiesNV matrix2;
};

// An extension's struct is passed only to a driver on which its feature is enabled.
static void properties_get(smelt_context context, struct properties *p)
{
    *p = (struct properties){
        .base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .vulkan11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
        .vulkan12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
        .vulkan13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES,
        .vector.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_VECTOR_PROPERTIES_NV,
        .matrix.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR,
        .matrix2.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_PROPERTIES_NV,
    };
    p->base.pNext = &p->vulkan11;
    p->vulkan11.pNext = &p->vulkan12;
    p->vulkan12.pNext = &p->vulkan13;
    if (context->features & SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_VECTOR)) {
        p->vector.pNext = p->vulkan13.pNext;
        p->vulkan13.pNext = &p->vector;
    }
    if (context->features & SMELT_FEATURE_BIT(SMELT_FEATURE_COOPERATIVE_MATRIX)) {
        p->matrix.pNext = p->vulkan13.pNext;
        p->vulkan13.pNext = &p->matrix;
    }
    if (context->features & COOPMAT2_FEATURES) {
        p->matrix2.pNext = p->vulkan13.pNext;
        p->vulkan13.pNext = &p->matrix2;
    }
    context->vk.GetPhysicalDeviceProperties2(context->physical_device, &p->base);
}

static void read_limits(struct smelt_capabilities *c, const struct properties *p)
{
    const VkPhysicalDeviceProperties *base = &p->base.properties;
    const VkPhysicalDeviceLimits *limits = &base->limits;
    memcpy(c->device_name, base->deviceName, sizeof(c->device_name));
    memcpy(c->driver_name, p->vulkan12.driverName, sizeof(c->driver_name));
    memcpy(c->driver_info, p->vulkan12.driverInfo, sizeof(c->driver_info));
    c->device_type = base->deviceType;
    c->vendor_id = base->vendorID;
    c->device_id = base->deviceID;
    c->driver_version = base->driverVersion;
    c->api_version = base->apiVersion;
    memcpy(c->device_uuid, p->vulkan11.deviceUUID, sizeof(c->device_uuid));
    c->subgroup_size = p->vulkan11.subgroupSize;
    c->min_subgroup_size = p->vulkan13.minSubgroupSize;
    c->max_subgroup_size = p->vulkan13.maxSubgroupSize;
    c->max_push_constants_size = limits->maxPushConstantsSize;
    c->max_shared_memory_size = limits->maxComputeSharedMemorySize;
    c->max_workgroup_invocations = limits->maxComputeWorkGroupInvocations;
    memcpy(c->max_workgroup_size, limits->maxComputeWorkGroupSize, sizeof(c->max_workgroup_size));
    memcpy(c->max_workgroup_count, limits->maxComputeWorkGroupCount, sizeof(c->max_workgroup_count));
    c->max_buffer_size = p->vulkan13.maxBufferSize;
}

static void read_features(struct smelt_capabilities *c, const struct properties *p, uint64_t features)
{
#define HAS(name) ((features & SMELT_FEATURE_BIT(SMELT_FEATURE_##name)) != 0)
    c->subgroup_size_control = HAS(SUBGROUP_SIZE_CONTROL);
    c->full_subgroups = HAS(COMPUTE_FULL_SUBGROUPS);
    c->shader_float16 = HAS(SHADER_FLOAT16);
    c->shader_int8 = HAS(SHADER_INT8);
    c->shader_int16 = HAS(SHADER_INT16);
    c->shader_int64 = HAS(SHADER_INT64);
    c->integer_dot_product = HAS(SHADER_INTEGER_DOT_PRODUCT);
    c->bfloat16 = HAS(BFLOAT16);
    c->float8 = HAS(FLOAT8);
    c->sampled_image_nonuniform = HAS(SAMPLED_IMAGE_NONUNIFORM) && HAS(RUNTIME_DESCRIPTOR_ARRAY);
    c->cooperative_vector = HAS(COOPERATIVE_VECTOR);
    c->cooperative_vector_training = HAS(COOPERATIVE_VECTOR_TRAINING);
    if (c->cooperative_vector) {
        c->cooperative_vector_stages = p->vector.cooperativeVectorSupportedStages;
        c->max_cooperative_vector_components = p->vector.maxCooperativeVectorComponents;
    }
    c->cooperative_matrix = HAS(COOPERATIVE_MATRIX);
    if (c->cooperative_matrix)
        c->cooperative_matrix_stages = p->matrix.cooperativeMatrixSupportedStages;
    c->cooperative_matrix2_workgroup_scope = HAS(COOPMAT2_WORKGROUP_SCOPE);
    c->cooperative_matrix2_flexible_dimensions = HAS(COOPMAT2_FLEXIBLE_DIMENSIONS);
    c->cooperative_matrix2_reductions = HAS(COOPMAT2_REDUCTIONS);
    c->cooperative_matrix2_conversions = HAS(COOPMAT2_CONVERSIONS);
    c->cooperative_matrix2_per_element = HAS(COOPMAT2_PER_ELEMENT);
    c->cooperative_matrix2_tensor_addressing = HAS(COOPMAT2_TENSOR_ADDRESSING);
    c->cooperative_matrix2_block_loads = HAS(COOPMAT2_BLOCK_LOADS);
    c->cooperative_matrix2_max_dimension = p->matrix2.cooperativeMatrixFlexibleDimensionsMaxDimension;
    c->cooperative_matrix2_max_workgroup_size = p->matrix2.cooperativeMatrixWorkgroupScopeMaxWorkgroupSize;
    c->cooperative_matrix2_reserved_shared_memory =
        p->matrix2.cooperativeMatrixWorkgroupScopeReservedSharedMemory;
    c->pipeline_statistics = HAS(PIPELINE_STATISTICS);
#undef HAS
}

static enum smelt_result read_timestamps(smelt_context context, const struct properties *p)
{
    uint32_t count = 0;
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, NULL);
    if (context->queue_family >= count)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "queue_family: got %u, the device has %u queue families", context->queue_family,
                          count);
    VkQueueFamilyProperties *families = calloc(count, sizeof(*families));
    if (!families)
        return smelt_fail(context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "no memory for %u queue families", count);
    context->vk.GetPhysicalDeviceQueueFamilyProperties(context->physical_device, &count, families);
    VkQueueFamilyProperties family = families[context->queue_family];
    free(families);
    if (!(family.queueFlags & VK_QUEUE_COMPUTE_BIT))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "queue_family: family %u has no compute, wanted compute and transfer",
                          context->queue_family);
    if (family.timestampValidBits)
        context->capabilities.timestamp_period = p->base.properties.limits.timestampPeriod;
    return SMELT_OK;
}

// Whether f16 x f16 -> f16 is among the products the driver lists; others are not used by this version.
static bool vector_f16(smelt_context context)
{
    if (!context->capabilities.cooperative_vector ||
        !context->vk.GetPhysicalDeviceCooperativeVectorPropertiesNV)
        return false;
    VkCooperativeVectorPropertiesNV list[128];
    for (size_t i = 0; i < SMELT_COUNT_OF(list); i++)
        list[i] =
            (VkCooperativeVectorPropertiesNV){.sType = VK_STRUCTURE_TYPE_COOPERATIVE_VECTOR_PROPERTIES_NV};
    uint32_t count = SMELT_COUNT_OF(list); // VK_INCOMPLETE still fills all of them
    VkResult result =
        context->vk.GetPhysicalDeviceCooperativeVectorPropertiesNV(context->physical_device, &count, list);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (list[i].inputType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
            list[i].inputInterpretation == VK_COMPONENT_TYPE_FLOAT16_KHR &&
            list[i].matrixInterpretation == VK_COMPONENT_TYPE_FLOAT16_KHR &&
            list[i].biasInterpretation == VK_COMPONENT_TYPE_FLOAT16_KHR &&
            list[i].resultType == VK_COMPONENT_TYPE_FLOAT16_KHR)
            return true;
    return false;
}

static enum smelt_dtype component_dtype(VkComponentTypeKHR type)
{
    static const struct {
        VkComponentTypeKHR type;
        enum smelt_dtype dtype;
    } known[] = {
        {VK_COMPONENT_TYPE_FLOAT16_KHR, SMELT_DTYPE_F16},
        {VK_COMPONENT_TYPE_FLOAT32_KHR, SMELT_DTYPE_F32},
        {VK_COMPONENT_TYPE_SINT8_KHR, SMELT_DTYPE_I8},
        {VK_COMPONENT_TYPE_UINT8_KHR, SMELT_DTYPE_U8},
        {VK_COMPONENT_TYPE_SINT16_KHR, SMELT_DTYPE_I16},
        {VK_COMPONENT_TYPE_UINT16_KHR, SMELT_DTYPE_U16},
        {VK_COMPONENT_TYPE_SINT32_KHR, SMELT_DTYPE_I32},
        {VK_COMPONENT_TYPE_UINT32_KHR, SMELT_DTYPE_U32},
        {VK_COMPONENT_TYPE_BFLOAT16_KHR, SMELT_DTYPE_BF16},
        {VK_COMPONENT_TYPE_FLOAT8_E4M3_EXT, SMELT_DTYPE_F8E4M3},
        {VK_COMPONENT_TYPE_FLOAT8_E5M2_EXT, SMELT_DTYPE_F8E5M2},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(known); i++)
        if (known[i].type == type)
            return known[i].dtype;
    return SMELT_DTYPE_NONE;
}

static void read_cooperative_matrices(smelt_context context)
{
    struct smelt_capabilities *c = &context->capabilities;
    if (!c->cooperative_matrix || !context->vk.GetPhysicalDeviceCooperativeMatrixPropertiesKHR)
        return;
    VkCooperativeMatrixPropertiesKHR list[SMELT_COUNT_OF(c->cooperative_matrices)];
    for (size_t i = 0; i < SMELT_COUNT_OF(list); i++)
        list[i] =
            (VkCooperativeMatrixPropertiesKHR){.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    uint32_t count = SMELT_COUNT_OF(list); // VK_INCOMPLETE still fills all of them
    VkResult result =
        context->vk.GetPhysicalDeviceCooperativeMatrixPropertiesKHR(context->physical_device, &count, list);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (list[i].scope == VK_SCOPE_SUBGROUP_KHR || list[i].scope == VK_SCOPE_WORKGROUP_KHR)
            c->cooperative_matrices[c->cooperative_matrix_count++] = (struct smelt_cooperative_matrix){
                .m = list[i].MSize,
                .n = list[i].NSize,
                .k = list[i].KSize,
                .a = component_dtype(list[i].AType),
                .b = component_dtype(list[i].BType),
                .c = component_dtype(list[i].CType),
                .result = component_dtype(list[i].ResultType),
                .scope =
                    list[i].scope == VK_SCOPE_SUBGROUP_KHR ? SMELT_SCOPE_SUBGROUP : SMELT_SCOPE_WORKGROUP,
                .saturating = list[i].saturatingAccumulation,
            };
}

static void read_flexible_matrices(smelt_context context)
{
    struct smelt_capabilities *c = &context->capabilities;
    if (!c->cooperative_matrix2_flexible_dimensions ||
        !context->vk.GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)
        return;
    VkCooperativeMatrixFlexibleDimensionsPropertiesNV list[SMELT_COUNT_OF(c->flexible_matrices)];
    for (size_t i = 0; i < SMELT_COUNT_OF(list); i++)
        list[i] = (VkCooperativeMatrixFlexibleDimensionsPropertiesNV){
            .sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV};
    uint32_t count = SMELT_COUNT_OF(list); // VK_INCOMPLETE still fills all of them
    VkResult result = context->vk.GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV(
        context->physical_device, &count, list);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return;
    for (uint32_t i = 0; i < count; i++) {
        bool group = list[i].scope == VK_SCOPE_WORKGROUP_KHR;
        if (group ? c->cooperative_matrix2_workgroup_scope : list[i].scope == VK_SCOPE_SUBGROUP_KHR)
            c->flexible_matrices[c->flexible_matrix_count++] = (struct smelt_cooperative_matrix){
                .m = list[i].MGranularity,
                .n = list[i].NGranularity,
                .k = list[i].KGranularity,
                .a = component_dtype(list[i].AType),
                .b = component_dtype(list[i].BType),
                .c = component_dtype(list[i].CType),
                .result = component_dtype(list[i].ResultType),
                .scope = group ? SMELT_SCOPE_WORKGROUP : SMELT_SCOPE_SUBGROUP,
                .invocations = group ? list[i].workgroupInvocations : 0,
                .saturating = list[i].saturatingAccumulation,
            };
    }
}

enum smelt_result smelt_capabilities_read(smelt_context context, bool ignore_known_bad)
{
    struct smelt_capabilities *c = &context->capabilities;
    struct properties p;
    properties_get(context, &p);
    if (!ignore_known_bad) {
        uint64_t refused;
        const char *reason =
            smelt_known_bad_driver(p.vulkan12.driverID, p.base.properties.driverVersion, &refused);
        c->known_bad = context->features & refused ? reason : NULL;
        context->features &= ~refused;
    }
    read_limits(c, &p);
    read_features(c, &p, context->features);
    c->compiler = SMELT_HAVE_COMPILER;
    context->cooperative_vector_f16 = vector_f16(context);
    context->required_subgroup_size =
        c->subgroup_size_control && (p.vulkan13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT);
    context->subgroup_shuffle = (p.vulkan11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                                (p.vulkan11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
    read_cooperative_matrices(context);
    read_flexible_matrices(context);
    context->vk.GetPhysicalDeviceMemoryProperties(context->physical_device, &context->memory_properties);
    enum smelt_result result = read_timestamps(context, &p);
    if (result == SMELT_OK)
        smelt_compiler_probe(context->cache_directory, c->compiler_backends, c->compiler_dtypes);
    return result;
}
