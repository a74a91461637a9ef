// SPDX-License-Identifier: MIT
// convolution2d_split_body.glsl: d = activation(convolution of a by b + bias + residual) of f16 by the device's matrices, where
// there is too little to do for large tiles: what counts then is how long one tile takes. A workgroup has a small tile of
// pixels by channels; its subgroups take different terms of its sums, each with shared memory of its own, so that they wait
// for one another only once, to add up. Extents are pushed: one pipeline serves all shapes, and its instructions stay
// in the caches from one dispatch to the next. Compiled at run time by src/kernels_convolution2d_split.c.
//
// Terms are numbered (row of the kernel, column, channel), as b has them: HWIO without gaps. d has its channels
// next to each other. smelt/memory.glsl comes before, convolution2d_channels.glsl behind. KERNEL_TILE_M (pixels), KERNEL_TILE_N,
// KERNEL_SUBGROUPS, KERNEL_LANES (of a subgroup), KERNEL_FRAGMENT_M, _N, _K (matrices of the device), KERNEL_BLOCK (channels go
// to blocks of so many by so many pixels, whose steps are those of d; 1: they do not), KERNEL_A_WHOLE, KERNEL_B_WHOLE (1: 8
// channels are 16 bytes at a multiple of 16, and so are all others; A 2: every second of 16 such) are the includer's.
#define TERMS 32 // of a subgroup at a time
#define GROUPS (TERMS / 8)
#define ACROSS (KERNEL_TILE_N / 8)
#define LOADS_A (KERNEL_TILE_M * GROUPS / KERNEL_LANES)
#define LOADS_B (TERMS * ACROSS / KERNEL_LANES)
#define PITCH_A (GROUPS + 1) // of rows in shared memory, in 16 bytes; odd: eight rows lie in different banks
#define PITCH_B (ACROSS + 1)
#define PITCH_SUM (2 * ACROSS + 1)
#define PART max(KERNEL_TILE_M *PITCH_A + TERMS * PITCH_B, KERNEL_TILE_M * PITCH_SUM) // of a subgroup
#define OUTSIDE 0x40000000

void store_channels(uint at, uint channel, float v[8]); // convolution2d_channels.glsl, behind this

layout(local_size_x = KERNEL_LANES * KERNEL_SUBGROUPS) in;
layout(push_constant, scalar) uniform push
{
    uvec2 a, b, bias, d,
        residual; // addresses; bias, residual: 0 for none. Elements of the residual lie as those of d
    uint height, width, channels;   // of a
    uint rows, columns, outputs;    // of d, before channels go to blocks
    uint stride_a[4], stride_d[4];  // elements: batch, rows, columns, channels
    uint pixels, terms, kernel_w;   // pixels of d: less than 2^24; terms of a sum: 2^19
    uint stride, dilation, padding; // y, x << 16; padding: top and left
};

#if (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
void main() // the twin that is made for reflection
{
    smelt_words1_write_data(d).e[0] = pixels;
}
#else
shared uvec4 pool[KERNEL_SUBGROUPS * PART];

ivec2 pair(uint packed)
{
    return ivec2(packed & 0xffffu, packed >> 16u);
}

// n / divisor, exactly for n < 2^19: n + 1/2 is at least 1/2 / divisor away from where the quotient changes.
uint divide(uint n, float reciprocal)
{
    return uint((float(n) + 0.5) * reciprocal);
}

// For n < 2^24. Divisions of floats may be 2.5 units in the last place off: the first quotient is wrong by 8 at the most, with
// that of the rest by 1.
uint divide_large(uint n, uint divisor)
{
    float reciprocal = 1.0 / float(divisor);
    uint quotient = uint(float(n) * reciprocal);
    quotient += uint(int(floor(float(int(n - quotient * divisor)) * reciprocal)));
    int rest = int(n - quotient * divisor);
    return rest < 0 ? quotient - 1u : rest < int(divisor) ? quotient : quotient + 1u;
}

// (batch, row, column) of a pixel of d
uvec3 place_of(uint pixel)
{
    uint line = divide_large(pixel, columns), image = divide_large(line, rows);
    return uvec3(image, line - image * rows, pixel - line * columns);
}

// --- Operands --------------------------------------------------------------------------------------------

struct pixel_origin {
    ivec2 from;  // row and column of a at the kernel's first tap
    uint offset; // of it, wrapped where it lies outside
};

pixel_origin origin_of(uint pixel)
{
    uvec3 place = place_of(pixel);
    ivec2 from = ivec2(place.yz) * pair(stride) - pair(padding);
    uint offset = place.x * stride_a[0] + uint(from.x) * stride_a[1] + uint(from.y) * stride_a[2];
    return pixel_origin(pixel < pixels ? from : ivec2(OUTSIDE), offset);
}

