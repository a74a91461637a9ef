// SPDX-License-Identifier: MIT
// attention_blocks.glsl: keys and values of attention_body.glsl on their way from memory to shared memory, block by block.

// EACH elements of a row as the products take them, from element `column` on; those from `size` on are 0, and not read.
uvec4 read(uvec2 head, uint row, uint column, uint size)
{
    uvec4 words = uvec4(0u);
#if KERNEL_VECTORS
    uint at = row + (column < size ? column : 0u);
#if EACH == 4 && KERNEL_STORED == SMELT_DTYPE_F16
    uvec2 pairs = smelt_words2_data(head).e[at / 4u];
    words = uvec4(pairs.x & 0xffffu, pairs.x >> 16, pairs.y & 0xffffu, pairs.y >> 16);
    [[unroll]] for (uint i = 0u; i < 4u; i++) words[i] = floatBitsToUint(smelt_f16_to_f32(words[i]));
#else
    words = smelt_words4_data(head).e[at / EACH];
#endif
    return column < size ? words : uvec4(0u);
#else
    [[unroll]] for (uint i = 0u; i < EACH; i++)
    {
        uint at = row + (column + i < size ? column + i : 0u);
#if KERNEL_STORED == SMELT_DTYPE_F32
        uint bits = floatBitsToUint(smelt_f32_r_data(head).e[at]);
#else
        uint bits = uint(smelt_u16_r_data(head).e[at]);
#endif
        bits = column + i < size ? bits : 0u;
#if EACH == 8
        words[i / 2u] |= bits << (16u * (i & 1u));
#elif KERNEL_STORED == SMELT_DTYPE_F16
        words[i] = floatBitsToUint(smelt_f16_to_f32(bits));
#else
        words[i] = bits;
#endif
    }
    return words;
#endif
}

// Piece i of a block of keys or values: rows from token `first` on; those from `key_count` on become 0.
uvec4 fetch(uvec2 head, uint stride, uint first, uint i, uint columns, uint size)
{
    uint token = first + i / columns;
    uvec4 words = read(head, min(token, keys - 1u) * stride, i % columns * EACH, size);
    return token < key_count ? words : uvec4(0u);
}
void put(uvec4 words, uint i, uint columns, uint to)
{
    if (i < KERNEL_KEYS * columns)
        blocks[to + i / columns * (columns + 1u) + i % columns] = words;
}

#define KEY_COLUMNS (KERNEL_HEAD / EACH)
#define VALUE_COLUMNS (KERNEL_VALUE_HEAD / EACH)
#if AHEAD
#define PIECES(columns) ((KERNEL_KEYS * (columns) + THREADS - 1) / THREADS) // of an invocation
#define PIECE(i) (gl_LocalInvocationIndex + (i)*THREADS)
void fetch_keys(out uvec4 block[PIECES(KEY_COLUMNS)], uvec2 head, uint first)
{
    [[unroll]] for (uint i = 0u; i < PIECES(KEY_COLUMNS); i++) block[i] =
        fetch(head, stride_k[2], first, PIECE(i), KEY_COLUMNS, KERNEL_SIZE);
}
void fetch_values(out uvec4 block[PIECES(VALUE_COLUMNS)], uvec2 head, uint first)
{
    [[unroll]] for (uint i = 0u; i < PIECES(VALUE_COLUMNS); i++) block[i] =
        fetch(head, stride_v[2], first, PIECE(i), VALUE_COLUMNS, KERNEL_VALUE_SIZE);
}
void put_keys(uvec4 block[PIECES(KEY_COLUMNS)])
{
    [[unroll]] for (uint i = 0u; i < PIECES(KEY_COLUMNS); i++) put(block[i], PIECE(i), KEY_COLUMNS, 0u);
}
void put_values(uvec4 block[PIECES(VALUE_COLUMNS)])
{
    [[unroll]] for (uint i = 0u; i < PIECES(VALUE_COLUMNS); i++)
        put(block[i], PIECE(i), VALUE_COLUMNS, VALUES_AT);
}
#else
void copy(uvec2 head, uint stride, uint columns, uint size)
{
    [[dont_unroll]] for (uint i = gl_LocalInvocationIndex; i < KERNEL_KEYS * columns; i += THREADS)
        put(fetch(head, stride, first_key, i, columns, size), i, columns, 0u);
}
#endif
