// SPDX-License-Identifier: MIT
// Right models: free extents, shape arithmetic, old forms, what simplification leaves, packages and bad ones.
#include "test.h"

#include "model.h"
#include "network_internal.h"
#include "onnx.h"

#include <unistd.h>

static struct bytes graph, model, node;

static struct smelt_ir *load(int64_t opset)
{
    struct smelt_ir *ir = NULL;
    make_model(&model, opset, &graph);
    CHECK_OK(smelt_onnx_read_memory(model.data, model.size, "m.onnx", &ir));
    CHECK_OK(smelt_ir_infer(ir));
    return ir;
}

static bool has_type(const struct smelt_ir_value *v, const char *wanted)
{
    struct smelt_text text = {0};
    smelt_ir_print_type(&text, v);
    bool same = text.data && !strcmp(text.data, wanted);
    if (!same)
        printf("    \"%s\" is %s, wanted %s\n", v->name, text.data, wanted);
    smelt_text_free(&text);
    return same;
}

// The output's type of the graph at hand; the graph is used up.
static void check_output(int64_t opset, const char *wanted)
{
    struct smelt_ir *ir = load(opset);
    bool same = has_type(ir->outputs[0], wanted);
    smelt_ir_destroy(&ir);
    graph.size = 0;
    CHECK(same);
}

static void one_node(const char *op, const char *inputs)
{
    graph.size = 0;
    add_node(&graph, op, "n", inputs, "y");
    add_output(&graph, "y");
}

