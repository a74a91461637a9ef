// SPDX-License-Identifier: MIT
// The fragment stage of a row: a target of four outputs per fragment, the draw, the picture.
#include "program.h"

#include <stdio.h>
#include <string.h>

#define FORMAT VK_FORMAT_R32G32B32A32_SFLOAT

void check_render_create(struct check_program *p)
{
    struct gpu *gpu = &p->device->gpu;
    gpu_target_create(gpu, &p->target, FORMAT, p->width, p->height, 0);
    p->layout = gpu_layout(gpu);
    p->pipeline =
        gpu_graphics_pipeline(gpu, p->device->vertex, p->shader, p->layout, FORMAT, p->width, p->height);
}

void check_render_record(struct check_program *p, VkCommandBuffer commands)
{
    static const unsigned char poison[16] = {POISON, POISON, POISON, POISON, POISON, POISON, POISON, POISON,
                                             POISON, POISON, POISON, POISON, POISON, POISON, POISON, POISON};
    float clear[4];
    memcpy(clear, poison, sizeof(clear));
    gpu_begin_rendering(&p->device->gpu, commands, &p->target, clear);
    p->device->gpu.vk.CmdDraw(commands, 3, 1, 0, 0);
    gpu_end_rendering(&p->device->gpu, commands);
}

void check_render_copy(struct check_program *p, VkCommandBuffer commands)
{
    gpu_copy_target(&p->device->gpu, commands, &p->target, p->host.buffer, 0);
}

void check_render_read(const struct check_program *p, double *got, bool *intact, char what[200])
{
    const float *pixels = p->host.mapped;
    for (uint32_t e = 0; e < p->c->evaluations; e++)
        for (uint32_t i = 0; i < p->c->outputs; i++) {
            uint64_t row = (uint64_t)(e / p->width) * p->groups + i / 4;
            const float *value = &pixels[(row * p->width + e % p->width) * 4 + i % 4];
            uint32_t bits;
            memcpy(&bits, value, 4);
            if (bits == 0xAAAAAAAA && *intact) {
                *intact = false;
                snprintf(what, 200, "evaluation %u output %u was not written", e, i);
            }
            got[(uint64_t)e * p->c->outputs + i] = *value;
        }
}