// Where term k of a pixel is: (rows, columns) from its first tap on, and the offset from that.
uvec3 term_of(uint k)
{
    uint tap = divide(k, 1.0 / float(channels)), y = divide(tap, 1.0 / float(kernel_w));
    uvec2 reach = uvec2(y, tap - y * kernel_w) * uvec2(pair(dilation));
    return uvec3(reach, reach.x * stride_a[1] + reach.y * stride_a[2] + (k - tap * channels) * stride_a[3]);
}

// 0 where there is nothing, without a branch, behind which loads would wait for each other.
void fetch_image(out uvec4 words[LOADS_A], pixel_origin origins[LOADS_A], uint k)
{
#if KERNEL_A_WHOLE
    uvec3 term = term_of(k);
    [[unroll]] for (uint i = 0u; i < LOADS_A; i++)
    {
        uvec2 at = uvec2(origins[i].from) + term.xy;
        bool inside = at.x < height && at.y < width && k < terms;
        uint at_word = inside ? (origins[i].offset + term.z) / 8u : 0u;
#if KERNEL_A_WHOLE == 1
        uvec4 read = smelt_words4_data(a).e[at_word];
#else
        uvec2 base = uvec2(a.x & ~15u, a.y);
        uvec4 first = smelt_words4_data(base).e[at_word] >> (a.x & 2u) * 8u & 0xffffu,
              second = smelt_words4_data(base).e[at_word + 1u] >> (a.x & 2u) * 8u & 0xffffu;
        uvec4 read = uvec4(first.xz | first.yw << 16u, second.xz | second.yw << 16u);
#endif
        words[i] = inside ? read : uvec4(0u);
    }
#else
    [[unroll]] for (uint i = 0u; i < LOADS_A; i++) words[i] = uvec4(0u);
    [[unroll]] for (uint j = 0u; j < 8u; j++)
    {
        uvec3 term = term_of(k + j);
        [[unroll]] for (uint i = 0u; i < LOADS_A; i++)
        {
            uvec2 at = uvec2(origins[i].from) + term.xy;
            bool inside = at.x < height && at.y < width && k + j < terms;
            uint read = uint(smelt_halfs_data(a).e[inside ? origins[i].offset + term.z : 0u]);
            words[i][j / 2u] |= (inside ? read : 0u) << 16u * (j % 2u);
        }
    }
#endif
}

void fetch_weight(out uvec4 words[LOADS_B], uint k, uint channel)
{
    [[unroll]] for (uint i = 0u; i < LOADS_B; i++)
    {
        uint row = k + i * (KERNEL_LANES / ACROSS);
#if KERNEL_B_WHOLE
        bool inside = row < terms && channel < outputs;
        uvec4 read = smelt_words4_data(b).e[inside ? (row * outputs + channel) / 8u : 0u];
        words[i] = inside ? read : uvec4(0u);
#else
        words[i] = uvec4(0u);
        [[unroll]] for (uint j = 0u; j < 8u; j++)
        {
            bool inside = row < terms && channel + j < outputs;
            uint read = uint(smelt_halfs_data(b).e[inside ? row * outputs + channel + j : 0u]);
            words[i][j / 2u] |= (inside ? read : 0u) << 16u * (j % 2u);
        }
#endif
    }
}

#if KERNEL_BLOCK > 1
// How far a channel is from the first one of its pixel.
uint channel_offset(uint channel)
{
    uint inside = channel % (KERNEL_BLOCK * KERNEL_BLOCK);
    return channel / (KERNEL_BLOCK * KERNEL_BLOCK) * stride_d[3] + inside / KERNEL_BLOCK * stride_d[1] +
           inside % KERNEL_BLOCK * stride_d[2];
}
#define KERNEL_CHANNEL_AT(at, channel, i) ((at) + channel_offset((channel) + (i)))
#endif

// --- The kernel ------------------------------------------------------------------------------------------

#define DOWN_FRAGMENTS (KERNEL_TILE_M / KERNEL_FRAGMENT_M)
#define ACROSS_FRAGMENTS (KERNEL_TILE_N / KERNEL_FRAGMENT_N)
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, KERNEL_FRAGMENT_M, KERNEL_FRAGMENT_K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, KERNEL_FRAGMENT_K, KERNEL_FRAGMENT_N, gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeSubgroup, KERNEL_FRAGMENT_M, KERNEL_FRAGMENT_N, gl_MatrixUseAccumulator>

