// SPDX-License-Identifier: MIT
// Real models and ONNX's own operator tests, where they are (../shared/data, or SMELT_TEST_SHARED): what the inference
// says of types and shapes is what the tests' outputs have, also when extents are free, also after a package.
#include "test.h"

#include "network_operators.h"
#include "onnx.h"

#include <dirent.h>
#include <unistd.h>

static char folder[512];

static bool find_data(const char *name)
{
    const char *given = getenv("SMELT_TEST_SHARED");
    snprintf(folder, sizeof(folder), "%s/%s", given ? given : SMELT_TEST_SOURCE "/../shared/data", name);
    return access(folder, R_OK) == 0;
}

static bool lookup(void *user, const char *symbol, int64_t *value)
{
    // Symbols are named "sI_J" by free_extents: input I, axis J.
    struct smelt_onnx_tensor *inputs = user;
    unsigned input, axis;
    if (sscanf(symbol, "s%u_%u", &input, &axis) != 2)
        return false;
    *value = (int64_t)inputs[input].shape[axis];
    return true;
}

// The output of the same name has the type and shape of the test's file.
static const char *compare_output(const struct smelt_ir_value *v, const struct smelt_onnx_tensor *wanted,
                                  struct smelt_onnx_tensor *inputs)
{
    static char text[256];
    struct smelt_text type = {0};
    bool same = v->element == wanted->element && v->rank == wanted->rank;
    for (uint32_t d = 0; d < v->rank && same; d++) {
        int64_t extent = -1;
        same =
            smelt_dim_evaluate(v->shape[d], lookup, inputs, &extent) && extent == (int64_t)wanted->shape[d];
    }
    if (same)
        return NULL;
    smelt_ir_print_type(&type, v);
    snprintf(text, sizeof(text), "output \"%s\" is %s; wanted rank %u, first extent %llu", v->name, type.data,
             wanted->rank, (unsigned long long)wanted->shape[0]);
    smelt_text_free(&type);
    return text;
}

enum { MAX_FILES = 16 };

struct set {
    struct smelt_onnx_tensor inputs[MAX_FILES], outputs[MAX_FILES];
    uint32_t input_count, output_count;
};

static const char *read_files(const char *path, const char *prefix, struct smelt_onnx_tensor *tensors,
                              uint32_t *count)
{
    for (*count = 0; *count < MAX_FILES; ++*count) {
        char file[1024];
        snprintf(file, sizeof(file), "%s/test_data_set_0/%s_%u.pb", path, prefix, *count);
        if (access(file, R_OK) != 0)
            break;
        if (smelt_onnx_tensor_read(file, &tensors[*count]))
            return smelt_last_error();
    }
    return NULL;
}

static void free_set(struct set *set)
{
    for (uint32_t i = 0; i < MAX_FILES; i++) {
        smelt_onnx_tensor_free(&set->inputs[i]);
        smelt_onnx_tensor_free(&set->outputs[i]);
    }
}

// Inputs whose contents decide shapes get them; of the others, `free_axes` first extents become symbols.
static const char *prepare(struct smelt_ir *ir, const struct set *set, uint32_t free_axes)
{
    struct smelt_ir_value *inputs[MAX_FILES];
    uint32_t count = ir->input_count;
    memcpy(inputs, ir->inputs, count * sizeof(struct smelt_ir_value *));
    for (uint32_t i = 0; i < count; i++) {
        const struct smelt_onnx_tensor *t = &set->inputs[i];
        char names[SMELT_IR_MAX_RANK][24];
        const char *extents[SMELT_IR_MAX_RANK];
        for (uint32_t d = 0; d < t->rank; d++) {
            if (d < free_axes)
                snprintf(names[d], sizeof(names[d]), "s%u_%u", i, d);
            else
                snprintf(names[d], sizeof(names[d]), "%llu", (unsigned long long)t->shape[d]);
            extents[d] = names[d];
        }
        if (smelt_ir_wants_contents(ir, inputs[i])
                ? smelt_ir_bind_input(ir, inputs[i]->name, t->element, t->rank, t->shape, t->data, t->size)
                : smelt_ir_set_input_shape(ir, inputs[i]->name, t->rank, extents))
            return smelt_last_error();
    }
    return NULL;
}

static const char *compare_all(const struct smelt_ir *ir, struct set *set)
{
    const char *wrong = NULL;
    if (ir->output_count < set->output_count)
        return "wanted more outputs";
    for (uint32_t i = 0; i < set->output_count && !wrong; i++)
        wrong = compare_output(ir->outputs[i], &set->outputs[i], set->inputs);
    return wrong;
}

static bool same_constant(const struct smelt_ir_value *a, const struct smelt_ir_value *b)
{
    return a->constant == b->constant &&
           (!a->constant || (a->stored == b->stored && a->size == b->size &&
                             (!a->size || !memcmp(a->data, b->data, (size_t)a->size))));
}

static bool same_value(const struct smelt_ir_value *a, const struct smelt_ir_value *b)
{
    struct smelt_text x = {0}, y = {0};
    if (!a || !b)
        return a == b;
    smelt_ir_print_type(&x, a);
    smelt_ir_print_type(&y, b);
    bool same = !strcmp(a->name, b->name) && !strcmp(x.data, y.data) && same_constant(a, b);
    smelt_text_free(&x);
    smelt_text_free(&y);
    return same;
}

