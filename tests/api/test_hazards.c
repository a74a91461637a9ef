// SPDX-License-Identifier: MIT
// The tracker against a model of single bytes, the judge of schedules against cases by hand, and each against the other:
// a schedule that the tracker made is free of hazards, and without any one of its barriers it is not.
#include "encoder_internal.h"
#include "test.h"

static uint32_t state;

static uint32_t noise(uint32_t limit)
{
    state = state * 747796405u + 2891336453u; // O'Neill 2014, PCG
    uint32_t word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737u;
    return ((word >> 22) ^ word) % limit;
}

// --- Interval sets ----------------------------------------------------------------------------------------

#define BYTES 40000u

static bool model_meets(const uint8_t *model, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++)
        if (model[i])
            return true;
    return false;
}

static void check_set(struct smelt_interval_set *set, const uint8_t *model)
{
    uint32_t leaf = 0, index = 0;
    uint64_t last = 0;
    struct smelt_interval interval;
    uint8_t *got = calloc(BYTES, 1);
    CHECK(got && smelt_interval_set_settle(set));
    while (smelt_interval_set_next(set, &leaf, &index, &interval)) {
        CHECK(interval.begin < interval.end && interval.end <= BYTES);
        CHECK(last == 0 || interval.begin > last); // disjoint, rising, joined where they touch
        last = interval.end;
        memset(got + interval.begin, 1, interval.end - interval.begin);
    }
    CHECK(!memcmp(got, model, BYTES));
    free(got);
}

// `longest`: of an interval; short ones fill many leaves.
static void compare_with_model(uint32_t seed, uint32_t longest, bool rising)
{
    struct smelt_interval_set set = {0};
    uint8_t *model = calloc(BYTES, 1);
    CHECK(model);
    state = seed;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 3000; i++) {
            uint32_t size = noise(longest) + (noise(50) ? 0 : noise(5000));
            uint32_t begin = rising ? i * 13 : noise(BYTES);
            uint32_t end = SMELT_MIN(begin + size, BYTES);
            begin = SMELT_MIN(begin, end);
            uint32_t at = noise(BYTES), to = at + noise(40);
            to = SMELT_MIN(to, BYTES);
            CHECK(smelt_interval_set_meets(&set, at, to) == model_meets(model, at, to));
            CHECK(smelt_interval_set_add(&set, begin, end));
            memset(model + begin, 1, end - begin);
        }
        check_set(&set, model);
        smelt_interval_set_clear(&set);
        memset(model, 0, BYTES);
        CHECK(!smelt_interval_set_meets(&set, 0, BYTES));
    }
    uint64_t allocations = set.allocations;
    state = seed;
    for (uint32_t i = 0; i < 3000; i++) // as in the first round: nothing new
        CHECK(smelt_interval_set_add(&set, noise(BYTES - 9), BYTES - 8 + noise(8)));
    CHECK(set.allocations == allocations);
    smelt_interval_set_free(&set);
    free(model);
}

static void sets_of_intervals_are_unions(void)
{
    compare_with_model(1, 4, false);
    compare_with_model(2, 3, true);
    compare_with_model(3, 300, false);
    compare_with_model(4, 12, false);
}

// --- What conflicts ---------------------------------------------------------------------------------------

static const struct smelt_interval no_command = {0};

static struct smelt_range range(uint64_t begin, uint64_t end, enum smelt_access access)
{
    return (struct smelt_range){begin, end, access, UINT32_MAX, NULL};
}

static void conflicts_are_those_of_bytes(void)
{
    const enum smelt_access r = SMELT_ACCESS_READ, w = SMELT_ACCESS_WRITE, rw = SMELT_ACCESS_READ_WRITE;
    const struct {
        enum smelt_access first, second;
        enum smelt_hazard meeting;
    } rows[] = {
        {r, r, SMELT_HAZARD_NONE},
        {w, r, SMELT_HAZARD_READ_AFTER_WRITE},
        {r, w, SMELT_HAZARD_WRITE_AFTER_READ},
        {w, w, SMELT_HAZARD_WRITE_AFTER_WRITE},
        {rw, r, SMELT_HAZARD_READ_AFTER_WRITE},
        {rw, w, SMELT_HAZARD_WRITE_AFTER_WRITE},
        {r, rw, SMELT_HAZARD_WRITE_AFTER_READ},
        {rw, rw, SMELT_HAZARD_READ_AFTER_WRITE},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        struct smelt_hazards hazards = {0};
        struct smelt_range first = range(100, 200, rows[i].first);
        CHECK(smelt_hazards_add(&hazards, &first, 1, no_command));
        const uint64_t places[][2] = {{199, 300}, {0, 101}, {120, 130}, {0, 900},
                                      {200, 300}, {0, 100}, {150, 150}};
        for (size_t k = 0; k < SMELT_COUNT_OF(places); k++) {
            struct smelt_range second = range(places[k][0], places[k][1], rows[i].second);
            enum smelt_hazard wanted = k < 4 ? rows[i].meeting : SMELT_HAZARD_NONE;
            CHECK(smelt_hazards_find(&hazards, &second, 1, no_command) == wanted);
        }
        smelt_hazards_free(&hazards);
    }
}

