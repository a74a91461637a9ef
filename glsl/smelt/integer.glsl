// SPDX-License-Identifier: MIT
// integer.glsl: what products of 8 bit integers share, in plain arithmetic.
//
// what    dot products of four bytes packed in a word, first element in the low byte, bytes of four 4 bit integers, and
//         the activations that are exact on integers
// params  none
// makes   int smelt_dot4(A a, B b) for A, B = int (signed bytes) and uint (unsigned ones);
//         uint smelt_u4_to_bytes(uint), smelt_i4_to_bytes(uint): of the low 16 bits, first element in the low 4
//         T smelt_none(T), smelt_relu(T) for T = int, ivec2
// errors  exact
// needs   nothing
// source  GL_EXT_integer_dot_product, dotPacked4x8EXT, whose results these are
#ifndef SMELT_INTEGER_GLSL
#define SMELT_INTEGER_GLSL

int smelt_dot4(int a, int b)
{
    return bitfieldExtract(a, 0, 8) * bitfieldExtract(b, 0, 8) +
           bitfieldExtract(a, 8, 8) * bitfieldExtract(b, 8, 8) +
           bitfieldExtract(a, 16, 8) * bitfieldExtract(b, 16, 8) + (a >> 24) * (b >> 24);
}

int smelt_dot4(uint a, uint b)
{
    return int(bitfieldExtract(a, 0, 8) * bitfieldExtract(b, 0, 8) +
               bitfieldExtract(a, 8, 8) * bitfieldExtract(b, 8, 8) +
               bitfieldExtract(a, 16, 8) * bitfieldExtract(b, 16, 8) + (a >> 24) * (b >> 24));
}

int smelt_dot4(int a, uint b)
{
    return bitfieldExtract(a, 0, 8) * int(bitfieldExtract(b, 0, 8)) +
           bitfieldExtract(a, 8, 8) * int(bitfieldExtract(b, 8, 8)) +
           bitfieldExtract(a, 16, 8) * int(bitfieldExtract(b, 16, 8)) + (a >> 24) * int(b >> 24);
}

int smelt_dot4(uint a, int b)
{
    return smelt_dot4(b, a);
}

uint smelt_u4_to_bytes(uint x)
{
    x = (x | x << 8) & 0x00ff00ffu;
    return (x | x << 4) & 0x0f0f0f0fu;
}

uint smelt_i4_to_bytes(uint x)
{
    x = smelt_u4_to_bytes(x);
    return x | (x & 0x08080808u) * 30u; // a sign bit sets the four above it
}

int smelt_none(int x)
{
    return x;
}

ivec2 smelt_none(ivec2 x)
{
    return x;
}

int smelt_relu(int x)
{
    return max(x, 0);
}

ivec2 smelt_relu(ivec2 x)
{
    return max(x, ivec2(0));
}

#endif