static bool same_attribute(const struct smelt_ir_attribute *a, const struct smelt_ir_attribute *b)
{
    return a->set == b->set && a->integer == b->integer && (a->set ? !strcmp(a->word, b->word) : true) &&
           a->count == b->count && (!a->integers || !memcmp(a->integers, b->integers, a->count * 8)) &&
           (!a->numbers || !memcmp(a->numbers, b->numbers, a->count * 8));
}

static bool same_node(const struct smelt_ir_node *a, const struct smelt_ir_node *b)
{
    bool same = a->op == b->op && !strcmp(a->name, b->name) && a->input_count == b->input_count &&
                a->output_count == b->output_count;
    for (uint32_t i = 0; same && i < a->input_count; i++)
        same = same_value(a->inputs[i], b->inputs[i]);
    for (uint32_t i = 0; same && i < a->output_count; i++)
        same = same_value(a->outputs[i], b->outputs[i]);
    for (uint32_t i = 0; same && a->op->attributes && a->op->attributes[i].name; i++)
        if (a->attributes[i].set || b->attributes[i].set)
            same = same_attribute(&a->attributes[i], &b->attributes[i]);
    return same;
}

static const char *round_trip(const struct smelt_ir *ir, const char *path, struct set *set)
{
    smelt_package package = NULL;
    struct smelt_ir *back = NULL;
    const char *wrong = NULL;
    if (smelt_ir_write(ir, path) || smelt_package_open(path, &package) || smelt_ir_read(package, &back) ||
        smelt_ir_infer(back))
        wrong = smelt_last_error();
    else if (back->node_count != ir->node_count || back->input_count != ir->input_count ||
             back->output_count != ir->output_count || back->storage != ir->storage)
        wrong = "the package has another number of nodes, inputs or outputs";
    for (uint32_t i = 0; !wrong && i < ir->node_count; i++)
        if (!same_node(ir->nodes[i], back->nodes[i]))
            wrong = "a node is another one after the package";
    for (uint32_t i = 0; !wrong && i < ir->output_count; i++)
        if (!same_value(ir->outputs[i], back->outputs[i]))
            wrong = "an output is another one after the package";
    if (!wrong)
        wrong = compare_all(back, set);
    smelt_ir_destroy(&back);
    smelt_package_close(&package);
    remove(path);
    return wrong;
}

// One test case in one way; NULL when it holds.
static const char *check_case(const char *path, struct set *set, uint32_t free_axes, bool *inferred)
{
    char model[1024], package[64];
    struct smelt_ir *ir = NULL;
    snprintf(model, sizeof(model), "%s/model.onnx", path);
    snprintf(package, sizeof(package), "/tmp/smelt-test-onnx-%ld.safetensors", (long)getpid());
    *inferred = false;
    const char *wrong = smelt_onnx_read(model, &ir) ? smelt_last_error() : prepare(ir, set, free_axes);
    if (!wrong && smelt_ir_infer(ir))
        wrong = smelt_last_error();
    *inferred = !wrong;
    if (!wrong)
        wrong = compare_all(ir, set);
    if (!wrong && smelt_ir_simplify(ir))
        wrong = smelt_last_error();
    if (!wrong)
        wrong = compare_all(ir, set);
    if (!wrong)
        wrong = round_trip(ir, package, set);
    smelt_ir_destroy(&ir);
    return wrong;
}

static uint32_t cases, free_cases, fixed_cases, failures;

static void one_case(const char *path)
{
    static struct set set;
    char copy[512];
    bool inferred;
    const char *wrong = read_files(path, "input", set.inputs, &set.input_count);
    if (!wrong)
        wrong = read_files(path, "output", set.outputs, &set.output_count);
    if (!wrong)
        wrong = check_case(path, &set, 0, &inferred);
    cases++;
    if (wrong) {
        printf("    %s: %s\n", path, wrong);
        failures++;
    }
    // With free extents: either it cannot be told, or it is right. Constants in the model may contradict them.
    for (uint32_t axes = 1; !wrong && axes <= 4; axes++) {
        const char *bad = check_case(path, &set, axes, &inferred);
        snprintf(copy, sizeof(copy), "%s", bad ? bad : "");
        if (bad && inferred) {
            printf("    %s with %u free axes: %s\n", path, axes, copy);
            failures++;
        }
        free_cases += !bad;
        fixed_cases += bad && !inferred;
        if (bad && !inferred && getenv("SMELT_TEST_VERBOSE"))
            printf("    %s with %u free axes: %s\n", path, axes, copy);
    }
    free_set(&set);
}

static void each_case(const char *name)
{
    if (!find_data(name))
        SKIP("the shared data is not here");
    DIR *directory = opendir(folder);
    char base[512];
    snprintf(base, sizeof(base), "%s", folder);
    cases = free_cases = fixed_cases = failures = 0;
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s/model.onnx", base, entry->d_name);
        if (access(path, R_OK) != 0)
            continue;
        path[strlen(path) - strlen("/model.onnx")] = 0;
        one_case(path);
    }
    closedir(directory);
    printf("    %u cases; with free extents %u hold, %u are fixed by the model\n", cases, free_cases,
           fixed_cases);
    CHECK(cases > 0);
    CHECK(failures == 0);
}

static void operators(void)
{
    each_case("onnx-node/node");
}

static void converted(void)
{
    each_case("onnx-node/pytorch-converted");
}

static void models(void)
{
    each_case("models");
}

static const struct test tests[] = {
    {"shapes of ONNX's operator tests are inferred", operators},
    {"shapes of ONNX's converted tests are inferred", converted},
    {"shapes of real models are inferred", models},
};

TEST_MAIN(tests)
