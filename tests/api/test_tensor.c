// SPDX-License-Identifier: MIT
// tensor.h: descriptions, places, slices and host copies, against a byte-exact model in host memory.
#include "tensor_model.h"

static const enum smelt_result shape_error = SMELT_ERROR_SHAPE;
static const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;

static smelt_tensor make(struct smelt_tensor_params params)
{
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

static void test_defaults(void)
{
    smelt_context context = test_context();
    uint64_t before = smelt_context_memory(context).bytes[SMELT_MEMORY_TENSOR];
    smelt_tensor tensor =
        make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_F16, .rank = 3, .shape = {2, 3, 5}});
    const struct smelt_tensor_info *info = smelt_tensor_info(tensor);
    CHECK(info->dtype == SMELT_DTYPE_F16 && info->rank == 3);
    CHECK(info->shape[0] == 2 && info->shape[1] == 3 && info->shape[2] == 5);
    CHECK(info->strides[0] == 15 && info->strides[1] == 5 && info->strides[2] == 1);
    CHECK(info->usage == (SMELT_TENSOR_USAGE_COMPUTE | SMELT_TENSOR_USAGE_RENDER));
    CHECK(info->size == 60 && info->buffer && !info->buffer_offset && info->address % 16 == 0 &&
          !info->mapped);
    CHECK(!strcmp(info->name, "tensor"));
    CHECK(smelt_tensor_element_count(tensor) == 30);
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_TENSOR] >= before + 60);
    smelt_tensor_destroy(&tensor);
    CHECK(tensor == NULL);
    CHECK(smelt_context_memory(context).bytes[SMELT_MEMORY_TENSOR] == before);
    smelt_tensor_destroy(&tensor);
    smelt_tensor_destroy(NULL);
}

static void test_name_is_copied(void)
{
    char name[] = "layer0.weight";
    smelt_tensor tensor = make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .name = name});
    name[0] = 'X';
    CHECK(!strcmp(smelt_tensor_info(tensor)->name, "layer0.weight"));
    CHECK(smelt_tensor_element_count(tensor) == 1 && smelt_tensor_info(tensor)->size == 4);
    smelt_tensor_destroy(&tensor);
}

static void check_layout(struct smelt_tensor_params params, uint64_t size, uint64_t alignment)
{
    uint64_t got_size = 0, got_alignment = 0;
    CHECK_OK(smelt_tensor_size_and_alignment(&params, &got_size, &got_alignment));
    CHECK(got_size == size);
    CHECK(got_alignment == alignment);
}

static void test_layouts(void)
{
    const uint32_t ml = SMELT_TENSOR_USAGE_MACHINE_LEARNING;
    check_layout((struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32}, 4, 16);
    check_layout((struct smelt_tensor_params){.dtype = SMELT_DTYPE_I4}, 1, 16);
    check_layout((struct smelt_tensor_params){.dtype = SMELT_DTYPE_BF16, .rank = 2, .shape = {3, 7}}, 42, 16);
    // Rows of 64 bytes: the last one is counted as long as it is.
    check_layout(
        (struct smelt_tensor_params){.dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {3, 33}, .usage = ml},
        2 * 128 + 66, 64);
    check_layout(
        (struct smelt_tensor_params){.dtype = SMELT_DTYPE_U4, .rank = 2, .shape = {2, 5}, .usage = ml},
        64 + 3, 64);
    check_layout((struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {5}, .usage = ml},
                 20, 64);
    // Rows of 4-bit elements start at whole bytes.
    check_layout((struct smelt_tensor_params){.dtype = SMELT_DTYPE_I4, .rank = 2, .shape = {3, 5}}, 9, 16);
    check_layout((struct smelt_tensor_params){.dtype = SMELT_DTYPE_I4, .rank = 1, .shape = {5}}, 3, 16);
    // Given strides: a transposed matrix with a gap.
    check_layout(
        (struct smelt_tensor_params){.dtype = SMELT_DTYPE_U16, .rank = 2, .shape = {3, 4}, .strides = {2, 7}},
        (2 * 2 + 3 * 7 + 1) * 2, 16);
    // The stride of an extent of 1 is free.
    check_layout(
        (struct smelt_tensor_params){
            .dtype = SMELT_DTYPE_U8, .rank = 3, .shape = {1, 4, 1}, .strides = {0, 1, 9}},
        4, 16);
    uint64_t size = 0;
    struct smelt_tensor_params scalar = {.dtype = SMELT_DTYPE_F32};
    CHECK_OK(smelt_tensor_size_and_alignment(&scalar, &size, NULL));
    CHECK_OK(smelt_tensor_size_and_alignment(&scalar, NULL, &size));
    CHECK_FAILS(smelt_tensor_size_and_alignment(NULL, &size, &size), invalid, "params is NULL");

    smelt_tensor rows = make(
        (struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .rank = 3, .shape = {2, 3, 17}, .usage = ml});
    const struct smelt_tensor_info *info = smelt_tensor_info(rows);
    CHECK(info->strides[2] == 1 && info->strides[1] == 32 && info->strides[0] == 96);
    CHECK(info->address % 64 == 0 && info->usage == ml);
    smelt_tensor_destroy(&rows);
}

