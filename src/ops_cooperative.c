// SPDX-License-Identifier: MIT
// matmul2d of a subgroup or a workgroup: checks the descriptor, lays the tile out for the device, writes the generated
// include.
#include "ops_internal.h"

#define MAX_TILE 1024
#define MAX_TILE_K 256
#define SCRATCH_DEFAULT 32768 // bytes that every Vulkan 1.3 device of today has; for no particular device

// --- The descriptor ---------------------------------------------------------------------------------------

static enum smelt_result check_multiple(smelt_context context, const struct smelt_op_plan *plan,
                                        const char *field, uint32_t value, uint32_t of)
{
    if (value % of == 0)
        return SMELT_OK;
    return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "op \"%s\": %s is %u, wanted a multiple of %u",
                      plan->op->name, field, value, of);
}

enum smelt_result smelt_cooperative_check(smelt_context context, const struct smelt_op_plan *plan)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    enum smelt_result result = SMELT_OK;
    if (!d->m != !d->n)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": m is %u and n is %u, wanted both or neither to be 0", plan->op->name,
                          d->m, d->n);
    if (!d->subgroups_m != !d->subgroups_n)
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "op \"%s\": subgroups_m is %u and subgroups_n is %u, wanted both or neither to be 0",
            plan->op->name, d->subgroups_m, d->subgroups_n);
    uint32_t most = plan->scope == SMELT_SCOPE_SUBGROUP ? 1 : 64;
    uint32_t group = plan->computed == SMELT_DTYPE_I8 ? 16 : 8;
    if ((result = smelt_op_check_range(context, plan, "m", d->m, 0, MAX_TILE)) ||
        (result = smelt_op_check_range(context, plan, "n", d->n, 0, MAX_TILE)) ||
        (result = smelt_op_check_range(context, plan, "tile_k", d->tile_k, 0, MAX_TILE_K)) ||
        (result = check_multiple(context, plan, "n", d->n, group)) ||
        (result = check_multiple(context, plan, "tile_k", d->tile_k, group)) ||
        (result = d->transpose_left ? check_multiple(context, plan, "m (with transpose_left)", d->m, group)
                                    : SMELT_OK) ||
        (result = smelt_op_check_range(context, plan, "subgroups_m", d->subgroups_m, 0, most)) ||
        (result = smelt_op_check_range(context, plan, "subgroups_n", d->subgroups_n, 0, most)) ||
        (result = smelt_op_check_range(context, plan, "subgroup_size", d->subgroup_size, 0, 128)))
        return result;
    if (d->alignment > 16 || (d->alignment & (d->alignment - 1)))
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "op \"%s\": alignment is %u, wanted 1, 2, 4, 8 or 16 (or 0: 1)", plan->op->name,
                          d->alignment);
    return SMELT_OK;
}

// --- The tiling -------------------------------------------------------------------------------------------

// A row of a matrix of bytes is loaded from whole uvec4; of integers, which a software device multiplies by eight, also
// from a half that has one of its own.
static bool fits_scratch(enum smelt_dtype factor, uint32_t elements)
{
    bool integer = factor == SMELT_DTYPE_I8 || factor == SMELT_DTYPE_U8;
    return elements % (smelt_dtype_size(factor, 1) == 1 ? 16 : 8) == 0 || (integer && elements == 8);
}

bool smelt_cooperative_fragment(smelt_context context, enum smelt_dtype factor, enum smelt_dtype accumulated,
                                struct smelt_matmul2d_tiling *tiling)
{
    uint32_t depth = smelt_dtype_size(factor, 1) == 1 ? 32 : 16;
    if (factor == SMELT_DTYPE_U8)
        accumulated = SMELT_DTYPE_U32;
    tiling->fragment_m = tiling->fragment_n = 16;
    tiling->fragment_k = depth;
    if (!context) // the shape that every GPU with the extension has
        return true;
    const struct smelt_capabilities *c = &context->capabilities;
    const struct smelt_cooperative_matrix *best = NULL;
    for (uint32_t i = 0; i < c->cooperative_matrix_count; i++) {
        const struct smelt_cooperative_matrix *row = &c->cooperative_matrices[i];
        bool usable = row->a == factor && row->b == factor && row->c == accumulated &&
                      row->result == accumulated && !row->saturating && row->scope == SMELT_SCOPE_SUBGROUP &&
                      fits_scratch(factor, row->m) && fits_scratch(factor, row->n) &&
                      fits_scratch(factor, row->k) && row->k <= MAX_TILE_K && row->m * row->n <= 2048;
        bool common = row->m == 16 && row->n == 16 && row->k == depth;
        if (usable && (!best || common))
            best = row;
    }
    if (!best)
        return false;
    tiling->fragment_m = best->m;
    tiling->fragment_n = best->n;
    tiling->fragment_k = best->k;
    return true;
}