static void free_extents(void)
{
    graph.size = 0;
    begin_node(&node, "Conv", "c", "x,w", "y");
    attribute_integers(&node, "strides", (const int64_t[]){2, 2}, 2);
    attribute_integers(&node, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
    end_node(&graph, &node);
    add_ones(&graph, "w", (const int64_t[]){8, 3, 3, 3}, 4);
    add_input(&graph, "x", 1, "N,3,H,?");
    add_output(&graph, "y");
    check_output(17, "f32[N, 8, floor((H + 1) / 2), floor((d0_3 + 1) / 2)]");
    one_node("Add", "a,b");
    add_input(&graph, "a", 1, "N,1,4");
    add_input(&graph, "b", 1, "M,1");
    check_output(17, "f32[N, M, 4]");
    one_node("Mul", "a,b");
    add_input(&graph, "a", 1, "N");
    add_input(&graph, "b", 1, "M");
    check_output(17, "f32[max(N, M)]");
    one_node("Reshape", "x,s");
    add_integers(&graph, "s", (const int64_t[]){0, -1, 4}, 3);
    add_input(&graph, "x", 1, "N,T,12,H");
    check_output(17, "f32[N, 3*T*H, 4]");
    graph.size = 0;
    begin_node(&node, "Concat", "n", "a,b,a", "y");
    attribute_integer(&node, "axis", 1);
    end_node(&graph, &node);
    add_input(&graph, "a", 1, "N,H");
    add_input(&graph, "b", 1, "4,5");
    add_output(&graph, "y");
    check_output(17, "f32[4, 2*H + 5]");
    one_node("Slice", "x,one,end");
    add_integers(&graph, "one", (const int64_t[]){1, -3}, 2);
    add_integers(&graph, "end", (const int64_t[]){-1, INT64_MAX}, 2);
    add_input(&graph, "x", 1, "H,9");
    check_output(17, "f32[max(H - 2, 0), 3]");
    one_node("Resize", "x,,scales");
    add_constant(&graph, "scales", 1, (const int64_t[]){2}, 1, (const float[]){2, 0.5f}, 8);
    add_input(&graph, "x", 1, "H,W");
    check_output(17, "f32[2*H, floor(W / 2)]");
}

// What PyTorch writes for x.view(x.shape[0] * 2, -1, x.shape[2] // 2).
static void shape_arithmetic(void)
{
    graph.size = 0;
    add_node(&graph, "Shape", "", "x", "shape");
    add_node(&graph, "Gather", "", "shape,i0", "n");
    add_node(&graph, "Mul", "", "n,two", "n2");
    add_node(&graph, "Unsqueeze", "", "n2,axes", "n21");
    add_node(&graph, "Gather", "", "shape,i2", "w");
    add_node(&graph, "Div", "", "w,two", "half");
    add_node(&graph, "Unsqueeze", "", "half,axes", "half1");
    begin_node(&node, "Concat", "", "n21,rest,half1", "target");
    attribute_integer(&node, "axis", 0);
    end_node(&graph, &node);
    add_node(&graph, "Equal", "", "target,rest", "is_rest");
    add_node(&graph, "Where", "", "is_rest,rest,target", "same");
    add_node(&graph, "Reshape", "view", "x,same", "y");
    add_constant(&graph, "i0", 7, NULL, 0, &(int64_t){0}, 8);
    add_constant(&graph, "i2", 7, NULL, 0, &(int64_t){2}, 8);
    add_constant(&graph, "two", 7, NULL, 0, &(int64_t){2}, 8);
    add_integers(&graph, "axes", (const int64_t[]){0}, 1);
    add_integers(&graph, "rest", (const int64_t[]){-1}, 1);
    add_input(&graph, "x", 1, "N,6,8");
    add_output(&graph, "y");
    struct smelt_ir *ir = load(18);
    CHECK(has_type(ir->outputs[0], "f32[2*N, 6, 4]"));
    CHECK_OK(smelt_ir_simplify(ir));
    uint32_t before = ir->node_count;
    static const char *const four[] = {"4", "6", "8"};
    CHECK_OK(smelt_ir_set_input_shape(ir, "x", 3, four));
    CHECK_OK(smelt_ir_infer(ir));
    CHECK(has_type(ir->outputs[0], "f32[8, 6, 4]"));
    CHECK_OK(smelt_ir_simplify(ir));
    CHECK(before > 1 && ir->node_count == 1); // only the Reshape is left
    smelt_ir_destroy(&ir);
}

static void simplification(void)
{
    graph.size = 0;
    add_node(&graph, "Identity", "", "x", "a");
    add_node(&graph, "Dropout", "", "a", "b,mask");
    add_node(&graph, "Relu", "kept", "b", "c");
    add_node(&graph, "Identity", "", "c", "y");
    add_node(&graph, "Exp", "dead", "c", "d");
    add_node(&graph, "Log", "dead too", "d", "e");
    add_node(&graph, "Add", "folded", "k,k", "two");
    add_node(&graph, "Mul", "", "c,two", "z");
    add_node(&graph, "Identity", "stays", "x", "through");
    add_ones(&graph, "k", (const int64_t[]){4}, 1);
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "y");
    add_output(&graph, "z");
    add_output(&graph, "through");
    struct smelt_ir *ir = load(17);
    CHECK_OK(smelt_ir_simplify(ir));
    CHECK(ir->node_count == 3);
    CHECK(!strcmp(ir->nodes[0]->op->name, "Relu") && !strcmp(ir->nodes[0]->inputs[0]->name, "x") &&
          !strcmp(ir->nodes[0]->outputs[0]->name, "y"));
    CHECK(!strcmp(ir->nodes[1]->inputs[0]->name, "y"));
    const struct smelt_ir_value *two = smelt_ir_find(ir, "two");
    CHECK(smelt_ir_is_weight(two) && smelt_element_number(two->stored, two->data, 3) == 2);
    CHECK(!smelt_ir_find(ir, "k")->constant);
    CHECK(!strcmp(ir->nodes[2]->name, "stays"));
    smelt_ir_destroy(&ir);
}

static void without_nodes(void)
{
    graph.size = 0;
    add_input(&graph, "x", 1, "2,3");
    add_output(&graph, "x");
    struct smelt_ir *ir = load(17);
    CHECK_OK(smelt_ir_simplify(ir));
    CHECK(ir->node_count == 0 && ir->output_count == 1);
    smelt_ir_destroy(&ir);
}