// --- Refusals ---------------------------------------------------------------------------------------------

static void refuse(struct smelt_tensor_params params, enum smelt_result result, const char *text)
{
    uint64_t total = smelt_context_memory(test_context()).total;
    smelt_tensor tensor = NULL;
    enum smelt_result got = smelt_tensor_create(test_context(), &params, &tensor);
    if (got != result || !strstr(smelt_last_error(), text)) {
        printf("    wanted %s and '%s', got %s\n", smelt_result_name(result), text, smelt_result_name(got));
        CHECK(!"the refusal wanted");
    }
    CHECK(!tensor && smelt_context_memory(test_context()).total == total);
}

static void test_description_errors(void)
{
    const enum smelt_dtype f32 = SMELT_DTYPE_F32, u4 = SMELT_DTYPE_U4;
    const uint32_t ml = SMELT_TENSOR_USAGE_MACHINE_LEARNING;
    typedef struct smelt_tensor_params params;
    refuse((params){.rank = 1, .shape = {1}}, SMELT_ERROR_DTYPE, "dtype none (0)");
    refuse((params){.dtype = (enum smelt_dtype)77}, SMELT_ERROR_DTYPE, "invalid (77)");
    refuse((params){.dtype = f32, .rank = 17}, shape_error, "rank 17, wanted at most 16");
    refuse((params){.dtype = f32, .rank = UINT32_MAX, .name = "odd"}, shape_error, "'odd': rank 4294967295");
    refuse((params){.dtype = f32, .rank = 2, .shape = {3}}, shape_error, "extent 0 in dimension 1");
    refuse((params){.dtype = f32, .rank = 2, .shape = {1 << 16, 1 << 16}}, shape_error,
           "2^32 elements or more");
    refuse((params){.dtype = f32, .rank = 2, .shape = {UINT64_MAX, UINT64_MAX}}, shape_error,
           "dimension 0 make");
    refuse((params){.dtype = f32, .rank = 1, .shape = {2}, .strides = {UINT32_MAX}}, shape_error,
           "span 2^32");
    refuse((params){.dtype = f32, .rank = 2, .shape = {2, 2}, .strides = {UINT64_MAX, 1}}, shape_error,
           "span 2^32");
    refuse((params){.dtype = f32, .rank = 2, .shape = {1u << 31, 1}, .usage = ml}, shape_error, "span 2^32");
    refuse((params){.dtype = f32, .rank = 2, .shape = {2, 3}, .strides = {2, 1}}, shape_error,
           "stride 2 of dimension 0 makes elements overlap, wanted more than 2");
    refuse((params){.dtype = f32, .rank = 2, .shape = {2, 3}, .strides = {0, 1}}, shape_error,
           "stride 0 of dim");
    refuse((params){.dtype = f32, .rank = 3, .shape = {2, 2, 2}, .strides = {4, 4, 1}}, shape_error,
           "overlap");
    refuse((params){.dtype = u4, .rank = 1, .shape = {3}, .strides = {2}}, shape_error,
           "innermost stride 2, a 4-bit");
    refuse((params){.dtype = u4, .rank = 2, .shape = {2, 3}, .strides = {3, 1}}, shape_error,
           "wants an even one");
    refuse((params){.dtype = f32, .rank = 2, .shape = {2, 3}, .strides = {16, 2}, .usage = ml}, shape_error,
           "innermost stride 2, USAGE_MACHINE_LEARNING");
    refuse((params){.dtype = f32, .rank = 2, .shape = {2, 3}, .strides = {8, 1}, .usage = ml}, shape_error,
           "multiple of 16 elements (64 bytes)");
    refuse((params){.dtype = f32, .usage = 1 << 20}, invalid, "usage 0x100000");
    smelt_tensor tensor = NULL;
    params good = {.dtype = f32};
    CHECK_FAILS(smelt_tensor_create(NULL, &good, &tensor), invalid, "context is NULL");
    CHECK_FAILS(smelt_tensor_create(test_context(), NULL, &tensor), invalid, "params is NULL");
    CHECK_FAILS(smelt_tensor_create(test_context(), &good, NULL), invalid, "tensor is NULL");
    uint64_t size = 5;
    good.rank = 17;
    CHECK_FAILS(smelt_tensor_size_and_alignment(&good, &size, NULL), shape_error, "rank 17");
    CHECK(size == 5);
}

