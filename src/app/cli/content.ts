import type { JsonObject } from '#protocol/model/index.js';
import { visible } from './terminal.js';

/** The content of a tool's result, readable: text as it is, everything else as one line that says what it is. */
export function showContent({ content, structuredContent }: JsonObject): string {
  const blocks = Array.isArray(content) ? (content as JsonObject[]) : [];
  if (blocks.length > 0) return blocks.map(showBlock).join('\n');
  return structuredContent === undefined ? '(no content)' : visible(JSON.stringify(structuredContent, undefined, 2));
}

function showBlock(block: JsonObject): string {
  switch (block['type']) {
    case 'text':
      return visible(String(block['text']));
    case 'image':
    case 'audio':
      return `[${block['type']} ${visible(String(block['mimeType']))}, ${bytesOf(block['data'])} bytes]`;
    case 'resource_link':
      return `[link ${visible(String(block['uri']))}${word(block['name'])}]`;
    case 'resource':
      return showResource((block['resource'] ?? {}) as JsonObject);
    default:
      return visible(JSON.stringify(block));
  }
}

function showResource({ uri, mimeType, text, blob }: JsonObject): string {
  const head = `resource ${visible(String(uri))}${word(mimeType)}`;
  return typeof text === 'string' ? `[${head}]\n${visible(text)}` : `[${head}, ${bytesOf(blob)} bytes]`;
}

const word = (value: unknown): string => (typeof value === 'string' ? ` ${visible(value)}` : '');
const bytesOf = (base64: unknown): number => (typeof base64 === 'string' ? Buffer.byteLength(base64, 'base64') : 0);
