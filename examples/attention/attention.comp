// SPDX-License-Identifier: MIT
// attention.comp: softmax(Q K^T / sqrt(D)) V in one kernel. A workgroup has ROWS queries of one head and walks over the
// keys, KEYS at a time; what it keeps of those before is a running maximum, a running sum and a running result of each row
// (an online softmax). Scores never leave registers.
//
// smelt_encode_attention (smelt/attention.h) is this kernel grown up, with more types, sizes and masks: glsl/kernels/attention_*.
//
// attention.c defines HEAD_DIM, ROWS, KEYS, CAUSAL, SCALE, how the device computes (SUBGROUP_SIZE, SUBGROUPS, FRAGMENT_x)
// and how PORTABLE does (PORTABLE_x): a PORTABLE twin of every shader is made for its reflection.
#version 460
#include "smelt/base.glsl"

#define BACKEND SMELT_BACKEND_DEFAULT
#if SMELT_BACKEND_DEFAULT == SMELT_BACKEND_PORTABLE
#define SCORES_M PORTABLE_SCORES_M // blocks of an invocation
#define SCORES_N PORTABLE_SCORES_N
#define VALUES_M PORTABLE_VALUES_M
#define VALUES_N PORTABLE_VALUES_N
#define SCORES_K 1
#define VALUES_K 1
#else
#define SCORES_M FRAGMENT_M // matrices of the device
#define SCORES_N FRAGMENT_SCORES_N
#define VALUES_M FRAGMENT_M
#define VALUES_N FRAGMENT_VALUES_N
#define SCORES_K FRAGMENT_SCORES_K
#define VALUES_K FRAGMENT_VALUES_K
#endif

#define THREADS (SUBGROUP_SIZE * SUBGROUPS)
layout(local_size_x = THREADS) in;
shared uvec4 scratch[SCRATCH];

// Blocks of keys and of values in shared memory. Where the left operands stay in registers nothing else is there, and there
// is room for both.
#define PITCH (HEAD_DIM / 8 + 1)
#if SMELT_BACKEND_DEFAULT == SMELT_BACKEND_COOPMAT2
#define BOTH 1
#else
#define BOTH 0
#endif
shared uvec4 blocks[(1 + BOTH) * KEYS * PITCH];

// The queries of the workgroup.
#define SMELT_COOPERATIVE query
#define SMELT_COOPERATIVE_SCOPE SMELT_SCOPE_WORKGROUP
#define SMELT_COOPERATIVE_ROWS ROWS
#define SMELT_COOPERATIVE_COLUMNS HEAD_DIM
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F16
#define SMELT_COOPERATIVE_SUBGROUP_SIZE SUBGROUP_SIZE
#define SMELT_COOPERATIVE_SUBGROUPS_M SUBGROUPS
#define SMELT_COOPERATIVE_SUBGROUPS_N 1
#define SMELT_COOPERATIVE_FRAGMENT_M VALUES_M
#define SMELT_COOPERATIVE_FRAGMENT_N VALUES_N
#define SMELT_COOPERATIVE_SCRATCH scratch
#define SMELT_COOPERATIVE_SCRATCH_STRIDE 1
#define SMELT_COOPERATIVE_BACKEND BACKEND
#include "smelt/cooperative_tmpl.glsl"

