// SPDX-License-Identifier: MIT
// docs/metal.md: its C blocks compile, which this file shows by being compiled, and so do its shaders with their ops.
#define _XOPEN_SOURCE 700 // mkdtemp
#include "folder.h"
#include "internal.h"

enum smelt_result record_gemm(smelt_encoder encoder, smelt_tensor a, smelt_tensor b, smelt_tensor d);
enum smelt_result bind_weight(smelt_context context, smelt_arguments arguments, VkBuffer buffer,
                              uint64_t buffer_size, smelt_tensor *weight);
#include "docs_metal.h"

// The shader behind "```glsl STAGE" number `index`; to be freed. NULL: there is none.
static char *shader_of_page(const char *page, int index, VkShaderStageFlagBits *stage)
{
    const char *at = page;
    for (int i = 0; i <= index; i++) {
        at = strstr(at, "\n```glsl ");
        if (!at)
            return NULL;
        at += strlen("\n```glsl ");
    }
    *stage = !strncmp(at, "comp", 4) ? VK_SHADER_STAGE_COMPUTE_BIT : VK_SHADER_STAGE_FRAGMENT_BIT;
    at = strchr(at, '\n') + 1;
    const char *end = strstr(at, "\n```");
    CHECK(end);
    char *text = calloc((size_t)(end - at) + 2, 1);
    CHECK(text);
    memcpy(text, at, (size_t)(end - at) + 1);
    return text;
}

static void shaders_of_the_metal_page_compile(void)
{
    if (!smelt_context_capabilities(test_context())->compiler)
        SKIP("this build has no compiler");
    size_t size;
    char *page = folder_read(SMELT_TEST_SOURCE "/docs/metal.md", &size);
    const struct smelt_op *const ops[] = {gemm_ops, pixel_ops};
    int count = 0;
    for (char *source; (source = shader_of_page(page, count, &(VkShaderStageFlagBits){0})); free(source)) {
        struct smelt_shader_params params = {.source = source, .path = "metal.md", .op_count = 1};
        CHECK(count < 2);
        free(shader_of_page(page, count, &params.stage));
        params.ops = ops[count++];
        smelt_shader shader = NULL;
        CHECK_OK(smelt_shader_create(test_context(), &params, &shader));
        smelt_shader_destroy(&shader);
    }
    CHECK(count == 2);
    free(page);
}

// The host's part on real objects.
static void calls_of_the_metal_page_work(void)
{
    smelt_tensor a = NULL, d = NULL, weight = NULL;
    smelt_context context = test_context();
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {16, 32}};
    CHECK_OK(smelt_tensor_create(context, &params, &a));
    params = (struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {16, 16}};
    CHECK_OK(smelt_tensor_create(context, &params, &d));
    smelt_encoder encoder = test_begin();
    CHECK_OK(smelt_encode_fill(encoder, a, 0.5));
    CHECK_OK(record_gemm(encoder, a, a, d));
    test_end(encoder);
    float sums[16 * 16];
    CHECK_OK(smelt_tensor_read_and_wait(d, NULL, sums, sizeof(sums)));
    CHECK(sums[0] == 8 && sums[255] == 8);
    const struct smelt_tensor_info *info = smelt_tensor_info(a);
    CHECK_FAILS(bind_weight(context, NULL, info->buffer, 256, &weight), SMELT_ERROR_SHAPE, "buffer");
    smelt_tensor_destroy(&weight);
    smelt_tensor_destroy(&d);
    smelt_tensor_destroy(&a);
}

static const struct test tests[] = {
    {"the shaders of the Metal page compile", shaders_of_the_metal_page_compile},
    {"the calls of the Metal page work", calls_of_the_metal_page_work},
};

TEST_MAIN(tests)
