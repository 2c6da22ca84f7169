// Lines as programs write them for terminals: colours become names of classes, all else is dropped.
// The text stays text; nothing in it is ever taken for markup.

export type Piece = { text: string; styles: string[] }

// Any escape sequence; the first group holds the codes of those that set colours.
const ESCAPE = '\u001b'
const SEQUENCE = new RegExp(
  `${ESCAPE}(?:\\[([\\d;]*)m|\\[[\\d;?]*[ -/]*[@-~]|\\][^\u0007${ESCAPE}]*(?:\u0007|${ESCAPE}\\\\)?|[@-Z\\\\-_])`,
  'g',
)
const CONTROLS = /(?![\t\n])\p{Cc}/gu
const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

type Look = { colour: string; isBold: boolean; isFaint: boolean; isUnderlined: boolean }
const PLAIN: Look = { colour: '', isBold: false, isFaint: false, isUnderlined: false }

/** The line in pieces of one look each. */
export function piecesOf(line: string): Piece[] {
  const pieces: Piece[] = []
  let look = PLAIN
  let from = 0
  const take = (to: number) => {
    const text = visible(line.slice(from, to))
    if (text) pieces.push({ text, styles: stylesOf(look) })
  }
  for (const match of line.matchAll(SEQUENCE)) {
    take(match.index)
    from = match.index + match[0].length
    if (match[1] !== undefined) look = changed(look, match[1])
  }
  take(line.length)
  return pieces
}

/** What stands after the last return to the line's beginning, as progress bars have it. */
function visible(text: string): string {
  const shown = text.replace(/\r+$/, '')
  return shown.slice(shown.lastIndexOf('\r') + 1).replace(CONTROLS, '')
}

function changed(look: Look, codes: string): Look {
  const numbers = codes.split(';').map(Number)
  let after = look
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at] ?? 0
    // Colours out of a table, or by parts: 38;5;n and 38;2;r;g;b.
    if (code === 38 || code === 48) at += numbers[at + 1] === 5 ? 2 : 4
    else after = withCode(after, code)
  }
  return after
}

function withCode(look: Look, code: number): Look {
  if (code === 0) return PLAIN
  if (code === 1) return { ...look, isBold: true }
  if (code === 2) return { ...look, isFaint: true }
  if (code === 4) return { ...look, isUnderlined: true }
  if (code === 22) return { ...look, isBold: false, isFaint: false }
  if (code === 24) return { ...look, isUnderlined: false }
  if (code === 39) return { ...look, colour: '' }
  const colour = COLOURS[code >= 90 ? code - 90 : code - 30]
  return colour ? { ...look, colour } : look
}

function stylesOf({ colour, isBold, isFaint, isUnderlined }: Look): string[] {
  return [colour, isBold && 'bold', isFaint && 'faint', isUnderlined && 'underlined'].filter(
    (each) => !!each,
  ) as string[]
}
