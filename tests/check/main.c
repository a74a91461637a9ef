// SPDX-License-Identifier: MIT
// checkglsl: one table of op x types x shape x stage x backend, every row against a reference in double precision.
// See tests/check/check.h for how to add an op.
#include "capabilities.h"
#include "check.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAMPLES 512           // evaluations checked where a dispatch makes more
#define SAMPLED_OPERATIONS 0x1p29 // of the references for a dispatch that makes more
#define MANY_ELEMENTS (1u << 23)  // of inputs: such rows are run with random values only
#define MAX_REASONS 32

#define CHECK_ENTRY(op) &op,
static const struct check_op *const ops[] = {CHECK_OPS(CHECK_ENTRY)};

static const char *const kind_names[CHECK_VALUES_COUNT] = {
    "random",  "zeros",       "negative", "largest", "subnormal",
    "one-hot", "alternating", "sparse",   "NaN",     "infinite",
};

static struct {
    const char *op, *backend, *shape;
    bool list, bench, full;
    uint32_t part, parts, row; // the share of the rows that is run
    uint64_t seed;
    uint32_t passed[CHECK_TIER_COUNT], failed[CHECK_TIER_COUNT], skipped[CHECK_TIER_COUNT], caught;
    struct {
        char text[200];
        uint32_t count;
    } reasons[MAX_REASONS];
    uint32_t reason_count;
} run = {.parts = 1, .seed = 1};

// --- Rows -----------------------------------------------------------------------------------------------------

static void count_skip(enum check_tier tier, const char *reason)
{
    uint32_t i = 0;
    while (i < run.reason_count && strcmp(run.reasons[i].text, reason))
        i++;
    if (i == MAX_REASONS)
        i--;
    else if (i == run.reason_count)
        snprintf(run.reasons[run.reason_count++].text, sizeof(run.reasons[i].text), "%s", reason);
    run.reasons[i].count++;
    run.skipped[tier]++;
}

static void row_name(const struct check_case *c, char name[160])
{
    static const char *const scopes[] = {"thread", "subgroup", "workgroup"};
    char types[48] = "";
    const enum smelt_dtype all[] = {c->left, c->types.stored, c->types.computed, c->types.accumulated};
    for (int i = 0; i < 4; i++)
        if (all[i])
            snprintf(types + strlen(types), sizeof(types) - strlen(types), "%s%s", types[0] ? "," : "",
                     smelt_dtype_name(all[i]));
    snprintf(name, 160, "%-18s %-15s %-24s %-9s %-8s %-8s", c->op->name, types, c->shape->name,
             scopes[c->op->scope], c->stage == VK_SHADER_STAGE_FRAGMENT_BIT ? "fragment" : "compute",
             smelt_backend_name(c->backend));
}

struct worst {
    double ratio; // of the error to the bound
    double got, wanted, bound;
    uint32_t evaluation, output;
    enum check_values kind;
    uint64_t checked, unchecked;
};

// How many evaluations of a dispatch are compared: all, or as many as the references take bearable time for.
static uint32_t sample_count(const struct check_case *c)
{
    if (!c->op->flops)
        return c->evaluations;
    double bearable = SAMPLED_OPERATIONS / fmax(c->op->flops(c->shape), 1);
    return SMELT_MIN(c->evaluations, (uint32_t)fmin(fmax(bearable, 8), MAX_SAMPLES));
}

// Compares the evaluations of a dispatch (all, or a sample).
static void compare(const struct check_case *c, const double *got, double *wanted, double *bound,
                    uint64_t *random, struct worst *worst)
{
    uint32_t count = sample_count(c);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t e = count == c->evaluations ? i : (uint32_t)(check_random(random) % c->evaluations);
        if (i == 0 && count < c->evaluations) // where wrong kernel 2 is wrong
            e = c->evaluations / 2;
        if (i == count - 1)
            e = c->evaluations - 1;
        c->op->reference(c, e, wanted, bound);
        for (uint32_t o = 0; o < c->outputs; o++) {
            double value = got[(uint64_t)e * c->outputs + o];
            if (!isfinite(bound[o])) {
                worst->unchecked++;
                continue;
            }
            worst->checked++;
            double error = isnan(wanted[o]) && isnan(value) ? 0
                           : value == wanted[o]             ? 0
                                                            : fabs(value - wanted[o]);
            double ratio = error == 0 ? 0 : error / bound[o];
            if (isnan(ratio))
                ratio = INFINITY;
            if (ratio > worst->ratio || worst->checked == 1)
                *worst = (struct worst){ratio, value,   wanted[o],      bound[o],        e,
                                        o,     c->kind, worst->checked, worst->unchecked};
        }
    }
}

