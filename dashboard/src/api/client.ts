// The one way to the servers: typed calls over HTTP/JSON, with the session's cookie.
import type { Partly, Stream, Unary } from '@contract/method'
import { errorOf, unreachable } from './errors'
import { type HttpRequest, toHttp } from './request'

const WORKSPACE = '/api/workspace/v1'

/** Where the page is served, without a slash at the end. */
export function basePath(): string {
  return new URL(document.baseURI).pathname.replace(/\/$/, '')
}

type Options = { signal?: AbortSignal | undefined; headers?: Record<string, string> }

/** Calls the control plane, and the workspace whose prefix it was given. */
export class Client {
  constructor(private readonly workspace = WORKSPACE) {}

  async call<Q, A>(method: Unary<Q, A>, request: Partly<Q>, options: Options = {}): Promise<A> {
    const response = await this.send(toHttp(method, request as object), options)
    return (await response.json()) as A
  }

  /** Opens a stream of server-sent events. */
  async open<Q, A>(method: Stream<Q, A>, request: Partly<Q>, options: Options = {}) {
    const headers = { accept: 'text/event-stream', ...options.headers }
    const response = await this.send(toHttp(method, request as object), { ...options, headers })
    return response.body
  }

  /** Reads a file that a method answers, as it is. */
  async read<Q, A>(method: Unary<Q, A>, request: Partly<Q>, options: Options = {}): Promise<Blob> {
    return (await this.send(toHttp(method, request as object), options)).blob()
  }

  /** Where a GET method of the workspace answers, for links. */
  address<Q, A>(method: Unary<Q, A> | Stream<Q, A>, request: Partly<Q>): string {
    return this.url(toHttp(method, request as object).path)
  }

  private send(request: HttpRequest, { signal, headers }: Options): Promise<Response> {
    const init: RequestInit = { method: request.verb, headers: { ...headersOf(request), ...headers } }
    if (request.body !== undefined) init.body = request.body
    if (signal) init.signal = signal
    return send(this.url(request.path), init)
  }

  private url(path: string): string {
    const isWorkspace = path.startsWith(`${WORKSPACE}/`)
    return basePath() + (isWorkspace ? this.workspace + path.slice(WORKSPACE.length) : path)
  }
}

/** Sends a request of this origin; raises ApiError for every answer but a good one. */
export async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await attempt(url, init)
  if (response.ok) return response
  const error = await errorOf(response)
  // Keys may have changed: whose session still holds gets a new credential, and asks again.
  // What was refused for the proof in it, a password or a code, is never sent twice: guesses are counted.
  if (error.reason !== 'INVALID_CREDENTIAL' || !(await isSignedIn())) throw error
  const second = await attempt(url, init)
  if (!second.ok) throw await errorOf(second)
  return second
}

async function isSignedIn(): Promise<boolean> {
  return (await attempt(`${basePath()}/auth/session`, {})).ok
}

async function attempt(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, { ...init, credentials: 'same-origin' }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error
    throw unreachable()
  })
}

function headersOf(request: HttpRequest): Record<string, string> {
  if (request.verb === 'GET') return {}
  // Repeated by the network or by a person, a request has its effect once.
  const headers = { 'x-weft-csrf': '1', 'idempotency-key': crypto.randomUUID() }
  return request.body === undefined ? headers : { ...headers, 'content-type': 'application/json' }
}
