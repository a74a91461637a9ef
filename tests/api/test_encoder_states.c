// SPDX-License-Identifier: MIT
// encoder.h over time: every state and what it refuses, semaphores, callbacks, failing devices, destruction at any time,
// the checking mode, parts on several threads, profiles.
#include "encoder_rig.h"

static const enum smelt_result invalid = SMELT_ERROR_INVALID_ARGUMENT, not_ready = SMELT_ERROR_NOT_READY;

static void states_refuse_what_they_do_not_allow(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false), none = NULL;
    smelt_tensor t = encoder_tensor(rig.context, 64, 1), z = encoder_tensor(rig.context, 64, 0);
    uint64_t begin, end;
    CHECK_FAILS(smelt_encoder_create(NULL, NULL, &none), invalid, "context is NULL");
    struct smelt_encoder_params params = {.frames_in_flight = 17};
    CHECK_FAILS(smelt_encoder_create(rig.context, &params, &none), invalid, "more than 16");
    params = (struct smelt_encoder_params){.hazards = (enum smelt_hazard_mode)3};
    CHECK_FAILS(smelt_encoder_create(rig.context, &params, &none), invalid, "hazards is 3");
    CHECK(!setenv("SMELT_HAZARDS", "some", 1));
    CHECK_FAILS(smelt_encoder_create(rig.context, NULL, &none), invalid, "got 'some', wanted tracked");
    CHECK(!setenv("SMELT_HAZARDS", "serial", 1));
    CHECK_OK(smelt_encoder_create(rig.context, NULL, &none));
    CHECK(!unsetenv("SMELT_HAZARDS") && none->mode == SMELT_HAZARDS_SERIAL);
    smelt_encoder_destroy(&none);
    CHECK_FAILS(smelt_encoder_begin(NULL, NULL), invalid, "encoder is NULL");
    CHECK_FAILS(smelt_encoder_end(e), invalid, "no recording has begun");
    CHECK_FAILS(smelt_encoder_commit(e, NULL), invalid, "no recording has begun");
    CHECK_FAILS(smelt_encoder_check_hazards(e), invalid, "checking mode");
    CHECK_FAILS(smelt_encoder_profile(e, &(const struct smelt_profile_node *){0}, &(uint32_t){0}), invalid,
                "made with `profile`");
    CHECK_OK(smelt_encoder_wait(e)); // nothing to wait for
    CHECK(smelt_encoder_semaphore(e).value == 0 && !smelt_encoder_commands(e));
    if (smelt_context_capabilities(rig.context)->timestamp_period > 0)
        CHECK_FAILS(smelt_encoder_gpu_time(e, &begin, &end), not_ready, "has finished");
    CHECK_OK(smelt_encoder_begin(e, NULL));
    CHECK_FAILS(smelt_encoder_begin(e, NULL), invalid, "begun already");
    CHECK_FAILS(smelt_encoder_end(e), invalid, "ended by commit");
    struct smelt_semaphore_point point = {0};
    struct smelt_commit_params commit = {.waits = &point, .wait_count = 1};
    CHECK_FAILS(smelt_encoder_commit(e, &commit), invalid, "1 waits");
    commit = (struct smelt_commit_params){.signal_count = 17, .signals = &point};
    CHECK_FAILS(smelt_encoder_commit(e, &commit), invalid, "17 signals");
    CHECK_OK(smelt_encoder_commit_and_wait(e)); // an empty one
    CHECK_FAILS(smelt_encoder_commit(e, NULL), invalid, "no recording has begun");
    struct smelt_recording_params part = {.part = true};
    CHECK_OK(smelt_encoder_begin(e, &part));
    CHECK_FAILS(smelt_encoder_commit(e, NULL), invalid, "ended by end");
    CHECK_OK(encoder_step(&rig, e, t, t, z, 1, 0, NULL));
    CHECK_OK(smelt_encoder_end(e));
    CHECK_FAILS(smelt_encoder_end(e), invalid, "no recording has begun");
    part.commands = (VkCommandBuffer)(uintptr_t)1;
    CHECK_FAILS(smelt_encoder_begin(e, &part), invalid, "commands of its own");
    smelt_encoder other = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    CHECK_FAILS(smelt_encoder_execute(other, (smelt_encoder[]){NULL}, 1), invalid, "(NULL)");
    CHECK_FAILS(smelt_encoder_execute(other, &other, 1), invalid, "not a part");
    CHECK_FAILS(smelt_encoder_execute(other, NULL, 1), invalid, "parts is NULL");
    CHECK_OK(smelt_encoder_execute(other, &e, 1));
    CHECK_FAILS(smelt_encoder_execute(other, &e, 1), invalid, "not executed yet"); // taken
    CHECK_OK(smelt_encoder_commit_and_wait(other));
    CHECK(encoder_element(z, 5) == 2);
    CHECK_FAILS(smelt_encoder_barrier_between(e, NULL, 1, NULL, 0), invalid, "a list is NULL");
    CHECK_FAILS(smelt_encoder_barrier_between(e, (smelt_tensor[]){NULL}, 1, NULL, 0), invalid,
                "tensor 0 is NULL");
    smelt_encoder_destroy(&other);
    smelt_encoder_destroy(&e);
    smelt_encoder_destroy(&e); // of nothing
    smelt_tensor_destroy(&t);
    smelt_tensor_destroy(&z);
    encoder_rig_destroy(&rig);
}

