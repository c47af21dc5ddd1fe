// The playground: a form that is made from a model, and what comes of it.

import { make, newId } from './element.js';
import { withinContract } from './contract.js';
import { makeFields } from './fields.js';
import { CallFailed } from './gateway.js';
import { History } from './history.js';
import { ModelList, parametersFor } from './models.js';
import './pictures.js';
import { priceOf } from './price.js';
import './run.js';
import { dollars } from './words.js';

const operations = {generate: 'Create', edit: 'Edit', variation: 'Vary'};
const kept = ['prompt', 'negative_prompt', 'n', 'size', 'aspect_ratio', 'quality', 'output_format'];

export class Playground {
  constructor(gateway) {
    this.gateway = gateway;
    this.models = new ModelList(gateway);
    this.operation = 'generate';
    this.fields = new Map();
    this.values = {};
    this.history = new History((runs) => this.show(runs));
    this.makeForm();
    this.results = make('section', {class: 'results', 'aria-label': 'Result'}, this.welcome());
    this.element = make('div', {id: 'playground', class: 'playground', tabindex: '-1'}, this.form, make('div', {}, this.results, this.history.element));
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !this.form.closest('[hidden]')) {
        this.form.requestSubmit();
      }
    });
    this.results.addEventListener('reuse', (event) => this.reuse(event.detail));
  }

  welcome() {
    return make('p', {class: 'welcome'}, 'Describe a picture, and it appears here, with what it cost and how it was made.');
  }

  makeForm() {
    this.problem = make('div', {class: 'notice', role: 'alert', hidden: true});
    this.choice = make('fieldset', {class: 'switch', hidden: true}, make('legend', {class: 'unseen'}, 'What to do'));
    this.model = make('select', {id: newId('model'), 'data-field': 'model', input: () => this.rebuild()});
    this.second = make('select', {id: newId('second'), input: () => this.tellPrice()});
    this.about = make('p', {class: 'hint'});
    this.mistake = make('p', {class: 'mistake', hidden: true});
    this.pictures = make('picture-input', {hidden: true});
    this.pictures.changed = () => this.rebuildIfMasked();
    this.main = make('div', {});
    this.more = make('div', {});
    this.moreDetails = make('details', {class: 'more', hidden: true}, make('summary', {}, 'More parameters'), this.more);
    this.asJob = make('input', {id: newId('job'), type: 'checkbox', 'data-field': 'job'});
    this.jobField = make('div', {class: 'field job', hidden: true}, make('label', {for: this.asJob.id}, this.asJob, ' As a job',
      make('span', {class: 'hint'}, 'It goes on if the connection ends, and has no previews.')));
    this.price = make('p', {class: 'price', 'aria-live': 'polite'});
    this.send = make('button', {type: 'submit', class: 'primary'}, 'Make the picture');
    this.cancel = make('button', {type: 'button', hidden: true, click: () => this.runs.forEach((run) => run.cancel())}, 'Cancel');
    this.form = make('form', {class: 'request', 'aria-label': 'Request', novalidate: true, submit: (event) => {
      event.preventDefault();
      this.submit();
    }},
    this.problem, this.choice,
    make('div', {class: 'field'}, make('label', {for: this.model.id}, 'Model'), this.model, this.about, this.mistake),
    this.pictures, this.main, this.moreDetails,
    make('div', {class: 'field second', hidden: true}, make('label', {for: this.second.id}, 'Compare with'), this.second),
    this.jobField,
    make('div', {class: 'row send'}, this.send, this.cancel, this.price));
  }

  // Returns whether the gateway lets this caller in.
  async load() {
    this.loading?.abort();
    this.loading = new AbortController();
    try {
      await this.models.load(this.loading.signal);
    } catch (error) {
      if (error.name === 'AbortError') {
        return null;
      }
      this.refuse(error);
      return error.status !== 401;
    }
    this.problem.hidden = true;
    this.send.disabled = false;
    this.jobField.hidden = !this.models.hasJobs;
    const able = this.models.operations();
    if (able.length === 0) {
      this.tellProblem('No model is configured that this key may use.');
    }
    this.choice.hidden = able.length < 2;
    const group = newId('operation');
    this.choice.replaceChildren(this.choice.firstChild, ...able.map((operation) => make('label', {},
      make('input', {type: 'radio', name: group, value: operation, checked: operation === this.operation, input: () => this.use(operation)}),
      make('span', {}, operations[operation]))));
    this.use(able.includes(this.operation) ? this.operation : able[0] ?? 'generate');
    return true;
  }

  refuse(error) {
    this.send.disabled = true;
    if (error.status === 401) {
      this.tellProblem(this.gateway.key === '' ? 'This gateway needs a key. Paste yours at the top of the page.' : 'The gateway does not know this key.');
    } else {
      this.tellProblem(error instanceof CallFailed ? error.message : 'The gateway cannot be reached.');
    }
  }

  tellProblem(text) {
    this.problem.hidden = false;
    this.problem.textContent = text;
  }

  use(operation) {
    this.operation = operation;
    const wanted = this.model.value;
    const groups = [...this.models.groupsFor(operation)];
    const options = () => groups.map(([name, models]) => make('optgroup', {label: name},
      models.map((model) => make('option', {value: model.id}, model.id + (model.status === 'deprecated' ? ' (deprecated)' : '')))));
    this.model.replaceChildren(...options());
    if (groups.some(([, models]) => models.some((model) => model.id === wanted))) {
      this.model.value = wanted;
    }
    this.second.replaceChildren(make('option', {value: ''}, 'no other model'), ...options());
    this.second.closest('.field').hidden = groups.flatMap(([, models]) => models).length < 2;
    for (const input of this.choice.querySelectorAll('input')) {
      input.checked = input.value === operation;
    }
    this.rebuild();
  }

  // A mask may take parameters away.
  rebuildIfMasked() {
    if (this.pictures.masked !== this.wasMasked) {
      this.rebuild();
    } else {
      this.tellPrice();
    }
  }

  rebuild() {
    this.fields.forEach((field, name) => { this.values[name] = field.value(); });
    this.spec = this.models.resolved(this.model.value);
    const edits = this.operation !== 'generate';
    this.pictures.hidden = !edits;
    const inputs = this.spec?.inputs ?? {max: 1, formats: ['png', 'jpeg', 'webp'], mask: null};
    this.pictures.use(this.operation === 'variation' ? {...inputs, max: 1, mask: null} : inputs);
    this.wasMasked = this.pictures.masked;
    this.parameters = withinContract(parametersFor(this.spec, this.operation, this.wasMasked), this.models.contract);
    this.fields = makeFields(this.parameters, () => this.tellPrice());
    for (const [name, field] of this.fields) {
      if (kept.includes(name) && this.values[name] !== undefined && this.values[name] !== '') {
        field.restore(this.values[name]);
      }
    }
    this.restorePreviews();
    const elements = (main) => [...this.fields.values()].filter((field) => field.isMain === main).map((field) => field.element);
    this.main.replaceChildren(...elements(true));
    this.more.replaceChildren(...elements(false));
    this.moreDetails.hidden = this.more.childElementCount === 0;
    this.mistake.hidden = true;
    for (const option of this.second.options) {
      option.disabled = option.value === this.model.value;
    }
    if (this.second.value === this.model.value || this.second.selectedIndex < 0) {
      this.second.value = '';
    }
    this.tellModel();
    this.tellPrice();
  }

  // Previews are there by default where they cost nothing.
  restorePreviews() {
    const field = this.fields.get('partial_images');
    if (field !== undefined) {
      const chosen = this.values.partial_images !== this.previews ? this.values.partial_images : undefined;
      this.previews = this.spec?.pricing?.partial_tokens === undefined ? Math.min(2, this.parameters.partial_images.max ?? 2) : 0;
      field.restore(chosen ?? this.previews);
    }
  }

  tellModel() {
    const listed = this.models.known.get(this.model.value);
    const texts = [];
    if (listed?.alias !== undefined) {
      const names = listed.alias.models.map((member) => member.model);
      texts.push(`${listed.alias.mode === 'weighted' ? 'One of' : 'Tries'} ${names.join(listed.alias.mode === 'weighted' ? ', ' : ', then ')}.`);
    }
    if (this.spec?.status === 'preview' || this.spec?.status === 'deprecated') {
      texts.push(`This model is ${this.spec.status === 'preview' ? 'a preview' : 'deprecated'}.`);
    }
    this.about.textContent = texts.join(' ');
  }

  valueOf(name) {
    return this.fields.get(name)?.value() ?? '';
  }

  priceWith(spec) {
    return priceOf(spec, {
      n: Number(this.valueOf('n')) || 1, size: this.valueOf('size'), quality: this.valueOf('quality'), resolution: this.valueOf('resolution'),
      inputs: this.operation === 'generate' ? 0 : this.pictures.pictures.length, partials: Number(this.valueOf('partial_images')) || 0,
      prompt: this.valueOf('prompt') + this.valueOf('negative_prompt'),
    });
  }

  tellPrice() {
    const names = [this.model.value, this.second.value].filter((name) => name !== '');
    const texts = names.map((name) => {
      const spec = this.models.resolved(name);
      const price = this.priceWith(spec);
      const text = price === null ? 'price unknown' : [price.word, dollars(price.usd)].filter((word) => word !== '').join(' ');
      const certain = spec === null || spec.id === name || this.models.known.get(name).alias?.models.length === 1;
      return names.length === 1 && certain ? text : `${text} with ${spec?.id ?? name}`;
    });
    const text = texts.join(', ');
    this.price.textContent = text.charAt(0).toUpperCase() + text.slice(1);
  }

  isJob() {
    return this.models.hasJobs && this.asJob.checked;
  }

  // What the form says, as fields of a request.
  request(model) {
    const fields = {model};
    for (const [name, field] of this.fields) {
      const value = field.value();
      if (value !== '') {
        fields[name] = value;
      }
    }
    fields.response_format = 'b64_json';
    const streams = this.models.contract?.properties.stream !== undefined && this.spec?.operations?.includes('stream');
    if (fields.partial_images > 0 && streams && !this.isJob()) {
      fields.stream = true;
    } else {
      delete fields.partial_images;
    }
    return fields;
  }

  async callOf(model) {
    const files = this.operation === 'generate' ? [] : await this.pictures.files();
    const fields = this.request(model);
    const path = {generate: 'images/generations', edit: 'images/edits', variation: 'images/variations'}[this.operation];
    const url = new URL(this.gateway.api + path, location.href).href;
    const base = new URL(this.gateway.api, location.href).href.replace(/\/$/, '');
    const sample = {url, base, operation: this.operation, fields, asJob: this.isJob(), withKey: this.gateway.key !== '',
      files: files.map(({name, fileName}) => ({name, fileName}))};
    const inputs = this.operation === 'generate' ? [] : this.pictures.pictures.map(({blob}) => ({url: URL.createObjectURL(blob)}));
    return {label: model, model, operation: this.operation, fields, files, asJob: this.isJob(), inputs, sample};
  }

  // What is missing is said before anything is sent. Returns whether all is there.
  check() {
    this.fields.forEach((field) => field.mark(''));
    const prompt = this.fields.get('prompt');
    const promptNeeded = this.operation === 'generate' || (this.spec?.inputs?.prompt ?? true);
    if (prompt !== undefined && promptNeeded && prompt.value().trim() === '') {
      prompt.mark('Say what the picture shows.');
      prompt.element.querySelector('textarea').focus();
      return false;
    }
    if (this.operation !== 'generate' && this.pictures.pictures.length < (this.spec?.inputs?.min ?? 1)) {
      this.pictures.mark('Add a picture first.');
      return false;
    }
    if (this.operation === 'edit' && this.spec?.inputs?.mask?.needed && !this.pictures.masked) {
      this.pictures.mark('This model needs a mask: paint what is to change.');
      return false;
    }
    return true;
  }

  async submit() {
    if (this.send.disabled || this.cancel.hidden === false || !this.check()) {
      return;
    }
    const names = [this.model.value, this.second.value].filter((name) => name !== '');
    this.runs = [];
    for (const name of names) {
      this.runs.push(document.createElement('image-run').prepare(await this.callOf(name)));
    }
    const {runs} = this;
    this.show(runs);
    this.send.disabled = true;
    this.cancel.hidden = false;
    // on a narrow screen it is below the form
    if (this.results.getBoundingClientRect().top > innerHeight - 100) {
      this.results.scrollIntoView({block: 'start'});
    }
    await Promise.all(runs.map((run) => run.start(this.gateway)));
    this.send.disabled = false;
    this.cancel.hidden = true;
    this.history.add(runs);
    this.show(runs);
    this.markFields(runs.find((run) => run.state === 'failed')?.error?.details ?? []);
  }

  // The runs of one call, beside each other if there are two; then a slider compares their pictures.
  show(runs) {
    const parts = [make('div', {class: runs.length > 1 ? 'runs two' : 'runs'}, runs)];
    if (runs.length > 1 && runs.every((run) => run.pictures.length > 0)) {
      const compare = make('image-compare');
      compare.show(...runs.map((run) => ({url: run.pictures[0].url, label: run.call.label})));
      parts.push(make('h2', {}, 'Over each other'), compare);
    }
    this.results.replaceChildren(...parts);
  }

  // The controls that an error is about.
  markFields(details) {
    let first = null;
    for (const {param, message} of details) {
      const name = (param ?? '').split(/[.[]/)[0];
      if (name === 'model') {
        this.mistake.hidden = false;
        this.mistake.textContent = message;
        first ??= this.model;
      } else if (['image', 'images', 'mask'].includes(name) && !this.pictures.hidden) {
        this.pictures.mark(message);
        first ??= this.pictures;
      } else if (this.fields.has(name)) {
        const field = this.fields.get(name);
        field.mark(message);
        if (!field.isMain) {
          this.moreDetails.open = true;
        }
        first ??= field.element;
      }
    }
    first?.scrollIntoView({block: 'nearest'});
  }

  async reuse(picture) {
    if (!this.models.operations().includes('edit')) {
      return;
    }
    this.use('edit');
    await this.pictures.add([new File([picture.blob], `made.${picture.extension}`)]);
    this.pictures.scrollIntoView({block: 'nearest'});
  }
}
