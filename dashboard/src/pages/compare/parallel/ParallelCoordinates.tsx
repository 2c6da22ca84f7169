import type { Run } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { type KeyboardEvent, useId, useState } from 'react'
import { inDigits } from '../../models/metrics'
import css from '../compare.module.css'
import { type Axis, pathOf } from './axes'

const route = getRouteApi('/w/$workspace/p/$project/compare')

// In pixels: between axes, beside the outer ones, and from the top to where they begin and end.
const GAP = 170
const ASIDE = 80
const TOP = 48
const BOTTOM = 328
const HEIGHT = 360
const LONGEST_NAME = 22

type Props = { axes: Axis[]; runs: (Run | undefined)[]; ids: string[]; baseline: number }

/** Each run as a line across its numbers. Keys: up and down go through the runs, Enter opens one. */
export function ParallelCoordinates({ axes, runs, ids, baseline }: Props) {
  const [chosen, setChosen] = useState(-1)
  const navigate = route.useNavigate()
  const hint = useId()
  const at = runs[chosen] ? chosen : -1
  const open = (run: string) =>
    void navigate({
      to: '/w/$workspace/p/$project/runs/$run',
      params: (now) => ({ ...now, run }),
      search: {},
    })

  function onKey(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
    if (step) setChosen(next(runs, at, step))
    else if (event.key === 'Enter' && at >= 0) open(ids[at] ?? '')
    else return
    event.preventDefault()
  }

  return (
    <div className={css.parallel}>
      <p id={hint} className="quiet">
        Each line is a run, the dashed one the baseline. Arrow keys go from run to run, Enter opens one. The
        table has the same numbers.
      </p>
      <p role="status" className={css.said}>
        {at < 0 ? 'No run is chosen.' : said(ids[at] ?? '', axes, at)}
      </p>
      <div
        role="group"
        aria-label="Parallel coordinates"
        aria-describedby={hint}
        tabIndex={0}
        className={css.plot}
        onKeyDown={onKey}
      >
        <svg width={2 * ASIDE + (axes.length - 1) * GAP} height={HEIGHT} aria-hidden="true">
          {axes.map((axis, place) => (
            <AxisLine key={`${axis.section} ${axis.name}`} axis={axis} x={xOf(place)} />
          ))}
          {runs.map((run, line) => {
            if (!run) return null
            const path = pathOf(axes.map(({ places }, place) => pointOf(place, places[line])))
            const classes = [css.line, line === baseline && css.baseline, line === at && css.chosen].filter(
              Boolean,
            )
            return (
              <g key={run.name}>
                <path d={path} className={classes.join(' ')} />
                {/* biome-ignore lint/a11y/noStaticElementInteractions: the group around takes the same by keys. */}
                <path
                  d={path}
                  className={css.grip}
                  data-run={ids[line]}
                  onPointerEnter={() => setChosen(line)}
                  onClick={() => open(ids[line] ?? '')}
                />
              </g>
            )
          })}
        </svg>
      </div>
    </div>
  )
}

function AxisLine({ axis, x }: { axis: Axis; x: number }) {
  return (
    <g className={css.axis}>
      <title>{`${axis.name} (${axis.section.toLowerCase()})`}</title>
      <text x={x} y={14} className={css.axisName}>
        {axis.name.length > LONGEST_NAME ? `${axis.name.slice(0, LONGEST_NAME - 1)}…` : axis.name}
      </text>
      <text x={x} y={TOP - 10}>
        {inDigits(axis.highest)}
        {axis.isLog && ' (log)'}
      </text>
      <line x1={x} x2={x} y1={TOP} y2={BOTTOM} />
      <text x={x} y={BOTTOM + 20}>
        {inDigits(axis.lowest)}
      </text>
    </g>
  )
}

function xOf(place: number): number {
  return ASIDE + place * GAP
}

function pointOf(place: number, value: number | undefined): [number, number] | undefined {
  return value === undefined ? undefined : [xOf(place), BOTTOM - value * (BOTTOM - TOP)]
}

/** The next run that is there, around the ends. */
function next(runs: readonly unknown[], at: number, step: number): number {
  const from = at < 0 && step < 0 ? 0 : at
  const places = runs.map((_, far) => (from + step * (far + 1) + 2 * runs.length) % runs.length)
  return places.find((place) => runs[place]) ?? -1
}

function said(id: string, axes: Axis[], at: number): string {
  const numbers = axes.map(({ name, values }) => `${name} ${inDigits(values[at]) || 'none'}`)
  return `${id}: ${numbers.join(', ')}`
}
