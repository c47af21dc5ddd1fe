// Charts as inline SVG: bars upon each other for each minute, lines, and bars of a list.

import { make, makeSvg } from './element.js';

const width = 600;
const height = 120;

function roundedUp(value) {
  if (value <= 0) {
    return 1;
  }
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * unit).find((each) => each >= value * 0.999999);
}

// series: [{name, style, valueOf(minute)}]. Each minute has its place, also if others are missing.
function frame({title, minutes, now, top, text, series, summary}, marks) {
  return make('figure', {class: 'chart'},
    make('figcaption', {}, title, make('span', {class: 'hint'}, summary)),
    make('div', {class: 'plot'},
      make('span', {class: 'top'}, text(top)),
      makeSvg('svg', {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${title}: ${summary}`},
        makeSvg('line', {x1: 0, x2: width, y1: height, y2: height, class: 'axis'}),
        makeSvg('line', {x1: 0, x2: width, y1: 0.5, y2: 0.5, class: 'grid'}), marks)),
    make('div', {class: 'row legend'}, make('span', {}, minutes.length === 0 ? 'no requests yet' : `from ${new Date((now - 3600) * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'})} to now`),
      series.map((each) => make('span', {class: `mark ${each.style}`}, each.name))));
}

function placeOf(minute, now) {
  return (width / 60) * (59 - Math.floor((now - minute.minute) / 60));
}

function clockOf(minute) {
  return new Date(minute.minute * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
}

export function barChart(chart) {
  const {minutes, series, now, text} = chart;
  const top = roundedUp(Math.max(0, ...minutes.map((minute) => series.reduce((sum, each) => sum + (each.valueOf(minute) ?? 0), 0))));
  const marks = minutes.map((minute) => {
    let y = height;
    const parts = series.map((each) => {
      const size = ((each.valueOf(minute) ?? 0) / top) * height;
      y -= size;
      return makeSvg('rect', {x: placeOf(minute, now) + 0.5, width: width / 60 - 1, y, height: size, class: each.style});
    });
    const words = series.map((each) => `${text(each.valueOf(minute) ?? 0)} ${each.name}`).join(', ');
    return makeSvg('g', {}, makeSvg('title', {}, `${clockOf(minute)}: ${words}`), parts);
  });
  return frame({...chart, top}, marks);
}

export function lineChart(chart) {
  const {minutes, series, now, text} = chart;
  const top = roundedUp(Math.max(0, ...minutes.flatMap((minute) => series.map((each) => each.valueOf(minute) ?? 0))));
  const marks = series.map((each) => {
    // a minute without a value leaves a gap
    let path = '';
    let before = null;
    for (const minute of minutes) {
      const value = each.valueOf(minute);
      const x = placeOf(minute, now) + width / 120;
      if (value !== null && value !== undefined) {
        path += `${before !== null && x - before < width / 59 ? 'L' : 'M'}${x.toFixed(1)} ${(height - (value / top) * height).toFixed(1)}h0.1`;
        before = x;
      } else {
        before = null;
      }
    }
    return makeSvg('path', {d: path, class: `line ${each.style}`, fill: 'none'}, makeSvg('title', {}, each.name));
  });
  return frame({...chart, top, text}, marks);
}

// rows: [{name, value, text, part}]; `part` from 0 to 1 is how long the bar is.
export function barList(title, rows, none) {
  return make('section', {class: 'bars'}, make('h2', {}, title), rows.length === 0 ? make('p', {class: 'hint'}, none)
    : make('ul', {}, rows.map((row) => make('li', {},
      make('span', {class: 'name'}, row.name), make('span', {class: 'value'}, row.text),
      makeSvg('svg', {viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
        makeSvg('rect', {width: 100, height: 6, class: 'rest'}),
        makeSvg('rect', {width: Math.max(0, Math.min(1, row.part)) * 100, height: 6, class: row.style ?? 'made'}))))));
}
