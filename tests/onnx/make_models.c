// SPDX-License-Identifier: MIT
// Writes the seeds of the ONNX fuzz target into a folder: models of every family, old and new forms, tensors.
//   make_models FOLDER
#include "model.h"

#include <sys/stat.h>

static struct bytes graph, node, model;
static const char *folder;
static int failed;

static void save(const char *name, const void *data, size_t size)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    failed |= !file || fwrite(data, 1, size, file) != size || fclose(file);
}

static void save_model(const char *name, int64_t opset)
{
    make_model(&model, opset, &graph);
    save(name, model.data, model.size);
    graph.size = 0;
}

static void with_integers(const char *op, const char *inputs, const char *outputs, const char *attribute,
                          const int64_t *values, unsigned count)
{
    begin_node(&node, op, "n", inputs, outputs);
    attribute_integers(&node, attribute, values, count);
    end_node(&graph, &node);
}

static void with_integer(const char *op, const char *inputs, const char *outputs, const char *attribute,
                         int64_t value)
{
    begin_node(&node, op, "n", inputs, outputs);
    attribute_integer(&node, attribute, value);
    end_node(&graph, &node);
}

static void windows(void)
{
    begin_node(&node, "Conv", "conv1", "x,w,b", "c");
    attribute_integers(&node, "strides", (const int64_t[]){2, 1}, 2);
    attribute_integers(&node, "dilations", (const int64_t[]){1, 2}, 2);
    attribute_word(&node, "auto_pad", "SAME_UPPER");
    end_node(&graph, &node);
    begin_node(&node, "MaxPool", "pool", "c", "p");
    attribute_integers(&node, "kernel_shape", (const int64_t[]){2, 2}, 2);
    attribute_integer(&node, "ceil_mode", 1);
    end_node(&graph, &node);
    with_integers("ConvTranspose", "p,w", "t", "output_padding", (const int64_t[]){1, 0}, 2);
    add_node(&graph, "BatchNormalization", "bn", "t,s3,s3,s3,s3", "y");
    add_ones(&graph, "w", (const int64_t[]){4, 3, 3, 3}, 4);
    add_ones(&graph, "b", (const int64_t[]){4}, 1);
    add_ones(&graph, "s3", (const int64_t[]){3}, 1);
    add_input(&graph, "x", 1, "N,3,H,W");
    add_output(&graph, "y");
    save_model("windows.onnx", 17);
}

static void shapes(void)
{
    add_node(&graph, "Shape", "", "x", "shape");
    with_integer("Gather", "shape,zero", "n", "axis", 0);
    add_node(&graph, "Unsqueeze", "", "n,zeros", "n1");
    add_node(&graph, "Mul", "", "n1,two", "double");
    with_integer("Concat", "double,rest", "target", "axis", 0);
    add_node(&graph, "Reshape", "view", "x,target", "v");
    add_node(&graph, "Slice", "", "v,zeros,two", "s");
    begin_node(&node, "Transpose", "", "s", "t");
    attribute_integers(&node, "perm", (const int64_t[]){1, 0}, 2);
    end_node(&graph, &node);
    add_node(&graph, "ConstantOfShape", "", "shape", "zs");
    add_node(&graph, "Equal", "", "target,rest", "e");
    add_node(&graph, "Where", "", "e,target,rest", "picked");
    add_node(&graph, "Range", "", "zero,n,one", "r");
    add_node(&graph, "Split", "", "v,parts", "y,z");
    add_constant(&graph, "zero", 7, NULL, 0, &(int64_t){0}, 8);
    add_constant(&graph, "one", 7, NULL, 0, &(int64_t){1}, 8);
    add_integers(&graph, "zeros", (const int64_t[]){0}, 1);
    add_integers(&graph, "two", (const int64_t[]){2}, 1);
    add_integers(&graph, "parts", (const int64_t[]){1, 3}, 2);
    add_integers(&graph, "rest", (const int64_t[]){-1}, 1);
    add_input(&graph, "x", 1, "N,?,4");
    add_output(&graph, "y");
    add_output(&graph, "t");
    add_output(&graph, "zs");
    add_output(&graph, "picked");
    add_output(&graph, "r");
    save_model("shapes.onnx", 18);
}

static void shuffles(void)
{
    add_node(&graph, "Reshape", "first", "x,six", "a");
    with_integers("Transpose", "a", "b", "perm", (const int64_t[]){0, 1, 4, 2, 5, 3}, 6);
    add_node(&graph, "Reshape", "last", "b,four", "y");
    add_integers(&graph, "six", (const int64_t[]){1, 3, 2, 2, 4, 5}, 6);
    add_integers(&graph, "four", (const int64_t[]){1, 3, 8, 10}, 4);
    add_input(&graph, "x", 1, "1,12,4,5");
    add_output(&graph, "y");
    save_model("shuffles.onnx", 18);
}

static void old_forms(void)
{
    with_integers("Squeeze", "x", "a", "axes", (const int64_t[]){0}, 1);
    with_integers("Unsqueeze", "a", "b", "axes", (const int64_t[]){0}, 1);
    with_integers("ReduceMean", "b", "c", "axes", (const int64_t[]){-1}, 1);
    with_integer("Softmax", "c", "d", "axis", 1);
    begin_node(&node, "Upsample", "up", "d,scales", "e");
    attribute_word(&node, "mode", "linear");
    end_node(&graph, &node);
    begin_node(&node, "Pad", "pad", "e", "f");
    attribute_integers(&node, "pads", (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1}, 8);
    attribute_float(&node, "value", 1);
    end_node(&graph, &node);
    begin_node(&node, "Clip", "clip", "f", "g");
    attribute_float(&node, "min", -1);
    attribute_float(&node, "max", 1);
    end_node(&graph, &node);
    add_node(&graph, "Dropout", "drop", "g", "y");
    add_constant(&graph, "scales", 1, (const int64_t[]){4}, 1, (const float[]){1, 1, 2, 1.5f}, 16);
    add_input(&graph, "x", 1, "1,3,4,4");
    add_output(&graph, "y");
    save_model("old.onnx", 9);
}

