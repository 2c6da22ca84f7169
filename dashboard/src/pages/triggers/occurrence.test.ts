import type { Occurrence } from '@contract/workspace'
import { expect, test } from 'vitest'
import { kindWord, lookOfFiring, occurrenceWords } from './occurrence'

test.each<[Occurrence, string]>([
  [
    { run: { pipeline: 'projects/p/pipelines/collect', states: ['RUN_STATE_FAILED'] } },
    'run of collect: failed',
  ],
  [{ run: { pipeline: '', states: ['RUN_STATE_SUCCEEDED'] } }, 'run of any pipeline: succeeded'],
  [{ model: { model: 'projects/p/models/m', stages: ['MODEL_STAGE_PRODUCTION'] } }, 'model m: production'],
  [{ model: { model: 'projects/p/models/m', stages: [] } }, 'model m: new version'],
  [{ artifact: { artifact: 'projects/p/artifacts/data' } }, 'artifact data: new version'],
  [
    { webhook: { webhook: 'projects/p/webhooks/ci', eventTypes: ['push'], filter: 'event.type = "push"' } },
    'webhook ci: push where event.type = "push"',
  ],
  [{}, '–'],
])('%o is told as %s', (occurrence, words) => {
  expect(occurrenceWords(occurrence)).toBe(words)
})

test('what is not known has a word too', () => {
  expect(lookOfFiring(undefined).word).toBe('None yet')
  expect(kindWord('WEBHOOK_KIND_HMAC')).toBe('HMAC')
})
