// A control for each parameter of a model: {element, value(), restore(value), mark(message)}.

import { make, markInvalid, newId } from './element.js';
import { hasRule, shapesOf } from './sizes.js';
import { capital, spaced } from './words.js';

const titles = {
  n: 'Images', aspect_ratio: 'Ratio', output_format: 'File format', output_compression: 'Compression', negative_prompt: 'Without',
  num_inference_steps: 'Steps', partial_images: 'Previews', user: 'End user', input_fidelity: 'Fidelity to the input',
};
const hints = {
  negative_prompt: 'What the picture must not show.',
  partial_images: 'Pictures that arrive while the model still works.',
  seed: 'The same seed gives a similar picture again, if the model keeps to it.',
  moderation: 'How strictly the provider filters.',
};

export function titleOf(name) {
  return titles[name] ?? capital(spaced(name));
}

// A label above a control, with room for what is wrong with it.
function field(name, control, changed) {
  const note = make('p', {class: 'mistake', id: newId('mistake'), hidden: true});
  control.id = newId(name);
  control.setAttribute('data-field', name);
  control.addEventListener('input', () => {
    mark('');
    changed();
  });
  const element = make('div', {class: `field ${name}`},
    make('label', {for: control.id}, titleOf(name), hints[name] ? make('span', {class: 'hint'}, hints[name]) : null), control, note);
  function mark(message) {
    note.hidden = message === '';
    note.textContent = message;
    markInvalid(control, message === '' ? null : note.id);
  }
  return {element, mark};
}

function textField(name, spec, changed) {
  const control = name === 'prompt' || name === 'negative_prompt'
    ? make('textarea', {rows: name === 'prompt' ? 4 : 2, maxlength: spec.max_length, spellcheck: 'true'})
    : make('input', {type: 'text', maxlength: spec.max_length ?? 1024, autocomplete: 'off'});
  return {...field(name, control, changed), value: () => control.value, restore: (value) => { control.value = value; }};
}

function choiceField(name, spec, changed) {
  const control = make('select', {}, spec.required ? null : make('option', {value: ''}, spec.default === undefined ? 'default' : `default (${spec.default})`),
    spec.values.map((value) => make('option', {value}, value)));
  return {...field(name, control, changed), value: () => control.value, restore: (value) => { control.value = value; }};
}

function numberField(name, spec, changed) {
  const whole = name !== 'guidance' && name !== 'strength';
  const control = make('input', {type: 'number', min: spec.min, max: spec.max, step: whole ? 1 : 'any', inputmode: whole ? 'numeric' : 'decimal',
    placeholder: name === 'n' ? '1' : 'default'});
  const read = () => (control.value === '' ? '' : Number(control.value));
  const result = {...field(name, control, changed), value: read, restore: (value) => { control.value = value; }};
  if (spec.min !== undefined || spec.max !== undefined) {
    control.title = `${spec.min ?? ''} to ${spec.max ?? ''}`;
  }
  return result;
}

function shapeTile(group, {value, shape, label}) {
  const box = make('span', {class: 'shape', 'aria-hidden': 'true'});
  if (shape === null) {
    box.classList.add('free');
  } else {
    box.style.setProperty('--width', `${shape >= 1 ? 1.7 : 1.7 * shape}rem`);
    box.style.setProperty('--height', `${shape >= 1 ? 1.7 / shape : 1.7}rem`);
  }
  return make('label', {class: 'tile'}, make('input', {type: 'radio', name: group, value}), box, make('span', {}, label));
}

// Tiles in the shape of each size, and two numbers where the model takes any.
function shapeField(name, spec, changed) {
  const group = newId('shape');
  const free = name === 'size' && hasRule(spec);
  const tiles = make('div', {class: 'tiles'}, shapesOf(name, spec).map((shape) => shapeTile(group, shape)));
  tiles.querySelector('input').checked = true;
  const note = make('p', {class: 'mistake', id: newId('mistake'), hidden: true});
  const sides = ['Width', 'Height'].map((side) => make('input', {type: 'number', min: 1, step: spec.multiple_of ?? 1, 'aria-label': `${side} in pixels`, placeholder: side.toLowerCase()}));
  const own = make('div', {class: 'sides', hidden: true}, sides[0], ' × ', sides[1], ' pixels');
  if (free) {
    tiles.append(shapeTile(group, {value: 'own', shape: null, label: 'other'}));
  }
  const element = make('fieldset', {class: `field ${name}`, 'data-field': name, 'aria-describedby': note.id},
    make('legend', {}, titleOf(name)), tiles, own, note);
  const chosen = () => tiles.querySelector(':checked')?.value ?? '';
  element.addEventListener('input', () => {
    own.hidden = chosen() !== 'own';
    mark('');
    changed();
  });
  function mark(message) {
    note.hidden = message === '';
    note.textContent = message;
    element.classList.toggle('wrong', message !== '');
    sides.forEach((side) => markInvalid(side, message === '' ? null : note.id));
  }
  function value() {
    return chosen() !== 'own' ? chosen() : sides.every((side) => side.value !== '') ? `${sides[0].value}x${sides[1].value}` : '';
  }
  function restore(wanted) {
    const tile = [...tiles.querySelectorAll('input')].find((each) => each.value === wanted);
    if (tile !== undefined) {
      tile.checked = true;
    } else if (free && /^\d+x\d+$/.test(wanted)) {
      tiles.querySelector('[value=own]').checked = true;
      own.hidden = false;
      [sides[0].value, sides[1].value] = wanted.split('x');
    }
  }
  return {element, mark, value, restore};
}

const makers = {string: textField, enum: choiceField, range: numberField, size: shapeField, ratio: shapeField};

// The page asks for bytes, and decides itself whether to follow a stream.
const ownFields = ['response_format', 'stream'];
const first = ['prompt', 'size', 'aspect_ratio', 'resolution', 'quality', 'n'];

// All controls of a model, by name; those that most people need come first.
export function makeFields(parameters, changed) {
  const names = Object.keys(parameters).filter((name) => !ownFields.includes(name) && parameters[name].type in makers);
  names.sort((a, b) => (first.indexOf(a) + 1 || 99) - (first.indexOf(b) + 1 || 99));
  return new Map(names.map((name) => [name, {...makers[parameters[name].type](name, parameters[name], changed), isMain: first.includes(name)}]));
}
