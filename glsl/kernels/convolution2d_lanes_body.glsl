// SPDX-License-Identifier: MIT
// convolution2d_lanes_body.glsl: d = activation(convolution of a by b + bias + residual) where invocations are lanes of a
// processor's vectors: reading an element takes a loop over the lanes there, in shared memory too, and arithmetic is cheap.
// So a subgroup keeps KERNEL_LANES KERNEL_PIXELS pixels by KERNEL_CHANNELS channels in registers: each lane reads its pixels,
// all of them together the weights, which subgroupShuffle hands round (it is one instruction there, where subgroupBroadcast
// looks for the first lane). src/kernels_convolution2d_lanes.c.
//
// KERNEL_LANES (the subgroup size), KERNEL_PIXELS, KERNEL_CHANNELS (a multiple of 4), KERNEL_VECTOR (channels of the image that
// a turn of the innermost loop takes: 1 to 4; KERNEL_ONCE: they are all), KERNEL_TOGETHER (4 are read at once),
// KERNEL_WEIGHT_VECTOR (outputs of the weight that are: 1 or 4), KERNEL_WHOLE (d and the residual are written and read 16 bytes
// at once), KERNEL_TERMS (of KERNEL_VECTOR, whose weights are read at once), KERNEL_IMAGE_F16, KERNEL_WEIGHT_F16 (bias too), and
// what convolution2d_constants.glsl names, are the includer's. KERNEL_SOURCE: a is an image of KERNEL_VECTOR channels, all there
// are; KERNEL_TARGET: d is one, of at most KERNEL_CHANNELS, 4; the address is that of scale and offset of four channels then. Strides
// are in the order of NHWC and HWIO. Sums are f32.
layout(local_size_x = KERNEL_LANES) in;

const uint across = KERNEL_CHANNELS / 4; // vectors of the weights of one term
const uint terms = KERNEL_TERMS;

#if KERNEL_SOURCE
layout(set = 0, binding = 0) uniform texture2D picture;
#elif KERNEL_TARGET
layout(set = 0, binding = 0, KERNEL_FORMAT) uniform writeonly image2D picture;
#endif
struct map {
    vec4 scale, offset;
};
map read_map(uvec2 address)
{
    return map(uintBitsToFloat(smelt_words4_data(address).e[0]),
               uintBitsToFloat(smelt_words4_data(address).e[1]));
}

float read_element(uvec2 address, uint at, bool half_precision)
{
    return half_precision ? unpackHalf2x16(uint(smelt_halfs_data(address).e[at])).x
                          : uintBitsToFloat(smelt_words1_data(address).e[at]);
}

// Addresses, which nothing is read from: 8 bytes in one turn of the loop, on devices without 64 bit integers too. Tensors of
// at most 1 GiB.
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer address
{
    uint word;
};
layout(buffer_reference, scalar, buffer_reference_align = 8) restrict readonly buffer addresses
{
    address e[1 << 27];
};

// 4 neighbours from an aligned place on.
vec4 read_vector(uvec2 from, uint at, bool half_precision)
{
    if (half_precision) {
        uvec2 v = uvec2(addresses(from).e[at / 4]);
        return vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y));
    }
    uint first = at / 2;
    return uintBitsToFloat(uvec4(uvec2(addresses(from).e[first]), uvec2(addresses(from).e[first + 1])));
}

vec4 read_image(uint at)
{
#if KERNEL_TOGETHER
    return read_vector(a, at, KERNEL_IMAGE_F16 != 0);
#else
    vec4 x = vec4(0.0);
    [[unroll]] for (uint j = 0; j < KERNEL_VECTOR; j++) x[j] =
        read_element(a, at + j * stride_a[3], KERNEL_IMAGE_F16 != 0);
    return x;
#endif
}