static void test_place_errors(void)
{
    smelt_context context = test_context();
    typedef struct smelt_tensor_params params;
    smelt_heap heap = NULL;
    CHECK_OK(smelt_heap_create(context, &(struct smelt_heap_params){.size = 128}, &heap));
    VkBuffer buffer = smelt_heap_info(heap).buffer;
    const enum smelt_dtype f32 = SMELT_DTYPE_F32;
    refuse((params){.dtype = f32, .heap = heap, .buffer = buffer, .buffer_size = 128}, invalid, "both given");
    refuse((params){.dtype = f32, .heap = heap, .heap_offset = 8}, invalid, "heap_offset 8");
    refuse(
        (params){.dtype = f32, .heap = heap, .heap_offset = 16, .usage = SMELT_TENSOR_USAGE_MACHINE_LEARNING},
        invalid, "multiple of 64");
    refuse((params){.dtype = f32, .heap = heap, .heap_offset = 128}, shape_error,
           "do not fit the heap of 128");
    refuse((params){.dtype = f32, .heap = heap, .heap_offset = UINT64_MAX - 15}, shape_error, "do not fit");
    refuse((params){.dtype = f32, .rank = 1, .shape = {29}, .heap = heap, .heap_offset = 16}, shape_error,
           "116 bytes at heap_offset 16");
    refuse((params){.dtype = f32, .heap = heap, .usage = SMELT_TENSOR_USAGE_HOST}, invalid, "not mapped");
    refuse((params){.dtype = f32, .buffer = buffer}, invalid, "buffer_size 0");
    refuse((params){.dtype = f32, .buffer = buffer, .buffer_size = 128, .buffer_offset = 2}, invalid,
           "f32 wants a multiple of 4");
    refuse((params){.dtype = f32, .buffer = buffer, .buffer_size = 128, .buffer_offset = 128}, shape_error,
           "do not fit the buffer of 128");
    refuse((params){.dtype = f32, .buffer = buffer, .buffer_size = 128, .buffer_offset = UINT64_MAX - 3},
           shape_error, "do not fit");
    refuse((params){.dtype = f32, .buffer = buffer, .buffer_size = 128, .usage = SMELT_TENSOR_USAGE_HOST},
           invalid, "USAGE_HOST of a caller's buffer");
    uint64_t most = smelt_context_capabilities(context)->max_buffer_size;
    if (most < 4ull * UINT32_MAX)
        refuse((params){.dtype = f32, .rank = 1, .shape = {UINT32_MAX - 1}}, SMELT_ERROR_UNSUPPORTED,
               "bytes wanted");

    struct smelt_context_params other_params = {.cache_directory = ""};
    smelt_context other = NULL;
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_context_create(&other_params, &other));
    params foreign = {.dtype = f32, .heap = heap};
    enum smelt_result got = smelt_tensor_create(other, &foreign, &tensor);
    smelt_context_destroy(&other);
    CHECK(got == invalid && strstr(smelt_last_error(), "another context"));
    smelt_heap_destroy(&heap);
}

