// SPDX-License-Identifier: MIT
// encoding_gradient.glsl: the derivatives of the input encodings of encoding.glsl, in f32.
//
// what    what training needs where a coordinate is itself the result of something: an offset, a direction, another network
// params  none
// makes   the derivative of element j of the encoding of one coordinate x; the gradient of x is the sum of their products
//         with the elements' gradients:
//         float smelt_encode_frequency_gradient(float x, int j)
//         float smelt_encode_triangle_wave_gradient(float x, int j)   at a corner: 0 or the slope before it
//         float smelt_encode_one_blob_gradient(float x, int j, int bins)
//         vec3 smelt_encode_spherical_harmonics_gradient(vec3 d, int degree, float dy[64])   the sum over the first
//         degree^2 elements of dy[j] times the derivative of element j, as a polynomial of d: not projected on the sphere
// errors  absolute, u = 2^-23: frequency 8 u pi 2^(j / 2); triangle_wave exact, but its corners are where j / 4 + 2^(j - 1) x
//         rounds to them; one_blob (4 + 2 bins) bins u; spherical harmonics 4 degree^2 u sum |dy| for a unit d
// needs   nothing
// source  encoding.glsl
#ifndef SMELT_ENCODING_GRADIENT_GLSL
#define SMELT_ENCODING_GRADIENT_GLSL

#include "smelt/encoding.glsl"

float smelt_encode_frequency_gradient(float x, int j)
{
    int octave = j >> 1;
    vec2 wave = smelt_frequency(ldexp(x, octave - 1));
    return ldexp(3.14159265358979, octave) * ((j & 1) == 0 ? wave.y : -wave.x);
}

float smelt_encode_triangle_wave_gradient(float x, int j)
{
    precise float p = ldexp(x, j - 1) + 0.25 * float(j);
    precise float r = p - floor(p);
    return ldexp(4.0 * sign(r - 0.5), j - 1);
}

// The quartic kernel 15/16 (1 - u^2)^2 at u = x bins, with its copies one period away: the derivative of
// smelt_one_blob_cdf by u.
float smelt_one_blob_kernel(float x, float bins)
{
    vec3 u = clamp(vec3(x - 1.0, x, x + 1.0) * bins, -1.0, 1.0);
    vec3 s = 1.0 - u * u;
    return 0.9375 * dot(s, s);
}

float smelt_encode_one_blob_gradient(float x, int j, int bins)
{
    float n = float(bins);
    return n * (smelt_one_blob_kernel(float(j) / n - x, n) - smelt_one_blob_kernel(float(j + 1) / n - x, n));
}

vec3 smelt_encode_spherical_harmonics_gradient(vec3 d, int degree, float dy[64])
{
    vec3 gradient = vec3(0.0);
    vec2 e = vec2(1.0, 0.0);      // (d.x + i d.y)^m
    vec2 before = vec2(0.0, 0.0); // m (d.x + i d.y)^(m - 1): its derivative by d.x
    float diagonal = 1.0;         // P(m, m) / sin^m
    float scale = 1.0;            // 1 / (2 m)!
    [[unroll]] for (int m = 0; m < degree; m++)
    {
        float p1 = 0.0, p0 = diagonal; // P(l - 1, m), P(l, m)
        float s1 = 0.0, s0 = 0.0;      // their derivatives by d.z
        float ratio = scale;           // (l - m)! / (l + m)!
        [[unroll]] for (int l = m; l < degree; l++)
        {
            float k = sqrt(float(2 * l + 1) * (m == 0 ? 1.0 : 2.0) * 0.07957747154594767 * ratio);
            vec2 g = k * vec2(dy[l * l + l + m], m > 0 ? dy[l * l + l - m] : 0.0);
            gradient += vec3(p0 * dot(g, before), p0 * (g.y * before.x - g.x * before.y), s0 * dot(g, e));
            float p2 = p1, s2 = s1;
            p1 = p0;
            s1 = s0;
            float inverse = 1.0 / float(l + 1 - m);
            p0 = (float(2 * l + 1) * d.z * p1 - float(l + m) * p2) * inverse;
            s0 = (float(2 * l + 1) * (p1 + d.z * s1) - float(l + m) * s2) * inverse;
            ratio *= float(l + 1 - m) / float(l + 1 + m);
        }
        before = float(m + 1) * e;
        e = vec2(d.x * e.x - d.y * e.y, d.x * e.y + d.y * e.x);
        diagonal *= float(-2 * m - 1);
        scale /= float((2 * m + 1) * (2 * m + 2));
    }
    return gradient;
}

#endif