const struct smelt_cooperative_matrix *
smelt_cooperative_flexible(smelt_context context, enum smelt_dtype factor, enum smelt_dtype accumulated,
                           enum smelt_scope scope, uint32_t invocations)
{
    static const struct smelt_cooperative_matrix usual = {.m = 16, .n = 16, .k = 16},
                                                 bytes = {.m = 16, .n = 16, .k = 32};
    if (!context)
        return scope != SMELT_SCOPE_SUBGROUP ? NULL : smelt_dtype_size(factor, 1) == 1 ? &bytes : &usual;
    if (factor == SMELT_DTYPE_U8)
        accumulated = SMELT_DTYPE_U32;
    const struct smelt_capabilities *c = &context->capabilities;
    for (uint32_t i = 0; i < c->flexible_matrix_count; i++) {
        const struct smelt_cooperative_matrix *row = &c->flexible_matrices[i];
        if (row->a == factor && row->b == factor && row->c == accumulated && row->result == accumulated &&
            row->scope == scope && row->invocations == invocations && row->k <= MAX_TILE_K)
            return row;
    }
    return NULL;
}

// Defaults depend on the device but not on the backend, so that a shader has one workgroup size on all of them.
static void choose_tile(smelt_context context, const struct smelt_op_plan *plan,
                        struct smelt_matmul2d_tiling *t)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    if (plan->twin_of) {
        *t = plan->twin_of->tiling;
        t->addressed = 0;
        return;
    }
    t->subgroup_size = d->subgroup_size ? d->subgroup_size
                       : context        ? context->capabilities.subgroup_size
                                        : 32;
    bool wide = t->subgroup_size >= 32, group = plan->scope == SMELT_SCOPE_WORKGROUP;
    uint32_t down = 2, across = wide ? 4 : 2;
    t->subgroups_m = !group ? 1 : d->subgroups_m ? d->subgroups_m : down;
    t->subgroups_n = !group ? 1 : d->subgroups_n ? d->subgroups_n : across;
    uint32_t edge = wide ? (group ? 128 : 32) : (group ? 32 : 16);
    t->m = d->m ? d->m : edge;
    t->n = d->n ? d->n : edge;
    bool bytes = plan->computed == SMELT_DTYPE_I8; // half of what f16 takes
    t->k = d->tile_k ? d->tile_k : !wide ? 16 : bytes ? 64 : 32;
}

// The block of one invocation: all invocations busy where that can be, and near a square, which reads least.
static bool choose_block(struct smelt_matmul2d_tiling *t)
{
    uint32_t threads = t->subgroup_size * t->subgroups_m * t->subgroups_n, best = 0;
    double best_side = 0;
    t->fragment_k = 1;
    for (uint32_t m = 1; m <= 32 && t->m % m == 0; m *= 2)
        for (uint32_t n = 2; n <= 32 && t->n % n == 0; n *= 2) {
            uint32_t busy = (t->m / m) * (t->n / n);
            double side = 1.0 / m + 1.0 / n; // words read for each product
            if (busy > threads || busy < best || (busy == best && side > best_side))
                continue;
            best = busy;
            best_side = side;
            t->fragment_m = m;
            t->fragment_n = n;
        }
    return best > 0;
}

enum smelt_dtype smelt_cooperative_factors(const struct smelt_backend_choice *choice)
{
    if (choice->backend != SMELT_BACKEND_PORTABLE)
        return choice->computed;
    return choice->computed == SMELT_DTYPE_BF16     ? SMELT_DTYPE_F32
           : choice->computed == SMELT_DTYPE_F8E4M3 ? SMELT_DTYPE_F16
           : choice->computed == SMELT_DTYPE_F8E5M2 ? SMELT_DTYPE_F16
                                                    : choice->computed;
}

static bool is_matrix(enum smelt_backend backend)
{
    return backend == SMELT_BACKEND_COOPMAT || backend == SMELT_BACKEND_COOPMAT2;
}

// What the device's matrices multiply: of integers with different signs i8.
static enum smelt_dtype matrix_factor(const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    bool u8 = info->choice.computed == SMELT_DTYPE_I8 && plan->unsigned_only;
    return u8 ? SMELT_DTYPE_U8 : info->choice.computed;
}

