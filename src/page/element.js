// Makes elements. A text is only ever a text node or an attribute, so nothing that somebody else wrote becomes HTML.

const svgSpace = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name, value);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// make('button', {type: 'button', click: handler}, 'Send')
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgSpace, tag), attributes, children);
}

// Marks a control for everybody, also for those who hear the page.
export function markInvalid(control, noteId) {
  if (noteId === null) {
    control.removeAttribute('aria-invalid');
    control.removeAttribute('aria-describedby');
  } else {
    control.setAttribute('aria-invalid', 'true');
    control.setAttribute('aria-describedby', noteId);
  }
}

let lastId = 0;
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

// A table of texts and elements, with the first column as headers of its rows.
export function makeTable(caption, columns, rows) {
  return make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption}, make('table', {},
    make('caption', {}, caption),
    make('thead', {}, make('tr', {}, columns.map((column) => make('th', {scope: 'col'}, column)))),
    make('tbody', {}, rows.map((row) => make('tr', {}, row.map((cell, index) =>
      make(index === 0 ? 'th' : 'td', index === 0 ? {scope: 'row'} : {}, cell)))))));
}
