// SPDX-License-Identifier: MIT
// JPEG by libjpeg, PNG by libpng, PSNR.
#include "image.h"
#include "fail.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h> // after stdio.h, which it needs

#define MAX_SIDE 16384

struct jpeg_error {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
};

static void on_jpeg_error(j_common_ptr info)
{
    struct jpeg_error *error = (struct jpeg_error *)info->err;
    info->err->format_message(info, error->message);
    longjmp(error->jump, 1);
}

static void on_jpeg_message(j_common_ptr info, int level)
{
    (void)info;
    (void)level; // warnings of slightly corrupt files
}

// Decodes an open file; on failure error->message is set. `jpeg` and `picture` are the caller's, so that it can
// free them wherever this is left.
static bool decode_jpeg(FILE *file, struct jpeg_decompress_struct *jpeg, struct jpeg_error *error,
                        struct picture *picture)
{
    if (setjmp(error->jump))
        return false;
    jpeg_create_decompress(jpeg);
    jpeg_stdio_src(jpeg, file);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->image_width > MAX_SIDE || jpeg->image_height > MAX_SIDE) {
        snprintf(error->message, sizeof(error->message), "%u x %u texels; at most %d x %d are read",
                 jpeg->image_width, jpeg->image_height, MAX_SIDE, MAX_SIDE);
        return false;
    }
    jpeg->out_color_space = JCS_EXT_RGBA; // libjpeg-turbo; grey becomes equal R, G, B
    jpeg_start_decompress(jpeg);
    picture->width = jpeg->output_width;
    picture->height = jpeg->output_height;
    picture->texels = malloc((size_t)picture->width * picture->height * 4);
    if (!picture->texels) {
        snprintf(error->message, sizeof(error->message), "out of memory");
        return false;
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = picture->texels + (size_t)jpeg->output_scanline * picture->width * 4;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

bool picture_read_jpeg(const char *path, struct picture *picture)
{
    struct jpeg_decompress_struct jpeg = {0};
    struct jpeg_error error = {.message = ""};
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail("%s: %s", path, strerror(errno));
    jpeg.err = jpeg_std_error(&error.base);
    error.base.error_exit = on_jpeg_error;
    error.base.emit_message = on_jpeg_message;
    bool done = decode_jpeg(file, &jpeg, &error, picture);
    jpeg_destroy_decompress(&jpeg);
    fclose(file);
    if (!done) {
        picture_destroy(picture);
        return fail("%s: %s", path, error.message);
    }
    return true;
}

void picture_destroy(struct picture *picture)
{
    free(picture->texels);
    *picture = (struct picture){0};
}

// "path.<pid>.tmp", to be freed.
static char *temporary_name(const char *path)
{
    size_t size = strlen(path) + 32;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s.%ld.tmp", path, (long)getpid());
    return name;
}

bool picture_can_write(const char *path)
{
    struct stat status;
    if (!stat(path, &status) && !S_ISREG(status.st_mode))
        return fail("cannot write %s: it exists and is no regular file", path);
    char *name = temporary_name(path);
    FILE *file = name ? fopen(name, "wb") : NULL;
    if (!file) {
        fail("cannot write %s: %s", path, strerror(errno));
    } else {
        fclose(file);
        remove(name);
    }
    free(name);
    return file != NULL;
}

// The rows without alpha, in one pass; libpng's simplified interface reports errors in png.message.
static bool write_png(const struct picture *picture, FILE *file, png_image *png)
{
    uint8_t *colors = malloc((size_t)picture->width * picture->height * 3);
    if (!colors) {
        snprintf(png->message, sizeof(png->message), "out of memory");
        return false;
    }
    for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
        memcpy(colors + 3 * i, picture->texels + 4 * i, 3);
    bool done = png_image_write_to_stdio(png, file, 0, colors, 0, NULL);
    free(colors);
    return done;
}

bool picture_write_png(const struct picture *picture, const char *path)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = picture->width,
                     .height = picture->height,
                     .format = PNG_FORMAT_RGB};
    char *name = temporary_name(path);
    FILE *file = name ? fopen(name, "wb") : NULL;
    bool done = false;
    if (!file) {
        fail("cannot write %s: %s", path, strerror(errno));
    } else {
        bool written = write_png(picture, file, &png);
        bool closed = !fclose(file);
        if (!written)
            fail("cannot write %s: %s", path, png.message);
        else if (!closed || rename(name, path))
            fail("cannot write %s: %s", path, strerror(errno));
        else
            done = true;
        if (!done)
            remove(name);
    }
    free(name);
    return done;
}

double picture_psnr(const struct picture *a, const struct picture *b, double *share)
{
    uint64_t count = 0, sum = 0, texels = (uint64_t)a->width * a->height;
    for (uint64_t i = 0; i < texels; i++) {
        const uint8_t *p = a->texels + 4 * i, *q = b->texels + 4 * i;
        if (p[3] < 128 || q[3] < 128)
            continue;
        count++;
        for (int c = 0; c < 3; c++)
            sum += (uint64_t)((p[c] - q[c]) * (p[c] - q[c]));
    }
    *share = (double)count / (double)texels;
    return sum ? 10.0 * log10(255.0 * 255.0 * 3.0 * (double)count / (double)sum) : INFINITY;
}
