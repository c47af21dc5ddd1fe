// Server-sent events of a response, one after another: {name, data}.

export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pieces = [];
  let name = '';
  let data = [];
  try {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) {
        return;
      }
      // An image is a long line in many parts: they are joined once, at its end.
      if (!value.includes('\n')) {
        pieces.push(value);
        continue;
      }
      const lines = value.split('\n');
      lines[0] = pieces.join('') + lines[0];
      pieces = [lines.pop()];
      for (const line of lines.map((each) => each.replace(/\r$/, ''))) {
        if (line === '') {
          if (data.length > 0) {
            yield {name, data: data.join('\n')};
          }
          name = '';
          data = [];
        } else if (line.startsWith('event:')) {
          name = line.slice(6).trim();
        } else if (line.startsWith('data:')) {
          data.push(line.slice(5).replace(/^ /, ''));
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
