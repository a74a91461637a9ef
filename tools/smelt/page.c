// SPDX-License-Identifier: MIT
// Writes web pages to a temporary name that is then renamed.
#include "page.h"

#include "embedded.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

extern const struct smelt_embedded tool_page[]; // html/, embedded at build time

static void add_part(struct page *page, const char *name)
{
    for (const struct smelt_embedded *file = tool_page; file->name; file++)
        if (!strcmp(file->name, name))
            fwrite(file->data, 1, file->size, page->file.stream);
}

// Text with its special characters escaped.
static void page_add_text(struct page *page, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&\"", *text))
            fprintf(page->file.stream, "&#%d;", (unsigned char)*text);
        else
            fputc(*text, page->file.stream);
}

int page_begin(struct page *page, const char *path, const char *title, const char *style)
{
    if (!output_open(&page->file, path))
        return tool_fail("cannot write %s: %s", path, strerror(errno));
    page_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    page_add_text(page, title);
    page_add(page, "</title>\n<style>\n");
    add_part(page, "page.css");
    add_part(page, style);
    page_add(page, "</style>\n<header><h1>");
    page_add_text(page, title);
    page_add(page, "</h1>");
    return TOOL_OK;
}

void page_add(struct page *page, const char *markup)
{
    fputs(markup, page->file.stream);
}

int page_end(struct page *page, const cJSON *data, const char *script)
{
    char *json = cJSON_PrintUnformatted(data);
    page_add(page, "<script type=\"application/json\" id=\"data\">");
    for (const char *c = json ? json : ""; *c; c++)
        if (*c == '<') // would end the element
            page_add(page, "\\u003c");
        else
            fputc(*c, page->file.stream);
    page_add(page, "</script>\n<script>\n");
    add_part(page, "page.js");
    add_part(page, script);
    page_add(page, "</script>\n</html>\n");
    bool whole = json != NULL;
    cJSON_free(json);
    return output_close(&page->file, whole)
               ? TOOL_OK
               : tool_fail("cannot write %s: %s", page->file.path, whole ? strerror(errno) : "no memory");
}

static void encode_base64(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t word = (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (i + 2 < size ? bytes[i + 2] : 0);
        *text++ = digits[word >> 18];
        *text++ = digits[word >> 12 & 63];
        *text++ = i + 1 < size ? digits[word >> 6 & 63] : '=';
        *text++ = i + 2 < size ? digits[word & 63] : '=';
    }
    *text = 0;
}

char *page_png_url(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t components)
{
    static const char head[] = "data:image/png;base64,";
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = width,
                       .height = height,
                       .format = components == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *bytes = malloc(size);
    char *url = NULL;
    if (bytes && png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL))
        url = malloc(sizeof(head) + (size + 2) / 3 * 4);
    if (url) {
        memcpy(url, head, sizeof(head));
        encode_base64(bytes, size, url + sizeof(head) - 1);
    }
    free(bytes);
    return url;
}
