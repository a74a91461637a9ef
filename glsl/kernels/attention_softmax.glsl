// SPDX-License-Identifier: MIT
// attention_softmax.glsl: what attention_body.glsl does between its products: masks, and the steps of the online softmax.

#define NEVER uintBitsToFloat(0xff800000u) // -infinity, the score of a key that a query does not see
const float lowest = -3.402823466e38;      // that a row begins with: finite, so that differences are numbers
const float log2_e = 1.44269504088896340736; // exp(x) = exp2(log2_e x)

// What is between the products: scale, cap and mask where there is a cap or a mask (ADJUSTS), else the keys alone that no query
// or not this one sees; then scores are scaled with the exponents, and maxima are exponents of 2.
#define ADJUSTS (KERNEL_CAP != 0 || KERNEL_MASK != 0)
float masked(float v, uvec2 place)
{
    uint key = first_key + place.y, row = first_row + place.x;
    bool seen = key < key_count && (KERNEL_CAUSAL == 0 || int(key) <= int(row) + visible);
#if ADJUSTS
    v *= uintBitsToFloat(scale_bits);
#if KERNEL_CAP
    v = uintBitsToFloat(cap_bits) * tanh(v / uintBitsToFloat(cap_bits));
#endif
#if KERNEL_MASK
    uint at = min(row, queries - 1u) * stride_mask[2] + min(key, keys - 1u) * stride_mask[3];
#endif
#if KERNEL_MASK == SMELT_DTYPE_U8
    seen = seen && uint(smelt_u8_r_data(head_mask).e[at]) != 0u;
#elif KERNEL_MASK == SMELT_DTYPE_F16
    v += smelt_f16_to_f32(uint(smelt_u16_r_data(head_mask).e[at]));
#elif KERNEL_MASK
    v += smelt_f32_r_data(head_mask).e[at];
#endif
#endif
    return seen ? v : NEVER;
}
float larger(float v, float score)
{
#if ADJUSTS
    return max(v, score);
#else
    return max(v, score * (uintBitsToFloat(scale_bits) * log2_e));
#endif
}
float exponential(float score, float maximum)
{
#if ADJUSTS
    return exp2((score - maximum) * log2_e); // a mask may be as low as `lowest`
#else
    return exp2(fma(score, uintBitsToFloat(scale_bits) * log2_e, -maximum));
#endif
}
float decay(float v, float maximum)
{
    return exp2((v - maximum) * (ADJUSTS ? log2_e : 1.0));
}
float product(float v, float other)
{
    return v * other;
}
float sum(float v, float other)
{
    return v + other;
}
float quotient(float v, float other)
{
    return other == 0.0 ? uintBitsToFloat(0x7fc00000u) : v / other; // of no key: NaN
}

#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_MAP scores_mask
#define SMELT_COOPERATIVE_FUNCTION masked
#include "smelt/cooperative_map_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_AXIS 1
#define SMELT_COOPERATIVE_REDUCTION SMELT_REDUCE_MAX
#define SMELT_COOPERATIVE_REDUCE scores_max
#define SMELT_COOPERATIVE_NO_NAN // it reaches the result by its exponential
#include "smelt/cooperative_reduce_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#define SMELT_COOPERATIVE_AXIS 1
#define SMELT_COOPERATIVE_REDUCTION SMELT_REDUCE_SUM
#define SMELT_COOPERATIVE_REDUCE scores_sum
#include "smelt/cooperative_reduce_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP scores_exponential
#define SMELT_COOPERATIVE_FUNCTION exponential
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_larger
#define SMELT_COOPERATIVE_FUNCTION larger
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_decay
#define SMELT_COOPERATIVE_FUNCTION decay
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_multiply
#define SMELT_COOPERATIVE_FUNCTION product
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_add
#define SMELT_COOPERATIVE_FUNCTION sum
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_TO values_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND KERNEL_BACKEND
#include "smelt/cooperative_transfer_tmpl.glsl"
#define SMELT_COOPERATIVE values_result
#define SMELT_COOPERATIVE_OTHER values_result_per_row
#define SMELT_COOPERATIVE_ZIP values_multiply
#define SMELT_COOPERATIVE_FUNCTION product
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE values_result
#define SMELT_COOPERATIVE_OTHER values_result_per_row
#define SMELT_COOPERATIVE_ZIP values_divide
#define SMELT_COOPERATIVE_FUNCTION quotient
#include "smelt/cooperative_zip_tmpl.glsl"
