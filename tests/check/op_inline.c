// SPDX-License-Identifier: MIT
// Inline tensors: what is stored comes back, of every rank and type; outside, loads give 0 and stores are dropped.
#include "check.h"

// Rank, then the extents.
static const struct check_shape shapes[] = {
    {"1", {1, 1}, CHECK_CI},
    {"7", {1, 7}, CHECK_CI},
    {"3x5", {2, 3, 5}, CHECK_CI},
    {"2x3x4", {3, 2, 3, 4}, CHECK_CI},
    {"2x1x3x5", {4, 2, 1, 3, 5}, CHECK_CI},
};

static const struct check_types types[] = {
    {SMELT_DTYPE_F32, SMELT_DTYPE_NONE, SMELT_DTYPE_NONE},
    {SMELT_DTYPE_F16, SMELT_DTYPE_F16, SMELT_DTYPE_NONE},
    {SMELT_DTYPE_I32, SMELT_DTYPE_NONE, SMELT_DTYPE_NONE},
    {SMELT_DTYPE_U32, SMELT_DTYPE_NONE, SMELT_DTYPE_NONE},
    {SMELT_DTYPE_I8, SMELT_DTYPE_NONE, SMELT_DTYPE_NONE},
    {SMELT_DTYPE_U8, SMELT_DTYPE_NONE, SMELT_DTYPE_NONE},
};

static bool is_signed(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I32 || dtype == SMELT_DTYPE_I8;
}

static bool is_unsigned(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_U32 || dtype == SMELT_DTYPE_U8;
}

// Every index of a box that is one larger than the tensor in each dimension is loaded.
static uint32_t box_size(const uint32_t *d)
{
    uint32_t size = 1;
    for (uint32_t i = 0; i < d[0]; i++)
        size *= d[1 + i] + 1;
    return size;
}

static void describe(struct check_case *c, uint32_t wanted)
{
    const uint32_t *d = c->shape->d;
    static const char *const indices[] = {"i.x", "i.x, i.y", "i.x, i.y, i.z", "i.x, i.y, i.z, i.w"};
    uint32_t count = 1;
    c->evaluations = wanted;
    c->outputs = box_size(d) + 1;
    check_define(c, "#define CHECK_DTYPE %s\n#define CHECK_RANK %u\n#define CHECK_INDICES(i) %s",
                 check_dtype_macro(c->types.stored), d[0], indices[d[0] - 1]);
    for (uint32_t i = 0; i < 4; i++) {
        check_define(c, "#define CHECK_E%u %u", i, i < d[0] ? d[1 + i] : 1);
        check_define(c, "#define CHECK_B%u %u", i, i < d[0] ? d[1 + i] + 1 : 1);
        count *= i < d[0] ? d[1 + i] : 1;
    }
    check_define(c, "#define CHECK_V %s",
                 is_signed(c->types.stored)     ? "int"
                 : is_unsigned(c->types.stored) ? "uint"
                                                : "float");
    bool bytes = smelt_dtype_bits(c->types.stored) == 8; // which saturate
    check_add_floats(c, CHECK_INPUT, bytes ? SMELT_DTYPE_F32 : c->types.stored, (uint64_t)wanted * count);
    check_add_floats(c, CHECK_OUTPUT, SMELT_DTYPE_F32, (uint64_t)wanted * c->outputs);
}

static void fill(struct check_case *c, struct check_tensor *tensor, uint64_t *random)
{
    double high = smelt_dtype_bits(c->types.stored) == 8 ? 300 : 2000;
    double low = is_unsigned(c->types.stored) ? 0 : -high;
    for (uint64_t i = 0; i < tensor->count; i++)
        tensor->values[i] =
            floor(check_uniform(random, low, high)) + 0x1p-1 * (c->types.stored == SMELT_DTYPE_F32);
}

static void reference(const struct check_case *c, uint32_t evaluation, double *wanted, double *bound)
{
    const uint32_t *d = c->shape->d;
    uint64_t count = c->tensors[0].count / c->evaluations;
    const double *x = c->tensors[0].values + evaluation * count;
    for (uint32_t o = 0; o + 1 < c->outputs; o++) {
        uint32_t rest = o, index = 0, scale = 1;
        bool inside = true;
        for (uint32_t i = d[0]; i-- > 0; rest /= d[1 + i] + 1) {
            uint32_t at = rest % (d[1 + i] + 1);
            inside = inside && at < d[1 + i];
            index += at * scale;
            scale *= d[1 + i];
        }
        wanted[o] = inside ? check_rounded(c->types.stored, x[index]) : 0;
        bound[o] = 0;
    }
    wanted[c->outputs - 1] = 7; // filled
    bound[c->outputs - 1] = 0;
}

const struct check_op check_inline = {
    .name = "inline",
    .fixture = "inline",
    CHECK_PLAIN_OP,
    .wrong_shape = 2,
    .wrong = 1 << 1,
};
