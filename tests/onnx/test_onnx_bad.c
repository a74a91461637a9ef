// SPDX-License-Identifier: MIT
// Models that are wrong in every way the reader has a word for: one clear error each, and nothing else.
#include "test.h"

#include "model.h"
#include "network_operators.h"
#include "onnx.h"

#include <sys/stat.h>
#include <unistd.h>

static struct bytes graph, model, node, message, inner;

static enum smelt_result read_opset(int64_t opset)
{
    struct smelt_ir *ir = NULL;
    make_model(&model, opset, &graph);
    enum smelt_result result = smelt_onnx_read_memory(model.data, model.size, "bad.onnx", &ir);
    if (!result)
        result = smelt_ir_infer(ir);
    if (!result)
        result = smelt_ir_simplify(ir);
    smelt_ir_destroy(&ir);
    return result;
}

static enum smelt_result read_graph(void)
{
    return read_opset(17);
}

// x [1, 3, 8, 8] -> Conv -> y, with a weight [4, 3, 3, 3]
static void start_conv(void)
{
    begin_node(&node, "Conv", "conv1", "x,w", "y");
}

static void finish_conv(const int64_t *weight)
{
    graph.size = 0;
    end_node(&graph, &node);
    add_ones(&graph, "w", weight, 4);
    add_input(&graph, "x", 1, "1,3,8,8");
    add_output(&graph, "y");
}

static const int64_t good_weight[4] = {4, 3, 3, 3};

static void not_a_model(void)
{
    struct smelt_ir *ir = NULL;
    CHECK_FAILS(smelt_onnx_read_memory("", 0, "bad.onnx", &ir), SMELT_ERROR_FORMAT,
                "bad.onnx: the file is empty");
    CHECK_FAILS(smelt_onnx_read_memory("\x07", 1, "bad.onnx", &ir), SMELT_ERROR_FORMAT,
                "not a protobuf message");
    CHECK_FAILS(smelt_onnx_read_memory("hello world", 11, "bad.onnx", &ir), SMELT_ERROR_FORMAT, "bad.onnx");
    CHECK_FAILS(smelt_onnx_read_memory("\x08\x08", 2, "bad.onnx", &ir), SMELT_ERROR_FORMAT,
                "it declares no opset");
    CHECK_FAILS(smelt_onnx_read("/nonexistent/model.onnx", &ir), SMELT_ERROR_NOT_FOUND, "model.onnx");
    CHECK(!ir);
    model.size = message.size = 0;
    put_integer(&message, 2, 17);
    put_bytes(&model, 8, message.data, message.size);
    CHECK_FAILS(smelt_onnx_read_memory(model.data, model.size, "bad.onnx", &ir), SMELT_ERROR_FORMAT,
                "it has no graph");
}

static void truncated(void)
{
    struct smelt_ir *ir = NULL;
    start_conv();
    finish_conv(good_weight);
    CHECK_OK(read_graph());
    for (size_t size = 0; size < model.size; size++) {
        unsigned char *exact = malloc(size ? size : 1); // so that a sanitizer sees a read past the end
        CHECK(exact);
        memcpy(exact, model.data, size);
        enum smelt_result result = smelt_onnx_read_memory(exact, size, "cut.onnx", &ir);
        CHECK(result != SMELT_OK && strstr(smelt_last_error(), "cut.onnx"));
        free(exact);
    }
}

static void opsets(void)
{
    start_conv();
    finish_conv(good_weight);
    CHECK_OK(read_opset(6));
    CHECK_OK(read_opset(25));
    CHECK_FAILS(read_opset(5), SMELT_ERROR_VERSION, "wanted a model of opset 6 to 25, got 5");
    CHECK_FAILS(read_opset(26), SMELT_ERROR_VERSION, "got 26");
    graph.size = 0;
    add_node(&graph, "Gelu", "g", "x", "y");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "y");
    CHECK_OK(read_opset(20));
    CHECK_FAILS(read_opset(19), SMELT_ERROR_FORMAT,
                "node \"g\" (Gelu): it came in opset 20, the model is of opset 19");
}

