// SPDX-License-Identifier: MIT
// Bundles: one shader as SPIR-V for several backends with its reflection, in a safetensors file; the variant is
// picked on the device.
#include "ops_internal.h"
#include "shader_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_USES 4096

static const char *const scope_names[] = {"thread", "subgroup", "workgroup"};

// --- Writing ----------------------------------------------------------------------------------------------

struct variant {
    enum smelt_backend backend;
    struct smelt_shader_info info;
};

// What one op asks of a device: for smelt_backend_choose there, and at SUBGROUP and WORKGROUP scope how it is laid out.
static void write_use(const struct smelt_backend_query *query, uint32_t widest,
                      const struct smelt_op_info *info, struct smelt_text *json)
{
    smelt_text_add(json,
                   "{\"op\":\"%s\",\"scope\":\"%s\",\"backend\":\"%s\",\"stored\":\"%s\",\"computed\":\"%s\","
                   "\"accumulated\":\"%s\",\"widest\":%u",
                   smelt_op_type(query->op)->name, scope_names[query->scope],
                   smelt_backend_name(query->backend), smelt_dtype_name(query->stored),
                   smelt_dtype_name(query->computed), smelt_dtype_name(query->accumulated), widest);
    if (query->scope != SMELT_SCOPE_THREAD) {
        bool matrix = query->backend == SMELT_BACKEND_COOPMAT || query->backend == SMELT_BACKEND_COOPMAT2;
        const struct smelt_matmul2d_tiling *t = &info->tiling;
        smelt_text_add(json,
                       ",\"workgroup_size\":%u,\"scratch_size\":%u,\"subgroup_size\":%u,"
                       "\"full_subgroups\":%d,\"matrix_m\":%u,\"matrix_n\":%u,\"matrix_k\":%u",
                       info->workgroup_size, info->scratch_size, info->subgroup_size.requiredSubgroupSize,
                       info->stage_flags != 0, matrix ? t->fragment_m : 0, matrix ? t->fragment_n : 0,
                       matrix ? t->fragment_k : 0);
    }
    smelt_text_add(json, "}");
}

static enum smelt_result write_op(const struct smelt_shader_params *params, uint32_t index,
                                  const struct variant *variant, struct smelt_text *json)
{
    struct smelt_op_plan plan;
    struct smelt_op_info info;
    enum smelt_result result = smelt_op_resolve(NULL, &params->ops[index], variant->info.stage,
                                                variant->backend, &plan, &info, NULL);
    if (result)
        return result;
    struct smelt_backend_query query = {
        .op = plan.op->kind,
        .scope = plan.scope,
        .stored = plan.stored,
        .computed = info.choice.computed,
        .accumulated = info.choice.accumulated,
        .backend = info.choice.backend,
    };
    smelt_text_add(json, "%s", index ? "," : "");
    write_use(&query, plan.widest, &info, json);
    return SMELT_OK;
}

static enum smelt_result describe(const struct smelt_shader_params *params, const struct variant *variants,
                                  uint32_t count, struct smelt_text *json)
{
    const struct smelt_shader_info *info = &variants[0].info;
    smelt_text_add(
        json, "{\"kind\":\"shader\",\"argument_block_version\":%d,\"name\":", SMELT_ARGUMENT_BLOCK_VERSION);
    smelt_json_add_string(json, info->name);
    smelt_text_add(json, ",\"stage\":\"%s\",\"variants\":[", smelt_stage_name(info->stage));
    for (uint32_t v = 0; v < count; v++) {
        smelt_text_add(json, "%s{\"backend\":\"%s\",\"uses\":[", v ? "," : "",
                       smelt_backend_name(variants[v].backend));
        for (uint32_t i = 0; i < params->op_count; i++) {
            enum smelt_result result = write_op(params, i, &variants[v], json);
            if (result)
                return result;
        }
        // Modules included by hand, by SMELT_BACKEND_DEFAULT: all that is known is the backend.
        if (!params->op_count && variants[v].backend != SMELT_BACKEND_PORTABLE) {
            struct smelt_backend_query query = {.stored = SMELT_DTYPE_F16,
                                                .computed = SMELT_DTYPE_F16,
                                                .accumulated = SMELT_DTYPE_F16,
                                                .backend = variants[v].backend};
            write_use(&query, 1, NULL, json);
        }
        smelt_text_add(json, "]}");
    }
    smelt_text_add(json, "],\"reflection\":");
    smelt_reflection_write(info->reflection, json);
    smelt_text_add(json, "}");
    return SMELT_OK;
}

