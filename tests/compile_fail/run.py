#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles the GLSL modules: run.py fail|pass|docs GLSLC SOURCE_ROOT [SPIRV_VAL].

fail  the instances of tests/compile_fail/templates with each parameter left out, misspelt ("// name": it is a name that
      may be anything) or wrong ("// wrong: VALUE..." behind it, "// wrong: PARAMETER=VALUE..." on a line of its own),
      and the shaders of tests/compile_fail ("// expect: TEXT"): each must not compile, with a message that names the
      file and the parameter. Every template that no other includes has an instance, every #error of a module is seen
pass  every module alone, every template leaving nothing defined, tensors of every type, and the shaders of tests/compile_pass:
      each must compile, unoptimised and optimised, to valid SPIR-V with exactly the capabilities in
      "// capabilities: ...", no larger than "// bytes: ..." and in less than "// seconds: ..." of processor time: a few times
      what a busy machine takes, and a fraction of what unrolling all loops would
docs  every shader in docs/glsl.md ("```glsl STAGE") must compile

A shader that needs an extension the compiler lacks is skipped and counted ("// extension: NAME"). Nothing run at all
is a failure.
"""
import concurrent.futures
import glob
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import threading

CAPABILITIES = {1: 'Shader', 9: 'Float16', 11: 'Int64', 22: 'Int16', 39: 'Int8', 50: 'ImageQuery',
                4433: 'StorageBuffer16BitAccess', 4448: 'StorageBuffer8BitAccess', 5345: 'VulkanMemoryModel',
                5347: 'PhysicalStorageBufferAddresses', 5394: 'CooperativeVectorNV', 6024: 'ReplicatedCompositesEXT'}

# Element types: the name in struct names, the type of a value.
DTYPES = {'F32': 'float', 'F16': 'float', 'BF16': 'float', 'F8E4M3': 'float', 'F8E5M2': 'float', 'I8': 'int',
          'U8': 'uint', 'I16': 'int', 'U16': 'uint', 'I32': 'int', 'U32': 'uint', 'I4': 'int', 'U4': 'uint'}
# Ranks, with extents of which none, some and all are known.
SHAPES = [(), (0,), (5,), (0, 0), (0, 3), (4, 3), (0, 0, 4), (2, 3, 4), (0, 3, 0, 4), (2, 3, 4, 5), (0,) * 5,
          (2,) * 5, (0,) * 15 + (2,)]

HEAD = '#version 460\n#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE\n#include "smelt/base.glsl"\n'
MAIN = 'layout(local_size_x = 1) in;\nvoid main()\n{\n}\n'


def instance(template, parameters):
    lines = [f'#define {name} {value}' for name, value in parameters if value is not None]
    return '\n'.join(lines) + f'\n#include "smelt/{template}"\n'


class Sample:
    """A shader of tests/compile_fail/templates: one instance, whose parameters are the lines before its include."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as f:
            self.text = re.sub(r'[ ]*\\\n[ ]*', ' ', f.read())  # continued lines
        self.name = os.path.basename(path)
        found = list(re.finditer(r'((?:^#define \S+ .*\n)+)#include "smelt/(\w+_tmpl.glsl)"\n', self.text, re.M))[-1]
        self.template = found.group(2)
        self.before, self.after = self.text[:found.start()], self.text[found.end():]
        self.parameters, self.free, self.wrong = [], set(), []
        for line in found.group(1).splitlines():
            name, value, comment = re.fullmatch(r'#define (\S+)\s+(\S+)(?:\s+// (.*))?', line).groups()
            self.parameters.append((name, value))
            if comment == 'name':
                self.free.add(name)
            elif comment:
                self.wrong += [{name: value} for value in comment.removeprefix('wrong: ').split()]
        for line in re.findall(r'^// wrong: (.*)', self.text, re.M):
            self.wrong.append(dict(assignment.split('=') for assignment in line.split()))

    def with_values(self, changed):
        """The shader with other values; None leaves a parameter out."""
        known = [name for name, _ in self.parameters]
        parameters = [(name, changed.get(name, value)) for name, value in self.parameters]
        parameters += [(name, value) for name, value in changed.items() if name not in known]
        return self.before + instance(self.template, parameters) + self.after


def samples(root):
    return [Sample(path) for path in sorted(glob.glob(os.path.join(root, 'tests/compile_fail/templates/*')))]


