// Facts of several runs, side by side.
import { shortState } from '@/ui/states'
import { type Cell, type Facts, SECTIONS, type Section } from './facts'

/** A fact, with a cell for each run; a run that lacks it, or is not known, has none. */
export type Row = { section: Section; name: string; cells: (Cell | undefined)[]; isSame: boolean }

/** How a cell stands to that of the baseline. */
export type Mark = 'same' | 'differs' | 'more' | 'less'

/** Every fact of any run, in the order in which they come; runs that are not known (undefined) speak for no difference. */
export function rowsOf(columns: readonly (Facts | undefined)[]): Row[] {
  return SECTIONS.flatMap((section) => {
    const names = new Set(columns.flatMap((facts) => [...(facts?.get(section)?.keys() ?? [])]))
    return [...names].map((name) => {
      const cells = columns.map((facts) => facts?.get(section)?.get(name))
      const known = cells.filter((_, at) => columns[at])
      return { section, name, cells, isSame: new Set(known.map(identityOf)).size < 2 }
    })
  })
}

export function markOf(cell: Cell | undefined, baseline: Cell | undefined): Mark {
  if (identityOf(cell) === identityOf(baseline)) return 'same'
  const [mine, theirs] = [numberOf(cell), numberOf(baseline)]
  if (mine === undefined || theirs === undefined) return 'differs'
  return mine > theirs ? 'more' : 'less'
}

/** The number that a cell is: a value, or how many milliseconds a run took. */
export function numberOf(cell: Cell | undefined): number | undefined {
  if (cell?.kind === 'value') return typeof cell.value === 'number' ? cell.value : undefined
  if (cell?.kind !== 'took' || !cell.start || !cell.end) return undefined
  return Date.parse(cell.end) - Date.parse(cell.start)
}

/** Equal for cells that say the same: versions with the same bytes do. */
function identityOf(cell: Cell | undefined): string {
  if (!cell) return ''
  if (cell.kind === 'version') return cell.hash || cell.name
  if (cell.kind === 'state') return shortState(cell.state)
  if (cell.kind === 'took') return String(numberOf(cell) ?? cell.start)
  return JSON.stringify(cell.value, sorted)
}

/** Objects say the same in whichever order they name their fields. */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
}
