// What this tab has made, newest first. It is in memory, and goes with the tab.

import { make } from './element.js';

const most = 40;

export class History {
  constructor(open) {
    this.open = open;
    this.entries = [];
    this.list = make('ol', {class: 'pictures'});
    this.element = make('section', {class: 'history', 'aria-labelledby': 'history-title', hidden: true},
      make('h2', {id: 'history-title'}, 'History of this tab'), this.list);
  }

  // A list of <image-run> that belong together.
  add(runs) {
    this.entries.unshift(runs);
    for (const old of this.entries.splice(most)) {
      old.forEach((run) => run.discard());
    }
    this.show(runs);
  }

  show(current) {
    this.element.hidden = this.entries.length < 2;
    this.list.replaceChildren(...this.entries.map((runs) => {
      const picture = runs.find((run) => run.pictures.length > 0)?.pictures[0];
      const text = runs[0].call.fields.prompt ?? 'A variation';
      return make('li', {}, make('button', {type: 'button', class: 'thumb', title: text, 'aria-label': picture === undefined ? `Show, ${runs[0].state}: ${text}` : `Show: ${text}`,
        'aria-current': String(runs === current), click: () => {
          this.open(runs);
          this.show(runs);
        }}, picture === undefined ? make('span', {class: 'none'}, runs[0].state) : make('img', {src: picture.url, alt: ''})));
    }));
  }
}
