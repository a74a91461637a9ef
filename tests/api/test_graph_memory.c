// SPDX-License-Identifier: MIT
// Transient tensors of graphs: places in a heap that is shared, bindings, what is refused, and random graphs whose tensors
// are all transient against serial execution with tensors of their own.
//
// SMELT_TEST_GRAPHS: how many random graphs (6), SMELT_TEST_SEED: of the first one.
#include "encoder_internal.h"
#include "graph_internal.h"
#include "graph_memory.h"
#include "graph_rig.h"

static smelt_tensor transient(smelt_context context, const char *name)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {ROWS, COLUMNS}, .name = name};
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create_transient(context, &params, &tensor));
    return tensor;
}

static smelt_heap heap_of(smelt_context context, uint64_t size)
{
    const struct smelt_heap_params params = {.size = SMELT_MAX(size, 1)};
    smelt_heap heap = NULL;
    CHECK_OK(smelt_heap_create(context, &params, &heap));
    return heap;
}

static void read_tensor(smelt_tensor tensor, float *data)
{
    CHECK_OK(smelt_tensor_read_and_wait(tensor, NULL, data, ROWS * COLUMNS * sizeof(*data)));
}

// --- Placing ----------------------------------------------------------------------------------------------

static void random_items_are_placed_apart(void)
{
    double worst = 1, sum = 0;
    const uint32_t rounds = 300;
    for (uint32_t seed = 1; seed <= rounds; seed++) {
        struct smelt_memory_item items[96];
        uint32_t state = seed * 2654435761u + 1, count = 1 + next(&state) % 96, steps = 2 + next(&state) % 60;
        uint32_t longest = 1 + next(&state) % 12;
        uint64_t size = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t first = next(&state) % steps, length = next(&state) % longest;
            items[i] = (struct smelt_memory_item){.size = 256 * (1 + (uint64_t)(next(&state) % 400)),
                                                  .first = first,
                                                  .last = SMELT_MIN(first + length, steps - 1)};
        }
        uint64_t bound = smelt_memory_lower_bound(items, count), most = 0;
        CHECK_OK(smelt_memory_place(NULL, items, count, 256, &size));
        for (uint32_t i = 0; i < count; i++) {
            uint64_t at_first = 0;
            CHECK(items[i].offset % 256 == 0 && items[i].offset + items[i].size <= size);
            for (uint32_t j = 0; j < count; j++) {
                bool at_once = items[i].first <= items[j].last && items[j].first <= items[i].last;
                at_first +=
                    items[j].first <= items[i].first && items[i].first <= items[j].last ? items[j].size : 0;
                CHECK(i == j || !at_once || items[i].offset + items[i].size <= items[j].offset ||
                      items[j].offset + items[j].size <= items[i].offset);
            }
            most = SMELT_MAX(most, at_first);
        }
        CHECK(bound == most && size >= bound); // the bound by another way
        worst = fmax(worst, (double)size / (double)bound);
        sum += (double)size / (double)bound;
    }
    printf("    %u plans: %.3f of the lower bound on average, %.3f at worst\n", rounds, sum / rounds, worst);
    CHECK(sum / rounds < 1.03 && worst < 1.15);
}

// --- A chain ----------------------------------------------------------------------------------------------

// t0 -> h0 -> h1 -> ... -> h5 -> t7, by calls that are not fused.
struct chain {
    struct fuse fuse;
    smelt_tensor h[6];
    smelt_graph graph;
};

static void record_chain(struct chain *chain)
{
    struct fuse *f = &chain->fuse;
    CHECK_OK(matmul(f, f->t[0], chain->h[0]));
    for (uint32_t i = 0; i + 1 < SMELT_COUNT_OF(chain->h); i++)
        CHECK_OK(matmul(f, chain->h[i], chain->h[i + 1]));
    CHECK_OK(rms_norm(f, chain->h[5], f->t[7]));
}

static struct chain make_chain(bool compact)
{
    struct chain chain = {.fuse = fuse_create()};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(chain.h); i++)
        chain.h[i] = transient(chain.fuse.context, "h");
    fuse_reset(&chain.fuse);
    CHECK_OK(smelt_encoder_start_capture(chain.fuse.encoder));
    record_chain(&chain);
    const struct smelt_graph_params params = {.outputs = &chain.fuse.t[7],
                                              .output_count = 1,
                                              .compact_memory = compact,
                                              .versions = 3,
                                              .name = "chain"};
    CHECK_OK(smelt_encoder_take_capture(chain.fuse.encoder, &params, &chain.graph));
    return chain;
}

