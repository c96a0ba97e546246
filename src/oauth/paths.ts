/** Which paths are those of OAuth; apart from what answers them, which is loaded when one is asked for. */

export const WELL_KNOWN = '/.well-known/oauth-authorization-server';

/** Whether this edge answers a path (without its query). */
export function isOAuthPath(path: string): boolean {
  return path.startsWith('/oauth/') || path === WELL_KNOWN;
}
