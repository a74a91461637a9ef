// SPDX-License-Identifier: MIT
// matrix_places.glsl: whether an invocation has the elements of the device's 16x8x16 matrices of f16 with sums of f32 that
// kernels which read operands straight into them take it for. That is the driver's affair: a table shows it. With row g and
// quarter t (lane / 4, lane % 4): rows g and g + 8, columns 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of a left matrix, these as rows of
// column g of a right one, columns 2 t and 2 t + 1 of rows g and g + 8 of sums. Subgroups have 32 invocations.
#if (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) != 0
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, 16, 8, gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeSubgroup, 16, 8, gl_MatrixUseAccumulator>

shared uvec4 places[32 + 32]; // 16 columns of f16 or 8 of f32: 16 row + column, 8 row + column
shared uint layout_is_another;

bool own_places_are_expected()
{
    LEFT left;
    RIGHT right;
    SUMS sums;
    coopMatLoad(left, places, 0, 2, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(right, places, 0, 2, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(sums, places, 32, 2, gl_CooperativeMatrixLayoutRowMajor);
    uint lane = gl_SubgroupInvocationID, g = lane / 4u, t = lane % 4u;
    bool same = left.length() == 8 && right.length() == 4 && sums.length() == 4;
    [[unroll]] for (uint i = 0u; i < 8u; i++) same =
        same && uint(left[i]) == (g + (i & 4u) * 2u) * 16u + 2u * t + (i & 1u) + (i & 2u) * 4u;
    [[unroll]] for (uint i = 0u; i < 4u; i++) same =
        same && uint(right[i]) == (2u * t + (i & 1u) + (i & 2u) * 4u) * 16u + g &&
        uint(sums[i]) == (g + (i & 2u) * 4u) * 8u + 2u * t + (i & 1u);
    return same;
}

// The answer is one for the workgroup, all of which asks.
bool places_are_expected()
{
    uint index = gl_LocalInvocationIndex;
    for (uint i = index; i < 32u; i += gl_WorkGroupSize.x) {
        vec4 low = vec4(8u * i) + vec4(0.0, 1.0, 2.0, 3.0), high = low + 4.0;
        places[i] =
            uvec4(packHalf2x16(low.xy), packHalf2x16(low.zw), packHalf2x16(high.xy), packHalf2x16(high.zw));
        places[32u + i] = floatBitsToUint(vec4(4u * i) + vec4(0.0, 1.0, 2.0, 3.0));
    }
    if (index == 0u)
        layout_is_another = 0u;
    barrier();
    if (!own_places_are_expected())
        layout_is_another = 1u;
    barrier();
    return layout_is_another == 0u;
}
#endif
