// Made by `make protos`; never edited.
// What the methods of all services have in common.

export type JsonValue = null | boolean | number | string | JsonValue[] | Json
export type Json = { [key: string]: JsonValue }

/** An error, as google.rpc.Status. */
export type Status = { code: number; message: string; details?: (Json & { '@type': string })[] }

/** Something that takes long. */
export type Operation = {
  name: string
  done: boolean
  metadata?: Json
  error?: Status
  response?: Json
}

/** Everything in a request may be left out. */
export type Partly<T> = T extends (infer I)[]
  ? Partly<I>[]
  : T extends object
    ? { [K in keyof T]?: Partly<T[K]> }
    : T

/** A route: `body` is "*" for the whole request, a field, or nothing. */
export type Route = { verb: string; path: string; body: string }
/** A method that answers once. The types live in the compiler alone. */
export type Unary<Q, A> = Route & { kind: 'unary'; types?: [Q, A] }
/** A method that answers a stream, resumed by the request's field `resume`. */
export type Stream<Q, A> = Route & { kind: 'stream'; types?: [Q, A] }
