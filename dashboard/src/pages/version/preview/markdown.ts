// The markdown that reports are written in, as values: what is drawn of them can be no markup.
//
// Headings, paragraphs, lists, quotes, code, tables and lines; HTML in it stays text.

export type Inline =
  | { type: 'text' | 'code'; text: string }
  | { type: 'strong' | 'em' | 'del'; inside: Inline[] }
  | { type: 'link'; href: string; inside: Inline[] }

export type Block =
  | { type: 'heading'; level: number; inside: Inline[] }
  | { type: 'paragraph'; inside: Inline[] }
  | { type: 'code'; text: string }
  | { type: 'quote'; blocks: Block[] }
  | { type: 'list'; isOrdered: boolean; items: Block[][] }
  | { type: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { type: 'line' }

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/
const FENCE = /^\s*(```+|~~~+)/
const LINE = /^\s*([-*_])(\s*\1){2,}\s*$/
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/
const QUOTE = /^\s*>\s?/
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/
// What ends a paragraph without an empty line before it.
const BEGINNINGS = [HEADING, FENCE, LINE, QUOTE, /^\s*([-*+]|1[.)])\s+\S/]
// Lists in lists in lists: no deeper, whatever somebody writes.
const DEEPEST = 8

export function blocksOf(text: string, depth = 0): Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const blocks: Block[] = []
  let at = 0
  while (at < lines.length) {
    if ((lines[at] as string).trim() === '') {
      at += 1
      continue
    }
    const [block, next] = blockAt(lines, at, depth)
    blocks.push(block)
    at = next
  }
  return blocks
}

/** The block that begins at a line, and the line after it. */
function blockAt(lines: string[], at: number, depth: number): [Block, number] {
  const line = lines[at] as string
  const heading = HEADING.exec(line)
  if (heading)
    return [{ type: 'heading', level: heading[1]?.length ?? 1, inside: inlinesOf(heading[2] ?? '') }, at + 1]
  if (FENCE.test(line)) return codeAt(lines, at)
  if (LINE.test(line)) return [{ type: 'line' }, at + 1]
  if (depth < DEEPEST && QUOTE.test(line)) return quoteAt(lines, at, depth)
  if (depth < DEEPEST && ITEM.test(line)) return listAt(lines, at, depth)
  if (line.includes('|') && DIVIDER.test(lines[at + 1] ?? '')) return tableAt(lines, at)
  return paragraphAt(lines, at)
}

function codeAt(lines: string[], at: number): [Block, number] {
  const fence = FENCE.exec(lines[at] as string)?.[1] ?? '```'
  const end = lines.findIndex((line, index) => index > at && line.trim().startsWith(fence))
  const last = end < 0 ? lines.length : end
  return [{ type: 'code', text: lines.slice(at + 1, last).join('\n') }, last + 1]
}

function quoteAt(lines: string[], at: number, depth: number): [Block, number] {
  const end = firstAfter(lines, at, (line) => !QUOTE.test(line))
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ''))
  return [{ type: 'quote', blocks: blocksOf(inside.join('\n'), depth + 1) }, end]
}

function listAt(lines: string[], at: number, depth: number): [Block, number] {
  const [, indent = '', mark = ''] = ITEM.exec(lines[at] as string) ?? []
  const isOrdered = /\d/.test(mark)
  const items: string[][] = []
  let end = at
  for (; end < lines.length; end += 1) {
    const line = lines[end] as string
    const found = ITEM.exec(line)
    const isDeeper = line.startsWith(`${indent} `)
    if (found && !isDeeper && /\d/.test(found[2] ?? '') === isOrdered) items.push([found[3] ?? ''])
    else if (isDeeper || (line.trim() !== '' && !found && !isBlank(lines[end - 1])))
      items.at(-1)?.push(outdented(line, indent))
    else if (line.trim() !== '' || !goesOn(lines[end + 1], indent)) break
    else items.at(-1)?.push('')
  }
  return [{ type: 'list', isOrdered, items: items.map((item) => blocksOf(item.join('\n'), depth + 1)) }, end]
}

function isBlank(line: string | undefined): boolean {
  return line?.trim() === ''
}

/** Whether a list goes on after an empty line. */
function goesOn(line: string | undefined, indent: string): boolean {
  return line !== undefined && (line.startsWith(`${indent} `) || ITEM.exec(line)?.[1] === indent)
}

/** A line of an item without the item's own indentation: four columns at most. */
function outdented(line: string, indent: string): string {
  return line.slice(indent.length).replace(/^ {1,4}/, '')
}

function tableAt(lines: string[], at: number): [Block, number] {
  const end = firstAfter(lines, at + 1, (line) => !line.includes('|'))
  const rows = lines.slice(at + 2, end).map(cellsOf)
  return [{ type: 'table', head: cellsOf(lines[at] as string), rows }, end]
}

function cellsOf(line: string): Inline[][] {
  const inside = line.trim().replace(/^\||\|$/g, '')
  return inside.split(/(?<!\\)\|/).map((cell) => inlinesOf(cell.trim().replaceAll('\\|', '|')))
}

function paragraphAt(lines: string[], at: number): [Block, number] {
  const end = firstAfter(
    lines,
    at,
    (line) => line.trim() === '' || BEGINNINGS.some((each) => each.test(line)),
  )
  return [{ type: 'paragraph', inside: inlinesOf(lines.slice(at, end).join('\n').trim()) }, end]
}

function firstAfter(lines: string[], at: number, isOver: (line: string) => boolean): number {
  const end = lines.findIndex((line, index) => index > at && isOver(line))
  return end < 0 ? lines.length : end
}

const INLINE =
  /`([^`\n]+)`|!?\[([^[\]\n]*)\]\(([^()\s]+)[^()\n]*\)|\*\*([^*\n]+)\*\*|__([^_\n]+)__|~~([^~\n]+)~~|\*([^*\s][^*\n]*)\*|(?<!\w)_([^_\s][^_\n]*)_(?!\w)/g

export function inlinesOf(text: string): Inline[] {
  const found: Inline[] = []
  let end = 0
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) found.push({ type: 'text', text: text.slice(end, match.index) })
    found.push(inlineOf(match))
    end = match.index + match[0].length
  }
  if (end < text.length) found.push({ type: 'text', text: text.slice(end) })
  return found
}

function inlineOf([whole, code, words, address, strong, strongToo, del, em, emToo]: string[]): Inline {
  if (code !== undefined) return { type: 'code', text: code }
  if (words !== undefined && address !== undefined) {
    const href = hrefOf(address)
    return href
      ? { type: 'link', href, inside: inlinesOf(words || href) }
      : { type: 'text', text: whole ?? '' }
  }
  const inside = inlinesOf(strong ?? strongToo ?? del ?? em ?? emToo ?? '')
  if (del !== undefined) return { type: 'del', inside }
  return { type: (strong ?? strongToo) === undefined ? 'em' : 'strong', inside }
}

/** Where a link may lead: to a page, and to nothing that a browser would run. */
function hrefOf(address: string): string {
  return /^https?:\/\//i.test(address) ? address : ''
}
