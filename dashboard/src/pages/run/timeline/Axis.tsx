import { type PointerEvent, useState } from 'react'
import { duration } from '@/ui/times'
import { ticksOf } from './span'
import css from './timeline.module.css'
import type { Span } from './timelineOf'

// What is shorter was a click.
const SHORTEST_DRAG = 0.01

type Props = { span: Span; origin: number; onSelect: (span: Span) => void }

/** The times above the bars, from the beginning of the run; dragging over them shows that part. */
export function Axis({ span, origin, onSelect }: Props) {
  const [drag, setDrag] = useState<[from: number, to: number]>()
  const length = span.until - span.from

  function end() {
    setDrag(undefined)
    if (!drag || Math.abs(drag[1] - drag[0]) < SHORTEST_DRAG) return
    const [from, until] = drag.toSorted((a, b) => a - b) as [number, number]
    onSelect({ from: span.from + from * length, until: span.from + until * length })
  }

  return (
    <div
      className={css.axis}
      data-axis=""
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        setDrag([placeOf(event), placeOf(event)])
      }}
      onPointerMove={(event) => drag && setDrag([drag[0], placeOf(event)])}
      onPointerUp={end}
      onPointerCancel={() => setDrag(undefined)}
    >
      <span className="unseen">Time from the beginning of the run</span>
      {ticksOf(span, origin).map((tick) => (
        <span
          key={tick}
          aria-hidden="true"
          className={css.tick}
          style={{ left: `${((tick - span.from) / length) * 100}%` }}
        >
          {tick === origin ? '0' : duration(tick - origin)}
        </span>
      ))}
      {drag && (
        <span
          className={css.brush}
          style={{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }}
        />
      )}
    </div>
  )
}

function placeOf(event: PointerEvent): number {
  const { left, width } = event.currentTarget.getBoundingClientRect()
  return Math.min(1, Math.max(0, (event.clientX - left) / width))
}