static void unsupported_operators(void)
{
    graph.size = 0;
    add_node(&graph, "LSTM", "recur", "x", "a");
    add_node(&graph, "Relu", "fine", "a", "b");
    begin_node(&node, "FusedConv", "contributed", "b", "c");
    put_text(&node, 7, "com.microsoft");
    end_node(&graph, &node);
    add_node(&graph, "NonZero", "", "c", "indices");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "indices");
    CHECK_FAILS(read_graph(), SMELT_ERROR_UNSUPPORTED,
                "3 nodes with an operator that has no support: \"recur\" (LSTM), "
                "\"contributed\" (com.microsoft::FusedConv), \"indices\" (NonZero)");
    graph.size = 0;
    for (int i = 0; i < 500; i++) {
        char name[64], out[64];
        snprintf(name, sizeof(name), "a_long_name_of_a_node_%d", i);
        snprintf(out, sizeof(out), "v%d", i);
        add_node(&graph, "Loop", name, "x", out);
    }
    CHECK_FAILS(read_graph(), SMELT_ERROR_UNSUPPORTED, "500 nodes with an operator");
    CHECK(strstr(smelt_last_error(), ", ..."));
}

static void graphs(void)
{
    graph.size = 0;
    add_node(&graph, "Relu", "a", "v2", "v1");
    add_node(&graph, "Relu", "b", "v1", "v2");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "v2");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "the graph has a cycle");
    graph.size = 0;
    add_node(&graph, "Relu", "self", "y", "y");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "node \"self\" (Relu): the graph has a cycle");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "nothing", "y");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "its input \"nothing\" comes from nowhere");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "y");
    add_node(&graph, "Abs", "b", "x", "y");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT,
                "its output \"y\" is defined twice: as an output of another node too");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "x");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "x");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "is defined twice: as an input too");
    graph.size = 0;
    add_input(&graph, "x", 1, "4");
    add_input(&graph, "x", 1, "4");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "two definitions of \"x\"");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "y");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "z");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "output \"z\" comes from nowhere");
    graph.size = 0;
    add_input(&graph, "x", 1, "4");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "the graph has no outputs");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "\xff\xfe", "y");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "a value's name is no UTF-8");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x,x", "y");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "node \"a\" (Relu): wanted 1 to 1 inputs, got 2");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "x");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "wanted 1 to 1 outputs, got 0");
}

// A chain that would take a recursive walk down.
static void long_chain(void)
{
    struct bytes *large = calloc(1, sizeof(*large));
    graph.size = 0;
    for (int i = 2000; i-- > 0;) { // in the wrong order
        char in[16], out[16];
        snprintf(in, sizeof(in), i ? "v%d" : "x", i);
        snprintf(out, sizeof(out), "v%d", i + 1);
        add_node(&graph, "Abs", "", in, out);
    }
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "v2000");
    CHECK_OK(read_graph());
    free(large);
}

static void extents(void)
{
    static const struct {
        const char *shape, *text;
    } rows[] = {
        {"-1,4", "input \"x\": extent -1 on axis 0"},
        {"1,99999999999", "input \"x\": extent 99999999999 on axis 1"},
        {"1,1,1,1,1,1,1,1,1", "wanted a rank of at most 8, got 9"},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        graph.size = 0;
        add_node(&graph, "Relu", "a", "x", "y");
        add_input(&graph, "x", 1, rows[i].shape);
        add_output(&graph, "y");
        CHECK(read_graph() == SMELT_ERROR_SHAPE && strstr(smelt_last_error(), rows[i].text));
    }
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "y");
    add_input(&graph, "x", 1, NULL);
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "input \"x\" has no shape");
    graph.size = 0;
    add_node(&graph, "Tile", "huge", "x,repeats", "y");
    add_integers(&graph, "repeats", (const int64_t[]){INT64_C(1) << 40, INT64_C(1) << 40}, 2);
    add_input(&graph, "x", 1, "1048576,1048576");
    add_output(&graph, "y");
    CHECK_OK(read_graph()); // each extent still fits; the size is for whoever makes it
    graph.size = 0;
    add_node(&graph, "Tile", "huge", "x,repeats", "y");
    add_integers(&graph, "repeats", (const int64_t[]){INT64_C(1) << 50}, 1);
    add_input(&graph, "x", 1, "1048576");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "node \"huge\" (Tile): an extent overflows");
}