static void in_the_callers_command_buffer(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    smelt_tensor x = encoder_tensor(rig.context, 64, 3), z = encoder_tensor(rig.context, 64, 0);
    for (uint64_t frame = 7; frame < 12; frame++) {
        VkCommandBuffer commands;
        CHECK_OK(smelt_submit_begin(rig.context, &commands));
        struct smelt_recording_params recording = {.commands = commands, .frame = frame};
        enum smelt_result result = smelt_encoder_begin(e, &recording);
        bool same = smelt_encoder_commands(e) == commands;
        if (!result)
            result = encoder_step(&rig, e, x, x, z, 1, (float)frame, NULL);
        enum smelt_result refused = smelt_encoder_commit(e, NULL);
        const struct smelt_barrier after = {
            VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
            VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT};
        if (!result)
            result = smelt_encoder_barrier(e, &after);
        if (!result)
            result = smelt_encoder_end(e);
        CHECK_OK(smelt_submit_end(rig.context, !result));
        CHECK(!result && same && refused == invalid && encoder_element(z, 63) == 6 + (float)frame);
    }
    smelt_encoder_destroy(&e);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&z);
    encoder_rig_destroy(&rig);
}

// --- Submissions ------------------------------------------------------------------------------------------

struct calls {
    int count;
    enum smelt_result last;
    smelt_encoder encoder; // of from_a_callback
};

static void completed(void *user, enum smelt_result result)
{
    struct calls *calls = user;
    calls->count++;
    calls->last = result;
}

static VkSemaphore gate_create(smelt_context context)
{
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    VkSemaphore semaphore;
    CHECK(rig_vk.CreateSemaphore(context->device, &info, NULL, &semaphore) == VK_SUCCESS);
    return semaphore;
}

static void gate_open(smelt_context context, VkSemaphore gate, uint64_t value)
{
    VkSemaphoreSignalInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = gate, .value = value};
    CHECK(rig_vk.SignalSemaphore(context->device, &info) == VK_SUCCESS);
}

