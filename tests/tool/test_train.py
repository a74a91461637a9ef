#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smelt material train as a user runs it: every kind of map, the same bytes twice, going on after Ctrl-C or a lost device, and what it
refuses.

usage: test_train.py SMELT [NAME]
"""
import base64
import json
import math
import os
import random
import re
import struct
import subprocess
import sys

import command
from command import (COMPILER, ROOT, content, disturbed, main, need_compiler, path, read_png, run, write_exr as exr,
                     write_png as png)

QUICK = ('--batch', '256', '--steps', '12', '--bits-per-texel', '40')


def train(*arguments, status=0, env=None):
    return run('material', 'train', *arguments, status=status, env=env)


def fails(*arguments, says, status=1):
    """It says so, and there is no package."""
    out = path('refused.safetensors')
    command.fails('material', 'train', *arguments, *(() if '-o' in arguments else ('-o', out)), says=says, status=status)
    assert not os.path.exists(out) and not os.path.exists(out + '.part')


def flat_normal(name, width, height):
    return png(name, width, height, 2, lambda x, y: (128 + 40 * (x % 2), 128, 240))


def maps(width=33, height=20):
    """One of every kind, not of powers of two."""
    noise = random.Random(1)
    return ('--base-color', png('color.png', width, height, 6, lambda x, y: (7 * x, 12 * y, 90, 255 if x > 4 else 0)),
            '--normal', flat_normal('normal.png', width, height),
            '--roughness', png('rough.png', width, height, 0, lambda x, y: (x * 1900,), bits=16),
            '--ao', png('ao.png', width, height, 3, lambda x, y: (y % 2,), palette=(0, 0, 0, 250, 250, 250)),
            '--height', exr('height.exr', width, height, ['Y'], lambda x, y, c: 3 * noise.random() - 1),
            '--channel', 'wet=' + png('wet.png', width, height, 4, lambda x, y: (3 * x, 200)), '--metalness', '0.25')


def test_every_kind_of_map_and_the_same_bytes_twice():
    need_compiler()
    given = maps()
    first = train(*given, *QUICK, '-o', path('a.safetensors'), '--preview', path('a.png'), '--alpha-mask', '0.5')
    for text in ('latents of 4 bits', 'weights of f16', 'base_color', 'opacity', 'all, mip 5', 'BC7 beside it', 'verdict: '):
        assert text in first.stdout, (text, first.stdout)
    assert 'PSNR' in first.stderr and 's left' in first.stderr
    train(*given, *QUICK, '-o', path('b.safetensors'), '--alpha-mask', '0.5', '--name', 'a')
    assert content(path('a.safetensors')) == content(path('b.safetensors'))
    assert not os.path.exists(path('a.safetensors.state')) and not os.path.exists(path('a.safetensors.part'))
    assert content(path('a.png'))[1:4] == b'PNG'
    info = json.loads(run('info', '--json', '--verify', path('a.safetensors')).stdout)
    assert info['verified'] and info['material']['channels'] == [
        'base_color', 'normal', 'roughness', 'occlusion', 'height', 'wet', 'metalness', 'opacity'], info
    assert info['material']['bits_per_texel'] <= 40
    train(*given, *QUICK, '-o', path('b.safetensors'), '--alpha-mask', '0.5', '--name', 'a', '--seed', '1')
    assert content(path('a.safetensors')) != content(path('b.safetensors'))


LONG = ('--batch', '256', '--bits-per-texel', '40', '--steps', '240', '--name', 'x')


def plan(content, name='plan.json'):
    with open(path(name), 'w', encoding='utf-8') as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return path(name)


def test_a_plan_is_told_and_does_the_same():
    need_compiler()
    given = maps()
    told = train(*given, *QUICK, '--print-plan')
    whole = json.loads(told.stdout)
    assert '12 steps of 256' in told.stderr, told.stderr
    assert whole['latents'][0]['taps'] == 4 and whole['network']['hidden'] == [16, 16] and whole['schedule']['rate'] == 0.01, whole
    assert whole['loss']['maps'] == {'base_color': 1, 'normal': 1, 'wet': 1,
                                     **{name: 3 for name in ('roughness', 'occlusion', 'height', 'metalness', 'opacity')}}, whole
    assert len(whole['samples']['levels']) == 6 and whole['samples']['levels'][0] == 0.31, whole
    again = train(*given, '--plan', plan(whole), '--print-plan')
    assert again.stdout == told.stdout, (again.stdout, told.stdout)
    train(*given, *QUICK, '-o', path('a.safetensors'))
    train(*given, '--plan', path('plan.json'), '-o', path('b.safetensors'), '--name', 'a')
    assert content(path('a.safetensors')) == content(path('b.safetensors'))
    # What a plan leaves out is chosen, and options go before it.
    part = json.loads(train(*given, '--plan', plan({'bits_per_texel': 30, 'schedule': {'steps': 7, 'rate': 0.02}}), '--steps', '9',
                            '--print-plan').stdout)
    assert part['schedule']['batch'] in (2048, 32768)  # of a CPU, of others
    assert part['schedule'] == {'steps': 9, 'batch': part['schedule']['batch'], 'rate': 0.02, 'last_rate': 0.0002, 'latent_rate': 4, 'warmup': 0.01,
                                'frozen': 0.05}, part
    texels = [sum(l['width'] * l['height'] * l['textures'] for l in p['latents']) for p in (part, whole)]
    assert texels[0] < texels[1] and part['samples'] == whole['samples'], (part, whole)


def test_latents_that_the_rate_decides():
    """As many as fit, on texels of the maps or of their mips, and each ends where the next is enough."""
    color = png('rates.png', 128, 80, 2, lambda x, y: (x, y, 9))
    before = 0
    for rate in (2, 5, 8, 11, 24, 60):
        told = train('--base-color', color, '--bits-per-texel', str(rate), '--print-plan')
        takes = float(re.search(r'^([0-9.]+) bits per texel', told.stderr).group(1))
        latents = json.loads(told.stdout)['latents']
        assert before < takes <= rate, (before, takes, rate)
        before = takes
        finest = latents[0]['width']
        assert 128 % finest == 0 and [[l['width'], l['height']] for l in latents] in (
            [[finest >> i, 80 * finest // 128 >> i] for i in (0, 2)], [[finest >> i, 80 * finest // 128 >> i] for i in (0, 1, 2)]), latents
        level = (128 // finest).bit_length() - 1
        assert [l.get('until') for l in latents] == ([level + 2, None] if len(latents) == 2 else [level + 1, level + 2, None]), latents
        assert [l['mips'] for l in latents[:-1]] == [1] * (len(latents) - 1), latents
    assert finest == 128, latents  # never finer than the maps
    wide = {'network': {'inputs': [{'type': 'frequency', 'octaves': 16}]}}  # leaves 64 inputs to the latents
    latents = json.loads(train('--base-color', color, '--plan', plan(wide), '--bits-per-texel', '21', '--print-plan').stdout)['latents']
    assert sum(4 * l['textures'] * l['taps'] for l in latents) <= 64, latents
    relative = json.loads(train('--base-color', color, '--plan', plan({'latents': [{'relative': 2}, {'textures': 2}]}),
                                '--bits-per-texel', '8', '--print-plan').stdout)
    assert relative['latents'][0]['width'] == 2 * relative['latents'][1]['width'], relative


def test_a_plan_with_all_that_it_can_say():
    """What the trainer saw of mips 1 and 2 is what the package gives: fading waves, taps and latents, other latents and inputs agree."""
    need_compiler()
    everything = {
        'latents': [{'width': 16, 'height': 10, 'textures': 1, 'bits': 8, 'taps': 4, 'fade': 1.5, 'mips': 3},
                    {'width': 8, 'height': 5, 'textures': 2}, {'width': 4, 'height': 4, 'bits': 4, 'mips': 1, 'until': 1.5}],
        'network': {'inputs': [{'type': 'frequency', 'octaves': 2, 'period': 2, 'fade': 0.7}, {'type': 'uv'},
                               {'type': 'triangle_wave', 'period': 16, 'fade': 3}, {'type': 'lod', 'maximum': 0.5}, {'type': 'lod'}],
                    'hidden': [24, 40, 16], 'activation': 'silu', 'weights': 'f16'},
        'loss': {'kind': 'l1', 'hue': 3, 'lightness': 1, 'scalar_maps': 2, 'maps': {'normal': 3}},
        'schedule': {'steps': 300, 'batch': 512, 'rate': 0.02, 'last_rate': 0.001, 'latent_rate': 2, 'warmup': 0.1, 'frozen': 0.2},
        'samples': {'levels': [0, 1, 1, 0, 0, 0], 'between': [0.6, 0]}}
    told = train(*maps(), '--plan', plan(everything), '-o', path('whole.safetensors'))
    assert json.loads(train(*maps(), '--plan', path('plan.json'), '--print-plan').stdout)['latents'][2]['until'] == 1.5
    assert re.search(r'latent 3 +4 of 4 bits, 4x4, 1 mip, up to level 1.5\n', run('info', path('whole.safetensors')).stdout)
    seen = float(re.findall(r'PSNR ([0-9.]+) dB', told.stderr)[-1])
    judged = json.loads(run('info', '--json', path('whole.safetensors')).stdout)['material']
    mips = [float(x) for x in re.findall(r'all, mip [12] +([0-9.]+) ', told.stdout)]
    given_back = -10 * math.log10(sum(10 ** (-0.1 * mip) for mip in mips) / 2)
    assert len(mips) == 2 and seen > 25 and abs(seen - given_back) < 1, (seen, mips)
    assert judged['layers'].startswith('48-24-40-16-'), judged


def test_plans_that_are_refused():
    need_compiler()
    given = ('--base-color', png('color.png', 128, 128, 2, lambda x, y: (x, y, 9)), *QUICK[:4])

    def refuse(what, says, *options, status=1):
        fails(*given, *options, '--plan', plan(what), says=says, status=status)
    for what, says in (
            ('', 'not JSON'), ('{"latents": [', 'not JSON'), ('{} x', 'not JSON from byte 3'), ('[]', 'the plan: wanted an object, got an array'),
            ('7', 'got 7'), ('{"loss": {}, "loss": {}}', 'loss: it is there twice'), ('[' * 100000, 'not JSON'), (' ' * 1048577, 'at most 1 MiB'),
            ({'latent': []}, 'latent: no such key; there are bits_per_texel, latents, network, loss, schedule, samples'),
            ({'latents': []}, 'latents: wanted an array of 1 to 4'), ({'latents': [{}] * 5}, 'got an array of 5'),
            ({'latents': [[]]}, 'latents[0]: wanted an object'), ({'latents': [{'bits': 5}]}, 'latents[0].bits: wanted 4 or 8, got 5'),
            ({'latents': [{'taps': 3}]}, 'latents[0].taps: wanted 1 or 4'), ({'latents': [{'width': 8}]}, 'width and height'),
            ({'latents': [{'width': 8, 'height': 8, 'relative': 2}]}, 'or relative'), ({'latents': [{'width': 1e9, 'height': 8}]}, 'got 1000000000'),
            ({'latents': [{'width': 8, 'height': 8}, {}]}, 'of all of them, or of none'), ({'latents': [{'textures': 9}, {'textures': 9}]}, 'got 18'),
            ({'latents': [{'mips': 1.5}]}, 'latents[0].mips: wanted a whole number from 1 to 15, got 1.5'), ({'latents': [{'fade': 0}]}, 'fade'),
            ({'latents': [{'until': 33}]}, 'latents[0].until: wanted a number from 0.001 to 32, got 33'),
            ({'latents': [{'width': 8, 'height': 8}], 'bits_per_texel': 8}, 'bits_per_texel: wanted it, or the extents'),
            ({'latents': [{'textures': 16, 'taps': 4}]}, 'a width is 272, wanted 1 to 128'),
            ({'bits_per_texel': '8'}, 'bits_per_texel: wanted a number from 0.01 to 64, got "8"'), ({'bits_per_texel': 1e300}, 'got 1e+300'),
            ({'network': {'inputs': [{'type': 'padding'}]}}, 'network.inputs[0].type'), ({'network': {'inputs': [{'type': ''}]}}, 'inputs[0].type'),
            ({'network': {'inputs': [{}]}}, 'wanted one of uv, frequency, triangle_wave, lod, got nothing'),
            ({'network': {'inputs': [{'type': 'uv', 'fade': 1}]}}, 'network.inputs[0].fade: no such key; there are type'),
            ({'network': {'inputs': [{'type': 'lod'}] * 7}}, 'an array of 0 to 6'), ({'network': {'hidden': [129]}}, 'hidden[0]: wanted a whole number'),
            ({'network': {'hidden': []}}, 'an array of 1 to 3'), ({'network': {'activation': 'swish'}}, 'wanted one of none, relu'),
            ({'network': {'weights': 'f32'}}, 'wanted one of f16, f8, i8, got "f32"'), ({'loss': {'kind': 2}}, 'wanted one of l1, l2, relative_l2, got 2'),
            ({'loss': {'maps': {'rust': 2}}}, 'loss.maps: "rust" is none of the maps'), ({'loss': {'maps': [1]}}, 'an object of at most 16'),
            ({'loss': {'maps': {'base_color': -1}}}, 'loss.maps.base_color'), ('{"loss": {"hue": NaN}}', 'not JSON'), ({'loss': {'hue': None}}, 'got null'),
            ({'schedule': {'steps': 0}}, 'schedule.steps: wanted a whole number from 1 to 16777216, got 0'), ({'schedule': {'batch': 2}}, '256'),
            ({'schedule': {'frozen': 1}}, 'schedule.frozen'), ({'schedule': {'warmup': True}}, 'got true or false'),
            ({'samples': {'levels': [1, 1]}}, 'wanted 8 levels'), ({'samples': {'levels': [0] * 8}}, 'sum is above 0'),
            ({'samples': {'levels': [1] * 8, 'finest': 1}}, 'not both'), ({'samples': {'between': [1] * 9}}, 'got 0 and 9'),
            ({'samples': {'between': [2]}}, 'samples.between[0]: wanted a number from 0 to 1'), ({'samples': {'between': []}}, 'an array of 1')):
        refuse(what, says)
    sized = {'latents': [{'width': 8, 'height': 8}]}
    refuse(sized, 'neither --bits-per-texel nor', '--bits-per-texel', '8', status=2)
    refuse(sized, 'neither --bits-per-texel nor', '--target-psnr', '20', status=2)
    fails(*given, '--plan', path('absent.json'), says='cannot read')
    fails(*given, '--target-psnr', '20', '--print-plan', says='found by training', status=2)
    fails(*given, '--plan', plan({}), '-o', path('plan.json'), says='plan.json', status=2)


STAND_IN = """import json, sys
arguments = sys.argv[2:]
if arguments[0] == 'train':
    plan = json.load(open(arguments[arguments.index('--plan') + 1])) if '--plan' in arguments else {}
    assert arguments[arguments.index('--metalness') + 1] == '0' and '--roughness' in arguments
    print('trained', file=open(arguments[arguments.index('-o') + 1], 'w'))
    print(json.dumps(plan), file=open(arguments[arguments.index('-o') + 1], 'a'))