class Runner:
    def __init__(self, glslc, root, validator):
        self.glslc, self.root, self.validator = glslc, os.path.abspath(root), validator
        self.run, self.skipped, self.failures, self.seen = 0, {}, [], []
        self.folder = tempfile.TemporaryDirectory()
        self.extensions = {}

    def compile(self, text, stage='comp', options=('-O0',)):
        """Returns the exit status, the messages and the SPIR-V."""
        folder = os.path.join(self.folder.name, str(threading.get_ident()))
        os.makedirs(folder, exist_ok=True)
        path, out = os.path.join(folder, f'shader.{stage}'), os.path.join(folder, 'shader.spv')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        result = subprocess.run([self.glslc, '--target-env=vulkan1.3', *options, '-I', os.path.join(self.root, 'glsl'),
                                 path, '-o', out], capture_output=True, text=True, check=False)
        self.seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        spirv = b''
        if result.returncode == 0:
            with open(out, 'rb') as f:
                spirv = f.read()
        return result.returncode, result.stdout + result.stderr, spirv

    def has_extension(self, name):
        if name not in self.extensions:
            status, _, _ = self.compile(f'#version 460\n#extension {name} : require\n' + MAIN)
            self.extensions[name] = status == 0
        return self.extensions[name]

    def skip(self, text):
        for name in re.findall(r'^// extension: (\S+)', text, re.M):
            if not self.has_extension(name):
                reason = f'this glslc has no {name}'
                self.skipped[reason] = self.skipped.get(reason, 0) + 1
                return True
        return False

    def messages(self, texts):
        """What the compiler says to each shader, and whether it took it. One process compiles them all, as starting the
        compiler costs ten times a shader; a shader that only says its number ends the messages of the one before it."""
        self.run += len(texts)
        with tempfile.TemporaryDirectory(dir=self.folder.name) as folder:
            names = []
            for i, text in enumerate(texts):
                for name, content in ((f'shader{i}.comp', text), (f'end{i}.comp', f'#version 460\n#error "end {i}"\n')):
                    with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
                        f.write(content)
                    names.append(name)
            result = subprocess.run([self.glslc, '--target-env=vulkan1.3', '-O0', '-I', os.path.join(self.root, 'glsl'),
                                     '-c', *names], capture_output=True, text=True, check=False, cwd=folder)
            parts = re.split(r"^end\d+\.comp:2: error: '#error' : \"?end \d+\"? ?\n", result.stdout + result.stderr,
                             flags=re.M)
            if len(parts) != len(texts) + 1:
                self.failures.append(f'the compiler stopped at shader {len(parts) - 1} of {len(texts)} (status '
                                     f'{result.returncode}):\n{texts[len(parts) - 1]}')
                parts += [''] * (len(texts) + 1 - len(parts))
            self.seen += parts
            return [(os.path.exists(os.path.join(folder, f'shader{i}.comp.spv')), part)
                    for i, part in enumerate(parts[:len(texts)])]

    def must_fail(self, shaders):
        """shaders: (label, text, what its messages must hold)."""
        judged = [not self.skip(text) for _, text, _ in shaders]  # the preprocessor goes on without the extension
        for (label, _, expected), judge, (compiled, messages) in zip(
                shaders, judged, self.messages([text for _, text, _ in shaders])):
            if judge and compiled:
                self.failures.append(f'{label}: compiled, wanted an error with "{expected[0]}"')
            elif judge and not all(e in messages for e in expected):
                self.failures.append(f'{label}: wanted {expected}, got:\n{messages}')

    def must_pass(self, label, text, stage='comp', options=('-O0', '-O')):
        if self.skip(text):
            return
        self.run += 1
        for option in options:
            status, messages, spirv = self.compile(text, stage, (option,))
            if status != 0:
                self.failures.append(f'{label} {option}: wanted it to compile, got:\n{messages}')
                return
            self.validate(f'{label} {option}', spirv)
            self.check_capabilities(f'{label} {option}', text, spirv)
        self.check_limits(label, text, spirv)

    def validate(self, label, spirv):
        if not self.validator:
            self.skipped['no spirv-val'] = self.skipped.get('no spirv-val', 0) + 1
            return
        result = subprocess.run([self.validator, '--target-env', 'vulkan1.3', '--scalar-block-layout', '-'],
                                input=spirv, capture_output=True, check=False)
        if result.returncode != 0:
            self.failures.append(f'{label}: invalid SPIR-V: {result.stderr.decode()}')

    def check_capabilities(self, label, text, spirv):
        wanted = re.search(r'^// capabilities: (.*)', text, re.M)
        if wanted and set(wanted.group(1).split()) != capabilities(spirv):
            self.failures.append(f'{label}: capabilities: wanted {sorted(wanted.group(1).split())}, '
                                 f'got {sorted(capabilities(spirv))}')

    def check_limits(self, label, text, spirv):
        limit = re.search(r'^// bytes: (\d+)', text, re.M)
        if limit and len(spirv) > int(limit.group(1)):
            self.failures.append(f'{label}: {len(spirv)} bytes of SPIR-V, wanted at most {limit.group(1)}')
        limit = re.search(r'^// seconds: (\S+)', text, re.M)
        if limit and self.seconds > float(limit.group(1)):
            self.failures.append(f'{label}: {self.seconds:.2f} s to compile, wanted at most {limit.group(1)}')

    def finish(self, mode):
        for failure in self.failures:
            print(failure)
        for reason, count in self.skipped.items():
            print(f'skipped {count}: {reason}')
        print(f'{mode}: {self.run} shaders, {len(self.failures)} failures')
        return 1 if self.failures or self.run == 0 else 0


