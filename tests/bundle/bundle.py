#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a folder that runs on another Linux machine: bundle.py BUILD DIR [--check] [PROGRAM...]; `./dev bundle` calls it.

DIR/run PROGRAM runs a program with the folder's own loader and libraries. With --check the tests that meson knows as of suite
"device" come along, for DIR/check (check.py) to run: tests.json is meson's list with the paths of a bundle. There
{bundle}/start/NAME is a program, {bundle}/lib/NAME a module that it loads, {bundle}/share/PATH a file of the source tree,
{data}/PATH one of the shared data, {scratch} a folder to write to, where meson gives one of the build.
"""
import argparse
import fnmatch
import glob
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SHARED_DATA = os.path.normpath(os.path.join(SOURCE, '../shared/data'))
SOURCES = ('examples', 'docs', 'tests', 'glsl', 'bench/sweep_train.py')  # of the tree, that tests read
DATA = ('models', 'onnx-node', 'neural-materials', 'LICENSES')  # of the shared data
MARK = '.smelt-bundle'  # in every bundle: only such a folder is replaced

# Opened at run time, so ldd does not see them: the loader, and what NVIDIA's driver wants without a display.
OPENED = ('libvulkan.so.1', 'libEGL.so.1', 'libGLdispatch.so.0')

RUN = '''#!/bin/sh
# Runs a program of this folder with the folder's own loader and libraries: run PROGRAM [ARGUMENTS], or by a link of its name.
here=$(dirname "$(readlink -f "$0")")
program=${0##*/}
if [ "$program" = run ]; then
    [ $# -ge 1 ] || { echo "usage: run PROGRAM [ARGUMENTS]; programs: $(ls "$here/bin" | tr '\\n' ' ')" >&2; exit 2; }
    program=$1
    shift
fi
export SMELT_DATA="${SMELT_DATA:-$here/share}"
exec "$here"/lib/ld-linux-*.so.* --library-path "$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$here/bin/$program" "$@"
'''


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_program(path):
    return os.path.isfile(path) and os.access(path, os.X_OK)


def find_program(build, name):
    """The path of a built program."""
    places = [f'tools/smelt/{name}', f'examples/{name}/{name}', f'examples/*/{name}', f'bench/{name}', f'tests/*/{name}']
    if os.sep in name:  # any other one
        places.append(os.path.abspath(name))
    found = [path for place in places for path in glob.glob(os.path.join(build, place)) if is_program(path)]
    if not found:
        sys.exit(f"bundle: no program '{name}' in {build} (programs are named like smelt, neural-material, bench_mlp, test_tensor)")
    return found[0]


def below(path, folder):
    return path == folder or path.startswith(folder + os.sep)


class Tests:
    """What meson's list becomes: tests, and the programs and modules that they need."""

    def __init__(self, build, patterns):
        self.build, self.programs, self.modules, self.tests = build, set(), set(), []
        for test in json.loads(output('meson', 'introspect', '--tests', build)):
            suites = [suite.split(':')[-1] for suite in test['suite']]
            if 'device' not in suites or not any(fnmatch.fnmatch(test['name'], pattern) for pattern in patterns):
                continue
            # Where libraries are, the bundle knows better.
            environment = {k: self.rewrite(v) for k, v in test['env'].items() if k != 'LD_LIBRARY_PATH'}
            self.tests.append({'name': test['name'], 'suites': suites, 'timeout': test['timeout'],
                               'command': [self.rewrite(word) for word in test['cmd']], 'environment': environment})
        if not self.tests:
            sys.exit(f'bundle: {build} has no test of suite "device" called {" or ".join(patterns)}')

    def rewrite(self, word):
        path = os.path.normpath(os.path.join(self.build, word))
        name = os.path.basename(path)
        if not os.path.exists(path):
            if word.startswith(self.build + os.sep):
                sys.exit(f'bundle: {word} is not built')
            return word
        if below(path, SHARED_DATA):
            return '{data}' + path[len(SHARED_DATA):]
        if not below(path, self.build):
            return '{bundle}/share' + path[len(SOURCE):] if below(path, SOURCE) else word
        if os.path.isdir(path):
            return '{scratch}'
        if name.endswith('.so'):
            self.modules.add(path)
            return '{bundle}/lib/' + name
        self.programs.add(path)
        return '{bundle}/start/' + name