// Four times the bound on every output of one evaluation, 1 where the result has to be exact (wrong kernel 2).
static bool four_bounds(const struct check_case *c, double *errors)
{
    double *wanted = malloc(c->outputs * sizeof(double)), *bound = malloc(c->outputs * sizeof(double));
    uint32_t e = c->evaluations / 2;
    if (wanted && bound)
        c->op->reference(c, e, wanted, bound);
    for (uint32_t o = 0; wanted && bound && o < c->outputs; o++)
        errors[(uint64_t)e * c->outputs + o] = bound[o] > 0 ? 4 * bound[o] : 1;
    bool ok = wanted && bound;
    free(wanted);
    free(bound);
    return ok;
}

enum outcome { PASSED, FAILED, SKIPPED };

// Makes the dispatches of a row. Outcome FAILED with `what` when something but the numbers is wrong.
static enum outcome run_dispatches(struct check_case *c, struct check_program *program, struct worst *worst,
                                   char what[200])
{
    uint64_t elements = (uint64_t)c->evaluations * c->outputs, random = run.seed;
    uint64_t outputs = SMELT_MAX(c->outputs, 1u), inputs = 0;
    double *got = malloc(SMELT_MAX(elements, 1) * sizeof(double));
    double *errors = calloc(SMELT_MAX(elements, 1), sizeof(double));
    double *wanted = malloc(outputs * sizeof(double)), *bound = malloc(outputs * sizeof(double));
    for (uint32_t i = 0; i < c->tensor_count; i++)
        inputs += c->tensors[i].role == CHECK_OUTPUT ? 0 : c->tensors[i].count;
    bool one_kind = c->wrong || run.bench || inputs > MANY_ELEMENTS;
    enum outcome outcome = got && errors && wanted && bound ? PASSED : FAILED;
    if (outcome)
        snprintf(what, 200, "no memory");
    for (int kind = 0; kind < CHECK_VALUES_COUNT && !outcome; kind++) {
        if (!(c->op->values & 1u << kind) || (one_kind && kind != CHECK_RANDOM))
            continue;
        bool intact = true;
        c->kind = (enum check_values)kind;
        if (!check_fill_values(c, run.seed) || (c->wrong == 2 && !four_bounds(c, errors)))
            snprintf(what, 200, "no memory");
        else if (check_program_run(program, c->wrong == 2 ? errors : NULL, got, &intact, what))
            snprintf(what, 200, "%s", smelt_last_error());
        else if (intact)
            compare(c, got, wanted, bound, &random, worst);
        outcome = what[0] ? FAILED : PASSED;
    }
    free(got);
    free(errors);
    free(wanted);
    free(bound);
    return outcome;
}

