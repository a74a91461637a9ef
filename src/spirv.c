// SPDX-License-Identifier: MIT
// SPIR-V as words: is it well-formed, and which backend's instructions does it declare.
#include "shader_internal.h"

// SPIR-V specification 1.6, section 2.3 (first words) and 3.49 (instructions).
#define MAGIC 0x07230203u
#define HEADER_WORDS 5
#define OP_CAPABILITY 17
#define OP_TYPE_INT 21
#define OP_CONSTANT 43
#define OP_SPEC_CONSTANT_COMPOSITE 51
#define OP_DECORATE 71
#define OP_EXECUTION_MODE_ID 331
#define DECORATION_SPEC_ID 1
#define DECORATION_BUILTIN 11
#define BUILTIN_WORKGROUP_SIZE 25
#define MODE_LOCAL_SIZE_ID 38
#define CAPABILITY_INT16 22
#define CAPABILITY_INT8 39

bool smelt_spirv_is_valid(const uint32_t *words, size_t count)
{
    if (count <= HEADER_WORDS || words[0] != MAGIC || words[1] >> 16 != 1)
        return false;
    size_t at = HEADER_WORDS;
    while (at < count) {
        uint32_t length = words[at] >> 16;
        if (!length || length > count - at)
            return false;
        at += length;
    }
    return true;
}

static enum smelt_backend capability_backend(uint32_t capability)
{
    switch (capability) {
    case 6016: // DotProductInputAllKHR
    case 6017: // DotProductInput4x8BitKHR
    case 6018: // DotProductInput4x8BitPackedKHR
    case 6019: // DotProductKHR
        return SMELT_BACKEND_DOT8;
    case 5394: // CooperativeVectorNV
    case 5435: // CooperativeVectorTrainingNV
        return SMELT_BACKEND_COOPVEC;
    case 6022: // CooperativeMatrixKHR
        return SMELT_BACKEND_COOPMAT;
    case 5430: // CooperativeMatrixReductionsNV
    case 5431: // CooperativeMatrixConversionsNV
    case 5432: // CooperativeMatrixPerElementOperationsNV
    case 5433: // CooperativeMatrixTensorAddressingNV
    case 5434: // CooperativeMatrixBlockLoadsNV
        return SMELT_BACKEND_COOPMAT2;
    default:
        return SMELT_BACKEND_PORTABLE;
    }
}

enum smelt_backend smelt_spirv_backend(const uint32_t *words, size_t count)
{
    enum smelt_backend best = SMELT_BACKEND_PORTABLE;
    // Capabilities come before everything else.
    for (size_t at = HEADER_WORDS; at < count && (words[at] & 0xffff) == OP_CAPABILITY;
         at += words[at] >> 16) {
        enum smelt_backend backend =
            words[at] >> 16 > 1 ? capability_backend(words[at + 1]) : SMELT_BACKEND_PORTABLE;
        best = SMELT_MAX(best, backend);
    }
    return best;
}

// The constant_id of a specialization constant by its result id; UINT32_MAX: it is none.
static uint32_t spec_id(const uint32_t *words, size_t count, uint32_t id)
{
    for (size_t at = HEADER_WORDS; at < count; at += words[at] >> 16) {
        const uint32_t *word = words + at;
        if ((word[0] & 0xffff) == OP_DECORATE && word[0] >> 16 == 4 && word[1] == id &&
            word[2] == DECORATION_SPEC_ID)
            return word[3];
    }
    return UINT32_MAX;
}

void smelt_spirv_local_size_ids(const uint32_t *words, size_t count, uint32_t ids[3])
{
    uint32_t composite = 0; // decorations come before constants
    const uint32_t *sizes = NULL;
    for (size_t at = HEADER_WORDS; at < count; at += words[at] >> 16) {
        const uint32_t *word = words + at;
        uint32_t length = word[0] >> 16, operation = word[0] & 0xffff;
        if (operation == OP_DECORATE && length == 4 && word[2] == DECORATION_BUILTIN &&
            word[3] == BUILTIN_WORKGROUP_SIZE)
            composite = word[1];
        else if (operation == OP_SPEC_CONSTANT_COMPOSITE && length == 6 && composite && word[2] == composite)
            sizes = word + 3;
        else if (operation == OP_EXECUTION_MODE_ID && length == 6 && word[2] == MODE_LOCAL_SIZE_ID)
            sizes = word + 3;
    }
    for (int d = 0; d < 3; d++)
        ids[d] = sizes ? spec_id(words, count, sizes[d]) + 1 : 0;
}

bool smelt_spirv_has_undeclared_constants(const uint32_t *words, size_t count)
{
    bool int8 = false, int16 = false;
    uint32_t narrow[4]; // ids of the integer types of 8 and 16 bits, signed and unsigned
    uint32_t narrow_count = 0;
    for (size_t at = HEADER_WORDS; at < count; at += words[at] >> 16) {
        const uint32_t *word = words + at;
        uint32_t length = word[0] >> 16, operation = word[0] & 0xffff;
        if (operation == OP_CAPABILITY && length == 2) {
            int8 = int8 || word[1] == CAPABILITY_INT8;
            int16 = int16 || word[1] == CAPABILITY_INT16;
        } else if (operation == OP_TYPE_INT && length == 4 && narrow_count < SMELT_COUNT_OF(narrow)) {
            if ((word[2] == 8 && !int8) || (word[2] == 16 && !int16))
                narrow[narrow_count++] = word[1];
        } else if (operation == OP_CONSTANT && length > 2) {
            for (uint32_t i = 0; i < narrow_count; i++)
                if (word[1] == narrow[i])
                    return true;
        }
    }
    return false;
}
