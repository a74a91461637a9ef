// SPDX-License-Identifier: MIT
// The table of Vulkan features: where each lives, what it permits in SPIR-V, and which backend needs it.
#include "feature_table.h"

#define NONE (-1) // no SPIR-V capability

// clang-format off
#define AT(type, member) offsetof(VkPhysicalDevice##type, member)
#define ROW(member, SINGLE, single_offset, AGGREGATE, aggregate_offset, extension, required, ...)             \
    {#member, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##SINGLE, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##AGGREGATE,      \
     single_offset, aggregate_offset, extension, {__VA_ARGS__}, required}
#define CORE(member, ...)                                                                                     \
    ROW(member, FEATURES_2, AT(Features2, features.member), FEATURES_2, AT(Features2, features.member), NULL, \
        false, __VA_ARGS__)
#define V11(type, TYPE, member, required, ...)                                                                \
    ROW(member, TYPE, AT(type, member), VULKAN_1_1_FEATURES, AT(Vulkan11Features, member), NULL, required,    \
        __VA_ARGS__)
#define V12(type, TYPE, member, required, ...)                                                                \
    ROW(member, TYPE, AT(type, member), VULKAN_1_2_FEATURES, AT(Vulkan12Features, member), NULL, required,    \
        __VA_ARGS__)
#define V13(type, TYPE, member, required, ...)                                                                \
    ROW(member, TYPE, AT(type, member), VULKAN_1_3_FEATURES, AT(Vulkan13Features, member), NULL, required,    \
        __VA_ARGS__)
#define EXTENSION(type, TYPE, member, extension, ...)                                                         \
    ROW(member, TYPE, AT(type, member), TYPE, AT(type, member), extension, false, __VA_ARGS__)
#define COOPMAT2(member, ...)                                                                                 \
    EXTENSION(CooperativeMatrix2FeaturesNV, COOPERATIVE_MATRIX_2_FEATURES_NV, member,                         \
              VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME, __VA_ARGS__)

