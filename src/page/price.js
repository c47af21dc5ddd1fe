// What a request will cost at most, by the prices of GET models. It follows core/catalog/price.

import { parseSize } from './sizes.js';

const megapixel = 1024 * 1024;

function match(row, facts) {
  let result = 'certain';
  for (const name of ['size', 'quality', 'resolution']) {
    if (row[name] !== undefined && row[name] !== facts[name]) {
      if (facts[name] !== '') {
        return 'no';
      }
      result = 'maybe';
    }
  }
  return result;
}

// The largest of the rows that may be meant, and whether it is the only one.
function dearest(rows, facts, name) {
  let max = null;
  let sure = true;
  for (const row of rows) {
    const matched = match(row, facts);
    if (matched !== 'no') {
      sure = sure && (max === null || max === row[name]);
      max = Math.max(max ?? 0, row[name]);
    }
    if (matched === 'certain') {
      break;
    }
  }
  return max === null ? null : {value: max, sure};
}

function largestArea(size) {
  const listed = (size?.values ?? []).map(parseSize).filter((each) => each !== null).map((each) => each.width * each.height);
  const ruled = size?.max_area ?? (size?.max_side === undefined ? 0 : size.max_side ** 2);
  const area = Math.max(0, ruled, ...listed);
  return area === 0 ? null : area;
}

function gridTokens(grid, width, height) {
  const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
  const exact = (grid * shorter) / longer;
  const floor = Math.floor(exact);
  const side = exact - floor > 0.5 || (exact - floor === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return Math.ceil((grid * side * (2000000 + width * height)) / 4000000);
}

function imageTokens(pricing, model, facts) {
  const rows = Array.isArray(pricing.output_tokens) ? pricing.output_tokens : [];
  const listed = dearest(rows, facts, 'tokens');
  if (listed !== null) {
    return listed;
  }
  const grids = Object.entries(pricing.output_tokens?.grid ?? {}).filter(([quality]) => facts.quality === '' || facts.quality === quality);
  const size = parseSize(facts.size);
  const area = largestArea(model.supported_parameters?.size);
  if (grids.length === 0 || (size === null && area === null)) {
    return null;
  }
  const side = Math.ceil(Math.sqrt(area ?? 0));
  const counts = grids.map(([, grid]) => (size === null ? gridTokens(grid, side, side) : gridTokens(grid, size.width, size.height)));
  return {value: Math.max(...counts), sure: size !== null && grids.length === 1};
}

function priceOfTokens(pricing, model, request, facts) {
  const rates = pricing.per_million_tokens;
  const image = imageTokens(pricing, model, facts);
  if (image === null || rates.image_out === undefined) {
    return null;
  }
  const texts = Math.ceil(request.prompt.length / 4) * (rates.text_in ?? 0);
  const inputs = request.inputs * (pricing.max_input_tokens ?? image.value) * (rates.image_in ?? 0);
  const each = image.value + request.partials * (pricing.partial_tokens ?? 0);
  const further = request.n * (pricing.max_text_out ?? 0) * (rates.text_out ?? 0);
  const sure = image.sure && request.inputs === 0 && further === 0;
  return {usd: (texts + inputs + further + request.n * each * rates.image_out) / 1e6, word: sure ? 'about' : 'at most'};
}

// request: {n, size, quality, resolution, inputs, partials, prompt}. null if nobody knows.
export function priceOf(model, request) {
  const pricing = model?.pricing;
  if (pricing === null || pricing === undefined) {
    return null;
  }
  const known = (text) => (text === undefined || text === 'auto' ? '' : text);
  const tier = known(request.resolution) || known(model.supported_parameters?.resolution?.default);
  const facts = {size: known(request.size), quality: known(request.quality), resolution: tier};
  const word = (sure) => (sure && !pricing.at_most ? '' : 'at most');
  if (pricing.per_image !== undefined) {
    const row = dearest(pricing.per_image, facts, 'usd');
    return row === null ? null : {usd: row.value * request.n + (pricing.per_input_image ?? 0) * request.inputs, word: word(row.sure)};
  }
  if (pricing.per_megapixel !== undefined) {
    const {first, further = first, input = 0} = pricing.per_megapixel;
    const size = parseSize(facts.size);
    const largest = largestArea(model.supported_parameters?.size);
    const area = size === null ? largest : size.width * size.height;
    if (area === null) {
      return null;
    }
    const begun = (pixels) => Math.max(1, Math.ceil(pixels / megapixel));
    const each = first + (begun(area) - 1) * further;
    return {usd: each * request.n + request.inputs * begun(largest ?? area) * input, word: word(size !== null && (request.inputs === 0 || input === 0))};
  }
  return pricing.per_million_tokens === undefined ? null : priceOfTokens(pricing, model, request, facts);
}
