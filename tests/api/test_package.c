// SPDX-License-Identifier: MIT
// Tests of package.h: the safetensors reader against damaged and hostile files, the writer, checksums.
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

// A file in memory: 8 bytes of length, the header text, then `data_size` zero bytes.
static size_t make_file(unsigned char *out, const char *header, size_t data_size)
{
    uint64_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(length >> 8 * i);
    memcpy(out + 8, header, length);
    memset(out + 8 + length, 0, data_size);
    return 8 + length + data_size;
}

static unsigned char bytes[1 << 20];

static enum smelt_result open_text(const char *header, size_t data_size, smelt_package *package)
{
    *package = NULL;
    return smelt_package_open_memory(bytes, make_file(bytes, header, data_size), "test", package);
}

static void refuse(const char *header, size_t data_size, const char *message)
{
    smelt_package package;
    CHECK_FAILS(open_text(header, data_size, &package), SMELT_ERROR_FORMAT, "test: ");
    CHECK(!package);
    if (!strstr(smelt_last_error(), message))
        printf("    wanted a message with: %s\n", message);
    CHECK(strstr(smelt_last_error(), message));
}

static void reads_tensors(void)
{
    smelt_package package;
    CHECK_OK(open_text("{\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]},"
                       "\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                       "\"s\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[28,36]},"
                       "\"e\":{\"dtype\":\"BF16\",\"shape\":[3,0],\"data_offsets\":[36,36]},"
                       "\"x\":{\"dtype\":\"NEW_TYPE\",\"shape\":[7],\"data_offsets\":[36,41]},"
                       "\"__metadata__\":{\"key\":\"value\"}}  ",
                       41, &package));
    CHECK(smelt_package_tensor_count(package) == 5);
    CHECK(!strcmp(smelt_package_name(package), "test"));
    CHECK(!strcmp(smelt_package_tensor(package, 0)->name, "a")); // in the order of the data
    CHECK(!smelt_package_tensor(package, 5));
    const struct smelt_package_tensor *b = smelt_package_find(package, "b");
    CHECK(b && b->dtype == SMELT_DTYPE_F32 && b->rank == 2 && b->shape[0] == 2 && b->shape[1] == 3);
    CHECK(b->size == 24 &&
          (const unsigned char *)b->data == bytes + 8 + *(const uint64_t *)(const void *)bytes + 4);
    const struct smelt_package_tensor *s = smelt_package_find(package, "s");
    CHECK(s->dtype == SMELT_DTYPE_NONE && !strcmp(s->dtype_name, "F64") && s->rank == 0 && s->size == 8);
    CHECK(smelt_package_find(package, "e")->size == 0);
    CHECK(smelt_package_find(package, "x")->dtype == SMELT_DTYPE_NONE);
    CHECK(!smelt_package_find(package, "none") && !smelt_package_find(package, NULL));
    const char *key, *value;
    CHECK(smelt_package_metadata_at(package, 0, &key, &value) && !strcmp(key, "key") &&
          !strcmp(value, "value"));
    CHECK(!smelt_package_metadata_at(package, 1, &key, &value));
    CHECK(!smelt_package_metadata_at(package, UINT32_MAX, &key, &value));
    CHECK(!strcmp(smelt_package_metadata(package, "key"), "value") &&
          !smelt_package_metadata(package, "smelt"));
    CHECK(!strcmp(smelt_package_kind(package), ""));
    CHECK_OK(smelt_package_verify(package));
    smelt_package_close(&package);
    CHECK(!package);
    smelt_package_close(&package);
    smelt_package_close(NULL);
}

