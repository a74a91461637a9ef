// SPDX-License-Identifier: MIT
// Web pages that need nothing else: a header, data as JSON, and the styles and scripts of html/, which are built in.
#ifndef SMELT_TOOL_PAGE_H
#define SMELT_TOOL_PAGE_H

#include "output_file.h"
#include "tool.h"

struct page {
    struct output_file file;
};

// Begins the file `path` (under a temporary name), up to the end of <style>: page.css and `style`. A tool_status, after its
// message. `path` stays borrowed until page_end.
int page_begin(struct page *page, const char *path, const char *title, const char *style);
// Markup as it is.
void page_add(struct page *page, const char *markup);
// The data as the element #data, page.js and then `script`, and the end of the file, which gets its name now. A
// tool_status, after its message.
int page_end(struct page *page, const cJSON *data, const char *script);

// Pixels [height][width][components] (1 grey, 3 RGB) as a "data:" URL of a PNG, to be freed; NULL without memory.
char *page_png_url(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t components);

#endif
