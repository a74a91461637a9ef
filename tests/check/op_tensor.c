// SPDX-License-Identifier: MIT
// Device tensors: load, store and slice of every element type and several ranks, with extents known at run time or
// fixed, packed or strided; outside, loads give 0 and stores are dropped.
#include "check.h"

#include <stdio.h>
#include <string.h>

enum { STORE, RANK, STRIDED, FIXED, SLICE, EXTENTS };
// ALL_SPEC: specialization constants that are the extents. ZERO_SPEC: that are 0, so that the tensor may be strided.
enum { ALL_DYNAMIC = 0, ALL_FIXED, FIRST_DYNAMIC, ALL_SPEC, FIRST_SPEC, ZERO_SPEC };

static const struct check_shape shapes[] = {
    {"load scalar", {0, 0}, CHECK_CI},
    {"load 7", {0, 1, 0, ALL_DYNAMIC, 0, 7}, CHECK_CI},
    {"load 1x1 fixed", {0, 2, 0, ALL_FIXED, 0, 1, 1}, CHECK_CI},
    {"load 5x3 strided", {0, 2, 1, ALL_DYNAMIC, 0, 5, 3}, CHECK_CI},
    {"load 2x3x4 fixed", {0, 3, 0, ALL_FIXED, 0, 2, 3, 4}, CHECK_CI},
    {"load 2x3x2x5 mixed", {0, 4, 1, FIRST_DYNAMIC, 0, 2, 3, 2, 5}, CHECK_CI},
    {"load 2x1x2x3x2", {0, 5, 0, ALL_DYNAMIC, 0, 2, 1, 2, 3, 2}, CHECK_CI},
    {"slice 5x7 strided", {0, 2, 1, ALL_DYNAMIC, 1, 5, 7}, CHECK_CI},
    {"slice 3x2x6 fixed", {0, 3, 0, ALL_FIXED, 1, 3, 2, 6}, CHECK_CI},
    {"load 5x3x4 spec", {0, 3, 0, ALL_SPEC, 0, 5, 3, 4}, CHECK_CI},
    {"load 5x3 spec 0", {0, 2, 1, ZERO_SPEC, 0, 5, 3}, CHECK_CI},
    {"slice 3x2x6 spec", {0, 3, 0, FIRST_SPEC, 1, 3, 2, 6}, CHECK_CI},
    {"store scalar", {1, 0}, CHECK_CI},
    {"store 37", {1, 1, 0, ALL_DYNAMIC, 0, 37}, CHECK_CI},
    {"store 4x5 fixed", {1, 2, 0, ALL_FIXED, 0, 4, 5}, CHECK_CI},
    {"store 5x3 strided", {1, 2, 1, ALL_DYNAMIC, 0, 5, 3}, CHECK_CI},
    {"store 2x3x5 mixed", {1, 3, 1, FIRST_DYNAMIC, 0, 2, 3, 5}, CHECK_CI},
    {"store 2x1x2x3x2", {1, 5, 0, ALL_DYNAMIC, 0, 2, 1, 2, 3, 2}, CHECK_CI},
    {"store 4x6 spec", {1, 2, 0, FIRST_SPEC, 0, 4, 6}, CHECK_CI},
    {"store slice 5x7 strided", {1, 2, 1, ALL_DYNAMIC, 1, 5, 7}, CHECK_CI},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, 0, 0},    {SMELT_DTYPE_F16, 0, 0}, {SMELT_DTYPE_BF16, 0, 0}, {SMELT_DTYPE_F8E4M3, 0, 0},
    {SMELT_DTYPE_F8E5M2, 0, 0}, {SMELT_DTYPE_I8, 0, 0},  {SMELT_DTYPE_U8, 0, 0},   {SMELT_DTYPE_I16, 0, 0},
    {SMELT_DTYPE_U16, 0, 0},    {SMELT_DTYPE_I32, 0, 0}, {SMELT_DTYPE_U32, 0, 0},  {SMELT_DTYPE_I4, 0, 0},
    {SMELT_DTYPE_U4, 0, 0},
};

// A slice begins at 1, in the last dimension at 2: an even place, as 4-bit types need it.
static uint32_t origin(const uint32_t *d, uint32_t dimension)
{
    return !d[SLICE] ? 0 : dimension + 1 == d[RANK] ? 2 : 1;
}

// Extent of what the fixture walks over: one more than there is.
static uint32_t box(const uint32_t *d, uint32_t dimension)
{
    return d[EXTENTS + dimension] - origin(d, dimension) + 1;
}

// Appends "text" with a comma between entries.
static void append(char list[64], const char *prefix, uint32_t value, const char *suffix)
{
    size_t used = strlen(list);
    snprintf(list + used, 64 - used, "%s%s%u%s", used ? ", " : "", prefix, value, suffix);
}

