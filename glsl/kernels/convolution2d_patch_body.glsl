// SPDX-License-Identifier: MIT
// convolution2d_patch_body.glsl: d = activation(convolution of a by b + bias + residual) of f16 by the device's matrices, stride
// and dilation 1. A workgroup has the pixels of a rectangle of d by some channels. The rectangle of a that it reads, with what
// the kernel reaches over, stays in shared memory for all taps: a tap is only another place in it, so that the image
// passes through shared memory once where an implicit matrix (convolution2d_walk_tmpl.glsl) takes it there for each tap. Weights
// of a tap go there while those of the tap before are multiplied. Compiled at run time by src/kernels_convolution2d_patch.c.
//
// a and d have their channels next to each other, b is HWIO without gaps; 8 channels of each are 16 bytes at a multiple of 16.
// smelt/memory.glsl comes before, convolution2d_channels.glsl behind. KERNEL_ROWS, KERNEL_COLUMNS (of the rectangle),
// KERNEL_TILE_N, KERNEL_CHANNELS (at a time; divides those of a), KERNEL_TAPS_Y, KERNEL_TAPS_X, KERNEL_SUBGROUPS_M,
// KERNEL_SUBGROUPS_N, KERNEL_LANES (of a subgroup), KERNEL_FRAGMENT_M (divides the columns), _N, _K (matrices of the device) are
// the includer's.
#define THREADS (KERNEL_LANES * KERNEL_SUBGROUPS_M * KERNEL_SUBGROUPS_N)
#define PATCH_COLUMNS (KERNEL_COLUMNS + KERNEL_TAPS_X - 1)
#define PATCH_ROWS (KERNEL_ROWS + KERNEL_TAPS_Y - 1)
#define TAPS (KERNEL_TAPS_Y * KERNEL_TAPS_X)
#define GROUPS (KERNEL_CHANNELS / 8)
#define ACROSS (KERNEL_TILE_N / 8)
#define WORDS_A (PATCH_ROWS * PATCH_COLUMNS * GROUPS)
#define LOADS_A ((WORDS_A + THREADS - 1) / THREADS)
#define LOADS_B (KERNEL_CHANNELS * ACROSS / THREADS)
#define PITCH_A (GROUPS + 1) // of pixels in shared memory, in 16 bytes; odd: eight lie in different banks
#define PITCH_B (ACROSS + 1)
#define SIZE_A (PATCH_ROWS * PATCH_COLUMNS * PITCH_A)
#define SIZE_B (KERNEL_CHANNELS * PITCH_B) // of two
#define DOWN_FRAGMENTS (KERNEL_ROWS * KERNEL_COLUMNS / KERNEL_FRAGMENT_M / KERNEL_SUBGROUPS_M)
#define ACROSS_FRAGMENTS (KERNEL_TILE_N / KERNEL_FRAGMENT_N / KERNEL_SUBGROUPS_N)
#define ROW_FRAGMENTS (KERNEL_COLUMNS / KERNEL_FRAGMENT_M)
#define SUM_GROUPS (KERNEL_TILE_N / KERNEL_SUBGROUPS_N / 8)
#define PITCH_SUM (2 * SUM_GROUPS + 1)
#define SIZE_SUM (KERNEL_FRAGMENT_M * PITCH_SUM) // of a subgroup
#define SUBGROUPS (KERNEL_SUBGROUPS_M * KERNEL_SUBGROUPS_N)

void store_channels(uint at, uint channel, float v[8]); // convolution2d_channels.glsl, behind this

layout(constant_id = 0) const uint fixed_channels = 0; // 0: pushed
layout(constant_id = 1) const uint fixed_outputs = 0;
layout(local_size_x = THREADS) in;
layout(push_constant, scalar) uniform push
{
    uvec2 a, b, bias, d,
        residual; // addresses; bias, residual: 0 for none. Elements of the residual lie as those of d
    uint height, width, channels;    // of a
    uint rows, columns, outputs;     // of d
    uint stride_a[4], stride_d[4];   // elements: batch, rows, columns, channels
    uint rectangles_y, rectangles_x; // of one image
    uint padding;                    // top, left << 16
};

