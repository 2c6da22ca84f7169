import type { CSSProperties } from 'react'
import { lookOf, shortState } from '@/ui/states'
import { duration } from '@/ui/times'
import { useAttempts } from '../useAttempts'
import css from './timeline.module.css'
import type { Bar, Span } from './timelineOf'
import { wordsOf } from './words'

type Piece = { id: string; kind: 'queued' | 'ran' | 'moment'; state: string; from: number; until: number }

/** A step over time: how long it waited to start, and each of its attempts. */
export function TimelineBar({ bar, span, now }: { bar: Bar; span: Span; now: number }) {
  const isRetried = bar.step.attemptCount > 1
  const attempts = useAttempts(bar.step, isRetried)
  const ran = (isRetried && attempts.data?.map((each) => attemptPiece(each, bar, now))) || ranPieces(bar)
  const shown = [...queuedPieces(bar, now), ...ran].filter(
    ({ from, until }) => until >= span.from && from <= span.until,
  )
  return (
    <span className={css.lane} data-critical={bar.isCritical || undefined}>
      <span className="unseen">{wordsOf(bar)}</span>
      {shown.map((piece) => (
        <span
          key={piece.id}
          className={css.piece}
          data-kind={piece.kind}
          data-tone={lookOf(piece.state).tone}
          style={placeIn(span, piece)}
        />
      ))}
      {bar.isLive && bar.start !== undefined && (
        <span aria-hidden="true" className={css.live}>
          {shortState(bar.step.state) === 'RUNNING' ? 'running' : lookOf(bar.step.state).word.toLowerCase()}{' '}
          {duration(now - bar.start)}
        </span>
      )}
    </span>
  )
}

function queuedPieces({ ready, start, end, isLive, step }: Bar, now: number): Piece[] {
  const until = start ?? end ?? (isLive ? now : undefined)
  if (ready === undefined || until === undefined || until <= ready) return []
  return [{ id: 'queued', kind: 'queued', state: step.state, from: ready, until }]
}

function ranPieces({ start, end, step }: Bar): Piece[] {
  if (end === undefined) return []
  const kind = start === undefined ? 'moment' : 'ran'
  return [{ id: 'ran', kind, state: step.state, from: start ?? end, until: end }]
}

type Attempt = { name: string; state: string; startTime?: string; endTime?: string }

function attemptPiece({ name, state, startTime, endTime }: Attempt, bar: Bar, now: number): Piece {
  const from = startTime ? Date.parse(startTime) : (bar.start ?? now)
  const until = endTime ? Date.parse(endTime) : bar.isLive ? now : (bar.end ?? from)
  return { id: name, kind: 'ran', state, from, until }
}

function placeIn({ from, until }: Span, piece: Piece): CSSProperties {
  const percent = (time: number) => Math.min(100, Math.max(0, ((time - from) / (until - from)) * 100))
  const left = percent(piece.from)
  return { left: `${left}%`, width: `${percent(piece.until) - left}%` }
}
