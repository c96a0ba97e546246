/** A running server did not do what a command asked of it, or there is none; the message says why. */
export class ServerRefusal extends Error {
  override name = 'ServerRefusal';
}
