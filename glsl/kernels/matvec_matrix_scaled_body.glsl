// SPDX-License-Identifier: MIT
// matvec_matrix_scaled_body.glsl: products of 1 to 8 vectors of f16, the rows of a, with a quantised matrix b, stored [n][k], by
// the device's matrices, which cost no more than reading the matrix. No operand passes shared memory: an invocation reads 16
// bytes of a row of b at a time, CHUNK terms, which become, as integers, exact in f16, the elements that it has of some left
// matrices. The four chunks of a left matrix' row have scales of their own, so they get sums of their own: of the eight
// columns of a right matrix four are of one vector, each with the terms of one chunk and zeros for the rest. Scales multiply
// these sums. All sums are of f32.
//
// See matvec_matrix_head.glsl, which comes before. The includer's, besides: KERNEL_SCALE_STORED (F16), KERNEL_ZERO_STORED,
// KERNEL_ZERO, KERNEL_BLOCK as matvec_scaled_body.glsl takes them. A chunk divides the block or the block is all terms; where
// it is one, the scales of two blocks are read at once: their number is even, they follow each other and their rows
// begin at multiples of 4 bytes.
#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I8 || KERNEL_RIGHT_STORED == SMELT_DTYPE_U8
#define CHUNK 16
#else
#define CHUNK 32
#endif
#if KERNEL_RIGHT_STORED == SMELT_DTYPE_I4
#define FLIPPED 0x64086408u
#define EXCESS 1032.0
#elif KERNEL_RIGHT_STORED == SMELT_DTYPE_I8
#define FLIPPED 0x64806480u
#define EXCESS 1152.0
#else
#define FLIPPED 0x64006400u
#define EXCESS 1024.0
#endif
#if KERNEL_VECTORS > 2
#define STEPS 2 // loads of a row on their way: together they keep the memory busy
#else
#define STEPS 1
#endif
#define QUAD (4u * CHUNK)
#define ROUND (SUBGROUPS * STEPS * QUAD) // terms of the workgroup; those of a subgroup follow each other
#define RIGHTS ((KERNEL_VECTORS + 1) / 2)

#define SMELT_TENSOR scale
#define SMELT_DTYPE KERNEL_SCALE_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#if KERNEL_ZERO != SMELT_ZERO_NONE
#define SMELT_TENSOR zero
#define SMELT_DTYPE KERNEL_ZERO_STORED
#define SMELT_RANK 2
#define SMELT_ACCESS SMELT_ACCESS_READ
#define SMELT_EXTENT0 0
#define SMELT_EXTENT1 0
#include "smelt/tensor_tmpl.glsl"
#endif

uvec2 scales()
{
    return of_batch(scale, batch_scale, KERNEL_BITS(KERNEL_SCALE_STORED));
}

float scale_of(uint row, uint k)
{
    KERNEL_TENSOR(scale, KERNEL_SCALE_STORED, _2_r_0x0) s;
    s.data = KERNEL_DATA(KERNEL_SCALE_STORED, _r_data)(scales());
    return smelt_load_at(s, row * stride_scale[0] + k / KERNEL_BLOCK * stride_scale[1]);
}

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

// Zero point or offset of a row's term k.
float zero_of(uint row, uint k)
{
#if KERNEL_ZERO != SMELT_ZERO_NONE
    KERNEL_TENSOR(zero, KERNEL_ZERO_STORED, _2_r_0x0) z;
    z.data =
        KERNEL_DATA(KERNEL_ZERO_STORED, _r_data)(of_batch(zero, batch_zero, KERNEL_BITS(KERNEL_ZERO_STORED)));
    return float(smelt_load_at(z, row * stride_zero[0] + k / KERNEL_BLOCK * stride_zero[1]));
#else
    return 0.0;
#endif
}

// Pair i of a chunk. Integers become the last bits of 1024: a conversion takes several times as long.
f16vec2 matrix_pair(uvec4 words, uint i, f16vec2 excess)
{
#if CHUNK == 16
    return unpackFloat2x16((words[i / 2u] >> 8u * (i % 2u) & 0x00ff00ffu) ^ FLIPPED) - excess;
#else
    uint word = words[i / 4u] >> 8u * (i % 4u / 2u);
    if (i % 2u == 0u)
        return unpackFloat2x16((word & 0x000f000fu) ^ FLIPPED) - excess;
    return fma(unpackFloat2x16((word & 0x00f000f0u) ^ (0x64006400u | (FLIPPED & 0x00ff00ffu) << 4u)),
               f16vec2(0.0625), f16vec2(960.0) - excess); // 16 times as much over 1024
#endif
}