// scores = Q K^T of a block of keys: the left operand is the cooperative tensor.
#define SMELT_MATMUL2D scores
#define SMELT_MATMUL2D_SCOPE SMELT_SCOPE_WORKGROUP
#define SMELT_MATMUL2D_M ROWS
#define SMELT_MATMUL2D_N KEYS
#define SMELT_MATMUL2D_K HEAD_DIM
#define SMELT_MATMUL2D_TILE_K HEAD_DIM
#define SMELT_MATMUL2D_TRANSPOSE_LEFT 0
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT 1
#define SMELT_MATMUL2D_ACCUMULATE 0
#define SMELT_MATMUL2D_BIAS 0
#define SMELT_MATMUL2D_ACTIVATION SMELT_ACTIVATION_NONE
#define SMELT_MATMUL2D_EPILOGUE 0
#define SMELT_MATMUL2D_RELAXED 0
#define SMELT_MATMUL2D_SOURCE_LEFT SMELT_SOURCE_COOPERATIVE
#define SMELT_MATMUL2D_LEFT query
#define SMELT_MATMUL2D_SOURCE_RIGHT SMELT_SOURCE_SHARED
#define SMELT_MATMUL2D_RIGHT_SHARED blocks
#define SMELT_MATMUL2D_RIGHT_PITCH PITCH
#define SMELT_MATMUL2D_STORED_LEFT SMELT_DTYPE_F16
#define SMELT_MATMUL2D_STORED SMELT_DTYPE_F16
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE
#define SMELT_MATMUL2D_COMPUTED SMELT_DTYPE_F16
#define SMELT_MATMUL2D_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MATMUL2D_ALIGNMENT 8
#define SMELT_MATMUL2D_SUBGROUP_SIZE SUBGROUP_SIZE
#define SMELT_MATMUL2D_SUBGROUPS_M SUBGROUPS
#define SMELT_MATMUL2D_SUBGROUPS_N 1
#define SMELT_MATMUL2D_FRAGMENT_M SCORES_M
#define SMELT_MATMUL2D_FRAGMENT_N SCORES_N
#define SMELT_MATMUL2D_FRAGMENT_K SCORES_K
#define SMELT_MATMUL2D_SCRATCH scratch
#define SMELT_MATMUL2D_BACKEND BACKEND
#include "smelt/matmul2d_tmpl.glsl"

// values += P V: the left operand is the scores' tensor, rounded to f16.
#define SMELT_MATMUL2D values
#define SMELT_MATMUL2D_SCOPE SMELT_SCOPE_WORKGROUP
#define SMELT_MATMUL2D_M ROWS
#define SMELT_MATMUL2D_N HEAD_DIM
#define SMELT_MATMUL2D_K KEYS
#define SMELT_MATMUL2D_TILE_K KEYS
#define SMELT_MATMUL2D_TRANSPOSE_LEFT 0
#define SMELT_MATMUL2D_TRANSPOSE_RIGHT 0
#define SMELT_MATMUL2D_ACCUMULATE 1
#define SMELT_MATMUL2D_BIAS 0
#define SMELT_MATMUL2D_ACTIVATION SMELT_ACTIVATION_NONE
#define SMELT_MATMUL2D_EPILOGUE 0
#define SMELT_MATMUL2D_RELAXED 0
#define SMELT_MATMUL2D_SOURCE_LEFT SMELT_SOURCE_COOPERATIVE
#define SMELT_MATMUL2D_LEFT scores_result
#define SMELT_MATMUL2D_SOURCE_RIGHT SMELT_SOURCE_SHARED
#define SMELT_MATMUL2D_RIGHT_SHARED blocks
#define SMELT_MATMUL2D_RIGHT_PITCH PITCH
#define SMELT_MATMUL2D_STORED_LEFT SMELT_DTYPE_F16
#define SMELT_MATMUL2D_STORED SMELT_DTYPE_F16
#define SMELT_MATMUL2D_SCALE SMELT_SCALE_NONE
#define SMELT_MATMUL2D_COMPUTED SMELT_DTYPE_F16
#define SMELT_MATMUL2D_ACCUMULATED SMELT_DTYPE_F32
#define SMELT_MATMUL2D_ALIGNMENT 8
#define SMELT_MATMUL2D_SUBGROUP_SIZE SUBGROUP_SIZE
#define SMELT_MATMUL2D_SUBGROUPS_M SUBGROUPS
#define SMELT_MATMUL2D_SUBGROUPS_N 1
#define SMELT_MATMUL2D_FRAGMENT_M VALUES_M
#define SMELT_MATMUL2D_FRAGMENT_N VALUES_N
#define SMELT_MATMUL2D_FRAGMENT_K VALUES_K
#define SMELT_MATMUL2D_SCRATCH scratch
#define SMELT_MATMUL2D_BACKEND BACKEND
#include "smelt/matmul2d_tmpl.glsl"

