import { expect, test } from 'vitest'
import { type Clock, SILENCE_MS } from './clock'
import { ApiError } from './errors'
import { followLog } from './tail'

const encoder = new TextEncoder()
const LINES = ['one', 'two', 'three', 'four']
/** Pauses are over at once; silence falls when it is told to. */
const CLOCK: Clock = {
  now: () => 0,
  random: () => 1,
  after: (ms, call) => {
    if (ms !== SILENCE_MS) queueMicrotask(call)
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

async function follow(open: Parameters<typeof followLog>[0], clock = CLOCK) {
  const seen: string[] = []
  const errors: unknown[] = []
  const heard = {
    onLines: ({ lines }: { lines: { message: string }[] }) => seen.push(...lines.map((line) => line.message)),
    onError: (error: unknown) => errors.push(error),
  }
  await followLog(open, '0', heard, new AbortController().signal, clock)
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

const trimmed = (metadata: Record<string, string>) => {
  const detail = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'LOG_TRIMMED', metadata }
  return { code: 11, message: 'gone', details: [detail] }
}

test.each([
  ['refused', (): never => raise(new ApiError(400, trimmed({ firstOffset: '2' }), ''))],
  ['broken off', () => said('error', trimmed({ firstOffset: '2' }))],
])('a log whose beginning is gone, %s, goes on at the first line that is kept', async (_, refusal) => {
  const open = server([])
  const { seen, errors } = await follow(async (offset) => (offset === '0' ? refusal() : open(offset)))
  expect(seen).toEqual(['three', 'four'])
  expect(errors).toEqual([])
})

test.each([{}, { firstOffset: '0' }])(
  'lines that are gone without %j of others are told once',
  async (metadata) => {
    const { seen, errors } = await follow(async () =>
      said('error', trimmed(metadata as Record<string, string>)),
    )
    expect(seen).toEqual([])
    expect(errors).toHaveLength(1)
  },
)

test('a server that goes away amid the log is asked again', async () => {
  const open = server([])
  let leaves = 2
  const { seen, errors } = await follow(async (offset) =>
    leaves-- > 0 ? said('error', { code: 14, message: 'away' }) : open(offset),
  )
  expect(seen).toEqual(LINES)
  expect(errors).toEqual([])
})

test('a connection that falls silent is opened again, and nothing else is told', async () => {
  const open = server([])
  const opened: string[] = []
  const impatient = {
    ...CLOCK,
    after: (ms: number, call: () => void) => {
      if (ms !== SILENCE_MS) return CLOCK.after(ms, call)
      const timer = setTimeout(call, 0)
      return () => clearTimeout(timer)
    },
  }
  const { seen, errors } = await follow(async (offset, signal) => {
    opened.push(offset)
    return opened.length === 1 ? silent(signal) : open(offset)
  }, impatient)
  expect(opened).toEqual(['0', '0'])
  expect(seen).toEqual(LINES)
  expect(errors).toEqual([])
})

function raise(error: Error): never {
  throw error
}

function said(event: string, data: object) {
  return new Blob([`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`]).stream()
}

/** A body of which nothing comes, until it is given up. */
function silent(signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => signal.addEventListener('abort', () => controller.error(signal.reason)),
  })
}
