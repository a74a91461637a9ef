// SPDX-License-Identifier: MIT
// attention_body.glsl: softmax(scale Q K^T + mask) V in one kernel, from the public modules. A workgroup has ROWS queries of one
// head and walks over the keys, KEYS at a time; what it keeps of those before is a running maximum, a running sum and a
// running result of each row (an online softmax). Scores never leave registers. attention_head.glsl, attention_products.glsl,
// attention_softmax.glsl and attention_blocks.glsl stand in front.
void main()
{
    uint head = gl_WorkGroupID.y, key_head = head / shared_by;
    const uint size = KERNEL_STORED == SMELT_DTYPE_F32 ? 4u : 2u;
    first_row = gl_WorkGroupID.x * KERNEL_ROWS;
#if KERNEL_CAUSAL // the longest ones first, so that none of them is left over at the end
    first_row = (queries - 1u) / KERNEL_ROWS * KERNEL_ROWS - first_row;
#endif
    key_count = keys;
    visible = int(past);
#if KERNEL_LENGTHS
    int length =
        clamp(smelt_i32_r_data(lengths).e[gl_WorkGroupID.z], 0, int(keys + queries)); // more sees no more
    key_count = min(uint(length), keys);
    visible = length - int(queries);
#endif
    uint end = key_count;
#if KERNEL_CAUSAL
    end = uint(clamp(int(first_row + KERNEL_ROWS) + visible, 0, int(end)));
#endif
#if KERNEL_MASK
    head_mask = element(mask, gl_WorkGroupID.z * stride_mask[0] + head * stride_mask[1],
                        KERNEL_MASK == SMELT_DTYPE_F32   ? 4u
                        : KERNEL_MASK == SMELT_DTYPE_F16 ? 2u
                                                         : 1u);
#endif
    uvec2 k_head = of_head(k, stride_k, key_head, size), v_head = of_head(v, stride_v, key_head, size);
#if AHEAD
    uvec4 k_block[PIECES(KEY_COLUMNS)], v_block[PIECES(VALUE_COLUMNS)];
    fetch_keys(k_block, k_head, 0u);
    fetch_values(v_block, v_head, 0u);
#endif

    INPUT q_head;
    q_head.data = SMELT_CAT(SMELT_CAT(smelt_, KERNEL_TYPE), _r_data)(of_head(q, stride_q, head, size));
    q_head.extent = uint[2](queries, KERNEL_SIZE);
    q_head.stride = uint[2](stride_q[2], 1u);
    query own;
    smelt_load(own, q_head, first_row, 0u);
    values_result result;
    smelt_fill(result, 0.0);
    scores_result_per_row maximum, total;
    smelt_fill(maximum, lowest);
    smelt_fill(total, 0.0);
    [[dont_unroll]] for (first_key = 0u; first_key < end; first_key += KERNEL_KEYS)
    {
        scores_result s;
        barrier();
#if AHEAD
        put_keys(k_block);
        fetch_keys(k_block, k_head, first_key + KERNEL_KEYS); // while this block is worked on
#else
        copy(k_head, stride_k[2], KEY_COLUMNS, KERNEL_SIZE);
#endif
#if VALUES_AT
        put_values(v_block);
        fetch_values(v_block, v_head, first_key + KERNEL_KEYS);
#endif
        barrier();
        scores_run(s, own, 0u, 0u, 0u);
        if (ADJUSTS || first_key + KERNEL_KEYS > key_count ||
            (KERNEL_CAUSAL != 0 && int(first_key) + KERNEL_KEYS > int(first_row) + visible + 1))
            scores_mask(s);
        scores_result_per_row now, block_total, before = maximum;
        scores_max(now, s);
        rows_larger(maximum, now);
        scores_exponential(s, maximum);
        rows_decay(before, maximum); // what the old maximum's exponentials are worth now
        scores_sum(block_total, s);
        rows_multiply(total, before);
        rows_add(total, block_total);
        values_result_per_row factor;
        smelt_transfer(factor, before);
        values_multiply(result, factor);
#if !VALUES_AT // scores_run has ended with a barrier, values_run begins with one
#if AHEAD
        put_values(v_block);
        fetch_values(v_block, v_head, first_key + KERNEL_KEYS);
#else
        copy(v_head, stride_v[2], VALUE_COLUMNS, KERNEL_VALUE_SIZE);
#endif
#endif
        values_run(result, s, VALUES_AT, 0u, 0u);
    }
    values_result_per_row divisor;
    smelt_transfer(divisor, total);
    values_divide(result, divisor);
    RESULT y_head;
    y_head.data = SMELT_CAT(SMELT_CAT(smelt_, KERNEL_TYPE), _w_data)(of_head(y, stride_y, head, size));
    y_head.extent = uint[2](queries, KERNEL_VALUE_SIZE);
    y_head.stride = uint[2](stride_y[2], 1u);
    smelt_store(result, y_head, first_row, 0u);
}
#endif
