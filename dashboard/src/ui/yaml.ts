// Values as YAML 1.2 has them: those that are JSON, and nothing else.
import type { JsonValue } from '@contract/method'
import { parse, stringify } from 'yaml'

/** Throws, in a line, where the text is no YAML or holds what no JSON value is. */
export function readYaml(text: string): JsonValue {
  let value: unknown
  try {
    value = parse(text, { schema: 'core', logLevel: 'error' })
  } catch (error) {
    // Below the first line the text itself is quoted, with a mark.
    throw new Error((error as Error).message.split('\n')[0]?.replace(/:$/, ''))
  }
  return asJson(value)
}

export function writeYaml(value: JsonValue): string {
  return stringify(value, { lineWidth: 0 })
}

function asJson(value: unknown): JsonValue {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${value} is no JSON number`)
  if (Array.isArray(value)) return value.map(asJson)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, asJson(below)]))
  return (value ?? null) as JsonValue
}
