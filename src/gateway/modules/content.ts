import type { JsonObject } from '#protocol/model/index.js';
import type { InputRequired } from './input-request.js';

/** What every content block may carry (annotations: audience, priority, lastModified). */
type BlockExtras = { annotations?: JsonObject; _meta?: JsonObject };

/** Text or base64 content of a resource. */
export type ResourceContents = { uri: string; mimeType?: string; _meta?: JsonObject } & (
  { text: string } | { blob: string }
);

/** A block of a tool result or prompt message, spelled as on the wire. `data` is base64. */
export type ContentBlock = BlockExtras &
  (
    | { type: 'text'; text: string }
    | { type: 'image' | 'audio'; data: string; mimeType: string }
    | { type: 'resource'; resource: ResourceContents }
    | {
        type: 'resource_link';
        uri: string;
        name: string;
        title?: string;
        description?: string;
        mimeType?: string;
        size?: number;
      }
  );

/** A tool result, spelled as on the wire. */
export type ToolResult = {
  content: ContentBlock[];
  structuredContent?: unknown;
  isError?: boolean;
  _meta?: JsonObject;
};

/** What `run` may return: a text, a result, or a question back. */
export type ToolReturn = string | ToolResult | InputRequired;

/** A result with a value for programs, and the same as JSON text for models and for older clients. */
export function structured(value: unknown): ToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }], structuredContent: value };
}

/** A failure the model should read and act on: what went wrong, and what to do about it. */
export function toolError(text: string, hint?: string): ToolResult {
  return { content: [{ type: 'text', text: hint === undefined ? text : `${text} ${hint}` }], isError: true };
}

/** Bytes of the content blocks, near enough for a budget and without serialising them. */
export function contentBytes({ content }: ToolResult): number {
  let bytes = 0;
  for (const block of content)
    if (block.type === 'text') bytes += Buffer.byteLength(block.text);
    else if (block.type === 'image' || block.type === 'audio') bytes += block.data.length;
    else if (block.type === 'resource')
      bytes += 'text' in block.resource ? Buffer.byteLength(block.resource.text) : block.resource.blob.length;
  return bytes;
}