static void constants(void)
{
    float data[8] = {0};
    const int64_t wide[2] = {INT64_C(1) << 40, INT64_C(1) << 40}, negative[1] = {-4}, four[1] = {4};
    graph.size = 0;
    add_constant(&graph, "w", 1, four, 1, data, 12);
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "tensor \"w\": its shape wants 16 bytes of data, it has 12");
    graph.size = 0;
    add_constant(&graph, "w", 1, four, 1, NULL, 0);
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "its shape wants 4 numbers of data, it has 0");
    graph.size = 0;
    add_constant(&graph, "w", 1, wide, 2, data, 16);
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "or the shape too large");
    graph.size = 0;
    add_constant(&graph, "w", 1, negative, 1, data, 16);
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "extent -4 on axis 0 is negative");
    graph.size = 0;
    add_constant(&graph, "w", 8, four, 1, data, 16);
    CHECK_FAILS(read_graph(), SMELT_ERROR_UNSUPPORTED, "tensor \"w\": element type 8 of ONNX has no support");
    graph.size = 0;
    add_constant(&graph, "w", 1, four, 1, data, 16);
    add_constant(&graph, "w", 1, four, 1, data, 16);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "two definitions of \"w\"");
    graph.size = 0;
    add_constant(&graph, "", 1, four, 1, data, 16);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "initialiser 0 has no name");
}

static void attributes(void)
{
    start_conv();
    attribute_integer(&node, "stride", 1);
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT,
                "node \"conv1\" (Conv): no attribute \"stride\" in opset 17");
    start_conv();
    attribute_integer(&node, "strides", 1);
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "attribute \"strides\": wanted integers, got an integer");
    start_conv();
    attribute_word(&node, "auto_pad", "SAME");
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_UNSUPPORTED,
                "wanted one of \"NOTSET SAME_UPPER SAME_LOWER VALID\", got \"SAME\"");
    start_conv();
    attribute_integers(&node, "strides", (const int64_t[]){0, 1}, 2);
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "attribute \"strides\": wanted 1 to 2147483647, got 0");
    start_conv();
    attribute_integers(&node, "pads", (const int64_t[]){1, 1}, 2);
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "attribute \"pads\": wanted 4 integers, got 2");
    start_conv();
    attribute_integer(&node, "group", -3);
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "attribute \"group\": wanted 1 to 2147483647, got -3");
    start_conv();
    attribute_integer(&node, "group", 1);
    attribute_integer(&node, "group", 1);
    finish_conv(good_weight);
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "attribute \"group\" is given twice");
    graph.size = 0;
    add_node(&graph, "Concat", "joined", "x,x", "y");
    add_input(&graph, "x", 1, "4");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "node \"joined\" (Concat): wanted the attribute \"axis\"");
}