static void define_tensor(struct check_case *c)
{
    const uint32_t *d = c->shape->d;
    bool is_float = smelt_dtype_is_float(c->types.stored);
    bool is_signed = c->types.stored == SMELT_DTYPE_I8 || c->types.stored == SMELT_DTYPE_I16 ||
                     c->types.stored == SMELT_DTYPE_I32 || c->types.stored == SMELT_DTYPE_I4;
    char index[64] = "", boxes[64] = "", origins[64] = "", whole[64] = "", suffix[64] = "";
    uint32_t spec_dimensions = 0;
    for (uint32_t i = 0; i < d[RANK]; i++) {
        uint32_t fixed = d[FIXED] == ALL_FIXED || (d[FIXED] == FIRST_DYNAMIC && i) ? d[EXTENTS + i] : 0;
        bool spec = d[FIXED] == ALL_SPEC || d[FIXED] == ZERO_SPEC || (d[FIXED] == FIRST_SPEC && !i);
        if (d[FIXED] == FIRST_SPEC && i)
            fixed = d[EXTENTS + i];
        spec_dimensions |= (uint32_t)spec << i;
        if (spec)
            check_define(c, "SMELT_SPEC_EXTENT(%u, %u);", 7 + i, d[FIXED] == ZERO_SPEC ? 0 : d[EXTENTS + i]);
        check_define(c, "#define CHECK_E%u %s%u", i, spec ? "s" : "", spec ? 7 + i : fixed);
        snprintf(suffix + strlen(suffix), sizeof(suffix) - strlen(suffix), "%s%s%u", i ? "x" : "_",
                 spec ? "s" : "", spec ? 7 + i : fixed);
        append(index, "i[", i, "]");
        append(boxes, "", box(d, i), "u");
        append(origins, "", origin(d, i), "u");
        append(whole, "", d[EXTENTS + i], "u");
    }
    check_define(c, "#define CHECK_SPEC %u", spec_dimensions);
    // Up to rank 4 both forms of the index exist: loads and stores use this one, the slice arrays.
    check_define(c, "#define CHECK_INDEX %s", d[RANK] <= 4 ? index : "i");
    check_define(c, "#define CHECK_BOX %s\n#define CHECK_ORIGIN %s\n#define CHECK_WHOLE %s", boxes, origins,
                 whole);
    check_define(c, "#define CHECK_T tensor_%s_%u_%s%s", smelt_dtype_name(c->types.stored), d[RANK],
                 d[STORE] ? "w" : "r", suffix);
    check_define(
        c, "#define CHECK_DTYPE %s\n#define CHECK_RANK %u\n#define CHECK_STORE %u\n#define CHECK_SLICE %u",
        check_dtype_macro(c->types.stored), d[RANK], d[STORE], d[SLICE]);
    check_define(c, "#define CHECK_V %s", is_float ? "float" : is_signed ? "int" : "uint");
    check_define(c, "#define CHECK_S %s", d[SLICE] && d[FIXED] ? "SMELT_CAT(CHECK_T, _slice)" : "CHECK_T");
}

// In store mode the tensor is the output, else the last member is: f32 values, two per index (checked, unchecked).
static void describe(struct check_case *c, uint32_t wanted)
{
    (void)wanted;
    const uint32_t *d = c->shape->d;
    uint32_t last = d[RANK] ? d[RANK] - 1 : 0;
    uint64_t shape[SMELT_TENSOR_MAX_RANK] = {0}, count = 1, rows = 1;
    for (uint32_t i = 0; i < d[RANK]; i++) {
        shape[i] = d[EXTENTS + i];
        count *= shape[i];
        if (i < last)
            rows *= d[STORE] ? shape[i] : box(d, i);
    }
    c->evaluations = (uint32_t)rows;
    if (d[RANK])
        c->outputs = d[STORE] ? d[EXTENTS + last] : 2 * box(d, last);
    else
        c->outputs = d[STORE] ? 1 : 2;
    define_tensor(c);
    check_add_floats(c, CHECK_INPUT, SMELT_DTYPE_F32, count);
    struct check_tensor *t =
        check_add(c, d[STORE] ? CHECK_OUTPUT : CHECK_WEIGHT, c->types.stored, d[RANK], shape);
    if (d[STRIDED]) { // gaps behind every row, and but for 4-bit types behind every element
        uint64_t stride = smelt_dtype_bits(t->dtype) == 4 ? 1 : 2;
        for (uint32_t i = d[RANK]; i-- > 0; stride = (stride * shape[i] + 3) / 2 * 2)
            t->strides[i] = stride;
    } else if (d[FIXED] == ALL_FIXED && smelt_dtype_bits(t->dtype) == 4) { // rows are whole bytes
        for (uint32_t i = 0; i < last; i++)
            t->strides[i] = t->strides[i] / shape[last] * ((shape[last] + 1) / 2 * 2);
    }
    check_add_floats(c, d[STORE] ? CHECK_INPUT : CHECK_OUTPUT, SMELT_DTYPE_F32,
                     d[STORE] ? 1 : (uint64_t)c->evaluations * c->outputs);
}