// --- Slices -----------------------------------------------------------------------------------------------

static void test_slices(void)
{
    smelt_tensor tensor = make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_U16,
                                                            .rank = 2,
                                                            .shape = {4, 6},
                                                            .usage = SMELT_TENSOR_USAGE_HOST,
                                                            .name = "grid"});
    uint16_t *data = smelt_tensor_info(tensor)->mapped;
    CHECK(data);
    for (int i = 0; i < 24; i++)
        data[i] = (uint16_t)i;
    smelt_tensor slice = NULL, inner = NULL;
    CHECK_OK(smelt_tensor_slice(tensor, (uint64_t[]){1, 2}, (uint64_t[]){3, 4}, &slice));
    const struct smelt_tensor_info *info = smelt_tensor_info(slice);
    CHECK(info->rank == 2 && info->shape[0] == 3 && info->shape[1] == 4);
    CHECK(info->strides[0] == 6 && info->strides[1] == 1 && !strcmp(info->name, "grid"));
    CHECK(info->buffer_offset == 16 && info->address == smelt_tensor_info(tensor)->address + 16);
    CHECK(info->mapped == data + 8 && info->size == 2 * (2 * 6 + 3 + 1));
    CHECK_OK(smelt_tensor_slice(slice, (uint64_t[]){1, 1}, (uint64_t[]){1, 3}, &inner));
    uint16_t got[3];
    CHECK_OK(smelt_tensor_read_and_wait(inner, NULL, got, sizeof(got)));
    CHECK(got[0] == 15 && got[1] == 16 && got[2] == 17);
    smelt_tensor_destroy(&inner);
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){1, 2}, (uint64_t[]){3, 1}, &inner), shape_error,
                "3 elements from 1 in dimension 0, wanted 1 or more of its 3");
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){0, 4}, (uint64_t[]){1, 1}, &inner), shape_error,
                "dimension 1");
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){0, 0}, (uint64_t[]){1, 0}, &inner), shape_error,
                "0 elements");
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){0, UINT64_MAX}, (uint64_t[]){1, 2}, &inner),
                shape_error, "1");
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){0, 1}, (uint64_t[]){1, UINT64_MAX}, &inner),
                shape_error, "1");
    CHECK_FAILS(smelt_tensor_slice(slice, NULL, (uint64_t[]){1, 1}, &inner), invalid, "origin is NULL");
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){0, 0}, NULL, &inner), invalid, "shape is NULL");
    CHECK_FAILS(smelt_tensor_slice(slice, (uint64_t[]){0, 0}, (uint64_t[]){1, 1}, NULL), invalid,
                "slice is NULL");
    CHECK_FAILS(smelt_tensor_slice(NULL, NULL, NULL, &inner), invalid, "tensor is NULL");
    CHECK(!inner);
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&tensor);

    smelt_tensor scalar = make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_I32});
    CHECK_OK(smelt_tensor_slice(scalar, NULL, NULL, &slice));
    CHECK(smelt_tensor_info(slice)->address == smelt_tensor_info(scalar)->address);
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&scalar);
}