static void the_barrier_is_the_lightest(void)
{
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    struct smelt_hazards hazards = {0};
    struct smelt_barrier barrier;
    struct smelt_range read = range(0, 10, SMELT_ACCESS_READ), write = range(0, 10, SMELT_ACCESS_WRITE);
    // Only reads before: execution alone.
    CHECK(smelt_hazards_add(&hazards, &read, 1, no_command));
    smelt_hazards_barrier(&hazards, false, &barrier);
    CHECK(barrier.source_stages == compute && barrier.destination_stages == compute);
    CHECK(!barrier.source_access && !barrier.destination_access);
    CHECK(smelt_hazards_find(&hazards, &write, 1, no_command) == SMELT_HAZARD_NONE);
    // A write before.
    CHECK(smelt_hazards_add(&hazards, &write, 1, no_command));
    smelt_hazards_barrier(&hazards, false, &barrier);
    CHECK(barrier.source_stages == compute && barrier.destination_stages == compute);
    CHECK(barrier.source_access == VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT);
    CHECK(smelt_hazards_find(&hazards, &read, 1, no_command) == SMELT_HAZARD_NONE);
    // The command of an indirect dispatch does not see what that barrier made visible to shaders.
    struct smelt_interval command = {4, 16};
    CHECK(smelt_hazards_find(&hazards, &read, 1, command) == SMELT_HAZARD_READ_AFTER_WRITE);
    smelt_hazards_barrier(&hazards, true, &barrier);
    CHECK(barrier.destination_stages == (compute | VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT));
    CHECK(barrier.destination_access & VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT);
    CHECK(smelt_hazards_find(&hazards, NULL, 0, command) == SMELT_HAZARD_NONE);
    // And to write it afterwards waits for the stage that reads it.
    CHECK(smelt_hazards_add(&hazards, NULL, 0, command));
    CHECK(smelt_hazards_find(&hazards, &write, 1, no_command) == SMELT_HAZARD_WRITE_AFTER_READ);
    smelt_hazards_barrier(&hazards, false, &barrier);
    CHECK(barrier.source_stages == (compute | VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT));
    smelt_hazards_free(&hazards);
}

static void explicit_barriers_order_what_they_say(void)
{
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    struct smelt_hazards hazards = {0};
    struct smelt_range both[] = {range(0, 10, SMELT_ACCESS_READ), range(20, 30, SMELT_ACCESS_WRITE)};
    struct smelt_range over_read = range(0, 10, SMELT_ACCESS_WRITE),
                       over_write = range(20, 30, SMELT_ACCESS_READ);
    struct smelt_barrier nothing = {compute, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
                                    VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT, VK_ACCESS_2_SHADER_READ_BIT};
    struct smelt_barrier execution = {.source_stages = compute, .destination_stages = compute};
    struct smelt_barrier all = {VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_WRITE_BIT,
                                VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                                VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT};
    CHECK(smelt_hazards_add(&hazards, both, 2, no_command));
    smelt_hazards_apply(&hazards, &nothing);
    CHECK(smelt_hazards_find(&hazards, &over_read, 1, no_command) == SMELT_HAZARD_WRITE_AFTER_READ);
    smelt_hazards_apply(&hazards, &execution);
    CHECK(smelt_hazards_find(&hazards, &over_read, 1, no_command) == SMELT_HAZARD_NONE);
    CHECK(smelt_hazards_find(&hazards, &over_write, 1, no_command) == SMELT_HAZARD_READ_AFTER_WRITE);
    smelt_hazards_apply(&hazards, &all);
    CHECK(smelt_hazards_find(&hazards, &over_write, 1, (struct smelt_interval){20, 30}) == SMELT_HAZARD_NONE);
    smelt_hazards_free(&hazards);
}

