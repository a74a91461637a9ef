// SPDX-License-Identifier: MIT
// matvec_matrix_finish.glsl: main of what matvec_matrix_head.glsl begins. Before it comes
//   void add(operands o, uint first)                         the sums of rows `first` on, of this subgroup's terms, into the pool
//   float element(operands o, uint row, uint k)              of the matrix
//
// `add` asks the device where matrices' elements are, after its first loads, so that both take their time together. Where these
// are not as on the devices that this is written for (matrix_places.glsl), every product is computed by itself, slowly.
void add_one_by_one(operands o, uint first)
{
    for (uint i = gl_SubgroupInvocationID; i < 16u * TILES * 8u; i += 32u) {
        float sum = 0.0;
        for (uint k = gl_SubgroupID; k < o.terms && i % 8u < KERNEL_VECTORS; k += SUBGROUPS)
            sum = fma(element(o, min(first + i / 8u, o.lines - 1u), k),
                      unpackHalf2x16(vector_element(o, i % 8u, k)).x, sum);
        [[unroll]] for (uint part = 0u; part < PARTS; part++) pool[gl_SubgroupID * PITCH + i * PARTS + part] =
            part == 0u ? sum : 0.0;
    }
}

void main()
{
    uint rows = fixed_m != 0 ? fixed_m : m, columns = fixed_n != 0 ? fixed_n : n;
    uint step_a = fixed_stride_a != 0 ? fixed_stride_a : stride_a[0];
    uint step_b = fixed_stride_b != 0 ? fixed_stride_b : stride_b[0];
    uint step_d = fixed_stride_d != 0 ? fixed_stride_d : stride_d;
    uint index = gl_LocalInvocationIndex, first = gl_WorkGroupID.x * (16u * TILES);
    operands o;
    o.matrix = KERNEL_SWAPPED != 0 ? KERNEL_B : KERNEL_A;
    o.vectors = KERNEL_SWAPPED != 0 ? KERNEL_A : KERNEL_B;
    o.lines = KERNEL_SWAPPED != 0 ? columns : rows;
    o.terms = fixed_k != 0 ? fixed_k : k;
    o.step = KERNEL_SWAPPED != 0 ? step_b : step_a;
    o.step_x = KERNEL_SWAPPED != 0 ? step_a : step_b;

    add(o, first);
    barrier();
    for (uint i = index; i < 16u * TILES * 8u; i += 32u * SUBGROUPS) {
        uint line = i / 8u, v = i % 8u;
        float sum = 0.0;
        [[unroll]] for (uint s = 0u; s < SUBGROUPS * PARTS; s++) sum +=
            pool[s / PARTS * PITCH + i * PARTS + s % PARTS];
        if (v < KERNEL_VECTORS && first + line < o.lines)
            store(first + line, v, sum, rows, columns, step_d);
    }
}
#endif