// Sets c->info for ops with a descriptor. Returns false, with the reason, when the row cannot run here.
static bool eligible(smelt_context context, struct check_case *c, char what[200])
{
    const struct smelt_capabilities *capabilities = smelt_context_capabilities(context);
    if (c->op->eligible)
        return c->op->eligible(context, c, what);
    if (!c->smelt.name) {
        bool wants_f16 = c->types.computed == SMELT_DTYPE_F16;
        if (wants_f16 && !capabilities->shader_float16)
            snprintf(what, 200, "the device has no shaderFloat16");
        return !what[0];
    }
    enum smelt_result result = smelt_op_query(context, &c->smelt, c->stage, &c->info);
    if (result == SMELT_ERROR_UNSUPPORTED || result == SMELT_ERROR_DTYPE) {
        snprintf(what, 200, "%s: %s", smelt_backend_name(c->backend),
                 c->info.choice.reason[c->backend][0] ? c->info.choice.reason[c->backend]
                                                      : smelt_last_error());
        return false;
    }
    for (uint32_t i = 0; !result && c->smelt.mlp && i < c->mlp.layer_count; i++) {
        struct smelt_mlp_descriptor layer = c->mlp;
        layer.layer_count = 1;
        layer.widths[0] = c->mlp.widths[i];
        layer.widths[1] = 1;
        struct smelt_op op = {.name = "layer", .kind = SMELT_OP_MLP, .mlp = &layer};
        struct smelt_op_info info;
        result = smelt_op_query(context, &op, c->stage, &info);
        c->layer_c[i] = info.error_c;
    }
    if (result)
        snprintf(what, 200, "smelt_op_query: %s", smelt_last_error());
    return true;
}

