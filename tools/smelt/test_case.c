// SPDX-License-Identifier: MIT
// Finds test cases in trees of folders and reads their tensors.
#include "test_case.h"

#include "tensor_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 32, MAX_PATH = 4096 };

char *test_case_model(const char *path)
{
    size_t size = strlen(path) + sizeof("/model.onnx");
    char *file = malloc(size);
    if (file)
        snprintf(file, size, "%s/model.onnx", path);
    return file;
}

bool test_case_has_set(const char *path, uint32_t set)
{
    char folder[MAX_PATH];
    struct stat status;
    int length = snprintf(folder, sizeof(folder), "%s/test_data_set_%u", path, set);
    return length < MAX_PATH && !stat(folder, &status) && S_ISDIR(status.st_mode);
}

static enum smelt_result add_case(struct test_cases *cases, const char *path)
{
    char **larger = realloc(cases->paths, (cases->count + 1) * sizeof(*larger));
    if (larger)
        cases->paths = larger;
    char *copy = larger ? smelt_copy_string(path) : NULL;
    if (!copy)
        return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", path);
    cases->paths[cases->count++] = copy;
    return SMELT_OK;
}

static enum smelt_result find_below(struct test_cases *cases, const char *path, int depth)
{
    struct dirent **entries = NULL;
    enum smelt_result result = SMELT_OK;
    char *model = test_case_model(path);
    if (model && smelt_os_is_file(model))
        result = add_case(cases, path);
    free(model);
    int count = depth < MAX_DEPTH ? scandir(path, &entries, NULL, alphasort) : 0;
    if (count < 0)
        return smelt_fail(NULL, SMELT_ERROR_IO, "cannot read the folder %s: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char child[MAX_PATH];
        struct stat status;
        bool named = snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name) < MAX_PATH;
        if (!result && named && entries[i]->d_name[0] != '.' && !lstat(child, &status) &&
            S_ISDIR(status.st_mode))
            result = find_below(cases, child, depth + 1);
        free(entries[i]);
    }
    free(entries);
    return result;
}

enum smelt_result test_cases_find(struct test_cases *cases, const char *folder)
{
    struct stat status;
    uint32_t before = cases->count;
    char path[MAX_PATH];
    size_t length = strlen(folder);
    if (length >= MAX_PATH || stat(folder, &status) || !S_ISDIR(status.st_mode))
        return smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%.200s: no such folder", folder);
    memcpy(path, folder, length + 1);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = 0;
    enum smelt_result result = find_below(cases, path, 0);
    if (!result && cases->count == before)
        result = smelt_fail(NULL, SMELT_ERROR_NOT_FOUND, "%.200s: no test case in it: no model.onnx", folder);
    return result;
}

void test_cases_free(struct test_cases *cases)
{
    for (uint32_t i = 0; i < cases->count; i++)
        free(cases->paths[i]);
    free(cases->paths);
    *cases = (struct test_cases){0};
}

static enum smelt_result read_files(const char *path, uint32_t set, const char *kind,
                                    struct smelt_onnx_tensor *tensors, uint32_t *count)
{
    for (*count = 0;; ++*count) {
        char file[MAX_PATH];
        int length = snprintf(file, sizeof(file), "%s/test_data_set_%u/%s_%u.pb", path, set, kind, *count);
        if (length >= MAX_PATH || !smelt_os_is_file(file))
            return SMELT_OK;
        if (*count == TEST_DATA_MAX)
            return smelt_fail(NULL, SMELT_ERROR_UNSUPPORTED, "%s: wanted at most %d files", file,
                              TEST_DATA_MAX);
        enum smelt_result result = tensor_read(file, &tensors[*count]);
        if (result)
            return result;
    }
}

enum smelt_result test_data_read(const char *path, uint32_t set, const struct smelt_ir *ir,
                                 struct test_data *data)
{
    enum smelt_result result = read_files(path, set, "input", data->inputs, &data->input_count);
    if (!result)
        result = read_files(path, set, "output", data->outputs, &data->output_count);
    if (result)
        return result;
    if (data->input_count != ir->input_count || !data->output_count)
        return smelt_fail(
            NULL, SMELT_ERROR_FORMAT,
            "%s: test_data_set_%u has %u inputs and %u outputs; wanted %u inputs and at least 1 output", path,
            set, data->input_count, data->output_count, ir->input_count);
    for (uint32_t i = 0; i < data->input_count; i++) {
        const struct smelt_onnx_tensor *tensor = &data->inputs[i];
        struct smelt_network_input *input = &data->network_inputs[i];
        data->names[i] = smelt_copy_string(ir->inputs[i]->name);
        if (!data->names[i])
            return smelt_fail(NULL, SMELT_ERROR_OUT_OF_HOST_MEMORY, "%s: no memory", path);
        *input = (struct smelt_network_input){.name = data->names[i], .rank = tensor->rank};
        memcpy(input->shape, tensor->shape, tensor->rank * sizeof(tensor->shape[0]));
        if (smelt_ir_wants_contents(ir, ir->inputs[i])) {
            input->contents = tensor->data;
            input->contents_size = tensor->size;
        }
    }
    return SMELT_OK;
}

void test_data_free(struct test_data *data)
{
    for (uint32_t i = 0; i < TEST_DATA_MAX; i++) {
        smelt_onnx_tensor_free(&data->inputs[i]);
        smelt_onnx_tensor_free(&data->outputs[i]);
        free(data->names[i]);
    }
    *data = (struct test_data){0};
}
