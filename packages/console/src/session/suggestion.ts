const destinations: Record<string, string> = {
  session: 'in this session',
  localSettings: 'in this folder',
  projectSettings: 'in this project',
  userSettings: 'for this user',
};

/** One suggestion of the agent in words. */
export function describeSuggestion(suggestion: unknown): string {
  const given = (typeof suggestion === 'object' && suggestion !== null ? suggestion : {}) as Record<string, unknown>;
  const where = destinations[String(given['destination'])] ?? '';
  return `${what(given)} ${where}`.trim();
}

function what(given: Record<string, unknown>): string {
  switch (given['type']) {
    case 'addRules':
    case 'replaceRules':
      return listed(given['rules'], ruleText);
    case 'addDirectories':
      return `files in ${listed(given['directories'], String)}`;
    case 'setMode':
      return `mode ${String(given['mode'])}`;
    default:
      return JSON.stringify(given);
  }
}

const listed = (items: unknown, text: (item: unknown) => string): string =>
  Array.isArray(items) ? items.map(text).join(', ') : '';

function ruleText(rule: unknown): string {
  const { toolName, ruleContent } = rule as { toolName?: string; ruleContent?: string };
  return ruleContent === undefined ? String(toolName) : `${toolName}(${ruleContent})`;
}
