// SPDX-License-Identifier: MIT
// The page of `smelt material compare`: the source on the left of a line, another on its right, and the numbers.
(() => {
  const at = id => document.getElementById(id);
  const view = at('view'), left = at('left'), right = at('right'), line = at('line'), slider = at('slider');
  const maps = Object.keys(data.pictures), others = data.contenders;

  const choices = (select, texts) => texts.forEach((text, i) => select.append(html('option', text, {value: i})));
  choices(at('map'), maps);
  choices(at('mip'), others[0].mips.map((m, i) => i + ': ' + m.width + '\u00d7' + m.height));
  choices(at('other'), others.map(o => o.name.split('/').pop()));
  choices(at('zoom'), ['1', '2', '4', '8', 'as mip 0']);

  // --- The pictures ---------------------------------------------------------------------------------------------------

  function split() {
    const share = slider.value / 1000;
    right.style.clipPath = 'inset(0 0 0 ' + share * 100 + '%)';
    line.style.left = share * 100 + '%';
  }

  function show() {
    const mip = Number(at('mip').value), levels = data.pictures[maps[at('map').value]];
    const pair = levels[mip].others[at('other').value];
    left.src = levels[mip].source;
    right.src = at('heat').checked ? pair.heat : pair.picture;
    at('name').textContent = at('heat').checked ? 'FLIP' : at('other').selectedOptions[0].textContent;
    resize();
    split();
    const m = others[at('other').value].mips[mip].maps[maps[at('map').value]];
    at('told').textContent = 'PSNR ' + number(m.psnr, 2) + ' dB, FLIP ' + number(m.flip, 4) + (data.left_out.length ? '; not on both sides: ' + data.left_out.join(', ') : '');
  }

  // Sizes follow from the zoom when a picture has been decoded.
  function resize() {
    const zoom = Number(at('zoom').value), mip = Number(at('mip').value);
    const factor = zoom < 4 ? 1 << zoom : 1 << mip;
    if (!left.naturalWidth) return;
    for (const image of [left, right]) {
      image.style.width = left.naturalWidth * factor + 'px';
      image.style.height = left.naturalHeight * factor + 'px';
    }
    slider.style.width = left.naturalWidth * factor + 'px';
  }

  const move = event => {
    const box = view.getBoundingClientRect();
    slider.value = 1000 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    split();
  };
  view.addEventListener('pointerdown', event => {
    view.setPointerCapture(event.pointerId);
    move(event);
  });
  view.addEventListener('pointermove', event => { if (view.hasPointerCapture(event.pointerId)) move(event); });
  slider.addEventListener('input', split);
  left.addEventListener('load', resize);
  for (const id of ['map', 'mip', 'other', 'heat', 'zoom']) at(id).addEventListener('input', () => { show(); tell(); });

  // --- The numbers -----------------------------------------------------------------------------------------------------

  const number = (x, digits) => x === undefined ? '' : x === 'inf' ? '\u221e' : x.toFixed(digits);

  // Rows of [name, numbers by contender, digits, whether more is better]; the best number of a row is marked.
  function table(caption, rows) {
    const element = html('table'), head = html('tr');
    element.append(html('caption', caption));
    head.append(html('th'), ...others.map(o => html('th', o.name.split('/').pop())));
    element.append(head);
    for (const [name, values, digits, more] of rows) {
      const row = html('tr'), shown = values.map(v => number(v, digits));
      const order = values.map(v => v === undefined ? NaN : v === 'inf' ? Infinity : v).filter(v => !Number.isNaN(v));
      const best = more === undefined || order.length < 2 ? undefined : more ? Math.max(...order) : Math.min(...order);
      row.append(html('td', name), ...values.map((v, i) => html('td', shown[i], best !== undefined && (v === 'inf' ? Infinity : v) === best ? {class: 'best'} : {})));
      element.append(row);
    }
    return element;
  }

  function tell() {
    const mip = at('mip').value, level = o => o.mips[mip], name = maps[at('map').value];
    const of = (o, key) => level(o).maps[name][key];
    const backends = [...new Set(others.flatMap(o => Object.keys(o.evaluate_ms)))];
    at('numbers').replaceChildren(
      table('Cost', [
        ['bits per texel', others.map(o => o.bits_per_texel), 2],
        ['MiB on the device', others.map(o => o.device_bytes / 1048576), 3],
        ['change from frame to frame, minified (source: ' + data.source.temporal_change.toFixed(5) + ')', others.map(o => o.temporal_change), 5],
        ...backends.map(b => ['ms, ' + b + ' on ' + data.device, others.map(o => o.evaluate_ms[b]), 3]),
      ]),
      table('All maps, mip ' + mip, [
        ['PSNR, dB', others.map(o => level(o).psnr), 2, true],
        ['SSIM', others.map(o => level(o).ssim), 4, true],
        ['FLIP', others.map(o => level(o).flip), 4, false],
        ['Oklab chroma error', others.map(o => level(o).chroma_error), 5, false],
      ]),
      table(name + ', mip ' + mip, [
        ['PSNR, dB', others.map(o => of(o, 'psnr')), 2, true],
        ['FLIP', others.map(o => of(o, 'flip')), 4, false],
        ...['chroma_error', 'angle'].filter(k => others.some(o => of(o, k) !== undefined)).map(k => [k === 'angle' ? 'angle, \u00b0' : 'Oklab chroma error', others.map(o => of(o, k)), 5, false]),
      ]),
      table('PSNR of all maps by mip, dB', others[0].mips.map((m, i) => [i + ': ' + m.width + '\u00d7' + m.height, others.map(o => o.mips[i].psnr), 2, true])));
  }

  show();
  tell();
})();
