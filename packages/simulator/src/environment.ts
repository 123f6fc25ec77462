/** What else would give a claude CLI an account, or send it to another provider. */
const otherAccounts = [
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_ANTHROPIC_AWS',
  'CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_FOUNDRY',
  'CLAUDE_CODE_USE_GATEWAY',
  'CLAUDE_CODE_USE_MANTLE',
  'CLAUDE_CODE_USE_VERTEX',
];

/**
 * The environment a claude CLI needs to talk to the simulated model instead of Anthropic's, and to nobody else: what could give it another
 * account is blank. Any key is accepted; this one is no secret.
 */
export function modelApiEnvironment(url: string): Record<string, string> {
  return {
    ...Object.fromEntries(otherAccounts.map((name) => [name, ''])),
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'simulated',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  };
}
