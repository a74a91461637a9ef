// SPDX-License-Identifier: MIT
// matvec_matrix_body.glsl: products of a matrix of f16 with 1 to 8 vectors of f16 by the device's matrices, which cost no more
// than reading the matrix. No operand passes shared memory: an invocation reads 16 bytes of a row at a time, which become
// the elements that it has of two left matrices, and what belongs to them of a vector, which it has of the right ones. So the
// terms of the sum are in another order, the same in both. Sums are of f32.
//
// See matvec_matrix_head.glsl, which comes before.
#define STEPS 2                  // loads of a row on their way: together they keep the memory busy
#define STRIDE (SUBGROUPS * 32u) // terms of the workgroup at a time

float element(operands o, uint row, uint k)
{
    return unpackHalf2x16(uint(smelt_halfs_data(o.matrix).e[row * o.step + k])).x;
}

// Of an invocation with row g and quarter t: rows g and g + 8, columns 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of a left matrix,
// those rows of column g of a right one. It brings the terms that it has read in these places.
void fetch(out uvec4 w[TILES][2], operands o, uint first, uint k)
{
    uint at = min(k, o.terms - 8u) / 8u;
    [[unroll]] for (uint r = 0u; r < 2u * TILES; r++)
    {
        uint row = min(first + r * 8u + gl_SubgroupInvocationID / 4u, o.lines - 1u);
        w[r / 2u][r % 2u] = smelt_words4_data(o.matrix).e[row * (o.step / 8u) + at];
    }
}

void add(operands o, uint first)
{
    uint vector = min(gl_SubgroupInvocationID / 4u, KERNEL_VECTORS - 1u);
    SUMS sums[TILES];
    [[unroll]] for (uint r = 0u; r < TILES; r++) sums[r] = SUMS(0.0);
    uint k = gl_SubgroupID * 32u + gl_SubgroupInvocationID % 4u * 8u;
    uvec4 w[STEPS][TILES][2];
    [[unroll]] for (uint p = 0u; p < STEPS; p++) fetch(w[p], o, first, k + p * STRIDE);
    if (!places_are_expected()) {
        add_one_by_one(o, first);
        return;
    }
    bool whole = fixed_k != 0 && fixed_k % (STEPS * STRIDE) == 0;
    for (uint from = 0u; from < o.terms; from += STEPS * STRIDE) {
        [[unroll]] for (uint p = 0u; p < STEPS; p++)
        {
            uint at = from + k + p * STRIDE;
            bool inside = whole || at < o.terms; // what is beyond the last term counts as 0
            uvec4 now[TILES][2] = w[p], x = vector_words(o, vector, inside ? at : 0u);
            fetch(w[p], o, first, at + STEPS * STRIDE);
            [[unroll]] for (uint i = 0u; i < 4u; i += 2u)
            {
                RIGHT b;
                [[unroll]] for (uint j = 0u; j < 2u; j++)
                {
                    f16vec2 pair = unpackFloat2x16(inside ? x[i + j] : 0u);
                    b[2u * j] = pair.x;
                    b[2u * j + 1u] = pair.y;
                }
                [[unroll]] for (uint r = 0u; r < TILES; r++)
                {
                    LEFT a;
                    [[unroll]] for (uint j = 0u; j < 4u; j++)
                    {
                        f16vec2 pair = unpackFloat2x16(inside ? now[r][j / 2u][i + j % 2u] : 0u);
                        a[2u * j] = pair.x;
                        a[2u * j + 1u] = pair.y;
                    }
                    sums[r] = coopMatMulAdd(a, b, sums[r]);
                }
            }
        }
    }
    [[unroll]] for (uint r = 0u; r < TILES; r++)
        coopMatStore(sums[r], pool, gl_SubgroupID * PITCH + r * 128u, 8, gl_CooperativeMatrixLayoutRowMajor);
}
