// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer: on every file of a corpus, and on random mutations of them.
//   fuzz_x FOLDER [MUTATIONS [SEED]]
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILES = 64, MAX_SIZE = 1 << 16 };

static uint8_t *files[MAX_FILES];
static size_t sizes[MAX_FILES], file_count;
static uint64_t state;

// xorshift64*: https://doi.org/10.18637/jss.v008.i14, multiplier of Vigna 2014.
static size_t below(size_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return limit ? (size_t)((state * 0x2545f4914f6cdd1dull) >> 33) % limit : 0;
}

static int read_corpus(const char *folder)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        printf("cannot open %s\n", folder);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(directory)) && file_count < MAX_FILES;) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        files[file_count] = malloc(MAX_SIZE);
        if (files[file_count]) {
            sizes[file_count] = fread(files[file_count], 1, MAX_SIZE, file);
            file_count++;
        }
        fclose(file);
    }
    closedir(directory);
    return file_count == 0;
}

static size_t insert(uint8_t *data, size_t size, size_t at, const void *bytes, size_t count)
{
    if (size + count > MAX_SIZE)
        return size;
    memmove(data + at + count, data + at, size - at);
    memcpy(data + at, bytes, count);
    return size + count;
}

static size_t mutate(uint8_t *data, size_t size)
{
    static const char *const words[] = {"0",
                                        "-1",
                                        "1e999",
                                        "18446744073709551616",
                                        "9007199254740993",
                                        "4294967296",
                                        "null",
                                        "true",
                                        "[",
                                        "]",
                                        "{",
                                        "}",
                                        "\"",
                                        "\\u0000",
                                        "\xff",
                                        ",",
                                        "[[[[[[[[[[",
                                        "\"a\":1,"};
    uint8_t piece[256];
    size_t at = below(size + 1), count, from;
    switch (below(6)) {
    case 0: // one byte
        if (at < size)
            data[at] = (uint8_t)below(256);
        return size;
    case 1: // one bit
        if (at < size)
            data[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 2: { // a word that numbers and JSON stumble over, inserted or in place of a digit
        const char *word = words[below(sizeof(words) / sizeof(words[0]))];
        if (below(2) && at < size) {
            memmove(data + at, data + at + 1, size - at - 1);
            size--;
        }
        return insert(data, size, at, word, strlen(word));
    }
    case 3: // a piece goes
        count = below(size - at + 1);
        count = count > 64 ? 64 : count;
        memmove(data + at, data + at + count, size - at - count);
        return size - count;
    case 4: // a piece comes, from here or from another file
        from = below(file_count);
        count = below(sizeof(piece));
        if (count > sizes[from])
            return size;
        memcpy(piece, files[from] + below(sizes[from] - count + 1), count);
        return insert(data, size, at, piece, count);
    default: // the end goes
        return at;
    }
}

int main(int argc, char **argv)
{
    uint64_t mutations = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    if (argc < 2 || !state || read_corpus(argv[1])) {
        printf("usage: %s FOLDER [MUTATIONS [SEED > 0]]\n", argv[0]);
        return 2;
    }
    printf("%zu files, %llu mutations, seed %llu\n", file_count, (unsigned long long)mutations,
           (unsigned long long)state);
    for (size_t i = 0; i < file_count; i++)
        LLVMFuzzerTestOneInput(files[i], sizes[i]);
    for (uint64_t i = 0; i < mutations; i++) {
        size_t which = below(file_count), size = sizes[which];
        uint8_t *work = malloc(MAX_SIZE), *exact;
        if (!work)
            return 1;
        memcpy(work, files[which], size);
        for (size_t steps = 1 + below(4); steps > 0; steps--)
            size = mutate(work, size);
        // Of exactly its size, so that a sanitizer sees a read past the end.
        exact = malloc(size ? size : 1);
        if (exact) {
            memcpy(exact, work, size);
            LLVMFuzzerTestOneInput(exact, size);
        }
        free(exact);
        free(work);
    }
    for (size_t i = 0; i < file_count; i++)
        free(files[i]);
    return 0;
}
