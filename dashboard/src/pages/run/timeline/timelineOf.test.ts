import type { Run, Step } from '@contract/workspace'
import { expect, test } from 'vitest'
import { timelineOf } from './timelineOf'

const time = (seconds: number) => new Date(seconds * 1000).toISOString()
const NOW = 100_000
const RUN = { state: 'RUN_STATE_RUNNING', createTime: time(0) } as Run

function step(stepId: string, start?: number, end?: number, upstream: string[] = [], mapGroup = ''): Step {
  const state = end !== undefined ? 'SUCCEEDED' : start === undefined ? 'PENDING' : 'RUNNING'
  return {
    stepId,
    upstream,
    mapGroup,
    state: `STEP_STATE_${state}`,
    createTime: time(1),
    ...(start !== undefined && { startTime: time(start) }),
    ...(end !== undefined && { endTime: time(end) }),
  } as Step
}

const critical = (steps: Step[]) =>
  timelineOf(RUN, steps, NOW)
    .bars.filter((bar) => bar.isCritical)
    .map((bar) => bar.step.stepId)

test('a step could begin when the last that it waits for had ended', () => {
  const { bars } = timelineOf(RUN, [step('a', 2, 5), step('b', 2, 9), step('c', 11, 12, ['a', 'b'])], NOW)
  expect(bars.map(({ ready }) => ready)).toEqual([1000, 1000, 9000])
})

test('what waits has no end, and what runs ends now', () => {
  const { bars, whole } = timelineOf(RUN, [step('a', 2), step('b', undefined, undefined, ['a'])], NOW)
  expect(bars.map(({ ready, end }) => [ready, end])).toEqual([
    [1000, NOW],
    [undefined, undefined],
  ])
  expect(whole).toEqual({ from: 0, until: NOW })
})

test('the critical path leads from the last end back over the longest waits', () => {
  expect(critical([step('a', 1, 3), step('b', 1, 8), step('c', 9, 10, ['a', 'b']), step('d', 1, 2)])).toEqual(
    ['b', 'c'],
  )
})

test('of those that still run the longest is critical, and a fan-out by its last item', () => {
  expect(critical([step('short', 50), step('long', 2)])).toEqual(['long'])
  const items = [step('each-0', 2, 4, [], 'each'), step('each-1', 2, 7, [], 'each')]
  expect(critical([step('each', 2, 7), ...items, step('end', 8, 9, ['each'])])).toEqual([
    'each',
    'each-1',
    'end',
  ])
})

test('steps that wait for each other end the path', () => {
  expect(critical([step('a', 1, 2, ['b']), step('b', 1, 2, ['a'])])).toHaveLength(2)
})

test('a run that is over ends with its last step', () => {
  const run = { ...RUN, state: 'RUN_STATE_FAILED', endTime: time(12) } as Run
  expect(timelineOf(run, [step('a', 2, 9)], NOW).whole).toEqual({ from: 0, until: 12_000 })
})
