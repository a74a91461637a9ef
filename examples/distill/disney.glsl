// SPDX-License-Identifier: MIT
// The principled BRDF of Burley (Physically Based Shading at Disney, 2012) times the cosine of the light, in red, green and blue of
// one base colour, without sheen and clearcoat. Cheap: a GPU evaluates it in some tens of operations.
//
// Directions come as Rusinkiewicz's angles: of the half vector, its sine's root, which spreads the highlight out; of the light to
// it, the angle and the azimuth. Cosines are held at 0.1 and more: below the horizon the function goes on, and is not used.
//
// smelt input half_root 0..1 identity
// smelt input difference 0..1.5 one_blob 16
// smelt input azimuth 0..3.14159265 identity
// smelt input roughness 0.35..1 identity
// smelt input metalness 0..1 identity
// smelt outputs 3 exp relative_l2

float schlick_weight(float cosine)
{
    float m = clamp(1.0 - cosine, 0.0, 1.0);
    return m * m * m * m * m;
}

float smith_ggx(float cosine, float alpha)
{
    float a = alpha * alpha, b = cosine * cosine;
    return 1.0 / (cosine + sqrt(a + b - a * b));
}

void teacher(float x[5], out float y[3])
{
    const vec3 base_color = vec3(0.82, 0.41, 0.15);
    float sin_half = x[0] * x[0], cos_half = sqrt(1.0 - sin_half * sin_half), cos_difference = cos(x[1]);
    float across = sin_half * sin(x[1]) * cos(x[2]), along = cos_half * cos_difference;
    float cos_light = max(along - across, 0.1), cos_view = max(along + across, 0.1);
    float fl = schlick_weight(cos_light), fv = schlick_weight(cos_view), fh = schlick_weight(cos_difference);

    float fd90 = 0.5 + 2.0 * cos_difference * cos_difference * x[3];
    float diffuse = mix(1.0, fd90, fl) * mix(1.0, fd90, fv) / 3.14159265;

    float alpha = x[3] * x[3], a2 = alpha * alpha, t = 1.0 + (a2 - 1.0) * cos_half * cos_half;
    float distribution = a2 / (3.14159265 * t * t);
    vec3 fresnel = mix(mix(vec3(0.04), base_color, x[4]), vec3(1.0), fh);
    vec3 specular = fresnel * distribution * smith_ggx(cos_view, alpha) * smith_ggx(cos_light, alpha);

    vec3 result = (base_color * diffuse * (1.0 - x[4]) + specular) * cos_light;
    y = float[3](result.r, result.g, result.b);
}