// The contents of a constant that was folded, as numbers "1 2 3".
static void check_folded(const char *wanted)
{
    char text[256] = "";
    struct smelt_ir *ir = load(18);
    const struct smelt_ir_value *y = ir->outputs[0];
    if (!y->constant)
        printf("    %s was not folded\n", ir->nodes[0]->op->name);
    CHECK(y->constant);
    for (uint64_t i = 0, used = 0; i < smelt_ir_element_count(y); i++)
        used += (uint64_t)snprintf(text + used, sizeof(text) - used, "%s%g", i ? " " : "",
                                   smelt_element_number(y->stored, y->data, i));
    if (strcmp(text, wanted) != 0)
        printf("    got %s\n", text);
    smelt_ir_destroy(&ir);
    CHECK(!strcmp(text, wanted));
}

static void folding(void)
{
    static const int64_t six[] = {1, 2, 3, 4, 5, 6};
    static const struct {
        const char *op, *inputs, *attribute;
        int64_t value;
        const char *wanted;
    } rows[] = {
        {"Transpose", "m", NULL, 0, "1 4 2 5 3 6"},
        {"Slice", "m,start,end,axis1,step", NULL, 0, "3 1 6 4"},
        {"Gather", "m,start", "axis", 1, "3 6"},
        {"Expand", "start,pair", NULL, 0, "-1 -1 -1 -1"},
        {"Tile", "start,three", NULL, 0, "-1 -1 -1"},
        {"Add", "m,three", NULL, 0, "4 5 6 7 8 9"},
        {"Div", "m,start", NULL, 0, "-1 -2 -3 -4 -5 -6"},
        {"Mod", "m,three", NULL, 0, "1 2 0 1 2 0"},
        {"Pow", "m,three", NULL, 0, "1 8 27 64 125 216"},
        {"Max", "m,three", NULL, 0, "3 3 3 4 5 6"},
        {"Less", "m,three", NULL, 0, "1 1 0 0 0 0"},
        {"ReduceProd", "m,axis1", "keepdims", 0, "6 120"},
        {"ReduceSum", "m", "keepdims", 0, "21"},
        {"Range", "s1,s7,s3", NULL, 0, "1 4"},
        {"Cast", "m", "to", 9, "1 1 1 1 1 1"},
        {"Neg", "m", NULL, 0, "-1 -2 -3 -4 -5 -6"},
        {"Concat", "start,three", "axis", 0, "-1 3"},
        {"Size", "m", NULL, 0, "6"},
        {"Flatten", "m", NULL, 0, "1 2 3 4 5 6"},
        {"Where", "flags,m,three", NULL, 0, "1 3 3 4 3 3"},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        graph.size = 0;
        begin_node(&node, rows[i].op, rows[i].op, rows[i].inputs, "y");
        if (rows[i].attribute)
            attribute_integer(&node, rows[i].attribute, rows[i].value);
        end_node(&graph, &node);
        add_constant(&graph, "m", 7, (const int64_t[]){2, 3}, 2, six, sizeof(six));
        add_constant(&graph, "flags", 9, (const int64_t[]){3}, 1, "\1\0\0", 3);
        add_constant(&graph, "s1", 7, NULL, 0, &(int64_t){1}, 8);
        add_constant(&graph, "s3", 7, NULL, 0, &(int64_t){3}, 8);
        add_constant(&graph, "s7", 7, NULL, 0, &(int64_t){7}, 8);
        add_integers(&graph, "start", (const int64_t[]){-1}, 1);
        add_integers(&graph, "end", (const int64_t[]){-INT64_MAX}, 1);
        add_integers(&graph, "axis1", (const int64_t[]){1}, 1);
        add_integers(&graph, "step", (const int64_t[]){-2}, 1);
        add_integers(&graph, "pair", (const int64_t[]){2, 2}, 2);
        add_integers(&graph, "three", (const int64_t[]){3}, 1);
        add_output(&graph, "y");
        check_folded(rows[i].wanted);
    }
}

// The operators of the graph at hand after reading it as this opset.
static void check_upgrade(int64_t opset, const char *operators, const char *type)
{
    char text[256] = "";
    struct smelt_ir *ir = load(opset);
    for (uint32_t i = 0; i < ir->node_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
                 ir->nodes[i]->op->name);
    bool same = has_type(ir->outputs[0], type);
    smelt_ir_destroy(&ir);
    if (strcmp(text, operators) != 0)
        printf("    got %s\n", text);
    CHECK(same && !strcmp(text, operators));
}

