// SPDX-License-Identifier: MIT
// The inputs of a row: random draws, the kinds of values, and what op files describe their tensors with.
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t check_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u; // splitmix64, S. Vigna
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double check_uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(check_random(state) >> 11) * 0x1p-53;
}

struct check_tensor *check_add(struct check_case *c, enum check_role role, enum smelt_dtype dtype,
                               uint32_t rank, const uint64_t *shape)
{
    struct check_tensor *tensor = &c->tensors[c->tensor_count++];
    *tensor = (struct check_tensor){.role = role, .dtype = dtype, .rounded = dtype, .rank = rank, .count = 1};
    for (uint32_t i = rank; i-- > 0; tensor->count *= shape[i]) {
        tensor->shape[i] = shape[i];
        tensor->strides[i] = tensor->count;
    }
    return tensor;
}

struct check_tensor *check_add_words(struct check_case *c, enum check_role role, enum smelt_dtype dtype,
                                     uint64_t count)
{
    struct check_tensor *tensor = check_add(c, role, dtype, 1, &count);
    tensor->pointer = true;
    return tensor;
}

struct check_tensor *check_add_floats(struct check_case *c, enum check_role role, enum smelt_dtype rounded,
                                      uint64_t count)
{
    struct check_tensor *tensor = check_add_words(c, role, SMELT_DTYPE_F32, count);
    tensor->rounded = rounded;
    return tensor;
}

void check_define(struct check_case *c, const char *format, ...)
{
    size_t used = strlen(c->defines);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->defines + used, sizeof(c->defines) - used - 1, format, arguments);
    va_end(arguments);
    strcat(c->defines, "\n");
}

void check_define_backend(struct check_case *c)
{
    static const char *const names[SMELT_BACKEND_COUNT] = {"",        "PORTABLE", "DOT8",
                                                           "COOPVEC", "COOPMAT",  "COOPMAT2"};
    check_define(
        c,
        "#if SMELT_BACKEND_DEFAULT == SMELT_BACKEND_PORTABLE\n"
        "#define CHECK_BACKEND SMELT_BACKEND_PORTABLE\n#else\n#define CHECK_BACKEND SMELT_BACKEND_%s\n#endif",
        names[c->backend]);
}

const char *check_dtype_macro(enum smelt_dtype dtype)
{
    static const char *const names[SMELT_DTYPE_COUNT] = {
        "",
        "SMELT_DTYPE_F32",
        "SMELT_DTYPE_F16",
        "SMELT_DTYPE_BF16",
        "SMELT_DTYPE_F8E4M3",
        "SMELT_DTYPE_F8E5M2",
        "SMELT_DTYPE_I8",
        "SMELT_DTYPE_U8",
        "SMELT_DTYPE_I16",
        "SMELT_DTYPE_U16",
        "SMELT_DTYPE_I32",
        "SMELT_DTYPE_U32",
        "SMELT_DTYPE_I4",
        "SMELT_DTYPE_U4",
    };
    return names[dtype];
}

double check_rounded(enum smelt_dtype dtype, double value)
{
    float single = (float)value, back = 0;
    unsigned char bytes[4];
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32) // f32 does not hold them
        return isnan(value) ? 0 : fmin(fmax(nearbyint(value), check_least(dtype)), check_largest(dtype));
    if (dtype == SMELT_DTYPE_F32 || dtype == SMELT_DTYPE_NONE)
        return single;
    smelt_dtype_convert(dtype, bytes, SMELT_DTYPE_F32, &single, 1);
    smelt_dtype_convert(SMELT_DTYPE_F32, &back, dtype, bytes, 1);
    return back;
}

// A number that a kind of values takes from [least, largest] of an integer type.
static double integer_of(enum check_values kind, const struct check_tensor *tensor, double value,
                         uint64_t *random)
{
    double least = check_least(tensor->rounded), largest = check_largest(tensor->rounded);
    bool input = tensor->role == CHECK_INPUT;
    switch (kind) {
    case CHECK_ZEROS:
        return 0;
    case CHECK_LARGEST:
        return !input && value < 0 ? least : value;
    case CHECK_NEGATIVE:
        largest = least < 0 ? -1 : largest;
        break;
    case CHECK_SUBNORMAL:
        least = fmax(least, -1);
        largest = 1;
        break;
    case CHECK_ALTERNATING:
        return input ? value : fmin(3, largest);
    default:
        if (value == 0 || (input && kind == CHECK_ONE_HOT))
            return value;
    }
    least = fmax(least, -0x1p20);
    return floor(check_uniform(random, least, fmin(largest, 0x1p20) + 1));
}

