// SPDX-License-Identifier: MIT
// The whole test framework: a table of named functions, CHECK, SKIP, and a closing line that counts.
#ifndef SMELT_TEST_H
#define SMELT_TEST_H

#include <smelt/smelt.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
    const char *name; // says the promise that is tested
    void (*run)(void);
};

static const char *test_skip_reason = "";

// Leaving a test early: C++ has destructors to run, so it throws.
enum test_outcome { TEST_PASSED = 0, TEST_FAILED = 1, TEST_SKIPPED = 2 };
#ifdef __cplusplus
#define TEST_LEAVE(outcome) throw(outcome)
#else
static jmp_buf test_jump;
#define TEST_LEAVE(outcome) longjmp(test_jump, outcome)
#endif

static inline void test_failed(const char *file, int line, const char *what)
{
    printf("    %s:%d: %s\n", file, line, what);
    if (smelt_last_error()[0])
        printf("    last error: %s\n", smelt_last_error());
    TEST_LEAVE(TEST_FAILED);
}

// Ends the test when the condition is false.
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            test_failed(__FILE__, __LINE__, "CHECK(" #condition ")");                                        \
    } while (0)
// A call that must succeed, and one that must fail with a certain result and a message containing `text`.
#define CHECK_OK(call) CHECK((call) == SMELT_OK)
#define CHECK_FAILS(call, expected, text)                                                                    \
    do {                                                                                                     \
        enum smelt_result check_result = (call);                                                             \
        if (check_result != (expected)) {                                                                    \
            printf("    got %s, wanted %s\n", smelt_result_name(check_result), smelt_result_name(expected)); \
            test_failed(__FILE__, __LINE__, "CHECK_FAILS(" #call ")");                                       \
        }                                                                                                    \
        if (!strstr(smelt_last_error(), (text)))                                                             \
            test_failed(__FILE__, __LINE__, "the message does not contain: " text);                          \
    } while (0)
// Ends the test as not applicable here; the reason is printed and counted.
#define SKIP(reason)                                                                                         \
    do {                                                                                                     \
        test_skip_reason = (reason);                                                                         \
        TEST_LEAVE(TEST_SKIPPED);                                                                            \
    } while (0)

// A context on the default device with validation (when the layer is installed and SMELT_TEST_VALIDATION is
// not 0) whose warnings and errors are printed; made once per program.
static inline void test_log(void *user, enum smelt_log_level level, const char *line)
{
    (void)user;
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    printf("    [%s] %s\n", names[level], line);
}

static smelt_context test_context_handle;

static inline smelt_context test_context(void)
{
    if (!test_context_handle) {
        const char *off = getenv("SMELT_TEST_VALIDATION");
        struct smelt_context_params params;
        memset(&params, 0, sizeof(params));
        params.validation = !(off && !strcmp(off, "0"));
        params.log = test_log;
        params.cache_directory = "";
        if (smelt_context_create(&params, &test_context_handle) != SMELT_OK) {
            printf("    no device to test on: %s\n", smelt_last_error());
            exit(1);
        }
    }
    return test_context_handle;
}

// A recording of its own on the test context; the other submits it and waits.
static inline smelt_encoder test_begin(void)
{
    smelt_encoder encoder = NULL;
    CHECK_OK(smelt_encoder_create(test_context(), NULL, &encoder));
    CHECK_OK(smelt_encoder_begin(encoder, NULL));
    return encoder;
}

static inline void test_end(smelt_encoder encoder)
{
    enum smelt_result result = smelt_encoder_commit_and_wait(encoder);
    smelt_encoder_destroy(&encoder);
    CHECK_OK(result);
}

static inline int test_run(const struct test *test)
{
#ifdef __cplusplus
    try {
        test->run();
    } catch (enum test_outcome outcome) {
        return outcome;
    }
    return TEST_PASSED;
#else
    int outcome = setjmp(test_jump);
    if (outcome == TEST_PASSED)
        test->run();
    return outcome;
#endif
}

// Runs the tests whose name contains argv[1] (all without it). Exit status: 0 passed, 1 failed or none ran, 77
// (meson's) all were skipped.
static inline int test_main(int argc, char **argv, const struct test *tests, size_t count)
{
    int passed = 0, failed = 0, skipped = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && !strstr(tests[i].name, argv[1]))
            continue;
        uint32_t before = test_context_handle ? smelt_context_validation_messages(test_context_handle) : 0;
        int outcome = test_run(&tests[i]);
        if (test_context_handle && smelt_context_validation_messages(test_context_handle) != before) {
            printf("    validation messages were given\n");
            outcome = TEST_FAILED;
        }
        if (outcome == TEST_SKIPPED)
            printf("skip  %s: %s\n", tests[i].name, test_skip_reason);
        else
            printf("%s  %s\n", outcome ? "FAIL" : "ok  ", tests[i].name);
        passed += outcome == TEST_PASSED;
        failed += outcome == TEST_FAILED;
        skipped += outcome == TEST_SKIPPED;
    }
    smelt_context_destroy(&test_context_handle);
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return !failed && !passed && skipped ? 77 : failed || !passed;
}

#define TEST_MAIN(tests)                                                                                     \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        return test_main(argc, argv, tests, sizeof(tests) / sizeof((tests)[0]));                             \
    }

#endif
