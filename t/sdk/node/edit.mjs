// One edit by OpenAI's Node client. Standard input: {"options": {…}, "ask": {…}, "images": [path, …], "mask": path or null};
// ask.form says how files are given. Standard output as generate.mjs.
import { createReadStream, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import OpenAI, { APIError, toFile } from 'openai';

const { options, ask, images, mask } = JSON.parse(await text(process.stdin));
const { form, ...fields } = ask;

const given = {
  stream: (path) => createReadStream(path),
  file: (path) => toFile(readFileSync(path), 'a.png', { type: 'image/png' }),
  blob: (path) => toFile(readFileSync(path)),
  buffer: (path) => readFileSync(path),
}[form];

async function edit() {
  try {
    const files = await Promise.all(images.map(given));
    // The files come first: their parts precede the model's.
    const request = { image: files.length === 1 ? files[0] : files, ...(mask ? { mask: await given(mask) } : {}), ...fields };
    const answer = await new OpenAI({ maxRetries: 0, timeout: 30_000, ...options }).images.edit(request);
    if (!fields.stream) {
      return { answer };
    }
    const events = [];
    for await (const event of answer) {
      events.push(event);
    }
    return { answer: events };
  } catch (error) {
    if (!(error instanceof APIError)) {
      throw error;
    }
    const { status, code, param, message } = error;
    return { error: { status, code, param, message } };
  }
}

process.stdout.write(JSON.stringify(await edit()));
