// SPDX-License-Identifier: MIT
// reduce_line_tmpl.glsl: the elements of a device tensor along one axis, 16 bytes at a time where they lie so; part of
// reduce_tmpl.glsl, softmax_tmpl.glsl, layer_norm_tmpl.glsl and rms_norm_tmpl.glsl.
//
// what    a line is what remains of a tensor when all indices but one are given. It is read in chunks of `per` elements;
//         a chunk begins at any index, also before the line's first element (below 0: as 2^32 - k) or behind its last
// params  all required, all undefined afterwards:
//         SMELT_LINE         name
//         SMELT_LINE_TENSOR  type of the tensor, made by tensor_tmpl.glsl
//         SMELT_LINE_DTYPE   its element type
//         SMELT_LINE_RANK    its rank, 1 to 16
//         SMELT_LINE_AXIS    the axis, 0 to RANK - 1
//         SMELT_LINE_WRITE   1: lines are written; 0: read
// makes   with V4 = vec4, ivec4 or uvec4, by the element type:
//         struct NAME: uint n, the number of elements; uint lead: where the first lies in its 16 bytes; bool dense:
//                                                        neighbours lie side by side
//         const uint NAME_per, NAME_fours     elements of a chunk; a quarter of that
//         NAME NAME_open(T t, uint place[RANK])          place[AXIS] is not looked at
//         uint NAME_chunks(NAME l), NAME_inside(NAME l)  chunk c begins at element c per - lead: how many there are, and
//                                                        the end of those that lie inside (the first does if lead is 0)
//         uvec4 NAME_words(NAME l, uint c)               chunk c of a dense line, inside
//         uvec4 NAME_read(NAME l, uint i)                the chunk from element i on; what lies outside counts as 0
//         uvec4 NAME_read_inside(NAME l, uint i)         the same where all of it lies in the line
//         void NAME_write(NAME l, uint i, uvec4 chunk)   what lies outside is dropped
//         V4 NAME_four(uvec4 chunk, int q)               its elements 4 q to 4 q + 3
//         void NAME_set(inout uvec4 chunk, int q, V4 v)  the same back; float types only
// errors  read: exact, but subnormal f16, f8e4m3 and f8e5m2 elements may count as 0. set: one rounding, of f16 in the
//         device's direction (at most 2^-10 |v|), else to nearest even; results subnormal in f16 may become 0
// needs   base.glsl, memory.glsl and numeric.glsl; the tensor's data aligned to an element
// source  tensor_tmpl.glsl

// How the elements lie in words, and what they are.
#if SMELT_LINE_DTYPE == SMELT_DTYPE_F32 || SMELT_LINE_DTYPE == SMELT_DTYPE_I32 ||                            \
    SMELT_LINE_DTYPE == SMELT_DTYPE_U32
#define SMELT_LINE_SIZE 4
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F16 || SMELT_LINE_DTYPE == SMELT_DTYPE_BF16 ||                         \
    SMELT_LINE_DTYPE == SMELT_DTYPE_I16 || SMELT_LINE_DTYPE == SMELT_DTYPE_U16
#define SMELT_LINE_SIZE 2
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_I4 || SMELT_LINE_DTYPE == SMELT_DTYPE_U4
#define SMELT_LINE_SIZE 0
#else
#define SMELT_LINE_SIZE 1
#endif
#if SMELT_LINE_DTYPE <= SMELT_DTYPE_F8E5M2
#define SMELT_LINE_V4 vec4
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_I8 || SMELT_LINE_DTYPE == SMELT_DTYPE_I16 ||                           \
    SMELT_LINE_DTYPE == SMELT_DTYPE_I32 || SMELT_LINE_DTYPE == SMELT_DTYPE_I4
#define SMELT_LINE_V4 ivec4
#else
#define SMELT_LINE_V4 uvec4
#endif
#if SMELT_LINE_DTYPE == SMELT_DTYPE_F32
#define SMELT_LINE_BITS(s) floatBitsToUint(s)
#define SMELT_LINE_STORAGE(b) uintBitsToFloat(b)
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F16 || SMELT_LINE_DTYPE == SMELT_DTYPE_BF16
#define SMELT_LINE_BITS(s) uint(s)
#define SMELT_LINE_STORAGE(b) uint16_t(b)
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F8E4M3 || SMELT_LINE_DTYPE == SMELT_DTYPE_F8E5M2
#define SMELT_LINE_BITS(s) uint(s)
#define SMELT_LINE_STORAGE(b) uint8_t(b)
#elif SMELT_LINE_SIZE == 2
#define SMELT_LINE_BITS(s) (uint(s) & 0xffffu)
#elif SMELT_LINE_SIZE == 1
#define SMELT_LINE_BITS(s) (uint(s) & 0xffu)
#else
#define SMELT_LINE_BITS(s) uint(s)
#endif