def capabilities(spirv):
    words = struct.unpack(f'<{len(spirv) // 4}I', spirv)
    found, at = set(), 5
    while at < len(words):
        if words[at] & 0xffff == 17:
            found.add(CAPABILITIES.get(words[at + 1], str(words[at + 1])))
        at += words[at] >> 16
    return found


def every_tensor(dtype, shapes):
    """A shader with a tensor of each shape and access, and every function on it called."""
    types, members, statements = [], [], []
    for shape in shapes:
        for access, suffix in (('READ', 'r'), ('WRITE', 'w'), ('READ_WRITE', 'rw')):
            parameters = [('SMELT_TENSOR', 'a'), ('SMELT_DTYPE', f'SMELT_DTYPE_{dtype}'),
                          ('SMELT_RANK', len(shape)), ('SMELT_ACCESS', f'SMELT_ACCESS_{access}')]
            types.append(instance('tensor_tmpl.glsl', parameters + [(f'SMELT_EXTENT{d}', e)
                                                                    for d, e in enumerate(shape)]))
            name = f'a_{dtype.lower()}_{len(shape)}_{suffix}' + ('_' + 'x'.join(map(str, shape)) if shape else '')
            member = f'block.t{len(members)}'
            members.append(f'    {name} t{len(members)};\n')
            statements += calls(member, name, shape, access)
    return HEAD + ''.join(types) + 'layout(buffer_reference, scalar) readonly buffer every_block\n{\n' + \
        ''.join(members) + '};\nlayout(push_constant, scalar) uniform push\n{\n    every_block block;\n};\n' + \
        f'layout(local_size_x = 1) in;\nvoid main()\n{{\n    {DTYPES[dtype]} v = {DTYPES[dtype]}(1);\n' + \
        ''.join(f'    {s}\n' for s in statements) + '}\n'


def calls(tensor, name, shape, access):
    """Statements that call every function on one tensor, in both forms of indices."""
    rank = len(shape)
    forms = [''] if rank == 0 else [f', uint[{rank}]({", ".join(["1"] * rank)})']
    if 1 <= rank <= 4:
        forms.append(', 1' * rank)
    found = []
    for form in forms:
        for kind in ('', '_unchecked'):
            found += [f'v += smelt_load{kind}({tensor}{form});'] if access != 'WRITE' else []
            found += [f'smelt_store{kind}({tensor}{form}, v);'] if access != 'READ' else []
        if rank:
            found.append(f'{name}{"_slice" if any(shape) else ""} s{len(found)}_{tensor[6:]} = '
                         f'smelt_slice({tensor}{form}{form});')
            use = found[-1].split()[1]
            found += [f'v += smelt_load({use}{form});'] if access != 'WRITE' else []
            found += [f'smelt_store({use}{form}, v);'] if access != 'READ' else []
    return found


def names_parameter(messages, name):
    """Whether an error says that the parameter is not defined, alone or as "X_M, _N or _K"."""
    stem, _, suffix = name.rpartition('_')
    together = rf'{stem}_\w+(?:, (?:{stem})?_\w+)* or (?:{stem})?_{suffix}'
    return re.search(rf'glsl: (?:{name}\b|{together}\b|{name}, _).*is not defined', messages) or \
        re.search(rf'glsl: {stem}_\w+, _{suffix}\b.*is not defined', messages)


def fail_samples(runner, sample):
    prefix = sample.parameters[0][0] + '_'
    judged = not runner.skip(sample.text)
    cases = [('without', {name: None}) for name, _ in sample.parameters]
    # An unknown name counts as 0 in #if; where 0 has a meaning the error is an undeclared identifier.
    cases += [('misspelt', {name: 'SMELT_MISSPELT'}) for name, _ in sample.parameters if name not in sample.free]
    cases += [('wrong', changed) for changed in sample.wrong]
    texts = [sample.with_values(changed) for _, changed in cases]
    for line, other in (('#include "smelt/base.glsl"', ''), ('#define SMELT_BACKENDS .*',
                                                             '#define SMELT_BACKENDS SMELT_BACKEND_BIT_DOT8')):
        texts.append(re.sub(line, other, sample.text))  # what they say counts for check_every_error
    for (label, changed), (compiled, messages) in zip(cases, runner.messages(texts)):
        if judged and (compiled or not is_named(messages, prefix, changed)):
            runner.failures.append(f'{sample.name} with {label} {changed}: wanted an error that names it, got:\n{messages}')


