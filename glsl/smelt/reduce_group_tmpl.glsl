// SPDX-License-Identifier: MIT
// reduce_group_tmpl.glsl: one value of each invocation of a group becomes one for all; part of reduce_tmpl.glsl,
// softmax_tmpl.glsl, layer_norm_tmpl.glsl and rms_norm_tmpl.glsl.
//
// what    through shared memory and barriers only: Vulkan 1.3 promises no subgroup arithmetic in compute. All
//         invocations get the same bits, and the order is fixed
// params  all required, all undefined afterwards:
//         SMELT_GROUP                 name
//         SMELT_GROUP_SCOPE           SMELT_SCOPE_THREAD, SMELT_SCOPE_SUBGROUP or SMELT_SCOPE_WORKGROUP
//         SMELT_GROUP_SIZE            invocations of the group: a literal or a constant, 1 at THREAD scope; SUBGROUP: of
//                                     full subgroups; WORKGROUP: all of the workgroup, to 1024
//         SMELT_GROUP_SCRATCH         name of a `shared uvec4` array, SIZE / 4 (rounded up) elements for each group; not
//                                     looked at with THREAD
//         SMELT_GROUP_SCRATCH_STRIDE  elements of the array that each group of scope SUBGROUP calls its own
// makes   const uint NAME_size; uint NAME_thread(): of this invocation in its group
//         float NAME_sum(float), NAME_product(float), NAME_max(float): a NaN may be lost by NAME_max
//         int NAME_max(int); uint NAME_min(uint), NAME_sum(uint), NAME_product(uint)
//         Calls are by the whole group, and control flow around them uniform in the workgroup
// errors  sum: at most 44 additions in a row, each 1 u; product: SIZE multiplications
// needs   base.glsl first; compute but at THREAD scope
// source  GLSL_KHR_shader_subgroup (basic)
const uint SMELT_CAT(SMELT_GROUP, _size) = SMELT_GROUP_SIZE;

#if SMELT_GROUP_SCOPE == SMELT_SCOPE_THREAD
uint SMELT_CAT(SMELT_GROUP, _thread)()
{
    return 0u;
}
uint SMELT_CAT(SMELT_GROUP, _exchange)(int how, uint mine, uint none)
{
    return mine;
}
#else
#if SMELT_GROUP_SCOPE == SMELT_SCOPE_SUBGROUP
#define SMELT_GROUP_BASE (gl_SubgroupID * SMELT_GROUP_SCRATCH_STRIDE)
#define SMELT_GROUP_BARRIER subgroupBarrier()
uint SMELT_CAT(SMELT_GROUP, _thread)()
{
    return gl_SubgroupInvocationID;
}
#else
#define SMELT_GROUP_BASE 0u
#define SMELT_GROUP_BARRIER barrier()
uint SMELT_CAT(SMELT_GROUP, _thread)()
{
    return gl_LocalInvocationIndex;
}
#endif

uvec4 SMELT_CAT(SMELT_GROUP, _combine)(int how, uvec4 a, uvec4 b)
{
    if (how == 0)
        return floatBitsToUint(uintBitsToFloat(a) + uintBitsToFloat(b));
    if (how == 1)
        return floatBitsToUint(uintBitsToFloat(a) * uintBitsToFloat(b));
    if (how == 2)
        return floatBitsToUint(max(uintBitsToFloat(a), uintBitsToFloat(b)));
    if (how == 3)
        return uvec4(max(ivec4(a), ivec4(b)));
    if (how == 4)
        return min(a, b);
    return how == 5 ? a + b : a * b;
}

// Four invocations' values to an element; beyond 64 of them eight invocations fold the elements to eight first.
uint SMELT_CAT(SMELT_GROUP, _exchange)(int how, uint mine, uint none)
{
    const uint size = SMELT_CAT(SMELT_GROUP, _size), fours = (size + 3u) / 4u;
    int scratch_is_too_small[SMELT_GROUP_SCRATCH.length() < fours ? 0 : 1]; // an error here: make it longer
    if (size == 1u)
        return mine;
    uint base = SMELT_GROUP_BASE, thread = SMELT_CAT(SMELT_GROUP, _thread)();
    SMELT_GROUP_BARRIER; // what an earlier call has left was read by all
    SMELT_GROUP_SCRATCH[base + thread / 4u][thread % 4u] = mine;
    if (thread < 4u * fours - size)
        SMELT_GROUP_SCRATCH[base + fours - 1u][3u - thread] = none;
    SMELT_GROUP_BARRIER;
    uint left = fours;
    if (size > 64u) {
        left = 8u;
        if (thread < 8u) {
            uvec4 v = SMELT_GROUP_SCRATCH[base + thread];
            for (uint i = thread + 8u; i < fours; i += 8u)
                v = SMELT_CAT(SMELT_GROUP, _combine)(how, v, SMELT_GROUP_SCRATCH[base + i]);
            SMELT_GROUP_SCRATCH[base + thread] = v;
        }
        SMELT_GROUP_BARRIER;
    }
    uvec4 all = SMELT_GROUP_SCRATCH[base];
    [[unroll]] for (uint i = 1u; i < left; i++)
    {
        all = SMELT_CAT(SMELT_GROUP, _combine)(how, all, SMELT_GROUP_SCRATCH[base + i]);
    }
    all.xy = SMELT_CAT(SMELT_GROUP, _combine)(how, all, all.zwxy).xy;
    return SMELT_CAT(SMELT_GROUP, _combine)(how, all, all.yxwz).x;
}
#undef SMELT_GROUP_BASE
#undef SMELT_GROUP_BARRIER
#endif

float SMELT_CAT(SMELT_GROUP, _sum)(float v)
{
    return uintBitsToFloat(SMELT_CAT(SMELT_GROUP, _exchange)(0, floatBitsToUint(v), 0u));
}
float SMELT_CAT(SMELT_GROUP, _product)(float v)
{
    return uintBitsToFloat(SMELT_CAT(SMELT_GROUP, _exchange)(1, floatBitsToUint(v), 0x3f800000u));
}
float SMELT_CAT(SMELT_GROUP, _max)(float v)
{
    return uintBitsToFloat(SMELT_CAT(SMELT_GROUP, _exchange)(2, floatBitsToUint(v), 0xff800000u));
}
int SMELT_CAT(SMELT_GROUP, _max)(int v)
{
    return int(SMELT_CAT(SMELT_GROUP, _exchange)(3, uint(v), 0x80000000u));
}
uint SMELT_CAT(SMELT_GROUP, _min)(uint v)
{
    return SMELT_CAT(SMELT_GROUP, _exchange)(4, v, 0xffffffffu);
}
uint SMELT_CAT(SMELT_GROUP, _sum)(uint v)
{
    return SMELT_CAT(SMELT_GROUP, _exchange)(5, v, 0u);
}
uint SMELT_CAT(SMELT_GROUP, _product)(uint v)
{
    return SMELT_CAT(SMELT_GROUP, _exchange)(6, v, 1u);
}

#undef SMELT_GROUP
#undef SMELT_GROUP_SCOPE
#undef SMELT_GROUP_SIZE
#undef SMELT_GROUP_SCRATCH
#undef SMELT_GROUP_SCRATCH_STRIDE
