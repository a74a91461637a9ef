#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No command writes over what it reads, writes two things into one file, or leaves a half of one.

usage: test_outputs.py SMELT [NAME]
"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

from command import ONNX, ROCK, ROOT, SMELT, content, environment, main, need_compiler, need_onnx, path, run, write, write_png

VIEWER = os.environ.get('SMELT_HAVE_VIEWER', '1') == '1'

# Commands that write to standard output alone.
SILENT = {'devices', 'info', 'graph', 'verify', 'bench', 'material'}

# IN is a file that is read, OUT the same file written, OTHER another one. None of them needs to be right: files are compared
# before they are read.
CASES = [
    ('pack IN -o OUT', 'onnx'),
    ('pack --mlp IN --describe OTHER -o OUT', ''),
    ('pack --mlp OTHER --describe IN -o OUT', ''),
    ('run IN -o OUT', '.npy'),
    ('run IN -o y=OUT', '.npy'),
    ('run IN --profile OUT', ''),
    ('run OTHER --input IN -o OUT', '.npy'),
    ('run OTHER --input x=IN -o y=OUT', '.png'),
    ('run OTHER --input a=b=IN -o y=OUT', '.png'),
    ('run OTHER --input x=IN --profile OUT', ''),
    ('run OTHER -o a=IN -o b=OUT', '.npy'),
    ('run OTHER -o a=IN --profile OUT', '.npy'),
    ('inspect IN -o OUT', ''),
    ('inspect OTHER --input x=IN -o OUT', '.npy'),
    ('inspect OTHER --compare DIR -o OUT', '.npy'),
    ('compile IN -o OUT', '.comp'),
    ('compile IN -o OTHER --deps OUT', '.comp'),
    ('compile OTHER -o IN --deps OUT', ''),
    ('compile OTHER --material IN=rock -o OUT', ''),
    ('render --material IN --output OUT', ''),
    ('render --mesh IN --output OUT', ''),
    ('view IN --screenshot OUT', 'viewer'),
    ('view OTHER --source IN --screenshot OUT', 'viewer'),
    ('view OTHER --script IN --screenshot OUT', 'viewer'),
    ('view OTHER --mesh IN --screenshot OUT', 'viewer'),
    ('material import IN -o OUT', ''),
    ('material decode IN -o OUT', ''),
    ('material transcode IN -o OUT', ''),
    ('material compare IN OTHER -o OUT', '.png'),
    ('material compare OTHER IN -o OUT', '.png'),
    ('material compare DIR OTHER -o OUT', '.png'),
    ('material distill --teacher IN -o OUT', ''),
    ('material train --normal IN -o OUT', '.png'),
    ('material train --gltf IN -o OUT', '.gltf'),
    ('material train --normal OTHER -o IN --preview OUT', '.png'),
    ('material train --normal IN -o OTHER --preview OUT', '.png'),
    ('material train --gltf IN -o OTHER --preview OUT', '.gltf'),
]


def spellings(name):
    """The file by its own name, by a roundabout one, by a symbolic and by a hard link of the same ending."""
    folder, file = os.path.split(name)
    yield name
    yield f'{folder}/../{os.path.basename(folder)}/{file}'
    for link, make in ('soft', os.symlink), ('hard', os.link):
        linked = os.path.join(os.path.dirname(folder), link + os.path.splitext(file)[1])
        if os.path.lexists(linked):
            os.remove(linked)
        make(name, linked)
        yield linked


def refused(arguments, kept):
    """One line about it, and the file is as it was."""
    before = content(kept)
    result = run(*arguments, status=2)
    assert len(result.stderr.strip().split('\n')) == 1, f'{arguments}: {result.stderr}'
    assert 'overwrite' in result.stderr, f'{arguments}: {result.stderr}'
    assert content(kept) == before, f'{arguments}: {kept} was changed'


def test_inputs_stay():
    os.makedirs(path('read'), exist_ok=True)
    for case, what in CASES:
        if what == 'onnx' and not ONNX or what == 'viewer' and not VIEWER:
            continue
        name = path('read/given' + (what if what.startswith('.') else ''))
        other = path('other.png')
        for file in name, other:
            with open(file, 'w', encoding='utf-8') as f:
                f.write('kept')
        for out in spellings(name):
            if 'DIR' in case and out.startswith(path('hard')):
                continue  # a second name outside the folder is not known to be in it
            words = {'IN': name, 'OUT': out, 'OTHER': other, 'DIR': path('read')}
            refused([re.sub('IN|OUT|OTHER|DIR', lambda m: words[m[0]], word) for word in case.split()], name)


