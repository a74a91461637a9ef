// SPDX-License-Identifier: MIT
// examples/attention agrees with double precision on every backend that the device has, and refuses bad input.
#define _XOPEN_SOURCE 700
#include "program.h"

static int attend(const char *backend, const char *const *rest)
{
    const char *arguments[24] = {setting("ATTENTION"), "--backend", backend};
    int count = 3;
    while (*rest)
        arguments[count++] = *rest++;
    return run_program(arguments);
}

static void test_backends(void)
{
    static const char *const backends[] = {"portable", "coopmat", "coopmat2"};
    static const char *const runs[][14] = {
        {"--queries", "19", "--keys", "33", "--heads", "2", "--causal", "--length", "21"},
        {"--queries", "20", "--keys", "37", "--heads", "1", "--head-dim", "128"},
    };
    int ran = 0;
    for (size_t b = 0; b < sizeof(backends) / sizeof(*backends); b++)
        for (size_t r = 0; r < (b ? 1 : 2); r++) { // software devices compile matrices slowly
            int status = attend(backends[b], runs[r]);
            printf("    %s", program_output);
            if (status && b && strstr(program_output, "on backend")) // the device or the compiler lacks it
                continue;
            CHECK(status == 0 && strstr(program_output, "worst error"));
            ran++;
        }
    CHECK(ran >= 2);
}

static void test_bad_input(void)
{
    static const char *const bad[][3] = {
        {"--head-dim", "60"}, {"--keys", "0"}, {"--length", "101"}, {"--what"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(attend("portable", bad[i]) == 2 && strstr(program_output, "usage"));
    static const char *const none[] = {NULL};
    CHECK(attend("coopvec", none) == 1 && strstr(program_output, "THREAD scope only"));
}

static const struct test tests[] = {
    {"every backend gives what double precision gives", test_backends},
    {"bad input is refused", test_bad_input},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
