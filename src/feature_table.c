// SPDX-License-Identifier: MIT
// The table of Vulkan features: where each lives, what it permits in SPIR-V, and which backend needs it.
#include "feature_table.h"

#define NONE (-1) // no SPIR-V capability

// clang-format off
#define REQUIRED true
#define OPTIONAL false
#define AT(type, member) offsetof(VkPhysicalDevice##type, member)
#define TYPE(name) VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##name
#define ROW(id, member, single, single_at, aggregate, aggregate_at, extension, need, ...) \
    [SMELT_FEATURE_##id] = {#member, single, aggregate, single_at, aggregate_at, extension, \
                            {__VA_ARGS__}, need}
#define CORE(id, member, ...) \
    ROW(id, member, TYPE(FEATURES_2), AT(Features2, features.member), \
        TYPE(FEATURES_2), AT(Features2, features.member), NULL, OPTIONAL, __VA_ARGS__)
#define V11(id, single, SINGLE, member, need, ...) \
    ROW(id, member, TYPE(SINGLE##_FEATURES), AT(single##Features, member), \
        TYPE(VULKAN_1_1_FEATURES), AT(Vulkan11Features, member), NULL, need, __VA_ARGS__)
#define V12(id, single, SINGLE, member, need, ...) \
    ROW(id, member, TYPE(SINGLE##_FEATURES), AT(single##Features, member), \
        TYPE(VULKAN_1_2_FEATURES), AT(Vulkan12Features, member), NULL, need, __VA_ARGS__)
#define V13(id, single, SINGLE, member, need, ...) \
    ROW(id, member, TYPE(SINGLE##_FEATURES), AT(single##Features, member), \
        TYPE(VULKAN_1_3_FEATURES), AT(Vulkan13Features, member), NULL, need, __VA_ARGS__)
#define EXTENSION(id, single, SINGLE, vendor, member, ...) \
    ROW(id, member, TYPE(SINGLE##_FEATURES_##vendor), AT(single##Features##vendor, member), \
        TYPE(SINGLE##_FEATURES_##vendor), AT(single##Features##vendor, member), \
        VK_##vendor##_##SINGLE##_EXTENSION_NAME, OPTIONAL, __VA_ARGS__)
#define COOPMAT2(id, member, ...) \
    EXTENSION(id, CooperativeMatrix2, COOPERATIVE_MATRIX_2, NV, member, __VA_ARGS__)

const struct smelt_feature_row smelt_features[SMELT_FEATURE_COUNT] = {
    V12(BUFFER_DEVICE_ADDRESS, BufferDeviceAddress, BUFFER_DEVICE_ADDRESS, bufferDeviceAddress,
        REQUIRED, 5347),
    V12(SCALAR_BLOCK_LAYOUT, ScalarBlockLayout, SCALAR_BLOCK_LAYOUT, scalarBlockLayout, REQUIRED,
        NONE),
    V11(STORAGE_16BIT, 16BitStorage, 16BIT_STORAGE, storageBuffer16BitAccess, REQUIRED, 4433),
    V12(STORAGE_8BIT, 8BitStorage, 8BIT_STORAGE, storageBuffer8BitAccess, REQUIRED, 4448),
    V13(SYNCHRONIZATION2, Synchronization2, SYNCHRONIZATION_2, synchronization2, REQUIRED, NONE),
    V12(TIMELINE_SEMAPHORE, TimelineSemaphore, TIMELINE_SEMAPHORE, timelineSemaphore, REQUIRED,
        NONE),
    V13(MAINTENANCE4, Maintenance4, MAINTENANCE_4, maintenance4, REQUIRED, NONE),
    V12(SHADER_FLOAT16, ShaderFloat16Int8, SHADER_FLOAT16_INT8, shaderFloat16, OPTIONAL, 9),
    V12(SHADER_INT8, ShaderFloat16Int8, SHADER_FLOAT16_INT8, shaderInt8, OPTIONAL, 39),
    CORE(SHADER_INT16, shaderInt16, 22),
    CORE(SHADER_INT64, shaderInt64, 11),
    V13(SHADER_INTEGER_DOT_PRODUCT, ShaderIntegerDotProduct, SHADER_INTEGER_DOT_PRODUCT,
        shaderIntegerDotProduct, OPTIONAL, 6019, 6018, 6017, 6016),
    V12(VULKAN_MEMORY_MODEL, VulkanMemoryModel, VULKAN_MEMORY_MODEL, vulkanMemoryModel, OPTIONAL,
        5345),
    V12(VULKAN_MEMORY_MODEL_DEVICE_SCOPE, VulkanMemoryModel, VULKAN_MEMORY_MODEL,
        vulkanMemoryModelDeviceScope, OPTIONAL, 5346),
    V13(SUBGROUP_SIZE_CONTROL, SubgroupSizeControl, SUBGROUP_SIZE_CONTROL, subgroupSizeControl,
        OPTIONAL, NONE),
    V13(COMPUTE_FULL_SUBGROUPS, SubgroupSizeControl, SUBGROUP_SIZE_CONTROL, computeFullSubgroups,
        OPTIONAL, NONE),
    V13(SHADER_DEMOTE, ShaderDemoteToHelperInvocation, SHADER_DEMOTE_TO_HELPER_INVOCATION,
        shaderDemoteToHelperInvocation, OPTIONAL, 5379),
    V13(DYNAMIC_RENDERING, DynamicRendering, DYNAMIC_RENDERING, dynamicRendering, OPTIONAL, NONE),
    V12(HOST_QUERY_RESET, HostQueryReset, HOST_QUERY_RESET, hostQueryReset, OPTIONAL, NONE),
    CORE(SAMPLER_ANISOTROPY, samplerAnisotropy, NONE),
    CORE(SAMPLED_IMAGE_DYNAMIC, shaderSampledImageArrayDynamicIndexing, 29),
    V12(SAMPLED_IMAGE_NONUNIFORM, DescriptorIndexing, DESCRIPTOR_INDEXING,
        shaderSampledImageArrayNonUniformIndexing, OPTIONAL, 5307, 5301),
    V12(RUNTIME_DESCRIPTOR_ARRAY, DescriptorIndexing, DESCRIPTOR_INDEXING, runtimeDescriptorArray,
        OPTIONAL, 5302),
    V12(PARTIALLY_BOUND, DescriptorIndexing, DESCRIPTOR_INDEXING, descriptorBindingPartiallyBound,
        OPTIONAL, NONE),
    V12(VARIABLE_DESCRIPTOR_COUNT, DescriptorIndexing, DESCRIPTOR_INDEXING,
        descriptorBindingVariableDescriptorCount, OPTIONAL, NONE),
    EXTENSION(PIPELINE_STATISTICS, PipelineExecutableProperties, PIPELINE_EXECUTABLE_PROPERTIES,
        KHR, pipelineExecutableInfo, NONE),
    EXTENSION(BFLOAT16, ShaderBfloat16, SHADER_BFLOAT16, KHR, shaderBFloat16Type, 5116),
    EXTENSION(BFLOAT16_COOPERATIVE_MATRIX, ShaderBfloat16, SHADER_BFLOAT16, KHR,
        shaderBFloat16CooperativeMatrix, 5118),
    EXTENSION(FLOAT8, ShaderFloat8, SHADER_FLOAT8, EXT, shaderFloat8, 4212),
    EXTENSION(FLOAT8_COOPERATIVE_MATRIX, ShaderFloat8, SHADER_FLOAT8, EXT,
        shaderFloat8CooperativeMatrix, 4213),
    EXTENSION(REPLICATED_COMPOSITES, ShaderReplicatedComposites, SHADER_REPLICATED_COMPOSITES, EXT,
        shaderReplicatedComposites, 6024),
    EXTENSION(COOPERATIVE_VECTOR, CooperativeVector, COOPERATIVE_VECTOR, NV, cooperativeVector,
        5394),
    EXTENSION(COOPERATIVE_VECTOR_TRAINING, CooperativeVector, COOPERATIVE_VECTOR, NV,
        cooperativeVectorTraining, 5435),
    EXTENSION(COOPERATIVE_MATRIX, CooperativeMatrix, COOPERATIVE_MATRIX, KHR, cooperativeMatrix,
        6022),
    COOPMAT2(COOPMAT2_WORKGROUP_SCOPE, cooperativeMatrixWorkgroupScope, NONE),
    COOPMAT2(COOPMAT2_FLEXIBLE_DIMENSIONS, cooperativeMatrixFlexibleDimensions, NONE),
    COOPMAT2(COOPMAT2_REDUCTIONS, cooperativeMatrixReductions, 5430),
    COOPMAT2(COOPMAT2_CONVERSIONS, cooperativeMatrixConversions, 5431),
    COOPMAT2(COOPMAT2_PER_ELEMENT, cooperativeMatrixPerElementOperations, 5432),
    COOPMAT2(COOPMAT2_TENSOR_ADDRESSING, cooperativeMatrixTensorAddressing, 5433, 5439),
    COOPMAT2(COOPMAT2_BLOCK_LOADS, cooperativeMatrixBlockLoads, 5434),
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
                                   F(COOPMAT2_REDUCTIONS) | F(COOPMAT2_CONVERSIONS) |
                                   F(COOPMAT2_PER_ELEMENT) | F(VULKAN_MEMORY_MODEL) | F(SHADER_FLOAT16) |
                                   F(SUBGROUP_SIZE_CONTROL) | F(COMPUTE_FULL_SUBGROUPS),
    };
#undef F
    return (unsigned)backend < SMELT_BACKEND_COUNT ? needs[backend] : 0;
}

uint64_t smelt_dtype_features(enum smelt_dtype factors)
{
    if (factors == SMELT_DTYPE_BF16)
        return SMELT_FEATURE_BIT(SMELT_FEATURE_BFLOAT16) |
               SMELT_FEATURE_BIT(SMELT_FEATURE_BFLOAT16_COOPERATIVE_MATRIX);
    if (factors == SMELT_DTYPE_F8E4M3 || factors == SMELT_DTYPE_F8E5M2)
        return SMELT_FEATURE_BIT(SMELT_FEATURE_FLOAT8) |
               SMELT_FEATURE_BIT(SMELT_FEATURE_FLOAT8_COOPERATIVE_MATRIX);
    if (factors == SMELT_DTYPE_I8 || factors == SMELT_DTYPE_U8)
        return SMELT_FEATURE_BIT(SMELT_FEATURE_SHADER_INT8);
    return 0;
}

uint64_t smelt_instance_features(enum smelt_backend backend, enum smelt_scope scope,
                                 enum smelt_dtype computed, enum smelt_dtype accumulated)
{
    uint64_t set = smelt_backend_features(backend);
    if (computed == SMELT_DTYPE_F16 || accumulated == SMELT_DTYPE_F16)
        set |= SMELT_FEATURE_BIT(SMELT_FEATURE_SHADER_FLOAT16);
    if (backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2)
        set |= smelt_dtype_features(computed);
    if (scope == SMELT_SCOPE_SUBGROUP)
        set |= SMELT_FEATURE_BIT(SMELT_FEATURE_SUBGROUP_SIZE_CONTROL) |
               SMELT_FEATURE_BIT(SMELT_FEATURE_COMPUTE_FULL_SUBGROUPS);
    return set;
}

int smelt_feature_of_capability(uint32_t capability)
{
    // Matrix, Shader, Sampled1D, SampledBuffer, ImageQuery, DerivativeControl, and GroupNonUniform, whose basic
    // operations Vulkan 1.1 guarantees in compute
    if (capability <= 1 || capability == 43 || capability == 46 || capability == 50 || capability == 51 ||
        capability == 61)
        return SMELT_FEATURE_COUNT;
    for (int i = 0; i < SMELT_FEATURE_COUNT; i++)
        for (int k = 0; k < 4; k++)
            if (smelt_features[i].capabilities[k] > 0 &&
                (uint32_t)smelt_features[i].capabilities[k] == capability)
                return i;
    return -1;
}
