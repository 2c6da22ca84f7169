// Follows one log to its end, over any break.
import type { TailLogsResponse } from '@contract/workspace'
import { ApiError, Code } from './errors'
import type { Clock } from './feed'
import { CLOCK } from './feed'
import { events } from './sse'

type Open = (offset: string, signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>
type Heard = { onLines: (message: TailLogsResponse) => void; onError: (error: unknown) => void }

const PAUSE_MS = 2000
const FINAL: ReadonlySet<number> = new Set([Code.unauthenticated, Code.permissionDenied, Code.notFound])

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
      if (await hasEnded(await open(offset, signal), onMessage)) return
    } catch (error) {
      if (signal.aborted) return
      heard.onError(error)
      if (error instanceof ApiError && FINAL.has(error.code)) return
    }
    await pause(signal, clock)
  }
}

/** Reads one connection; answers whether the log has ended, and not merely the connection. */
async function hasEnded(
  body: ReadableStream<Uint8Array> | null,
  onMessage: (message: TailLogsResponse) => void,
): Promise<boolean> {
  if (!body) return true
  for await (const { event, data } of events(body, () => undefined)) {
    if (event === 'error') return false
    const message = JSON.parse(data) as TailLogsResponse
    onMessage(message)
    if (message.endOfStream) return true
  }
  return false
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
