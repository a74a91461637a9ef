// SPDX-License-Identifier: MIT
// A network on the software device beside onnxruntime's CPU build, on the same processors: the median time of a run.
// onnxruntime-node is no part of the build or the tests:
//     npm install --ignore-scripts onnxruntime-node    (in any folder; run this with NODE_PATH=THAT/node_modules)
//     node bench/compare_onnxruntime.mjs build/tools/smelt/smelt MODEL.onnx INPUT C,H,W [RUNS]
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
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
const times = [];
for (let i = 0; i < 3 + Number(runs); i++) {
    const start = performance.now();
    await session.run(feeds);
    if (i >= 3)
        times.push(performance.now() - start);
}
const theirs = median(times);

const folder = mkdtempSync(join(tmpdir(), 'smelt-compare-'));
try {
    const file = join(folder, 'input.npy');
    writeNpy(file, data);
    const json = JSON.parse(execFileSync(smelt, ['run', model, '--input', `${input}=${file}`, '--dtype', 'f32',
        '--repeat', runs, '--json'], {encoding: 'utf8'}));
    console.log(`${model}: smelt ${json.time_ms.toFixed(1)} ms, onnxruntime ${theirs.toFixed(1)} ms, ` +
        `${(json.time_ms / theirs).toFixed(2)} times as long`);
} finally {
    rmSync(folder, {recursive: true});
}