static void test_slices_of_nibbles(void)
{
    smelt_tensor tensor =
        make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_I4, .rank = 2, .shape = {2, 7}});
    smelt_tensor slice = NULL;
    CHECK_FAILS(smelt_tensor_slice(tensor, (uint64_t[]){1, 3}, (uint64_t[]){1, 2}, &slice), shape_error,
                "innermost index 3, a slice of a 4-bit type starts at an even one");
    CHECK_OK(smelt_tensor_slice(tensor, (uint64_t[]){1, 4}, (uint64_t[]){1, 3}, &slice));
    CHECK(smelt_tensor_info(slice)->buffer_offset == 6 && smelt_tensor_info(slice)->size == 2);
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&tensor);
}

static void test_opaque(void)
{
    smelt_context context = test_context();
    smelt_tensor holder =
        make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_F16, .rank = 1, .shape = {4096}});
    const struct smelt_tensor_info *memory = smelt_tensor_info(holder);
    smelt_tensor opaque = NULL, slice = NULL;
    CHECK_OK(smelt_tensor_create_opaque(context, SMELT_DTYPE_F16, 9, 64, memory->buffer, 256, 2048,
                                        memory->address + 256, "layer2.weight", &opaque));
    const struct smelt_tensor_info *info = smelt_tensor_info(opaque);
    CHECK(info->rank == 2 && info->shape[0] == 9 && info->shape[1] == 64 && !info->strides[0] &&
          !info->strides[1]);
    CHECK(info->size == 2048 && info->address == memory->address + 256 &&
          !strcmp(info->name, "layer2.weight"));
    CHECK(smelt_tensor_element_count(opaque) == 576 && smelt_tensor_context(opaque) == context);
    uint16_t data[576] = {0};
    const enum smelt_result unsupported = SMELT_ERROR_UNSUPPORTED;
    CHECK_FAILS(smelt_tensor_slice(opaque, (uint64_t[]){0, 0}, (uint64_t[]){1, 1}, &slice), unsupported,
                "own layout");
    CHECK_FAILS(smelt_tensor_read_and_wait(opaque, NULL, data, sizeof(data)), unsupported,
                "read: tensor 'layer2");
    CHECK_FAILS(smelt_tensor_write_and_wait(opaque, NULL, data, sizeof(data)), unsupported, "write: ");
    smelt_encoder none = NULL;
    CHECK_FAILS(smelt_encode_fill(none, opaque, 0), unsupported, "fill: ");
    CHECK_FAILS(smelt_encode_copy(none, opaque, holder, NULL), unsupported, "copy to: ");
    CHECK_FAILS(smelt_encode_copy(none, holder, opaque, NULL), unsupported, "copy from: ");
    smelt_tensor_destroy(&opaque);
    smelt_tensor_destroy(&holder);
}

// --- Host copies ------------------------------------------------------------------------------------------

