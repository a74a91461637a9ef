// SPDX-License-Identifier: MIT
// tensor.h: copies, casts, transposes and fills on the device, against a byte-exact model of the whole memory.
#include "tensor_model.h"

static const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT;

// Submits what was recorded, and waits.
static void end(smelt_encoder encoder, enum smelt_result result)
{
    test_end(encoder);
    CHECK_OK(result);
}

static void copy(smelt_tensor destination, smelt_tensor source, const uint32_t *permutation)
{
    smelt_encoder encoder = test_begin();
    end(encoder, smelt_encode_copy(encoder, destination, source, permutation));
}

static void fill(smelt_tensor destination, double value)
{
    smelt_encoder encoder = test_begin();
    end(encoder, smelt_encode_fill(encoder, destination, value));
}

// Every pattern of every type to every type: the bits of the host's conversion.
static void test_casts(void)
{
    const uint64_t size = 4 * TEST_MOST_PATTERNS;
    struct model_heap from = model_heap_create(size, true), to = model_heap_create(size, true);
    uint8_t *expected = malloc(size);
    test_random_state = 20240607;
    for (int s = 1; s < SMELT_DTYPE_COUNT; s++) {
        enum smelt_dtype source_type = (enum smelt_dtype)s;
        struct model_tensor packed = {.dtype = source_type, .rank = 1, .strides = {1}};
        packed.shape[0] = test_patterns(source_type, from.buffer.mapped);
        smelt_tensor source = model_create(&from, &packed);
        for (int d = 1; d < SMELT_DTYPE_COUNT; d++) {
            packed.dtype = (enum smelt_dtype)d;
            smelt_tensor destination = model_create(&to, &packed);
            uint64_t bytes = model_span(&packed);
            memset(to.buffer.mapped, 0, bytes + 1);
            copy(destination, source, NULL);
            CHECK_OK(smelt_dtype_convert(packed.dtype, expected, source_type, from.buffer.mapped,
                                         packed.shape[0]));
            smelt_tensor_destroy(&destination);
            if (memcmp(expected, to.buffer.mapped, bytes)) {
                printf("    %s from %s\n", smelt_dtype_name(packed.dtype), smelt_dtype_name(source_type));
                CHECK(!"the same bits as the host's");
            }
        }
        smelt_tensor_destroy(&source);
    }
    free(expected);
    model_heap_destroy(&from);
    model_heap_destroy(&to);
}

// A tensor's model, or a random slice of it; `slice` is null when it is the tensor itself.
static struct model_tensor random_slice(smelt_tensor tensor, struct model_tensor model, smelt_tensor *slice)
{
    *slice = NULL;
    if (test_random() % 2)
        return model;
    uint64_t origin[SMELT_TENSOR_MAX_RANK], shape[SMELT_TENSOR_MAX_RANK];
    for (uint32_t d = 0; d < model.rank; d++) {
        origin[d] = test_random() % model.shape[d];
        if (smelt_dtype_bits(model.dtype) == 4 && d + 1 == model.rank)
            origin[d] -= origin[d] % 2;
        shape[d] = 1 + test_random() % (model.shape[d] - origin[d]);
        model.first += origin[d] * model.strides[d];
        model.shape[d] = shape[d];
    }
    CHECK_OK(smelt_tensor_slice(tensor, origin, shape, slice));
    return model;
}

// A random tensor or slice, cast and permuted into another random place.
static void copy_case(const struct model_heap *from, const uint8_t *from_model, const struct model_heap *to,
                      uint8_t *to_model)
{
    uint32_t rank = test_random() % 3 ? test_random() % 5 : test_random() % (SMELT_TENSOR_MAX_RANK + 1);
    struct model_tensor source = model_place(from, model_random_dtype(), model_random_shape(rank, 1000));
    smelt_tensor tensor = model_create(from, &source), slice, target;
    source = random_slice(tensor, source, &slice);
    uint32_t permutation[SMELT_TENSOR_MAX_RANK] = {0};
    struct model_tensor permuted = source, destination = {.rank = rank};
    for (uint32_t d = 0; d < rank; d++) {
        uint32_t at = test_random() % (d + 1);
        permutation[d] = permutation[at];
        permutation[at] = d;
    }
    for (uint32_t d = 0; d < rank; d++) {
        permuted.shape[d] = destination.shape[d] = source.shape[permutation[d]];
        permuted.strides[d] = source.strides[permutation[d]];
    }
    enum smelt_dtype dtype = test_random() % 3 ? model_random_dtype() : source.dtype;
    destination = model_place(to, dtype, destination);
    target = model_create(to, &destination);
    copy(target, slice ? slice : tensor, permutation);
    model_copy(&destination, to_model, &permuted, from_model);
    smelt_tensor_destroy(&target);
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&tensor);
    model_compare(to, to_model, "copy");
}