// Pair i of eight terms of a vector, as those of the matrix: elements that are unpacked at once.
uint vector_pair(uvec4 x, uint i)
{
#if CHUNK == 16
    uint low = x[i / 2u * 2u], high = x[i / 2u * 2u + 1u];
#else
    uint low = x[i / 2u], high = x[i / 2u + 2u];
#endif
    return i % 2u == 0u ? (low & 0xffffu) | high << 16u : low >> 16u | (high & 0xffff0000u);
}

float element(operands o, uint row, uint k)
{
    uint bits = 128 / CHUNK, at = k % CHUNK;
    uint word = smelt_words1_data(o.matrix).e[(row * o.step + k) / (32u / bits)];
    uint one = bitfieldExtract(word, int(at * bits % 32u), int(bits));
    float excess = zero_of(row, k), offset = 0.0;
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
    offset = excess;
    excess = 0.0;
#endif
    one ^= FLIPPED & 0xffu;
    return fma(float(int(one)) - (EXCESS - 1024.0) - excess, scale_of(row, k), offset);
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

RIGHT right_of(uvec4 x, uint i)
{
    RIGHT b;
    [[unroll]] for (uint j = 0u; j < 2u; j++)
    {
        f16vec2 pair = unpackFloat2x16(vector_pair(x, i + j));
        b[2u * j] = pair.x;
        b[2u * j + 1u] = pair.y;
    }
    return b;
}

void add(operands o, uint first)
{
    uint lane = gl_SubgroupInvocationID, g = lane / 4u, t = lane % 4u;
    uint k = gl_SubgroupID * (STEPS * QUAD);
    float sums[2][RIGHTS][2];
    [[unroll]] for (uint v = 0u; v < RIGHTS; v++) [[unroll]] for (uint i = 0u; i < 4u; i++)
        sums[i / 2u][v][i % 2u] = 0.0;
    chunk c[STEPS][2];
    [[unroll]] for (uint p = 0u; p < STEPS; p++) fetch(c[p], o, first, k + p * QUAD);
    for (uint from = k; from < o.terms; from += ROUND) {
        [[unroll]] for (uint p = 0u; p < STEPS; p++)
        {
            uint at = from + p * QUAD + t * CHUNK;
            bool own =
                t == g % 4u && at < o.terms; // what is of other columns or beyond the last term counts as 0
            chunk now[2] = c[p];
            fetch(c[p], o, first, from + p * QUAD + ROUND);
            SUMS parts[RIGHTS], alls[RIGHTS]; // of the products, of the vector alone
            [[unroll]] for (uint v = 0u; v < RIGHTS; v++) parts[v] = alls[v] = SUMS(0.0);
            [[unroll]] for (uint eight = 0u; eight < CHUNK / 8u; eight++)
            {
                uvec4 x[RIGHTS];
                [[unroll]] for (uint v = 0u; v < RIGHTS; v++)
                {
                    uint vector = min(2u * v + g / 4u, KERNEL_VECTORS - 1u);
                    x[v] = vector_words(o, vector, own ? at + 8u * eight : 0u);
                    x[v] = own ? x[v] : uvec4(0u);
                }
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
                    [[unroll]] for (uint v = 0u; v < RIGHTS; v++)
                    {
                        RIGHT b = right_of(x[v], i);
                        parts[v] = coopMatMulAdd(a, b, parts[v]);
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
                        alls[v] = coopMatMulAdd(LEFT(1.0), b, alls[v]);
#endif
                    }
                }
            }
            [[unroll]] for (uint v = 0u; v < RIGHTS; v++) [[unroll]] for (uint i = 0u; i < 4u; i++)
            {
                float sum = fma(parts[v][i], now[i / 2u].scale[i % 2u], sums[i / 2u][v][i % 2u]);
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
                sum = fma(alls[v][i], now[i / 2u].zero[i % 2u], sum);
#endif
                sums[i / 2u][v][i % 2u] = sum;
            }
        }
    }
    [[unroll]] for (uint i = 0u; i < 2u * RIGHTS; i++)
    {
        uint h = i / RIGHTS, v = i % RIGHTS, row = g + 8u * h;
        pool[gl_SubgroupID * PITCH + (row * 8u + 2u * v) * 2u + t] = sums[h][v][0] + sums[h][v][1];
    }
}
