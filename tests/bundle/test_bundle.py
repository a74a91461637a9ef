#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A bundle as a user makes and runs it: its programs, and check with tests that pass, fail, are skipped, take long.

usage: test_bundle.py SMELT [NAME]
"""
import json
import os
import signal
import subprocess
import sys
import time

from command import main, path

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ['SMELT_BUILD_ROOT']
BUNDLE = path('bundle')


def run(*command, status=0, **environment):
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, env=dict(os.environ, **environment))
    assert result.returncode == status, f'{command}: exit {result.returncode}, wanted {status}: {result.stdout}{result.stderr}'
    return result.stdout + result.stderr


def make(*arguments, status=0):
    return run(sys.executable, os.path.join(HERE, 'bundle.py'), BUILD, *arguments, status=status)


def bundle():
    """With two of meson's tests, made once; back as it was made."""
    kept = os.path.join(BUNDLE, 'tests.kept')
    if not os.path.exists(BUNDLE):
        told = make(BUNDLE, '--check', '--tests', 'test_heap', '--tests', 'checkglsl*')
        assert 'MiB' in told and BUNDLE + '/check' in told, told
        os.rename(os.path.join(BUNDLE, 'tests.json'), kept)
    with open(kept, encoding='utf-8') as f:
        return json.load(f)


def script(name, text, *arguments, **more):
    return {'name': name, 'suites': ['device'], 'timeout': 30, 'environment': {}, 'command': ['/bin/sh', '-c', text, 'sh', *arguments], **more}


def check(tests, *arguments, status=0, **environment):
    """The lines that check prints when the bundle's tests are these."""
    with open(os.path.join(BUNDLE, 'tests.json'), 'w', encoding='utf-8') as f:
        json.dump(tests, f)
    return run(os.path.join(BUNDLE, 'check'), *arguments, status=status, **environment).strip().split('\n')


def log(name):
    with open(os.path.join(BUNDLE, 'log', name), encoding='utf-8') as f:
        return f.read()


def lines_of(lines, outcome):
    return [line for line in lines if line.startswith(outcome)]


# --- Bundles ----------------------------------------------------------------------------------------------------------------

def test_programs_run_with_their_own_libraries():
    bundle()
    assert 'usage: smelt' in run(os.path.join(BUNDLE, 'run'), 'smelt', '--help')
    assert 'usage: smelt' in run(os.path.join(BUNDLE, 'start/smelt'), '--help')
    assert 'programs: checkglsl smelt test_heap' in run(os.path.join(BUNDLE, 'run'), status=2)
    assert {'libc.so.6', 'libvulkan.so.1'} <= set(os.listdir(os.path.join(BUNDLE, 'lib')))
    for data in 'materials/rock053.safetensors', 'render-upscale/super-resolution.safetensors', 'tests/data/rock053.samples.safetensors':
        assert os.path.exists(os.path.join(BUNDLE, 'share', data)), data


def test_what_cannot_be_a_bundle_is_refused():
    os.makedirs(path('mine'), exist_ok=True)
    assert 'is no bundle' in make(path('mine'), 'smelt', status=1) and os.listdir(path('mine')) == []
    assert "no program 'absent'" in make(path('other'), 'absent', status=1) and not os.path.exists(path('other'))
    assert 'no test of suite "device" called absent' in make(path('other'), '--check', '--tests', 'absent', status=1)
    make(path('other'), status=2)


def test_the_list_is_mesons_with_the_paths_of_a_bundle():
    tests = {test['name']: test for test in bundle()}
    assert {'checkglsl 1/4', 'checkglsl_full 4/4', 'test_heap'} <= set(tests), tests
    assert tests['test_heap']['command'] == ['{bundle}/start/test_heap'] and 'api' in tests['test_heap']['suites']
    assert tests['checkglsl 1/4']['command'] == ['{bundle}/start/checkglsl', '--tier', 'ci', '--part', '1/4']
    assert BUILD not in json.dumps(list(tests.values()))


# --- check ------------------------------------------------------------------------------------------------------------------

