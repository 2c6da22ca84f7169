// Follows one log to its end, over any break.
import type { Status } from '@contract/method'
import type { TailLogsResponse } from '@contract/workspace'
import { CLOCK, type Clock, Silence } from './clock'
import { ApiError, Code } from './errors'
import { events } from './sse'

type Open = (offset: string, signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>
type Heard = { onLines: (message: TailLogsResponse) => void; onError: (error: unknown) => void }

const PAUSE_MS = 2000
// Asking again cures none of these.
const FINAL: ReadonlySet<number> = new Set([
  Code.unauthenticated,
  Code.permissionDenied,
  Code.notFound,
  Code.outOfRange,
])

/** Calls with all lines from an offset on, each once; ends with the log, or with the signal. */
export async function followLog(
  open: Open,
  from: string,
  heard: Heard,
  signal: AbortSignal,
  clock: Clock = CLOCK,
): Promise<void> {
  let offset = from
  const onMessage = (message: TailLogsResponse) => {
    if (message.lines.length > 0) heard.onLines(message)
    offset = message.nextOffset
  }
  while (!signal.aborted) {
    try {
      if (await hasEnded((either) => open(offset, either), onMessage, signal, clock)) return
    } catch (error) {
      if (signal.aborted) return
      const next = after(error, offset, heard)
      if (next === undefined) return
      offset = next
    }
    await pause(signal, clock)
  }
}

/** Reads one connection; answers whether the log has ended, and not merely the connection. */
async function hasEnded(
  open: (signal: AbortSignal) => ReturnType<Open>,
  onMessage: (message: TailLogsResponse) => void,
  signal: AbortSignal,
  clock: Clock,
): Promise<boolean> {
  const connection = new AbortController()
  const body = await open(AbortSignal.any([signal, connection.signal]))
  if (!body) return true
  const silence = new Silence(connection, clock)
  try {
    for await (const { event, data } of events(body, silence.heard)) {
      if (event === 'error') return refused(data)
      const message = JSON.parse(data) as TailLogsResponse
      onMessage(message)
      if (message.endOfStream) return true
    }
  } catch (error) {
    // One that fell silent is merely opened again.
    if (!connection.signal.aborted) throw error
  } finally {
    silence.end()
  }
  return false
}

/** An error amid a stream: a server that goes away says so, and is asked again. */
function refused(data: string): false {
  const error = new ApiError(200, JSON.parse(data) as Status, '')
  if (isFinal(error)) throw error
  return false
}

/** Where to go on after a failure; nowhere, where asking again would not help. */
function after(error: unknown, offset: string, heard: Heard): string | undefined {
  const kept = firstKept(error, offset)
  if (kept !== undefined) return kept
  heard.onError(error)
  return isFinal(error) ? undefined : offset
}

function isFinal(error: unknown): boolean {
  return error instanceof ApiError && FINAL.has(error.code)
}

/** The first line that is still kept, where those before it were trimmed: it is gone on from there. */
function firstKept(error: unknown, offset: string): string | undefined {
  if (!(error instanceof ApiError) || error.code !== Code.outOfRange) return undefined
  const first = error.metadata('firstOffset')
  return Number(first) > Number(offset) ? first : undefined
}

async function pause(signal: AbortSignal, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const takeBack = clock.after(clock.random() * PAUSE_MS, resolve)
    signal.addEventListener(
      'abort',
      () => {
        takeBack()
        resolve()
      },
      { once: true },
    )
  })
}
