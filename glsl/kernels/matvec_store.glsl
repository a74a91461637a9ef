// SPDX-License-Identifier: MIT
// matvec_store.glsl: the store of what all kernels of a matrix with 1 to 8 vectors compute. One of them follows:
// matvec_finish.glsl and a body, or matvec_matrix_head.glsl, a body and matvec_matrix_finish.glsl.
//
// matmul2d_head.glsl comes before. The includer's: KERNEL_VECTORS (1 to 8), KERNEL_SWAPPED (1: the vectors are the rows of
// a, the matrix is b as it is stored; 0: they are the columns of b, the matrix is a).
void store(uint row, uint v, float sum, uint rows, uint columns, uint step_d)
{
    uvec2 place = KERNEL_SWAPPED != 0 ? uvec2(v, row) : uvec2(row, v);
    sum = product_element(sum, place);
    if (d_is_wide != 0)
        smelt_store(wide_result(rows, columns, step_d), place.x, place.y, sum);
    else
        smelt_store(narrow_result(rows, columns, step_d), place.x, place.y, sum);
}
