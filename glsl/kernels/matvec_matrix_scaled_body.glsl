// SPDX-License-Identifier: MIT
// matvec_matrix_scaled_body.glsl: the product of a vector of f16, a row of a, with a quantised matrix b, stored [n][k], by
// the device's matrices, which cost no more than reading the matrix. No operand passes shared memory: an invocation reads 16
// bytes of a row of b at a time, a chunk, which become, as integers, the elements that it has of some left matrices. The four
// chunks of a left matrix' row have scales of their own, so they get sums of their own: a right matrix has the vector in four
// columns, each with the terms of one chunk and zeros for the rest. Scales multiply these sums. All sums are of f32.
//
// See matvec_matrix_head.glsl, which comes before, as do matvec_scales.glsl, with scales of F16, and matvec_matrix_chunks.glsl. A
// chunk divides the block or the block is all terms; where it is one, the scales of two blocks are read at once: their number
// is even, they follow each other and their rows begin at multiples of 4 bytes.
#define ROUND (SUBGROUPS * QUAD) // terms of the workgroup

// Scales of the chunks of a row that begin at terms `one` and `other`, which follow each other.
vec2 scales_of(uint row, uint one, uint other)
{
#if KERNEL_BLOCK == CHUNK
    return unpackHalf2x16(smelt_words1_data(scales()).e[(row * stride_scale[0] + one / KERNEL_BLOCK) / 2u]);
#elif KERNEL_BLOCK % (2 * CHUNK) == 0
    return vec2(scale_of(row, one));
#else
    return vec2(scale_of(row, one), scale_of(row, other));
#endif
}

// Of an invocation with row g and quarter t: rows g and g + 8, columns 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of a left matrix,
// those rows of column g of a right one, columns 2 t and 2 t + 1 of rows g and g + 8 of the sums.
struct chunk {
    uvec4 words;
    vec2 scale;
    vec2 zero; // zero point of this chunk, or offsets of those of the sums' columns
};

void fetch(out chunk c[2], operands o, uint first, uint k)
{
    uint t = gl_SubgroupInvocationID % 4u;
    uint last = o.terms - CHUNK, at = min(k + t * CHUNK, last);
    uint one = min(k + t % 2u * (2u * CHUNK), last), other = min(one + CHUNK, last);
    [[unroll]] for (uint h = 0u; h < 2u; h++)
    {
        uint row = min(first + h * 8u + gl_SubgroupInvocationID / 4u, o.lines - 1u);
        c[h].words = smelt_words4_data(o.matrix).e[row * (o.step / CHUNK) + at / CHUNK];
        c[h].scale = scales_of(row, one, other);
#if KERNEL_ZERO == SMELT_ZERO_POINT
        c[h].zero = vec2(zero_of(row, at));
#elif KERNEL_ZERO == SMELT_ZERO_OFFSET
        c[h].zero = vec2(zero_of(row, one), zero_of(row, other));
#endif
    }
}

void add(operands o, uint first)
{
    uint lane = gl_SubgroupInvocationID, g = lane / 4u, t = lane % 4u;
    float sums[4] = float[4](0.0, 0.0, 0.0, 0.0);
    chunk next[2];
    fetch(next, o, first, gl_SubgroupID * QUAD);
    if (!places_are_expected()) {
        add_one_by_one(o, first);
        return;
    }
    for (uint from = gl_SubgroupID * QUAD; from < o.terms; from += ROUND) {
        uint at = from + t * CHUNK;
        bool own =
            t == g % 4u && at < o.terms; // what is of other columns or beyond the last term counts as 0
        chunk now[2] = next;
        fetch(next, o, first, from + ROUND);
        SUMS part = SUMS(0.0), all = SUMS(0.0); // of the products, of the vector alone
        [[unroll]] for (uint eight = 0u; eight < CHUNK / 8u; eight++)
        {
            uvec4 x = vector_words(o, 0u, own ? at + 8u * eight : 0u);
            x = own ? x : uvec4(0u);
            [[unroll]] for (uint i = 0u; i < 4u; i += 2u)
            {
                LEFT a;
                [[unroll]] for (uint j = 0u; j < 4u; j++)
                {
                    f16vec2 excess = f16vec2(EXCESS);
#if KERNEL_ZERO == SMELT_ZERO_POINT
                    excess += f16vec2(now[j / 2u].zero);
#endif
                    f16vec2 pair = matrix_pair(now[j / 2u].words, 4u * eight + i + j % 2u, excess);
                    a[2u * j] = pair.x;
                    a[2u * j + 1u] = pair.y;
                }
                RIGHT b;
                [[unroll]] for (uint j = 0u; j < 2u; j++)
                {
                    f16vec2 pair = unpackFloat2x16(vector_pair(x, i + j));
                    b[2u * j] = pair.x;
                    b[2u * j + 1u] = pair.y;
                }
                part = coopMatMulAdd(a, b, part);
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
                all = coopMatMulAdd(LEFT(1.0), b, all);
#endif
            }
        }
        [[unroll]] for (uint i = 0u; i < 4u; i++)
        {
            sums[i] = fma(part[i], now[i / 2u].scale[i % 2u], sums[i]);
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
            sums[i] = fma(all[i], now[i / 2u].zero[i % 2u], sums[i]);
#endif
        }
    }
    // Columns 4 to 7 are those before once more.
    [[unroll]] for (uint h = 0u; h < 2u; h++) if (t < 2u)
        pool[gl_SubgroupID * PITCH + (g + 8u * h) * 8u * PARTS + t] = sums[2u * h] + sums[2u * h + 1u];
}