def libraries(programs):
    found = set()
    for program in programs:
        for line in output('ldd', program).splitlines():
            words = line.split()
            if words[1:2] == ['=>'] and words[2].startswith('/'):
                found.add(words[2])
            elif 'ld-linux' in words[0]:
                found.add(words[0])
    known = [line.split() for line in output('ldconfig', '-p').splitlines()]
    for name in OPENED:
        found |= {words[-1] for words in known if words[0] == name and words[-1].startswith('/')}
    return found


def copy_sources(folder, everything):
    """share/ is both the folder of the examples' data and, for tests, the source tree's."""
    wanted = SOURCES if everything else ('examples', 'docs', 'tests/data')
    listed = output('git', '-C', SOURCE, 'ls-files', '-z', '--cached', '--others', '--exclude-standard', *wanted, ':!*/pictures/*')
    for name in listed.strip('\0').split('\0'):
        if os.path.exists(os.path.join(SOURCE, name)):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy2(os.path.join(SOURCE, name), os.path.join(folder, name))
    for name in next(os.walk(os.path.join(folder, 'examples')))[1]:
        os.symlink('examples/' + name, os.path.join(folder, name))


def write_script(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, 0o755)


def make(folder, programs, tests, data):
    for name in ('bin', 'lib', 'share'):
        os.makedirs(os.path.join(folder, name))
    write_script(os.path.join(folder, MARK), '')
    write_script(os.path.join(folder, 'run'), RUN)
    copy_sources(os.path.join(folder, 'share'), tests is not None)
    if tests:
        programs = tests.programs | set(programs)
        os.mkdir(os.path.join(folder, 'start'))
        for program in programs:
            os.symlink('../run', os.path.join(folder, 'start', os.path.basename(program)))
        with open(os.path.join(folder, 'tests.json'), 'w', encoding='utf-8') as f:
            json.dump(tests.tests, f, indent=1)
        shutil.copy(os.path.join(HERE, 'check.py'), os.path.join(folder, 'check'))
    if data:
        for name in DATA:
            shutil.copytree(os.path.join(data, name), os.path.join(folder, 'data', name), ignore=shutil.ignore_patterns('*.mlmodel'))
    for program in programs:
        shutil.copy(program, os.path.join(folder, 'bin'))
    for library in libraries(programs) | (tests.modules if tests else set()):
        shutil.copy(library, os.path.join(folder, 'lib'))
    binaries = glob.glob(folder + '/bin/*') + glob.glob(folder + '/lib/*')
    subprocess.run(['strip', '--strip-unneeded', *binaries], check=True)  # a folder to carry: no debug information


def size(folder):
    return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(folder) for name in names)


def main():
    parser = argparse.ArgumentParser(prog='bundle', usage='./dev bundle DIR PROGRAM... | DIR --check [PROGRAM...]')
    parser.add_argument('build')
    parser.add_argument('dir')
    parser.add_argument('programs', nargs='*', metavar='PROGRAM')
    parser.add_argument('--check', action='store_true', help='the tests, for DIR/check')
    parser.add_argument('--tests', action='append', metavar='PATTERN', help='only tests of these names (* ? [...]); may be given again')
    parser.add_argument('--data', metavar='SHARED_DATA', help='networks and operator cases of the shared data, too')
    options = parser.parse_intermixed_args()
    if not options.check and not options.programs:
        parser.error('no program is named')
    if (options.tests or options.data) and not options.check:
        parser.error('--tests and --data go with --check')
    folder = os.path.abspath(options.dir)
    if os.path.lexists(folder) and not os.path.exists(os.path.join(folder, MARK)):
        sys.exit(f'bundle: {options.dir} exists and is no bundle: give another folder')
    build = os.path.abspath(options.build)
    programs = [find_program(build, name) for name in options.programs + (['smelt'] if options.check else [])]  # which finds devices
    tests = Tests(build, options.tests or ['*']) if options.check else None
    shutil.rmtree(folder + '.new', ignore_errors=True)
    make(folder + '.new', programs, tests, options.data)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(folder + '.new', folder)
    how = f'{options.dir}/check' if options.check else f'{options.dir}/run {options.programs[0]}'
    print(f'bundle: {options.dir} ({size(folder) / 2**20:.1f} MiB); {how}')


if __name__ == '__main__':
    main()