static enum smelt_result write_file(const struct smelt_shader_params *params, const struct variant *variants,
                                    uint32_t count, const char *path)
{
    struct smelt_package_tensor tensors[SMELT_BACKEND_COUNT] = {{0}};
    for (uint32_t v = 0; v < count; v++)
        tensors[v] = (struct smelt_package_tensor){
            .name = smelt_backend_name(variants[v].backend),
            .dtype = SMELT_DTYPE_U32,
            .rank = 1,
            .shape = {variants[v].info.spirv_size / 4},
            .data = variants[v].info.spirv,
            .size = variants[v].info.spirv_size,
        };
    struct smelt_text json = {0};
    enum smelt_result result = describe(params, variants, count, &json);
    if (!result && json.failed)
        result = smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for the description", path);
    if (!result)
        result = smelt_package_write(path, tensors, count, json.data, NULL, 0);
    smelt_text_free(&json);
    return result;
}

enum smelt_result smelt_bundle_write(const struct smelt_shader_params *params, uint32_t backends,
                                     const char *path, uint32_t *skipped)
{
    const uint32_t all = (1u << SMELT_BACKEND_COUNT) - 2; // without AUTO
    if (!params || !path)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_bundle_write: wanted params and a path, got NULL");
    if (backends & ~all)
        return smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                          "smelt_bundle_write: wanted backends within 0x%x, got 0x%x", all, backends);
    struct variant variants[SMELT_BACKEND_COUNT] = {{0}};
    uint32_t count = 0, impossible = 0;
    uint32_t wanted = (backends ? backends : all) | 1u << SMELT_BACKEND_PORTABLE;
    enum smelt_result result = SMELT_OK;
    for (int b = SMELT_BACKEND_PORTABLE; b < SMELT_BACKEND_COUNT && !result; b++) {
        if (!(wanted >> b & 1))
            continue;
        struct smelt_shader_params one = *params;
        one.backend = (enum smelt_backend)b;
        variants[count].backend = one.backend;
        result = smelt_compile(NULL, &one, &variants[count].info);
        if (b == SMELT_BACKEND_PORTABLE) {
            count += !result;
        } else if (!result && variants[count].info.backend == one.backend) {
            count++;
        } else if (!result ||
                   result == SMELT_ERROR_UNSUPPORTED) { // its ops or the compiler cannot, or none use it
            smelt_shader_info_free(&variants[count].info);
            impossible |= backends & 1u << b;
            result = SMELT_OK;
        }
    }
    if (!result)
        result = write_file(params, variants, count, path);
    for (uint32_t v = 0; v < count; v++)
        smelt_shader_info_free(&variants[v].info);
    if (!result && skipped)
        *skipped = impossible;
    return result;
}

// --- Reading ----------------------------------------------------------------------------------------------

// A bundle while a variant of it is picked.
struct bundle {
    smelt_context context;
    smelt_package package;
    const char *file;
    VkShaderStageFlagBits stage;
    struct smelt_json variants;
    struct smelt_text refusals; // "coopvec (the device lacks ...), portable (...)"
    // What the pipeline of a variant must have.
    uint32_t subgroup_size[SMELT_BACKEND_COUNT];
    bool full_subgroups[SMELT_BACKEND_COUNT];
};

// How an op of SUBGROUP or WORKGROUP scope was laid out.
struct layout {
    uint32_t workgroup_size, scratch_size, subgroup_size, full_subgroups, matrix_m, matrix_n, matrix_k;
};

