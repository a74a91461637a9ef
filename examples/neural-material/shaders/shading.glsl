// SPDX-License-Identifier: MIT
// Physically based shading of one surface point in a photo studio: a key light with soft shadows, softboxes as
// environment, tone mapping. Radiometric units are relative; colours are linear, Rec. 709 primaries.
#ifndef SHADING_GLSL
#define SHADING_GLSL

#include "scene.glsl"

const float PI = 3.14159265;

struct surface_point {
    vec3 base_color;
    vec3 normal;           // unit, world space
    vec3 geometric_normal; // unit: of the mesh, without the normal map
    float roughness, metalness, occlusion;
};

// --- Shadows: Fernando 2005, Percentage-Closer Soft Shadows -------------------------------------------

// Jimenez 2014, Next Generation Post Processing in Call of Duty: a value in 0..1 that is spread well over
// neighbouring pixels.
float interleaved_gradient_noise(vec2 pixel)
{
    return fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
}

// Point `i` of `count` on a disk (Vogel's spiral).
vec2 disk_point(int i, int count, float rotation)
{
    float r = sqrt((float(i) + 0.5) / float(count)), phi = 2.39996323 * float(i) + rotation;
    return r * vec2(cos(phi), sin(phi));
}

// The share of the key light that reaches a point, 0..1.
float key_visibility(vec3 position, vec3 normal, vec2 pixel)
{
    const int SEARCH = 24, FILTER = 40;
    float slope = 1.0 - clamp(dot(normal, scene.key_direction.xyz), 0.0, 1.0);
    vec4 p =
        scene.light_view_projection * vec4(position + normal * scene.radius * (0.006 + 0.02 * slope), 1.0);
    vec2 uv = 0.5 + 0.5 * p.xy;
    float rotation = 6.2831853 * interleaved_gradient_noise(pixel);
    float spread = scene.light_size * p.z * scene.light_depth / (2.0 * scene.light_extent); // uv, at most
    float sum = 0.0, blockers = 0.0;
    for (int i = 0; i < SEARCH; i++) {
        // Denser in the middle: thin blockers are near where they touch the floor.
        float reach = spread * sqrt((float(i) + 0.5) / float(SEARCH));
        float depth = textureLod(shadow_map, uv + reach * disk_point(i, SEARCH, rotation), 0.0).x;
        if (depth < p.z) {
            sum += depth;
            blockers += 1.0;
        }
    }
    if (blockers == 0.0)
        return 1.0;
    float penumbra =
        scene.light_size * (p.z - sum / blockers) * scene.light_depth / (2.0 * scene.light_extent);
    penumbra = max(penumbra, 1.5 / float(textureSize(shadow_map, 0).x));
    float lit = 0.0;
    for (int i = 0; i < FILTER; i++) {
        float depth = textureLod(shadow_map, uv + penumbra * disk_point(i, FILTER, rotation), 0.0).x;
        lit += depth < p.z ? 0.0 : 1.0;
    }
    return lit / float(FILTER);
}

// --- The studio ---------------------------------------------------------------------------------------

// A rectangular softbox centred on direction `c`, seen through a lobe of width `blur`: the integral of a box under
// a logistic kernel, in the tangent plane of c.
float softbox(vec3 d, vec3 c, vec3 right, vec2 half_size, float blur)
{
    float facing = dot(d, c);
    vec2 p = vec2(dot(d, right), dot(d, cross(c, right))) / max(facing, 0.05);
    vec2 s = vec2(max(blur, 0.02));
    vec2 inside = 0.5 * (tanh((p + half_size) / s) - tanh((p - half_size) / s));
    return inside.x * inside.y * smoothstep(0.0, 0.3, facing);
}

// Radiance from direction `d`, blurred as a surface of this roughness sees it.
vec3 studio(vec3 d, float roughness)
{
    float blur = 0.04 + 1.1 * roughness * roughness;
    float up = 0.5 + 0.5 * tanh(d.y / (0.12 + 0.6 * roughness));
    vec3 light = mix(vec3(0.085, 0.08, 0.075), vec3(0.10, 0.115, 0.14), up); // floor, walls
    light += vec3(0.07, 0.08, 0.10) * smoothstep(0.0, 1.0, d.y);
    vec3 overhead = normalize(vec3(-0.25, 1.0, 0.25));
    light += 2.0 * vec3(1.0, 0.98, 0.95) *
             softbox(d, overhead, normalize(cross(overhead, vec3(0, 0, 1))), vec2(0.75, 0.5), blur);
    vec3 left = normalize(vec3(-1.0, 0.35, 0.45));
    light += 1.7 * vec3(1.0, 0.93, 0.84) *
             softbox(d, left, normalize(cross(left, vec3(0, 1, 0))), vec2(0.28, 0.85), blur);
    vec3 rim = normalize(vec3(1.0, 0.5, -0.75));
    light += 3.4 * vec3(0.72, 0.85, 1.0) *
             softbox(d, rim, normalize(cross(rim, vec3(0, 1, 0))), vec2(0.22, 0.9), blur);
    return light;
}

