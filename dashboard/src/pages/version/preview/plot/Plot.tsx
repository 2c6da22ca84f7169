import { type PointerEvent, useMemo, useState } from 'react'
import { Button } from '@/ui/Button'
import { Axes } from './Axes'
import type { Figure, Trace } from './figure'
import {
  barsOf,
  cellsOf,
  dotsOf,
  HEIGHT,
  lineOf,
  nearest,
  type Point,
  pointsOf,
  SHADES,
  WIDTH,
} from './marks'
import { Numbers } from './Numbers'
import css from './plot.module.css'
import { extent, short } from './scale'

const COLOURS = 6

/** A figure as a chart: the pointer reads its points, the legend hides its traces, a table has its numbers. */
export function Plot({ figure }: { figure: Figure }) {
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set())
  const [under, setUnder] = useState('')
  const { traces, leftOut, title } = figure
  const points = useMemo(() => traces.map((trace) => pointsOf(trace, figure)), [traces, figure])
  const shown = [...traces.keys()].filter((at) => !hidden.has(at))
  function toggle(at: number) {
    const after = new Set(hidden)
    if (!after.delete(at)) after.add(at)
    setHidden(after)
  }
  function read(event: PointerEvent<SVGSVGElement>) {
    const toScreen = event.currentTarget.getScreenCTM()
    if (!toScreen) return
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(toScreen.inverse())
    setUnder(saidAt(traces, points, shown, place))
  }
  return (
    <figure className={css.plot}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Chart: ${title || 'Plot'}`}
        onPointerMove={read}
        onPointerLeave={() => setUnder('')}
      >
        <Axes figure={figure} />
        {shown.map((at) => (
          <Marks key={at} figure={figure} at={at} points={points[at] ?? []} />
        ))}
      </svg>
      <figcaption className={css.caption}>
        <Legend traces={traces} hidden={hidden} onToggle={toggle} />
        <p className={css.under}>{under || 'Point at the chart to read its numbers.'}</p>
        {leftOut > 0 && (
          <p className="quiet">{leftOut.toLocaleString()} points are not drawn: there are too many.</p>
        )}
      </figcaption>
      <Numbers traces={traces} />
    </figure>
  )
}

function Marks({ figure, at, points }: { figure: Figure; at: number; points: Point[] }) {
  const trace = figure.traces[at]
  if (!trace) return null
  const colour = at % COLOURS
  if (trace.mark === 'cells')
    return cellsOf(trace, points, figure).map((path, shade) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: shades have no other name.
      <path key={shade} d={path} className={css.cells} fillOpacity={(shade + 1) / SHADES} />
    ))
  if (trace.mark === 'bars') {
    const bars = figure.traces.filter(({ mark }) => mark === 'bars')
    const path = barsOf(points, figure, bars.indexOf(trace), bars.length)
    return <path d={path} className={css.bars} data-colour={colour} />
  }
  return (
    <g data-colour={colour}>
      {trace.mark !== 'dots' && <path d={lineOf(points)} className={css.line} />}
      {trace.mark !== 'line' && <path d={dotsOf(points)} className={css.dots} />}
    </g>
  )
}

type LegendProps = { traces: Trace[]; hidden: ReadonlySet<number>; onToggle: (at: number) => void }

function Legend({ traces, hidden, onToggle }: LegendProps) {
  const [first] = traces
  if (first?.mark === 'cells') {
    const [lowest, highest] = extent(first.zs)
    return <p>{`From ${short(lowest)}, the faintest, to ${short(highest)}`}</p>
  }
  if (traces.length < 2) return null
  return (
    <ul className={css.legend} aria-label="Traces">
      {traces.map(({ name }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two traces may have one name.
        <li key={at}>
          <Button size="small" aria-pressed={!hidden.has(at)} onClick={() => onToggle(at)}>
            <svg viewBox="0 0 10 10" className={css.sample} data-colour={at % COLOURS} aria-hidden="true">
              <rect width="10" height="10" rx="2" />
            </svg>
            {name}
          </Button>
        </li>
      ))}
    </ul>
  )
}

/** "train: 2, 0.5", of the point that is nearest. */
function saidAt(traces: Trace[], points: Point[][], shown: number[], place: Point): string {
  const found = shown.map((trace) => ({ trace, ...nearest(points[trace] ?? [], place) }))
  const best = found.filter(({ at }) => at >= 0).sort((one, other) => one.far - other.far)[0]
  const trace = best && traces[best.trace]
  if (!trace) return ''
  const values = [trace.xs[best.at], trace.ys[best.at], trace.zs[best.at]]
  return `${trace.name}: ${values.filter((value) => value !== undefined).join(', ')}`
}