static void numbers(void)
{
    add_node(&graph, "DynamicQuantizeLinear", "q", "x", "xq,xs,xz");
    add_node(&graph, "MatMulInteger", "mm", "xq,wq,xz", "acc");
    begin_node(&node, "Cast", "cast", "acc", "f");
    attribute_integer(&node, "to", 1);
    end_node(&graph, &node);
    add_node(&graph, "Mul", "", "f,xs", "g");
    begin_node(&node, "Gemm", "fc", "g,w,b", "h");
    attribute_integer(&node, "transB", 1);
    attribute_float(&node, "alpha", 0.5f);
    end_node(&graph, &node);
    begin_node(&node, "QuantizeLinear", "q2", "h,b", "y");
    attribute_integer(&node, "axis", 1);
    end_node(&graph, &node);
    add_constant(&graph, "wq", 3, (const int64_t[]){4, 4}, 2, "0123456789abcdef", 16);
    add_constant(&graph, "w4", 22, (const int64_t[]){3}, 1, "ab", 2);
    add_ones(&graph, "w", (const int64_t[]){4, 4}, 2);
    add_ones(&graph, "b", (const int64_t[]){4}, 1);
    add_input(&graph, "x", 1, "N,4");
    add_output(&graph, "y");
    save_model("numbers.onnx", 21);
}

static void newest(void)
{
    begin_node(&node, "Attention", "attend", "q,k,v", "a");
    attribute_integer(&node, "q_num_heads", 2);
    attribute_integer(&node, "kv_num_heads", 2);
    end_node(&graph, &node);
    add_node(&graph, "RMSNormalization", "norm", "a,s", "r");
    add_node(&graph, "Gelu", "act", "r", "g");
    add_node(&graph, "MatMul", "out", "g,w", "y");
    add_ones(&graph, "w", (const int64_t[]){8, 4}, 2);
    add_ones(&graph, "s", (const int64_t[]){8}, 1);
    add_input(&graph, "q", 1, "N,T,8");
    add_input(&graph, "k", 1, "N,S,8");
    add_input(&graph, "v", 1, "N,S,8");
    add_output(&graph, "y");
    save_model("newest.onnx", 23);
}

static void external(void)
{
    add_node(&graph, "MatMul", "out", "x,w", "y");
    add_external(&graph, "w", (const int64_t[]){4, 4}, 2, "w.bin", "0", "64");
    add_input(&graph, "x", 1, "N,4");
    add_output(&graph, "y");
    save_model("external.onnx", 18);
}

static void unsupported(void)
{
    static struct bytes body;
    body.size = 0;
    add_node(&body, "Relu", "inner", "x", "t");
    add_output(&body, "t");
    begin_node(&node, "If", "branch", "condition", "y");
    attribute_message(&node, "then_branch", 5, 6, &body);
    end_node(&graph, &node);
    add_input(&graph, "condition", 9, "");
    add_output(&graph, "y");
    save_model("if.onnx", 17);
}

// A function with an attribute that calls another one of an older opset.
static void functions(void)
{
    static struct bytes function, import, call;
    add_node(&graph, "outer", "first", "x", "h");
    add_node(&graph, "outer", "second", "h", "y");
    add_input(&graph, "x", 1, "N,4");
    add_output(&graph, "y");
    make_model(&model, 18, &graph);
    for (int i = 0; i < 2; i++) {
        function.size = import.size = 0;
        put_text(&function, 1, i ? "inner" : "outer");
        put_text(&function, 4, "x");
        put_text(&function, 5, "y");
        begin_node(&call, i ? "Softmax" : "inner", "call", "x", "t");
        attribute_integer(&call, "axis", 1);
        put_bytes(&function, 7, call.data, call.size);
        begin_node(&call, "Relu", "after", "t", "y");
        put_bytes(&function, 7, call.data, call.size);
        put_integer(&import, 2, i ? 12 : 18);
        put_bytes(&function, 9, import.data, import.size);
        put_bytes(&model, 25, function.data, function.size);
    }
    save("functions.onnx", model.data, model.size);
    graph.size = 0;
}

int main(int argc, char **argv)
{
    static const char npy[] =
        "\x93NUMPY\x01\x00\x36\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\n\0\0\0\0";
    static struct bytes tensor;
    if (argc != 2)
        return 2;
    folder = argv[1];
    mkdir(folder, 0777);
    windows();
    shapes();
    shuffles();
    old_forms();
    numbers();
    newest();
    external();
    unsupported();
    functions();
    add_input(&graph, "x", 1, "2,3"); // no node at all
    add_output(&graph, "x");
    save_model("no_nodes.onnx", 17);
    make_tensor(&tensor, "t", 1, (const int64_t[]){2, 1}, 2, "01234567", 8);
    save("tensor.pb", tensor.data, tensor.size);
    save("tensor.npy", npy, sizeof(npy) - 1);
    return failed;
}
