import { expect, test } from 'vitest'
import { mayOf } from './may'

test('before it is known, nothing is offered and nothing is said to be refused', () => {
  const may = mayOf<'runs.stop'>(undefined)
  expect(may('runs.stop')).toBe(false)
  expect(may.isKnown).toBe(false)
})

test('that nothing is held is an answer', () => {
  const may = mayOf<'runs.stop'>([])
  expect(may('runs.stop')).toBe(false)
  expect(may.isKnown).toBe(true)
})

test('what is held is offered', () => {
  const may = mayOf<'runs.stop' | 'runs.retry'>(['runs.stop'])
  expect([may('runs.stop'), may('runs.retry'), may.isKnown]).toEqual([true, false, true])
})