static enum smelt_result read_layout(const struct smelt_json *use, struct layout *l)
{
    const struct {
        const char *key;
        uint32_t *value, most;
    } members[] = {
        {"workgroup_size", &l->workgroup_size, UINT32_MAX},
        {"scratch_size", &l->scratch_size, UINT32_MAX},
        {"subgroup_size", &l->subgroup_size, 128},
        {"full_subgroups", &l->full_subgroups, 1},
        {"matrix_m", &l->matrix_m, 1024},
        {"matrix_n", &l->matrix_n, 1024},
        {"matrix_k", &l->matrix_k, 1024},
    };
    enum smelt_result result = SMELT_OK;
    for (size_t i = 0; i < SMELT_COUNT_OF(members) && !result; i++)
        result = smelt_json_u32(use, members[i].key, 0, members[i].most, members[i].value);
    return result;
}

static bool lists_matrix(smelt_context context, enum smelt_backend backend, enum smelt_dtype factor,
                         enum smelt_dtype sums, const struct layout *l)
{
    const struct smelt_capabilities *c = &context->capabilities;
    if (backend == SMELT_BACKEND_COOPMAT2) {
        const struct smelt_cooperative_matrix *row =
            smelt_cooperative_flexible(context, factor, sums, SMELT_SCOPE_SUBGROUP, 0);
        return row && l->matrix_m % row->m == 0 && l->matrix_n % row->n == 0 && l->matrix_k % row->k == 0;
    }
    for (uint32_t i = 0; i < c->cooperative_matrix_count; i++) {
        const struct smelt_cooperative_matrix *row = &c->cooperative_matrices[i];
        if (row->m == l->matrix_m && row->n == l->matrix_n && row->k == l->matrix_k &&
            row->scope == SMELT_SCOPE_SUBGROUP && row->a == factor && row->b == factor && row->c == sums &&
            row->result == sums)
            return true;
    }
    return false;
}

// A use does not say the signs of 8-bit factors: both are wanted.
static bool has_matrix(smelt_context context, enum smelt_backend backend,
                       const struct smelt_backend_query *query, const struct layout *l)
{
    return lists_matrix(context, backend, query->computed, query->accumulated, l) &&
           (query->computed != SMELT_DTYPE_I8 ||
            lists_matrix(context, backend, SMELT_DTYPE_U8, SMELT_DTYPE_U32, l));
}

// Whether the device can run what was laid out so; adds why not to bundle->refusals.
static bool fits(struct bundle *bundle, enum smelt_backend backend, const struct smelt_backend_query *query,
                 const struct layout *l)
{
    smelt_context context = bundle->context;
    const struct smelt_capabilities *c = &context->capabilities;
    uint32_t invocations = SMELT_MIN(c->max_workgroup_invocations, c->max_workgroup_size[0]);
    bool size = !l->subgroup_size || l->subgroup_size == c->subgroup_size ||
                (context->required_subgroup_size && l->subgroup_size >= c->min_subgroup_size &&
                 l->subgroup_size <= c->max_subgroup_size);
    if (!size)
        smelt_text_add(&bundle->refusals, "subgroups of %u are wanted, the device has %u to %u",
                       l->subgroup_size, c->min_subgroup_size, c->max_subgroup_size);
    else if (l->workgroup_size > invocations)
        smelt_text_add(&bundle->refusals, "%u invocations are wanted, the device has %u", l->workgroup_size,
                       invocations);
    else if (l->scratch_size > c->max_shared_memory_size)
        smelt_text_add(&bundle->refusals, "%u bytes of shared memory are wanted, the device has %u",
                       l->scratch_size, c->max_shared_memory_size);
    else if (l->matrix_m && !has_matrix(context, backend, query, l))
        smelt_text_add(&bundle->refusals, "matrices of %u x %u x %u are wanted, the device has none",
                       l->matrix_m, l->matrix_n, l->matrix_k);
    else
        return true;
    return false;
}

