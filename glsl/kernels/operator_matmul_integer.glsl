// SPDX-License-Identifier: MIT
// operator_matmul_integer.glsl: y (i32) = (a - a's zero point) (b - b's). Tensors 1 a [...][m][k], 2 b [...][k][n], 3 and 4
// their zero points, which broadcast to y.
void operator_run(uint c[T0_RANK])
{
    int a_zero = 0, b_zero = 0, sum = 0;
#ifdef T3_V
    a_zero = int(t3_load(t3_broadcast(c)));
#endif
#ifdef T4_V
    b_zero = int(t4_load(t4_broadcast(c)));
#endif
    uint row[T0_RANK] = c, column[T0_RANK] = c;
    row[T0_RANK - 1] = 0u;
    column[T0_RANK - 2] = 0u;
    uint a_at = t1_broadcast(row), b_at = t2_broadcast(column), n = t1_extent(T1_RANK - 1);
    for (uint k = 0u; k < n; k++) {
        sum += (int(t1_load(a_at)) - a_zero) * (int(t2_load(b_at)) - b_zero);
        a_at += t1_stride(T1_RANK - 1);
        b_at += t2_stride(T2_RANK - 2);
    }
    t0_store(t0_place(c), sum);
}
