// One cell and what ends it; quotes inside of quotes are doubled (RFC 4180).
const CELL = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n|\n|\r|$)/y

/** The rows of comma-separated values, each of its cells. */
export function rowsOf(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let at = 0
  while (at < text.length) {
    CELL.lastIndex = at
    const found = CELL.exec(text)
    if (!found) break
    const [whole, quoted, plain, end] = found
    at += whole.length
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === ',') continue
    rows.push(row)
    row = []
  }
  return row.length > 0 ? [...rows, [...row, '']] : rows
}
