// SPDX-License-Identifier: MIT
// loss.glsl: what a result is worth against its target, and the gradient of that by the result, in f32.
//
// what    losses of one channel, and one of a colour: squared distances in Oklab, where equal distances look about equally far
//         and lightness is apart from hue and chroma, so that weights can hold the colour
// params  none
// makes   SMELT_LOSS_L1 |y - t|, SMELT_LOSS_L2 (y - t)^2, SMELT_LOSS_RELATIVE_L2 (y - t)^2 / (y^2 + 1/100), the values of enum
//         smelt_loss;
//         float smelt_loss(uint loss, float y, float t), float smelt_loss_gradient(uint loss, float y, float t)
//         vec3 smelt_oklab(vec3 rgb)                      of linear colour with the primaries of sRGB: L, a, b
//         vec3 smelt_oklab_gradient(vec3 rgb, vec3 dlab)  the gradient by rgb of what has the gradient dlab by L, a, b
//         float smelt_loss_oklab(vec3 y, vec3 t, vec3 weight)     dot(weight, (oklab(y) - oklab(t))^2)
//         vec3 smelt_loss_oklab_gradient(vec3 y, vec3 t, vec3 weight)
//         At y = t the gradient of L1 is 0. The denominator of RELATIVE_L2 counts as constant in its gradient: else a result
//         could lower its loss by growing. Below 1/512 the cube roots of Oklab go on as straight lines, so that black and
//         negative numbers have gradients
// errors  u = 2^-23: L1 u / 2 of itself, its gradient exact; L2 2 u of itself, its gradient u; RELATIVE_L2 8 u of itself, its
//         gradient 6 u. Oklab, its loss and gradients: 16 u times the same expression with every term's absolute value, as
//         long as the sums of long, medium and short waves do not cancel
// needs   nothing
// source  relative: Lehtinen et al. 2018, Noise2Noise, section 3, as tiny-cuda-nn has it; Oklab: B. Ottosson 2020, A perceptual
//         color space for image processing
#ifndef SMELT_LOSS_GLSL
#define SMELT_LOSS_GLSL

#define SMELT_LOSS_L1 0
#define SMELT_LOSS_L2 1
#define SMELT_LOSS_RELATIVE_L2 2

float smelt_loss(uint loss, float y, float t)
{
    float d = y - t;
    switch (loss) {
    case SMELT_LOSS_L1:
        return abs(d);
    case SMELT_LOSS_RELATIVE_L2:
        return d * d / (y * y + 0.01);
    default:
        return d * d;
    }
}

float smelt_loss_gradient(uint loss, float y, float t)
{
    float d = y - t;
    switch (loss) {
    case SMELT_LOSS_L1:
        return sign(d);
    case SMELT_LOSS_RELATIVE_L2:
        return 2.0 * d / (y * y + 0.01);
    default:
        return 2.0 * d;
    }
}

// Columns are what red, green and blue give to long, medium and short waves; what their roots give to L, a and b.
const mat3 smelt_oklab_waves = mat3(0.4122214708, 0.2119034982, 0.0883024619, 0.5363325363, 0.6806995451,
                                    0.2817188376, 0.0514459929, 0.1073969566, 0.6299787005);
const mat3 smelt_oklab_lab = mat3(0.2104542553, 1.9779984951, 0.0259040371, 0.7936177850, -2.4285922050,
                                  0.7827717662, -0.0040720468, 0.4505937099, -0.8086757660);

// Cube roots; below 1/512 their tangent there. A step of Newton's method takes what exp2 and log2 lack.
vec3 smelt_oklab_roots(vec3 v)
{
    vec3 w = max(v, 1.0 / 512.0);
    vec3 root = exp2(log2(w) / 3.0);
    root = (2.0 * root + w / (root * root)) / 3.0;
    return root + (v - w) * (64.0 / 3.0);
}

vec3 smelt_oklab(vec3 rgb)
{
    return smelt_oklab_lab * smelt_oklab_roots(smelt_oklab_waves * rgb);
}

vec3 smelt_oklab_gradient(vec3 rgb, vec3 dlab)
{
    vec3 root = smelt_oklab_roots(max(smelt_oklab_waves * rgb, 1.0 / 512.0));
    return (dlab * smelt_oklab_lab / (3.0 * root * root)) * smelt_oklab_waves;
}

float smelt_loss_oklab(vec3 y, vec3 t, vec3 weight)
{
    vec3 d = smelt_oklab(y) - smelt_oklab(t);
    return dot(weight, d * d);
}

vec3 smelt_loss_oklab_gradient(vec3 y, vec3 t, vec3 weight)
{
    return smelt_oklab_gradient(y, 2.0 * weight * (smelt_oklab(y) - smelt_oklab(t)));
}

#endif
