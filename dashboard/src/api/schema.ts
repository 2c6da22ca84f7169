// JSON Schema as forms need it: what kind of field a schema asks for, and what it holds at first.
import type { JsonValue } from '@contract/method'

export type Schema = {
  type?: string | string[]
  title?: string
  description?: string
  default?: JsonValue
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
  enum?: JsonValue[]
  const?: JsonValue
  anyOf?: Schema[]
  format?: string
  $ref?: string
  $defs?: Record<string, Schema>
  allOf?: Schema[]
  minimum?: number
  maximum?: number
}

const DEEPEST = 8

/** A schema with what it refers to put in place, as pydantic writes it; what refers to itself ends as JSON. */
export function resolved(schema: Schema, defs = schema.$defs ?? {}, depth = 0): Schema {
  const [only, ...others] = schema.allOf ?? []
  const ref = schema.$ref ?? (others.length === 0 ? only?.$ref : undefined)
  const named = ref?.startsWith('#/$defs/') ? defs[ref.slice('#/$defs/'.length)] : undefined
  const { $ref: _, allOf: __, $defs: ___, ...own } = schema
  if (named) return depth < DEEPEST ? resolved({ ...named, ...own }, defs, depth + 1) : {}
  const below = (each: Schema) => resolved(each, defs, depth + 1)
  return {
    ...own,
    ...(own.properties && { properties: mapped(own.properties, below) }),
    ...(own.items && { items: below(own.items) }),
    ...(own.anyOf && { anyOf: own.anyOf.map(below) }),
  }
}

function mapped(schemas: Record<string, Schema>, change: (schema: Schema) => Schema): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, change(schema)]))
}

export type Kind = 'object' | 'list' | 'choice' | 'kinds' | 'flag' | 'number' | 'text' | 'nothing' | 'json'

const KINDS: Record<string, Kind> = {
  array: 'list',
  boolean: 'flag',
  integer: 'number',
  number: 'number',
  string: 'text',
  null: 'nothing',
}

/** The kind of field that asks for a value of the schema; what no field fits is written as JSON. */
export function kindOf(schema: Schema): Kind {
  if (schema.enum) return 'choice'
  if (kindsOf(schema)) return 'kinds'
  if (schema.type === 'object') return schema.properties ? 'object' : 'json'
  if (schema.type === 'array' && !schema.items) return 'json'
  return (typeof schema.type === 'string' && KINDS[schema.type]) || 'json'
}

/** The kinds that a value may be of, where there are several. */
export function kindsOf(schema: Schema): Schema[] | undefined {
  if (schema.anyOf && schema.anyOf.length > 0) return schema.anyOf
  return Array.isArray(schema.type) ? schema.type.map((type) => ({ ...schema, type })) : undefined
}

const WORDS: Record<Kind, string> = {
  object: 'Fields',
  list: 'List',
  choice: 'Choice',
  kinds: 'Any of several',
  flag: 'Yes or no',
  number: 'Number',
  text: 'Text',
  nothing: 'Nothing',
  json: 'JSON',
}

/** A kind in a word, for whoever chooses among several. */
export function wordOf(schema: Schema): string {
  return schema.title || WORDS[kindOf(schema)]
}

/** What a form holds before anybody writes: the default, or what can be said without asking. */
export function initialOf(schema: Schema): JsonValue | undefined {
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  const [first] = kindsOf(schema) ?? []
  if (first) return initialOf(first)
  switch (kindOf(schema)) {
    case 'object':
      return initialFields(schema)
    case 'list':
      return []
    case 'flag':
      return false
    case 'nothing':
      return null
    default:
      return undefined
  }
}

function initialFields(schema: Schema): JsonValue {
  const required = new Set(schema.required)
  const fields: Record<string, JsonValue> = {}
  for (const name of fieldsOf(schema)) {
    const below = schema.properties?.[name] ?? {}
    // What need not be there, and has no default, is left to whoever fills it in.
    const value = required.has(name) || below.default !== undefined ? initialOf(below) : undefined
    if (value !== undefined) fields[name] = value
  }
  return fields
}

/** Names of an object's fields: those that are required first, as their author wrote them; the wire keeps no other order. */
export function fieldsOf(schema: Schema): string[] {
  const names = Object.keys(schema.properties ?? {}).sort()
  const required = (schema.required ?? []).filter((name) => names.includes(name))
  return [...required, ...names.filter((name) => !required.includes(name))]
}

/** Which of several kinds a value is of, by its type alone: the rest is for the server to judge. */
export function placeOf(kinds: Schema[], value: JsonValue | undefined): number {
  return kinds.findIndex((kind) => isOf(kind, value))
}

function isOf(schema: Schema, value: JsonValue | undefined): boolean {
  switch (kindOf(schema)) {
    case 'choice':
      return schema.enum?.some((each) => each === value) ?? false
    case 'kinds':
      return placeOf(kindsOf(schema) ?? [], value) >= 0
    case 'object':
      return isObject(value)
    case 'list':
      return Array.isArray(value)
    case 'flag':
      return typeof value === 'boolean'
    case 'number':
      return typeof value === 'number'
    case 'text':
      return typeof value === 'string'
    case 'nothing':
      return value === null
    case 'json':
      return value !== undefined
  }
}

export function isObject(value: unknown): value is Record<string, JsonValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A number as somebody wrote it; what is none stays a text, which the server refuses by name. */
export function numberOf(text: string): JsonValue | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  const number = Number(trimmed)
  return Number.isFinite(number) ? number : text
}
