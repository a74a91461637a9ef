// SPDX-License-Identifier: MIT
// matmul2d_narrow_body.glsl: products of many rows of f16 with a small matrix of f16, which cost no more than reading and
// writing these rows: the small matrix stays in registers, and no row passes shared memory. An invocation reads 16 bytes of a
// row of a at a time, which become the elements that it has of two left matrices, and has the sums of eight neighbours in a
// row of d, which it writes at once: so terms and columns are in another order in the device's matrices. Sums are of f32.
//
// matmul2d_head.glsl and matrix_places.glsl come before. The includer's, besides theirs: KERNEL_DEEP (of 32 terms),
// KERNEL_ACROSS (of 32 columns), which hold all terms and columns; KERNEL_TRANSPOSE_RIGHT. Rows of a and d are multiples of 8
// elements that begin at multiples of 16 bytes.
#include "smelt/memory.glsl"

#define SUBGROUPS 8
layout(local_size_x = 32 * SUBGROUPS) in;

struct sizes {
    uint rows, columns, terms, step_a, step_b, step_d;
};

void put(sizes z, uint row, uint column, float sum)
{
    sum = product_element(sum, uvec2(row, column));
    if (d_is_wide != 0)
        smelt_store(wide_result(z.rows, z.columns, z.step_d), row, column, sum);
    else
        smelt_store(narrow_result(z.rows, z.columns, z.step_d), row, column, sum);
}

#if (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
void main() // the twin that is made for reflection
{
    put(sizes(fixed_m, fixed_n, fixed_k, 0u, 0u, fixed_stride_d), gl_WorkGroupID.x, 0u,
        float(KERNEL_A.x + KERNEL_B.x));
}
#else
#define PITCH (32 * KERNEL_ACROSS + 8)
shared float16_t right[32 * KERNEL_DEEP * PITCH];

float16_t right_element(sizes z, uint k, uint column)
{
    uint at = KERNEL_TRANSPOSE_RIGHT != 0 ? column * z.step_b + k : k * z.step_b + column;
    bool inside = k < z.terms && column < z.columns;
    uint bits = uint(smelt_halfs_data(KERNEL_B).e[inside ? at : 0u]);
    return unpackFloat2x16(inside ? bits : 0u).x;
}

// The small matrix in the order in which invocations have the terms of rows and the columns of sums.
void stage(sizes z)
{
    for (uint i = gl_LocalInvocationIndex; i < 32u * KERNEL_DEEP * 32u * KERNEL_ACROSS;
         i += 32u * SUBGROUPS) {
        uint k = i / (32u * KERNEL_ACROSS), column = i % (32u * KERNEL_ACROSS);
        // Quarter t of a row has terms 8 t to 8 t + 7 of 32: four for each of two matrices.
        uint line = k / 32u * 32u + k % 8u / 4u * 16u + k % 4u / 2u * 8u + k % 32u / 8u * 2u + k % 2u;
        // And columns 8 t to 8 t + 7 of 32: two of each of four matrices.
        uint place = column / 32u * 32u + column % 8u / 2u * 8u + column % 32u / 8u * 2u + column % 2u;
        right[line * PITCH + place] = right_element(z, k, column);
    }
}

void fetch(out uvec4 w[2][KERNEL_DEEP], sizes z, uint row)
{
    uint g = gl_SubgroupInvocationID / 4u, t = gl_SubgroupInvocationID % 4u;
    [[unroll]] for (uint h = 0u; h < 2u; h++) [[unroll]] for (uint q = 0u; q < KERNEL_DEEP; q++)
    {
        uint line = min(row + h * 8u + g, z.rows - 1u), k = min(q * 32u + t * 8u, z.terms - 8u);
        w[h][q] = smelt_words4_data(KERNEL_A).e[line * (z.step_a / 8u) + k / 8u];
    }
}