static void old_node(const char *op, const char *attribute, const int64_t *values, unsigned count,
                     const char *shape)
{
    graph.size = 0;
    begin_node(&node, op, "n", "x", "y");
    if (attribute)
        attribute_integers(&node, attribute, values, count);
    end_node(&graph, &node);
    add_input(&graph, "x", 1, shape);
    add_output(&graph, "y");
}

static void old_forms(void)
{
    static const int64_t first[] = {0}, pads[] = {1, 0, 2, 3};
    old_node("Squeeze", "axes", first, 1, "1,N");
    check_upgrade(11, "Squeeze", "f32[N]");
    old_node("Unsqueeze", "axes", first, 1, "N");
    check_upgrade(12, "Unsqueeze", "f32[1, N]");
    old_node("ReduceMax", "axes", first, 1, "3,N");
    check_upgrade(13, "ReduceMax", "f32[1, N]");
    old_node("Pad", "pads", pads, 4, "3,N");
    check_upgrade(10, "Pad", "f32[6, N + 3]");
    old_node("Softmax", NULL, NULL, 0, "2,3,4");
    check_upgrade(12, "Flatten Softmax Shape Reshape", "f32[2, 3, 4]");
    old_node("Softmax", NULL, NULL, 0, "2,3,4");
    check_upgrade(13, "Softmax", "f32[2, 3, 4]");
    graph.size = 0;
    begin_node(&node, "Slice", "n", "x", "y");
    attribute_integers(&node, "starts", (const int64_t[]){1}, 1);
    attribute_integers(&node, "ends", (const int64_t[]){3}, 1);
    attribute_integers(&node, "axes", (const int64_t[]){1}, 1);
    end_node(&graph, &node);
    add_input(&graph, "x", 1, "N,8");
    add_output(&graph, "y");
    check_upgrade(9, "Slice", "f32[N, 2]");
    graph.size = 0;
    begin_node(&node, "Split", "n", "x", "y,z");
    attribute_integers(&node, "split", (const int64_t[]){1, 2}, 2);
    end_node(&graph, &node);
    add_input(&graph, "x", 1, "3,N");
    add_output(&graph, "y");
    check_upgrade(11, "Split", "f32[1, N]");
    graph.size = 0;
    begin_node(&node, "Clip", "n", "x", "y");
    attribute_float(&node, "max", 6);
    end_node(&graph, &node);
    add_input(&graph, "x", 10, "N");
    add_output(&graph, "y");
    check_upgrade(7, "Clip", "f16[N]");
    for (int opset = 9; opset < 11; opset++) {
        one_node(opset == 9 ? "Upsample" : "Resize", "x,scales");
        add_constant(&graph, "scales", 1, (const int64_t[]){2}, 1, (const float[]){1, 3}, 8);
        add_input(&graph, "x", 1, "N,W");
        check_upgrade(opset, "Resize", "f32[N, 3*W]");
    }
    one_node("ConstantOfShape", "s");
    add_integers(&graph, "s", (const int64_t[]){2, 5}, 2);
    check_upgrade(12, "Expand", "f32[2, 5]");
    one_node("GroupNormalization", "x,s,s");
    graph.size = 0;
    begin_node(&node, "GroupNormalization", "n", "x,s,s", "y");
    attribute_integer(&node, "num_groups", 2);
    end_node(&graph, &node);
    add_ones(&graph, "s", (const int64_t[]){2}, 1);
    add_input(&graph, "x", 1, "N,8,H");
    add_output(&graph, "y");
    check_upgrade(18, "GroupNormalization", "f32[N, 8, H]");
}

