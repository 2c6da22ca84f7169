// What a form begins with.
import type { JsonValue } from '@contract/method'
import { initialOf, isObject, type Schema } from '@/api/schema'

/** What the schema has by default, and over it what a run was given of what it asks for. */
export function filledIn(schema: Schema, given: Record<string, unknown>): Record<string, JsonValue> {
  const initial = initialOf({ ...schema, type: 'object' })
  const asked = Object.entries(given).filter(([name]) => Object.hasOwn(schema.properties ?? {}, name))
  return {
    ...(isObject(initial) ? initial : {}),
    ...(Object.fromEntries(asked) as Record<string, JsonValue>),
  }
}