static void destroy_chain(struct chain *chain)
{
    smelt_graph_destroy(&chain->graph);
    for (uint32_t i = 0; i < SMELT_COUNT_OF(chain->h); i++)
        smelt_tensor_destroy(&chain->h[i]);
    fuse_destroy(&chain->fuse);
}

static void replay(struct chain *chain, float *data)
{
    CHECK_OK(smelt_encoder_replay(chain->fuse.encoder, chain->graph));
    CHECK_OK(smelt_encoder_commit_and_wait(chain->fuse.encoder));
    read_tensor(chain->fuse.t[7], data);
}

static void a_chain_takes_two_places(void)
{
    static float wanted[ROWS * COLUMNS], got[ROWS * COLUMNS];
    struct chain chain = make_chain(false);
    smelt_context context = chain.fuse.context;
    struct smelt_graph_memory memory;
    const uint64_t size = ROWS * COLUMNS * sizeof(float), placed = (size + 63) / 64 * 64;
    CHECK_OK(smelt_graph_plan_memory(chain.graph, &memory));
    CHECK(memory.lower_bound == 2 * size && memory.unshared_size == 6 * size && memory.alignment == 256);
    CHECK(memory.size == placed + size);
    CHECK_FAILS(smelt_encoder_replay(chain.fuse.encoder, chain.graph), SMELT_ERROR_INVALID_ARGUMENT,
                "have no memory: wanted smelt_graph_set_heap");
    smelt_heap heaps[2] = {heap_of(context, memory.size + 256), heap_of(context, memory.size + 256)},
               small = heap_of(context, memory.size - 1);
    CHECK_FAILS(smelt_graph_set_heap(chain.graph, small, 0), SMELT_ERROR_SHAPE, "the heap has");
    CHECK_FAILS(smelt_graph_set_heap(chain.graph, heaps[0], 512), SMELT_ERROR_SHAPE, "from the offset on");
    CHECK_FAILS(smelt_graph_set_heap(chain.graph, heaps[0], 16), SMELT_ERROR_INVALID_ARGUMENT,
                "a multiple of 256");
    CHECK_FAILS(smelt_graph_set_heap(chain.graph, heaps[0], 1 << 30), SMELT_ERROR_INVALID_ARGUMENT, "offset");
    CHECK_FAILS(smelt_graph_set_heap(NULL, heaps[0], 0), SMELT_ERROR_INVALID_ARGUMENT, "graph is NULL");
    CHECK_FAILS(smelt_graph_plan_memory(NULL, &memory), SMELT_ERROR_INVALID_ARGUMENT, "graph is NULL");
    CHECK_FAILS(smelt_encoder_replay(chain.fuse.encoder, chain.graph), SMELT_ERROR_INVALID_ARGUMENT,
                "have no memory");
    // Without transient tensors, for comparison.
    smelt_tensor h[SMELT_COUNT_OF(chain.h)];
    for (uint32_t i = 0; i < SMELT_COUNT_OF(h); i++) {
        h[i] = chain.h[i];
        chain.h[i] = make(context, 2, ROWS, COLUMNS, "own");
    }
    record_chain(&chain);
    CHECK_OK(smelt_encoder_commit_and_wait(chain.fuse.encoder));
    read_tensor(chain.fuse.t[7], wanted);
    for (uint32_t i = 0; i < SMELT_COUNT_OF(h); i++) {
        smelt_tensor_destroy(&chain.h[i]);
        chain.h[i] = h[i];
    }
    // Round and round: three places are recorded once each.
    struct smelt_graph_counts counts;
    for (uint32_t round = 0; round < 9; round++) {
        CHECK_OK(smelt_graph_set_heap(chain.graph, heaps[round % 3 != 0], round % 3 == 2 ? 256 : 0));
        randomize(chain.fuse.t[7], round);
        replay(&chain, got);
        CHECK(!memcmp(wanted, got, sizeof(got)));
    }
    CHECK_OK(smelt_graph_count(chain.graph, &counts));
    CHECK(counts.recordings == 3 && counts.replays == 9);
    CHECK_OK(smelt_graph_set_heap(chain.graph, NULL, 0));
    CHECK_FAILS(smelt_encoder_replay(chain.fuse.encoder, chain.graph), SMELT_ERROR_INVALID_ARGUMENT,
                "have no memory");
    smelt_heap_destroy(&heaps[0]);
    smelt_heap_destroy(&heaps[1]);
    smelt_heap_destroy(&small);
    destroy_chain(&chain);
}

