// SPDX-License-Identifier: MIT
// encoder.h and pipeline.h: recording, arguments, submitting, waiting, and everything they refuse.
#include "encoder_rig.h"

static void a_chain_of_dispatches_in_one_recording(void)
{
    struct encoder_rig rig = encoder_rig();
    smelt_encoder encoder = encoder_create(rig.context, SMELT_HAZARDS_TRACKED, false);
    smelt_tensor t[3];
    for (int i = 0; i < 3; i++)
        t[i] = encoder_tensor(rig.context, ENCODER_N, (float)(i + 1));
    for (int round = 0; round < 3; round++) {
        // t2 = t0 + t1; t0 = 2 t2 + t1 - 1; t1 = t0: three in a chain
        CHECK_OK(encoder_step(&rig, encoder, t[0], t[1], t[2], 1, 0, "add"));
        CHECK_OK(encoder_step(&rig, encoder, t[2], t[1], t[0], 2, -1, "twice"));
        CHECK_OK(encoder_step(&rig, encoder, t[0], t[2], t[1], 1, 0, NULL));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    }
    float a = 1, b = 2, c = 0;
    for (int round = 0; round < 3; round++) {
        c = a + b;
        a = 2 * c + b - 1;
        b = a + c;
    }
    CHECK(encoder_element(t[0], 0) == a && encoder_element(t[1], ENCODER_N - 1) == b);
    CHECK(encoder_element(t[2], 77) == c);
    struct smelt_encoder_counters counters = smelt_encoder_counters(encoder);
    CHECK(counters.dispatches == 9 && counters.barriers == 6 && counters.barriers_avoided == 0);
    CHECK(counters.submits == 3 && counters.syncs == 3 && counters.pipelines == 3);
    CHECK(counters.bytes == 9ull * 3 * ENCODER_N * 4);
    smelt_encoder_reset_counters(encoder);
    CHECK(smelt_encoder_counters(encoder).dispatches == 0);
    for (int i = 0; i < 3; i++)
        smelt_tensor_destroy(&t[i]);
    smelt_encoder_destroy(&encoder);
    encoder_rig_destroy(&rig);
}

static const struct test tests[] = {
    {"a chain of dispatches in one recording gives what it says", a_chain_of_dispatches_in_one_recording},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, SMELT_COUNT_OF(tests));
}
