// SPDX-License-Identifier: MIT
// One benchmark as a program; BENCH_SCENARIO is its function.
#include "scenarios.h"

int main(int argc, char **argv)
{
    return BENCH_SCENARIO(argc, argv);
}