static void types_and_shapes(void)
{
    const int64_t channels[4] = {4, 5, 3, 3}, large[4] = {4, 3, 9, 9};
    start_conv();
    finish_conv(channels);
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "input 0 \"x\": wanted extent 5 on axis 1, got 3");
    start_conv();
    finish_conv(large);
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "the window does not fit axis 2");
    graph.size = 0;
    add_node(&graph, "Add", "sum", "a,b", "y");
    add_input(&graph, "a", 1, "2,3");
    add_input(&graph, "b", 6, "2,3");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_DTYPE,
                "node \"sum\" (Add): input 1 \"b\": wanted elements of f32, got i32");
    graph.size = 0;
    add_node(&graph, "Add", "sum", "a,b", "y");
    add_input(&graph, "a", 1, "2,3");
    add_input(&graph, "b", 1, "2,4");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "shapes do not broadcast: extents 3 and 4 on axis 1");
    graph.size = 0;
    add_node(&graph, "MatMul", "product", "a,b", "y");
    add_input(&graph, "a", 1, "2,3");
    add_input(&graph, "b", 1, "4,2");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "input 1 \"b\": wanted extent 3 on axis 0, got 4");
    graph.size = 0;
    add_node(&graph, "Reshape", "view", "x,shape", "y");
    add_integers(&graph, "shape", (const int64_t[]){5, 5}, 2);
    add_input(&graph, "x", 1, "4,6");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "the shape has 25 elements, the input 24");
    graph.size = 0;
    add_node(&graph, "Reshape", "view", "x,shape", "y");
    add_input(&graph, "x", 1, "4,6");
    add_input(&graph, "shape", 7, "2");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_UNSUPPORTED,
                "node \"view\" (Reshape): input 1 \"shape\": its contents decide");
    graph.size = 0;
    begin_node(&node, "Transpose", "turn", "x", "y");
    attribute_integers(&node, "perm", (const int64_t[]){0, 0}, 2);
    end_node(&graph, &node);
    add_input(&graph, "x", 1, "4,6");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_SHAPE, "perm is no permutation of 2 axes");
    graph.size = 0;
    add_node(&graph, "Exp", "curve", "x", "y");
    add_input(&graph, "x", 9, "4,6");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_DTYPE,
                "node \"curve\" (Exp): input 0 \"x\": wanted elements of a float type, got bool");
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "y");
    add_input(&graph, "x", 8, "4");
    add_output(&graph, "y");
    CHECK_FAILS(read_graph(), SMELT_ERROR_UNSUPPORTED, "\"x\": element type 8 of ONNX has no support");
}

static void declared_types(void)
{
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "y");
    add_input(&graph, "x", 1, "4");
    put_value(&graph, 12, "y", 10, "4");
    CHECK_FAILS(read_graph(), SMELT_ERROR_DTYPE,
                "node \"a\" (Relu): the model says that \"y\" has elements of f16, but they are f32");
}

// Messages inside messages, each of few bytes: If nodes with a graph in an attribute.
static void deep_nesting(void)
{
    inner.size = 0;
    for (int depth = 0; depth < 400; depth++) {
        node.size = message.size = 0;
        put_bytes(&message, 6, inner.data, inner.size); // AttributeProto.g
        put_bytes(&node, 5, message.data, message.size);
        inner.size = 0;
        put_bytes(&inner, 1, node.data, node.size);
    }
    graph = inner;
    CHECK_FAILS(read_graph(), SMELT_ERROR_FORMAT, "messages nested deeper than 48");
}

// A file of nodes without content costs many times its size when unpacked.
static void bomb(void)
{
    size_t size = 16u << 20, body = size - 16;
    unsigned char *file = malloc(size);
    struct smelt_ir *ir = NULL;
    CHECK(file);
    message.size = 0;
    put_varint(&message, 7 << 3 | 2);
    put_varint(&message, body);
    memcpy(file, message.data, message.size);
    for (size_t i = 0; i + 1 < body; i += 2) {
        file[message.size + i] = 1 << 3 | 2;
        file[message.size + i + 1] = 0;
    }
    enum smelt_result result = smelt_onnx_read_memory(file, message.size + body, "bomb.onnx", &ir);
    free(file);
    CHECK_FAILS(result, SMELT_ERROR_FORMAT,
                "bomb.onnx: not a message of this kind, or one that unpacks to more than");
}