// Asks about one use. `usable` is cleared, with the reason in bundle->refusals, when the device cannot.
static enum smelt_result check_use(struct bundle *bundle, enum smelt_backend variant,
                                   const struct smelt_json *use, bool *usable)
{
    uint32_t op = 0, scope = 0, widest = 0;
    const char *text[4] = {0}, *op_names[SMELT_OP_COUNT];
    static const char *const keys[] = {"backend", "stored", "computed", "accumulated"};
    for (int kind = 0; kind < SMELT_OP_COUNT; kind++)
        op_names[kind] = smelt_op_type((enum smelt_op_kind)kind)->name;
    enum smelt_result result = smelt_json_word(use, "op", op_names, SMELT_COUNT_OF(op_names), &op);
    if (!result)
        result = smelt_json_word(use, "scope", scope_names, SMELT_COUNT_OF(scope_names), &scope);
    if (!result)
        result = smelt_json_u32(use, "widest", 0, UINT32_MAX, &widest);
    for (int i = 0; i < 4 && !result; i++)
        result = smelt_json_string(use, keys[i], NULL, &text[i]);
    if (result)
        return result;
    struct smelt_backend_query query = {
        .op = (enum smelt_op_kind)op,
        .scope = (enum smelt_scope)scope,
        .stage = bundle->stage,
        .stored = smelt_dtype_from_name(text[1]),
        .computed = smelt_dtype_from_name(text[2]),
        .accumulated = smelt_dtype_from_name(text[3]),
        .precompiled = true,
    };
    enum smelt_backend backend = smelt_backend_from_name(text[0]);
    if (backend == SMELT_BACKEND_AUTO || backend == SMELT_BACKEND_COUNT)
        return smelt_json_fail(use, "a backend, not \"%.40s\"", text[0]);
    struct smelt_backend_choice choice = {0}; // asked without a request: a refusal here is no error yet
    bool chosen = smelt_backend_choose(bundle->context, &query, &choice) == SMELT_OK;
    uint32_t limit =
        bundle->context ? bundle->context->capabilities.max_cooperative_vector_components : UINT32_MAX;
    if (!choice.eligible[backend]) {
        const char *reason = choice.reason[backend];
        smelt_text_add(&bundle->refusals, "%s", *reason || chosen ? reason : smelt_last_error());
    } else if (backend == SMELT_BACKEND_COOPVEC && widest > limit) {
        smelt_text_add(&bundle->refusals, "vectors of %u components are wanted, the device has %u", widest,
                       limit);
    } else {
        struct layout layout = {0};
        if (scope != SMELT_SCOPE_THREAD && (result = read_layout(use, &layout)))
            return result;
        if (layout.subgroup_size && bundle->context && bundle->context->required_subgroup_size)
            bundle->subgroup_size[variant] = layout.subgroup_size;
        bundle->full_subgroups[variant] |= layout.full_subgroups != 0;
        query.computed = choice.computed;
        query.accumulated = choice.accumulated;
        if (!bundle->context || fits(bundle, backend, &query, &layout))
            return SMELT_OK;
    }
    *usable = false;
    return SMELT_OK;
}

// Whether variant `at` runs on the device; adds why not to bundle->refusals.
static enum smelt_result check_variant(struct bundle *bundle, const struct smelt_json *at, bool *usable,
                                       enum smelt_backend *variant)
{
    struct smelt_json uses, use;
    uint32_t count;
    const char *backend = "";
    enum smelt_result result = smelt_json_string(at, "backend", NULL, &backend);
    *variant = smelt_backend_from_name(backend);
    if (!result && (*variant == SMELT_BACKEND_AUTO || *variant == SMELT_BACKEND_COUNT))
        return smelt_json_fail(at, "a backend, not \"%.40s\"", backend);
    if (!result)
        result = smelt_json_array(at, "uses", 0, MAX_USES, &uses, &count);
    if (result)
        return result;
    smelt_text_add(&bundle->refusals, "%s%.20s", bundle->refusals.size ? "), " : "", backend);
    smelt_text_add(&bundle->refusals, " (");
    *usable = true;
    use = uses;
    for (use.value = uses.value->child; use.value && *usable && !result; use.value = use.value->next)
        result = check_use(bundle, *variant, &use, usable);
    return result;
}

