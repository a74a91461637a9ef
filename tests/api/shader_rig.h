// SPDX-License-Identifier: MIT
// What the tests of shaders share: small sources, and shaders from them.
#ifndef SMELT_TEST_SHADER_RIG_H
#define SMELT_TEST_SHADER_RIG_H

#include "folder.h"

#define EMPTY_COMPUTE "#version 460\nlayout(local_size_x = 1) in;\nvoid main() {}\n"

// Tensors as glsl/smelt/tensor_tmpl.glsl makes them, by hand.
#define TENSOR_EXTENSIONS                                                                                    \
    "#version 460\n"                                                                                         \
    "#extension GL_EXT_buffer_reference : require\n"                                                         \
    "#extension GL_EXT_scalar_block_layout : require\n"                                                      \
    "#extension GL_EXT_shader_16bit_storage : require\n"                                                     \
    "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require\n"
#define TENSOR_DATA(name, type)                                                                              \
    "layout(buffer_reference, scalar, buffer_reference_align = 16) buffer " name "_data { " type " e[]; "    \
    "};\n"
#define TENSOR(name, type, rank)                                                                             \
    TENSOR_DATA(name, type)                                                                                  \
    "struct " name " { " name "_data data; uint extent[" rank "]; uint stride[" rank "]; };\n"

static inline void need_compiler(void)
{
    static int state; // 0: unknown, 1: there, 2: not there
    if (!state) {
        struct smelt_shader_params params = {.source = EMPTY_COMPUTE, .stage = VK_SHADER_STAGE_COMPUTE_BIT};
        smelt_shader shader = NULL;
        enum smelt_result result = smelt_shader_create(NULL, &params, &shader);
        state = result == SMELT_ERROR_UNSUPPORTED ? 2 : 1;
        smelt_shader_destroy(&shader);
    }
    if (state == 2)
        SKIP("this build has no GLSL compiler");
}

static inline smelt_shader compile_source(smelt_context context, const char *source)
{
    need_compiler();
    struct smelt_shader_params params = {
        .source = source, .stage = VK_SHADER_STAGE_COMPUTE_BIT, .no_cache = true};
    smelt_shader shader = NULL;
    CHECK_OK(smelt_shader_create(context, &params, &shader));
    return shader;
}

static inline const struct smelt_member *find_member(const struct smelt_block *block, const char *name)
{
    for (uint32_t i = 0; block && i < block->member_count; i++)
        if (!strcmp(block->members[i].name, name))
            return &block->members[i];
    return NULL;
}

#endif