#if (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
void main() // the twin that is made for reflection
{
    smelt_words1_write_data(d).e[0] = rows;
}
#else
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, KERNEL_FRAGMENT_M, KERNEL_FRAGMENT_K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, KERNEL_FRAGMENT_K, KERNEL_FRAGMENT_N, gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeSubgroup, KERNEL_FRAGMENT_M, KERNEL_FRAGMENT_N, gl_MatrixUseAccumulator>

shared uvec4 pool[max(SIZE_A + 2 * SIZE_B, SUBGROUPS *SIZE_SUM)];

// From row and column `from` of an image at element `image` of a on; 0 where there is nothing, without a branch, behind which
// loads would wait for each other.
void fetch_image(out uvec4 words[LOADS_A], uint image, ivec2 from, uint channel)
{
    [[unroll]] for (uint i = 0u; i < LOADS_A; i++)
    {
        uint word = gl_LocalInvocationIndex + i * THREADS, pixel = word / GROUPS, row = pixel / PATCH_COLUMNS;
        uvec2 at = uvec2(from + ivec2(row, pixel - row * PATCH_COLUMNS));
        bool inside = all(lessThan(uvec3(at, word), uvec3(height, width, WORDS_A)));
        uint offset = image + at.x * stride_a[1] + at.y * stride_a[2] + channel + word % GROUPS * 8u;
        uvec4 read = smelt_words4_data(a).e[inside ? offset / 8u : 0u];
        words[i] = inside ? read : uvec4(0u);
    }
}

void keep_image(uvec4 words[LOADS_A])
{
    [[unroll]] for (uint i = 0u; i < LOADS_A; i++)
    {
        uint word = gl_LocalInvocationIndex + i * THREADS;
        if (WORDS_A % THREADS == 0 || i + 1u < LOADS_A || word < WORDS_A)
            pool[word / GROUPS * PITCH_A + word % GROUPS] = words[i];
    }
}

void fetch_weight(out uvec4 words[LOADS_B], uint term, uint first)
{
    uint width_b = fixed_outputs != 0u ? fixed_outputs : outputs;
    uint row = gl_LocalInvocationIndex / ACROSS, channel = first + gl_LocalInvocationIndex % ACROSS * 8u;
    bool inside = channel < width_b;
    uint at = inside ? ((term + row) * width_b + channel) / 8u : 0u;
    [[unroll]] for (uint i = 0u; i < LOADS_B; i++)
    {
        uvec4 read = smelt_words4_data(b).e[at + i * (THREADS / ACROSS * width_b / 8u)];
        words[i] = inside ? read : uvec4(0u);
    }
}

void keep_weight(uvec4 words[LOADS_B], uint side)
{
    uint row = gl_LocalInvocationIndex / ACROSS, at = gl_LocalInvocationIndex % ACROSS;
    [[unroll]] for (uint i = 0u; i < LOADS_B; i++)
        pool[SIZE_A + side * SIZE_B + (row + i * (THREADS / ACROSS)) * PITCH_B + at] = words[i];
}

void multiply(inout SUMS sums[DOWN_FRAGMENTS][ACROSS_FRAGMENTS], uint down, uint across, uint tap, uint side)
{
    uint at_a = (tap / KERNEL_TAPS_X * PATCH_COLUMNS + tap % KERNEL_TAPS_X) * PITCH_A,
         at_b = SIZE_A + side * SIZE_B + across * (KERNEL_FRAGMENT_N / 8u);
    [[unroll]] for (uint t = 0u; t < KERNEL_CHANNELS / KERNEL_FRAGMENT_K; t++)
    {
        LEFT left[DOWN_FRAGMENTS];
        [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++)
        {
            uint fragment = down + i;
            uint pixel =
                fragment / ROW_FRAGMENTS * PATCH_COLUMNS + fragment % ROW_FRAGMENTS * KERNEL_FRAGMENT_M;
            coopMatLoad(left[i], pool, at_a + pixel * PITCH_A + t * (KERNEL_FRAGMENT_K / 8u), PITCH_A,
                        gl_CooperativeMatrixLayoutRowMajor);
        }
        [[unroll]] for (uint j = 0u; j < ACROSS_FRAGMENTS; j++)
        {
            RIGHT right;
            coopMatLoad(right, pool, at_b + t * KERNEL_FRAGMENT_K * PITCH_B + j * (KERNEL_FRAGMENT_N / 8u),
                        PITCH_B, gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++) sums[i][j] =
                coopMatMulAdd(left[i], right, sums[i][j]);
        }
    }
}

