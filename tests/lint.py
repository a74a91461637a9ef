#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what a machine can check of the house style; prints one line per finding and fails if there is any."""
import glob
import re
import shutil
import subprocess
import sys

CODE = ('.c', '.h', '.cpp', '.glsl', '.comp', '.frag', '.vert')
TEXT = CODE + ('.md', '.py', '.build', '.txt', '.sh', '.in')
MODULE_FIELDS = ('what', 'params', 'makes', 'errors', 'needs', 'source')
MAX_LINES = {'.c': 700, '.h': 400, '.glsl': 400}
CLANG_FORMAT_MAJOR = '14'  # others format differently; the check is left out then

findings = []


def find(path, line, text):
    findings.append(f'{path}:{line}: {text}')


def check_text(path, text):
    if text and not text.endswith('\n'):
        find(path, text.count('\n') + 1, 'no newline at the end of the file')
    for number, line in enumerate(text.split('\n'), 1):
        if line != line.rstrip():
            find(path, number, 'space at the end of the line')
        if '\t' in line and path.endswith(CODE):
            find(path, number, 'tab')
        if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line) and path.endswith(CODE):
            find(path, number, 'work left open in the code')


def check_code(path, text):
    if 'SPDX-License-Identifier: MIT' not in text[:200]:
        find(path, 1, 'no SPDX-License-Identifier line')
    suffix = '.' + path.rsplit('.', 1)[1]
    lines = text.count('\n')
    if lines > MAX_LINES.get(suffix, 10**9):
        find(path, lines, f'{lines} lines; a {suffix} file has at most {MAX_LINES[suffix]}')


def check_module(path, text):
    for field in MODULE_FIELDS:
        if not re.search(rf'^//\s*{field}\b', text, re.M):
            find(path, 1, f'the header comment has no field "{field}"')
    guard = re.search(r'^#ifndef (SMELT_\w+_GLSL)\n#define \1\b', text, re.M)
    if path.endswith('_tmpl.glsl'):
        # An inner template undefines its own parameters; tests/glsl checks that none survives an instance.
        taken = set()
        for other in glob.glob('glsl/smelt/*_tmpl.glsl'):
            with open(other, encoding='utf-8') as f:
                taken |= set(re.findall(r'^#undef (SMELT_\w+)', f.read(), re.M))
        for name in set(re.findall(r'^#define (SMELT_\w+)', text, re.M)):
            if name not in taken:
                find(path, 1, f'a template leaves {name} defined')
        if guard:
            find(path, 1, 'a template has an include guard')
    elif not guard:
        find(path, 1, 'no include guard SMELT_<NAME>_GLSL')
    for number, line in enumerate(text.split('\n'), 1):
        if re.match(r'\s*#\s*ifdef\s+SMELT_', line):
            find(path, number, '#ifdef of a parameter: test its value')
        if re.match(r'\s*(shared\s|layout\s*\(\s*(set|binding|local_size|push_constant)|void main\b)', line):
            find(path, number, 'a module leaves bindings, shared memory, local size and main to the caller')


def check_format(paths):
    tool = shutil.which('clang-format')
    version = tool and subprocess.run([tool, '--version'], capture_output=True, text=True).stdout
    if not version or f'version {CLANG_FORMAT_MAJOR}.' not in version:
        print(f'lint: formatting not checked (needs clang-format {CLANG_FORMAT_MAJOR})')
        return
    result = subprocess.run([tool, '--style=file', '--dry-run', *paths], capture_output=True, text=True)
    for line in result.stderr.split('\n'):
        if 'warning: code should be clang-formatted' in line:
            findings.append(line.split(' warning')[0] + ' not formatted: run ./dev format')


def check_every_call():
    with open('tests/headers/every_call.cpp', encoding='utf-8') as f:
        used = f.read()
    for header in subprocess.run(['git', 'ls-files', 'include/smelt'], capture_output=True, text=True).stdout.split():
        with open(header, encoding='utf-8') as f:
            text = f.read()
        for declaration in re.findall(r'^SMELT_API\s[^;]*;', text, re.M):
            name = re.search(r'(smelt_\w+)\s*\(', declaration).group(1)
            if f'{name}(' not in used:
                find(header, 1, f'tests/headers/every_call.cpp does not call {name}')


def check_listed(paths):
    """Sources are named in the meson.build of their folder or of one above, so that ninja sees a new one."""
    for path in paths:
        folder, name = path.rsplit('/', 1) if '/' in path else ('', path)
        listed = path.endswith(('.c', '.comp')) and path.startswith(('src/', 'glsl/', 'tests/api/', 'tests/check/', 'bench/'))
        texts = ''
        while listed and folder:
            try:
                with open(f'{folder}/meson.build', encoding='utf-8') as f:
                    texts += f.read()
            except FileNotFoundError:
                pass
            folder = folder.rpartition('/')[0]
        if listed and name not in texts and f"'{name.rsplit('.', 1)[0]}'" not in texts:
            find(path, 1, 'no meson.build names it')


def main():
    paths = subprocess.run(['git', 'ls-files'], capture_output=True, text=True, check=True).stdout.split('\n')
    code = []
    for path in filter(None, paths):
        if not (path.endswith(TEXT) or path in ('dev', '.ci/run')):
            continue
        try:
            with open(path, encoding='utf-8') as f:
                text = f.read()
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            find(path, 1, 'not UTF-8')
            continue
        check_text(path, text)
        if path.endswith(CODE):
            code.append(path)
            check_code(path, text)
        if path.startswith('glsl/smelt/'):
            check_module(path, text)
    check_listed(code)
    check_format(code)
    check_every_call()
    for finding in sorted(set(findings)):
        print(finding)
    print(f'lint: {len(code)} source files, {len(set(findings))} findings')
    return 1 if findings else 0


sys.exit(main())
