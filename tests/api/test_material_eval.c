// SPDX-License-Identifier: MIT
// Tests of what a material evaluates to: against expected values, a double-precision reference and the source maps.
#include "material_eval.h"
#include "material_reference.h"
#include "material_tiny.h"
#include "source.h"

#if SMELT_TEST_JPEG
#include <jpeglib.h>
#endif

static const char *const names[] = {"rock053", "metal053c"};

static const char *shipped(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "examples/materials/%s.safetensors", name);
    return source_file(path);
}

static smelt_material load(smelt_context context, const char *name, enum smelt_backend backend,
                           enum smelt_dtype computed)
{
    struct smelt_material_params params = {.path = shipped(name),
                                           .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                           .backend = backend,
                                           .computed = computed};
    smelt_material material = NULL;
    CHECK_OK(smelt_material_create(context, &params, &material));
    CHECK_OK(smelt_material_upload_and_wait(material));
    return material;
}

static const char *shared_data(void)
{
    const char *data = getenv("SMELT_SHARED_DATA");
    return data ? data : SMELT_TEST_SOURCE "/../shared/data";
}

// The f32 array [count][columns] of a .npy file, version 1; NULL when there is no such file. To be freed.
static float *read_npy(const char *path, uint32_t columns, uint32_t *count)
{
    FILE *file = fopen(path, "rb");
    unsigned char head[10];
    char text[1024] = "", *shape;
    if (!file)
        return NULL;
    CHECK(fread(head, 1, 10, file) == 10 && !memcmp(head, "\x93NUMPY\1", 7));
    uint32_t length = head[8] | head[9] << 8;
    CHECK(length < sizeof(text) && fread(text, 1, length, file) == length && strstr(text, "'<f4'"));
    CHECK((shape = strstr(text, "'shape': (")) && sscanf(shape + 10, "%u", count) == 1);
    float *values = malloc((size_t)*count * columns * sizeof(float));
    CHECK(values && fread(values, sizeof(float), (size_t)*count * columns, file) == (size_t)*count * columns);
    fclose(file);
    return values;
}

// Coordinates and outputs: all 4096 where the shared data is, else the sample of 64 beside the tests.
struct expected {
    uint32_t count;
    struct eval_point *points;
    float *values; // [count][9]
};

static struct expected expected_load(const char *name)
{
    struct expected e = {0};
    char path[2][512];
    snprintf(path[0], sizeof(path[0]), "%s/neural-materials/%s.uv.npy", shared_data(), name);
    snprintf(path[1], sizeof(path[1]), "%s/neural-materials/%s.expected.npy", shared_data(), name);
    float *uv = read_npy(path[0], 2, &e.count);
    if (uv) {
        e.values = read_npy(path[1], 9, &e.count);
    } else {
        smelt_package package = NULL;
        snprintf(path[0], sizeof(path[0]), "tests/data/%s.samples.safetensors", name);
        CHECK_OK(smelt_package_open(source_file(path[0]), &package));
        e.count = (uint32_t)smelt_package_find(package, "uv")->shape[0];
        uv = reference_floats(package, "uv", 0);
        e.values = reference_floats(package, "expected", 0);
        smelt_package_close(&package);
    }
    e.points = calloc(e.count, sizeof(*e.points));
    CHECK(e.points && e.values);
    for (uint32_t i = 0; i < e.count; i++)
        e.points[i] = (struct eval_point){.u = uv[2 * i], .v = uv[2 * i + 1]};
    free(uv);
    return e;
}

static void expected_free(struct expected *e)
{
    free(e->points);
    free(e->values);
}

// The raw outputs at the expected coordinates; to be freed.
static float *evaluate(smelt_context context, smelt_material material, const struct expected *e,
                       bool hardware)
{
    struct eval_options options = {.hardware = hardware, .capacity = e->count};
    struct eval eval = eval_create(context, material, options);
    float *results = malloc((size_t)e->count * 9 * sizeof(float));
    CHECK(results);
    eval_run(&eval, e->points, e->count, results);
    eval_destroy(&eval);
    return results;
}