// A chunk moved by one element, towards its end or its beginning.
#if SMELT_LINE_SIZE == 0 || SMELT_LINE_SIZE == 4
#define SMELT_LINE_UP(chunk) uvec4(0u, chunk.xyz)
#define SMELT_LINE_DOWN(chunk) uvec4(chunk.yzw, 0u)
#else
#define SMELT_LINE_BITS_OF (8 * SMELT_LINE_SIZE)
#define SMELT_LINE_UP(chunk) (chunk << SMELT_LINE_BITS_OF | uvec4(0u, chunk.xyz >> (32 - SMELT_LINE_BITS_OF)))
#define SMELT_LINE_DOWN(chunk)                                                                               \
    (chunk >> SMELT_LINE_BITS_OF | uvec4(chunk.yzw << (32 - SMELT_LINE_BITS_OF), 0u))
#endif

// 4-bit elements are read one by one, each into a word.
#define SMELT_LINE_PER (SMELT_LINE_SIZE == 0 ? 4u : 16u / uint(max(SMELT_LINE_SIZE, 1)))
const uint SMELT_CAT(SMELT_LINE, _per) = SMELT_LINE_PER;
const int SMELT_CAT(SMELT_LINE, _fours) = int(SMELT_LINE_PER / 4u);

struct SMELT_LINE {
    SMELT_LINE_TENSOR t;
    uint n, first, stride; // first: element offset from t.data
    uint lead;
    bool dense;  // stride 1: words are read
    uvec2 words; // the 16 bytes that the first element lies in
};

SMELT_LINE SMELT_CAT(SMELT_LINE, _open)(SMELT_LINE_TENSOR t, uint place[SMELT_LINE_RANK])
{
    SMELT_LINE l;
    l.t = t;
    place[SMELT_LINE_AXIS] = 0u;
    l.n = smelt_extent(t, SMELT_LINE_AXIS);
    l.stride = smelt_stride(t, SMELT_LINE_AXIS);
    l.first = smelt_offset(t, place);
    l.dense = SMELT_LINE_SIZE != 0 && (l.stride == 1u || l.n == 1u);
    uint low, high, carry;
    umulExtended(l.first, uint(SMELT_LINE_SIZE), high, low);
    uvec2 address = uvec2(t.data);
    address.x = uaddCarry(address.x, low, carry);
    address.y += high + carry;
    l.lead = l.dense ? (address.x & 15u) / max(SMELT_LINE_SIZE, 1) : 0u;
    l.words = uvec2(address.x & ~15u, address.y);
    return l;
}

uint SMELT_CAT(SMELT_LINE, _chunks)(SMELT_LINE l)
{
    return l.n / SMELT_LINE_PER + (l.n % SMELT_LINE_PER + l.lead + SMELT_LINE_PER - 1u) / SMELT_LINE_PER;
}

uint SMELT_CAT(SMELT_LINE, _inside)(SMELT_LINE l)
{
    return l.n / SMELT_LINE_PER + (l.n % SMELT_LINE_PER + l.lead) / SMELT_LINE_PER;
}

#if SMELT_LINE_WRITE == 0
uvec4 SMELT_CAT(SMELT_LINE, _words)(SMELT_LINE l, uint c)
{
    return smelt_words4_data(l.words).e[c];
}

// Chunks hold a 4-bit element as a whole word.
#if SMELT_LINE_SIZE == 0
#define SMELT_LINE_SHIFT(e) 0u
#define SMELT_LINE_WORD(e) (e)
#define SMELT_LINE_GET(i) uint(smelt_load_at(l.t, l.first + (i)*l.stride))
#else
#define SMELT_LINE_SHIFT(e) (8u * SMELT_LINE_SIZE * ((e) % (4u / SMELT_LINE_SIZE)))
#define SMELT_LINE_WORD(e) ((e) / (4u / SMELT_LINE_SIZE))
#define SMELT_LINE_GET(i) SMELT_LINE_BITS(l.t.data.e[l.first + (i)*l.stride])
#endif

uvec4 SMELT_CAT(SMELT_LINE, _read_inside)(SMELT_LINE l, uint i)
{
    if (l.dense && (i + l.lead) % SMELT_LINE_PER == 0u)
        return smelt_words4_data(l.words).e[(i + l.lead) / SMELT_LINE_PER];
    uvec4 chunk = uvec4(0);
    [[unroll]] for (uint e = 0u; e < SMELT_LINE_PER; e++)
    {
        chunk[SMELT_LINE_WORD(e)] |= SMELT_LINE_GET(i + e) << SMELT_LINE_SHIFT(e);
    }
    return chunk;
}

