// SPDX-License-Identifier: MIT
// Models with functions of their own, as PyTorch's exporters write them: what a call means, and calls that have no end.
#include "test.h"

#include "model.h"
#include "onnx.h"

static struct bytes graph, model, node, function, message, inner;

// --- Writing --------------------------------------------------------------------------------------------------------

static void begin_function(const char *domain, const char *name, const char *inputs, const char *outputs)
{
    function.size = 0;
    put_text(&function, 1, name);
    put_list(&function, 4, inputs);
    put_list(&function, 5, outputs);
    put_text(&function, 10, domain);
}

static void add_function_node(const char *op, const char *name, const char *inputs, const char *outputs)
{
    begin_node(&inner, op, name, inputs, outputs);
    put_bytes(&function, 7, inner.data, inner.size);
}

static void end_function(int64_t opset)
{
    message.size = 0;
    put_text(&message, 1, "");
    put_integer(&message, 2, opset);
    if (opset)
        put_bytes(&function, 9, message.data, message.size);
    put_bytes(&model, 25, function.data, function.size);
}

static void begin_call(const char *domain, const char *name, const char *label, const char *inputs,
                       const char *outputs)
{
    begin_node(&node, name, label, inputs, outputs);
    put_text(&node, 7, domain);
}

static void add_call(const char *domain, const char *name, const char *label, const char *inputs,
                     const char *outputs)
{
    begin_call(domain, name, label, inputs, outputs);
    end_node(&graph, &node);
}

// attribute `name` of a node is the attribute `of` of the function
static void refer(struct bytes *to, const char *name, const char *of, int type)
{
    message.size = 0;
    put_text(&message, 1, name);
    put_integer(&message, 20, type);
    put_text(&message, 21, of);
    put_bytes(to, 5, message.data, message.size);
}

// The model of the graph at hand, to which functions are added.
static void start_model(int64_t opset)
{
    make_model(&model, opset, &graph);
}

static enum smelt_result read_model(struct smelt_ir **ir)
{
    enum smelt_result result = smelt_onnx_read_memory(model.data, model.size, "f.onnx", ir);
    if (!result && (result = smelt_ir_infer(*ir)))
        smelt_ir_destroy(ir);
    return result;
}

static enum smelt_result refused(void)
{
    struct smelt_ir *ir = NULL;
    enum smelt_result result = read_model(&ir);
    smelt_ir_destroy(&ir);
    return result;
}

static bool output_is(const struct smelt_ir *ir, const char *wanted)
{
    struct smelt_text text = {0};
    smelt_ir_print_type(&text, ir->outputs[0]);
    bool same = text.data && !strcmp(text.data, wanted);
    if (!same)
        printf("    the output is %s, wanted %s\n", text.data, wanted);
    smelt_text_free(&text);
    return same;
}

// The output of a graph of constants.
static bool output_has(struct smelt_ir *ir, const float *wanted, size_t count)
{
    const struct smelt_ir_value *y = ir->outputs[0];
    return smelt_ir_simplify(ir) == SMELT_OK && y->constant && y->size == count * sizeof(float) &&
           !memcmp(y->data, wanted, y->size);
}

// --- What a call means ----------------------------------------------------------------------------------------------

// square(x) = x x; poly(x, k) = square(x) + k x, called for two values of the graph, once with another name inside.
static void calls(void)
{
    struct smelt_ir *ir = NULL;
    graph.size = 0;
    add_call("lib", "poly", "first", "x,k", "h");
    add_call("lib", "poly", "", "h,k", "y");
    add_constant(&graph, "x", 1, (const int64_t[]){2}, 1, (const float[]){1, -3}, 8);
    add_constant(&graph, "k", 1, (const int64_t[]){1}, 1, (const float[]){2}, 4);
    add_output(&graph, "y");
    start_model(17);
    begin_function("lib", "poly", "x,k", "result");
    add_function_node("Mul", "", "x,k", "y"); // its y is not the graph's
    begin_node(&inner, "square", "sq", "x", "s");
    put_text(&inner, 7, "lib");
    put_bytes(&function, 7, inner.data, inner.size);
    add_function_node("Add", "sum", "s,y", "result");
    end_function(17);
    begin_function("lib", "square", "x", "y");
    add_function_node("Mul", "product", "x,x", "y");
    end_function(17);
    begin_function("lib", "unused", "x", "y");
    add_function_node("LSTM", "", "x", "y");
    end_function(99);
    CHECK_OK(read_model(&ir));
    CHECK(ir->node_count == 6 && output_is(ir, "f32[2]"));
    uint32_t named = 0;
    for (uint32_t i = 0; i < ir->node_count; i++)
        named += !strcmp(ir->nodes[i]->name, "first#0/sum") ||
                 !strcmp(ir->nodes[i]->name, "first#0/sq#1/product") ||
                 !strcmp(ir->nodes[i]->name, "y#2/sum");
    CHECK(named == 3);
    CHECK(output_has(ir, (const float[]){15, 15}, 2)); // 3 and 3; 9 + 6
    smelt_ir_destroy(&ir);
}