// One random tensor in a poisoned heap, one random box, one host array: written, compared byte by byte with the
// model, read back into a poisoned array, compared again.
static void host_copy_case(const struct model_heap *heap, uint8_t *model)
{
    struct model_tensor shape =
        model_random_shape(test_random() % 5 ? test_random() % 5 : test_random() % 17, 400);
    struct model_tensor outer = model_place(heap, model_random_dtype(), shape);
    smelt_tensor tensor = model_create(heap, &outer);
    uint32_t rank = outer.rank, bits = smelt_dtype_bits(outer.dtype);
    struct smelt_tensor_box box = {{0}, {0}, {0}};
    struct model_tensor part = outer, host = {.dtype = outer.dtype, .rank = rank};
    bool tail = test_random() % 4 == 0; // shape left out: up to the end
    for (uint32_t d = 0; d < rank; d++) {
        box.origin[d] = test_random() % outer.shape[d];
        uint64_t most = outer.shape[d] - box.origin[d];
        part.shape[d] = tail ? most : 1 + test_random() % most;
        box.shape[d] = tail ? 0 : part.shape[d];
        part.first += box.origin[d] * outer.strides[d];
        host.shape[d] = part.shape[d];
    }
    model_pack(&host);
    if (bits >= 8 && test_random() % 2)
        model_random_strides(&host);
    memcpy(box.strides, host.strides, sizeof(box.strides));
    if (bits == 4 || test_random() % 2) {
        model_pack(&host);
        memset(box.strides, 0, sizeof(box.strides));
    }
    uint64_t size = model_span(&host);
    uint8_t *source = malloc(size), *back = malloc(size), *expected = malloc(size);
    for (uint64_t i = 0; i < size; i++) {
        source[i] = (uint8_t)test_random();
        back[i] = expected[i] = (uint8_t)test_random();
    }
    enum smelt_result written = smelt_tensor_write_and_wait(tensor, &box, source, size);
    enum smelt_result read = smelt_tensor_read_and_wait(tensor, &box, back, size);
    model_copy(&part, model, &host, source);
    model_copy(&host, expected, &part, model);
    bool same = !memcmp(back, expected, size);
    free(source);
    free(back);
    free(expected);
    smelt_tensor_destroy(&tensor);
    CHECK(written == SMELT_OK && read == SMELT_OK);
    CHECK(same);
    model_compare(heap, model, "host copy");
}

static void run_host_copies(bool mapped, uint32_t seed, int cases)
{
    struct model_heap heap = model_heap_create(4096, mapped);
    uint8_t model[4096];
    test_random_state = seed;
    model_poison(&heap, model);
    for (int i = 0; i < cases; i++)
        host_copy_case(&heap, model);
    model_heap_destroy(&heap);
}

static void test_host_copies_staged(void)
{
    run_host_copies(false, 11, 400);
}

static void test_host_copies_mapped(void)
{
    run_host_copies(true, 12, 1500);
}

// More runs than copy regions, so that the kernel does it, for every element size; also 4-bit rows with
// neighbours on both sides.
static void test_host_copies_of_many_runs(void)
{
    static const enum smelt_dtype dtypes[] = {SMELT_DTYPE_F32, SMELT_DTYPE_F16, SMELT_DTYPE_I8,
                                              SMELT_DTYPE_U4};
    for (size_t t = 0; t < SMELT_COUNT_OF(dtypes); t++) {
        smelt_tensor tensor =
            make((struct smelt_tensor_params){.dtype = dtypes[t], .rank = 2, .shape = {300, 8}});
        uint32_t bits = smelt_dtype_bits(dtypes[t]);
        uint8_t all[300 * 8 * 4], part[300 * 3 * 4], wanted[300 * 8 * 4];
        uint64_t all_size = 300 * 8 * bits / 8, part_size = 300 * 3 * bits / 8;
        test_random_state = 99;
        for (size_t i = 0; i < sizeof(all); i++)
            all[i] = wanted[i] = (uint8_t)test_random();
        for (size_t i = 0; i < sizeof(part); i++)
            part[i] = (uint8_t)test_random();
        struct model_tensor box = {
            .dtype = dtypes[t], .rank = 2, .shape = {300, 3}, .strides = {8, 1}, .first = 3};
        struct model_tensor packed = {.dtype = dtypes[t], .rank = 2, .shape = {300, 3}, .strides = {3, 1}};
        struct smelt_tensor_box where = {.origin = {0, 3}, .shape = {300, 3}};
        CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, all, all_size));
        CHECK_OK(smelt_tensor_write_and_wait(tensor, &where, part, part_size));
        model_copy(&box, wanted, &packed, part);
        CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, all, all_size));
        CHECK(!memcmp(all, wanted, all_size));
        memset(all, 0, sizeof(all));
        CHECK_OK(smelt_tensor_read_and_wait(tensor, &where, all, part_size));
        CHECK(!memcmp(all, part, part_size));
        smelt_tensor_destroy(&tensor);
    }
}