// Rows of all tensors are HEAD_DIM elements; tokens are what follow each other.
#define SMELT_TENSOR input
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR result
#define SMELT_DTYPE SMELT_DTYPE_F16
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_WRITE
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_TENSOR lengths
#define SMELT_DTYPE SMELT_DTYPE_U32
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
#define SMELT_COOPERATIVE query
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F16
#define SMELT_COOPERATIVE_BACKEND BACKEND
#define SMELT_COOPERATIVE_TENSOR input_f16_2_r_0x0
#define SMELT_COOPERATIVE_TENSOR_DTYPE SMELT_DTYPE_F16
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_READ
#include "smelt/cooperative_tensor_tmpl.glsl"
#define SMELT_COOPERATIVE values_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND BACKEND
#define SMELT_COOPERATIVE_TENSOR result_f16_2_w_0x0
#define SMELT_COOPERATIVE_TENSOR_DTYPE SMELT_DTYPE_F16
#define SMELT_COOPERATIVE_TENSOR_ACCESS SMELT_ACCESS_WRITE
#include "smelt/cooperative_tensor_tmpl.glsl"

// --- The softmax ---------------------------------------------------------------------------------------

const float never =
    -1e30; // the score of a key that a query does not see; finite, so that differences are numbers
const float to_exponent = SCALE * 1.44269504088896340736; // exp(SCALE x) = exp2(to_exponent x)

uint first_row, first_key, key_count;

float masked(float v, uvec2 place)
{
    uint key = first_key + place.y;
    return key < key_count && (CAUSAL == 0 || key <= first_row + place.x) ? v : never;
}
float larger(float v, float score) // maxima are exponents
{
    return max(v, score * to_exponent);
}
float exponential(float score, float maximum)
{
    return exp2(fma(score, to_exponent, -maximum));
}
float decay(float v, float maximum)
{
    return exp2(v - maximum);
}
float product(float v, float other)
{
    return v * other;
}
float sum(float v, float other)
{
    return v + other;
}
float quotient(float v, float other)
{
    return v / other;
}

#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND BACKEND
#define SMELT_COOPERATIVE_MAP scores_mask
#define SMELT_COOPERATIVE_FUNCTION masked
#include "smelt/cooperative_map_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND BACKEND
#define SMELT_COOPERATIVE_AXIS 1
#define SMELT_COOPERATIVE_REDUCTION SMELT_REDUCE_MAX
#define SMELT_COOPERATIVE_REDUCE scores_max
#define SMELT_COOPERATIVE_NO_NAN // it reaches the result by its exponential
#include "smelt/cooperative_reduce_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND BACKEND
#define SMELT_COOPERATIVE_AXIS 1
#define SMELT_COOPERATIVE_REDUCTION SMELT_REDUCE_SUM
#define SMELT_COOPERATIVE_REDUCE scores_sum
#include "smelt/cooperative_reduce_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP scores_exponential
#define SMELT_COOPERATIVE_FUNCTION exponential
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_larger
#define SMELT_COOPERATIVE_FUNCTION larger
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_decay
#define SMELT_COOPERATIVE_FUNCTION decay
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_multiply
#define SMELT_COOPERATIVE_FUNCTION product
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result_per_row
#define SMELT_COOPERATIVE_OTHER scores_result_per_row
#define SMELT_COOPERATIVE_ZIP rows_add
#define SMELT_COOPERATIVE_FUNCTION sum
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE scores_result
#define SMELT_COOPERATIVE_TO values_result
#define SMELT_COOPERATIVE_DTYPE SMELT_DTYPE_F32
#define SMELT_COOPERATIVE_BACKEND BACKEND
#include "smelt/cooperative_transfer_tmpl.glsl"
#define SMELT_COOPERATIVE values_result
#define SMELT_COOPERATIVE_OTHER values_result_per_row
#define SMELT_COOPERATIVE_ZIP values_multiply
#define SMELT_COOPERATIVE_FUNCTION product
#include "smelt/cooperative_zip_tmpl.glsl"
#define SMELT_COOPERATIVE values_result
#define SMELT_COOPERATIVE_OTHER values_result_per_row
#define SMELT_COOPERATIVE_ZIP values_divide
#define SMELT_COOPERATIVE_FUNCTION quotient
#include "smelt/cooperative_zip_tmpl.glsl"

// --- The kernel ----------------------------------------------------------------------------------------

