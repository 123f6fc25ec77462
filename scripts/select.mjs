/** `npm test -- <words>`: which tests the words mean. */

/**
 * A word that stands in the path of a test file selects that file. The other words, taken together, are a part of the titles.
 *
 * @param words as they were given
 * @param files the paths of all test files
 * @returns the arguments of vitest
 */
export function select(words, files) {
  const ofPath = words.filter((word) => files.some((file) => file.includes(word)));
  const ofTitle = words.filter((word) => !ofPath.includes(word)).join(' ');
  return [...ofPath, ...(ofTitle === '' ? [] : ['--testNamePattern', escaped(ofTitle)])];
}

const escaped = (text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