def test_tests_run_on_the_device():
    tests = bundle()
    lines = check(tests, '--only', 'test_heap')
    assert lines[0].startswith('device: ') and lines[-1] == '1 passed, 0 failed, 0 skipped', lines
    assert ' passed, 0 failed' in log('output.txt') and log('results.txt').split('\n')[:-1] == lines
    assert 'checkglsl' in check(tests, '--list') and 'test_heap' in check(tests, '--list')
    assert "called 'absent'" in check(tests, 'absent', status=1)[0]
    lines = check(tests, '--only', 'optimizer', '--seconds', '0.01', status=1)
    assert any(line.startswith('skip  checkglsl -o optimizer') for line in lines), lines


def test_a_failing_test_is_seen_as_failed():
    bundle()
    lines = check([script('good', 'true'), script('none', 'exit 77'), script('bad', 'echo CHECK of this; exit 3'),
                   script('killed', 'kill -SEGV $$'), script('endless', 'sleep 100', timeout=0.1)], '--jobs', '3', status=1)
    assert lines[-1] == '1 passed, 3 failed, 1 skipped', lines
    told = '\n'.join(lines_of(lines, 'FAIL'))
    assert 'bad' in told and 'exit status 3' in told and 'signal 11' in told and 'took too long' in told, told
    assert '      CHECK of this' in lines and 'CHECK of this' in log('output.txt')
    assert check([script('none', 'exit 77')], status=1)[-1] == '0 passed, 0 failed, 1 skipped'


def test_shares_and_order():
    bundle()
    lines = check([script('rows 1/2', 'test "$2" != 7/32', '--part', '1/2', suites=['check', 'device']), script('quick', 'true'),
                   script('rows 2/2', 'false', '--part', '2/2', suites=['check', 'device']), script('wanted', 'true')], 'want', '--jobs', '1', status=1)
    done = lines_of(lines, 'ok') + lines_of(lines, 'FAIL')
    assert lines[-1] == '33 passed, 1 failed, 0 skipped' and 'rows 7/32' in lines_of(lines, 'FAIL')[0], lines
    assert [line.split()[1] for line in done[:3]] == ['wanted', 'quick', 'rows'], done


def test_the_time_is_kept():
    bundle()
    tests = [script('first', 'true'), script('rows 1/1', 'sleep 0.6', '--part', '1/1'), script('long', 'sleep 100')]
    begin = time.monotonic()
    lines = check(tests, '--jobs', '1', '--seconds', '2')
    assert time.monotonic() - begin < 20
    assert 'skip  long: was not started: the time would have been over' in lines or 'skip  long: was running when the time was over' in lines, lines
    assert any(line.startswith('skip  rows ') and line.split()[2].endswith('-16') for line in lines), lines
    counts = [int(word) for word in lines[-1].split()[::2]]
    assert sum(counts) == 18 and counts[0] >= 2 and counts[2] >= 10, lines


def test_a_stopped_run_keeps_what_it_did():
    bundle()
    with open(os.path.join(BUNDLE, 'tests.json'), 'w', encoding='utf-8') as f:
        json.dump([script('first', 'true'), script('long', 'echo so far; sleep 100'), script('never', 'true')], f)
    with subprocess.Popen([os.path.join(BUNDLE, 'check'), '--jobs', '1'], stdout=subprocess.PIPE, text=True) as process:
        assert any('first' in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)[0].strip().split('\n')
    assert rest[-1] == '1 passed, 0 failed, 2 skipped' and 'skip  never: was not started: SIGTERM came' in rest, rest
    assert log('results.txt').strip().endswith('1 passed, 0 failed, 2 skipped')


def test_data_that_is_not_here_is_a_skip():
    bundle()
    tests = [script('cases', 'test -d "$1"', '{data}/models'), script('other', 'true')]
    lines = check(tests)
    assert 'skip  cases: needs the shared data: --data DIR' in lines and lines[-1] == '1 passed, 0 failed, 1 skipped', lines
    os.makedirs(path('data/models'), exist_ok=True)
    assert check(tests, '--data', path('data'))[-1] == '2 passed, 0 failed, 0 skipped'
    assert 'is no folder' in check(tests, '--data', path('absent'), status=2)[-1]


def test_without_a_device_it_says_what_to_set():
    bundle()
    told = '\n'.join(check([script('good', 'true')], status=2, VK_DRIVER_FILES='/nonexistent.json'))
    assert 'no Vulkan device' in told and 'VK_DRIVER_FILES' in told and 'passed' not in told, told


if __name__ == '__main__':
    sys.exit(main(globals()))