const struct smelt_feature_row smelt_features[SMELT_FEATURE_COUNT] = {
    [SMELT_FEATURE_BUFFER_DEVICE_ADDRESS] = V12(BufferDeviceAddressFeatures, BUFFER_DEVICE_ADDRESS_FEATURES, bufferDeviceAddress, true, 5347),
    [SMELT_FEATURE_SCALAR_BLOCK_LAYOUT] = V12(ScalarBlockLayoutFeatures, SCALAR_BLOCK_LAYOUT_FEATURES, scalarBlockLayout, true, NONE),
    [SMELT_FEATURE_STORAGE_16BIT] = V11(16BitStorageFeatures, 16BIT_STORAGE_FEATURES, storageBuffer16BitAccess, true, 4433),
    [SMELT_FEATURE_STORAGE_8BIT] = V12(8BitStorageFeatures, 8BIT_STORAGE_FEATURES, storageBuffer8BitAccess, true, 4448),
    [SMELT_FEATURE_SYNCHRONIZATION2] = V13(Synchronization2Features, SYNCHRONIZATION_2_FEATURES, synchronization2, true, NONE),
    [SMELT_FEATURE_TIMELINE_SEMAPHORE] = V12(TimelineSemaphoreFeatures, TIMELINE_SEMAPHORE_FEATURES, timelineSemaphore, true, NONE),
    [SMELT_FEATURE_MAINTENANCE4] = V13(Maintenance4Features, MAINTENANCE_4_FEATURES, maintenance4, true, NONE),
    [SMELT_FEATURE_SHADER_FLOAT16] = V12(ShaderFloat16Int8Features, SHADER_FLOAT16_INT8_FEATURES, shaderFloat16, false, 9),
    [SMELT_FEATURE_SHADER_INT8] = V12(ShaderFloat16Int8Features, SHADER_FLOAT16_INT8_FEATURES, shaderInt8, false, 39),
    [SMELT_FEATURE_SHADER_INT16] = CORE(shaderInt16, 22),
    [SMELT_FEATURE_SHADER_INT64] = CORE(shaderInt64, 11),
    [SMELT_FEATURE_SHADER_INTEGER_DOT_PRODUCT] = V13(ShaderIntegerDotProductFeatures, SHADER_INTEGER_DOT_PRODUCT_FEATURES, shaderIntegerDotProduct, false, 6019, 6018, 6017, 6016),
    [SMELT_FEATURE_VULKAN_MEMORY_MODEL] = V12(VulkanMemoryModelFeatures, VULKAN_MEMORY_MODEL_FEATURES, vulkanMemoryModel, false, 5345),
    [SMELT_FEATURE_VULKAN_MEMORY_MODEL_DEVICE_SCOPE] = V12(VulkanMemoryModelFeatures, VULKAN_MEMORY_MODEL_FEATURES, vulkanMemoryModelDeviceScope, false, 5346),
    [SMELT_FEATURE_SUBGROUP_SIZE_CONTROL] = V13(SubgroupSizeControlFeatures, SUBGROUP_SIZE_CONTROL_FEATURES, subgroupSizeControl, false, NONE),
    [SMELT_FEATURE_COMPUTE_FULL_SUBGROUPS] = V13(SubgroupSizeControlFeatures, SUBGROUP_SIZE_CONTROL_FEATURES, computeFullSubgroups, false, NONE),
    [SMELT_FEATURE_SHADER_DEMOTE] = V13(ShaderDemoteToHelperInvocationFeatures, SHADER_DEMOTE_TO_HELPER_INVOCATION_FEATURES, shaderDemoteToHelperInvocation, false, 5379),
    [SMELT_FEATURE_DYNAMIC_RENDERING] = V13(DynamicRenderingFeatures, DYNAMIC_RENDERING_FEATURES, dynamicRendering, false, NONE),
    [SMELT_FEATURE_HOST_QUERY_RESET] = V12(HostQueryResetFeatures, HOST_QUERY_RESET_FEATURES, hostQueryReset, false, NONE),
    [SMELT_FEATURE_SAMPLER_ANISOTROPY] = CORE(samplerAnisotropy, NONE),
    [SMELT_FEATURE_SAMPLED_IMAGE_DYNAMIC] = CORE(shaderSampledImageArrayDynamicIndexing, 29),
    [SMELT_FEATURE_SAMPLED_IMAGE_NONUNIFORM] = V12(DescriptorIndexingFeatures, DESCRIPTOR_INDEXING_FEATURES, shaderSampledImageArrayNonUniformIndexing, false, 5307, 5301),
    [SMELT_FEATURE_RUNTIME_DESCRIPTOR_ARRAY] = V12(DescriptorIndexingFeatures, DESCRIPTOR_INDEXING_FEATURES, runtimeDescriptorArray, false, 5302),
    [SMELT_FEATURE_PARTIALLY_BOUND] = V12(DescriptorIndexingFeatures, DESCRIPTOR_INDEXING_FEATURES, descriptorBindingPartiallyBound, false, NONE),
    [SMELT_FEATURE_VARIABLE_DESCRIPTOR_COUNT] = V12(DescriptorIndexingFeatures, DESCRIPTOR_INDEXING_FEATURES, descriptorBindingVariableDescriptorCount, false, NONE),
    [SMELT_FEATURE_PIPELINE_STATISTICS] = EXTENSION(PipelineExecutablePropertiesFeaturesKHR, PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, pipelineExecutableInfo, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME, NONE),
    [SMELT_FEATURE_BFLOAT16] = EXTENSION(ShaderBfloat16FeaturesKHR, SHADER_BFLOAT16_FEATURES_KHR, shaderBFloat16Type, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, 5116),
    [SMELT_FEATURE_BFLOAT16_COOPERATIVE_MATRIX] = EXTENSION(ShaderBfloat16FeaturesKHR, SHADER_BFLOAT16_FEATURES_KHR, shaderBFloat16CooperativeMatrix, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, 5118),
    [SMELT_FEATURE_FLOAT8] = EXTENSION(ShaderFloat8FeaturesEXT, SHADER_FLOAT8_FEATURES_EXT, shaderFloat8, VK_EXT_SHADER_FLOAT8_EXTENSION_NAME, 4212),
    [SMELT_FEATURE_FLOAT8_COOPERATIVE_MATRIX] = EXTENSION(ShaderFloat8FeaturesEXT, SHADER_FLOAT8_FEATURES_EXT, shaderFloat8CooperativeMatrix, VK_EXT_SHADER_FLOAT8_EXTENSION_NAME, 4213),
    [SMELT_FEATURE_REPLICATED_COMPOSITES] = EXTENSION(ShaderReplicatedCompositesFeaturesEXT, SHADER_REPLICATED_COMPOSITES_FEATURES_EXT, shaderReplicatedComposites, VK_EXT_SHADER_REPLICATED_COMPOSITES_EXTENSION_NAME, 6024),
    [SMELT_FEATURE_COOPERATIVE_VECTOR] = EXTENSION(CooperativeVectorFeaturesNV, COOPERATIVE_VECTOR_FEATURES_NV, cooperativeVector, VK_NV_COOPERATIVE_VECTOR_EXTENSION_NAME, 5394),
    [SMELT_FEATURE_COOPERATIVE_VECTOR_TRAINING] = EXTENSION(CooperativeVectorFeaturesNV, COOPERATIVE_VECTOR_FEATURES_NV, cooperativeVectorTraining, VK_NV_COOPERATIVE_VECTOR_EXTENSION_NAME, 5435),
    [SMELT_FEATURE_COOPERATIVE_MATRIX] = EXTENSION(CooperativeMatrixFeaturesKHR, COOPERATIVE_MATRIX_FEATURES_KHR, cooperativeMatrix, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, 6022),
    [SMELT_FEATURE_COOPMAT2_WORKGROUP_SCOPE] = COOPMAT2(cooperativeMatrixWorkgroupScope, NONE),
    [SMELT_FEATURE_COOPMAT2_FLEXIBLE_DIMENSIONS] = COOPMAT2(cooperativeMatrixFlexibleDimensions, NONE),
    [SMELT_FEATURE_COOPMAT2_REDUCTIONS] = COOPMAT2(cooperativeMatrixReductions, 5430),
    [SMELT_FEATURE_COOPMAT2_CONVERSIONS] = COOPMAT2(cooperativeMatrixConversions, 5431),
    [SMELT_FEATURE_COOPMAT2_PER_ELEMENT] = COOPMAT2(cooperativeMatrixPerElementOperations, 5432),
    [SMELT_FEATURE_COOPMAT2_TENSOR_ADDRESSING] = COOPMAT2(cooperativeMatrixTensorAddressing, 5433, 5439),
    [SMELT_FEATURE_COOPMAT2_BLOCK_LOADS] = COOPMAT2(cooperativeMatrixBlockLoads, 5434),
};
// clang-format on