// Weights of 4 outputs from `first` on, of the input channel at `at`; beyond the last of `section` outputs: any.
vec4 read_weights(uint at, uint first, uint end)
{
#if KERNEL_WEIGHT_VECTOR == 4
    return read_vector(b, at + min(first, end - 4) * stride_b[3], KERNEL_WEIGHT_F16 != 0);
#else
    vec4 w;
    [[unroll]] for (uint j = 0; j < 4; j++) w[j] =
        read_element(b, at + min(first + j, end - 1) * stride_b[3], KERNEL_WEIGHT_F16 != 0);
    return w;
#endif
}

vec4 finish(vec4 v)
{
    [[unroll]] for (uint j = 0; j < 4; j++) v[j] = KERNEL_ACTIVATE(v[j]);
    return v;
}

// Channels of one pixel from the place `at` on, of which `count` are d's.
void write_pixel(uint at, vec4 sum[across], uint count)
{
#if KERNEL_WHOLE
    if (KERNEL_HAS_RESIDUAL) {
        [[unroll]] for (uint g = 0; g < across; g++) if (g * 4 < count) sum[g] +=
            read_vector(residual, at + g * 4, !KERNEL_D_IS_F32);
    }
    [[unroll]] for (uint g = 0; g < across; g++) sum[g] = finish(sum[g]);
    if (KERNEL_D_IS_F32) {
        [[unroll]] for (uint g = 0; g < across; g++) if (g * 4 < count) smelt_words4_write_data(d)
            .e[at / 4 + g] = floatBitsToUint(sum[g]);
    } else {
        [[unroll]] for (uint g = 0; g < across; g += 2) if (g * 4 < count) smelt_words4_write_data(d)
            .e[at / 8 + g / 2] = uvec4(packHalf2x16(sum[g].xy), packHalf2x16(sum[g].zw),
                                       packHalf2x16(sum[g + 1].xy), packHalf2x16(sum[g + 1].zw));
    }
#else
    [[unroll]] for (uint c = 0; c < KERNEL_CHANNELS; c++)
    {
        if (c >= count)
            break;
        uint place = at + c * stride_d[3];
        float v = sum[c / 4][c % 4];
        if (KERNEL_HAS_RESIDUAL)
            v += read_element(residual, place, !KERNEL_D_IS_F32);
        v = KERNEL_ACTIVATE(v);
        if (KERNEL_D_IS_F32)
            smelt_f32_w_data(d).e[place] = v;
        else
            smelt_u16_w_data(d).e[place] = uint16_t(packHalf2x16(vec2(v, 0.0)));
    }
#endif
}