static void check_f32(const char *name)
{
    smelt_context context = eval_context();
    smelt_material material = load(context, name, SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F32);
    struct expected e = expected_load(name);
    float *got = evaluate(context, material, &e, false);
    double worst = 0;
    for (uint32_t i = 0; i < e.count * 9; i++)
        worst = fmax(worst, isnan(got[i]) ? INFINITY : fabs((double)got[i] - e.values[i]));
    printf("    %s: %u points, worst difference %.2g\n", name, e.count, worst);
    CHECK(worst <= 2e-5);
    free(got);
    expected_free(&e);
    smelt_material_destroy(&material);
}

static void f32_agrees_with_expected(void)
{
    for (int i = 0; i < 2; i++)
        check_f32(names[i]);
}

// The bound that the module states, carried through the layers.
static struct tolerance tolerance_of(smelt_context context, smelt_material material)
{
    const struct smelt_material_info *info = smelt_material_info(material);
    struct smelt_op op = {.name = "q", .kind = SMELT_OP_MLP, .mlp = &info->mlp};
    struct smelt_op_info numbers;
    CHECK_OK(smelt_op_query(context, &op, VK_SHADER_STAGE_COMPUTE_BIT, &numbers));
    bool half = info->mlp.computed == SMELT_DTYPE_F16;
    return (struct tolerance){
        .layer = numbers.error_c * numbers.error_u, .rounding = half ? 0x1p-11 : 0, .feature = 2e-6};
}

static void check_bound(const char *name, enum smelt_backend backend, enum smelt_dtype computed,
                        bool hardware)
{
    smelt_context context = eval_context();
    if (computed == SMELT_DTYPE_F16 && !smelt_context_capabilities(context)->shader_float16)
        SKIP("the device has no f16 arithmetic");
    smelt_material material = load(context, name, backend, computed);
    smelt_package package = NULL;
    CHECK_OK(smelt_package_open(shipped(name), &package));
    struct reference r = reference_make(package, smelt_material_info(material));
    r.octaves = 3;
    r.scale = 32;
    struct tolerance tolerance = tolerance_of(context, material);
    VkPhysicalDeviceProperties properties;
    context->vk.GetPhysicalDeviceProperties(context->physical_device, &properties);
    tolerance.sampler_bits = hardware ? (int)SMELT_MIN(properties.limits.subTexelPrecisionBits, 8u) : 0;
    struct expected e = expected_load(name);
    float *got = evaluate(context, material, &e, hardware);
    double worst = 0, ratio = 0, reference = 0, squares = 0;
    for (uint32_t i = 0; i < e.count; i++) {
        double y[REFERENCE_WIDEST], bound[REFERENCE_WIDEST];
        reference_eval(&r, e.points[i].u, e.points[i].v, 0, &tolerance, y, bound);
        for (uint32_t c = 0; c < 9; c++) {
            double difference = fabs(got[9 * i + c] - y[c]);
            CHECK(difference <= bound[c]);
            ratio = fmax(ratio, difference / bound[c]);
            worst = fmax(worst, difference);
            squares += difference * difference;
            reference = fmax(reference, fabs(y[c] - e.values[9 * i + c]));
        }
    }
    double rms = sqrt(squares / (9.0 * e.count));
    printf("    %s %s %s%s: worst %.3g (%.3f of the bound), rms %.2g\n", name, smelt_backend_name(backend),
           smelt_dtype_name(computed), hardware ? ", hardware sampler" : "", worst, ratio, rms);
    CHECK(reference < 1e-6); // the reference itself is right
    CHECK(worst < (hardware ? 0.05 : 0.02) && rms < (hardware ? 0.01 : 0.00316)); // 0.00316: 50 dB
    free(got);
    expected_free(&e);
    reference_free(&r);
    smelt_package_close(&package);
    smelt_material_destroy(&material);
}