// --- The judge --------------------------------------------------------------------------------------------

static void dispatch(struct smelt_schedule *s, const char *label, uint64_t begin, uint64_t end,
                     enum smelt_access access)
{
    struct smelt_range r = range(begin, end, access);
    CHECK(smelt_schedule_add_dispatch(s, label, &r, 1, no_command));
}

static void the_judge_knows_cases_by_hand(void)
{
    const enum smelt_access r = SMELT_ACCESS_READ, w = SMELT_ACCESS_WRITE;
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    const VkPipelineStageFlags2 command = VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT;
    const VkAccessFlags2 reads = VK_ACCESS_2_SHADER_STORAGE_READ_BIT,
                         writes = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT;
    const struct smelt_barrier execution = {compute, 0, compute, 0},
                               to_reads = {compute, writes, compute, reads};
    const struct smelt_barrier to_writes = {compute, writes, compute, writes};
    const struct smelt_barrier elsewhere = {compute, writes, VK_PIPELINE_STAGE_2_COPY_BIT,
                                            VK_ACCESS_2_TRANSFER_READ_BIT};
    const struct smelt_barrier to_command = {compute, writes, command, VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT};
    const struct smelt_barrier from_command = {command, 0, compute, 0};
    const struct {
        enum smelt_access first, second;
        struct smelt_barrier barriers[2];
        int count;
        const char *kind; // NULL: ordered
    } rows[] = {
        {r, r, {execution}, 0, NULL},
        {w, r, {execution}, 0, "read after write"},
        {w, w, {execution}, 0, "write after write"},
        {r, w, {execution}, 0, "write after read"},
        {r, w, {execution}, 1, NULL},
        {w, r, {execution}, 1, "read after write"}, // not made visible
        {w, r, {to_reads}, 1, NULL},
        {w, w, {to_reads}, 1, "write after write"},
        {w, w, {to_writes}, 1, NULL},
        {w, r, {to_writes}, 1, "read after write"},
        {w, r, {elsewhere}, 1, "read after write"},
        {r, w, {elsewhere}, 1, "write after read"},
        {w, r, {to_command, from_command}, 2, "read after write"}, // a chain that orders, and shows to nobody
        {r, w, {to_command, from_command}, 2, NULL},
        {w, r, {to_writes, to_reads}, 2, NULL},
    };
    for (size_t i = 0; i < SMELT_COUNT_OF(rows); i++) {
        struct smelt_schedule s = {0};
        dispatch(&s, "one", 0, 10, rows[i].first);
        for (int k = 0; k < rows[i].count; k++)
            CHECK(smelt_schedule_add_barrier(&s, &rows[i].barriers[k]));
        dispatch(&s, "apart", 10, 20, w);
        dispatch(&s, "two", 5, 10, rows[i].second);
        if (rows[i].kind) {
            CHECK(smelt_schedule_judge(NULL, "case", &s) == SMELT_ERROR_HAZARD);
            CHECK(strstr(smelt_last_error(), rows[i].kind));
            CHECK(strstr(smelt_last_error(), "'one'") && strstr(smelt_last_error(), "'two'"));
        } else {
            CHECK_OK(smelt_schedule_judge(NULL, "case", &s));
        }
        smelt_schedule_free(&s);
    }
}

static void the_judge_knows_commands(void)
{
    const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
    const VkAccessFlags2 writes = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT;
    const struct smelt_barrier shaders = {compute, writes, compute,
                                          VK_ACCESS_2_SHADER_STORAGE_READ_BIT | writes};
    const struct smelt_barrier commands = {compute, writes, VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT,
                                           VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT};
    for (int good = 0; good < 2; good++) {
        struct smelt_schedule s = {0};
        dispatch(&s, "counts", 0, 12, SMELT_ACCESS_WRITE);
        CHECK(smelt_schedule_add_barrier(&s, good ? &commands : &shaders));
        CHECK(smelt_schedule_add_dispatch(&s, "as many", NULL, 0, (struct smelt_interval){0, 12}));
        if (good)
            CHECK_OK(smelt_schedule_judge(NULL, "commands", &s));
        else
            CHECK_FAILS(smelt_schedule_judge(NULL, "commands", &s), SMELT_ERROR_HAZARD, "read after write");
        CHECK(smelt_schedule_add_barrier(&s, &shaders)); // from the wrong stage to write the command again
        dispatch(&s, "counts again", 0, 12, SMELT_ACCESS_WRITE);
        CHECK(smelt_schedule_judge(NULL, "commands", &s) == SMELT_ERROR_HAZARD);
        smelt_schedule_free(&s);
    }
}