// sum(x; keep, axes) with `default` of keep, or none
static void write_attributes(bool with_default)
{
    start_model(18);
    begin_function("lib", "sum", "x", "y");
    put_text(&function, 6, "axes");
    begin_node(&inner, "Constant", "axes", "", "a");
    refer(&inner, "value_ints", "axes", 7);
    put_bytes(&function, 7, inner.data, inner.size);
    begin_node(&inner, "ReduceSum", "reduce", "x,a", "y");
    refer(&inner, "keepdims", "keep", 2);
    put_bytes(&function, 7, inner.data, inner.size);
    message.size = 0;
    put_text(&message, 1, "keep");
    put_integer(&message, 3, 0);
    put_integer(&message, 20, 2);
    if (with_default)
        put_bytes(&function, 11, message.data, message.size);
    else
        put_text(&function, 6, "keep");
    end_function(18);
}

static void write_attribute_call(bool give_keep, bool give_axes)
{
    graph.size = 0;
    begin_call("lib", "sum", "call", "x", "y");
    if (give_axes)
        attribute_integers(&node, "axes", (const int64_t[]){1}, 1);
    if (give_keep)
        attribute_integer(&node, "keep", 1);
    end_node(&graph, &node);
    add_input(&graph, "x", 1, "2,3");
    add_output(&graph, "y");
}

static void attributes(void)
{
    static const struct {
        bool give_keep, with_default;
        const char *wanted;
    } cases[] = {{true, true, "f32[2, 1]"},
                 {false, true, "f32[2]"},
                 {true, false, "f32[2, 1]"},
                 {false, false, "f32[2, 1]"}}; // the operator's own default is 1
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smelt_ir *ir = NULL;
        write_attribute_call(cases[i].give_keep, true);
        write_attributes(cases[i].with_default);
        CHECK_OK(read_model(&ir));
        CHECK(output_is(ir, cases[i].wanted));
        smelt_ir_destroy(&ir);
    }
    write_attribute_call(false, false);
    write_attributes(true);
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "node \"call#0/axes\" (Constant): wanted one attribute");
}

// clip(x, least, most), and a function of two outputs of which the second is taken
static void left_out(void)
{
    struct smelt_ir *ir = NULL;
    graph.size = 0;
    add_call("lib", "clip", "c", "x,,two", "h");
    add_call("lib", "both", "b", "h", ",y");
    add_constant(&graph, "x", 1, (const int64_t[]){3}, 1, (const float[]){-5, 1, 5}, 12);
    add_constant(&graph, "two", 1, NULL, 0, &(float){2}, 4);
    add_output(&graph, "y");
    start_model(17);
    begin_function("lib", "clip", "x,least,most", "y");
    add_function_node("Clip", "", "x,least,most", "y");
    end_function(17);
    begin_function("lib", "both", "x", "negative,positive");
    add_function_node("Neg", "", "x", "negative");
    add_function_node("Neg", "", "negative", "positive");
    end_function(17);
    CHECK_OK(read_model(&ir));
    const struct smelt_ir_node *c = ir->nodes[0], *second = ir->nodes[2];
    CHECK(ir->node_count == 3 && !strcmp(c->name, "c#0/y") && c->input_count == 3);
    CHECK(!strcmp(c->inputs[0]->name, "x") && !c->inputs[1] && !strcmp(c->inputs[2]->name, "two"));
    CHECK(!strcmp(second->inputs[0]->name, "b#1/negative") && second->outputs[0] == ir->outputs[0]);
    smelt_ir_destroy(&ir);
}

