import type { Awaitable } from './store/store.ts';

/** Loads something when it is first asked for; then it is at hand. What could not be loaded is tried again when asked for. */
export function lazily<T>(load: () => Promise<T>): () => Awaitable<T> {
  let known: { readonly value: T } | undefined;
  let loading: Promise<T> | undefined;
  return () => {
    if (known) return known.value;
    loading ??= load().then(
      (value) => {
        known = { value };
        return value;
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
}