static void test_copies(void)
{
    struct model_heap from = model_heap_create(1 << 15, false), to = model_heap_create(1 << 15, false);
    static uint8_t from_model[1 << 15], to_model[1 << 15];
    test_random_state = 4;
    model_poison(&from, from_model);
    model_poison(&to, to_model);
    for (int i = 0; i < 1500; i++)
        copy_case(&from, from_model, &to, to_model);
    model_compare(&from, from_model, "the source");
    model_heap_destroy(&from);
    model_heap_destroy(&to);
}

// Fills of random slices with values that need rounding and saturation.
static void test_fills(void)
{
    static const double values[] = {0,   1,    -1,   0.1,  2.5,  3.5,      -7.5,
                                    300, -1e6, 1e30, -0.0, 1e-7, INFINITY, NAN};
    struct model_heap heap = model_heap_create(1 << 13, false);
    static uint8_t model[1 << 13];
    test_random_state = 5;
    model_poison(&heap, model);
    for (int i = 0; i < 600; i++) {
        uint32_t rank = test_random() % 5;
        struct model_tensor place = model_place(&heap, model_random_dtype(), model_random_shape(rank, 500));
        smelt_tensor tensor = model_create(&heap, &place), slice;
        place = random_slice(tensor, place, &slice);
        double value = values[test_random() % SMELT_COUNT_OF(values)];
        fill(slice ? slice : tensor, value);
        for (uint64_t n = 0; n < model_count(&place); n++)
            model_put(place.dtype, model, model_index(&place, n), reference_pattern(place.dtype, value));
        smelt_tensor_destroy(&slice);
        smelt_tensor_destroy(&tensor);
        model_compare(&heap, model, "fill");
    }
    model_heap_destroy(&heap);
}

// Sixteen dimensions that do not merge: more than a dispatch holds. Both 4-bit sides, so that sources start in
// the middle of a byte, and a cast.
static void test_rank_16(void)
{
    static const enum smelt_dtype types[][2] = {{SMELT_DTYPE_U4, SMELT_DTYPE_U4},
                                                {SMELT_DTYPE_F16, SMELT_DTYPE_I4},
                                                {SMELT_DTYPE_I4, SMELT_DTYPE_BF16}};
    struct model_heap from = model_heap_create(1 << 18, false), to = model_heap_create(1 << 18, false);
    static uint8_t from_model[1 << 18], to_model[1 << 18];
    test_random_state = 6;
    model_poison(&from, from_model);
    model_poison(&to, to_model);
    uint32_t reversed[16];
    struct model_tensor source = {.rank = 16}, destination = {.rank = 16};
    for (uint32_t d = 0; d < 16; d++) {
        reversed[d] = 15 - d;
        source.shape[d] = d == 0 ? 3 : d % 5 == 2 ? 1 : 2;
    }
    for (size_t i = 0; i < SMELT_COUNT_OF(types); i++) {
        source.dtype = types[i][1];
        destination.dtype = types[i][0];
        model_pack(&source);
        struct model_tensor permuted = source;
        for (uint32_t d = 0; d < 16; d++) {
            permuted.shape[d] = destination.shape[d] = source.shape[15 - d];
            permuted.strides[d] = source.strides[15 - d];
        }
        // Packed rows of 3 in 4: the source's innermost dimension is the outermost of several dispatches.
        model_pack(&destination);
        for (uint32_t d = 0; d < 15; d++)
            destination.strides[d] = destination.strides[d] / 3 * 4;
        smelt_tensor a = model_create(&from, &source), b = model_create(&to, &destination);
        copy(b, a, reversed);
        model_copy(&destination, to_model, &permuted, from_model);
        smelt_tensor_destroy(&a);
        smelt_tensor_destroy(&b);
        model_compare(&to, to_model, "rank 16");
    }
    model_heap_destroy(&from);
    model_heap_destroy(&to);
}