const char *smelt_feature_name(enum smelt_feature feature)
{
    return (unsigned)feature < SMELT_FEATURE_COUNT ? smelt_features[feature].name : "invalid";
}

uint64_t smelt_required_features(void)
{
    uint64_t set = 0;
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++)
        if (smelt_features[i].required)
            set |= SMELT_FEATURE_BIT(i);
    return set;
}

void smelt_features_add_names(struct smelt_text *text, uint64_t set)
{
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++)
        if (set & SMELT_FEATURE_BIT(i))
            smelt_text_add(text, "%s%s", text->size ? ", " : "", smelt_features[i].name);
}

uint64_t smelt_backend_features(enum smelt_backend backend)
{
#define F(name) SMELT_FEATURE_BIT(SMELT_FEATURE_##name)
    static const uint64_t needs[SMELT_BACKEND_COUNT] = {
        [SMELT_BACKEND_DOT8] = F(SHADER_INTEGER_DOT_PRODUCT),
        // glslang emits ReplicatedCompositesEXT for splatted cooperative vectors
        [SMELT_BACKEND_COOPVEC] =
            F(COOPERATIVE_VECTOR) | F(REPLICATED_COMPOSITES) | F(VULKAN_MEMORY_MODEL) | F(SHADER_FLOAT16),
        [SMELT_BACKEND_COOPMAT] = F(COOPERATIVE_MATRIX) | F(VULKAN_MEMORY_MODEL) | F(SHADER_FLOAT16) |
                                  F(SUBGROUP_SIZE_CONTROL) | F(COMPUTE_FULL_SUBGROUPS),
        [SMELT_BACKEND_COOPMAT2] = F(COOPERATIVE_MATRIX) | F(COOPMAT2_FLEXIBLE_DIMENSIONS) |
                                   F(VULKAN_MEMORY_MODEL) | F(SHADER_FLOAT16) | F(SUBGROUP_SIZE_CONTROL) |
                                   F(COMPUTE_FULL_SUBGROUPS),
    };
#undef F
    return (unsigned)backend < SMELT_BACKEND_COUNT ? needs[backend] : 0;
}

int smelt_feature_of_capability(uint32_t capability)
{
    // Matrix, Shader, ImageQuery, DerivativeControl, GroupNonUniform to GroupNonUniformQuad: every device whose
    // subgroup operations smelt uses reports them.
    if (capability <= 1 || capability == 50 || capability == 51 || (capability >= 61 && capability <= 68))
        return SMELT_FEATURE_COUNT;
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++)
        for (int k = 0; k < 4; k++)
            if (smelt_features[i].capabilities[k] > 0 &&
                (uint32_t)smelt_features[i].capabilities[k] == capability)
                return i;
    return -1;
}