else:
    plan = json.loads(open(arguments[2]).read().split(chr(10))[1])
    mips = [{'psnr': p, 'flip': f, 'chroma_error': 0.004} for p, f in ((33.0, 0.05), (40.0, 0.02), (42.0, 0.01))]
    ours, bc7 = ({'bits_per_texel': 7.8, 'temporal_error': 0.006, 'evaluate_ms': {'portable': 3, 'coopvec': 0.5}, 'mips': json.loads(json.dumps(mips))}
                 for _ in range(2))
    ours['temporal_error'] += 0.001 * ('flickers' in plan)
    ours['mips'][1]['psnr'] += -1 if 'blurs' in plan else 1
    ours['mips'][1]['flip'] -= 0.01
    ours['mips'][2] = {'psnr': 'inf', 'flip': 0.015 if 'blurs' in plan else 0, 'chroma_error': 0}
    print(json.dumps({'contenders': [ours, bc7]}))
"""


def test_a_sweep_of_plans():
    """By a stand-in for smelt, whose packages differ by their plans in known ways."""
    folder, out = path('rock'), path('swept')
    os.makedirs(folder, exist_ok=True)
    for name in ('base_color', 'Roughness'):
        os.replace(png('map.png', 16, 8, 0, lambda x, y: (9 * y,)), os.path.join(folder, name + '.png'))
    with open(path('stand_in.py'), 'w', encoding='utf-8') as f:
        f.write(STAND_IN)

    def sweep(*arguments, status=0):
        told = subprocess.run([sys.executable, os.path.join(ROOT, 'bench', 'sweep_train.py'), f'{sys.executable} {path("stand_in.py")}', folder,
                               *arguments, '--out', out], capture_output=True, text=True, check=False)
        assert told.returncode == status, told
        rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in told.stdout.split('\n') if line.startswith('| ')]
        return {row[1]: dict(zip(rows[0], row)) for row in rows[2:]}, told
    plans = plan({'flickers': 1}, 'flickers.json'), plan({'blurs': 1}, 'blurs.json')
    rows, told = sweep(*plans, 'default', '--want', 'rock=33,0.004')
    assert {name: row['missed'] for name, row in rows.items()} == {
        'default': 'none', 'flickers': 'flicker', 'blurs': 'psnr 1; flip 2'}, told.stdout
    assert rows['blurs'] == {**rows['blurs'], 'set': 'rock', 'bits': '7.80', 'ms': '0.500', 'hue': '0.00400', 'PSNR 1': '39.00 / 40.00', 'PSNR 2': 'inf / 42.00',
                             'PSNR 3': '-', 'FLIP 2': '0.0150 / 0.0100', 'flicker': '0.0060 / 0.0060'}, rows
    assert re.findall(r'^  (\w+): ', told.stdout, re.M) == ['default', 'flickers', 'blurs'], told.stdout
    assert sorted(os.listdir(os.path.join(out, 'source-rock'))) == ['Roughness.png', 'ao.png', 'base_color.png', 'metalness.png']
    rows, told = sweep('default', '--want', 'rock=33.5,0.003', '--most-bits', '7')
    assert rows['default']['missed'] == 'bits; psnr 0 < 33.5; hue > 0.003' and rows['default']['s'] == '-', told.stdout  # it was there
    # No training begins beyond the limit; one that fails is told, and the others are done.
    assert '1 not begun' in sweep('default', '--bits', '7', '--limit', '0')[1].stdout
    rows, told = sweep(plan('x', 'wrong.json'), plans[0], '--steps', '5', status=1)
    assert list(rows) == ['flickers'] and 'rock-wrong-' in told.stderr, told
    sweep('absent.json', status=2)


def stopped(given, out):
    """Ctrl-C in the steps behind the first checkpoint; what stands in the state."""
    told = train(*given, '-o', out, env=disturbed('interrupt', out + '.state')).stdout
    assert 0 < int(re.search(r'stopped at step (\d+) of 240', told).group(1)) < 240, told
    assert os.path.exists(out)
    return content(out + '.state')


def test_ctrl_c_leaves_the_package_and_it_goes_on():
    need_compiler()
    # Of the finest mip, as the PSNR in the end is.
    given = (*maps(), *LONG, '--plan', plan({'loss': {'scalar_maps': 1}, 'samples': {'levels': [1, 0, 0, 0, 0, 0], 'between': 0}}))
    out = path('stopped.safetensors')
    stopped(given, out)
    run('info', out)
    for other in (('--seed', '5'), ('--address', 'clamp')):
        assert 'of another training' in train(*given, *other, '--resume', '-o', out, status=1).stderr
    train(*given, '--resume', '-o', out)
    told = train(*given, '-o', path('whole.safetensors'))
    # What the trainer saw is what the package gives: latents, encodings and layers agree.
    seen = float(re.findall(r'PSNR ([0-9.]+) dB', told.stderr)[-1])
    given_back = float(re.search(r'weights of f16 +([0-9.]+) dB', told.stdout).group(1))
    assert seen > 15 and abs(seen - given_back) < 1, (seen, given_back)
    assert content(out) == content(path('whole.safetensors'))


def test_ctrl_c_before_the_first_step_leaves_what_was_there():
    need_compiler()
    out = path('early.safetensors')
    for there in None, b'of another training':
        if there:
            with open(out, 'wb') as f:
                f.write(there)
        told = train(*maps(), *LONG, '-o', out, status=1, env=disturbed('interrupt', ''))
        assert told.stderr == 'smelt: stopped before the first step: nothing was written\n' and not told.stdout, told
        assert (content(out) == there if there else not os.path.exists(out)) and not os.path.exists(out + '.state')


def test_a_lost_device_leaves_the_best_package_and_it_goes_on():
    need_compiler()
    given = (*maps(), *LONG)
    out = path('lost.safetensors')
    # Before anything was written.
    told = train(*given, '-o', out, status=1, env=disturbed('lose', ''))
    assert 'DEVICE_LOST' in told.stderr, told.stderr
    assert not os.path.exists(out) and not os.path.exists(out + '.state')
    # As soon as there is a checkpoint.
    told = train(*given, '-o', out, status=1, env=disturbed('lose', out + '.state'))
    lines = [line for line in told.stderr.strip().split('\n') if line.startswith('smelt: ')]
    assert len(lines) == 2 and 'DEVICE_LOST' in lines[0], told.stderr
    ended, package = map(int, re.search(r'ended at step (\d+): .*lost.safetensors is .* of step (\d+), and --resume', lines[1]).groups())
    assert 0 < package <= ended < 240 and json.loads(run('info', '--json', '--verify', out).stdout)['verified'], lines
    train(*given, '--resume', '-o', out)
    train(*given, '-o', path('never_lost.safetensors'))
    assert content(out) == content(path('never_lost.safetensors'))


def test_the_best_package_stays():
    """A checkpoint writes the package only where the latest samples were met better."""
    need_compiler()
    given = (*maps(), *LONG)
    out = path('best.safetensors')
    state = stopped(given, out)
    with open(out, 'wb') as f:
        f.write(b'better')
    # Of steps that nothing can better: the package stays.
    with open(out + '.state', 'wb') as f:
        f.write(re.sub(rb'"written":"(\d+) [^"]*"', lambda m: b'"written":"%s %s"' % (m[1], b'0' * (len(m[0]) - len(m[1]) - 13)), state))
    stopped((*given, '--resume'), out)
    assert content(out) == b'better'


def test_a_material_of_a_gltf_file_clamped_with_weights_of_8_bits():
    need_compiler()
    png('base color.png', 24, 24, 6, lambda x, y: (9 * x, 9 * y, 90, 255 * (x % 2)))
    png('arm.png', 24, 24, 2, lambda x, y: (255, 10 * x, 10 * y))
    flat_normal('bumps.png', 24, 24)
    table = {'name': 'table', 'pbrMetallicRoughness': {'baseColorTexture': {'index': 0}, 'baseColorFactor': [1, 0.5, 1, 1],
                                                       'metallicRoughnessTexture': {'index': 1}, 'metallicFactor': 0.5},
             'normalTexture': {'index': 2, 'scale': 0.5}, 'occlusionTexture': {'index': 1, 'strength': 0.5},
             'alphaMode': 'MASK', 'alphaCutoff': 0.25}
    document = {'asset': {'version': '2.0'}, 'materials': [table, {'name': 'bare'}],
                'textures': [{'source': i, 'sampler': 0} for i in range(3)], 'samplers': [{'wrapS': 33071, 'wrapT': 33071}],
                'images': [{'uri': 'base%20color.png'}, {'uri': 'arm.png'}, {'uri': 'bumps.png'}]}

    def gltf(**change):
        with open(path('x.gltf'), 'w', encoding='utf-8') as f:
            json.dump({**document, **change}, f)
        return ('--gltf', path('x.gltf'), '--material', 'table')
    told = train(*gltf(), *QUICK, '--weights', 'i8', '-o', path('table.safetensors'))
    assert 'weights of i8' in told.stdout and 'occlusion' in told.stdout and 'opacity' in told.stdout
    described = content(path('table.safetensors'))
    assert b'clamp' in described and b'layer0.scale' in described
    fails('--gltf', path('x.gltf'), '--material', 'chair', says=['chair', 'table'])
    fails('--gltf', path('x.gltf'), '--material', 'bare', says='no textures')
    fails('--gltf', path('x.gltf'), '--material', '1', says='no textures')
    fails('--gltf', path('x.gltf'), '--material', '2', says=['"2"', '0 "table" 1 "bare"'])
    fails(*gltf(), '--normal', 'x.png', says='one of both', status=2)
    fails(*gltf(), '--address', 'repeat', says='samplers', status=2)
    fails(*gltf(), '--alpha-mask', '0.5', says='alphaCutoff', status=2)
    picture = content(path('arm.png'))
    fails(*gltf(), '--preview', path('arm.png'), says='used twice', status=2)
    assert content(path('arm.png')) == picture
    fails('--gltf', path('absent.gltf'), says='No such file')
    fails(*gltf(images=[{'bufferView': 0}] * 3), says='there is none')
    fails(*gltf(images=[{'uri': 'data:image/png,abc'}] * 3), says='base64')
    fails(*gltf(images=[{'uri': 'absent%20%'}] * 3), says='/absent %: No such file')
    fails(*gltf(images=[{'uri': 'absent%5'}] * 3), says='/absent%5: No such file')
    fails(*gltf(images=[{'uri': 'data:image/png;base64,AAAA'}] * 3), says=['image 0', 'PNG or JPEG'])
    fails(*gltf(images=[{'bufferView': 0}] * 3, bufferViews=[{'buffer': 0, 'byteLength': 5}], buffers=[{'byteLength': 5}]), says='0 bytes')
    fails(*gltf(samplers=[{'wrapS': 33648, 'wrapT': 33648}]), says='33648')
    fails(*gltf(textures=[{'source': 9}] * 3), says='there is none')


def glb(name, document, chunk):
    """A binary glTF file; `document` is text, and `chunk` None for a file without bytes."""
    text = document + b' ' * (-len(document) % 4)
    parts = struct.pack('<II', len(text), 0x4e4f534a) + text
    if chunk is not None:
        parts += struct.pack('<II', len(chunk), 0x004e4942) + chunk
    with open(path(name), 'wb') as f:
        f.write(struct.pack('<4sII', b'glTF', 2, 12 + len(parts)) + parts)
    return path(name)


def test_a_gltf_file_with_its_pictures_inside():
    need_compiler()
    color, rough = content(png('in.png', 24, 24, 2, lambda x, y: (9 * x, 9 * y, 7))), content(flat_normal('n.png', 24, 24))
    material = {'name': 'm', 'pbrMetallicRoughness': {'baseColorTexture': {'index': 0}}, 'normalTexture': {'index': 1},
                'emissiveTexture': {'index': 0}, 'emissiveFactor': [0.5, 0.5, 0.5]}
    document = {'asset': {'version': '2.0'}, 'materials': [material], 'textures': [{'source': 0}, {'source': 1}],
                'images': [{'bufferView': 1, 'mimeType': 'image/png'},
                           {'uri': 'data:image/png;base64,' + base64.b64encode(rough).decode()}],
                'bufferViews': [{'buffer': 0, 'byteLength': 4}, {'buffer': 0, 'byteOffset': 4, 'byteLength': len(color)}]}

    def text(**change):
        return json.dumps({**document, 'buffers': [{'byteLength': 4 + len(color)}], **change}).encode()
    told = train('--gltf', glb('x.glb', text(), bytes(4) + color), *QUICK, '-o', path('glb.safetensors'))
    assert all(name in told.stdout for name in ('base_color', 'normal', 'emission')), told.stdout
    with open(path('x.bin'), 'wb') as f:
        f.write(bytes(4) + color)
    with open(path('inside.gltf'), 'wb') as f:
        f.write(text(buffers=[{'byteLength': 4 + len(color), 'uri': 'x.bin'}]))
    train('--gltf', path('inside.gltf'), *QUICK, '-o', path('gltf.safetensors'), '--name', 'glb')
    assert content(path('glb.safetensors')) == content(path('gltf.safetensors'))

    # Bytes that are wrong: nothing behind the end of a chunk is read.
    fails('--gltf', glb('y.glb', text(), bytes(4) + color[:-1]), says='within its buffer')
    fails('--gltf', glb('y.glb', text(bufferViews=[{}, {'buffer': 0, 'byteOffset': -8, 'byteLength': 16}]), color), says='within its buffer')
    fails('--gltf', glb('y.glb', text(bufferViews=[{}, {'buffer': 0, 'byteLength': 1e300}]), color), says='within its buffer')
    fails('--gltf', glb('y.glb', text(), None), says='within its buffer')
    fails('--gltf', glb('y.glb', b'[', bytes(4) + color), says='glTF as JSON')
    fails('--gltf', glb('y.glb', text(materials=[{**material, 'emissiveFactor': [1e300, 0, 0]}]), bytes(4) + color), says=['emission', 'inf'])
    whole = content(path('x.glb'))
    for size, says in ((4, 'version 2'), (19, 'version 2'), (len(whole) // 4, 'version 2'), (len(whole) - 9, 'binary chunk')):
        with open(path('cut.glb'), 'wb') as f:
            f.write(whole[:size])
        fails('--gltf', path('cut.glb'), says=says)


def test_alpha_is_the_opacity():
    """Also of a grey picture, and of a glTF picture that has none: it is 1, and its mips let all pass."""
    need_compiler()
    grey = png('grey_alpha.png', 24, 24, 4, lambda x, y: (200, 10 * y))
    train('--base-color', grey, *QUICK, '-o', path('ga.safetensors'), '--preview', path('ga.png'))
    width, height, components, rows = read_png(path('ga.png'))  # maps above, the package below
    assert (width, height, components) == (48, 48, 3) and [rows[y][3 * 40] for y in (0, 5, 23)] == [0, 50, 230]
    png('opaque.png', 24, 24, 2, lambda x, y: (9, 9, 90))
    with open(path('opaque.gltf'), 'w', encoding='utf-8') as f:
        json.dump({'materials': [{'alphaMode': 'MASK', 'pbrMetallicRoughness': {'baseColorTexture': {'index': 0}}}],
                   'textures': [{'source': 0}], 'images': [{'uri': 'opaque.png'}]}, f)
    told = train('--gltf', path('opaque.gltf'), *QUICK, '-o', path('opaque.safetensors'), '--preview', path('o.png'))
    assert read_png(path('o.png'))[3][5][3 * 40] == 255
    # BC7 of as many bytes begins at a coarser mip.
    assert float(re.search(r'opacity +[0-9.]+ +([0-9.]+)', told.stdout).group(1)) > 40, told.stdout


def test_the_fewest_bits_that_reach_a_psnr_with_weights_of_f8():
    need_compiler()
    color = png('psnr.png', 32, 32, 2, lambda x, y: (6 * x, 6 * y, 90))
    given = ('--base-color', color, '--batch', '256', '--steps', '12', '--weights', 'f8')
    told = train(*given, '--target-psnr', '6', '-o', path('reached.safetensors'))
    found = [float(bits) for bits in re.findall(r'([0-9.]+) bits per texel: [0-9.]+ dB after 3 steps', told.stderr)]
    assert found and 'weights of f8' in told.stdout, (told.stderr, told.stdout)
    assert json.loads(run('info', '--json', path('reached.safetensors')).stdout)['material']['bits_per_texel'] <= min(found)
    train(*given, '--bits-per-texel', str(min(found)), '-o', path('same.safetensors'), '--name', 'reached')
    assert content(path('reached.safetensors')) == content(path('same.safetensors'))
    told = train(*given, '--steps', '200', '--bits-per-texel', '40', '--plan', plan({'loss': {'hue': 0}, 'samples': {'finest': 1}}),
                 '-o', path('tuned.safetensors')).stdout
    assert float(re.search(r'weights of f8 .*\n  the network tuned to them .* dB +([+-][0-9.]+)', told).group(1)) > 0, told
    told = train(*given, '--target-psnr', '79', '-o', path('never.safetensors'), status=1).stderr
    assert 'do not reach it' in told.split('\n')[-2], told
    assert not os.path.exists(path('never.safetensors')) and not os.path.exists(path('never.safetensors.part'))


def test_less_device_memory_tries_smaller_batches():
    need_compiler()
    jpeg = os.path.join(ROOT, 'examples/materials/rock053/base_color.jpg')
    out = path('large.safetensors')
    told = train('--base-color', jpeg, '--size', '512', '--batch', '1024', '--memory', '1', '-o', out, status=1).stderr
    lines = told.strip().split('\n')
    assert 'not enough device memory for a batch of 1024 samples, trying 512' in lines[0], told
    assert 'trying 256' in lines[1] and 'budget' in lines[-1] and len(lines) == 3, told
    assert not os.path.exists(out)


def progressive_jpeg(name, width, height, depth):
    """Grey and flat, in 1 + 63 depth scans: each coefficient by itself, then its bits one by one (ITU T.81, G)."""
    def segment(marker, data):
        return b'\xff' + bytes([marker]) + struct.pack('>H', len(data) + 2) + data
    def scan(first, last, high, low):
        return segment(0xda, bytes([1, 1, 0, first, last, high << 4 | low])) + b'\x7f'  # one code of one bit: 0
    codes = bytes([1] + 15 * [0] + [0])
    data = b'\xff\xd8' + segment(0xdb, b'\0' + 64 * b'\1') + segment(0xc4, b'\0' + codes) + segment(0xc4, b'\x10' + codes)
    data += segment(0xc2, struct.pack('>BHHBBBB', 8, height, width, 1, 1, 0x11, 0)) + scan(0, 0, 0, 0)
    for bit in reversed(range(depth)):
        for k in range(1, 64):
            data += scan(k, k, 0 if bit == depth - 1 else bit + 1, bit)
    with open(path(name), 'wb') as f:
        f.write(data + b'\xff\xd9')
    return path(name)


def test_refuses_files():
    flat = flat_normal('normal.png', 16, 16)
    grey = png('grey.png', 16, 16, 0, lambda x, y: (9,))
    fails('--normal', flat, '--roughness', png('wide.png', 17, 16, 0, lambda x, y: (9,)),
          says=['17x16', '16x16', '--size'])
    fails('--normal', grey, says=['normal', 'grey.png', 'grey'])
    fails('--base-color', path('absent.png'), says=['base_color', 'absent.png', 'No such file'])
    with open(path('text.png'), 'w', encoding='utf-8') as f:
        f.write('no picture at all')
    fails('--base-color', path('text.png'), says=['text.png', 'PNG, JPEG or OpenEXR'])
    with open(path('cut.png'), 'wb') as f:
        f.write(content(flat)[:-30])
    fails('--base-color', path('cut.png'), says='cut.png')
    with open(path('cut.jpg'), 'wb') as f:
        f.write(b'\xff\xd8\xff\xe0' + bytes(40))
    fails('--base-color', path('cut.jpg'), says='cut.jpg')
    # Few bytes, and much memory or time: nothing is taken for them, and what is like them and small is read.
    fails('--roughness', progressive_jpeg('huge.jpg', 20000, 20000, 1), says=['huge.jpg', '20000x20000, wanted 1x1 to 16384x16384'])
    fails('--roughness', progressive_jpeg('scans.jpg', 8, 8, 5), says=['scans.jpg', 'more than 256 scans'])
    fails('--roughness', progressive_jpeg('deep.jpg', 8, 8, 4), '--size', '1x1', says='do not hold the network', status=2)
    fails('--roughness', png('long.png', 16385, 1, 0, lambda x, y: (9,)), says=['long.png', '16385x1, wanted 1x1'])
    whole = content(exr('whole.exr', 4, 4, ['B', 'G', 'R'], lambda x, y, c: 0.5))
    with open(path('cut.exr'), 'wb') as f:
        f.write(whole[:-40])
    fails('--base-color', path('cut.exr'), says='cut.exr')
    nan = exr('nan.exr', 4, 4, ['Y'], lambda x, y, c: float('nan') if (x, y) == (2, 1) else 0)
    fails('--height', nan, says=['nan.exr', 'column 2, row 1', 'NaN'])
    fails('--base-color', exr('z.exr', 4, 4, ['U', 'V'], lambda x, y, c: 0), says=['z.exr', 'R G B'])
    dot = png('dot.png', 1, 1, 0, lambda x, y: (9,))
    fails('--roughness', dot, says=['1x1', 'do not hold the network'], status=2)
    fails('--normal', flat, '-o', '/nonexistent/x.safetensors', says=['/nonexistent/x.safetensors', 'No such file'])
    fails('--gltf', path('text.png'), says='glTF')
    fails('--normal', flat, '-o', os.path.dirname(flat), says='it is a directory')
    fails('--normal', flat, '--preview', '/nonexistent/x.png', says=['/nonexistent/x.png', 'No such file'])
    fails('--roughness', exr('infinite.exr', 4, 4, ['Y'], lambda x, y, c: float('inf') if y == 3 else 0), says=['column 0, row 3', 'infinite'])
    fails('--normal', os.path.dirname(flat), says='no file')
    before = content(flat)
    fails('--normal', flat, '-o', flat, says='used twice', status=2)
    fails('--normal', flat, '--preview', flat, says='used twice', status=2)
    link = path('normal.png.state')
    os.symlink(flat, link)
    fails('--normal', link, '-o', flat[:-4] + '.png', says='used twice', status=2)
    fails('--normal', link, '-o', path('x'), '--preview', path('x.state'), says='used twice', status=2)
    assert content(flat) == before


def test_refuses_options():
    flat = flat_normal('normal.png', 16, 16)
    given = ('--normal', flat)
    fails(says='no maps', status=2)
    fails(*given, '-o', '', says='no output', status=2)
    fails(*given, '--steps', '0', says='--steps 0', status=2)
    fails(*given, '--steps', '1.5', says='whole', status=2)
    fails(*given, '--weights', 'i4', says='f16, f8 or i8', status=2)
    fails(*given, '--bits-per-texel', '5', '--target-psnr', '30', says='one of both', status=2)
    fails(*given, '--resume', '--target-psnr', '30', says='--resume', status=2)
    fails(*given, '-o', path('same'), '--preview', path('same'), says='used twice', status=2)
    fails(*given, '--material', 'x', says='--gltf', status=2)
    fails(*given, '--alpha-mask', '0.5', says='opacity', status=2)
    fails('--roughness', '0.5', '--normal-y', 'down', says='--normal', status=2)
    fails('--roughness', '0.5', says='--size', status=2)
    fails(*given, '--channel', 'normal=x.png', says='twice', status=2)
    fails(*given, '--channel', 'a-b=x.png', says='letters', status=2)
    fails(*given, '--channel', 'x', says='NAME=FILE', status=2)
    fails(*given, '--address', 'mirror', says='repeat or clamp', status=2)
    fails(*given, '--size', '0x5', says='0x5', status=2)
    fails(*given, '--size', '5x', says='WxH or N', status=2)
    fails(*given, '--size', '16385', says='16384', status=2)
    fails(*given, 'more', says='more', status=2)
    fails('--base-color', flat, '--alpha-mask', '0.5', says='opaque', status=2)
    if COMPILER:  # before the first step, but a package says it
        large = ('--size', '24', *QUICK)
        fails('--channel', 'float=' + flat, *large, says=['float', 'GLSL identifier'])
        fails(*given, *large, '--name', b'\xff', says='UTF-8')


sys.exit(main(globals()))