static void recordings_wait_for_semaphores_and_signal_them(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder a = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false),
                  b = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    smelt_tensor x = encoder_tensor(rig.context, 64, 1), y = encoder_tensor(rig.context, 64, 0);
    VkSemaphore gate = gate_create(rig.context);
    struct calls calls = {0};
    struct smelt_semaphore_point wait = {.semaphore = gate, .value = 5},
                                 signal = {.semaphore = gate, .value = 9};
    struct smelt_commit_params commit = {.waits = &wait,
                                         .wait_count = 1,
                                         .signals = &signal,
                                         .signal_count = 1,
                                         .completion = completed,
                                         .user = &calls};
    CHECK_OK(encoder_step(&rig, a, x, x, y, 1, 0, NULL)); // y = 2
    CHECK_OK(smelt_encoder_commit(a, &commit));
    CHECK(smelt_encoder_poll(a) == not_ready && calls.count == 0);
    CHECK_OK(encoder_step(&rig, a, x, x, y, 2, 0, NULL)); // y = 3, in the second frame
    CHECK_OK(smelt_encoder_commit(a, NULL));
    CHECK_FAILS(smelt_encoder_begin(a, NULL), not_ready, "frames_in_flight is 2");
    gate_open(rig.context, gate, 5);
    // The other encoder waits for the first one's last recording.
    struct smelt_semaphore_point done = smelt_encoder_semaphore(a);
    CHECK(done.value == 2);
    commit = (struct smelt_commit_params){.waits = &done, .wait_count = 1};
    CHECK_OK(encoder_step(&rig, b, y, y, x, 1, 0, NULL)); // x = 6
    CHECK_OK(smelt_encoder_commit(b, &commit));
    CHECK_OK(smelt_encoder_wait(b));
    CHECK(encoder_element(x, 0) == 6 && encoder_element(y, 63) == 3);
    CHECK_OK(smelt_encoder_poll(a));
    CHECK(calls.count == 1 && calls.last == SMELT_OK);
    uint64_t value = 0;
    CHECK(rig.context->vk.GetSemaphoreCounterValue(rig.context->device, gate, &value) == VK_SUCCESS &&
          value == 9);
    smelt_encoder_destroy(&a);
    smelt_encoder_destroy(&b);
    rig_vk.DestroySemaphore(rig.context->device, gate, NULL);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    encoder_rig_destroy(&rig);
}

static void encoders_are_destroyed_in_any_state(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_tensor x = encoder_tensor(rig.context, 64, 1), y = encoder_tensor(rig.context, 64, 0);
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true), part = NULL;
    CHECK_OK(encoder_step(&rig, e, x, x, y, 1, 0, NULL));
    smelt_encoder_destroy(&e); // while it records
    // While its recording runs, with a part whose encoder goes first.
    VkSemaphore gate = gate_create(rig.context);
    struct calls calls = {0};
    struct smelt_semaphore_point wait = {.semaphore = gate, .value = 1};
    struct smelt_commit_params commit = {
        .waits = &wait, .wait_count = 1, .completion = completed, .user = &calls};
    struct smelt_recording_params as_part = {.part = true};
    part = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    CHECK_OK(smelt_encoder_begin(part, &as_part));
    CHECK_OK(encoder_step(&rig, part, x, x, y, 3, 0, NULL)); // 4
    CHECK_OK(smelt_encoder_end(part));
    e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    CHECK_OK(smelt_encoder_execute(e, &part, 1));
    smelt_encoder_destroy(&part);
    CHECK(rig.context->retired_encoders);
    CHECK_OK(smelt_encoder_commit(e, &commit));
    smelt_encoder_destroy(&e);
    CHECK(calls.count == 1 && calls.last == not_ready);
    CHECK(rig.context->retired_encoders && rig.context->retired_encoders->next_retired);
    gate_open(rig.context, gate, 1);
    CHECK(encoder_element(y, 0) == 4); // waits for the queue
    e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    CHECK(!rig.context->retired_encoders); // gone
    // A part that was executed by a recording which is dropped may record again.
    part = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    CHECK_OK(smelt_encoder_begin(part, &as_part));
    CHECK_OK(smelt_encoder_end(part));
    CHECK_OK(smelt_encoder_execute(e, &part, 1));
    smelt_encoder_destroy(&e);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(smelt_encoder_begin(part, &as_part));
        CHECK_OK(smelt_encoder_end(part));
    }
    smelt_encoder_destroy(&part);
    rig_vk.DestroySemaphore(rig.context->device, gate, NULL);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    encoder_rig_destroy(&rig);
}

