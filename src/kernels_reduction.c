// SPDX-License-Identifier: MIT
// smelt_encode_reduction: lines of a tensor reduced by glsl/kernels/reduce_body.glsl; few long lines in parts, which a
// second dispatch brings together.
#include "kernels_lines.h"

#include <inttypes.h>

// What fills a large device: workgroups, or invocations, of a dispatch; and what a part is at least worth.
#define GROUPS 528
#define INVOCATIONS (1u << 18)
#define PART_BYTES 32768
#define PART_ELEMENTS 32 // of an invocation's part
#define GROUP_CHUNKS 8   // 16 bytes each, of an invocation in a workgroup for a line
#define STATE_SIZE 8

// The push constants of reduce_body.glsl, word for word.
struct push {
    uint64_t x, y, states;
    uint32_t extent[3], n;
    uint32_t stride_x[4], stride_y[3];
    uint32_t parts;
};
_Static_assert(sizeof(struct push) == 72, "reduce_body.glsl's constants");

enum stage { WHOLE, PARTS, MERGE };

// A call, checked.
struct call {
    const struct smelt_reduction_params *params;
    struct smelt_lines lines;
    struct push push;
    bool group;
    uint32_t workgroup_size;
};

static bool seeks(enum smelt_reduce reduce)
{
    return reduce == SMELT_REDUCE_ARG_MAX || reduce == SMELT_REDUCE_ARG_MIN;
}

static bool is_signed(enum smelt_dtype dtype)
{
    return dtype == SMELT_DTYPE_I8 || dtype == SMELT_DTYPE_I16 || dtype == SMELT_DTYPE_I32 ||
           dtype == SMELT_DTYPE_I4;
}

static enum smelt_result check_dtypes(const struct call *call)
{
    const struct smelt_reduction_params *p = call->params;
    enum smelt_dtype x = p->x->info.dtype, y = p->y->info.dtype;
    bool is_float = smelt_dtype_is_float(x);
    bool real = p->reduce == SMELT_REDUCE_MEAN || p->reduce == SMELT_REDUCE_LOG_SUM_EXP;
    const char *wanted = seeks(p->reduce) ? "i32 or u32"
                         : is_float       ? "f32 or as x"
                         : real           ? "f32"
                         : is_signed(x)   ? "i32"
                                          : "u32";
    bool right = seeks(p->reduce) ? y == SMELT_DTYPE_I32 || y == SMELT_DTYPE_U32
                 : is_float       ? y == SMELT_DTYPE_F32 || y == x
                 : real           ? y == SMELT_DTYPE_F32
                                  : y == (is_signed(x) ? SMELT_DTYPE_I32 : SMELT_DTYPE_U32);
    if (right)
        return SMELT_OK;
    return smelt_fail(call->lines.context, SMELT_ERROR_DTYPE, "reduction: y '%s' is %s, wanted %s",
                      p->y->info.name, smelt_dtype_name(y), wanted);
}

// Parts of a line, so that the device is full; 1: whole lines do that, or parts would be too small.
static uint32_t choose_parts(const struct call *call)
{
    const struct smelt_lines *lines = &call->lines;
    uint64_t bytes = smelt_dtype_size(call->params->x->info.dtype, lines->n);
    uint64_t full = call->group ? GROUPS / lines->count : INVOCATIONS / lines->count;
    uint64_t worth = call->group ? bytes / PART_BYTES : lines->n / PART_ELEMENTS;
    return (uint32_t)SMELT_MAX(SMELT_MIN(full, worth), 1);
}

static enum smelt_result check_call(const struct smelt_reduction_params *p, struct call *call)
{
    struct smelt_lines *lines = &call->lines;
    call->params = p;
    lines->name = "reduction";
    if (!p || !p->x)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "reduction: %s is NULL", p ? "x" : "params");
    lines->context = p->x->context;
    enum smelt_result result = smelt_lines_check_tensor(lines, "x", p->x);
    if (result || (result = smelt_lines_check_tensor(lines, "y", p->y)))
        return result;
    if ((uint32_t)p->reduce >= SMELT_REDUCE_COUNT)
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "reduction: reduce is %u, wanted one of enum smelt_reduce (0 to %d)",
                          (uint32_t)p->reduce, SMELT_REDUCE_COUNT - 1);
    const struct smelt_lines_tensor tensors[] = {{"x", p->x, false, false}, {"y", p->y, true, false}};
    if ((result = smelt_lines_view(lines, tensors, 2, p->axis)) || (result = check_dtypes(call)))
        return result;
    if (smelt_tensor_share_bytes(&p->x->info, &p->y->info))
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "reduction: y '%s' shares bytes with x, wanted separate tensors", p->y->info.name);
    call->group = smelt_lines_by_group(lines, p->x->info.dtype);
    call->workgroup_size =
        call->group ? SMELT_MIN(smelt_lines_workgroup_size(lines, p->x->info.dtype, GROUP_CHUNKS), 256) : 128;
    call->push = (struct push){
        .x = p->x->info.address,
        .y = p->y->info.address,
        .extent = {lines->extent[0], lines->extent[1], lines->extent[2]},
        .n = lines->n,
        .stride_x = {lines->strides[0][0], lines->strides[0][1], lines->strides[0][2], lines->strides[0][3]},
        .stride_y = {lines->strides[1][0], lines->strides[1][1], lines->strides[1][2]},
        .parts = choose_parts(call),
    };
    return SMELT_OK;
}

