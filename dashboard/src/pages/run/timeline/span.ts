// The part of a time line that is in sight: zoomed, moved, written into an address.
import type { Span } from './timelineOf'

const SHORTEST_MS = 200
const TICKS = 5
const STEPS_MS = [
  ...[50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600_000),
]
const DAY_MS = 86_400_000

export const lengthOf = ({ from, until }: Span) => until - from

/** `factor` below 1 shows less; what lies at `place`, from 0 to 1, stays there. */
export function zoomed(span: Span, whole: Span, factor: number, place = 0.5): Span {
  const length = Math.min(lengthOf(whole), Math.max(SHORTEST_MS, lengthOf(span) * factor))
  const from = span.from + (lengthOf(span) - length) * place
  return within({ from, until: from + length }, whole)
}

/** Moved by a part of what is in sight; never beyond the whole. */
export function moved(span: Span, whole: Span, part: number): Span {
  const by = lengthOf(span) * part
  return within({ from: span.from + by, until: span.until + by }, whole)
}

/** As long as it was, unless the whole is shorter; and inside of it. */
export function within(span: Span, whole: Span): Span {
  const length = Math.min(lengthOf(span), lengthOf(whole))
  const from = Math.min(Math.max(span.from, whole.from), whole.until - length)
  return { from, until: from + length }
}

/** Moments to write on the axis: round ones, counted from the beginning of the whole. */
export function ticksOf(span: Span, origin: number): number[] {
  const wanted = lengthOf(span) / TICKS
  const step = STEPS_MS.find((each) => each >= wanted) ?? Math.ceil(wanted / DAY_MS) * DAY_MS
  const first = Math.ceil((span.from - origin) / step)
  const count = Math.floor((span.until - origin) / step) - first + 1
  return Array.from({ length: Math.max(0, count) }, (_, at) => origin + (first + at) * step)
}

/** "1763870001200-1763870004500", as addresses have it: moments that mean the same in every view. */
export function spanText({ from, until }: Span): string {
  return `${Math.round(from)}-${Math.round(until)}`
}

export function spanOf(text: string | undefined): Span | undefined {
  const [, from, until] = /^(\d{1,13})-(\d{1,13})$/.exec(text ?? '') ?? []
  if (!from || !until || Number(until) - Number(from) < SHORTEST_MS) return undefined
  return { from: Number(from), until: Number(until) }
}