static void f16_stays_within_its_bound(void)
{
    for (int i = 0; i < 2; i++)
        check_bound(names[i], SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F16, false);
}

static void cooperative_vectors_agree(void)
{
    smelt_context context = eval_context();
    struct smelt_backend_query query = {.op = SMELT_OP_MLP, .backend = SMELT_BACKEND_COOPVEC};
    static struct smelt_backend_choice choice;
    smelt_backend_choose(context, &query, &choice);
    if (!choice.eligible[SMELT_BACKEND_COOPVEC])
        SKIP(choice.reason[SMELT_BACKEND_COOPVEC]);
    for (int i = 0; i < 2; i++) {
        float *got[2];
        double squares = 0;
        struct expected e = expected_load(names[i]);
        check_bound(names[i], SMELT_BACKEND_COOPVEC, SMELT_DTYPE_F16, false);
        for (int k = 0; k < 2; k++) {
            smelt_material material =
                load(context, names[i], k ? SMELT_BACKEND_COOPVEC : SMELT_BACKEND_PORTABLE,
                     k ? SMELT_DTYPE_F16 : SMELT_DTYPE_F32);
            got[k] = evaluate(context, material, &e, false);
            smelt_material_destroy(&material);
        }
        for (uint32_t p = 0; p < e.count * 9; p++)
            squares += ((double)got[1][p] - got[0][p]) * ((double)got[1][p] - got[0][p]);
        CHECK(-10 * log10(squares / (9.0 * e.count)) >= 50);
        free(got[0]);
        free(got[1]);
        expected_free(&e);
    }
}

static void f32_stays_within_its_bound(void)
{
    check_bound(names[0], SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F32, false);
}

static void hardware_samplers_stay_within_theirs(void)
{
    for (int i = 0; i < 2; i++)
        check_bound(names[i], SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F32, true);
}

// --- The tiny material: mips, every encoding, surfaces -------------------------------------------------------

static struct reference tiny_reference(smelt_package package, smelt_material material)
{
    struct reference r = reference_make(package, smelt_material_info(material));
    r.uv = true;
    r.octaves = 2;
    r.scale = 2;
    r.triangles = 2;
    r.triangle_scale = 1;
    return r;
}

static smelt_material tiny_material(smelt_context context, smelt_package package)
{
    struct smelt_material_params params = {
        .package = package, .stage = VK_SHADER_STAGE_COMPUTE_BIT, .computed = SMELT_DTYPE_F32};
    smelt_material material = NULL;
    CHECK_OK(smelt_material_create(context, &params, &material));
    CHECK_OK(smelt_material_upload_and_wait(material));
    return material;
}

// Coordinates outside 0..1, at texel edges and at lods between mips; gradients that give the same lod.
static uint32_t tiny_points(struct eval_point *points, int mode)
{
    static const float lods[] = {-1, 0, 0.25f, 1, 1.5f, 2, 7};
    uint32_t n = 0;
    for (uint32_t l = 0; l < 7; l++) {
        for (int i = 0; i < 64; i++) {
            struct eval_point p = {.u = (float)(i % 8) * 0.40625f - 1.3125f,
                                   .v = (float)(i / 8) * 0.34375f - 1.25f};
            p.ddx[0] = lods[l];
            if (mode == 2) { // the longer axis is along v: 2^lod texels of the tiny extent of 4
                p.ddx[0] = 0.5f * exp2f(lods[l]) / TINY_WIDTH;
                p.ddx[1] = 0;
                p.ddy[1] = -exp2f(lods[l]) / TINY_HEIGHT;
            }
            points[n++] = p;
        }
    }
    return n;
}

static double tiny_lod(const struct eval_point *points, uint32_t i)
{
    (void)points;
    static const float lods[] = {-1, 0, 0.25f, 1, 1.5f, 2, 7};
    return lods[i / 64];
}

