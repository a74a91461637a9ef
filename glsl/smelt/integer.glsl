// SPDX-License-Identifier: MIT
// integer.glsl: what products of 8 bit integers share, in plain arithmetic.
//
// what    dot products of four bytes packed in a word, first element in the low byte, and the activations that are exact
//         on integers
// params  none
// makes   int smelt_dot4(A a, B b) for A, B = int (signed bytes) and uint (unsigned ones);
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