static void refuses_bad_files(void)
{
    smelt_package package = NULL;
    CHECK_FAILS(smelt_package_open("/nonexistent/file", &package), SMELT_ERROR_NOT_FOUND,
                "/nonexistent/file");
    CHECK_FAILS(smelt_package_open(NULL, &package), SMELT_ERROR_INVALID_ARGUMENT, "path");
    CHECK_FAILS(smelt_package_verify(NULL), SMELT_ERROR_INVALID_ARGUMENT, "package is NULL");
    CHECK_FAILS(smelt_package_open_memory(NULL, 1, "x", &package), SMELT_ERROR_INVALID_ARGUMENT, "data");
    CHECK_FAILS(smelt_package_open_memory(NULL, 0, "x", &package), SMELT_ERROR_FORMAT,
                "at least 8 bytes, got 0");
    size_t size = make_file(bytes, "{}", 0);
    CHECK_FAILS(smelt_package_open_memory(bytes, 7, "x", &package), SMELT_ERROR_FORMAT, "got 7");
    CHECK_FAILS(smelt_package_open_memory(bytes, size - 1, "x", &package), SMELT_ERROR_FORMAT, "got 2");
    CHECK_OK(smelt_package_open_memory(bytes, size, "x", &package)); // no tensors at all is a file
    smelt_package_close(&package);
    memset(bytes, 0xff, 8);
    CHECK_FAILS(smelt_package_open_memory(bytes, sizeof(bytes), "x", &package), SMELT_ERROR_FORMAT,
                "got 18446744073709551615");
    memcpy(bytes,
           "\x7f"
           "ELF\2\1\1\0",
           8);
    CHECK_FAILS(smelt_package_open_memory(bytes, sizeof(bytes), "x", &package), SMELT_ERROR_FORMAT,
                "not a safetensors file");
    refuse("[]", 0, "begins with '{', got byte 0x5b");
    refuse("{\"a\":", 0, "not JSON from byte");
    refuse("{} x", 0, "text after the JSON value");
    refuse("{}", 3, "fill 3 bytes of data, they fill 0");
    refuse("{\"a\\u0000b\":1}", 0, "\\u0000");
    refuse("{\"a\x01\":1}", 0, "control character 1");
    refuse("{\"\xc0\x80\":1}", 0, "not valid UTF-8");
    refuse("{\"\xed\xa0\x80\":1}", 0, "not valid UTF-8");
    CHECK(!package);
}

static void refuses_deep_nesting(void)
{
    static char deep[20000];
    size_t used = (size_t)snprintf(deep, sizeof(deep), "{\"a\":");
    memset(deep + used, '[', 9000);
    memset(deep + used + 9000, ']', 9000);
    snprintf(deep + used + 18000, 3, "}");
    refuse(deep, 0, "nested deeper than 32");
}

static void refuses_bad_tensors(void)
{
    refuse("{\"a\":5}", 0, "wanted a string \"dtype\"");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "data_offsets");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "data_offsets");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1.5]}}", 1, "data_offsets");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,1]}}", 1, "data_offsets");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1e300]}}", 1, "data_offsets");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":3,\"data_offsets\":[0,1]}}", 1, "\"shape\"");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[-3],\"data_offsets\":[0,1]}}", 1, "shape[0]");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[\"3\"],\"data_offsets\":[0,1]}}", 1, "shape[0]");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, "begin <= end");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 1, "<= 1 bytes of data");
    refuse("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,3]}}", 3, "want 4 bytes");
    refuse("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "whole number of bytes");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,0]}}",
           0, "overflows");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,2147483648],\"data_offsets\":[0,0]}}", 0,
           "overflows");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
           1, "rank of at most 16, got 17");
    refuse("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
           "appears twice");
}

static void refuses_overlap_holes_and_duplicates(void)
{
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
           "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
           7, "\"b\": overlaps \"a\": wanted it to begin at 4, got 3");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
           "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
           4, "overlaps");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
           "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,9]}}",
           9, "a hole before it");
    refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
           "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
           2, "\"a\" appears twice");
    refuse("{\"__metadata__\":3}", 0, "__metadata__: wanted an object");
    refuse("{\"__metadata__\":{\"k\":3}}", 0, "__metadata__ \"k\": wanted a string");
    refuse("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "appears twice");
}

static void checks_the_description(void)
{
    smelt_package package;
    CHECK_OK(open_text("{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":1,\\\"kind\\\":\\\"material\\\"}\"}}",
                       0, &package));
    CHECK(!strcmp(smelt_package_kind(package), "material"));
    smelt_package_close(&package);
    CHECK_FAILS(open_text("{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":2,\\\"kind\\\":\\\"x\\\"}\"}}", 0,
                          &package),
                SMELT_ERROR_VERSION, "up to 1, got 2");
    refuse("{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":\\\"1\\\"}\"}}", 0,
           "format: wanted a whole number");
    refuse("{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":1}\"}}", 0, "kind: wanted a string, got nothing");
    refuse("{\"__metadata__\":{\"smelt\":\"[1]\"}}", 0, "wanted an object, got an array of 1");
    refuse("{\"__metadata__\":{\"smelt\":\"{\"}}", 0, "not JSON");
}

