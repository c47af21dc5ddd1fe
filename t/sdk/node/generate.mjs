// One call of OpenAI's Node client. Standard input: {"client": "OpenAI" | "AzureOpenAI", "options": {…}, "ask": {…}}.
// Standard output: {"answer": …}, or {"error": …} with what the client made of the refusal.
import { text } from 'node:stream/consumers';
import * as sdk from 'openai';

const { client, options, ask } = JSON.parse(await text(process.stdin));

async function all(stream) {
  const events = [];
  for await (const event of stream) {
    events.push(event);
  }
  return events;
}

async function generate() {
  try {
    const answer = await new sdk[client]({ maxRetries: 0, timeout: 30_000, ...options }).images.generate(ask);
    return { answer: ask.stream ? await all(answer) : answer };
  } catch (error) {
    if (!(error instanceof sdk.APIError)) {
      throw error;
    }
    const { status, code, param, type, requestID, message } = error;
    return { error: { class: error.constructor.name, status, code, param, type, requestID, message } };
  }
}

process.stdout.write(JSON.stringify(await generate()));
