// Sizes and ratios as shapes that one can choose.

export function parseSize(text) {
  const match = /^(\d+)x(\d+)$/.exec(text ?? '');
  return match === null ? null : {width: Number(match[1]), height: Number(match[2])};
}

function parseRatio(text) {
  const match = /^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)$/.exec(text ?? '');
  return match === null ? null : Number(match[1]) / Number(match[2]);
}

export function allows(rule, {width, height}) {
  const multiple = rule.multiple_of ?? 1;
  const ratio = Math.max(width / height, height / width);
  return width > 0 && height > 0 && width % multiple === 0 && height % multiple === 0
    && Math.min(width, height) >= (rule.min_side ?? 1) && Math.max(width, height) <= (rule.max_side ?? Infinity)
    && width * height >= (rule.min_area ?? 1) && width * height <= (rule.max_area ?? Infinity)
    && ratio <= (rule.max_ratio ?? Infinity);
}

export function hasRule(spec) {
  return spec.values === undefined || ['multiple_of', 'min_side', 'max_side', 'min_area', 'max_area', 'max_ratio'].some((name) => name in spec);
}

const common = ['1024x1024', '1536x1024', '1024x1536', '1280x720', '720x1280', '1344x768', '768x1344', '2048x2048', '512x512'];

// {value, shape: width / height, label}. "" leaves it to the model.
export function shapesOf(name, spec) {
  const automatic = [...(spec.required ? [] : [{value: '', shape: null, label: 'default'}]), ...(spec.auto ? [{value: 'auto', shape: null, label: 'auto'}] : [])];
  if (name === 'size') {
    const own = (spec.values ?? []).map((text) => text.replace('×', 'x'));
    const further = own.length === 0 ? common.filter((text) => allows(spec, parseSize(text))).slice(0, 7) : [];
    return [...automatic, ...[...own, ...further].map((text) => {
      const size = parseSize(text);
      return {value: text, shape: size === null ? null : size.width / size.height, label: text.replace('x', '×')};
    })];
  }
  const ratios = spec.values ?? ['1:1', '3:2', '2:3', '4:3', '3:4', '16:9', '9:16', '21:9'].filter((text) =>
    (spec.min === undefined || parseRatio(text) >= parseRatio(spec.min)) && (spec.max === undefined || parseRatio(text) <= parseRatio(spec.max)));
  return [...automatic, ...ratios.map((text) => ({value: text, shape: parseRatio(text), label: text}))];
}
