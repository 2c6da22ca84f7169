import type { Step } from '@contract/workspace'
import { expect, test } from 'vitest'
import { graphOf } from './graphOf'

const step = (stepId: string, upstream: string[] = [], state = 'SUCCEEDED', mapGroup = '') =>
  ({ stepId, upstream, state: `STEP_STATE_${state}`, mapGroup }) as Step
const many = (count: number, make: (at: number) => Step) => Array.from({ length: count }, (_, at) => make(at))

test('steps are nodes, and whom they wait for their edges', () => {
  const { nodes, edges } = graphOf([
    step('load'),
    step('train', ['load'], 'RUNNING'),
    step('test', ['load', 'train']),
  ])
  expect(nodes.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'load SUCCEEDED',
    'train RUNNING',
    'test SUCCEEDED',
  ])
  expect(edges.map(({ id }) => id)).toEqual(['load>train', 'load>test', 'train>test'])
})

test('items of a fan-out are counted, and not drawn', () => {
  const items = many(200, (at) => step(`each-${at}`, [], at < 3 ? 'FAILED' : 'SUCCEEDED', 'each'))
  const { nodes } = graphOf([step('each', [], 'RUNNING'), ...items])
  expect(nodes).toHaveLength(1)
  expect(nodes[0]).toMatchObject({ state: 'RUNNING', counts: { FAILED: 3, SUCCEEDED: 197 } })
})

test('more than fifty with the same neighbours are one node, as grave as its gravest', () => {
  const alike = many(51, (at) => step(`part-${at}`, ['load'], at === 7 ? 'FAILED' : 'RUNNING'))
  const join = step(
    'join',
    many(51, (at) => step(`part-${at}`)).map(({ stepId }) => stepId),
  )
  const { nodes, edges } = graphOf([step('load'), ...alike, join])
  expect(nodes.map(({ label }) => label)).toEqual(['load', '51 steps like part-0', 'join'])
  expect(nodes[1]?.state).toBe('FAILED')
  expect(edges.map(({ id }) => id)).toEqual(['load>part-0', 'part-0>join'])
})

test('fifty are not', () => {
  expect(graphOf([step('load'), ...many(50, (at) => step(`part-${at}`, ['load']))]).nodes).toHaveLength(51)
})

test('a step that is not there leads nowhere', () => {
  expect(graphOf([step('train', ['gone'])]).edges).toEqual([])
})

test('a group that is opened is its steps', () => {
  const alike = many(51, (at) => step(`part-${at}`, ['load']))
  const { nodes, edges } = graphOf([step('load'), ...alike], { opened: ['part-0'] })
  expect(nodes).toHaveLength(52)
  expect(nodes.some(({ isGroup }) => isGroup)).toBe(false)
  expect(edges).toHaveLength(51)
})

test('what went well is left out, and lines lead around it', () => {
  const steps = [
    step('load', [], 'RUNNING'),
    step('clean', ['load']),
    step('split', ['clean'], 'CACHED'),
    step('train', ['split', 'clean'], 'FAILED'),
    step('report', ['clean']),
  ]
  const { nodes, edges } = graphOf(steps, { isHiding: true })
  expect(nodes.map(({ id }) => id)).toEqual(['load', 'train'])
  expect(edges.map(({ id }) => id)).toEqual(['load>train'])
})

test('a fan-out of which an item failed is not left out', () => {
  const items = [step('each-0', [], 'FAILED', 'each'), step('each-1', [], 'SUCCEEDED', 'each')]
  expect(graphOf([step('each'), ...items], { isHiding: true }).nodes).toHaveLength(1)
})
