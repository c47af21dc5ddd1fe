// <mask-brush>: paints which part of a picture is to be made anew. The mask is a PNG that is transparent there.

import { make, newId } from './element.js';

export class MaskBrush extends HTMLElement {
  painted = false;
  changed = () => {};

  connectedCallback() {
    if (this.canvas !== undefined) {
      return;
    }
    this.image = make('img', {alt: ''});
    this.canvas = make('canvas', {tabindex: '0', role: 'img', 'aria-label': 'Mask. Arrow keys move the brush, the space bar paints.'});
    this.size = make('input', {type: 'range', min: 2, max: 50, value: 12, id: newId('brush')});
    this.erase = make('input', {type: 'checkbox', id: newId('erase')});
    this.cursor = {x: 0.5, y: 0.5};
    this.ring = make('span', {class: 'ring', hidden: true, 'aria-hidden': 'true'});
    this.state = make('span', {class: 'hint', role: 'status'});
    this.append(
      make('p', {class: 'title'}, 'Paint what is to change ', this.state),
      make('div', {class: 'canvas'}, this.image, this.canvas, this.ring),
      make('div', {class: 'row'},
        make('label', {for: this.size.id}, 'Brush'), this.size,
        make('label', {class: 'check', for: this.erase.id}, this.erase, 'Erase'),
        make('button', {type: 'button', click: () => this.clear()}, 'Clear')));
    this.canvas.addEventListener('pointerdown', (event) => this.begin(event));
    this.canvas.addEventListener('pointermove', (event) => this.draw(event));
    for (const type of ['pointerup', 'pointercancel']) {
      this.canvas.addEventListener(type, () => this.end());
    }
    this.canvas.addEventListener('keydown', (event) => this.press(event));
    this.canvas.addEventListener('blur', () => { this.ring.hidden = true; });
    this.size.addEventListener('input', () => this.moveRing());
  }

  async show(picture, spec) {
    this.needed = spec.needed;
    if (this.picture === picture) {
      this.tell();
      return;
    }
    this.picture = picture;
    this.image.src = picture.url;
    await this.image.decode().catch(() => {});
    this.canvas.width = this.image.naturalWidth || 1;
    this.canvas.height = this.image.naturalHeight || 1;
    this.clear();
  }

  clear() {
    this.canvas.getContext('2d').clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.painted = false;
    this.tell();
    this.changed();
  }

  tell() {
    this.state.textContent = this.painted ? 'Only the painted part changes.' : this.needed ? 'This model needs it.' : 'Optional.';
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height};
  }

  begin(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke(this.last, this.last);
  }

  draw(event) {
    if (this.last === undefined) {
      return;
    }
    const here = this.place(event);
    this.stroke(this.last, here);
    this.last = here;
  }

  end() {
    this.last = undefined;
  }

  press(event) {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (step === undefined && event.key !== ' ') {
      return;
    }
    event.preventDefault();
    const before = {...this.cursor};
    if (step !== undefined) {
      this.cursor.x = Math.min(1, Math.max(0, this.cursor.x + step[0] * 0.02));
      this.cursor.y = Math.min(1, Math.max(0, this.cursor.y + step[1] * 0.02));
    }
    this.moveRing();
    if (event.key === ' ' || event.shiftKey) {
      this.stroke(before, this.cursor);
    }
  }

  get width() {
    return (this.size.value / 100) * Math.max(this.canvas.width, this.canvas.height);
  }

  moveRing() {
    this.ring.hidden = document.activeElement !== this.canvas;
    this.ring.style.setProperty('left', `${this.cursor.x * 100}%`);
    this.ring.style.setProperty('top', `${this.cursor.y * 100}%`);
    this.ring.style.setProperty('width', `${(this.width / this.canvas.width) * 100}%`);
  }

  stroke(from, to) {
    const pen = this.canvas.getContext('2d');
    pen.globalCompositeOperation = this.erase.checked ? 'destination-out' : 'source-over';
    pen.strokeStyle = '#e0457b';
    pen.lineWidth = this.width;
    pen.lineCap = 'round';
    pen.beginPath();
    pen.moveTo(from.x * this.canvas.width, from.y * this.canvas.height);
    pen.lineTo(to.x * this.canvas.width + 0.01, to.y * this.canvas.height);
    pen.stroke();
    if (!this.painted && !this.erase.checked) {
      this.painted = true;
      this.tell();
      this.changed();
    }
  }

  // As large as the picture, opaque where it stays.
  mask() {
    const canvas = document.createElement('canvas');
    canvas.width = this.canvas.width;
    canvas.height = this.canvas.height;
    const pen = canvas.getContext('2d');
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.globalCompositeOperation = 'destination-out';
    pen.drawImage(this.canvas, 0, 0);
    return new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
  }
}

customElements.define('mask-brush', MaskBrush);
