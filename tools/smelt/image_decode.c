// SPDX-License-Identifier: MIT
// Images of any common kind as floats, by libpng, libjpeg and OpenEXRCore.
#include "image_decode.h"

#include <errno.h>
#include <math.h>
#include <openexr.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h> // jpeglib.h wants it before
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { MAX_SCANS = 256 }; // of a progressive JPEG; encoders write about ten

// One decoding; what is in it survives the libraries' long jumps.
struct decoding {
    const char *path;
    char *message;
    FILE *file;
    uint8_t *bytes; // of a row (JPEG) or of all rows (PNG)
    png_bytep *rows;
    jmp_buf jump;
    struct image *image;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static bool
fail(struct decoding *d, const char *format, ...)
{
    char why[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    snprintf(d->message, 256, "cannot read %.80s%s: %s", strlen(d->path) > 80 ? "..." : "",
             strlen(d->path) > 80 ? d->path + strlen(d->path) - 80 : d->path, why);
    return false;
}

static bool check_extents(struct decoding *d, uint32_t width, uint32_t height)
{
    if (!width || !height || width > IMAGE_MAX_EXTENT || height > IMAGE_MAX_EXTENT)
        return fail(d, "it is %ux%u, wanted 1x1 to %dx%d", width, height, IMAGE_MAX_EXTENT, IMAGE_MAX_EXTENT);
    return true;
}

static bool allocate(struct decoding *d, uint32_t width, uint32_t height, uint32_t components)
{
    if (!check_extents(d, width, height))
        return false;
    d->image->width = width;
    d->image->height = height;
    d->image->components = components;
    d->image->pixels = malloc((size_t)width * height * components * sizeof(float));
    return d->image->pixels ? true : fail(d, "no memory for %ux%u pixels", width, height);
}

// --- PNG --------------------------------------------------------------------------------------------------

static void png_failed(png_structp png, png_const_charp text)
{
    struct decoding *d = png_get_error_ptr(png);
    fail(d, "%.100s", text);
    longjmp(d->jump, 1);
}

static void png_warned(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static bool read_png_rows(struct decoding *d, png_structp png, png_infop info)
{
    png_init_io(png, d->file);
    png_set_user_limits(png, INT32_MAX, INT32_MAX); // what libpng says of them is not what is wrong
    png_read_info(png, info);
    if (!check_extents(d, png_get_image_width(png, info), png_get_image_height(png, info)))
        return false;
    png_set_expand(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    uint32_t components = png_get_channels(png, info), bits = png_get_bit_depth(png, info);
    uint32_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (!allocate(d, width, height, components))
        return false;
    d->image->bits = bits;
    size_t row_size = png_get_rowbytes(png, info), row = (size_t)width * components;
    d->bytes = malloc(row_size * height);
    d->rows = malloc(height * sizeof(*d->rows));
    if (!d->bytes || !d->rows)
        return fail(d, "no memory for %ux%u pixels", width, height);
    for (uint32_t y = 0; y < height; y++)
        d->rows[y] = d->bytes + y * row_size;
    png_read_image(png, d->rows);
    png_read_end(png, NULL);
    for (uint32_t y = 0; y < height; y++)
        for (size_t i = 0; i < row; i++) {
            const uint8_t *p = d->rows[y] + i * (bits / 8);
            d->image->pixels[y * row + i] =
                bits == 16 ? (float)(p[0] << 8 | p[1]) / 65535.0F : (float)p[0] / 255.0F;
        }
    return true;
}

static bool read_png(struct decoding *d)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, png_failed, png_warned);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    volatile bool read = false;
    if (!info)
        fail(d, "no memory");
    else if (!setjmp(d->jump))
        read = read_png_rows(d, png, info);
    png_destroy_read_struct(png ? &png : NULL, info ? &info : NULL, NULL);
    return read;
}

// --- JPEG -------------------------------------------------------------------------------------------------

static void jpeg_failed(j_common_ptr jpeg)
{
    struct decoding *d = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    fail(d, "%.100s", text);
    longjmp(d->jump, 1);
}

// Warnings are of data that is damaged but could be read somehow: a wrong picture is no picture.
static void jpeg_warned(j_common_ptr jpeg, int level)
{
    if (level < 0)
        jpeg_failed(jpeg);
}

// A file of some kilobytes may hold scans of the whole picture by the thousand.
static void jpeg_progressed(j_common_ptr jpeg)
{
    if (((j_decompress_ptr)jpeg)->input_scan_number <= MAX_SCANS)
        return;
    fail(jpeg->client_data, "it has more than %d scans", MAX_SCANS);
    longjmp(((struct decoding *)jpeg->client_data)->jump, 1);
}

static bool read_jpeg_rows(struct decoding *d, struct jpeg_decompress_struct *jpeg)
{
    jpeg_stdio_src(jpeg, d->file);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
        return fail(d, "it has the colours of print (CMYK), wanted grey or RGB");
    if (!check_extents(d, jpeg->image_width,
                       jpeg->image_height)) // starting takes memory for a progressive one
        return false;
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    if (!allocate(d, jpeg->output_width, jpeg->output_height, (uint32_t)jpeg->output_components))
        return false;
    d->image->bits = 8;
    size_t row = (size_t)jpeg->output_width * (uint32_t)jpeg->output_components;
    d->bytes = malloc(row);
    if (!d->bytes)
        return fail(d, "no memory");
    float *out = d->image->pixels;
    while (jpeg->output_scanline < jpeg->output_height) {
        jpeg_read_scanlines(jpeg, &d->bytes, 1);
        for (size_t i = 0; i < row; i++)
            *out++ = (float)d->bytes[i] / 255.0F;
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

static bool read_jpeg(struct decoding *d)
{
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress = {.progress_monitor = jpeg_progressed};
    struct jpeg_decompress_struct jpeg = {.err = jpeg_std_error(&errors), .client_data = d};
    errors.error_exit = jpeg_failed;
    errors.emit_message = jpeg_warned;
    volatile bool read = false;
    if (!setjmp(d->jump)) {
        jpeg_create_decompress(&jpeg);
        jpeg.client_data = d; // creating it clears all but err
        jpeg.progress = &progress;
        read = read_jpeg_rows(d, &jpeg);
    }
    jpeg_destroy_decompress(&jpeg);
    return read;
}

// --- OpenEXR ----------------------------------------------------------------------------------------------

static void exr_failed(exr_const_context_t exr, exr_result_t code, const char *text)
{
    struct decoding *d = NULL;
    if (exr && !exr_get_user_data(exr, (void **)&d) && d)
        fail(d, "%.100s", text ? text : exr_get_default_error_message(code));
}

// Which component of the result a channel is; -1: none.
static int component_of(const char *name, uint32_t channels)
{
    static const char *const names[] = {"R", "G", "B", "A"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, names[i]))
            return channels == 1 ? 0 : i;
    return channels == 1 || !strcmp(name, "Y") ? 0 : -1;
}

// Decodes one chunk to its place; all channels as floats.
static exr_result_t read_chunk(struct decoding *d, exr_const_context_t exr, const exr_chunk_info_t *chunk,
                               exr_decode_pipeline_t *pipeline, uint32_t x, uint32_t y)
{
    struct image *image = d->image;
    exr_result_t result = pipeline->channels ? exr_decoding_update(exr, 0, chunk, pipeline)
                                             : exr_decoding_initialize(exr, 0, chunk, pipeline);
    if (result)
        return result;
    uint32_t stride = image->components * (uint32_t)sizeof(float);
    for (int c = 0; c < pipeline->channel_count; c++) {
        exr_coding_channel_info_t *channel = &pipeline->channels[c];
        int component = component_of(channel->channel_name, (uint32_t)pipeline->channel_count);
        if (channel->x_samples != 1 || channel->y_samples != 1) {
            fail(d, "channel %.20s has fewer samples than there are pixels", channel->channel_name);
            return EXR_ERR_UNKNOWN;
        }
        channel->decode_to_ptr = NULL;
        if (component < 0)
            continue;
        component = component == 3 ? (int)image->components - 1 : component; // alpha is the last
        channel->user_bytes_per_element = (int16_t)sizeof(float);
        channel->user_data_type = EXR_PIXEL_FLOAT;
        channel->user_pixel_stride = (int32_t)stride;
        channel->user_line_stride = (int32_t)(stride * image->width);
        channel->decode_to_ptr =
            (uint8_t *)&image
                ->pixels[((size_t)y * image->width + x) * image->components + (uint32_t)component];
    }
    result = exr_decoding_choose_default_routines(exr, 0, pipeline);
    return result ? result : exr_decoding_run(exr, 0, pipeline);
}

static exr_result_t read_chunks(struct decoding *d, exr_const_context_t exr, exr_decode_pipeline_t *pipeline,
                                exr_attr_box2i_t window)
{
    exr_storage_t storage;
    exr_chunk_info_t chunk;
    exr_result_t result = exr_get_storage(exr, 0, &storage);
    if (!result && storage == EXR_STORAGE_SCANLINE) {
        int32_t lines = 0;
        result = exr_get_scanlines_per_chunk(exr, 0, &lines);
        for (int32_t y = window.min.y; !result && y <= window.max.y; y += lines) {
            result = exr_read_scanline_chunk_info(exr, 0, y, &chunk);
            if (!result)
                result = read_chunk(d, exr, &chunk, pipeline, 0, (uint32_t)(y - window.min.y));
        }
    } else if (!result && storage == EXR_STORAGE_TILED) {
        int32_t tile_w, tile_h;
        result = exr_get_tile_sizes(exr, 0, 0, 0, &tile_w, &tile_h);
        for (uint32_t ty = 0; !result && ty * (uint32_t)tile_h < d->image->height; ty++)
            for (uint32_t tx = 0; !result && tx * (uint32_t)tile_w < d->image->width; tx++) {
                result = exr_read_tile_chunk_info(exr, 0, (int)tx, (int)ty, 0, 0, &chunk);
                if (!result)
                    result =
                        read_chunk(d, exr, &chunk, pipeline, tx * (uint32_t)tile_w, ty * (uint32_t)tile_h);
            }
    } else if (!result) {
        fail(d, "it has several samples at a pixel (deep data)");
        return EXR_ERR_UNKNOWN;
    }
    return result;
}

// R G B A as far as there are, or one channel.
static bool choose_channels(struct decoding *d, const exr_attr_chlist_t *list, uint32_t *components)
{
    bool found[4] = {0};
    for (int i = 0; i < list->num_channels; i++) {
        int component = component_of(list->entries[i].name.str, (uint32_t)list->num_channels);
        if (component >= 0)
            found[component] = true;
    }
    *components = found[0] && found[1] && found[2] ? 3 : 1;
    if (found[3])
        *components += 1;
    if (found[0] && found[1] == found[2] && (!found[3] || found[1]))
        return true;
    return fail(d, "wanted channels R G B (A), Y or a single one, got %d, the first is %.40s",
                list->num_channels, list->num_channels ? list->entries[0].name.str : "none");
}

static bool read_exr_pixels(struct decoding *d, exr_const_context_t exr)
{
    exr_attr_box2i_t window;
    const exr_attr_chlist_t *list;
    exr_decode_pipeline_t pipeline = EXR_DECODE_PIPELINE_INITIALIZER;
    uint32_t components;
    if (exr_get_data_window(exr, 0, &window) || exr_get_channels(exr, 0, &list) ||
        !choose_channels(d, list, &components) ||
        !allocate(d, (uint32_t)(window.max.x - window.min.x) + 1, (uint32_t)(window.max.y - window.min.y) + 1,
                  components))
        return false;
    d->image->bits = 32;
    d->image->linear = true;
    exr_result_t result = read_chunks(d, exr, &pipeline, window);
    exr_decoding_destroy(exr, &pipeline);
    size_t count = (size_t)d->image->width * d->image->height * components;
    for (size_t i = 0; i < count && !result; i++)
        if (!isfinite(d->image->pixels[i])) {
            size_t pixel = i / components;
            return fail(d, "the pixel at column %zu, row %zu is %s", pixel % d->image->width,
                        pixel / d->image->width, isnan(d->image->pixels[i]) ? "NaN" : "infinite");
        }
    return !result;
}

static bool read_exr(struct decoding *d)
{
    exr_context_t exr = NULL;
    exr_context_initializer_t start = EXR_DEFAULT_CONTEXT_INITIALIZER;
    start.user_data = d;
    start.error_handler_fn = exr_failed;
    start.max_image_width = start.max_image_height = IMAGE_MAX_EXTENT;
    start.max_tile_width = start.max_tile_height = IMAGE_MAX_EXTENT;
    fail(d, "it is damaged"); // until a better reason comes
    bool read = !exr_start_read(&exr, d->path, &start) && read_exr_pixels(d, exr);
    if (exr)
        exr_finish(&exr);
    return read;
}

// ----------------------------------------------------------------------------------------------------------

// d->file is open, or NULL with errno set; OpenEXR opens d->path by itself.
static bool decode(struct decoding *d, bool exr_too)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff},
                         exr[] = {0x76, 0x2f, 0x31, 0x01};
    uint8_t head[8] = {0};
    *d->image = (struct image){0};
    if (!d->file)
        return fail(d, "%s", strerror(errno));
    size_t size = fread(head, 1, sizeof(head), d->file);
    bool read = false, is_file = !ferror(d->file); // which rewind clears
    rewind(d->file);
    if (size == sizeof(head) && !memcmp(head, png, sizeof(png)))
        read = read_png(d);
    else if (!memcmp(head, jpeg, sizeof(jpeg)))
        read = read_jpeg(d);
    else if (exr_too && !memcmp(head, exr, sizeof(exr)))
        read = read_exr(d);
    else
        fail(d, "%s",
             !is_file  ? "it is no file"
             : exr_too ? "wanted PNG, JPEG or OpenEXR, it begins as none of them"
                       : "wanted PNG or JPEG, it begins as none of them");
    fclose(d->file);
    free(d->bytes);
    free(d->rows);
    if (!read)
        image_release(d->image);
    return read;
}

bool image_decode(const char *path, struct image *image, char message[256])
{
    struct decoding d = {.path = path, .message = message, .file = fopen(path, "rb"), .image = image};
    return decode(&d, true);
}

bool image_decode_bytes(const char *name, const void *bytes, size_t size, struct image *image,
                        char message[256])
{
    void *memory = (void *)(uintptr_t)bytes; // fmemopen does not write what it opens for reading
    struct decoding d = {.path = name, .message = message, .image = image};
    errno = EINVAL;
    d.file = size ? fmemopen(memory, size, "rb") : NULL;
    return decode(&d, false);
}

void image_release(struct image *image)
{
    free(image->pixels);
    *image = (struct image){0};
}