// Element `index` of a tensor whose innermost dimension, or for inputs whose evaluation, has `row` elements.
static double float_of(enum check_values kind, const struct check_tensor *tensor, uint64_t row,
                       uint64_t index, uint64_t *random)
{
    bool input = tensor->role == CHECK_INPUT;
    uint64_t column = index % row, chosen = (index / row * 7 + 3) % row;
    enum smelt_dtype dtype = tensor->rounded;
    switch (kind) {
    case CHECK_ZEROS:
        return 0;
    case CHECK_NEGATIVE:
        return check_uniform(random, -1, -0.01);
    case CHECK_LARGEST:
        if (input)
            return column != chosen ? 0 : index / row & 1 ? -1 : 1;
        return tensor->role == CHECK_BIAS ? 0 : index & 1 ? -check_largest(dtype) : check_largest(dtype);
    case CHECK_SUBNORMAL:
        return check_uniform(random, -1, 1) * (input ? 1 : check_smallest_normal(dtype));
    case CHECK_ONE_HOT:
        return input ? column == chosen : check_uniform(random, -1, 1);
    case CHECK_SPARSE:
        return tensor->role == CHECK_WEIGHT && column != chosen ? 0 : check_uniform(random, -1, 1);
    case CHECK_ALTERNATING:
        return input ? (column & 1 ? -1 : 1) : 0.75;
    case CHECK_NAN:
    case CHECK_INFINITE:
        if (input && column == chosen)
            return kind == CHECK_NAN ? NAN : index / row & 1 ? -INFINITY : INFINITY;
        return check_uniform(random, -1, 1);
    default:
        return check_uniform(random, -1, 1);
    }
}

static double value_of(enum check_values kind, const struct check_tensor *tensor, uint64_t row,
                       uint64_t index, uint64_t *random)
{
    double value = float_of(kind, tensor, row, index, random);
    bool is_float = tensor->rounded == SMELT_DTYPE_NONE || smelt_dtype_is_float(tensor->rounded);
    return is_float ? value : integer_of(kind, tensor, value, random);
}

static void round_all(enum smelt_dtype dtype, double *values, uint64_t count)
{
    float block[256];
    unsigned char bytes[1024];
    bool word = dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32;
    for (uint64_t i = 0; word && i < count; i++)
        values[i] = check_rounded(dtype, values[i]);
    for (uint64_t i = 0; !word && i < count; i += SMELT_COUNT_OF(block)) {
        uint64_t length = SMELT_MIN(SMELT_COUNT_OF(block), count - i);
        for (uint64_t e = 0; e < length; e++)
            block[e] = (float)values[i + e];
        if (dtype != SMELT_DTYPE_NONE && dtype != SMELT_DTYPE_F32) {
            smelt_dtype_convert(dtype, bytes, SMELT_DTYPE_F32, block, length);
            smelt_dtype_convert(SMELT_DTYPE_F32, block, dtype, bytes, length);
        }
        for (uint64_t e = 0; e < length; e++)
            values[i + e] = block[e];
    }
}

bool check_fill_values(struct check_case *c, uint64_t seed)
{
    uint64_t state = seed + 1000003u * c->kind;
    state = smelt_hash(state ^ SMELT_HASH_START, c->shape->name, strlen(c->shape->name));
    for (uint32_t i = 0; i < c->tensor_count; i++) {
        struct check_tensor *tensor = &c->tensors[i];
        if (tensor->role == CHECK_OUTPUT)
            continue;
        if (!tensor->values && !(tensor->values = malloc(SMELT_MAX(tensor->count, 1) * sizeof(double))))
            return false;
        if (c->op->fill) {
            c->op->fill(c, tensor, &state);
        } else {
            uint64_t each = tensor->count / SMELT_MAX(c->evaluations, 1);
            uint64_t row = tensor->role == CHECK_INPUT ? SMELT_MAX(each, 1) : tensor->shape[tensor->rank - 1];
            for (uint64_t e = 0; e < tensor->count; e++)
                tensor->values[e] = value_of(c->kind, tensor, row, e, &state);
        }
        round_all(tensor->rounded, tensor->values, tensor->count);
        if (tensor->dtype != tensor->rounded)
            round_all(tensor->dtype, tensor->values, tensor->count);
    }
    return true;
}