// Eight neighbours of a row.
void put_eight(sizes z, uint row, uint column, float sums[8])
{
    if (row >= z.rows || column >= z.columns)
        return;
    if (d_is_wide != 0) {
        [[unroll]] for (uint i = 0u; i < 8u; i++) put(z, row, column + i, sums[i]);
        return;
    }
    uvec4 words;
    [[unroll]] for (uint i = 0u; i < 4u; i++) words[i] =
        packHalf2x16(vec2(product_element(sums[2u * i], uvec2(row, column + 2u * i)),
                          product_element(sums[2u * i + 1u], uvec2(row, column + 2u * i + 1u))));
    uvec2 first = of_batch(d, batch_d, 16u);
    smelt_words4_write_data(first).e[row * (z.step_d / 8u) + column / 8u] = words;
}

void run(sizes z, RIGHT b[KERNEL_DEEP * 2][KERNEL_ACROSS * 4], uvec4 w[2][KERNEL_DEEP], uint row)
{
    uint g = gl_SubgroupInvocationID / 4u, t = gl_SubgroupInvocationID % 4u;
    SUMS sums[KERNEL_ACROSS * 4];
    [[unroll]] for (uint j = 0u; j < KERNEL_ACROSS * 4u; j++) sums[j] = SUMS(0.0);
    [[unroll]] for (uint q = 0u; q < KERNEL_DEEP * 2u; q++)
    {
        LEFT a;
        bool inside = q / 2u * 32u + t * 8u < z.terms;
        [[unroll]] for (uint j = 0u; j < 4u; j++)
        {
            f16vec2 pair = unpackFloat2x16(inside ? w[j / 2u][q / 2u][q % 2u * 2u + j % 2u] : 0u);
            a[2u * j] = pair.x;
            a[2u * j + 1u] = pair.y;
        }
        [[unroll]] for (uint j = 0u; j < KERNEL_ACROSS * 4u; j++) sums[j] =
            coopMatMulAdd(a, b[q][j], sums[j]);
    }
    [[unroll]] for (uint h = 0u; h < 2u; h++) [[unroll]] for (uint c = 0u; c < KERNEL_ACROSS; c++)
    {
        float eight[8];
        [[unroll]] for (uint i = 0u; i < 8u; i++) eight[i] = sums[c * 4u + i / 2u][2u * h + i % 2u];
        put_eight(z, row + h * 8u + g, c * 32u + t * 8u, eight);
    }
}

// Where matrices' elements are not as on the devices that this is written for, every product is computed by itself, slowly.
void run_one_by_one(sizes z)
{
    for (uint row = gl_WorkGroupID.x; row < z.rows; row += gl_NumWorkGroups.x)
        for (uint column = gl_LocalInvocationIndex; column < z.columns; column += 32u * SUBGROUPS) {
            float sum = 0.0;
            for (uint k = 0u; k < z.terms; k++)
                sum = fma(unpackHalf2x16(uint(smelt_halfs_data(KERNEL_A).e[row * z.step_a + k])).x,
                          float(right_element(z, k, column)), sum);
            put(z, row, column, sum);
        }
}

void main()
{
    sizes z = sizes(fixed_m != 0 ? fixed_m : m, fixed_n != 0 ? fixed_n : n, fixed_k != 0 ? fixed_k : k,
                    fixed_stride_a != 0 ? fixed_stride_a : stride_a[0],
                    fixed_stride_b != 0 ? fixed_stride_b : stride_b[0],
                    fixed_stride_d != 0 ? fixed_stride_d : stride_d);
    if (!places_are_expected()) {
        run_one_by_one(z);
        return;
    }
    uint row = (gl_WorkGroupID.x * SUBGROUPS + gl_SubgroupID) * 16u,
         step = gl_NumWorkGroups.x * SUBGROUPS * 16u;
    uvec4 w[2][KERNEL_DEEP];
    fetch(w, z, row);
    stage(z);
    barrier();
    RIGHT b[KERNEL_DEEP * 2][KERNEL_ACROSS * 4];
    [[unroll]] for (uint q = 0u; q < KERNEL_DEEP * 2u; q++)
        [[unroll]] for (uint j = 0u; j < KERNEL_ACROSS * 4u; j++)
            coopMatLoad(b[q][j], right, q * (16 * PITCH) + j * 8u, PITCH, gl_CooperativeMatrixLayoutRowMajor);
    for (; row < z.rows; row += step) {
        uvec4 now[2][KERNEL_DEEP] = w;
        fetch(w, z, row + step); // while this is worked on
        run(z, b, now, row);
    }
}
#endif