static void path_of(char *path, size_t size, const char *name)
{
    const char *directory = getenv("TMPDIR");
    snprintf(path, size, "%s/smelt-test-%ld-%s", directory ? directory : "/tmp", (long)getpid(), name);
}

static const uint16_t halves[] = {0x3c00, 0x4000, 0x4200};
static const uint8_t small[] = {1, 2, 3, 4, 5};
static const struct smelt_package_tensor written[] = {
    {.name = "weird \"name\"\n\xc3\xa9",
     .dtype = SMELT_DTYPE_U8,
     .rank = 1,
     .shape = {5},
     .data = small,
     .size = 5},
    {.name = "h", .dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {3, 1}, .data = halves, .size = 6},
    {.name = "empty", .dtype = SMELT_DTYPE_F32, .rank = 1, .shape = {0}},
    {.name = "wide", .dtype_name = "BOOL", .rank = 0, .data = small, .size = 1},
};

static void writes_what_it_reads(void)
{
    char path[256];
    path_of(path, sizeof(path), "round");
    const struct smelt_metadata metadata[] = {{"license", "CC0 \\ \"1.0\""}, {"empty", ""}};
    CHECK_OK(smelt_package_write(path, written, 4, "{\"kind\":\"shader\",\"x\":[1,2.5]}", metadata, 2));
    smelt_package package = NULL;
    CHECK_OK(smelt_package_open(path, &package));
    CHECK(smelt_package_tensor_count(package) == 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct smelt_package_tensor *got = smelt_package_tensor(package, i);
        CHECK(!strcmp(got->name, written[i].name) && got->dtype == written[i].dtype &&
              got->rank == written[i].rank);
        CHECK(got->size == written[i].size && (!got->size || !memcmp(got->data, written[i].data, got->size)));
        CHECK(!memcmp(got->shape, written[i].shape, sizeof(got->shape[0]) * got->rank));
    }
    CHECK((uintptr_t)smelt_package_tensor(package, 0)->data % 8 == 0);
    CHECK(!strcmp(smelt_package_metadata(package, "license"), "CC0 \\ \"1.0\""));
    CHECK(!strcmp(smelt_package_metadata(package, "empty"), ""));
    CHECK(!strncmp(smelt_package_metadata(package, "smelt"),
                   "{\"format\":1,\"kind\":\"shader\",\"x\":[1,2.5],", 40));
    CHECK(!strcmp(smelt_package_kind(package), "shader"));
    CHECK_OK(smelt_package_verify(package));
    smelt_package_close(&package);
    // A description that came out of a package goes in again: format and checksums are replaced.
    CHECK_OK(smelt_package_write(path, written, 1,
                                 "{\"format\":7,\"kind\":\"x\",\"checksums\":{\"gone\":\"0\"}}", NULL, 0));
    CHECK_OK(smelt_package_open(path, &package));
    CHECK_OK(smelt_package_verify(package));
    smelt_package_close(&package);
    CHECK_OK(smelt_package_write(path, written, 1, NULL, NULL, 0));
    CHECK_OK(smelt_package_open(path, &package));
    CHECK(!smelt_package_metadata(package, "smelt"));
    smelt_package_close(&package);
    CHECK(!unlink(path));
}