// DESIGN 2.1 and 2.6: an instance needs no feature that its backend's row of the table does not have, and of an op with a
// descriptor none that smelt_op_query does not tell.
static bool within_feature_table(const struct check_case *c, struct check_program *program, char what[200])
{
    const struct smelt_shader_info *info = check_program_shader(program);
    uint64_t features = c->info.features;
    if (!features)
        features =
            smelt_required_features() |
            smelt_instance_features(c->backend, SMELT_SCOPE_THREAD, c->types.computed, c->types.accumulated);
    uint32_t beyond = capability_beyond(info->spirv, info->spirv_size, features);
    if (beyond != UINT32_MAX)
        snprintf(what, 200, "SPIR-V capability %u is beyond the features of %s", beyond,
                 smelt_backend_name(c->backend));
    return beyond == UINT32_MAX;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_bench(const struct check_case *c, struct check_program *program, const struct worst *worst)
{
    double ns[16];
    uint32_t count = 16;
    if (check_program_time(program, &count, ns) || !count) {
        printf("      not timed: %s\n", smelt_last_error());
        return;
    }
    qsort(ns, count, sizeof(*ns), compare_doubles);
    double median = ns[count / 2], runs = c->evaluations;
    if (c->stage == VK_SHADER_STAGE_FRAGMENT_BIT) // a fragment evaluates all and shows four outputs
        runs *= (c->outputs + 3) / 4;
    printf("csv,%s,%s,%s,%s,%s,%s,%s,%.0f,%.0f,%.0f,%.0f,%.4g,%.4g,%.3g\n", c->op->name,
           smelt_dtype_name(c->types.stored), smelt_dtype_name(c->types.computed),
           smelt_dtype_name(c->types.accumulated), c->shape->name,
           c->stage == VK_SHADER_STAGE_FRAGMENT_BIT ? "fragment" : "compute", smelt_backend_name(c->backend),
           runs, median, ns[0], ns[count - 1], runs / median, c->op->flops(c->shape) * runs / median,
           worst->ratio);
}

static void free_case(struct check_case *c)
{
    for (uint32_t i = 0; i < c->tensor_count; i++)
        free(c->tensors[i].values);
    free(c);
}

// Evaluations of a dispatch: a multiple of no workgroup size; less work in ci; on a software device less in bench.
static uint32_t evaluations_of(smelt_context context, const struct check_op *op,
                               const struct check_shape *shape)
{
    bool cpu = smelt_context_capabilities(context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    if (run.bench)
        return cpu ? (1u << 14) - 1 : (1u << 20) - 1;
    if (!run.full || !op->flops)
        return 37;
    double each = op->flops(shape) / 2;
    return (uint32_t)SMELT_MIN(SMELT_MAX((cpu ? 0x1p22 : 0x1p30) / each, 37), 40003);
}

static void report(const struct check_case *c, enum outcome outcome, const struct worst *worst,
                   const char *what)
{
    char name[160];
    row_name(c, name);
    if (outcome == SKIPPED) // counted with its reason at the end
        return;
    if (c->wrong) {
        printf("%s  %s wrong kernel %u %s\n", outcome == FAILED ? "FAIL" : "ok  ", name, c->wrong,
               outcome == FAILED ? "was not caught" : "was caught");
        if (what[0])
            printf("      %s\n", what);
        return;
    }
    printf("%s  %s worst %.3g of the bound, %llu checked", outcome == FAILED ? "FAIL" : "ok  ", name,
           worst->ratio, (unsigned long long)worst->checked);
    if (worst->unchecked)
        printf(", %llu may overflow", (unsigned long long)worst->unchecked);
    printf("\n");
    if (what[0])
        printf("      %s (%s values)\n", what, kind_names[c->kind]);
    if (outcome == FAILED && worst->checked)
        printf("      worst element: evaluation %u output %u of %s values: got %.9g, wanted %.9g, bound "
               "%.3g, ratio "
               "%.3g\n",
               worst->evaluation, worst->output, kind_names[worst->kind], worst->got, worst->wanted,
               worst->bound, worst->ratio);
}

static enum outcome run_row(smelt_context context, struct check_device *device, const struct check_case *row)
{
    struct check_case *c = malloc(sizeof(*c));
    if (!c) {
        run.failed[row->shape->tier]++;
        return FAILED;
    }
    *c = *row;
    c->op->describe(c, evaluations_of(context, c->op, c->shape));
    char what[200] = "";
    struct worst worst = {0};
    struct check_program *program = NULL;
    enum outcome outcome = PASSED;
    uint32_t messages = smelt_context_validation_messages(context);
    if (!eligible(context, c, what)) {
        outcome = SKIPPED;
    } else if (what[0]) {
        outcome = FAILED;
    } else {
        enum smelt_result result = check_program_create(device, c, &program);
        if (result) {
            outcome = result == SMELT_ERROR_UNSUPPORTED ? SKIPPED : FAILED;
            snprintf(what, sizeof(what), "%s", smelt_last_error());
        }
    }
    if (program && !within_feature_table(c, program, what)) {
        outcome = FAILED;
    } else if (program) {
        outcome = run_dispatches(c, program, &worst, what);
        bool empty = !c->evaluations || !c->outputs;
        if (!outcome && (worst.ratio > 1 || (!worst.checked && !empty)))
            outcome = FAILED;
        if (c->wrong) // must be reported as wrong by the numbers, or (3 and 4) by the guards
            outcome = outcome == FAILED && (c->wrong < 3) == !what[0] ? PASSED : FAILED;
        if (smelt_context_validation_messages(context) != messages) {
            outcome = FAILED;
            snprintf(what, sizeof(what), "the validation layers gave messages");
        }
    }
    enum check_tier tier = c->shape->tier;
    if (outcome == SKIPPED)
        count_skip(tier, what);
    run.passed[tier] += outcome == PASSED;
    run.failed[tier] += outcome == FAILED;
    run.caught += outcome == PASSED && c->wrong;
    report(c, outcome, &worst, what);
    if (program && run.bench && !outcome && !c->wrong)
        print_bench(c, program, &worst);
    check_program_destroy(&program);
    free_case(c);
    return outcome;
}

// --- The product -----------------------------------------------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

// It takes seconds to compile a row of a group on a software device that has matrices, or to run it under
// AddressSanitizer, which looks at the host's side only: of an op with its types on a backend only some of the shapes are
// run there, at least one. `turn` makes them others for the next types.
static bool left_out(smelt_context context, const struct check_case *row, uint32_t turn)
{
    const struct smelt_capabilities *device = smelt_context_capabilities(context);
    if (run.full || run.op || run.shape || row->op->scope == SMELT_SCOPE_THREAD ||
        device->device_type != VK_PHYSICAL_DEVICE_TYPE_CPU || !(device->cooperative_matrix || SANITIZED))
        return false;
    uint32_t place = 0, count = 0;
    for (uint32_t s = 0; s < row->op->shape_count; s++) {
        place = row->shape == &row->op->shapes[s] ? count : place;
        count += row->op->shapes[s].tier == CHECK_CI;
    }
    bool matrices = row->backend == SMELT_BACKEND_COOPMAT || row->backend == SMELT_BACKEND_COOPMAT2;
    return (place + turn) % SMELT_MIN(matrices ? 12u : 4u, count) != 0;
}

static void visit(smelt_context context, struct check_device *device, const struct check_case *row,
                  uint32_t turn)
{
    const struct check_op *op = row->op;
    if (run.list) {
        char name[160];
        row_name(row, name);
        printf("%s %s\n", name, row->shape->tier == CHECK_FULL ? "full" : "ci");
        return;
    }
    if (row->shape->tier == CHECK_FULL && !run.full)
        return;
    if (run.bench && !op->flops)
        return;
    // Multiplicative hashing: shares do not follow the order of types and backends.
    if ((run.row++ * 2654435761u >> 16) % run.parts != run.part)
        return;
    if (left_out(context, row, turn)) {
        count_skip(row->shape->tier,
                   "a software device with matrices, or under a sanitizer, runs some shapes of each op of "
                   "a group, unless -o, -s or --full is given");
        return;
    }
    if (run_row(context, device, row) == SKIPPED)
        return;
    bool first_types = row->types.stored == op->types[0].stored &&
                       row->types.computed == op->types[0].computed &&
                       row->types.accumulated == op->types[0].accumulated;
    // On matrices not with sums of f16: a missing term can hide in their bound.
    bool matrix_backend =
        row->backend == SMELT_BACKEND_COOPVEC ||
        (row->backend != SMELT_BACKEND_PORTABLE && row->types.accumulated != SMELT_DTYPE_F16);
    if (row->shape != &op->shapes[op->wrong_shape] || run.bench || !(first_types || matrix_backend))
        return;
    for (uint32_t wrong = 1; wrong <= 4; wrong++) {
        struct check_case bad = *row;
        bad.wrong = wrong;
        if ((op->wrong & 1u << wrong) && (wrong != 3 || row->stage == VK_SHADER_STAGE_COMPUTE_BIT))
            run_row(context, device, &bad);
    }
}

static void visit_all(smelt_context context, struct check_device *device)
{
    static const VkShaderStageFlagBits stages[] = {VK_SHADER_STAGE_COMPUTE_BIT, VK_SHADER_STAGE_FRAGMENT_BIT};
    for (size_t o = 0; o < SMELT_COUNT_OF(ops); o++) {
        const struct check_op *op = ops[o];
        if (run.op && !strstr(op->name, run.op))
            continue;
        for (uint32_t s = 0; s < op->shape_count; s++)
            for (uint32_t t = 0; t < op->type_count; t++)
                for (uint32_t b = 1; b < SMELT_BACKEND_COUNT; b++)
                    for (uint32_t g = 0; g < 2; g++) {
                        if (!(op->backends & 1u << b) || !(op->stages & (VkShaderStageFlags)stages[g]) ||
                            (run.shape && !strstr(op->shapes[s].name, run.shape)) ||
                            (run.backend &&
                             strcmp(smelt_backend_name((enum smelt_backend)b), run.backend) != 0))
                            continue;
                        const struct check_case row = {.op = op,
                                                       .shape = &op->shapes[s],
                                                       .types = op->types[t],
                                                       .left = op->lefts ? op->lefts[t] : SMELT_DTYPE_NONE,
                                                       .backend = (enum smelt_backend)b,
                                                       .stage = stages[g]};
                        if (!op->exists || op->exists(&row))
                            visit(context, device, &row, (uint32_t)o + t + b);
                    }
    }
}

static void log_line(void *user, enum smelt_log_level level, const char *line)
{
    (void)user;
    // smelt's own errors are shown with the row that they end.
    if (level == SMELT_LOG_WARNING || strstr(line, "alidation"))
        printf("      [log] %s\n", line);
}

static int usage(const char *program)
{
    printf(
        "usage: %s [-o OP] [-b BACKEND] [-s SHAPE] [--seed N] [--tier ci|full] [--full] [--part I/N]\n"
        "          [--list] [--bench]\n"
        "Checks the GLSL modules against references in double precision on the device that SMELT_DEVICE "
        "names.\n"
        "  -o, -s    rows whose op or shape contains the text; -b rows of one backend\n"
        "  --full    as --tier full: also the rows of large shapes, where a sample is checked. For a GPU\n"
        "  --part    the I-th of N shares of the rows, I from 1\n"
        "  --bench   GPU time as lines csv,op,stored,computed,accumulated,shape,stage,backend,evaluations,\n"
        "            median ns,least,most,G evaluations/s,GFLOP/s,worst error in bounds\n"
        "Exit status: 0 all rows passed; 1 a row failed or none ran; 2 usage; 77 there is no device.\n",
        program);
    return 2;
}

static bool parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--list"))
            run.list = true;
        else if (!strcmp(argv[i], "--bench"))
            run.bench = true;
        else if (!strcmp(argv[i], "--full"))
            run.full = true;
        else if (!next)
            return false;
        else if (!strcmp(argv[i], "-o"))
            run.op = argv[++i];
        else if (!strcmp(argv[i], "-b"))
            run.backend = argv[++i];
        else if (!strcmp(argv[i], "-s"))
            run.shape = argv[++i];
        else if (!strcmp(argv[i], "--part") && sscanf(next, "%u/%u", &run.part, &run.parts) == 2 &&
                 run.part >= 1 && run.part <= run.parts)
            run.part--, i++;
        else if (!strcmp(argv[i], "--seed"))
            run.seed = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--tier") && (!strcmp(next, "ci") || !strcmp(next, "full")))
            run.full = !strcmp(argv[++i], "full");
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!parse(argc, argv))
        return usage(argv[0]);
    if (run.list) {
        visit_all(NULL, NULL);
        return 0;
    }
    int wrong_references = check_reference_selftest() + check_mlp_selftest() + check_encoding_selftest();
    printf("references against cases computed by hand: %s\n", wrong_references ? "WRONG" : "right");
    const char *off = getenv("SMELT_TEST_VALIDATION"); // as in test.h
    struct smelt_context_params params = {
        .validation = !run.bench && !(off && !strcmp(off, "0")), .cache_directory = "", .log = log_line};
    smelt_context context = NULL;
    enum smelt_result result = smelt_context_create(&params, &context);
    if (result == SMELT_ERROR_UNSUPPORTED && params.validation) { // the layer is not installed
        printf("without validation: %s\n", smelt_last_error());
        params.validation = false;
        result = smelt_context_create(&params, &context);
    }
    if (result) {
        printf("no context: %s\n", smelt_last_error());
        return result == SMELT_ERROR_NO_DEVICE ? 77 : 1;
    }
    const struct smelt_capabilities *capabilities = smelt_context_capabilities(context);
    printf("device %s, %s %s; seed %llu; tier %s\n", capabilities->device_name, capabilities->driver_name,
           capabilities->driver_info, (unsigned long long)run.seed, run.full ? "full" : "ci");
    struct check_device *device = NULL;
    if (check_device_create(context, &device)) {
        printf("no device: %s\n", smelt_last_error());
        run.failed[CHECK_CI]++;
    } else {
        visit_all(context, device);
    }
    check_device_destroy(&device);
    smelt_context_destroy(&context);
    for (uint32_t i = 0; i < run.reason_count; i++)
        printf("%u rows skipped: %s\n", run.reasons[i].count, run.reasons[i].text);
    uint32_t passed = 0, failed = 0;
    for (int tier = 0; tier < CHECK_TIER_COUNT; tier++) {
        passed += run.passed[tier];
        failed += run.failed[tier];
        if (tier == CHECK_CI || run.full)
            printf("tier %-4s: %u rows passed, %u failed, %u skipped\n", tier == CHECK_FULL ? "full" : "ci",
                   run.passed[tier], run.failed[tier], run.skipped[tier]);
    }
    printf("%u rows passed (%u of them wrong kernels that were caught), %u failed\n", passed, run.caught,
           failed);
    if (!passed && !failed)
        printf("no row ran: that is a failure\n");
    return failed || !passed || wrong_references;
}
