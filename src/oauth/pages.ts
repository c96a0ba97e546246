/** The pages that people see: plain HTML without scripts. */

const STYLE = `
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; }
  label { display: block; margin: 1rem 0 .25rem; }
  input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; }
  button { font: inherit; margin-top: 1.5rem; padding: .5rem 1.5rem; }
  pre { padding: .75rem; overflow-x: auto; border: 1px solid GrayText; white-space: pre-wrap; word-break: break-all; }
  .wrong { border-left: .25rem solid #c9190b; padding-left: .75rem; }
`;

/** Text as it stands in HTML, in elements and in quoted attributes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

function page(title: string, body: string): string {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>`;
  return `<!doctype html>\n<html lang="en"><head>${head}<style>${STYLE}</style></head>\n<body><h1>${escaped(title)}</h1>\n${body}</body></html>\n`;
}

export interface LoginForm {
  /** Where the form is sent: a path of this server. */
  readonly action: string;
  readonly csrf: string;
  /** Who gets a token. */
  readonly client: string;
  readonly scopes: readonly string[];
  /** Where the answer goes, as people know places: an origin. */
  readonly onward: string;
  /** What was wrong with the last try. */
  readonly problem?: string;
  /** Filled in already. */
  readonly name?: string;
}

/** The page that asks for a name and a password. Whoever sends it lets the client have a token, so it says which. */
export function loginPage({ action, csrf, client, scopes, onward, problem, name = '' }: LoginForm): string {
  const wrong = problem === undefined ? '' : `<p class="wrong" role="alert">${escaped(problem)}</p>\n`;
  return page(
    'Log in to Headgate',
    `${wrong}<p>Logging in gives <b>${escaped(client)}</b> at ${escaped(onward)} a token with the rights <b>${escaped(scopes.join(', '))}</b>.</p>
<form method="post" action="${escaped(action)}">
<input type="hidden" name="csrf" value="${escaped(csrf)}">
<label for="username">Name</label>
<input id="username" name="username" value="${escaped(name)}" autocomplete="username" autocapitalize="none" autofocus required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Log in</button>
</form>
`,
  );
}

/** The page that asks whether the token is to be shown, so that no other site can have it shown. */
export function showPage(csrf: string, code: string): string {
  return page(
    'Your token is ready',
    `<p>Whoever sees it can act as you until it ends.</p>
<form method="post">
<input type="hidden" name="csrf" value="${escaped(csrf)}">
<input type="hidden" name="code" value="${escaped(code)}">
<button type="submit">Display token</button>
</form>
`,
  );
}

/** The page that shows a token. */
export function tokenPage(server: string, token: string): string {
  return page(
    'Your API token',
    `<pre><code>${escaped(token)}</code></pre>
<p>Log in with it:</p>
<pre>oc login --token=${escaped(token)} --server=${escaped(server)}</pre>
<p>Or use it as the password for <code>docker login</code>, with any user name.</p>
<p><a href="/oauth/token/request">Request another token</a></p>
`,
  );
}

/** The page that says what is wrong. */
export function problemPage(problem: string): string {
  return page('This did not work', `<p class="wrong" role="alert">${escaped(problem)}</p>\n`);
}
