// SPDX-License-Identifier: MIT
// operator_main.glsl: behind an operator's body (src/kernels_operator.c): calls it for the elements of tensor 0, by the order
// of its axes in memory. An invocation takes both 4 bit elements of a byte, and all channels of a picture's pixel.

// The element, or the first of those that go together, that is number `rest` in memory.
void run_at(uint rest)
{
    uint c[T0_RANK], inner = order(T0_RANK - 1);
#if T0_BITS == 4
    uint pairs = (t0_extent(inner) + 1u) / 2u;
    c[inner] = rest % pairs * 2u;
    rest /= pairs;
#else
    uint steps = t0_extent(inner) / PER;
    c[inner] = rest % steps * PER;
    rest /= steps;
#endif
    [[unroll]] for (uint d = T0_RANK - 1; d > 0u; d--)
    {
        uint axis = order(d - 1u);
        c[axis] = rest % t0_extent(axis);
        rest /= t0_extent(axis);
    }
    operator_run(c);
#if T0_BITS == 4
    c[inner]++;
    if (c[inner] < t0_extent(inner))
        operator_run(c);
#endif
}

void main()
{
    // With z = 1 there is a workgroup for every unit.
    uint step = gl_WorkGroupID.z != 0u ? 0xffffffffu : gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    uint unit = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    for (uint i = unit * gl_WorkGroupSize.x + gl_LocalInvocationIndex; i < count; i += step) {
#ifdef PICTURE_CHANNELS
        pixel = vec4(0.0, 0.0, 0.0, 1.0);
        for (uint k = 0u; k < PICTURE_CHANNELS; k++)
            run_at(i * PICTURE_CHANNELS + k);
        imageStore(picture, ivec2(i % PICTURE_WIDTH, i / PICTURE_WIDTH), pixel);
#else
        run_at(i);
#endif
        if (step > 0xffffffffu - i)
            break;
    }
}
