// What goes on: the document of image_gateway_status as charts and tables, read again every few seconds.

import { barChart, barList, lineChart } from './charts.js';
import { make, makeTable } from './element.js';
import { bytes, clock, dollars, seconds, spaced } from './words.js';

const pause = 5000;
const close = 0.8; // of a limit: worth a look

function latency(milliseconds) {
  return milliseconds === null || milliseconds === undefined ? '–' : seconds(milliseconds);
}

function amount(usd) {
  return usd === 0 ? '$0' : dollars(usd);
}

function until(unix, now) {
  return unix === null || unix <= now ? '' : `, ${seconds((unix - now) * 1000)} more`;
}

function stateLine(status) {
  const ready = status.ready ? make('strong', {class: 'good'}, 'Ready') : make('strong', {class: 'bad'}, `Not ready: ${status.not_ready.join(', ')}`);
  const {requests, memory, store, state, jobs} = status;
  const facts = [
    ['Requests', `${requests.in_flight} in flight${requests.parked > 0 ? `, ${requests.parked} waiting for room` : ''}`],
    ['Memory', memory.limit ? `${bytes(memory.held)} of ${bytes(memory.limit)}` : bytes(memory.held)],
    ['Workers', status.workers.map((worker) => `${worker.pid} since ${clock(worker.since)}`).join(', ')],
    ['Configuration', `read at ${clock(status.configuration.loaded_at)}`],
    jobs ? ['Jobs', `${jobs.running} running, ${jobs.waiting} waiting`] : null,
    store ? ['Store', `${store.files} files, ${bytes(store.bytes)}${store.max ? ` of ${bytes(store.max)}` : ''}`] : null,
    state ? ['State file', state.writable ? `${seconds(state.lag_ms)} behind` : 'cannot be written'] : null,
    ['Version', `${status.version}, nginx ${status.nginx_version}`],
  ].filter((row) => row !== null);
  return make('section', {}, make('p', {class: 'row'}, ready), make('dl', {}, facts.map(([term, text]) => [make('dt', {}, term), make('dd', {}, text)])));
}

function charts({requests, now}) {
  const minutes = requests.last_minutes;
  const sum = (name) => minutes.reduce((total, minute) => total + (minute[name] ?? 0), 0);
  const last = minutes.at(-1);
  return make('section', {class: 'charts'},
    barChart({title: 'Requests a minute', minutes, now, text: String, summary: `${sum('requests')} in the last hour`, series: [
      {name: 'made', style: 'made', valueOf: (minute) => minute.made},
      {name: 'refused', style: 'refused', valueOf: (minute) => minute.refused},
      {name: 'failed', style: 'failed', valueOf: (minute) => minute.failed}]}),
    lineChart({title: 'Latency', minutes, now, text: seconds, summary: last ? `now ${latency(last.latency_ms?.p50)}, 95 % within ${latency(last.latency_ms?.p95)}` : 'none yet', series: [
      {name: 'half of all', style: 'made', valueOf: (minute) => minute.latency_ms?.p50},
      {name: '95 %', style: 'failed', valueOf: (minute) => minute.latency_ms?.p95}]}),
    barChart({title: 'Spend a minute', minutes, now, text: amount, summary: `${amount(sum('cost_usd'))} for ${sum('images')} images in the last hour`, series: [
      {name: 'cost', style: 'made', valueOf: (minute) => minute.cost_usd}]}));
}

function breakerText(breaker, now) {
  return `${breaker.model}: ${spaced(breaker.state)}${until(breaker.until, now)}`;
}

