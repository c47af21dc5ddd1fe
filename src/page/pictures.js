// <picture-input>: pictures that a request begins with, by drop, paste and file dialog, and the mask of the first.

import { make, markInvalid, newId } from './element.js';
import { kindOf } from './image_bytes.js';
import './mask.js';
import { bytes } from './words.js';

export class PictureInput extends HTMLElement {
  pictures = [];
  spec = {max: 1, formats: ['png', 'jpeg', 'webp'], mask: null};
  changed = () => {};

  connectedCallback() {
    if (this.list !== undefined) {
      return;
    }
    this.file = make('input', {type: 'file', id: newId('file'), accept: 'image/*', multiple: true, class: 'file'});
    this.file.addEventListener('change', () => {
      this.add(this.file.files);
      this.file.value = '';
    });
    this.list = make('ul', {class: 'pictures', 'aria-label': 'Input pictures'});
    this.note = make('p', {class: 'mistake', id: newId('mistake'), hidden: true, role: 'alert'});
    this.hint = make('span', {class: 'hint'});
    this.drop = make('label', {class: 'drop', for: this.file.id}, 'Input pictures', this.hint, this.file);
    this.brush = make('mask-brush', {hidden: true});
    this.brush.changed = () => this.changed();
    for (const type of ['dragenter', 'dragover']) {
      this.drop.addEventListener(type, (event) => {
        event.preventDefault();
        this.drop.classList.add('over');
      });
    }
    this.drop.addEventListener('dragleave', () => this.drop.classList.remove('over'));
    this.drop.addEventListener('drop', (event) => {
      event.preventDefault();
      this.drop.classList.remove('over');
      this.add(event.dataTransfer.files);
    });
    this.append(this.drop, this.list, this.note, this.brush);
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith('image/'));
      if (!this.hidden && files.length > 0) {
        event.preventDefault();
        this.add(files);
      }
    });
    this.use(this.spec);
  }

  // What the chosen model takes.
  use(spec) {
    this.spec = spec;
    if (this.list === undefined) {
      return;
    }
    this.file.multiple = spec.max > 1;
    this.hint.textContent = `Drop, paste or choose ${spec.max === 1 ? 'one' : `up to ${spec.max}`}: ${spec.formats.join(', ')}`;
    this.show();
  }

  async add(files) {
    this.mark('');
    for (const file of files) {
      const kind = kindOf(new Uint8Array(await file.slice(0, 16).arrayBuffer()));
      if (!kind.type.startsWith('image/')) {
        this.mark(`${file.name || 'This file'} is not a picture that a model takes.`);
        continue;
      }
      if (this.spec.max === 1) {
        this.pictures.forEach((picture) => URL.revokeObjectURL(picture.url));
        this.pictures = [];
      }
      const blob = new Blob([file], {type: kind.type});
      this.pictures.push({blob, url: URL.createObjectURL(blob), extension: kind.extension, name: file.name || `pasted.${kind.extension}`});
    }
    this.check();
    this.show();
    this.changed();
  }

  remove(picture) {
    URL.revokeObjectURL(picture.url);
    this.pictures = this.pictures.filter((each) => each !== picture);
    this.check();
    this.show();
    this.changed();
    this.file.focus();
  }

  // What this model takes is known before anything is sent.
  check() {
    const names = {jpg: 'jpeg'};
    const wrong = this.pictures.find((picture) => !this.spec.formats.includes(names[picture.extension] ?? picture.extension));
    const large = this.pictures.find((picture) => picture.blob.size > (this.spec.max_bytes ?? Infinity));
    if (wrong !== undefined) {
      this.mark(`This model does not take ${wrong.extension}; it takes ${this.spec.formats.join(', ')}.`);
    } else if (large !== undefined) {
      this.mark(`${large.name} has ${bytes(large.blob.size)}; this model takes up to ${bytes(this.spec.max_bytes)}.`);
    } else if (this.pictures.length > this.spec.max) {
      this.mark(`This model takes ${this.spec.max} at most.`);
    }
  }

  show() {
    this.list.replaceChildren(...this.pictures.map((picture) => make('li', {},
      make('img', {src: picture.url, alt: picture.name}),
      make('button', {type: 'button', class: 'small', 'aria-label': `Remove ${picture.name}`, click: () => this.remove(picture)}, '×'))));
    const masked = this.spec.mask !== null && this.pictures.length > 0 && !this.hidden;
    this.brush.hidden = !masked;
    if (masked) {
      this.brush.show(this.pictures[0], this.spec.mask);
    }
  }

  mark(message) {
    this.note.hidden = message === '';
    this.note.textContent = message;
    markInvalid(this.file, message === '' ? null : this.note.id);
  }

  get masked() {
    return !this.brush.hidden && this.brush.painted;
  }

  // As the files of a form.
  async files() {
    const files = this.pictures.map(({blob, name}) => ({name: 'image', blob, fileName: name}));
    if (this.masked) {
      files.push({name: 'mask', blob: await this.brush.mask(), fileName: 'mask.png'});
    }
    return files;
  }
}

customElements.define('picture-input', PictureInput);
