// SPDX-License-Identifier: MIT
// matvec_matrix_body.glsl: products of a matrix, of f16 or quantised, with 1 to 8 vectors of f16 by the device's 16x8x16
// matrices, which cost no more than reading the matrix. No operand passes shared memory: an invocation reads 16 bytes of a
// row at a time, which become the elements that it has of some left matrices, and what belongs to them of a vector, which
// it has of the right ones. So the terms of the sum are in another order, the same in both. The subgroups of a workgroup
// take different terms of the same rows. Sums are of f32; what is quantised becomes f16 before, rounded once.
//
// matmul2d_head.glsl and matvec_store.glsl come before. The includer's, besides theirs: KERNEL_TILES (of 16 rows, that a
// workgroup takes); KERNEL_ALONG (1: a vector's elements
// follow each other; 0: the vectors' elements of one term do, then the matrix is of f16); and of a quantised matrix
// KERNEL_SCALE_STORED (F16), KERNEL_ZERO_STORED, KERNEL_ZERO, KERNEL_BLOCK as matvec_scaled_body.glsl takes them. 16 bytes of
// the matrix divide its rows, their distance and the block. Subgroups have 32 invocations.
//
// Which elements of a matrix an invocation has is the driver's affair: a table shows it. Where it is not as on the devices
// that this is written for, every element is read by its own place, slowly.
#include "smelt/memory.glsl"

#define TILES KERNEL_TILES
#define SUBGROUPS 16 // that share the terms of some rows
#if KERNEL_SWAPPED != 0
#define STORED KERNEL_RIGHT_STORED
#else
#define STORED KERNEL_LEFT_STORED
#endif
// Elements in 16 bytes of the matrix, and how far the two of a pair are apart: those that are unpacked at once.
#if STORED == SMELT_DTYPE_F16
#define PER 8
#define GAP 1
#elif STORED == SMELT_DTYPE_I8 || STORED == SMELT_DTYPE_U8
#define PER 16
#define GAP 2
#else
#define PER 32
#define GAP 4
#endif
#if STORED == SMELT_DTYPE_I4
#define FLIPPED 0x64086408u
#define EXCESS 1032.0
#elif STORED == SMELT_DTYPE_I8
#define FLIPPED 0x64806480u
#define EXCESS 1152.0
#else
#define FLIPPED 0x64006400u
#define EXCESS 1024.0
#endif
#define PAIRS (PER / 2)
#define QUAD (4 * PER) // terms of a subgroup at a time
// Loads of a row before they are used: together they keep the memory busy.
#if STORED == SMELT_DTYPE_F16
#define STEPS 2
#else
#define STEPS 4
#endif

#define LEFT coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, 16, 8, gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeSubgroup, 16, 8, gl_MatrixUseAccumulator>

layout(local_size_x = 32 * SUBGROUPS) in;
#if (SMELT_BACKENDS & SMELT_BACKEND_BIT_COOPMAT) == 0
void main() // the twin that is made for reflection
{
    store(gl_WorkGroupID.x, 0u, float(uint(KERNEL_A.x + KERNEL_B.x)), fixed_m, fixed_n, fixed_stride_d);
}
#else
shared uvec4 pool[SUBGROUPS * TILES * 32]; // first the table, last the sums of each subgroup
shared uint layout_is_another;

struct operands {
    uvec2 matrix, vectors;
    uint lines, terms, step, step_x;
    bool wide; // 16 bytes of a vector can be read at once
};

// --- Elements -------------------------------------------------------------------------------------------

uint vector_element(operands o, uint v, uint k)
{
    uint at = KERNEL_ALONG != 0 ? v * o.step_x + k : k * o.step_x + v;
    return uint(smelt_halfs_data(o.vectors).e[at]);
}

// Pairs of a vector in the order of those of the matrix, from term k on; what is beyond the last is 0.
uint[PAIRS] vector_pairs(operands o, uint v, uint k)
{
    uint x[PAIRS];
    bool inside = k < o.terms;
    uint from = inside ? k : 0u;
    if (KERNEL_ALONG != 0 && o.wide) {
        uint words[PAIRS];
        [[unroll]] for (uint i = 0u; i < PAIRS; i += 4u)
        {
            uvec4 four = smelt_words4_data(o.vectors).e[(v * o.step_x + from) / 8u + i / 4u];
            [[unroll]] for (uint j = 0u; j < 4u; j++) words[i + j] = inside ? four[j] : 0u;
        }
        if (GAP == 1)
            return words;
        [[unroll]] for (uint i = 0u; i < PAIRS; i += 2u)
        {
            // Words i / GAP * GAP + i % GAP / 2, and GAP / 2 further.
            uint low = words[i / GAP * GAP + i % GAP / 2u],
                 high = words[i / GAP * GAP + i % GAP / 2u + GAP / 2u];
            x[i] = (low & 0xffffu) | high << 16u;
            x[i + 1u] = low >> 16u | (high & 0xffff0000u);
        }
        return x;
    }
    [[unroll]] for (uint i = 0u; i < PAIRS; i++)
    {
        uint at = from + i / GAP * (2u * GAP) + i % GAP;
        uint pair = vector_element(o, v, at) | vector_element(o, v, at + GAP) << 16u;
        x[i] = inside ? pair : 0u;
    }
    return x;
}

