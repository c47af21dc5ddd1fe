// <image-compare>: two pictures over each other, and a slider that moves the edge between them.

import { make, newId } from './element.js';

export class ImageCompare extends HTMLElement {
  // Each {url, label}.
  show(left, right) {
    this.slider = make('input', {type: 'range', min: 0, max: 100, value: 50, id: newId('edge'), 'aria-label': `Edge between ${left.label} and ${right.label}`});
    this.slider.addEventListener('input', () => this.move());
    this.replaceChildren(
      make('div', {class: 'pair'},
        make('img', {src: right.url, alt: right.label}),
        make('img', {src: left.url, alt: left.label, class: 'over'}),
        make('span', {class: 'edge', 'aria-hidden': 'true'})),
      make('div', {class: 'row'}, make('span', {}, left.label), this.slider, make('span', {}, right.label)));
    this.move();
  }

  move() {
    this.style.setProperty('--edge', `${this.slider.value}%`);
  }
}

customElements.define('image-compare', ImageCompare);
