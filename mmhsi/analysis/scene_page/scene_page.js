// A scene under the pointer. The functions above `show` know nothing of the page, so that they can be tested without one.
const ScenePage = (() => {
  'use strict';
  const NONE = 255;
  const FALSE_COLOUR = 'false colour';

  function unpack(text) {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
    return bytes;
  }

  function decode(data) {
    const maps = {};
    for (const [title, text] of Object.entries(data.maps)) maps[title] = unpack(text);
    return { ...data, cube: unpack(data.cube), picture: unpack(data.picture), maps };
  }

  // values of the bands of a pixel; null without data
  function spectrumAt(scene, row, column) {
    const pixels = scene.height * scene.width;
    const place = row * scene.width + column;
    if (scene.cube[place] === 0) return null;
    return scene.bands.map((_, band) => {
      const level = scene.cube[band * pixels + place];
      return scene.low[band] + ((level - 1) / 254) * (scene.high[band] - scene.low[band]);
    });
  }

  // RGBA of the false colour, or of a map, in which hidden classes are transparent
  function paint(scene, layer, hidden) {
    const pixels = scene.height * scene.width;
    const colours = new Uint8ClampedArray(4 * pixels);
    const labels = scene.maps[layer];
    for (let place = 0; place < pixels; place++) {
      const label = labels ? labels[place] : 0;
      const colour = labels ? scene.palette[label] : scene.picture.subarray(3 * place, 3 * place + 3);
      if (!colour || (labels && (label === NONE || hidden.has(label)))) continue;
      colours[4 * place] = colour[0];
      colours[4 * place + 1] = colour[1];
      colours[4 * place + 2] = colour[2];
      colours[4 * place + 3] = 255;
    }
    return colours;
  }

  // what is said of a pixel
  function describe(scene, row, column) {
    const place = row * scene.width + column;
    const words = [`row ${row * scene.step}, column ${column * scene.step}`];
    for (const [title, labels] of Object.entries(scene.maps)) {
      const label = labels[place];
      words.push(`${title}: ${label === NONE ? 'none' : scene.classes[label]}`);
    }
    return words.join('; ');
  }

  // row and column of a place on a picture that is shown in another size; null outside
  function pixelUnder(scene, x, y, width, height) {
    const column = Math.floor((x / width) * scene.width);
    const row = Math.floor((y / height) * scene.height);
    return row >= 0 && column >= 0 && row < scene.height && column < scene.width ? [row, column] : null;
  }

  // points of a polyline in the frame of the plot
  function polyline(places, values, limits, frame) {
    const [left, right, bottom, top] = limits;
    return values
      .map((value, index) => {
        const x = frame.left + ((places[index] - left) / (right - left || 1)) * frame.width;
        const y = frame.top + (1 - (value - bottom) / (top - bottom || 1)) * frame.height;
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      })
      .join(' ');
  }

  function limitsOf(places, curves) {
    const values = curves.flat();
    return [Math.min(...places), Math.max(...places), Math.min(...values), Math.max(...values)];
  }

  function draw(svg, scene, curves) {
    const frame = { left: 52, top: 10, width: 416, height: 196 };
    const places = scene.wavelengths || scene.bands;
    svg.replaceChildren();
    if (!curves.length) return;
    const limits = limitsOf(places, curves.map((curve) => curve.values));
    const make = (kind, attributes, text) => {
      const element = document.createElementNS(svg.namespaceURI, kind);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      if (text !== undefined) element.textContent = text;
      svg.append(element);
    };
    for (const curve of curves) {
      make('polyline', {
        points: polyline(places, curve.values, limits, frame),
        fill: 'none',
        stroke: curve.colour,
        'stroke-width': curve.dashed ? 1 : 2,
        ...(curve.dashed ? { 'stroke-dasharray': '4 3' } : {}),
      });
    }
    const label = { 'font-size': 11, fill: '#444' };
    make('text', { x: frame.left, y: 226, ...label }, limits[0].toPrecision(4));
    make('text', { x: 468, y: 226, 'text-anchor': 'end', ...label }, limits[1].toPrecision(4));
    make('text', { x: 260, y: 226, 'text-anchor': 'middle', ...label }, scene.wavelengths ? 'wavelength (nm)' : 'band');
    make('text', { x: 48, y: 20, 'text-anchor': 'end', ...label }, limits[3].toPrecision(3));
    make('text', { x: 48, y: 206, 'text-anchor': 'end', ...label }, limits[2].toPrecision(3));
  }

  function show(section) {
    const scene = decode(JSON.parse(section.querySelector('.scene-data').textContent));
    const [below, above] = ['below', 'above'].map((name) => section.querySelector(`canvas.${name}`));
    const [left, right] = ['left', 'right'].map((name) => section.querySelector(`select.${name}`));
    const slider = section.querySelector('.slider');
    const svg = section.querySelector('svg');
    const readout = section.querySelector('.readout');
    const hidden = new Set();
    let kept = null;

    const titles = [FALSE_COLOUR, ...Object.keys(scene.maps)];
    for (const select of [left, right]) {
      for (const title of titles) select.append(new Option(title, title));
    }
    left.value = titles[Math.min(1, titles.length - 1)];
    right.value = titles[titles.length > 2 ? 2 : 0];

    function repaint() {
      for (const [canvas, select] of [[below, right], [above, left]]) {
        const image = new ImageData(paint(scene, select.value, hidden), scene.width, scene.height);
        canvas.getContext('2d').putImageData(image, 0, 0);
      }
      above.style.clipPath = `inset(0 ${100 - Number(slider.value)}% 0 0)`;
    }

    function look(pixel) {
      const curves = [];
      scene.means.forEach((values, label) => {
        if (values && !hidden.has(label)) {
          curves.push({ values, colour: `rgb(${scene.palette[label].join(',')})`, dashed: true });
        }
      });
      const spectrum = pixel && spectrumAt(scene, ...pixel);
      if (spectrum) curves.push({ values: spectrum, colour: '#111', dashed: false });
      if (pixel) readout.textContent = describe(scene, ...pixel) + (spectrum ? '' : '; no data') + (kept ? ' (kept)' : '');
      draw(svg, scene, curves);
    }

    function under(event) {
      const box = below.getBoundingClientRect();
      return pixelUnder(scene, event.clientX - box.left, event.clientY - box.top, box.width, box.height);
    }

    const legend = section.querySelector('.legend');
    scene.classes.forEach((name, label) => {
      const item = document.createElement('li');
      const text = document.createElement('label');
      const box = Object.assign(document.createElement('input'), { type: 'checkbox', checked: true });
      const swatch = document.createElement('i');
      swatch.style.background = `rgb(${scene.palette[label].join(',')})`;
      text.append(box, swatch, name);
      item.append(text);
      legend.append(item);
      box.addEventListener('change', () => {
        if (box.checked) hidden.delete(label);
        else hidden.add(label);
        repaint();
        look(kept);
      });
    });
    for (const control of [left, right, slider]) control.addEventListener('input', repaint);
    const stage = section.querySelector('.stage');
    stage.addEventListener('pointermove', (event) => {
      if (!kept) look(under(event));
    });
    stage.addEventListener('click', (event) => {
      const pixel = under(event);
      kept = kept ? null : pixel;
      look(pixel);
    });
    repaint();
    look(null);
    return { scene, hidden, look, repaint };
  }

  return { unpack, decode, spectrumAt, paint, describe, pixelUnder, polyline, limitsOf, show };
})();

if (typeof module !== 'undefined') module.exports = ScenePage;
else document.querySelectorAll('.scene-page').forEach(ScenePage.show);
