// SPDX-License-Identifier: MIT
// FLIP for LDR pictures, from Andersson, Nilsson, Akenine-Moller, Oskarsson, Astrom, Fairchild, "FLIP: A Difference Evaluator
// for Alternating Images", Proc. ACM Comput. Graph. Interact. Tech. 3(2), 2020; sections and constants are the paper's.
// All its filters are sums of products of one-dimensional ones, and are applied as such.
#include "image_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RADIUS = 16 };

static const double PI = 3.14159265358979323846;
static const double PIXELS_PER_DEGREE = 0.7 * 3840 / 0.7 * (3.14159265358979323846 / 180);
// Linear sRGB to CIE XYZ, and the white point that it gives.
static const double TO_XYZ[3][3] = {
    {10135552.0 / 24577794, 8788810.0 / 24577794, 4435075.0 / 24577794},
    {2613072.0 / 12288897, 8788810.0 / 12288897, 887015.0 / 12288897},
    {1425312.0 / 73733382, 8788810.0 / 73733382, 70074185.0 / 73733382},
};
static const double FROM_XYZ[3][3] = {
    {3.241003275, -1.537398934, -0.498615861},
    {-0.969224334, 1.875930071, 0.041554224},
    {0.055639423, -0.204011202, 1.057148933},
};
static const double WHITE[3] = {0.950428545, 1.0, 1.088900371};

// --- Colour spaces --------------------------------------------------------------------------------------------------------

