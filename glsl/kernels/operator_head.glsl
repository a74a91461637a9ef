// SPDX-License-Identifier: MIT
// operator_head.glsl: in front of an operator's body (src/kernels_operator.c, which adds the tensors): what a call gives it.
#include "smelt/memory.glsl"
layout(constant_id = 0) const uint fixed_words = 0; // 0: words are read, else they are constants

// The push constants of src/kernels_operator.c, word for word.
layout(push_constant, scalar) uniform push
{
    uvec2 tensors[6], words; // addresses
    uint count;              // of invocations
};

uint word(uint constant, uint i)
{
    uint result = constant;
    if (fixed_words == 0u)
        result = smelt_words1_data(words).e[i];
    return result;
}
