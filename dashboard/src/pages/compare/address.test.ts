import { expect, test } from 'vitest'
import { idsOf, isId, namedBy } from './address'

test('an address names each run once, and is made of the names', () => {
  const ids = idsOf('brave-otter-1 calm-fox-2,brave-otter-1  ')
  expect(ids).toEqual(['brave-otter-1', 'calm-fox-2'])
  expect(idsOf(namedBy(ids))).toEqual(ids)
  expect(String(new URLSearchParams({ runs: namedBy(ids) }))).toBe('runs=brave-otter-1+calm-fox-2')
  expect(idsOf(undefined)).toEqual([])
})

test('only what may be an id is asked for', () => {
  expect(isId('brave-otter-1')).toBe(true)
  expect(isId('" OR state = FAILED')).toBe(false)
  expect(isId('a'.repeat(64))).toBe(false)
})