// As attention.c writes it. The tokens of one head follow each other, the heads of one batch too.
layout(push_constant, scalar) uniform push
{
    uvec2 q, k, v, o, lengths; // addresses
    uint queries, keys, heads;
};

uvec2 of_head(uvec2 first, uint tokens)
{
    uint high, low, carry;
    umulExtended(gl_WorkGroupID.y, tokens * HEAD_DIM * 2u, high, low);
    first.x = uaddCarry(first.x, low, carry);
    return uvec2(first.x, first.y + high + carry);
}

// A block of keys or values on its way to shared memory: rows from token `first` on; those from `end` on become 0.
#define GROUPS (KEYS * HEAD_DIM / 8)
#define EACH ((GROUPS + THREADS - 1) / THREADS)
void fetch(out uvec4 block[EACH], uvec2 head, uint first, uint end)
{
    [[unroll]] for (uint i = 0u; i < EACH; i++)
    {
        uint at = gl_LocalInvocationIndex + i * THREADS, token = first + at / (HEAD_DIM / 8);
        block[i] = smelt_words4_data(head).e[min(token, keys - 1u) * (HEAD_DIM / 8) + at % (HEAD_DIM / 8)];
        block[i] = token < end ? block[i] : uvec4(0u);
    }
}

void put(uvec4 block[EACH], uint to)
{
    [[unroll]] for (uint i = 0u; i < EACH; i++)
    {
        uint at = gl_LocalInvocationIndex + i * THREADS;
        if (GROUPS % THREADS == 0 || at < GROUPS)
            blocks[to + at / (HEAD_DIM / 8) * PITCH + at % (HEAD_DIM / 8)] = block[i];
    }
}

void main()
{
    first_row = gl_WorkGroupID.x * ROWS;
    lengths_u32_1_r_0 known = lengths_u32_1_r_0(smelt_u32_r_data(lengths), uint[1](~0u), uint[1](1u));
    key_count = min(smelt_load(known, gl_WorkGroupID.y / heads), keys);
    uint end = CAUSAL != 0 ? min(key_count, first_row + ROWS) : key_count;

    input_f16_2_r_0x0 q_head = input_f16_2_r_0x0(smelt_u16_r_data(of_head(q, queries)),
                                                 uint[2](queries, HEAD_DIM), uint[2](HEAD_DIM, 1u));
    uvec2 k_first = of_head(k, keys), v_first = of_head(v, keys);
    uvec4 k_block[EACH], v_block[EACH];
    fetch(k_block, k_first, 0u, key_count);
    fetch(v_block, v_first, 0u, key_count);

    query own;
    smelt_load(own, q_head, first_row, 0u);
    values_result result;
    smelt_fill(result, 0.0);
    scores_result_per_row maximum, total;
    smelt_fill(maximum, never);
    smelt_fill(total, 0.0);
    [[dont_unroll]] for (first_key = 0u; first_key < end; first_key += KEYS)
    {
        scores_result s;
        barrier();
        put(k_block, 0u);
        fetch(k_block, k_first, first_key + KEYS, key_count); // while this block is worked on
#if BOTH
        put(v_block, KEYS * PITCH);
        fetch(v_block, v_first, first_key + KEYS, key_count);
#endif
        barrier();
        scores_run(s, own, 0u, 0u, 0u);
        if (first_key + KEYS > key_count || (CAUSAL != 0 && first_key + KEYS > first_row + 1u))
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
#if BOTH
        values_run(result, s, KEYS * PITCH, 0u, 0u);
#else
        put(v_block, 0u); // scores_run has ended with a barrier, values_run begins with one
        fetch(v_block, v_first, first_key + KEYS, key_count);
        values_run(result, s, 0u, 0u, 0u);
#endif
    }
    values_result_per_row divisor;
    smelt_transfer(divisor, total);
    values_divide(result, divisor);
    result_f16_2_w_0x0 o_head;
    o_head.data = smelt_u16_w_data(of_head(o, queries));
    o_head.extent = uint[2](queries, HEAD_DIM);
    o_head.stride = uint[2](HEAD_DIM, 1u);
    smelt_store(result, o_head, first_row, 0u);
}
