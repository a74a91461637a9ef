// SPDX-License-Identifier: MIT
// The passes of graphs on the CPU alone: random programs over a small memory, run serially and as scheduled, by an
// adversary between barriers; judged pair by pair; and every barrier taken out once.
//
// SMELT_TEST_GRAPHS: how many random graphs (2000), SMELT_TEST_SEED: of the first one.
#include "graph_judge.h"
#include "test.h"

#define BYTES 96
#define MAX_NODES 64
#define MAX_RANGES 4

struct program {
    uint32_t seed, count;
    bool plain; // neither explicit barriers nor indirect commands, whose writes are tracked by their hull
    struct smelt_graph_plan_node nodes[MAX_NODES];
    struct smelt_range ranges[MAX_NODES][MAX_RANGES];
    struct smelt_barrier barriers[MAX_NODES];
    struct smelt_interval live[3];
    uint32_t live_count;
};

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t below(uint32_t *state, uint32_t limit)
{
    return next(state) % limit;
}

static uint32_t from_environment(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static struct smelt_interval interval(uint32_t *state, uint32_t longest)
{
    uint32_t begin = below(state, BYTES), size = 1 + below(state, longest);
    return (struct smelt_interval){begin, SMELT_MIN(begin + size, BYTES)};
}

// Explicit barriers, untagged nodes and indirect commands are as many as the seed says; often none.
static void make(struct program *program, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    bool explicit = below(&state, 3) == 0, untagged = below(&state, 3) == 0, indirect = below(&state, 4) == 0;
    uint32_t longest = below(&state, 2) ? 4 : 24;
    memset(program, 0, sizeof(*program));
    program->seed = seed;
    program->plain = !explicit && !indirect;
    program->count = 1 + below(&state, MAX_NODES);
    for (uint32_t n = 0; n < program->count; n++) {
        struct smelt_graph_plan_node *node = &program->nodes[n];
        if (explicit && below(&state, 8) == 0) {
            program->barriers[n] = (struct smelt_barrier){
                VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
                VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT};
            node->barrier = &program->barriers[n];
            continue;
        }
        node->ranges = program->ranges[n];
        node->range_count = 1 + below(&state, MAX_RANGES);
        for (uint32_t r = 0; r < node->range_count; r++) {
            struct smelt_interval i = interval(&state, longest);
            program->ranges[n][r] = (struct smelt_range){
                .begin = i.begin, .end = i.end, .access = (enum smelt_access)below(&state, 3), .argument = r};
        }
        if (below(&state, 2)) // more that only read, as weights are
            program->ranges[n][0].access = SMELT_ACCESS_READ;
        node->untagged = untagged && below(&state, 6) == 0;
        node->whole = below(&state, 2);
        if (indirect && below(&state, 4) == 0)
            node->indirect = interval(&state, 12);
    }
    program->live_count = below(&state, 4);
    for (uint32_t i = 0; i < program->live_count; i++)
        program->live[i] = interval(&state, 16);
}

// --- A memory whose writes are seen late -------------------------------------------------------------------

struct memory {
    uint8_t now[BYTES], seen[BYTES]; // seen: what a cache that no barrier has emptied may give
    uint32_t state;                  // of the adversary; 0: none, reads give `now`
};

static uint8_t read_byte(struct memory *memory, uint64_t at)
{
    return memory->state && below(&memory->state, 2) ? memory->seen[at] : memory->now[at];
}

// Writes are a function of all bytes that are read, of the node and of the place; where the node is not `whole`, of some
// places only.
static void execute(const struct program *program, uint32_t n, struct memory *memory)
{
    const struct smelt_graph_plan_node *node = &program->nodes[n];
    uint32_t hash = 17 * n + 1;
    for (uint64_t i = node->indirect.begin; i < node->indirect.end; i++)
        hash = hash * 31 + read_byte(memory, i);
    for (uint32_t r = 0; r < node->range_count; r++)
        for (uint64_t i = node->ranges[r].begin; i < node->ranges[r].end; i++)
            if (node->ranges[r].access != SMELT_ACCESS_WRITE)
                hash = hash * 31 + read_byte(memory, i);
    for (uint32_t r = 0; r < node->range_count; r++)
        for (uint64_t i = node->ranges[r].begin; i < node->ranges[r].end; i++)
            if (node->ranges[r].access != SMELT_ACCESS_READ && (node->whole || ((i * 7 + n * 13) & 3) != 0))
                memory->now[i] = (uint8_t)((hash >> 8) + 3 * (uint32_t)i);
}

static void start(struct memory *memory, uint32_t adversary)
{
    for (uint32_t i = 0; i < BYTES; i++)
        memory->now[i] = memory->seen[i] = (uint8_t)(i * 29);
    memory->state = adversary;
}

// Nodes between two barriers in any order; a barrier without accesses shows no writes.
static void execute_schedule(const struct program *program, const struct smelt_graph_plan *plan,
                             struct memory *memory)
{
    for (uint32_t i = 0; i < plan->count;) {
        uint32_t group[MAX_NODES], size = 0, barrier = plan->entries[i].barrier;
        if (barrier && plan->barriers[barrier - 1].source_access)
            memcpy(memory->seen, memory->now, BYTES);
        do {
            group[size++] = plan->entries[i++].node;
        } while (i < plan->count && !plan->entries[i].barrier);
        while (size) {
            uint32_t chosen = below(&memory->state, size);
            execute(program, group[chosen], memory);
            group[chosen] = group[--size];
        }
    }
}

static bool is_live(const struct program *program, uint64_t at)
{
    for (uint32_t i = 0; i < program->live_count; i++)
        if (at >= program->live[i].begin && at < program->live[i].end)
            return true;
    return false;
}

// --- Properties -------------------------------------------------------------------------------------------

static void fail(const struct program *program, const char *what, struct judge_verdict verdict)
{
    printf("    seed %u: %s; nodes %u and %u, kind %d, %s\n", program->seed, what, verdict.first,
           verdict.second, (int)verdict.kind, verdict.what ? verdict.what : "");
    CHECK(false);
}

static void check_walls(const struct program *program, const struct smelt_graph_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        for (uint32_t j = i + 1; j < plan->count; j++) {
            uint32_t a = plan->entries[i].node, b = plan->entries[j].node;
            if (a > b && (program->nodes[a].untagged || program->nodes[b].untagged))
                fail(program, "moved past an untagged node", (struct judge_verdict){b, a, JUDGE_NONE, ""});
        }
}

static uint32_t check_one(const struct program *program, const struct smelt_graph_plan_params *params)
{
    struct smelt_graph_plan plan;
    struct memory serial, scheduled;
    CHECK_OK(smelt_graph_plan_make(NULL, params, program->nodes, program->count, &plan));
    struct judge_verdict verdict = judge(program->nodes, program->count, &plan, 0);
    if (verdict.kind)
        fail(program, "judged wrong", verdict);
    start(&serial, 0);
    for (uint32_t n = 0; n < program->count; n++)
        if (!program->nodes[n].barrier)
            execute(program, n, &serial);
    for (uint32_t adversary = 1; adversary < 4; adversary++) {
        start(&scheduled, program->seed * 4 + adversary);
        execute_schedule(program, &plan, &scheduled);
        for (uint32_t i = 0; i < BYTES; i++)
            if (serial.now[i] != scheduled.now[i] && (!params->remove_dead || is_live(program, i)))
                fail(program, "another memory than serial",
                     (struct judge_verdict){i, 0, JUDGE_NONE, "a byte"});
    }
    check_walls(program, &plan);
    uint32_t count = plan.barrier_count;
    smelt_graph_plan_free(&plan);
    return count;
}

static struct smelt_graph_plan_params switches(uint32_t bits, const struct program *program)
{
    static const uint32_t looks[4] = {64, 1, 5, 0};
    return (struct smelt_graph_plan_params){.minimize = bits & 1,
                                            .remove_dead = bits & 2,
                                            .reorder = bits & 4,
                                            .track = true,
                                            .look_ahead = looks[bits >> 3 & 3],
                                            .live = program->live,
                                            .live_count = program->live_count};
}

static void random_graphs_are_as_serial(void)
{
    uint32_t graphs = from_environment("SMELT_TEST_GRAPHS", 2000),
             seed = from_environment("SMELT_TEST_SEED", 1);
    uint64_t before = 0, after = 0;
    struct program program;
    for (uint32_t i = 0; i < graphs; i++) {
        make(&program, seed + i);
        for (uint32_t bits = 0; bits < 8; bits++) {
            struct smelt_graph_plan_params params = switches(bits | (i & 3) << 3, &program);
            check_one(&program, &params);
        }
        struct smelt_graph_plan_params all = switches(1 | 4, &program), none = switches(0, &program);
        uint32_t less = check_one(&program, &all), most = check_one(&program, &none);
        CHECK(!program.plain || less <= most);
        before += most;
        after += less;
    }
    printf("    %u graphs from seed %u: %llu barriers, %llu after minimising and reordering\n", graphs, seed,
           (unsigned long long)before, (unsigned long long)after);
    CHECK(graphs == 0 || after < before);
}

// Each barrier stands where the node after it needs it.
static void no_barrier_can_be_taken_out(void)
{
    uint32_t graphs = from_environment("SMELT_TEST_GRAPHS", 2000) / 4, taken = 0;
    struct program program;
    for (uint32_t i = 0; i < graphs; i++) {
        make(&program, 77777 + i);
        if (!program.plain)
            continue;
        struct smelt_graph_plan_params params = switches(5, &program);
        struct smelt_graph_plan plan;
        CHECK_OK(smelt_graph_plan_make(NULL, &params, program.nodes, program.count, &plan));
        for (uint32_t b = 1; b <= plan.barrier_count; b++, taken++)
            if (!judge(program.nodes, program.count, &plan, b).kind)
                fail(&program, "a barrier is not needed, or the judge is blind",
                     (struct judge_verdict){b, 0, JUDGE_NONE, ""});
        smelt_graph_plan_free(&plan);
    }
    printf("    %u barriers taken out, one at a time\n", taken);
    CHECK(graphs == 0 || taken > graphs);
}

static struct smelt_range bytes(uint64_t begin, uint64_t end, enum smelt_access access)
{
    return (struct smelt_range){.begin = begin, .end = end, .access = access, .argument = UINT32_MAX};
}

// a -> b -> c and d -> e -> f: two chains one after the other become pairs.
static void two_chains_run_side_by_side(void)
{
    struct smelt_range ranges[6][2];
    struct smelt_graph_plan_node nodes[6] = {{0}};
    for (uint64_t n = 0; n < 6; n++) {
        uint64_t at = (n + n / 3) * 8;
        ranges[n][0] = bytes(at, at + 8, SMELT_ACCESS_READ);
        ranges[n][1] = bytes(at + 8, at + 16, SMELT_ACCESS_WRITE);
        nodes[n] = (struct smelt_graph_plan_node){.ranges = ranges[n], .range_count = 2, .whole = true};
    }
    struct smelt_graph_plan_params params = {
        .minimize = true, .reorder = true, .track = true, .look_ahead = 64};
    struct smelt_graph_plan plan;
    CHECK_OK(smelt_graph_plan_make(NULL, &params, nodes, 6, &plan));
    const uint32_t order[6] = {0, 3, 1, 4, 2, 5};
    for (uint32_t i = 0; i < 6; i++)
        CHECK(plan.entries[i].node == order[i]);
    CHECK(plan.barrier_count == 2 && plan.moved == 4);
    smelt_graph_plan_free(&plan);
    params.look_ahead = 1; // of the nodes that wait only one is passed: the second chain is too far
    CHECK_OK(smelt_graph_plan_make(NULL, &params, nodes, 6, &plan));
    CHECK(plan.entries[1].node == 1 && plan.barrier_count > 2);
    smelt_graph_plan_free(&plan);
    params.look_ahead = 64;
    nodes[2].untagged = true;
    CHECK_OK(smelt_graph_plan_make(NULL, &params, nodes, 6, &plan));
    CHECK(plan.moved == 0);
    smelt_graph_plan_free(&plan);
}

static void dead_nodes_go(void)
{
    // 0 writes x; 1 writes y from x; 2 writes x anew, whole; 3 writes z from x. Only z is live.
    struct smelt_range ranges[4][2] = {{bytes(0, 8, SMELT_ACCESS_WRITE)},
                                       {bytes(0, 8, SMELT_ACCESS_READ), bytes(8, 16, SMELT_ACCESS_WRITE)},
                                       {bytes(0, 8, SMELT_ACCESS_WRITE)},
                                       {bytes(0, 8, SMELT_ACCESS_READ), bytes(16, 24, SMELT_ACCESS_WRITE)}};
    struct smelt_graph_plan_node nodes[4];
    for (uint32_t n = 0; n < 4; n++)
        nodes[n] =
            (struct smelt_graph_plan_node){.ranges = ranges[n], .range_count = 1 + n % 2, .whole = true};
    const struct smelt_interval live = {16, 24};
    struct smelt_graph_plan_params params = {
        .minimize = true, .remove_dead = true, .track = true, .live = &live, .live_count = 1};
    struct smelt_graph_plan plan;
    CHECK_OK(smelt_graph_plan_make(NULL, &params, nodes, 4, &plan));
    CHECK(plan.count == 2 && plan.dead == 2 && plan.entries[0].node == 2);
    smelt_graph_plan_free(&plan);
    nodes[2].whole = false; // what 0 wrote shows through
    CHECK_OK(smelt_graph_plan_make(NULL, &params, nodes, 4, &plan));
    CHECK(plan.count == 3 && plan.entries[0].node == 0);
    smelt_graph_plan_free(&plan);
    nodes[1].untagged = true;
    CHECK_OK(smelt_graph_plan_make(NULL, &params, nodes, 4, &plan));
    CHECK(plan.dead == 0);
    smelt_graph_plan_free(&plan);
}

static const struct test tests[] = {
    {"two chains run side by side", two_chains_run_side_by_side},
    {"dead nodes go", dead_nodes_go},
    {"random graphs are as serial", random_graphs_are_as_serial},
    {"no barrier can be taken out", no_barrier_can_be_taken_out},
};

TEST_MAIN(tests)