// Copies the chosen variant out of the package.
static enum smelt_result make_info(struct bundle *bundle, const struct smelt_json *root,
                                   enum smelt_backend backend, struct smelt_shader_info *info)
{
    struct smelt_json object;
    struct smelt_reflection *reflection = NULL;
    const char *backend_name = smelt_backend_name(backend), *name = NULL;
    const struct smelt_package_tensor *t = smelt_package_find(bundle->package, backend_name);
    if (!t || t->dtype != SMELT_DTYPE_U32)
        return smelt_fail(bundle->context, SMELT_ERROR_FORMAT,
                          "%s: wanted a U32 tensor \"%s\" for the variant, got %s", bundle->file,
                          backend_name, t ? t->dtype_name : "none");
    uint32_t *words = malloc((size_t)t->size + 1);
    if (!words)
        return smelt_fail(bundle->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory for %llu bytes",
                          bundle->file, (unsigned long long)t->size);
    if (t->size)
        memcpy(words, t->data, (size_t)t->size);
    *info = (struct smelt_shader_info){
        .spirv = words, .spirv_size = (size_t)t->size, .stage = bundle->stage, .backend = backend};
    if (!smelt_spirv_is_valid(words, info->spirv_size / 4))
        return smelt_fail(bundle->context, SMELT_ERROR_FORMAT, "%s: tensor \"%s\" is not SPIR-V",
                          bundle->file, backend_name);
    enum smelt_result result = smelt_json_object(root, "reflection", &object);
    if (!result)
        result = smelt_reflection_read(&object, &reflection);
    info->reflection = reflection;
    if (!result)
        result = smelt_json_string(root, "name", NULL, &name);
    if (!result && (!(info->name = smelt_copy_string(name)) ||
                    !(info->dependencies = calloc(1, sizeof(*info->dependencies)))))
        result = smelt_fail(bundle->context, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", bundle->file);
    return result;
}

// The best usable variant of `wanted` (AUTO: any): the modules order backends by how specialised they are, and so
// does the enum.
static enum smelt_result pick(struct bundle *bundle, enum smelt_backend wanted, enum smelt_backend *picked)
{
    struct smelt_json at = bundle->variants;
    enum smelt_backend best = SMELT_BACKEND_AUTO;
    enum smelt_backend forced =
        wanted == SMELT_BACKEND_AUTO && bundle->context ? bundle->context->forced_backend : wanted;
    for (at.value = bundle->variants.value->child; at.value; at.value = at.value->next) {
        bool usable = false;
        enum smelt_backend backend = SMELT_BACKEND_AUTO;
        enum smelt_result result = check_variant(bundle, &at, &usable, &backend);
        if (result)
            return result;
        // A shader without ops has nothing that a forced backend could be forced on.
        bool indifferent = wanted == SMELT_BACKEND_AUTO && cJSON_GetArraySize(bundle->variants.value) == 1 &&
                           !cJSON_GetObjectItemCaseSensitive(at.value, "uses")->child;
        bool asked_for = forced == SMELT_BACKEND_AUTO || forced == backend || indifferent;
        // Without a device AUTO means PORTABLE, as in smelt_backend_choose.
        bool known = bundle->context || wanted != SMELT_BACKEND_AUTO || backend == SMELT_BACKEND_PORTABLE;
        if (usable && asked_for && known && backend > best)
            best = backend;
        else if (usable)
            smelt_text_add(&bundle->refusals, "not asked for");
    }
    if (best == SMELT_BACKEND_AUTO)
        return smelt_fail(bundle->context, SMELT_ERROR_UNSUPPORTED,
                          "%s: wanted backend %s, but of its variants none will do: %s%s", bundle->file,
                          smelt_backend_name(forced), bundle->refusals.data ? bundle->refusals.data : "none",
                          bundle->refusals.data ? ")" : "");
    *picked = best;
    return SMELT_OK;
}

static enum smelt_result read_header(struct bundle *bundle, const struct smelt_json *root)
{
    uint32_t version = 0, count;
    const char *stage = "", *kind = smelt_package_kind(bundle->package);
    if (strcmp(kind, "shader") != 0)
        return smelt_fail(bundle->context, SMELT_ERROR_FORMAT, "%s: wanted a shader bundle, got %s%s",
                          bundle->file,
                          *kind ? "a package of kind " : "a safetensors file without description", kind);
    enum smelt_result result = smelt_json_u32(root, "argument_block_version", 0, UINT32_MAX, &version);
    if (result)
        return result;
    if (version != SMELT_ARGUMENT_BLOCK_VERSION)
        return smelt_fail(
            bundle->context, SMELT_ERROR_VERSION,
            "%s: made for argument blocks of version %u, this library has version %d: compile it again",
            bundle->file, version, SMELT_ARGUMENT_BLOCK_VERSION);
    result = smelt_json_string(root, "stage", NULL, &stage);
    if (!result)
        result = smelt_json_array(root, "variants", 1, SMELT_BACKEND_COUNT, &bundle->variants, &count);
    if (result)
        return result;
    bundle->stage = smelt_stage_from_name(stage);
    return bundle->stage ? SMELT_OK
                         : smelt_fail(bundle->context, SMELT_ERROR_FORMAT,
                                      "%s: wanted a stage, got \"%.40s\"", bundle->file, stage);
}

static enum smelt_result create(smelt_context context, smelt_package package, enum smelt_backend backend,
                                smelt_shader *shader)
{
    struct bundle bundle = {.context = context, .package = package, .file = smelt_package_name(package)};
    struct smelt_json root = smelt_json_root(context, bundle.file, smelt_package_description(package));
    struct smelt_shader_info info = {0};
    enum smelt_result result = read_header(&bundle, &root);
    if (!result)
        result = smelt_package_verify(package);
    if (!result)
        result = pick(&bundle, backend, &backend);
    if (!result)
        result = make_info(&bundle, &root, backend, &info);
    if (!result)
        smelt_shader_require(
            &info, bundle.subgroup_size[backend],
            bundle.full_subgroups[backend] ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0);
    smelt_text_free(&bundle.refusals);
    if (!result)
        return smelt_shader_wrap(context, &info, shader);
    smelt_shader_info_free(&info);
    return result;
}

static enum smelt_result check_arguments(smelt_context context, const char *call, const void *given,
                                         enum smelt_backend backend, const smelt_shader *shader)
{
    if (!given || !shader)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT,
                          "%s: wanted a bundle and a place for the shader, got NULL", call);
    if ((uint32_t)backend >= SMELT_BACKEND_COUNT)
        return smelt_fail(context, SMELT_ERROR_INVALID_ARGUMENT, "%s: wanted a backend from 0 to %d, got %d",
                          call, SMELT_BACKEND_COUNT - 1, (int)backend);
    return SMELT_OK;
}

enum smelt_result smelt_shader_create_from_bundle(smelt_context context, const char *path,
                                                  enum smelt_backend backend, smelt_shader *shader)
{
    enum smelt_result result =
        check_arguments(context, "smelt_shader_create_from_bundle", path, backend, shader);
    smelt_package package = NULL;
    if (!result)
        result = smelt_package_open(path, &package);
    if (!result)
        result = create(context, package, backend, shader);
    smelt_package_close(&package);
    return result;
}

enum smelt_result smelt_shader_create_from_bundle_memory(smelt_context context, const void *data, size_t size,
                                                         enum smelt_backend backend, smelt_shader *shader)
{
    enum smelt_result result =
        check_arguments(context, "smelt_shader_create_from_bundle_memory", data, backend, shader);
    smelt_package package = NULL;
    if (!result)
        result = smelt_package_open_memory(data, size, "bundle", &package);
    if (!result)
        result = create(context, package, backend, shader);
    smelt_package_close(&package);
    return result;
}
