import { expect, test } from 'vitest'
import { type Clock, SILENCE_MS } from './clock'
import { ApiError } from './errors'
import { Feed, type FeedSource } from './feed'

type Change = { revision: number; index: number }
const encoder = new TextEncoder()

/** A feed that is cut into connections; each answers what a server would after a revision. */
function source(log: Change[], cuts: number[]): FeedSource & { opened: string[] } {
  const opened: string[] = []
  return {
    opened,
    head: async () => ({ epoch: 'e', revision: '0', compactRevision: '0' }),
    open: async (after) => {
      opened.push(after)
      const bytes = encoder.encode(
        log
          .filter((c) => c.revision > Number(after))
          .map((c) => framed(c, log))
          .join(''),
      )
      return bodyOf(bytes.slice(0, cuts.shift() ?? bytes.length))
    },
  }
}

/** One message for each change; one amid its revision has no id, as from the gateway. */
function framed(change: Change, log: Change[]): string {
  const isLast = !log.some((c) => c.revision === change.revision && c.index > change.index)
  const event = { revision: String(change.revision), index: change.index }
  const id = isLast ? `id: ${change.revision}\n` : ''
  return `${id}event: message\ndata: ${JSON.stringify({ revision: event.revision, events: [event] })}\n\n`
}

function bodyOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** Time passes as soon as somebody waits for it, but for silence. */
function clock(): Clock & { time: number } {
  const it = {
    time: 0,
    now: () => it.time,
    random: () => 1,
    after: (ms: number, call: () => void) => {
      if (ms === SILENCE_MS) return () => undefined
      let isDue = true
      queueMicrotask(() => {
        if (!isDue) return
        it.time += ms
        call()
      })
      return () => {
        isDue = false
      }
    },
  }
  return it
}

async function collect(from: FeedSource, count: number) {
  const feed = new Feed(from, clock())
  const seen: string[] = []
  const states: string[] = []
  let resets = 0
  await new Promise<void>((resolve) => {
    feed.listen({
      events: (events) => {
        seen.push(...events.map((event) => `${event.revision}.${event.index}`))
        if (seen.length >= count) resolve()
      },
      state: () => states.push(feed.state),
      reset: () => {
        resets += 1
      },
    })
    void feed.run()
  })
  feed.stop()
  return { seen, states, feed, resets }
}

const LOG = [1, 2, 2, 2, 3, 4, 4, 5].map((revision, at, all) => ({
  revision,
  index: all.slice(0, at).filter((each) => each === revision).length,
}))
const EXPECTED = LOG.map((change) => `${change.revision}.${change.index}`)

test('cut at every byte, the feed is whole and holds nothing twice', async () => {
  const bytes = encoder.encode(LOG.map((change) => framed(change, LOG)).join('')).length
  for (let cut = 0; cut < bytes; cut += 1) {
    const { seen } = await collect(source(LOG, [cut]), LOG.length)
    expect(seen, `cut after ${cut} bytes`).toEqual(EXPECTED)
  }
})

test('cut again and again, it resumes after complete revisions only', async () => {
  const from = source(LOG, [120, 150, 130, 170, 140])
  const { seen } = await collect(from, LOG.length)
  expect(seen).toEqual(EXPECTED)
  expect(from.opened.every((after, at) => at === 0 || Number(after) >= Number(from.opened[at - 1]))).toBe(
    true,
  )
})

test('a revision that is gone is told to listeners, and the feed begins anew', async () => {
  const from = source(LOG, [])
  const open = from.open
  let refusals = 1
  from.open = async (...request) => {
    if (refusals-- > 0) throw new ApiError(400, { code: 11, message: 'compacted' }, '')
    return open(...request)
  }
  const { resets, seen } = await collect(from, LOG.length)
  expect(resets).toBe(1)
  expect(seen).toEqual(EXPECTED)
})

test('says reconnecting, then stale, then live', async () => {
  const from = source(LOG, [])
  const open = from.open
  let refusals = 6
  from.open = async (...request) => {
    if (refusals-- > 0) throw new TypeError('connection refused')
    return open(...request)
  }
  const { states } = await collect(from, LOG.length)
  expect(states.slice(0, 3)).toEqual(['reconnecting', 'stale', 'live'])
})

test('a sign-in that has ended is not tried over and over', async () => {
  let opened = 0
  const from = source(LOG, [])
  const open = from.open
  from.open = async (...request) => {
    opened += 1
    if (opened === 1) throw new ApiError(401, { code: 16, message: 'sign in' }, '')
    return open(...request)
  }
  const feed = new Feed(from, clock())
  const ended = new Promise<void>((resolve) =>
    feed.listen({ state: () => feed.state === 'ended' && resolve() }),
  )
  const running = feed.run()
  await ended
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0))
  expect(opened).toBe(1)
  const live = new Promise<void>((resolve) =>
    feed.listen({ state: () => feed.state === 'live' && resolve() }),
  )
  feed.retry()
  await live
  feed.stop()
  await running
})

test('begins where a list that came before it stands', async () => {
  const from = source(LOG, [])
  from.head = async () => ({ epoch: 'e', revision: '4', compactRevision: '0' })
  const feed = new Feed(from, clock())
  expect(feed.since('2')).toEqual([])
  const live = new Promise<void>((resolve) =>
    feed.listen({ events: () => feed.since('4')?.length && resolve() }),
  )
  void feed.run()
  await live
  feed.stop()
  expect(from.opened[0]).toBe('2')
})

test('stopped and begun again, it goes on where it was', async () => {
  const from = source(LOG, [])
  const { feed, seen } = await collect(from, LOG.length)
  LOG.push({ revision: 6, index: 0 })
  const later = new Promise<string>((resolve) =>
    feed.listen({ events: (events) => resolve(events.map((event) => event.revision).join()) }),
  )
  void feed.run()
  expect(await later).toBe('6')
  feed.stop()
  LOG.pop()
  expect(seen.filter((each) => each === '6.0')).toHaveLength(1)
})

test('knows what happened after a list was read, or that it does not', async () => {
  const { feed } = await collect(source(LOG, []), LOG.length)
  expect(feed.since('3')?.map((event) => event.revision)).toEqual(['4', '4', '5'])
  expect(feed.since('-1')).toBeUndefined()
})