// Larger than the staging buffer: in parts.
static void test_host_copies_in_parts(void)
{
    const uint64_t rows = 9, columns = 5000000; // 45 MB
    uint8_t *data = malloc(rows * columns), *back = calloc(rows, columns);
    CHECK(data && back);
    for (uint64_t i = 0; i < rows * columns; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    smelt_tensor tensor =
        make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_U8, .rank = 2, .shape = {rows, columns}});
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, rows * columns));
    CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, back, rows * columns));
    bool same = !memcmp(data, back, rows * columns);
    smelt_tensor_destroy(&tensor);
    free(data);
    free(back);
    CHECK(same);
    CHECK(smelt_context_memory(test_context()).bytes[SMELT_MEMORY_STAGING] == 0);
}

// With a budget that leaves less than the tensor takes: in smaller parts.
static void test_host_copies_in_budget(void)
{
    enum { COUNT = 2 << 20 };
    struct smelt_context_params params = {.memory_budget = COUNT + (COUNT >> 2), .cache_directory = ""};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    uint8_t *data = malloc(COUNT), *back = calloc(COUNT, 1);
    CHECK(data && back);
    for (uint32_t i = 0; i < COUNT; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    struct smelt_tensor_params info = {.dtype = SMELT_DTYPE_U8, .rank = 1, .shape = {COUNT}};
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(context, &info, &tensor));
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, COUNT));
    CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, back, COUNT));
    bool same = !memcmp(data, back, COUNT);
    CHECK(smelt_context_memory(context).peak <= params.memory_budget);
    smelt_tensor_destroy(&tensor);
    smelt_context_destroy(&context);
    free(data);
    free(back);
    CHECK(same);
}

static void test_host_copy_errors(void)
{
    smelt_tensor tensor =
        make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {3, 4}, .name = "t"});
    smelt_tensor nibbles =
        make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_I4, .rank = 1, .shape = {4}});
    float data[64] = {0};
    struct smelt_tensor_box box = {.origin = {0, 2}, .shape = {1, 3}};
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, &box, data, sizeof(data)), shape_error,
                "box of tensor 't': 3 elements from 2 in dimension 1, wanted 1 or more of its 4");
    box = (struct smelt_tensor_box){.origin = {3, 0}};
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, &box, data, sizeof(data)), shape_error,
                "from 3 in dimension 0");
    box = (struct smelt_tensor_box){.origin = {UINT64_MAX, 0}, .shape = {2, 1}};
    CHECK_FAILS(smelt_tensor_write_and_wait(tensor, &box, data, sizeof(data)), shape_error, "dimension 0");
    box = (struct smelt_tensor_box){.shape = {1, 0}};
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, &box, data, sizeof(data)), shape_error, "0 elements");
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, NULL, data, 47), invalid, "has 47 bytes, wanted 48");
    CHECK_FAILS(smelt_tensor_write_and_wait(tensor, NULL, data, 0), invalid, "has 0 bytes, wanted 48");
    box = (struct smelt_tensor_box){.strides = {8, 2}};
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, &box, data, 91), invalid, "has 91 bytes, wanted 92");
    box = (struct smelt_tensor_box){.strides = {UINT64_MAX / 2, UINT64_MAX / 2}};
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, &box, data, sizeof(data)), shape_error, "address space");
    box = (struct smelt_tensor_box){.strides = {UINT64_MAX / 8, 1}};
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, &box, data, UINT64_MAX - 1), invalid,
                "wanted 18446744073709551615");
    box = (struct smelt_tensor_box){.strides = {1}};
    CHECK_FAILS(smelt_tensor_read_and_wait(nibbles, &box, data, 8), shape_error, "strides given for i4");
    CHECK_FAILS(smelt_tensor_read_and_wait(tensor, NULL, NULL, 48), invalid, "data is NULL");
    CHECK_FAILS(smelt_tensor_write_and_wait(NULL, NULL, data, 48), invalid, "tensor is NULL");
    smelt_tensor_destroy(&tensor);
    smelt_tensor_destroy(&nibbles);
}