// --- Devices that fail ------------------------------------------------------------------------------------

static VkResult failure;

static VKAPI_ATTR VkResult VKAPI_CALL failing_submit(VkQueue queue, uint32_t count,
                                                     const VkSubmitInfo2 *infos, VkFence fence)
{
    (void)queue, (void)count, (void)infos, (void)fence;
    return failure;
}

static VKAPI_ATTR VkResult VKAPI_CALL failing_wait(VkDevice device, const VkSemaphoreWaitInfo *info,
                                                   uint64_t timeout)
{
    (void)device, (void)info, (void)timeout;
    return failure;
}

static void failures_of_the_device_name_the_recording(void)
{
    struct encoder_rig rig = encoder_rig();
    struct smelt_context_t *context = rig.context;
    smelt_tensor x = encoder_tensor(rig.context, 64, 1), y = encoder_tensor(rig.context, 64, 0);
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    PFN_vkQueueSubmit2 submit = context->vk.QueueSubmit2;
    PFN_vkWaitSemaphores wait = context->vk.WaitSemaphores;
    struct smelt_recording_params recording = {.label = "decode 17"};
    // Out of memory at the submission: the recording is dropped, the encoder lives.
    CHECK_OK(smelt_encoder_begin(e, &recording));
    CHECK_OK(encoder_step(&rig, e, x, x, y, 1, 0, NULL));
    failure = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    context->vk.QueueSubmit2 = failing_submit;
    enum smelt_result got = smelt_encoder_commit(e, NULL);
    context->vk.QueueSubmit2 = submit;
    CHECK(got == SMELT_ERROR_OUT_OF_DEVICE_MEMORY && strstr(smelt_last_error(), "'decode 17'"));
    CHECK_OK(encoder_step(&rig, e, x, x, y, 1, 0, NULL));
    CHECK_OK(smelt_encoder_commit_and_wait(e));
    // Lost while it runs.
    struct calls calls = {0};
    struct smelt_commit_params commit = {.completion = completed, .user = &calls};
    recording.label = "decode 18";
    CHECK_OK(smelt_encoder_begin(e, &recording));
    CHECK_OK(smelt_encoder_commit(e, &commit));
    failure = VK_ERROR_DEVICE_LOST;
    context->vk.WaitSemaphores = failing_wait;
    got = smelt_encoder_wait(e);
    context->vk.WaitSemaphores = wait;
    CHECK(got == SMELT_ERROR_DEVICE_LOST && strstr(smelt_last_error(), "'decode 18'"));
    CHECK(calls.count == 1 && calls.last == SMELT_ERROR_DEVICE_LOST);
    CHECK_FAILS(smelt_encoder_begin(e, NULL), SMELT_ERROR_DEVICE_LOST, "only be destroyed");
    CHECK_FAILS(smelt_encode_fill(e, y, 1), SMELT_ERROR_DEVICE_LOST, "only be destroyed");
    CHECK_FAILS(encoder_step(&rig, e, x, x, y, 1, 0, NULL), SMELT_ERROR_DEVICE_LOST, "encode");
    CHECK(context->vk.DeviceWaitIdle(context->device) == VK_SUCCESS); // as it was not really lost
    smelt_encoder_destroy(&e);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    encoder_rig_destroy(&rig);
}

// --- The checking mode ------------------------------------------------------------------------------------

