// Numbers and names as people read them.

export function dollars(usd) {
  if (usd === 0) {
    return 'free';
  }
  if (usd < 0.000001) {
    return 'less than $0.000001';
  }
  const digits = usd >= 1 ? 2 : usd >= 0.01 ? 3 : 6;
  const text = usd.toFixed(digits).replace(/0+$/, '');
  const missing = 2 - text.split('.')[1].length;
  return `$${text}${'0'.repeat(Math.max(0, missing))}`;
}

export function seconds(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

export function bytes(count) {
  if (count < 1000) {
    return `${count} bytes`;
  }
  return count < 1e6 ? `${Math.round(count / 1000)} KB` : count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

export function spaced(name) {
  return name.replaceAll('_', ' ');
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// A value of an adjustment: a JSON value, on one line.
export function value(json) {
  return json === null ? 'nothing' : typeof json === 'string' ? json : JSON.stringify(json);
}

export function clock(unixSeconds) {
  return new Date(unixSeconds * 1000).toLocaleTimeString();
}
