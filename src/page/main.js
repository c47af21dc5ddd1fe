// The page: its views, and the key that all of them use. assemble.sh puts the modules together in the order of these lines.

import { make } from './element.js';
import './words.js';
import './events.js';
import './image_bytes.js';
import { Gateway } from './gateway.js';
import './models.js';
import './sizes.js';
import './price.js';
import './fields.js';
import './mask.js';
import './pictures.js';
import './compare.js';
import './timing.js';
import './samples.js';
import './run.js';
import './history.js';
import { Playground } from './playground.js';

function setting(name) {
  return document.querySelector(`meta[name="image-gateway-${name}"]`).content;
}

function makeKeyField(gateway, changed) {
  const input = make('input', {type: 'password', id: 'key', autocomplete: 'off', spellcheck: 'false', placeholder: 'sk-bf-…'});
  let timer;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    gateway.key = input.value.trim();
    timer = setTimeout(changed, 250);
  });
  return make('div', {class: 'key'}, make('label', {for: 'key'}, 'Key'), input,
    make('span', {class: 'hint'}, 'stays in the memory of this tab'));
}

const gateway = new Gateway(setting('api'));
const playground = new Playground(gateway);
const access = document.getElementById('access');
document.getElementById('main').append(playground.element);

async function enter() {
  const welcome = await playground.load();
  const anybody = gateway.key === '' && welcome === true;
  access.hidden = anybody;
  return welcome;
}

access.append(makeKeyField(gateway, enter));
enter();
