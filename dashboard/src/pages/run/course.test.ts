import type { Run } from '@contract/workspace'
import { expect, test } from 'vitest'
import { courseOf, differenceWords, leftWords } from './course'

const BEGAN = Date.parse('2026-11-20T08:00:00Z')
const run = (seconds: number | undefined, state = 'SUCCEEDED') =>
  ({
    state: `RUN_STATE_${state}`,
    startTime: new Date(BEGAN).toISOString(),
    endTime: seconds === undefined ? undefined : new Date(BEGAN + seconds * 1000).toISOString(),
  }) as Run

test('what is usual is the middle of what succeeded', () => {
  const before = [run(1, 'FAILED'), run(30), run(50), run(undefined, 'RUNNING'), run(40)]
  expect(courseOf(before)).toEqual({ previous: before[0], usual: { ms: 40_000, count: 3 } })
})

test('only the latest count', () => {
  const before = [...Array.from({ length: 10 }, () => run(10)), ...Array.from({ length: 10 }, () => run(90))]
  expect(courseOf(before).usual).toEqual({ ms: 10_000, count: 10 })
})

test('nothing is usual where nothing succeeded', () => {
  expect(courseOf([])).toEqual({ previous: undefined, usual: undefined })
  expect(courseOf([run(5, 'STOPPED')]).usual).toBeUndefined()
})

test('what is left, or that it takes longer', () => {
  expect(leftWords(20_000, { ms: 90_000 })).toBe('about 1 m 10 s left')
  expect(leftWords(95_000, { ms: 90_000 })).toBe('longer than the usual 1 m 30 s')
})

test('the difference to the run before', () => {
  expect(differenceWords(run(30), run(42))).toBe('12 s faster')
  expect(differenceWords(run(42), run(30))).toBe('12 s slower')
  expect(differenceWords(run(30), run(30))).toBe('as fast')
  expect(differenceWords(run(undefined), run(30))).toBe('')
})
