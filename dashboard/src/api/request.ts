// A request as HTTP: what of it goes into the path, the query and the body.
import type { Route } from '@contract/method'

type Fields = Record<string, unknown>
export type HttpRequest = { verb: string; path: string; body: string | undefined }

const VARIABLE = /\{([\w.]+)(?:=[^}]*)?\}/g

/** Raises where a field of the path is missing: that would be another resource. */
export function toHttp(route: Route, request: object): HttpRequest {
  const left: Fields = structuredClone({ ...request })
  const path = route.path.replace(VARIABLE, (_, name: string) => encodePath(take(left, name)))
  const body = bodyOf(route, left)
  const query = route.body === '*' ? '' : encodeQuery(left)
  return { verb: route.verb, path: query ? `${path}?${query}` : path, body }
}

function bodyOf(route: Route, left: Fields): string | undefined {
  if (!route.body) return undefined
  if (route.body === '*') return JSON.stringify(left)
  const name = camel(route.body)
  const value = left[name]
  delete left[name]
  return JSON.stringify(value ?? {})
}

/** Takes the value of a dotted field out of a request. */
function take(fields: Fields, dotted: string): string {
  const [first, ...rest] = dotted.split('.').map(camel)
  const value = first === undefined ? undefined : fields[first]
  if (rest.length > 0 && isFields(value)) return take(value, rest.join('.'))
  if (typeof value !== 'string' || value === '') throw new TypeError(`${dotted} is missing`)
  delete fields[first as string]
  return value
}

function encodePath(value: string): string {
  return value.split('/').map(encodeURIComponent).join('/')
}

function encodeQuery(fields: Fields): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) append(query, name, value)
  return query.toString()
}

function append(query: URLSearchParams, name: string, value: unknown): void {
  if (value === undefined || value === '') return
  if (Array.isArray(value)) for (const item of value) append(query, name, item)
  else if (isFields(value))
    for (const [key, inner] of Object.entries(value)) append(query, `${name}.${key}`, inner)
  else query.append(name, String(value))
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
