// One image by Vercel's AI SDK. Standard input: {"baseURL": …, "model": …}. Standard output: {"images": [base64, …]}, or
// {"error": …}, whatever kind of error it is.
import { createOpenAI } from '@ai-sdk/openai';
import { generateImage } from 'ai';
import { text } from 'node:stream/consumers';

const { baseURL, model } = JSON.parse(await text(process.stdin));

async function generate() {
  try {
    const answer = await generateImage({
      model: createOpenAI({ baseURL, apiKey: 'any' }).image(model), prompt: 'a red kite', maxRetries: 0,
    });
    return { images: answer.images.map((image) => image.base64) };
  } catch (error) {
    return { error: { name: error.name, message: error.message } };
  }
}

process.stdout.write(JSON.stringify(await generate()));
