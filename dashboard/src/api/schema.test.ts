import { describe, expect, test } from 'vitest'
import { fieldsOf, initialOf, kindOf, numberOf, placeOf, resolved, type Schema } from './schema'

const OPTIONAL: Schema = { anyOf: [{ type: 'number' }, { type: 'null' }] }

describe('what a form holds at first', () => {
  test('is the defaults, and what can be said without asking', () => {
    const schema: Schema = {
      type: 'object',
      properties: {
        rate: { type: 'number', default: 0.1 },
        name: { type: 'string' },
        shuffle: { type: 'boolean' },
        limit: { ...OPTIONAL, default: null },
        layers: { type: 'array', items: { type: 'integer' } },
        note: { type: 'string' },
      },
      required: ['name', 'shuffle', 'layers'],
    }
    expect(initialOf(schema)).toEqual({ rate: 0.1, shuffle: false, limit: null, layers: [] })
  })

  test('is nested as the schema is', () => {
    const inner: Schema = { type: 'object', properties: { depth: { type: 'integer', default: 3 } } }
    const schema: Schema = { type: 'object', properties: { model: inner }, required: ['model'] }
    expect(initialOf(schema)).toEqual({ model: { depth: 3 } })
  })
})

test.each<[Schema, string]>([
  [{ enum: ['fast', 'deep'] }, 'choice'],
  [OPTIONAL, 'kinds'],
  [{ type: ['string', 'null'] }, 'kinds'],
  [{ type: 'object', additionalProperties: { type: 'number' } }, 'json'],
  [{ type: 'array', items: { type: 'number' } }, 'list'],
  [{ type: 'string', format: 'path' }, 'text'],
  [{}, 'json'],
])('%j asks for %s', (schema, kind) => {
  expect(kindOf(schema)).toBe(kind)
})

test('required fields come first, in the order of their author', () => {
  const properties = { a: {}, b: {}, c: {} }
  expect(fieldsOf({ properties, required: ['c', 'a', 'gone'] })).toEqual(['c', 'a', 'b'])
})

test('a value is of the first kind that it fits', () => {
  const kinds = OPTIONAL.anyOf ?? []
  expect([placeOf(kinds, 1), placeOf(kinds, null), placeOf(kinds, 'x')]).toEqual([0, 1, -1])
})

test('numbers are read as they are written, and nothing else is taken for one', () => {
  expect(['1e-3', ' 2 ', '', 'many', 'Infinity'].map(numberOf)).toEqual([
    0.001,
    2,
    undefined,
    'many',
    'Infinity',
  ])
})

test('what a schema refers to is put in its place, and what refers to itself comes to an end', () => {
  const schema: Schema = {
    type: 'object',
    $defs: {
      Device: { enum: ['cpu', 'gpu'] },
      Tree: { type: 'object', properties: { below: { $ref: '#/$defs/Tree' } } },
    },
    properties: {
      device: { allOf: [{ $ref: '#/$defs/Device' }], default: 'cpu' },
      devices: { type: 'array', items: { $ref: '#/$defs/Device' } },
      tree: { anyOf: [{ $ref: '#/$defs/Tree' }, { type: 'null' }] },
    },
  }
  const { device, devices, tree } = resolved(schema).properties ?? {}
  expect(device).toEqual({ enum: ['cpu', 'gpu'], default: 'cpu' })
  expect(devices?.items).toEqual({ enum: ['cpu', 'gpu'] })
  expect(JSON.stringify(tree)).not.toContain('$ref')
})