static void a_manual_schedule_is_judged(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_tensor t[3];
    for (int i = 0; i < 3; i++)
        t[i] = encoder_tensor(rig.context, 64, 1);
    for (int barrier = 0; barrier < 4; barrier++) {
        smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_MANUAL, true);
        CHECK_OK(encoder_step(&rig, e, t[0], t[0], t[1], 1, 0, "first"));
        if (barrier == 1)
            CHECK_OK(smelt_encoder_barrier(e, NULL));
        if (barrier == 2) // of what does not conflict: none
            CHECK_OK(smelt_encoder_barrier_between(e, &t[0], 1, &t[2], 1));
        if (barrier == 3)
            CHECK_OK(smelt_encoder_barrier_between(e, &t[1], 1, &t[2], 1));
        CHECK_OK(encoder_step(&rig, e, t[1], t[1], t[2], 1, 0, "second"));
        CHECK(smelt_encoder_counters(e).barriers == (uint64_t)(barrier % 2));
        if (barrier % 2)
            CHECK_OK(smelt_encoder_check_hazards(e));
        else
            CHECK_FAILS(smelt_encoder_check_hazards(e), SMELT_ERROR_HAZARD,
                        "'first' and dispatch 1 'second'");
        smelt_encoder_destroy(&e);
    }
    smelt_encoder serial = encoder_create(rig.context, SMELT_HAZARDS_SERIAL, true);
    for (int i = 0; i < 4; i++)
        CHECK_OK(encoder_step(&rig, serial, t[0], t[0], t[1], 1, 0, NULL));
    CHECK(smelt_encoder_counters(serial).barriers == 3);
    smelt_encoder_destroy(&serial);
    for (int i = 0; i < 3; i++)
        smelt_tensor_destroy(&t[i]);
    encoder_rig_destroy(&rig);
}

static void tensors_destroyed_while_in_use_are_reported(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true);
    smelt_tensor x = encoder_tensor(rig.context, 64, 1), y = encoder_tensor(rig.context, 64, 1);
    smelt_tensor z = encoder_tensor(rig.context, 64, 0), unused = encoder_tensor(rig.context, 64, 0);
    CHECK_OK(encoder_step(&rig, e, x, y, z, 1, 0, "adds"));
    smelt_tensor_destroy(&unused);
    smelt_tensor_destroy(&y);
    CHECK_FAILS(smelt_encoder_commit(e, NULL), invalid, "destroyed while dispatch 'adds' uses it");
    // And while it runs: here it is kept from beginning.
    VkSemaphore gate = gate_create(rig.context);
    struct smelt_semaphore_point wait = {.semaphore = gate, .value = 1};
    struct smelt_commit_params commit = {.waits = &wait, .wait_count = 1};
    smelt_tensor slice = NULL;
    CHECK_OK(smelt_tensor_slice(x, (uint64_t[]){32}, (uint64_t[]){32}, &slice));
    CHECK_OK(encoder_step(&rig, e, x, slice, z, 1, 0, "adds a slice"));
    CHECK_OK(smelt_encoder_commit(e, &commit));
    smelt_tensor_destroy(&slice);
    gate_open(rig.context, gate, 1);
    CHECK_FAILS(smelt_encoder_wait(e), invalid, "'adds a slice'");
    CHECK_OK(encoder_step(&rig, e, x, x, z, 1, 0, NULL)); // the encoder is as good as before
    CHECK_OK(smelt_encoder_commit_and_wait(e));
    smelt_tensor_destroy(&x); // it has finished
    CHECK_OK(smelt_encoder_wait(e));
    rig_vk.DestroySemaphore(rig.context->device, gate, NULL);
    smelt_encoder_destroy(&e);
    smelt_tensor_destroy(&z);
    encoder_rig_destroy(&rig);
}

static int call_from_a_thread(void *user)
{
    struct calls *calls = user;
    return smelt_encoder_set_label(calls->encoder, "other") == invalid &&
           strstr(smelt_last_error(), "one thread at a time");
}

