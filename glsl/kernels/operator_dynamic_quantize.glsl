// SPDX-License-Identifier: MIT
// operator_dynamic_quantize.glsl: scale (tensor 0) and zero point (tensor 1) of u8 for elements from `low` (tensor 2) to `high`
// (tensor 3), in a range that holds 0.
void operator_run(uint c[T0_RANK])
{
    float low = min(t2_load(0u), 0.0), high = max(t3_load(0u), 0.0);
    float scale = (high - low) / 255.0;
    scale = scale == 0.0 ? 1.0 : scale;
    t0_store(0u, scale);
    t1_store(0u, uint(clamp(roundEven(-low / scale), 0.0, 255.0)));
}