static void test_view_of_callers_buffer(void)
{
    smelt_context context = test_context();
    struct smelt_buffer buffer;
    CHECK_OK(
        smelt_buffer_create(context, 64, SMELT_PLACE_HOST_READ, SMELT_MEMORY_STAGING, "caller", &buffer));
    memset(buffer.mapped, 0xcd, 64);
    smelt_tensor view = make((struct smelt_tensor_params){.dtype = SMELT_DTYPE_U16,
                                                          .rank = 2,
                                                          .shape = {2, 2},
                                                          .strides = {6, 2},
                                                          .buffer = buffer.buffer,
                                                          .buffer_offset = 6,
                                                          .buffer_size = 64});
    CHECK(smelt_tensor_info(view)->address == buffer.address + 6 && !smelt_tensor_info(view)->mapped);
    const uint16_t values[] = {0x1111, 0x2222, 0x3333, 0x4444};
    CHECK_OK(smelt_tensor_write_and_wait(view, NULL, values, sizeof(values)));
    uint16_t wanted[32];
    memset(wanted, 0xcd, sizeof(wanted));
    wanted[3] = 0x1111;
    wanted[5] = 0x2222;
    wanted[9] = 0x3333;
    wanted[11] = 0x4444;
    CHECK(!memcmp(buffer.mapped, wanted, 64));
    smelt_tensor_destroy(&view);
    smelt_buffer_destroy(context, &buffer);
}

// --- Threads ----------------------------------------------------------------------------------------------

struct worker {
    thrd_t thread;
    uint32_t number;
    bool good;
};

static int work(void *user)
{
    struct worker *worker = user;
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_U32, .rank = 2, .shape = {100, 3}, .strides = {4, 1}};
    smelt_tensor tensor = NULL;
    worker->good = smelt_tensor_create(test_context_handle, &params, &tensor) == SMELT_OK;
    for (uint32_t round = 0; worker->good && round < 20; round++) {
        uint32_t data[300], back[300] = {0};
        for (uint32_t i = 0; i < 300; i++)
            data[i] = worker->number << 16 | round << 12 | i;
        worker->good = smelt_tensor_write_and_wait(tensor, NULL, data, sizeof(data)) == SMELT_OK &&
                       smelt_tensor_read_and_wait(tensor, NULL, back, sizeof(back)) == SMELT_OK &&
                       !memcmp(data, back, sizeof(data));
    }
    smelt_tensor_destroy(&tensor);
    return 0;
}

static void test_threads(void)
{
    test_context();
    struct worker workers[4] = {{0}};
    for (uint32_t i = 0; i < 4; i++) {
        workers[i].number = i;
        CHECK(thrd_create(&workers[i].thread, work, &workers[i]) == thrd_success);
    }
    for (int i = 0; i < 4; i++)
        thrd_join(workers[i].thread, NULL);
    for (int i = 0; i < 4; i++)
        CHECK(workers[i].good);
}

static const struct test tests[] = {
    {"defaults, info and destruction", test_defaults},
    {"the name is copied", test_name_is_copied},
    {"sizes and alignments of packed, aligned and given layouts", test_layouts},
    {"wrong descriptions are refused", test_description_errors},
    {"wrong places are refused", test_place_errors},
    {"slices are views of a box", test_slices},
    {"slices of 4-bit tensors start at whole bytes", test_slices_of_nibbles},
    {"an opaque matrix only binds", test_opaque},
    {"any box goes to and from the host through staging", test_host_copies_staged},
    {"any box goes to and from the host directly", test_host_copies_mapped},
    {"boxes of many runs", test_host_copies_of_many_runs},
    {"boxes larger than staging", test_host_copies_in_parts},
    {"boxes larger than what the budget leaves", test_host_copies_in_budget},
    {"wrong boxes are refused", test_host_copy_errors},
    {"a view of the caller's buffer at an offset", test_view_of_callers_buffer},
    {"host copies on several threads", test_threads},
};

TEST_MAIN(tests)