static void from_a_callback(void *user, enum smelt_result result)
{
    (void)result;
    struct calls *calls = user;
    thrd_t thread;
    CHECK(thrd_create(&thread, call_from_a_thread, calls) == thrd_success);
    thrd_join(thread, &calls->count);
}

static void a_second_thread_inside_is_reported(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true);
    struct calls calls = {.encoder = e};
    struct smelt_commit_params commit = {.completion = from_a_callback, .user = &calls};
    CHECK_OK(smelt_encoder_begin(e, NULL));
    CHECK_OK(smelt_encoder_commit(e, &commit));
    CHECK_OK(smelt_encoder_wait(e)); // is inside while the callback runs
    CHECK(calls.count == 1);
    CHECK_OK(smelt_encoder_set_label(e, NULL));
    smelt_encoder_destroy(&e);
    encoder_rig_destroy(&rig);
}

// --- Parts ------------------------------------------------------------------------------------------------

enum { PARTS = 4, STEPS = 50 };

struct part_job {
    const struct encoder_rig *rig;
    smelt_encoder encoder;
    smelt_tensor x, y, z;
};

static int record_part(void *user)
{
    struct part_job *job = user;
    const struct smelt_recording_params recording = {.part = true, .label = "part"};
    enum smelt_result result = smelt_encoder_begin(job->encoder, &recording);
    for (int i = 0; i < STEPS && !result; i++) { // z = z + y, twice in turns
        result = encoder_step(job->rig, job->encoder, job->z, job->y, job->x, 1, 0, NULL);
        if (!result)
            result = encoder_step(job->rig, job->encoder, job->x, job->y, job->z, 1, 0, NULL);
    }
    return result ? 1 : smelt_encoder_end(job->encoder) != SMELT_OK;
}

static void parts_are_recorded_on_several_threads(void)
{
    struct encoder_rig rig = encoder_rig();
    struct part_job jobs[PARTS];
    smelt_encoder encoders[PARTS], e = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true);
    smelt_tensor total = encoder_tensor(rig.context, 64, 0), one = encoder_tensor(rig.context, 64, 1);
    for (int i = 0; i < PARTS; i++)
        jobs[i] =
            (struct part_job){&rig, encoders[i] = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, true),
                              encoder_tensor(rig.context, 64, 0), one, encoder_tensor(rig.context, 64, 0)};
    for (int round = 1; round <= 3; round++) {
        thrd_t threads[PARTS];
        for (int i = 0; i < PARTS; i++)
            CHECK(thrd_create(&threads[i], record_part, &jobs[i]) == thrd_success);
        for (int i = 0; i < PARTS; i++) {
            int failed = 1;
            thrd_join(threads[i], &failed);
            CHECK(!failed);
            CHECK_OK(smelt_encoder_check_hazards(encoders[i]));
        }
        CHECK_OK(smelt_encoder_execute(e, encoders, PARTS)); // apart: no barrier
        CHECK(smelt_encoder_counters(e).barriers == (uint64_t)(round - 1));
        CHECK_OK(encoder_step(&rig, e, jobs[0].z, jobs[PARTS - 1].z, total, 1, 0, "total")); // one
        CHECK(smelt_encoder_counters(e).barriers == (uint64_t)round);
        CHECK_OK(smelt_encoder_check_hazards(e));
        CHECK_OK(smelt_encoder_commit_and_wait(e));
        CHECK(encoder_element(total, 40) == (float)(2 * round * 2 * STEPS));
    }
    for (int i = 0; i < PARTS; i++) {
        smelt_encoder_destroy(&encoders[i]);
        smelt_tensor_destroy(&jobs[i].x);
        smelt_tensor_destroy(&jobs[i].z);
    }
    smelt_tensor_destroy(&total);
    smelt_tensor_destroy(&one);
    smelt_encoder_destroy(&e);
    encoder_rig_destroy(&rig);
}

// --- Profiles ---------------------------------------------------------------------------------------------