static void finds_damaged_data(void)
{
    char path[256];
    path_of(path, sizeof(path), "damage");
    CHECK_OK(smelt_package_write(path, written, 2, "{\"kind\":\"x\"}", NULL, 0));
    FILE *file = fopen(path, "rb");
    CHECK(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    CHECK(!unlink(path));
    smelt_package package = NULL;
    bytes[size - 1] ^= 1;
    CHECK_OK(smelt_package_open_memory(bytes, size, "damaged", &package));
    CHECK_FAILS(smelt_package_verify(package), SMELT_ERROR_FORMAT,
                "\"h\": its data is damaged: wanted CRC-32");
    smelt_package_close(&package);
    for (size_t cut = 0; cut < size; cut++) // every truncation is refused
        CHECK(smelt_package_open_memory(bytes, cut, "cut", &package) == SMELT_ERROR_FORMAT && !package);
    CHECK_OK(
        open_text("{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":1,\\\"kind\\\":\\\"x\\\",\\\"checksums\\\":"
                  "{\\\"a\\\":\\\"00000000\\\"}}\"}}",
                  0, &package));
    CHECK_FAILS(smelt_package_verify(package), SMELT_ERROR_FORMAT, "checksum of \"a\", but no such tensor");
    smelt_package_close(&package);
    CHECK_OK(open_text(
        "{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":1,\\\"kind\\\":\\\"x\\\",\\\"checksums\\\":{}}\"},"
        "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
        1, &package));
    CHECK_FAILS(smelt_package_verify(package), SMELT_ERROR_FORMAT, "\"a\": wanted a checksum");
    smelt_package_close(&package);
    CHECK_OK(open_text(
        "{\"__metadata__\":{\"smelt\":\"{\\\"format\\\":1,\\\"kind\\\":\\\"x\\\",\\\"checksums\\\":3}\"}}", 0,
        &package));
    CHECK_FAILS(smelt_package_verify(package), SMELT_ERROR_FORMAT, "checksums: wanted an object, got 3");
    smelt_package_close(&package);
}

static void refuses_to_write_nonsense(void)
{
    char path[256];
    path_of(path, sizeof(path), "bad");
    struct smelt_package_tensor t[2] = {written[0], written[1]};
    CHECK_FAILS(smelt_package_write(NULL, t, 1, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "path");
    CHECK_FAILS(smelt_package_write(path, NULL, 1, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "tensors");
    t[1].name = t[0].name;
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "two tensors named");
    t[1].name = "__metadata__";
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "__metadata__");
    t[1].name = "\xff";
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "UTF-8");
    t[1] = written[1];
    t[1].dtype = SMELT_DTYPE_I4;
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "i4");
    t[1].dtype = SMELT_DTYPE_NONE;
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "none");
    t[1] = written[1];
    t[1].size = 5;
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "5 bytes");
    t[1] = written[1];
    t[1].rank = 17;
    CHECK_FAILS(smelt_package_write(path, t, 2, NULL, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT, "rank 17");
    const struct smelt_metadata metadata = {"smelt", "x"}, null = {NULL, "x"};
    CHECK_FAILS(smelt_package_write(path, written, 1, "{\"kind\":\"x\"}", &metadata, 1),
                SMELT_ERROR_INVALID_ARGUMENT, "two metadata entries named \"smelt\"");
    CHECK_FAILS(smelt_package_write(path, written, 1, NULL, &null, 1), SMELT_ERROR_INVALID_ARGUMENT,
                "metadata 0");
    CHECK_FAILS(smelt_package_write(path, written, 1, "[]", NULL, 0), SMELT_ERROR_FORMAT, "a JSON object");
    CHECK_FAILS(smelt_package_write(path, written, 1, "{", NULL, 0), SMELT_ERROR_FORMAT, "JSON");
    CHECK_FAILS(smelt_package_write(path, written, 1, "{}", NULL, 0), SMELT_ERROR_FORMAT,
                "kind: wanted a string");
    CHECK_FAILS(smelt_package_write("/nonexistent/x", written, 1, NULL, NULL, 0), SMELT_ERROR_IO,
                "/nonexistent");
    CHECK(access(path, F_OK)); // nothing was written
}

static void a_failed_write_leaves_the_old_file(void)
{
    char path[256];
    path_of(path, sizeof(path), "directory");
    CHECK(!mkdir(path, 0700));
    CHECK_FAILS(smelt_package_write(path, written, 1, NULL, NULL, 0), SMELT_ERROR_IO, "directory");
    smelt_package package = NULL;
    CHECK(smelt_package_open(path, &package) == SMELT_ERROR_IO);
    CHECK(!rmdir(path));
}

static const struct test tests[] = {
    {"reads tensors, metadata and unknown types", reads_tensors},
    {"refuses files that are no safetensors", refuses_bad_files},
    {"refuses deep nesting", refuses_deep_nesting},
    {"refuses bad shapes, sizes and offsets", refuses_bad_tensors},
    {"refuses overlaps, holes and duplicates", refuses_overlap_holes_and_duplicates},
    {"checks version and kind of the description", checks_the_description},
    {"reads what it wrote", writes_what_it_reads},
    {"finds damaged and truncated data", finds_damaged_data},
    {"refuses to write nonsense", refuses_to_write_nonsense},
    {"a failed write leaves what was there", a_failed_write_leaves_the_old_file},
};
TEST_MAIN(tests)