static void opsets(void)
{
    static const struct {
        int64_t opset;
        enum smelt_result result;
        const char *error;
    } cases[] = {{12, SMELT_OK, NULL},
                 {0, SMELT_ERROR_FORMAT, "node \"s#0/y\": its function declares no opset"},
                 {99, SMELT_ERROR_VERSION, "wanted functions of opset 6 to 25, got 99"},
                 {17, SMELT_ERROR_FORMAT, "no attribute \"axes\" in opset 17"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        graph.size = 0;
        add_call("lib", "squeeze", "s", "x", "y");
        add_input(&graph, "x", 1, "1,4");
        add_output(&graph, "y");
        start_model(17);
        begin_function("lib", "squeeze", "x", "y");
        begin_node(&inner, "Squeeze", "", "x", "y");
        attribute_integers(&inner, "axes", (const int64_t[]){0}, 1); // as it was before opset 13
        put_bytes(&function, 7, inner.data, inner.size);
        end_function(cases[i].opset);
        CHECK(refused() == cases[i].result);
        CHECK(!cases[i].error || strstr(smelt_last_error(), cases[i].error));
    }
}

// Two functions of one name, and one that has the name of an operator.
static void names(void)
{
    struct smelt_ir *ir = NULL;
    graph.size = 0;
    begin_call("lib", "f", "a", "x", "h");
    put_text(&node, 8, "negative");
    end_node(&graph, &node);
    add_call("lib", "f", "b", "h", "g");
    add_node(&graph, "Relu", "c", "g", "y");
    add_constant(&graph, "x", 1, (const int64_t[]){1}, 1, (const float[]){3}, 4);
    add_output(&graph, "y");
    start_model(17);
    for (int overload = 0; overload < 2; overload++) {
        begin_function("lib", "f", "x", "y");
        if (overload)
            put_text(&function, 13, "negative");
        add_function_node(overload ? "Neg" : "Identity", "", "x", "y");
        end_function(17);
    }
    begin_function("ai.onnx", "Relu", "x", "y");
    add_function_node("Mul", "", "x,x", "y");
    end_function(17);
    CHECK_OK(read_model(&ir));
    CHECK(output_has(ir, (const float[]){9}, 1));
    smelt_ir_destroy(&ir);
}

// --- Calls that are wrong -------------------------------------------------------------------------------------------

static void start_wrong(const char *inputs, const char *outputs)
{
    graph.size = 0;
    add_call("lib", "f0", "call", inputs, outputs);
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "y");
    start_model(17);
}

// f`i`(x) = f`next`(f`next`(x)), or once
static void add_caller(int i, int next, int times)
{
    char name[16], called[16];
    snprintf(name, sizeof(name), "f%d", i);
    snprintf(called, sizeof(called), "f%d", next);
    begin_function("lib", name, "x", "y");
    for (int k = 0; k < times; k++) {
        begin_node(&inner, called, "", k ? "h" : "x", k + 1 < times ? "h" : "y");
        put_text(&inner, 7, "lib");
        put_bytes(&function, 7, inner.data, inner.size);
    }
    end_function(17);
}

static void add_leaf(int i, const char *op)
{
    char name[16];
    snprintf(name, sizeof(name), "f%d", i);
    begin_function("lib", name, "x", "y");
    if (op)
        add_function_node(op, "leaf", "x", "y");
    end_function(17);
}

static void wrong_calls(void)
{
    start_wrong("x,x", "y");
    add_leaf(0, "Relu");
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT,
                "node \"call\" calls the function f0: it has 1 inputs and 1 outputs, given 2 and 1");
    start_wrong("x", "y,z");
    add_leaf(0, "Relu");
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "given 1 and 2");
    start_wrong("x", "y");
    CHECK_FAILS(refused(), SMELT_ERROR_UNSUPPORTED, "\"call\" (lib::f0)");
    start_wrong("x", "y");
    add_caller(0, 1, 1);
    add_leaf(1, "LSTM");
    CHECK_FAILS(refused(), SMELT_ERROR_UNSUPPORTED, "\"call#0/y#1/leaf\" (LSTM)");
    start_wrong("x", "y");
    add_leaf(0, NULL);
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "\"y\""); // nothing gives it
}

