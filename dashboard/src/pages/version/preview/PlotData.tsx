import type { Json, JsonValue } from '@contract/method'
import { useMemo } from 'react'
import { JsonText, JsonTree, parsed } from './JsonTree'
import { arrayOf } from './plot/arrays'
import { figureOf, titleOf } from './plot/figure'
import { Plot } from './plot/Plot'
import css from './preview.module.css'

/** A plot, as plotly's JSON: drawn where it is of a common kind, its traces, and all of it as a tree. Other documents are a tree alone. */
export function PlotData({ text }: { text: string }) {
  const plot = useMemo(() => parsed(text), [text])
  const figure = useMemo(() => (isPlot(plot) ? figureOf(plot.data, plot.layout) : undefined), [plot])
  if (!isPlot(plot)) return <JsonText text={text} />
  return (
    <div className={css.paper} tabIndex={0} role="group" aria-label="Plot">
      <h2 className={css.plotTitle}>{titleOf(plot.layout) || 'Plot'}</h2>
      {figure ? (
        <Plot figure={figure} />
      ) : (
        <p className={css.undrawn}>Charts of this kind are not drawn here: these are its data.</p>
      )}
      <div className={css.markdown}>
        <table>
          <thead>
            <tr>
              <th scope="col">Trace</th>
              <th scope="col">Type</th>
              <th scope="col">Points</th>
            </tr>
          </thead>
          <tbody>
            {plot.data.filter(isFields).map((trace, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: traces have no other name.
              <tr key={at}>
                <td>{textOf(trace.name) || at + 1}</td>
                <td>{textOf(trace.type) || 'scatter'}</td>
                <td className="numbers">{pointsOf(trace)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <JsonTree value={plot} />
    </div>
  )
}

function isFields(value: JsonValue | undefined): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function isPlot(value: JsonValue | undefined): value is { data: JsonValue[]; layout: Json } {
  return isFields(value) && Array.isArray(value.data) && isFields(value.layout)
}

function pointsOf(trace: Json): string {
  const values = [trace.y, trace.x, trace.values, trace.z].map(arrayOf).find(Boolean)
  return values ? values.length.toLocaleString() : ''
}