static void profiles_have_every_dispatch(void)
{
    struct encoder_rig rig = encoder_rig();
    if (!(smelt_context_capabilities(rig.context)->timestamp_period > 0)) {
        encoder_rig_destroy(&rig);
        SKIP("the queue has no timestamps");
    }
    struct smelt_encoder_params params = {.profile = true};
    smelt_encoder e = NULL;
    CHECK_OK(smelt_encoder_create(rig.context, &params, &e));
    smelt_tensor x = encoder_tensor(rig.context, 64, 1), y = encoder_tensor(rig.context, 64, 0);
    const struct smelt_profile_node *nodes = NULL;
    uint32_t count = 0;
    CHECK_FAILS(smelt_encoder_profile(e, &nodes, &count), not_ready, "no recording has finished");
    enum { MANY = 700 }; // more than one pool of queries
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++)
            CHECK_OK(encoder_step(&rig, e, x, x, y, 1, 0, i % 7 ? "often" : "se\"ldom\\"));
        CHECK_OK(smelt_encoder_commit_and_wait(e));
        CHECK_OK(smelt_encoder_profile(e, &nodes, &count));
        CHECK(count == MANY && !strcmp(nodes[699].label, "often") && nodes[3].groups[0] == 1);
        uint64_t begin, end;
        CHECK_OK(smelt_encoder_gpu_time(e, &begin, &end));
        CHECK(begin <= end);
        for (uint32_t i = 0; i < count; i++)
            CHECK(nodes[i].begin <= nodes[i].end && nodes[i].bytes == 3 * 256 &&
                  nodes[i].operation == SMELT_OPERATION_OTHER);
    }
    char *table = NULL;
    CHECK_OK(smelt_profile_table(nodes, count, &table));
    CHECK(strstr(table, "often") && strstr(table, "   600 ") && strstr(table, "   100 "));
    smelt_free_text(&table);
    const char *path = "test_encoder_trace.json";
    CHECK_OK(smelt_profile_write_trace(nodes, count, path));
    FILE *file = fopen(path, "rb");
    CHECK(file);
    static char text[1 << 18];
    size_t size = fread(text, 1, sizeof(text) - 1, file), events = 0;
    fclose(file);
    remove(path);
    text[size] = 0;
    CHECK(size > 1000 && size < sizeof(text) - 1 && !strncmp(text, "{\"displayTimeUnit\"", 18));
    for (const char *at = text; (at = strstr(at, "\"ph\":\"X\"")); at++)
        events++;
    CHECK(events == MANY && strstr(text, "se\\u0022ldom\\u005c"));
    CHECK_FAILS(smelt_profile_write_trace(nodes, count, NULL), invalid, "path");
    CHECK_FAILS(smelt_profile_write_trace(nodes, count, "no/such/folder/trace.json"), SMELT_ERROR_IO, "");
    CHECK_FAILS(smelt_profile_table(NULL, 1, &table), invalid, "profile");
    smelt_encoder_destroy(&e);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    encoder_rig_destroy(&rig);
}

static const struct test tests[] = {
    {"states refuse what they do not allow", states_refuse_what_they_do_not_allow},
    {"in the caller's command buffer", in_the_callers_command_buffer},
    {"recordings wait for semaphores and signal them", recordings_wait_for_semaphores_and_signal_them},
    {"encoders are destroyed in any state", encoders_are_destroyed_in_any_state},
    {"failures of the device name the recording", failures_of_the_device_name_the_recording},
    {"a manual schedule is judged", a_manual_schedule_is_judged},
    {"tensors destroyed while in use are reported", tensors_destroyed_while_in_use_are_reported},
    {"a second thread inside is reported", a_second_thread_inside_is_reported},
    {"parts are recorded on several threads", parts_are_recorded_on_several_threads},
    {"profiles have every dispatch", profiles_have_every_dispatch},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
