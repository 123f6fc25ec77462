/** Variables that would give a claude CLI another account, or another provider. */
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
 * The environment with which a claude CLI talks only to the simulated model: other accounts are blank. Any key is accepted, so this one
 * is no secret.
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
