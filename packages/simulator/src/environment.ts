/**
 * The environment a claude CLI needs to talk to the simulated model instead of Anthropic's.
 * Any key is accepted; this one is no secret.
 */
export function modelApiEnvironment(url: string): Record<string, string> {
  return {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'simulated',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  };
}
