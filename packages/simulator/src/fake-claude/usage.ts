/** Tokens as the API counts them: of the prompts, what was neither read from the prompt cache nor written to it, and what was; and what was said. */
export interface Usage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
}

export const noUsage: Usage = {
  input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 0,
};

export const sum = (a: Usage, b: Usage): Usage => ({
  input_tokens: a.input_tokens + b.input_tokens,
  cache_creation_input_tokens: a.cache_creation_input_tokens + b.cache_creation_input_tokens,
  cache_read_input_tokens: a.cache_read_input_tokens + b.cache_read_input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
});

/** How long a prompt was. */
export const promptTokens = (usage: Usage): number =>
  usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;

/** So much of a prompt stands behind the last mark up to which it is cached. */
const behindTheCache = 3;

/** A prompt of so many tokens, the first of which are cached. */
export function promptUsage(tokens: number, cached: number): Usage {
  const read = Math.min(cached, tokens);
  const plain = Math.min(behindTheCache, tokens - read);
  return {
    ...noUsage,
    input_tokens: plain,
    cache_creation_input_tokens: tokens - read - plain,
    cache_read_input_tokens: read,
  };
}
