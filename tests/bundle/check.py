#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests that this bundle carries on this machine's device, several at a time; see check --help."""
import argparse
import fnmatch
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

BUNDLE = os.path.dirname(os.path.realpath(__file__))
SHARES = 16  # that each share of a divided test (--part I/N) becomes here: of seconds, for many cores
ROWS = 32  # of checkglsl in a share of one op
MOST_JOBS = 16  # more only wait for the device
PATIENCE = 4  # times meson's limit for a test
LAST = 'check'  # the suite that takes longest
SKIP_STATUS = 77

PASSED, FAILED, SKIPPED = 'ok  ', 'FAIL', 'skip'


class Run:
    """One process: a test, or a share of one."""

    def __init__(self, test, part=None, op=None):
        self.family = test['name'] if op is None else f'{test["name"]} -o {op}'
        self.command, self.environment, self.timeout = list(test['command']), test['environment'], test['timeout']
        self.part = part  # (I, N)
        if op is not None:
            self.command += ['-o', op]
        if part:
            self.command[self.command.index('--part') + 1] = '%d/%d' % part
        self.name = self.family + (' %d/%d' % part if part else '')
        self.process = None


def start(program):
    return os.path.join(BUNDLE, 'start', program)


# --- What is run, in which order ------------------------------------------------------------------------------------------

def read_tests(options, software):
    """The tests in their order, each with a reason where it is not run here."""
    with open(os.path.join(BUNDLE, 'tests.json'), encoding='utf-8') as f:
        tests = json.load(f)
    merged = {}
    for test in tests:  # the shares that meson runs are one test again
        test['parts'] = 0
        if '--part' in test['command']:
            test['name'] = re.sub(r' \d+/\d+$', '', test['name'])
            test['parts'] = SHARES * int(test['command'][test['command'].index('--part') + 1].split('/')[1])
        if not options.validation:
            test['command'] = [word for word in test['command'] if word != '--validation']
        test['reason'] = None
        if not options.data and any('{data}' in word for word in test['command']):
            test['reason'] = 'needs the shared data: --data DIR'
        if software and 'gpu' in test['suites'] and not options.full:
            test['reason'] = 'takes hours on a software device; --full runs it'
        merged.setdefault(test['name'], test)
    return sorted(merged.values(), key=lambda test: (LAST in test['suites'], 'gpu' in test['suites']))


def fits(name, test):
    return fnmatch.fnmatch(test['name'], name) if re.search(r'[*?\[]', name) else name in test['name']


def runs_of(test):
    return [Run(test, (i + 1, test['parts'])) for i in range(test['parts'])] or [Run(test)]