void main()
{
    uint depth = fixed_channels != 0u ? fixed_channels : channels;
    uint tiles = (outputs + KERNEL_TILE_N - 1u) / KERNEL_TILE_N, rectangle = gl_WorkGroupID.x / tiles;
    uint channel = gl_WorkGroupID.x % tiles * KERNEL_TILE_N, line = rectangle / rectangles_x;
    uint image = line / rectangles_y;
    uvec2 place = uvec2(line % rectangles_y * KERNEL_ROWS, rectangle % rectangles_x * KERNEL_COLUMNS);
    ivec2 from = ivec2(place) - ivec2(padding & 0xffffu, padding >> 16u);
    uint down = gl_SubgroupID / KERNEL_SUBGROUPS_N * DOWN_FRAGMENTS,
         across = gl_SubgroupID % KERNEL_SUBGROUPS_N * ACROSS_FRAGMENTS;
    SUMS sums[DOWN_FRAGMENTS][ACROSS_FRAGMENTS];
    [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++)
        [[unroll]] for (uint j = 0u; j < ACROSS_FRAGMENTS; j++) sums[i][j] = SUMS(0.0);

    uvec4 pixels[LOADS_A], weights[LOADS_B];
    uint side = 0u;
    fetch_image(pixels, image * stride_a[0], from, 0u);
    fetch_weight(weights, 0u, channel);
    keep_image(pixels);
    keep_weight(weights, 0u);
    barrier();
    for (uint c = 0u; c != depth; c += KERNEL_CHANNELS) {
        for (uint tap = 0u; tap != TAPS - 1u; tap++) {
            fetch_weight(weights, (tap + 1u) * depth + c, channel);
            multiply(sums, down, across, tap, side);
            side = 1u - side;
            keep_weight(weights, side);
            barrier();
        }
        uint next = c + KERNEL_CHANNELS != depth ? c + KERNEL_CHANNELS : 0u; // what is read last is not used
        fetch_image(pixels, image * stride_a[0], from, next);
        fetch_weight(weights, next, channel);
        multiply(sums, down, across, TAPS - 1u, side);
        barrier();
        side = 1u - side;
        keep_image(pixels);
        keep_weight(weights, side);
        barrier();
    }

    uint at_sum = gl_SubgroupID * SIZE_SUM;
    [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++)
    {
        [[unroll]] for (uint j = 0u; j < ACROSS_FRAGMENTS; j++)
            coopMatStore(sums[i][j], pool, at_sum + j * (KERNEL_FRAGMENT_N / 4u), PITCH_SUM,
                         gl_CooperativeMatrixLayoutRowMajor);
        subgroupBarrier();
        uint fragment = down + i, y = place.x + fragment / ROW_FRAGMENTS,
             x = place.y + fragment % ROW_FRAGMENTS * KERNEL_FRAGMENT_M;
        for (uint n = gl_SubgroupInvocationID; n < KERNEL_FRAGMENT_M * SUM_GROUPS; n += KERNEL_LANES) {
            uint pixel = n / SUM_GROUPS, group = n % SUM_GROUPS;
            uint first = channel + across * KERNEL_FRAGMENT_N + group * 8u;
            vec4 low = uintBitsToFloat(pool[at_sum + pixel * PITCH_SUM + 2u * group]),
                 high = uintBitsToFloat(pool[at_sum + pixel * PITCH_SUM + 2u * group + 1u]);
            if (all(lessThan(uvec3(y, x + pixel, first), uvec3(rows, columns, outputs))))
                store_channels(image * stride_d[0] + y * stride_d[1] + (x + pixel) * stride_d[2] + first,
                               first, float[8](low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w));
        }
        subgroupBarrier();
    }
}
#endif
