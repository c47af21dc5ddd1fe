// Where the time of a request went: a bar with the provider's part of each attempt, and a table of them.

import { make, makeSvg, makeTable } from './element.js';
import { dollars, seconds, spaced } from './words.js';

export function timingBar(attempts, total) {
  const width = 600;
  const all = Math.max(1, total, attempts.reduce((sum, attempt) => sum + attempt.latency, 0));
  let at = 0;
  const parts = attempts.map((attempt) => {
    const part = makeSvg('rect', {x: at, y: 0, width: Math.max(2, (attempt.latency / all) * width), height: 14, rx: 2,
      class: attempt.outcome === 'made' ? 'made' : 'failed'},
    makeSvg('title', {}, `${attempt.provider}/${attempt.model}: ${spaced(attempt.outcome)} after ${seconds(attempt.latency)}`));
    at += (attempt.latency / all) * width;
    return part;
  });
  const provider = attempts.reduce((sum, attempt) => sum + attempt.latency, 0);
  const text = attempts.length === 0 ? `${seconds(total)} in all`
    : `${seconds(total)} in all, ${seconds(Math.min(total, provider))} of it at ${attempts.length === 1 ? 'the provider' : `providers, in ${attempts.length} attempts`}`;
  return make('div', {class: 'timing'},
    makeSvg('svg', {viewBox: `0 0 ${width} 14`, preserveAspectRatio: 'none', role: 'img', 'aria-label': text},
      makeSvg('rect', {x: 0, y: 0, width, height: 14, rx: 2, class: 'rest'}), parts),
    make('p', {}, text));
}

export function attemptsTable(attempts) {
  return makeTable('Attempts', ['Model', 'Outcome', 'Status', 'Code', 'Time', 'Billed'], attempts.map((attempt) => [
    `${attempt.provider}/${attempt.model}`, spaced(attempt.outcome), String(attempt.status ?? '–'), attempt.code ?? '–', seconds(attempt.latency),
    attempt.billed === 'yes' ? dollars(attempt.cost) : attempt.billed === 'unknown' ? 'perhaps' : attempt.outcome === 'made' ? 'in the cost' : 'no']));
}
