import { useState } from 'react'
import { Button } from '@/ui/Button'
import type { Trace } from './figure'
import css from './plot.module.css'

const AT_ONCE = 100

/** The numbers of a chart as a table, a hundred at first. */
export function Numbers({ traces }: { traces: Trace[] }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details className={css.numbers} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The numbers as a table</summary>
      {isOpen && <Rows traces={traces} />}
    </details>
  )
}

function Rows({ traces }: { traces: Trace[] }) {
  const [count, setCount] = useState(AT_ONCE)
  const total = traces.reduce((sum, { xs }) => sum + xs.length, 0)
  const hasZ = traces.some(({ zs }) => zs.length > 0)
  return (
    <>
      <table>
        <thead>
          <tr>
            <th scope="col">Trace</th>
            <th scope="col">x</th>
            <th scope="col">y</th>
            {hasZ && <th scope="col">z</th>}
          </tr>
        </thead>
        <tbody>
          {firstOf(traces, count).map(({ trace, at }) => (
            <tr key={`${traces.indexOf(trace)} ${at}`}>
              <td>{trace.name}</td>
              <td>{String(trace.xs[at])}</td>
              <td>{String(trace.ys[at])}</td>
              {hasZ && <td>{String(trace.zs[at])}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {total > count && (
        <Button size="small" onClick={() => setCount(count + AT_ONCE)}>
          {(total - count).toLocaleString()} more
        </Button>
      )}
    </>
  )
}

function firstOf(traces: Trace[], count: number): { trace: Trace; at: number }[] {
  const rows: { trace: Trace; at: number }[] = []
  for (const trace of traces)
    for (let at = 0; at < trace.xs.length && rows.length < count; at += 1) rows.push({ trace, at })
  return rows
}