// More elements than one dispatch takes, and more workgroups than one row of a grid.
static void test_large(void)
{
    const uint64_t count = (1ull << 25) + 12345;
    struct model_heap from = model_heap_create(count, false), to = model_heap_create(2 * count, false);
    uint8_t *source_bytes = from.buffer.mapped;
    for (uint64_t i = 0; i < count; i++)
        source_bytes[i] = (uint8_t)(i * 2654435761u >> 20);
    memset(to.buffer.mapped, 0xee, 2 * count);
    struct model_tensor source = {.dtype = SMELT_DTYPE_U8, .rank = 1, .shape = {count}, .strides = {1}};
    struct model_tensor destination = source;
    destination.dtype = SMELT_DTYPE_I8;
    destination.strides[0] = 2;
    destination.shape[0] = count;
    smelt_tensor a = model_create(&from, &source), b = model_create(&to, &destination);
    copy(b, a, NULL);
    const uint8_t *got = to.buffer.mapped;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += got[2 * i] != SMELT_MIN(source_bytes[i], 127) || got[2 * i + 1] != 0xee;
    smelt_tensor_destroy(&b);
    destination.dtype = SMELT_DTYPE_U4; // cut between bytes
    destination.strides[0] = 1;
    b = model_create(&to, &destination);
    copy(b, a, NULL);
    for (uint64_t i = 0; i < count; i++)
        wrong += test_get(SMELT_DTYPE_U4, got, i) != SMELT_MIN(source_bytes[i], 15);
    smelt_tensor_destroy(&a);
    smelt_tensor_destroy(&b);
    model_heap_destroy(&from);
    model_heap_destroy(&to);
    CHECK(wrong == 0);
}

// Slices of one tensor are told apart exactly, although the ranges they span interleave.
static void test_between_slices(void)
{
    struct model_heap heap = model_heap_create(64, true);
    uint8_t *bytes = heap.buffer.mapped;
    for (int i = 0; i < 64; i++)
        bytes[i] = (uint8_t)i;
    struct model_tensor grid = {.dtype = SMELT_DTYPE_U8, .rank = 2, .shape = {4, 4}, .strides = {4, 1}};
    smelt_tensor tensor = model_create(&heap, &grid), left = NULL, right = NULL, middle = NULL, same = NULL;
    CHECK_OK(smelt_tensor_slice(tensor, (uint64_t[]){0, 0}, (uint64_t[]){4, 2}, &left));
    CHECK_OK(smelt_tensor_slice(tensor, (uint64_t[]){0, 2}, (uint64_t[]){4, 2}, &right));
    CHECK_OK(smelt_tensor_slice(tensor, (uint64_t[]){0, 1}, (uint64_t[]){4, 2}, &middle));
    copy(right, left, NULL);
    CHECK(!memcmp(bytes, "\0\1\0\1\4\5\4\5\10\11\10\11\14\15\14\15\20\21", 18));
    smelt_encoder encoder = test_begin();
    enum smelt_result overlap = smelt_encode_copy(encoder, middle, left, NULL);
    bool told = strstr(smelt_last_error(), "they share bytes") != NULL;
    enum smelt_result itself = smelt_encode_copy(encoder, left, left, NULL);
    // Another tensor on the same memory: by ranges.
    grid.first = 16;
    same = model_create(&heap, &grid);
    enum smelt_result beside = smelt_encode_copy(encoder, same, tensor, NULL);
    smelt_tensor_destroy(&same);
    grid.first = 0;
    same = model_create(&heap, &grid);
    enum smelt_result above = smelt_encode_copy(encoder, same, tensor, NULL);
    test_end(encoder);
    smelt_tensor_destroy(&same);
    smelt_tensor_destroy(&left);
    smelt_tensor_destroy(&right);
    smelt_tensor_destroy(&middle);
    smelt_tensor_destroy(&tensor);
    model_heap_destroy(&heap);
    CHECK(overlap == invalid && told && itself == invalid && above == invalid && beside == SMELT_OK);
}

// A slice of a 4-bit tensor that ends inside a byte leaves the neighbour's half alone.
static void test_neighbouring_nibbles(void)
{
    struct model_heap heap = model_heap_create(16, true);
    uint8_t *bytes = heap.buffer.mapped;
    memset(bytes, 0xab, 16);
    struct model_tensor row = {.dtype = SMELT_DTYPE_U4, .rank = 1, .shape = {9}, .strides = {1}};
    smelt_tensor tensor = model_create(&heap, &row), slice = NULL;
    CHECK_OK(smelt_tensor_slice(tensor, (uint64_t[]){2}, (uint64_t[]){3}, &slice));
    fill(slice, 5);
    CHECK(!memcmp(bytes, "\xab\x55\xa5\xab\xab\xab", 6));
    fill(tensor, 1);
    CHECK(!memcmp(bytes, "\x11\x11\x11\x11\xa1\xab", 6));
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&tensor);
    struct model_tensor scalar = {.dtype = SMELT_DTYPE_I4};
    smelt_tensor one = model_create(&heap, &scalar);
    fill(one, -1);
    CHECK(bytes[0] == 0x1f);
    smelt_tensor_destroy(&one);
    model_heap_destroy(&heap);
}