uvec4 SMELT_CAT(SMELT_LINE, _read)(SMELT_LINE l, uint i)
{
    if (i < l.n && l.n - i >= SMELT_LINE_PER)
        return SMELT_CAT(SMELT_LINE, _read_inside)(l, i);
    // A loop that stays one: line ends are rare, and their code stands in every unrolled caller.
    uvec4 chunk = uvec4(0);
    [[dont_unroll]] for (uint e = SMELT_LINE_PER; e-- > 0u;)
    {
        chunk = SMELT_LINE_UP(chunk);
        if (i + e < l.n)
            chunk.x |= SMELT_LINE_GET(i + e);
    }
    return chunk;
}
#undef SMELT_LINE_SHIFT
#undef SMELT_LINE_WORD
#undef SMELT_LINE_GET

SMELT_LINE_V4 SMELT_CAT(SMELT_LINE, _four)(uvec4 chunk, int q)
{
#if SMELT_LINE_DTYPE == SMELT_DTYPE_F32
    return uintBitsToFloat(chunk);
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F16
    return vec4(unpackHalf2x16(chunk[2 * q]), unpackHalf2x16(chunk[2 * q + 1]));
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_BF16
    uvec2 w = uvec2(chunk[2 * q], chunk[2 * q + 1]);
    return uintBitsToFloat(uvec4(w.x << 16, w.x & 0xffff0000u, w.y << 16, w.y & 0xffff0000u));
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F8E4M3
    uint w = chunk[q];
    return vec4(smelt_f8e4m3_to_f32(w & 255u), smelt_f8e4m3_to_f32((w >> 8) & 255u),
                smelt_f8e4m3_to_f32((w >> 16) & 255u), smelt_f8e4m3_to_f32(w >> 24));
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F8E5M2
    uint w = chunk[q], even = (w << 8) & 0xff00ff00u, odd = w & 0xff00ff00u; // upper bytes of f16
    return vec4(unpackHalf2x16(even), unpackHalf2x16(odd)).xzyw;
#elif SMELT_LINE_SIZE == 2
    return (SMELT_LINE_V4(chunk[2 * q], chunk[2 * q], chunk[2 * q + 1], chunk[2 * q + 1])
            << ivec4(16, 0, 16, 0)) >>
           16;
#elif SMELT_LINE_SIZE == 1
    return (SMELT_LINE_V4(chunk[q]) << ivec4(24, 16, 8, 0)) >> 24;
#else
    return SMELT_LINE_V4(chunk);
#endif
}
#else

void SMELT_CAT(SMELT_LINE, _write)(SMELT_LINE l, uint i, uvec4 chunk)
{
    if (l.dense && (i + l.lead) % SMELT_LINE_PER == 0u && i < l.n && l.n - i >= SMELT_LINE_PER) {
        smelt_words4_write_data(l.words).e[(i + l.lead) / SMELT_LINE_PER] = chunk;
        return;
    }
    [[dont_unroll]] for (uint e = 0u; e < SMELT_LINE_PER; e++)
    {
        if (i + e < l.n)
            l.t.data.e[l.first + (i + e) * l.stride] = SMELT_LINE_STORAGE(chunk.x);
        chunk = SMELT_LINE_DOWN(chunk);
    }
}

void SMELT_CAT(SMELT_LINE, _set)(inout uvec4 chunk, int q, vec4 v)
{
#if SMELT_LINE_DTYPE == SMELT_DTYPE_F32
    chunk = floatBitsToUint(v);
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F16
    chunk[2 * q] = packHalf2x16(v.xy);
    chunk[2 * q + 1] = packHalf2x16(v.zw);
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_BF16
    chunk[2 * q] = smelt_bf16_from_f32(v.x) | smelt_bf16_from_f32(v.y) << 16;
    chunk[2 * q + 1] = smelt_bf16_from_f32(v.z) | smelt_bf16_from_f32(v.w) << 16;
#elif SMELT_LINE_DTYPE == SMELT_DTYPE_F8E4M3
    chunk[q] = smelt_f8e4m3_from_f32(v.x) | smelt_f8e4m3_from_f32(v.y) << 8 |
               smelt_f8e4m3_from_f32(v.z) << 16 | smelt_f8e4m3_from_f32(v.w) << 24;
#else
    chunk[q] = smelt_f8e5m2_from_f32(v.x) | smelt_f8e5m2_from_f32(v.y) << 8 |
               smelt_f8e5m2_from_f32(v.z) << 16 | smelt_f8e5m2_from_f32(v.w) << 24;
#endif
}
#endif

#undef SMELT_LINE
#undef SMELT_LINE_TENSOR
#undef SMELT_LINE_DTYPE
#undef SMELT_LINE_RANK
#undef SMELT_LINE_AXIS
#undef SMELT_LINE_WRITE
#undef SMELT_LINE_SIZE
#undef SMELT_LINE_V4
#undef SMELT_LINE_BITS
#undef SMELT_LINE_STORAGE
#undef SMELT_LINE_PER
#undef SMELT_LINE_UP
#undef SMELT_LINE_DOWN
#undef SMELT_LINE_BITS_OF
