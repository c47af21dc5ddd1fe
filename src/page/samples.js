// The same call for other programs. The key is never in it.

import { make, newId } from './element.js';

function shellWord(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// Lone surrogates and what terminals act upon are escaped; the rest stays readable.
function jsonText(value) {
  return JSON.stringify(value).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function indented(value) {
  const rows = Object.entries(value).map(([name, each]) => `  ${jsonText(name)}: ${jsonText(each)}`);
  return `{\n${rows.join(',\n')}\n}`;
}

// A job is accepted, and its result is read later from the address in the header Location.
export function curlOf({url, fields, files, asJob, withKey}) {
  const key = withKey ? ' \\\n  -H "Authorization: Bearer $IMAGE_GATEWAY_KEY"' : '';
  const job = asJob ? " \\\n  -H 'Prefer: respond-async'" : '';
  const save = fields.stream || asJob ? '' : " |\n  jq -r '.data[0].b64_json' | base64 -d > image.png";
  const quiet = fields.stream ? '-sN' : asJob ? '-si' : '-s';
  if (files.length === 0) {
    return `curl ${quiet} ${shellWord(url)}${key}${job} \\\n  -H 'Content-Type: application/json' \\\n  -d ${shellWord(indented(fields))}${save}`;
  }
  const texts = Object.entries(fields).map(([name, value]) => ` \\\n  --form-string ${shellWord(`${name}=${value}`)}`);
  const parts = files.map(({name, fileName}) => ` \\\n  -F ${shellWord(`${name}=@"${fileName.replace(/["\\]/g, '\\$&')}"`)}`);
  return `curl ${quiet} ${shellWord(url)}${key}${job}${texts.join('')}${parts.join('')}${save}`;
}

// The parameters that OpenAI's client knows; it takes others in extra_body.
const openai = ['model', 'prompt', 'n', 'size', 'quality', 'style', 'background', 'output_format', 'output_compression', 'response_format',
  'moderation', 'user', 'stream', 'partial_images', 'input_fidelity'];

function pythonValue(value) {
  return value === true ? 'True' : value === false ? 'False' : jsonText(value);
}

const methods = {generate: 'generate', edit: 'edit', variation: 'create_variation'};

export function pythonOf({base, operation, fields, files, asJob, withKey}) {
  const rows = Object.entries(fields).filter(([name]) => openai.includes(name)).map(([name, value]) => `    ${name}=${pythonValue(value)},`);
  const others = Object.entries(fields).filter(([name]) => !openai.includes(name));
  const images = files.filter((file) => file.name === 'image').map((file) => `open(${jsonText(file.fileName)}, "rb")`);
  if (images.length > 0) {
    rows.push(`    image=${images.length === 1 ? images[0] : `[${images.join(', ')}]`},`);
  }
  rows.push(...files.filter((file) => file.name === 'mask').map((file) => `    mask=open(${jsonText(file.fileName)}, "rb"),`));
  if (others.length > 0) {
    rows.push(`    extra_body={${others.map(([name, value]) => `${jsonText(name)}: ${pythonValue(value)}`).join(', ')}},`);
  }
  if (asJob) {
    rows.push('    extra_headers={"Prefer": "respond-async"},');
  }
  const use = asJob ? 'print(answer.to_json())' : fields.stream
    ? 'for event in answer:\n    print(event.type)\n    if event.type.endswith(".completed"):\n        open("image.png", "wb").write(base64.b64decode(event.b64_json))'
    : 'open("image.png", "wb").write(base64.b64decode(answer.data[0].b64_json))';
  const key = withKey ? 'os.environ["IMAGE_GATEWAY_KEY"]' : '"none"';
  return `${asJob ? '' : 'import base64\n'}${withKey ? 'import os\n' : ''}from openai import OpenAI\n\nclient = OpenAI(base_url=${jsonText(base)}, api_key=${key})\n`
    + `answer = client.images.${methods[operation]}(\n${rows.join('\n')}\n)\n${use}`;
}

export function javascriptOf({url, fields, files, asJob, withKey}) {
  const key = '`Bearer ${process.env.IMAGE_GATEWAY_KEY}`';
  const save = 'const answer = await response.json();\nawait writeFile(\'image.png\', Buffer.from(answer.data[0].b64_json, \'base64\'));';
  const use = asJob ? 'console.log(await response.json());' : fields.stream ? 'for await (const part of response.body) {\n  process.stdout.write(part);\n}' : save;
  const imports = [files.length > 0 ? 'openAsBlob' : ''].filter((name) => name !== '');
  const head = (imports.length > 0 ? "import { openAsBlob } from 'node:fs';\n" : '') + (fields.stream || asJob ? '' : "import { writeFile } from 'node:fs/promises';\n");
  const from = head === '' ? '' : `${head}\n`;
  if (files.length === 0) {
    const headers = `{'Content-Type': 'application/json'${asJob ? ", Prefer: 'respond-async'" : ''}${withKey ? `, Authorization: ${key}` : ''}}`;
    return `${from}const response = await fetch(${jsonText(url)}, {\n  method: 'POST',\n  headers: ${headers},\n  body: JSON.stringify(${indented(fields).replaceAll('\n', '\n  ')}),\n});\n${use}`;
  }
  const parts = [...Object.entries(fields).map(([name, value]) => `form.append(${jsonText(name)}, ${jsonText(String(value))});`),
    ...files.map(({name, fileName}) => `form.append(${jsonText(name)}, await openAsBlob(${jsonText(fileName)}), ${jsonText(fileName)});`)];
  const wanted = [asJob ? "Prefer: 'respond-async'" : '', withKey ? `Authorization: ${key}` : ''].filter((header) => header !== '');
  const headers = wanted.length > 0 ? `, headers: {${wanted.join(', ')}}` : '';
  return `${from}const form = new FormData();\n${parts.join('\n')}\nconst response = await fetch(${jsonText(url)}, {method: 'POST', body: form${headers}});\n${use}`;
}

// Tabs with the call in each language, and a button that copies it.
export function sampleTabs(call) {
  const samples = [['curl', curlOf(call)], ['Python', pythonOf(call)], ['JavaScript', javascriptOf(call)]];
  const group = newId('language');
  const code = make('pre', {tabindex: '0', 'aria-label': 'The same call'});
  const copied = make('span', {role: 'status', class: 'hint'});
  let shown = samples[0][1];
  function show(text) {
    shown = text;
    code.textContent = text;
    copied.textContent = '';
  }
  show(shown);
  async function copy() {
    try {
      await navigator.clipboard.writeText(shown);
      copied.textContent = 'Copied.';
    } catch {
      getSelection().selectAllChildren(code);
      copied.textContent = 'The browser does not let this page copy; the text is selected.';
    }
  }
  return make('div', {class: 'samples'},
    make('fieldset', {class: 'switch'}, make('legend', {class: 'unseen'}, 'Language'), samples.map(([language, text], index) => make('label', {},
      make('input', {type: 'radio', name: group, value: language, checked: index === 0, input: () => show(text)}), make('span', {}, language)))),
    code, make('p', {class: 'row'}, make('button', {type: 'button', click: copy}, 'Copy'), copied));
}