static smelt_tensor make(uint32_t rank, uint64_t first, uint64_t second)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F32, .rank = rank, .shape = {first, second}, .name = rank == 1 ? "v" : "m"};
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(test_context(), &params, &tensor));
    return tensor;
}

static void test_errors(void)
{
    const enum smelt_result shape_error = SMELT_ERROR_SHAPE;
    smelt_tensor a = make(2, 3, 4), b = make(2, 4, 3), v = make(1, 12, 0), c = make(2, 3, 4);
    smelt_encoder none = NULL, some = test_begin();
    CHECK_FAILS(smelt_encode_copy(some, a, v, NULL), shape_error, "copy of 'v' to 'm': rank 1 to 2");
    CHECK_FAILS(smelt_encode_copy(some, b, a, NULL), shape_error,
                "dimension 0 has 4 elements, the source's 0 has 3");
    CHECK_FAILS(smelt_encode_copy(some, c, a, (uint32_t[]){1, 0}), shape_error, "the source's 1 has 4");
    CHECK_FAILS(smelt_encode_copy(some, c, a, (uint32_t[]){0, 0}), invalid,
                "permutation[1] is 0, wanted each of 0 to 1");
    CHECK_FAILS(smelt_encode_copy(some, c, a, (uint32_t[]){2, 0}), invalid, "permutation[0] is 2");
    CHECK_FAILS(smelt_encode_copy(none, c, a, NULL), invalid, "encoder is NULL");
    CHECK_FAILS(smelt_encode_copy(some, NULL, a, NULL), invalid, "copy to: tensor is NULL");
    CHECK_FAILS(smelt_encode_copy(some, a, NULL, NULL), invalid, "copy from: tensor is NULL");
    CHECK_FAILS(smelt_encode_fill(none, a, 1), invalid, "encoder is NULL");
    CHECK_FAILS(smelt_encode_fill(some, NULL, 1), invalid, "tensor is NULL");
    struct smelt_context_params other_params = {.cache_directory = ""};
    smelt_context other = NULL;
    smelt_tensor foreign = NULL;
    CHECK_OK(smelt_context_create(&other_params, &other));
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {3, 4}};
    CHECK_OK(smelt_tensor_create(other, &params, &foreign));
    enum smelt_result got = smelt_encode_copy(some, a, foreign, NULL);
    smelt_tensor_destroy(&foreign);
    smelt_context_destroy(&other);
    CHECK(got == invalid && strstr(smelt_last_error(), "of two contexts"));
    test_end(some);
    smelt_tensor_destroy(&a);
    smelt_tensor_destroy(&b);
    smelt_tensor_destroy(&c);
    smelt_tensor_destroy(&v);
}

// Recording is independent per encoder: pipelines that several threads want first are made once.
static int record_fills(void *user)
{
    smelt_context context = user;
    smelt_encoder encoder = NULL;
    int failed = smelt_encoder_create(context, NULL, &encoder) != SMELT_OK;
    for (int d = 1; !failed && d < SMELT_DTYPE_COUNT; d++) {
        struct smelt_tensor_params params = {.dtype = (enum smelt_dtype)d, .rank = 1, .shape = {33}};
        smelt_tensor tensor = NULL;
        failed = smelt_tensor_create(context, &params, &tensor) != SMELT_OK ||
                 smelt_encode_fill(encoder, tensor, 1) != SMELT_OK;
        smelt_tensor_destroy(&tensor); // nothing is submitted
    }
    smelt_encoder_destroy(&encoder);
    return failed;
}

static void test_threads(void)
{
    struct smelt_context_params params = {.cache_directory = "", .log = test_log};
    smelt_context context = NULL;
    CHECK_OK(smelt_context_create(&params, &context));
    thrd_t threads[4];
    int failed = 0;
    for (int i = 0; i < 4; i++)
        CHECK(thrd_create(&threads[i], record_fills, context) == thrd_success);
    for (int i = 0; i < 4; i++) {
        int result = 1;
        thrd_join(threads[i], &result);
        failed += result;
    }
    smelt_context_destroy(&context);
    CHECK(failed == 0);
}

static const struct test tests[] = {
    {"every pattern casts to every type as on the host", test_casts},
    {"strided, sliced and permuted tensors copy and cast", test_copies},
    {"fills of strided and sliced tensors", test_fills},
    {"sixteen dimensions that do not merge", test_rank_16},
    {"more elements than a dispatch takes", test_large},
    {"slices of one tensor copy to each other unless they share bytes", test_between_slices},
    {"the other half of a byte is kept", test_neighbouring_nibbles},
    {"wrong copies and fills are refused", test_errors},
    {"several threads record at once", test_threads},
};

TEST_MAIN(tests)
