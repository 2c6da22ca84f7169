import { expect, test } from 'vitest'
import type { Schema } from '@/api/schema'
import { filledIn } from './filledIn'

const schema: Schema = {
  type: 'object',
  properties: {
    rate: { type: 'number', default: 0.1 },
    tags: { type: 'array', items: { type: 'string' }, default: ['a', 'b'] },
  },
}

test('a form begins with what the schema has', () => {
  expect(filledIn(schema, {})).toEqual({ rate: 0.1, tags: ['a', 'b'] })
})

test('what a run was given counts more, and as a whole', () => {
  expect(filledIn(schema, { rate: 0, tags: [] })).toEqual({ rate: 0, tags: [] })
  expect(filledIn(schema, { tags: ['c'] })).toEqual({ rate: 0.1, tags: ['c'] })
})

test('what is not asked for any more is left out', () => {
  expect(filledIn(schema, { depth: 3, toString: 'x' })).toEqual({ rate: 0.1, tags: ['a', 'b'] })
  expect(filledIn({}, { rate: 1 })).toEqual({})
})