// --- Surfaces -----------------------------------------------------------------------------------------

// Karis 2014, Physically Based Shading on Mobile: the scale and bias of F0 when GGX is integrated over a
// uniform environment.
vec2 environment_brdf(float roughness, float n_v)
{
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a = min(r.x * r.x, exp2(-9.28 * n_v)) * r.x + r.y;
    return vec2(-1.04, 1.04) * a + r.zw;
}

// GGX with Smith's height-correlated shadowing (Heitz 2014, equation 99) and Schlick's Fresnel, times n_l * PI.
vec3 specular(vec3 f0, float alpha, float n_l, float n_v, float n_h, float v_h)
{
    float a2 = alpha * alpha, d = n_h * n_h * (a2 - 1.0) + 1.0;
    float visibility =
        0.5 / (n_l * sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * sqrt(n_l * n_l * (1.0 - a2) + a2));
    return (f0 + (1.0 - f0) * pow(1.0 - v_h, 5.0)) * (a2 / (d * d) * visibility * n_l);
}

vec3 tone_map(vec3 x)
{
    // Narkowicz 2015, ACES Filmic Tone Mapping Curve.
    return clamp(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0);
}

// A point of the mesh, whose normal and tangent are interpolated. It may be open (a chair's seat seen from below): both
// sides are surface. tangent_normal: unit, x along growing u, y up in the image.
surface_point mesh_point(vec3 normal, vec4 tangent, bool front, vec3 tangent_normal)
{
    surface_point s;
    vec3 n = front ? normalize(normal) : -normalize(normal);
    vec3 t = normalize(tangent.xyz - n * dot(n, tangent.xyz));
    vec3 b = cross(normalize(normal), t) * tangent.w;
    s.normal = normalize(tangent_normal.x * t + tangent_normal.y * b + tangent_normal.z * n);
    s.geometric_normal = n;
    return s;
}

void set_channels(inout surface_point s, vec3 base_color, float roughness, float metalness, float occlusion)
{
    s.base_color = clamp(base_color, 0.0, 1.0);
    s.roughness = clamp(roughness, 0.0, 1.0);
    s.metalness = clamp(metalness, 0.0, 1.0);
    s.occlusion = clamp(occlusion, 0.0, 1.0);
}

// The colour for the display (linear, 0..1) of a surface point seen from the camera.
vec3 shade(surface_point s, vec3 position, vec2 pixel)
{
    vec3 view = normalize(scene.camera.xyz - position), light = scene.key_direction.xyz;
    vec3 n = s.normal, h = normalize(view + light), r = reflect(-view, n);
    float n_v = max(dot(n, view), 1e-3), n_l = max(dot(n, light), 0.0);
    float alpha = max(s.roughness * s.roughness, 0.006);
    vec3 diffuse = s.base_color * (1.0 - s.metalness);
    vec3 f0 = mix(vec3(0.04), s.base_color, s.metalness);

    vec3 color = vec3(0.0);
    if (n_l > 0.0 && dot(s.geometric_normal, light) > 0.0) {
        // The key light is no point: its highlight is as wide as a slightly rougher surface's.
        float widened = clamp(alpha + 0.5 * scene.light_size, 0.0, 1.0);
        vec3 brdf =
            diffuse + specular(f0, widened, n_l, n_v, max(dot(n, h), 0.0), max(dot(view, h), 0.0)) / n_l;
        color += brdf * n_l * scene.key_radiance.rgb * key_visibility(position, s.geometric_normal, pixel);
    }
    // Near the floor its half of the studio is dark: the mesh stands in its own shadow there.
    float height = clamp((position.y - scene.floor_height) / scene.radius, 0.0, 1.0);
    float grounded = mix(mix(0.35, 1.0, smoothstep(0.0, 0.7, height)), 1.0, clamp(n.y, 0.0, 1.0));
    color += diffuse * studio(n, 1.0) * s.occlusion * grounded;
    // Lagarde 2014, Moving Frostbite to PBR: specular occlusion; and reflections cannot come from inside the mesh.
    float occlusion =
        clamp(pow(n_v + s.occlusion, exp2(-16.0 * s.roughness - 1.0)) - 1.0 + s.occlusion, 0.0, 1.0);
    float horizon = clamp(1.0 + 1.2 * dot(r, s.geometric_normal), 0.0, 1.0);
    vec2 ab = environment_brdf(s.roughness, n_v);
    color += studio(r, s.roughness) * (f0 * ab.x + ab.y) * occlusion * horizon * horizon * grounded;
    return tone_map(color);
}

#endif