static uint64_t scratch_size(const struct call *call)
{
    return call->push.parts > 1 ? call->lines.count * call->push.parts * STATE_SIZE : 0;
}

enum smelt_result smelt_reduction_scratch_size(const struct smelt_reduction_params *params, uint64_t *size)
{
    struct call call = {0};
    if (!size)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT, "smelt_reduction_scratch_size: size is NULL");
    enum smelt_result result = check_call(params, &call);
    *size = result ? 0 : scratch_size(&call);
    return result;
}

static enum smelt_result check_scratch(struct call *call)
{
    const struct smelt_reduction_params *p = call->params;
    smelt_tensor scratch = p->scratch;
    if (!scratch) {
        call->push.parts = 1;
        return SMELT_OK;
    }
    const struct smelt_lines *lines = &call->lines;
    enum smelt_result result = smelt_lines_check_tensor(lines, "scratch", scratch);
    if (result)
        return result;
    const struct smelt_tensor_info *t = &scratch->info;
    if (t->dtype != SMELT_DTYPE_U32)
        return smelt_fail(lines->context, SMELT_ERROR_DTYPE, "reduction: scratch '%s' is %s, wanted u32",
                          t->name, smelt_dtype_name(t->dtype));
    if (t->rank != 1 || t->strides[0] != 1 || t->address % STATE_SIZE || t->size < scratch_size(call))
        return smelt_fail(lines->context, SMELT_ERROR_SHAPE,
                          "reduction: scratch '%s' has rank %" PRIu32 " and %" PRIu64
                          " bytes at a multiple of %d, wanted "
                          "a packed tensor of rank 1 and %" PRIu64 " bytes at a multiple of %d",
                          t->name, t->rank, t->size, t->address % STATE_SIZE ? 4 : STATE_SIZE,
                          scratch_size(call), STATE_SIZE);
    if (smelt_tensor_share_bytes(&scratch->info, &p->x->info) ||
        smelt_tensor_share_bytes(&scratch->info, &p->y->info))
        return smelt_fail(lines->context, SMELT_ERROR_INVALID_ARGUMENT,
                          "reduction: scratch '%s' shares bytes with x or y, wanted a tensor of its own",
                          t->name);
    call->push.states = t->address;
    return SMELT_OK;
}

// The last dispatch is always by a workgroup for each line: the parts of one lie far apart.
static enum smelt_result make_kernel(smelt_encoder encoder, const struct call *call, enum stage stage,
                                     struct smelt_lines_kernel *wanted, struct smelt_kernel *kernel)
{
    const struct smelt_reduction_params *p = call->params;
    enum smelt_dtype y = p->y->info.dtype;
    bool word = y == SMELT_DTYPE_F32 || y == SMELT_DTYPE_I32 || y == SMELT_DTYPE_U32;
    *wanted = (struct smelt_lines_kernel){
        .name = "reduce",
        .body = "reduce",
        .dtype = p->x->info.dtype,
        .group = call->group || stage == MERGE,
        .baked = p->baked,
        .workgroup_size = stage != MERGE          ? call->workgroup_size
                          : call->push.parts > 64 ? 256
                                                  : 32,
        .constants = {(uint32_t)p->reduce + 1, (uint32_t)stage, word, seeks(p->reduce)},
        .constant_count = 4,
        .push_size = sizeof(struct push),
    };
    const struct smelt_capabilities *c = &call->lines.context->capabilities;
    wanted->workgroup_size =
        SMELT_MIN(wanted->workgroup_size, SMELT_MIN(c->max_workgroup_invocations, c->max_workgroup_size[0]));
    return smelt_lines_kernel_get(&call->lines, encoder, wanted, kernel);
}

enum smelt_result smelt_encode_reduction(smelt_encoder encoder, const struct smelt_reduction_params *params)
{
    struct call call = {0};
    enum smelt_result result = check_call(params, &call);
    if (result)
        return result;
    if ((result = smelt_encoder_require(encoder, call.lines.context, "reduction")) ||
        (result = check_scratch(&call)))
        return result;
    struct smelt_lines_kernel wanted, merging;
    struct smelt_kernel kernel, merge;
    bool parted = call.push.parts > 1;
    if ((result = make_kernel(encoder, &call, parted ? PARTS : WHOLE, &wanted, &kernel)) ||
        (result = parted ? make_kernel(encoder, &call, MERGE, &merging, &merge) : SMELT_OK))
        return result;
    struct smelt_range ranges[] = {
        smelt_range_of(params->x, SMELT_ACCESS_READ),
        smelt_range_of(parted ? params->scratch : params->y, SMELT_ACCESS_WRITE),
    };
    struct smelt_dispatch what = {
        .ranges = ranges,
        .range_count = 2,
        .label = "smelt reduction",
        .operation = SMELT_OPERATION_REDUCTION,
        .call = params,
        .call_size = sizeof(*params),
        .parts = parted ? 2 : 1,
    };
    result = smelt_lines_dispatch(encoder, &wanted, &kernel, &call.push, call.lines.count * call.push.parts,
                                  &what);
    if (result || !parted)
        return result;
    what.part = 1;
    ranges[0] = smelt_range_of(params->scratch, SMELT_ACCESS_READ);
    ranges[1] = smelt_range_of(params->y, SMELT_ACCESS_WRITE);
    result = smelt_kernel_order(encoder, &what);
    return result ? result
                  : smelt_lines_dispatch(encoder, &merging, &merge, &call.push, call.lines.count, &what);
}
