import { expect, test } from 'vitest'
import { ApiError } from './errors'
import type { Clock } from './feed'
import { followLog } from './tail'

const encoder = new TextEncoder()
const LINES = ['one', 'two', 'three', 'four']
const CLOCK: Clock = {
  now: () => 0,
  random: () => 1,
  after: (_, call) => {
    queueMicrotask(call)
    return () => undefined
  },
}

/** A log of which each connection answers so many bytes. */
function server(cuts: number[]) {
  return async (offset: string) => {
    const messages = LINES.slice(Number(offset)).map((message, at) => {
      const next = Number(offset) + at + 1
      const body = { lines: [{ message }], nextOffset: String(next), endOfStream: next === LINES.length }
      return `id: ${next}\nevent: message\ndata: ${JSON.stringify(body)}\n\n`
    })
    const bytes = encoder.encode(messages.join(''))
    return new Blob([bytes.slice(0, cuts.shift() ?? bytes.length)]).stream()
  }
}

async function follow(open: ReturnType<typeof server>) {
  const seen: string[] = []
  const errors: unknown[] = []
  const heard = {
    onLines: ({ lines }: { lines: { message: string }[] }) => seen.push(...lines.map((line) => line.message)),
    onError: (error: unknown) => errors.push(error),
  }
  await followLog(open, '0', heard, new AbortController().signal, CLOCK)
  return { seen, errors }
}

test('cut at every byte, each line comes once and the end is the end', async () => {
  const whole = await (await server([])('0')).getReader().read()
  for (let cut = 0; cut < (whole.value?.length ?? 0); cut += 1) {
    expect((await follow(server([cut]))).seen, `cut after ${cut} bytes`).toEqual(LINES)
  }
})

test('a server that is away is told, and asked again', async () => {
  const open = server([])
  let refusals = 2
  const { seen, errors } = await follow(async (offset) => {
    if (refusals-- > 0) throw new ApiError(503, { code: 14, message: 'away' }, '')
    return open(offset)
  })
  expect(errors).toHaveLength(2)
  expect(seen).toEqual(LINES)
})

test('a log that one may not read is not asked for again', async () => {
  const { errors } = await follow(async () => {
    throw new ApiError(403, { code: 7, message: 'no' }, '')
  })
  expect(errors).toHaveLength(1)
})
