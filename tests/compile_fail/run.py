#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles the GLSL modules: run.py fail|pass|docs GLSLC SOURCE_ROOT [SPIRV_VAL].

fail  every parameter of every template left out or misspelt, and the shaders of tests/compile_fail: each must not
      compile, with a message that names the file and the parameter ("// expect: TEXT" in a shader)
pass  every module alone, every template leaving nothing defined, tensors of every type, and the shaders of tests/compile_pass:
      each must compile, unoptimised and optimised, to valid SPIR-V with exactly the capabilities in
      "// capabilities: ...", no larger than "// bytes: ..." and in less than "// seconds: ..." of processor time
docs  every shader in docs/glsl.md ("```glsl STAGE") must compile

A shader that needs an extension the compiler lacks is skipped and counted ("// extension: NAME"). Nothing run at all
is a failure.
"""
import glob
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile

CAPABILITIES = {1: 'Shader', 9: 'Float16', 11: 'Int64', 22: 'Int16', 39: 'Int8', 50: 'ImageQuery',
                4433: 'StorageBuffer16BitAccess', 4448: 'StorageBuffer8BitAccess', 5345: 'VulkanMemoryModel',
                5347: 'PhysicalStorageBufferAddresses', 5394: 'CooperativeVectorNV', 6024: 'ReplicatedCompositesEXT'}

TENSOR = [('SMELT_TENSOR', 't', 'name'), ('SMELT_DTYPE', 'SMELT_DTYPE_F32', ''), ('SMELT_RANK', '2', ''),
          ('SMELT_ACCESS', 'SMELT_ACCESS_READ', ''), ('SMELT_EXTENT0', '0', ''), ('SMELT_EXTENT1', '0', '')]
INLINE = [('SMELT_INLINE', 'v', 'name'), ('SMELT_DTYPE', 'SMELT_DTYPE_F32', ''), ('SMELT_RANK', '2', ''),
          ('SMELT_EXTENT0', '3', ''), ('SMELT_EXTENT1', '5', ''),
          ('SMELT_INLINE_BACKEND', 'SMELT_BACKEND_PORTABLE', '')]
MATMUL2D = [('SMELT_MATMUL2D', 'mm', 'name'), ('SMELT_MATMUL2D_SCOPE', 'SMELT_SCOPE_THREAD', ''),
            ('SMELT_MATMUL2D_M', '3', ''), ('SMELT_MATMUL2D_N', '7', ''), ('SMELT_MATMUL2D_K', '5', ''),
            ('SMELT_MATMUL2D_TRANSPOSE_RIGHT', '0', ''), ('SMELT_MATMUL2D_ACCUMULATE', '0', ''),
            ('SMELT_MATMUL2D_BIAS', '0', ''), ('SMELT_MATMUL2D_ACTIVATION', 'SMELT_ACTIVATION_NONE', ''),
            ('SMELT_MATMUL2D_STORED', 'SMELT_DTYPE_F16', ''), ('SMELT_MATMUL2D_SCALE', 'SMELT_SCALE_NONE', ''),
            ('SMELT_MATMUL2D_COMPUTED', 'SMELT_DTYPE_F32', ''),
            ('SMELT_MATMUL2D_ACCUMULATED', 'SMELT_DTYPE_F32', ''),
            ('SMELT_MATMUL2D_LAYOUT', 'SMELT_LAYOUT_OPTIMAL', ''), ('SMELT_MATMUL2D_LEFT', 'v', ''),
            ('SMELT_MATMUL2D_RESULT', 'r', ''), ('SMELT_MATMUL2D_BACKEND', 'SMELT_BACKEND_PORTABLE', '')]
MLP = [('SMELT_MLP', 'net', 'name'), ('SMELT_MLP_LAYERS', '2', ''), ('SMELT_MLP_WIDTH0', '3', ''),
       ('SMELT_MLP_WIDTH1', '5', ''), ('SMELT_MLP_WIDTH2', '7', ''),
       ('SMELT_MLP_ACTIVATION0', 'SMELT_ACTIVATION_RELU', ''), ('SMELT_MLP_ACTIVATION1', 'SMELT_ACTIVATION_NONE', ''),
       ('SMELT_MLP_BIAS', '1', ''), ('SMELT_MLP_STORED', 'SMELT_DTYPE_F16', ''),
       ('SMELT_MLP_COMPUTED', 'SMELT_DTYPE_F32', ''), ('SMELT_MLP_ACCUMULATED', 'SMELT_DTYPE_F32', ''),
       ('SMELT_MLP_LAYOUT', 'SMELT_LAYOUT_OPTIMAL', ''), ('SMELT_MLP_BACKEND', 'SMELT_BACKEND_PORTABLE', '')]
BILINEAR = [('SMELT_BILINEAR', 'fetch', 'name'), ('SMELT_BILINEAR_SOURCE', 'uint', 'name'),
            ('SMELT_BILINEAR_SIZE', 'the_size', ''), ('SMELT_BILINEAR_TEXEL', 'the_texel', '')]
ACTIVATION = [('SMELT_ACTIVATION_TYPE', 'vec3', 'name'), ('SMELT_ACTIVATION_WIDE', 'vec3', 'name')]
RESULT = [('SMELT_INLINE', 'r', 'name'), ('SMELT_DTYPE', 'SMELT_DTYPE_F32', ''), ('SMELT_RANK', '2', ''),
          ('SMELT_EXTENT0', '3', ''), ('SMELT_EXTENT1', '7', ''),
          ('SMELT_INLINE_BACKEND', 'SMELT_BACKEND_PORTABLE', '')]

# Element types: the name in struct names, the type of a value.
DTYPES = {'F32': 'float', 'F16': 'float', 'BF16': 'float', 'F8E4M3': 'float', 'F8E5M2': 'float', 'I8': 'int',
          'U8': 'uint', 'I16': 'int', 'U16': 'uint', 'I32': 'int', 'U32': 'uint', 'I4': 'int', 'U4': 'uint'}
# Ranks, with extents of which none, some and all are known.
SHAPES = [(), (0,), (5,), (0, 0), (0, 3), (4, 3), (0, 0, 4), (2, 3, 4), (0, 3, 0, 4), (2, 3, 4, 5), (0,) * 5,
          (2,) * 5, (0,) * 15 + (2,)]

HEAD = '#version 460\n#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE\n#include "smelt/base.glsl"\n'
TEXELS = 'ivec2 the_size(uint s, int mip)\n{\n    return ivec2(4);\n}\n' \
         'vec4 the_texel(uint s, ivec2 p, int mip)\n{\n    return vec4(p, mip, s);\n}\n'
MAIN = 'layout(local_size_x = 1) in;\nvoid main()\n{\n}\n'


def instance(template, parameters):
    lines = [f'#define {name} {value}' for name, value, _ in parameters if value is not None]
    return '\n'.join(lines) + f'\n#include "smelt/{template}"\n'


# Each template: what must stand before it, and its parameters.
TEMPLATES = {
    'tensor_tmpl.glsl': ('', TENSOR),
    'inline_tensor_tmpl.glsl': ('', INLINE),
    'matmul2d_tmpl.glsl': (instance('inline_tensor_tmpl.glsl', INLINE) + instance('inline_tensor_tmpl.glsl', RESULT),
                           MATMUL2D),
    'mlp_tmpl.glsl': ('', MLP),
    'bilinear_tmpl.glsl': (TEXELS, BILINEAR),
    'activation_tmpl.glsl': ('', ACTIVATION),
}


class Runner:
    def __init__(self, glslc, root, validator):
        self.glslc, self.root, self.validator = glslc, root, validator
        self.run, self.skipped, self.failures = 0, {}, []
        self.folder = tempfile.TemporaryDirectory()
        self.extensions = {}

    def compile(self, text, stage='comp', options=('-O0',)):
        """Returns the exit status, the messages and the SPIR-V."""
        path, out = os.path.join(self.folder.name, f'shader.{stage}'), os.path.join(self.folder.name, 'shader.spv')
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

    def must_fail(self, label, text, expected):
        if self.skip(text):
            return
        self.run += 1
        status, messages, _ = self.compile(text)
        if status == 0:
            self.failures.append(f'{label}: compiled, wanted an error with "{expected[0]}"')
        elif status < 0:
            self.failures.append(f'{label}: the compiler crashed')
        elif not all(e in messages for e in expected):
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
            parameters = [('SMELT_TENSOR', 'a', ''), ('SMELT_DTYPE', f'SMELT_DTYPE_{dtype}', ''),
                          ('SMELT_RANK', len(shape), ''), ('SMELT_ACCESS', f'SMELT_ACCESS_{access}', '')]
            types.append(instance('tensor_tmpl.glsl', parameters + [(f'SMELT_EXTENT{d}', e, '')
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


def fail(runner):
    for template, (before, parameters) in TEMPLATES.items():
        for i, (name, _, kind) in enumerate(parameters):
            def changed(value):
                return HEAD + before + instance(template, parameters[:i] + [(name, value, kind)] + parameters[i + 1:]) \
                    + MAIN
            file = 'tensor_tmpl.glsl' if name.startswith('SMELT_EXTENT') else template
            file = 'mlp_tmpl.glsl' if template.startswith('mlp') else file
            runner.must_fail(f'{template} without {name}', changed(None), [f'{file}: {name} (', 'is not defined'])
            # An unknown name counts as 0 in #if; where 0 has a meaning the error is an undeclared identifier.
            if kind != 'name':
                status, messages, _ = runner.compile(changed('SMELT_MISSPELT'))
                runner.run += 1
                if status == 0 or (name not in messages and 'SMELT_MISSPELT' not in messages):
                    runner.failures.append(f'{template} with misspelt {name}: wanted an error that names it, got:\n'
                                           f'{messages}')
    for path in sorted(glob.glob(os.path.join(runner.root, 'tests/compile_fail/*.comp'))):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        expected = re.findall(r'^// expect: (.*)', text, re.M)
        if not expected:
            runner.failures.append(f'{path}: says not what to expect')
        runner.must_fail(os.path.basename(path), text, expected or [''])


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
    for template, (before, parameters) in TEMPLATES.items():
        text = HEAD + before + instance(template, parameters)
        text += ''.join(f'#if defined({s})\n#error "{s} survives {template}"\n#endif\n' for s in sorted(survivors))
        runner.must_pass(f'{template} leaves nothing defined', text + MAIN)
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
