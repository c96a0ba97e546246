/** Wildcards in names of registries, as Go's filepath.Match reads them, without its brackets. */

/** Whether a text matches a pattern in which `*` stands for any characters and `?` for one. Linear but for the last star. */
export function matchesWildcards(text: string, pattern: string): boolean {
  let [at, from] = [0, 0];
  let star = -1;
  let kept = 0;
  while (at < text.length) {
    if (pattern[from] === '*') {
      star = from++;
      kept = at;
    } else if (from < pattern.length && (pattern[from] === '?' || pattern[from] === text[at])) {
      at++;
      from++;
    } else if (star >= 0) {
      // The star takes one character more.
      from = star + 1;
      at = ++kept;
    } else {
      return false;
    }
  }
  while (pattern[from] === '*') from++;
  return from === pattern.length;
}
