import { isObject, type Schema } from '@/api/schema'

const SECRET_MARK = 'x-weft-secret'
const SECRET_HINT = 'A reference to a secret: {{secrets.ID.KEY}}.'

/** A flavor's schema with its titles as the hints of fields: they are sentences there. */
export function withWords(schema: Schema): Schema {
  const { title, properties, items, ...rest } = schema
  const hints = [rest.description ?? title, isSecret(schema) && SECRET_HINT].filter((each) => each)
  return {
    ...rest,
    ...(hints.length > 0 && { description: hints.join('. ') }),
    ...(items && { items: withWords(items) }),
    ...(properties && { properties: mapped(properties) }),
  }
}

function mapped(properties: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(properties).map(([name, below]) => [name, withWords(below)]))
}

export function isSecret(schema: Schema): boolean {
  return isObject(schema) && (schema as Record<string, unknown>)[SECRET_MARK] === true
}
