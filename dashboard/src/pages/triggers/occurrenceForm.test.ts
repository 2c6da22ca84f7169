import type { Occurrence } from '@contract/workspace'
import { expect, test } from 'vitest'
import { kindIn, occurrenceOf, subjectIn } from './occurrenceForm'

const PROJECT = 'projects/p'

function filled(fields: [string, string][]): FormData {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  return form
}

test.each<[[string, string][], Occurrence]>([
  [
    [
      ['after', 'run'],
      ['subject', ' collect '],
      ['states', 'RUN_STATE_FAILED'],
      ['states', 'RUN_STATE_STOPPED'],
    ],
    { run: { pipeline: 'projects/p/pipelines/collect', states: ['RUN_STATE_FAILED', 'RUN_STATE_STOPPED'] } },
  ],
  [
    [
      ['after', 'run'],
      ['subject', ''],
      ['states', 'RUN_STATE_SUCCEEDED'],
    ],
    { run: { pipeline: '', states: ['RUN_STATE_SUCCEEDED'] } },
  ],
  [
    [
      ['after', 'model'],
      ['subject', 'm'],
    ],
    { model: { model: 'projects/p/models/m', stages: [] } },
  ],
  [
    [
      ['after', 'artifact'],
      ['subject', 'data'],
    ],
    { artifact: { artifact: 'projects/p/artifacts/data' } },
  ],
  [
    [
      ['after', 'webhook'],
      ['subject', 'ci'],
      ['eventTypes', 'push, release'],
      ['filter', ' event.type = "push" '],
    ],
    {
      webhook: {
        webhook: 'projects/p/webhooks/ci',
        eventTypes: ['push', 'release'],
        filter: 'event.type = "push"',
      },
    },
  ],
])('a form becomes what the server takes, and is filled from it: %o', (fields, occurrence) => {
  const said = new Map(fields)
  expect(occurrenceOf(filled(fields), PROJECT)).toEqual(occurrence)
  expect(kindIn(occurrence)).toBe(said.get('after'))
  expect(subjectIn(occurrence)).toBe(said.get('subject')?.trim())
})