function providers({providers: rows, now}) {
  return make('section', {}, makeTable('Providers', ['Provider', 'Type', 'Calls', 'p50', 'p95', 'p99', 'Outcomes', 'Breakers', 'Keys'], rows.map((row) => {
    const open = row.breakers.filter((breaker) => breaker.state !== 'closed');
    const resting = row.keys.filter((key) => key.resting_until !== null && key.resting_until > now);
    const outcomes = Object.entries(row.outcomes).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${spaced(name)}`);
    return [row.name, row.type, String(row.calls), latency(row.latency_ms?.p50), latency(row.latency_ms?.p95), latency(row.latency_ms?.p99),
      outcomes.join(', ') || '–',
      make('span', {class: open.length > 0 ? 'bad' : ''}, open.length > 0 ? open.map((breaker) => breakerText(breaker, now)).join('; ') : 'closed'),
      make('span', {class: resting.length > 0 ? 'bad' : ''}, resting.length === 0 ? 'in use'
        : resting.map((key) => `${key.number} rests${key.reason ? ` (${spaced(key.reason)})` : ''}${until(key.resting_until, now)}`).join('; '))];
  })));
}

// Budgets and limits of which more than four fifths are used, the fullest first.
function closeToTheirEnd({keys}) {
  const rows = keys.flatMap((key) => [
    ...key.spent.filter((budget) => budget.limit !== null && budget.limit !== undefined).map((budget) => ({name: `${key.id}, ${budget.per}`, used: budget.usd, limit: budget.limit, text: amount})),
    ...key.limits.map((limit) => ({name: `${key.id}, ${spaced(limit.name)}`, used: limit.used, limit: limit.limit, text: String}))])
    .filter((row) => row.limit > 0 && row.used / row.limit >= close).sort((a, b) => b.used / b.limit - a.used / a.limit);
  return barList('Limits close to their end', rows.map((row) => ({name: row.name, text: `${row.text(row.used)} of ${row.text(row.limit)}`, part: row.used / row.limit,
    style: row.used >= row.limit ? 'failed' : 'refused'})), 'None is more than four fifths used.');
}

function spend(title, rows, none) {
  const most = Math.max(0, ...rows.map((row) => row.usd));
  return barList(title, rows.sort((a, b) => b.usd - a.usd).slice(0, 20).map((row) => ({name: row.name, text: row.text, part: most === 0 ? 0 : row.usd / most})), none);
}

function failures({failures: rows}) {
  return make('section', {}, rows.length === 0 ? [make('h2', {}, 'Last failures'), make('p', {class: 'hint'}, 'None.')]
    : makeTable('Last failures', ['Time', 'Model', 'Outcome', 'Status', 'Code', 'Request'], rows.map((row) => [clock(row.time),
      [row.provider, row.model].filter((text) => text).join('/') || '–', spaced(row.outcome), String(row.status ?? '–'), row.code ?? '–', row.request_id])));
}

export class Board {
  constructor(gateway, path) {
    this.gateway = gateway;
    this.path = path;
    this.notice = make('p', {class: 'notice', role: 'status', hidden: true});
    this.content = make('div', {class: 'board'});
    this.element = make('div', {hidden: true}, this.notice, this.content);
    document.addEventListener('visibilitychange', () => this.update());
  }

  show(visible) {
    this.element.hidden = !visible;
    this.update();
  }

  // Reads again and again while somebody looks.
  async update() {
    clearTimeout(this.timer);
    if (this.element.hidden || document.hidden) {
      return;
    }
    try {
      this.draw(await this.gateway.read(this.path));
      this.notice.hidden = true;
    } catch (error) {
      this.tell(error);
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), pause);
  }

  tell(error) {
    this.notice.hidden = false;
    this.notice.textContent = error.status === 401 || error.status === 403
      ? 'This needs a key with admin rights. Paste one at the top of the page.'
      : `The status cannot be read: ${error.status === undefined ? 'the server cannot be reached, or its answer is not of this version' : error.message}`;
    if (error.status !== undefined) {
      this.content.replaceChildren();
    }
  }

  draw(status) {
    const scroll = [...this.content.querySelectorAll('.scroll')].map((each) => each.scrollLeft);
    const focused = [...this.content.querySelectorAll('.scroll')].indexOf(document.activeElement);
    const ofKeys = status.keys.flatMap((key) => key.spent.slice(0, 1).map((budget) => ({name: key.id, usd: budget.usd, text: `${amount(budget.usd)} ${budget.per === 'total' ? 'in all' : `this ${budget.per}`}`})));
    const ofModels = status.models.map((row) => ({name: row.model, usd: row.cost_usd ?? 0,
      text: `${row.cost_usd === null ? 'unknown' : amount(row.cost_usd)}, ${row.images} images, ${row.requests} requests`}));
    this.content.replaceChildren(stateLine(status), charts(status), closeToTheirEnd(status),
      spend('Spend by key', ofKeys, 'No key has spent anything.'), spend('Spend by model', ofModels, 'No model was used.'),
      providers(status), failures(status));
    const tables = this.content.querySelectorAll('.scroll');
    tables.forEach((each, index) => { each.scrollLeft = scroll[index] ?? 0; });
    tables[focused]?.focus();
  }
}
