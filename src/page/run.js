// <image-run>: one call of one model, from the moment it is sent to its picture and everything that is known of it.

import './compare.js';
import { make, makeTable, newId } from './element.js';
import { CallFailed } from './gateway.js';
import { sampleTabs } from './samples.js';
import { attemptsTable, timingBar } from './timing.js';
import { bytes, capital, dollars, seconds, spaced, value } from './words.js';

function costText(cost) {
  if (cost === undefined || cost === null || cost.usd === null) {
    return 'unknown';
  }
  return `${dollars(cost.usd)}${cost.basis ? ` (by ${spaced(cost.basis)})` : ''}`;
}

// The file that a picture came from: its bytes have the last word.
function factsOf(picture, fact) {
  const size = fact?.width ? `${fact.width}×${fact.height}` : '';
  return [size, picture.extension, bytes(picture.blob.size), credentials[fact?.provenance] ?? ''].filter((text) => text !== '').join(', ');
}

const credentials = {c2pa: 'with Content Credentials', c2pa_lost: 'without the Content Credentials that it came with'};

function part(title, open, ...children) {
  return make('details', {open}, make('summary', {}, title), children);
}

export class ImageRun extends HTMLElement {
  // call: {label, model, operation, fields, files, inputs, sample}
  prepare(call) {
    this.call = call;
    this.pictures = [];
    this.urls = call.inputs.map((input) => input.url);
    this.state = 'running';
    this.clock = make('span', {class: 'clock'}, '0.0 s');
    this.status = make('p', {class: 'status', role: 'status'}, 'Sent');
    this.stage = make('div', {class: 'stage'}, make('div', {class: 'waiting', 'aria-hidden': 'true'}));
    this.facts = make('div', {class: 'facts'});
    this.button = make('button', {type: 'button', click: () => this.cancel()}, 'Cancel');
    this.head = make('div', {class: 'row head'}, make('h2', {}, call.label), this.clock, this.button);
    this.replaceChildren(this.head, this.status, this.stage, this.facts);
    return this;
  }

  cancel() {
    this.control?.abort();
  }

  // Returns whether there is a picture.
  async start(gateway) {
    this.control = new AbortController();
    this.started = performance.now();
    const timer = setInterval(() => this.tick(), 100);
    try {
      const {images, answer} = await gateway.make(this.call, {
        signal: this.control.signal,
        onPreview: (picture) => this.preview(picture),
        onImage: (picture) => this.keep(picture),
        onJob: (id) => this.tellJob(id),
      });
      this.tick();
      for (const picture of images.filter((each) => !this.pictures.some((kept) => kept.source === each))) {
        this.keep(picture);
      }
      this.finish(answer);
    } catch (error) {
      this.tick();
      this.fail(error);
    } finally {
      clearInterval(timer);
      this.button.remove();
    }
    return this.state === 'made';
  }

  tellJob(id) {
    this.job = id;
    this.status.textContent = `Accepted as ${id}`;
  }

  tick() {
    this.elapsed = performance.now() - this.started;
    this.clock.textContent = `${(this.elapsed / 1000).toFixed(1)} s`;
  }

  urlOf(picture) {
    const url = URL.createObjectURL(picture.blob);
    this.urls.push(url);
    return url;
  }

  preview(picture) {
    this.previews = (this.previews ?? 0) + 1;
    this.stage.replaceChildren(make('img', {src: this.urlOf(picture), alt: `Preview ${this.previews}`, class: 'preview'}));
    this.status.textContent = `Preview ${this.previews}`;
  }

  keep(picture) {
    this.pictures.push({...picture, source: picture, url: this.urlOf(picture)});
    this.showPicture(this.pictures.length - 1);
    this.status.textContent = `${this.pictures.length} of ${this.call.fields.n ?? 1}`;
  }

  showPicture(index) {
    const picture = this.pictures[index];
    this.chosen = index;
    const alt = `${this.call.fields.prompt ?? 'A variation'} (${this.call.label})`;
    const input = this.call.inputs[0];
    if (input === undefined) {
      this.stage.replaceChildren(make('img', {src: picture.url, alt}));
    } else {
      const compare = make('image-compare');
      compare.show({url: input.url, label: 'Input'}, {url: picture.url, label: 'Result'});
      this.stage.replaceChildren(compare);
    }
    if (this.pictures.length > 1) {
      this.stage.append(make('ul', {class: 'pictures'}, this.pictures.map((each, number) => make('li', {}, make('button',
        {type: 'button', class: 'thumb', 'aria-pressed': String(number === index), 'aria-label': `Image ${number + 1}`, click: () => {
          this.showPicture(number);
          this.showFacts();
        }}, make('img', {src: each.url, alt: ''}))))));
    }
  }

