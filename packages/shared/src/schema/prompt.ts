import { z } from 'zod';
import { HearthError } from '../errors/hearth-error.js';
import { parseInput } from '../errors/parse.js';
import { cutText, wellFormed } from '../text.js';
import { isTooDeep } from './json.js';

const textBlockSchema = z.object({ type: z.literal('text'), text: z.string().overwrite(wellFormed) });

/** The content block `image` of Anthropic's Messages API. */
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

export const promptSchema = z.union([z.string().overwrite(wellFormed), z.array(contentBlockSchema)]);
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
    return wellFormed(prompt);
  }
  if (!Array.isArray(prompt)) throw malformedPrompt(`The prompt is ${prompt === null ? 'null' : typeof prompt}.`);
  if (isTooDeep(prompt)) throw malformedPrompt('The prompt is nested deeper than any content block.');
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

const malformedPrompt = (message: string): HearthError =>
  new HearthError('invalid_prompt', message, {
    field: 'prompt',
    expected: 'a string, or an array of content blocks ({type: "text"} or {type: "image"})',
    wayOut: 'Pass the prompt as text or as content blocks.',
  });

function emptyPrompt(): HearthError {
  return new HearthError('invalid_prompt', 'The prompt is empty.', {
    field: 'prompt',
    expected: 'text, or at least one block with text or an image',
    wayOut: 'Pass some text or an image.',
  });
}

function refuseOverLimit(bytes: number, limit: number, kind: string, option: string): void {
  if (bytes <= limit) return;
  throw new HearthError('prompt_too_large', `The prompt has ${bytes} bytes of ${kind}; ${limit} are allowed.`, {
    field: 'prompt',
    expected: `at most ${limit} bytes`,
    wayOut: `Write the material to a file in the workspace and name it in the prompt, or raise ${option} on the producer.`,
  });
}

/** A prompt in one line of at most `length` characters. An image is `[image]`. */
export function promptPreview(prompt: Prompt, length = 80): string {
  const text =
    typeof prompt === 'string' ? prompt : prompt.map((b) => (b.type === 'text' ? b.text : '[image]')).join(' ');
  // More than a line needs, so that a long prompt is not searched for spaces as a whole.
  const line = cutText(text.trimStart(), length * 4).replace(/\s+/g, ' ');
  return cutText(line.trim(), length);
}