// --- Both -------------------------------------------------------------------------------------------------

// A random recording as an encoder makes it; returns the number of barriers.
static uint32_t record(struct smelt_schedule *s, uint32_t seed, uint32_t *avoided)
{
    struct smelt_hazards hazards = {0};
    uint32_t barriers = 0, space = 200 + seed % 7 * 400;
    state = seed;
    for (uint32_t d = 0; d < 60; d++) {
        struct smelt_range ranges[5];
        struct smelt_interval command = no_command;
        uint32_t count = 1 + noise(4);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t begin = noise(space), size = 1 + noise(noise(8) ? 20 : 200);
            ranges[i] = range(begin, begin + size, (enum smelt_access)(noise(4) ? 1 : noise(3)));
        }
        if (!noise(6)) {
            command.begin = noise(space);
            command.end = command.begin + 12;
        }
        if (smelt_hazards_find(&hazards, ranges, count, command)) {
            struct smelt_barrier barrier;
            smelt_hazards_barrier(&hazards, command.begin < command.end, &barrier);
            CHECK(smelt_schedule_add_barrier(s, &barrier));
            barriers++;
        } else {
            ++*avoided;
        }
        CHECK(smelt_hazards_add(&hazards, ranges, count, command));
        char label[16];
        snprintf(label, sizeof(label), "%u", d);
        CHECK(smelt_schedule_add_dispatch(s, label, ranges, count, command));
    }
    smelt_hazards_free(&hazards);
    return barriers;
}

// Without step `gone`.
static struct smelt_schedule without(const struct smelt_schedule *s, uint32_t gone)
{
    struct smelt_schedule shorter = {0};
    for (uint32_t i = 0; i < s->count; i++) {
        const struct smelt_schedule_step *step = &s->steps[i];
        if (step->is_barrier && i != gone)
            CHECK(smelt_schedule_add_barrier(&shorter, &step->barrier));
        else if (!step->is_barrier)
            CHECK(smelt_schedule_add_dispatch(&shorter, step->label, s->ranges + step->first_range,
                                              step->range_count, step->indirect));
    }
    return shorter;
}

static void every_barrier_of_the_tracker_is_needed_and_enough(void)
{
    uint32_t barriers = 0, avoided = 0, unneeded = 0;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        struct smelt_schedule s = {0};
        barriers += record(&s, seed, &avoided);
        if (smelt_schedule_judge(NULL, "random", &s) != SMELT_OK) {
            printf("    seed %u\n", seed);
            CHECK(!"a schedule of the tracker has a hazard");
        }
        for (uint32_t i = 0; i < s.count; i++) {
            if (!s.steps[i].is_barrier)
                continue;
            struct smelt_schedule mutant = without(&s, i);
            unneeded += smelt_schedule_judge(NULL, "mutant", &mutant) != SMELT_ERROR_HAZARD;
            smelt_schedule_free(&mutant);
        }
        smelt_schedule_free(&s);
    }
    printf("    %u barriers, %u dispatches without one, %u barriers not needed\n", barriers, avoided,
           unneeded);
    // Before the first command of a recording the hull of what it cannot see may ask for a barrier that bytes do not.
    CHECK(barriers > 1000 && avoided > 1000 && unneeded < 30);
}

static const struct test tests[] = {
    {"sets of intervals are unions", sets_of_intervals_are_unions},
    {"conflicts are those of bytes", conflicts_are_those_of_bytes},
    {"the barrier is the lightest", the_barrier_is_the_lightest},
    {"explicit barriers order what they say", explicit_barriers_order_what_they_say},
    {"the judge knows cases by hand", the_judge_knows_cases_by_hand},
    {"the judge knows commands", the_judge_knows_commands},
    {"every barrier of the tracker is needed and enough", every_barrier_of_the_tracker_is_needed_and_enough},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
