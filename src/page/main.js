// The page: its views, and the key that all of them use. assemble.sh puts the modules together in the order of these lines.

import { make, newId } from './element.js';
import './words.js';
import './events.js';
import './image_bytes.js';
import { Gateway } from './gateway.js';
import './models.js';
import './sizes.js';
import './price.js';
import './contract.js';
import './fields.js';
import './mask.js';
import './pictures.js';
import './compare.js';
import './timing.js';
import './samples.js';
import './run.js';
import './history.js';
import { Playground } from './playground.js';
import './charts.js';
import { Board } from './board.js';

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

// Switches between the playground and what goes on; there is nothing to switch without a status.
function makeViews(playground, board) {
  const group = newId('view');
  const show = (index) => {
    playground.element.hidden = index !== 0;
    board.show(index === 1);
  };
  document.getElementById('views').append(make('fieldset', {class: 'switch'}, make('legend', {class: 'unseen'}, 'View'), ['Playground', 'What goes on'].map((title, index) =>
    make('label', {}, make('input', {type: 'radio', name: group, checked: index === 0, input: () => show(index)}), make('span', {}, title)))));
  document.getElementById('views').hidden = false;
}

const gateway = new Gateway(setting('api'));
const playground = new Playground(gateway);
const access = document.getElementById('access');
document.getElementById('main').append(playground.element);
const board = setting('status') === '' ? null : new Board(gateway, setting('status'));
if (board !== null) {
  document.getElementById('main').append(board.element);
  makeViews(playground, board);
}

async function enter() {
  const welcome = await playground.load();
  access.hidden = welcome === true && !playground.models.takesKeys && board === null;
  board?.update();
  return welcome;
}

access.append(makeKeyField(gateway, enter));
enter();