// In uvec4, as matmul2d_cooperative_tmpl.glsl counts them.
static uint32_t scratch_of(const struct smelt_op_plan *plan, const struct smelt_op_info *info)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    uint32_t group = 16 / (uint32_t)smelt_dtype_size(smelt_cooperative_factors(&info->choice), 1);
    uint32_t l = group, r = group, table = 1;
    if (t->addressed)
        return table;
    if (is_matrix(info->choice.backend) && info->choice.computed == SMELT_DTYPE_I8) {
        l = (d->transpose_left ? t->fragment_m : t->fragment_k) == 8 ? 8 : group;
        r = (d->transpose_right ? t->fragment_k : t->fragment_n) == 8 ? 8 : group;
    }
    uint32_t left = d->transpose_left ? t->k * (t->m / l + 1) : t->m * (t->k / l + 1);
    uint32_t right = d->transpose_right ? t->n * (t->k / r + 1) : t->k * (t->n / r + 1);
    if (info->choice.backend == SMELT_BACKEND_COOPMAT)
        table = t->subgroups_m * t->subgroups_n * t->fragment_m * t->fragment_n /
                (info->choice.accumulated == SMELT_DTYPE_F16 ? 8 : 4);
    uint32_t sums = d->zero_points ? (t->m + t->n + 3) / 4 : 0;
    return SMELT_MAX(left + right, table) + sums;
}

// COOPMAT2: whether one matrix of the workgroup can be the tile, with operands by tensor addressing. Addresses that are
// no multiples of 16 bytes, types that are converted, and sizes that the device does not have are staged.
static bool can_address(smelt_context context, const struct smelt_op_plan *plan,
                        const struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    uint32_t threads = t->subgroup_size * t->subgroups_m * t->subgroups_n;
    const struct smelt_cooperative_matrix *row = smelt_cooperative_flexible(
        context, info->choice.computed, info->choice.accumulated, SMELT_SCOPE_WORKGROUP, threads);
    if (!row || plan->scope != SMELT_SCOPE_WORKGROUP || t->subgroups_m * t->subgroups_n < 2 ||
        !context->capabilities.cooperative_matrix2_tensor_addressing)
        return false;
    uint32_t largest = context->capabilities.cooperative_matrix2_max_dimension;
    return plan->op->matmul2d->alignment >= 8 && info->choice.computed == SMELT_DTYPE_F16 &&
           plan->stored == SMELT_DTYPE_F16 && plan->stored_left == SMELT_DTYPE_F16 && t->m % row->m == 0 &&
           t->n % row->n == 0 && t->k % row->k == 0 && t->m <= largest && t->n <= largest &&
           t->k <= largest && threads <= context->capabilities.cooperative_matrix2_max_workgroup_size;
}

// COOPMAT2: else the smallest matrices of a subgroup, side by side: a chain of products takes them piece by piece, and
// lavapipe (Mesa 26.1) reduces matrices wrongly that are larger in both directions.
static void choose_flexible(smelt_context context, const struct smelt_op_plan *plan,
                            const struct smelt_op_info *info, struct smelt_matmul2d_tiling *t)
{
    const struct smelt_cooperative_matrix *row = smelt_cooperative_flexible(
        context, matrix_factor(plan, info), info->choice.accumulated, SMELT_SCOPE_SUBGROUP, 0);
    uint32_t multiple = 16 / (uint32_t)smelt_dtype_size(info->choice.computed, 1); // of a row, in the scratch
    t->addressed = can_address(context, plan, info);
    t->fragment_m = t->addressed ? t->m : row->m;
    t->fragment_n = t->addressed ? t->n : row->n % 8 ? 8 * row->n : row->n;
    t->fragment_k = t->addressed             ? t->k
                    : row->k % multiple == 0 ? row->k
                    : multiple % row->k == 0 ? multiple
                                             : multiple * row->k;
}