void main()
{
    uint lane = gl_SubgroupInvocationID, tiles = (outputs + KERNEL_TILE_N - 1u) / KERNEL_TILE_N;
    uint pixel = gl_WorkGroupID.x / tiles * KERNEL_TILE_M, channel = gl_WorkGroupID.x % tiles * KERNEL_TILE_N;
    uint at_a = gl_SubgroupID * PART, at_b = at_a + KERNEL_TILE_M * PITCH_A;
    // An invocation brings 8 terms of some pixels, and 8 channels of some terms.
    uint row_a = lane / GROUPS, group = lane % GROUPS, row_b = lane / ACROSS, part = lane % ACROSS;
    pixel_origin origins[LOADS_A];
    [[unroll]] for (uint i = 0u; i < LOADS_A; i++) origins[i] =
        origin_of(pixel + row_a + i * (KERNEL_LANES / GROUPS));
    SUMS sums[DOWN_FRAGMENTS][ACROSS_FRAGMENTS];
    [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++)
        [[unroll]] for (uint j = 0u; j < ACROSS_FRAGMENTS; j++) sums[i][j] = SUMS(0.0);

    uvec4 image[LOADS_A], weight[LOADS_B];
    uint k = gl_SubgroupID * TERMS;
    fetch_image(image, origins, k + group * 8u);
    fetch_weight(weight, k + row_b, channel + part * 8u);
    // As often in all subgroups: beyond the last term there are zeros.
    for (uint first = 0u; first < terms; first += KERNEL_SUBGROUPS * TERMS) {
        [[unroll]] for (uint i = 0u; i < LOADS_A; i++)
            pool[at_a + (row_a + i * (KERNEL_LANES / GROUPS)) * PITCH_A + group] = image[i];
        [[unroll]] for (uint i = 0u; i < LOADS_B; i++)
            pool[at_b + (row_b + i * (KERNEL_LANES / ACROSS)) * PITCH_B + part] = weight[i];
        subgroupBarrier();
        k += KERNEL_SUBGROUPS * TERMS;
        fetch_image(image, origins, k + group * 8u);
        fetch_weight(weight, k + row_b, channel + part * 8u);
        [[unroll]] for (uint t = 0u; t < TERMS / KERNEL_FRAGMENT_K; t++)
        {
            LEFT left[DOWN_FRAGMENTS];
            [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++) coopMatLoad(
                left[i], pool, at_a + i * KERNEL_FRAGMENT_M * PITCH_A + t * KERNEL_FRAGMENT_K / 8u, PITCH_A,
                gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint j = 0u; j < ACROSS_FRAGMENTS; j++)
            {
                RIGHT right;
                coopMatLoad(right, pool, at_b + t * KERNEL_FRAGMENT_K * PITCH_B + j * KERNEL_FRAGMENT_N / 8u,
                            PITCH_B, gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++) sums[i][j] =
                    coopMatMulAdd(left[i], right, sums[i][j]);
            }
        }
        subgroupBarrier();
    }

    [[unroll]] for (uint i = 0u; i < DOWN_FRAGMENTS; i++) [[unroll]] for (uint j = 0u; j < ACROSS_FRAGMENTS;
                                                                          j++)
        coopMatStore(sums[i][j], pool, at_a + i * KERNEL_FRAGMENT_M * PITCH_SUM + j * KERNEL_FRAGMENT_N / 4u,
                     PITCH_SUM, gl_CooperativeMatrixLayoutRowMajor);
    barrier();
    for (uint i = gl_LocalInvocationIndex; i < KERNEL_TILE_M * ACROSS; i += KERNEL_LANES * KERNEL_SUBGROUPS) {
        uint row = i / ACROSS, column = i % ACROSS;
        if (pixel + row >= pixels || channel + column * 8u >= outputs)
            continue;
        vec4 low = vec4(0.0), high = vec4(0.0);
        [[unroll]] for (uint s = 0u; s < KERNEL_SUBGROUPS; s++)
        {
            uint at = s * PART + row * PITCH_SUM + 2u * column;
            low += uintBitsToFloat(pool[at]);
            high += uintBitsToFloat(pool[at + 1u]);
        }
        uvec3 place = place_of(pixel + row) * uvec3(1u, KERNEL_BLOCK, KERNEL_BLOCK);
        uint first = channel + column * 8u, at_d = KERNEL_BLOCK > 1 ? 0u : first;
        store_channels(place.x * stride_d[0] + place.y * stride_d[1] + place.z * stride_d[2] + at_d, first,
                       float[8](low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w));
    }
}
#endif