def is_named(messages, prefix, changed):
    """Whether an error names one of the parameters or values, or the group X_M and _N."""
    if None in changed.values():
        return names_parameter(messages, *changed)
    wanted = [re.sub(r'_(?:[MNK]|LEFT|RIGHT)$', '', name.removeprefix(prefix)) for name in changed]
    wanted += [f'_{word.lower()}_must_be_' for word in wanted]  # functions that check shapes
    wanted += [f"_{value}'" if value.isdigit() else value for value in changed.values()]  # undeclared identifiers
    return any(word in messages for word in wanted)


def check_every_error(runner):
    """Every #error of a module must have been seen; errors that differ by a number are one."""
    def plain(text):
        return re.sub(r'\d+', 'N', text)
    seen = plain(''.join(runner.seen))
    for path in sorted(glob.glob(os.path.join(runner.root, 'glsl/smelt/*.glsl'))):
        with open(path, encoding='utf-8') as f:
            errors = re.findall(r'^\s*#\s*error[\s\\]*"([^"]*)"', f.read(), re.M)
        for error in sorted({plain(e) for e in errors}):
            if error not in seen:
                runner.failures.append(f'{os.path.basename(path)}: nothing in tests/compile_fail gives the error "{error}"')


def fail(runner):
    tested = {sample.template for sample in samples(runner.root)}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda sample: fail_samples(runner, sample), samples(runner.root)))
    included = set()
    modules = sorted(glob.glob(os.path.join(runner.root, 'glsl/smelt/*.glsl')))
    for path in modules:
        with open(path, encoding='utf-8') as f:
            included |= set(re.findall(r'^#include "smelt/(\w+)"', f.read().replace('.glsl"', '"'), re.M))
    for name in map(os.path.basename, modules):
        if name.endswith('_tmpl.glsl') and name not in tested and name.removesuffix('.glsl') not in included:
            runner.failures.append(f'{name}: no instance in tests/compile_fail/templates')
    shaders = []
    for path in sorted(glob.glob(os.path.join(runner.root, 'tests/compile_fail/*.comp'))):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        expected = re.findall(r'^// expect: (.*)', text, re.M)
        if not expected:
            runner.failures.append(f'{path}: says not what to expect')
        shaders.append((os.path.basename(path), text, expected or ['']))
    runner.must_fail(shaders)
    check_every_error(runner)


def passes(runner):
    survivors = set()
    modules = sorted(glob.glob(os.path.join(runner.root, 'glsl/smelt/*.glsl')))
    for path in modules:
        with open(path, encoding='utf-8') as f:
            text = f.read()
        name = os.path.basename(path)
        if name.endswith('_tmpl.glsl'):
            survivors |= set(re.findall(r'^#define (SMELT_\w+)', text, re.M))
            survivors |= set(re.findall(r'^#undef (SMELT_\w+)', text, re.M))
        else:
            runner.must_pass(name, HEAD + f'#include "smelt/{name}"\n' * 2 + MAIN)
    for sample in samples(runner.root):
        checks = ''.join(f'#if defined({s})\n#error "{s} survives {sample.name}"\n#endif\n' for s in sorted(survivors))
        runner.must_pass(f'{sample.name} leaves nothing defined', sample.with_values({}) + checks)
    for dtype in DTYPES:
        runner.must_pass(f'tensors of {dtype}', every_tensor(dtype, SHAPES[::3]), options=('-O0',))
    for i, shape in enumerate(SHAPES):  # optimising all of a type at once takes a minute
        dtype = list(DTYPES)[i % len(DTYPES)]
        runner.must_pass(f'tensor of {dtype} {shape}', every_tensor(dtype, [shape]), options=('-O',))
    for path in sorted(glob.glob(os.path.join(runner.root, 'tests/compile_pass/*.*'))):
        with open(path, encoding='utf-8') as f:
            runner.must_pass(os.path.basename(path), f.read(), path.rsplit('.', 1)[1])


def docs(runner):
    with open(os.path.join(runner.root, 'docs/glsl.md'), encoding='utf-8') as f:
        text = f.read()
    for found in re.finditer(r'^```glsl (\w+)\n(.*?)^```', text, re.M | re.S):
        line = text.count('\n', 0, found.start()) + 1
        runner.must_pass(f'docs/glsl.md:{line}', found.group(2), found.group(1))


def main():
    mode, glslc, root = sys.argv[1:4]
    runner = Runner(glslc, root, sys.argv[4] if len(sys.argv) > 4 else '')
    {'fail': fail, 'pass': passes, 'docs': docs}[mode](runner)
    return runner.finish(mode)


sys.exit(main())