static void storage(void)
{
    char path[64];
    float weights[6] = {1, 0.1f, 70000, 1, 2, 3};
    uint32_t overflowed = 0;
    smelt_package package = NULL;
    struct smelt_ir *back = NULL;
    graph.size = 0;
    add_node(&graph, "Mul", "", "x,w", "a");
    add_node(&graph, "Add", "", "a,big", "b");
    add_node(&graph, "Mul", "", "b,single", "y");
    add_constant(&graph, "w", 1, (const int64_t[]){2}, 1, weights, 8);
    add_constant(&graph, "big", 1, (const int64_t[]){2}, 1, weights + 2, 8);
    add_constant(&graph, "single", 1, NULL, 0, weights + 1, 4);
    add_input(&graph, "x", 1, "N,2");
    add_output(&graph, "y");
    struct smelt_ir *ir = load(17);
    CHECK_OK(smelt_ir_simplify(ir));
    CHECK_OK(smelt_ir_set_storage(ir, SMELT_ELEMENT_F16, &overflowed));
    CHECK(overflowed == 1 && ir->storage == SMELT_ELEMENT_F16);
    snprintf(path, sizeof(path), "/tmp/smelt-test-onnx-%ld.safetensors", (long)getpid());
    CHECK_OK(smelt_ir_write(ir, path));
    CHECK_OK(smelt_package_open(path, &package));
    CHECK(!strcmp(smelt_package_find(package, "w")->dtype_name, "F16"));
    CHECK(!strcmp(smelt_package_find(package, "big")->dtype_name, "F32"));
    CHECK(!strcmp(smelt_package_find(package, "single")->dtype_name, "F32"));
    CHECK_OK(smelt_ir_read(package, &back));
    CHECK_OK(smelt_ir_infer(back));
    CHECK(back->storage == SMELT_ELEMENT_F16 && smelt_ir_find(back, "w")->element == SMELT_ELEMENT_F32);
    CHECK(has_type(back->outputs[0], "f32[N, 2]"));
    smelt_ir_destroy(&back);
    smelt_ir_destroy(&ir);
    smelt_package_close(&package);
    remove(path);
}

// A package whose description is `text`, beside a tensor "w" F32 [2].
static enum smelt_result read_package(const char *text)
{
    char path[64];
    float data[2] = {1, 2};
    struct smelt_package_tensor w = {
        .name = "w", .dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {2}, .data = data, .size = 8};
    smelt_package package = NULL;
    struct smelt_ir *ir = NULL;
    snprintf(path, sizeof(path), "/tmp/smelt-test-onnx-%ld.safetensors", (long)getpid());
    CHECK_OK(smelt_package_write(path, &w, 1, text, NULL, 0));
    CHECK_OK(smelt_package_open(path, &package));
    struct smelt_kernel_codes codes = {0};
    enum smelt_result result = smelt_network_read_kernels(package, &codes);
    free(codes.list);
    if (!result)
        result = smelt_ir_read(package, &ir);
    if (!result)
        result = smelt_ir_infer(ir);
    smelt_ir_destroy(&ir);
    smelt_package_close(&package);
    remove(path);
    return result;
}

#define HEAD "{\"kind\":\"network\",\"opset\":25,\"name\":\"\",\"storage\":\"f32\","
#define INPUT "\"inputs\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[\"N\",2]}],"
#define CONSTANT "\"constants\":[{\"name\":\"w\",\"dtype\":\"f32\"}],"
#define NODE(op, inputs, attributes)                                                                         \
    "{\"op\":\"" op "\",\"name\":\"n\",\"inputs\":[" inputs                                                  \
    "],\"outputs\":[\"y\"],\"attributes\":{" attributes "}}"
#define TAIL(nodes) "\"outputs\":[\"y\"],\"nodes\":[" nodes "]}"

