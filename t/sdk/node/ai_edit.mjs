// One edit by Vercel's AI SDK. Standard input: {"baseURL": …, "model": …, "ask": {…}, "images": [path, …], "mask": path or null}.
// Standard output: {"images": [base64, …], "usage": …, "warnings": …}, or {"error": …}.
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateImage } from 'ai';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const { baseURL, model, ask, images, mask } = JSON.parse(await text(process.stdin));
const { prompt, ...fields } = ask;

async function edit() {
  try {
    const answer = await generateImage({
      model: createOpenAI({ baseURL, apiKey: 'any' }).image(model),
      prompt: { text: prompt, images: images.map((path) => readFileSync(path)), ...(mask ? { mask: readFileSync(mask) } : {}) },
      maxRetries: 0,
      ...fields,
    });
    return { images: answer.images.map((image) => image.base64), usage: answer.usage, warnings: answer.warnings };
  } catch (error) {
    if (!APICallError.isInstance(error)) {
      throw error;
    }
    return { error: { status: error.statusCode, message: error.message } };
  }
}

process.stdout.write(JSON.stringify(await edit()));
