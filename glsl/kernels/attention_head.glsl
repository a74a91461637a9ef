// SPDX-License-Identifier: MIT
// attention_head.glsl: what the parts of attention_body.glsl share: constants, shared memory, and where a workgroup stands.
//
// src/kernels_attention.c defines, each with KERNEL_ in front: STORED (the tensors' type), TYPE and TAG (its storage type, and
// its name in tensor types), COMPUTED (what products take), SIZE and VALUE_SIZE (elements of a head), HEAD and VALUE_HEAD (filled
// up with zeros to whole fragments), ROWS, KEYS, SUBGROUP_SIZE, SUBGROUPS, how tiles are cut (QUERY_x, SCORES_x, VALUES_x),
// SCRATCH (uvec4), VECTORS (1: rows begin and end at multiples of what a load moves), CAUSAL, LENGTHS, CAP (0 or 1), MASK (a
// type, 0: none), BACKEND.
#define THREADS (KERNEL_SUBGROUP_SIZE * KERNEL_SUBGROUPS)
layout(local_size_x = THREADS) in;
layout(constant_id = 0) const uint scale_bits = 0u; // of f32
layout(constant_id = 1) const uint cap_bits = 0u;
layout(constant_id = 2) const uint shared_by = 1u; // heads of queries that have one head of keys

// src/kernels_attention.c's, word for word. Strides: batch, head, token; of the mask also key, 0 where it has one for all.
layout(push_constant, scalar) uniform push
{
    uvec2 q, k, v, y, mask, lengths; // addresses
    uint queries, keys, past;
    uint stride_q[3], stride_k[3], stride_v[3], stride_y[3], stride_mask[4];
};

#if SMELT_BACKEND_DEFAULT != KERNEL_BACKEND
void main() // the twin that is made for reflection; all else is left out, to the end of attention_body.glsl
{
}
#else
#include "smelt/memory.glsl"
#include "smelt/numeric.glsl"
#include "smelt/tensor_data.glsl"

shared uvec4 scratch[KERNEL_SCRATCH];

// AHEAD: blocks of keys and values are read while those before are worked on. Not on PORTABLE, whose products want the registers,
// and which is unrolled enough without it: drivers took half as long again to compile it.
#define AHEAD (KERNEL_BACKEND != SMELT_BACKEND_PORTABLE)

// Blocks of keys and of values in shared memory, as the products take them: EACH elements in a uvec4. Where the left operands
// stay in registers nothing else is there, and there is room for both.
#if KERNEL_COMPUTED == SMELT_DTYPE_F16
#define EACH 8
#else
#define EACH 4
#endif
#define KEY_PITCH (KERNEL_HEAD / EACH + 1)
#define VALUE_PITCH (KERNEL_VALUE_HEAD / EACH + 1)
#if KERNEL_BACKEND == SMELT_BACKEND_COOPMAT2
#define VALUES_AT (KERNEL_KEYS * KEY_PITCH)
shared uvec4 blocks[VALUES_AT + KERNEL_KEYS * VALUE_PITCH];
#else
#define VALUES_AT 0
shared uvec4 blocks[KERNEL_KEYS * (KEY_PITCH > VALUE_PITCH ? KEY_PITCH : VALUE_PITCH)];
#endif

uint first_row, first_key, key_count; // of this workgroup, of this block, of the batch
int visible; // causal: row i sees keys up to i + visible
uvec2 head_mask;

uvec2 element(uvec2 address, uint index, uint size)
{
    uint high, low, carry;
    umulExtended(index, size, high, low);
    address.x = uaddCarry(address.x, low, carry);
    return uvec2(address.x, address.y + high + carry);
}

uvec2 of_head(uvec2 address, uint strides[3], uint head, uint size)
{
    return element(address, gl_WorkGroupID.z * strides[0] + head * strides[1], size);
}
