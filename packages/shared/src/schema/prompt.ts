import { z } from 'zod';
import { HearthError } from '../errors/hearth-error.js';
import { parseInput } from '../errors/parse.js';
import { isTooDeep } from './json.js';

const textBlockSchema = z.object({ type: z.literal('text'), text: z.string() });

/** As in Anthropic's Messages API, content block `image`. */
const imageBlockSchema = z.object({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('base64'),
      media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
      data: z.base64(),
    }),
    z.object({ type: z.literal('url'), url: z.url() }),
  ]),
});

const contentBlockSchema = z.discriminatedUnion('type', [textBlockSchema, imageBlockSchema]);
export type ContentBlock = z.infer<typeof contentBlockSchema>;

/** What a turn asks: plain text, or content blocks. */
export const promptSchema = z.union([z.string(), z.array(contentBlockSchema)]);
export type Prompt = z.infer<typeof promptSchema>;

export interface PromptLimits {
  /** Bytes of UTF-8. @defaultValue 1 MiB */
  textPromptMaxBytes: number;
  /** Bytes of the blocks as JSON. @defaultValue 20 MiB */
  blocksPromptMaxBytes: number;
}
export const defaultPromptLimits: PromptLimits = {
  textPromptMaxBytes: 1024 * 1024,
  blocksPromptMaxBytes: 20 * 1024 * 1024,
};

/** @throws HearthError `invalid_prompt` | `prompt_too_large` */
export function checkPrompt(prompt: unknown, limits: PromptLimits = defaultPromptLimits): Prompt {
  if (typeof prompt === 'string') {
    if (prompt.trim() === '') throw emptyPrompt();
    refuseOverLimit(Buffer.byteLength(prompt, 'utf8'), limits.textPromptMaxBytes, 'text', 'textPromptMaxBytes');
    return prompt;
  }
  if (!Array.isArray(prompt)) {
    throw new HearthError('invalid_prompt', `The prompt is ${prompt === null ? 'null' : typeof prompt}.`, {
      field: 'prompt',
      expected: 'a string, or an array of content blocks ({type: "text"} or {type: "image"})',
      wayOut: 'Pass the prompt as text or as content blocks.',
    });
  }
  if (isTooDeep(prompt)) {
    throw new HearthError('invalid_prompt', 'The prompt is nested deeper than any content block.', {
      field: 'prompt',
      expected: 'content blocks ({type: "text"} or {type: "image"})',
      wayOut: 'Pass the prompt as text or as content blocks.',
    });
  }
  refuseOverLimit(
    Buffer.byteLength(JSON.stringify(prompt), 'utf8'),
    limits.blocksPromptMaxBytes,
    'blocks',
    'blocksPromptMaxBytes',
  );
  const blocks = parseInput(z.array(contentBlockSchema), prompt, 'invalid_prompt', 'prompt');
  if (!blocks.some((block) => block.type === 'image' || block.text.trim() !== '')) throw emptyPrompt();
  return blocks;
}

function emptyPrompt(): HearthError {
  return new HearthError('invalid_prompt', 'The prompt is empty.', {
    field: 'prompt',
    expected: 'text, or at least one block with text or an image',
    wayOut: 'Say something to Claude, or do not submit the turn.',
  });
}

function refuseOverLimit(bytes: number, limit: number, kind: string, option: string): void {
  if (bytes <= limit) return;
  throw new HearthError('prompt_too_large', `The prompt has ${bytes} bytes of ${kind}; ${limit} are allowed.`, {
    field: 'prompt',
    expected: `at most ${limit} bytes`,
    wayOut: `Put the material into a file of the workspace and name it in the prompt, or raise ${option} on the producer.`,
  });
}

/** The text of a prompt in one line, cut to `length` characters, images as `[image]`. */
export function promptPreview(prompt: Prompt, length = 80): string {
  const text =
    typeof prompt === 'string' ? prompt : prompt.map((b) => (b.type === 'text' ? b.text : '[image]')).join(' ');
  const line = text
    .slice(0, length * 4)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
