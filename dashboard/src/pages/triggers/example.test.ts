import { expect, test } from 'vitest'
import { exampleOf } from './example'

// tests/dashboard/test_triggers_page.py sends what a page shows.
const ADDRESS = 'https://weft.example/api/workspace/v1/projects/p/webhooks/ci:receive'
const HMAC = { signature: 'x-sign', timestamp: '', id: '', eventType: '' }

function headersOf(hmac: typeof HMAC): string[] {
  const lines = exampleOf({ kind: 'WEBHOOK_KIND_HMAC', hmac }, ADDRESS).split('\n')
  return lines.flatMap((line) => line.match(/-H "(x-.+)"/)?.[1] ?? [])
}

test('of the headers of one’s own those are given that there are', () => {
  expect(headersOf(HMAC)).toEqual(['x-sign: $SIGNATURE'])
  expect(headersOf({ ...HMAC, timestamp: 'x-time', id: 'x-id', eventType: 'x-event' })).toEqual([
    'x-sign: $SIGNATURE',
    'x-time: $TIME',
    'x-id: msg_$TIME',
    'x-event: push',
  ])
})

test('the time is signed where it is told', () => {
  const timed = exampleOf({ kind: 'WEBHOOK_KIND_HMAC', hmac: { ...HMAC, timestamp: 'x-time' } }, ADDRESS)
  expect(timed).toContain('printf %s "$TIME.$BODY"')
  expect(exampleOf({ kind: 'WEBHOOK_KIND_HMAC', hmac: HMAC }, ADDRESS)).toContain('printf %s "$BODY"')
})