  finish(answer) {
    this.state = 'made';
    this.answer = answer;
    this.status.textContent = `Made in ${seconds(this.elapsed)}`;
    if (this.chosen === undefined || this.pictures.length > 1) {
      this.showPicture(0);
    }
    this.showFacts();
    this.dispatchEvent(new CustomEvent('made', {bubbles: true}));
  }

  showFacts() {
    const {answer} = this;
    const extra = answer.extra_fields ?? {};
    const picture = this.pictures[this.chosen];
    const fact = (extra.images ?? []).find((each) => each.index === picture.index) ?? extra.images?.[this.chosen];
    const adjustments = extra.adjustments ?? [];
    const attempts = extra.attempts ?? [];
    const usage = answer.usage;
    const counted = extra.usage_basis === 'counted' ? ' (counted by the gateway)' : '';
    const rows = [
      ['Model', answer.model ?? this.call.model],
      ['Picture', factsOf(picture, fact)],
      ['Cost', costText(extra.cost)],
      ['Tokens', usage === undefined ? 'unknown' : `${usage.input_tokens} in, ${usage.output_tokens} out${counted}`],
      fact?.seed === undefined ? null : ['Seed', String(fact.seed)],
      picture.revisedPrompt === null ? null : ['Prompt as revised', picture.revisedPrompt],
      ['Request', answer.requestId ?? answer.id ?? 'unknown'],
      this.job === undefined ? null : ['Job', this.job],
    ].filter((row) => row !== null);
    const name = `image-${(answer.requestId ?? 'x').replace(/\W/g, '').slice(-8)}-${this.chosen + 1}.${picture.extension}`;
    this.facts.replaceChildren(
      make('p', {class: 'row'},
        make('a', {class: 'button', href: picture.url, download: name}, `Download .${picture.extension}`),
        make('button', {type: 'button', click: () => this.dispatchEvent(new CustomEvent('reuse', {bubbles: true, detail: picture}))}, 'Edit this')),
      ...(adjustments.length === 0 ? [] : [make('div', {class: 'adjusted'}, makeTable('Adjusted by the gateway', ['Parameter', 'Asked', 'Sent', 'Why'],
        adjustments.map((each) => [spaced(each.param), value(each.requested), value(each.sent), each.reason])))]),
      make('dl', {}, rows.map(([term, text]) => [make('dt', {}, term), make('dd', {}, text)])),
      timingBar(attempts, extra.latency ?? this.elapsed),
      part(attempts.length === 1 ? '1 attempt' : `${attempts.length} attempts`, attempts.length > 1, attemptsTable(attempts)),
      part('The same call', false, sampleTabs(this.call.sample)));
  }

  fail(error) {
    const cancelled = error.name === 'AbortError';
    this.state = cancelled ? 'cancelled' : 'failed';
    this.error = error;
    this.status.textContent = cancelled ? 'Cancelled' : 'Failed';
    if (cancelled) {
      this.stage.replaceChildren(make('p', {class: 'notice'}, 'You cancelled this call. A provider that had begun may still bill it.'));
      return;
    }
    const known = error instanceof CallFailed;
    const attempts = error.facts?.attempts ?? [];
    const id = newId('error');
    this.stage.replaceChildren(make('div', {class: 'error', role: 'alert', 'aria-labelledby': id},
      make('h3', {id}, known ? `${capital(spaced(error.code ?? `error ${error.status}`))}` : 'The gateway cannot be reached'),
      make('p', {}, known ? error.message : 'The connection failed. Is the server still running?'),
      known && error.details.length > 1 ? make('ul', {}, error.details.map((each) => make('li', {}, `${each.param}: ${each.message}`))) : null,
      known ? make('p', {class: 'hint'}, `Status ${error.status}`, error.requestId === null ? '' : `, request ${error.requestId}`) : null));
    this.facts.replaceChildren(
      ...(attempts.length === 0 ? [] : [timingBar(attempts, error.facts.latency ?? this.elapsed), part(`${attempts.length} attempts`, true, attemptsTable(attempts))]),
      part('The same call', false, sampleTabs(this.call.sample)));
  }

  // Frees the memory of its pictures.
  discard() {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
  }
}

customElements.define('image-run', ImageRun);