#if STORED != SMELT_DTYPE_F16
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

// Scale, and zero point or offset, of term k of a row.
f16vec2 scale_of(uint row, uint k)
{
    KERNEL_TENSOR(scale, KERNEL_SCALE_STORED, _2_r_0x0) s;
    s.data = KERNEL_DATA(KERNEL_SCALE_STORED,
                         _r_data)(of_batch(scale, batch_scale, KERNEL_BITS(KERNEL_SCALE_STORED)));
    vec2 found = vec2(0.0);
    found.x = smelt_load_at(s, row * stride_scale[0] + k / KERNEL_BLOCK * stride_scale[1]);
#if KERNEL_ZERO != SMELT_ZERO_NONE
    KERNEL_TENSOR(zero, KERNEL_ZERO_STORED, _2_r_0x0) z;
    z.data =
        KERNEL_DATA(KERNEL_ZERO_STORED, _r_data)(of_batch(zero, batch_zero, KERNEL_BITS(KERNEL_ZERO_STORED)));
    found.y = float(smelt_load_at(z, row * stride_zero[0] + k / KERNEL_BLOCK * stride_zero[1]));
#endif
    return f16vec2(found);
}
#else
f16vec2 scale_of(uint row, uint k)
{
    return f16vec2(1.0);
}
#endif

// Pair i of 16 bytes. Integers become the last bits of 1024: a conversion takes several times as long.
uint matrix_pair(uvec4 words, uint i, f16vec2 scale)
{
#if STORED == SMELT_DTYPE_F16
    return words[i];
#else
    uint word = words[i / GAP];
    f16vec2 excess = f16vec2(EXCESS);
#if KERNEL_ZERO == SMELT_ZERO_POINT
    excess += scale.yy;
#endif
#if PER == 16
    f16vec2 q = unpackFloat2x16((word >> 8u * (i % GAP) & 0x00ff00ffu) ^ FLIPPED) - excess;
#else
    f16vec2 q;
    word >>= 8u * (i % GAP / 2u);
    if (i % 2u == 0u)
        q = unpackFloat2x16((word & 0x000f000fu) ^ FLIPPED) - excess;
    else // 16 times as much over 1024
        q = fma(unpackFloat2x16((word & 0x00f000f0u) ^ (0x64006400u | (FLIPPED & 0x00ff00ffu) << 4u)),
                f16vec2(0.0625), f16vec2(960.0) - excess);
#endif
#if KERNEL_ZERO == SMELT_ZERO_OFFSET
    return packFloat2x16(fma(q, scale.xx, scale.yy));
#else
    return packFloat2x16(q * scale.xx);
#endif
#endif
}

// --- Where elements are as they are expected --------------------------------------------------------------

// Of an invocation with row g and quarter t: rows g and g + 8, columns 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of a left matrix,
// those rows of column g of a right one. It brings the terms that it has read in these places.
void add_fast(inout SUMS sums[TILES], operands o, uint first)
{
    uint lane = gl_SubgroupInvocationID, g = lane / 4u, t = lane % 4u;
    uint vector = min(g, KERNEL_VECTORS - 1u);
    for (uint from = gl_SubgroupID * QUAD; from < o.terms; from += STEPS * SUBGROUPS * QUAD) {
        uvec4 w[STEPS][TILES][2];
        f16vec2 s[STEPS][TILES][2];
        [[unroll]] for (uint p = 0u; p < STEPS; p++) [[unroll]] for (uint r = 0u; r < TILES; r++)
            [[unroll]] for (uint h = 0u; h < 2u; h++)
        {
            uint k = from + p * (SUBGROUPS * QUAD) + t * PER;
            uint row = min(first + r * 16u + h * 8u + g, o.lines - 1u), at = min(k, o.terms - PER);
            w[p][r][h] = smelt_words4_data(o.matrix).e[row * (o.step / PER) + at / PER];
            s[p][r][h] = scale_of(row, at);
#if STORED == SMELT_DTYPE_F16 // what is beyond the last term counts as 0
            w[p][r][h] = k < o.terms ? w[p][r][h] : uvec4(0u);
#else
            s[p][r][h] = k < o.terms ? s[p][r][h] : f16vec2(0.0);
#endif
        }
        [[unroll]] for (uint p = 0u; p < STEPS; p++)
        {
            uint x[PAIRS] = vector_pairs(o, vector, from + p * (SUBGROUPS * QUAD) + t * PER);
            [[unroll]] for (uint i = 0u; i < PAIRS; i += 2u)
            {
                RIGHT b;
                [[unroll]] for (uint j = 0u; j < 2u; j++)
                {
                    f16vec2 pair = unpackFloat2x16(x[i + j]);
                    b[2u * j] = pair.x;
                    b[2u * j + 1u] = pair.y;
                }
                [[unroll]] for (uint r = 0u; r < TILES; r++)
                {
                    LEFT a;
                    [[unroll]] for (uint j = 0u; j < 4u; j++)
                    {
                        f16vec2 pair =
                            unpackFloat2x16(matrix_pair(w[p][r][j / 2u], i + j % 2u, s[p][r][j / 2u]));
                        a[2u * j] = pair.x;
                        a[2u * j + 1u] = pair.y;
                    }
                    sums[r] = coopMatMulAdd(a, b, sums[r]);
                }
            }
        }
    }
}

