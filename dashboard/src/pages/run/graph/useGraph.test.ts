import type { Event, RunGraph, Step } from '@contract/workspace'
import { expect, test } from 'vitest'
import { drawnOf, withEvents } from './useGraph'

const RUN = 'projects/p/runs/r'
const graph = {
  steps: [
    { stepId: 'load', state: 'STEP_STATE_RUNNING', mapGroup: '' },
    { stepId: 'train', state: 'STEP_STATE_PENDING', mapGroup: '' },
  ],
  edges: [
    { source: 'load', target: 'train', slot: '' },
    { source: 'projects/p/artifacts/data/versions/1', target: 'train', slot: 'data' },
  ],
  revision: '7',
} as RunGraph
const event = (revision: string, stepId: string, state: string, run = RUN) =>
  ({ revision, name: `${run}/steps/${stepId}`, step: { stepId, state, upstream: ['load'] } as Step }) as Event
const statesOf = (drawn: ReturnType<typeof drawnOf>) =>
  drawn.steps.map(({ stepId, state }) => `${stepId} ${state.replace('STEP_STATE_', '')}`)

test('steps wait for steps, and not for what these made', () => {
  expect(drawnOf(graph).steps.map(({ upstream }) => upstream)).toEqual([[], ['load']])
})

test('a change that the graph shows already is not applied again', () => {
  const drawn = drawnOf(graph)
  expect(withEvents(drawn, [event('7', 'load', 'STEP_STATE_PENDING')], RUN)).toBe(drawn)
  expect(withEvents(drawn, [event('8', 'load', 'STEP_STATE_FAILED', 'projects/p/runs/s')], RUN)).toBe(drawn)
})

test('steps change where they stand, and new ones come last', () => {
  const said = [event('8', 'load', 'STEP_STATE_SUCCEEDED'), event('9', 'late', 'STEP_STATE_PENDING')]
  const drawn = withEvents(drawnOf(graph), said, RUN)
  expect(statesOf(drawn)).toEqual(['load SUCCEEDED', 'train PENDING', 'late PENDING'])
})

test('a revision that comes in two parts is applied in both', () => {
  const first = withEvents(drawnOf(graph), [event('8', 'load', 'STEP_STATE_FAILED')], RUN)
  const second = withEvents(first, [event('8', 'train', 'STEP_STATE_SKIPPED')], RUN)
  expect(statesOf(second)).toEqual(['load FAILED', 'train SKIPPED'])
})