// Any bits of the type that come back when encoded; of 32-bit integers those that f32 holds.
static double any_value(enum smelt_dtype dtype, uint64_t *random)
{
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32)
        return floor(check_uniform(random, dtype == SMELT_DTYPE_I32 ? -0x1p24 : 0, 0x1p24));
    uint64_t bits = check_random(random);
    float value = 0;
    smelt_dtype_convert(SMELT_DTYPE_F32, &value, dtype, &bits, 1);
    return value;
}

// What is stored: near the type's values, on ties, beyond its range, subnormal, infinite, NaN.
static double any_source(enum smelt_dtype dtype, uint64_t *random)
{
    if (!smelt_dtype_is_float(dtype)) {
        bool has_sign = dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 || dtype == SMELT_DTYPE_I32 ||
                        dtype == SMELT_DTYPE_I4;
        double range = exp2(check_uniform(random, 1, 24));
        return floor(check_uniform(random, has_sign ? -range : 0, range));
    }
    double sign = check_random(random) & 1 ? -1 : 1;
    switch (check_random(random) % 16) {
    case 0:
        return NAN;
    case 1:
        return sign * INFINITY;
    case 2:
        return sign * check_largest(dtype) * (check_random(random) & 1 ? 1.02 : 1);
    case 3:
    case 4:
        return sign * check_smallest_normal(dtype) * check_uniform(random, 0, 1);
    case 5:
    case 6: // half way between neighbours of f8 and bf16
        return sign * (1 + 0x1p-4 * (double)(check_random(random) % 16));
    case 7:
        return sign * (1 + 0x1p-8 * (double)(check_random(random) % 256));
    case 8:
        return sign * (1 + 0x1p-11 * (double)(check_random(random) % 2048));
    default:
        return sign * exp2(check_uniform(random, -20, 18));
    }
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    for (uint64_t i = 0; i < tensor->count; i++)
        tensor->values[i] = tensor->role == CHECK_WEIGHT ? any_value(tensor->dtype, random)
                                                         : any_source(c->types.stored, random);
}

// The value that memory holds which nobody wrote.
static double poison(enum smelt_dtype dtype)
{
    const unsigned char bytes[4] = {0xAA, 0xAA, 0xAA, 0xAA};
    float value = 0;
    if (dtype == SMELT_DTYPE_I32)
        return (double)(int32_t)0xAAAAAAAA;
    if (dtype == SMELT_DTYPE_U32)
        return (double)0xAAAAAAAA;
    smelt_dtype_convert(SMELT_DTYPE_F32, &value, dtype, bytes, 1);
    return value;
}

static double stored_value(enum smelt_dtype dtype, double source)
{
    float single = (float)source, back = 0;
    unsigned char bytes[4] = {0};
    if (dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_U32)
        return source;
    smelt_dtype_convert(dtype, bytes, SMELT_DTYPE_F32, &single, 1);
    smelt_dtype_convert(SMELT_DTYPE_F32, &back, dtype, bytes, 1);
    return back;
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    const struct check_tensor *t = &c->tensors[1];
    uint32_t last = d[RANK] ? d[RANK] - 1 : 0, per_index = d[STORE] ? 1 : 2;
    for (uint32_t o = 0; o < c->outputs; o++) {
        uint32_t rest = evaluation;
        uint64_t element = 0, scale = 1;
        bool inside = true, in_slice = true;
        for (uint32_t i = d[RANK]; i-- > 0; scale *= d[EXTENTS + i]) {
            uint32_t extent = d[STORE] ? d[EXTENTS + i] : box(d, i), at = o / per_index;
            if (i != last) {
                at = rest % extent;
                rest /= extent;
            }
            if (!d[STORE])
                at += origin(d, i);
            inside = inside && at < d[EXTENTS + i];
            in_slice = in_slice && at >= origin(d, i);
            element += at * scale;
        }
        bound[o] = 0;
        if (d[STORE])
            wanted[o] = in_slice ? stored_value(t->dtype, c->tensors[0].values[element]) : poison(t->dtype);
        else
            wanted[o] = inside ? t->values[element] : 0;
    }
}

const struct check_op check_tensor_op = {
    .name = "tensor",
    .fixture = "tensor",
    CHECK_PLAIN_OP,
    .wrong_shape = 3,
    .wrong = 1 << 1,
};
