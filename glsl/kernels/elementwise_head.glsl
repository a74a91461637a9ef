// SPDX-License-Identifier: MIT
// elementwise_head.glsl: the functions that generated kernels of src/elementwise.c call, beside GLSL's own.
float power(float p, float q)
{
    float size = q == 0.0 ? 1.0 : p == 0.0 ? 0.0 : pow(abs(p), q);
    return p < 0.0 && fract(abs(q) * 0.5) == 0.5 ? -size : size;
}

// Abramowitz and Stegun 1964, 7.1.26.
float erf(float p)
{
    float t = 1.0 / (1.0 + 0.3275911 * abs(p));
    float sum =
        t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return sign(p) * (1.0 - sum * exp(-p * p));
}

// A NaN, on either side, leaves p. p's bits are asked first: the NVIDIA 580 driver takes a comparison alone for its
// maximum, which drops a NaN.
float maximum(float p, float q)
{
    return !smelt_nan(floatBitsToUint(p)) && p < q ? q : p;
}

float minimum(float p, float q)
{
    return !smelt_nan(floatBitsToUint(p)) && p > q ? q : p;
}

float threshold(float p, float q)
{
    return p > q ? p : 0.0;
}

float arcosh(float p)
{
    return log(p + sqrt((p - 1.0) * (p + 1.0)));
}

float arsinh(float p)
{
    return sign(p) * log(abs(p) + sqrt(p * p + 1.0));
}

float artanh(float p)
{
    return 0.5 * log((1.0 + p) / (1.0 - p));
}
