// Calls of the gateway. The key is in this object and nowhere else.

import { readEvents } from './events.js';
import { imageOfBase64 } from './image_bytes.js';

export class CallFailed extends Error {
  // `body` is the gateway's error document, or null.
  constructor(status, body, requestId) {
    super(body?.error?.message ?? `The server answered ${status}, not in the gateway's form.`);
    this.status = status;
    this.code = body?.error?.code ?? null;
    this.details = body?.error?.details ?? (body?.error?.param ? [{param: body.error.param, message: body.error.message}] : []);
    this.facts = body?.extra_fields ?? {};
    this.requestId = body?.error?.event_id ?? requestId ?? null;
  }
}

function pathOf(operation) {
  return {generate: 'images/generations', edit: 'images/edits', variation: 'images/variations'}[operation];
}

// A form has texts; files stay files.
export function formOf(fields, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    form.append(name, String(value));
  }
  for (const {name, blob, fileName} of files) {
    form.append(name, blob, fileName);
  }
  return form;
}

export class Gateway {
  constructor(api) {
    this.api = api;
    this.key = '';
  }

  headers() {
    return this.key === '' ? {} : {Authorization: `Bearer ${this.key}`};
  }

  async read(path, signal) {
    const response = await fetch(path, {headers: this.headers(), cache: 'no-store', signal});
    const body = await response.json().catch(() => null);
    if (!response.ok || body === null) {
      throw new CallFailed(response.status, body, response.headers.get('x-request-id'));
    }
    return body;
  }

  async models(signal) {
    return (await this.read(`${this.api}models`, signal)).data;
  }

  // The OpenAPI document; null if the server does not say.
  description(signal) {
    return this.read(`${this.api}openapi.json`, signal).catch(() => null);
  }

  model(name) {
    return this.read(`${this.api}models/${name.split('/').map(encodeURIComponent).join('/')}`);
  }

  // Ends in {images: [{blob, extension, seed}], answer}. onPreview(blob, index) for each picture that arrives before that;
  // onJob(id) if the call is a job.
  async make({operation, fields, files, asJob}, {signal, onPreview, onImage, onJob}) {
    const json = files.length === 0;
    const response = await fetch(this.api + pathOf(operation), {
      method: 'POST',
      headers: {...this.headers(), ...(json ? {'Content-Type': 'application/json'} : {}), ...(asJob ? {Prefer: 'respond-async'} : {})},
      body: json ? JSON.stringify(fields) : formOf(fields, files),
      signal,
    });
    const requestId = response.headers.get('x-request-id');
    if (response.ok && (response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
      return this.follow(response, requestId, {onPreview, onImage});
    }
    const answer = await response.json().catch(() => null);
    if (!response.ok || answer === null) {
      throw new CallFailed(response.status, answer, requestId);
    }
    if (answer.object === 'image.job') {
      onJob(answer.id);
      return this.resultOf(answer, requestId, signal);
    }
    return {images: answer.data.map(pictureOf), answer: {...answer, requestId}};
  }

  // Asks for the job until it has ended, and cancels it if the caller does.
  async resultOf(accepted, requestId, signal) {
    const path = `${this.api}images/jobs/${encodeURIComponent(accepted.id)}`;
    let job = accepted;
    try {
      for (let pause = 250; job.status === 'queued' || job.status === 'in_progress'; pause = Math.min(2 * pause, 2000)) {
        await sleep(pause, signal);
        job = await this.read(path, signal);
      }
    } catch (error) {
      if (error.name === 'AbortError') {
        fetch(path, {method: 'DELETE', headers: this.headers(), keepalive: true}).catch(() => {});
      }
      throw error;
    }
    if (job.result === undefined) {
      throw new CallFailed(job.status_code, job.error, requestId);
    }
    return {images: job.result.data.map(pictureOf), answer: {...job.result, requestId}};
  }

  async follow(response, requestId, {onPreview, onImage}) {
    const images = [];
    const facts = [];
    let last = null;
    const usage = {};
    for await (const {data} of readEvents(response)) {
      if (data === '[DONE]') {
        break;
      }
      const event = JSON.parse(data);
      if (event.type === 'error') {
        throw new CallFailed(event.status_code ?? 500, event, requestId);
      }
      const picture = pictureOf(event);
      if (event.type.endsWith('.partial_image')) {
        onPreview(picture, event.index ?? 0);
        continue;
      }
      images.push(picture);
      facts.push(...(event.extra_fields?.images ?? []));
      for (const [name, count] of Object.entries(event.usage ?? {})) {
        usage[name] = typeof count === 'number' ? (usage[name] ?? 0) + count : count;
      }
      last = event;
      onImage(picture, event.index ?? 0);
    }
    if (last === null) {
      throw new CallFailed(response.status, {error: {message: 'The stream ended without an image.'}}, requestId);
    }
    const extra = {...last.extra_fields, images: facts};
    return {images, answer: {...last, usage, extra_fields: extra, requestId, model: `${extra.provider}/${extra.model_deployment}`}};
  }
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, {once: true});
  });
}

function pictureOf(data) {
  if (typeof data.b64_json !== 'string') {
    throw new CallFailed(200, {error: {message: 'The answer has a link where this page asked for bytes.'}}, null);
  }
  return {...imageOfBase64(data.b64_json), index: data.index ?? 0, revisedPrompt: data.revised_prompt ?? null};
}