void main()
{
    uint lane = gl_SubgroupInvocationID;
    uint high = fixed_height != 0 ? fixed_height : height, wide = fixed_width != 0 ? fixed_width : width,
         inner = fixed_channels != 0 ? fixed_channels : channels,
         outer = fixed_outputs != 0 ? fixed_outputs : outputs,
         rows = fixed_kernel_h != 0 ? fixed_kernel_h : kernel_h,
         columns = fixed_kernel_w != 0 ? fixed_kernel_w : kernel_w;
    uint out_high = (high + padding_top + padding_bottom - (rows - 1) * dilation_y - 1) / stride_y + 1,
         out_wide = (wide + padding_left + padding_right - (columns - 1) * dilation_x - 1) / stride_x + 1,
         pixels = (fixed_batch != 0 ? fixed_batch : batch) * out_high * out_wide;
    // Blocks of channels do not cross from group to group.
    uint section = outer / groups, blocks = (section + KERNEL_CHANNELS - 1) / KERNEL_CHANNELS;
    uint index = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint block = index % blocks, group = index / blocks % groups,
         begin = index / blocks / groups * (KERNEL_LANES * KERNEL_PIXELS);
    if (begin >= pixels)
        return;
    uint first = group * section + block * KERNEL_CHANNELS, end = (group + 1) * section;

#if KERNEL_SOURCE
    map own_map = read_map(a);
#elif KERNEL_TARGET
    map own_map = read_map(d);
#endif
    uint base[KERNEL_PIXELS];
    ivec2 origin[KERNEL_PIXELS];
    [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++)
    {
        uint pixel = min(begin + p * KERNEL_LANES + lane, pixels - 1), y = pixel / out_wide % out_high;
        base[p] = pixel / out_wide / out_high * stride_a[0] + group * inner * stride_a[3];
        origin[p] =
            ivec2(y * stride_y, pixel % out_wide * stride_x) - ivec2(int(padding_top), int(padding_left));
    }
    vec4 sum[KERNEL_PIXELS][across];
    [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++) [[unroll]] for (uint g = 0; g < across; g++)
        sum[p][g] = vec4(0.0);
    const bool padded = padding_top + padding_left + padding_bottom + padding_right != 0;
    for (uint ky = 0; ky < rows; ky++)
        for (uint kx = 0; kx < columns; kx++) {
#if KERNEL_SOURCE
            ivec2 at[KERNEL_PIXELS];
#else
            uint at[KERNEL_PIXELS];
#endif
            uint tap = ky * stride_b[0] + kx * stride_b[1];
            bool inside[KERNEL_PIXELS];
            [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++)
            {
                ivec2 from = origin[p] + ivec2(ky * dilation_y, kx * dilation_x);
                inside[p] =
                    !padded || (from.x >= 0 && from.y >= 0 && from.x < int(high) && from.y < int(wide));
#if KERNEL_SOURCE
                at[p] = inside[p] ? from.yx : ivec2(0);
#else
                at[p] = base[p] + (inside[p] ? uint(from.x) * stride_a[1] + uint(from.y) * stride_a[2] : 0);
#endif
            }
#if KERNEL_ONCE
            const uint c = 0;
            {
#else
            for (uint c = 0; c < inner; c += KERNEL_VECTOR) {
#endif
                vec4 x[KERNEL_PIXELS];
                [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++)
                {
#if KERNEL_SOURCE
                    x[p] = texelFetch(picture, at[p], 0) * own_map.scale + own_map.offset;
#else
                    x[p] = read_image(at[p] + c * stride_a[3]);
#endif
                    x[p] = mix(vec4(0.0), x[p], bvec4(inside[p]));
                }
                [[unroll]] for (uint t = 0; t < KERNEL_VECTOR; t += terms)
                {
                    vec4 own = read_weights(tap + (c + t + lane / across % terms) * stride_b[2],
                                            first + lane % across * 4, end);
                    [[unroll]] for (uint u = 0; u < terms; u++) [[unroll]] for (uint g = 0; g < across; g++)
                    {
                        vec4 w = subgroupShuffle(own, u * across + g);
                        [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++) sum[p][g] =
                            fma(vec4(x[p][t + u]), w, sum[p][g]);
                    }
                }
            }
        }
    if (KERNEL_HAS_BIAS) {
        [[unroll]] for (uint g = 0; g < across; g++)
        {
            vec4 v;
            [[unroll]] for (uint j = 0; j < 4; j++) v[j] =
                read_element(bias, min(first + g * 4 + j, outer - 1), KERNEL_WEIGHT_F16 != 0);
            [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++) sum[p][g] += v;
        }
    }
    [[unroll]] for (uint p = 0; p < KERNEL_PIXELS; p++)
    {
        uint pixel = begin + p * KERNEL_LANES + lane;
#if KERNEL_TARGET
        vec4 all = finish(sum[p][0]) * own_map.scale + own_map.offset;
        [[unroll]] for (uint c = 0; c < 4; c++) if (c >= end) all[c] = c < 3 ? 0.0 : 1.0;
        if (pixel < pixels)
            imageStore(picture, ivec2(pixel % out_wide, pixel / out_wide), all);
#else
        if (pixel < pixels)
            write_pixel(pixel / out_wide / out_high * stride_d[0] +
                            pixel / out_wide % out_high * stride_d[1] + pixel % out_wide * stride_d[2] +
                            first * stride_d[3],
                        sum[p], end - first);
#endif
    }
}
