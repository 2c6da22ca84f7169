// The numbers of runs as axes side by side, each run a line across them.
import type { Section } from '../facts'
import { numberOf, type Row } from '../rows'

/** A number that tells runs apart; `places` are from 0, the lowest, to 1, with none where a run has no such number. */
export type Axis = {
  section: Section
  name: string
  lowest: number
  highest: number
  isLog: boolean
  values: (number | undefined)[]
  places: (number | undefined)[]
}

// Beyond this ratio a linear axis shows its largest values alone.
const LOG_FROM = 1000
const SHOWN: readonly Section[] = ['Parameters', 'Metrics']

/** Parameters and metrics that are not the same number everywhere. */
export function axesOf(rows: readonly Row[]): Axis[] {
  return rows.flatMap((row) => {
    if (!SHOWN.includes(row.section)) return []
    const values = row.cells.map(numberOf)
    const known = values.filter((value) => value !== undefined)
    const [lowest, highest] = [Math.min(...known), Math.max(...known)]
    if (known.length < 2 || lowest === highest) return []
    const isLog = lowest > 0 && highest / lowest >= LOG_FROM
    const scale = isLog ? Math.log : (value: number) => value
    const length = scale(highest) - scale(lowest)
    const placeOf = (value: number | undefined) =>
      value === undefined ? undefined : (scale(value) - scale(lowest)) / length
    const { section, name } = row
    return [{ section, name, lowest, highest, isLog, values, places: values.map(placeOf) }]
  })
}

/** An SVG path through the points of a line; broken where a point is missing, a dot where it stands alone. */
export function pathOf(points: readonly ([x: number, y: number] | undefined)[]): string {
  return points
    .map((point, at) => {
      if (!point) return ''
      const place = point.map((each) => each.toFixed(1)).join(' ')
      if (points[at - 1]) return `L${place}`
      return points[at + 1] ? `M${place}` : `M${place}h0.01`
    })
    .join('')
}
