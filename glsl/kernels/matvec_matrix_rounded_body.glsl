// SPDX-License-Identifier: MIT
// matvec_matrix_rounded_body.glsl: products of 2 to 8 vectors of f16, the rows of a, with a quantised matrix b, stored [n][k], by
// the device's matrices. As matvec_matrix_scaled_body.glsl reads them, but scaled elements, rounded to f16, are what the left
// matrices hold, so that all eight columns of a right one are vectors. All sums are of f32.
//
// See matvec_matrix_head.glsl, which comes before, as do matvec_scales.glsl, with scales of F16, and matvec_matrix_chunks.glsl. A
// chunk divides the block or the block is all terms.
#define ROUND (SUBGROUPS * QUAD) // terms of the workgroup

struct chunk {
    uvec4 words;
    float scale, zero;
};

// Of an invocation with row g and quarter t: rows g and g + 8, columns 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of a left matrix,
// those rows of column g of a right one. It brings the terms that it has read in these places.
void fetch(out chunk c[2], operands o, uint first, uint k)
{
    uint at = min(k + gl_SubgroupInvocationID % 4u * CHUNK, o.terms - CHUNK);
    [[unroll]] for (uint h = 0u; h < 2u; h++)
    {
        uint row = min(first + h * 8u + gl_SubgroupInvocationID / 4u, o.lines - 1u);
        c[h].words = smelt_words4_data(o.matrix).e[row * (o.step / CHUNK) + at / CHUNK];
        c[h].scale = scale_of(row, at);
        c[h].zero = zero_of(row, at);
    }
}

// Pair i of a chunk, scaled.
f16vec2 scaled_pair(chunk c, uint i)
{
    f16vec2 excess = f16vec2(EXCESS), scale = f16vec2(c.scale);
#if KERNEL_ZERO == SMELT_ZERO_POINT
    excess += f16vec2(c.zero);
#endif
    f16vec2 pair = matrix_pair(c.words, i, excess);
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
    return fma(pair, scale, f16vec2(c.zero));
#else
    return pair * scale;
#endif
}

void add(operands o, uint first)
{
    uint t = gl_SubgroupInvocationID % 4u, vector = min(gl_SubgroupInvocationID / 4u, KERNEL_VECTORS - 1u);
    SUMS sums = SUMS(0.0);
    chunk next[2];
    fetch(next, o, first, gl_SubgroupID * QUAD);
    if (!places_are_expected()) {
        add_one_by_one(o, first);
        return;
    }
    bool whole = fixed_k != 0 && fixed_k % ROUND == 0;
    for (uint from = gl_SubgroupID * QUAD; from < o.terms; from += ROUND) {
        uint at = from + t * CHUNK;
        bool inside = whole || at < o.terms; // what is beyond the last term counts as 0
        chunk now[2] = next;
        uvec4 x[CHUNK / 8];
        [[unroll]] for (uint eight = 0u; eight < CHUNK / 8u; eight++) x[eight] =
            vector_words(o, vector, inside ? at + 8u * eight : 0u);
        fetch(next, o, first, from + ROUND);
        [[unroll]] for (uint eight = 0u; eight < CHUNK / 8u; eight++)
            [[unroll]] for (uint i = 0u; i < 4u; i += 2u)
        {
            LEFT a;
            RIGHT b;
            [[unroll]] for (uint j = 0u; j < 2u; j++)
            {
                f16vec2 pair = unpackFloat2x16(inside ? vector_pair(x[eight], i + j) : 0u);
                b[2u * j] = pair.x;
                b[2u * j + 1u] = pair.y;
            }
            [[unroll]] for (uint j = 0u; j < 4u; j++)
            {
                f16vec2 pair = scaled_pair(now[j / 2u], 4u * eight + i + j % 2u);
                a[2u * j] = pair.x;
                a[2u * j + 1u] = pair.y;
            }
            sums = coopMatMulAdd(a, b, sums);
        }
    }
    coopMatStore(sums, pool, gl_SubgroupID * PITCH, 8, gl_CooperativeMatrixLayoutRowMajor);
}
