// SPDX-License-Identifier: MIT
// SPIR-V by passes of SPIRV-Tools in an order of our own, where the compiler's library has their C interface.
#include "shader_internal.h"

#if SMELT_HAVE_OPTIMIZER
#include <spirv-tools/libspirv.h>
#include <stdlib.h>
#include <string.h>

// Those of spirv-opt -O in their order, but where loops have been unrolled, redundancy-elimination is left to the second time that it
// comes, and blocks are merged instead: over the many blocks of an unrolled loop its tables grow with the square of their number.
static const char *const passes[] = {
    "--strip-debug", // the first: left out where debug information is wanted
    "--wrap-opkill",
    "--eliminate-dead-branches",
    "--merge-return",
    "--inline-entry-points-exhaustive",
    "--eliminate-dead-functions",
    "--eliminate-dead-code-aggressive",
    "--private-to-local",
    "--eliminate-local-single-block",
    "--eliminate-local-single-store",
    "--eliminate-dead-code-aggressive",
    "--scalar-replacement=100",
    "--convert-local-access-chains",
    "--eliminate-local-single-block",
    "--eliminate-local-single-store",
    "--eliminate-dead-code-aggressive",
    "--ssa-rewrite",
    "--eliminate-dead-code-aggressive",
    "--ccp",
    "--eliminate-dead-code-aggressive",
    "--loop-unroll",
    "--eliminate-dead-branches",
    "--merge-blocks",
    "--combine-access-chains",
    "--simplify-instructions",
    "--scalar-replacement=100",
    "--convert-local-access-chains",
    "--eliminate-local-single-block",
    "--eliminate-local-single-store",
    "--eliminate-dead-code-aggressive",
    "--ssa-rewrite",
    "--eliminate-dead-code-aggressive",
    "--vector-dce",
    "--eliminate-dead-inserts",
    "--eliminate-dead-branches",
    "--simplify-instructions",
    "--if-conversion",
    "--copy-propagate-arrays",
    "--reduce-load-size",
    "--eliminate-dead-code-aggressive",
    "--merge-blocks",
    "--redundancy-elimination",
    "--eliminate-dead-branches",
    "--merge-blocks",
    "--simplify-instructions",
};

bool smelt_spirv_optimize(smelt_context context, const char *name, const uint32_t *words, size_t count,
                          bool debug_info, uint32_t **made, size_t *made_size)
{
    const char *flags[SMELT_COUNT_OF(passes)];
    memcpy(flags, passes, sizeof(passes));
    spv_optimizer_t *optimizer = spvOptimizerCreate(SPV_ENV_VULKAN_1_3);
    spv_optimizer_options options = spvOptimizerOptionsCreate();
    spv_binary binary = NULL;
    bool done = optimizer && options &&
                spvOptimizerRegisterPassesFromFlags(optimizer, flags + debug_info,
                                                    SMELT_COUNT_OF(flags) - debug_info);
    if (done) {
        spvOptimizerOptionsSetRunValidator(options, false);
        done = spvOptimizerRun(optimizer, words, count, &binary, options) == SPV_SUCCESS && binary;
    }
    if (done) {
        *made_size = binary->wordCount * sizeof(uint32_t);
        *made = malloc(*made_size);
        done = *made != NULL;
    }
    if (done)
        memcpy(*made, binary->code, *made_size);
    else
        smelt_log(context, SMELT_LOG_INFO,
                  "%s: SPIRV-Tools fails with our passes, so the compiler's are taken", name);
    spvBinaryDestroy(binary);
    spvOptimizerOptionsDestroy(options);
    spvOptimizerDestroy(optimizer);
    return done;
}
#else
bool smelt_spirv_optimize(smelt_context context, const char *name, const uint32_t *words, size_t count,
                          bool debug_info, uint32_t **made, size_t *made_size)
{
    (void)context, (void)name, (void)words, (void)count, (void)debug_info, (void)made, (void)made_size;
    return false;
}
#endif
