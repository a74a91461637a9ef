// SPDX-License-Identifier: MIT
// encoding.glsl: input encodings of networks, as tiny-cuda-nn defines them.
//
// what    frequency: sines and cosines of octaves of a coordinate; triangle_wave: a cheap stand-in; one_blob: a
//         smoothed one-hot over bins of [0, 1], wrapping around; spherical_harmonics: of a unit direction
// params  none
// makes   waves of an argument in periods:
//         vec2 smelt_frequency(float p)       (sin, cos) of 2 pi p
//         vec4 smelt_frequency(vec2 p)        (sin, cos) of 2 pi p.x, then of 2 pi p.y
//         T smelt_triangle_wave(T p)          4 |fract(p) - 1/2| - 1, for T = float, vec2
//         element j of the encoding of one coordinate x; several coordinates are encoded one after the other:
//         float smelt_encode_frequency(float x, int j)       2 F elements for F octaves: sin(2^f pi x) at j = 2 f,
//                                                            cos(2^f pi x) at j = 2 f + 1
//         float smelt_encode_triangle_wave(float x, int j)   F elements: the wave of 2^(j - 1) x + j / 4
//         float smelt_encode_one_blob(float x, int j, int bins)   `bins` elements
//         void smelt_encode_spherical_harmonics(vec3 d, int degree, out float y[64])   degree 1 to 8 gives the
//         first degree^2 elements, real harmonic (l, m) at l^2 + l + m; d is a unit vector (tiny-cuda-nn maps its
//         input from [0, 1] by 2 d - 1 first)
// errors  absolute, u = 2^-23, for the argument as it is in f32: frequency 6 u (not the device's sine, which may
//         be off by 2^-11); triangle_wave 3 u; one_blob (16 + 8 bins) u; spherical harmonics 64 u for a unit d
// needs   nothing
// source  github.com/NVlabs/tiny-cuda-nn, include/tiny-cuda-nn/encodings (frequency.h, triangle_wave.h, oneblob.h,
//         spherical_harmonics.h); frequency: Mildenhall et al. 2020; one_blob: Mueller et al. 2019 with its quartic
//         kernel; harmonics: Sloan 2008, Stupid Spherical Harmonics Tricks, appendix A1; sine polynomial: Hastings
//         1955, Approximations for Digital Computers, sheet 16
#ifndef SMELT_ENCODING_GLSL
#define SMELT_ENCODING_GLSL

// sin(2 pi t) for |t| <= 1/4.
float smelt_quarter_sine(float t)
{
    float x = 4.0 * t;
    float s = x * x;
    return x * (1.57079631847 +
                s * (-0.64596371106 + s * (0.07968967928 + s * (-0.00467376557 + s * 0.00015148419))));
}

vec2 smelt_frequency(float p)
{
    precise float r = p - floor(p + 0.5); // exact
    float s = 0.25 - abs(abs(r) - 0.25);
    return vec2(smelt_quarter_sine(r < 0.0 ? -s : s), smelt_quarter_sine(0.25 - abs(r)));
}

vec4 smelt_frequency(vec2 p)
{
    return vec4(smelt_frequency(p.x), smelt_frequency(p.y));
}

// Without `precise` a driver may take p - 1/2 first, which rounds to the spacing of p (lavapipe does).
float smelt_triangle_wave(float p)
{
    precise float r = p - floor(p);
    return 4.0 * abs(r - 0.5) - 1.0;
}

vec2 smelt_triangle_wave(vec2 p)
{
    precise vec2 r = p - floor(p);
    return 4.0 * abs(r - 0.5) - 1.0;
}

float smelt_encode_frequency(float x, int j)
{
    return smelt_frequency(ldexp(x, (j >> 1) - 1))[j & 1];
}

float smelt_encode_triangle_wave(float x, int j)
{
    return smelt_triangle_wave(ldexp(x, j - 1) + 0.25 * float(j));
}

// The integral of the quartic kernel 15/16 (1 - u^2)^2 from -1 to u = x bins, with its copies one period away.
float smelt_one_blob_cdf(float x, float bins)
{
    vec3 u = clamp(vec3(x - 1.0, x, x + 1.0) * bins, -1.0, 1.0);
    vec3 s = u * u;
    vec3 c = 0.9375 * u * (1.0 - s * (2.0 / 3.0 - 0.2 * s)) + 0.5;
    return c.x + c.y + c.z;
}

float smelt_encode_one_blob(float x, int j, int bins)
{
    float n = float(bins);
    return smelt_one_blob_cdf(float(j + 1) / n - x, n) - smelt_one_blob_cdf(float(j) / n - x, n);
}

void smelt_encode_spherical_harmonics(vec3 d, int degree, out float y[64])
{
    vec2 e = vec2(1.0, 0.0); // (d.x + i d.y)^m
    float diagonal = 1.0;    // P(m, m) / sin^m
    float scale = 1.0;       // 1 / (2 m)!
    [[unroll]] for (int m = 0; m < degree; m++)
    {
        float p1 = 0.0, p0 = diagonal; // P(l - 1, m), P(l, m)
        float ratio = scale;           // (l - m)! / (l + m)!
        [[unroll]] for (int l = m; l < degree; l++)
        {
            float k = sqrt(float(2 * l + 1) * (m == 0 ? 1.0 : 2.0) * 0.07957747154594767 * ratio) * p0;
            y[l * l + l + m] = k * e.x;
            if (m > 0)
                y[l * l + l - m] = k * e.y;
            float p2 = p1;
            p1 = p0;
            p0 = (float(2 * l + 1) * d.z * p1 - float(l + m) * p2) / float(l + 1 - m);
            ratio *= float(l + 1 - m) / float(l + 1 + m);
        }
        e = vec2(d.x * e.x - d.y * e.y, d.x * e.y + d.y * e.x);
        diagonal *= float(-2 * m - 1);
        scale /= float((2 * m + 1) * (2 * m + 2));
    }
}

#endif
