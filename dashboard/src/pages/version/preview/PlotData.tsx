import type { Json, JsonValue } from '@contract/method'
import { useMemo } from 'react'
import { JsonText, JsonTree, parsed } from './JsonTree'
import css from './preview.module.css'

/** What a plot shows, as plotly's JSON: its traces, and all of it as a tree. Other documents are a tree alone. */
export function PlotData({ text }: { text: string }) {
  const plot = useMemo(() => parsed(text), [text])
  if (!isFields(plot) || !Array.isArray(plot.data) || !isFields(plot.layout)) return <JsonText text={text} />
  return (
    <div className={css.paper} tabIndex={0} role="group" aria-label="Plot">
      <h2 className={css.plotTitle}>{titleOf(plot.layout)}</h2>
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

function titleOf(layout: JsonValue | undefined): string {
  const title = isFields(layout) ? layout.title : undefined
  return textOf(isFields(title) ? title.text : title) || 'Plot'
}

function pointsOf(trace: Json): string {
  const values = [trace.y, trace.x, trace.values, trace.z].find(Array.isArray)
  return values ? values.length.toLocaleString() : ''
}