static void bad_packages(void)
{
    CHECK_OK(read_package(HEAD INPUT CONSTANT TAIL(NODE("Add", "\"x\",\"w\"", ""))));
    CHECK_OK(read_package(HEAD "\"keep_f32\":[\"y\"]," INPUT CONSTANT TAIL(NODE("Add", "\"x\",\"w\"", ""))));
    CHECK_FAILS(
        read_package(HEAD "\"keep_f32\":[\"z\"]," INPUT CONSTANT TAIL(NODE("Add", "\"x\",\"w\"", ""))),
        SMELT_ERROR_FORMAT, "keep_f32[0]: wanted the name of a value");
#define KERNEL(backend, key)                                                                                 \
    HEAD "\"kernels\":[{\"kernel\":\"a\",\"backend\":\"" backend "\",\"key\":\"" key                         \
         "\",\"tensor\":\"w\"}]," INPUT CONSTANT TAIL("")
    CHECK_FAILS(read_package(KERNEL("best", "")), SMELT_ERROR_FORMAT, "a backend, not \"best\"");
    CHECK_FAILS(read_package(KERNEL("portable", "0123")), SMELT_ERROR_FORMAT,
                "a key of 32 hexadecimal digits");
    CHECK_FAILS(read_package(KERNEL("portable", "0123456789abcdef0123456789abcdef")), SMELT_ERROR_FORMAT,
                "a tensor of SPIR-V words");
    CHECK_FAILS(read_package("{\"kind\":\"other\"}"), SMELT_ERROR_FORMAT,
                "wanted a package of kind \"network\"");
    CHECK_FAILS(read_package("{\"kind\":\"network\",\"opset\":99}"), SMELT_ERROR_VERSION,
                "opset up to 25, got 99");
    CHECK_FAILS(read_package("{\"kind\":\"network\",\"colour\":1}"), SMELT_ERROR_FORMAT, "colour");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Loop", "\"x\"", ""))), SMELT_ERROR_FORMAT,
                "not \"Loop\"");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Add", "\"x\"", ""))), SMELT_ERROR_FORMAT,
                "wanted 2 to 2 inputs");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Add", "\"x\",\"q\"", ""))), SMELT_ERROR_FORMAT,
                "comes from nowhere");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Add", "\"x\",\"y\"", ""))), SMELT_ERROR_FORMAT,
                "cycle");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Add", "\"x\",7", ""))), SMELT_ERROR_FORMAT,
                "inputs[1]: wanted a string");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Elu", "\"x\"", "\"beta\":1"))),
                SMELT_ERROR_FORMAT, "no such attribute of Elu");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Elu", "\"x\"", "\"alpha\":\"1\""))),
                SMELT_ERROR_FORMAT, "wanted a number");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Cast", "\"x\"", "\"to\":\"f33\""))),
                SMELT_ERROR_FORMAT, "the name of an element type");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL(NODE("Cast", "\"x\"", ""))), SMELT_ERROR_FORMAT,
                "wanted the attribute \"to\"");
    CHECK_FAILS(read_package(HEAD INPUT "\"constants\":[{\"name\":\"v\",\"dtype\":\"f32\"}]," TAIL("")),
                SMELT_ERROR_FORMAT, "a tensor of this name");
    CHECK_FAILS(read_package(HEAD INPUT "\"constants\":[{\"name\":\"w\",\"dtype\":\"i32\"}]," TAIL("")),
                SMELT_ERROR_FORMAT, "a tensor of I32");
    CHECK_FAILS(read_package(
                    HEAD "\"inputs\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[-1]}]," CONSTANT TAIL("")),
                SMELT_ERROR_FORMAT, "an extent, or the name");
    CHECK_FAILS(
        read_package(HEAD "\"inputs\":[{\"name\":\"w\",\"dtype\":\"f32\",\"shape\":[1]}]," CONSTANT TAIL("")),
        SMELT_ERROR_FORMAT, "two definitions of \"w\"");
    CHECK_FAILS(read_package(HEAD INPUT CONSTANT TAIL("")), SMELT_ERROR_FORMAT,
                "output \"y\" comes from nowhere");
}

static const struct test tests[] = {
    {"free extents stay free", free_extents},
    {"shape arithmetic is done with free extents", shape_arithmetic},
    {"identities, dead and computed nodes go", simplification},
    {"a network without nodes", without_nodes},
    {"constants are folded", folding},
    {"old forms become the newest", old_forms},
    {"weights are stored as f16 where they can be", storage},
    {"packages that are wrong are refused", bad_packages},
};

TEST_MAIN(tests)
