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

// The first capability of a module that smelt_op_query did not tell for any of the ops; UINT32_MAX when there is none.
static inline uint32_t capability_untold(const uint32_t *spirv, size_t size, const struct smelt_op_info *ops,
                                         uint32_t op_count)
{
    for (size_t i = 5; i < size / 4 && spirv[i] >> 16; i += spirv[i] >> 16) {
        bool told = (spirv[i] & 0xFFFF) != 17; // OpCapability
        for (uint32_t op = 0; op < op_count; op++)
            for (uint32_t k = 0; k < ops[op].capability_count; k++)
                told = told || ops[op].capabilities[k] == spirv[i + 1];
        if (!told)
            return spirv[i + 1];
    }
    return UINT32_MAX;
}

#endif