// --- Where they are not -----------------------------------------------------------------------------------

float16_t matrix_element(operands o, uint row, uint k)
{
    uint at = k % PER, pair = at / (2u * GAP) * GAP + at % GAP;
    uvec4 words = smelt_words4_data(o.matrix).e[row * (o.step / PER) + k / PER];
    uint found = 0u;
    [[unroll]] for (uint i = 0u; i < PAIRS; i++) if (i == pair) found =
        matrix_pair(words, i, scale_of(row, k));
    return unpackFloat2x16(found)[at / GAP % 2u];
}

void add_slow(inout SUMS sums[TILES], operands o, uint first, LEFT left_places, RIGHT right_places)
{
    for (uint from = gl_SubgroupID * 16u; from < o.terms; from += SUBGROUPS * 16u) {
        RIGHT b;
        [[unroll]] for (int i = 0; i < b.length(); i++)
        {
            uint place = uint(right_places[i]), k = from + place / 16u;
            uint v = min(place % 16u, KERNEL_VECTORS - 1u);
            b[i] = k < o.terms ? unpackFloat2x16(vector_element(o, v, k)).x : float16_t(0.0);
        }
        [[unroll]] for (uint r = 0u; r < TILES; r++)
        {
            LEFT a;
            [[unroll]] for (int i = 0; i < a.length(); i++)
            {
                uint place = uint(left_places[i]), row = min(first + r * 16u + place / 16u, o.lines - 1u);
                uint k = from + place % 16u;
                a[i] = k < o.terms ? matrix_element(o, row, k) : float16_t(0.0);
            }
            sums[r] = coopMatMulAdd(a, b, sums[r]);
        }
    }
}

// --- The kernel -------------------------------------------------------------------------------------------

// Whether this invocation's elements of the table, 16 row + column, are those that add_fast takes them for.
bool is_expected(LEFT left_places, RIGHT right_places)
{
    uint lane = gl_SubgroupInvocationID, g = lane / 4u, t = lane % 4u;
    bool same = left_places.length() == 8 && right_places.length() == 4;
    [[unroll]] for (uint i = 0u; i < 8u; i++) same =
        same && uint(left_places[i]) == (g + (i & 4u) * 2u) * 16u + 2u * t + (i & 1u) + (i & 2u) * 4u;
    [[unroll]] for (uint i = 0u; i < 4u; i++) same =
        same && uint(right_places[i]) == (2u * t + (i & 1u) + (i & 2u) * 4u) * 16u + g;
    return same;
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
    o.wide = (o.vectors.x & 15u) == 0u && (o.step_x % 8u == 0u || KERNEL_VECTORS == 1) && o.terms % 8u == 0u;

    if (index < 32u) [[unroll]]
        for (uint i = 0u; i < 4u; i++)
            pool[index][i] =
                packFloat2x16(f16vec2(float(8u * index + 2u * i), float(8u * index + 2u * i + 1u)));
    if (index == 0u)
        layout_is_another = 0u;
    barrier();
    LEFT left_places;
    RIGHT right_places;
    coopMatLoad(left_places, pool, 0, 2, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(right_places, pool, 0, 2, gl_CooperativeMatrixLayoutRowMajor);
    if (!is_expected(left_places, right_places))
        layout_is_another = 1u;
    barrier();
    SUMS sums[TILES];
    [[unroll]] for (uint r = 0u; r < TILES; r++) sums[r] = SUMS(0.0);
    if (layout_is_another == 0u)
        add_fast(sums, o, first);
    else
        add_slow(sums, o, first, left_places, right_places);
    [[unroll]] for (uint r = 0u; r < TILES; r++)
        coopMatStore(sums[r], pool, (gl_SubgroupID * TILES + r) * 32u, 2, gl_CooperativeMatrixLayoutRowMajor);
    barrier();
    uint line = index / 8u, v = index % 8u;
    if (line < 16u * TILES && v < KERNEL_VECTORS && first + line < o.lines) {
        float sum = 0.0;
        [[unroll]] for (uint s = 0u; s < SUBGROUPS; s++) sum +=
            uintBitsToFloat(pool[s * (TILES * 32u) + line * 2u + v / 4u][v % 4u]);
        store(first + line, v, sum, rows, columns, step_d);
    }
}
#endif