def test_every_command_is_here():
    commands = set(re.findall(r'^  ([a-z]+) ', run('--help').stdout, re.M))
    materials = set(re.findall(r'smelt material ([a-z]+) ', run('material', '--help').stdout))
    here = {case.split()[0] for case, _ in CASES}
    assert commands == here | SILENT, commands ^ (here | SILENT)
    assert materials == {case.split()[1] for case, _ in CASES if case.startswith('material')}


def test_external_data_stays():
    need_onnx()
    os.makedirs(path('model'), exist_ok=True)
    source = os.path.join(ROOT, 'tests/data/pytorch/convnet_opset18')
    names = [name for name in os.listdir(source) if os.path.isfile(os.path.join(source, name))]
    for name in names:
        shutil.copy(os.path.join(source, name), path('model/' + name))
    data = [name for name in names if not name.endswith('.onnx')]
    assert data, names
    for name in data:
        refused(['pack', path('model/model.onnx'), '-o', path('model/' + name)], path('model/' + name))


def test_calibration_stays():
    need_onnx()
    model = os.path.join(ROOT, 'tests/data/pytorch/convnet_opset18/model.onnx')
    os.makedirs(path('inputs/test_data_set_0'), exist_ok=True)
    for name in 'inputs/x.npy', 'inputs/test_data_set_0/input_0.pb':
        with open(path(name), 'w', encoding='utf-8') as f:
            f.write('kept')
        refused(['pack', model, '--calibrate', path('inputs'), '-o', path(name)], path(name))


def test_folders_of_results():
    """What goes into a folder under names of its own: the package that is decoded, the shader that is compiled."""
    need_compiler()
    os.makedirs(path('results'), exist_ok=True)
    for command, name in ('decode', 'normal.png'), ('transcode', 'normal.dds'):
        shutil.copy(ROCK, path('results/' + name))
        refused(['material', command, path('results/' + name), '-o', path('results'), '--size', '8x8'], path('results/' + name))
    shutil.copy(ROCK, path('results/rock.glsl'))
    refused(['compile', '--material', path('results/rock.glsl') + '=rock', '--emit-ops', path('results')], path('results/rock.glsl'))


def test_pictures_of_a_gltf_file_stay():
    os.makedirs(path('scene'), exist_ok=True)
    picture = write_png('scene/colour.png', 8, 8, 2, lambda x, y: (x, y, 9))
    scene = write('scene/one.gltf', json.dumps({
        'materials': [{'pbrMetallicRoughness': {'baseColorTexture': {'index': 0}}}], 'textures': [{'source': 0}], 'images': [{'uri': 'colour.png'}]}))
    refused(['material', 'train', '--gltf', scene, '-o', picture], picture)
    refused(['material', 'train', '--gltf', scene, '-o', path('scene.safetensors'), '--preview', picture], picture)


def test_a_full_disk_leaves_what_was_there():
    """What has no room is no result: an earlier one keeps its name, and nothing is left beside it."""
    need_compiler()
    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing beyond the limit is then an error
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
    os.makedirs(path('full'), exist_ok=True)
    picture = write_png('picture.png', 8, 8, 2, lambda x, y: (x, y, 9))
    shader = write('full.comp', '#version 460\n#include "smelt/base.glsl"\nlayout(local_size_x = 1) in;\nvoid main() {}\n')
    commands = {'a.spv': ['compile', shader, '-o', path('full/a.spv')],
                'a.safetensors': ['compile', shader, '-o', path('full/a.safetensors'), '--backends', 'portable'],
                'base_color.png': ['material', 'decode', ROCK, '-o', path('full'), '--size', '64'],
                'base_color.dds': ['material', 'transcode', ROCK, '-o', path('full'), '--size', '64'],
                'a.html': ['material', 'compare', picture, picture, '-o', path('full/a.html'), '--no-bc7']}
    for name, arguments in commands.items():
        write('full/' + name, 'earlier')
        told = subprocess.run([SMELT, *arguments], capture_output=True, text=True, env=environment(), preexec_fn=full)
        if told.returncode == -signal.SIGBUS:  # of a driver that keeps the device's memory in files, as Mesa's software device since 2025
            continue
        assert told.returncode == 1 and name in told.stderr and 'File too large' in told.stderr, (arguments, told)
        assert content(path('full/' + name)) == b'earlier', arguments
    assert set(os.listdir(path('full'))) == set(commands), os.listdir(path('full'))


def test_reports_may_be_written_again():
    """A file in a folder that is read, of a kind that is not: a report of the last time."""
    need_compiler()
    os.makedirs(path('maps'), exist_ok=True)
    shutil.copy(os.path.join(ROOT, 'examples/materials/rock053/normal_gl.jpg'), path('maps/normal.jpg'))
    for _ in range(2):
        run('material', 'compare', path('maps'), path('maps/normal.jpg'), '-o', path('maps/report.html'), '--no-bc7')


sys.exit(main(globals()))
