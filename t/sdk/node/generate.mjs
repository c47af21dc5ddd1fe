// One call of OpenAI's Node client. Standard input: {"client": "OpenAI" | "AzureOpenAI", "options": {…}, "ask": {…}}.
// Standard output: {"answer": …}, or {"error": …, "events": …} with what the client made of the refusal, and the events of
// a stream that came before it.
import { text } from 'node:stream/consumers';
import * as sdk from 'openai';

const { client, options, ask } = JSON.parse(await text(process.stdin));

async function generate() {
  const events = [];
  try {
    const answer = await new sdk[client]({ maxRetries: 0, timeout: 30_000, ...options }).images.generate(ask);
    if (!ask.stream) {
      return { answer };
    }
    for await (const event of answer) {
      events.push(event);
    }
    return { answer: events };
  } catch (error) {
    if (!(error instanceof sdk.APIError)) {
      throw error;
    }
    const { status, code, param, type, requestID, message } = error;
    return { error: { class: error.constructor.name, status, code, param, type, requestID, message }, events };
  }
}

process.stdout.write(JSON.stringify(await generate()));
