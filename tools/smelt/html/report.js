// SPDX-License-Identifier: MIT
// The page of `smelt inspect`: lays the network out, draws it, and answers the mouse, the keyboard and the search box.
// A link to a state: #node=3 chooses, #search=conv searches, #expand=all opens the fused regions; parts joined by &.
(() => {
  const svg = document.getElementById('graph'), panel = document.getElementById('panel');
  const search = document.getElementById('search'), count = document.getElementById('count');
  const WIDTH = 190, HEIGHT = 44, GAP_X = 26, GAP_Y = 34;
  const open = new Set();
  let boxes = [], chosen = null, view = {x: 0, y: 0, scale: 1}, found = [], at = -1;

  const short = (text, most) => text.length > most ? text.slice(0, most - 1) + '\u2026' : text;
  const time = ns => ns >= 1e6 ? (ns / 1e6).toFixed(2) + ' ms' : (ns / 1e3).toFixed(1) + ' \u00b5s';
  const shape = v => v.dtype + v.shape.map(e => '[' + e + ']').join('');
  const title = node => node.name || (node.outputs.length ? data.values[node.outputs[0]].name : '');
  const bad = v => v.statistics && (v.statistics.nan > 0 || v.statistics.inf > 0);
  const differs = v => v.difference && v.difference.count > 0;

  // --- What is drawn: ends, nodes, and fused regions as one box until they are opened -------------------------------

  function collect() {
    boxes = [];
    const maker = new Map();
    const add = box => {
      box.id = boxes.length;
      boxes.push(box);
      for (const v of box.makes) maker.set(v, box);
    };
    for (const v of data.inputs) add({kind: 'end', value: v, makes: [v], takes: [], nodes: []});
    data.regions.forEach((region, index) => {
      const nodes = region.nodes.map(n => data.nodes[n]);
      if (nodes.length > 1 && !open.has(index))
        add({kind: 'group', region: index, nodes, makes: nodes.flatMap(n => n.outputs), takes: nodes.flatMap(n => n.inputs)});
      else
        for (const node of nodes) add({kind: 'node', region: index, nodes: [node], makes: node.outputs, takes: node.inputs});
    });
    for (const v of data.outputs) add({kind: 'end', value: v, makes: [], takes: [v], nodes: []});
    for (const box of boxes)
      box.from = [...new Set(box.takes.map(v => maker.get(v)).filter(b => b && b !== box))];
  }

  // Rows by the longest way from an input; in a row by the mean place of what a box takes.
  function place() {
    const depth = box => {
      if (box.row === undefined) {
        box.row = 0; // boxes of a region that is not convex would make a cycle
        box.row = box.from.reduce((most, b) => Math.max(most, depth(b) + 1), 0);
      }
      return box.row;
    };
    boxes.forEach(b => { b.row = undefined; });
    boxes.forEach(depth);
    const rows = [];
    boxes.forEach(b => (rows[b.row] = rows[b.row] || []).push(b));
    rows.forEach(row => {
      row.forEach(b => { b.wish = b.from.length ? b.from.reduce((s, f) => s + f.x, 0) / b.from.length : 0; });
      row.sort((a, b) => a.wish - b.wish || a.id - b.id);
      row.forEach((b, i) => {
        b.x = (i - (row.length - 1) / 2) * (WIDTH + GAP_X) + (row.length === 1 ? b.wish : 0);
        b.y = b.row * (HEIGHT + GAP_Y);
      });
    });
  }

  function drawBox(layer, box, longest) {
    const region = box.kind === 'end' ? null : data.regions[box.region];
    const value = box.kind === 'end' ? data.values[box.value] : null;
    const all = box.kind === 'end' ? [value] : box.nodes.flatMap(n => n.outputs.map(v => data.values[v]));
    const names = ['box', box.kind];
    if (all.some(bad)) names.push('bad');
    if (all.some(differs)) names.push('differs');
    const g = make('g', {class: names.join(' '), transform: `translate(${box.x - WIDTH / 2} ${box.y})`, tabindex: 0, role: 'button'});
    g.dataset.box = box.id;
    if (box.kind === 'node') g.dataset.node = box.nodes[0].id;
    if (box.kind === 'group') g.dataset.region = box.region;
    g.append(make('rect', {class: 'body', width: WIDTH, height: HEIGHT, rx: 5}));
    if (region && region.time && longest)
      g.append(make('rect', {class: 'heat', x: 1, y: HEIGHT - 4, height: 3, width: Math.max(1, (WIDTH - 2) * region.time / longest)}));
    const first = value ? value.name : box.kind === 'group' ? '\u25b8 ' + box.nodes.map(n => n.op).join(' + ') : box.nodes[0].op;
    const second = value ? shape(value) : box.kind === 'group' ? box.nodes.length + ' operators in one, ' + time(region.time)
      : title(box.nodes[0]) + (region.nodes.length === 1 && region.time ? ', ' + time(region.time) : '');
    g.append(make('text', {class: 'name', x: 8, y: 18}, short(first, 27)), make('text', {class: 'small', x: 8, y: 33}, short(second, 34)));
    g.append(make('title', {}, first + '\n' + second));
    layer.append(g);
    box.element = g;
  }

  function draw() {
    collect();
    place();
    svg.textContent = '';
    const layer = make('g', {id: 'layer'});
    svg.append(layer);
    for (const box of boxes)
      for (const from of box.from) {
        const y0 = from.y + HEIGHT, middle = (y0 + box.y) / 2;
        layer.append(make('path', {class: 'edge', d: `M${from.x} ${y0}C${from.x} ${middle} ${box.x} ${middle} ${box.x} ${box.y}`}));
      }
    const longest = Math.max(...data.regions.map(r => r.time), 0);
    for (const box of boxes) drawBox(layer, box, longest);
    move();
    if (chosen !== null) mark();
  }

  const move = () => document.getElementById('layer').setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.scale})`);

  function fit() {
    const size = svg.getBoundingClientRect();
    const left = Math.min(...boxes.map(b => b.x)) - WIDTH, right = Math.max(...boxes.map(b => b.x)) + WIDTH;
    const bottom = Math.max(...boxes.map(b => b.y)) + 2 * HEIGHT;
    view.scale = Math.min(1.2, Math.max(0.25, Math.min(size.width / (right - left), size.height / bottom)));
    view.x = size.width / 2 - view.scale * (left + right) / 2;
    view.y = 20;
    move();
  }

  function centre(box) {
    const size = svg.getBoundingClientRect();
    view.scale = Math.max(view.scale, 0.8);
    view.x = size.width / 2 - view.scale * box.x;
    view.y = size.height / 2 - view.scale * (box.y + HEIGHT / 2);
    move();
  }

  // --- The panel ---------------------------------------------------------------------------------------------------

  function table(rows) {
    const element = html('table');
    for (const [key, value] of rows) {
      const row = html('tr');
      row.append(html('th', key), html('td', value));
      element.append(row);
    }
    return element;
  }

  function histogram(h) {
    const most = Math.max(...h, 1), picture = make('svg', {class: 'histogram', viewBox: `0 0 ${h.length} 20`, preserveAspectRatio: 'none'});
    h.forEach((n, i) => picture.append(make('rect', {x: i + 0.05, width: 0.9, y: 20 - 20 * n / most, height: 20 * n / most})));
    return picture;
  }

  function tellValue(v, role) {
    panel.append(html('h3', role + ': ' + v.name));
    const s = v.statistics, rows = [['type', shape(v)]];
    if (v.constant) rows.push(['', 'a constant of the model']);
    if (s) {
      rows.push(['min, max', s.min.toPrecision(6) + ', ' + s.max.toPrecision(6)], ['mean, std', s.mean.toPrecision(6) + ', ' + s.std.toPrecision(6)]);
    }
    panel.append(table(rows));
    if (bad(v)) panel.append(html('p', s.nan + ' NaN, ' + s.inf + ' infinite of ' + s.elements + ' elements', {class: 'flag'}));
    if (v.difference) {
      const d = v.difference;
      panel.append(html('p', d.count ? d.count + ' of ' + d.elements + ' elements differ from ' + data.compare + ', the most by ' + d.largest.toPrecision(3) +
        '; the first at ' + d.index + ': wanted ' + d.want + ', got ' + d.got : 'same as ' + data.compare + ' (' + d.largest.toPrecision(3) + ' at most)',
        d.count ? {class: 'flag'} : {}));
    }
    if (v.histogram) panel.append(histogram(v.histogram));
    if (v.image) panel.append(html('img', undefined, {src: v.image, alt: 'picture of ' + v.name}));
  }

  function tellNode(node, region) {
    panel.append(html('h2', node.op + ' ' + title(node)));
    const rows = Object.entries(node.attributes).map(([k, v]) => [k, Array.isArray(v) ? v.join(', ') : String(v)]);
    if (region.nodes.length > 1) rows.push(['fused with', region.nodes.filter(n => n !== node.id).map(n => data.nodes[n].op + ' ' + title(data.nodes[n])).join(', ')]);
    rows.push(['time', region.time ? time(region.time) + (region.nodes.length > 1 ? ' (of the region)' : '') : 'no dispatch of its own']);
    panel.append(table(rows));
    node.outputs.forEach(v => tellValue(data.values[v], 'output'));
    node.inputs.forEach(v => tellValue(data.values[v], 'input'));
  }

  function tell(box) {
    panel.textContent = '';
    if (box.kind === 'end') {
      panel.append(html('h2', data.inputs.includes(box.value) ? 'Input' : 'Output'));
      tellValue(data.values[box.value], 'value');
      return;
    }
    const region = data.regions[box.region];
    if (region.nodes.length > 1) {
      const button = html('button', open.has(box.region) ? 'Close the fused region' : 'Open the fused region', {id: 'toggle'});
      button.onclick = () => toggle(box.region);
      panel.append(button);
    }
    if (box.kind === 'group')
      panel.append(html('p', 'One dispatch, ' + time(region.time) + ', computes ' + box.nodes.length + ' operators:'));
    box.nodes.forEach(n => tellNode(n, region));
  }

  const mark = () => boxes.forEach(b => b.element.classList.toggle('chosen', b.kind !== 'end' ? b.nodes.some(n => n.id === chosen) : 'end' + b.value === chosen));

  function choose(box) {
    chosen = box.kind === 'end' ? 'end' + box.value : box.nodes[0].id;
    mark();
    tell(box);
  }

  function toggle(region) {
    if (!open.delete(region)) open.add(region);
    draw();
    const box = boxes.find(b => b.region === region);
    choose(box);
    centre(box);
  }

  const boxOfNode = id => boxes.find(b => b.nodes.some(n => n.id === id));

  // --- Search ----------------------------------------------------------------------------------------------------------

  function lookFor(text) {
    const wanted = text.toLowerCase();
    const matches = box => (box.kind === 'end' ? [data.values[box.value].name]
      : box.nodes.flatMap(n => [n.op, n.name, ...n.outputs.map(v => data.values[v].name)])).some(s => s.toLowerCase().includes(wanted));
    found = wanted ? boxes.filter(matches) : [];
    at = -1;
    boxes.forEach(b => b.element.classList.toggle('found', found.includes(b)));
    count.textContent = wanted ? found.length + ' found' : '';
  }

  function next() {
    if (!found.length) return;
    at = (at + 1) % found.length;
    centre(found[at]);
    choose(found[at]);
    count.textContent = (at + 1) + ' of ' + found.length;
  }

  // --- Mouse and keyboard --------------------------------------------------------------------------------------------------

  let drag = null;
  svg.addEventListener('pointerdown', e => { drag = {x: e.clientX - view.x, y: e.clientY - view.y, moved: false, from: [e.clientX, e.clientY]}; });
  window.addEventListener('pointermove', e => {
    if (!drag) return;
    drag.moved = drag.moved || Math.hypot(e.clientX - drag.from[0], e.clientY - drag.from[1]) > 4;
    if (!drag.moved) return;
    svg.classList.add('dragged');
    view.x = e.clientX - drag.x;
    view.y = e.clientY - drag.y;
    move();
  });
  window.addEventListener('pointerup', e => {
    const hit = drag && !drag.moved && e.target.closest && e.target.closest('.box');
    drag = null;
    svg.classList.remove('dragged');
    if (hit) choose(boxes[hit.dataset.box]);
  });
  svg.addEventListener('dblclick', e => {
    const hit = e.target.closest('.box');
    const box = hit && boxes[hit.dataset.box];
    if (box && box.kind !== 'end' && data.regions[box.region].nodes.length > 1) toggle(box.region);
  });
  svg.addEventListener('wheel', e => {
    e.preventDefault();
    const size = svg.getBoundingClientRect(), factor = Math.exp(-e.deltaY * 0.0015);
    const scale = Math.min(4, Math.max(0.05, view.scale * factor)), x = e.clientX - size.left, y = e.clientY - size.top;
    view.x = x - (x - view.x) * scale / view.scale;
    view.y = y - (y - view.y) * scale / view.scale;
    view.scale = scale;
    move();
  }, {passive: false});
  svg.addEventListener('keydown', e => {
    const hit = e.key === 'Enter' && e.target.closest('.box');
    if (hit) choose(boxes[hit.dataset.box]);
  });
  search.addEventListener('input', () => lookFor(search.value));
  search.addEventListener('keydown', e => { if (e.key === 'Enter') next(); });
  document.getElementById('fit').onclick = fit;
  document.getElementById('expand').onclick = () => {
    const all = data.regions.map((r, i) => i).filter(i => data.regions[i].nodes.length > 1), every = all.every(i => open.has(i));
    all.forEach(i => (every ? open.delete(i) : open.add(i)));
    draw();
    fit();
    lookFor(search.value);
  };

  // --- The page --------------------------------------------------------------------------------------------------------------

  document.getElementById('facts').textContent = data.facts;
  const verdict = document.getElementById('verdict');
  if (data.compare) {
    verdict.textContent = data.first_difference === null ? 'same as ' + data.compare
      : 'first difference from ' + data.compare + ': ' + data.nodes[data.first_difference].op + ' ' + title(data.nodes[data.first_difference]);
    if (data.first_difference !== null) {
      verdict.className = 'bad';
      verdict.onclick = () => { const box = boxOfNode(data.first_difference); choose(box); centre(box); };
    }
  }
  const state = new URLSearchParams(location.hash.slice(1));
  if (state.get('expand') === 'all') data.regions.forEach((r, i) => open.add(i));
  draw();
  fit();
  if (state.get('search')) {
    search.value = state.get('search');
    lookFor(search.value);
  }
  if (state.get('node') && boxOfNode(Number(state.get('node')))) {
    const box = boxOfNode(Number(state.get('node')));
    choose(box);
    centre(box);
  } else {
    panel.append(html('p', 'Click an operator. Drag to pan, turn the wheel to zoom, double-click a fused region (dashed) to open it.'));
  }
})();
