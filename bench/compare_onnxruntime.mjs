// SPDX-License-Identifier: MIT
// A network on the software device beside onnxruntime's CPU build, on the same processors: the median time of a run, and by
// how much the first outputs differ.
// onnxruntime-node is no part of the build or the tests:
//     npm install --ignore-scripts onnxruntime-node    (in any folder; run this with NODE_PATH=THAT/node_modules)
//     node bench/compare_onnxruntime.mjs build/tools/smelt/smelt MODEL.onnx INPUT C,H,W [RUNS]
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {availableParallelism, tmpdir} from 'node:os';
import {join} from 'node:path';

const [smelt, model, input, extents, runs = '20'] = process.argv.slice(2);
if (!extents) {
    console.error('usage: compare_onnxruntime.mjs SMELT MODEL.onnx INPUT C,H,W [RUNS]');
    process.exit(2);
}
let ort;
try {
    ort = createRequire(import.meta.url)('onnxruntime-node');
} catch {
    console.error('onnxruntime-node is not here: npm install --ignore-scripts onnxruntime-node, then NODE_PATH');
    process.exit(1);
}

const shape = [1, ...extents.split(',').map(Number)];
const count = shape.reduce((a, b) => a * b);
const median = times => times.sort((a, b) => a - b)[times.length >> 1];

// k / 1024, which f16 has exactly.
function bitsOfHalf(k) {
    const exponent = k ? Math.floor(Math.log2(k)) : 0;
    return k ? (exponent + 5) << 10 | (k << (10 - exponent)) & 1023 : 0;
}

function halfOfBits(bits) {
    const exponent = bits >> 10 & 31, fraction = bits & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    return bits & 32768 ? -size : size;
}

// Of f32 or f16, packed.
function readNpy(path) {
    const file = readFileSync(path), begin = 10 + file.readUInt16LE(8);
    const wide = file.toString('latin1', 10, begin).includes('<f4');
    return Array.from({length: (file.length - begin) / (wide ? 4 : 2)}, (_, i) =>
        wide ? file.readFloatLE(begin + 4 * i) : halfOfBits(file.readUInt16LE(begin + 2 * i)));
}

function writeNpy(path, data) {
    const text = `{'descr': '<f${data.BYTES_PER_ELEMENT}', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
    const padded = text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11) + '\n';
    const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
    writeFileSync(path, Buffer.concat([head, Buffer.from(padded), Buffer.from(data.buffer)]));
}

const session = await ort.InferenceSession.create(model, {intraOpNumThreads: availableParallelism()});
const type = session.inputMetadata.find(({name}) => name === input)?.type ?? 'float32';
const numbers = Array.from({length: count}, (_, i) => (i * 7919) % 1024);
const half = type === 'float16';
const data = half ? Uint16Array.from(numbers, bitsOfHalf) : Float32Array.from(numbers, k => k / 1024);
const feeds = {[input]: new ort.Tensor(type, data, shape)};
const times = [], name = session.outputNames[0];
let wanted;
for (let i = 0; i < 3 + Number(runs); i++) {
    const start = performance.now();
    wanted = (await session.run(feeds))[name];
    if (i >= 3)
        times.push(performance.now() - start);
}
const theirs = median(times);

const folder = mkdtempSync(join(tmpdir(), 'smelt-compare-'));
try {
    const file = join(folder, 'input.npy'), output = join(folder, 'output.npy');
    writeNpy(file, data);
    const json = JSON.parse(execFileSync(smelt, ['run', model, '--input', `${input}=${file}`, '--dtype', 'f32',
        '--repeat', runs, '--output', `${name}=${output}`, '--json'], {encoding: 'utf8'}));
    const want = Array.from(wanted.data, v => wanted.data instanceof Uint16Array ? halfOfBits(v) : v);
    const most = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const off = readNpy(output).reduce((m, v, i) => Math.max(m, Math.abs(v - want[i])), 0);
    console.log(`${model}: smelt ${json.time_ms.toFixed(1)} ms, onnxruntime ${theirs.toFixed(1)} ms, ` +
        `${(json.time_ms / theirs).toFixed(2)} times as long; ${name} differs by ${off.toExponential(1)} of ${most.toExponential(1)}`);
} finally {
    rmSync(folder, {recursive: true});
}
