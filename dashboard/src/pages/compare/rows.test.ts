import type { Run, Step } from '@contract/workspace'
import { expect, test } from 'vitest'
import { factsOf } from './facts'
import { markOf, numberOf, rowsOf } from './rows'

const run = (fields: Partial<Run>) =>
  ({
    name: 'projects/p/runs/r',
    state: 'RUN_STATE_SUCCEEDED',
    pipeline: 'projects/p/pipelines/train',
    snapshot: '',
    stack: '',
    ...fields,
  }) as Run
const step = (fields: Partial<Step>) =>
  ({ stepId: 'train', state: 'STEP_STATE_SUCCEEDED', outputs: {}, ...fields }) as Step
const namesOf = (rows: { name: string }[]) => rows.map(({ name }) => name)

test('facts stand in the order of their sections, values of one by their names', () => {
  const code = { commit: 'abc', archive: 'def', steps: [['train', '123'] as [string, string]] }
  const steps = [step({ metadata: { loss: 1 }, outputs: { model: 'projects/p/artifacts/m/versions/1' } })]
  const facts = factsOf(
    run({
      parameters: { rate: 0.1, depth: 3 },
      snapshot: 'projects/p/snapshots/s',
      environment: { executable: '', host: '', version: '3.11.7', requirements: ['numpy==2.1', 'torch'] },
      metadata: { accuracy: 0.9 },
    }),
    { steps, code, hashOf: () => 'ff' },
  )
  const rows = rowsOf([facts])
  const expected =
    'state, pipeline, took, depth, rate, commit, snapshot, archive, code of train, python, requires numpy, ' +
    'requires torch, accuracy, train, train: loss, train / model'
  expect(namesOf(rows).join(', ')).toBe(expected)
})

test('what is not the same everywhere differs, also where a run lacks it', () => {
  const rows = rowsOf([
    factsOf(run({ parameters: { rate: 0.1, depth: 3, seed: 1 } })),
    factsOf(run({ parameters: { depth: 3, rate: 0.2 } })),
  ])
  expect(namesOf(rows.filter(({ isSame }) => !isSame))).toEqual(['rate', 'seed'])
})

test('a run that is not known speaks for no difference', () => {
  const rows = rowsOf([undefined, factsOf(run({ parameters: { rate: 1 } })), undefined])
  expect(rows.every(({ isSame }) => isSame)).toBe(true)
  expect(rows.find(({ name }) => name === 'rate')?.cells).toEqual([
    undefined,
    { kind: 'value', value: 1 },
    undefined,
  ])
})

test('an empty text is none of what a run lacks, nor a number its text', () => {
  const [empty, number] = [
    factsOf(run({ parameters: { a: '', b: 1 } })),
    factsOf(run({ parameters: { b: '1' } })),
  ]
  expect(namesOf(rowsOf([empty, number]).filter(({ isSame }) => !isSame))).toEqual(['a', 'b'])
})

test('objects are the same whatever the order of their fields', () => {
  const value = (value: object) => factsOf(run({ parameters: { grid: value as Record<string, number> } }))
  expect(rowsOf([value({ a: 1, b: 2 }), value({ b: 2, a: 1 })]).every(({ isSame }) => isSame)).toBe(true)
  expect(rowsOf([value({ a: 1 }), value({ a: 2 })]).every(({ isSame }) => isSame)).toBe(false)
})

test('versions with the same bytes are the same; without hashes only the same version is', () => {
  const made = (version: number) => [
    step({ outputs: { model: `projects/p/artifacts/m/versions/${version}` } }),
  ]
  const rows = (hashOf: (version: string) => string) =>
    rowsOf([1, 2].map((version) => factsOf(run({}), { steps: made(version), hashOf })))
  expect(rows(() => 'ff').at(-1)?.isSame).toBe(true)
  expect(rows((version) => version).at(-1)?.isSame).toBe(false)
  expect(rows(() => '').at(-1)?.isSame).toBe(false)
})

test('names that objects have by themselves are names like others', () => {
  const hostile = JSON.parse('{"__proto__": 1, "constructor": 2}')
  const rows = rowsOf([factsOf(run({ parameters: hostile })), factsOf(run({}))])
  expect(namesOf(rows.filter(({ isSame }) => !isSame))).toEqual(['__proto__', 'constructor'])
})

test('numbers are more or less than the baseline, all else only differs', () => {
  const value = (value: number | string) => ({ kind: 'value', value }) as const
  expect(markOf(value(2), value(1))).toBe('more')
  expect(markOf(value(1), value(2))).toBe('less')
  expect(markOf(value(1), value(1))).toBe('same')
  expect(markOf(value('b'), value('a'))).toBe('differs')
  expect(markOf(undefined, value(1))).toBe('differs')
  expect(markOf(undefined, undefined)).toBe('same')
})

test('how long a run took is a number once it has ended', () => {
  const took = (end: string) => ({ kind: 'took', start: '2026-01-01T00:00:00Z', end }) as const
  expect(numberOf(took('2026-01-01T00:00:02Z'))).toBe(2000)
  expect(numberOf(took(''))).toBeUndefined()
})
