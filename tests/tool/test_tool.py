#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The smelt command as a user runs it: outputs, exit statuses, one clear line for every failure.

usage: test_tool.py SMELT [NAME]
"""
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys

from command import (COMPILER, ONNX, ROCK, ROOT, SMELT, WORK, Skip, environment, fails, main, message, need_compiler, need_onnx,
                     path, read_png, run, write)

NET_SHADER = '''#version 460
#include "smelt/base.glsl"
#include "smelt/op/net.glsl"
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer paint_block { net_weights net; };
layout(push_constant, scalar) uniform push { paint_block block; };
layout(location = 0) out vec4 colour;
void main()
{
    net_input x;
    smelt_set(x, 0, gl_FragCoord.x);
    smelt_set(x, 1, gl_FragCoord.y);
    net_output y = net_run(block.net, x);
    colour = vec4(smelt_get(y, 0), smelt_get(y, 1), smelt_get(y, 2), 1.0);
}
'''
NET = 'net=mlp,widths=2-8-3,activations=relu-none'


def test_no_command_and_unknown_command_are_usage_errors():
    assert 'usage' in run(status=2).stderr
    fails('melt', says="no command 'melt'", status=2)


def test_help_of_every_command_exits_with_0():
    for command in ('bench', 'devices', 'compile', 'graph', 'info', 'inspect', 'material', 'pack', 'render', 'run', 'verify',
                    'view'):
        assert 'usage' in run(command, '--help').stdout
        assert command in run('--help').stdout
    assert run('--version').stdout.startswith('smelt ')
    for command in ('train', 'distill', 'compare', 'decode', 'transcode', 'import'):
        assert f'material {command}' in run('material', command, '--help').stdout


def test_a_terminal_sees_progress_and_a_file_does_not():
    need_compiler()
    decode = ['material', 'decode', ROCK, '-o', path('progress'), '--size', '8x8']
    try:
        terminal, end = pty.openpty()
    except OSError as error: # a root without /dev/pts
        raise Skip(f'no pseudo-terminal: {error}') from None
    subprocess.run([SMELT, *decode], stdout=subprocess.DEVNULL, stderr=end, env=environment(), check=True)
    os.close(end)
    assert b'evaluating 8x8 texels' in os.read(terminal, 4096)
    os.close(terminal)
    assert 'evaluating' not in run(*decode).stderr


def test_devices_lists_and_explains():
    text = run('devices').stdout
    assert 'mlp of f16, thread scope, fragment shader: ' in text and 'matmul2d of i8' in text and 'coopmat ' in text
    listed = json.loads(run('devices', '--json').stdout)
    assert listed and listed[0]['usable'] and {op['stage'] for op in listed[0]['ops']} == {'fragment', 'compute'}
    forced = run('devices', env={'SMELT_BACKEND': 'dot8'}).stdout
    assert 'fragment shader: none, mlp on backend dot8' in forced


def test_devices_selftest_has_a_row_per_backend():
    need_compiler()
    listed = json.loads(run('devices', '--selftest', '--json').stdout)
    rows = {row['backend']: row for row in listed[0]['selftest']}
    assert set(rows) == {'portable', 'dot8', 'coopvec', 'coopmat', 'coopmat2'}
    assert rows['portable']['outcome'] == 'right', rows


def test_bench_measures_and_checks():
    need_compiler()
    row = ['bench', 'mlp', '--quick', '--size', '16x4', '--only', '32-32-32-9 compute portable f16']
    assert '--size WxH' in run('bench', 'mlp', '--help').stdout
    text = run(*row).stdout
    assert '32-32-32-9' in text and 'portable f16' in text, text
    table = json.loads(run(*row, '--json').stdout)
    assert [r['variant'] for r in table['mlp']['rows']] == ['portable f16'] and table['mlp']['device'], table
    lines = run(*row, '--csv').stdout.splitlines()
    assert len(lines) == 2 and lines[0].startswith('"scenario","network"') and lines[1].startswith('"mlp","32-32'), lines
    assert len(lines[0].split('","')) == len(lines[1].split('","')), lines
    assert 'matmul' in run('bench', '--help').stdout
    fails('bench', 'abacus', status=2, says="no scenario 'abacus'")
    fails('bench', 'mlp', '--json', '--csv', status=2, says='exclude')
    assert 'usage: bench_mlp' in run('bench', 'mlp', '--sighs', '16x4', status=2).stderr
    own = run('bench', 'mlp', '--quick', '--size', '16x4', '--shape', '32-24-9', '--only', 'compute portable f32').stdout
    assert '32-24-9     compute  portable f32' in own and '32-64' not in own, own
    for shape in '32-24', '16-24-9', '32-257-9', '32-8-8-8-8-9', '32--9', '32-8-9x':
        run('bench', 'mlp', '--shape', shape, status=2)
    for shape in '37x65', '37x65c':
        own = run('bench', 'reduce', '--shape', shape, '--dtype', 'f32', '--only', 'sum of').stdout
        assert 'f32  sum of ' + shape in own and '2 rows, 0 wrong' in own, own
    for shape in '37', '37x0', '37x65t', '37x65cc', '65536x65536':
        run('bench', 'reduce', '--shape', shape, status=2)


def test_no_such_device_and_no_driver():
    fails('devices', '--device', 'abacus', says='abacus')
    none = {'VK_DRIVER_FILES': '/nonexistent.json', 'VK_ICD_FILENAMES': '/nonexistent.json'}
    run('devices', status=1, env=none)
    fails('material', 'decode', ROCK, '-o', path('none'), says='', env=none)


def test_compile_writes_spirv_and_a_depfile():
    need_compiler()
    shader = write('paint.frag', NET_SHADER.replace('#version 460\n', '#version 460\n#include "own file.glsl"\n'))
    write('own file.glsl', '// nothing\n')
    run('compile', shader, '-o', path('paint.spv'), '--op', NET, '--deps', path('paint.d'))
    with open(path('paint.spv'), 'rb') as f:
        assert struct.unpack('<I', f.read(4))[0] == 0x07230203
    with open(path('paint.d'), encoding='utf-8') as f:
        deps = f.read()
    assert deps.startswith(path('paint.spv') + ':') and 'paint.frag' in deps and 'own\\ file.glsl' in deps, deps


def test_compile_writes_bundles_that_info_reads():
    need_compiler()
    shader = write('paint.frag', NET_SHADER)
    run('compile', shader, '-o', path('paint.safetensors'), '--op', NET, '--backends', 'all')
    info = json.loads(run('info', path('paint.safetensors'), '--json', '--verify').stdout)
    assert info['kind'] == 'shader' and any(t['name'].startswith('portable') for t in info['tensors']), info


def test_compile_emits_ops_that_compile_without_the_library():
    need_compiler()
    if not shutil.which('glslc'):
        raise Skip('there is no glslc')
    shader = write('paint.frag', NET_SHADER)
    run('compile', '--emit-ops', path('ops'), '--op', NET, '--stage', 'fragment')
    subprocess.run(['glslc', '--target-env=vulkan1.3', '-DSMELT_BACKENDS=2', '-I', path('ops'), '-I',
                    os.path.join(ROOT, 'glsl'), shader, '-o', path('alone.spv')], check=True)


def test_compile_takes_ops_of_every_kind():
    ops = ['a=matmul2d,scope=subgroup,stored=u4,stored_left=f16,scale=f16,zero=point,block=32,transpose_right,n=32,m=16',
           'b=convolution2d,scope=workgroup,kernel_h=3,kernel_w=3,padding_top=1,weight_layout=oihw,stored=f16',
           'c=reduction,rank=2,axis=1,reduce=arg_max,stored=f32', 'd=softmax,scope=workgroup,rank=3,axis=2,logarithm',
           'e=layer_norm,rank=2,axis=1,scope=subgroup', 'f=rms_norm,rank=2,axis=1', NET]
    run('compile', '--emit-ops', path('kinds'), '--stage', 'compute', *[a for op in ops for a in ('--op', op)])
    with open(path('kinds/smelt/op/a.glsl'), encoding='utf-8') as f:
        text = f.read()
    assert 'SMELT_SCALE_F16' in text and 'SMELT_ZERO_POINT' in text and 'SMELT_DTYPE_U4' in text
    assert 'weight_layout=' in run('compile', '--help').stdout


def test_compile_says_what_is_wrong():
    need_compiler()
    shader = write('bad.frag', '#version 460\n#include "nowhere.glsl"\nvoid main() {}\n')
    fails('compile', shader, '-o', path('x.spv'), says=['bad.frag:2: error', 'nowhere.glsl'])
    shader = write('typo.frag', '#version 460\nvoid main() {\n  int x = y;\n}\n')
    fails('compile', shader, '-o', path('x.spv'), says='typo.frag:3: error')
    fails('compile', path('absent.frag'), '-o', path('x.spv'), says='absent.frag')
    fails('compile', shader, says='-o', status=2)
    fails('compile', shader, '-o', path('x.spv'), '--op', 'net=mlp,widths=2-8-3,activations=rely-none',
          says='activations', status=2)
    fails('compile', shader, '-o', path('x.spv'), '--op', 'net=conv,n=1', says=['conv', 'convolution2d'], status=2)
    fails('compile', shader, '-o', path('x.spv'), '--op', 'net=softmax,rang=2', says=['rang', 'rank'], status=2)
    fails('compile', shader, '-o', path('x.spv'), '--op', 'net=matmul2d,scale=f8', says=['scale', 'ue8m0'], status=2)
    fails('compile', shader, '-o', path('x.spv'), '--op', 'net=matmul2d,bias=1', says='bias', status=2)
    fails('compile', shader, '-o', path('x.spv'), '--backend', 'abacus', says='abacus', status=2)
    fails('compile', write('ok.frag', '#version 460\nvoid main() {}\n'), '-o', '/nonexistent/x.spv',
          says='/nonexistent/x.spv')
    assert not os.path.exists(path('x.spv')), 'a failed compile left an output'


def test_what_needs_a_compiler_says_so_without():
    if COMPILER:
        raise Skip('this build has a compiler')
    shader, says = write('ok.frag', '#version 460\nvoid main() {}\n'), 'this build has no GLSL compiler'
    fails('compile', shader, '-o', path('x.spv'), says=['ok.frag', says])
    fails('compile', shader, '-o', path('x.safetensors'), '--backends', 'all', says=['ok.frag', says])
    fails('material', 'decode', ROCK, '-o', path('maps'), '--size', '8x8', says=says)
    fails('devices', '--selftest', says=says)
    fails('bench', says=says)
    fails('render', '--size', '8x8', '--output', path('x.png'), says=[says, '--bundles'])
    fails('render', '--bake', WORK, says=says)
    for name in ('x.spv', 'x.safetensors', 'maps', 'x.png'):
        assert not os.path.exists(path(name)), f'{name} was left behind'


def test_ops_are_emitted_without_a_compiler_too():
    run('compile', '--emit-ops', path('emitted'), '--op', NET, '--material', f'{ROCK}=rock')
    with open(path('emitted/smelt/op/net.glsl'), encoding='utf-8') as f:
        assert 'smelt/mlp_tmpl.glsl' in f.read()
    assert os.path.exists(path('emitted/rock.glsl'))


def test_info_of_a_material():
    info = json.loads(run('info', ROCK, '--json', '--verify').stdout)
    assert info['kind'] == 'material' and info['material']['layers'] == '32-64-64-9' and info['verified']
    assert 'base_color' in run('info', ROCK).stdout


def corrupt(name, change):
    with open(ROCK, 'rb') as f:
        data = bytearray(f.read())
    data = change(data)
    with open(path(name), 'wb') as f:
        f.write(data)
    return path(name)


def test_info_and_decode_refuse_broken_packages():
    def flip(data):
        data[-1] ^= 1
        return data
    cases = {
        'empty': lambda d: b'',
        'truncated': lambda d: d[:1000],
        'header-too-long': lambda d: struct.pack('<Q', 1 << 40) + d[8:],
        'no-json': lambda d: d[:8] + b'x' * struct.unpack('<Q', d[:8])[0] + d[8 + struct.unpack('<Q', d[:8])[0]:],
        'cut-data': lambda d: d[:-5],
    }
    for name, change in cases.items():
        file = corrupt(name, change)
        fails('info', file, says=name)
        fails('material', 'decode', file, '-o', path('broken'), says=name)
        fails('render', '--material', file, '--output', path('broken.png'), '--size', '32x32', says='')
    fails('info', corrupt('flipped', flip), '--verify', says='latent')
    fails('info', path('absent'), says='absent')
    assert not os.path.exists(path('broken')) and not os.path.exists(path('broken.png'))


def test_graph_shows_what_was_captured_and_what_is_replayed():
    file = os.path.join(ROOT, 'tests/fuzz/graph/chain.json')
    text = run('graph', file).stdout
    assert 'graph "layer": 1 dispatches, 0 barriers' in text and '(2 nodes in one)' in text, text
    text = run('graph', file, '--captured').stdout
    assert '---- barrier ----' in text and 'reads h f32[6][24], gamma f32[24]  writes y f32[6][24]' in text, text
    text = run('graph', file, '--captured', '--dot').stdout
    assert text.startswith('digraph "layer" {') and 'n0 -> n1 [label="h"];' in text and r'scale \"gamma\"' in text, text
    fails('graph', path('absent.json'), says='absent.json')
    fails('graph', write('bad.json', '{"smelt_graph": 2}'), says='graph format 2')
    fails('graph', write('worse.json', '{"smelt_graph": 1, "name": "x", "optimized": [{}]}'), says='label')
    fails('graph', says='one FILE', status=2)
    fails('graph', file, file, says='one FILE', status=2)


def test_decode_writes_a_map_per_channel():
    need_compiler()
    run('material', 'decode', ROCK, '-o', path('maps'), '--size', '40x24')
    components = {'base_color': 3, 'normal': 3, 'occlusion': 1, 'roughness': 1, 'metalness': 1}
    assert sorted(os.listdir(path('maps'))) == sorted(f'{name}.png' for name in components)
    for name, count in components.items():
        width, height, got, rows = read_png(path(f'maps/{name}.png'))
        assert (width, height, got) == (40, 24, count)
    normal = read_png(path('maps/normal.png'))[3]
    blue = [row[i] for row in normal for i in range(2, len(row), 3)]
    assert sum(blue) / len(blue) > 160, 'normals point out of the surface'


def test_decode_in_both_precisions_agrees():
    need_compiler()
    pictures = []
    for precision in ('f32', 'f16'):
        run('material', 'decode', ROCK, '-o', path(precision), '--size', '32x32', '--precision', precision)
        pictures.append([byte for row in read_png(path(f'{precision}/base_color.png'))[3] for byte in row])
    error = sum((a - b) ** 2 for a, b in zip(*pictures)) / len(pictures[0])
    assert error < 255 ** 2 / 10 ** 5, 'less than 50 dB between f32 and f16'


def test_transcode_writes_bc7():
    need_compiler()
    text = run('material', 'transcode', ROCK, '-o', path('bc7'), '--size', '40x24').stdout
    # 10 x 6 blocks, then 5 x 3, 3 x 2, 2 x 1, 1, 1 of 16 bytes behind two headers
    for name, srgb in (('base_color', 99), ('normal', 98), ('occlusion_roughness_metalness', 98)):
        with open(path(f'bc7/{name}.dds'), 'rb') as f:
            data = f.read()
        assert data[:4] == b'DDS ' and data[84:88] == b'DX10' and len(data) == 148 + 16 * (60 + 15 + 6 + 2 + 1 + 1)
        height, width = struct.unpack('<II', data[12:20])
        levels, = struct.unpack('<I', data[28:32])
        assert (width, height, levels) == (40, 24, 6) and struct.unpack('<I', data[128:132])[0] == srgb
    lost = [float(x) for x in re.findall(r'([0-9.]+) dB from the material', text)]
    assert len(lost) == 3 and min(lost) > 29, text
    fails('material', 'transcode', ROCK, says='-o', status=2)


def test_decode_says_what_is_wrong():
    fails('material', says='compare, decode, transcode or import', status=2)
    fails('material', 'bake', says='bake', status=2)
    fails('material', 'decode', ROCK, says='-o', status=2)
    fails('material', 'decode', ROCK, '-o', path('m'), '--size', '0x5', says='0x5', status=2)
    fails('material', 'decode', ROCK, '-o', path('m'), '--precision', 'f64', says='f64', status=2)
    fails('material', 'decode', ROCK, '-o', path('m'), '--backend', 'coopmat', says='coopmat')
    if COMPILER:
        fails('material', 'decode', ROCK, '-o', '/nonexistent/maps', '--size', '8x8', says='/nonexistent/maps')


def test_import_makes_the_package_that_is_shipped():
    plain = os.path.join(os.environ.get('SMELT_SHARED_DATA', os.path.join(ROOT, '../shared/data')),
                         'neural-materials/rock053.safetensors')
    fails('material', 'import', path('absent.safetensors'), '-o', path('y.safetensors'), says='absent')
    fails('material', 'import', ROCK, '-o', path('y.safetensors'), says='rock053')
    assert not os.path.exists(path('y.safetensors'))
    if not os.path.exists(plain):
        raise Skip('the plain training output is not at hand')
    run('material', 'import', plain, '-o', path('rock053.safetensors'))
    with open(path('rock053.safetensors'), 'rb') as a, open(ROCK, 'rb') as b:
        assert a.read() == b.read()


def plain_material(name, drop=None, shape=None, **metadata):
    """A small plain file as a training script leaves it: one hidden layer, one latent of 4 x 4."""
    tensors = {'layer0.weight': ('F16', [8, 16]), 'layer0.bias': ('F16', [8]), 'layer1.weight': ('F16', [9, 8]),
               'layer1.bias': ('F16', [9]), 'latent0': ('U8', [4, 4, 4])}
    tensors.update(shape or {})
    header, end = {'__metadata__': {
        'hidden_layers': '1', 'latent_size': '4', 'input_width': '16', 'latent_remap': '2*x-1', 'activation': 'relu',
        'encoding': 'sin,cos per axis, 2 octaves, frequency 2*pi*2^o*latent_size/8', 'source_size': '16x8',
        'channels': 'base.r,base.g,base.b,normal.r,normal.g,normal.b,orm.r,orm.g,orm.b', 'license': 'CC0', **metadata}}, 0
    for key, (dtype, extents) in tensors.items():
        if key != drop:
            size = {'F16': 2, 'U8': 1}[dtype]
            for extent in extents:
                size *= extent
            header[key] = {'dtype': dtype, 'shape': extents, 'data_offsets': [end, end + size]}
            end += size
    text = json.dumps(header).encode()
    with open(path(name), 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + bytes(end))
    return path(name)


def test_import_says_what_a_plain_file_lacks():
    out = path('imported.safetensors')
    run('material', 'import', plain_material('good.safetensors'), '-o', out, '--name', 'small')
    with open(out, 'rb') as f:
        kept = f.read()
    assert b'"license":"CC0"' in kept and b'\\"name\\":\\"small\\"' in kept
    for says, change in ((['"activation"', 'wanted "relu"', 'got "tanh"'], {'activation': 'tanh'}),
                         ('source_size', {'source_size': '16x'}), ('latent_size', {'latent_size': 'four'}),
                         ('encoding', {'encoding': 'none'}), ('hidden layers', {'hidden_layers': '99'}),
                         ('"layer1.bias"', {'drop': 'layer1.bias'}), ('features', {'drop': 'latent0'}),
                         ('wanted shape [4][4][4], got [4][2][4]', {'shape': {'latent0': ('U8', [4, 2, 4])}}),
                         ('features', {'input_width': '11'})):
        fails('material', 'import', plain_material('bad.safetensors', **change), '-o', out, says=says)
        with open(out, 'rb') as f:
            assert f.read() == kept, 'the older output is as it was'
    assert not os.path.exists(out + '.part')
    fails('material', 'import', path('good.safetensors'), '-o', '/nonexistent/x.safetensors', says='/nonexistent/x')


def test_render_draws_and_refuses():
    need_compiler()
    run('render', '--size', '48x32', '--samples', '1', '--frames', '1', '--output', path('r.png'))
    width, height, _, rows = read_png(path('r.png'))
    assert (width, height) == (48, 32) and len({bytes(row) for row in rows}) > 8, 'a picture of something'
    fails('render', '--size', '48x32', '--output', '/nonexistent/r.png', says='/nonexistent/r.png')
    fails('render', '--backend', 'abacus', says='abacus', status=2)
    fails('render', '--material', path('absent.safetensors'), '--output', path('s.png'), says='absent')


def write_model(name, op):
    """y = op(x, w) with x f32 [N, 4] and w f32 [4, 2]."""
    dims = message(1, message(2, 'N')) + message(1, message(1, 4))
    x = message(1, 'x') + message(2, message(1, message(1, 1) + message(2, dims)))
    w = message(1, 4) + message(1, 2) + message(2, 1) + message(8, 'w') + message(9, struct.pack('<8f', *range(8)))
    node = message(1, 'x') + message(1, 'w') + message(2, 'y') + message(3, 'dense') + message(4, op)
    graph = message(1, node) + message(2, 'tiny') + message(5, w) + message(11, x) + message(12, message(1, 'y'))
    with open(path(name), 'wb') as f:
        f.write(message(1, 8) + message(7, graph) + message(8, message(2, 17)))
    return path(name)


def test_pack_makes_a_network_package():
    if not ONNX:
        fails('pack', 'm.onnx', '-o', path('p.safetensors'), says='this build has no ')
        raise Skip('this build has no ONNX importer')
    out = path('p.safetensors')
    assert '1 operators, 8 parameters' in run('pack', write_model('m.onnx', 'MatMul'), '-o', out).stdout
    text = run('info', '--verify', out).stdout
    for wanted in ('network (a smelt package)', 'f32[N, 4]', 'f32[N, 2]', 'free        N', 'MatMul x1', 'tiny'):
        assert wanted in text, f'{wanted} is not in {text}'
    network = json.loads(run('info', '--json', out).stdout)['network']
    assert network['inputs'] == [{'name': 'x', 'dtype': 'f32', 'shape': ['N', 4]}]
    assert network['outputs'] == [{'name': 'y', 'dtype': 'f32', 'shape': ['N', 2]}]
    assert network['operators'] == {'MatMul': 1} and network['parameters'] == 8 and network['free_extents'] == ['N']
    assert not run('pack', path('m.onnx'), '-o', out, '--dtype', 'f16', '--input-shape', 'x=3,4', '--quiet').stdout
    network = json.loads(run('info', '--json', out).stdout)['network']
    assert network['storage'] == 'f16' and network['weights_size'] == 16
    assert network['outputs'][0]['shape'] == [3, 2] and network['free_extents'] == []


def test_pack_refuses():
    need_onnx()
    model, out = write_model('m.onnx', 'MatMul'), path('refused.safetensors')
    fails('pack', model, says='-o FILE', status=2)
    fails('pack', '-o', out, says='one model', status=2)
    fails('pack', model, '-o', out, '--dtype', 'bf16', says='bf16', status=2)
    fails('pack', model, '-o', out, '--input-shape', 'x', says='NAME=N,C,H,W', status=2)
    run('pack', model, '-o', out, '--quantize', status=2)
    if COMPILER:
        fails('pack', model, '-o', out, '--bake', says='extent "N" of input "x" is free')
    fails('pack', model, '-o', out, '--input-shape', 'z=1,4', says='no input "z"; there are: ')
    fails('pack', model, '-o', out, '--input-shape', 'x=1,5', says=['node "dense" (MatMul)', 'wanted extent 5'])
    fails('pack', path('absent.onnx'), '-o', out, says='absent.onnx')
    fails('pack', write_model('loop.onnx', 'Loop'), '-o', out, says='1 node with an operator that has no support: "dense" (Loop)')
    fails('pack', write('text.onnx', 'no model at all'), '-o', out, says='text.onnx')
    assert not os.path.exists(out), 'nothing is written when it fails'
    fails('pack', model, '-o', '/nonexistent/x.safetensors', says='/nonexistent/x')


sys.exit(main(globals()))