static enum smelt_result fit_fragments(smelt_context context, const struct smelt_op_plan *plan,
                                       struct smelt_op_info *info)
{
    struct smelt_matmul2d_tiling *t = &info->tiling;
    if (info->choice.backend == SMELT_BACKEND_PORTABLE || info->choice.backend == SMELT_BACKEND_DOT8) {
        if (choose_block(t))
            return SMELT_OK;
        return smelt_fail(
            context, SMELT_ERROR_INVALID_ARGUMENT,
            "op \"%s\": a tile of m %u by n %u on %u x %u subgroups of %u, wanted one that blocks "
            "of at most 32 x 32 (powers of 2, one for each invocation) make up",
            plan->op->name, t->m, t->n, t->subgroups_m, t->subgroups_n, t->subgroup_size);
    }
    if (info->choice.backend == SMELT_BACKEND_COOPMAT2)
        choose_flexible(context, plan, info, t);
    else
        smelt_cooperative_fragment(context, matrix_factor(plan, info), info->choice.accumulated, t);
    if (!plan->op->matmul2d->tile_k)
        t->k = SMELT_MAX(t->k, t->fragment_k);
    if (t->addressed)
        return SMELT_OK;
    if (t->m % (t->fragment_m * t->subgroups_m) == 0 && t->n % (t->fragment_n * t->subgroups_n) == 0 &&
        t->k % t->fragment_k == 0)
        return SMELT_OK;
    return smelt_fail(
        context, SMELT_ERROR_INVALID_ARGUMENT,
        "op \"%s\": m, n, tile_k are %u, %u, %u, wanted multiples of %u, %u, %u: matrices of the "
        "device times subgroups_m, subgroups_n",
        plan->op->name, t->m, t->n, t->k, t->fragment_m * t->subgroups_m, t->fragment_n * t->subgroups_n,
        t->fragment_k);
}

// What the limits of the device say to a subgroup of this size, and to so many of them.
static enum smelt_result check_limits(smelt_context context, const struct smelt_op_plan *plan,
                                      const struct smelt_op_info *info)
{
    const struct smelt_capabilities *c = &context->capabilities;
    const char *name = plan->op->name;
    uint32_t size = info->tiling.subgroup_size;
    if (size & (size - 1) || size < c->min_subgroup_size || size > c->max_subgroup_size)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": subgroup_size is %u, wanted a power of 2 from %u to %u", name, size,
                          c->min_subgroup_size, c->max_subgroup_size);
    if (size != c->subgroup_size && !context->required_subgroup_size)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": subgroup_size is %u, wanted %u: the device takes no other in compute",
                          name, size, c->subgroup_size);
    uint32_t most = SMELT_MIN(c->max_workgroup_invocations, c->max_workgroup_size[0]);
    if (info->workgroup_size > most)
        return smelt_fail(context, SMELT_ERROR_UNSUPPORTED,
                          "op \"%s\": %u x %u subgroups of %u are %u invocations, wanted at most %u", name,
                          info->tiling.subgroups_m, info->tiling.subgroups_n, size, info->workgroup_size,
                          most);
    uint32_t reserved = info->tiling.addressed ? c->cooperative_matrix2_reserved_shared_memory : 0;
    if (info->scratch_size + reserved > c->max_shared_memory_size)
        return smelt_fail(
            context, SMELT_ERROR_UNSUPPORTED,
            "op \"%s\": m %u, n %u, tile_k %u take %u bytes of shared memory, wanted at most %u", name,
            info->tiling.m, info->tiling.n, info->tiling.k, info->scratch_size + reserved,
            c->max_shared_memory_size);
    return SMELT_OK;
}

enum smelt_result smelt_cooperative_tile(smelt_context context, const struct smelt_op_plan *plan,
                                         struct smelt_op_info *info)
{
    struct smelt_matmul2d_tiling *t = &info->tiling;
    uint32_t shared = context ? context->capabilities.max_shared_memory_size : SCRATCH_DEFAULT;
    choose_tile(context, plan, t);
    enum smelt_result result = fit_fragments(context, plan, info);
    if (result)
        return result;
    while (!plan->op->matmul2d->tile_k && t->k > 16 && scratch_of(plan, info) * 16 > shared)
        t->k /= 2;
    info->scratch_size = scratch_of(plan, info) * 16;
    return smelt_cooperative_need(context, plan, info);
}

enum smelt_result smelt_cooperative_need(smelt_context context, const struct smelt_op_plan *plan,
                                         struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    info->workgroup_size = t->subgroup_size * t->subgroups_m * t->subgroups_n;
    bool subgroups = plan->scope == SMELT_SCOPE_SUBGROUP || is_matrix(info->choice.backend);
    bool sized = subgroups && (!context || context->required_subgroup_size);
    info->stage_flags = subgroups ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0;
    info->subgroup_size = (VkPipelineShaderStageRequiredSubgroupSizeCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = sized ? t->subgroup_size : 0,
    };
    return context ? check_limits(context, plan, info) : SMELT_OK;
}

// --- The generated include --------------------------------------------------------------------------------

