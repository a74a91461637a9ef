#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smelt material distill: a network learns a function, the same one from the same seed, and what is refused.

usage: test_distill.py SMELT [NAME]
"""
import json
import os
import signal
import subprocess
import sys

from command import ROOT, SMELT, content, disturbed, environment, fails, main, need_compiler, path, run, write

TEACHER = '''// smelt input a 0..1 identity
// smelt input b -1..1 frequency 2
// smelt outputs 2 none l2
void teacher(float x[2], out float y[2])
{
    y[0] = x[0] * x[1];
    y[1] = 0.5 + 0.5 * sin(3.0 * x[1] + x[0]);
}
'''
SMALL = ('--neurons', '16', '--batch', '512', '--json')


def distill(teacher, name, *options):
    return json.loads(run('material', 'distill', '--teacher', teacher, '-o', path(name), *SMALL, *options).stdout)


def test_a_network_learns_a_function():
    need_compiler()
    teacher = write('simple.glsl', TEACHER)
    found = distill(teacher, 'simple.safetensors', '--steps', '200')
    assert found['widths'] == [5, 16, 16, 2] and found['steps'] == 200 and found['network_ms']['portable'] > 0 < found['teacher_ms']
    assert found['relative_error'] < 0.03, found
    told = json.loads(run('info', '--json', path('simple.safetensors')).stdout)
    assert told['weights']['widths'] == [5, 16, 16, 2] and told['weights']['inputs'] == 2, told
    assert '"maximum":1' in run('info', path('simple.safetensors')).stdout, 'the domain is told'


def test_the_same_seed_gives_the_same_package():
    need_compiler()
    teacher, files = write('simple.glsl', TEACHER), []
    for seed in (7, 7, 8):
        distill(teacher, 'seed.safetensors', '--steps', '3', '--seed', str(seed), '--dtype', 'f32')
        files.append(content(path('seed.safetensors')))
    assert files[0] == files[1] != files[2]


def test_ctrl_c_leaves_the_package_so_far():
    need_compiler()
    given = ['material', 'distill', '--teacher', write('simple.glsl', TEACHER), '-o', path('stopped.safetensors'), *SMALL, '--steps', '1000000']
    told = run(*given, status=1, env=disturbed('interrupt', ''))
    assert told.stderr == 'smelt: stopped before the first step: nothing was written\n' and not told.stdout, told
    assert not os.path.exists(path('stopped.safetensors'))
    with subprocess.Popen([SMELT, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        line = process.stderr.readline()
        assert '1 of 1000000 steps' in line, line
        process.send_signal(signal.SIGINT)
        found = json.loads(process.communicate()[0])
    assert process.returncode == 0 and 0 < found['steps'] < 1000000, (process.returncode, found)
    run('info', '--verify', path('stopped.safetensors'))

def test_less_device_memory_tries_smaller_batches():
    need_compiler()
    told = run('material', 'distill', '--teacher', write('simple.glsl', TEACHER), '-o', path('small.safetensors'), *SMALL, '--batch', '65536',
               '--steps', '1', '--memory', '16').stderr
    assert 'for a batch of 65536 samples, trying 32768' in told and told.count('warning') > 1, told
    told = run('material', 'distill', '--teacher', path('simple.glsl'), '-o', path('never.safetensors'), *SMALL, '--memory', '1', status=1).stderr
    assert 'budget' in told.strip().split('\n')[-1] and not os.path.exists(path('never.safetensors')), told


def test_flags_replace_what_the_file_says_and_the_report_is_plain():
    need_compiler()
    text = run('material', 'distill', '--teacher', write('simple.glsl', TEACHER), '-o', path('flags.safetensors'), '--steps', '2', '--batch', '64',
               '--layers', '1', '--neurons', '8', '--input', 'b=0..0.5:one_blob:6', '--activation', 'relu').stdout
    assert b'["relu","none"]' in content(path('flags.safetensors')).replace(b'\\', b'')
    assert '7-8-2, f16, 2 steps' in text and 'SLOWER than its teacher here: keep the teacher' in text, text


def test_a_teacher_that_is_nothing_has_no_relative_error():
    need_compiler()
    zero = TEACHER.replace('x[0] * x[1]', '0.0').replace('0.5 + 0.5 * sin(3.0 * x[1] + x[0])', '0.0')
    found = distill(write('zero.glsl', zero), 'zero.safetensors', '--steps', '2')
    assert found['relative_error'] is None and found['psnr'] is None and found['rmse'] >= 0, found
    text = run('material', 'distill', '--teacher', path('zero.glsl'), '-o', path('zero.safetensors'), *SMALL[:4], '--steps', '2').stdout
    assert 'the teacher is the same everywhere' in text and 'PSNR' not in text, text


def test_the_examples_are_teachers():
    need_compiler()
    for name, inputs in (('disney', 5), ('layered', 6)):
        # Bins take a software device seconds to compile.
        found = distill(os.path.join(ROOT, 'examples/distill', name + '.glsl'), name + '.safetensors', '--steps', '2', '--layers', '1', '--neurons', '4',
                        '--input', 'difference=0..1.5:identity')
        assert found['widths'][-1] == 3 and found['rmse'] < 100, found
        assert json.loads(run('info', '--json', path(name + '.safetensors')).stdout)['weights']['inputs'] == inputs


def test_distill_says_what_is_wrong():
    good = write('simple.glsl', TEACHER)

    def refused(text, says):
        fails('material', 'distill', '--teacher', write('wrong.glsl', text), '-o', path('wrong.safetensors'), says=says)

    fails('material', 'distill', '-o', path('x'), says='--teacher', status=2)
    fails('material', 'distill', '--teacher', good, says='-o', status=2)
    fails('material', 'distill', '--teacher', good, '-o', path('x'), '--neurons', '0', says='wanted 1 to 128', status=2)
    fails('material', 'distill', '--teacher', good, '-o', path('x'), '--activation', 'max', says='--activation max', status=2)
    fails('material', 'distill', '--teacher', good, '-o', path('x'), '--rate', '2', says='--rate 2', status=2)
    fails('material', 'distill', '--teacher', good, '-o', path('x'), '--input', 'c=0..1:identity', says='no input of this name', status=2)
    fails('material', 'distill', '--teacher', good, '-o', path('x'), '--input', 'b=0..1', says='NAME=MINIMUM', status=2)
    fails('material', 'distill', '--teacher', path('absent.glsl'), '-o', path('x'), says='absent.glsl')
    refused('void teacher() {}', 'wanted its inputs and outputs')
    refused(TEACHER.replace('0..1', '1..0'), 'wanted a range')
    refused(TEACHER.replace('identity', 'hash'), 'wanted identity, frequency')
    refused(TEACHER.replace('frequency 2', 'frequency 99'), 'a count of 1 to 24')
    refused(TEACHER.replace('outputs 2', 'outputs 65'), '1 to 64 outputs')
    refused(TEACHER.replace('none', 'max'), 'no activation "max"')
    refused(TEACHER.replace('l2', 'huber'), 'l1, l2 or relative_l2')
    refused(TEACHER.replace('input b', 'input a'), 'two inputs are called a')
    refused(TEACHER.replace('smelt outputs', 'smelt output'), 'wanted "// smelt input')
    need_compiler()
    refused(TEACHER.replace('sin(', 'sine('), 'wrong.glsl:7')
    refused(TEACHER.replace('void teacher', 'void master'), 'wanted the function void teacher(float x[2], out float y[2])')
    wrong = write('wrong.glsl', TEACHER.replace('x[0] * x[1]', 'x[0] > 0.5 ? uintBitsToFloat(0x7f800000u) : 0.0'))
    told = run('material', 'distill', '--teacher', wrong, '-o', path('wrong.safetensors'), *SMALL, '--steps', '2', status=1).stderr
    assert 'finite in its domain' in told, told
    fails('material', 'distill', '--teacher', good, '-o', '/nonexistent/x.safetensors', says='/nonexistent/x')
    fails('material', 'distill', '--teacher', good, '-o', os.path.dirname(good), says='it is a directory')
    fails('material', 'distill', '--teacher', good, '-o', good, says='used twice', status=2)
    assert not os.path.exists(path('wrong.safetensors'))


sys.exit(main(globals()))
