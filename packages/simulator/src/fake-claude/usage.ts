/** Tokens as the API counts them: input outside the prompt cache, cache reads, cache writes, output. */
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

/** The length of a prompt. */
export const promptTokens = (usage: Usage): number =>
  usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;

/** How many tokens at the end of a prompt are not cached. */
const behindTheCache = 3;

/** The usage of a prompt of so many tokens, the first of which are cached. */
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