static void check_tiny_raw(bool clamp, bool hardware, bool taps, bool fade)
{
    static struct tiny t;
    static struct eval_point points[448];
    static float got[448 * TINY_OUTPUTS];
    smelt_context context = eval_context();
    tiny_make(&t, 3);
    if (clamp)
        tiny_replace(&t, "\"repeat\"", "\"clamp\"");
    if (taps) { // in place of sines and triangles
        tiny_replace(&t, "\"latent1.mip0\"]", "\"latent1.mip0\"],\"taps\":4");
        tiny_replace(&t, "{\"type\":\"frequency\",\"input\":\"uv\",\"n_frequencies\":2,\"scale\":2},", "");
        tiny_replace(&t, "{\"type\":\"triangle_wave\",\"input\":\"uv\",\"n_frequencies\":2,\"scale\":1},",
                     "");
    }
    if (fade)
        tiny_replace(&t, "\"latent0.mip0\"]", "\"latent0.mip0\"],\"until\":0.75");
    if (taps && fade) {
        tiny_replace(&t, "\"taps\":4", "\"taps\":4,\"fade\":1.5,\"until\":1.75");
    } else if (fade) {
        tiny_replace(&t, "\"scale\":2", "\"scale\":2,\"fade\":1.5");
        tiny_replace(&t, "\"scale\":1", "\"scale\":1,\"fade\":0.5");
    }
    smelt_package package = tiny_package(&t);
    smelt_material material = tiny_material(context, package);
    const struct smelt_material_texture *latents = smelt_material_info(material)->latents;
    CHECK(latents[0].fade == 0 && latents[0].until == (fade ? 0.75F : 0));
    CHECK(latents[1].fade == (taps && fade ? 1.5F : 0) && latents[1].until == (taps && fade ? 1.75F : 0));
    struct reference r = tiny_reference(package, material);
    r.clamp = clamp;
    r.tap_fade = r.wave_fade = fade ? 1.5 : 0;
    r.triangle_fade = fade ? 0.5 : 0;
    r.until[0] = (double)latents[0].until;
    r.until[1] = (double)latents[1].until;
    if (taps)
        r.octaves = r.triangles = 0;
    struct tolerance tolerance = tolerance_of(context, material);
    tolerance.sampler_bits = hardware ? 8 : 0;
    struct eval_options options = {.hardware = hardware, .capacity = 448};
    struct eval eval = eval_create(context, material, options);
    uint32_t count = tiny_points(points, 0);
    eval_run(&eval, points, count, got);
    for (uint32_t i = 0; i < count; i++) {
        double y[REFERENCE_WIDEST], bound[REFERENCE_WIDEST];
        reference_eval(&r, points[i].u, points[i].v, points[i].ddx[0], &tolerance, y, bound);
        for (uint32_t c = 0; c < TINY_OUTPUTS; c++) {
            if (!(fabs(got[i * TINY_OUTPUTS + c] - y[c]) <= bound[c]))
                printf("    point %u output %u at %g %g lod %g: %.7g, wanted %.7g within %.2g\n", i, c,
                       points[i].u, points[i].v, points[i].ddx[0], got[i * TINY_OUTPUTS + c], y[c], bound[c]);
            CHECK(fabs(got[i * TINY_OUTPUTS + c] - y[c]) <= bound[c]);
        }
    }
    eval_destroy(&eval);
    reference_free(&r);
    smelt_material_destroy(&material);
    smelt_package_close(&package);
}

static void every_encoding_and_mip(void)
{
    check_tiny_raw(false, false, false, false);
    check_tiny_raw(false, true, false, false);
    check_tiny_raw(true, true, false, false);
}

static void taps_around_the_place(void)
{
    check_tiny_raw(false, false, true, false);
    check_tiny_raw(true, true, true, false);
}

static void waves_taps_and_latents_fade_with_the_level(void)
{
    check_tiny_raw(false, false, false, true);
    check_tiny_raw(true, true, true, true);
}

