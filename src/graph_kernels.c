// SPDX-License-Identifier: MIT
// The kernels of a graph's calls: compiled by several threads, which make calls of different kernels at the same time.
#include "graph_internal.h"
#include "kernels_code.h"

#define MAX_THREADS 32

// Threads that take items of a list in turn.
struct crew {
    smelt_graph graph;
    const struct smelt_graph_list *list;
    bool have_text; // smelt_kernels_have_text of the thread that waits for them
    uint32_t next;  // atomic
    bool failed;    // atomic; no more are taken
};

static bool lacks_kernels(const struct smelt_graph_item *item)
{
    for (uint32_t i = 0; i < item->dispatch_count && item->call; i++)
        if (!item->dispatches[i]->pipeline)
            return true;
    return false;
}

static int work(void *user)
{
    struct crew *crew = user;
    smelt_encoder maker = NULL;
    smelt_hold_errors(true);
    if (crew->have_text)
        smelt_kernels_use_codes(true);
    bool fails = smelt_graph_make_maker(crew->graph, &maker) != SMELT_OK;
    while (!fails && !__atomic_load_n(&crew->failed, __ATOMIC_RELAXED)) {
        uint32_t i = __atomic_fetch_add(&crew->next, 1, __ATOMIC_RELAXED);
        if (i >= crew->list->count)
            break;
        if (lacks_kernels(crew->list->items[i]))
            fails = smelt_graph_item_make(maker, crew->list->items[i], SMELT_KERNELS_UNCLAIMED) != SMELT_OK;
    }
    if (fails)
        __atomic_store_n(&crew->failed, true, __ATOMIC_RELAXED);
    smelt_encoder_destroy(&maker);
    if (crew->have_text)
        smelt_kernels_use_codes(false);
    smelt_hold_errors(false);
    return 0;
}

// Once over the list; the calling thread works too. False: something failed.
static bool make_at_once(smelt_graph graph, const struct smelt_graph_list *list, uint32_t threads)
{
    struct crew crew = {.graph = graph, .list = list, .have_text = smelt_kernels_have_text()};
    thrd_t others[MAX_THREADS - 1];
    uint32_t count = 0;
    while (count + 1 < threads && thrd_create(&others[count], work, &crew) == thrd_success)
        count++;
    work(&crew);
    while (count > 0)
        thrd_join(others[--count], NULL);
    return !crew.failed;
}

enum smelt_result smelt_graph_make_kernels(smelt_graph graph, const struct smelt_graph_list *list)
{
    uint32_t missing = 0, threads;
    for (uint32_t i = 0; i < list->count; i++)
        missing += lacks_kernels(list->items[i]);
    threads = SMELT_MIN(SMELT_MIN(smelt_os_processors(), missing), MAX_THREADS);
    // Once for kernels, once for the pipelines of calls whose kernel another one was compiling. Recorded kernels keep the order
    // of the calls.
    if (threads > 1 && !graph->context->recorded_codes && make_at_once(graph, list, threads))
        make_at_once(graph, list, threads);
    enum smelt_result result = SMELT_OK; // what is left, in order: errors are of the first
    for (uint32_t i = 0; i < list->count && !result; i++)
        if (lacks_kernels(list->items[i])) {
            if (!graph->maker)
                result = smelt_graph_make_maker(graph, &graph->maker);
            if (!result)
                result = smelt_graph_item_make(graph->maker, list->items[i], SMELT_KERNELS_ALL);
        }
    return result;
}
