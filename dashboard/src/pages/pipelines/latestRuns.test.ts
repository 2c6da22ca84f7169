import type { Event, Run } from '@contract/workspace'
import { expect, test } from 'vitest'
import { byPipeline, isGap, LATEST_RUNS, type Latest, withRuns } from './latestRuns'

const run = (pipeline: string, id: number, revision = id) =>
  ({
    name: `r${id}`,
    pipeline,
    revision: String(revision),
    createTime: new Date(id * 1000).toISOString(),
  }) as Run
const latest = (...runs: Run[]): Latest => ({ pipelines: ['a', 'b'], runs, revision: '9' })
const event = (type: string, of: Run, resourceType = 'weft.dev/Run') =>
  ({ type: `EVENT_TYPE_${type}`, resourceType, name: of.name, run: of, truncated: false }) as Event
const names = ({ runs }: Latest) => runs.map(({ name }) => name).join(' ')

test('a new run stands before the older ones of its pipeline', () => {
  const before = latest(run('a', 3), run('a', 1), run('b', 2))
  expect(names(withRuns(before, [event('CREATED', run('b', 4))]))).toBe('r3 r1 r4 r2')
  expect(names(withRuns(before, [event('CREATED', run('a', 5))]))).toBe('r5 r3 r1 r2')
  expect(names(withRuns(latest(), [event('CREATED', run('a', 5))]))).toBe('r5')
})

test('a change replaces what is older, and nothing else', () => {
  const before = latest(run('a', 3, 7))
  expect(withRuns(before, [event('UPDATED', run('a', 3, 8))]).runs[0]?.revision).toBe('8')
  expect(withRuns(before, [event('UPDATED', run('a', 3, 6))]).runs[0]?.revision).toBe('7')
})

test('no more are kept than are shown, whatever changes', () => {
  const full = latest(...Array.from({ length: LATEST_RUNS }, (_, at) => run('a', 20 - at)), run('b', 1))
  const after = withRuns(full, [event('CREATED', run('a', 30))])
  expect(after.runs).toHaveLength(LATEST_RUNS + 1)
  expect(after.runs[0]?.name).toBe('r30')
  expect(names(after)).not.toContain('r11')
  // An old one that changed is not among the newest.
  expect(names(withRuns(full, [event('UPDATED', run('a', 2, 99))]))).toBe(names(full))
})

test('what does not concern the pipelines leaves all as it is', () => {
  const before = latest(run('a', 3))
  expect(withRuns(before, [event('CREATED', run('c', 4)), event('DELETED', run('a', 9))])).toBe(before)
  expect(withRuns(before, [event('UPDATED', run('a', 3, 9), 'weft.dev/Step')])).toBe(before)
})

test('what was deleted is gone, and its place is asked for', () => {
  const deleted = event('DELETED', run('a', 3))
  expect(names(withRuns(latest(run('a', 3), run('a', 1)), [deleted]))).toBe('r1')
  expect(isGap(deleted)).toBe(true)
  expect(isGap(event('UPDATED', run('a', 3)))).toBe(false)
  expect(isGap({ ...event('UPDATED', run('a', 3)), truncated: true })).toBe(true)
})

test('a pipeline without runs is known to have none', () => {
  const found = byPipeline([latest(run('a', 3)), undefined])
  expect(found.get('a')).toHaveLength(1)
  expect(found.get('b')).toEqual([])
  expect(found.get('c')).toBeUndefined()
})
