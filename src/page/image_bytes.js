// What the bytes of an image are. Names of types in answers are not asked.

const kinds = [
  {extension: 'png', type: 'image/png', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47]},
  {extension: 'jpg', type: 'image/jpeg', at: 0, bytes: [0xff, 0xd8, 0xff]},
  {extension: 'gif', type: 'image/gif', at: 0, bytes: [0x47, 0x49, 0x46, 0x38]},
  {extension: 'webp', type: 'image/webp', at: 8, bytes: [0x57, 0x45, 0x42, 0x50]},
  {extension: 'avif', type: 'image/avif', at: 4, bytes: [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69]},
  {extension: 'heic', type: 'image/heic', at: 4, bytes: [0x66, 0x74, 0x79, 0x70]},
];

export function kindOf(bytes) {
  return kinds.find((kind) => kind.bytes.every((byte, index) => bytes[kind.at + index] === byte))
    ?? {extension: 'bin', type: 'application/octet-stream'};
}

// A Blob, with the type of its bytes and the extension of a file. Throws if it is not base64.
export function imageOfBase64(text) {
  const decoded = atob(text);
  const bytes = new Uint8Array(decoded.length);
  for (let index = 0; index < decoded.length; index += 1) {
    bytes[index] = decoded.charCodeAt(index);
  }
  const kind = kindOf(bytes);
  return {blob: new Blob([bytes], {type: kind.type}), extension: kind.extension};
}
