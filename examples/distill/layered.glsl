// SPDX-License-Identifier: MIT
// A rough metal under a rough, absorbing coat, times the cosine of the light. Light is refracted in and out by microfacets of the
// coat, so the base is lit and seen from many directions: both sides are integrated over 12 facets each by a fixed rule, 144
// evaluations of the base. Light that the coat sends back to the base is left out. Expensive: some ten thousand operations.
// Directions come as in disney.glsl.
//
// smelt input half_root 0..1 identity
// smelt input difference 0..1.5 one_blob 16
// smelt input azimuth 0..3.14159265 identity
// smelt input coat_roughness 0.35..0.8 identity
// smelt input base_roughness 0.35..0.8 identity
// smelt input thickness 0..1 identity
// smelt outputs 3 exp relative_l2

const int FACETS = 12;
const float IOR = 1.5;

float ggx(float cosine, float alpha)
{
    float a2 = alpha * alpha, t = 1.0 + (a2 - 1.0) * cosine * cosine;
    return a2 / (3.14159265 * t * t);
}

float smith(float cosine, float alpha)
{
    float a2 = alpha * alpha, c2 = cosine * cosine;
    return 2.0 * cosine / (cosine + sqrt(a2 + c2 - a2 * c2));
}

// Of unpolarised light on a dielectric, from outside.
float fresnel_dielectric(float cosine)
{
    float g = sqrt(IOR * IOR - 1.0 + cosine * cosine);
    float a = (g - cosine) / (g + cosine), b = (cosine * (g + cosine) - 1.0) / (cosine * (g - cosine) + 1.0);
    return 0.5 * a * a * (1.0 + b * b);
}

// A direction not below the horizon, nor much closer to it than 0.1.
vec3 above(vec3 d)
{
    return normalize(vec3(d.xy, max(d.z, 0.1)));
}

// The facet i of a fixed set that is distributed as the coat's facets are: a spiral in equal steps of probability.
vec3 facet(int i, float alpha)
{
    float u = (float(i) + 0.5) / float(FACETS), phi = float(i) * 2.39996323;
    float cos2 = (1.0 - u) / (1.0 + (alpha * alpha - 1.0) * u);
    float sine = sqrt(max(0.0, 1.0 - cos2));
    return vec3(sine * cos(phi), sine * sin(phi), sqrt(cos2));
}

// What goes through facet i in the direction `inside`, seen from `outside`.
float refracted(int i, float alpha, vec3 outside, out vec3 inside)
{
    vec3 m = facet(i, alpha);
    float cosine = max(dot(outside, m), 0.0);
    inside = -refract(-outside, m, 1.0 / IOR);
    inside = above(inside);
    return (1.0 - fresnel_dielectric(cosine)) * cosine / outside.z;
}

vec3 base(vec3 a, vec3 b, float alpha)
{
    const vec3 gold = vec3(1.0, 0.78, 0.34);
    vec3 h = normalize(a + b);
    float m = 1.0 - clamp(dot(a, h), 0.0, 1.0), m2 = m * m;
    vec3 fresnel = gold + (1.0 - gold) * m2 * m2 * m;
    return fresnel * ggx(h.z, alpha) * smith(a.z, alpha) * smith(b.z, alpha) / (4.0 * a.z * b.z);
}

void teacher(float x[6], out float y[3])
{
    const vec3 absorption = vec3(0.3, 0.9, 1.6);
    float sin_half = x[0] * x[0], cos_half = sqrt(1.0 - sin_half * sin_half);
    vec3 h = vec3(sin_half, 0.0, cos_half), side = vec3(cos_half, 0.0, -sin_half);
    vec3 across = sin(x[1]) * (cos(x[2]) * side + sin(x[2]) * vec3(0.0, 1.0, 0.0));
    vec3 view = above(cos(x[1]) * h - across), light = above(cos(x[1]) * h + across);
    float coat = x[3] * x[3], alpha = x[4] * x[4];

    float reflected = fresnel_dielectric(max(dot(view, h), 0.0)) * ggx(h.z, coat) * smith(view.z, coat) *
                      smith(light.z, coat) / (4.0 * view.z * light.z);
    vec3 sum = vec3(0.0), a, b;
    for (int i = 0; i < FACETS; i++) {
        float through_view = refracted(i, coat, view, a);
        for (int k = 0; k < FACETS; k++) {
            float through = through_view * refracted(k, coat, light, b);
            sum += through * exp(-absorption * x[5] * (1.0 / a.z + 1.0 / b.z)) * base(a, b, alpha);
        }
    }
    vec3 result = (vec3(reflected) + sum / float(FACETS * FACETS)) * light.z;
    y = float[3](result.r, result.g, result.b);
}
