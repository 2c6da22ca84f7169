// The feed of a project: one stream for all that a tab shows, resumed where it broke.
//
// Every change arrives once and in order: the stream resumes after the last revision that was
// complete, and what it repeats is dropped by (revision, index). Where that revision is gone, or
// the database another one, listeners are told to read everything anew.
import type { Status } from '@contract/method'
import type { Event, FeedInfo, WatchResponse } from '@contract/workspace'
import { CLOCK, type Clock, Silence } from './clock'
import { ApiError, Code } from './errors'
import { events, type ServerEvent } from './sse'

export type FeedState = 'connecting' | 'live' | 'reconnecting' | 'stale' | 'ended'

/** Where the feed comes from. */
export interface FeedSource {
  head(signal: AbortSignal): Promise<FeedInfo>
  open(after: string, epoch: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | null>
}

const STALE_MS = 15_000
const SHORTEST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000
const KEPT = 2_000
// No reconnect cures these: somebody has to sign in, or may not look.
const FINAL: ReadonlySet<number> = new Set([Code.unauthenticated, Code.permissionDenied, Code.notFound])

type Listener = { events?: (events: Event[]) => void; state?: () => void; reset?: () => void }

export class Feed {
  state: FeedState = 'connecting'
  private readonly listeners = new Set<Listener>()
  private stopping = new AbortController()
  private kept: Event[] = []
  private floor = Number.POSITIVE_INFINITY
  // What lists that were read before the feed began show: it begins there.
  private wanted = Number.POSITIVE_INFINITY
  private revision = ''
  private epoch = ''
  private last: [number, number] = [0, 0]
  private failures = 0
  private brokenSince = 0
  private wake: () => void = () => undefined
  private connection = new AbortController()

  constructor(
    private readonly source: FeedSource,
    private readonly clock: Clock = CLOCK,
  ) {}

  /** Follows until `stop`; may be called again after it. */
  async run(): Promise<void> {
    this.stopping = new AbortController()
    const { signal } = this.stopping
    while (!signal.aborted) {
      this.connection = new AbortController()
      try {
        await this.follow(this.connection.signal)
      } catch (error) {
        if (!signal.aborted) this.failed(error)
      }
      if (!signal.aborted) await this.pause(signal)
    }
  }

  stop(): void {
    this.stopping.abort()
    this.connection.abort()
    this.wake()
  }

  /** Tries at once: somebody signed in, or the network is back. */
  retry(): void {
    this.failures = 0
    this.wake()
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** What happened after a revision; undefined where the feed does not know all of it. */
  since(revision: string): Event[] | undefined {
    const after = Number(revision)
    if (this.floor === Number.POSITIVE_INFINITY) {
      this.wanted = Math.min(this.wanted, after)
      return []
    }
    return after < this.floor ? undefined : this.kept.filter((event) => Number(event.revision) > after)
  }

  private async follow(signal: AbortSignal): Promise<void> {
    if (!this.revision) await this.begin(signal)
    const body = await this.source.open(this.revision, this.epoch, signal)
    if (!body) return
    const silence = new Silence(this.connection, this.clock)
    try {
      for await (const event of events(body, silence.heard)) this.take(event)
    } finally {
      silence.end()
    }
  }

  private async begin(signal: AbortSignal): Promise<void> {
    const { epoch, revision } = await this.source.head(signal)
    this.epoch = epoch
    this.floor = Math.min(Number(revision), this.wanted)
    this.revision = String(this.floor)
    this.last = [this.floor, Number.POSITIVE_INFINITY]
    this.kept = []
  }

  private take({ id, event, data }: ServerEvent): void {
    if (event === 'error') throw new ApiError(200, JSON.parse(data) as Status, '')
    const message = JSON.parse(data) as WatchResponse
    this.failures = 0
    this.setState('live')
    this.deliver(message.events.filter((each) => this.isNew(each)))
    if (id) this.revision = id
  }

  private isNew(event: Event): boolean {
    const [revision, index] = this.last
    const place = Number(event.revision)
    return place > revision || (place === revision && event.index > index)
  }

  private deliver(fresh: Event[]): void {
    const newest = fresh.at(-1)
    if (!newest) return
    this.last = [Number(newest.revision), newest.index]
    this.kept.push(...fresh)
    for (const gone of this.kept.splice(0, Math.max(0, this.kept.length - KEPT)))
      this.floor = Math.max(this.floor, Number(gone.revision))
    for (const listener of this.listeners) listener.events?.(fresh)
  }

  private failed(error: unknown): void {
    const code = error instanceof ApiError ? error.code : Code.unavailable
    if (code === Code.outOfRange) this.reset()
    this.failures += 1
    this.setState(FINAL.has(code) ? 'ended' : this.broken())
  }

  /** The revision is gone, or the database is another one: everything is read anew. */
  private reset(): void {
    this.revision = ''
    this.floor = this.wanted = Number.POSITIVE_INFINITY
    for (const listener of this.listeners) listener.reset?.()
  }

  private broken(): FeedState {
    if (this.state === 'live' || this.state === 'connecting') this.brokenSince = this.clock.now()
    return this.clock.now() - this.brokenSince >= STALE_MS ? 'stale' : 'reconnecting'
  }

  private async pause(stopping: AbortSignal): Promise<void> {
    // A stream that merely ended, as they do after half an hour, is opened again at once.
    if (this.state === 'live') this.setState(this.broken())
    const most = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** this.failures)
    await new Promise<void>((resolve) => {
      const takeBack =
        this.state === 'ended' ? () => undefined : this.clock.after(this.clock.random() * most, resolve)
      this.wake = () => {
        takeBack()
        resolve()
      }
      if (stopping.aborted) this.wake()
    })
  }

  private setState(state: FeedState): void {
    if (state === this.state) return
    this.state = state
    for (const listener of this.listeners) listener.state?.()
  }
}