def op_runs(name, tests):
    """The rows of checkglsl whose op contains the name."""
    found = []
    for test in tests:
        if 'check' not in test['suites'] or test['reason']:
            continue
        listed = subprocess.run([start('checkglsl'), '--list', '-o', name], capture_output=True, text=True, check=True)
        rows = len(listed.stdout.splitlines())
        parts = -(-rows // ROWS)
        found += [Run(test, (i + 1, parts), name) for i in range(parts)]
    return found


def plan(tests, options):
    """What is named first, then, unless only that is wanted, the rest."""
    first, runs = [], []
    for name in options.names:
        named = [test for test in tests if fits(name, test)]
        of_op = op_runs(name, tests)
        if not named and not of_op:
            sys.exit(f'check: no test and no op of checkglsl is called {name!r}; check --list names the tests')
        first += [test for test in named if test not in first]
        runs += of_op
    if not options.only:
        first += [test for test in tests if test not in first]
    named = [run for test in first if not test['reason'] for run in runs_of(test)]
    return runs + named, [(run, test['reason']) for test in first if test['reason'] for run in runs_of(test)]


# --- The device -----------------------------------------------------------------------------------------------------------

def manifests():
    """Of drivers of hardware on this machine, wherever the loader looks or does not."""
    folders = ('/usr/share', '/usr/local/share', '/usr/local/*/share', '/etc', '/opt/*/share', '/opt/*/etc')
    found = [path for folder in folders for path in glob.glob(folder + '/vulkan/icd.d/*.json')]
    return [path for path in found if not re.search('lvp|lavapipe|swrast|swiftshader', os.path.basename(path))]


def find_device(environment):
    """Its type, and what is said of it; None without one."""
    chosen = ['--device', os.environ['SMELT_DEVICE']] if os.environ.get('SMELT_DEVICE') else []
    told = subprocess.run([start('smelt'), 'devices', '--json', *chosen], capture_output=True, text=True, env=environment, check=False)
    devices = [d for d in json.loads(told.stdout or '[]') if d.get('usable')] if told.returncode == 0 else []
    devices.sort(key=lambda d: d['type'] == 'cpu')
    if devices:
        return devices[0]['type'], '{name}, {driver} {driver_info}'.format(**devices[0])
    return None, told.stderr.strip() or 'smelt devices found none'


def advice():
    given = os.environ.get('VK_DRIVER_FILES')
    lines = [f'VK_DRIVER_FILES is {given}' if given else 'The loader finds a driver by its manifest; VK_DRIVER_FILES names one.']
    for path in manifests():
        if path != given:
            lines.append(f'Try: VK_DRIVER_FILES={path} {sys.argv[0]} ...')
    if len(lines) == 1:
        lines.append('There is no manifest of a hardware driver in the usual places (.../share/vulkan/icd.d/*.json).')
    return '\n'.join('check: ' + line for line in lines)


# --- Running --------------------------------------------------------------------------------------------------------------

class Runner:
    def __init__(self, runs, options, environment):
        self.runs, self.options, self.environment = runs, options, environment
        self.waiting, self.running, self.longest = list(runs), [], {}
        self.counts, self.left = {PASSED: 0, FAILED: 0, SKIPPED: 0}, []
        self.begin, self.stopped, self.lock = time.monotonic(), None, threading.Lock()
        self.running_folder = os.path.join(options.log, 'running')
        shutil.rmtree(self.running_folder, ignore_errors=True)
        os.makedirs(self.running_folder)
        # Line by line, so that what is done is there when the machine stops this process.
        self.results = open(os.path.join(options.log, 'results.txt'), 'w', encoding='utf-8', buffering=1)
        self.output = open(os.path.join(options.log, 'output.txt'), 'wb', buffering=0)

    def elapsed(self):
        return time.monotonic() - self.begin

    def say(self, line):
        print(line, flush=True)
        self.results.write(line + '\n')

    def stop(self, reason):
        """Has `go` start nothing more and end what runs."""
        self.stopped = self.stopped or reason

    def next(self):
        """The next one that ends in time, as far as others of its family tell."""
        with self.lock:
            for i, run in enumerate(self.waiting):
                if self.stopped:
                    break
                if not self.options.seconds or self.elapsed() + self.longest.get(run.family, 0) < self.options.seconds:
                    return self.waiting.pop(i)
            return None

    def work(self):
        while True:
            run = self.next()
            if run is None:
                return
            self.run_one(run)

    def run_one(self, run):
        file = os.path.join(self.running_folder, re.sub(r'[^\w.-]', '_', run.name) + '.txt')
        scratch = tempfile.mkdtemp(prefix='smelt-check-')
        words = {'{bundle}': BUNDLE, '{data}': self.options.data or '', '{scratch}': scratch}

        def fill(word):
            return re.sub(r'\{(bundle|data|scratch)\}', lambda m: words[m.group()], word)
        command = [fill(word) for word in run.command]
        if command[0].endswith('.py'):
            command.insert(0, sys.executable)
        environment = dict(self.environment, XDG_CACHE_HOME=os.path.join(scratch, 'cache'), TMPDIR=scratch,
                           **{k: fill(v) for k, v in run.environment.items()})
        begin, status = time.monotonic(), None
        with open(file, 'wb') as out:
            with self.lock:
                if self.stopped:
                    self.waiting.append(run)
                    return
                run.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=scratch,
                                               env=environment, start_new_session=True)
                self.running.append(run)
            try:
                status = run.process.wait(PATIENCE * run.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(run.process.pid, signal.SIGKILL)
                run.process.wait()
        seconds = time.monotonic() - begin
        shutil.rmtree(scratch, ignore_errors=True)
        with self.lock:
            self.running.remove(run)
            self.longest[run.family] = max(self.longest.get(run.family, 0), seconds)
            self.end(run, status, seconds, file)

    def end(self, run, status, seconds, file):
        with open(file, 'rb') as f:
            text = f.read()
        outcome = {0: PASSED, SKIP_STATUS: SKIPPED}.get(status, FAILED)
        why = '' if outcome != FAILED else ': took too long' if status is None else f': signal {-status}' if status < 0 else f': exit status {status}'
        self.output.write(f'==== {run.name}, {seconds:.1f} s{why}\n'.encode() + text + b'\n')
        os.remove(file)
        if self.stopped and status == -signal.SIGKILL:
            self.left.append((run, f'was running when {self.stopped}'))
            return
        self.counts[outcome] += 1
        self.say(f'{outcome}  {run.name}  {seconds:.1f} s  [{sum(self.counts.values())}/{len(self.runs)}, {self.elapsed():.0f} s]{why}')
        if outcome == FAILED:
            lines = text.decode(errors='replace').strip().splitlines()
            wrong = [line for line in lines if re.search('FAIL|CHECK|rror', line)][:6] or lines[-6:]
            for line in wrong:
                self.say('      ' + line[:300])

    def go(self):
        threads = [threading.Thread(target=self.work) for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if self.options.seconds and self.elapsed() > self.options.seconds:
                self.stop('the time was over')
            for run in list(self.running) if self.stopped else ():
                try:
                    os.killpg(run.process.pid, signal.SIGKILL)
                except ProcessLookupError:  # ended by itself
                    pass
            for thread in threads:
                thread.join(0.1 / len(threads))
        reason = self.stopped or 'the time would have been over'
        self.left += [(run, f'was not started: {reason}') for run in self.waiting]

    def sum_up(self, not_here):
        """What was not run, a line for each family and reason, and the closing line."""
        families = {}
        for run, reason in self.left + not_here:
            families.setdefault((run.family, reason), []).append(run)
        for (family, reason), runs in families.items():
            self.counts[SKIPPED] += len(runs)
            parts = [run.part for run in runs if run.part]
            shares = f' {ranges([i for i, _ in parts])} of {parts[0][1]}' if parts else ''
            self.say(f'{SKIPPED}  {family}{shares}: {reason}')
        self.say('{} passed, {} failed, {} skipped'.format(*(self.counts[o] for o in (PASSED, FAILED, SKIPPED))))
        return 1 if self.counts[FAILED] or not self.counts[PASSED] else 0


def ranges(numbers):
    """1-4,7"""
    spans = []
    for n in sorted(numbers):
        if spans and spans[-1][1] == n - 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ','.join(str(a) if a == b else f'{a}-{b}' for a, b in spans)


# --- The command ----------------------------------------------------------------------------------------------------------

def parse():
    parser = argparse.ArgumentParser(
        prog='check', description='Runs the tests of this bundle on the device of this machine (SMELT_DEVICE chooses one). Quick tests '
        'first, then networks, examples and the tool, then checkglsl in shares. Each test has a line; the last one is N passed, N '
        'failed, N skipped. Exit status: 0 none failed and one passed, 1 one failed or none passed, 2 no device or wrong usage.')
    parser.add_argument('names', nargs='*', metavar='NAME', help='tests whose name contains NAME (or matches it with * ? [...]) '
                        'and rows of checkglsl whose op contains it: they are run first')
    parser.add_argument('--only', action='store_true', help='what is named, and nothing else')
    parser.add_argument('--seconds', type=float, help='start nothing that would end later, and stop then; the rest is skipped')
    parser.add_argument('--jobs', type=int, help=f'tests at a time (default: processors, at most {MOST_JOBS}; 1 on a software device)')
    parser.add_argument('--data', metavar='DIR', help='the shared data (default: data/ of the bundle, where it is)')
    parser.add_argument('--log', metavar='DIR', default=os.path.join(BUNDLE, 'log'), help='results.txt and output.txt go there (log/)')
    parser.add_argument('--full', action='store_true', help='large shapes too on a software device')
    parser.add_argument('--validation', action='store_true', help='under the validation layers, which this machine then must have')
    parser.add_argument('--list', action='store_true', help='print the names of the tests and end')
    options = parser.parse_args()
    if options.only and not options.names:
        parser.error('--only wants names')
    if options.jobs is not None and options.jobs < 1:
        parser.error('--jobs wants at least 1')
    if options.data is None and os.path.isdir(os.path.join(BUNDLE, 'data')):
        options.data = os.path.join(BUNDLE, 'data')
    if options.data is not None:
        options.data = os.path.abspath(options.data)
        if not os.path.isdir(options.data):
            parser.error(f'--data: {options.data} is no folder')
    options.log = os.path.abspath(options.log)
    return options


def main():
    options = parse()
    if options.list:
        print('\n'.join(test['name'] for test in read_tests(options, False)))
        return 0
    environment = dict(os.environ)
    if options.data:
        environment['SMELT_SHARED_DATA'] = options.data
    if not options.validation:
        environment['SMELT_TEST_VALIDATION'] = '0'
    kind, told = find_device(environment)
    if kind is None:
        print(f'check: no Vulkan device that smelt can use: {told}\n{advice()}', file=sys.stderr)
        return 2
    software = kind == 'cpu'
    runs, not_here = plan(read_tests(options, software), options)
    options.jobs = options.jobs or (1 if software else min(len(os.sched_getaffinity(0)), MOST_JOBS))
    runner = Runner(runs, options, environment)
    runner.say(f'device: {told}; {len(runs)} tests, {options.jobs} at a time')
    if software:
        runner.say(f'check: this is a software device: no GPU is verified.\n{advice()}')
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _: runner.stop(f'{signal.Signals(n).name} came'))
    runner.go()
    return runner.sum_up(not_here)


if __name__ == '__main__':
    sys.exit(main())