void smelt_cooperative_write_group(struct smelt_text *text, const struct smelt_op_plan *plan,
                                   const struct smelt_op_info *info)
{
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    const char *name = plan->op->name;
    bool subgroup = plan->scope == SMELT_SCOPE_SUBGROUP;
    smelt_text_add(text, "#define %s_WORKGROUP_SIZE %u\n#define %s_TILE_M %u\n#define %s_TILE_N %u\n", name,
                   info->workgroup_size, name, t->m, name, t->n);
    smelt_text_add(
        text,
        "#ifndef %s_SUBGROUPS\n#define %s_SUBGROUPS 1\n#endif\n#ifndef %s_SCRATCH\n"
        "#define %s_SCRATCH %s_scratch_memory\nshared uvec4 %s_scratch_memory[%u * %s%s];\n#endif\n",
        name, name, name, name, name, name, info->scratch_size / 16, subgroup ? name : "1",
        subgroup ? "_SUBGROUPS" : "");
}

void smelt_cooperative_write_tiling(struct smelt_text *text, const char *prefix,
                                    const struct smelt_op_plan *plan, const struct smelt_matmul2d_tiling *t)
{
    smelt_op_define_number(text, prefix, "SUBGROUP_SIZE", t->subgroup_size);
    smelt_op_define_number(text, prefix, "SUBGROUPS_M", t->subgroups_m);
    smelt_op_define_number(text, prefix, "SUBGROUPS_N", t->subgroups_n);
    smelt_op_define_number(text, prefix, "FRAGMENT_M", t->fragment_m);
    smelt_op_define_number(text, prefix, "FRAGMENT_N", t->fragment_n);
    smelt_op_define_number(text, prefix, "FRAGMENT_K", t->fragment_k);
    smelt_text_add(text, "#define %sSCRATCH %s_SCRATCH\n", prefix, plan->op->name);
}

void smelt_cooperative_write(struct smelt_text *text, const struct smelt_op_plan *plan,
                             const struct smelt_op_info *info)
{
    const struct smelt_matmul2d_descriptor *d = plan->op->matmul2d;
    const struct smelt_matmul2d_tiling *t = &info->tiling;
    const char *name = plan->op->name, *prefix = "SMELT_MATMUL2D_";
    smelt_cooperative_write_group(text, plan, info);
    smelt_op_define(text, "SMELT_", "MATMUL2D", name);
    smelt_op_define(text, prefix, "SCOPE", smelt_op_scope_macro(plan->scope));
    smelt_op_define_number(text, prefix, "M", t->m);
    smelt_op_define_number(text, prefix, "N", t->n);
    smelt_op_define_number(text, prefix, "K", d->k);
    smelt_op_define_number(text, prefix, "TILE_K", t->k);
    smelt_op_define_number(text, prefix, "TRANSPOSE_LEFT", d->transpose_left);
    smelt_op_define_number(text, prefix, "TRANSPOSE_RIGHT", d->transpose_right);
    smelt_op_define_number(text, prefix, "ACCUMULATE", d->accumulate);
    smelt_op_define_number(text, prefix, "BIAS", d->bias);
    smelt_op_define(text, prefix, "ACTIVATION", smelt_op_activation_macro(d->activation));
    smelt_op_define_number(text, prefix, "EPILOGUE", d->epilogue);
    smelt_op_define_number(text, prefix, "RELAXED", d->relaxed);
    smelt_op_define(text, prefix, "STORED_LEFT", smelt_op_dtype_macro(plan->stored_left));
    smelt_op_define(text, prefix, "STORED", smelt_op_dtype_macro(plan->stored));
    smelt_matmul2d_write_scale(text, plan);
    const char *source = t->addressed ? "SMELT_SOURCE_ADDRESSED" : "SMELT_SOURCE_TENSOR";
    smelt_op_define(text, prefix, "SOURCE_LEFT", source);
    smelt_op_define(text, prefix, "SOURCE_RIGHT", source);
    smelt_op_define(text, prefix, "COMPUTED", smelt_op_dtype_macro(smelt_cooperative_factors(&info->choice)));
    smelt_op_define(text, prefix, "ACCUMULATED", smelt_op_dtype_macro(info->choice.accumulated));
    if (info->choice.computed == SMELT_DTYPE_I8)
        smelt_op_define_number(text, prefix, "ZERO_POINTS", d->zero_points);
    smelt_op_define_number(text, prefix, "ALIGNMENT", d->alignment > 1 ? d->alignment : !d->dense);
    smelt_cooperative_write_tiling(text, prefix, plan, t);
    smelt_op_define(text, prefix, "BACKEND", smelt_op_backend_macro(info->choice.backend));
    smelt_text_add(text, "#include \"smelt/matmul2d_tmpl.glsl\"\n");
}
