/** WWW-Authenticate: how a server wants to be told who is asking (RFC 9110 §11.6.1). Pure. */

export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** By name, in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A scheme: a word that is followed by a space and no equals sign, or by nothing. */
const SCHEME = new RegExp(`[\\s,]*(${TOKEN})(?:[ \\t]+|(?=,|$))`, 'y');
const PARAMETER = new RegExp(`[\\s,]*(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y');

/** The challenges of a header (several header lines joined by commas, as Node has them), in their order. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = header ?? '';
  const challenges: Challenge[] = [];
  let at = 0;
  for (;;) {
    SCHEME.lastIndex = at;
    const scheme = SCHEME.exec(text);
    if (!scheme) return challenges;
    at = SCHEME.lastIndex;
    const parameters = new Map<string, string>();
    for (;;) {
      PARAMETER.lastIndex = at;
      const found = PARAMETER.exec(text);
      if (!found) break;
      const [, name = '', quoted, plain = ''] = found;
      parameters.set(name.toLowerCase(), quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'));
      at = PARAMETER.lastIndex;
    }
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters });
  }
}
