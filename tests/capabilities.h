// SPDX-License-Identifier: MIT
// Compares the OpCapability set of a module with the features that smelt asks a device for (src/feature_table.c).
#ifndef SMELT_TEST_CAPABILITIES_H
#define SMELT_TEST_CAPABILITIES_H

#include "feature_table.h"

// The first capability of a module that needs a feature beyond `features`; UINT32_MAX when there is none.
static inline uint32_t capability_beyond(const uint32_t *spirv, size_t size, uint64_t features)
{
    for (size_t i = 5; i < size / 4 && spirv[i] >> 16; i += spirv[i] >> 16) {
        if ((spirv[i] & 0xFFFF) != 17) // OpCapability
            continue;
        int feature = smelt_feature_of_capability(spirv[i + 1]);
        if (feature < 0 || (feature != SMELT_FEATURE_COUNT && !(features & SMELT_FEATURE_BIT(feature))))
            return spirv[i + 1];
    }
    return UINT32_MAX;
}

// What an instance may ask for: what every device has, what its backend needs, and what its types do.
static inline uint64_t features_of_instance(enum smelt_backend backend, enum smelt_dtype computed,
                                            enum smelt_dtype accumulated)
{
    uint64_t features = smelt_required_features() | smelt_backend_features(backend);
    if (computed == SMELT_DTYPE_F16 || accumulated == SMELT_DTYPE_F16)
        features |= SMELT_FEATURE_BIT(SMELT_FEATURE_SHADER_FLOAT16);
    if (backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2)
        features |= smelt_dtype_features(computed);
    return features;
}

#endif
