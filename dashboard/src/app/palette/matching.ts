/** One thing that the palette leads to, or does. */
export type Entry = { id: string; kind: string; label: string; act: () => void }

/** Entries that hold every word that was written; those whose label begins with it come first. */
export function matching(entries: Entry[], written: string): Entry[] {
  const text = written.trim().toLowerCase()
  const words = text.split(/\s+/)
  const found = entries.filter(({ kind, label }) => {
    const all = `${kind} ${label}`.toLowerCase()
    return words.every((word) => all.includes(word))
  })
  const isFirst = ({ label }: Entry) => (label.toLowerCase().startsWith(text) ? 0 : 1)
  return found.toSorted((a, b) => isFirst(a) - isFirst(b))
}