static void endless_calls(void)
{
    start_wrong("x", "y");
    add_caller(0, 0, 1);
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "calls the function f0: it calls itself");
    start_wrong("x", "y");
    add_caller(0, 1, 1);
    add_caller(1, 2, 1);
    add_caller(2, 0, 2);
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "calls the function f0: it calls itself");
    for (int depth = 63; depth <= 64; depth++) {
        start_wrong("x", "y");
        for (int i = 0; i < depth; i++)
            add_caller(i, i + 1, 1);
        add_leaf(depth, "Relu");
        if (depth == 63)
            CHECK_OK(refused());
        else
            CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "calls nested deeper than 64");
    }
}

// 2^40 calls from some hundred bytes, with and without a node at their end; and names by the thousand in each.
static void explosions(void)
{
    static struct bytes inputs;
    for (int empty = 0; empty < 2; empty++) {
        start_wrong("x", "y");
        for (int i = 0; i < 40; i++)
            add_caller(i, i + 1, 2);
        add_leaf(40, empty ? NULL : "Relu");
        CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "its functions, written out, are more than 65536 nodes");
    }
    inputs.size = 0;
    for (int i = 0; i < 2000; i++)
        inputs.size += (size_t)sprintf((char *)inputs.data + inputs.size, "%si%d", i ? "," : "", i);
    start_wrong("x", "y");
    for (int i = 0; i < 16; i++)
        add_caller(i, i + 1, 2);
    begin_function("lib", "f16", (const char *)inputs.data, "y");
    add_function_node("Sum", "", (const char *)inputs.data, "y");
    end_function(17);
    CHECK_FAILS(refused(), SMELT_ERROR_FORMAT, "its functions, written out, are more than");
}

// As many functions as calls of another one, each of which is looked for among them.
static void many_names(void)
{
    enum { NODES = 12000, FUNCTIONS = 24000 };
    static const unsigned char function_of_no_name[] = {0xca, 1, 0}; // field 25 of a model, empty
    struct smelt_ir *ir = NULL;
    graph.size = node.size = 0;
    put_text(&node, 4, "f");
    for (int i = 0; i < NODES; i++)
        put_bytes(&graph, 1, node.data, node.size);
    start_model(17);
    unsigned char *all = malloc(model.size + FUNCTIONS * sizeof(function_of_no_name));
    CHECK(all);
    memcpy(all, model.data, model.size);
    for (int i = 0; i < FUNCTIONS; i++)
        memcpy(all + model.size + i * sizeof(function_of_no_name), function_of_no_name,
               sizeof(function_of_no_name));
    enum smelt_result result =
        smelt_onnx_read_memory(all, model.size + FUNCTIONS * sizeof(function_of_no_name), "f.onnx", &ir);
    free(all);
    CHECK_FAILS(result, SMELT_ERROR_FORMAT, "comparisons of names");
}

static void truncated(void)
{
    struct smelt_ir *ir = NULL;
    write_attribute_call(true, true);
    write_attributes(true);
    for (size_t size = 0; size < model.size; size++) {
        unsigned char *exact = malloc(size ? size : 1); // so that a sanitizer sees a read past the end
        CHECK(exact);
        memcpy(exact, model.data, size);
        bool read = smelt_onnx_read_memory(exact, size, "cut.onnx", &ir) == SMELT_OK;
        free(exact);
        CHECK(!read && strstr(smelt_last_error(), "cut.onnx"));
    }
}

static const struct test tests[] = {
    {"calls of functions are written out, under names of their own", calls},
    {"attributes go from the call into the body, or are the default", attributes},
    {"inputs and outputs may be left out", left_out},
    {"functions may be of an opset of their own", opsets},
    {"functions are found by domain, name and overload", names},
    {"calls that do not fit are refused", wrong_calls},
    {"functions that call themselves, or too deeply, are refused", endless_calls},
    {"functions that are small and written out huge are refused", explosions},
    {"calls and functions in such numbers that looking for them takes long are refused", many_names},
    {"a model with functions cut anywhere is refused", truncated},
};

TEST_MAIN(tests)