// Contents that are computed stay within bounds: what would take forever is an error or is left to the device.
static void costly_folding(void)
{
    graph.size = 0;
    add_integers(&graph, "shape", (const int64_t[]){1024, 1024}, 2);
    add_ones(&graph, "one", (const int64_t[]){1}, 1);
    for (int i = 0; i < 200; i++) {
        char out[16];
        snprintf(out, sizeof(out), "v%d", i);
        add_node(&graph, "Expand", "", "one,shape", out);
        add_output(&graph, out);
    }
    CHECK_OK(read_graph());
    graph.size = 0; // nothing to copy, in 2^50 rows
    add_integers(&graph, "shape", (const int64_t[]){1 << 30, 1 << 20, 0}, 3);
    add_integers(&graph, "first", (const int64_t[]){0}, 1);
    add_node(&graph, "ConstantOfShape", "", "shape", "empty");
    add_node(&graph, "Expand", "", "empty,shape", "expanded");
    begin_node(&node, "Concat", "", "empty,expanded", "y");
    attribute_integer(&node, "axis", 2);
    end_node(&graph, &node);
    begin_node(&node, "Gather", "", "y,first", "z");
    attribute_integer(&node, "axis", 1);
    end_node(&graph, &node);
    add_output(&graph, "z");
    CHECK_OK(read_graph());
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file);
    CHECK(fwrite(data, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

static char directory[64];

static enum smelt_result read_external(const char *location, const char *offset, const char *length)
{
    char path[128];
    struct smelt_ir *ir = NULL;
    const int64_t shape[2] = {4, 4};
    graph.size = 0;
    add_node(&graph, "MatMul", "product", "x,w", "y");
    add_external(&graph, "w", shape, 2, location, offset, length);
    add_input(&graph, "x", 1, "N,4");
    add_output(&graph, "y");
    make_model(&model, 18, &graph);
    snprintf(path, sizeof(path), "%s/model/m.onnx", directory);
    write_file(path, model.data, model.size);
    enum smelt_result result = smelt_onnx_read(path, &ir);
    if (!result) {
        float first;
        memcpy(&first, smelt_ir_find(ir, "w")->data, sizeof(first));
        CHECK(first == 2.5f);
        result = smelt_ir_infer(ir);
    }
    smelt_ir_destroy(&ir);
    return result;
}

static void external_data(void)
{
    char path[128], target[128];
    float weights[20] = {[4] = 2.5f};
    snprintf(directory, sizeof(directory), "/tmp/smelt-test-onnx-XXXXXX");
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/model", directory);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/model/sub", directory);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/model/m.data", directory);
    write_file(path, weights, sizeof(weights));
    snprintf(path, sizeof(path), "%s/model/sub/m.data", directory);
    write_file(path, weights, sizeof(weights));
    snprintf(target, sizeof(target), "%s/secret", directory);
    write_file(target, weights, sizeof(weights));
    snprintf(path, sizeof(path), "%s/model/link", directory);
    CHECK(symlink("../secret", path) == 0);
    snprintf(path, sizeof(path), "%s/model/up", directory);
    CHECK(symlink("..", path) == 0);
    CHECK_OK(read_external("m.data", "16", "64"));
    CHECK_OK(read_external("m.data", "16", NULL));
    CHECK_OK(read_external("sub/m.data", "16", "64"));
    CHECK_OK(read_external("./sub//m.data", "16", "64"));
    CHECK_FAILS(read_external("../secret", "16", "64"), SMELT_ERROR_FORMAT, "it goes up");
    CHECK_FAILS(read_external("sub/../../secret", "16", "64"), SMELT_ERROR_FORMAT, "it goes up");
    CHECK_FAILS(read_external(target, "16", "64"), SMELT_ERROR_FORMAT, "it is absolute");
    CHECK_FAILS(read_external("..\\secret", "16", "64"), SMELT_ERROR_FORMAT, "not portable");
    CHECK_FAILS(read_external("link", "16", "64"), SMELT_ERROR_FORMAT, "symbolic link");
    CHECK_FAILS(read_external("up/secret", "16", "64"), SMELT_ERROR_FORMAT, "symbolic link");
    CHECK_FAILS(read_external("sub", "16", "64"), SMELT_ERROR_IO, "it is a directory");
    CHECK_FAILS(read_external("none", "16", "64"), SMELT_ERROR_NOT_FOUND, "none");
    CHECK_FAILS(read_external("m.data", "17", "64"), SMELT_ERROR_FORMAT, "is not inside the 80 bytes");
    CHECK_FAILS(read_external("m.data", "18446744073709551600", "64"), SMELT_ERROR_FORMAT,
                "is not inside the 80 bytes");
    CHECK_FAILS(read_external("m.data", "-1", "64"), SMELT_ERROR_FORMAT,
                "offset \"-1\" and length \"64\", wanted whole numbers");
    CHECK_FAILS(read_external("m.data", "0", "63"), SMELT_ERROR_SHAPE,
                "wants 64 bytes, its external data has 63");
    CHECK_FAILS(read_external(NULL, "0", "64"), SMELT_ERROR_FORMAT, "external data without a location");
    struct smelt_ir *ir = NULL;
    CHECK_FAILS(smelt_onnx_read_memory(model.data, model.size, "m", &ir), SMELT_ERROR_FORMAT,
                "external data without");
    static const char *const files[] = {"model/m.data",
                                        "model/sub/m.data",
                                        "secret",
                                        "model/link",
                                        "model/up",
                                        "model/m.onnx",
                                        "model/sub",
                                        "model",
                                        ""};
    for (size_t i = 0; i < SMELT_COUNT_OF(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        CHECK(remove(path) == 0);
    }
}

static void input_shapes(void)
{
    struct smelt_ir *ir = NULL;
    static const char *const two[] = {"N", "8"}, *const zero[] = {"0", "8"}, *const bad[] = {"N", "8x"};
    graph.size = 0;
    add_node(&graph, "Relu", "a", "x", "y");
    add_input(&graph, "x", 1, "2,4");
    add_output(&graph, "y");
    make_model(&model, 17, &graph);
    CHECK_OK(smelt_onnx_read_memory(model.data, model.size, "m", &ir));
    CHECK_FAILS(smelt_ir_set_input_shape(ir, "z", 2, two), SMELT_ERROR_NOT_FOUND, "no input \"z\"");
    CHECK_FAILS(smelt_ir_set_input_shape(ir, "x", 1, two), SMELT_ERROR_SHAPE,
                "has rank 2, got a shape of rank 1");
    CHECK_FAILS(smelt_ir_set_input_shape(ir, "x", 2, zero), SMELT_ERROR_SHAPE, "extent 0: wanted 1 to");
    CHECK_FAILS(smelt_ir_set_input_shape(ir, "x", 2, bad), SMELT_ERROR_SHAPE, "got \"8x\"");
    CHECK_FAILS(smelt_ir_simplify(ir), SMELT_ERROR_NOT_READY, "wanted an inferred network");
    const uint64_t extent = 3, right[2] = {2, 4};
    float data[8] = {0};
    CHECK_FAILS(smelt_ir_bind_input(ir, "z", SMELT_ELEMENT_F32, 1, &extent, data, 12), SMELT_ERROR_NOT_FOUND,
                "\"z\"");
    CHECK_FAILS(smelt_ir_bind_input(ir, "x", SMELT_ELEMENT_F32, 1, &extent, data, 12), SMELT_ERROR_SHAPE,
                "rank 2, got 1");
    CHECK_FAILS(smelt_ir_bind_input(ir, "x", SMELT_ELEMENT_I32, 2, right, data, 32), SMELT_ERROR_DTYPE,
                "got i32");
    CHECK_FAILS(smelt_ir_bind_input(ir, "x", SMELT_ELEMENT_F32, 2, right, data, 31), SMELT_ERROR_SHAPE,
                "31 bytes");
    CHECK_OK(smelt_ir_bind_input(ir, "x", SMELT_ELEMENT_F32, 2, right, data, 32));
    CHECK_OK(smelt_ir_infer(ir));
    smelt_ir_destroy(&ir);
}

static void tensors(void)
{
    struct smelt_onnx_tensor t = {0};
    float data[4] = {1, 2, 3, 4};
    const int64_t shape[1] = {4};
    make_tensor(&message, "t", 1, shape, 1, data, 16);
    CHECK_OK(smelt_onnx_tensor_read_memory(message.data, message.size, "t.pb", &t));
    CHECK(t.element == SMELT_ELEMENT_F32 && t.rank == 1 && t.shape[0] == 4 && !memcmp(t.data, data, 16));
    smelt_onnx_tensor_free(&t);
    for (size_t size = 1; size < message.size; size++)
        CHECK(smelt_onnx_tensor_read_memory(message.data, size, "t.pb", &t) != SMELT_OK);
    static const char npy[] =
        "\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }         \n";
    unsigned char file[256] = {0};
    size_t head = 10 + 0x46;
    memset(file, ' ', head);
    memcpy(file, npy, sizeof(npy) - 1);
    memcpy(file + head, data, 16);
    CHECK_OK(smelt_onnx_npy_read_memory(file, head + 16, "t.npy", &t));
    CHECK(t.element == SMELT_ELEMENT_F32 && t.rank == 2 && t.shape[1] == 2 && !memcmp(t.data, data, 16));
    smelt_onnx_tensor_free(&t);
    CHECK_FAILS(smelt_onnx_npy_read_memory(file, head + 12, "t.npy", &t), SMELT_ERROR_SHAPE,
                "wants 16 bytes of data, it has 12");
    CHECK_FAILS(smelt_onnx_npy_read_memory(file, 40, "t.npy", &t), SMELT_ERROR_FORMAT,
                "a .npy header of 70 bytes");
    CHECK_FAILS(smelt_onnx_npy_read_memory("PK", 2, "t.npy", &t), SMELT_ERROR_FORMAT, "not a .npy file");
    memcpy(file + 21, "<c8", 3);
    CHECK_FAILS(smelt_onnx_npy_read_memory(file, head + 16, "t.npy", &t), SMELT_ERROR_UNSUPPORTED, "'<c8'");
    memcpy(file + 21, "<f4", 3);
    memcpy(file + 44, "True ", 5);
    CHECK_FAILS(smelt_onnx_npy_read_memory(file, head + 16, "t.npy", &t), SMELT_ERROR_UNSUPPORTED, "C order");
}

static const struct test tests[] = {
    {"bytes that are no model are refused", not_a_model},
    {"a model cut anywhere is refused", truncated},
    {"opsets that are not known are refused", opsets},
    {"all operators without support are named at once", unsupported_operators},
    {"cycles, missing and double definitions are refused", graphs},
    {"a long chain in the wrong order is read", long_chain},
    {"extents that are negative, huge or missing are refused", extents},
    {"constants whose size disagrees are refused", constants},
    {"attributes that are wrong are refused", attributes},
    {"types and shapes that do not fit are refused", types_and_shapes},
    {"an output of another type than declared is refused", declared_types},
    {"deep nesting is refused", deep_nesting},
    {"a bomb is refused", bomb},
    {"folding has bounds", costly_folding},
    {"external data is read from below the model's directory only", external_data},
    {"shapes and contents of inputs are checked", input_shapes},
    {"test tensors are read, .pb and .npy", tensors},
};

TEST_MAIN(tests)
