import { expect, test } from 'vitest'
import { mayOf } from './may'

const read = (data: string[] | undefined, error: Error | null = null) => ({
  data,
  error,
  refetch: () => undefined,
})

test('before it is known, nothing is offered and nothing is said to be refused', () => {
  const may = mayOf<'runs.stop'>(read(undefined))
  expect(may('runs.stop')).toBe(false)
  expect(may.isKnown).toBe(false)
})

test('that nothing is held is an answer', () => {
  const may = mayOf<'runs.stop'>(read([]))
  expect(may('runs.stop')).toBe(false)
  expect(may.isKnown).toBe(true)
})

test('what is held is offered', () => {
  const may = mayOf<'runs.stop' | 'runs.retry'>(read(['runs.stop']))
  expect([may('runs.stop'), may('runs.retry'), may.isKnown]).toEqual([true, false, true])
})

test('that it could not be read is told, unless it is known from before', () => {
  const error = new Error('the server cannot be reached')
  expect(mayOf<'runs.stop'>(read(undefined, error)).error).toBe(error)
  expect(mayOf<'runs.stop'>(read(['runs.stop'], error)).error).toBeNull()
})