// --- Bindings ---------------------------------------------------------------------------------------------

static void transient_tensors_are_bound(void)
{
    static float wanted[ROWS * COLUMNS], got[ROWS * COLUMNS];
    struct fuse fuse = fuse_create();
    smelt_tensor in = transient(fuse.context, "in"), out = transient(fuse.context, "out"),
                 between = transient(fuse.context, "between"), slice = NULL;
    struct smelt_graph_params params = {
        .outputs = &out, .output_count = 1, .no_fusion = true, .name = "bind"};
    struct smelt_graph_memory memory;
    smelt_graph graph = NULL;
    CHECK_OK(smelt_encoder_start_capture(fuse.encoder));
    CHECK_OK(rms_norm(&fuse, in, between));
    CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_ADD, between, in, out));
    CHECK_OK(smelt_encoder_take_capture(fuse.encoder, &params, &graph));
    CHECK_OK(smelt_graph_plan_memory(graph, &memory));
    CHECK(memory.unshared_size == 3 * ROWS * COLUMNS * sizeof(float));
    smelt_heap heap = heap_of(fuse.context, memory.size);
    CHECK_OK(smelt_graph_set_heap(graph, heap, 0));
    CHECK_FAILS(smelt_encoder_replay(fuse.encoder, graph), SMELT_ERROR_INVALID_ARGUMENT,
                "'in' is read and nothing is written");
    CHECK_OK(smelt_graph_bind(graph, in, fuse.t[0]));
    CHECK_OK(smelt_graph_bind(graph, out, fuse.t[7]));
    CHECK_OK(smelt_graph_plan_memory(graph, &memory));
    CHECK(memory.unshared_size == ROWS * COLUMNS * sizeof(float));
    for (uint32_t i = 0; i < 4; i++) {
        smelt_tensor x = fuse.t[i % 2], y = fuse.t[6 + i % 2];
        fuse_reset(&fuse);
        CHECK_OK(rms_norm(&fuse, x, fuse.t[3]));
        CHECK_OK(two(&fuse, SMELT_ELEMENTWISE_ADD, fuse.t[3], x, fuse.t[4]));
        CHECK_OK(smelt_graph_bind(graph, in, x));
        CHECK_OK(smelt_graph_bind(graph, out, y));
        CHECK_OK(smelt_encoder_replay(fuse.encoder, graph));
        CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
        read_tensor(fuse.t[4], wanted);
        read_tensor(y, got);
        CHECK(!memcmp(wanted, got, sizeof(got)));
    }
    struct smelt_graph_counts counts;
    CHECK_OK(smelt_graph_count(graph, &counts));
    CHECK(counts.recordings == 2 && counts.replays == 4);
    // What is refused.
    CHECK_OK(smelt_graph_bind(graph, out, fuse.t[1]));
    CHECK_FAILS(smelt_encoder_replay(fuse.encoder, graph), SMELT_ERROR_INVALID_ARGUMENT,
                "shares bytes with in");
    const struct smelt_tensor_params inside = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {ROWS, COLUMNS}, .heap = heap, .name = "inside"};
    smelt_tensor in_heap = NULL;
    CHECK_OK(smelt_tensor_create(fuse.context, &inside, &in_heap));
    CHECK_OK(smelt_graph_bind(graph, out, in_heap));
    CHECK_FAILS(smelt_encoder_replay(fuse.encoder, graph), SMELT_ERROR_INVALID_ARGUMENT, "the graph's heap");
    CHECK_OK(smelt_graph_bind(graph, out, fuse.t[7]));
    CHECK_OK(smelt_graph_bind(graph, in, NULL));
    CHECK_FAILS(smelt_encoder_replay(fuse.encoder, graph), SMELT_ERROR_INVALID_ARGUMENT, "smelt_graph_bind");
    const uint64_t origin[2] = {0, 8}, shape[2] = {ROWS, 8};
    CHECK_OK(smelt_tensor_slice(in, origin, shape, &slice));
    CHECK_FAILS(smelt_graph_bind(graph, slice, fuse.t[0]), SMELT_ERROR_INVALID_ARGUMENT, "a slice or view");
    CHECK_FAILS(smelt_graph_bind(graph, fuse.t[0], fuse.t[0]), SMELT_ERROR_INVALID_ARGUMENT, "with memory");
    CHECK_FAILS(smelt_graph_bind(graph, NULL, fuse.t[0]), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_graph_bind(NULL, in, fuse.t[0]), SMELT_ERROR_INVALID_ARGUMENT, "graph is NULL");
    CHECK_FAILS(smelt_graph_bind(graph, in, out), SMELT_ERROR_INVALID_ARGUMENT, "is transient");
    CHECK_FAILS(smelt_graph_bind(graph, in, fuse.row), SMELT_ERROR_SHAPE, "differ in shape");
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&in_heap);
    smelt_graph_destroy(&graph);
    smelt_heap_destroy(&heap);
    smelt_tensor_destroy(&in);
    smelt_tensor_destroy(&out);
    smelt_tensor_destroy(&between);
    fuse_destroy(&fuse);
}

