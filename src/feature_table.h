// SPDX-License-Identifier: MIT
// The Vulkan features smelt knows: one table says where each lives, what it enables and who needs it.
#ifndef SMELT_FEATURE_TABLE_H
#define SMELT_FEATURE_TABLE_H

#include "internal.h"

enum smelt_feature {
    // Required
    SMELT_FEATURE_BUFFER_DEVICE_ADDRESS,
    SMELT_FEATURE_SCALAR_BLOCK_LAYOUT,
    SMELT_FEATURE_STORAGE_16BIT,
    SMELT_FEATURE_STORAGE_8BIT,
    SMELT_FEATURE_SYNCHRONIZATION2,
    SMELT_FEATURE_TIMELINE_SEMAPHORE,
    SMELT_FEATURE_MAINTENANCE4,
    // Optional
    SMELT_FEATURE_SHADER_FLOAT16,
    SMELT_FEATURE_SHADER_INT8,
    SMELT_FEATURE_SHADER_INT16,
    SMELT_FEATURE_SHADER_INT64,
    SMELT_FEATURE_SHADER_INTEGER_DOT_PRODUCT,
    SMELT_FEATURE_VULKAN_MEMORY_MODEL,
    SMELT_FEATURE_VULKAN_MEMORY_MODEL_DEVICE_SCOPE,
    SMELT_FEATURE_SUBGROUP_SIZE_CONTROL,
    SMELT_FEATURE_COMPUTE_FULL_SUBGROUPS,
    SMELT_FEATURE_SHADER_DEMOTE,
    SMELT_FEATURE_DYNAMIC_RENDERING,
    SMELT_FEATURE_HOST_QUERY_RESET,
    SMELT_FEATURE_SAMPLER_ANISOTROPY,
    SMELT_FEATURE_SAMPLED_IMAGE_DYNAMIC,
    SMELT_FEATURE_SAMPLED_IMAGE_NONUNIFORM,
    SMELT_FEATURE_RUNTIME_DESCRIPTOR_ARRAY,
    SMELT_FEATURE_PARTIALLY_BOUND,
    SMELT_FEATURE_VARIABLE_DESCRIPTOR_COUNT,
    SMELT_FEATURE_PIPELINE_STATISTICS,
    SMELT_FEATURE_BFLOAT16,
    SMELT_FEATURE_BFLOAT16_COOPERATIVE_MATRIX,
    SMELT_FEATURE_FLOAT8,
    SMELT_FEATURE_FLOAT8_COOPERATIVE_MATRIX,
    SMELT_FEATURE_COOPERATIVE_VECTOR,
    SMELT_FEATURE_COOPERATIVE_VECTOR_TRAINING,
    SMELT_FEATURE_REPLICATED_COMPOSITES,
    SMELT_FEATURE_COOPERATIVE_MATRIX,
    SMELT_FEATURE_COOPMAT2_WORKGROUP_SCOPE,
    SMELT_FEATURE_COOPMAT2_FLEXIBLE_DIMENSIONS,
    SMELT_FEATURE_COOPMAT2_REDUCTIONS,
    SMELT_FEATURE_COOPMAT2_CONVERSIONS,
    SMELT_FEATURE_COOPMAT2_PER_ELEMENT,
    SMELT_FEATURE_COOPMAT2_TENSOR_ADDRESSING,
    SMELT_FEATURE_COOPMAT2_BLOCK_LOADS,
    SMELT_FEATURE_COUNT,
};

// Where a feature lives and what it permits.
struct smelt_feature_row {
    const char *name;                  // the member's, as the Vulkan specification spells it
    VkStructureType single, aggregate; // the struct of its own, and the VkPhysicalDeviceVulkan1xFeatures
    size_t single_offset, aggregate_offset;
    const char *extension; // NULL: core
    int capabilities[4];   // of SPIR-V (specification 1.6, section 3.31); those above 0 count
    bool required;
};
extern const struct smelt_feature_row smelt_features[SMELT_FEATURE_COUNT];

// A set of features.
#define SMELT_FEATURE_BIT(feature) (1ull << (feature))

// The name that the Vulkan specification gives the feature.
const char *smelt_feature_name(enum smelt_feature feature);

// Every feature that smelt cannot do without.
uint64_t smelt_required_features(void);

// The features a chain switches on, in the structs of their own or in VkPhysicalDeviceVulkan1xFeatures; one
// that belongs to an extension counts only when the extension is listed.
uint64_t smelt_features_in_chain(const VkPhysicalDeviceFeatures2 *chain, const char *const *extensions,
                                 uint32_t extension_count);

// Adds the names of a set's features, separated by ", ".
void smelt_features_add_names(struct smelt_text *text, uint64_t features);

// What the backend's shaders need besides the required features: one table row per backend.
uint64_t smelt_backend_features(enum smelt_backend backend);

// What cooperative matrices of a type of factors need besides that: bf16, f8e4m3, f8e5m2; nothing for others.
uint64_t smelt_dtype_features(enum smelt_dtype factors);

// What an instance needs besides the required features: its backend, its types, its scope.
uint64_t smelt_instance_features(enum smelt_backend backend, enum smelt_scope scope,
                                 enum smelt_dtype computed, enum smelt_dtype accumulated);

// The feature without which a module with this SPIR-V capability may not be used; SMELT_FEATURE_COUNT when
// it needs none, -1 when smelt does not know the capability.
int smelt_feature_of_capability(uint32_t spirv_capability);

// Reads what the device can do into context->capabilities, from the context's features; drops what the table
// of known bad drivers refuses (vk_capabilities.c).
enum smelt_result smelt_capabilities_read(smelt_context context, bool ignore_known_bad);

// A driver known to be wrong: the reason, and in `features` what is not to be used; NULL when there is none.
const char *smelt_known_bad_driver(VkDriverId driver, uint32_t version, uint64_t *features);

#endif