static double linear_from_srgb(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double clamped(double v)
{
    return fmin(fmax(v, 0), 1);
}

// What the channels of tiny_description make of raw values.
static void tiny_surface(const double *y, double *s)
{
    double n[3], length = 0;
    for (int i = 0; i < 3; i++) {
        s[i] = linear_from_srgb(clamped(y[i]));
        n[i] = (i == 1 ? -1 : 1) * (2 * y[3 + i] - 1);
        length += n[i] * n[i];
    }
    for (int i = 0; i < 3; i++)
        s[3 + i] = n[i] / sqrt(length);
    s[6] = clamped(y[6]) * 4 - 1;
    for (int i = 0; i < 4; i++)
        s[7 + i] = i < 3 ? linear_from_srgb(clamped(y[6 + i])) : clamped(y[9]);
}

static void check_tiny_surface(int mode)
{
    static struct tiny t;
    static struct eval_point points[448];
    static float got[448 * 11];
    smelt_context context = eval_context();
    tiny_make(&t, 4);
    for (uint32_t o = 0; o < TINY_OUTPUTS; o++) // outputs that leave 0..1
        for (uint32_t i = 0; i < TINY_INPUT; i++)
            t.weight[o][i] *= 2;
    smelt_package package = tiny_package(&t);
    smelt_material material = tiny_material(context, package);
    struct reference r = tiny_reference(package, material);
    struct tolerance tolerance = tolerance_of(context, material);
    struct eval_options options = {
        .mode = mode,
        .capacity = 448,
        .surface_count = 11,
        .surface =
            "s.base_color.x, s.base_color.y, s.base_color.z, s.bumps.x, s.bumps.y, s.bumps.z, s.roughness, "
            "s.paint.x, s.paint.y, s.paint.z, s.paint.w"};
    struct eval eval = eval_create(context, material, options);
    uint32_t count = tiny_points(points, mode), outside = 0;
    eval_run(&eval, points, count, got);
    for (uint32_t i = 0; i < count; i++) {
        double y[REFERENCE_WIDEST], bound[REFERENCE_WIDEST], wanted[11];
        reference_eval(&r, points[i].u, points[i].v, tiny_lod(points, i), &tolerance, y, bound);
        tiny_surface(y, wanted);
        outside += y[6] < 0 || y[6] > 1;
        for (uint32_t c = 0; c < 11; c++) {
            if (!(fabs(got[i * 11 + c] - wanted[c]) <= 1e-4))
                printf("    mode %d point %u value %u: %.7g, wanted %.7g\n", mode, i, c, got[i * 11 + c],
                       wanted[c]);
            CHECK(fabs(got[i * 11 + c] - wanted[c]) <= 1e-4);
        }
    }
    CHECK(outside > 0); // so that clamping was seen
    eval_destroy(&eval);
    reference_free(&r);
    smelt_material_destroy(&material);
    smelt_package_close(&package);
}

static void surfaces_are_linear_unit_and_in_range(void)
{
    check_tiny_surface(1);
    check_tiny_surface(2);
}

// --- The source maps ------------------------------------------------------------------------------------------

#if SMELT_TEST_JPEG
// RGB of a JPEG of 1024 x 1024, to be freed; NULL when there is no such file.
static uint8_t *read_jpeg(const char *material, const char *map)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/materials/ambientcg_%s/%s.jpg", shared_data(), material, map);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, file);
    CHECK(jpeg_read_header(&jpeg, TRUE) == JPEG_HEADER_OK);
    jpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&jpeg);
    CHECK(jpeg.output_width == 1024 && jpeg.output_height == 1024 && jpeg.output_components == 3);
    uint8_t *pixels = malloc(3 << 20);
    CHECK(pixels);
    while (jpeg.output_scanline < 1024) {
        JSAMPROW row = pixels + (size_t)jpeg.output_scanline * 3072;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    fclose(file);
    return pixels;
}