// --- Slices, views, and what has no memory ------------------------------------------------------------------

static void parts_follow_their_tensor(void)
{
    static float got[ROWS * COLUMNS], halves[ROWS * COLUMNS];
    struct fuse fuse = fuse_create();
    smelt_tensor whole = transient(fuse.context, "whole"), left = NULL, right = NULL, flat = NULL;
    const uint64_t shape[2] = {ROWS, COLUMNS / 2}, first[2] = {0, 0}, second[2] = {0, COLUMNS / 2};
    const struct smelt_tensor_params line = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {1, ROWS * COLUMNS}, .name = "flat"};
    const struct smelt_tensor_params line_of_t = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {1, ROWS * COLUMNS}};
    struct smelt_tensor_params bad = line;
    smelt_tensor sources[2], target = NULL, none = NULL;
    fuse_reset(&fuse);
    CHECK_OK(smelt_tensor_slice(whole, first, shape, &left));
    CHECK_OK(smelt_tensor_slice(whole, second, shape, &right));
    CHECK_OK(smelt_tensor_view(whole, 0, &line, &flat));
    CHECK_OK(smelt_tensor_slice(fuse.t[0], first, shape, &sources[0]));
    CHECK_OK(smelt_tensor_slice(fuse.t[1], second, shape, &sources[1]));
    CHECK_OK(smelt_tensor_view(fuse.t[7], 0, &line_of_t, &target));
    CHECK(!strcmp(smelt_tensor_info(flat)->name, "flat") && !strcmp(smelt_tensor_info(target)->name, "t7"));
    CHECK_OK(smelt_encoder_start_capture(fuse.encoder));
    CHECK_OK(smelt_encode_copy(fuse.encoder, left, sources[0], NULL));
    CHECK_OK(smelt_encode_copy(fuse.encoder, right, sources[1], NULL));
    CHECK_OK(smelt_encode_copy(fuse.encoder, target, flat, NULL));
    smelt_graph graph = NULL;
    CHECK_OK(smelt_encoder_take_capture(fuse.encoder, NULL, &graph));
    struct smelt_graph_memory memory;
    CHECK_OK(smelt_graph_plan_memory(graph, &memory));
    CHECK(memory.size == sizeof(got) && memory.lower_bound == sizeof(got));
    smelt_heap heap = heap_of(fuse.context, memory.size);
    CHECK_OK(smelt_graph_set_heap(graph, heap, 0));
    CHECK_OK(smelt_encoder_replay(fuse.encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
    read_tensor(fuse.t[7], got);
    read_tensor(fuse.t[0], halves);
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
        CHECK(i % COLUMNS >= COLUMNS / 2 || got[i] == halves[i]);
    read_tensor(fuse.t[1], halves);
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
        CHECK(i % COLUMNS < COLUMNS / 2 || got[i] == halves[i]);
    // Only graphs give them memory.
    CHECK_FAILS(smelt_encode_copy(fuse.encoder, target, flat, NULL), SMELT_ERROR_INVALID_ARGUMENT,
                "the transient tensor 'flat', which only a capture may");
    CHECK_FAILS(smelt_tensor_read_and_wait(whole, NULL, got, sizeof(got)), SMELT_ERROR_INVALID_ARGUMENT,
                "no memory for the host");
    CHECK_FAILS(smelt_tensor_write_and_wait(whole, NULL, got, sizeof(got)), SMELT_ERROR_INVALID_ARGUMENT,
                "no memory for the host");
    bad.usage = SMELT_TENSOR_USAGE_HOST;
    CHECK_FAILS(smelt_tensor_create_transient(fuse.context, &bad, &none), SMELT_ERROR_INVALID_ARGUMENT,
                "USAGE_HOST");
    bad.usage = 0, bad.heap = heap;
    CHECK_FAILS(smelt_tensor_create_transient(fuse.context, &bad, &none), SMELT_ERROR_INVALID_ARGUMENT,
                "a heap or a buffer");
    CHECK_FAILS(smelt_tensor_view(whole, 0, &bad, &none), SMELT_ERROR_INVALID_ARGUMENT, "a heap or a buffer");
    CHECK_FAILS(smelt_tensor_view(whole, 4, &line, &none), SMELT_ERROR_SHAPE, "do not fit");
    CHECK_FAILS(smelt_tensor_view(whole, 2, &line, &none), SMELT_ERROR_INVALID_ARGUMENT, "a multiple of 4");
    CHECK_FAILS(smelt_tensor_view(whole, 0, NULL, &none), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    CHECK_FAILS(smelt_tensor_view(NULL, 0, &line, &none), SMELT_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_FAILS(smelt_tensor_create_transient(fuse.context, NULL, &none), SMELT_ERROR_INVALID_ARGUMENT,
                "params is NULL");
    bad = line, bad.shape[0] = 0;
    CHECK_FAILS(smelt_tensor_create_transient(fuse.context, &bad, &none), SMELT_ERROR_SHAPE, "extent 0");
    smelt_graph_destroy(&graph);
    smelt_heap_destroy(&heap);
    smelt_tensor *all[] = {&left, &right, &flat, &sources[0], &sources[1], &target, &whole};
    for (uint32_t i = 0; i < SMELT_COUNT_OF(all); i++)
        smelt_tensor_destroy(all[i]);
    fuse_destroy(&fuse);
}

// --- Random graphs ----------------------------------------------------------------------------------------

// The pool's tensors stand for others: copied in, worked on, three of them copied out.
static smelt_tensor pool[POOL];

static void copied_program(struct fuse *f, uint32_t seed)
{
    struct fuse inner = *f;
    for (uint32_t i = 0; i < POOL; i++) {
        inner.t[i] = pool[i];
        CHECK_OK(smelt_encode_copy(f->encoder, pool[i], f->t[i], NULL));
    }
    random_program(&inner, seed);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_OK(smelt_encode_copy(f->encoder, f->t[i], pool[(seed + 2 * i) % POOL], NULL));
}

// By another encoder that checks and places no barrier of its own: those of the plan are enough, and all are needed.
static uint32_t judge_plan(struct fuse *fuse, smelt_graph graph)
{
    const struct smelt_encoder_params params = {.hazards = SMELT_HAZARDS_MANUAL, .check = true};
    smelt_encoder judge = NULL;
    uint32_t needed = 0;
    CHECK_OK(smelt_encoder_create(fuse->context, &params, &judge));
    CHECK_OK(smelt_encoder_replay(judge, graph));
    CHECK_OK(smelt_encoder_check_hazards(judge));
    CHECK_OK(smelt_encoder_commit_and_wait(judge));
    for (uint32_t i = 0; i < graph->after.plan.count; i++) {
        struct smelt_graph_plan_entry *entry = &graph->after.plan.entries[i];
        uint32_t barrier = entry->barrier;
        if (!barrier)
            continue;
        entry->barrier = 0;
        CHECK_OK(smelt_encoder_replay(judge, graph));
        CHECK(smelt_encoder_check_hazards(judge) == SMELT_ERROR_HAZARD);
        entry->barrier = barrier;
        needed++;
        CHECK_OK(smelt_encoder_commit_and_wait(judge));
    }
    smelt_encoder_destroy(&judge);
    return needed;
}

static void random_graphs_are_as_serial(void)
{
    const char *graphs_text = getenv("SMELT_TEST_GRAPHS"), *seed_text = getenv("SMELT_TEST_SEED");
    uint32_t graphs = graphs_text ? (uint32_t)strtoul(graphs_text, NULL, 10) : 6;
    uint32_t first = seed_text ? (uint32_t)strtoul(seed_text, NULL, 10) : 1, barriers = 0;
    static float wanted[3][ROWS * COLUMNS], got[ROWS * COLUMNS];
    struct fuse fuse = fuse_create();
    smelt_tensor own[POOL], transients[POOL];
    uint64_t size = 0, unshared = 0;
    for (uint32_t i = 0; i < POOL; i++) {
        own[i] = make(fuse.context, 2, ROWS, COLUMNS, "own");
        transients[i] = transient(fuse.context, "u");
    }
    for (uint32_t seed = first; seed < first + graphs; seed++) {
        memcpy(pool, own, sizeof(pool));
        fuse_reset(&fuse);
        copied_program(&fuse, seed);
        CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
        for (uint32_t i = 0; i < 3; i++)
            read_tensor(fuse.t[i], wanted[i]);
        memcpy(pool, transients, sizeof(pool));
        for (uint32_t way = 0; way < 3; way++) {
            const struct smelt_graph_params params = {
                .outputs = fuse.t, .output_count = 3, .no_fusion = way == 0, .compact_memory = way == 2};
            smelt_graph graph = NULL;
            struct smelt_graph_memory memory;
            CHECK_OK(smelt_encoder_start_capture(fuse.encoder));
            copied_program(&fuse, seed);
            CHECK_OK(smelt_encoder_take_capture(fuse.encoder, &params, &graph));
            CHECK_OK(smelt_graph_plan_memory(graph, &memory));
            CHECK(memory.size <= memory.unshared_size + 256 * POOL);
            CHECK(way != 2 || memory.size >= memory.lower_bound); // another order may need less
            smelt_heap heap = heap_of(fuse.context, memory.size);
            CHECK_OK(smelt_graph_set_heap(graph, heap, 0));
            fuse_reset(&fuse);
            CHECK_OK(smelt_encoder_replay(fuse.encoder, graph));
            CHECK_OK(smelt_encoder_replay(fuse.encoder, graph)); // on its own results, after a barrier
            CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
            fuse_reset(&fuse);
            CHECK_OK(smelt_encoder_replay(fuse.encoder, graph));
            CHECK_OK(smelt_encoder_commit_and_wait(fuse.encoder));
            for (uint32_t i = 0; i < 3; i++) {
                read_tensor(fuse.t[i], got);
                for (uint32_t e = 0; e < ROWS * COLUMNS; e++) {
                    double tolerance = way == 0 ? 0 : 1e-4 * (1 + fabs((double)wanted[i][e]));
                    if (!(fabs((double)wanted[i][e] - (double)got[e]) <= tolerance)) {
                        printf("    seed %u, way %u: t%u[%u] is %.9g, wanted %.9g\n", seed, way, i, e,
                               (double)got[e], (double)wanted[i][e]);
                        CHECK(false);
                    }
                }
            }
            barriers += judge_plan(&fuse, graph);
            size += memory.size;
            unshared += memory.unshared_size;
            smelt_graph_destroy(&graph);
            smelt_heap_destroy(&heap);
        }
    }
    printf("    %u graphs from seed %u: %llu bytes instead of %llu, %u barriers taken out\n", graphs, first,
           (unsigned long long)size, (unsigned long long)unshared, barriers);
    CHECK(graphs < 6 || (size < unshared && barriers));
    for (uint32_t i = 0; i < POOL; i++) {
        smelt_tensor_destroy(&own[i]);
        smelt_tensor_destroy(&transients[i]);
    }
    fuse_destroy(&fuse);
}

static const struct test tests[] = {
    {"random items are placed apart", random_items_are_placed_apart},
    {"a chain takes two places", a_chain_takes_two_places},
    {"transient tensors are bound", transient_tensors_are_bound},
    {"parts follow their tensor", parts_follow_their_tensor},
    {"random graphs are as serial", random_graphs_are_as_serial},
};

TEST_MAIN(tests)
