// SPDX-License-Identifier: MIT
// The shaders of a page of the docs.
#ifndef SMELT_TEST_PAGE_H
#define SMELT_TEST_PAGE_H

#include "folder.h"
#include "source.h"

#include <vulkan/vulkan.h>

// The text behind "```glsl STAGE" number `index` of a page ("docs/metal.md"), to be freed, and its stage (NULL: not asked
// for). NULL: the page has no so many.
static inline char *page_shader(const char *path, int index, VkShaderStageFlagBits *stage)
{
    size_t size;
    char *page = folder_read(source_file(path), &size), *text = NULL;
    const char *at = page;
    for (int i = 0; i <= index && at; i++) {
        at = strstr(at, "\n```glsl ");
        at = at ? at + strlen("\n```glsl ") : NULL;
    }
    if (at) {
        if (stage)
            *stage = !strncmp(at, "comp", 4) ? VK_SHADER_STAGE_COMPUTE_BIT : VK_SHADER_STAGE_FRAGMENT_BIT;
        at = strchr(at, '\n') + 1;
        const char *end = strstr(at, "\n```");
        CHECK(end);
        text = calloc((size_t)(end - at) + 2, 1);
        CHECK(text);
        memcpy(text, at, (size_t)(end - at) + 1);
    }
    free(page);
    return text;
}

#endif