static void transform(const double m[3][3], const double in[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = m[i][0] * in[0] + m[i][1] * in[1] + m[i][2] * in[2];
}

// Linear RGB to the opponent space of the spatial filters.
static void to_ycxcz(const double rgb[3], double ycxcz[3])
{
    double xyz[3];
    transform(TO_XYZ, rgb, xyz);
    for (int i = 0; i < 3; i++)
        xyz[i] /= WHITE[i];
    ycxcz[0] = 116 * xyz[1] - 16;
    ycxcz[1] = 500 * (xyz[0] - xyz[1]);
    ycxcz[2] = 200 * (xyz[1] - xyz[2]);
}

static void from_ycxcz(const double ycxcz[3], double rgb[3])
{
    double y = (ycxcz[0] + 16) / 116;
    double xyz[3] = {(y + ycxcz[1] / 500) * WHITE[0], y * WHITE[1], (y - ycxcz[2] / 200) * WHITE[2]};
    transform(FROM_XYZ, xyz, rgb);
}

// Linear RGB to CIELAB with a and b scaled by lightness (section 4.1.2: the Hunt effect).
static void to_hunt_lab(const double rgb[3], double lab[3])
{
    double f[3];
    transform(TO_XYZ, rgb, f);
    for (int i = 0; i < 3; i++) {
        double t = f[i] / WHITE[i], d = 6.0 / 29;
        f[i] = t > d * d * d ? cbrt(t) : t / (3 * d * d) + 4.0 / 29;
    }
    lab[0] = 116 * f[1] - 16;
    lab[1] = 0.01 * lab[0] * 500 * (f[0] - f[1]);
    lab[2] = 0.01 * lab[0] * 200 * (f[1] - f[2]);
}

static double hyab(const double a[3], const double b[3])
{
    return fabs(a[0] - b[0]) + hypot(a[1] - b[1], a[2] - b[2]);
}

// --- Filters ------------------------------------------------------------------------------------------------------------------

struct filter {
    int radius;
    float taps[2 * MAX_RADIUS + 1];
};

struct plane {
    uint32_t width, height;
    float *row, *between; // for one filter: a row with its ends repeated, and a plane
};

// out = (x along rows, y along columns) in, edges repeated; both filters have one radius. `add`: to what is there.
static void convolve(const struct plane *p, const float *in, const struct filter *x, const struct filter *y,
                     bool add, float *out)
{
    uint32_t w = p->width, h = p->height;
    int r = x->radius;
    for (uint32_t line = 0; line < h; line++) {
        const float *from = in + (size_t)line * w;
        float *to = p->between + (size_t)line * w;
        for (int i = 0; i < r; i++) {
            p->row[i] = from[0];
            p->row[r + (int)w + i] = from[w - 1];
        }
        memcpy(p->row + r, from, w * sizeof(*from));
        memset(to, 0, w * sizeof(*to));
        for (int i = 0; i <= 2 * r; i++)
            for (uint32_t k = 0; k < w; k++)
                to[k] += x->taps[i] * p->row[k + (uint32_t)i];
    }
    if (!add)
        memset(out, 0, (size_t)w * h * sizeof(*out));
    for (uint32_t line = 0; line < h; line++)
        for (int i = -r; i <= r; i++) {
            int64_t at = (int64_t)line + i;
            const float *from = p->between + (size_t)(at < 0 ? 0 : at >= h ? h - 1 : at) * w;
            for (uint32_t k = 0; k < w; k++)
                out[(size_t)line * w + k] += y->taps[i + r] * from[k];
        }
}

// exp(-pi^2 d^2 / b) at d degrees.
static struct filter contrast_gaussian(double b, int radius)
{
    struct filter f = {.radius = radius};
    for (int i = -radius; i <= radius; i++)
        f.taps[i + radius] = (float)exp(-PI * PI * i * i / (PIXELS_PER_DEGREE * PIXELS_PER_DEGREE * b));
    return f;
}

static double sum_of(const struct filter *f)
{
    double sum = 0;
    for (int i = 0; i <= 2 * f->radius; i++)
        sum += f->taps[i];
    return sum;
}

// One channel of the contrast sensitivity functions (section 4.1.1): a sum of two Gaussians in both directions, of sum 1.
static void filter_contrast(const struct plane *p, const float *in, const double a[2], const double b[2],
                            float *out)
{
    // The radius of the widest Gaussian of the three channels holds for all.
    int radius = (int)ceil(3 * sqrt(0.04 / (2 * PI * PI)) * PIXELS_PER_DEGREE);
    struct filter f[2];
    double weight[2], total = 0;
    for (int i = 0; i < 2; i++) {
        f[i] = contrast_gaussian(b[i], radius);
        weight[i] = a[i] * sqrt(PI / b[i]);
        total += weight[i] * sum_of(&f[i]) * sum_of(&f[i]);
    }
    for (int i = 0; i < 2 && weight[i] > 0; i++) {
        struct filter y = f[i];
        for (int k = 0; k <= 2 * radius; k++)
            y.taps[k] = (float)(y.taps[k] * weight[i] / total);
        convolve(p, in, &f[i], &y, i > 0, out);
    }
}

// The filters of section 4.2.1: a Gaussian, and its first or second derivative with weights that sum to 1 and -1 on the
// two signs.
static void feature_filters(struct filter *gaussian, struct filter *edge, struct filter *point)
{
    double sigma = 0.5 * 0.082 * PIXELS_PER_DEGREE;
    int radius = (int)ceil(3 * sigma);
    gaussian->radius = edge->radius = point->radius = radius;
    for (int i = -radius; i <= radius; i++) {
        double g = exp(-i * i / (2 * sigma * sigma));
        gaussian->taps[i + radius] = (float)g;
        edge->taps[i + radius] = (float)(-i * g);
        point->taps[i + radius] = (float)((i * i / (sigma * sigma) - 1) * g);
    }
    struct filter *all[] = {gaussian, edge, point};
    for (int k = 0; k < 3; k++) {
        double sums[2] = {0, 0}; // of negative and of positive taps
        for (int i = 0; i <= 2 * radius; i++)
            sums[all[k]->taps[i] > 0] += fabs(all[k]->taps[i]);
        for (int i = 0; i <= 2 * radius; i++)
            if (all[k]->taps[i] != 0)
                all[k]->taps[i] = (float)(all[k]->taps[i] / sums[all[k]->taps[i] > 0]);
    }
}

// --- The two pipelines -------------------------------------------------------------------------------------

struct seen {
    float *lab[3];       // filtered, in CIELAB with the Hunt effect
    float *edge, *point; // how much of a feature
};

// `channels` [3] planes in YCxCz, which are overwritten with what the filters leave.
static void see_colours(const struct plane *p, float *const channels[3], struct seen *seen)
{
    static const double a[3][2] = {{1, 0}, {1, 0}, {34.1, 13.5}};
    static const double b[3][2] = {{0.0047, 1e-5}, {0.0053, 1e-5}, {0.04, 0.025}};
    for (int c = 0; c < 3; c++)
        filter_contrast(p, channels[c], a[c], b[c], seen->lab[c]);
    for (size_t i = 0; i < (size_t)p->width * p->height; i++) {
        double ycxcz[3], rgb[3], lab[3];
        for (int c = 0; c < 3; c++)
            ycxcz[c] = seen->lab[c][i];
        from_ycxcz(ycxcz, rgb);
        for (int c = 0; c < 3; c++)
            rgb[c] = rgb[c] < 0 ? 0 : rgb[c] > 1 ? 1 : rgb[c];
        to_hunt_lab(rgb, lab);
        for (int c = 0; c < 3; c++)
            seen->lab[c][i] = (float)lab[c];
    }
}

// `luminance` is 0..1; `gradient` is for the work.
static void see_features(const struct plane *p, const float *luminance, float *gradient, struct seen *seen)
{
    struct filter gaussian, filters[2];
    feature_filters(&gaussian, &filters[0], &filters[1]);
    for (int k = 0; k < 2; k++) {
        float *out = k ? seen->point : seen->edge;
        convolve(p, luminance, &filters[k], &gaussian, false, gradient);
        convolve(p, luminance, &gaussian, &filters[k], false, out);
        for (size_t i = 0; i < (size_t)p->width * p->height; i++)
            out[i] = hypotf(out[i], gradient[i]);
    }
}

static void see(const struct plane *p, const struct image_view *picture, float *const work[3],
                struct seen *seen)
{
    for (size_t i = 0; i < (size_t)p->width * p->height; i++) {
        const float *pixel = picture->pixels + i * picture->components;
        double rgb[3], ycxcz[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = srgb_decode(pixel[picture->components < 3 ? 0 : c]);
        to_ycxcz(rgb, ycxcz);
        for (int c = 0; c < 3; c++)
            work[c][i] = (float)ycxcz[c];
    }
    see_colours(p, work, seen);
    for (size_t i = 0; i < (size_t)p->width * p->height; i++)
        work[0][i] = (work[0][i] + 16) / 116;
    see_features(p, work[0], work[1], seen);
}

// Section 4.1.3: differences above what matters are compressed into the last 5 %.
static double redistribute(double difference, double most)
{
    const double exponent = 0.7, knee = 0.4 * most, at_knee = 0.95;
    double d = pow(difference, exponent);
    return d < knee ? at_knee / knee * d : at_knee + (d - knee) / (most - knee) * (1 - at_knee);
}

static double combine(const struct seen *a, const struct seen *b, size_t i, double most)
{
    double x[3], y[3];
    for (int c = 0; c < 3; c++) {
        x[c] = a->lab[c][i];
        y[c] = b->lab[c][i];
    }
    double colour = redistribute(hyab(x, y), most);
    double edge = fabs((double)a->edge[i] - b->edge[i]), point = fabs((double)a->point[i] - b->point[i]);
    double feature = sqrt((edge > point ? edge : point) / sqrt(2));
    return pow(colour, 1 - feature);
}

double metric_flip(const struct image_view *a, const struct image_view *b, float *map)
{
    enum { PLANES = 5 + 5 + 3 + 1 };
    size_t count = (size_t)a->width * a->height;
    float *memory = malloc((PLANES * count + a->width + 2 * MAX_RADIUS) * sizeof(*memory));
    if (!memory)
        return NAN;
    float *planes[PLANES];
    for (int i = 0; i < PLANES; i++)
        planes[i] = memory + (size_t)i * count;
    struct plane p = {a->width, a->height, memory + PLANES * count, planes[13]};
    struct seen seen[2];
    for (int i = 0; i < 2; i++) {
        float **of = planes + 5 * i;
        seen[i] = (struct seen){{of[0], of[1], of[2]}, of[3], of[4]};
        see(&p, i ? b : a, planes + 10, &seen[i]);
    }
    const double green[3] = {0, 1, 0}, blue[3] = {0, 0, 1};
    double lab[2][3], sum = 0;
    to_hunt_lab(green, lab[0]);
    to_hunt_lab(blue, lab[1]);
    double most = pow(hyab(lab[0], lab[1]), 0.7);
    for (size_t i = 0; i < count; i++) {
        double flip = combine(&seen[0], &seen[1], i, most);
        sum += flip;
        if (map)
            map[i] = (float)flip;
    }
    free(memory);
    return sum / (double)count;
}
