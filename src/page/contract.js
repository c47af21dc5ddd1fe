// What the location's API lets a request say, from its OpenAPI document: a model may take more.

import { allows, parseSize } from './sizes.js';

function smaller(a, b) {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

function larger(a, b) {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}

function narrowed(spec, field) {
  const words = field.enum?.filter((word) => word !== null);
  if (spec.type === 'range') {
    return {...spec, min: larger(spec.min, field.minimum), max: smaller(spec.max, field.maximum)};
  }
  if (words === undefined) {
    return field.maxLength === undefined ? spec : {...spec, max_length: smaller(spec.max_length, field.maxLength)};
  }
  if (spec.type === 'size') {
    const sizes = words.filter((word) => (spec.values === undefined ? parseSize(word) !== null && allows(spec, parseSize(word)) : spec.values.includes(word)));
    return {type: 'size', auto: spec.auto && words.includes('auto'), values: sizes};
  }
  return spec.type === 'string' ? {type: 'enum', values: words} : {...spec, values: (spec.values ?? words).filter((word) => words.includes(word))};
}

// The parameters that both the model and the API have, and those that the API requires of every request.
export function withinContract(parameters, contract) {
  if (contract === null) {
    return parameters;
  }
  const result = {};
  for (const [name, spec] of Object.entries(parameters)) {
    if (contract.properties[name] !== undefined) {
      result[name] = narrowed(spec, contract.properties[name]);
    }
  }
  for (const name of contract.required ?? []) {
    const words = contract.properties[name]?.enum;
    if (words !== undefined) {
      result[name] = {type: name === 'aspect_ratio' ? 'ratio' : 'enum', values: words, ...(result[name] ?? {}), required: true};
    }
  }
  return result;
}
