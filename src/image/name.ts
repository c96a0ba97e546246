/** Names of repositories (`namespace/stream`) and tags, as the OCI distribution specification writes them. */

/** A repository of Headgate, or why a name cannot be one and what to do about it. */
export type RepositoryName =
  | { readonly valid: true; readonly namespace: string; readonly stream: string }
  | { readonly valid: false; readonly reason: string };

/** The namespace of a one-part name. */
export const DEFAULT_NAMESPACE = 'default';

/** Of namespace and stream together; of a reference, with the registry's host. */
export const NAME_CHARACTERS = 255;
const NAMESPACE_CHARACTERS = 63;

const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
/** What the API asks of a namespace. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** What the API asks of an image stream's name: narrower than OCI, one separator at a time. */
const STREAM = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

function refuse(reason: string): RepositoryName {
  return { valid: false, reason };
}

/** Namespace and stream of a repository name; one part means the namespace `default`. */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length > NAME_CHARACTERS) {
    return refuse(`a repository name has at most ${NAME_CHARACTERS} characters, this one has ${text.length}`);
  }
  if (text === '') {
    return refuse('the repository name is empty; use namespace/stream');
  }
  const parts = text.split('/');
  for (const part of parts) {
    if (!COMPONENT.test(part)) {
      return refuse(
        `${JSON.stringify(part)} in ${JSON.stringify(text)} is not a valid part of a repository name; use lower-case letters and digits, joined by ".", "_", "__" or "-"`,
      );
    }
  }
  const [first = '', second] = parts;
  if (parts.length > 2) {
    const shorter = `${first}/${parts.slice(1).join('-')}`;
    return refuse(
      `${JSON.stringify(text)} has ${parts.length} parts, but a repository here is an image stream in a namespace; use namespace/stream, for example ${shorter}`,
    );
  }
  return second === undefined ? repository(DEFAULT_NAMESPACE, first) : repository(first, second);
}

function repository(namespace: string, stream: string): RepositoryName {
  if (namespace.length > NAMESPACE_CHARACTERS || !LABEL.test(namespace)) {
    return refuse(
      `${JSON.stringify(namespace)} cannot be a namespace; use at most ${NAMESPACE_CHARACTERS} lower-case letters, digits and "-"`,
    );
  }
  if (!STREAM.test(stream)) {
    return refuse(
      `${JSON.stringify(stream)} cannot be the name of an image stream, which allows one ".", "_" or "-" between letters and digits, not several`,
    );
  }
  if (namespace.length + 1 + stream.length > NAME_CHARACTERS) {
    return refuse(
      `${JSON.stringify(`${namespace}/${stream}`)} is too long; namespace/stream has at most ${NAME_CHARACTERS} characters`,
    );
  }
  return { valid: true, namespace, stream };
}

/** Whether the text is a tag: a letter, digit or `_`, then at most 127 of these, `.` and `-`. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