static double json_number(const char *name, const char *key)
{
    char path[512], text[1024] = "", quoted[64];
    snprintf(path, sizeof(path), "%s/neural-materials/%s.json", shared_data(), name);
    FILE *file = fopen(path, "rb");
    CHECK(file && fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    CHECK(strstr(text, quoted));
    return strtod(strstr(text, quoted) + strlen(quoted), NULL);
}

static void check_psnr(const char *name)
{
    enum { BAND = 64 };
    static struct eval_point points[BAND * 1024];
    static float got[BAND * 1024 * 9];
    static const char *const maps[] = {"base_color", "normal_gl", "ao", "roughness", "metalness"};
    static const char *const keys[] = {"psnr_base", "psnr_normal", "psnr_orm", "psnr"};
    smelt_context context = eval_context();
    uint8_t *pixels[5];
    for (int i = 0; i < 5; i++)
        pixels[i] = read_jpeg(name, maps[i]);
    if (!pixels[0])
        SKIP("the source maps (../shared/data) are not here");
    smelt_material material = load(context, name, SMELT_BACKEND_PORTABLE, SMELT_DTYPE_F32);
    struct eval_options options = {.capacity = BAND * 1024};
    struct eval eval = eval_create(context, material, options);
    double squares[4] = {0};
    for (uint32_t first = 0; first < 1024; first += BAND) {
        for (uint32_t i = 0; i < BAND * 1024; i++)
            points[i] = (struct eval_point){.u = ((float)(i % 1024) + 0.5f) / 1024,
                                            .v = ((float)(first + i / 1024) + 0.5f) / 1024};
        eval_run(&eval, points, BAND * 1024, got);
        for (uint32_t i = 0; i < BAND * 1024 * 9; i++) {
            uint32_t c = i % 9, map = c < 6 ? c / 3 : c - 4;
            // A set without occlusion is not occluded, one without metalness is no metal.
            double wanted = map == 2 ? 1 : 0, value = clamped(got[i]);
            if (pixels[map])
                wanted = pixels[map][((size_t)first * 1024 + i / 9) * 3 + (c < 6 ? c % 3 : 0)] / 255.0;
            double square = (value - wanted) * (value - wanted);
            squares[c / 3] += square;
            squares[3] += square;
        }
    }
    for (int i = 0; i < 4; i++) {
        double psnr = -10 * log10(squares[i] / ((i < 3 ? 3.0 : 9.0) * 1024 * 1024));
        printf("    %s %s: %.3f dB, stated %.3f\n", name, keys[i], psnr, json_number(name, keys[i]));
        CHECK(fabs(psnr - json_number(name, keys[i])) <= 0.05);
    }
    eval_destroy(&eval);
    smelt_material_destroy(&material);
    for (int i = 0; i < 5; i++)
        free(pixels[i]);
}

static void psnr_is_as_stated(void)
{
    check_psnr(names[0]);
    check_psnr(names[1]);
}
#endif

static const struct test tests[] = {
    {"f32 agrees with the expected values to 2e-5", f32_agrees_with_expected},
    {"f32 stays within the bound of its arithmetic", f32_stays_within_its_bound},
    {"f16 stays within the bound of its arithmetic", f16_stays_within_its_bound},
    {"cooperative vectors agree with plain arithmetic to 50 dB", cooperative_vectors_agree},
    {"a hardware sampler stays within its bound", hardware_samplers_stay_within_theirs},
    {"every encoding, address mode and mip", every_encoding_and_mip},
    {"taps around the place", taps_around_the_place},
    {"waves, taps and latents fade with the level", waves_taps_and_latents_fade_with_the_level},
    {"surfaces are linear, unit length and in range", surfaces_are_linear_unit_and_in_range},
#if SMELT_TEST_JPEG
    {"PSNR against the source maps is as stated", psnr_is_as_stated},
#endif
};
TEST_MAIN(tests)
