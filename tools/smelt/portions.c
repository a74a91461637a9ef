// SPDX-License-Identifier: MIT
// Work that is given to the device in portions, each of which takes a short time.
#include "tool.h"

#include <time.h>

uint64_t tool_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint32_t tool_next_portion(uint32_t portion, uint64_t time, uint32_t most)
{
    const uint64_t slice = 50 * 1000 * 1000;
    if (time > slice)
        return portion > 1 ? portion / 2 : 1;
    if (time >= slice / 4)
        return portion < most ? portion : most;
    return portion < most / 4 ? portion * 4 : most;
}
