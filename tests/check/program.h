// SPDX-License-Identifier: MIT
// What the files that run a row share: the device with its entry points, a row's pipeline and memory.
#ifndef CHECK_PROGRAM_H
#define CHECK_PROGRAM_H

#include "../../bench/gpu.h"
#include "check.h"

#define GUARD 256 // bytes on each side of a tensor
#define POISON 0xAA
#define GROUP_SIZE 32
#define MAX_WIDTH 4096 // of the render target
#define TIMED_RUNS 9

struct check_device {
    smelt_context context;
    struct gpu gpu;
    bool graphics, timestamps;
    smelt_shader vertex;
};

struct place {
    uint64_t offset, size; // of the elements in the arena; guards lie on both sides
};

struct check_program {
    struct check_device *device;
    struct check_case *c;
    smelt_shader shader;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct smelt_buffer arena, host;
    struct place places[CHECK_MAX_TENSORS + 1]; // the last one: the perturbation
    uint64_t block;                             // offset of the argument block
    uint64_t size;                              // of the arena
    uint32_t result;                            // the tensor with the output
    smelt_weights weights;                      // COOPVEC
    // Fragment stage: evaluations run along x and then y, `groups` rows of four outputs each.
    uint32_t width, height, groups;
    struct gpu_target target;
};

// The arena (arena.c): every tensor between its guards, then the argument block; and the weights of COOPVEC.
enum smelt_result check_arena_create(struct check_program *p);
enum smelt_result check_weights_update(struct check_program *p);
// Writes the whole arena as the device shall find it; `errors` as in check_program_run.
void check_arena_fill(struct check_program *p, const double *errors);
// Reads the output back and looks at guards, gaps and elements that nobody wrote.
void check_arena_read(const struct check_program *p, double *got, bool *intact, char what[200]);

// The fragment stage (render.c): a target of four outputs per fragment, and the pipeline that draws into it.
void check_render_create(struct check_program *p);
void check_render_record(struct check_program *p, VkCommandBuffer commands);
void check_render_copy(struct check_program *p, VkCommandBuffer commands); // to the host's buffer
void check_render_read(const struct check_program *p, double *got, bool *intact, char what[200]);

#endif
